//! The functions that evaluate an expression on each element of an array.

use std::cmp::Ordering;

use bumpalo::Bump;
use bumpalo::collections::Vec;

use super::evaluate::evaluate;
use super::function::KeyFunction;
use super::functions::{array, sort};
use super::tree::Tree;
use super::value::Value;
use super::{Result, Stop, compare, numbers};

/// The function's value.
pub fn call<'a>(function: KeyFunction, value: Value<'a>, key: &'a Tree, arena: &'a Bump) -> Result<Value<'a>> {
    let elements = array(value)?;
    let mut keyed = Vec::with_capacity_in(elements.len(), arena);
    for element in elements.iter() {
        let element = element?;
        keyed.push((evaluate(key, element, arena)?, element));
    }
    match function {
        KeyFunction::Map => Ok(Value::array(Vec::from_iter_in(keyed.into_iter().map(|(key, _)| key), arena))),
        KeyFunction::MaxBy => extreme(&keyed, Ordering::Greater),
        KeyFunction::MinBy => extreme(&keyed, Ordering::Less),
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
    if are_numbers || are_texts { Ok(()) } else { Err(Stop::Failed) }
}

/// The first element whose key no other's comes before in the order given.
fn extreme<'a>(keyed: &[(Value<'a>, Value<'a>)], wanted: Ordering) -> Result<Value<'a>> {
    check_keys(keyed)?;
    let Some((&(mut found_key, mut found), others)) = keyed.split_first() else { return Ok(Value::Null) };
    for &(key, element) in others {
        if compare::order(key, found_key)? == Some(wanted) {
            (found_key, found) = (key, element);
        }
    }
    Ok(found)
}
