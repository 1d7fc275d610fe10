#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pool_laws::watchdog_settings(bytes));
