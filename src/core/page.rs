//! S3's answer to a LIST, taken apart: the objects, and the rest of the document without them.
//!
//! Read is only the XML that servers write for it, all ASCII. Of anything else nothing is said, and the caller asks a
//! reader that knows all XML: what is read here means the same there.

use std::borrow::Cow;
use std::ops::Range;

use super::timestamp::{Timestamp, TimestampReader};

const DECLARATIONS: [&[u8]; 2] =
    [br#"<?xml version="1.0" encoding="UTF-8"?>"#, br#"<?xml version="1.0" encoding="utf-8"?>"#];
const NAMESPACE: &[u8] = br#" xmlns="http://s3.amazonaws.com/doc/2006-03-01/""#;
const ROOT: &[u8] = b"ListBucketResult";
const CONTENTS: &[u8] = b"Contents";
/// What an object may have, each at most once, besides its key, size and date.
const FURTHER: [&[u8]; 6] = [b"ETag", b"StorageClass", b"Owner", b"ChecksumAlgorithm", b"ChecksumType", b"Type"];
const ESCAPES: [(&[u8], u8); 7] = [
    (b"&quot;", b'"'),
    (b"&#34;", b'"'),
    (b"&amp;", b'&'),
    (b"&lt;", b'<'),
    (b"&gt;", b'>'),
    (b"&apos;", b'\''),
    (b"&#39;", b'\''),
];
/// How deep elements lie in one that lies in the root: `Owner` of an object, and its `ID`.
const DEPTH: usize = 2;
/// Bytes that are looked at before one of them counts.
const CHUNK: usize = 1024;

/// An object of a listing.
#[derive(Debug, PartialEq, Eq)]
pub struct Object {
    /// Its key, decoded, without the root that was asked for.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// When it was last written.
    pub modified: Timestamp,
}

/// An answer to a LIST.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// The document without its objects.
    pub rest: Vec<u8>,
    /// The objects, in the document's order.
    pub objects: Vec<Object>,
}

/// Takes an answer apart. None: it has something that is not known here, or a key that does not begin with `root`.
///
/// Keys are decoded where the answer says that it encodes them as URLs do.
pub fn parse(body: &[u8], root: &str) -> Option<Page> {
    if !body.chunks(CHUNK).all(is_plain) {
        return None;
    }
    let document = Document::read(body)?;
    let is_encoded = match document.encodings.as_slice() {
        [] => false,
        [encoding] => encoding.as_ref() == b"url",
        _ => return None,
    };
    let mut timestamps = TimestampReader::default();
    let objects = document.objects.iter().map(|found| found.object(root, is_encoded, &mut timestamps));
    Some(Page { objects: objects.collect::<Option<_>>()?, rest: without(body, &document.places) })
}

/// Whether bytes are all printable ASCII or white space. It looks at all of them, so that the compiler takes many at a time.
fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |so_far, byte| so_far & matches!(byte, b'\t' | b'\n' | b' '..=b'~'))
}

/// The bytes without those at some places, which rise.
fn without(body: &[u8], places: &[Range<usize>]) -> Vec<u8> {
    let mut rest = Vec::new();
    let mut end = 0;
    for place in places {
        rest.extend_from_slice(&body[end..place.start]);
        end = place.end;
    }
    rest.extend_from_slice(&body[end..]);
    rest
}

/// What of a document is wanted, as it is written there.
#[derive(Default)]
struct Document<'a> {
    objects: Vec<Written<'a>>,
    /// Where the objects are.
    places: Vec<Range<usize>>,
    encodings: Vec<Cow<'a, [u8]>>,
}

impl<'a> Document<'a> {
    fn read(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader { body, at: 0 };
        if DECLARATIONS.iter().any(|declaration| reader.eat(declaration)) {
            reader.space();
        }
        let has_begun = reader.eat(b"<") && reader.eat(ROOT);
        reader.eat(NAMESPACE);
        if !has_begun || !reader.eat(b">") {
            return None;
        }
        let mut document = Self::default();
        while !reader.ends(ROOT) {
            reader.space();
            document.read_element(&mut reader)?;
            reader.space();
        }
        reader.space();
        (reader.at == body.len()).then_some(document)
    }

    fn read_element(&mut self, reader: &mut Reader<'a>) -> Option<()> {
        let begin = reader.at;
        let element = reader.element(DEPTH)?;
        if element.name == CONTENTS {
            self.objects.push(Written::of(element)?);
            self.places.push(begin..reader.at);
        } else if element.name == b"EncodingType" {
            self.encodings.push(element.leaf()?);
        }
        Some(())
    }
}

