//! The types that a column may have, as Arrow has them, and as texts: `int64`, `list<string>`, `struct<a: date>`.

use std::fmt;
use std::iter::Peekable;
use std::str::{Chars, FromStr};
use std::sync::Arc;

use arrow_schema::{DataType, Field, TimeUnit};

use crate::core::error::{Error, Result};

/// A column's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// Whole numbers of 64 bits.
    Int64,
    /// Floats of 64 bits.
    Float64,
    /// `true` and `false`.
    Bool,
    /// Texts, in UTF-8.
    Text(Layout),
    /// Texts' bytes, or any others.
    Binary(Layout),
    /// Moments, with the time zone that they are shown in; none: naive, in UTC.
    Timestamp(TimeUnit, Option<Arc<str>>),
    /// Days.
    Date,
    /// Arrays whose elements have one type.
    List(Box<Type>),
    /// Objects, of which these keys are read.
    Struct(Vec<(String, Type)>),
    /// Any value, as JSON.
    Json(Layout),
}

/// How Arrow lays out texts and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Offsets of 32 bits.
    Small,
    /// Offsets of 64 bits.
    Large,
    /// Views.
    View,
}

/// The names of the types that have no parts.
const NAMES: [(&str, Type); 11] = [
    ("int64", Type::Int64),
    ("float64", Type::Float64),
    ("bool", Type::Bool),
    ("string", Type::Text(Layout::Small)),
    ("large_string", Type::Text(Layout::Large)),
    ("string_view", Type::Text(Layout::View)),
    ("binary", Type::Binary(Layout::Small)),
    ("large_binary", Type::Binary(Layout::Large)),
    ("binary_view", Type::Binary(Layout::View)),
    ("date", Type::Date),
    ("json", Type::Json(Layout::Small)),
];

const UNITS: [(&str, TimeUnit); 4] = [
    ("s", TimeUnit::Second),
    ("ms", TimeUnit::Millisecond),
    ("us", TimeUnit::Microsecond),
    ("ns", TimeUnit::Nanosecond),
];

/// What the types are, for messages.
pub const CHOICE: &str =
    "int64, float64, bool, string, binary, timestamp, date, json, list<…> of them, or struct<name: …> of them";

/// Arrow's name of its extension type for JSON: https://arrow.apache.org/docs/format/CanonicalExtensions.html#json.
const ARROW_JSON: &str = "arrow.json";

impl Type {
    /// The type of a field of an Arrow schema.
    pub fn of_field(field: &Field) -> Result<Self> {
        let is_json = field.extension_type_name() == Some(ARROW_JSON);
        Ok(match field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if is_json => Self::Json(Layout::Small),
            DataType::Int64 => Self::Int64,
            DataType::Float64 => Self::Float64,
            DataType::Boolean => Self::Bool,
            DataType::Utf8 => Self::Text(Layout::Small),
            DataType::LargeUtf8 => Self::Text(Layout::Large),
            DataType::Utf8View => Self::Text(Layout::View),
            DataType::Binary => Self::Binary(Layout::Small),
            DataType::LargeBinary => Self::Binary(Layout::Large),
            DataType::BinaryView => Self::Binary(Layout::View),
            DataType::Timestamp(unit, zone) => Self::Timestamp(*unit, zone.clone()),
            DataType::Date32 => Self::Date,
            DataType::List(items) | DataType::LargeList(items) => Self::List(Box::new(Self::of_field(items)?)),
            DataType::Struct(members) => {
                let of_member = |member: &Arc<Field>| Ok((member.name().clone(), Self::of_field(member)?));
                Self::Struct(members.iter().map(of_member).collect::<Result<_>>()?)
            }
            other => {
                return Err(Error::argument(format!(
                    "schema: {:?} has type {other}; a column is {CHOICE}",
                    field.name()
                )));
            }
        })
    }

    /// The type as Arrow has it.
    pub fn data_type(&self) -> DataType {
        match self {
            Self::Int64 => DataType::Int64,
            Self::Float64 => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::Text(layout) | Self::Json(layout) => layout.of_texts(),
            Self::Binary(layout) => layout.of_bytes(),
            Self::Timestamp(unit, zone) => DataType::Timestamp(*unit, zone.clone()),
            Self::Date => DataType::Date32,
            Self::List(items) => DataType::List(Arc::new(Field::new("item", items.data_type(), true))),
            Self::Struct(members) => {
                DataType::Struct(members.iter().map(|(name, kind)| Field::new(name, kind.data_type(), true)).collect())
            }
        }
    }

    /// The same as far as the consumer asks for it: another layout, and texts or bytes for either.
    pub fn as_asked(&self, asked: &DataType) -> Self {
        let (layout, is_text) = match asked {
            DataType::Utf8 => (Layout::Small, true),
            DataType::LargeUtf8 => (Layout::Large, true),
            DataType::Utf8View => (Layout::View, true),
            DataType::Binary => (Layout::Small, false),
            DataType::LargeBinary => (Layout::Large, false),
            DataType::BinaryView => (Layout::View, false),
            _ => return self.clone(),
        };
        match self {
            Self::Json(_) if is_text => Self::Json(layout),
            Self::Text(_) | Self::Binary(_) if is_text => Self::Text(layout),
            Self::Text(_) | Self::Binary(_) => Self::Binary(layout),
            _ => self.clone(),
        }
    }
}

