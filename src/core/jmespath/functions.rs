//! JMESPath's functions on values, as Python's `jmespath` has them.

use std::cmp::Ordering;

use bumpalo::Bump;
use bumpalo::collections::Vec;

use super::outcome::{NoValue, Result};
use super::signature::{Function, Summing};
use super::value::{Array, Int, Object, Value, keep_last};
use super::write::write;
use super::{compare, numbers, strings};

/// The function's value. There are as many arguments as it takes.
pub fn call<'a>(function: Function, arguments: &[Value<'a>], arena: &'a Bump) -> Result<Value<'a>> {
    let first = arguments[0];
    match function {
        Function::Abs => absolute(first),
        Function::Avg(summing) => average(numbers_of(first, arena)?, summing),
        Function::Ceil => rounded(first, f64::ceil),
        Function::Contains => contains(first, arguments[1]),
        Function::EndsWith => Ok(Value::Bool(text(first)?.ends_with(text(arguments[1])?))),
        Function::Floor => rounded(first, f64::floor),
        Function::Join => join(text(first)?, array(arguments[1])?, arena),
        Function::Keys => {
            Ok(Value::array(Vec::from_iter_in(object(first)?.keys(arena).into_iter().map(Value::Text), arena)))
        }
        Function::Length => length(first),
        Function::Max => extreme(first, Ordering::Greater, arena),
        Function::Merge => merge(arguments, arena),
        Function::Min => extreme(first, Ordering::Less, arena),
        Function::NotNull => {
            Ok(arguments.iter().copied().find(|value| !matches!(value, Value::Null)).unwrap_or(Value::Null))
        }
        Function::Reverse => reversed(first, arena),
        Function::Sort => sorted(first, arena),
        Function::StartsWith => Ok(Value::Bool(text(first)?.starts_with(text(arguments[1])?))),
        Function::Sum(summing) => sum(numbers_of(first, arena)?, summing),
        Function::ToArray => match first {
            Value::Array(_) => Ok(first),
            _ => Ok(Value::Array(Array::Made(arena.alloc_slice_copy(&[first])))),
        },
        Function::ToNumber => match first {
            Value::Int(_) | Value::Float(_) => Ok(first),
            Value::Text(text) => numbers::parse(text),
            _ => Ok(Value::Null),
        },
        Function::ToString => to_string(first, arena),
        Function::Type => Ok(Value::Text(type_name(first))),
        Function::Values => {
            let members = object(first)?.members()?;
            Ok(Value::array(Vec::from_iter_in(members.iter().map(|member| member.1), arena)))
        }
    }
}

fn text(value: Value<'_>) -> Result<&[u8]> {
    if let Value::Text(text) = value { Ok(text) } else { Err(NoValue::Failed) }
}

