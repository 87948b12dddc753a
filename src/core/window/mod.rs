//! A stretch of events, planned before their bytes are there: which byte ranges to fetch, and where in them each
//! event's data lie.

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::sync::Arc;

use crate::core::error::{Error, Result};
use crate::core::manifest::Manifest;
use crate::core::place::Place;
use crate::core::sources::Sources;

/// Two events of a journal are fetched together when at most this many bytes lie between them. In the time that a
/// request of its own takes, a connection brings about as many.
pub const LARGEST_GAP: u64 = 64 * 1024;

/// A window has at most this many events, however small they are.
pub const MOST_EVENTS: usize = 65_536;

/// A window has rows of this many journals at most, since each of them costs a request.
pub const MOST_JOURNALS: usize = 1_024;

/// A journal of a window, with its number as a source.
pub type Source = (u32, Arc<Manifest>);

/// The journals of a window.
#[derive(Debug)]
pub enum Journals {
    /// Journals of a merge. A row's number counts the rows of its journal.
    Merged(Box<[Source]>),
    /// Journals that are combined. A row's number counts the rows of all.
    Combined(Arc<Sources>),
}

impl Journals {
    fn source(&self, journal: u32) -> u32 {
        match self {
            Self::Merged(sources) => sources[journal as usize].0,
            Self::Combined(_) => journal,
        }
    }

    fn journal_id(&self, journal: u32) -> &str {
        match self {
            Self::Merged(sources) => sources[journal as usize].1.journal_id(),
            Self::Combined(sources) => sources.journal_id(journal),
        }
    }

    #[inline]
    fn place(&self, journal: u32, row: u32) -> Place<'_> {
        match self {
            Self::Merged(sources) => sources[journal as usize].1.place(row as usize),
            Self::Combined(sources) => sources.place(row),
        }
    }

    /// Where the data of a journal's last row end: of those in the range, if it is of a merge.
    fn end(&self, journal: u32) -> u64 {
        match self {
            Self::Merged(sources) => {
                let manifest = &sources[journal as usize].1;
                manifest.len().checked_sub(1).map_or(0, |last| manifest.offset(last) + manifest.size_of(last))
            }
            Self::Combined(_) => 0,
        }
    }

    /// Where a row's data begin in the journal's blob, and how many bytes they are.
    fn data_range(&self, journal: u32, row: u32) -> (u64, u64) {
        match self {
            Self::Merged(sources) => {
                let manifest = &sources[journal as usize].1;
                (manifest.offset(row as usize), manifest.size_of(row as usize))
            }
            Self::Combined(sources) => {
                let row = sources.row(row);
                (row.facts.offset, row.facts.size)
            }
        }
    }
}

/// One event chosen for a window.
#[derive(Debug, Clone, Copy)]
pub struct Pick {
    /// The index of the journal among the window's.
    pub journal: u32,
    /// The row, as `Journals` numbers it.
    pub row: u32,
    /// The update whose data the event has instead of the row's: its number, and how many bytes they are.
    pub update: Option<(u32, u64)>,
}

/// Bytes to fetch, of the blob of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Which source.
    pub source: u32,
    /// The first byte.
    pub start: u64,
    /// The byte after the last.
    pub stop: u64,
    journal: u32,
}

impl Request {
    /// Checks that so many bytes have come as were asked for.
    fn check(&self, length: u64) -> std::result::Result<(), String> {
        let Self { start, stop, .. } = self;
        match length.cmp(&(stop - start)) {
            Ordering::Equal => Ok(()),
            // As `flashflood.records.blobs` says it, who reads events one by one.
            Ordering::Less => Err(format!(
                "its blob ends at offset {}, before the end of its events at offset {stop}; restore it from a copy",
                start + length
            )),
            Ordering::Greater => Err(format!("its blob gave {length} bytes from offset {start}, not {}", stop - start)),
        }
    }
}

/// Where an event's data lie, once all is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataAt {
    /// Nowhere: there are none.
    Nothing,
    /// In the bytes of the request with this index, from this byte on.
    Request(u32, u64),
    /// They are all of an update's data: its index among the window's updates.
    Update(u32),
}

/// One event of a window.
#[derive(Debug, Clone, Copy)]
pub struct Piece {
    journal: u32,
    row: u32,
    /// Where its data lie.
    pub data_at: DataAt,
    /// How many bytes they are.
    pub size: u64,
}

impl Piece {
    /// The same event with its data in another buffer, from the byte `start` on.
    pub fn moved_to(self, buffer: u32, start: u64, size: u64) -> Self {
        let data_at = if size == 0 { DataAt::Nothing } else { DataAt::Request(buffer, start) };
        Self { data_at, size, ..self }
    }
}

/// A stretch of events in order.
#[derive(Debug)]
pub struct Window {
    journals: Journals,
    pieces: Vec<Piece>,
    requests: Vec<Request>,
    updates: Vec<u32>,
    updated_pieces: Vec<u32>,
    size: u64,
}

