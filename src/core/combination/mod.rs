//! Journals combined into one with their updates applied.

#[cfg(test)]
mod tests;
mod updates;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::error::{Error, Result};
use super::manifest::Manifest;
use super::row::{LARGEST, RowFacts};
use super::sources::Sources;
use super::timestamp::Timestamp;
use super::window::{Journals, MOST_EVENTS, Pick, Window};
use updates::{Applied, Updates};

pub use updates::Update;

/// Journals combined: which rows are left, in order, and which data each has.
#[derive(Debug)]
pub struct Combination {
    sources: Arc<Sources>,
    /// Of each update its size, and when it was made.
    updates: Vec<(u64, Timestamp)>,
    rows: Vec<Chosen>,
    size: u64,
}

/// A row that is left after the deletes.
#[derive(Debug, Clone, Copy)]
struct Chosen {
    /// Its index among those of all sources.
    row: u32,
    /// The number of the update whose data it has.
    update: Option<u32>,
}

impl Combination {
    /// Combines journals. Several rows may have one id after the deletes: then one of them stays. It is the one with
    /// the newest `updated`; then the one in the source that `current` gives for the id, which is the one that the
    /// index names; then the one in the most credible journal.
    pub fn new(sources: Arc<Sources>, updates: &[Update], current: &HashMap<String, String>) -> Result<Self> {
        let rows = left(&sources, updates);
        let updates = updates.iter().map(|update| (update.size, update.timestamp)).collect();
        let mut combination = Self { sources, updates, rows, size: 0 };
        combination.keep_one_of_each(current);
        let Self { sources, rows, .. } = &mut combination;
        rows.sort_by(|one, other| sources.place(one.row).cmp(&sources.place(other.row)));
        let mut sizes = combination.rows.iter().map(|chosen| combination.size_of(chosen));
        let size = sizes.try_fold(0_u64, u64::checked_add).filter(|size| *size <= LARGEST);
        combination.size = size.ok_or_else(|| {
            let first_id = combination.sources.journal_ids().iter().next().unwrap_or_default();
            Error::corrupt(first_id, format_args!("combined with others it would have more than {LARGEST} bytes"))
        })?;
        Ok(combination)
    }

    /// The ids that several rows have after the deletes, in order.
    pub fn contested(sources: &Sources, updates: &[Update]) -> Vec<String> {
        let rows = left(sources, updates);
        let rivals = rivals(sources, &rows);
        let firsts = rivals.iter().filter_map(|rivals| rivals.first());
        let mut ids: Vec<String> = firsts.map(|first| sources.event_id(rows[*first].row).to_owned()).collect();
        ids.sort_unstable();
        ids
    }

    /// Keeps, of the rows of each event, the most credible one.
    fn keep_one_of_each(&mut self, current: &HashMap<String, String>) {
        let mut beaten = HashSet::new();
        for mut rivals in rivals(&self.sources, &self.rows) {
            let first = rivals.first().map(|first| self.sources.event_id(self.rows[*first].row));
            let named = first.and_then(|event_id| current.get(event_id));
            rivals.sort_by(|one, other| self.credibility(named, *one).cmp(&self.credibility(named, *other)));
            rivals.pop();
            beaten.extend(rivals.into_iter().map(|rival| self.rows[rival].row));
        }
        self.rows.retain(|chosen| !beaten.contains(&chosen.row));
    }

    /// How far to believe a row where several have its event. The greatest is believed.
    fn credibility(&self, named: Option<&String>, chosen: usize) -> impl Ord {
        let chosen = &self.rows[chosen];
        let source = self.sources.row(chosen.row).source;
        let is_named = named.is_some_and(|journal_id| journal_id == self.sources.journal_id(source));
        (self.updated(chosen), is_named, self.sources.credibility(source), chosen.row)
    }

    fn size_of(&self, chosen: &Chosen) -> u64 {
        chosen.update.map_or_else(|| self.sources.row(chosen.row).facts.size, |update| self.updates[update as usize].0)
    }

