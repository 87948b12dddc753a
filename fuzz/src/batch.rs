//! Batches: filtered, projected, joined, and as Arrow has them; compared with the same, done event by event.

use std::sync::Arc;

use _core::core::batch::Batch;
use _core::core::columns::kind::Type;
use _core::core::columns::{Answers, Asked, Column, Columns, Source, read as read_columns};
use _core::core::jmespath::{Expression, Outcome, Scratch};
use _core::core::manifest::Manifest;
use _core::core::merge::Merge;
use _core::core::row::{Row, RowFacts};
use _core::core::selection::{Matches, Results, joined};
use _core::core::timestamp::Timestamp;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, RecordBatch};
use bytes::Bytes;

use crate::choices::Choices;
use crate::journals::{IDS, moment};
use crate::json::{Json, Style, read, write};
use crate::trees::{json, tree};

const JOURNAL: &str = "2020-01-01T000000.000000Z--2020-01-01T000100.000000Z--new--00000000-0000-4000-8000-000000000001";

/// An event that a batch must have.
type Event = (Timestamp, String, Vec<u8>);

/// Makes a batch of events, and does with it what can be done.
pub fn check(data: &[u8]) {
    let mut choices = Choices::new(data);
    let expression = Expression::new(tree(&mut choices, &mut 8));
    let mut events: Vec<Event> = Vec::new();
    while !choices.is_over() && events.len() < 12 {
        let event = (moment(&mut choices), choices.one_of(&IDS).to_owned(), data_of(&mut choices));
        if events.iter().all(|(timestamp, event_id, _)| (timestamp, event_id) != (&event.0, &event.1)) {
            events.push(event);
        }
    }
    if events.is_empty() {
        return;
    }
    let batch = batch_of(&mut events);
    check_events(&batch, &events);
    check_selection(&mut choices, &batch, &events, &expression);
    check_columns(&mut choices, &batch, &events, &Arc::new(expression));
    let keep: Vec<bool> = events.iter().map(|_| choices.is_true()).collect();
    let kept: Vec<Event> =
        events.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(event, _)| event.clone()).collect();
    check_events(&batch.kept(&keep), &kept);
    check_events(&batch.kept(&keep).kept(&vec![true; kept.len()]), &kept);
}

fn data_of(choices: &mut Choices<'_>) -> Vec<u8> {
    if choices.is_rare(3) { choices.bytes().to_vec() } else { write(&json(choices, 2), Style::Bare) }
}

/// A batch of the events, which are put in order.
fn batch_of(events: &mut [Event]) -> Batch {
    events.sort();
    let blob: Vec<u8> = events.iter().flat_map(|event| event.2.clone()).collect();
    let mut offset = 0;
    let mut rows: Vec<Row> = Vec::new();
    for (timestamp, event_id, data) in events.iter() {
        let facts = RowFacts::new(*timestamp, offset, data.len() as u64);
        rows.push(Row { event_id: event_id.clone(), facts, came_from: None });
        offset += facts.size;
    }
    let rows: Vec<&Row> = rows.iter().collect();
    let manifest = Manifest::of_rows(JOURNAL, &rows, offset, Arc::default()).expect("rows that fit");
    let mut merge = Merge::default();
    merge.add(Arc::new(manifest));
    let window = merge.window(None, u64::MAX).expect("events");
    let buffers = if blob.is_empty() { Vec::new() } else { vec![Bytes::from(blob)] };
    Batch::new(Arc::new(window), buffers).expect("their bytes")
}

/// Checks that a batch has these events: one by one, as Arrow has them, and joined.
fn check_events(batch: &Batch, events: &[Event]) {
    assert_eq!((batch.len(), batch.is_empty()), (events.len(), events.is_empty()));
    for (index, event) in batch.events().enumerate() {
        let (timestamp, event_id, data) = &events[index];
        assert_eq!((event.timestamp, event.event_id, event.data), (*timestamp, event_id.as_str(), data.as_slice()));
        assert_eq!(batch.event(index), Some(event));
    }
    assert_eq!(batch.event(events.len()), None);
    check_arrow(&columns_of(batch, None, &Columns::of_events()), events);
    check_joined(batch, events);
}

fn check_arrow(batch: &RecordBatch, events: &[Event]) {
    let [ids, dates, data] = [0, 1, 2].map(|column| batch.column(column));
    for column in batch.columns() {
        column.to_data().validate_full().expect("an Arrow array");
        assert_eq!((column.len(), column.null_count()), (events.len(), 0));
    }
    let (ids, dates) = (ids.as_string::<i32>(), dates.as_primitive::<TimestampMicrosecondType>());
    for (index, (timestamp, event_id, bytes)) in events.iter().enumerate() {
        assert_eq!((ids.value(index), dates.value(index)), (event_id.as_str(), timestamp.microseconds()));
        assert_eq!(data.as_binary_view().value(index), bytes);
    }
}

