//! Journals merged into one sequence by (timestamp, event_id), window by window.

mod gone;
mod journal;
mod questions;
mod replaced;
#[cfg(test)]
mod tests;

use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use super::error::{Error, Result};
use super::manifest::Manifest;
use super::place::{OwnedPlace, Place};
use super::timestamp::Timestamp;
use super::window::{Journals, MOST_EVENTS, MOST_JOURNALS, Pick, Source, Window};
use gone::Gone;
use journal::{Head, Journal};
use questions::{Neighbours, Questions, share_a_row};
use replaced::{Names, Replaced};

pub use questions::Verdict;

/// A merge under way.
#[derive(Debug, Default)]
pub struct Merge {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    after: Option<OwnedPlace>,
    /// By number; none for those that are finished, removed, or had no row in the range.
    journals: Vec<Option<Journal>>,
    /// One for each journal, the next to go out on top.
    heads: BinaryHeap<Head>,
    numbers: HashMap<String, Vec<u32>>,
    neighbours: Neighbours,
    questions: Questions,
    gone: Gone,
    replaced: Replaced,
    pending: usize,
    windows: u64,
}

impl Merge {
    /// A merge of the events with `from < date <= to` that come after a place.
    pub fn new(from: Option<Timestamp>, to: Option<Timestamp>, after: Option<OwnedPlace>) -> Result<Self> {
        match (from, to) {
            (Some(from), Some(to)) if from > to => {
                Err(Error::argument(format_args!("the range begins with {from}, after its end {to}")))
            }
            _ => Ok(Self { from, to, after, ..Self::default() }),
        }
    }

    /// How many rows have been added and have neither gone out nor been dropped.
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// Takes a journal in, and gives the places about which the index must be asked, in order. Rows at or before the
    /// place reached are left out: they have gone out from another journal, or come too late. (Where 0.4.3 named a range
    /// that its rows are not in, they could not come earlier: those go out late, unless they have already.)
    ///
    /// What is left of journals that it replaces is dropped, and nothing is taken of one that has been replaced. Journals
    /// come in the order of their names, so that what they replace needs to be known only until later names come.
    pub fn add(&mut self, manifest: Arc<Manifest>) -> Vec<OwnedPlace> {
        let number = self.journals.len() as u32;
        self.replaced.forget_before(manifest.journal_id());
        if self.replaced.contains(manifest.journal_id()) {
            self.journals.push(None);
            return Vec::new();
        }
        if let Some(names) = Names::of(&manifest) {
            self.drop_all(&names);
            self.replaced.note(names);
        }
        let (first, end) = self.rows_in_range(&manifest);
        let first = if manifest.is_ordered() { self.gone.first_beyond(&manifest, first, end) } else { first };
        let given = self.gone.given(&manifest, first, end, self.journals.iter().flatten());
        let journal = Journal::new(manifest, first, end, given);
        if journal.left() == 0 {
            self.journals.push(None);
            return Vec::new();
        }
        self.pending += journal.left();
        self.numbers.entry(journal.manifest.journal_id().to_owned()).or_default().push(number);
        self.heads.push(Head::new(number, &journal));
        let neighbours = self.neighbours.of(&journal);
        self.neighbours.add(number, &journal);
        self.ask(journal, neighbours)
    }

    /// Whether a journal that has been added replaces this one; of one that began before the last one added, perhaps not
    /// any more.
    pub fn replaces(&self, journal_id: &str) -> bool {
        self.replaced.contains(journal_id)
    }

    /// Enters the index's word on a row in question.
    pub fn decide(&mut self, place: Place<'_>, verdict: Verdict) {
        self.questions.decide(place, verdict);
    }

    /// The next events: dated before `before`, at most `limit` bytes of data, or half as much again where that takes in
    /// all the rest of a journal, which would be a request of its own otherwise; at least one event if there is one.
    pub fn window(&mut self, before: Option<Timestamp>, limit: u64) -> Option<Window> {
        self.windows += 1;
        let mut draft = Draft { limit, ..Draft::default() };
        while let Some(head) = self.heads.pop() {
            if before.is_some_and(|before| head.timestamp() >= before) {
                self.heads.push(head);
                break;
            }
            let is_new = |journal: &Journal| journal.slot.0 != self.windows;
            let journal = self.journals.get(head.number as usize).and_then(Option::as_ref);
            if draft.journals.len() >= MOST_JOURNALS && journal.is_some_and(is_new) {
                self.heads.push(head);
                break;
            }
            if !self.pass(head, before, &mut draft) {
                break;
            }
        }
        Window::plan(Journals::Merged(draft.journals.into()), &draft.picks)
    }

