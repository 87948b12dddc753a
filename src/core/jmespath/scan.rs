//! JSON's tokens, found and checked in one pass over the bytes. JSON is what `json.loads` takes.

use super::form::Form;
use super::outcome::{NoValue, Result};
use super::strings;

/// Data that nest deeper than this count as not JSON.
pub const MOST_NESTED: usize = 500;

/// Python may refuse longer integers, depending on a setting, whose least value this is.
const MOST_DIGITS: usize = 640;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true`
    True,
    /// `false`
    False,
    /// A number without a fraction or an exponent.
    Int,
    /// Any other number, `NaN` and the infinities among them.
    Float,
    /// A string in which each character stands for itself; also a key.
    Plain,
    /// A string with a backslash; also a key.
    Escaped,
    /// The beginning of an array; its elements follow.
    Array,
    /// The beginning of an object; its keys, each before its value, follow.
    Object,
}

/// A token. The tokens of a document follow one another as in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where its text begins (a string's: after the quote).
    pub start: u32,
    /// Where its text ends (a string's: before the quote). Of an array or object, how many elements or members it has.
    pub end: u32,
    /// The token after it and all that it contains.
    pub next: u32,
}

impl Token {
    /// Moves its text, or its beginning.
    #[inline]
    pub(super) fn move_to(&mut self, start: u32) {
        if !matches!(self.kind, Kind::Array | Kind::Object) {
            self.end = start + (self.end - self.start);
        }
        self.start = start;
    }
}

/// What scanning found, and what the next scan may take over of it.
#[derive(Debug, Default)]
pub struct Tape {
    /// The document's tokens.
    pub tokens: Vec<Token>,
    /// How deep it nests.
    pub depth: usize,
    /// Whether integers may be of any length. Python may refuse the longest ones, so they are left to it otherwise.
    pub takes_long: bool,
    open: Vec<u32>,
    form: Form,
}

/// A document that is kept with its tokens.
#[derive(Debug)]
pub struct Scanned {
    /// The JSON text.
    pub data: Box<[u8]>,
    /// Its tokens.
    pub tape: Tape,
}

impl Scanned {
    /// Scans a document.
    pub fn new(data: Box<[u8]>) -> Result<Self> {
        let mut tape = Tape::default();
        tape.scan(&data, strings::is_simple(&data))?;
        Ok(Self { data, tape })
    }
}

impl Tape {
    /// How many bytes it takes.
    pub fn size(&self) -> usize {
        self.tokens.capacity() * size_of::<Token>()
    }

    /// What all documents with the same form as the last one have in common, since the tape began: see `Form`.
    pub fn form(&self) -> Option<u64> {
        self.form.name()
    }

    /// Gives its memory back.
    pub fn shrink(&mut self) {
        self.form.forget();
        self.tokens = Vec::new();
        self.open = Vec::new();
    }

    /// Scans a document, in the place of the last one. `is_simple`: what `strings::is_simple` says of the data.
    pub fn scan(&mut self, data: &[u8], is_simple: bool) -> Result<()> {
        if u32::try_from(data.len()).is_err() {
            return Err(NoValue::Undecided);
        }
        if !is_simple {
            self.form.forget();
            check_encoding(data)?;
            return self.scan_text(JsonText::<false> { data, takes_long: self.takes_long });
        }
        let text = JsonText::<true> { data, takes_long: self.takes_long };
        if self.form.fits(text, &mut self.tokens) {
            return Ok(());
        }
        self.scan_text(text)?;
        self.form.learn(data, &self.tokens);
        Ok(())
    }

    fn scan_text<const SIMPLE: bool>(&mut self, text: JsonText<'_, SIMPLE>) -> Result<()> {
        self.tokens.clear();
        self.open.clear();
        self.depth = 0;
        let mut at = text.skip_blanks(0);
        loop {
            // A value begins here.
            at = match text.byte(at)? {
                b'"' => self.string(text, at)?,
                b'{' => match self.open(Kind::Object, text, at, b'}')? {
                    (false, first) => {
                        at = self.key(text, first)?;
                        continue;
                    }
                    (true, after) => after,
                },
                b'[' => match self.open(Kind::Array, text, at, b']')? {
                    (false, first) => {
                        at = first;
                        continue;
                    }
                    (true, after) => after,
                },
                byte => {
                    let (kind, end) = text.number_or_word(at, byte)?;
                    self.push(kind, at, end);
                    end
                }
            };
            // The value is whole, and so is each array or object that is closed now.
            loop {
                at = text.skip_blanks(at);
                let Some(&parent) = self.open.last() else {
                    return if at == text.data.len() { Ok(()) } else { Err(NoValue::NotJson) };
                };
                let byte = text.byte(at)?;
                let next = self.tokens.len() as u32;
                let parent = &mut self.tokens[parent as usize];
                parent.end += 1;
                at += 1;
                match (byte, parent.kind) {
                    (b',', Kind::Object) => {
                        at = self.key(text, text.skip_blanks(at))?;
                        break;
                    }
                    (b',', _) => {
                        at = text.skip_blanks(at);
                        break;
                    }
                    (b'}', Kind::Object) | (b']', Kind::Array) => parent.next = next,
                    _ => return Err(NoValue::NotJson),
                }
                self.open.pop();
            }
        }
    }

    /// Begins an array or object. Gives whether it is empty, and where it ends; or else where its first element or key
    /// is.
    #[inline]
    fn open<const SIMPLE: bool>(
        &mut self,
        kind: Kind,
        text: JsonText<'_, SIMPLE>,
        at: usize,
        closing: u8,
    ) -> Result<(bool, usize)> {
        let depth = self.open.len() + 1;
        if depth > MOST_NESTED {
            return Err(NoValue::NotJson);
        }
        self.depth = self.depth.max(depth);
        let token = self.tokens.len() as u32;
        self.push(kind, at, 0);
        let first = text.skip_blanks(at + 1);
        if text.byte(first)? == closing {
            return Ok((true, first + 1));
        }
        self.open.push(token);
        Ok((false, first))
    }

    /// Takes a key and its colon. Gives where the value begins.
    #[inline]
    fn key<const SIMPLE: bool>(&mut self, text: JsonText<'_, SIMPLE>, at: usize) -> Result<usize> {
        if text.byte(at)? != b'"' {
            return Err(NoValue::NotJson);
        }
        let colon = text.skip_blanks(self.string(text, at)?);
        if text.byte(colon)? != b':' {
            return Err(NoValue::NotJson);
        }
        Ok(text.skip_blanks(colon + 1))
    }

    /// Takes a string. Gives where it ends.
    #[inline]
    fn string<const SIMPLE: bool>(&mut self, text: JsonText<'_, SIMPLE>, at: usize) -> Result<usize> {
        let (kind, end) = text.string_end(at + 1)?;
        self.push(kind, at + 1, end);
        Ok(end + 1)
    }

    #[inline]
    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        let next = self.tokens.len() as u32 + 1;
        self.tokens.push(Token { kind, start: start as u32, end: end as u32, next });
    }
}

/// Checks that the data are UTF-8, where surrogates may stand alone (`surrogatepass`).
fn check_encoding(data: &[u8]) -> Result<()> {
    let head = &data[..data.len().min(4)];
    if head.contains(&0) || matches!(head, [0xEF, 0xBB, 0xBF, ..] | [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..]) {
        return Err(NoValue::Undecided);
    }
    if data.is_ascii() || strings::is_generalized_utf8(data) { Ok(()) } else { Err(NoValue::NotJson) }
}

/// A JSON text. `SIMPLE`: it has neither backslashes nor control characters, as most have not.
#[derive(Clone, Copy)]
pub(super) struct JsonText<'a, const SIMPLE: bool> {
    pub(super) data: &'a [u8],
    takes_long: bool,
}

impl<const SIMPLE: bool> JsonText<'_, SIMPLE> {
    /// The byte at an offset. Data that end before it are not JSON.
    #[inline]
    fn byte(self, at: usize) -> Result<u8> {
        self.data.get(at).copied().ok_or(NoValue::NotJson)
    }

    #[inline]
    fn skip_blanks(self, mut at: usize) -> usize {
        while let Some(&byte) = self.data.get(at) {
            if byte != b' ' && (SIMPLE || !matches!(byte, b'\n' | b'\r' | b'\t')) {
                break;
            }
            at += 1;
        }
        at
    }

    /// The kind of the string whose text begins here, and where its text ends.
    #[inline]
    fn string_end(self, at: usize) -> Result<(Kind, usize)> {
        if SIMPLE {
            let length = strings::length_to_quote(&self.data[at..]).ok_or(NoValue::NotJson)?;
            return Ok((Kind::Plain, at + length));
        }
        let (mut kind, mut at) = (Kind::Plain, at);
        loop {
            at += strings::plain_length(&self.data[at..]);
            match self.data.get(at) {
                Some(b'"') => return Ok((kind, at)),
                Some(b'\\') => at += strings::escape_length(&self.data[at..]).ok_or(NoValue::NotJson)?,
                _ => return Err(NoValue::NotJson),
            }
            kind = Kind::Escaped;
        }
    }

    /// The kind of the scalar that begins here, where its text begins and ends, and where the scalar itself ends.
    #[inline]
    pub(super) fn scalar(self, at: usize) -> Result<(Kind, usize, usize, usize)> {
        let byte = self.byte(at)?;
        if byte == b'"' {
            let (kind, end) = self.string_end(at + 1)?;
            return Ok((kind, at + 1, end, end + 1));
        }
        let (kind, end) = self.number_or_word(at, byte)?;
        Ok((kind, at, end, end))
    }

    /// The kind of the value that begins with this byte, none of a string, array or object, and where it ends.
    #[inline]
    fn number_or_word(self, at: usize, byte: u8) -> Result<(Kind, usize)> {
        let (word, kind): (&[u8], Kind) = match byte {
            b'0'..=b'9' => return self.number(at, at),
            b'-' if self.data.get(at + 1) != Some(&b'I') => return self.number(at, at + 1),
            b'-' => (b"-Infinity", Kind::Float),
            b't' => (b"true", Kind::True),
            b'f' => (b"false", Kind::False),
            b'n' => (b"null", Kind::Null),
            b'N' => (b"NaN", Kind::Float),
            b'I' => (b"Infinity", Kind::Float),
            _ => return Err(NoValue::NotJson),
        };
        if self.data[at..].starts_with(word) { Ok((kind, at + word.len())) } else { Err(NoValue::NotJson) }
    }

    /// The kind of the number at `at`, whose digits begin at `digits`, and where it ends.
    #[inline]
    fn number(self, at: usize, digits: usize) -> Result<(Kind, usize)> {
        let mut end = self.skip_digits(digits)?;
        if self.data[digits] == b'0' && end > digits + 1 {
            return Err(NoValue::NotJson);
        }
        if !matches!(self.data.get(end), Some(b'.' | b'e' | b'E')) {
            let is_taken = end - at <= MOST_DIGITS || self.takes_long;
            return if is_taken { Ok((Kind::Int, end)) } else { Err(NoValue::Undecided) };
        }
        if self.data[end] == b'.' {
            end = self.skip_digits(end + 1)?;
        }
        if let Some(b'e' | b'E') = self.data.get(end) {
            let has_sign = matches!(self.data.get(end + 1), Some(b'+' | b'-'));
            end = self.skip_digits(end + 1 + usize::from(has_sign))?;
        }
        Ok((Kind::Float, end))
    }

    /// Where the digits end that begin here; there must be one.
    #[inline]
    fn skip_digits(self, at: usize) -> Result<usize> {
        let mut end = at;
        while let Some(b'0'..=b'9') = self.data.get(end) {
            end += 1;
        }
        if end > at { Ok(end) } else { Err(NoValue::NotJson) }
    }
}
