//! Manifests, as the package writes those of events that have just been put.

use crate::formula::Formula;
use crate::stretch::{Event, Journal};
use crate::texts::push_decimal;

/// The JSON of a journal's manifest.
pub fn encode(formula: &Formula, journal: Journal<'_>) -> Vec<u8> {
    let events = journal.placed.stretch.events;
    let mut json = Vec::new();
    json.extend_from_slice(b"{\"journal_id\": \"");
    journal.push_id(&mut json);
    json.extend_from_slice(b"\", \"from_date\": \"");
    journal.date(0).push_timestamp(&mut json);
    json.extend_from_slice(b"\", \"to_date\": \"");
    journal.end().push_timestamp(&mut json);
    json.extend_from_slice(b"\", \"size\": ");
    push_decimal(&mut json, journal.size());
    push_array(&mut json, "events", events, |json, index| push_row(json, formula, Event { journal, index }));
    for (name, value) in [("revisions", "1"), ("updated", "null"), ("births", "1"), ("from", "null")] {
        push_array(&mut json, name, events, |json, _| json.extend_from_slice(value.as_bytes()));
    }
    push_array(&mut json, "replaces", 0, |_, _| ());
    json.push(b'}');
    json
}

fn push_array(json: &mut Vec<u8>, name: &str, len: u64, push: impl Fn(&mut Vec<u8>, u64)) {
    json.extend_from_slice(b", \"");
    json.extend_from_slice(name.as_bytes());
    json.extend_from_slice(b"\": [");
    for index in 0..len {
        if index > 0 {
            json.extend_from_slice(b", ");
        }
        push(json, index);
    }
    json.push(b']');
}

fn push_row(json: &mut Vec<u8>, formula: &Formula, event: Event<'_>) {
    json.extend_from_slice(b"{\"event_id\": \"");
    formula.push_event_id(event, json);
    json.extend_from_slice(b"\", \"timestamp\": \"");
    event.date().push_timestamp(json);
    json.extend_from_slice(b"\", \"offset\": ");
    push_decimal(json, event.offset());
    json.extend_from_slice(b", \"size\": ");
    push_decimal(json, event.size());
    json.push(b'}');
}
