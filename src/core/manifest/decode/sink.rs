//! Reading JSON values: one visitor, and sinks, which say what values they take.
//!
//! A value of a wrong type is not an error right away. Of duplicate keys only the last counts, and what a manifest says
//! beside the layout's fields may be anything. So reading says whether the value was taken.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::core::column::Column;
use crate::core::row::{LARGEST, Revision};
use crate::core::texts::Texts;
use crate::core::timestamp::Timestamp;

/// What a JSON value is read into. Each function says whether the value was taken.
pub trait Sink {
    /// A whole number from 0.
    fn number(&mut self, _: u64) -> bool {
        false
    }
    /// A text.
    fn text(&mut self, _: &str) -> bool {
        false
    }
    /// `null`.
    fn null(&mut self) -> bool {
        false
    }
    /// An array.
    fn array<'de, A: SeqAccess<'de>>(&mut self, mut items: A) -> Result<bool, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }
    /// An object.
    fn object<'de, A: MapAccess<'de>>(&mut self, mut fields: A) -> Result<bool, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(false)
    }
}

/// Reads the next value into a sink.
pub struct Seed<'a, S>(pub &'a mut S);

impl<'de, S: Sink> DeserializeSeed<'de> for Seed<'_, S> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Seed<'_, S> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<bool, E> {
        Ok(self.0.number(number))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        Ok(self.0.text(text))
    }
    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(self.0.null())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<bool, A::Error> {
        self.0.array(items)
    }
    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<bool, A::Error> {
        self.0.object(fields)
    }
}

impl Sink for u64 {
    fn number(&mut self, number: u64) -> bool {
        *self = number;
        number <= LARGEST
    }
}

impl Sink for Timestamp {
    fn text(&mut self, text: &str) -> bool {
        Self::parse(text).map(|timestamp| *self = timestamp).is_some()
    }
}

/// Appends to what the text has already.
impl Sink for String {
    fn text(&mut self, text: &str) -> bool {
        self.push_str(text);
        true
    }
}

impl Sink for Option<Timestamp> {
    fn text(&mut self, text: &str) -> bool {
        *self = Timestamp::parse(text);
        self.is_some()
    }
    fn null(&mut self) -> bool {
        true
    }
}

impl Sink for Option<Revision> {
    fn number(&mut self, number: u64) -> bool {
        *self = Revision::new(number);
        self.is_some()
    }
    fn null(&mut self) -> bool {
        true
    }
}

impl Sink for Option<u32> {
    fn number(&mut self, number: u64) -> bool {
        *self = u32::try_from(number).ok();
        self.is_some()
    }
    fn null(&mut self) -> bool {
        true
    }
}

/// What takes the values of a JSON array, one after the other.
pub trait Items<T>: Default {
    /// Appends a value.
    fn append(&mut self, item: T);
    /// How many there are.
    fn count(&self) -> usize;
}

impl Items<String> for Texts {
    fn append(&mut self, item: String) {
        self.push(&item);
    }
    fn count(&self) -> usize {
        self.len()
    }
}

impl<T: Copy + PartialEq> Items<T> for Column<T> {
    fn append(&mut self, item: T) {
        self.push(item);
    }
    fn count(&self) -> usize {
        self.len()
    }
}

/// A JSON array of values of one type.
#[derive(Debug)]
pub struct ArrayOf<T, C = Column<T>> {
    /// The values, up to the first wrong one.
    pub items: C,
    /// The index of the first value that was not taken.
    pub wrong: Option<usize>,
    of: PhantomData<T>,
}

impl<T, C> ArrayOf<T, C> {
    /// An array without a wrong value.
    pub fn right(items: C) -> Self {
        Self { items, wrong: None, of: PhantomData }
    }
}

impl<T, C: Items<T>> Default for ArrayOf<T, C> {
    fn default() -> Self {
        Self::right(C::default())
    }
}

impl<T: Sink + Default, C: Items<T>> Sink for ArrayOf<T, C> {
    fn array<'de, A: SeqAccess<'de>>(&mut self, mut items: A) -> Result<bool, A::Error> {
        loop {
            let mut item = T::default();
            match items.next_element_seed(Seed(&mut item))? {
                None => return Ok(true),
                Some(true) => self.items.append(item),
                Some(false) => {
                    self.wrong = Some(self.items.count());
                    while items.next_element::<IgnoredAny>()?.is_some() {}
                    return Ok(true);
                }
            }
        }
    }
}
