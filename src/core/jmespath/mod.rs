//! JMESPath over the bytes of an event, with the results of Python's `jmespath` 1.1 on `json.loads(data)`.
//!
//! It gives a result only where it is sure of it. Otherwise the result is `Undecided`, and Python must evaluate.
//!
//! Scanning checks the whole text, and notes where each token is. Evaluation then hops from token to token, and reads
//! what the expression asks for.

mod compare;
mod evaluate;
mod functions;
mod needle;
mod numbers;
mod outcome;
pub mod scan;
pub mod signature;
mod strings;
#[cfg(test)]
mod tests;
pub mod tree;
mod value;
mod write;

use bumpalo::Bump;
use memchr::memmem::Finder;

use outcome::{NoValue, Result};
use scan::Tape;
use tree::Tree;
use value::{Document, Value};

pub use outcome::Outcome;

/// An expression, ready to be evaluated by any number of threads at once.
#[derive(Debug)]
pub struct Expression {
    tree: Tree,
    stack: usize,
    needle: Option<Finder<'static>>,
}

/// Memory that is used again from event to event. Each thread has its own.
#[derive(Debug, Default)]
pub struct Scratch {
    tape: Tape,
    arena: Bump,
}

/// Python's stack has room for 1,000 frames. An evaluation that might come near is left to Python.
const SURELY_FITTING: usize = 900;

impl Expression {
    /// Makes an expression of its tree.
    pub fn new(tree: Tree) -> Self {
        let stack = tree.frames() + tree.levels();
        let needle = needle::needle(&tree).map(|text| Finder::new(text).into_owned());
        Self { tree, stack, needle }
    }

    /// Whether the expression is true of the data, as JMESPath defines it: null, false, "", [] and {} are false.
    ///
    /// If it can only be true of data with a certain text, and the data do not have it, it is false, JSON or not.
    pub fn matches(&self, data: &[u8], scratch: &mut Scratch) -> Outcome<bool> {
        let is_simple = strings::is_simple(data);
        if is_simple && self.needle.as_ref().is_some_and(|needle| needle.find(data).is_none()) {
            return Outcome::Value(false);
        }
        self.evaluate(data, is_simple, scratch, |value| Ok(value.is_true())).into()
    }

    /// Appends the expression's value to `out`, as `json.dumps(value, separators=(",", ":"))` writes it; appends
    /// nothing unless the outcome is a value.
    pub fn select(&self, data: &[u8], scratch: &mut Scratch, out: &mut Vec<u8>) -> Outcome<()> {
        let start = out.len();
        let written = self.evaluate(data, strings::is_simple(data), scratch, |value| write::write(value, out));
        if written.is_err() {
            out.truncate(start);
        }
        written.into()
    }

    fn evaluate<T>(
        &self,
        data: &[u8],
        is_simple: bool,
        scratch: &mut Scratch,
        finish: impl FnOnce(Value<'_>) -> Result<T>,
    ) -> Result<T> {
        scratch.clear();
        let Scratch { tape, arena } = scratch;
        tape.scan(data, is_simple)?;
        if self.stack + tape.depth > SURELY_FITTING {
            return Err(NoValue::Undecided);
        }
        let document = Document { data, tokens: &tape.tokens, arena };
        finish(evaluate::evaluate(&self.tree, document.root()?, arena)?)
    }
}

impl Scratch {
    /// Forgets the last event. What a large one took is freed.
    fn clear(&mut self) {
        const MOST_KEPT: usize = 1 << 20;
        if self.tape.size() + self.arena.allocated_bytes() > MOST_KEPT {
            *self = Self::default();
        } else {
            self.arena.reset();
        }
    }
}