    /// Drops what is left of the journals of these names.
    fn drop_all(&mut self, names: &Names) {
        let open: Vec<String> = self.numbers.keys().filter(|open| names.contains(open)).cloned().collect();
        open.iter().for_each(|journal_id| self.remove(journal_id));
    }

    fn remove(&mut self, journal_id: &str) {
        let numbers = self.numbers.get(journal_id).cloned().unwrap_or_default();
        if !numbers.is_empty() {
            self.heads.retain(|head| !numbers.contains(&head.number));
        }
        for number in numbers {
            self.finish(number);
        }
    }

    fn rows_in_range(&self, manifest: &Manifest) -> (usize, usize) {
        let timestamps = manifest.timestamps();
        let after_from = self.from.map_or(0, |from| timestamps.partition_point(|timestamp| *timestamp <= from));
        let end = self.to.map_or(timestamps.len(), |to| timestamps.partition_point(|timestamp| *timestamp <= to));
        let first = match &self.after {
            None => after_from,
            Some((timestamp, event_id)) => {
                let place = (*timestamp, event_id.as_str());
                let at = manifest.first_not_before(0, end, place);
                let beyond = (at..end).take_while(|row| manifest.place(*row) == place).count();
                after_from.max(at + beyond)
            }
        };
        (first, end.max(first))
    }

    /// Enters a journal. Where it shares a row with a neighbour, and 0.4.3 wrote one of the two, asks about the rows of
    /// the older one: those that they share, and those that only the older one has, which may have been deleted.
    fn ask(&mut self, mut journal: Journal, neighbours: Vec<u32>) -> Vec<OwnedPlace> {
        let mut asked = Vec::new();
        for number in neighbours {
            let Some(Some(other)) = self.journals.get_mut(number as usize) else { continue };
            let both_are_ours = journal.manifest.is_ours() && other.manifest.is_ours();
            if !both_are_ours && share_a_row(&journal, other) {
                let is_older = journal.manifest.credibility() < other.manifest.credibility();
                self.questions.ask_about(if is_older { &mut journal } else { other }, &mut asked);
            }
        }
        self.journals.push(Some(journal));
        asked.sort_unstable();
        asked
    }

    /// Lets rows pass, from the topmost head on; false once the window is full.
    fn pass(&mut self, head: Head, before: Option<Timestamp>, draft: &mut Draft) -> bool {
        let Some(Some(journal)) = self.journals.get_mut(head.number as usize) else { return true };
        let rival = self.heads.peek();
        let is_tied = rival.is_some_and(|rival| rival.place() == head.place());
        if is_tied || !journal.is_plain() {
            return self.pass_place(head, draft);
        }
        let mut end = rival
            .map_or(journal.end, |rival| journal.manifest.first_not_before(journal.next, journal.end, rival.place()));
        if let Some(before) = before {
            let timestamps = &journal.manifest.timestamps()[journal.next..end];
            end = journal.next + timestamps.partition_point(|timestamp| *timestamp < before);
        }
        let room = draft.room_for(journal.bytes_left());
        if journal.slot.0 != self.windows && draft.is_better_closed_than_filled_to(room) {
            self.heads.push(head);
            return false;
        }
        let slot = draft.slot(self.windows, head.number, journal);
        let first = journal.next;
        let taken = (first..end).take_while(|row| draft.take_within(room, slot, *row, &journal.manifest)).count();
        self.advance(head, first + taken, taken);
        first + taken == end
    }

