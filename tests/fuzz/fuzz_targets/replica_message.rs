//! Any bytes as [`hostile::replica_message`](gridpact_tests::hostile::replica_message) takes them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gridpact_tests::hostile::replica_message(bytes);
});
