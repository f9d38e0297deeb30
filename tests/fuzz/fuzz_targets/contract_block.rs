//! Any bytes as [`hostile::contract_block`](gridpact_tests::hostile::contract_block) takes them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gridpact_tests::hostile::contract_block(bytes);
});
