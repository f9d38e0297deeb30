//! Any bytes as [`hostile::contract`](gridpact_tests::hostile::contract) takes them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gridpact_tests::hostile::contract(bytes);
});
