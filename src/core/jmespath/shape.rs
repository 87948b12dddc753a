//! Where some members of a document's object are. Documents that follow one another often have the same form, or at least
//! the same keys in the same order: then no key is compared, or each once, and not once for each member that is looked
//! for.

use super::outcome::Result;
use super::scan::{Kind, Token};
use super::value::{Document, Value};

/// The keys of the last document, and which of them are looked for. It is for the documents of one scratch.
#[derive(Debug)]
pub struct Shape {
    wanted: Vec<Box<[u8]>>,
    form: Option<u64>,
    keys: Vec<u8>,
    /// Where each key ends in `keys`.
    ends: Vec<usize>,
    /// Which of the keys, the last one where several are equal, is the wanted one.
    places: Vec<Option<usize>>,
    /// The tokens of the present document's values.
    values: Vec<u32>,
}

impl Shape {
    /// Looks for the members with these keys.
    pub fn new(wanted: Vec<Box<[u8]>>) -> Self {
        let places = vec![None; wanted.len()];
        Self { wanted, form: None, keys: Vec::new(), ends: Vec::new(), places, values: Vec::new() }
    }

    /// Finds the wanted members of a document, of which `member` then gives the values.
    pub fn find(&mut self, document: &Document<'_>) {
        if document.form.is_some() && document.form == self.form {
            return;
        }
        if !self.fits(document) {
            self.learn(document);
        }
        self.form = document.form;
    }

    /// The value of a wanted member: null where the document that was found last has none.
    pub fn member<'a>(&self, wanted: usize, document: &'a Document<'a>) -> Result<Value<'a>> {
        self.token(wanted).map_or(Ok(Value::Null), |token| document.value_at(token))
    }

    /// The token with which a wanted member's value begins.
    #[inline]
    pub fn token(&self, wanted: usize) -> Option<u32> {
        self.places[wanted].map(|place| self.values[place])
    }

    /// Whether the document's object has the same keys as the last one. If so, its values are noted.
    fn fits(&mut self, document: &Document<'_>) -> bool {
        self.values.clear();
        let mut start = 0;
        for (key, value) in Members::of(document) {
            let Some(&end) = self.ends.get(self.values.len()) else { return false };
            if key.kind != Kind::Plain || document.text(key) != &self.keys[start..end] {
                return false;
            }
            self.values.push(value);
            start = end;
        }
        self.values.len() == self.ends.len()
    }

    fn learn(&mut self, document: &Document<'_>) {
        self.keys.clear();
        self.ends.clear();
        self.values.clear();
        self.places.fill(None);
        for (token, value) in Members::of(document) {
            let key = document.string(token);
            if let Some(index) = self.wanted.iter().position(|wanted| **wanted == *key) {
                self.places[index] = Some(self.values.len());
            }
            self.keys.extend_from_slice(key);
            self.ends.push(self.keys.len());
            self.values.push(value);
        }
    }
}

/// The members of a document's object: the token of each key, and where its value's is. None where it is no object.
struct Members<'a> {
    tokens: &'a [Token],
    at: u32,
    end: u32,
}

impl<'a> Members<'a> {
    fn of(document: &Document<'a>) -> Self {
        let root = &document.tokens[0];
        let end = if root.kind == Kind::Object { root.next } else { 0 };
        Self { tokens: document.tokens, at: 1, end }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a Token, u32);

    #[inline]
    fn next(&mut self) -> Option<(&'a Token, u32)> {
        if self.at >= self.end {
            return None;
        }
        let (key, value) = (&self.tokens[self.at as usize], self.at + 1);
        self.at = self.tokens[value as usize].next;
        Some((key, value))
    }
}
