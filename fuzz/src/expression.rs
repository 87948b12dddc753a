//! Expressions on data, compared with the same expressions evaluated another way, and on data that say the same.

use _core::core::jmespath::tree::Tree;
use _core::core::jmespath::{Expression, Outcome, Scratch};

use crate::choices::Choices;
use crate::json::{Json, Style, assert_same_text, read, write};
use crate::trees::{json, tree};

/// An expression has about this many nodes at most. Each level may double what the one below makes.
const MOST_NODES: u32 = 24;

/// Evaluates an expression on data.
pub fn check(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    // The tree is made twice, since it cannot be copied.
    let again = bytes;
    let mut nodes = MOST_NODES;
    let expression = Expression::new(tree(&mut choices, &mut nodes));
    let twice_not = {
        let (mut choices, mut nodes) = (Choices::new(again), MOST_NODES);
        let not = Tree::Not(Box::new(tree(&mut choices, &mut nodes)));
        Expression::new(Tree::Not(Box::new(not)))
    };
    let data = if choices.is_rare(4) {
        choices.rest().to_vec()
    } else {
        write(&json(&mut choices, 4), choices.one_of(&[Style::Bare, Style::Python, Style::Escaped]))
    };
    let outcome = Both::of(&expression, &data);
    outcome.check();
    // A negated expression has no needle: its data are always scanned.
    let Both { matches, .. } = Both::of(&twice_not, &data);
    assert_agree(&outcome.matches, &matches);
    check_other_forms(&expression, &data, &outcome);
}

/// What an expression gives.
struct Both {
    matches: Outcome<bool>,
    select: Outcome<Vec<u8>>,
}

impl Both {
    fn of(expression: &Expression, data: &[u8]) -> Self {
        let mut scratch = Scratch::default();
        let matches = expression.matches(data, &mut scratch);
        let mut out = b"before".to_vec();
        let outcome = expression.select(data, &mut scratch, &mut out);
        assert_eq!(expression.matches(data, &mut scratch), matches, "memory that is used again changes nothing");
        let written = out.split_off(b"before".len());
        assert!(outcome == Outcome::Value(()) || written.is_empty());
        let select = match outcome {
            Outcome::Value(()) => Outcome::Value(written),
            Outcome::NotJson => Outcome::NotJson,
            Outcome::Failed => Outcome::Failed,
            Outcome::Undecided => Outcome::Undecided,
        };
        Self { matches, select }
    }

    /// Checks that the value is JSON as Python writes it, and as true as it is said to be.
    fn check(&self) {
        let Outcome::Value(written) = &self.select else { return };
        let value = read(written).value.expect("JSON");
        assert_same_text(written, &write(&value, Style::Python));
        assert_eq!(self.matches, Outcome::Value(value.is_true()));
    }
}

/// Whether it is true; data that are not JSON, and what fails, give false.
fn is_true(outcome: &Outcome<bool>) -> Option<bool> {
    match outcome {
        Outcome::Value(is_true) => Some(*is_true),
        Outcome::NotJson | Outcome::Failed => Some(false),
        Outcome::Undecided => None,
    }
}

fn assert_agree(one: &Outcome<bool>, other: &Outcome<bool>) {
    if let (Some(one), Some(other)) = (is_true(one), is_true(other)) {
        assert_eq!(one, other);
    }
}

/// Checks that the expression gives the same on data that are written in other ways.
fn check_other_forms(expression: &Expression, data: &[u8], outcome: &Both) {
    let Some(value) = read(data).value.filter(|value| !has_parted_surrogates(value)) else { return };
    for style in [Style::Bare, Style::Escaped] {
        let other = Both::of(expression, &write(&value, style));
        assert_agree(&outcome.matches, &other.matches);
        match (&outcome.select, &other.select) {
            (Outcome::Value(one), Outcome::Value(other)) => assert_same_text(one, other),
            (Outcome::Undecided, _) | (_, Outcome::Undecided) => {}
            (one, other) => assert_eq!(one, other),
        }
    }
}

/// Whether a text has two surrogates side by side that, escaped, would be one character.
fn has_parted_surrogates(value: &Json) -> bool {
    let is_parted = |pair: &[u32]| (0xD800..0xDC00).contains(&pair[0]) && (0xDC00..0xE000).contains(&pair[1]);
    match value {
        Json::Text(text) => text.windows(2).any(is_parted),
        Json::Array(elements) => elements.iter().any(has_parted_surrogates),
        Json::Object(members) => {
            members.iter().any(|(key, value)| key.windows(2).any(is_parted) || has_parted_surrogates(value))
        }
        Json::Null | Json::Bool(_) | Json::Int(_) | Json::Float(_) => false,
    }
}
