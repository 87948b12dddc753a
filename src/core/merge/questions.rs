//! Rows about which only the index can say which journal has them: 0.4.3, interrupted, leaves a journal beside those
//! that it was combined from.

use std::collections::{BTreeSet, HashMap};

use super::journal::Journal;
use crate::core::place::{OwnedPlace, Place};
use crate::core::timestamp::Timestamp;

/// What the index said about a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet.
    Open,
    /// The journal with this id has it.
    Journal(String),
    /// No journal has it: the event was deleted. (Where two journals have it, only its index entry may have been lost.)
    Nobody,
}

/// The rows in question, by timestamp, then event_id.
#[derive(Debug, Default)]
pub struct Questions {
    verdicts: HashMap<Timestamp, Vec<(String, Verdict)>>,
}

impl Questions {
    /// The verdict on a place; none where nobody was asked.
    pub fn verdict(&self, (timestamp, event_id): Place<'_>) -> Option<&Verdict> {
        let verdicts = self.verdicts.get(&timestamp)?;
        verdicts.iter().find(|(id, _)| id == event_id).map(|(_, verdict)| verdict)
    }

    /// Enters the index's word. About a row that is not in question, or no longer, it changes nothing.
    pub fn decide(&mut self, (timestamp, event_id): Place<'_>, verdict: Verdict) {
        let verdicts = self.verdicts.get_mut(&timestamp);
        if let Some((_, known)) = verdicts.and_then(|all| all.iter_mut().find(|(id, _)| id == event_id)) {
            *known = verdict;
        }
    }

    /// Forgets a row that has gone out.
    pub fn forget(&mut self, (timestamp, event_id): Place<'_>) {
        if let Some(verdicts) = self.verdicts.get_mut(&timestamp) {
            verdicts.retain(|(id, _)| id != event_id);
            if verdicts.is_empty() {
                self.verdicts.remove(&timestamp);
            }
        }
    }

    /// Makes all rows that a journal still has questions; gives those that were none before.
    pub fn ask_about(&mut self, journal: &mut Journal, asked: &mut Vec<OwnedPlace>) {
        journal.is_questioned = true;
        for row in journal.rows_left() {
            let (timestamp, event_id) = journal.manifest.place(row);
            let verdicts = self.verdicts.entry(timestamp).or_default();
            if verdicts.iter().all(|(id, _)| id != event_id) {
                verdicts.push((event_id.to_owned(), Verdict::Open));
                asked.push((timestamp, event_id.to_owned()));
            }
        }
    }
}

/// Whether two journals share a row, gone out or not.
pub fn share_a_row(one: &Journal, other: &Journal) -> bool {
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

/// The journals under way by the range of their dates. Journals of one date, which are many, are kept in order.
#[derive(Debug, Default)]
pub struct Neighbours {
    moments: BTreeSet<(Timestamp, u32)>,
    stretches: Vec<(Timestamp, Timestamp, u32)>,
}

impl Neighbours {
    /// Enters a journal.
    pub fn add(&mut self, number: u32, journal: &Journal) {
        match journal.range() {
            (from, to) if from == to => drop(self.moments.insert((from, number))),
            (from, to) => self.stretches.push((from, to, number)),
        }
    }

    /// Takes a journal out.
    pub fn remove(&mut self, number: u32, journal: &Journal) {
        match journal.range() {
            (from, to) if from == to => drop(self.moments.remove(&(from, number))),
            _ => self.stretches.retain(|(_, _, other)| *other != number),
        }
    }

    /// The journals whose dates overlap this one's.
    pub fn of(&self, journal: &Journal) -> Vec<u32> {
        let (from, to) = journal.range();
        let moments = self.moments.range((from, 0)..=(to, u32::MAX)).map(|(_, number)| *number);
        let overlapping = self.stretches.iter().filter(|(start, end, _)| *start <= to && from <= *end);
        moments.chain(overlapping.map(|(_, _, number)| *number)).collect()
    }
}
