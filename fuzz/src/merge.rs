//! Merges, compared with one that keeps every row and looks at all of them for each event.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use _core::core::manifest::Manifest;
use _core::core::merge::{Merge, Verdict};
use _core::core::place::OwnedPlace;
use _core::core::timestamp::{LENGTH, Timestamp};

use crate::choices::Choices;
use crate::journals::{self, moment};
use crate::windows::{self, Expected};

/// Merges journals, which come in the order of their names but for some that come late.
pub fn check(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut journals = journals::some(&mut choices, 8);
    journals.sort_by(|one, other| one.journal_id().cmp(other.journal_id()));
    let (late, in_time): (Vec<_>, Vec<_>) = journals.into_iter().partition(|_| choices.is_rare(4));
    let Some(mut merge) = Both::new(&mut choices) else { return };
    for journal in in_time.iter().chain(&late) {
        if choices.is_true() {
            let before = if choices.is_rare(4) { moment(&mut choices) } else { journal.name().start };
            merge.windows(&mut choices, Some(before));
        }
        merge.add(&mut choices, journal);
    }
    merge.windows(&mut choices, None);
    assert_eq!(merge.real.pending(), 0);
}

/// A merge, and the naive one beside it.
struct Both {
    real: Merge,
    naive: Naive,
}

impl Both {
    fn new(choices: &mut Choices<'_>) -> Option<Self> {
        let from = choices.is_rare(4).then(|| moment(choices));
        let to = choices.is_rare(4).then(|| moment(choices));
        let after = choices.is_rare(4).then(|| (moment(choices), choices.one_of(&journals::IDS).to_owned()));
        let real = Merge::new(from, to, after.clone());
        assert_eq!(real.is_err(), from.zip(to).is_some_and(|(from, to)| from > to));
        Some(Self { real: real.ok()?, naive: Naive { from, to, after, ..Naive::default() } })
    }

    fn add(&mut self, choices: &mut Choices<'_>, journal: &Arc<Manifest>) {
        let asked = self.real.add(Arc::clone(journal));
        assert_eq!(asked, self.naive.add(journal));
        assert_eq!(self.real.pending(), self.naive.pending());
        let is_replaced = |name: &String| self.naive.replaced.iter().any(|names| names.contains(name));
        assert!(self.naive.names.iter().all(|name| self.real.replaces(name) == is_replaced(name)));
        for (timestamp, event_id) in asked.into_iter().chain([(moment(choices), "a".to_owned())]) {
            let verdict = match choices.below(4) {
                0 => continue,
                1 => Verdict::Nobody,
                2 => Verdict::Journal(journal.journal_id().to_owned()),
                _ => Verdict::Journal(self.naive.one_of(choices)),
            };
            self.real.decide((timestamp, &event_id), verdict.clone());
            self.naive.decide((timestamp, event_id), verdict);
        }
    }

    /// Takes windows, one or all that there are.
    fn windows(&mut self, choices: &mut Choices<'_>, before: Option<Timestamp>) {
        while before.is_none() || choices.is_true() {
            let limit = if choices.is_rare(8) { u64::MAX } else { choices.size().saturating_mul(4) };
            let Some(window) = self.real.window(before, limit) else {
                assert_eq!(self.naive.next(before), None);
                assert_eq!(self.real.pending(), self.naive.pending());
                return;
            };
            assert!(window.size() <= limit.saturating_add(limit / 2) || window.len() == 1);
            let expected: Vec<Expected> =
                (0..window.len()).map(|_| self.naive.next(before).expect("no more than there are")).collect();
            self.naive.pass_deleted(before);
            assert_eq!(self.real.pending(), self.naive.pending());
            windows::check(window, &expected, &self.naive.blobs);
        }
    }
}

/// A journal's rows in the range, and those that are left.
#[derive(Debug)]
struct Journal {
    manifest: Arc<Manifest>,
    rows: Vec<usize>,
    left: Vec<usize>,
    is_questioned: bool,
}

impl Journal {
    fn place(&self, row: usize) -> OwnedPlace {
        let (timestamp, event_id) = self.manifest.place(row);
        (timestamp, event_id.to_owned())
    }

    fn places<'a>(&'a self, rows: &'a [usize]) -> impl Iterator<Item = OwnedPlace> {
        rows.iter().map(|row| self.place(*row))
    }

    fn range(&self) -> (Timestamp, Timestamp) {
        let of = |row: Option<&usize>| self.manifest.timestamp(*row.expect("a row"));
        (of(self.rows.first()), of(self.rows.last()))
    }
}

#[derive(Debug, Default)]
struct Naive {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    after: Option<OwnedPlace>,
    journals: Vec<Option<Journal>>,
    names: Vec<String>,
    blobs: Vec<u64>,
    verdicts: BTreeMap<OwnedPlace, Verdict>,
    passed: BTreeSet<OwnedPlace>,
    replaced: Vec<BTreeSet<String>>,
}

impl Naive {
    fn pending(&self) -> usize {
        self.journals.iter().flatten().map(|journal| journal.left.len()).sum()
    }

    fn one_of(&self, choices: &mut Choices<'_>) -> String {
        self.names[choices.below(self.names.len() as u64) as usize].clone()
    }

    fn decide(&mut self, place: OwnedPlace, verdict: Verdict) {
        if let Some(known) = self.verdicts.get_mut(&place) {
            *known = verdict;
        }
    }

