//! A journal in a merge: which of its rows are in the range, and which is next.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::core::manifest::Manifest;
use crate::core::place::Place;
use crate::core::timestamp::Timestamp;

/// A journal that has rows left.
#[derive(Debug)]
pub struct Journal {
    /// Its manifest.
    pub manifest: Arc<Manifest>,
    /// The first row in the range.
    pub first: usize,
    /// The next row to go out.
    pub next: usize,
    /// The row after the last in the range.
    pub end: usize,
    /// Whether the index was asked about some of its rows.
    pub is_questioned: bool,
    /// The window that it was last taken into, and its place among that window's journals.
    pub slot: (u64, u32),
    /// Rows ahead that another journal has given already, the next one last.
    given: Vec<u32>,
}

impl Journal {
    /// The rows from `first` to `end` of a manifest, without those (in rising order) that have been given already.
    pub fn new(manifest: Arc<Manifest>, first: usize, end: usize, mut given: Vec<u32>) -> Self {
        given.reverse();
        let mut journal = Self { manifest, first, next: first, end, is_questioned: false, slot: (0, 0), given };
        journal.go_to(first);
        journal
    }

    /// Makes this row the next, or the first after it that has not been given already.
    pub fn go_to(&mut self, row: usize) {
        self.next = row;
        while self.given.last().is_some_and(|given| *given as usize == self.next) {
            self.given.pop();
            self.next += 1;
        }
    }

    /// How many rows are left.
    pub fn left(&self) -> usize {
        self.end - self.next - self.given.len()
    }

    /// About how many bytes of data the rows have that are left: exactly, where their data follow one another.
    pub fn bytes_left(&self) -> u64 {
        let last = self.end.saturating_sub(1).max(self.next);
        let stop = self.manifest.offset(last).saturating_add(self.manifest.size_of(last));
        stop.saturating_sub(self.manifest.offset(self.next))
    }

    /// The rows that are left.
    pub fn rows_left(&self) -> impl Iterator<Item = usize> + '_ {
        let mut given = self.given.iter().rev().peekable();
        (self.next..self.end).filter(move |row| given.next_if(|given| **given as usize == *row).is_none())
    }

    /// Whether its rows can go out without a look at each: none given, none in question, none twice.
    pub fn is_plain(&self) -> bool {
        self.given.is_empty() && !self.is_questioned && !self.manifest.has_duplicates()
    }

    /// The last of the rows that share the next row's place.
    pub fn last_of_place(&self) -> usize {
        let place = self.manifest.place(self.next);
        (self.next + 1..self.end).take_while(|row| self.manifest.place(*row) == place).last().unwrap_or(self.next)
    }

    /// Whether a row of this place has passed.
    pub fn has_given(&self, place: Place<'_>) -> bool {
        let row = self.manifest.first_not_before(self.first, self.next, place);
        row < self.next && self.manifest.place(row) == place
    }

    /// The timestamps of the first and the last row in the range.
    pub fn range(&self) -> (Timestamp, Timestamp) {
        (self.manifest.timestamp(self.first), self.manifest.timestamp(self.end - 1))
    }
}

/// The next row of a journal, as the heap of a merge holds it: the greatest is the one to go out first.
#[derive(Debug)]
pub struct Head {
    /// The journal's number as a source.
    pub number: u32,
    timestamp: Timestamp,
    row: usize,
    manifest: Arc<Manifest>,
}

impl Head {
    /// The head of a journal that has rows left.
    pub fn new(number: u32, journal: &Journal) -> Self {
        let manifest = Arc::clone(&journal.manifest);
        Self { number, timestamp: manifest.timestamp(journal.next), row: journal.next, manifest }
    }

    /// The same journal's next head.
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

/// The least place is the greatest head. Of one place, it is the journal to believe where the index does not say:
/// the most credible one.
impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        other
            .timestamp
            .cmp(&self.timestamp)
            .then_with(|| other.manifest.event_id(other.row).cmp(self.manifest.event_id(self.row)))
            .then_with(|| self.manifest.credibility().cmp(&other.manifest.credibility()))
            .then_with(|| self.number.cmp(&other.number))
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
