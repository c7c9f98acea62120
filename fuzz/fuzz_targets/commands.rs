#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| yarr_fuzz::commands::run(data));
