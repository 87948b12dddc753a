//! Which names were met before.

use std::collections::HashSet;
use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;

/// Names that were met, kept as fingerprints of 128 bits: there may be millions.
#[derive(Debug, Default)]
pub struct Seen {
    hashers: [DefaultHashBuilder; 2],
    fingerprints: HashSet<u128>,
}

impl Seen {
    /// Adds names; gives the indices of those that are new.
    pub fn add<S: AsRef<str>>(&mut self, names: &[S]) -> Vec<usize> {
        let is_new = |(index, name): (usize, &S)| {
            let [upper, lower] = self.hashers.each_ref().map(|hasher| u128::from(hasher.hash_one(name.as_ref())));
            self.fingerprints.insert(upper << 64 | lower).then_some(index)
        };
        names.iter().enumerate().filter_map(is_new).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_new_once() {
        let mut seen = Seen::default();
        assert_eq!(seen.add(&["a", "b", "a"]), [0, 1]);
        assert_eq!(seen.add(&["b", "c", ""]), [1, 2]);
        assert!(seen.add::<&str>(&[]).is_empty());
    }

    #[test]
    fn both_halves_of_a_fingerprint_tell_names_apart() {
        let mut seen = Seen::default();
        seen.add(&["a"]);
        let [fingerprint] = seen.fingerprints.iter().copied().collect::<Vec<_>>()[..] else { panic!("one") };
        assert_ne!(fingerprint >> 64, fingerprint & u128::from(u64::MAX));
    }
}
