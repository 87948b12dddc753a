//! JSON's tokens, found and checked in one pass over the bytes. What is JSON is what `json.loads` takes.

use super::strings;
use super::{Result, Stop};

/// Data that nest deeper than this count as not JSON.
pub const MOST_NESTED: usize = 500;

/// Python refuses longer integers, or does not, as it is set; 640 is the least that it can be set to.
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
#[derive(Debug, Clone, Copy)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where its text begins (a string's: after the quote).
    pub start: u32,
    /// Where its text ends (a string's: before the quote); for an array or object, how many elements or members it has.
    pub end: u32,
    /// The token after it and all that it contains.
    pub next: u32,
}

/// What scanning found.
#[derive(Debug, Default)]
pub struct Tape {
    /// The document's tokens.
    pub tokens: Vec<Token>,
    /// How deep it nests.
    pub depth: usize,
    open: Vec<u32>,
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
        tape.scan(&data)?;
        Ok(Self { data, tape })
    }
}

impl Tape {
    /// How many bytes it takes.
    pub fn size(&self) -> usize {
        self.tokens.capacity() * size_of::<Token>()
    }

    /// Scans a document; what was on the tape is gone.
    pub fn scan(&mut self, data: &[u8]) -> Result<()> {
        check_encoding(data)?;
        self.tokens.clear();
        self.open.clear();
        self.depth = 0;
        Scanner { data, at: 0, tape: self }.document()
    }
}

/// Checks that the data are UTF-8, where surrogates may stand alone (`surrogatepass`).
fn check_encoding(data: &[u8]) -> Result<()> {
    let head = &data[..data.len().min(4)];
    if head.contains(&0) || matches!(head, [0xEF, 0xBB, 0xBF, ..] | [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..]) {
        return Err(Stop::Undecided);
    }
    if u32::try_from(data.len()).is_err() {
        return Err(Stop::Undecided);
    }
    if data.is_ascii() || strings::is_generalized_utf8(data) { Ok(()) } else { Err(Stop::NotJson) }
}

struct Scanner<'a> {
    data: &'a [u8],
    at: usize,
    tape: &'a mut Tape,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<()> {
        self.skip_blanks();
        loop {
            if self.value()? && self.after_value()? {
                return Ok(());
            }
        }
    }

    /// Takes the value that begins here, and says whether it is whole: an array or object that is not empty is not.
    fn value(&mut self) -> Result<bool> {
        match self.byte()? {
            b'"' => self.string()?,
            b'{' => return self.open(Kind::Object, b'}'),
            b'[' => return self.open(Kind::Array, b']'),
            b'-' | b'0'..=b'9' => self.number()?,
            b't' => self.word(b"true", Kind::True)?,
            b'f' => self.word(b"false", Kind::False)?,
            b'n' => self.word(b"null", Kind::Null)?,
            b'N' => self.word(b"NaN", Kind::Float)?,
            b'I' => self.word(b"Infinity", Kind::Float)?,
            _ => return Err(Stop::NotJson),
        }
        Ok(true)
    }

    /// Begins an array or object, and says whether it is empty, and so whole.
    fn open(&mut self, kind: Kind, closing: u8) -> Result<bool> {
        let depth = self.tape.open.len() + 1;
        if depth > MOST_NESTED {
            return Err(Stop::NotJson);
        }
        self.tape.depth = self.tape.depth.max(depth);
        let token = self.tape.tokens.len();
        self.push(kind, self.at, 0);
        self.at += 1;
        self.skip_blanks();
        if self.byte()? == closing {
            self.at += 1;
            return Ok(true);
        }
        self.tape.open.push(token as u32);
        if kind == Kind::Object {
            self.key()?;
        }
        Ok(false)
    }

    /// Goes on after a whole value, to where the next one begins; true at the document's end.
    fn after_value(&mut self) -> Result<bool> {
        loop {
            self.skip_blanks();
            let Some(&parent) = self.tape.open.last() else {
                return if self.at == self.data.len() { Ok(true) } else { Err(Stop::NotJson) };
            };
            let byte = self.byte()?;
            self.at += 1;
            let next = self.tape.tokens.len() as u32;
            let token = &mut self.tape.tokens[parent as usize];
            token.end += 1;
            match (byte, token.kind) {
                (b',', Kind::Object) => {
                    self.skip_blanks();
                    self.key()?;
                    return Ok(false);
                }
                (b',', _) => {
                    self.skip_blanks();
                    return Ok(false);
                }
                (b'}', Kind::Object) | (b']', Kind::Array) => token.next = next,
                _ => return Err(Stop::NotJson),
            }
            self.tape.open.pop();
        }
    }

    /// Takes a key and its colon.
    fn key(&mut self) -> Result<()> {
        if self.byte()? != b'"' {
            return Err(Stop::NotJson);
        }
        self.string()?;
        self.skip_blanks();
        if self.byte()? != b':' {
            return Err(Stop::NotJson);
        }
        self.at += 1;
        self.skip_blanks();
        Ok(())
    }

    fn string(&mut self) -> Result<()> {
        let start = self.at + 1;
        let mut at = start;
        let mut kind = Kind::Plain;
        loop {
            at += strings::plain_length(&self.data[at..]);
            match self.data.get(at) {
                Some(b'"') => break,
                Some(b'\\') => at += strings::escape_length(&self.data[at..]).ok_or(Stop::NotJson)?,
                _ => return Err(Stop::NotJson),
            }
            kind = Kind::Escaped;
        }
        self.push(kind, start, at);
        self.at = at + 1;
        Ok(())
    }

    fn number(&mut self) -> Result<()> {
        let start = self.at;
        if self.data[start] == b'-' {
            self.at += 1;
            if self.data.get(self.at) == Some(&b'I') {
                self.at = start;
                return self.word(b"-Infinity", Kind::Float);
            }
        }
        let is_zero = self.byte()? == b'0';
        let digits = self.digits();
        if digits == 0 || (is_zero && digits > 1) {
            return Err(Stop::NotJson);
        }
        let mut kind = Kind::Int;
        if self.data.get(self.at) == Some(&b'.') {
            kind = Kind::Float;
            self.at += 1;
            if self.digits() == 0 {
                return Err(Stop::NotJson);
            }
        }
        if let Some(b'e' | b'E') = self.data.get(self.at) {
            kind = Kind::Float;
            self.at += 1;
            if let Some(b'+' | b'-') = self.data.get(self.at) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(Stop::NotJson);
            }
        }
        if kind == Kind::Int && digits > MOST_DIGITS {
            return Err(Stop::Undecided);
        }
        self.push(kind, start, self.at);
        Ok(())
    }

    /// Passes digits, and says how many there were.
    fn digits(&mut self) -> usize {
        let digits = self.data[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        digits
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Result<()> {
        if !self.data[self.at..].starts_with(word) {
            return Err(Stop::NotJson);
        }
        let start = self.at;
        self.at += word.len();
        self.push(kind, start, self.at);
        Ok(())
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        let next = self.tape.tokens.len() as u32 + 1;
        self.tape.tokens.push(Token { kind, start: start as u32, end: end as u32, next });
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.data.get(self.at) {
            self.at += 1;
        }
    }

    /// The byte here; data that end here are not JSON.
    fn byte(&self) -> Result<u8> {
        self.data.get(self.at).copied().ok_or(Stop::NotJson)
    }
}
