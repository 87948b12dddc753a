//! A journal's manifest in columns.

mod decode;
mod encode;
mod lookup;
mod sections;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};

use super::column::Column;
use super::error::{Error, Result};
use super::journal_id::JournalId;
use super::place::Place;
use super::row::{LARGEST, Revision, Row, RowFacts, check_bounds};
use super::texts::Texts;
use super::timestamp::Timestamp;
use lookup::Lookup;

/// A journal's manifest: a column for each field, rows in (timestamp, event_id) order.
#[derive(Debug)]
pub struct Manifest {
    journal_id: String,
    name: JournalId,
    size: u64,
    ids: Texts,
    timestamps: Vec<Timestamp>,
    offsets: Vec<u64>,
    sizes: Vec<u64>,
    ours: Option<Ours>,
    is_ordered: bool,
    has_duplicates: bool,
    lookup: OnceLock<Lookup>,
}

/// What 0.4.3 does not know: columns beside its own, and the journals that this one was combined from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Ours {
    revisions: Column<Option<Revision>>,
    updated: Column<Option<Timestamp>>,
    births: Column<Option<Revision>>,
    /// Of each row the index, among the journals replaced, of the one that it came from.
    came_from: Column<Option<u32>>,
    replaces: Arc<Texts>,
}

impl Manifest {
    /// A manifest of these rows over a blob of `size` bytes.
    pub fn of_rows(journal_id: &str, rows: &[&Row], size: u64, replaces: Arc<Texts>) -> Result<Self> {
        let argument = |what: &str| Error::argument(format_args!("journal {journal_id}: {what}"));
        let name = JournalId::parse(journal_id).ok_or_else(|| argument("that is not a journal_id's shape"))?;
        if size > LARGEST {
            return Err(argument(&format!("a blob of {size} bytes is too large")));
        }
        if u32::try_from(rows.len()).is_err() {
            return Err(argument("there are more rows than can be counted"));
        }
        if let Some(wrong) = replaces.iter().find(|journal_id| JournalId::parse(journal_id).is_none()) {
            return Err(argument(&format!("replaces: {wrong:?} does not have a journal_id's shape")));
        }
        let indices: HashMap<&str, u32> =
            if rows.is_empty() { HashMap::new() } else { replaces.iter().zip(0..).collect() };
        let mut manifest = Self { size, ours: Some(Ours::default()), ..Self::empty(journal_id, name) };
        for row in rows {
            let about = |what: &str| argument(&format!("event {:?}: {what}", row.event_id));
            check_bounds(row.facts.offset, row.facts.size, size).map_err(|what| about(&what))?;
            let came_from = row.came_from.as_deref().map(|journal_id| indices.get(journal_id).copied());
            if came_from == Some(None) {
                return Err(about("the journal that it came from is not among those replaced"));
            }
            manifest.append(&row.event_id, &row.facts, came_from.flatten());
        }
        if let Some(ours) = &mut manifest.ours {
            ours.replaces = replaces;
        }
        Ok(manifest.finished())
    }

    /// Appends a row to a manifest under construction; `finished` must follow. `came_from`: the index, among the
    /// journals replaced, of the one that the row came from.
    pub(super) fn append(&mut self, event_id: &str, facts: &RowFacts, came_from: Option<u32>) {
        self.ids.push(event_id);
        self.timestamps.push(facts.timestamp);
        self.offsets.push(facts.offset);
        self.sizes.push(facts.size);
        if let Some(ours) = &mut self.ours {
            ours.revisions.push(facts.revision);
            ours.updated.push(facts.updated);
            ours.births.push(facts.birth);
            ours.came_from.push(came_from);
        }
    }

