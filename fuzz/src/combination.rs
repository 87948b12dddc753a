//! Combinations, compared with one that applies each rule to each row and each update.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use _core::core::combination::{Combination, Update};
use _core::core::manifest::Manifest;
use _core::core::row::{LARGEST, Row, RowFacts};
use _core::core::sources::Sources;
use _core::core::timestamp::Timestamp;

use crate::choices::Choices;
use crate::journals::{self, IDS, moment};
use crate::manifest;
use crate::windows::{self, Expected};

/// The combined journal's id.
const COMBINED: &str = "2020-01-01T000000.000000Z--2020-01-01T000100.000000Z--2020-01-02T000000.000000Z--00000000-0000-4000-8000-ffffffffffff";

/// Combines journals with updates.
pub fn check(data: &[u8]) {
    let mut choices = Choices::new(data);
    let journals = journals::some(&mut choices, 5);
    let mut sources = Sources::default();
    journals.iter().for_each(|journal| sources.add(journal).expect("few"));
    let sources = Arc::new(sources);
    let updates: Vec<Update> = (0..choices.below(8)).map(|_| update(&mut choices, &journals)).collect();
    let current: HashMap<String, String> = (0..choices.below(4))
        .map(|_| (choices.one_of(&IDS).to_owned(), one_of(&mut choices, &journals).journal_id().to_owned()))
        .collect();
    let naive = Naive { journals, updates, current };
    let rows = naive.left();
    assert_eq!(Combination::contested(&sources, &naive.updates), naive.contested(&rows));
    let rows = naive.chosen(rows);
    let size = rows.iter().map(|row| u128::from(naive.size(row))).sum::<u128>();
    match Combination::new(sources, &naive.updates, &naive.current) {
        Ok(combination) => {
            assert_eq!(u128::from(combination.size()), size);
            naive.check(&mut choices, &combination, &rows);
        }
        Err(_) => assert!(size > u128::from(LARGEST)),
    }
}

fn one_of(choices: &mut Choices<'_>, journals: &[Arc<Manifest>]) -> Arc<Manifest> {
    Arc::clone(&journals[choices.below(journals.len() as u64) as usize])
}

fn update(choices: &mut Choices<'_>, journals: &[Arc<Manifest>]) -> Update {
    let journal = one_of(choices, journals);
    let replaced = choices.perhaps(3).and_then(|index| journal.replaces().iter().nth(index as usize));
    let is_delete = choices.is_rare(4);
    Update {
        journal_id: if choices.is_rare(8) { "of another" } else { replaced.unwrap_or(journal.journal_id()) }.to_owned(),
        event_id: choices.one_of(&IDS).to_owned(),
        timestamp: moment(choices),
        is_delete,
        size: if is_delete { 0 } else { choices.size().min(LARGEST) },
    }
}

/// A row, and the update that it has.
#[derive(Debug, Clone)]
struct Chosen {
    source: usize,
    row: Row,
    index: usize,
    update: Option<usize>,
}

struct Naive {
    journals: Vec<Arc<Manifest>>,
    updates: Vec<Update>,
    current: HashMap<String, String>,
}

impl Naive {
    fn is_about(&self, update: &Update, source: usize, row: &Row) -> bool {
        let (journal, target) = (&self.journals[source], update.journal_id.as_str());
        let replaces = |journal: &Manifest| journal.replaces().iter().any(|replaced| replaced == target);
        let is_unknown = !self.journals.iter().any(|journal| journal.journal_id() == target || replaces(journal));
        update.event_id == row.event_id
            && (target == journal.journal_id()
                || row.came_from.as_deref() == Some(target)
                || (row.facts.birth.is_none() && journal.name().made.is_some() && (replaces(journal) || is_unknown)))
    }

    /// The rows that are left after the deletes, each with its update.
    fn left(&self) -> Vec<Chosen> {
        let mut left = Vec::new();
        for (source, journal) in self.journals.iter().enumerate() {
            for row in (0..journal.len()).filter_map(|row| journal.row(row)) {
                let mut about: Vec<usize> = (0..self.updates.len())
                    .filter(|update| self.is_about(&self.updates[*update], source, &row))
                    .collect();
                if about.iter().any(|update| self.updates[*update].is_delete) {
                    continue;
                }
                about
                    .retain(|update| row.facts.updated.is_none_or(|updated| updated < self.updates[*update].timestamp));
                // Of several that are as new, the first.
                let update = about.into_iter().rev().max_by_key(|update| self.updates[*update].timestamp);
                left.push(Chosen { source, row, index: 0, update });
            }
        }
        left.iter_mut().enumerate().for_each(|(index, chosen)| chosen.index = index);
        left
    }