/// Checks that the events' data are joined where all are JSON, and only there.
fn check_joined(batch: &Batch, events: &[Event]) {
    let readings: Vec<_> = events.iter().map(|event| read(&event.2)).collect();
    let Some(items) = joined(batch) else {
        assert!(readings.iter().any(|reading| reading.value.is_none() || reading.may_be_undecided));
        return;
    };
    let values: Vec<Json> = readings.into_iter().map(|reading| reading.value.expect("JSON")).collect();
    let array = [b"[", items.as_slice(), b"]"].concat();
    if let Some(value) = read(&array).value {
        assert_eq!(write(&value, Style::Python), write(&Json::Array(values), Style::Python));
    }
}

/// Reads columns, where what does not fit is null, and Python would say 7 of what is left to it.
fn columns_of(batch: &Batch, filter: Option<&Expression>, columns: &Columns) -> RecordBatch {
    let mut answers = Answers::new();
    loop {
        match read_columns(batch, filter, columns, true, &answers).expect("few bytes") {
            Ok(read) => return read,
            Err(questions) => {
                assert!(!questions.is_empty());
                for question in questions {
                    let answer: &[u8] = if question.asked == Asked::Filter { b"true" } else { b"7" };
                    assert_eq!(answers.insert(question, answer.to_vec()), None);
                }
            }
        }
    }
}

/// Checks that columns of an expression's values are whole, and that the one of JSON has what the expression selects.
fn check_columns(choices: &mut Choices<'_>, batch: &Batch, events: &[Event], expression: &Arc<Expression>) {
    const KINDS: [&str; 9] = [
        "json",
        "int64",
        "float64",
        "bool",
        "string_view",
        "timestamp[ns]",
        "date",
        "list<list<binary>>",
        "struct<a: json, b: list<struct<a: int64>>>",
    ];
    let column = |kind: &str| Column {
        name: kind.to_owned(),
        source: Source::Value(Some(Arc::clone(expression))),
        kind: kind.parse::<Type>().expect("a type"),
    };
    let columns = Columns::new(KINDS.iter().map(|kind| column(kind)).collect()).expect("names that differ");
    let filter = choices.is_true().then(|| expression.as_ref());
    let read = columns_of(batch, filter, &columns);
    for column in read.columns() {
        column.to_data().validate_full().expect("an Arrow array");
    }
    let mut row = 0;
    for (_, _, data) in events {
        let kept = filter.is_none_or(|filter| {
            matches!(filter.matches(data, &mut Scratch::default()), Outcome::Value(true) | Outcome::Undecided)
        });
        if !kept {
            continue;
        }
        let mut out = Vec::new();
        let expected: &[u8] = match expression.select(data, &mut Scratch::default(), &mut out) {
            Outcome::Value(()) => &out,
            Outcome::NotJson | Outcome::Failed => b"null",
            Outcome::Undecided => b"7",
        };
        let json = read.column(0).as_string::<i32>();
        let found: &[u8] = if json.is_null(row) { b"null" } else { json.value(row).as_bytes() };
        // A member of what is no object is null, be it a number that is too long to be read.
        let expected = if expected == b"7" && found == b"null" { found } else { expected };
        assert_eq!(found, expected);
        row += 1;
    }
    assert_eq!(read.num_rows(), row);
}

/// Checks that an expression says of each event of a batch what it says of its data alone.
fn check_selection(choices: &mut Choices<'_>, batch: &Batch, events: &[Event], expression: &Expression) {
    let all = Matches::of(batch, expression);
    let mut results = Results::of(batch, expression);
    let mut undecided = (Vec::new(), Vec::new());
    let mut expected = events.to_vec();
    for (index, event) in expected.iter_mut().enumerate() {
        let outcome = expression.matches(&event.2, &mut Scratch::default());
        assert_eq!(all.keep[index], outcome == Outcome::Value(true));
        undecided.0.extend((outcome == Outcome::Undecided).then_some(index));
        let mut out = Vec::new();
        match expression.select(&event.2, &mut Scratch::default(), &mut out) {
            Outcome::Value(()) => event.2 = out,
            Outcome::NotJson | Outcome::Failed => event.2 = b"null".to_vec(),
            Outcome::Undecided => {
                undecided.1.push(index);
                event.2 = choices.bytes().to_vec();
                results.set(index, &event.2);
            }
        }
    }
    assert_eq!((&all.undecided, &results.undecided), (&undecided.0, &undecided.1));
    check_events(&batch.with_data(results.data, &results.bounds), &expected);
}
