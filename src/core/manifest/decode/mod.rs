//! From a manifest's JSON to columns, without a value per row in between.

mod plain;

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::sink::{Array, Into, Items, Sink};
use super::{Manifest, Ours};
use crate::core::error::{Error, Result};
use crate::core::ids::Ids;
use crate::core::journal_id::JournalId;
use crate::core::row::{LARGEST, Revision, check_bounds};
use crate::core::timestamp::{Timestamp, TimestampReader};

impl Manifest {
    /// Reads any valid JSON manifest. `journal_id` is its key's; what the layout does not know counts only if the
    /// manifest names the same one.
    pub fn decode(journal_id: &str, body: &[u8]) -> Result<Self> {
        let name = JournalId::parse(journal_id)
            .ok_or_else(|| Error::argument(format_args!("{journal_id:?} does not have a journal_id's shape")))?;
        let corrupt = |what: &str| Error::corrupt(journal_id, format_args!("its manifest: {what}"));
        let document = plain::parse(body).map_or_else(|| parse(body), Ok).map_err(|what| corrupt(&what))?;

        let size = document.size.get().ok_or_else(|| corrupt(&wrong_number("size")))?;
        let own_id = document.journal_id.get().ok_or_else(|| corrupt("journal_id is missing or not a text"))?;
        let rows = document.events.get().ok_or_else(|| corrupt("events is missing or not an array"))?;
        if let Some(what) = rows.wrong {
            return Err(corrupt(&format!("row {}: {what}", rows.ids.len())));
        }
        if u32::try_from(rows.ids.len()).is_err() {
            return Err(corrupt("it has more rows than can be counted"));
        }
        for (row, (offset, size_of_row)) in rows.offsets.iter().zip(&rows.sizes).enumerate() {
            check_bounds(*offset, *size_of_row, size).map_err(|what| corrupt(&format!("row {row}: {what}")))?;
        }
        let ours = if own_id == journal_id { document.ours.checked(rows.ids.len()) } else { Ok(None) };
        let ours = ours.map_err(|what| corrupt(&what))?;
        let manifest = Self {
            size,
            ids: rows.ids,
            timestamps: rows.timestamps,
            offsets: rows.offsets,
            sizes: rows.sizes,
            ours,
            ..Self::empty(journal_id, name)
        };
        Ok(manifest.finished())
    }
}

fn parse(body: &[u8]) -> std::result::Result<Document, String> {
    // As a whole, which is quicker than text by text.
    let json = std::str::from_utf8(body).map_err(|error| format!("it is not UTF-8 at byte {}", error.valid_up_to()))?;
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let mut document = Document::default();
    let is_object = Into(&mut document)
        .deserialize(&mut deserializer)
        .and_then(|is_object| deserializer.end().map(|()| is_object))
        .map_err(|error| syntax_error(body, &error))?;
    if is_object { Ok(document) } else { Err("it is not a JSON object".to_owned()) }
}

/// The parser's message, with the byte instead of line and column.
fn syntax_error(body: &[u8], error: &serde_json::Error) -> String {
    let before: usize =
        body.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    let message = error.to_string();
    let reason = message.rsplit_once(" at line ").map_or(message.as_str(), |(reason, _)| reason);
    format!("it is not JSON: {reason} at byte {}", before + error.column().saturating_sub(1))
}

fn wrong_number(field: &str) -> String {
    format!("{field} is missing or not a whole number from 0 to {LARGEST}")
}

/// What the JSON has for a field; the last of duplicate keys counts.
#[derive(Debug, Default)]
enum Field<T> {
    #[default]
    Missing,
    Wrong,
    There(T),
}

impl<T> Field<T> {
    fn get(self) -> Option<T> {
        match self {
            Self::There(value) => Some(value),
            Self::Missing | Self::Wrong => None,
        }
    }

    fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }
}

impl<T: Sink + Default> Field<T> {
    fn read<'de, A: MapAccess<'de>>(fields: &mut A) -> std::result::Result<Self, A::Error> {
        let mut value = T::default();
        Ok(if fields.next_value_seed(Into(&mut value))? { Self::There(value) } else { Self::Wrong })
    }
}

#[derive(Default)]
struct Document {
    journal_id: Field<String>,
    size: Field<u64>,
    events: Field<Rows>,
    ours: Arrays,
}

#[derive(Default)]
struct Arrays {
    revisions: Field<Array<Option<Revision>>>,
    updated: Field<Array<Option<Timestamp>>>,
    births: Field<Array<Option<Revision>>>,
    from: Field<Array<Option<u32>>>,
    replaces: Field<Array<String, Ids>>,
}

