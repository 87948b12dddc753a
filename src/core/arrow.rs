//! Events as Arrow record batches: https://arrow.apache.org/docs/format/Columnar.html.
//!
//! Ids and dates are written into columns of their own; data stay where they are: a view (16 bytes) names each one's
//! place in the buffer that was fetched, which lives as long as a record batch needs it.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use arrow_array::builder::make_view;
use arrow_array::{ArrayRef, BinaryViewArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};

use super::batch::Batch;

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

/// The rows of a batch at these places.
pub fn record_batch(batch: &Batch, rows: Range<usize>) -> Result<RecordBatch, ArrowError> {
    let columns: Vec<ArrayRef> =
        vec![Arc::new(ids(batch, rows.clone())?), Arc::new(dates(batch, rows.clone())), Arc::new(data(batch, rows)?)];
    RecordBatch::try_new(schema(), columns)
}

fn ids(batch: &Batch, rows: Range<usize>) -> Result<StringArray, ArrowError> {
    let mut text = String::new();
    let mut ends = Vec::with_capacity(rows.len() + 1);
    ends.push(0);
    for event in rows.filter_map(|row| batch.event(row)) {
        text.push_str(event.event_id);
        ends.push(i32::try_from(text.len()).map_err(|_| too_large("the ids of a batch", text.len()))?);
    }
    StringArray::try_new(OffsetBuffer::new(ends.into()), Buffer::from(text.into_bytes()), None)
}

fn dates(batch: &Batch, rows: Range<usize>) -> TimestampMicrosecondArray {
    let microseconds: Vec<i64> =
        rows.filter_map(|row| batch.event(row)).map(|event| event.timestamp.microseconds()).collect();
    TimestampMicrosecondArray::from(microseconds).with_timezone("UTC")
}

fn data(batch: &Batch, rows: Range<usize>) -> Result<BinaryViewArray, ArrowError> {
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(event) = batch.event(row) else { break };
        let (buffer, start) = batch.place_of_data(row).unwrap_or_default();
        // Views count in signed 32 bits.
        let end = start.saturating_add(event.data.len() as u64);
        if i32::try_from(end).is_err() {
            return Err(too_large("an event's data, or those before it,", event.data.len()));
        }
        views.push(make_view(event.data, buffer, start as u32));
    }
    let buffers: Vec<Buffer> = batch.buffers().iter().map(|buffer| Buffer::from(buffer.clone())).collect();
    BinaryViewArray::try_new(ScalarBuffer::from(views), buffers, None)
}

fn too_large(what: &str, size: usize) -> ArrowError {
    ArrowError::InvalidArgumentError(format!("{what} take {size} bytes; Arrow's arrays hold 2 GiB at most"))
}
