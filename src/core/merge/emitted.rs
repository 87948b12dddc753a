//! The rows that have been emitted. 0.4.3 has written journals with rows before the range that their names say. When
//! such a journal comes late, another one may have emitted some of its rows.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;

use super::cursor::Cursor;
use crate::core::manifest::Manifest;
use crate::core::place::Place;
use crate::core::timestamp::Timestamp;

/// How many rows of finished journals are remembered, the last ones: 64 MiB of fingerprints.
const MOST_REMEMBERED: usize = 8 * 1024 * 1024;

/// The place reached, and the rows that finished journals have emitted.
#[derive(Debug, Default)]
pub struct Emitted {
    hasher: DefaultHashBuilder,
    finished: VecDeque<Finished>,
    remembered: usize,
    reached: Option<(Arc<Manifest>, usize)>,
}

/// Fingerprints of the rows that one journal has emitted.
#[derive(Debug)]
struct Finished {
    from: Timestamp,
    to: Timestamp,
    rows: Vec<u64>,
    is_sorted: bool,
}

impl Emitted {
    /// Notes that a row has been emitted, or dropped.
    pub fn reach(&mut self, manifest: &Arc<Manifest>, row: usize) {
        if self.place().is_none_or(|reached| reached < manifest.place(row)) {
            self.reached = Some((Arc::clone(manifest), row));
        }
    }

    /// The greatest place that has been emitted.
    pub fn place(&self) -> Option<Place<'_>> {
        self.reached.as_ref().map(|(manifest, row)| manifest.place(*row))
    }

    /// Remembers what a journal has emitted that leaves the merge.
    pub fn remember(&mut self, cursor: &Cursor) {
        let Cursor { manifest, first, next, .. } = cursor;
        if first == next {
            return;
        }
        let rows: Vec<u64> = (*first..*next).map(|row| self.hasher.hash_one(manifest.place(row))).collect();
        self.remembered += rows.len();
        let (from, to) = (manifest.timestamp(*first), manifest.timestamp(*next - 1));
        self.finished.push_back(Finished { from, to, rows, is_sorted: false });
        while self.remembered > MOST_REMEMBERED {
            let Some(oldest) = self.finished.pop_front() else { break };
            self.remembered -= oldest.rows.len();
        }
    }

    /// The first of a manifest's rows (from `first` to `end`) beyond the greatest place that has been emitted.
    pub fn first_beyond(&self, manifest: &Manifest, first: usize, end: usize) -> usize {
        let Some(reached) = self.place() else { return first };
        let at = manifest.first_not_before(first, end, reached);
        at + (at..end).take_while(|row| manifest.place(*row) == reached).count()
    }

    /// Which of a manifest's rows (from `first` to `end`) have been emitted: by a journal that is `open`, or finished.
    pub fn already_emitted<'a>(
        &mut self,
        manifest: &Manifest,
        first: usize,
        end: usize,
        open: impl Iterator<Item = &'a Cursor>,
    ) -> Vec<u32> {
        if self.reached.is_none() {
            return Vec::new();
        }
        let late = self.first_beyond(manifest, first, end);
        if late == first {
            return Vec::new();
        }
        let started: Vec<&Cursor> = open.filter(|cursor| cursor.first < cursor.next).collect();
        (first..late)
            .filter(|row| {
                let place = manifest.place(*row);
                started.iter().any(|cursor| cursor.has_passed(place)) || self.is_remembered(place)
            })
            .map(|row| row as u32)
            .collect()
    }

    fn is_remembered(&mut self, place: Place<'_>) -> bool {
        let fingerprint = self.hasher.hash_one(place);
        self.finished.iter_mut().filter(|finished| (finished.from..=finished.to).contains(&place.0)).any(|finished| {
            if !finished.is_sorted {
                finished.rows.sort_unstable();
                finished.is_sorted = true;
            }
            finished.rows.binary_search(&fingerprint).is_ok()
        })
    }
}