impl Sink for Document {
    fn object<'de, A: MapAccess<'de>>(&mut self, mut fields: A) -> std::result::Result<bool, A::Error> {
        while let Some(name) = fields.next_key()? {
            match name {
                Name::JournalId => self.journal_id = Field::read(&mut fields)?,
                Name::Size => self.size = Field::read(&mut fields)?,
                Name::Events => self.events = Field::read(&mut fields)?,
                Name::Revisions => self.ours.revisions = Field::read(&mut fields)?,
                Name::Updated => self.ours.updated = Field::read(&mut fields)?,
                Name::Births => self.ours.births = Field::read(&mut fields)?,
                Name::From => self.ours.from = Field::read(&mut fields)?,
                Name::Replaces => self.ours.replaces = Field::read(&mut fields)?,
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(true)
    }
}

impl Arrays {
    /// The arrays, if all are there and right; none if one is missing.
    fn checked(self, rows: usize) -> std::result::Result<Option<Ours>, String> {
        let any_is_missing = self.revisions.is_missing()
            || self.updated.is_missing()
            || self.births.is_missing()
            || self.from.is_missing()
            || self.replaces.is_missing();
        if any_is_missing {
            return Ok(None);
        }
        let replaces = items(self.replaces, "replaces", None)?;
        let mut timestamps = TimestampReader::default();
        if let Some(journal_id) = replaces.iter().find(|id| JournalId::read(id, &mut timestamps).is_none()) {
            return Err(format!("replaces: {journal_id:?} does not have a journal_id's shape"));
        }
        let from = items(self.from, "from", Some(rows))?;
        if let Some(row) = from.iter().position(|from| from.is_some_and(|from| from as usize >= replaces.len())) {
            return Err(format!("from: the value at {row} is not a place in replaces, which has {}", replaces.len()));
        }
        Ok(Some(Ours {
            revisions: items(self.revisions, "revisions", Some(rows))?,
            updated: items(self.updated, "updated", Some(rows))?,
            births: items(self.births, "births", Some(rows))?,
            from,
            replaces: Arc::new(replaces),
        }))
    }
}

fn items<T, C: Items<T>>(
    field: Field<Array<T, C>>,
    name: &str,
    length: Option<usize>,
) -> std::result::Result<C, String> {
    let array = field.get().ok_or_else(|| format!("{name} is not an array"))?;
    if let Some(place) = array.wrong {
        return Err(format!("{name}: the value at {place} is of a wrong kind"));
    }
    match length {
        Some(length) if array.items.count() != length => {
            Err(format!("{name} has {} values for {length} rows", array.items.count()))
        }
        _ => Ok(array.items),
    }
}

/// The rows as they stand in the JSON, up to the first wrong one.
#[derive(Debug, Default)]
struct Rows {
    ids: Ids,
    timestamps: Vec<Timestamp>,
    offsets: Vec<u64>,
    sizes: Vec<u64>,
    wrong: Option<String>,
}

impl Rows {
    fn with_capacity(rows: usize) -> Self {
        Self {
            ids: Ids::default(),
            timestamps: Vec::with_capacity(rows),
            offsets: Vec::with_capacity(rows),
            sizes: Vec::with_capacity(rows),
            wrong: None,
        }
    }
}

impl Sink for Rows {
    fn array<'de, A: SeqAccess<'de>>(&mut self, mut items: A) -> std::result::Result<bool, A::Error> {
        loop {
            let mut row = RowSink::new(&mut self.ids);
            let Some(is_object) = items.next_element_seed(Into(&mut row))? else { return Ok(true) };
            match (is_object, row.wrong()) {
                (true, None) => {
                    let RowSink { timestamp, offset, size, .. } = row;
                    self.ids.finish();
                    self.timestamps.push(timestamp);
                    self.offsets.push(offset);
                    self.sizes.push(size);
                }
                (is_object, wrong) => {
                    self.wrong = if is_object { wrong } else { Some("it is not an object".to_owned()) };
                    while items.next_element::<IgnoredAny>()?.is_some() {}
                    return Ok(true);
                }
            }
        }
    }
}

/// One row under way; its id is written into the column at once.
struct RowSink<'a> {
    ids: &'a mut Ids,
    timestamp: Timestamp,
    offset: u64,
    size: u64,
    has: [bool; 4],
}

impl<'a> RowSink<'a> {
    fn new(ids: &'a mut Ids) -> Self {
        Self { ids, timestamp: Timestamp::default(), offset: 0, size: 0, has: [false; 4] }
    }

    fn wrong(&self) -> Option<String> {
        match self.has {
            [true, true, true, true] => None,
            [false, ..] => Some("event_id is missing or not a text".to_owned()),
            [_, false, ..] => Some("timestamp is missing or not one like 2019-05-16T211813.059000Z".to_owned()),
            [_, _, false, _] => Some(wrong_number("offset")),
            [.., false] => Some(wrong_number("size")),
        }
    }
}

impl Sink for RowSink<'_> {
    fn object<'de, A: MapAccess<'de>>(&mut self, mut fields: A) -> std::result::Result<bool, A::Error> {
        while let Some(name) = fields.next_key()? {
            match name {
                Name::EventId => {
                    self.ids.restart();
                    self.has[0] = fields.next_value_seed(Into(self.ids.unfinished()))?;
                }
                Name::Timestamp => self.has[1] = fields.next_value_seed(Into(&mut self.timestamp))?,
                Name::Offset => self.has[2] = fields.next_value_seed(Into(&mut self.offset))?,
                Name::Size => self.has[3] = fields.next_value_seed(Into(&mut self.size))?,
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(true)
    }
}

/// The names that a manifest and its rows know.
enum Name {
    JournalId,
    Size,
    Events,
    Revisions,
    Updated,
    Births,
    From,
    Replaces,
    EventId,
    Timestamp,
    Offset,
    Other,
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_identifier(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> std::result::Result<Name, E> {
        Ok(match name {
            "event_id" => Name::EventId,
            "timestamp" => Name::Timestamp,
            "offset" => Name::Offset,
            "size" => Name::Size,
            "journal_id" => Name::JournalId,
            "events" => Name::Events,
            "revisions" => Name::Revisions,
            "updated" => Name::Updated,
            "births" => Name::Births,
            "from" => Name::From,
            "replaces" => Name::Replaces,
            _ => Name::Other,
        })
    }
}
