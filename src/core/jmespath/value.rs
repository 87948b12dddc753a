//! Values that expressions work on. A document's values are read only when they are asked for.

use bumpalo::Bump;
use bumpalo::collections::Vec;
use hashbrown::HashMap;

use super::outcome::{NoValue, Result};
use super::scan::{Kind, Token};
use super::strings;

/// A value. As in Python, all NaN of the data are one and the same. No function's result is NaN.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Int(Int),
    /// An integer of more than 128 bits, as it stands. Only where a document takes such.
    Long(&'a [u8]),
    Float(f64),
    Text(&'a [u8]),
    Array(Array<'a>),
    Object(Object<'a>),
}

/// An integer, laid out so that a `Value` has three words instead of four.
#[derive(Debug, Clone, Copy)]
#[repr(Rust, packed(8))]
pub struct Int(pub i128);

/// An array: one in a document, or one that the expression made.
#[derive(Debug, Clone, Copy)]
pub enum Array<'a> {
    /// In a document.
    Read(Node<'a>),
    /// Made of these elements.
    Made(&'a [Value<'a>]),
}

/// An object: one in a document, or one that the expression made.
#[derive(Debug, Clone, Copy)]
pub enum Object<'a> {
    /// In a document. Of several members with one key the last counts, where the first stands.
    Read(Node<'a>),
    /// Made of these members, each key once.
    Made(&'a [Pair<'a>]),
}

/// A key and its value.
pub type Pair<'a> = (&'a [u8], Value<'a>);

/// A document's bytes and tokens, and the memory for what is made of them.
#[derive(Debug)]
pub struct Document<'a> {
    /// The JSON text.
    pub data: &'a [u8],
    /// Its tokens.
    pub tokens: &'a [Token],
    /// How deep it nests.
    pub depth: usize,
    /// Whether integers may be of any length; no expression is evaluated on such.
    pub takes_long: bool,
    /// The name of its form, where it is known: all documents of one scratch with this name have the same tokens, but
    /// for places and scalars.
    pub form: Option<u64>,
    /// Where values are made.
    pub arena: &'a Bump,
}

/// A value in a document: its token.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    document: &'a Document<'a>,
    at: u32,
}

impl<'a> Value<'a> {
    /// Whether it is true, as JMESPath defines it.
    pub fn is_true(self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(value) => value,
            Self::Int(_) | Self::Long(_) | Self::Float(_) => true,
            Self::Text(text) => !text.is_empty(),
            Self::Array(array) => array.len() > 0,
            Self::Object(object) => !object.is_empty(),
        }
    }

    /// An array that the expression made.
    pub fn array(elements: Vec<'a, Self>) -> Self {
        Self::Array(Array::Made(elements.into_bump_slice()))
    }

    /// An object that the expression made.
    pub fn object(members: Vec<'a, Pair<'a>>) -> Self {
        Self::Object(Object::Made(members.into_bump_slice()))
    }
}

impl<'a> Document<'a> {
    /// The document's value.
    pub fn root(&'a self) -> Result<Value<'a>> {
        self.value_at(0)
    }

    /// The value that begins with this token.
    #[inline]
    pub fn value_at(&'a self, token: u32) -> Result<Value<'a>> {
        Node { document: self, at: token }.value()
    }
}

impl<'a> Document<'a> {
    /// A token's text as it stands.
    #[inline]
    pub fn text(&self, token: &Token) -> &'a [u8] {
        &self.data[token.start as usize..token.end as usize]
    }

    /// The string that a token stands for.
    #[inline]
    pub fn string(&self, token: &Token) -> &'a [u8] {
        let text = self.text(token);
        if token.kind == Kind::Escaped { strings::unescape(text, self.arena) } else { text }
    }
}

impl<'a> Node<'a> {
    #[inline]
    fn token(self) -> &'a Token {
        &self.document.tokens[self.at as usize]
    }

    /// The value here.
    fn value(self) -> Result<Value<'a>> {
        let token = self.token();
        Ok(match token.kind {
            Kind::Null => Value::Null,
            Kind::True => Value::Bool(true),
            Kind::False => Value::Bool(false),
            Kind::Int => match read_int(self.document.text(token)) {
                Err(_) if self.document.takes_long => Value::Long(self.document.text(token)),
                read => Value::Int(Int(read?)),
            },
            Kind::Float => Value::Float(read_float(self.document.text(token)).ok_or(NoValue::Undecided)?),
            Kind::Plain | Kind::Escaped => Value::Text(self.document.string(token)),
            Kind::Array => Value::Array(Array::Read(self)),
            Kind::Object => Value::Object(Object::Read(self)),
        })
    }

    /// An array's elements.
    fn elements(self) -> Elements<'a> {
        Elements { document: self.document, at: self.at + 1, end: self.token().next }
    }

    /// The tokens of an object's keys, and their values.
    fn members(self) -> impl Iterator<Item = (&'a Token, Self)> {
        let mut values = Elements { document: self.document, at: self.at + 2, end: self.token().next };
        std::iter::from_fn(move || {
            let value = values.next()?;
            values.at += 1;
            Some((Self { at: value.at - 1, ..value }.token(), value))
        })
    }

    /// The value of a key, of the last one where several are equal.
    fn member(self, key: &[u8]) -> Option<Self> {
        let tokens = self.document.tokens;
        let end = self.token().next;
        let mut at = self.at + 1;
        let mut found = None;
        while at < end {
            let token = &tokens[at as usize];
            let is_key = match token.kind {
                Kind::Plain => (token.end - token.start) as usize == key.len() && self.document.text(token) == key,
                _ => self.document.string(token) == key,
            };
            if is_key {
                found = Some(Self { at: at + 1, ..self });
            }
            at = tokens[at as usize + 1].next;
        }
        found
    }
}

