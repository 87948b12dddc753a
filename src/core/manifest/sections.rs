//! Sections of a manifest's JSON: some rows each, which can be read without the others.

use super::Manifest;
use crate::core::timestamp::Timestamp;

/// A manifest has a table of its sections where it has so many rows at least.
const MANY_ROWS: usize = 2_048;

/// Rows of a section at least; in a larger manifest, twice as many until there are no more sections than `MOST`.
const FEWEST_ROWS: usize = 256;

/// So its table has 60 KB at most.
const MOST: usize = 1_024;

/// A piece of the JSON: at which byte it begins, and the CRC-32 of its bytes.
#[derive(Debug, Default, Clone, Copy)]
pub struct Written {
    pub start: u64,
    pub sum: u32,
}

/// The sections of a manifest's JSON, one after the other.
#[derive(Debug)]
pub struct Sections {
    /// How many rows each has; the last one may have fewer.
    pub rows: usize,
    /// The timestamp of each one's first row.
    pub first: Vec<Timestamp>,
    written: Vec<Written>,
    /// Where the last one ends.
    pub end: u64,
    /// The array of the journals replaced.
    pub replaces: Written,
}

impl Sections {
    /// None yet, for so many rows.
    pub fn of(rows: usize) -> Self {
        let rows = rows.div_ceil(MOST).next_power_of_two().max(FEWEST_ROWS);
        Self { rows, first: Vec::new(), written: Vec::new(), end: 0, replaces: Written::default() }
    }

    /// Appends a section.
    pub fn push(&mut self, first: Timestamp, written: Written) {
        self.first.push(first);
        self.written.push(written);
    }

    /// At which byte each one begins, and the last one ends.
    pub fn starts(&self) -> impl Iterator<Item = u64> {
        self.written.iter().map(|written| written.start).chain([self.end])
    }

    /// The sum of each one's bytes.
    pub fn sums(&self) -> impl Iterator<Item = u32> {
        self.written.iter().map(|written| written.sum)
    }
}

impl Manifest {
    /// Whether its JSON has a table of its sections: it has many rows, no two of one place, all within the range that
    /// its name says; so the first timestamps tell where the rows of any range are.
    pub(super) fn has_sections(&self) -> bool {
        let is_within = |at: &Timestamp| (self.name.start..=self.name.end).contains(at);
        let are_within =
            self.timestamps.first().is_some_and(is_within) && self.timestamps.last().is_some_and(is_within);
        self.is_ours() && self.len() >= MANY_ROWS && are_within && !self.has_duplicates
    }
}
