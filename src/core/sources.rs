//! Journals to be combined. Their rows lie side by side, since there may be a million journals with one row each.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::{Error, Result};
use super::journal_id::JournalId;
use super::manifest::Manifest;
use super::place::Place;
use super::row::RowFacts;
use super::texts::Texts;
use super::timestamp::Timestamp;

/// Journals to be combined. The number of a source counts the journals before it.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    journal_ids: Arc<Texts>,
    event_ids: Texts,
    rows: Vec<SourceRow>,
    size: u64,
    journaled: BTreeMap<u32, Arc<Manifest>>,
}

/// A row of a source, but for its event_id.
#[derive(Debug, Clone, Copy)]
pub struct SourceRow {
    /// The number of its source.
    pub source: u32,
    /// The row's number in its source.
    pub row: u32,
    /// What it says.
    pub facts: RowFacts,
}

impl Sources {
    /// Adds a journal. Its manifest is kept only if it has been journaled, or replaces others: in a new one there is
    /// nothing beside its rows.
    pub fn add(&mut self, manifest: &Arc<Manifest>) -> Result<()> {
        let too_many = || Error::argument("there are more sources or rows than can be counted");
        let source = u32::try_from(self.len()).map_err(|_| too_many())?;
        u32::try_from(self.rows.len() + manifest.len()).map_err(|_| too_many())?;
        Arc::make_mut(&mut self.journal_ids).push(manifest.journal_id());
        for (index, row) in (0..manifest.len()).zip(0..) {
            self.event_ids.push(manifest.event_id(index));
            self.rows.push(SourceRow { source, row, facts: manifest.facts(index) });
        }
        self.size = self.size.saturating_add(manifest.size());
        if manifest.name().made.is_some() || !manifest.replaces().is_empty() {
            self.journaled.insert(source, Arc::clone(manifest));
        }
        Ok(())
    }

    /// How many journals there are.
    pub fn len(&self) -> usize {
        self.journal_ids.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.journal_ids.is_empty()
    }

    /// How many bytes their blobs have in all.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Their journal_ids.
    pub fn journal_ids(&self) -> &Arc<Texts> {
        &self.journal_ids
    }

    /// A source's journal_id.
    pub fn journal_id(&self, source: u32) -> &str {
        self.journal_ids.get(source as usize)
    }

    /// The manifests of those that have been journaled before, or replace others.
    pub fn journaled(&self) -> impl Iterator<Item = &Arc<Manifest>> {
        self.journaled.values()
    }

    /// The rows of all, source after source.
    pub fn rows(&self) -> &[SourceRow] {
        &self.rows
    }

    /// A row by its index among those of all.
    pub fn row(&self, row: u32) -> &SourceRow {
        &self.rows[row as usize]
    }

    /// A row's event_id.
    pub fn event_id(&self, row: u32) -> &str {
        self.event_ids.get(row as usize)
    }

    /// Where a row stands in the order of all events.
    pub fn place(&self, row: u32) -> Place<'_> {
        (self.row(row).facts.timestamp, self.event_id(row))
    }

    /// The journal that a row came from, when its source was combined, where it is known.
    pub fn came_from(&self, row: &SourceRow) -> Option<&str> {
        self.journaled.get(&row.source).and_then(|manifest| manifest.came_from(row.row as usize))
    }

    /// Whether a row's event has been put, and not been journaled yet.
    pub fn is_new(&self, row: &SourceRow) -> bool {
        self.journaled.get(&row.source).is_none_or(|manifest| manifest.name().made.is_none())
    }

    /// How far to believe a source where several have a row of one event: see `Manifest::credibility`.
    pub fn credibility(&self, source: u32) -> (Option<Timestamp>, &str) {
        let journal_id = self.journal_id(source);
        (JournalId::parse(journal_id).and_then(|name| name.made), journal_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_takes_64_bytes_beside_its_event_id() {
        assert_eq!(size_of::<SourceRow>(), 64, "there may be a million of them");
    }
}