    fn add(&mut self, manifest: &Arc<Manifest>) -> Vec<OwnedPlace> {
        let journal_id = manifest.journal_id();
        self.names.push(journal_id.to_owned());
        self.blobs.push(manifest.size());
        let starts_later = |last: &String| last.get(..LENGTH) >= journal_id.get(..LENGTH);
        self.replaced.retain(|names| names.last().is_some_and(starts_later));
        if self.replaced.iter().any(|names| names.contains(journal_id)) {
            self.journals.push(None);
            return Vec::new();
        }
        let names: BTreeSet<String> = manifest.replaces().iter().map(str::to_owned).collect();
        for journal in &mut self.journals {
            journal.take_if(|journal| names.contains(journal.manifest.journal_id()));
        }
        self.replaced.push(names);
        let mut journal = self.entered(manifest);
        let asked = self.ask(&mut journal);
        self.journals.push((!journal.left.is_empty()).then_some(journal));
        asked
    }

    /// The journal with its rows in the range that have not gone out already, or come too late.
    fn entered(&self, manifest: &Arc<Manifest>) -> Journal {
        let mut journal =
            Journal { manifest: Arc::clone(manifest), rows: Vec::new(), left: Vec::new(), is_questioned: false };
        for row in 0..manifest.len() {
            let place = journal.place(row);
            let is_in_range = self.from.is_none_or(|from| from < place.0)
                && self.to.is_none_or(|to| place.0 <= to)
                && self.after.as_ref().is_none_or(|after| *after < place);
            let is_late = manifest.is_ordered() && self.passed.last().is_some_and(|reached| place <= *reached);
            if is_in_range && !is_late {
                journal.rows.push(row);
                if !self.passed.contains(&place) {
                    journal.left.push(row);
                }
            }
        }
        journal
    }

    fn ask(&mut self, journal: &mut Journal) -> Vec<OwnedPlace> {
        let mut asked = BTreeSet::new();
        if journal.left.is_empty() {
            return Vec::new();
        }
        for other in self.journals.iter_mut().flatten() {
            let ((from, to), (start, end)) = (journal.range(), other.range());
            let both_are_ours = journal.manifest.is_ours() && other.manifest.is_ours();
            let places: BTreeSet<OwnedPlace> = other.places(&other.rows).collect();
            let share_a_row = journal.places(&journal.rows).any(|row| places.contains(&row));
            if start > to || from > end || both_are_ours || !share_a_row {
                continue;
            }
            let is_older = journal.manifest.credibility() < other.manifest.credibility();
            let older = if is_older { &mut *journal } else { other };
            older.is_questioned = true;
            asked.extend(older.places(&older.left).filter(|place| !self.verdicts.contains_key(place)));
        }
        self.verdicts.extend(asked.iter().map(|place| (place.clone(), Verdict::Open)));
        asked.into_iter().collect()
    }

    /// The least place that is left before a date, and the journals that have it, the most credible one last.
    fn least(&self, before: Option<Timestamp>) -> Option<(OwnedPlace, Vec<usize>)> {
        let all = self.journals.iter().flatten();
        let place = all.flat_map(|journal| journal.places(&journal.left)).min()?;
        if before.is_some_and(|before| place.0 >= before) {
            return None;
        }
        let journal = |number: &usize| self.journals[*number].as_ref();
        let has_it = |number: &usize| {
            journal(number).is_some_and(|journal| journal.places(&journal.left).any(|row| row == place))
        };
        let mut numbers: Vec<usize> = (0..self.journals.len()).filter(has_it).collect();
        numbers.sort_by_key(|number| journal(number).map(|journal| (journal.manifest.credibility(), *number)));
        Some((place, numbers))
    }

    /// Lets deleted rows pass, up to the next one that goes out.
    fn pass_deleted(&mut self, before: Option<Timestamp>) {
        while let Some((place, numbers)) = self.least(before) {
            let is_questioned = |number: &usize| self.journals[*number].as_ref().is_some_and(|one| one.is_questioned);
            let is_deleted = self.verdicts.get(&place) == Some(&Verdict::Nobody) && numbers.iter().all(is_questioned);
            if numbers.len() > 1 || !is_deleted {
                break;
            }
            self.pass(place, &numbers);
        }
    }

    /// The next event.
    fn next(&mut self, before: Option<Timestamp>) -> Option<Expected> {
        self.pass_deleted(before);
        let (place, numbers) = self.least(before)?;
        let is_named = |number: &usize| match self.verdicts.get(&place) {
            Some(Verdict::Journal(journal_id)) => self.names[*number] == *journal_id,
            _ => false,
        };
        let number = *numbers.iter().rev().find(|number| is_named(number)).or(numbers.last())?;
        let journal = self.journals[number].as_ref()?;
        let row = *journal.left.iter().rev().find(|row| journal.place(**row) == place)?;
        let (offset, size) = (journal.manifest.offset(row), journal.manifest.size_of(row));
        self.pass(place.clone(), &numbers);
        Some(Expected { timestamp: place.0, event_id: place.1, source: number as u32, offset, size, update: None })
    }

    fn pass(&mut self, place: OwnedPlace, numbers: &[usize]) {
        for number in numbers {
            if let Some(journal) = &mut self.journals[*number] {
                let Journal { manifest, left, .. } = journal;
                left.retain(|row| manifest.place(*row) != (place.0, place.1.as_str()));
            }
            self.journals[*number].take_if(|journal| journal.left.is_empty());
        }
        self.verdicts.remove(&place);
        self.passed.insert(place);
    }
}
