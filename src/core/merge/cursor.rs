//! A cursor over a manifest: which of its rows are in the range, and which is the next to go out.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::core::manifest::Manifest;
use crate::core::place::Place;
use crate::core::timestamp::Timestamp;

/// A cursor over the rows of a journal, as long as some are left.
#[derive(Debug)]
pub struct Cursor {
    /// The journal's manifest.
    pub manifest: Arc<Manifest>,
    /// The first row in the range.
    pub first: usize,
    /// The next row to go out.
    pub next: usize,
    /// The row after the last in the range.
    pub end: usize,
    /// Whether the index was asked about some of the rows.
    pub is_questioned: bool,
    /// The window that had its rows last, and the index of its journal among that window's.
    pub slot: (u64, u32),
    /// Rows ahead that another journal has emitted, the next one last.
    emitted: Vec<u32>,
}

impl Cursor {
    /// A cursor over the rows from `first` to `end`, but for those that have been `emitted` (in rising order).
    pub fn new(manifest: Arc<Manifest>, first: usize, end: usize, mut emitted: Vec<u32>) -> Self {
        emitted.reverse();
        let mut cursor = Self { manifest, first, next: first, end, is_questioned: false, slot: (0, 0), emitted };
        cursor.go_to(first);
        cursor
    }

    /// Makes this row the next, or the first after it that has not been emitted.
    pub fn go_to(&mut self, row: usize) {
        self.next = row;
        while self.emitted.last().is_some_and(|emitted| *emitted as usize == self.next) {
            self.emitted.pop();
            self.next += 1;
        }
    }

    /// How many rows are left.
    pub fn left(&self) -> usize {
        self.end - self.next - self.emitted.len()
    }

    /// About how many bytes of data the rows have that are left. It is exact where their data follow one another.
    pub fn bytes_left(&self) -> u64 {
        let last = self.end.saturating_sub(1).max(self.next);
        let stop = self.manifest.offset(last).saturating_add(self.manifest.size_of(last));
        stop.saturating_sub(self.manifest.offset(self.next))
    }

    /// The rows that are left.
    pub fn rows_left(&self) -> impl Iterator<Item = usize> + '_ {
        let mut emitted = self.emitted.iter().rev().peekable();
        (self.next..self.end).filter(move |row| emitted.next_if(|emitted| **emitted as usize == *row).is_none())
    }

    /// Whether its rows can go out without a look at each: none emitted, none in question, none twice.
    pub fn is_plain(&self) -> bool {
        self.emitted.is_empty() && !self.is_questioned && !self.manifest.has_duplicates()
    }

    /// The last of the rows that have the next row's place.
    pub fn last_of_place(&self) -> usize {
        let place = self.manifest.place(self.next);
        (self.next + 1..self.end).take_while(|row| self.manifest.place(*row) == place).last().unwrap_or(self.next)
    }

    /// Whether a row of this place has passed.
    pub fn has_passed(&self, place: Place<'_>) -> bool {
        let row = self.manifest.first_not_before(self.first, self.next, place);
        row < self.next && self.manifest.place(row) == place
    }

    /// The timestamps of the first and the last row in the range.
    pub fn range(&self) -> (Timestamp, Timestamp) {
        (self.manifest.timestamp(self.first), self.manifest.timestamp(self.end - 1))
    }
}

/// The next row of a journal, in the heap of a merge. The greatest head goes out first.
#[derive(Debug)]
pub struct Head {
    /// The journal's number as a source.
    pub source: u32,
    timestamp: Timestamp,
    row: usize,
    manifest: Arc<Manifest>,
}

impl Head {
    /// The head of a cursor.
    pub fn new(source: u32, cursor: &Cursor) -> Self {
        let manifest = Arc::clone(&cursor.manifest);
        Self { source, timestamp: manifest.timestamp(cursor.next), row: cursor.next, manifest }
    }

    /// The same journal's head at another row.
    pub fn at(self, row: usize) -> Self {
        Self { timestamp: self.manifest.timestamp(row), row, ..self }
    }

    /// Where it stands in the order of all events.
    pub fn place(&self) -> Place<'_> {
        (self.timestamp, self.manifest.event_id(self.row))
    }

    /// The journal's id.
    pub fn journal_id(&self) -> &str {
        self.manifest.journal_id()
    }

    /// Its timestamp.
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }
}

/// The least place is the greatest head. Of several heads of one place, the greatest is that of the most credible
/// journal: the one to believe where the index names none.
impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        other
            .timestamp
            .cmp(&self.timestamp)
            .then_with(|| other.manifest.event_id(other.row).cmp(self.manifest.event_id(self.row)))
            .then_with(|| self.manifest.credibility().cmp(&other.manifest.credibility()))
            .then_with(|| self.source.cmp(&other.source))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}
