//! From columns to the JSON that 0.4.3 reads. It is what Python's `json.dumps` writes: ASCII with `\u` escapes.

use std::fmt::Write;

use crc32fast::Hasher;

use super::Manifest;
use super::sections::{Sections, Written};
use crate::core::row::Revision;
use crate::core::timestamp::Timestamp;

impl Manifest {
    /// The manifest as JSON: 0.4.3's fields in its order, then ours, where there are some; last, of a large one the
    /// table of its sections.
    pub fn encode(&self) -> String {
        let mut json = String::new();
        self.encode_to(|chunk| json.push_str(chunk));
        json
    }

    /// The same, chunk by chunk.
    pub fn encode_to(&self, write: impl FnMut(&str)) {
        let mut json = JsonWriter::new(write);
        json.field("{\"journal_id\": ", |text| push_text(text, &self.journal_id));
        let first = self.timestamps.first().copied().unwrap_or(self.name.start);
        json.field(", \"from_date\": ", |text| push_timestamp(text, first));
        let last = self.timestamps.last().copied().unwrap_or(self.name.end);
        json.field(", \"to_date\": ", |text| push_timestamp(text, last));
        json.field(", \"size\": ", |text| push_number(text, self.size));
        let mut sections = self.write_rows(&mut json);
        if let Some(ours) = &self.ours {
            json.array(", \"revisions\": [", ours.revisions.iter(), push_revision);
            json.array(", \"updated\": [", ours.updated.iter(), |text, at| push_or_null(text, at, push_timestamp));
            json.array(", \"births\": [", ours.births.iter(), push_revision);
            let push_index = |text: &mut String, index: Option<u32>| {
                push_or_null(text, index.map(u64::from), push_number);
            };
            json.array(", \"from\": [", ours.came_from.iter(), push_index);
            json.field(", \"replaces\": ", |_| ());
            sections.replaces = json.summed(|json| json.array("[", ours.replaces.iter(), push_text));
        }
        if self.has_sections() {
            self.write_sections(&mut json, &sections);
        }
        json.text.push('}');
        json.flush();
    }

    fn write_rows(&self, json: &mut JsonWriter<impl FnMut(&str)>) -> Sections {
        let mut sections = Sections::of(self.len());
        json.field(", \"events\": [", |_| ());
        for first in (0..self.len()).step_by(sections.rows) {
            let end = self.len().min(first + sections.rows);
            let written = json.summed(|json| {
                json.items(first..end, |text, row| self.push_row(text, row));
                json.text.push_str(if end < self.len() { ", " } else { "" });
            });
            sections.push(self.timestamps[first], written);
        }
        sections.end = json.position();
        json.text.push(']');
        sections
    }

    fn write_sections(&self, json: &mut JsonWriter<impl FnMut(&str)>, sections: &Sections) {
        json.field(", \"sections\": ", |_| ());
        let table = json.summed(|json| {
            json.field("{\"journal_id\": ", |text| push_text(text, &self.journal_id));
            json.field(", \"size\": ", |text| push_number(text, self.size));
            json.array(", \"first\": [", sections.first.iter(), |text, first| push_timestamp(text, *first));
            json.array(", \"at\": [", sections.starts(), push_number);
            json.array(", \"sums\": [", sections.sums(), push_sum);
            json.field(", \"replaces\": [", |text| push_number(text, sections.replaces.start));
            json.field(", ", |text| push_sum(text, sections.replaces.sum));
            json.text.push(']');
        });
        json.field(", \"sum\": ", |text| push_sum(text, table.sum));
        json.text.push('}');
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
    written: u64,
    sum: Hasher,
}

impl<W: FnMut(&str)> JsonWriter<W> {
    fn new(write: W) -> Self {
        Self { text: String::with_capacity(2 * CHUNK), write, written: 0, sum: Hasher::new() }
    }

    /// At which byte of the JSON it is.
    fn position(&self) -> u64 {
        self.written + self.text.len() as u64
    }

    /// Lets something be written; says where it begins, and gives its sum.
    fn summed(&mut self, write: impl FnOnce(&mut Self)) -> Written {
        self.flush();
        self.sum.reset();
        let start = self.written;
        write(self);
        self.flush();
        Written { start, sum: self.sum.clone().finalize() }
    }

    fn field(&mut self, name: &str, push: impl FnOnce(&mut String)) {
        self.text.push_str(name);
        push(&mut self.text);
    }

    fn array<T>(&mut self, name: &str, items: impl IntoIterator<Item = T>, push: impl FnMut(&mut String, T)) {
        self.text.push_str(name);
        self.items(items, push);
        self.text.push(']');
    }

    fn items<T>(&mut self, items: impl IntoIterator<Item = T>, mut push: impl FnMut(&mut String, T)) {
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.text.push_str(", ");
            }
            push(&mut self.text, item);
            if self.text.len() >= CHUNK {
                self.flush();
            }
        }
    }

    fn flush(&mut self) {
        (self.write)(&self.text);
        self.sum.update(self.text.as_bytes());
        self.written += self.text.len() as u64;
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

/// Each takes as many bytes: so it is known beforehand how long a table is.
fn push_sum(json: &mut String, sum: u32) {
    // Writing to a String cannot fail.
    let _ = write!(json, "\"{sum:08x}\"");
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
