//! Fuzzes [`phi_tests::inputs::tokenizer_json`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| phi_tests::inputs::tokenizer_json(bytes));
