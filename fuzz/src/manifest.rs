//! Manifests, compared with one that reads the whole of the JSON first.

use _core::core::error::Error;
use _core::core::manifest::Manifest;
use _core::core::row::{LARGEST, Revision, Row, RowFacts};
use _core::core::timestamp::Timestamp;
use serde_json::Value;

use crate::names::name;
use crate::timestamps::microseconds;

/// The journal that is read.
const OWN: &str = "2020-01-01T000000.000000Z--2020-01-01T000140.000000Z--2020-01-02T000000.000000Z--00000000-0000-4000-8000-000000000001";
/// A journal whose key has another's manifest.
const OTHER: &str = "2020-01-01T000000.000000Z--2020-01-01T000140.000000Z--new--00000000-0000-4000-8000-000000000002";

/// Reads a manifest; writes it and reads it again.
pub fn check(body: &[u8]) {
    let document: Option<Value> = serde_json::from_slice(body).ok();
    for journal_id in [OWN, OTHER] {
        let decoded = Manifest::decode(journal_id, body);
        // With a blank before it, it is not of the form that is read without a JSON parser.
        let other = Manifest::decode(journal_id, &[b" ", body].concat());
        assert_eq!(decoded.as_ref().ok().map(Shown::of), other.as_ref().ok().map(Shown::of));
        if let Some(document) = &document {
            let expected = Shown::of_json(journal_id, document);
            assert_eq!(decoded.as_ref().ok().map(Shown::of), expected, "{decoded:?}");
        }
        match decoded {
            Ok(manifest) => check_written(&manifest),
            Err(Error::Corrupt { message, .. }) => assert!(message.contains(journal_id), "{message}"),
            Err(Error::Argument(message)) => panic!("the argument is right: {message}"),
        }
    }
}

/// Checks that what is written is read the same.
pub fn check_written(manifest: &Manifest) {
    let json = manifest.encode();
    assert!(json.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{json}");
    let read = Manifest::decode(manifest.journal_id(), json.as_bytes()).expect("its own writing");
    assert!(read.is_ordered() || !manifest.is_ordered(), "{json}");
    assert_eq!(Shown { is_ordered: manifest.is_ordered(), ..Shown::of(&read) }, Shown::of(manifest));
    assert_eq!(read.encode(), json);
    let ids: Vec<&str> = (0..read.len()).map(|row| read.event_id(row)).chain(["", "nobody"]).collect();
    let expected: Vec<Option<usize>> =
        ids.iter().map(|id| (0..read.len()).rev().find(|row| read.event_id(*row) == *id)).collect();
    assert_eq!(read.find_all(&ids), expected);
    assert_eq!(ids.iter().map(|id| read.find(id)).collect::<Vec<_>>(), expected);
}

/// All that a manifest says.
#[derive(Debug, PartialEq)]
struct Shown {
    size: u64,
    rows: Vec<Row>,
    replaces: Vec<String>,
    is_ours: bool,
    is_ordered: bool,
    has_duplicates: bool,
}

impl Shown {
    fn of(manifest: &Manifest) -> Self {
        Self {
            size: manifest.size(),
            rows: (0..manifest.len()).map(|row| manifest.row(row).expect("a row")).collect(),
            replaces: manifest.replaces().iter().map(str::to_owned).collect(),
            is_ours: manifest.is_ours(),
            is_ordered: manifest.is_ordered(),
            has_duplicates: manifest.has_duplicates(),
        }
    }

    /// What a manifest's JSON says; none if it is not as the layout prescribes.
    fn of_json(journal_id: &str, document: &Value) -> Option<Self> {
        let size = whole_number(document.get("size")?, LARGEST)?;
        let own_id = document.get("journal_id")?.as_str()?;
        let rows: Option<Vec<Row>> = document.get("events")?.as_array()?.iter().map(|row| row_of(row, size)).collect();
        let mut rows = rows?;
        let ours = ["revisions", "updated", "births", "from", "replaces"].map(|name| document.get(name));
        let mut replaces = Vec::new();
        let is_ours = own_id == journal_id && ours.iter().all(Option::is_some);
        if is_ours {
            replaces = enter_ours(&mut rows, ours.map(|array| array.and_then(Value::as_array)))?;
        }
        let stood = rows.clone();
        let place = |row: &Row| (row.facts.timestamp, row.event_id.clone());
        rows.sort_by_key(place);
        let (start, end, _) = name(journal_id)?;
        let within = rows.iter().all(|row| (start..=end).contains(&row.facts.timestamp.microseconds()));
        let has_duplicates = (1..rows.len()).any(|row| place(&rows[row - 1]) == place(&rows[row]));
        Some(Self { is_ordered: within && rows == stood, size, rows, replaces, is_ours, has_duplicates })
    }
}

fn row_of(row: &Value, blob: u64) -> Option<Row> {
    let offset = whole_number(row.get("offset")?, LARGEST)?;
    let size = whole_number(row.get("size")?, LARGEST)?;
    let event_id = row.get("event_id")?.as_str()?.to_owned();
    let timestamp = timestamp(row.get("timestamp")?)?;
    let row = Row { event_id, facts: RowFacts::new(timestamp, offset, size), came_from: None };
    (u128::from(offset) + u128::from(size) <= u128::from(blob)).then_some(row)
}

/// Enters what is kept beside the rows; gives the journals replaced.
fn enter_ours(rows: &mut [Row], arrays: [Option<&Vec<Value>>; 5]) -> Option<Vec<String>> {
    let [revisions, updated, births, from, replaces] = arrays;
    let (revisions, updated, births, from) = (revisions?, updated?, births?, from?);
    let replaces: Option<Vec<String>> = replaces?.iter().map(|id| id.as_str().map(str::to_owned)).collect();
    let replaces = replaces.filter(|all| all.iter().all(|id| name(id).is_some()))?;
    if [revisions, updated, births, from].iter().any(|array| array.len() != rows.len()) {
        return None;
    }
    for (index, row) in rows.iter_mut().enumerate() {
        row.facts.revision = or_null(&revisions[index], revision)?;
        row.facts.birth = or_null(&births[index], revision)?;
        row.facts.updated = or_null(&updated[index], timestamp)?;
        row.came_from = or_null(&from[index], |from| replaces.get(usize::try_from(from.as_u64()?).ok()?).cloned())?;
    }
    Some(replaces)
}

fn or_null<T>(value: &Value, read: impl FnOnce(&Value) -> Option<T>) -> Option<Option<T>> {
    if value.is_null() { Some(None) } else { read(value).map(Some) }
}

fn whole_number(value: &Value, most: u64) -> Option<u64> {
    value.as_u64().filter(|number| *number <= most)
}

fn revision(value: &Value) -> Option<Revision> {
    whole_number(value, 9_999_999_999).and_then(Revision::new)
}

fn timestamp(value: &Value) -> Option<Timestamp> {
    microseconds(value.as_str()?).and_then(Timestamp::from_microseconds)
}
