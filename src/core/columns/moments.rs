//! Moments and days as events write them: ISO 8601, as RFC 3339 and Python's `datetime.isoformat` have it.

use arrow_schema::TimeUnit;

use crate::core::timestamp::{Fields, Timestamp};

/// How many of a unit there are since 1970: `2026-01-31T12:00:00.5+01:00`, also with a blank for the `T`, without
/// seconds, without a zone (UTC) or as a day alone. Digits beyond the unit's are dropped, as Python drops those beyond
/// microseconds. None for anything else, and for what is outside the years 1 to 9999 or the unit's 64 bits.
pub fn timestamp(text: &[u8], unit: TimeUnit) -> Option<i64> {
    let (day, rest) = text.split_at_checked(10)?;
    let mut reader = Reader(rest);
    let (clock, nanoseconds, offset) = if rest.is_empty() { ([0; 3], 0, 0) } else { reader.clock()? };
    let moment = on_day(day, clock)?;
    let seconds = moment.microseconds().div_euclid(1_000_000) - offset;
    Timestamp::from_microseconds(seconds.checked_mul(1_000_000)?)?;
    let a_second: i64 = match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    let part = nanoseconds / (1_000_000_000 / a_second);
    if seconds < 0 {
        // The second above, so that the first nanoseconds of the unit's range do not overflow on the way.
        return (seconds + 1).checked_mul(a_second)?.checked_add(part - a_second);
    }
    seconds.checked_mul(a_second)?.checked_add(part)
}

/// How many days there are since 1970-01-01: `2026-01-31`, and nothing else.
pub fn date(text: &[u8]) -> Option<i32> {
    const A_DAY: i64 = 86_400_000_000;
    i32::try_from(on_day(text, [0; 3])?.microseconds().div_euclid(A_DAY)).ok()
}

/// The moment of a day, `2026-01-31`, that a clock shows.
fn on_day(day: &[u8], [hour, minute, second]: [u8; 3]) -> Option<Timestamp> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = day else { return None };
    let year = i32::from(two(*y1, *y2)?) * 100 + i32::from(two(*y3, *y4)?);
    let (month, day) = (two(*m1, *m2)?, two(*d1, *d2)?);
    Timestamp::from_fields(Fields { year, month, day, hour, minute, second, microsecond: 0 })
}

fn two(tens: u8, ones: u8) -> Option<u8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + ones - b'0')
}

/// Reads what follows a day.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    /// Hour, minute and second; nanoseconds; and how many seconds the zone is ahead of UTC.
    fn clock(&mut self) -> Option<([u8; 3], i64, i64)> {
        if !(self.takes(b'T') || self.takes(b' ')) {
            return None;
        }
        let hour = self.two()?;
        if !self.takes(b':') {
            return None;
        }
        let minute = self.two()?;
        let (mut second, mut nanoseconds) = (0, 0);
        if self.takes(b':') {
            second = self.two()?;
            if self.takes(b'.') || self.takes(b',') {
                nanoseconds = self.fraction()?;
            }
        }
        let offset = self.offset()?;
        self.0.is_empty().then_some(([hour, minute, second], nanoseconds, offset))
    }

    fn fraction(&mut self) -> Option<i64> {
        let length = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        let digit = |index: usize| digits.get(index).map_or(0, |digit| i64::from(digit - b'0'));
        (length > 0).then(|| (0..9).fold(0, |sum, index| sum * 10 + digit(index)))
    }

    fn offset(&mut self) -> Option<i64> {
        if self.0.is_empty() || self.takes(b'Z') {
            return Some(0);
        }
        let sign = if self.takes(b'+') {
            1
        } else if self.takes(b'-') {
            -1
        } else {
            return None;
        };
        let hours = self.two()?;
        let minutes = if self.takes(b':') || !self.0.is_empty() { self.two()? } else { 0 };
        (hours < 24 && minutes < 60).then_some(sign * (i64::from(hours) * 60 + i64::from(minutes)) * 60)
    }

    fn two(&mut self) -> Option<u8> {
        let [tens, ones, rest @ ..] = self.0 else { return None };
        self.0 = rest;
        two(*tens, *ones)
    }

    fn takes(&mut self, wanted: u8) -> bool {
        match self.0 {
            [first, rest @ ..] if *first == wanted => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<i64> {
        timestamp(text.as_bytes(), TimeUnit::Second)
    }

    #[test]
    fn a_moment_is_read_in_the_forms_that_people_write() {
        for text in
            ["1970-01-02T00:00:01Z", "1970-01-02 00:00:01", "1970-01-02T01:00:01+01:00", "1970-01-01T23:30:01-0030"]
        {
            assert_eq!(seconds(text), Some(86_401), "{text}");
        }
        assert_eq!(seconds("1970-01-02"), Some(86_400));
        assert_eq!(seconds("1970-01-02T00:01+00"), Some(86_460));
        assert_eq!(timestamp(b"1969-12-31T23:59:59.9999999Z", TimeUnit::Microsecond), Some(-1));
        assert_eq!(timestamp(b"1970-01-01T00:00:00.123456789Z", TimeUnit::Nanosecond), Some(123_456_789));
        assert_eq!(timestamp(b"1970-01-01T00:00:00,5Z", TimeUnit::Millisecond), Some(500));
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "1970",
            "1970-1-1",
            "1970-02-30",
            "1970-01-01T",
            "1970-01-01T24:00:00",
            "1970-01-01T00:00:60Z",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00+24:00",
            "1970-01-01T00:00:00ZZ",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "1970-01-01x00:00:00",
            "1970-01-01T00:00:00z",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn the_bounds_of_nanoseconds_are_exact() {
        assert_eq!(timestamp(b"1677-09-21T00:12:43.145224192Z", TimeUnit::Nanosecond), Some(i64::MIN));
        assert_eq!(timestamp(b"1677-09-21T00:12:43.145224191Z", TimeUnit::Nanosecond), None);
        assert_eq!(timestamp(b"2262-04-11T23:47:16.854775807Z", TimeUnit::Nanosecond), Some(i64::MAX));
        assert_eq!(timestamp(b"2262-04-11T23:47:16.854775808Z", TimeUnit::Nanosecond), None);
    }

    #[test]
    fn a_day_is_no_moment() {
        assert_eq!(date(b"1970-01-02"), Some(1));
        assert_eq!(date(b"1969-12-31"), Some(-1));
        assert_eq!(date(b"1970-01-02T00:00:00Z"), None);
    }
}
