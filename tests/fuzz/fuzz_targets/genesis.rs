//! Any bytes as [`hostile::genesis`](gridpact_tests::hostile::genesis) takes them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gridpact_tests::hostile::genesis(bytes);
});
