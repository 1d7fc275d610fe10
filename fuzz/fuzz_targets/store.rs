#![no_main]

libfuzzer_sys::fuzz_target!(|history: pool_laws::History| pool_laws::store(&history));
