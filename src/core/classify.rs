//! The names of a listing of journals, sorted by kind: the living, the tombstones and the strangers.

use super::journal_id::JournalId;

/// What a tombstone's name has after its journal's.
pub const TOMBSTONE_SUFFIX: &str = ".dead";

/// A listing's names by kind; each is a list of indices into it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Classified {
    /// Journals that no tombstone follows.
    pub living: Vec<usize>,
    /// Tombstones, with or without their journal.
    pub tombstones: Vec<usize>,
    /// Names that the layout does not know.
    pub strangers: Vec<usize>,
}

/// Sorts names by kind. They are in key order: a journal's tombstone is the next name after it, but for strangers whose
/// names begin with the journal's.
pub fn classify<S: AsRef<str>>(names: &[S]) -> Classified {
    let mut classified = Classified::default();
    for (index, name) in names.iter().enumerate() {
        let name = name.as_ref();
        let mut endings = names[index + 1..].iter().map_while(|next| next.as_ref().strip_prefix(name));
        if name.strip_suffix(TOMBSTONE_SUFFIX).and_then(JournalId::parse).is_some() {
            classified.tombstones.push(index);
        } else if JournalId::parse(name).is_none() {
            classified.strangers.push(index);
        } else if !endings.any(|ending| ending == TOMBSTONE_SUFFIX) {
            classified.living.push(index);
        }
    }
    classified
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
        let expected = Classified { living: vec![0, 3], tombstones: vec![2], strangers: vec![] };
        assert_eq!(classify(&names), expected);
    }

    #[test]
    fn a_stranger_between_a_journal_and_its_tombstone_does_not_revive_it() {
        let names = [journal(1), journal(1) + "-copy", journal(1) + ".bak", journal(1) + ".dead", journal(2) + ".bak"];
        assert_eq!(classify(&names), Classified { living: vec![], tombstones: vec![3], strangers: vec![1, 2, 4] });
        assert_eq!(classify(&names[..3]), Classified { living: vec![0], tombstones: vec![], strangers: vec![1, 2] });
    }

    #[test]
    fn a_lone_tombstone_is_a_tombstone() {
        let names = [journal(1) + ".dead", journal(2)];
        assert_eq!(classify(&names), Classified { living: vec![1], tombstones: vec![0], strangers: vec![] });
    }

    #[test]
    fn what_has_no_journal_ids_shape_is_a_stranger() {
        let names = ["README".to_owned(), "README.dead".to_owned(), journal(1), journal(1) + ".dead.dead"];
        assert_eq!(classify(&names), Classified { living: vec![2], tombstones: vec![], strangers: vec![0, 1, 3] });
    }

    #[test]
    fn an_empty_listing_has_nothing() {
        assert_eq!(classify::<&str>(&[]), Classified::default());
    }
}
