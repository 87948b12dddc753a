//! The inputs that are kept, replayed.

use std::fs;
use std::path::Path;

use flashflood_fuzz::TARGETS;

/// Checks the inputs in a folder's folder for each decoder, and gives how many there were.
fn replay(folder: &str) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut count = 0;
    for (name, check) in TARGETS {
        let entries = fs::read_dir(folder.join(name)).unwrap_or_else(|error| panic!("no inputs for {name}: {error}"));
        for entry in entries {
            let path = entry.expect("a readable folder").path();
            println!("{}", path.display());
            check(&fs::read(&path).expect("a readable file"));
            count += 1;
        }
    }
    count
}

#[test]
fn every_input_that_is_kept_is_decoded_as_the_naive_ways_do() {
    assert!(replay("corpus") > TARGETS.len());
}

#[test]
fn every_decoder_is_fuzzed() {
    for (name, _) in TARGETS {
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz_targets/{name}.rs")).is_file(), "{name}");
    }
}
