//! Any bytes as [`hostile::votes`](gridpact_tests::hostile::votes) takes them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gridpact_tests::hostile::votes(bytes);
});
