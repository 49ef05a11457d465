//! Fuzzes [`phi_tests::inputs::gguf`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| phi_tests::inputs::gguf(bytes));
