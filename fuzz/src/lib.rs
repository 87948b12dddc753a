//! What the fuzzers check. Each module compares one decoder of the core with another way to the same result, and panics
//! where they differ. `make fuzz` runs them under libFuzzer; `cargo test` in here replays the inputs that are kept.

pub mod batch;
mod choices;
pub mod combination;
pub mod expression;
mod journals;
pub mod json;
pub mod manifest;
pub mod merge;
pub mod names;
pub mod page;
pub mod timestamps;
mod trees;
mod windows;

/// Checks one input, and panics where something is wrong.
pub type Check = fn(&[u8]);

/// What can be fuzzed, by name.
pub const TARGETS: [(&str, Check); 9] = [
    ("batch", batch::check),
    ("combination", combination::check),
    ("expression", expression::check),
    ("json", json::check),
    ("manifest", manifest::check),
    ("merge", merge::check),
    ("names", names::check),
    ("page", page::check),
    ("timestamps", timestamps::check),
];

/// Checks each of the files that the command line names.
pub fn check_files(check: Check) -> std::io::Result<()> {
    std::env::args().skip(1).try_for_each(|path| std::fs::read(path).map(|input| check(&input)))
}
