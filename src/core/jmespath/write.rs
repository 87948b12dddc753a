//! Values as `json.dumps(value, separators=(",", ":"))` writes them.

use std::io::Write;

use super::outcome::Result;
use super::value::{Int, Value};
use super::{numbers, strings};

/// Appends a value as JSON.
pub fn write(value: Value<'_>, out: &mut Vec<u8>) -> Result<()> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(Int(int)) => {
            // Writing to a Vec cannot fail.
            let _ = write!(out, "{int}");
        }
        Value::Long(text) => out.extend_from_slice(text),
        Value::Float(float) => numbers::write_float(float, out),
        Value::Text(text) => write_text(text, out),
        Value::Array(array) => {
            out.push(b'[');
            for (index, element) in array.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(element?, out)?;
            }
            out.push(b']');
        }
        Value::Object(object) => {
            out.push(b'{');
            for (index, &(key, value)) in object.members()?.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_text(key, out);
                out.push(b':');
                write(value, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn write_text(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    while !rest.is_empty() {
        let plain = rest.iter().take_while(|&&byte| is_plain(byte)).count();
        out.extend_from_slice(&rest[..plain]);
        let others = rest[plain..].iter().take_while(|&&byte| !is_plain(byte)).count();
        let (escaped, following) = rest[plain..].split_at(others);
        strings::code_points(escaped).for_each(|point| write_escape(point, out));
        rest = following;
    }
    out.push(b'"');
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

fn write_escape(point: u32, out: &mut Vec<u8>) {
    let short = match point {
        0x22 => b'"',
        0x5C => b'\\',
        0x0A => b'n',
        0x0D => b'r',
        0x09 => b't',
        0x0C => b'f',
        0x08 => b'b',
        // Writing to a Vec cannot fail.
        0x1_0000.. => {
            let above = point - 0x1_0000;
            let _ = write!(out, "\\u{:04x}\\u{:04x}", 0xD800 + (above >> 10), 0xDC00 + (above & 0x3FF));
            return;
        }
        _ => {
            let _ = write!(out, "\\u{point:04x}");
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}
