//! Windows and batches, compared with the rows that they were planned for.

use std::sync::Arc;

use _core::core::batch::Batch;
use _core::core::timestamp::Timestamp;
use _core::core::window::{DataAt, LARGEST_GAP, Window};
use bytes::Bytes;

/// More bytes than this are not made.
const MOST_FETCHED: u64 = 1 << 20;

/// An event that a window must have.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// When it happened.
    pub timestamp: Timestamp,
    /// Its id.
    pub event_id: String,
    /// The number of its journal.
    pub source: u32,
    /// Where its data begin in that journal's blob.
    pub offset: u64,
    /// How many bytes they are.
    pub size: u64,
    /// The update that they are from instead.
    pub update: Option<u32>,
}

/// Checks that a window has these events, and asks for their bytes and not for many others. `blobs`: the blobs' sizes.
pub fn check(window: Window, expected: &[Expected], blobs: &[u64]) {
    assert_eq!(window.len(), expected.len());
    for (piece, event) in window.pieces().iter().zip(expected) {
        assert_eq!((window.place(piece), piece.size), ((event.timestamp, event.event_id.as_str()), event.size));
        match piece.data_at {
            DataAt::Nothing => assert_eq!(event.size, 0),
            DataAt::Update(update) => assert_eq!(event.update, Some(window.updates()[update as usize])),
            DataAt::Request(request, start) => {
                let request = window.requests()[request as usize];
                assert_eq!((request.source, request.start + start), (event.source, event.offset));
                assert!(event.update.is_none() && event.offset + event.size <= request.stop);
            }
        }
    }
    check_requests(&window, expected, blobs);
    check_lengths(&window);
    let last = expected.last().expect("an event");
    assert_eq!(window.last(), Some((last.timestamp, last.event_id.as_str())));
    assert_eq!(window.size(), expected.iter().fold(0, |sum, event| event.size.saturating_add(sum)));
    check_batch(Arc::new(window), expected);
}

/// Checks that each request is within its blob, begins and ends with an event's data, and is not to be joined to
/// another.
fn check_requests(window: &Window, expected: &[Expected], blobs: &[u64]) {
    let of = |source| expected.iter().filter(move |event| event.source == source && event.update.is_none());
    for request in window.requests() {
        assert!(request.start < request.stop && request.stop <= blobs[request.source as usize]);
        assert!(of(request.source).any(|event| event.size > 0 && event.offset == request.start));
        assert!(of(request.source).any(|event| event.offset + event.size == request.stop));
        for other in window.requests().iter().filter(|other| other.source == request.source && *other != request) {
            let gap = other.start.checked_sub(request.stop).or(request.start.checked_sub(other.stop));
            assert!(gap.is_some_and(|gap| gap > LARGEST_GAP), "{request:?} {other:?}");
        }
    }
    let fetched = window.requests().iter().map(|request| u128::from(request.stop - request.start)).sum::<u128>();
    assert_eq!(u128::from(window.fetched()), fetched.min(u64::MAX.into()));
}

/// Checks that what comes in another length than it was asked for is refused.
fn check_lengths(window: &Window) {
    let sizes: Vec<u64> = window.requests().iter().map(|request| request.stop - request.start).collect();
    check_refusals(&sizes, |lengths| window.check_requests(lengths).is_ok());
    let updated = window.pieces().iter().filter(|piece| matches!(piece.data_at, DataAt::Update(_)));
    check_refusals(&updated.map(|piece| piece.size).collect::<Vec<_>>(), |lengths| {
        window.check_updates(lengths).is_ok()
    });
}

fn check_refusals(right: &[u64], is_taken: impl Fn(&[u64]) -> bool) {
    assert!(is_taken(right));
    assert!(!is_taken(&[right, &[0]].concat()));
    for index in 0..right.len() {
        assert!(!is_taken(&right[1..]));
        for wrong in
            [0, right[index] - 1, right[index].wrapping_add(1)].into_iter().filter(|wrong| *wrong != right[index])
        {
            let mut lengths = right.to_vec();
            lengths[index] = wrong;
            assert!(!is_taken(&lengths));
        }
    }
}

/// A blob's byte.
fn byte(source: u32, offset: u64) -> u8 {
    (offset.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8 ^ source as u8
}

fn bytes(source: u32, start: u64, stop: u64) -> Bytes {
    (start..stop).map(|offset| byte(source, offset)).collect()
}

/// Checks that each event of a batch has its own bytes.
fn check_batch(window: Arc<Window>, expected: &[Expected]) {
    if window.fetched() > MOST_FETCHED {
        return;
    }
    let buffers: Vec<Bytes> =
        window.requests().iter().map(|request| bytes(request.source, request.start, request.stop)).collect();
    if let Some((last, before)) = buffers.split_last() {
        assert!(Batch::new(Arc::clone(&window), before.to_vec()).is_err());
        assert!(Batch::new(Arc::clone(&window), [before, &[last.slice(1..)]].concat()).is_err());
    }
    let is_updated = !window.updates().is_empty();
    let batch = Batch::new(window, buffers);
    assert_eq!(batch.is_err(), is_updated);
    let Ok(batch) = batch else { return };
    for (event, expected) in batch.events().zip(expected) {
        assert_eq!((event.timestamp, event.event_id), (expected.timestamp, expected.event_id.as_str()));
        assert_eq!(event.data, bytes(expected.source, expected.offset, expected.offset + expected.size));
    }
}
