//! Updates, and which of them apply to which rows.

use std::collections::{HashMap, HashSet};

use crate::core::manifest::Manifest;
use crate::core::timestamp::Timestamp;
use crate::core::window::Source;

/// An update or a delete of one event, as its key names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The journal that it was made for.
    pub journal_id: String,
    /// The event.
    pub event_id: String,
    /// When it was made.
    pub timestamp: Timestamp,
    /// Whether it deletes the event.
    pub is_delete: bool,
    /// The bytes of its data.
    pub size: u64,
}

/// What the updates make of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its event is deleted.
    Deleted,
    /// It has the data of the update with this number.
    Updated(u32),
    /// It stays as it is.
    Unchanged,
}

/// Updates by event, and the journals that they may be about.
pub struct Updates<'a> {
    updates: &'a [Update],
    by_event: HashMap<&'a str, Vec<u32>>,
    sources: HashSet<&'a str>,
    replaced_by: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> Updates<'a> {
    /// Updates to be applied to journals that are combined.
    pub fn new(sources: &'a [Source], updates: &'a [Update]) -> Self {
        let mut by_event: HashMap<&str, Vec<u32>> = HashMap::new();
        for (update, number) in updates.iter().zip(0..) {
            by_event.entry(&update.event_id).or_default().push(number);
        }
        let mut replaced_by: HashMap<&str, Vec<&str>> = HashMap::new();
        for (_, manifest) in sources.iter().filter(|_| !updates.is_empty()) {
            for replaced in manifest.replaces() {
                replaced_by.entry(replaced).or_default().push(manifest.journal_id());
            }
        }
        let sources = sources.iter().map(|(_, manifest)| manifest.journal_id()).collect();
        Self { updates, by_event, sources, replaced_by }
    }

    /// What the updates make of a row: a delete beats every update; of updates the newest counts, if newer than the
    /// last one that the row has had.
    pub fn outcome(&self, manifest: &Manifest, row: usize) -> Outcome {
        let Some(numbers) = self.by_event.get(manifest.event_id(row)) else { return Outcome::Unchanged };
        let mut newest = manifest.updated(row);
        let mut outcome = Outcome::Unchanged;
        for (number, update) in numbers.iter().filter_map(|number| Some((number, self.updates.get(*number as usize)?)))
        {
            if !self.is_about(update, manifest, row) {
                continue;
            }
            if update.is_delete {
                return Outcome::Deleted;
            }
            if newest.is_none_or(|newest| newest < update.timestamp) {
                newest = Some(update.timestamp);
                outcome = Outcome::Updated(*number);
            }
        }
        outcome
    }

    /// Whether an update of the row's event was made for this row: for its journal, or for the one that it came from.
    /// Where 0.4.3 put the event and it has been combined since, nobody knows where the row came from: then also for
    /// a journal that this one replaces, or one that none of those combined here is known to have to do with.
    fn is_about(&self, update: &Update, manifest: &Manifest, row: usize) -> bool {
        let target = update.journal_id.as_str();
        if target == manifest.journal_id() || Some(target) == manifest.source(row) {
            return true;
        }
        if manifest.birth(row).is_some() || manifest.name().made.is_none() {
            return false;
        }
        match self.replaced_by.get(target) {
            Some(replacing) => replacing.contains(&manifest.journal_id()),
            None => !self.sources.contains(target),
        }
    }
}
