//! Any bytes as [`hostile::proof`](gridpact_tests::hostile::proof) takes them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gridpact_tests::hostile::proof(bytes);
});