impl Layout {
    fn of_texts(self) -> DataType {
        match self {
            Self::Small => DataType::Utf8,
            Self::Large => DataType::LargeUtf8,
            Self::View => DataType::Utf8View,
        }
    }

    fn of_bytes(self) -> DataType {
        match self {
            Self::Small => DataType::Binary,
            Self::Large => DataType::LargeBinary,
            Self::View => DataType::BinaryView,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, _)) = NAMES.iter().find(|(_, kind)| kind == self) {
            return f.write_str(name);
        }
        match self {
            Self::Timestamp(unit, zone) => {
                let unit = UNITS.iter().find(|(_, known)| known == unit).map_or("us", |(name, _)| name);
                match zone.as_deref() {
                    Some("UTC") if unit == "us" => f.write_str("timestamp"),
                    Some(zone) => write!(f, "timestamp[{unit}, tz={zone}]"),
                    None => write!(f, "timestamp[{unit}]"),
                }
            }
            Self::List(items) => write!(f, "list<{items}>"),
            Self::Struct(members) => {
                f.write_str("struct<")?;
                for (index, (name, kind)) in members.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(f, "{comma}{}: {kind}", quoted(name))?;
                }
                f.write_str(">")
            }
            _ => f.write_str("json"),
        }
    }
}

/// A name as it stands in a struct's text: in quotes unless it is plain.
fn quoted(name: &str) -> String {
    let is_plain = !name.is_empty() && name.chars().all(is_plain);
    if is_plain { name.to_owned() } else { serde_json::Value::from(name).to_string() }
}

fn is_plain(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Whether a character may be in a time zone's name: `Europe/Berlin`, `+01:00`.
fn is_of_zone(character: char) -> bool {
    character.is_ascii_alphanumeric() || "+-:/_".contains(character)
}

impl FromStr for Type {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut reader = Reader { rest: text.chars().peekable(), depth: 0 };
        let kind = reader.kind().filter(|_| reader.rest.next().is_none());
        kind.ok_or_else(|| Error::argument(format!("{text:?} is no type of a column: {CHOICE}")))
    }
}

/// Reads the text of a type.
struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    depth: usize,
}

/// How deep types may nest; pyarrow takes hardly more.
const MOST_NESTED: usize = 60;

