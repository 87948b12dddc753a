//! Numbers and texts, appended to bytes: for some millions a second, which `write!` does not do.

const DIGITS: &[u8; 16] = b"0123456789abcdef";
const LONGEST: usize = 20;
const LONGEST_HEX: usize = 16;

/// Appends a number in decimal.
pub fn push_decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [b'0'; LONGEST];
    let mut at = LONGEST;
    while at == LONGEST || number > 0 {
        at -= 1;
        digits[at] = DIGITS[(number % 10) as usize];
        number /= 10;
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a number in hexadecimal, with zeros before it, up to `width` digits, at most 32.
pub fn push_hex(out: &mut Vec<u8>, mut number: u64, width: usize) {
    let mut digits = [b'0'; 2 * LONGEST_HEX];
    let mut at = digits.len();
    while number > 0 {
        at -= 1;
        digits[at] = DIGITS[(number & 15) as usize];
        number >>= 4;
    }
    out.extend_from_slice(&digits[at.min(digits.len() - width)..]);
}

/// Appends a text for XML.
pub fn push_escaped(out: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        match byte {
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'\r' => out.extend_from_slice(b"&#13;"),
            _ => out.push(byte),
        }
    }
}

/// Takes the escapes out of a text of XML; None where one of them is unknown.
pub fn unescaped(text: &str) -> Option<String> {
    let mut parts = text.split('&');
    let mut found = parts.next()?.to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';')?;
        found.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => numbered(name.strip_prefix('#')?)?,
        });
        found.push_str(rest);
    }
    Some(found)
}

fn numbered(number: &str) -> Option<char> {
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?)
}

/// Appends a key percent-encoded, but for its slashes.
pub fn push_encoded(out: &mut Vec<u8>, key: &[u8]) {
    let mut rest = key;
    while let Some(plain) = rest.iter().position(|&byte| !IS_PLAIN[usize::from(byte)]) {
        let byte = rest[plain];
        out.extend_from_slice(&rest[..plain]);
        out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        rest = &rest[plain + 1..];
    }
    out.extend_from_slice(rest);
}

static IS_PLAIN: [bool; 256] = {
    let mut found = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        found[byte] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'-' | b'_' | b'.' | b'~' | b'/');
        byte += 1;
    }
    found
};

/// Takes the percent-encoding out of a text; what is none stays as it is.
pub fn decoded(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let mut found = Vec::with_capacity(rest.len());
    while let Some((&first, after)) = rest.split_first() {
        let encoded = (first == b'%').then(|| after.split_first_chunk::<2>()).flatten();
        match encoded.and_then(|(digits, after)| Some((byte_of(digits)?, after))) {
            Some((byte, after)) => {
                found.push(byte);
                rest = after;
            }
            None => {
                found.push(first);
                rest = after;
            }
        }
    }
    found
}

fn byte_of(digits: &[u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? << 4 | low?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(push: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        push(&mut out);
        String::from_utf8(out).expect("ASCII was pushed")
    }

    #[test]
    fn numbers_are_written_as_format_does() {
        for number in [0, 7, 10, 4095, 65536, u64::MAX] {
            assert_eq!(pushed(|out| push_decimal(out, number)), format!("{number}"));
            assert_eq!(pushed(|out| push_hex(out, number, 8)), format!("{number:08x}"));
            assert_eq!(pushed(|out| push_hex(out, number, 32)), format!("{number:032x}"));
        }
    }

    #[test]
    fn what_is_encoded_comes_back() {
        let key = "a b/ü+%&<>\"\r\n~*";
        assert_eq!(decoded(&pushed(|out| push_encoded(out, key.as_bytes()))), key.as_bytes());
        assert_eq!(unescaped(&pushed(|out| push_escaped(out, b"a&b<c>\rd"))).as_deref(), Some("a&b<c>\rd"));
        assert_eq!(unescaped("&quot;&#x41;&#66;&apos;").as_deref(), Some("\"AB'"));
        assert_eq!(unescaped("&nbsp;"), None);
    }

    #[test]
    fn a_percent_sign_that_encodes_nothing_stays() {
        assert_eq!(decoded("50%, 5%2"), b"50%, 5%2");
    }
}
