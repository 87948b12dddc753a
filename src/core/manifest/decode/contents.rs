//! What a manifest's JSON contains, as it is read: columns, which are checked when all is there.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::sink::{ArrayOf, Items, Seed, Sink};
use crate::core::journal_id::JournalId;
use crate::core::manifest::Ours;
use crate::core::row::{LARGEST, Revision};
use crate::core::texts::Texts;
use crate::core::timestamp::{Timestamp, TimestampReader};

/// What the JSON has for a field. Of duplicate keys the last counts.
#[derive(Debug, Default)]
pub enum Field<T> {
    #[default]
    Missing,
    Wrong,
    There(T),
}

impl<T> Field<T> {
    /// Its value, if it is there and right.
    pub fn get(self) -> Option<T> {
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
    fn read<'de, A: MapAccess<'de>>(fields: &mut A) -> Result<Self, A::Error> {
        let mut value = T::default();
        Ok(if fields.next_value_seed(Seed(&mut value))? { Self::There(value) } else { Self::Wrong })
    }
}

/// A manifest's JSON as far as the layout knows it.
#[derive(Default)]
pub struct Contents {
    pub journal_id: Field<String>,
    pub size: Field<u64>,
    pub events: Field<Rows>,
    pub ours: Arrays,
}

/// The arrays that 0.4.3 does not know.
#[derive(Default)]
pub struct Arrays {
    pub revisions: Field<ArrayOf<Option<Revision>>>,
    pub updated: Field<ArrayOf<Option<Timestamp>>>,
    pub births: Field<ArrayOf<Option<Revision>>>,
    pub came_from: Field<ArrayOf<Option<u32>>>,
    pub replaces: Field<ArrayOf<String, Texts>>,
}

impl Sink for Contents {
    fn object<'de, A: MapAccess<'de>>(&mut self, mut fields: A) -> Result<bool, A::Error> {
        while let Some(key) = fields.next_key()? {
            match key {
                Key::JournalId => self.journal_id = Field::read(&mut fields)?,
                Key::Size => self.size = Field::read(&mut fields)?,
                Key::Events => self.events = Field::read(&mut fields)?,
                Key::Revisions => self.ours.revisions = Field::read(&mut fields)?,
                Key::Updated => self.ours.updated = Field::read(&mut fields)?,
                Key::Births => self.ours.births = Field::read(&mut fields)?,
                Key::From => self.ours.came_from = Field::read(&mut fields)?,
                Key::Replaces => self.ours.replaces = Field::read(&mut fields)?,
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(true)
    }
}

impl Arrays {
    /// The arrays, if all are there and right. None if one is missing.
    pub fn checked(self, rows: usize) -> Result<Option<Ours>, String> {
        let any_is_missing = self.revisions.is_missing()
            || self.updated.is_missing()
            || self.births.is_missing()
            || self.came_from.is_missing()
            || self.replaces.is_missing();
        if any_is_missing {
            return Ok(None);
        }
        let replaces = items(self.replaces, "replaces", None)?;
        let mut timestamps = TimestampReader::default();
        if let Some(journal_id) = replaces.iter().find(|id| JournalId::read(id, &mut timestamps).is_none()) {
            return Err(format!("replaces: {journal_id:?} does not have a journal_id's shape"));
        }
        let came_from = items(self.came_from, "from", Some(rows))?;
        let is_beyond = |index: Option<u32>| index.is_some_and(|index| index as usize >= replaces.len());
        if let Some(row) = came_from.iter().position(is_beyond) {
            return Err(format!("from: the value at {row} is not an index in replaces, which has {}", replaces.len()));
        }
        Ok(Some(Ours {
            revisions: items(self.revisions, "revisions", Some(rows))?,
            updated: items(self.updated, "updated", Some(rows))?,
            births: items(self.births, "births", Some(rows))?,
            came_from,
            replaces: Arc::new(replaces),
        }))
    }
}

fn items<T, C: Items<T>>(field: Field<ArrayOf<T, C>>, name: &str, length: Option<usize>) -> Result<C, String> {
    let array = field.get().ok_or_else(|| format!("{name} is not an array"))?;
    if let Some(index) = array.wrong {
        return Err(format!("{name}: the value at {index} is of a wrong kind"));
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
pub struct Rows {
    pub ids: Texts,
    pub timestamps: Vec<Timestamp>,
    pub offsets: Vec<u64>,
    pub sizes: Vec<u64>,
    pub wrong: Option<String>,
}

impl Rows {
    /// Room for so many rows.
    pub fn with_capacity(rows: usize) -> Self {
        Self {
            ids: Texts::default(),
            timestamps: Vec::with_capacity(rows),
            offsets: Vec::with_capacity(rows),
            sizes: Vec::with_capacity(rows),
            wrong: None,
        }
    }
}

impl Sink for Rows {
    fn array<'de, A: SeqAccess<'de>>(&mut self, mut items: A) -> Result<bool, A::Error> {
        loop {
            let mut row = RowSink::new(&mut self.ids);
            let Some(is_object) = items.next_element_seed(Seed(&mut row))? else { return Ok(true) };
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

/// One row as it is read. Its id is written into the column right away.
struct RowSink<'a> {
    ids: &'a mut Texts,
    timestamp: Timestamp,
    offset: u64,
    size: u64,
    has: [bool; 4],
}

impl<'a> RowSink<'a> {
    fn new(ids: &'a mut Texts) -> Self {
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
    fn object<'de, A: MapAccess<'de>>(&mut self, mut fields: A) -> Result<bool, A::Error> {
        while let Some(key) = fields.next_key()? {
            match key {
                Key::EventId => {
                    self.ids.restart();
                    self.has[0] = fields.next_value_seed(Seed(self.ids.unfinished()))?;
                }
                Key::Timestamp => self.has[1] = fields.next_value_seed(Seed(&mut self.timestamp))?,
                Key::Offset => self.has[2] = fields.next_value_seed(Seed(&mut self.offset))?,
                Key::Size => self.has[3] = fields.next_value_seed(Seed(&mut self.size))?,
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(true)
    }
}

/// The keys that a manifest and its rows know.
enum Key {
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

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Key, E> {
        Ok(match key {
            "event_id" => Key::EventId,
            "timestamp" => Key::Timestamp,
            "offset" => Key::Offset,
            "size" => Key::Size,
            "journal_id" => Key::JournalId,
            "events" => Key::Events,
            "revisions" => Key::Revisions,
            "updated" => Key::Updated,
            "births" => Key::Births,
            "from" => Key::From,
            "replaces" => Key::Replaces,
            _ => Key::Other,
        })
    }
}

/// What to say of a field that is no number.
pub fn wrong_number(field: &str) -> String {
    format!("{field} is missing or not a whole number from 0 to {LARGEST}")
}
