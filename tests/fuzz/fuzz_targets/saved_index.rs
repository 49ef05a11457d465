//! Fuzzes [`phi_tests::inputs::saved_index`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| phi_tests::inputs::saved_index(bytes));
