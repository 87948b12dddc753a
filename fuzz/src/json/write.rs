//! Writing JSON, in several ways that say the same.

use super::Json;

/// How JSON is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As `json.dumps(value, separators=(",", ":"))` does.
    Python,
    /// Each character escaped, and blanks wherever there may be some.
    Escaped,
    /// Each character as it is, where it may stand so.
    Bare,
}

/// Writes a value.
pub fn write(value: &Json, style: Style) -> Vec<u8> {
    let mut out = Vec::new();
    push(value, style, &mut out);
    out
}

fn push(value: &Json, style: Style, out: &mut Vec<u8>) {
    let blank: &[u8] = if style == Style::Escaped { b"\t \n" } else { b"" };
    match value {
        Json::Null => out.extend_from_slice(b"null"),
        Json::Bool(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Json::Int(digits) => out.extend_from_slice(digits.as_bytes()),
        Json::Float(float) => out.extend_from_slice(repr(*float).as_bytes()),
        Json::Text(text) => push_text(text, style, out),
        Json::Array(elements) => {
            out.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                out.extend_from_slice(if index > 0 { b"," } else { b"" });
                out.extend_from_slice(blank);
                push(element, style, out);
                out.extend_from_slice(blank);
            }
            out.push(b']');
        }
        Json::Object(members) => {
            out.push(b'{');
            for (index, (key, value)) in members.iter().enumerate() {
                out.extend_from_slice(if index > 0 { b"," } else { b"" });
                out.extend_from_slice(blank);
                push_text(key, style, out);
                out.extend_from_slice(blank);
                out.push(b':');
                out.extend_from_slice(blank);
                push(value, style, out);
                out.extend_from_slice(blank);
            }
            out.push(b'}');
        }
    }
}

fn push_text(text: &[u32], style: Style, out: &mut Vec<u8>) {
    out.push(b'"');
    for point in text {
        match (char::from_u32(*point), style) {
            (Some(plain @ ' '..='~'), Style::Python) if plain != '"' && plain != '\\' => out.push(plain as u8),
            (Some(plain), Style::Bare) if plain >= ' ' && plain != '"' && plain != '\\' => {
                out.extend_from_slice(plain.to_string().as_bytes());
            }
            (Some(short), Style::Python | Style::Bare) if "\"\\\n\r\t\u{8}\u{c}".contains(short) => {
                let letter = match short {
                    '\n' => 'n',
                    '\r' => 'r',
                    '\t' => 't',
                    '\u{8}' => 'b',
                    '\u{c}' => 'f',
                    other => other,
                };
                out.extend_from_slice(&[b'\\', letter as u8]);
            }
            (Some(character), _) => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                }
            }
            (None, _) => out.extend_from_slice(format!("\\u{point:04x}").as_bytes()),
        }
    }
    out.push(b'"');
}

/// A float as Python's `repr` has it; of several shortest ones, any.
fn repr(float: f64) -> String {
    if !float.is_finite() {
        return if float.is_nan() {
            "NaN"
        } else if float > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned();
    }
    let text = format!("{float:e}");
    let (digits, exponent) = text.split_once('e').expect("an exponent");
    let exponent: i32 = exponent.parse().expect("a number");
    if (-4..16).contains(&exponent) {
        let plain = float.to_string();
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}
