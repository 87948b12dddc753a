//! Reading JSON, a byte at a time, into values that own all they have.

use super::{Json, Reading};

const MOST_NESTED: usize = 500;
const MOST_DIGITS: usize = 640;

/// Reads a text as `json.loads` does; what nests deeper than 500 levels is not JSON.
pub fn read(data: &[u8]) -> Reading {
    let head = &data[..data.len().min(4)];
    let is_other =
        head.contains(&0) || [&b"\xEF\xBB\xBF"[..], b"\xFE\xFF", b"\xFF\xFE"].iter().any(|mark| head.starts_with(mark));
    if is_other {
        return Reading { value: None, may_be_undecided: true };
    }
    let Some(text) = code_points(data) else { return Reading { value: None, may_be_undecided: false } };
    let mut reader = Reader { text: &text, at: 0, may_be_undecided: false };
    reader.skip_blanks();
    let value = reader.value(0);
    reader.skip_blanks();
    let is_whole = reader.at == text.len();
    Reading { value: value.filter(|_| is_whole), may_be_undecided: reader.may_be_undecided }
}

/// The code points of UTF-8 in which surrogates may stand alone.
fn code_points(data: &[u8]) -> Option<Vec<u32>> {
    let mut points = Vec::new();
    let mut rest = data;
    while let Some(first) = rest.first() {
        let (length, least, bits) = match first {
            0x00..=0x7F => (1, 0, first & 0x7F),
            0xC0..=0xDF => (2, 0x80, first & 0x1F),
            0xE0..=0xEF => (3, 0x800, first & 0x0F),
            0xF0..=0xF7 => (4, 0x1_0000, first & 0x07),
            _ => return None,
        };
        let (these, others) = rest.split_at_checked(length)?;
        let is_right = these[1..].iter().all(|byte| byte & 0xC0 == 0x80);
        let point = these[1..].iter().fold(u32::from(bits), |point, byte| point << 6 | u32::from(byte & 0x3F));
        if !is_right || point < least || point > 0x10_FFFF {
            return None;
        }
        points.push(point);
        rest = others;
    }
    Some(points)
}

struct Reader<'a> {
    text: &'a [u32],
    at: usize,
    may_be_undecided: bool,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).map(|point| char::from_u32(*point).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn take(&mut self, wanted: char) -> Option<()> {
        (self.peek() == Some(wanted)).then(|| self.at += 1)
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Option<Json> {
        word.chars().try_for_each(|each| self.take(each))?;
        Some(value)
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        match self.peek()? {
            'n' => self.word("null", Json::Null),
            't' => self.word("true", Json::Bool(true)),
            'f' => self.word("false", Json::Bool(false)),
            'N' => self.word("NaN", Json::Float(f64::NAN)),
            'I' => self.word("Infinity", Json::Float(f64::INFINITY)),
            '-' if self.text.get(self.at + 1) == Some(&u32::from('I')) => {
                self.word("-Infinity", Json::Float(f64::NEG_INFINITY))
            }
            '"' => self.string().map(Json::Text),
            '[' if depth < MOST_NESTED => self.array(depth + 1),
            '{' if depth < MOST_NESTED => self.object(depth + 1),
            _ => self.number(),
        }
    }

    fn digits(&mut self, digits: &mut String) -> Option<()> {
        let before = digits.len();
        while let Some(digit) = self.peek().filter(char::is_ascii_digit) {
            digits.push(digit);
            self.at += 1;
        }
        (digits.len() > before).then_some(())
    }

    fn number(&mut self) -> Option<Json> {
        let sign = if self.take('-').is_some() { "-" } else { "" };
        let mut text = String::new();
        self.digits(&mut text)?;
        if text.len() > 1 && text.starts_with('0') {
            return None;
        }
        if !matches!(self.peek(), Some('.' | 'e' | 'E')) {
            let is_long = sign.len() + text.len() > MOST_DIGITS || format!("{sign}{text}").parse::<i128>().is_err();
            self.may_be_undecided |= is_long;
            return Some(Json::Int(if text == "0" { text } else { format!("{sign}{text}") }));
        }
        if self.take('.').is_some() {
            text.push('.');
            self.digits(&mut text)?;
        }
        if self.take('e').or_else(|| self.take('E')).is_some() {
            text.push('e');
            if let Some(sign) = self.peek().filter(|sign| matches!(sign, '+' | '-')) {
                text.push(sign);
                self.at += 1;
            }
            self.digits(&mut text)?;
        }
        format!("{sign}{text}").parse().ok().map(Json::Float)
    }

    fn string(&mut self) -> Option<Vec<u32>> {
        self.take('"')?;
        let mut text = Vec::new();
        loop {
            match *self.text.get(self.at)? {
                0..0x20 => return None,
                0x22 => {
                    self.at += 1;
                    return Some(text);
                }
                0x5C => text.push(self.escape()?),
                point => {
                    text.push(point);
                    self.at += 1;
                }
            }
        }
    }

    fn escape(&mut self) -> Option<u32> {
        if let Some(unit) = self.code_unit() {
            self.at += 6;
            let low = self.code_unit().filter(|low| (0xD800..0xDC00).contains(&unit) && (0xDC00..0xE000).contains(low));
            let Some(low) = low else { return Some(unit) };
            self.at += 6;
            return Some(0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
        }
        self.take('\\')?;
        let point = match self.peek()? {
            plain @ ('"' | '\\' | '/') => plain,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            _ => return None,
        };
        self.at += 1;
        Some(point.into())
    }

    /// What `\uXXXX` stands for, if that is next.
    fn code_unit(&self) -> Option<u32> {
        let here: Option<String> =
            self.text.get(self.at..self.at + 6)?.iter().map(|point| char::from_u32(*point)).collect();
        let digits = here.as_deref()?.strip_prefix("\\u")?;
        digits.chars().all(|digit| digit.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        self.take('[')?;
        self.skip_blanks();
        let mut elements = Vec::new();
        while self.take(']').is_none() {
            if !elements.is_empty() {
                self.take(',')?;
                self.skip_blanks();
            }
            elements.push(self.value(depth)?);
            self.skip_blanks();
        }
        Some(Json::Array(elements))
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        self.take('{')?;
        self.skip_blanks();
        let mut members: Vec<(Vec<u32>, Json)> = Vec::new();
        while self.take('}').is_none() {
            if !members.is_empty() {
                self.take(',')?;
                self.skip_blanks();
            }
            let key = self.string()?;
            self.skip_blanks();
            self.take(':')?;
            self.skip_blanks();
            let value = self.value(depth)?;
            self.skip_blanks();
            match members.iter_mut().find(|(known, _)| *known == key) {
                Some(member) => member.1 = value,
                None => members.push((key, value)),
            }
        }
        Some(Json::Object(members))
    }
}
