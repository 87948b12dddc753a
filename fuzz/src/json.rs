//! JSON as Python's `json.loads` reads it and `json.dumps` writes it, compared with a reader that goes byte by byte.

mod read;
mod write;

use _core::core::jmespath::tree::Tree;
use _core::core::jmespath::{Expression, Outcome, Scratch};

pub use read::read;
pub use write::{Style, write};

/// A value. Texts are code points, surrogates among them.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// The digits of an integer, after its sign.
    Int(String),
    /// Any other number.
    Float(f64),
    /// A string.
    Text(Vec<u32>),
    /// An array.
    Array(Vec<Json>),
    /// An object: each key once, its last value where its first stands.
    Object(Vec<(Vec<u32>, Json)>),
}

/// What a text is.
pub struct Reading {
    /// Its value; none where it is not JSON, or nests too deeply.
    pub value: Option<Json>,
    /// Whether there is something in it that is Python's to judge: another encoding, or an integer of many digits.
    pub may_be_undecided: bool,
}

impl Json {
    /// Whether it is true, as JMESPath defines it.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(value) => *value,
            Self::Int(_) | Self::Float(_) => true,
            Self::Text(text) => !text.is_empty(),
            Self::Array(elements) => !elements.is_empty(),
            Self::Object(members) => !members.is_empty(),
        }
    }
}

/// Reads a text, and writes it anew; after one that has the same form, but for longer scalars.
pub fn check(data: &[u8]) {
    let Reading { value, may_be_undecided } = read(data);
    let expression = Expression::new(Tree::Current);
    let mut scratch = Scratch::default();
    let longer = data.iter().flat_map(|byte| if *byte == b'1' { &b"22"[..] } else { std::slice::from_ref(byte) });
    let _ = expression.matches(&longer.copied().collect::<Vec<u8>>(), &mut scratch);
    match expression.matches(data, &mut scratch) {
        Outcome::Undecided => assert!(may_be_undecided),
        Outcome::Value(is_true) => assert_eq!(Some(is_true), value.as_ref().map(Json::is_true)),
        Outcome::NotJson => assert_eq!(value, None),
        Outcome::Failed => panic!("`@` cannot fail"),
    }
    let mut out = b"before".to_vec();
    match expression.select(data, &mut scratch, &mut out) {
        Outcome::Undecided => assert!(may_be_undecided),
        Outcome::Value(()) => {
            let value = value.as_ref().expect("JSON");
            assert_same_text(&out[b"before".len()..], &write(value, Style::Python));
            return;
        }
        Outcome::NotJson => assert_eq!(value, None),
        Outcome::Failed => panic!("`@` cannot fail"),
    }
    assert_eq!(out, b"before");
    if serde_json::from_slice::<serde_json::Value>(data).is_ok() {
        assert!(value.is_some() || may_be_undecided, "serde_json takes it");
    }
}

/// Checks that two texts are equal but for the last digits of floats, of which several may be as near.
pub fn assert_same_text(text: &[u8], expected: &[u8]) {
    let shown = || format!("{}\n{}", text.escape_ascii(), expected.escape_ascii());
    if text != expected {
        assert_eq!(text.len(), expected.len(), "{}", shown());
        let values = [text, expected].map(|text| write(&read(text).value.expect("JSON"), Style::Python));
        assert_eq!(values[0], values[1], "{}", shown());
    }
}