/// An object as it is written.
struct Written<'a> {
    key: Cow<'a, [u8]>,
    size: Cow<'a, [u8]>,
    modified: Cow<'a, [u8]>,
}

impl<'a> Written<'a> {
    fn of(element: Element<'a>) -> Option<Self> {
        let (mut key, mut size, mut modified) = (None, None, None);
        let mut further = [false; FURTHER.len()];
        for child in element.children {
            let wanted = match child.name {
                b"Key" => &mut key,
                b"Size" => &mut size,
                b"LastModified" => &mut modified,
                name => {
                    let known = FURTHER.iter().position(|known| *known == name)?;
                    if std::mem::replace(&mut further[known], true) {
                        return None;
                    }
                    continue;
                }
            };
            if wanted.replace(child.leaf()?).is_some() {
                return None;
            }
        }
        Some(Self { key: key?, size: size?, modified: modified? })
    }

    fn object(&self, root: &str, is_encoded: bool, timestamps: &mut TimestampReader) -> Option<Object> {
        let key = if is_encoded { unquoted(&self.key) } else { self.key.to_vec() };
        let mut key = String::from_utf8(key).ok()?;
        if !key.starts_with(root) {
            return None;
        }
        key.drain(..root.len());
        Some(Object { key, size: number(&self.size)?, modified: date(&self.modified, timestamps)? })
    }
}

/// An element, with the text before its first child.
struct Element<'a> {
    name: &'a [u8],
    text: Cow<'a, [u8]>,
    children: Vec<Element<'a>>,
}

impl<'a> Element<'a> {
    /// The text of an element that has nothing else.
    fn leaf(self) -> Option<Cow<'a, [u8]>> {
        self.children.is_empty().then_some(self.text)
    }
}

/// A place in a document.
struct Reader<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn left(&self) -> &'a [u8] {
        &self.body[self.at..]
    }

    /// Goes behind what comes next, if it is this.
    fn eat(&mut self, expected: &[u8]) -> bool {
        let is_next = self.left().starts_with(expected);
        if is_next {
            self.at += expected.len();
        }
        is_next
    }

    fn space(&mut self) {
        while self.eat(b" ") || self.eat(b"\n") || self.eat(b"\t") {}
    }

    /// Goes behind the end of an element, if that comes next.
    fn ends(&mut self, name: &[u8]) -> bool {
        let begin = self.at;
        let is_end = self.eat(b"</") && self.eat(name) && self.eat(b">");
        if !is_end {
            self.at = begin;
        }
        is_end
    }

    /// Reads an element without attributes, in which others lie at most so deep.
    fn element(&mut self, depth: usize) -> Option<Element<'a>> {
        let name = self.begin()?;
        if self.eat(b"/>") {
            return Some(Element { name, text: Cow::Borrowed(b""), children: Vec::new() });
        }
        if !self.eat(b">") {
            return None;
        }
        let text = self.text()?;
        let mut children = Vec::new();
        while !self.ends(name) {
            children.push(self.element(depth.checked_sub(1)?)?);
            self.text()?;
        }
        Some(Element { name, text, children })
    }

    fn begin(&mut self) -> Option<&'a [u8]> {
        if !self.eat(b"<") {
            return None;
        }
        let length = self.left().iter().position(|byte| !byte.is_ascii_alphabetic())?;
        let name = &self.left()[..length];
        self.at += length;
        (length > 0).then_some(name)
    }

    /// Reads the text up to the next element's beginning or end.
    fn text(&mut self) -> Option<Cow<'a, [u8]>> {
        let text = &self.left()[..memchr::memchr(b'<', self.left())?];
        self.at += text.len();
        // `]]>` is not allowed in a text; a `>` alone would be.
        if memchr::memchr(b'>', text).is_some() { None } else { unescaped(text) }
    }
}

fn unescaped(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut plain = Vec::new();
    let mut left = text;
    while let Some(at) = memchr::memchr(b'&', left) {
        let (escape, byte) = ESCAPES.iter().find(|(escape, _)| left[at..].starts_with(escape))?;
        plain.extend_from_slice(&left[..at]);
        plain.push(*byte);
        left = &left[at + escape.len()..];
    }
    if plain.is_empty() {
        return Some(Cow::Borrowed(text));
    }
    plain.extend_from_slice(left);
    Some(Cow::Owned(plain))
}

