//! S3's answers to a LIST, compared with what a reader of all XML makes of them.

use _core::core::page::{Object, Page, parse};
use _core::core::timestamp::Timestamp;
use roxmltree::{Document, Node};

use crate::choices::Choices;
use crate::timestamps::microseconds;

const ROOT: &str = "root/";
const FURTHER: [&str; 4] = [
    "<ETag>&quot;x&quot;</ETag>",
    "<StorageClass/>",
    "<Owner><ID>x</ID><DisplayName/></Owner>",
    "<ChecksumType>FULL_OBJECT</ChecksumType>",
];
const HEADS: [&str; 5] = [
    "<Name>b</Name>",
    "<Prefix>root%2F</Prefix>",
    "<IsTruncated>false</IsTruncated>",
    "<CommonPrefixes><Prefix>root/a/</Prefix></CommonPrefixes>",
    "<New/>",
];
const DECLARATIONS: [&str; 3] =
    ["", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "<?xml version=\"1.0\" encoding=\"utf-8\"?>"];
const NAMESPACES: [&str; 2] = ["", " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""];

/// Reads any bytes; or writes an answer as servers do, and reads it, whole and with one byte changed.
pub fn check(data: &[u8]) {
    let mut choices = Choices::new(data);
    if choices.is_true() {
        let (objects, mut body) = written(&mut choices);
        assert_eq!(parse(&body, ROOT).map(|page| page.objects), Some(objects), "{}", body.escape_ascii());
        check_read(&body);
        let at = choices.number() as usize % body.len();
        body[at] = choices.byte();
        check_read(&body);
    } else {
        check_read(choices.rest());
    }
}

/// Whatever is read of bytes is what they say.
fn check_read(body: &[u8]) {
    for root in ["", ROOT] {
        if let Some(page) = parse(body, root) {
            let text = std::str::from_utf8(body).expect("ASCII");
            assert_eq!(page, read(text, root), "{text:?}");
        }
    }
}

/// The same as `parse`, of an answer that it reads.
fn read(text: &str, root: &str) -> Page {
    let document = Document::parse(text).expect("XML");
    let list = document.root_element();
    assert_eq!(list.tag_name().name(), "ListBucketResult");
    let is_encoded = named(list, "EncodingType").any(|found| found.text() == Some("url"));
    let mut rest = text.to_owned();
    let mut objects = Vec::new();
    for contents in named(list, "Contents") {
        objects.push(object(contents, root, is_encoded));
        let end = rest.len() - (text.len() - contents.range().end);
        rest.replace_range(end - contents.range().len()..end, "");
    }
    Page { rest: rest.into_bytes(), objects }
}

fn named<'a>(parent: Node<'a, 'a>, name: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    parent.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

fn object(contents: Node<'_, '_>, root: &str, is_encoded: bool) -> Object {
    let [key, size, modified] = ["Key", "Size", "LastModified"].map(|name| {
        let found: Vec<_> =
            contents.children().filter(|child| child.is_element() && child.tag_name().name() == name).collect();
        assert_eq!(found.len(), 1, "{name}");
        assert!(!found[0].has_children() || found[0].first_child().is_some_and(|child| child.is_text()));
        found[0].text().unwrap_or_default().to_owned()
    });
    let key = if is_encoded { decoded(&key) } else { key };
    Object {
        key: key.strip_prefix(root).expect("below the root").to_owned(),
        size: size.parse().expect("a number"),
        modified: date(&modified).expect("a date"),
    }
}

/// Decodes as Python's `unquote_plus` does.
fn decoded(text: &str) -> String {
    let mut plain = Vec::new();
    let mut left = text;
    while let Some(first) = left.chars().next() {
        let byte = (first == '%').then(|| left.get(1..3)).flatten().filter(|pair| !pair.starts_with('+'));
        let byte = byte.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        plain.push(byte.unwrap_or(if first == '+' { b' ' } else { first as u8 }));
        left = &left[if byte.is_some() { 3 } else { 1 }..];
    }
    String::from_utf8(plain).expect("UTF-8")
}

/// Reads `2009-10-12T17:50:30.5Z`.
fn date(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.strip_suffix('Z')?.split_once('.').unwrap_or((text.strip_suffix('Z')?, ""));
    let parts = seconds.split(['T', ':']).collect::<Vec<_>>();
    let [date, hour, minute, second] = <[&str; 4]>::try_from(parts).ok()?;
    Timestamp::from_microseconds(microseconds(&format!("{date}T{hour}{minute}{second}.{fraction:0<6}Z"))?)
}

/// Some objects, and an answer with them as one of the servers writes it.
fn written(choices: &mut Choices<'_>) -> (Vec<Object>, Vec<u8>) {
    let encoding = choices.perhaps(2);
    let between = choices.one_of(&["", "\n", "\n  "]);
    let (mut objects, mut parts) = (Vec::new(), Vec::new());
    if encoding.is_some() {
        parts.push("<EncodingType>url</EncodingType>".to_owned());
    }
    for _ in 0..choices.below(4) {
        parts.push(choices.one_of(&HEADS).to_owned());
        let (object, elements) = of_object(choices, encoding);
        objects.push(object);
        parts.push(format!("<Contents>{between}{}{between}</Contents>", elements.join(between)));
    }
    if choices.is_true() {
        parts.reverse();
        objects.reverse();
    }
    let [declaration, namespace] = [choices.one_of(&DECLARATIONS), choices.one_of(&NAMESPACES)];
    let list = parts.join(between);
    (objects, format!("{declaration}<ListBucketResult{namespace}>{list}</ListBucketResult>{between}").into_bytes())
}

fn of_object(choices: &mut Choices<'_>, encoding: Option<u64>) -> (Object, Vec<String>) {
    let key = match encoding {
        Some(_) => choices.text(),
        None => choices.text().chars().filter(|char| matches!(char, ' '..='~')).collect(),
    };
    let size = choices.size() % 10_u64.pow(18);
    let (modified, date) = moment(choices);
    let mut elements = vec![
        format!("<Key>{}</Key>", encoded(&format!("{ROOT}{key}"), encoding)),
        format!("<Size>{size}</Size>"),
        format!("<LastModified>{date}</LastModified>"),
    ];
    elements.extend(FURTHER.iter().filter(|_| choices.is_true()).map(|further| (*further).to_owned()));
    let turned = choices.below(elements.len() as u64) as usize;
    elements.rotate_left(turned);
    (Object { key, size, modified }, elements)
}

/// A moment from the year 1000 on, and its text with up to six digits of the second.
fn moment(choices: &mut Choices<'_>) -> (Timestamp, String) {
    let [first, last] =
        ["1000-01-01T000000.000000Z", "9999-12-31T235959.999999Z"].map(|text| microseconds(text).expect("a timestamp"));
    let microseconds = first + (choices.number() % (last - first + 1) as u64) as i64;
    let digits = choices.below(7) as usize;
    let microseconds = microseconds - microseconds.rem_euclid(10_i64.pow(6 - digits as u32));
    let modified = Timestamp::from_microseconds(microseconds).expect("within the years");
    let text = modified.to_string();
    let fraction = if digits == 0 { "" } else { &text[17..18 + digits] };
    (modified, format!("{}:{}:{}{fraction}Z", &text[..13], &text[13..15], &text[15..17]))
}

/// A key as URLs have it, with `+` for a space or without; or as XML alone has it.
fn encoded(key: &str, encoding: Option<u64>) -> String {
    let escaped = |char| match char {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&#34;".to_owned(),
        char => char.to_string(),
    };
    let Some(encoding) = encoding else { return key.chars().map(escaped).collect() };
    let percent = |byte: u8| match byte {
        b' ' if encoding == 0 => "+".to_owned(),
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    key.bytes().map(percent).collect()
}
