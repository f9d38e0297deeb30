//! Any bytes as [`hostile::log`](gridpact_tests::hostile::log) takes them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gridpact_tests::hostile::log(bytes);
});