impl Window {
    /// Plans what to fetch for the events picked. None if none is picked.
    pub fn plan(journals: Journals, picks: &[Pick]) -> Option<Self> {
        let mut window = Self {
            journals,
            pieces: Vec::with_capacity(picks.len()),
            requests: Vec::new(),
            updates: Vec::new(),
            updated_pieces: Vec::new(),
            size: 0,
        };
        let mut wanted: Vec<(u32, u64, u32)> = Vec::with_capacity(picks.len());
        for (pick, piece) in picks.iter().zip(0_u32..) {
            let (offset, size) = window.journals.data_range(pick.journal, pick.row);
            let size = pick.update.map_or(size, |(_, size)| size);
            let data_at = match pick.update {
                _ if size == 0 => DataAt::Nothing,
                Some((update, _)) => {
                    window.updates.push(update);
                    window.updated_pieces.push(piece);
                    DataAt::Update(window.updates.len() as u32 - 1)
                }
                None => {
                    wanted.push((pick.journal, offset, piece));
                    DataAt::Nothing
                }
            };
            window.size = window.size.saturating_add(size);
            window.pieces.push(Piece { journal: pick.journal, row: pick.row, data_at, size });
        }
        window.request(wanted);
        (!picks.is_empty()).then_some(window)
    }

    /// The ranges to fetch.
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// Of each request, where the data of its journal's rows in the range end, as far as they follow one another.
    pub fn ends(&self) -> Vec<u64> {
        self.requests.iter().map(|request| self.journals.end(request.journal).max(request.stop)).collect()
    }

    /// Where in the blob the data lie of the events that a request brings, in the blob's order.
    pub fn ranges(&self, request: u32) -> Vec<(u64, u64)> {
        let from = self.requests.get(request as usize).map_or(0, |request| request.start);
        let of_request = |piece: &Piece| match piece.data_at {
            DataAt::Request(found, start) if found == request => Some((from + start, from + start + piece.size)),
            _ => None,
        };
        let mut ranges: Vec<(u64, u64)> = self.pieces.iter().filter_map(of_request).collect();
        ranges.sort_unstable();
        ranges
    }

    /// The numbers of the updates whose data are needed.
    pub fn updates(&self) -> &[u32] {
        &self.updates
    }

    /// How many bytes the requests ask for in all.
    pub fn fetched(&self) -> u64 {
        self.requests.iter().fold(0, |sum, request| sum.saturating_add(request.stop - request.start))
    }

    /// How many bytes the events' data are in all.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many events there are; at least one.
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Never: a window has at least one event.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The events.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Where an event stands in the order of all.
    #[inline]
    pub fn place(&self, piece: &Piece) -> Place<'_> {
        self.journals.place(piece.journal, piece.row)
    }

    /// The place of the last event, to go on from.
    pub fn last(&self) -> Option<Place<'_>> {
        self.pieces.last().map(|piece| self.place(piece))
    }

    /// Checks that what was fetched has the lengths that were asked for.
    pub fn check_requests(&self, lengths: &[u64]) -> Result<()> {
        check_count("buffers", "requests", lengths.len(), self.requests.len())?;
        for (request, length) in self.requests.iter().zip(lengths) {
            request.check(*length).map_err(|what| Error::corrupt(self.journals.journal_id(request.journal), what))?;
        }
        Ok(())
    }

    /// Checks that no more was fetched than was asked for.
    pub fn check_readable(&self, lengths: &[u64]) -> Result<()> {
        let asked_for = self.requests.iter().map(|request| request.stop - request.start);
        let at_least: Vec<u64> = lengths.iter().zip(asked_for).map(|(length, asked)| asked.max(*length)).collect();
        check_count("buffers", "requests", lengths.len(), self.requests.len())?;
        self.check_requests(&at_least)
    }

    /// Checks that the updates' data have the lengths that were announced.
    pub fn check_updates(&self, lengths: &[u64]) -> Result<()> {
        check_count("updates", "updates needed", lengths.len(), self.updates.len())?;
        for (piece, length) in self.updated_pieces.iter().zip(lengths) {
            let piece = &self.pieces[*piece as usize];
            if *length != piece.size {
                let (_, event_id) = self.place(piece);
                return Err(Error::corrupt(
                    self.journals.journal_id(piece.journal),
                    format_args!("the update of its event {event_id:?} gave {length} bytes, not {}", piece.size),
                ));
            }
        }
        Ok(())
    }

    /// Makes requests for what is wanted, each (journal, offset, piece), and says in the pieces where their data lie.
    fn request(&mut self, mut wanted: Vec<(u32, u64, u32)>) {
        wanted.sort_unstable();
        for (journal, offset, piece) in wanted {
            let piece = &mut self.pieces[piece as usize];
            let stop = offset + piece.size;
            match self.requests.last_mut() {
                Some(open) if open.journal == journal && offset <= open.stop.saturating_add(LARGEST_GAP) => {
                    open.stop = open.stop.max(stop);
                }
                _ => {
                    let source = self.journals.source(journal);
                    self.requests.push(Request { source, start: offset, stop, journal });
                }
            }
            let start = self.requests.last().map_or(offset, |request| request.start);
            piece.data_at = DataAt::Request(self.requests.len() as u32 - 1, offset - start);
        }
    }
}

fn check_count(given: &str, wanted: &str, count: usize, expected: usize) -> Result<()> {
    if count == expected {
        return Ok(());
    }
    Err(Error::argument(format_args!("{count} {given} were given for {expected} {wanted}")))
}
