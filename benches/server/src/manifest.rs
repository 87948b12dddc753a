//! Manifests, as the package writes those of events that have just been put.

use std::io::Write;

use crc32fast::hash;

use crate::formula::Formula;
use crate::stretch::{Event, Journal};
use crate::texts::push_decimal;

/// A manifest of so many rows has a table of its sections: FORMAT.md says what is in it.
const MANY_ROWS: u64 = 2_048;
const FEWEST_ROWS: u64 = 256;
const MOST_SECTIONS: u64 = 1_024;

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
    let mut starts = vec![0; events as usize + 1];
    push_array(&mut json, "events", events, |json, index| {
        starts[index as usize] = json.len();
        push_row(json, formula, Event { journal, index });
    });
    starts[events as usize] = json.len() - 1;
    for (name, value) in [("revisions", "1"), ("updated", "null"), ("births", "1"), ("from", "null")] {
        push_array(&mut json, name, events, |json, _| json.extend_from_slice(value.as_bytes()));
    }
    push_array(&mut json, "replaces", 0, |_, _| ());
    if events >= MANY_ROWS {
        push_sections(&mut json, journal, &starts);
    }
    json.push(b'}');
    json
}

/// `starts`: where each row begins, and the last one ends.
fn push_sections(json: &mut Vec<u8>, journal: Journal<'_>, starts: &[usize]) {
    let events = journal.placed.stretch.events;
    let rows = FEWEST_ROWS.max(events.div_ceil(MOST_SECTIONS).next_power_of_two());
    let sections = events.div_ceil(rows);
    let at: Vec<usize> = (0..=sections).map(|section| starts[(section * rows).min(events) as usize]).collect();
    let sums: Vec<u32> = at.windows(2).map(|piece| hash(&json[piece[0]..piece[1]])).collect();
    let replaces = json.len() - "[]".len();
    json.extend_from_slice(b", \"sections\": ");
    let begin = json.len();
    json.extend_from_slice(b"{\"journal_id\": \"");
    journal.push_id(json);
    json.extend_from_slice(b"\", \"size\": ");
    push_decimal(json, journal.size());
    push_array(json, "first", sections, |json, section| {
        json.push(b'"');
        journal.date(section * rows).push_timestamp(json);
        json.push(b'"');
    });
    push_array(json, "at", sections + 1, |json, section| push_decimal(json, at[section as usize] as u64));
    push_array(json, "sums", sections, |json, section| push_sum(json, sums[section as usize]));
    json.extend_from_slice(b", \"replaces\": [");
    push_decimal(json, replaces as u64);
    json.extend_from_slice(b", ");
    push_sum(json, hash(b"[]"));
    json.push(b']');
    let table = hash(&json[begin..]);
    json.extend_from_slice(b", \"sum\": ");
    push_sum(json, table);
    json.push(b'}');
}

fn push_sum(json: &mut Vec<u8>, sum: u32) {
    // Writing to a Vec cannot fail.
    let _ = write!(json, "\"{sum:08x}\"");
}

fn push_array(json: &mut Vec<u8>, name: &str, len: u64, mut push: impl FnMut(&mut Vec<u8>, u64)) {
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
