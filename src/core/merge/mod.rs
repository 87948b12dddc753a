//! Journals merged into one sequence by (timestamp, event_id), window by window.

mod cursor;
mod emitted;
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
use cursor::{Cursor, Head};
use emitted::Emitted;
use questions::{Neighbours, Questions, share_a_row};
use replaced::{JournalIds, Replaced};

pub use questions::Verdict;

/// A merge under way.
#[derive(Debug, Default)]
pub struct Merge {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    after: Option<OwnedPlace>,
    /// By number as a source; none for a journal that is finished or removed, or had no row in the range.
    cursors: Vec<Option<Cursor>>,
    /// One for each cursor, the next to go out on top.
    heads: BinaryHeap<Head>,
    /// Of each journal that has rows left the numbers, by its id: one may have been added twice.
    sources_by_id: HashMap<String, Vec<u32>>,
    neighbours: Neighbours,
    questions: Questions,
    emitted: Emitted,
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

    /// How many rows have been added that have been neither emitted nor dropped.
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// Takes a journal in. Gives the places about which the index must be asked, in order.
    ///
    /// Rows at or before the place reached are left out: another journal has emitted them, or they come too late. There
    /// is one exception. 0.4.3 has named ranges that a journal's rows are not in, so that the journal could not come
    /// earlier: its rows go out late, unless another journal has emitted them.
    ///
    /// What is left of the journals that this one replaces is dropped. Of a journal that has been replaced, nothing is
    /// taken. Journals come in the order of their ids, so what one replaces is known only until later ids come.
    pub fn add(&mut self, manifest: Arc<Manifest>) -> Vec<OwnedPlace> {
        let source = self.cursors.len() as u32;
        self.replaced.forget_before(manifest.journal_id());
        if self.replaced.contains(manifest.journal_id()) {
            self.cursors.push(None);
            return Vec::new();
        }
        if let Some(journal_ids) = JournalIds::of(&manifest) {
            self.drop_all(&journal_ids);
            self.replaced.note(journal_ids);
        }
        let (first, end) = self.rows_in_range(&manifest);
        let first = if manifest.is_ordered() { self.emitted.first_beyond(&manifest, first, end) } else { first };
        let (manifest, first, end) = needed(manifest, first, end);
        let emitted = self.emitted.already_emitted(&manifest, first, end, self.cursors.iter().flatten());
        let cursor = Cursor::new(manifest, first, end, emitted);
        if cursor.left() == 0 {
            self.cursors.push(None);
            return Vec::new();
        }
        self.pending += cursor.left();
        self.sources_by_id.entry(cursor.manifest.journal_id().to_owned()).or_default().push(source);
        self.heads.push(Head::new(source, &cursor));
        let neighbours = self.neighbours.of(&cursor);
        self.neighbours.add(source, &cursor);
        self.ask(cursor, neighbours)
    }

    /// Whether a journal that has been added replaces this one. If this one began before the last one added, the answer
    /// may have been forgotten: then it is false.
    pub fn replaces(&self, journal_id: &str) -> bool {
        self.replaced.contains(journal_id)
    }

    /// Takes the index's answer about a row in question.
    pub fn decide(&mut self, place: Place<'_>, verdict: Verdict) {
        self.questions.decide(place, verdict);
    }

    /// The next events, dated before `before`: at most `limit` bytes of data, but one event at least, if there is one.
    /// It may be half as much again where that takes in all the rest of a journal, which saves a request.
    pub fn window(&mut self, before: Option<Timestamp>, limit: u64) -> Option<Window> {
        self.windows += 1;
        let mut builder = WindowBuilder { limit, ..WindowBuilder::default() };
        while let Some(head) = self.heads.pop() {
            if before.is_some_and(|before| head.timestamp() >= before) {
                self.heads.push(head);
                break;
            }
            let is_new = |cursor: &Cursor| cursor.slot.0 != self.windows;
            let cursor = self.cursors.get(head.source as usize).and_then(Option::as_ref);
            if builder.journals.len() >= MOST_JOURNALS && cursor.is_some_and(is_new) {
                self.heads.push(head);
                break;
            }
            if !self.pass(head, before, &mut builder) {
                break;
            }
        }
        Window::plan(Journals::Merged(builder.journals.into()), &builder.picks)
    }

    /// Drops what is left of the journals with these ids.
    fn drop_all(&mut self, journal_ids: &JournalIds) {
        let open: Vec<String> = self.sources_by_id.keys().filter(|open| journal_ids.contains(open)).cloned().collect();
        open.iter().for_each(|journal_id| self.remove(journal_id));
    }