    /// Ends the construction. Puts the rows in order, if they are not; rows of one place stay in theirs. Finds out
    /// whether they were in order, and whether a place comes twice.
    pub(super) fn finished(mut self) -> Self {
        let rows = self.len();
        let rises = (1..rows).all(|row| self.place(row - 1) < self.place(row));
        self.is_ordered = rises || (1..rows).all(|row| self.place(row - 1) <= self.place(row));
        if !self.is_ordered {
            let mut order: Vec<u32> = (0..).take(rows).collect();
            order.sort_by(|a, b| self.place(*a as usize).cmp(&self.place(*b as usize)));
            self.reorder(&order);
        }
        self.has_duplicates = !rises && (1..rows).any(|row| self.place(row - 1) == self.place(row));
        if let (Some(first), Some(last)) = (self.timestamps.first(), self.timestamps.last()) {
            self.is_ordered &= self.name.start <= *first && *last <= self.name.end;
        }
        self
    }

    /// Some of the rows, from `first` to before `end`: their places and where their data lie. What else is known of
    /// them stays behind, and so do the journals replaced.
    pub fn places(&self, first: usize, end: usize) -> Self {
        let rows = first..end.max(first);
        Self {
            size: self.size,
            ids: rows.clone().map(|row| self.event_id(row)).collect(),
            timestamps: self.timestamps[rows.clone()].to_vec(),
            offsets: self.offsets[rows.clone()].to_vec(),
            sizes: self.sizes[rows].to_vec(),
            ours: self.ours.as_ref().map(|_| Ours::default()),
            is_ordered: self.is_ordered,
            has_duplicates: self.has_duplicates,
            ..Self::empty(&self.journal_id, self.name)
        }
    }

    /// The journal's id.
    pub fn journal_id(&self) -> &str {
        &self.journal_id
    }

    /// What the journal's id says.
    pub fn name(&self) -> JournalId {
        self.name
    }

    /// Which journal to believe, of two that have a row of one event, where nothing else decides: the one with the
    /// greater credibility. That is the one made later, `new` being before all; then the one with the greater
    /// journal_id.
    pub fn credibility(&self) -> (Option<Timestamp>, &str) {
        (self.name.made, &self.journal_id)
    }

    /// The blob's length in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The journals that this one was combined from; none where 0.4.3 wrote it.
    pub fn replaces(&self) -> &Arc<Texts> {
        static NONE: LazyLock<Arc<Texts>> = LazyLock::new(Arc::default);
        self.ours.as_ref().map_or(&NONE, |ours| &ours.replaces)
    }

    /// Whether it has what 0.4.3 does not know, and that counts.
    pub fn is_ours(&self) -> bool {
        self.ours.is_some()
    }

    /// Whether the rows came in order, and lie within the range that the journal_id names.
    pub fn is_ordered(&self) -> bool {
        self.is_ordered
    }

    /// Whether several rows have one timestamp and one event_id.
    pub fn has_duplicates(&self) -> bool {
        self.has_duplicates
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.timestamps.len()
    }

    /// Whether there are no rows: a fence, or an empty journal.
    pub fn is_empty(&self) -> bool {
        self.timestamps.is_empty()
    }

    /// A row's event_id.
    #[inline]
    pub fn event_id(&self, row: usize) -> &str {
        self.ids.get(row)
    }

    /// A row's timestamp.
    #[inline]
    pub fn timestamp(&self, row: usize) -> Timestamp {
        self.timestamps[row]
    }

    /// All rows' timestamps.
    pub fn timestamps(&self) -> &[Timestamp] {
        &self.timestamps
    }

    /// Where a row's data begin in the blob.
    #[inline]
    pub fn offset(&self, row: usize) -> u64 {
        self.offsets[row]
    }

    /// How many bytes a row's data are.
    #[inline]
    pub fn size_of(&self, row: usize) -> u64 {
        self.sizes[row]
    }

    /// A row's index revision, where it is known.
    pub fn revision(&self, row: usize) -> Option<Revision> {
        self.ours.as_ref().and_then(|ours| ours.revisions.get(row)?)
    }

