//! Any bytes as [`hostile::frame`](gridpact_tests::hostile::frame) takes them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gridpact_tests::hostile::frame(bytes);
});
