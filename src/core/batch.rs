//! A window with its bytes: events in order, ready to go out. A filter leaves some out; a projection gives them other
//! data.

use std::sync::Arc;

use bytes::Bytes;

use super::error::{Error, Result};
use super::timestamp::Timestamp;
use super::window::{DataAt, Piece, Window};

/// Events in (timestamp, event_id) order over the bytes that were fetched for them.
#[derive(Debug, Clone)]
pub struct Batch {
    window: Arc<Window>,
    /// None: all of the window's.
    pieces: Option<Arc<[Piece]>>,
    buffers: Arc<[Bytes]>,
}

/// Bytes that could not be read: of which request, from where to before where in the blob.
pub type Hole = (u32, u64, u64);

/// One event of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// When it happened.
    pub timestamp: Timestamp,
    /// Its id.
    pub event_id: &'a str,
    /// Its data.
    pub data: &'a [u8],
    /// The index of the buffer that they lie in; 0 where there are none.
    pub buffer: u32,
    /// The byte of it that they begin with; 0 where there are none.
    pub start: u64,
}

impl Batch {
    /// The events of a window, given the bytes of its requests.
    pub fn new(window: Arc<Window>, buffers: Vec<Bytes>) -> Result<Self> {
        check_no_updates(&window)?;
        window.check_requests(&lengths(&buffers))?;
        Ok(Self { window, pieces: None, buffers: buffers.into() })
    }

    /// The events of a window whose bytes are there, and of each request how many are not: where its buffer is shorter
    /// than was asked for, and in the holes, each (request, start, stop) as the blob counts.
    pub fn readable(window: Arc<Window>, buffers: Vec<Bytes>, holes: &[Hole]) -> Result<(Self, Vec<u64>)> {
        check_no_updates(&window)?;
        window.check_readable(&lengths(&buffers))?;
        let mut lost = vec![0; buffers.len()];
        let mut is_there = |piece: &&Piece| {
            let DataAt::Request(number, at) = piece.data_at else { return true };
            let Some(request) = window.requests().get(number as usize) else { return true };
            let (start, stop) = (request.start + at, request.start + at + piece.size);
            let overlaps = |hole: &Hole| hole.0 == number && hole.1 < stop && start < hole.2;
            let is_there = at + piece.size <= buffers[number as usize].len() as u64 && !holes.iter().any(overlaps);
            lost[number as usize] += u64::from(!is_there);
            is_there
        };
        let pieces: Vec<Piece> = window.pieces().iter().filter(&mut is_there).copied().collect();
        Ok((Self { window, pieces: Some(pieces.into()), buffers: buffers.into() }, lost))
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.pieces().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pieces().is_empty()
    }

    /// The event at an index; none beyond the last.
    #[inline]
    pub fn event(&self, index: usize) -> Option<Event<'_>> {
        self.pieces().get(index).map(|piece| self.event_of(piece))
    }

    /// The events in order.
    pub fn events(&self) -> impl ExactSizeIterator<Item = Event<'_>> {
        self.pieces().iter().map(|piece| self.event_of(piece))
    }

    /// The bytes that events' data lie in.
    pub fn buffers(&self) -> &[Bytes] {
        &self.buffers
    }

    /// The events of which `keep` is true. Where they need half of the bytes or less, only those are kept.
    pub fn kept(&self, keep: &[bool]) -> Self {
        let pieces: Vec<Piece> =
            self.pieces().iter().zip(keep).filter(|(_, keep)| **keep).map(|(piece, _)| *piece).collect();
        let kept_size: u64 = pieces.iter().map(|piece| piece.size).sum();
        let fetched_size: u64 = self.buffers.iter().map(|buffer| buffer.len() as u64).sum();
        if kept_size > fetched_size / 2 {
            return Self { pieces: Some(pieces.into()), ..self.clone() };
        }
        let mut data = Vec::with_capacity(kept_size as usize);
        let pieces = pieces.into_iter().map(|piece| {
            let start = data.len() as u64;
            data.extend_from_slice(self.event_of(&piece).data);
            piece.moved_to(0, start, piece.size)
        });
        Self { pieces: Some(pieces.collect()), buffers: [Bytes::from(data)].into(), ..self.clone() }
    }

    /// The same events with other data: those of each lie in `data`, from the first of its bounds to before the second.
    pub fn with_data(&self, data: Vec<u8>, bounds: &[(usize, usize)]) -> Self {
        let moved = |(piece, (start, stop)): (&Piece, &(usize, usize))| {
            piece.moved_to(0, *start as u64, stop.saturating_sub(*start) as u64)
        };
        let pieces = self.pieces().iter().zip(bounds).map(moved).collect();
        Self { pieces: Some(pieces), buffers: [Bytes::from(data)].into(), ..self.clone() }
    }

    fn pieces(&self) -> &[Piece] {
        self.pieces.as_deref().unwrap_or_else(|| self.window.pieces())
    }

    #[inline]
    fn event_of(&self, piece: &Piece) -> Event<'_> {
        let (timestamp, event_id) = self.window.place(piece);
        let (buffer, start) = match piece.data_at {
            DataAt::Request(buffer, start) => (buffer, start),
            DataAt::Nothing | DataAt::Update(_) => {
                return Event { timestamp, event_id, data: &[], buffer: 0, start: 0 };
            }
        };
        let data = &self.buffers[buffer as usize][start as usize..][..piece.size as usize];
        Event { timestamp, event_id, data, buffer, start }
    }
}

