//! From columns to the JSON that 0.4.3 reads: what Python's `json.dumps` would write, ASCII with `\u` escapes.

use std::fmt::Write;

use super::{Manifest, Ours};
use crate::core::row::Revision;
use crate::core::timestamp::Timestamp;

impl Manifest {
    /// The manifest as JSON: 0.4.3's fields in its order, then ours where they are there.
    pub fn encode(&self) -> String {
        let mut json = String::with_capacity(256 + self.len() * 160);
        json.push_str("{\"journal_id\": ");
        push_text(&mut json, &self.journal_id);
        json.push_str(", \"from_date\": ");
        push_timestamp(&mut json, self.timestamps.first().copied().unwrap_or(self.name.start));
        json.push_str(", \"to_date\": ");
        push_timestamp(&mut json, self.timestamps.last().copied().unwrap_or(self.name.end));
        json.push_str(", \"size\": ");
        push_number(&mut json, self.size);
        json.push_str(", \"events\": ");
        push_array(&mut json, 0..self.len(), |json, row| self.push_row(json, row));
        if let Some(ours) = &self.ours {
            ours.push_to(&mut json);
        }
        json.push('}');
        json
    }

    fn push_row(&self, json: &mut String, row: usize) {
        json.push_str("{\"event_id\": ");
        push_text(json, self.event_id(row));
        json.push_str(", \"timestamp\": ");
        push_timestamp(json, self.timestamps[row]);
        json.push_str(", \"offset\": ");
        push_number(json, self.offsets[row]);
        json.push_str(", \"size\": ");
        push_number(json, self.sizes[row]);
        json.push('}');
    }
}

impl Ours {
    fn push_to(&self, json: &mut String) {
        json.push_str(", \"revisions\": ");
        push_array(json, self.revisions.iter(), push_revision);
        json.push_str(", \"updated\": ");
        push_array(json, self.updated.iter(), |json, updated| push_or_null(json, updated, push_timestamp));
        json.push_str(", \"births\": ");
        push_array(json, self.births.iter(), push_revision);
        json.push_str(", \"from\": ");
        push_array(json, self.from.iter(), |json, from| push_or_null(json, from.map(u64::from), push_number));
        json.push_str(", \"replaces\": ");
        push_array(json, &self.replaces, |json, journal_id| push_text(json, journal_id));
    }
}

fn push_array<T>(json: &mut String, items: impl IntoIterator<Item = T>, mut push: impl FnMut(&mut String, T)) {
    json.push('[');
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            json.push_str(", ");
        }
        push(json, item);
    }
    json.push(']');
}

fn push_or_null<T>(json: &mut String, value: Option<T>, push: impl FnOnce(&mut String, T)) {
    match value {
        Some(value) => push(json, value),
        None => json.push_str("null"),
    }
}

fn push_revision(json: &mut String, revision: Option<Revision>) {
    push_or_null(json, revision.map(Revision::number), push_number);
}

fn push_timestamp(json: &mut String, timestamp: Timestamp) {
    json.push('"');
    timestamp.push_to(json);
    json.push('"');
}

fn push_number(json: &mut String, number: u64) {
    // Writing to a String cannot fail.
    let _ = write!(json, "{number}");
}

fn push_text(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            ' '..='~' => json.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(json, "\\u{unit:04x}");
                }
            }
        }
    }
    json.push('"');
}
