//! Any bytes as [`hostile::ledger_block`](gridpact_tests::hostile::ledger_block) takes them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gridpact_tests::hostile::ledger_block(bytes);
});
