//! Fuzzes [`phi_tests::inputs::adapter`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| phi_tests::inputs::adapter(bytes));
