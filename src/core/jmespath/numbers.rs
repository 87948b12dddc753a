//! Numbers as Python has them: integers that are exact, and floats; compared and written as Python does.

use std::cmp::Ordering;
use std::io::Write;

use super::outcome::{NoValue, Result};
use super::strings;
use super::value::{Int, Value};

/// Whether the value is a number, and no bool.
pub fn is_number(value: Value<'_>) -> bool {
    matches!(value, Value::Int(_) | Value::Float(_))
}

/// How two numbers are ordered, exactly. A bool counts as 0 or 1, as in Python. None for NaN, and where a value is
/// neither a number nor a bool.
pub fn compare(left: Value<'_>, right: Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Bool(left), _) => compare(Value::Int(Int(left.into())), right),
        (_, Value::Bool(right)) => compare(left, Value::Int(Int(right.into()))),
        (Value::Int(Int(left)), Value::Int(Int(right))) => Some(left.cmp(&right)),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(&right),
        (Value::Int(Int(left)), Value::Float(right)) => compare_with_float(left, right),
        (Value::Float(left), Value::Int(Int(right))) => compare_with_float(right, left).map(Ordering::reverse),
        _ => None,
    }
}

fn compare_with_float(int: i128, float: f64) -> Option<Ordering> {
    const TWO_POWER_127: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    if float.is_nan() {
        None
    } else if float >= TWO_POWER_127 {
        Some(Ordering::Less)
    } else if float < -TWO_POWER_127 {
        Some(Ordering::Greater)
    } else {
        Some(int.cmp(&(float.trunc() as i128)).then(0.0.partial_cmp(&float.fract())?))
    }
}

/// The integer that a whole float stands for.
pub fn to_int(float: f64) -> Result<i128> {
    const SURELY_128_BITS: f64 = 1e38;
    if !float.is_finite() {
        Err(NoValue::Failed)
    } else if float.abs() < SURELY_128_BITS {
        Ok(float as i128)
    } else {
        Err(NoValue::Undecided)
    }
}

/// What `to_number` makes of a text: null, if it is no number. Python's `int` and `float` take more than plain numbers,
/// so texts with other digits, blanks or underscores are left to Python.
pub fn parse(text: &[u8]) -> Result<Value<'static>> {
    if strings::code_points(text).any(is_in_no_number) {
        return Ok(Value::Null);
    }
    let is_odd = |byte: &u8| matches!(byte, 0x1C..=0x1F | b'_' | 0x7F..);
    if text.iter().any(is_odd) {
        return Err(NoValue::Undecided);
    }
    let text = std::str::from_utf8(text).map_err(|_| NoValue::Undecided)?.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map(|int| Value::Int(Int(int))).map_err(|_| NoValue::Undecided);
    }
    text.parse().map_or(Ok(Value::Null), checked)
}

/// Whether a character is none of a digit, sign, point, underscore, blank, or letter of `1e5`, `nan` or `infinity`.
/// From U+0660 on there are other digits and blanks, but not among letters, nor where the symbols are.
fn is_in_no_number(point: u32) -> bool {
    match u8::try_from(point) {
        Ok(0x85 | 0xA0) => false,
        Ok(byte) => {
            !matches!(byte, b'0'..=b'9' | b'\t'..=b'\r' | 0x1C..=b' ' | b'+' | b'-' | b'.' | b'_')
                && !b"aefinty".contains(&byte.to_ascii_lowercase())
        }
        Err(_) if point < 0x0660 => true,
        Err(_) => (0x2060..0x3000).contains(&point) || char::from_u32(point).is_some_and(char::is_alphabetic),
    }
}

/// A float that was computed. NaN is left to Python, where two that were computed are not the same.
pub fn checked(float: f64) -> Result<Value<'static>> {
    if float.is_nan() { Err(NoValue::Undecided) } else { Ok(Value::Float(float)) }
}

/// Appends a float as Python's `json.dumps` writes it: the fewest digits that give it back, with an exponent from 1e16
/// on and below 0.0001. Of two that are as near, it takes the one whose last digit is even; Rust's own formatting does
/// not.
pub fn write_float(float: f64, out: &mut Vec<u8>) {
    if !float.is_finite() {
        let name: &[u8] = if float.is_nan() {
            b"NaN"
        } else if float > 0.0 {
            b"Infinity"
        } else {
            b"-Infinity"
        };
        return out.extend_from_slice(name);
    }
    if float.is_sign_negative() {
        out.push(b'-');
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(float.abs());
    // Writing to a Vec cannot fail.
    let _ = match (text.split_once("e-"), text.strip_prefix("0.0000")) {
        (Some((digits, exponent)), _) => write!(out, "{digits}e-{exponent:0>2}"),
        (None, Some(digits)) if digits.len() == 1 => write!(out, "{digits}e-05"),
        (None, Some(digits)) => write!(out, "{}.{}e-05", &digits[..1], &digits[1..]),
        (None, None) => write!(out, "{text}"),
    };
}
