//! The journals that others have replaced, as far as they may yet be met.

use std::sync::Arc;

use crate::core::ids::Ids;
use crate::core::manifest::Manifest;
use crate::core::timestamp::LENGTH;

/// Journals that were combined into others. Those that one journal has replaced are kept together, as its manifest has
/// them: there may be as many as events.
#[derive(Debug, Default)]
pub struct Replaced {
    by_journal: Vec<Names>,
}

impl Replaced {
    /// Notes what a journal has replaced.
    pub fn note(&mut self, names: Names) {
        self.by_journal.push(names);
    }

    /// Whether a journal has been replaced.
    pub fn contains(&self, journal_id: &str) -> bool {
        self.by_journal.iter().any(|names| names.contains(journal_id))
    }

    /// Lets go of names that all begin before the date at which a journal begins.
    pub fn forget_before(&mut self, journal_id: &str) {
        let start = journal_id.get(..LENGTH).unwrap_or(journal_id);
        self.by_journal.retain(|names| names.last() >= start);
    }
}

/// What one journal has replaced.
#[derive(Debug)]
pub struct Names {
    ids: Arc<Ids>,
    /// Their places, sorted; none where they are in order as they stand.
    order: Option<Vec<u32>>,
}

impl Names {
    /// The names that a manifest has; none where it has none.
    pub fn of(manifest: &Manifest) -> Option<Self> {
        let ids = manifest.replaces();
        if ids.is_empty() {
            return None;
        }
        let rises = (1..ids.len()).all(|place| ids.get(place - 1) <= ids.get(place));
        let order = (!rises).then(|| {
            let mut order: Vec<u32> = (0..).take(ids.len()).collect();
            order.sort_unstable_by(|one, other| ids.get(*one as usize).cmp(ids.get(*other as usize)));
            order
        });
        Some(Self { ids: Arc::clone(ids), order })
    }

    fn get(&self, place: usize) -> &str {
        self.ids.get(self.order.as_ref().map_or(place, |order| order[place] as usize))
    }

    fn last(&self) -> &str {
        self.get(self.ids.len() - 1)
    }

    /// Whether a journal_id is among them.
    pub fn contains(&self, id: &str) -> bool {
        if id < self.get(0) || id > self.last() {
            return false;
        }
        let (mut from, mut to) = (0, self.ids.len());
        while from < to {
            let middle = from + (to - from) / 2;
            if self.get(middle) < id {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        from < self.ids.len() && self.get(from) == id
    }
}
