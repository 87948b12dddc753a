//! Events' ids, dates and data as Arrow arrays: https://arrow.apache.org/docs/format/Columnar.html.
//!
//! Ids and dates are written into columns of their own. Data as binary views are not copied: a view of 16 bytes says
//! where they lie in the buffer that was fetched, and a record batch keeps its buffers alive.

use std::sync::Arc;

use arrow_array::builder::make_view;
use arrow_array::{ArrayRef, BinaryViewArray, TimestampMicrosecondArray};
use arrow_buffer::{Buffer, ScalarBuffer};

use super::batch::{Batch, Event};
use super::columns::bytes::Bytes;
use super::columns::kind::{Layout, Type};
use super::error::{Error, Result};

/// The events' ids, as texts or bytes.
pub fn ids<'a>(events: impl Iterator<Item = Event<'a>>, kind: &Type) -> Result<ArrayRef> {
    /// About how many bytes an id has, so that there is room for all at once.
    const BYTES_PER_ID: usize = 36;
    let mut ids = Bytes::new(most(&events), BYTES_PER_ID);
    events.for_each(|event| ids.push(event.event_id.as_bytes()));
    ids.into_array(kind, None).map_err(Error::argument)
}

/// The events' dates: microseconds in UTC.
pub fn dates<'a>(events: impl Iterator<Item = Event<'a>>) -> ArrayRef {
    let microseconds: Vec<i64> = events.map(|event| event.timestamp.microseconds()).collect();
    Arc::new(TimestampMicrosecondArray::from(microseconds).with_timezone("UTC"))
}

/// The data of events of a batch. As texts, they must be UTF-8.
pub fn data<'a>(batch: &Batch, events: impl Iterator<Item = Event<'a>> + Clone, kind: &Type) -> Result<ArrayRef> {
    if *kind == Type::Binary(Layout::View) {
        return views(batch, events);
    }
    if matches!(kind, Type::Text(_)) {
        for event in events.clone() {
            std::str::from_utf8(event.data).map_err(|error| no_text(&event, &error))?;
        }
    }
    let size: usize = events.clone().map(|event| event.data.len()).sum();
    let mut data = Bytes::new(most(&events), 0);
    data.reserve(size);
    events.for_each(|event| data.push(event.data));
    data.into_array(kind, None).map_err(Error::argument)
}

/// How many events there are at most.
fn most<'a>(events: &impl Iterator<Item = Event<'a>>) -> usize {
    events.size_hint().1.unwrap_or(0)
}

fn views<'a>(batch: &Batch, events: impl Iterator<Item = Event<'a>>) -> Result<ArrayRef> {
    let views: Vec<u128> = events.map(|event| view(&event)).collect::<Result<_>>()?;
    let buffers: Vec<Buffer> = batch.buffers().iter().map(|buffer| Buffer::from(buffer.clone())).collect();
    let data = BinaryViewArray::try_new(ScalarBuffer::from(views), buffers, None).map_err(Error::argument)?;
    Ok(Arc::new(data))
}

/// Where an event's data lie, as Arrow says it: in signed 32 bits.
fn view(event: &Event<'_>) -> Result<u128> {
    let end = event.start.saturating_add(event.data.len() as u64);
    i32::try_from(end).map_err(|_| {
        let (id, size) = (event.event_id, event.data.len());
        Error::argument(format!("event {id:?}: its data of {size} bytes, with those before them, are too large: Arrow's views hold 2 GiB at most"))
    })?;
    Ok(make_view(event.data, event.buffer, event.start as u32))
}

fn no_text(event: &Event<'_>, error: &std::str::Utf8Error) -> Error {
    Error::argument(format!("event {:?}: its data are asked for as a text, and are no UTF-8: {error}", event.event_id))
}
