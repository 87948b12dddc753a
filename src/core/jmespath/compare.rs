//! When two values are equal, and which comes first, as Python's `jmespath` says.

use std::cmp::Ordering;

use super::numbers;
use super::outcome::{NoValue, Result};
use super::tree::Comparator;
use super::value::{Array, Object, Pair, Value};

/// What a comparison gives.
pub fn compare<'a>(comparator: Comparator, left: Value<'a>, right: Value<'a>) -> Result<Value<'a>> {
    let is_right: fn(Ordering) -> bool = match comparator {
        Comparator::Equal => return Ok(Value::Bool(equal(left, right)?)),
        Comparator::NotEqual => return Ok(Value::Bool(!equal(left, right)?)),
        Comparator::Less => Ordering::is_lt,
        Comparator::LessOrEqual => Ordering::is_le,
        Comparator::Greater => Ordering::is_gt,
        Comparator::GreaterOrEqual => Ordering::is_ge,
    };
    if !is_ordered(left) || !is_ordered(right) {
        return Ok(Value::Null);
    }
    Ok(Value::Bool(order(left, right)?.is_some_and(is_right)))
}

/// Whether the value is a number or a text.
fn is_ordered(value: Value<'_>) -> bool {
    numbers::is_number(value) || matches!(value, Value::Text(_))
}

/// How two numbers, or two texts, are ordered. None if one is NaN. Comparing a number with a text fails.
pub fn order(left: Value<'_>, right: Value<'_>) -> Result<Option<Ordering>> {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => Ok(Some(left.cmp(right))),
        (Value::Text(_), _) | (_, Value::Text(_)) => Err(NoValue::Failed),
        _ => Ok(numbers::compare(left, right)),
    }
}

/// Whether `left == right`: a bool equals no number, unlike in Python.
fn equal<'a>(left: Value<'a>, right: Value<'a>) -> Result<bool> {
    match (left, right) {
        (Value::Bool(_), number) | (number, Value::Bool(_)) if numbers::is_number(number) => Ok(false),
        (Value::Float(left), Value::Float(right)) => Ok(left == right),
        _ => is_same(left, right),
    }
}

/// Whether two elements of arrays, or values of objects, are the same or equal in Python. There `true` equals 1, and
/// NaN is the same as NaN.
pub fn is_same<'a>(left: Value<'a>, right: Value<'a>) -> Result<bool> {
    Ok(match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Text(left), Value::Text(right)) => left == right,
        (Value::Array(left), Value::Array(right)) => return are_same_arrays(left, right),
        (Value::Object(left), Value::Object(right)) => return are_same_objects(left, right),
        (Value::Float(left), Value::Float(right)) => left == right || (left.is_nan() && right.is_nan()),
        _ => numbers::compare(left, right) == Some(Ordering::Equal),
    })
}

fn are_same_arrays<'a>(left: Array<'a>, right: Array<'a>) -> Result<bool> {
    // Python too looks first whether it is the same thing. Otherwise a value that holds one thing twice, which holds
    // one thing twice, and so on, would take for ever.
    if let (Array::Made(left), Array::Made(right)) = (left, right)
        && std::ptr::eq(left, right)
    {
        return Ok(true);
    }
    if left.len() != right.len() {
        return Ok(false);
    }
    for (left, right) in left.iter().zip(right.iter()) {
        if !is_same(left?, right?)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn are_same_objects<'a>(left: Object<'a>, right: Object<'a>) -> Result<bool> {
    if let (Object::Made(left), Object::Made(right)) = (left, right)
        && std::ptr::eq(left, right)
    {
        return Ok(true);
    }
    let (left, right) = (by_key(left)?, by_key(right)?);
    if left.len() != right.len() {
        return Ok(false);
    }
    for ((left_key, left), (right_key, right)) in left.into_iter().zip(right) {
        if left_key != right_key || !is_same(left, right)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn by_key<'a>(object: Object<'a>) -> Result<Vec<Pair<'a>>> {
    let mut members = object.members()?.to_vec();
    members.sort_unstable_by_key(|member| member.0);
    Ok(members)
}