impl Reader<'_> {
    fn kind(&mut self) -> Option<Type> {
        self.depth += 1;
        if self.depth > MOST_NESTED {
            return None;
        }
        let kind = self.kind_here();
        self.depth -= 1;
        self.skip_blanks();
        kind
    }

    fn kind_here(&mut self) -> Option<Type> {
        let name = self.word();
        match name.as_str() {
            "timestamp" => self.timestamp(),
            "list" => {
                self.takes('<')?;
                let items = self.kind()?;
                self.takes('>')?;
                Some(Type::List(Box::new(items)))
            }
            "struct" => {
                self.takes('<')?;
                let mut members = vec![self.member()?];
                while self.takes(',').is_some() {
                    let member = self.member()?;
                    if members.iter().any(|(name, _)| *name == member.0) {
                        return None;
                    }
                    members.push(member);
                }
                self.takes('>')?;
                Some(Type::Struct(members))
            }
            _ => NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| kind.clone()),
        }
    }

    fn timestamp(&mut self) -> Option<Type> {
        if self.takes('[').is_none() {
            return Some(Type::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
        }
        let name = self.word();
        let (_, unit) = UNITS.iter().find(|(known, _)| *known == name)?;
        let zone = if self.takes(',').is_some() {
            if self.word() != "tz" {
                return None;
            }
            self.takes('=')?;
            let zone: String = std::iter::from_fn(|| self.rest.next_if(|&next| is_of_zone(next))).collect();
            if zone.is_empty() {
                return None;
            }
            Some(zone.into())
        } else {
            None
        };
        self.takes(']')?;
        Some(Type::Timestamp(*unit, zone))
    }

    fn member(&mut self) -> Option<(String, Type)> {
        self.skip_blanks();
        let name = if self.rest.peek() == Some(&'"') { self.quoted()? } else { self.word() };
        self.takes(':')?;
        Some((name, self.kind()?))
    }

    fn quoted(&mut self) -> Option<String> {
        let mut text = String::new();
        loop {
            let character = self.rest.next()?;
            text.push(character);
            match character {
                '\\' => text.push(self.rest.next()?),
                '"' if text.len() > 1 => return serde_json::from_str(&text).ok(),
                _ => {}
            }
        }
    }

    fn word(&mut self) -> String {
        self.skip_blanks();
        std::iter::from_fn(|| self.rest.next_if(|&next| is_plain(next))).collect()
    }

    fn takes(&mut self, wanted: char) -> Option<()> {
        self.skip_blanks();
        self.rest.next_if_eq(&wanted).map(|_| ())
    }

    fn skip_blanks(&mut self) {
        while self.rest.next_if(|next| next.is_ascii_whitespace()).is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_what_its_text_says() {
        for text in [
            "int64",
            "float64",
            "bool",
            "string",
            "large_string",
            "binary_view",
            "date",
            "json",
            "timestamp",
            "timestamp[ns]",
            "timestamp[us, tz=Europe/Berlin]",
            "list<list<int64>>",
            "struct<a: int64, \"b \\\"c\\\"\": list<json>>",
        ] {
            let kind: Type = text.parse().unwrap();
            assert_eq!(kind.to_string(), text);
            assert!(Type::of_field(&Field::new("x", kind.data_type(), true)).is_ok());
        }
        for text in [
            "",
            "int",
            "int64 x",
            "list<int64",
            "list<>",
            "struct<>",
            "struct<a>",
            "timestamp[m]",
            "list",
            "timestamp[us, tz=]",
            "timestamp[us, tz=a\0b]",
            "struct<a: date, a: date>",
        ] {
            assert!(text.parse::<Type>().is_err(), "{text}");
        }
        assert!("list<".repeat(100_000).parse::<Type>().is_err());
        assert_eq!(" list<\n\tint64 > ".parse(), Ok(Type::List(Box::new(Type::Int64))));
    }

    #[test]
    fn texts_and_bytes_have_the_layout_that_is_asked_for_and_nothing_else_changes() {
        let text = Type::Text(Layout::Small);
        assert_eq!(text.as_asked(&DataType::Utf8View), Type::Text(Layout::View));
        assert_eq!(text.as_asked(&DataType::LargeBinary), Type::Binary(Layout::Large));
        assert_eq!(text.as_asked(&DataType::Int64), text);
        assert_eq!(Type::Int64.as_asked(&DataType::Utf8), Type::Int64);
        assert_eq!(Type::Json(Layout::Small).as_asked(&DataType::Binary), Type::Json(Layout::Small));
    }
}