    /// The revision of the claim that a row's event began with, where it is known.
    pub fn birth(&self, row: usize) -> Option<Revision> {
        self.ours.as_ref().and_then(|ours| ours.births.get(row)?)
    }

    /// When the last update applied to a row was made.
    pub fn updated(&self, row: usize) -> Option<Timestamp> {
        self.ours.as_ref().and_then(|ours| ours.updated.get(row)?)
    }

    /// The journal that a row came from, where it is known.
    pub fn came_from(&self, row: usize) -> Option<&str> {
        let ours = self.ours.as_ref()?;
        ours.came_from.get(row)?.map(|index| ours.replaces.get(index as usize))
    }

    /// Where a row stands in the order of all events.
    #[inline]
    pub fn place(&self, row: usize) -> Place<'_> {
        (self.timestamps[row], self.ids.get(row))
    }

    /// A row as a value; none beyond the last.
    pub fn row(&self, row: usize) -> Option<Row> {
        (row < self.len()).then(|| Row {
            event_id: self.event_id(row).to_owned(),
            facts: self.facts(row),
            came_from: self.came_from(row).map(str::to_owned),
        })
    }

    /// What a row says but for its texts.
    pub fn facts(&self, row: usize) -> RowFacts {
        RowFacts {
            timestamp: self.timestamps[row],
            offset: self.offsets[row],
            size: self.sizes[row],
            revision: self.revision(row),
            birth: self.birth(row),
            updated: self.updated(row),
        }
    }

    /// The last row that has this id.
    pub fn find(&self, event_id: &str) -> Option<usize> {
        self.lookup().find(&self.ids, event_id)
    }

    /// For each id, the last row that has it.
    pub fn find_all(&self, event_ids: &[impl AsRef<str>]) -> Vec<Option<usize>> {
        self.lookup().find_all(&self.ids, event_ids)
    }

    fn lookup(&self) -> &Lookup {
        // It is not made inside `get_or_init`: a child forked meanwhile would wait for a thread that it does not have.
        match self.lookup.get() {
            Some(lookup) => lookup,
            None => {
                let lookup = Lookup::new(&self.ids);
                self.lookup.get_or_init(|| lookup)
            }
        }
    }

    /// The first row from `from` on, up to `to`, that does not come before a place.
    ///
    /// The search looks ahead in steps that double, so it is quick where the row is near `from`.
    pub fn first_not_before(&self, mut from: usize, mut to: usize, place: Place<'_>) -> usize {
        let mut step = 1;
        while from < to {
            let probe = (from + step - 1).min(to - 1);
            if self.place(probe) < place {
                from = probe + 1;
                step *= 2;
            } else {
                to = probe;
                break;
            }
        }
        while from < to {
            let middle = from + (to - from) / 2;
            if self.place(middle) < place {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        from
    }

    fn empty(journal_id: &str, name: JournalId) -> Self {
        Self {
            journal_id: journal_id.to_owned(),
            name,
            size: 0,
            ids: Texts::default(),
            timestamps: Vec::new(),
            offsets: Vec::new(),
            sizes: Vec::new(),
            ours: None,
            is_ordered: true,
            has_duplicates: false,
            lookup: OnceLock::new(),
        }
    }

    fn reorder(&mut self, order: &[u32]) {
        self.ids = self.ids.reordered(order);
        self.timestamps = reordered(&self.timestamps, order);
        self.offsets = reordered(&self.offsets, order);
        self.sizes = reordered(&self.sizes, order);
        if let Some(ours) = &mut self.ours {
            ours.revisions = ours.revisions.reordered(order);
            ours.updated = ours.updated.reordered(order);
            ours.births = ours.births.reordered(order);
            ours.came_from = ours.came_from.reordered(order);
        }
    }
}

fn reordered<T: Copy>(column: &[T], order: &[u32]) -> Vec<T> {
    order.iter().map(|row| column[*row as usize]).collect()
}
