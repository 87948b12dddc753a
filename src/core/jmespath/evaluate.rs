//! The value of an expression on a value: nodes are visited as `jmespath`'s `TreeInterpreter` visits them.

use std::cmp::Ordering;

use bumpalo::Bump;
use bumpalo::collections::Vec;

use super::functions::{self, array, sort};
use super::outcome::{NoValue, Result};
use super::scan::Scanned;
use super::signature::KeyFunction;
use super::tree::{Literal, Slice, Tree};
use super::value::{Document, Int, Value, keep_last};
use super::{compare, numbers};

/// Evaluates an expression on a value. What is made on the way is in `arena`.
#[inline]
pub fn evaluate<'a>(tree: &'a Tree, value: Value<'a>, arena: &'a Bump) -> Result<Value<'a>> {
    match tree {
        Tree::Current => Ok(value),
        Tree::Field(name) => field(name, value),
        Tree::Literal(Literal::Text(text)) => Ok(Value::Text(text)),
        Tree::Literal(Literal::Int(int)) => Ok(Value::Int(Int(*int))),
        _ => evaluate_compound(tree, value, arena),
    }
}

/// The same. It is apart, so that the commonest nodes cost no call.
fn evaluate_compound<'a>(tree: &'a Tree, value: Value<'a>, arena: &'a Bump) -> Result<Value<'a>> {
    let of = |tree: &'a Tree| evaluate(tree, value, arena);
    match tree {
        Tree::Current | Tree::Field(_) => evaluate(tree, value, arena),
        Tree::Steps(trees) => trees.iter().try_fold(value, |value, tree| evaluate(tree, value, arena)),
        Tree::Index(index) => element(*index, value),
        Tree::Slice(slice) => sliced(slice, value, arena),
        Tree::Literal(literal) => literal_value(literal, arena),
        Tree::Compare(comparator, sides) => compare::compare(*comparator, of(&sides[0])?, of(&sides[1])?),
        Tree::Or(sides) => {
            let first = of(&sides[0])?;
            if first.is_true() { Ok(first) } else { of(&sides[1]) }
        }
        Tree::And(sides) => {
            let first = of(&sides[0])?;
            if first.is_true() { of(&sides[1]) } else { Ok(first) }
        }
        Tree::Not(operand) => Ok(Value::Bool(!of(operand)?.is_true())),
        Tree::Flatten(base) => flattened(of(base)?, arena),
        Tree::Projection(parts) => match of(&parts[0])? {
            Value::Array(array) => projected(array.iter(), &parts[1], arena),
            _ => Ok(Value::Null),
        },
        Tree::ValueProjection(parts) => match of(&parts[0])? {
            Value::Object(object) => {
                let members = object.members()?;
                projected(members.iter().map(|&(_, value)| Ok(value)), &parts[1], arena)
            }
            _ => Ok(Value::Null),
        },
        Tree::FilterProjection(parts) => filtered(parts, of(&parts[0])?, arena),
        Tree::List(_) | Tree::Object(_) if matches!(value, Value::Null) => Ok(Value::Null),
        Tree::List(trees) => evaluate_all(trees, value, arena).map(Value::array),
        Tree::Object(members) => object(members, value, arena),
        Tree::Call(function, arguments) => functions::call(*function, &evaluate_all(arguments, value, arena)?, arena),
        Tree::CallWithKey(function, keyed) => call_with_key(*function, of(&keyed.array)?, &keyed.key, arena),
    }
}

#[inline(never)]
fn evaluate_all<'a>(trees: &'a [Tree], value: Value<'a>, arena: &'a Bump) -> Result<Vec<'a, Value<'a>>> {
    let mut values = Vec::with_capacity_in(trees.len(), arena);
    for tree in trees {
        values.push(evaluate(tree, value, arena)?);
    }
    Ok(values)
}

fn field<'a>(name: &[u8], value: Value<'a>) -> Result<Value<'a>> {
    match value {
        Value::Object(object) => Ok(object.get(name)?.unwrap_or(Value::Null)),
        _ => Ok(Value::Null),
    }
}

