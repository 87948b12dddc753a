//! Material for the core's tests: journals by number, and randomness that is the same in every run.

use std::sync::Arc;

use super::manifest::Manifest;
use super::row::{Revision, Row, RowFacts};
use super::timestamp::Timestamp;

/// xorshift64*: small, and the same everywhere.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides
    }

    /// A number below `sides`, or none.
    pub fn perhaps(&mut self, sides: u64) -> Option<u64> {
        (self.roll(2) == 0).then(|| self.roll(sides))
    }
}

/// The moment that many seconds after 2020-01-01.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_microseconds((1_577_836_800 + seconds) * 1_000_000).unwrap()
}

/// A journal_id over a range of such moments.
pub fn named(start: i64, end: i64, version: Option<i64>, number: u64) -> String {
    let version = version.map_or("new".to_owned(), |seconds| at(seconds).to_string());
    format!("{}--{}--{version}--00000000-0000-4000-8000-{number:012x}", at(start), at(end))
}

/// A row that 0.4.3 might have written.
pub fn row(event_id: &str, seconds: i64, offset: u64, size: u64) -> Row {
    Row { event_id: event_id.to_owned(), facts: RowFacts::new(at(seconds), offset, size), came_from: None }
}

/// The same row with other facts.
pub fn changed(mut row: Row, change: impl FnOnce(&mut RowFacts)) -> Row {
    change(&mut row.facts);
    row
}

/// The journal with this number, as this package writes it, of (event_id, seconds); each event has ten bytes.
pub fn ours(number: u64, events: &[(&str, i64)]) -> Arc<Manifest> {
    journal(number, Some(1), events, true)
}

/// The same as 0.4.3 writes it.
pub fn theirs(number: u64, events: &[(&str, i64)]) -> Arc<Manifest> {
    journal(number, Some(1), events, false)
}

/// Either; `version` none: its events are new.
pub fn journal(number: u64, version: Option<i64>, events: &[(&str, i64)], is_ours: bool) -> Arc<Manifest> {
    let start = events.first().map_or(0, |(_, seconds)| *seconds);
    let end = events.last().map_or(0, |(_, seconds)| *seconds);
    let id = named(start, end, version, number);
    let birth = if is_ours { Revision::new(1) } else { None };
    let rows: Vec<Row> = (0..)
        .step_by(10)
        .zip(events)
        .map(|(offset, (event_id, seconds))| {
            changed(row(event_id, *seconds, offset, 10), |facts| (facts.birth, facts.revision) = (birth, birth))
        })
        .collect();
    let size = events.len() as u64 * 10;
    let manifest = Manifest::of_rows(&id, &rows.iter().collect::<Vec<_>>(), size, Arc::default()).unwrap();
    if is_ours {
        return Arc::new(manifest);
    }
    let json = manifest.encode();
    let without_ours = json.split(", \"revisions\"").next().unwrap().to_owned() + "}";
    Arc::new(Manifest::decode(&id, without_ours.as_bytes()).unwrap())
}
