//! A listing of journals, told apart into the living, the tombstones and the strangers; and which were listed before.

use std::collections::HashSet;
use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;

use super::journal_id::JournalId;

/// What a tombstone's name has after its journal's.
pub const TOMBSTONE_SUFFIX: &str = ".dead";

/// A stretch of a listing, sorted by kind; each a list of places in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Journals that no tombstone follows.
    pub living: Vec<usize>,
    /// Tombstones, with or without their journal.
    pub tombstones: Vec<usize>,
    /// Names that the layout does not know.
    pub strangers: Vec<usize>,
}

/// Sorts the names of a stretch in key order, where a journal's tombstone is the next name, but for strangers that begin
/// with the journal's.
pub fn living<S: AsRef<str>>(names: &[S]) -> Listing {
    let mut listing = Listing::default();
    for (place, name) in names.iter().enumerate() {
        let name = name.as_ref();
        let mut endings = names[place + 1..].iter().map_while(|next| next.as_ref().strip_prefix(name));
        if name.strip_suffix(TOMBSTONE_SUFFIX).and_then(JournalId::parse).is_some() {
            listing.tombstones.push(place);
        } else if JournalId::parse(name).is_none() {
            listing.strangers.push(place);
        } else if !endings.any(|ending| ending == TOMBSTONE_SUFFIX) {
            listing.living.push(place);
        }
    }
    listing
}

/// Names that were met, kept as fingerprints of 128 bits: there may be millions.
#[derive(Debug, Default)]
pub struct Seen {
    hashers: [DefaultHashBuilder; 2],
    fingerprints: HashSet<u128>,
}

impl Seen {
    /// Adds names; gives the places of those that are new.
    pub fn add<S: AsRef<str>>(&mut self, names: &[S]) -> Vec<usize> {
        let is_new = |(place, name): (usize, &S)| {
            let [upper, lower] = self.hashers.each_ref().map(|hasher| u128::from(hasher.hash_one(name.as_ref())));
            self.fingerprints.insert(upper << 64 | lower).then_some(place)
        };
        names.iter().enumerate().filter_map(is_new).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(hour: u8) -> String {
        let timestamp = format!("2019-05-16T{hour:02}0000.000000Z");
        format!("{timestamp}--{timestamp}--new--0f8fad5b-d9cb-469f-a165-70867728950e")
    }

    #[test]
    fn a_tombstone_kills_the_journal_right_before_it() {
        let names = [journal(1), journal(2), journal(2) + ".dead", journal(3)];
        let expected = Listing { living: vec![0, 3], tombstones: vec![2], strangers: vec![] };
        assert_eq!(living(&names), expected);
    }

    #[test]
    fn a_stranger_between_a_journal_and_its_tombstone_does_not_revive_it() {
        let names = [journal(1), journal(1) + "-copy", journal(1) + ".bak", journal(1) + ".dead", journal(2) + ".bak"];
        assert_eq!(living(&names), Listing { living: vec![], tombstones: vec![3], strangers: vec![1, 2, 4] });
        assert_eq!(living(&names[..3]), Listing { living: vec![0], tombstones: vec![], strangers: vec![1, 2] });
    }

    #[test]
    fn a_lone_tombstone_is_a_tombstone() {
        let names = [journal(1) + ".dead", journal(2)];
        assert_eq!(living(&names), Listing { living: vec![1], tombstones: vec![0], strangers: vec![] });
    }

    #[test]
    fn what_has_no_journal_ids_shape_is_a_stranger() {
        let names = ["README".to_owned(), "README.dead".to_owned(), journal(1), journal(1) + ".dead.dead"];
        assert_eq!(living(&names), Listing { living: vec![2], tombstones: vec![], strangers: vec![0, 1, 3] });
    }

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

    #[test]
    fn an_empty_listing_has_nothing() {
        assert_eq!(living::<&str>(&[]), Listing::default());
    }
}
