//! Expressions and JSON as choices make them, of the nodes that JMESPath's grammar has.

use _core::core::jmespath::scan::Scanned;
use _core::core::jmespath::signature::Summing;
use _core::core::jmespath::tree::{Argument, Comparator, Literal, Slice, Tree};

use crate::choices::Choices;
use crate::json::{Json, Style, read, write};

/// Keys, and texts that mostly are not keys; two hold a lone surrogate.
const TEXTS: [&[u8]; 10] =
    [b"a", b"b", b"c", "é".as_bytes(), b"", b"x", b"a\"\\\n", "😀x".as_bytes(), b"\xED\xA0\xBD", b"\xED\xB8\x80b"];
const NUMBERS: [&str; 16] = [
    "0",
    "1",
    "-1",
    "2",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775809",
    "170141183460469231731687303715884105727",
    "170141183460469231731687303715884105728",
    "1.0",
    "0.1",
    "-0.0",
    "1e16",
    "5e-324",
    "1e308",
    "-2.5",
];
const FUNCTIONS: [(&str, u64); 27] = [
    ("abs", 1),
    ("avg", 1),
    ("ceil", 1),
    ("contains", 2),
    ("ends_with", 2),
    ("floor", 1),
    ("join", 2),
    ("keys", 1),
    ("length", 1),
    ("max", 1),
    ("merge", 2),
    ("min", 1),
    ("not_null", 2),
    ("reverse", 1),
    ("sort", 1),
    ("starts_with", 2),
    ("sum", 1),
    ("to_array", 1),
    ("to_number", 1),
    ("to_string", 1),
    ("type", 1),
    ("values", 1),
    ("map", 2),
    ("max_by", 2),
    ("min_by", 2),
    ("sort_by", 2),
    ("merge", 3),
];

fn text(choices: &mut Choices<'_>) -> Box<[u8]> {
    if choices.is_rare(16) { choices.text().into_bytes() } else { choices.one_of(&TEXTS).to_vec() }.into()
}

/// A value, of which objects may have a key more than once.
pub fn json(choices: &mut Choices<'_>, levels: u64) -> Json {
    match choices.below(if levels > 0 { 12 } else { 7 }) {
        0 => Json::Null,
        1 => Json::Bool(choices.is_true()),
        2..4 => number(choices),
        4..7 => Json::Text(points(&text(choices))),
        7..9 => Json::Array((0..choices.below(5)).map(|_| json(choices, levels - 1)).collect()),
        _ => {
            let count = choices.below(5);
            Json::Object((0..count).map(|_| (points(&text(choices)), json(choices, levels - 1))).collect())
        }
    }
}

fn number(choices: &mut Choices<'_>) -> Json {
    let text = choices.one_of(&NUMBERS);
    read(text.as_bytes()).value.expect("a number")
}

fn points(text: &[u8]) -> Vec<u32> {
    let escape = |byte: &u8| match byte {
        0..0x20 | b'"' | b'\\' => format!("\\u{byte:04x}").into_bytes(),
        _ => vec![*byte],
    };
    let escaped: Vec<u8> = text.iter().flat_map(escape).collect();
    match read(&[b"\"", escaped.as_slice(), b"\""].concat()).value {
        Some(Json::Text(points)) => points,
        other => unreachable!("a text: {other:?}"),
    }
}

/// An expression of so many nodes at most, about.
pub fn tree(choices: &mut Choices<'_>, nodes: &mut u32) -> Tree {
    if *nodes == 0 {
        return Tree::Field(text(choices));
    }
    *nodes -= 1;
    let mut below = |choices: &mut Choices<'_>| tree(choices, nodes);
    match choices.below(24) {
        0 => Tree::Current,
        1..4 => Tree::Field(text(choices)),
        4 => Tree::Index(bound(choices).unwrap_or(0)),
        5 => Tree::Slice(Slice { start: bound(choices), stop: bound(choices), step: bound(choices) }),
        6..8 => Tree::Literal(literal(choices)),
        8..10 => Tree::Compare(comparator(choices), Box::new([below(choices), below(choices)])),
        10 => Tree::Or(Box::new([below(choices), below(choices)])),
        11 => Tree::And(Box::new([below(choices), below(choices)])),
        12 => Tree::Not(Box::new(below(choices))),
        13 => Tree::Flatten(Box::new(below(choices))),
        14 => Tree::Projection(Box::new([below(choices), below(choices)])),
        15 => Tree::ValueProjection(Box::new([below(choices), below(choices)])),
        16 => Tree::FilterProjection(Box::new([below(choices), below(choices), below(choices)])),
        17 => Tree::List((0..1 + choices.below(3)).map(|_| below(choices)).collect()),
        18 => Tree::Object((0..1 + choices.below(3)).map(|_| (text(choices), below(choices))).collect()),
        19..21 => Tree::Steps((0..1 + choices.below(3)).map(|_| below(choices)).collect()),
        _ => call(choices, nodes),
    }
}

fn call(choices: &mut Choices<'_>, nodes: &mut u32) -> Tree {
    let (name, count) = choices.one_of(&FUNCTIONS);
    let summing = if choices.is_true() { Summing::Plain } else { Summing::Compensated };
    let takes_key = name.ends_with("_by") || name == "map";
    let key = if name == "map" { 0 } else { 1 };
    let argument = |index| {
        let tree = tree(choices, nodes);
        if takes_key && index == key { Argument::Reference(tree) } else { Argument::Value(tree) }
    };
    Tree::call(name, (0..count).map(argument).collect(), summing).expect("a function")
}

fn bound(choices: &mut Choices<'_>) -> Option<i64> {
    match choices.below(10) {
        0..3 => None,
        9 => Some(choices.one_of(&[i64::MIN, i64::MAX, 1_000, -1_000])),
        small => Some(small as i64 - 5),
    }
}

fn comparator(choices: &mut Choices<'_>) -> Comparator {
    use Comparator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    choices.one_of(&[Equal, Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual])
}

fn literal(choices: &mut Choices<'_>) -> Literal {
    match json(choices, 2) {
        Json::Null => Literal::Null,
        Json::Bool(value) => Literal::Bool(value),
        Json::Int(digits) => Literal::Int(digits.parse().unwrap_or(7)),
        Json::Float(float) => Literal::Float(float),
        Json::Text(_) => Literal::Text(text(choices)),
        array_or_object => {
            let json = write(&array_or_object, Style::Bare);
            Literal::Json(Scanned::new(json.into()).expect("JSON"))
        }
    }
}
