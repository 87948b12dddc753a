//! An expression as a tree, of the nodes that Python's `jmespath` parses a text into.

use super::scan::Scanned;
use super::signature::{Function, KeyFunction, Summing};

/// An expression. Texts are in UTF-8, in which a lone surrogate is a character of three bytes, as in all of `jmespath`.
#[derive(Debug)]
pub enum Tree {
    /// `@`, and the right side of a projection that ends there: the value itself.
    Current,
    /// An object's value of this key.
    Field(Box<[u8]>),
    /// `a.b`, `a[0]`, `a | b`: each on the value of the one before.
    Steps(Box<[Tree]>),
    /// An array's element, from the end if negative.
    Index(i64),
    /// `[start:stop:step]`.
    Slice(Slice),
    /// `` `…` `` or `'…'`.
    Literal(Literal),
    /// A comparison of two values.
    Compare(Comparator, Box<[Tree; 2]>),
    /// `a || b`.
    Or(Box<[Tree; 2]>),
    /// `a && b`.
    And(Box<[Tree; 2]>),
    /// `!a`.
    Not(Box<Tree>),
    /// `a[]`: the arrays in an array opened.
    Flatten(Box<Tree>),
    /// `a[*].b`: the second on each element of the first.
    Projection(Box<[Tree; 2]>),
    /// `a.*.b`: the second on each value of the first.
    ValueProjection(Box<[Tree; 2]>),
    /// `a[?c].b`: the second on each element of the first of which the third is true.
    FilterProjection(Box<[Tree; 3]>),
    /// `[a, b]`.
    List(Box<[Tree]>),
    /// `{x: a, y: b}`. Of several with one key the last counts, where the first stands.
    Object(Box<[(Box<[u8]>, Tree)]>),
    /// A function's value.
    Call(Function, Box<[Tree]>),
    /// `sort_by(array, &key)` and its like, which evaluate `key` on each element of `array`.
    CallWithKey(KeyFunction, Box<Keyed>),
}

/// The arguments of a function that evaluates an expression on each element of an array.
#[derive(Debug)]
pub struct Keyed {
    /// Gives the array.
    pub array: Tree,
    /// What is evaluated on each element.
    pub key: Tree,
}

/// A slice's three numbers, as Python's.
#[derive(Debug, Clone, Copy)]
pub struct Slice {
    /// Where it begins.
    pub start: Option<i64>,
    /// Before which element it ends.
    pub stop: Option<i64>,
    /// How far it is from one element to the next.
    pub step: Option<i64>,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A value that stands in the expression.
#[derive(Debug)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Literal {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Box<[u8]>),
    /// An array or an object.
    Json(Scanned),
}

/// An argument of a function.
#[derive(Debug)]
pub enum Argument {
    /// An expression, whose value is given.
    Value(Tree),
    /// `&expression`, which the function evaluates itself.
    Reference(Tree),
}

impl Tree {
    /// A function's call. None where no function of the name takes such arguments.
    pub fn call(name: &str, arguments: Vec<Argument>, summing: Summing) -> Option<Self> {
        if let Some(function) = KeyFunction::of_name(name) {
            let (array, key) = function.array_and_key(arguments)?;
            return Some(Self::CallWithKey(function, Box::new(Keyed { array, key })));
        }
        let function = Function::of_name(name, summing)?;
        let values: Option<Vec<Self>> = arguments.into_iter().map(Argument::value).collect();
        values.filter(|values| function.takes(values.len())).map(|values| Self::Call(function, values.into()))
    }
}

impl KeyFunction {
    /// Its two arguments, if it takes such.
    fn array_and_key(self, arguments: Vec<Argument>) -> Option<(Tree, Tree)> {
        let [first, second] = <[Argument; 2]>::try_from(arguments).ok()?;
        match (self, first, second) {
            (Self::Map, Argument::Reference(key), Argument::Value(array)) => Some((array, key)),
            (Self::Map, ..) => None,
            (_, Argument::Value(array), Argument::Reference(key)) => Some((array, key)),
            _ => None,
        }
    }
}

impl Argument {
    /// The expression whose value is given.
    fn value(self) -> Option<Tree> {
        match self {
            Self::Value(tree) => Some(tree),
            Self::Reference(_) => None,
        }
    }
}

/// What an evaluation by `jmespath` needs of Python's stack, at most.
impl Tree {
    /// How many frames there are at a time, at most.
    pub fn frames(&self) -> usize {
        /// `visit` and the node's own method.
        const NODE: usize = 2;
        /// `call_function`, the function, and what it calls for each element.
        const CALL: usize = 6;
        let deepest = |trees: &[Self]| trees.iter().map(Self::frames).max().unwrap_or(0);
        let below = match self {
            Self::Current | Self::Field(_) | Self::Index(_) | Self::Slice(_) | Self::Literal(_) => 0,
            Self::Steps(trees) | Self::List(trees) => deepest(trees),
            Self::Compare(_, sides) | Self::Or(sides) | Self::And(sides) => deepest(&**sides),
            Self::Projection(parts) | Self::ValueProjection(parts) => deepest(&**parts),
            Self::FilterProjection(parts) => deepest(&**parts),
            Self::Not(tree) | Self::Flatten(tree) => tree.frames(),
            Self::Object(members) => NODE + members.iter().map(|(_, tree)| tree.frames()).max().unwrap_or(0),
            Self::Call(_, arguments) => CALL + deepest(arguments),
            Self::CallWithKey(_, keyed) => CALL + keyed.array.frames().max(NODE + keyed.key.frames()),
        };
        NODE + below
    }

    /// How many levels deeper a value may nest than the one that the expression is evaluated on. Comparing and writing
    /// take a frame for each level.
    pub fn levels(&self) -> usize {
        let deepest = |trees: &[Self]| trees.iter().map(Self::levels).max().unwrap_or(0);
        match self {
            Self::Current | Self::Field(_) | Self::Index(_) | Self::Slice(_) => 0,
            Self::Literal(Literal::Json(json)) => json.tape.depth,
            Self::Literal(_) => 0,
            Self::Steps(trees) => trees.iter().map(Self::levels).sum(),
            Self::Compare(_, sides) | Self::Or(sides) | Self::And(sides) => deepest(&**sides),
            Self::Not(tree) | Self::Flatten(tree) => tree.levels(),
            Self::Projection(parts) | Self::ValueProjection(parts) => parts.iter().map(Self::levels).sum(),
            Self::FilterProjection(parts) => parts.iter().map(Self::levels).sum(),
            Self::List(trees) => 1 + deepest(trees),
            Self::Object(members) => 1 + members.iter().map(|(_, tree)| tree.levels()).max().unwrap_or(0),
            Self::Call(_, arguments) => 1 + deepest(arguments),
            Self::CallWithKey(_, keyed) => 1 + keyed.array.levels() + keyed.key.levels(),
        }
    }
}