    fn remove(&mut self, journal_id: &str) {
        let sources = self.sources_by_id.get(journal_id).cloned().unwrap_or_default();
        if !sources.is_empty() {
            self.heads.retain(|head| !sources.contains(&head.source));
        }
        for source in sources {
            self.finish(source);
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

    /// Enters a journal. Where it shares a row with a neighbour, and 0.4.3 wrote one of the two, the rows of the older
    /// one are in question: those that both have, and those that only the older one has, which may have been deleted.
    fn ask(&mut self, mut cursor: Cursor, neighbours: Vec<u32>) -> Vec<OwnedPlace> {
        let mut asked = Vec::new();
        for source in neighbours {
            let Some(Some(other)) = self.cursors.get_mut(source as usize) else { continue };
            let both_are_ours = cursor.manifest.is_ours() && other.manifest.is_ours();
            if !both_are_ours && share_a_row(&cursor, other) {
                let is_older = cursor.manifest.credibility() < other.manifest.credibility();
                self.questions.ask_about(if is_older { &mut cursor } else { other }, &mut asked);
            }
        }
        self.cursors.push(Some(cursor));
        asked.sort_unstable();
        asked
    }

    /// Lets rows pass, from this head on: they are emitted, or dropped. False once the window is full.
    fn pass(&mut self, head: Head, before: Option<Timestamp>, builder: &mut WindowBuilder) -> bool {
        let Some(Some(cursor)) = self.cursors.get_mut(head.source as usize) else { return true };
        let following = self.heads.peek();
        let is_tied = following.is_some_and(|following| following.place() == head.place());
        if is_tied || !cursor.is_plain() {
            return self.pass_place(head, builder);
        }
        let mut end = following.map_or(cursor.end, |following| {
            cursor.manifest.first_not_before(cursor.next, cursor.end, following.place())
        });
        if let Some(before) = before {
            let timestamps = &cursor.manifest.timestamps()[cursor.next..end];
            end = cursor.next + timestamps.partition_point(|timestamp| *timestamp < before);
        }
        let room = builder.room_for(cursor.bytes_left());
        if cursor.slot.0 != self.windows && builder.is_full_enough(room) {
            self.heads.push(head);
            return false;
        }
        let slot = builder.slot(self.windows, head.source, cursor);
        let first = cursor.next;
        let taken = (first..end).take_while(|row| builder.take_within(room, slot, *row, &cursor.manifest)).count();
        self.advance(head, first + taken, taken);
        first + taken == end
    }

    /// Lets the rows of one place pass: one of them is emitted, or none. False if the window has no room for it.
    fn pass_place(&mut self, head: Head, builder: &mut WindowBuilder) -> bool {
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
        if let Some(source) = winner {
            let Some(Some(cursor)) = self.cursors.get_mut(source as usize) else { return true };
            let slot = builder.slot(self.windows, source, cursor);
            if !builder.take(slot, cursor.last_of_place(), &cursor.manifest) {
                self.heads.extend(tied);
                return false;
            }
        }
        if let Some(head) = tied.first() {
            self.questions.forget(head.place());
        }
        for head in tied {
            let Some(Some(cursor)) = self.cursors.get(head.source as usize) else { continue };
            let (first, last) = (cursor.next, cursor.last_of_place());
            self.advance(head, last + 1, last + 1 - first);
        }
        true
    }

    /// Which journal's row is emitted, of several that have a row of one place, the most credible first. None where the
    /// row was deleted: only one journal has it, the index was asked, and names none.
    fn winner(&self, tied: &[Head]) -> Option<u32> {
        let most_credible = tied.first()?;
        match self.questions.verdict(most_credible.place()) {
            Some(Verdict::Nobody) if tied.len() == 1 && self.is_questioned(most_credible.source) => None,
            Some(Verdict::Journal(journal_id)) => {
                let named = tied.iter().find(|head| head.journal_id() == journal_id);
                Some(named.unwrap_or(most_credible).source)
            }
            Some(Verdict::Nobody | Verdict::Open) | None => Some(most_credible.source),
        }
    }

    fn is_questioned(&self, source: u32) -> bool {
        self.cursors.get(source as usize).and_then(Option::as_ref).is_some_and(|cursor| cursor.is_questioned)
    }

    /// Notes that a journal's rows before `row` have passed.
    fn advance(&mut self, head: Head, row: usize, passed: usize) {
        let Some(Some(cursor)) = self.cursors.get_mut(head.source as usize) else { return };
        self.pending -= passed;
        if passed > 0 {
            self.emitted.reach(&cursor.manifest, row - 1);
        }
        cursor.go_to(row);
        if cursor.left() > 0 {
            self.heads.push(head.at(cursor.next));
        } else {
            self.finish(head.source);
        }
    }

    /// Lets a journal go. What it has emitted stays known.
    fn finish(&mut self, source: u32) {
        let Some(cursor) = self.cursors.get_mut(source as usize).and_then(Option::take) else { return };
        self.pending -= cursor.left();
        self.neighbours.remove(source, &cursor);
        self.emitted.remember(&cursor);
        if let Some(sources) = self.sources_by_id.get_mut(cursor.manifest.journal_id()) {
            sources.retain(|other| *other != source);
            if sources.is_empty() {
                self.sources_by_id.remove(cursor.manifest.journal_id());
            }
        }
    }
}

/// Of a manifest the rows that are needed alone; and which rows these are.
fn needed(manifest: Arc<Manifest>, first: usize, end: usize) -> (Arc<Manifest>, usize, usize) {
    if end - first == manifest.len() {
        return (manifest, first, end);
    }
    (Arc::new(manifest.places(first, end)), 0, end - first)
}

/// Gathers the rows of the next window.
#[derive(Debug, Default)]
struct WindowBuilder {
    journals: Vec<Source>,
    picks: Vec<Pick>,
    size: u64,
    limit: u64,
}

impl WindowBuilder {
    /// The index of a journal among the window's.
    fn slot(&mut self, window: u64, source: u32, cursor: &mut Cursor) -> u32 {
        if cursor.slot.0 != window {
            cursor.slot = (window, self.journals.len() as u32);
            self.journals.push((source, Arc::clone(&cursor.manifest)));
        }
        cursor.slot.1
    }

    /// How many bytes the window may have, if the rest of a journal has about `rest` bytes.
    fn room_for(&self, rest: u64) -> u64 {
        let most = self.limit.saturating_add(self.limit / 2);
        if self.size.saturating_add(rest) <= most { most } else { self.limit }
    }

    /// Whether the window is half full, and the rest of the next journal does not fit. In the next window, that rest
    /// is one request, not two.
    fn is_full_enough(&self, room: u64) -> bool {
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