    fn updated(&self, chosen: &Chosen) -> Option<Timestamp> {
        let update = chosen.update.map(|update| self.updates[update as usize].1);
        update.or(self.sources.row(chosen.row).facts.updated)
    }

    /// How many rows are left.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The timestamp of the first event.
    pub fn start(&self) -> Option<Timestamp> {
        self.rows.first().map(|chosen| self.sources.row(chosen.row).facts.timestamp)
    }

    /// The timestamp of the last event.
    pub fn end(&self) -> Option<Timestamp> {
        self.rows.last().map(|chosen| self.sources.row(chosen.row).facts.timestamp)
    }

    /// How many bytes the combined blob has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The combined journal's manifest.
    pub fn manifest(&self, journal_id: &str) -> Result<Manifest> {
        let mut combined = Manifest::of_rows(journal_id, &[], self.size, Arc::clone(self.sources.journal_ids()))?;
        let mut offset = 0;
        for chosen in &self.rows {
            let (row, event_id) = (self.sources.row(chosen.row), self.sources.event_id(chosen.row));
            let revision = match row.facts.revision {
                None => None,
                Some(revision) => Some(revision.next().ok_or_else(|| {
                    let what = format_args!("event {event_id:?} has the greatest revision there is");
                    Error::corrupt(self.sources.journal_id(row.source), what)
                })?),
            };
            let (size, updated) = (self.size_of(chosen), self.updated(chosen));
            combined.append(event_id, &RowFacts { offset, size, revision, updated, ..row.facts }, Some(row.source));
            offset += size;
        }
        Ok(combined.finished())
    }

    /// The next stretch of the blob, from the event with this number on. It has `limit` bytes at most, but one event at
    /// least. None beyond the last event.
    pub fn window(&self, first: usize, limit: u64) -> Option<Window> {
        let rest = self.rows.get(first..)?;
        let picks: Vec<Pick> =
            rest.iter().take(self.count_within(rest, limit)).map(|chosen| self.pick(chosen)).collect();
        Window::plan(Journals::Combined(Arc::clone(&self.sources)), &picks)
    }

    fn pick(&self, chosen: &Chosen) -> Pick {
        let update = chosen.update.map(|update| (update, self.updates[update as usize].0));
        Pick { journal: self.sources.row(chosen.row).source, row: chosen.row, update }
    }

    /// How many of the rows make up the next window.
    fn count_within(&self, rows: &[Chosen], limit: u64) -> usize {
        let mut size = 0_u64;
        let fitting = rows.iter().take(MOST_EVENTS).take_while(|chosen| {
            size = size.saturating_add(self.size_of(chosen));
            size <= limit
        });
        fitting.count().max(1)
    }
}

/// The rows that are left after the deletes.
fn left(sources: &Sources, updates: &[Update]) -> Vec<Chosen> {
    let updates = Updates::new(sources, updates);
    let mut rows = Vec::with_capacity(sources.rows().len());
    for (row, _) in (0..).zip(sources.rows()) {
        match updates.applied_to(row) {
            Applied::Deleted => {}
            Applied::Unchanged => rows.push(Chosen { row, update: None }),
            Applied::Updated(update) => rows.push(Chosen { row, update: Some(update) }),
        }
    }
    rows
}

/// Of each event_id that several rows have, those rows.
fn rivals(sources: &Sources, rows: &[Chosen]) -> Vec<Vec<usize>> {
    let mut first_of: HashMap<&str, usize> = HashMap::with_capacity(rows.len());
    let mut rivals: HashMap<usize, Vec<usize>> = HashMap::new();
    for (row, chosen) in rows.iter().enumerate() {
        let first = *first_of.entry(sources.event_id(chosen.row)).or_insert(row);
        if first != row {
            rivals.entry(first).or_insert_with(|| vec![first]).push(row);
        }
    }
    rivals.into_values().collect()
}