fn check_no_updates(window: &Window) -> Result<()> {
    if window.updates().is_empty() {
        return Ok(());
    }
    Err(Error::argument("some of these events have their data from updates: only data() takes them"))
}

fn lengths(buffers: &[Bytes]) -> Vec<u64> {
    buffers.iter().map(|buffer| buffer.len() as u64).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::core::manifest::Manifest;
    use crate::core::row::Row;
    use crate::core::samples::{named, row};
    use crate::core::window::{Journals, Pick};

    /// Events with these data, in one journal, a second apart.
    pub fn batch_of(data: &[&[u8]]) -> Batch {
        let mut offset = 0;
        let rows = data.iter().zip(0..).map(|(data, number)| {
            let row = row(&char::from(b'a' + number).to_string(), number.into(), offset, data.len() as u64);
            offset += row.facts.size;
            row
        });
        let rows: Vec<Row> = rows.collect();
        let journal =
            Manifest::of_rows(&named(0, 9, None, 1), &rows.iter().collect::<Vec<_>>(), offset, Arc::default());
        let picks: Vec<Pick> = (0..rows.len() as u32).map(|row| Pick { journal: 0, row, update: None }).collect();
        let window = Window::plan(Journals::Merged([(0, Arc::new(journal.unwrap()))].into()), &picks).unwrap();
        let buffers = if offset == 0 { Vec::new() } else { vec![Bytes::from(data.concat())] };
        Batch::new(Arc::new(window), buffers).unwrap()
    }

    fn batch() -> Batch {
        batch_of(&[b"one", b"", b"xy", b"twothree!"])
    }

    fn shown(batch: &Batch) -> Vec<(&str, &[u8])> {
        batch.events().map(|event| (event.event_id, event.data)).collect()
    }

    #[test]
    fn each_event_has_its_own_bytes() {
        let expected: [(&str, &[u8]); 4] = [("a", b"one"), ("b", b""), ("c", b"xy"), ("d", b"twothree!")];
        assert_eq!(shown(&batch()), expected);
    }

    #[test]
    fn what_is_kept_keeps_its_bytes_and_where_it_is_little_no_others() {
        let few = batch().kept(&[true, true, false, false]);
        assert_eq!(shown(&few), [("a", &b"one"[..]), ("b", b"")]);
        assert_eq!(few.buffers().iter().map(Bytes::len).sum::<usize>(), 3);
        let many = few.kept(&[true, false]).kept(&[true]);
        assert_eq!(shown(&many), [("a", &b"one"[..])]);
        assert_eq!(shown(&batch().kept(&[false, false, true, true])), [("c", &b"xy"[..]), ("d", b"twothree!")]);
        assert!(batch().kept(&[false; 4]).is_empty());
    }

    #[test]
    fn an_event_has_the_data_that_it_is_given_instead_of_its_own() {
        let other = batch().kept(&[true, false, true, false]).with_data(b"nullfalse".to_vec(), &[(4, 9), (0, 4)]);
        assert_eq!(shown(&other), [("a", &b"false"[..]), ("c", b"null")]);
    }

    fn read(buffer: &'static [u8], holes: &[Hole]) -> (Vec<String>, u64) {
        let window = Arc::clone(&batch().window);
        let (readable, lost) = Batch::readable(window, vec![Bytes::from_static(buffer)], holes).unwrap();
        (readable.events().map(|event| event.event_id.to_owned()).collect(), lost[0])
    }

    #[test]
    fn what_can_be_read_is_what_lies_in_the_bytes_and_in_no_hole() {
        let ranges = batch().window.ranges(0);
        assert_eq!(ranges, [(0, 3), (3, 5), (5, 14)]);
        assert_eq!(read(b"onexytwothree!", &[]), (["a", "b", "c", "d"].map(String::from).to_vec(), 0));
        assert_eq!(read(b"onexytwothree", &[]), (["a", "b", "c"].map(String::from).to_vec(), 1));
        assert_eq!(read(b"", &[]), (vec!["b".to_owned()], 3));
        assert_eq!(read(b"onexytwothree!", &[(0, 3, 5)]), (["a", "b", "d"].map(String::from).to_vec(), 1));
        assert_eq!(read(b"onexytwothree!", &[(0, 2, 6), (1, 0, 14)]), (vec!["b".to_owned()], 3));
        let window = Arc::clone(&batch().window);
        assert!(matches!(
            Batch::readable(Arc::clone(&window), vec![Bytes::from_static(b"onexytwothree!!")], &[]),
            Err(Error::Corrupt { .. })
        ));
        assert!(matches!(Batch::readable(window, Vec::new(), &[]), Err(Error::Argument(_))));
    }

    #[test]
    fn buffers_of_other_lengths_are_refused() {
        let window = Arc::clone(&batch().window);
        assert!(matches!(
            Batch::new(Arc::clone(&window), vec![Bytes::from_static(b"short")]),
            Err(Error::Corrupt { .. })
        ));
        assert!(matches!(Batch::new(window, Vec::new()), Err(Error::Argument(_))));
    }
}