/// Decodes a key as URLs' queries are; a `%` without two hexadecimal digits stands for itself.
fn unquoted(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut left = text;
    while let Some(at) = memchr::memchr2(b'%', b'+', left) {
        plain.extend_from_slice(&left[..at]);
        let (byte, rest) = match &left[at + 1..] {
            [high, low, rest @ ..] if left[at] == b'%' && high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (digit(*high) << 4 | digit(*low), rest)
            }
            rest => (if left[at] == b'+' { b' ' } else { b'%' }, rest),
        };
        plain.push(byte);
        left = rest;
    }
    plain.extend_from_slice(left);
    plain
}

fn digit(hexadecimal: u8) -> u8 {
    match hexadecimal {
        b'0'..=b'9' => hexadecimal - b'0',
        letter => (letter | 0x20) - b'a' + 10,
    }
}

fn number(text: &[u8]) -> Option<u64> {
    let is_number = (1..=18).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| text.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// Reads `2009-10-12T17:50:30.000Z`; up to six digits of the second may follow the point, or none and no point.
fn date(text: &[u8], timestamps: &mut TimestampReader) -> Option<Timestamp> {
    let (whole, end) = text.split_at_checked("2009-10-12T17:50:30".len())?;
    let digits = match end {
        b"Z" => b"",
        [b'.', digits @ .., b'Z'] if (1..=6).contains(&digits.len()) => digits,
        _ => return None,
    };
    // Python's own readers take years before 1000 differently.
    if whole[0] == b'0' || whole[13] != b':' || whole[16] != b':' {
        return None;
    }
    let mut form = *b"2009-10-12T175030.000000Z";
    form[..13].copy_from_slice(&whole[..13]);
    form[13..15].copy_from_slice(&whole[14..16]);
    form[15..17].copy_from_slice(&whole[17..19]);
    form[18..18 + digits.len()].copy_from_slice(digits);
    timestamps.read(&form)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix/>"#;
    const END: &str = "<EncodingType>url</EncodingType></ListBucketResult>";

    fn object(key: &str, date: &str) -> String {
        format!(
            "<Contents><Key>{key}</Key><LastModified>{date}</LastModified><ETag>&quot;x&quot;</ETag><Size>7</Size>\
             <Owner><ID>1</ID></Owner></Contents>"
        )
    }

    fn parsed(key: &str, date: &str) -> Option<Page> {
        parse(format!("{HEAD}{}{END}", object(key, date)).as_bytes(), "root/")
    }

    #[test]
    fn an_answer_is_taken_apart() {
        let page = parsed("root/a+b%2Bc%C3%A9%&amp;", "2026-11-24T14:00:00.5Z").expect("known");
        let modified = Timestamp::parse("2026-11-24T140000.500000Z").expect("a date");
        assert_eq!(page.objects, [Object { key: "a b+c\u{e9}%&".to_owned(), size: 7, modified }]);
        assert_eq!(page.rest, format!("{HEAD}{END}").into_bytes());
    }

    #[test]
    fn without_objects_all_is_left() {
        let body = format!("{HEAD}{END}\n");
        assert_eq!(parse(body.as_bytes(), ""), Some(Page { rest: body.clone().into_bytes(), objects: vec![] }));
    }

    #[test]
    fn nothing_is_said_of_what_is_not_known() {
        let date = "2026-11-24T14:00:00.000Z";
        assert!(parsed("root/a", date).is_some());
        for (key, date) in [
            ("other/a", date),
            ("root/%FF", date),
            ("root/&#x41;", date),
            ("root/a>", date),
            ("root/<!-- -->a", date),
            ("root/<b/>", date),
            ("root/\u{e9}", date),
            ("root/\r", date),
            ("root/a</Key><Key>root/a", date),
            ("root/a</Key><ETag/><Key>", date),
            ("root/a</Key><New/><Key>", date),
            ("root/a", "2026-02-29T14:00:00Z"),
            ("root/a", "2026-11-24T24:00:00Z"),
            ("root/a", "0926-11-24T14:00:00Z"),
            ("root/a", "2026-11-24T14:00:00.1234567Z"),
            ("root/a", "2026-11-24T14:00:00.Z"),
            ("root/a", "2026-11-24 14:00:00Z"),
            ("root/a", "2026-11-24T14:00:00+00:00"),
        ] {
            assert_eq!(parsed(key, date), None, "{key} {date}");
        }
        let body = format!("{HEAD}{}{END}", object("root/a", date));
        for length in 0..body.len() {
            assert_eq!(parse(&body.as_bytes()[..length], "root/"), None, "{length}");
        }
    }
}
