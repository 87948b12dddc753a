//! Events' ids, dates and data as Arrow arrays: https://arrow.apache.org/docs/format/Columnar.html.
//!
//! Ids and dates are written into columns of their own. Data as binary views are not copied: a view of 16 bytes says
//! where they lie in the buffer that was fetched, and a record batch keeps its buffers alive.

use std::sync::Arc;

use arrow_array::builder::make_view;
use arrow_array::{ArrayRef, BinaryViewArray, TimestampMicrosecondArray};
use arrow_buffer::Buffer;
use arrow_schema::ArrowError;

use super::batch::{Batch, Event};
use super::columns::bytes::Bytes;
use super::columns::kind::{Layout, Type};
use super::error::{Error, Result};

/// About how many bytes an id has, so that there is room for all at once.
const BYTES_PER_ID: usize = 36;

/// A column of what events are made of, as far as it has been filled.
#[derive(Debug)]
pub enum Part {
    /// Ids.
    Ids(Bytes),
    /// Dates, in microseconds.
    Dates(Vec<i64>),
    /// Where data lie.
    Views(Vec<u128>),
    /// Data, copied.
    Data(Bytes),
    /// The same, which must be UTF-8.
    Texts(Bytes),
}

impl Part {
    /// An empty column of ids, with room for so many.
    pub fn of_ids(capacity: usize) -> Self {
        Self::Ids(Bytes::new(capacity, BYTES_PER_ID))
    }

    /// An empty column of dates.
    pub fn of_dates(capacity: usize) -> Self {
        Self::Dates(Vec::with_capacity(capacity))
    }

    /// An empty column of data, as a type has them.
    pub fn of_data(kind: &Type, capacity: usize) -> Self {
        match kind {
            Type::Binary(Layout::View) => Self::Views(Vec::with_capacity(capacity)),
            Type::Binary(_) => Self::Data(Bytes::new(capacity, 0)),
            _ => Self::Texts(Bytes::new(capacity, 0)),
        }
    }

    /// Appends what an event has.
    #[inline]
    pub fn append(&mut self, event: &Event<'_>) -> Result<()> {
        match self {
            Self::Ids(ids) => ids.push(event.event_id.as_bytes()),
            Self::Dates(microseconds) => microseconds.push(event.timestamp.microseconds()),
            Self::Views(views) => views.push(view(event)?),
            Self::Data(data) => data.push(event.data),
            Self::Texts(data) => {
                std::str::from_utf8(event.data).map_err(|error| no_text(event, &error))?;
                data.push(event.data);
            }
        }
        Ok(())
    }

    /// The column, of events of a batch.
    pub fn finish(self, batch: &Batch, kind: &Type) -> std::result::Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Ids(bytes) | Self::Data(bytes) | Self::Texts(bytes) => bytes.into_array(kind, None)?,
            Self::Dates(microseconds) => Arc::new(TimestampMicrosecondArray::from(microseconds).with_timezone("UTC")),
            Self::Views(views) => {
                let buffers: Vec<Buffer> = batch.buffers().iter().map(|buffer| Buffer::from(buffer.clone())).collect();
                Arc::new(BinaryViewArray::try_new(views.into(), buffers, None)?)
            }
        })
    }
}

/// Where an event's data lie, as Arrow says it: in signed 32 bits.
fn view(event: &Event<'_>) -> Result<u128> {
    let end = event.start.saturating_add(event.data.len() as u64);
    i32::try_from(end).map_err(|_| {
        let (id, size) = (event.event_id, event.data.len());
        Error::argument(format!(
            "event {id:?}: its data, {size} bytes with others before them, are too large: Arrow's views hold 2 GiB at most"
        ))
    })?;
    Ok(make_view(event.data, event.buffer, event.start as u32))
}

fn no_text(event: &Event<'_>, error: &std::str::Utf8Error) -> Error {
    Error::argument(format!("event {:?}: its data are asked for as a text, and are no UTF-8: {error}", event.event_id))
}