/// Reads an integer. One of more than 128 bits is left to Python.
fn read_int(text: &[u8]) -> Result<i128> {
    if let Some(short) = read_short_int(text) {
        return Ok(i128::from(short));
    }
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(NoValue::Undecided)
}

/// Reads an integer of at most 18 digits, which surely has 64 bits.
#[inline]
pub fn read_short_int(text: &[u8]) -> Option<i64> {
    const SURELY_64_BITS: usize = 18;
    let (digits, is_negative) = text.strip_prefix(b"-").map_or((text, false), |digits| (digits, true));
    if digits.len() > SURELY_64_BITS {
        return None;
    }
    let number = digits.iter().fold(0_i64, |number, digit| number * 10 + i64::from(digit - b'0'));
    Some(if is_negative { -number } else { number })
}

/// Reads a float: JSON's, `NaN` or one of the infinities.
fn read_float(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Values of a document that follow one another.
pub struct Elements<'a> {
    document: &'a Document<'a>,
    at: u32,
    end: u32,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        if self.at >= self.end {
            return None;
        }
        let here = Node { document: self.document, at: self.at };
        self.at = here.token().next;
        Some(here)
    }
}

/// An array's elements.
pub enum Iter<'a> {
    /// In a document.
    Read(Elements<'a>),
    /// Made by the expression.
    Made(std::slice::Iter<'a, Value<'a>>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<Value<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Read(elements) => elements.next().map(Node::value),
            Self::Made(elements) => elements.next().map(|&element| Ok(element)),
        }
    }
}

impl<'a> Array<'a> {
    /// How many elements there are.
    pub fn len(self) -> usize {
        match self {
            Self::Read(node) => node.token().end as usize,
            Self::Made(elements) => elements.len(),
        }
    }

    /// The elements, in order.
    pub fn iter(self) -> Iter<'a> {
        match self {
            Self::Read(node) => Iter::Read(node.elements()),
            Self::Made(elements) => Iter::Made(elements.iter()),
        }
    }

    /// The element at an index.
    pub fn get(self, index: usize) -> Result<Option<Value<'a>>> {
        match self {
            Self::Read(node) => node.elements().nth(index).map(Node::value).transpose(),
            Self::Made(elements) => Ok(elements.get(index).copied()),
        }
    }

    /// All elements, side by side.
    pub fn to_slice(self, arena: &'a Bump) -> Result<&'a [Value<'a>]> {
        match self {
            Self::Made(elements) => Ok(elements),
            Self::Read(_) => {
                let mut elements = Vec::with_capacity_in(self.len(), arena);
                for element in self.iter() {
                    elements.push(element?);
                }
                Ok(elements.into_bump_slice())
            }
        }
    }
}

impl<'a> Object<'a> {
    /// Whether there is no member.
    pub fn is_empty(self) -> bool {
        match self {
            Self::Read(node) => node.token().end == 0,
            Self::Made(members) => members.is_empty(),
        }
    }

    /// The value of a key.
    pub fn get(self, key: &[u8]) -> Result<Option<Value<'a>>> {
        match self {
            Self::Read(node) => node.member(key).map(Node::value).transpose(),
            Self::Made(members) => Ok(members.iter().find(|member| member.0 == key).map(|member| member.1)),
        }
    }

    /// How many keys there are.
    pub fn len(self) -> usize {
        match self {
            Self::Read(node) => members_of(node).len(),
            Self::Made(members) => members.len(),
        }
    }

    /// The keys, in order.
    pub fn keys(self, arena: &'a Bump) -> Vec<'a, &'a [u8]> {
        match self {
            Self::Read(node) => Vec::from_iter_in(members_of(node).into_iter().map(|(key, _)| key), arena),
            Self::Made(members) => Vec::from_iter_in(members.iter().map(|(key, _)| *key), arena),
        }
    }

    /// The members, in order, each key once.
    pub fn members(self) -> Result<&'a [Pair<'a>]> {
        match self {
            Self::Made(members) => Ok(members),
            Self::Read(node) => {
                let unread = members_of(node);
                let mut members = Vec::with_capacity_in(unread.len(), node.document.arena);
                for (key, node) in unread {
                    members.push((key, node.value()?));
                }
                Ok(members.into_bump_slice())
            }
        }
    }
}

/// An object's keys, each once, and their values, not read yet.
fn members_of<'a>(object: Node<'a>) -> Vec<'a, (&'a [u8], Node<'a>)> {
    let mut members = Vec::with_capacity_in(object.token().end as usize, object.document.arena);
    members.extend(object.members().map(|(key, value)| (object.document.string(key), value)));
    keep_last(&mut members);
    members
}

/// Keeps the last member of each key, where the first stands.
pub fn keep_last<'a, T: Copy>(members: &mut Vec<'a, (&'a [u8], T)>) {
    /// Up to so many members, each key is looked for among those before it.
    const MOST_COMPARED: usize = 16;
    let mut known = HashMap::new();
    let mut kept = 0;
    for index in 0..members.len() {
        let (key, value) = members[index];
        let index_kept = if members.len() <= MOST_COMPARED {
            members[..kept].iter().position(|member| member.0 == key).unwrap_or(kept)
        } else {
            *known.entry(key).or_insert(kept)
        };
        members[index_kept] = (key, value);
        kept = kept.max(index_kept + 1);
    }
    members.truncate(kept);
}
