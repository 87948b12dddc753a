//! Rows in question: only the index can say which journal has them. When 0.4.3 is interrupted, it leaves a journal
//! beside those that the journal was combined from.

use std::collections::{BTreeSet, HashMap};

use super::cursor::Cursor;
use crate::core::place::{OwnedPlace, Place};
use crate::core::timestamp::Timestamp;

/// What the index says about a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet.
    Open,
    /// The journal with this id has it.
    Journal(String),
    /// The index names none. Where one journal has the row, the event was deleted; where two have it, its index entry
    /// may have been lost.
    Nobody,
}

/// The rows in question, by timestamp, then event_id.
#[derive(Debug, Default)]
pub struct Questions {
    verdicts: HashMap<Timestamp, Vec<(String, Verdict)>>,
}

impl Questions {
    /// The verdict on a place; none where the index was not asked.
    pub fn verdict(&self, (timestamp, event_id): Place<'_>) -> Option<&Verdict> {
        let verdicts = self.verdicts.get(&timestamp)?;
        verdicts.iter().find(|(id, _)| id == event_id).map(|(_, verdict)| verdict)
    }

    /// Takes the index's answer. About a row that is not in question, or no longer, it changes nothing.
    pub fn decide(&mut self, (timestamp, event_id): Place<'_>, verdict: Verdict) {
        let verdicts = self.verdicts.get_mut(&timestamp);
        if let Some((_, known)) = verdicts.and_then(|all| all.iter_mut().find(|(id, _)| id == event_id)) {
            *known = verdict;
        }
    }

    /// Forgets a row that has passed.
    pub fn forget(&mut self, (timestamp, event_id): Place<'_>) {
        if let Some(verdicts) = self.verdicts.get_mut(&timestamp) {
            verdicts.retain(|(id, _)| id != event_id);
            if verdicts.is_empty() {
                self.verdicts.remove(&timestamp);
            }
        }
    }

    /// Puts all rows that a journal still has in question. Adds to `asked` those that were not in question before.
    pub fn ask_about(&mut self, cursor: &mut Cursor, asked: &mut Vec<OwnedPlace>) {
        cursor.is_questioned = true;
        for row in cursor.rows_left() {
            let (timestamp, event_id) = cursor.manifest.place(row);
            let verdicts = self.verdicts.entry(timestamp).or_default();
            if verdicts.iter().all(|(id, _)| id != event_id) {
                verdicts.push((event_id.to_owned(), Verdict::Open));
                asked.push((timestamp, event_id.to_owned()));
            }
        }
    }
}

/// Whether two journals share a row, whether it has passed or not.
pub fn share_a_row(one: &Cursor, other: &Cursor) -> bool {
    let (mut here, mut there) = (one.first, other.first);
    while here < one.end && there < other.end {
        there = other.manifest.first_not_before(there, other.end, one.manifest.place(here));
        if there == other.end {
            return false;
        }
        if other.manifest.place(there) == one.manifest.place(here) {
            return true;
        }
        here = one.manifest.first_not_before(here, one.end, other.manifest.place(there));
    }
    false
}

/// The journals that have rows left, by the range of their dates. Most journals have one date: those are kept in order.
#[derive(Debug, Default)]
pub struct Neighbours {
    moments: BTreeSet<(Timestamp, u32)>,
    ranges: Vec<(Timestamp, Timestamp, u32)>,
}

impl Neighbours {
    /// Enters a journal.
    pub fn add(&mut self, source: u32, cursor: &Cursor) {
        match cursor.range() {
            (from, to) if from == to => drop(self.moments.insert((from, source))),
            (from, to) => self.ranges.push((from, to, source)),
        }
    }

    /// Takes a journal out.
    pub fn remove(&mut self, source: u32, cursor: &Cursor) {
        match cursor.range() {
            (from, to) if from == to => drop(self.moments.remove(&(from, source))),
            _ => self.ranges.retain(|(_, _, other)| *other != source),
        }
    }

    /// The journals whose dates overlap this one's.
    pub fn of(&self, cursor: &Cursor) -> Vec<u32> {
        let (from, to) = cursor.range();
        let moments = self.moments.range((from, 0)..=(to, u32::MAX)).map(|(_, source)| *source);
        let overlapping = self.ranges.iter().filter(|(start, end, _)| *start <= to && from <= *end);
        moments.chain(overlapping.map(|(_, _, source)| *source)).collect()
    }
}