fn element(index: i64, value: Value<'_>) -> Result<Value<'_>> {
    let Value::Array(array) = value else { return Ok(Value::Null) };
    let from_start = if index < 0 { index.saturating_add(array.len() as i64) } else { index };
    match usize::try_from(from_start) {
        Ok(index) => Ok(array.get(index)?.unwrap_or(Value::Null)),
        Err(_) => Ok(Value::Null),
    }
}

#[inline(never)]
fn sliced<'a>(slice: &Slice, value: Value<'a>, arena: &'a Bump) -> Result<Value<'a>> {
    let Value::Array(array) = value else { return Ok(Value::Null) };
    let elements = array.to_slice(arena)?;
    Ok(Value::array(Vec::from_iter_in(slice.indices(elements.len())?.map(|index| elements[index]), arena)))
}

fn literal_value<'a>(literal: &'a Literal, arena: &'a Bump) -> Result<Value<'a>> {
    match literal {
        Literal::Null => Ok(Value::Null),
        Literal::Bool(value) => Ok(Value::Bool(*value)),
        Literal::Int(value) => Ok(Value::Int(Int(*value))),
        Literal::Float(value) => Ok(Value::Float(*value)),
        Literal::Text(text) => Ok(Value::Text(text)),
        Literal::Json(json) => {
            let Scanned { data, tape } = json;
            arena
                .alloc(Document { data, tokens: &tape.tokens, depth: tape.depth, takes_long: false, form: None, arena })
                .root()
        }
    }
}

#[inline(never)]
fn flattened<'a>(base: Value<'a>, arena: &'a Bump) -> Result<Value<'a>> {
    let Value::Array(array) = base else { return Ok(Value::Null) };
    let mut elements = Vec::with_capacity_in(array.len(), arena);
    for element in array.iter() {
        match element? {
            Value::Array(inner) => {
                for element in inner.iter() {
                    elements.push(element?);
                }
            }
            element => elements.push(element),
        }
    }
    Ok(Value::array(elements))
}

/// The expression's values on the elements, without nulls.
#[inline(never)]
fn projected<'a>(
    elements: impl Iterator<Item = Result<Value<'a>>>,
    right: &'a Tree,
    arena: &'a Bump,
) -> Result<Value<'a>> {
    let mut collected = Vec::new_in(arena);
    for element in elements {
        let value = evaluate(right, element?, arena)?;
        if !matches!(value, Value::Null) {
            collected.push(value);
        }
    }
    Ok(Value::array(collected))
}

#[inline(never)]
fn filtered<'a>(parts: &'a [Tree; 3], base: Value<'a>, arena: &'a Bump) -> Result<Value<'a>> {
    let [_, right, condition] = parts;
    let Value::Array(array) = base else { return Ok(Value::Null) };
    let mut collected = Vec::new_in(arena);
    for element in array.iter() {
        let element = element?;
        if evaluate(condition, element, arena)?.is_true() {
            let value = evaluate(right, element, arena)?;
            if !matches!(value, Value::Null) {
                collected.push(value);
            }
        }
    }
    Ok(Value::array(collected))
}

#[inline(never)]
fn object<'a>(members: &'a [(Box<[u8]>, Tree)], value: Value<'a>, arena: &'a Bump) -> Result<Value<'a>> {
    let mut made = Vec::with_capacity_in(members.len(), arena);
    for (key, tree) in members {
        made.push((&**key, evaluate(tree, value, arena)?));
    }
    keep_last(&mut made);
    Ok(Value::object(made))
}

/// The value of a function that evaluates an expression on each element of an array.
#[inline(never)]
fn call_with_key<'a>(function: KeyFunction, value: Value<'a>, key: &'a Tree, arena: &'a Bump) -> Result<Value<'a>> {
    let elements = array(value)?;
    let mut keyed = Vec::with_capacity_in(elements.len(), arena);
    for element in elements.iter() {
        let element = element?;
        keyed.push((evaluate(key, element, arena)?, element));
    }
    match function {
        KeyFunction::Map => Ok(Value::array(Vec::from_iter_in(keyed.into_iter().map(|(key, _)| key), arena))),
        KeyFunction::MaxBy => extreme_by(&keyed, Ordering::Greater),
        KeyFunction::MinBy => extreme_by(&keyed, Ordering::Less),
        KeyFunction::SortBy => {
            check_keys(&keyed)?;
            sort(&mut keyed)?;
            Ok(Value::array(Vec::from_iter_in(keyed.into_iter().map(|(_, element)| element), arena)))
        }
    }
}

/// Fails unless the keys are all numbers or all texts.
fn check_keys(keyed: &[(Value<'_>, Value<'_>)]) -> Result<()> {
    let are_numbers = keyed.iter().all(|(key, _)| numbers::is_number(*key));
    let are_texts = keyed.iter().all(|(key, _)| matches!(key, Value::Text(_)));
    if are_numbers || are_texts { Ok(()) } else { Err(NoValue::Failed) }
}

/// The first element with the greatest key, or the least, as `wanted` says.
fn extreme_by<'a>(keyed: &[(Value<'a>, Value<'a>)], wanted: Ordering) -> Result<Value<'a>> {
    check_keys(keyed)?;
    let Some((&(mut found_key, mut found), others)) = keyed.split_first() else { return Ok(Value::Null) };
    for &(key, element) in others {
        if compare::order(key, found_key)? == Some(wanted) {
            (found_key, found) = (key, element);
        }
    }
    Ok(found)
}

impl Slice {
    /// The indices that the slice takes of so many elements, as Python's `slice.indices` gives them.
    fn indices(&self, length: usize) -> Result<impl Iterator<Item = usize> + use<>> {
        let length = length as i64;
        let step = self.step.unwrap_or(1);
        if step == 0 {
            return Err(NoValue::Failed);
        }
        let (lowest, highest) = if step < 0 { (-1, length - 1) } else { (0, length) };
        let within = |index: i64| {
            let from_start = if index < 0 { index.saturating_add(length) } else { index };
            from_start.clamp(lowest, highest)
        };
        let (first, last) = if step < 0 { (highest, lowest) } else { (lowest, highest) };
        let start = self.start.map_or(first, within);
        let stop = self.stop.map_or(last, within);
        let mut next = Some(start);
        Ok(std::iter::from_fn(move || {
            let index = next.filter(|&index| if step < 0 { index > stop } else { index < stop })?;
            next = index.checked_add(step);
            usize::try_from(index).ok()
        }))
    }
}
