//! Any bytes as [`hostile::journal`](gridpact_tests::hostile::journal) takes them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gridpact_tests::hostile::journal(bytes);
});
