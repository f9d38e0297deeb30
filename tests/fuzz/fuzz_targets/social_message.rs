//! Any bytes as [`hostile::social_message`](gridpact_tests::hostile::social_message) takes them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    gridpact_tests::hostile::social_message(bytes);
});
