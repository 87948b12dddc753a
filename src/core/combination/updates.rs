//! Updates, and which of them apply to which rows.

use std::collections::{HashMap, HashSet};

use crate::core::sources::{SourceRow, Sources};
use crate::core::timestamp::Timestamp;

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
    /// How many bytes its data are.
    pub size: u64,
}

/// What the updates make of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// Its event is deleted.
    Deleted,
    /// It has the data of the update with this number.
    Updated(u32),
    /// It stays as it is.
    Unchanged,
}

/// Updates by event, and the journals that they may be for.
pub struct Updates<'a> {
    sources: &'a Sources,
    updates: &'a [Update],
    by_event: HashMap<&'a str, Vec<u32>>,
    combined: HashSet<&'a str>,
    replaced_by: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> Updates<'a> {
    /// Updates to be applied to journals that are combined.
    pub fn new(sources: &'a Sources, updates: &'a [Update]) -> Self {
        let mut by_event: HashMap<&str, Vec<u32>> = HashMap::new();
        for (update, number) in updates.iter().zip(0..) {
            by_event.entry(&update.event_id).or_default().push(number);
        }
        let mut replaced_by: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut combined = HashSet::new();
        if !updates.is_empty() {
            combined.extend(sources.journal_ids().iter());
            for manifest in sources.journaled() {
                for replaced in manifest.replaces().iter() {
                    replaced_by.entry(replaced).or_default().push(manifest.journal_id());
                }
            }
        }
        Self { sources, updates, by_event, combined, replaced_by }
    }

    /// What the updates make of a row. A delete beats every update. Of several updates the newest counts, if it is
    /// newer than the last one that was applied to the row.
    pub fn applied_to(&self, row: u32) -> Applied {
        let Some(numbers) = self.by_event.get(self.sources.event_id(row)) else { return Applied::Unchanged };
        let row = self.sources.row(row);
        let mut newest = row.facts.updated;
        let mut applied = Applied::Unchanged;
        for (number, update) in numbers.iter().filter_map(|number| Some((number, self.updates.get(*number as usize)?)))
        {
            if !self.is_about(update, row) {
                continue;
            }
            if update.is_delete {
                return Applied::Deleted;
            }
            if newest.is_none_or(|newest| newest < update.timestamp) {
                newest = Some(update.timestamp);
                applied = Applied::Updated(*number);
            }
        }
        applied
    }

    /// Whether an update of the row's event was made for this row: for its journal, or for the one that it came from.
    ///
    /// Where 0.4.3 put the event, and it has been combined since, the journal that it came from is not known. Then the
    /// update may also be for any journal that the row's journal replaces, or for one that none of the sources is or
    /// replaces.
    fn is_about(&self, update: &Update, row: &SourceRow) -> bool {
        let target = update.journal_id.as_str();
        let source = self.sources.journal_id(row.source);
        if target == source || Some(target) == self.sources.came_from(row) {
            return true;
        }
        if row.facts.birth.is_some() || self.sources.is_new(row) {
            return false;
        }
        match self.replaced_by.get(target) {
            Some(replacing) => replacing.contains(&source),
            None => !self.combined.contains(target),
        }
    }
}
