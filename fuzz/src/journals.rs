//! Journals as choices make them: as this package writes them and as 0.4.3 does, right names and wrong ones.

use std::sync::Arc;

use _core::core::manifest::Manifest;
use _core::core::row::{LARGEST, Revision, Row, RowFacts};
use _core::core::timestamp::Timestamp;

use crate::choices::Choices;
use crate::manifest;

/// The ids that events have.
pub const IDS: [&str; 7] = ["a", "ab", "b", "é", "", "😀", "\u{7f}\"\\\n"];

/// A moment of a few.
pub fn moment(choices: &mut Choices<'_>) -> Timestamp {
    match choices.byte() {
        254 => Timestamp::MIN,
        255 => Timestamp::MAX,
        second => at(i64::from(second % 16)),
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_microseconds((1_577_836_800 + seconds) * 1_000_000).expect("a date of this century")
}

/// A revision, the greatest among them, or none.
fn revision(choices: &mut Choices<'_>) -> Option<Revision> {
    match choices.below(32) {
        31 => Revision::new(9_999_999_999),
        number => Revision::new(number % 4),
    }
}

/// Journals with numbers from 0 on.
pub fn some(choices: &mut Choices<'_>, most: u64) -> Vec<Arc<Manifest>> {
    let mut journals: Vec<Arc<Manifest>> = Vec::new();
    for number in 0..1 + choices.below(most) {
        let others: Vec<&str> = journals.iter().map(|journal| journal.journal_id()).collect();
        let journal = Arc::new(journal(choices, number, &others));
        manifest::check_written(&journal);
        journals.push(journal);
    }
    journals
}

/// A journal, which may replace some of the others.
fn journal(choices: &mut Choices<'_>, number: u64, others: &[&str]) -> Manifest {
    let is_ours = choices.is_true();
    let mut replaces: Vec<String> =
        others.iter().filter(|_| choices.is_rare(4)).map(|journal_id| (*journal_id).to_owned()).collect();
    if choices.is_rare(4) {
        replaces.push(named(moment(choices), moment(choices), None, 100));
    }
    let (rows, size) = rows(choices, &replaces);
    let name = name_of(choices, &rows, number);
    let rows: Vec<&Row> = rows.iter().collect();
    let manifest = Manifest::of_rows(&name, &rows, size, Arc::new(replaces.iter().collect())).expect("rows that fit");
    if is_ours {
        return manifest;
    }
    let json = manifest.encode();
    let as_by_0_4_3 = json.split(", \"revisions\": [").next().expect("a part").to_owned() + "}";
    Manifest::decode(&name, as_by_0_4_3.as_bytes()).expect("its own writing")
}

/// Rows in any order, and the size of their blob.
fn rows(choices: &mut Choices<'_>, replaces: &[String]) -> (Vec<Row>, u64) {
    let follow_one_another = !choices.is_rare(4);
    let mut end = 0;
    let mut rows = Vec::new();
    for _ in 0..choices.below(8) {
        let offset = if follow_one_another { end } else { choices.size().min(LARGEST) };
        let size = choices.size().min(LARGEST - offset);
        end = offset + size;
        rows.push(Row {
            event_id: choices.one_of(&IDS).to_owned(),
            facts: RowFacts {
                timestamp: moment(choices),
                offset,
                size,
                revision: revision(choices),
                birth: revision(choices),
                updated: choices.is_rare(3).then(|| moment(choices)),
            },
            came_from: choices.perhaps(4).and_then(|index| replaces.get(index as usize).cloned()),
        });
    }
    if !choices.is_rare(3) {
        rows.sort_by(|one, other| (one.facts.timestamp, &one.event_id).cmp(&(other.facts.timestamp, &other.event_id)));
    }
    let stop = rows.iter().map(|row| row.facts.offset + row.facts.size).max().unwrap_or(0);
    (rows, stop.saturating_add(choices.below(3)).min(LARGEST))
}

/// The name that the first row and the last make, as 0.4.3 does, or any other.
fn name_of(choices: &mut Choices<'_>, rows: &[Row], number: u64) -> String {
    let of =
        |row: Option<&Row>, choices: &mut Choices<'_>| row.map_or_else(|| moment(choices), |row| row.facts.timestamp);
    let (mut start, mut end) = (of(rows.first(), choices), of(rows.last(), choices));
    if choices.is_rare(8) {
        (start, end) = (moment(choices), moment(choices));
    }
    let made = choices.is_true().then(|| moment(choices));
    named(start, end, made, number)
}

fn named(start: Timestamp, end: Timestamp, made: Option<Timestamp>, number: u64) -> String {
    let version = made.map_or("new".to_owned(), |made| made.to_string());
    format!("{start}--{end}--{version}--00000000-0000-4000-8000-{number:012x}")
}