    fn contested(&self, rows: &[Chosen]) -> Vec<String> {
        let of = |id: &str| rows.iter().filter(|chosen| chosen.row.event_id == id).count();
        let ids: BTreeSet<&str> = rows.iter().map(|chosen| chosen.row.event_id.as_str()).collect();
        ids.into_iter().filter(|id| of(id) > 1).map(str::to_owned).collect()
    }

    fn updated(&self, chosen: &Chosen) -> Option<Timestamp> {
        chosen.update.map(|update| self.updates[update].timestamp).or(chosen.row.facts.updated)
    }

    fn size(&self, chosen: &Chosen) -> u64 {
        chosen.update.map_or(chosen.row.facts.size, |update| self.updates[update].size)
    }

    /// Of each event's rows the one to believe, in order.
    fn chosen(&self, rows: Vec<Chosen>) -> Vec<Chosen> {
        let credibility = |chosen: &Chosen| {
            let journal = &self.journals[chosen.source];
            let is_named = self.current.get(&chosen.row.event_id).is_some_and(|named| named == journal.journal_id());
            (self.updated(chosen), is_named, journal.name().made, journal.journal_id().to_owned(), chosen.index)
        };
        let mut best: BTreeMap<String, Chosen> = BTreeMap::new();
        for chosen in rows {
            match best.get(&chosen.row.event_id) {
                Some(other) if credibility(other) > credibility(&chosen) => {}
                _ => drop(best.insert(chosen.row.event_id.clone(), chosen)),
            }
        }
        let mut rows: Vec<Chosen> = best.into_values().collect();
        rows.sort_by(|one, other| {
            (one.row.facts.timestamp, &one.row.event_id).cmp(&(other.row.facts.timestamp, &other.row.event_id))
        });
        rows
    }

    fn check(&self, choices: &mut Choices<'_>, combination: &Combination, rows: &[Chosen]) {
        assert_eq!(combination.len(), rows.len());
        let dates: Vec<Timestamp> = rows.iter().map(|chosen| chosen.row.facts.timestamp).collect();
        assert_eq!((combination.start(), combination.end()), (dates.first().copied(), dates.last().copied()));
        self.check_manifest(combination, rows);
        self.check_windows(choices, combination, rows);
    }

    fn check_manifest(&self, combination: &Combination, rows: &[Chosen]) {
        let mut offset = 0;
        let expected: Option<Vec<Row>> = rows
            .iter()
            .map(|chosen| {
                let revision = match chosen.row.facts.revision {
                    Some(revision) => Some(revision.next()?),
                    None => None,
                };
                let (size, updated) = (self.size(chosen), self.updated(chosen));
                let facts = RowFacts { offset, size, revision, updated, ..chosen.row.facts };
                let came_from = Some(self.journals[chosen.source].journal_id().to_owned());
                offset += size;
                Some(Row { event_id: chosen.row.event_id.clone(), facts, came_from })
            })
            .collect();
        let combined = combination.manifest(COMBINED).ok();
        let rows = combined.as_ref().map(|combined| (0..combined.len()).filter_map(|row| combined.row(row)).collect());
        assert_eq!(rows, expected);
        if let Some(combined) = combined {
            assert!(combined.replaces().iter().eq(self.journals.iter().map(|journal| journal.journal_id())));
            assert_eq!(combined.size(), combination.size());
            manifest::check_written(&combined);
        }
    }

    fn check_windows(&self, choices: &mut Choices<'_>, combination: &Combination, rows: &[Chosen]) {
        let blobs: Vec<u64> = self.journals.iter().map(|journal| journal.size()).collect();
        let mut first = 0;
        while first < rows.len() {
            let limit = if choices.is_rare(8) { u64::MAX } else { choices.size().saturating_mul(4) };
            let window = combination.window(first, limit).expect("rows that are left");
            assert!(window.len() == 1 || window.size() <= limit);
            let expected: Vec<Expected> =
                rows[first..][..window.len()].iter().map(|chosen| self.expected(chosen)).collect();
            first += window.len();
            windows::check(window, &expected, &blobs);
        }
        assert!(combination.window(rows.len(), 1).is_none() && combination.window(rows.len() + 1, 1).is_none());
    }

    fn expected(&self, chosen: &Chosen) -> Expected {
        let Chosen { source, row, update, .. } = chosen;
        Expected {
            timestamp: row.facts.timestamp,
            event_id: row.event_id.clone(),
            source: *source as u32,
            offset: row.facts.offset,
            size: self.size(chosen),
            update: update.map(|update| update as u32),
        }
    }
}
