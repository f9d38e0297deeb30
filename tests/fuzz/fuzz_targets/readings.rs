//! Any bytes as [`hostile::readings`](gridpact_tests::hostile::readings) takes them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gridpact_tests::hostile::readings(bytes);
});
