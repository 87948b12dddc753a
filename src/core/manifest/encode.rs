//! From columns to the JSON that 0.4.3 reads. It is what Python's `json.dumps` writes: ASCII with `\u` escapes.

use std::fmt::Write;

use super::Manifest;
use crate::core::row::Revision;
use crate::core::timestamp::Timestamp;

impl Manifest {
    /// The manifest as JSON: 0.4.3's fields in its order, then ours, where there are some.
    pub fn encode(&self) -> String {
        let mut json = String::new();
        self.encode_to(|chunk| json.push_str(chunk));
        json
    }

    /// The same, chunk by chunk.
    pub fn encode_to(&self, write: impl FnMut(&str)) {
        let mut json = JsonWriter { text: String::with_capacity(2 * CHUNK), write };
        json.field("{\"journal_id\": ", |text| push_text(text, &self.journal_id));
        let first = self.timestamps.first().copied().unwrap_or(self.name.start);
        json.field(", \"from_date\": ", |text| push_timestamp(text, first));
        let last = self.timestamps.last().copied().unwrap_or(self.name.end);
        json.field(", \"to_date\": ", |text| push_timestamp(text, last));
        json.field(", \"size\": ", |text| push_number(text, self.size));
        json.array(", \"events\": [", 0..self.len(), |text, row| self.push_row(text, row));
        if let Some(ours) = &self.ours {
            json.array(", \"revisions\": [", ours.revisions.iter(), push_revision);
            json.array(", \"updated\": [", ours.updated.iter(), |text, at| push_or_null(text, at, push_timestamp));
            json.array(", \"births\": [", ours.births.iter(), push_revision);
            let push_index = |text: &mut String, index: Option<u32>| {
                push_or_null(text, index.map(u64::from), push_number);
            };
            json.array(", \"from\": [", ours.came_from.iter(), push_index);
            json.array(", \"replaces\": [", ours.replaces.iter(), push_text);
        }
        json.text.push('}');
        json.flush();
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

/// About how many bytes are written at a time.
const CHUNK: usize = 16 * 1024;

/// Writes JSON in chunks; holds what has not been written yet.
struct JsonWriter<W> {
    text: String,
    write: W,
}

impl<W: FnMut(&str)> JsonWriter<W> {
    fn field(&mut self, name: &str, push: impl FnOnce(&mut String)) {
        self.text.push_str(name);
        push(&mut self.text);
    }

    fn array<T>(&mut self, name: &str, items: impl IntoIterator<Item = T>, mut push: impl FnMut(&mut String, T)) {
        self.text.push_str(name);
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.text.push_str(", ");
            }
            push(&mut self.text, item);
            if self.text.len() >= CHUNK {
                self.flush();
            }
        }
        self.text.push(']');
    }

    fn flush(&mut self) {
        (self.write)(&self.text);
        self.text.clear();
    }
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
