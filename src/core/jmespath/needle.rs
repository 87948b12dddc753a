//! A text that data must have if an expression is to be true of them. In data without escapes, looking for its bytes is
//! much cheaper than scanning. And most filters are false of most events.

use super::signature::Function;
use super::tree::{Comparator, Literal, Tree};

/// A text that must be in a string of the data if the expression, on the data or on a part of them, is true.
pub fn needle(tree: &Tree) -> Option<&[u8]> {
    match tree {
        Tree::Compare(Comparator::Equal, sides) => match &**sides {
            [part, Tree::Literal(Literal::Text(text))] | [Tree::Literal(Literal::Text(text)), part]
                if is_part(part) =>
            {
                Some(text)
            }
            _ => None,
        },
        Tree::Call(Function::Contains | Function::StartsWith | Function::EndsWith, arguments) => match &**arguments {
            [part, Tree::Literal(Literal::Text(text))] if is_part(part) => Some(text),
            _ => None,
        },
        Tree::And(sides) => longer(needle(&sides[0]), needle(&sides[1])),
        Tree::FilterProjection(parts) if is_part(&parts[0]) => needle(&parts[2]),
        Tree::Steps(trees) => {
            let (last, before) = trees.split_last()?;
            if before.iter().all(is_part) { needle(last) } else { None }
        }
        _ => None,
    }
}

fn longer<'a>(left: Option<&'a [u8]>, right: Option<&'a [u8]>) -> Option<&'a [u8]> {
    if right.map_or(0, <[u8]>::len) > left.map_or(0, <[u8]>::len) { right } else { left }
}

/// Whether all texts in the tree's value are strings (not keys) of the data that it is evaluated on.
fn is_part(tree: &Tree) -> bool {
    match tree {
        Tree::Current | Tree::Field(_) | Tree::Index(_) | Tree::Slice(_) => true,
        Tree::Steps(trees) => trees.iter().all(is_part),
        Tree::Flatten(base) => is_part(base),
        Tree::Projection(parts) | Tree::ValueProjection(parts) => parts.iter().all(is_part),
        Tree::FilterProjection(parts) => parts[..2].iter().all(is_part),
        _ => false,
    }
}
