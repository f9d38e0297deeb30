//! Any bytes as [`hostile::payloads`](gridpact_tests::hostile::payloads) takes them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gridpact_tests::hostile::payloads(bytes);
});
