//! JMESPath over the bytes of an event, with the results of Python's `jmespath` 1.1 on `json.loads(data)`.
//!
//! It gives a result only where it is sure of it. Otherwise the result is `Undecided`, and Python must evaluate.
//!
//! Scanning checks the whole text, and notes where each token is. Evaluation then hops from token to token, and reads
//! what the expression asks for.

mod compare;
mod evaluate;
mod form;
mod functions;
mod needle;
mod numbers;
pub(crate) mod outcome;
pub mod scan;
pub(crate) mod shape;
pub mod signature;
pub(crate) mod strings;
#[cfg(test)]
mod tests;
pub mod tree;
pub(crate) mod value;
pub(crate) mod write;

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
        if is_simple && self.is_surely_false(data) {
            return Outcome::Value(false);
        }
        self.evaluate(data, is_simple, scratch, |value| Ok(value.is_true())).into()
    }

    /// Whether it is false of the data, which are simple (`strings::is_simple`), as far as can be told without scanning.
    pub(crate) fn is_surely_false(&self, data: &[u8]) -> bool {
        self.needle.as_ref().is_some_and(|needle| needle.find(data).is_none())
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
        let document = scratch.scan(data, is_simple)?;
        finish(self.value(&document)?)
    }

    /// The expression's value on a document.
    pub(crate) fn value<'a>(&'a self, document: &'a Document<'a>) -> Result<Value<'a>> {
        self.check_fits(document)?;
        evaluate::evaluate(&self.tree, document.root()?, document.arena)
    }

    /// If all that it does begins with a member of the document's object: the member's key.
    pub(crate) fn member(&self) -> Option<&[u8]> {
        match &self.tree {
            Tree::Field(name) => Some(name),
            Tree::Steps(steps) => match &**steps {
                [Tree::Field(name), ..] => Some(name),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether its value on a document is that of its `member`, whatever that is.
    #[inline]
    pub(crate) fn is_member(&self, document: &Document<'_>) -> bool {
        matches!(self.tree, Tree::Field(_)) && self.check_fits(document).is_ok()
    }

    /// The expression's value on a document, given the value of its `member`.
    pub(crate) fn value_of_member<'a>(&'a self, document: &'a Document<'a>, member: Value<'a>) -> Result<Value<'a>> {
        self.check_fits(document)?;
        match &self.tree {
            Tree::Steps(steps) => {
                steps[1..].iter().try_fold(member, |value, tree| evaluate::evaluate(tree, value, document.arena))
            }
            _ => Ok(member),
        }
    }

    /// Fails where Python's stack may be too small for the expression on so deep a document.
    fn check_fits(&self, document: &Document<'_>) -> Result<()> {
        if self.stack + document.depth > SURELY_FITTING { Err(NoValue::Undecided) } else { Ok(()) }
    }
}

impl Scratch {
    /// Scans a document. `is_simple`: what `strings::is_simple` says of the data.
    pub(crate) fn scan<'a>(&'a mut self, data: &'a [u8], is_simple: bool) -> Result<Document<'a>> {
        self.clear();
        self.tape.scan(data, is_simple)?;
        let form = self.tape.form();
        let Tape { tokens, depth, takes_long, .. } = &self.tape;
        Ok(Document { data, tokens, depth: *depth, takes_long: *takes_long, form, arena: &self.arena })
    }

    /// Memory for documents whose integers may be of any length.
    pub(crate) fn taking_long() -> Self {
        let mut scratch = Self::default();
        scratch.tape.takes_long = true;
        scratch
    }

    /// Forgets the last event. What a large one took is freed.
    fn clear(&mut self) {
        const MOST_KEPT: usize = 1 << 20;
        if self.tape.size() + self.arena.allocated_bytes() > MOST_KEPT {
            self.tape.shrink();
            self.arena = Bump::new();
        } else {
            self.arena.reset();
        }
    }
}
