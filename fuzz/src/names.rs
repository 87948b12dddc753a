//! Journal ids and listings: compared with code that takes ids apart at their dashes, and that looks for a tombstone
//! everywhere.

use std::collections::BTreeSet;

use _core::core::classify::{Classified, classify};
use _core::core::journal_id::JournalId;
use _core::core::seen::Seen;
use _core::core::timestamp::TimestampReader;

use crate::timestamps::microseconds;

/// What a journal_id says: its start, its end, and when it was made, in microseconds.
type Name = (i64, i64, Option<i64>);

/// Takes a journal_id apart.
pub fn name(text: &str) -> Option<Name> {
    let [start, end, version, uuid] = <[&str; 4]>::try_from(text.split("--").collect::<Vec<_>>()).ok()?;
    let made = if version == "new" { None } else { Some(microseconds(version)?) };
    let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
    let is_uuid = lengths == [8, 4, 4, 4, 12] && uuid.chars().all(|each| each == '-' || each.is_ascii_hexdigit());
    is_uuid.then_some((microseconds(start)?, microseconds(end)?, made))
}

/// Reads names, one a line, and sorts a listing of them.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut names: Vec<&str> = text.split('\n').collect();
    let mut reader = TimestampReader::default();
    for text in &names {
        let of =
            |id: JournalId| (id.start.microseconds(), id.end.microseconds(), id.made.map(|made| made.microseconds()));
        assert_eq!(JournalId::parse(text).map(of), name(text), "{text:?}");
        assert_eq!(JournalId::read(text, &mut reader).map(of), name(text), "{text:?}");
    }
    classify(&names);
    check_seen(&names);
    names.sort_unstable();
    names.dedup();
    assert_eq!(classify(&names), told_apart(&names));
}

/// Checks that each name is new once.
fn check_seen(names: &[&str]) {
    let (one, other) = names.split_at(names.len() / 2);
    let (mut seen, mut known) = (Seen::default(), BTreeSet::new());
    for names in [one, other, names] {
        let is_new: Vec<usize> = (0..names.len()).filter(|index| known.insert(names[*index])).collect();
        assert_eq!(seen.add(names), is_new);
    }
}

/// The same as `classify`, of names in key order.
fn told_apart(names: &[&str]) -> Classified {
    let mut classified = Classified::default();
    for (index, text) in names.iter().enumerate() {
        let tombstone = format!("{text}.dead");
        let kind = if name(text).is_some() {
            if names.contains(&tombstone.as_str()) {
                continue;
            }
            &mut classified.living
        } else if text.strip_suffix(".dead").is_some_and(|text| name(text).is_some()) {
            &mut classified.tombstones
        } else {
            &mut classified.strangers
        };
        kind.push(index);
    }
    classified
}
