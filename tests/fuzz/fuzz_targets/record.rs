//! Any bytes as [`hostile::record`](gridpact_tests::hostile::record) takes them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gridpact_tests::hostile::record(bytes);
});