/// The value, which must be an array.
pub fn array(value: Value<'_>) -> Result<Array<'_>> {
    if let Value::Array(array) = value { Ok(array) } else { Err(NoValue::Failed) }
}

fn object(value: Value<'_>) -> Result<Object<'_>> {
    if let Value::Object(object) = value { Ok(object) } else { Err(NoValue::Failed) }
}

/// The elements of an array of numbers.
fn numbers_of<'a>(value: Value<'a>, arena: &'a Bump) -> Result<&'a [Value<'a>]> {
    let elements = array(value)?.to_slice(arena)?;
    if elements.iter().all(|&element| numbers::is_number(element)) { Ok(elements) } else { Err(NoValue::Failed) }
}

/// The elements of an array that are all numbers or all texts.
fn comparable<'a>(value: Value<'a>, arena: &'a Bump) -> Result<&'a [Value<'a>]> {
    let elements = array(value)?.to_slice(arena)?;
    let are_texts = elements.iter().all(|element| matches!(element, Value::Text(_)));
    if are_texts { Ok(elements) } else { numbers_of(value, arena) }
}

fn absolute(value: Value<'_>) -> Result<Value<'_>> {
    match value {
        Value::Int(Int(int)) => int.checked_abs().map(|int| Value::Int(Int(int))).ok_or(NoValue::Undecided),
        Value::Float(float) => numbers::checked(float.abs()),
        _ => Err(NoValue::Failed),
    }
}

fn rounded(value: Value<'_>, round: fn(f64) -> f64) -> Result<Value<'_>> {
    match value {
        Value::Int(_) => Ok(value),
        Value::Float(float) => numbers::to_int(round(float)).map(|int| Value::Int(Int(int))),
        _ => Err(NoValue::Failed),
    }
}

/// Python's sum.
fn sum(numbers: &[Value<'_>], summing: Summing) -> Result<Value<'static>> {
    let mut ints = 0_i128;
    for (index, &number) in numbers.iter().enumerate() {
        let Value::Int(Int(int)) = number else { return sum_from_float(ints, &numbers[index..], summing) };
        ints = ints.checked_add(int).ok_or(NoValue::Undecided)?;
    }
    Ok(Value::Int(Int(ints)))
}

/// The sum from the first float on. From Python 3.12 on, what rounding loses is added at the end. Whether that holds
/// for an integer depends on the version, and on how long it is. Where it makes a difference, Python must sum.
fn sum_from_float(ints: i128, numbers: &[Value<'_>], summing: Summing) -> Result<Value<'static>> {
    let mut sum = ints as f64;
    let (mut lost, mut lost_with_ints) = (0.0, 0.0);
    let mut are_short = i64::try_from(ints).is_ok();
    for (index, &number) in numbers.iter().enumerate() {
        let (number, is_int) = match number {
            Value::Int(Int(int)) => {
                are_short &= i64::try_from(int).is_ok();
                (int as f64, true)
            }
            Value::Float(float) => (float, false),
            _ => return Err(NoValue::Failed),
        };
        let next = sum + number;
        let error = if sum.abs() >= number.abs() { (sum - next) + number } else { (number - next) + sum };
        sum = next;
        // The first float is added to an integer: Python does not keep what that loses.
        if index > 0 {
            lost_with_ints += error;
            lost += if is_int { 0.0 } else { error };
        }
    }
    let compensated = |lost: f64| if lost != 0.0 && lost.is_finite() { sum + lost } else { sum };
    match summing {
        Summing::Plain => numbers::checked(sum),
        Summing::Compensated if are_short && compensated(lost) == compensated(lost_with_ints) => {
            numbers::checked(compensated(lost))
        }
        Summing::Compensated => Err(NoValue::Undecided),
    }
}

fn average(numbers: &[Value<'_>], summing: Summing) -> Result<Value<'static>> {
    if numbers.is_empty() {
        return Ok(Value::Null);
    }
    let count = numbers.len() as f64;
    match sum(numbers, summing)? {
        Value::Float(sum) => numbers::checked(sum / count),
        Value::Int(Int(sum)) => {
            let is_exact = sum.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS;
            if is_exact { Ok(Value::Float(sum as f64 / count)) } else { Err(NoValue::Undecided) }
        }
        _ => Err(NoValue::Failed),
    }
}

fn contains<'a>(subject: Value<'a>, search: Value<'a>) -> Result<Value<'a>> {
    match subject {
        Value::Text(subject) => Ok(Value::Bool(memchr::memmem::find(subject, text(search)?).is_some())),
        Value::Array(elements) => {
            for element in elements.iter() {
                if compare::is_same(element?, search)? {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        _ => Err(NoValue::Failed),
    }
}

fn join<'a>(separator: &[u8], elements: Array<'a>, arena: &'a Bump) -> Result<Value<'a>> {
    let mut joined = Vec::new_in(arena);
    for (index, element) in elements.iter().enumerate() {
        if index > 0 {
            joined.extend_from_slice(separator);
        }
        joined.extend_from_slice(text(element?)?);
    }
    Ok(Value::Text(joined.into_bump_slice()))
}

fn length(value: Value<'_>) -> Result<Value<'_>> {
    let length = match value {
        Value::Text(text) => strings::length(text),
        Value::Array(array) => array.len(),
        Value::Object(object) => object.len(),
        _ => return Err(NoValue::Failed),
    };
    Ok(Value::Int(Int(length as i128)))
}

/// The first of the greatest elements, or of the least, as `wanted` says.
fn extreme<'a>(value: Value<'a>, wanted: Ordering, arena: &'a Bump) -> Result<Value<'a>> {
    let mut elements = comparable(value, arena)?.iter().copied();
    let Some(mut found) = elements.next() else { return Ok(Value::Null) };
    for element in elements {
        if compare::order(element, found)? == Some(wanted) {
            found = element;
        }
    }
    Ok(found)
}

/// The arguments' members in one object. After the first argument, Python takes whatever `dict.update` takes.
fn merge<'a>(arguments: &[Value<'a>], arena: &'a Bump) -> Result<Value<'a>> {
    let mut members = Vec::new_in(arena);
    members.extend_from_slice(object(arguments[0])?.members()?);
    for &argument in &arguments[1..] {
        match argument {
            Value::Object(object) => members.extend_from_slice(object.members()?),
            Value::Text([]) => {}
            Value::Array(array) if array.len() == 0 => {}
            Value::Array(_) => return Err(NoValue::Undecided),
            _ => return Err(NoValue::Failed),
        }
    }
    keep_last(&mut members);
    Ok(Value::object(members))
}

fn reversed<'a>(value: Value<'a>, arena: &'a Bump) -> Result<Value<'a>> {
    match value {
        Value::Text(text) => Ok(Value::Text(strings::reverse(text, arena))),
        _ => {
            let elements = array(value)?.to_slice(arena)?;
            Ok(Value::array(Vec::from_iter_in(elements.iter().rev().copied(), arena)))
        }
    }
}

fn sorted<'a>(value: Value<'a>, arena: &'a Bump) -> Result<Value<'a>> {
    let elements = comparable(value, arena)?;
    let mut sorted = Vec::from_iter_in(elements.iter().map(|&element| (element, element)), arena);
    sort(&mut sorted)?;
    Ok(Value::array(Vec::from_iter_in(sorted.into_iter().map(|(_, element)| element), arena)))
}

/// Sorts elements by the keys before them, which are all numbers or all texts. Equal ones stay in their order. Where
/// NaN ends up depends on Python's way of sorting.
pub fn sort(elements: &mut [(Value<'_>, Value<'_>)]) -> Result<()> {
    let is_nan = |key: Value<'_>| matches!(key, Value::Float(float) if float.is_nan());
    if elements.len() > 1 && elements.iter().any(|(key, _)| is_nan(*key)) {
        return Err(NoValue::Undecided);
    }
    elements.sort_by(|(left, _), (right, _)| match (left, right) {
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        _ => numbers::compare(*left, *right).unwrap_or(Ordering::Equal),
    });
    Ok(())
}

fn to_string<'a>(value: Value<'a>, arena: &'a Bump) -> Result<Value<'a>> {
    if let Value::Text(_) = value {
        return Ok(value);
    }
    let mut json = std::vec::Vec::new();
    write(value, &mut json)?;
    Ok(Value::Text(arena.alloc_slice_copy(&json)))
}

fn type_name(value: Value<'_>) -> &'static [u8] {
    match value {
        Value::Null => b"null",
        Value::Bool(_) => b"boolean",
        Value::Int(_) | Value::Long(_) | Value::Float(_) => b"number",
        Value::Text(_) => b"string",
        Value::Array(_) => b"array",
        Value::Object(_) => b"object",
    }
}
