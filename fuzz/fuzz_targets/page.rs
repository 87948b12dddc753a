//! Fuzzes `flashflood_fuzz::page`; without `--cfg fuzzing`, checks the files that it is given.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| flashflood_fuzz::page::check(data));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    flashflood_fuzz::check_files(flashflood_fuzz::page::check)
}
