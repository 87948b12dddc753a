//! One event's row in a manifest, as a value of its own.

use std::num::NonZeroU64;

use super::error::{Error, Result};
use super::timestamp::Timestamp;

/// A revision of an index entry: ten decimal digits in keys, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(NonZeroU64);

impl Revision {
    const GREATEST: u64 = 9_999_999_999;

    /// The revision with this number, if ten digits can say it.
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).filter(|number| number.get() <= Self::GREATEST).map(Self)
    }

    /// Its number.
    pub fn number(self) -> u64 {
        self.0.get()
    }

    /// The revision after this one; none after the greatest.
    pub fn next(self) -> Option<Self> {
        Self::new(self.number() + 1)
    }
}

/// What a manifest says of an event, but for its id and the journal that its row came from. It has no text in it, so
/// that many lie side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RowFacts {
    /// When the event happened.
    pub timestamp: Timestamp,
    /// Where its data begin in the blob.
    pub offset: u64,
    /// How many bytes they are.
    pub size: u64,
    /// The index revision that points here; none where 0.4.3 wrote the manifest.
    pub revision: Option<Revision>,
    /// The revision of the claim that the event began with; none where 0.4.3 put it.
    pub birth: Option<Revision>,
    /// When the last update applied was made.
    pub updated: Option<Timestamp>,
}

impl RowFacts {
    /// What 0.4.3 knows of a row.
    pub fn new(timestamp: Timestamp, offset: u64, size: u64) -> Self {
        Self { timestamp, offset, size, revision: None, birth: None, updated: None }
    }
}

/// One event's row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Row {
    /// The event's id.
    pub event_id: String,
    /// What else the manifest says of it.
    pub facts: RowFacts,
    /// The journal that the row came from.
    pub came_from: Option<String>,
}

/// The largest blob, offset or size that is accepted. S3's objects are far smaller.
pub const LARGEST: u64 = i64::MAX as u64;

/// Checks that data lie within their blob.
pub fn check_bounds(offset: u64, size: u64, blob_size: u64) -> std::result::Result<(), String> {
    match offset.checked_add(size) {
        Some(stop) if stop <= blob_size => Ok(()),
        _ => Err(format!("its {size} bytes from offset {offset} are not within the blob's {blob_size} bytes")),
    }
}

/// Reads a timestamp that a caller gave.
pub fn timestamp_argument(text: &str) -> Result<Timestamp> {
    Timestamp::parse(text)
        .ok_or_else(|| Error::argument(format_args!("{text:?} is not a timestamp like 2019-05-16T211813.059000Z")))
}
