//! cargo-fuzz: the Maven plugin.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    weir_fuzz::maven(input);
});