    /// Lets the rows of one place pass, of which one goes out or none; false if the window is too full for it.
    fn pass_place(&mut self, head: Head, draft: &mut Draft) -> bool {
        let mut tied = vec![head];
        while let Some(next) = self.heads.pop() {
            let is_tied = tied.first().is_some_and(|first| first.place() == next.place());
            if !is_tied {
                self.heads.push(next);
                break;
            }
            tied.push(next);
        }
        let winner = self.winner(&tied);
        if let Some(number) = winner {
            let Some(Some(journal)) = self.journals.get_mut(number as usize) else { return true };
            let slot = draft.slot(self.windows, number, journal);
            if !draft.take(slot, journal.last_of_place(), &journal.manifest) {
                self.heads.extend(tied);
                return false;
            }
        }
        if let Some(head) = tied.first() {
            self.questions.forget(head.place());
        }
        for head in tied {
            let Some(Some(journal)) = self.journals.get(head.number as usize) else { continue };
            let (first, last) = (journal.next, journal.last_of_place());
            self.advance(head, last + 1, last + 1 - first);
        }
        true
    }

    /// Of journals that have a row of one place, the most credible first: the one whose row goes out. None where only
    /// one has it, about whose rows the index was asked, and that says that it was deleted.
    fn winner(&self, tied: &[Head]) -> Option<u32> {
        let most_credible = tied.first()?;
        match self.questions.verdict(most_credible.place()) {
            Some(Verdict::Nobody) if tied.len() == 1 && self.is_questioned(most_credible.number) => None,
            Some(Verdict::Journal(journal_id)) => {
                let named = tied.iter().find(|head| head.journal_id() == journal_id);
                Some(named.unwrap_or(most_credible).number)
            }
            Some(Verdict::Nobody | Verdict::Open) | None => Some(most_credible.number),
        }
    }

    fn is_questioned(&self, number: u32) -> bool {
        self.journals.get(number as usize).and_then(Option::as_ref).is_some_and(|journal| journal.is_questioned)
    }

    /// Notes that rows of a journal, up to but without `row`, have passed.
    fn advance(&mut self, head: Head, row: usize, passed: usize) {
        let Some(Some(journal)) = self.journals.get_mut(head.number as usize) else { return };
        self.pending -= passed;
        if passed > 0 {
            self.gone.reach(&journal.manifest, row - 1);
        }
        journal.go_to(row);
        if journal.left() > 0 {
            self.heads.push(head.at(journal.next));
        } else {
            self.finish(head.number);
        }
    }

    /// Lets a journal go: what it has given stays known.
    fn finish(&mut self, number: u32) {
        let Some(journal) = self.journals.get_mut(number as usize).and_then(Option::take) else { return };
        self.pending -= journal.left();
        self.neighbours.remove(number, &journal);
        self.gone.remember(&journal);
        if let Some(numbers) = self.numbers.get_mut(journal.manifest.journal_id()) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.numbers.remove(journal.manifest.journal_id());
            }
        }
    }
}

/// A window in the making.
#[derive(Debug, Default)]
struct Draft {
    journals: Vec<Source>,
    picks: Vec<Pick>,
    size: u64,
    limit: u64,
}

impl Draft {
    /// A journal's place among the window's.
    fn slot(&mut self, window: u64, number: u32, journal: &mut Journal) -> u32 {
        if journal.slot.0 != window {
            journal.slot = (window, self.journals.len() as u32);
            self.journals.push((number, Arc::clone(&journal.manifest)));
        }
        journal.slot.1
    }

    /// The bytes that the window may have once the rest of a journal, of about so many, has been taken into it.
    fn room_for(&self, rest: u64) -> u64 {
        let most = self.limit.saturating_add(self.limit / 2);
        if self.size.saturating_add(rest) <= most { most } else { self.limit }
    }

    /// Whether it is half full, and the rest of the next journal does not fit: that is then one request, not two.
    fn is_better_closed_than_filled_to(&self, room: u64) -> bool {
        room == self.limit && self.size >= self.limit / 2 && !self.picks.is_empty()
    }

    /// Takes a row, if there is room for it.
    fn take(&mut self, journal: u32, row: usize, manifest: &Manifest) -> bool {
        self.take_within(self.limit, journal, row, manifest)
    }

    fn take_within(&mut self, room: u64, journal: u32, row: usize, manifest: &Manifest) -> bool {
        let size = self.size.saturating_add(manifest.size_of(row));
        let has_room = self.picks.is_empty() || (size <= room && self.picks.len() < MOST_EVENTS);
        if has_room {
            self.size = size;
            self.picks.push(Pick { journal, row: row as u32, update: None });
        }
        has_room
    }
}
