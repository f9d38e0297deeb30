//! Any bytes as [`hostile::pair`](gridpact_tests::hostile::pair) takes them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gridpact_tests::hostile::pair(bytes);
});
