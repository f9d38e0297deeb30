//! Any bytes as [`hostile::inclusion`](gridpact_tests::hostile::inclusion) takes them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gridpact_tests::hostile::inclusion(bytes);
});
