//! Any bytes as [`hostile::batch`](gridpact_tests::hostile::batch) takes them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gridpact_tests::hostile::batch(bytes);
});
