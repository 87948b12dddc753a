//! The journals that others have replaced, as far as they may yet come.

use std::sync::Arc;

use crate::core::manifest::Manifest;
use crate::core::texts::Texts;
use crate::core::timestamp::LENGTH;

/// Journals that were combined into others. There may be as many as events, so those that one journal has replaced stay
/// one column, as its manifest has them.
#[derive(Debug, Default)]
pub struct Replaced {
    by_journal: Vec<JournalIds>,
}

impl Replaced {
    /// Notes what a journal has replaced.
    pub fn note(&mut self, journal_ids: JournalIds) {
        self.by_journal.push(journal_ids);
    }

    /// Whether a journal has been replaced.
    pub fn contains(&self, journal_id: &str) -> bool {
        self.by_journal.iter().any(|journal_ids| journal_ids.contains(journal_id))
    }

    /// Forgets what a journal has replaced, where all of it begins before the date at which `journal_id` begins.
    pub fn forget_before(&mut self, journal_id: &str) {
        let start = journal_id.get(..LENGTH).unwrap_or(journal_id);
        self.by_journal.retain(|journal_ids| journal_ids.last() >= start);
    }
}

/// The ids of the journals that one journal has replaced.
#[derive(Debug)]
pub struct JournalIds {
    texts: Arc<Texts>,
    /// Their indices in rising order of the ids; none where the ids rise as they stand.
    order: Option<Vec<u32>>,
}

impl JournalIds {
    /// Those that a manifest names; none where it names none.
    pub fn of(manifest: &Manifest) -> Option<Self> {
        let texts = manifest.replaces();
        if texts.is_empty() {
            return None;
        }
        let rises = (1..texts.len()).all(|index| texts.get(index - 1) <= texts.get(index));
        let order = (!rises).then(|| {
            let mut order: Vec<u32> = (0..).take(texts.len()).collect();
            order.sort_unstable_by(|one, other| texts.get(*one as usize).cmp(texts.get(*other as usize)));
            order
        });
        Some(Self { texts: Arc::clone(texts), order })
    }

    fn get(&self, index: usize) -> &str {
        self.texts.get(self.order.as_ref().map_or(index, |order| order[index] as usize))
    }

    fn last(&self) -> &str {
        self.get(self.texts.len() - 1)
    }

    /// Whether a journal_id is among them.
    pub fn contains(&self, journal_id: &str) -> bool {
        if journal_id < self.get(0) || journal_id > self.last() {
            return false;
        }
        let (mut from, mut to) = (0, self.texts.len());
        while from < to {
            let middle = from + (to - from) / 2;
            if self.get(middle) < journal_id {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        from < self.texts.len() && self.get(from) == journal_id
    }
}
