//! Journals combined into one with their updates applied.

#[cfg(test)]
mod tests;
mod updates;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use super::error::{Error, Result};
use super::manifest::{Manifest, RowBeside};
use super::row::LARGEST;
use super::timestamp::Timestamp;
use super::window::{MOST_EVENTS, Pick, Source, Window};
use updates::{Outcome, Updates};

pub use updates::Update;

/// Journals combined: which rows are left, in order, and whose data each has.
#[derive(Debug)]
pub struct Combination {
    sources: Arc<[Source]>,
    rows: Vec<Chosen>,
    size: u64,
}

/// A row of a source that is left after the deletes.
#[derive(Debug, Clone, Copy)]
struct Chosen {
    source: u32,
    row: u32,
    size: u64,
    updated: Option<Timestamp>,
    update: Option<u32>,
}

impl Combination {
    /// Combines journals. `current` says, for ids that several rows have after the deletes, which source the index
    /// names: of those rows the one with the newest `updated` stays, then the one in that source, then the one in the
    /// most credible journal.
    pub fn new(sources: Vec<Arc<Manifest>>, updates: &[Update], current: &HashMap<String, String>) -> Result<Self> {
        let sources = numbered(sources);
        let mut rows = left(&sources, updates);
        for mut rivals in rivals(&sources, &rows) {
            let named = rivals.first().and_then(|first| current.get(event_id(&sources, &rows[*first])));
            rivals.sort_by(|one, other| credibility(&sources, named, &rows[*one], &rows[*other]));
            rivals.pop();
            for beaten in rivals {
                rows[beaten].source = BEATEN;
            }
        }
        rows.retain(|row| row.source != BEATEN);
        rows.sort_by(|one, other| place(&sources, one).cmp(&place(&sources, other)));
        let size = rows.iter().try_fold(0_u64, |sum, row| sum.checked_add(row.size)).filter(|size| *size <= LARGEST);
        let first_id = sources.first().map_or("", |(_, manifest)| manifest.journal_id());
        let size = size.ok_or_else(|| {
            Error::corrupt(first_id, format_args!("combined with others it would have more than {LARGEST} bytes"))
        })?;
        Ok(Self { sources, rows, size })
    }

    /// The ids that several rows have after the deletes, in order.
    pub fn contested(sources: Vec<Arc<Manifest>>, updates: &[Update]) -> Vec<String> {
        let sources = numbered(sources);
        let rows = left(&sources, updates);
        let rivals = rivals(&sources, &rows);
        let firsts = rivals.iter().filter_map(|rivals| rivals.first());
        let mut ids: Vec<String> = firsts.map(|first| event_id(&sources, &rows[*first]).to_owned()).collect();
        ids.sort_unstable();
        ids
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
        self.rows.first().map(|row| place(&self.sources, row).0)
    }

    /// The timestamp of the last event.
    pub fn end(&self) -> Option<Timestamp> {
        self.rows.last().map(|row| place(&self.sources, row).0)
    }

    /// Bytes of the combined blob.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The combined journal's manifest.
    pub fn manifest(&self, journal_id: &str) -> Result<Manifest> {
        let replaces = self.sources.iter().map(|(_, manifest)| manifest.journal_id().to_owned()).collect();
        let mut combined = Manifest::of_rows(journal_id, &[], self.size, replaces)?;
        let mut offset = 0;
        for chosen in &self.rows {
            let (source, row) = (&self.sources[chosen.source as usize].1, chosen.row as usize);
            let revision = match source.revision(row) {
                None => None,
                Some(revision) => Some(revision.next().ok_or_else(|| {
                    let id = source.event_id(row);
                    Error::corrupt(source.journal_id(), format_args!("event {id:?} has the greatest revision there is"))
                })?),
            };
            let beside =
                RowBeside { revision, birth: source.birth(row), updated: chosen.updated, from: Some(chosen.source) };
            combined.append(source.place(row), offset, chosen.size, beside);
            offset += chosen.size;
        }
        Ok(combined.finished())
    }

    /// The whole blob, cut into stretches of about `limit` bytes, each of at least one event.
    pub fn windows(&self, limit: u64) -> Vec<Window> {
        let mut windows = Vec::new();
        let mut rest = self.rows.as_slice();
        while !rest.is_empty() {
            let (stretch, after) = rest.split_at(stretch(rest, limit));
            let picks: Vec<Pick> = stretch.iter().map(Chosen::pick).collect();
            windows.extend(Window::plan(Arc::clone(&self.sources), &picks));
            rest = after;
        }
        windows
    }
}

/// Instead of the number of a source: the row is not the one of its event that stays.
const BEATEN: u32 = u32::MAX;

impl Chosen {
    fn pick(&self) -> Pick {
        Pick { journal: self.source, row: self.row, update: self.update.map(|update| (update, self.size)) }
    }
}

fn numbered(sources: Vec<Arc<Manifest>>) -> Arc<[Source]> {
    (0..).zip(sources).collect()
}

fn event_id<'a>(sources: &'a [Source], chosen: &Chosen) -> &'a str {
    place(sources, chosen).1
}

fn place<'a>(sources: &'a [Source], chosen: &Chosen) -> (Timestamp, &'a str) {
    sources[chosen.source as usize].1.place(chosen.row as usize)
}

/// The rows that are left after the deletes.
fn left(sources: &[Source], updates: &[Update]) -> Vec<Chosen> {
    let known = Updates::new(sources, updates);
    let mut rows = Vec::new();
    for (source, manifest) in sources {
        for (row, number) in (0..manifest.len()).zip(0..) {
            let unchanged = Chosen {
                source: *source,
                row: number,
                size: manifest.size_of(row),
                updated: manifest.updated(row),
                update: None,
            };
            match known.outcome(manifest, row) {
                Outcome::Deleted => {}
                Outcome::Unchanged => rows.push(unchanged),
                Outcome::Updated(update) => rows.extend(updates.get(update as usize).map(|applied| Chosen {
                    size: applied.size,
                    updated: Some(applied.timestamp),
                    update: Some(update),
                    ..unchanged
                })),
            }
        }
    }
    rows
}

/// Of each event_id that several rows have, those rows.
fn rivals(sources: &[Source], rows: &[Chosen]) -> Vec<Vec<usize>> {
    let mut first_of: HashMap<&str, usize> = HashMap::with_capacity(rows.len());
    let mut rivals: HashMap<usize, Vec<usize>> = HashMap::new();
    for (row, chosen) in rows.iter().enumerate() {
        let first = *first_of.entry(event_id(sources, chosen)).or_insert(row);
        if first != row {
            rivals.entry(first).or_insert_with(|| vec![first]).push(row);
        }
    }
    rivals.into_values().collect()
}

/// Of two rows of one event, which is rather the one to stay: the greater.
fn credibility(sources: &[Source], named: Option<&String>, one: &Chosen, other: &Chosen) -> Ordering {
    let rank = |chosen: &Chosen| {
        let manifest = &sources[chosen.source as usize].1;
        let is_named = named.is_some_and(|journal_id| journal_id == manifest.journal_id());
        (chosen.updated, is_named, manifest.credibility())
    };
    rank(one).cmp(&rank(other)).then_with(|| (one.source, one.row).cmp(&(other.source, other.row)))
}

/// How many of the rows make up the next stretch.
fn stretch(rows: &[Chosen], limit: u64) -> usize {
    let mut size = 0_u64;
    let fitting = rows.iter().take(MOST_EVENTS).take_while(|row| {
        size = size.saturating_add(row.size);
        size <= limit
    });
    fitting.count().max(1)
}
