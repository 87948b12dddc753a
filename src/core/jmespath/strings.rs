//! Strings as bytes: UTF-8 in which a surrogate may stand alone, as Python's `surrogatepass` writes it. Their order as
//! bytes is Python's order by code points, and equal strings are equal bytes.

use bumpalo::Bump;
use bumpalo::collections::Vec;

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES * 0x80;

/// Whether the bytes are UTF-8 in which surrogates may stand alone.
pub fn is_generalized_utf8(mut data: &[u8]) -> bool {
    while let Err(error) = std::str::from_utf8(data) {
        let [0xED, 0xA0..=0xBF, 0x80..=0xBF, rest @ ..] = &data[error.valid_up_to()..] else { return false };
        data = rest;
    }
    true
}

/// Whether all bytes are ASCII, and none is a backslash or a control character but DEL.
pub fn is_simple(data: &[u8]) -> bool {
    let is_odd = |byte: u8| (byte.wrapping_sub(b' ') > 0x5F) | (byte == b'\\');
    !data.iter().fold(false, |found, &byte| found | is_odd(byte))
}

/// How many bytes come before the first quote.
#[inline]
pub fn length_to_quote(data: &[u8]) -> Option<usize> {
    let mut passed = 0;
    while let (Some(&block), 0..16) = (data[passed..].first_chunk::<8>(), passed) {
        let marks = zeros(u64::from_le_bytes(block) ^ (ONES * u64::from(b'"'))) & HIGHS;
        if marks != 0 {
            return Some(passed + marks.trailing_zeros() as usize / 8);
        }
        passed += 8;
    }
    memchr::memchr(b'"', &data[passed..]).map(|length| passed + length)
}

/// How many bytes come before the first quote, backslash or control character, or the end.
pub fn plain_length(data: &[u8]) -> usize {
    let mut length = 0;
    while let Some(&block) = data[length..].first_chunk::<8>() {
        let marks = special_bytes(u64::from_le_bytes(block));
        if marks != 0 {
            return length + marks.trailing_zeros() as usize / 8;
        }
        length += 8;
        if length == 16 {
            length += plain_blocks(&data[length..]);
        }
    }
    length + data[length..].iter().take_while(|&&byte| byte >= 0x20 && byte != b'"' && byte != b'\\').count()
}

/// How many bytes, in blocks of 32, come before the first block with a special one. The compiler makes vector
/// instructions of it.
fn plain_blocks(data: &[u8]) -> usize {
    let is_special = |byte: &u8| (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\');
    let is_plain = |block: &&[u8]| !block.iter().fold(false, |found, byte| found | is_special(byte));
    32 * data.chunks_exact(32).take_while(is_plain).count()
}

/// Marks each quote, backslash and control character among eight bytes by its highest bit. Only the lowest mark counts:
/// above it, bytes may be marked that are none of these.
fn special_bytes(block: u64) -> u64 {
    let control = block.wrapping_sub(ONES * 0x20) & !block;
    (zeros(block ^ (ONES * u64::from(b'"'))) | zeros(block ^ (ONES * u64::from(b'\\'))) | control) & HIGHS
}

/// Marks each zero among eight bytes, in the same way.
#[inline]
fn zeros(block: u64) -> u64 {
    block.wrapping_sub(ONES) & !block
}

/// How many bytes the escape has that the data begin with. None where it is no escape.
pub fn escape_length(data: &[u8]) -> Option<usize> {
    match data.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => code_unit(data).map(|_| 6),
        _ => None,
    }
}

/// The code unit that `\uXXXX` at the beginning of the data stands for.
fn code_unit(data: &[u8]) -> Option<u16> {
    let [b'\\', b'u', digits @ ..] = data else { return None };
    let digits = digits.first_chunk::<4>()?;
    digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)? as u16))
}

/// A string's text as it stands in JSON, its escapes replaced by what they stand for.
pub fn unescape<'a>(text: &[u8], arena: &'a Bump) -> &'a [u8] {
    let mut unescaped = Vec::with_capacity_in(text.len(), arena);
    let mut rest = text;
    while let Some(backslash) = memchr::memchr(b'\\', rest) {
        unescaped.extend_from_slice(&rest[..backslash]);
        rest = &rest[backslash..];
        let (character, length) = escaped(rest);
        push(&mut unescaped, character);
        rest = &rest[length..];
    }
    unescaped.extend_from_slice(rest);
    unescaped.into_bump_slice()
}

/// The code point that the escape at the beginning stands for, and its length. The scanner has checked the escape.
fn escaped(text: &[u8]) -> (u32, usize) {
    let short = match text[1] {
        b'b' => 0x08,
        b'f' => 0x0C,
        b'n' => 0x0A,
        b'r' => 0x0D,
        b't' => 0x09,
        other => u32::from(other),
    };
    let Some(unit) = code_unit(text) else { return (short, 2) };
    let low = if (0xD800..0xDC00).contains(&unit) { code_unit(&text[6..]) } else { None };
    match low {
        Some(low @ 0xDC00..=0xDFFF) => (0x10000 + ((u32::from(unit) - 0xD800) << 10 | (u32::from(low) - 0xDC00)), 12),
        _ => (u32::from(unit), 6),
    }
}

/// Appends a code point, which may be a surrogate.
fn push(text: &mut Vec<'_, u8>, point: u32) {
    match char::from_u32(point) {
        Some(character) => text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        None => text.extend_from_slice(&[0xED, 0x80 | (point >> 6 & 0x3F) as u8, 0x80 | (point & 0x3F) as u8]),
    }
}

/// How many code points there are.
pub fn length(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte & 0xC0 != 0x80).count()
}

/// Its code points in reverse.
pub fn reverse<'a>(text: &[u8], arena: &'a Bump) -> &'a [u8] {
    let mut reversed = Vec::with_capacity_in(text.len(), arena);
    let mut end = text.len();
    for (start, byte) in text.iter().enumerate().rev() {
        if byte & 0xC0 != 0x80 {
            reversed.extend_from_slice(&text[start..end]);
            end = start;
        }
    }
    reversed.into_bump_slice()
}

/// The code points of a text, surrogates as they are.
pub fn code_points(text: &[u8]) -> impl Iterator<Item = u32> + '_ {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (&first, tail) = rest.split_first()?;
        let (bits, more) = match first {
            0x00..0x80 => (u32::from(first), 0),
            0x80..0xE0 => (u32::from(first & 0x1F), 1),
            0xE0..0xF0 => (u32::from(first & 0x0F), 2),
            _ => (u32::from(first & 0x07), 3),
        };
        let (following, tail) = tail.split_at(more);
        rest = tail;
        Some(following.iter().fold(bits, |point, &byte| point << 6 | u32::from(byte & 0x3F)))
    })
}
