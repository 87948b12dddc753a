//! The events' data: what `event_data` of `benches/events.py` makes of an event's number.

use std::io::{self, Write};
use std::ops::Range;

use crate::texts::{push_decimal, push_hex};

const KINDS: [&[u8]; 4] = [b"bam", b"bai", b"fastq", b"json"];
const LARGE: u64 = 400;
static PADDING: [u8; 4096] = [b'x'; 4096];
const END: &[u8] = b"\"}";

/// The least size that data of this size's shape can have, for all numbers up to this one.
pub fn least_size(number: u64, size: u64) -> u64 {
    let mut begin = Vec::new();
    push_begin(&mut begin, number.next_multiple_of(100) + 99, size);
    (begin.len() + END.len()) as u64
}

/// Writes a part of the data of the events from number `first` on, which lie one after the other, each of `size` bytes.
pub fn write(first: u64, size: u64, part: Range<u64>, out: &mut impl Write) -> io::Result<()> {
    let mut begin = Vec::new();
    let mut at = part.start;
    while at < part.end {
        let event = at / size;
        let offset = event * size;
        let within = at - offset..size.min(part.end - offset);
        begin.clear();
        push_begin(&mut begin, first + event, size);
        at = offset + within.end;
        write_event(&begin, size, &within, out)?;
    }
    Ok(())
}

fn write_event(begin: &[u8], size: u64, part: &Range<u64>, out: &mut impl Write) -> io::Result<()> {
    let padded = size - END.len() as u64;
    out.write_all(overlap(begin, 0, part))?;
    let mut left = part.end.min(padded).saturating_sub(part.start.max(begin.len() as u64)) as usize;
    while left > 0 {
        let chunk = left.min(PADDING.len());
        out.write_all(&PADDING[..chunk])?;
        left -= chunk;
    }
    out.write_all(overlap(END, padded, part))
}

/// What of a piece that begins at `at` lies in a part.
fn overlap<'a>(piece: &'a [u8], at: u64, part: &Range<u64>) -> &'a [u8] {
    let within = |place: u64| (place.saturating_sub(at) as usize).min(piece.len());
    &piece[within(part.start)..within(part.end)]
}

/// Appends all that comes before the padding.
fn push_begin(out: &mut Vec<u8>, number: u64, size: u64) {
    let is_large = size >= LARGE;
    out.extend_from_slice(b"{\"foo\":");
    push_decimal(out, number % 100);
    out.extend_from_slice(b",\"match\":{\"bundle_uuid\":\"");
    push_hex(out, number, 16);
    out.extend_from_slice(b"\"},\"files\":[");
    for (index, kind) in KINDS[..if is_large { KINDS.len() } else { 1 }].iter().enumerate() {
        out.extend_from_slice(if index > 0 { b",{\"name\":\"" } else { b"{\"name\":\"" });
        push_decimal(out, number % 50);
        out.push(b'.');
        out.extend_from_slice(kind);
        out.push(b'"');
        if is_large {
            push_sums(out, number);
        }
        out.push(b'}');
    }
    out.push(b']');
    if is_large {
        push_ids(out, number);
    }
    out.extend_from_slice(b",\"pad\":\"");
}

fn push_sums(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(b",\"size\":");
    push_decimal(out, number * 31);
    out.extend_from_slice(b",\"crc\":\"");
    push_hex(out, number * 7919, 8);
    out.push(b'"');
}

fn push_ids(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(b",\"type\":\"CREATE\"");
    for (name, id) in [("transaction", number), ("subscription", number % 1000)] {
        out.extend_from_slice(b",\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":\"00000000-0000-0000-0000-");
        push_hex(out, id, 12);
        out.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(size: u64, part: Range<u64>) -> Vec<u8> {
        let mut out = Vec::new();
        write(7, size, part, &mut out).expect("writing to memory works");
        out
    }

    #[test]
    fn an_event_has_its_size() {
        let expected =
            br#"{"foo":7,"match":{"bundle_uuid":"0000000000000007"},"files":[{"name":"7.bam"}],"pad":"xxxxx"}"#;
        assert_eq!(part(expected.len() as u64, 0..expected.len() as u64), expected);
        assert_eq!(least_size(0, 100), expected.len() as u64 - 5 + 2);
        assert_eq!(part(10_000, 0..10_000).len(), 10_000);
    }

    #[test]
    fn any_part_is_what_the_whole_has_there() {
        for size in [100, 500] {
            let whole = part(size, 0..3 * size);
            for start in 0..2 * size {
                for stop in [start, start + 1, start + size / 2, 3 * size] {
                    assert_eq!(part(size, start..stop), whole[start as usize..stop as usize], "{start} to {stop}");
                }
            }
        }
    }
}
