//! Fuzzes [`phi_tests::inputs::changes`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| phi_tests::inputs::changes(bytes));
