//! Manifests in the form in which every one was written: as Python's `json.dumps` writes them, field by field in
//! FORMAT's order, with one blank after `,` and `:`. They are read field by field too, without a JSON parser.
//!
//! A manifest of any other form gives none here. The JSON parser reads it, and says what is wrong.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::contents::{Arrays, Contents, Field, Rows};
use super::sink::{ArrayOf, Items};
use crate::core::row::Revision;
use crate::core::texts::Texts;
use crate::core::timestamp::{LENGTH, Timestamp, TimestampReader};

/// About how many bytes a row takes, so that there is room for all at once.
const BYTES_PER_ROW: usize = 128;

/// Numbers of this many digits fit into 64 bits, whatever the digits are.
const MOST_DIGITS: usize = 18;

/// Reads a manifest of the written form. None if it has another.
pub fn parse(body: &[u8]) -> Option<Contents> {
    let mut reader = Reader { rest: std::str::from_utf8(body).ok()?, timestamps: TimestampReader::default() };
    let mut contents = Contents::default();
    reader.literal("{\"journal_id\": ")?;
    contents.journal_id = Field::There(reader.text()?.into_owned());
    reader.literal(", \"from_date\": ")?;
    reader.text()?;
    reader.literal(", \"to_date\": ")?;
    reader.text()?;
    reader.literal(", \"size\": ")?;
    contents.size = Field::There(reader.number()?);
    reader.literal(", \"events\": ")?;
    contents.events = Field::There(reader.rows()?);
    if reader.rest.starts_with(',') {
        contents.ours = reader.arrays()?;
        reader.skip_sections()?;
    }
    (reader.rest == "}").then_some(contents)
}

/// What is left to be read.
struct Reader<'a> {
    rest: &'a str,
    timestamps: TimestampReader,
}

impl<'a> Reader<'a> {
    #[inline]
    fn literal(&mut self, literal: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(literal)?;
        Some(())
    }

    /// A text of printable ASCII without escapes.
    #[inline]
    fn plain_text(&mut self) -> Option<&'a str> {
        let inside = self.rest.strip_prefix('"')?;
        let (text, rest) = inside.split_at_checked(plain_length(inside.as_bytes()))?;
        self.rest = rest.strip_prefix('"')?;
        Some(text)
    }

    /// Any text. The JSON parser reads one that is not plain.
    #[inline]
    fn text(&mut self) -> Option<Cow<'a, str>> {
        match self.plain_text() {
            Some(text) => Some(text.into()),
            None => self.escaped_text().map(Into::into),
        }
    }

    /// Appends a text to a column.
    #[inline]
    fn id(&mut self, ids: &mut Texts) -> Option<()> {
        match self.plain_text() {
            Some(id) => ids.push(id),
            None => ids.push(&self.escaped_text()?),
        }
        Some(())
    }

    #[cold]
    fn escaped_text(&mut self) -> Option<String> {
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<String>();
        let text = values.next()?.ok()?;
        self.rest = self.rest.get(values.byte_offset()..)?;
        Some(text)
    }

    #[inline]
    fn number(&mut self) -> Option<u64> {
        let (mut number, mut digits) = (0_u64, 0);
        for digit in self.rest.bytes().map(|byte| byte.wrapping_sub(b'0')).take_while(|digit| *digit < 10) {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
            digits += 1;
        }
        let has_leading_zero = digits > 1 && self.rest.starts_with('0');
        self.rest = self.rest.get(digits..)?;
        ((1..=MOST_DIGITS).contains(&digits) && !has_leading_zero).then_some(number)
    }

    #[inline]
    fn timestamp(&mut self) -> Option<Timestamp> {
        let inside = self.rest.strip_prefix('"')?;
        let timestamp = self.timestamps.read(inside.as_bytes().first_chunk::<LENGTH>()?)?;
        self.rest = inside.get(LENGTH..)?.strip_prefix('"')?;
        Some(timestamp)
    }

    fn rows(&mut self) -> Option<Rows> {
        let mut rows = Rows::with_capacity(self.rest.len() / BYTES_PER_ROW);
        self.list(|reader| {
            reader.literal("{\"event_id\": ")?;
            reader.id(&mut rows.ids)?;
            reader.literal(", \"timestamp\": ")?;
            rows.timestamps.push(reader.timestamp()?);
            reader.literal(", \"offset\": ")?;
            rows.offsets.push(reader.number()?);
            reader.literal(", \"size\": ")?;
            rows.sizes.push(reader.number()?);
            reader.literal("}")
        })?;
        Some(rows)
    }

    fn arrays(&mut self) -> Option<Arrays> {
        self.literal(", \"revisions\": ")?;
        let revisions = self.array(|reader| reader.or_null(Self::revision))?;
        self.literal(", \"updated\": ")?;
        let updated = self.array(|reader| reader.or_null(Self::timestamp))?;
        self.literal(", \"births\": ")?;
        let births = self.array(|reader| reader.or_null(Self::revision))?;
        self.literal(", \"from\": ")?;
        let came_from = self.array(|reader| reader.or_null(|reader| u32::try_from(reader.number()?).ok()))?;
        self.literal(", \"replaces\": ")?;
        let mut replaces = Texts::default();
        self.list(|reader| reader.id(&mut replaces))?;
        Some(Arrays { revisions, updated, births, came_from, replaces: Field::There(ArrayOf::right(replaces)) })
    }

    /// Passes over the table of a large manifest's sections. It must be JSON, and the last field.
    fn skip_sections(&mut self) -> Option<()> {
        if let Some(rest) = self.rest.strip_prefix(", \"sections\": ") {
            let table = rest.strip_suffix('}')?;
            serde_json::from_str::<IgnoredAny>(table).ok()?;
            self.rest = rest.get(table.len()..)?;
        }
        Some(())
    }

    fn revision(&mut self) -> Option<Revision> {
        Revision::new(self.number()?)
    }

    fn or_null<T>(&mut self, item: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if let Some(rest) = self.rest.strip_prefix("null") {
            self.rest = rest;
            return Some(None);
        }
        item(self).map(Some)
    }

    fn array<T, C: Items<T>>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Field<ArrayOf<T, C>>> {
        let mut items = C::default();
        self.list(|reader| {
            items.append(item(reader)?);
            Some(())
        })?;
        Some(Field::There(ArrayOf::right(items)))
    }

    fn list(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.literal("[")?;
        if self.rest.starts_with("]") {
            return self.literal("]");
        }
        loop {
            item(self)?;
            if self.literal(", ").is_none() {
                return self.literal("]");
            }
        }
    }
}

/// How many bytes come before the first quote, backslash, control character or byte beyond ASCII. Takes eight at a
/// time.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    while let Some((chunk, _)) = bytes.get(length..).and_then(|rest| rest.split_first_chunk::<8>()) {
        let special = special_bytes(u64::from_le_bytes(*chunk));
        if special != 0 {
            return length + special.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let is_special = |byte: &u8| *byte < b' ' || *byte >= 0x80 || *byte == b'"' || *byte == b'\\';
    bytes.get(length..).unwrap_or_default().iter().position(is_special).map_or(bytes.len(), |index| length + index)
}

/// Sets the highest bit of each byte that is a quote, a backslash, a control character or beyond ASCII. Only the lowest
/// such bit is sure: subtraction borrows, so others above it may be wrong.
#[inline]
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let zero_in = |word: u64| word.wrapping_sub(ONES) & !word;
    let quote = zero_in(word ^ (ONES * b'"' as u64));
    let backslash = zero_in(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * b' ' as u64);
    (quote | backslash | control | word) & HIGHS
}
