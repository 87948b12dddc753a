//! Events as Arrow record batches: https://arrow.apache.org/docs/format/Columnar.html.
//!
//! Ids and dates are written into columns of their own. Data are not copied: a view of 16 bytes says where they lie in
//! the buffer that was fetched. A record batch keeps its buffers alive.

use std::sync::{Arc, LazyLock};

use arrow_array::builder::make_view;
use arrow_array::{BinaryViewArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};

use super::batch::{Batch, Event};

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let date = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("event_id", DataType::Utf8, false),
        Field::new("date", date, false),
        Field::new("data", DataType::BinaryView, false),
    ]))
});

/// The columns: event_id (string), date (timestamp, microseconds in UTC), data (binary view); no nulls.
pub fn schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// About how many bytes an id has, so that there is room for all at once.
const BYTES_PER_ID: usize = 36;

/// The events of a batch.
pub fn record_batch(batch: &Batch) -> Result<RecordBatch, ArrowError> {
    let mut ids = String::with_capacity(batch.len() * BYTES_PER_ID);
    let mut ends = Vec::with_capacity(batch.len() + 1);
    let mut microseconds = Vec::with_capacity(batch.len());
    let mut views = Vec::with_capacity(batch.len());
    ends.push(0);
    for event in batch.events() {
        ids.push_str(event.event_id);
        ends.push(i32::try_from(ids.len()).map_err(|_| too_large("the ids of a batch", ids.len()))?);
        microseconds.push(event.timestamp.microseconds());
        views.push(view(&event)?);
    }
    let ids = StringArray::try_new(OffsetBuffer::new(ends.into()), Buffer::from(ids.into_bytes()), None)?;
    let dates = TimestampMicrosecondArray::from(microseconds).with_timezone("UTC");
    let buffers: Vec<Buffer> = batch.buffers().iter().map(|buffer| Buffer::from(buffer.clone())).collect();
    let data = BinaryViewArray::try_new(ScalarBuffer::from(views), buffers, None)?;
    RecordBatch::try_new(schema(), vec![Arc::new(ids), Arc::new(dates), Arc::new(data)])
}

/// Where an event's data lie, as Arrow says it: in signed 32 bits.
fn view(event: &Event<'_>) -> Result<u128, ArrowError> {
    let end = event.start.saturating_add(event.data.len() as u64);
    i32::try_from(end).map_err(|_| too_large("an event's data, with those before them,", event.data.len()))?;
    Ok(make_view(event.data, event.buffer, event.start as u32))
}

fn too_large(what: &str, size: usize) -> ArrowError {
    ArrowError::InvalidArgumentError(format!("{what} take {size} bytes; Arrow's arrays hold 2 GiB at most"))
}
