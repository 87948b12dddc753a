//! Moments in UTC, and the forms in which keys, listings and heads have them.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds of a second.
pub const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
const WEEKDAYS: [&[u8]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Microseconds since 1970, not before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

struct Calendar {
    year: u64,
    month: u64,
    day: u64,
}

impl Moment {
    /// By this machine's clock.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    /// Reads `2020-01-01T00:00:00`.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, clock) = text.split_once('T')?;
        let [year, month, day] = numbers(date, '-')?;
        let [hour, minute, second] = numbers(clock, ':')?;
        let is_clock = hour < 24 && minute < 60 && second < 60;
        if !is_clock || !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        Some(Self(days_since_1970(year, month, day) * DAY + ((hour * 60 + minute) * 60 + second) * SECOND))
    }

    /// The moment so many microseconds later.
    pub fn plus(self, microseconds: i64) -> Self {
        Self(self.0 + microseconds)
    }

    /// Appends `2019-05-16T211813.059000Z`, as keys and manifests have it.
    pub fn push_timestamp(self, out: &mut Vec<u8>) {
        let mut text = *b"0000-00-00T000000.000000Z";
        self.put_date(&mut text);
        self.put_clock(&mut text, [11, 13, 15]);
        put(&mut text[18..24], (self.0 % SECOND).unsigned_abs());
        out.extend_from_slice(&text);
    }

    /// Appends `2019-05-16T21:18:13.000Z`, as listings have it: in whole seconds.
    pub fn push_iso(self, out: &mut Vec<u8>) {
        let mut text = *b"0000-00-00T00:00:00.000Z";
        self.put_date(&mut text);
        self.put_clock(&mut text, [11, 14, 17]);
        out.extend_from_slice(&text);
    }

    /// Appends `Thu, 16 May 2019 21:18:13 GMT`, as heads have it.
    pub fn push_http(self, out: &mut Vec<u8>) {
        let mut text = *b"Day, 00 Mon 0000 00:00:00 GMT";
        let Calendar { year, month, day } = self.calendar();
        text[..3].copy_from_slice(WEEKDAYS[(self.0 / DAY % 7) as usize]);
        put(&mut text[5..7], day);
        text[8..11].copy_from_slice(MONTHS[(month - 1) as usize]);
        put(&mut text[12..16], year);
        self.put_clock(&mut text, [17, 20, 23]);
        out.extend_from_slice(&text);
    }

    fn put_date(self, text: &mut [u8]) {
        let Calendar { year, month, day } = self.calendar();
        put(&mut text[..4], year);
        put(&mut text[5..7], month);
        put(&mut text[8..10], day);
    }

    fn put_clock(self, text: &mut [u8], [hour, minute, second]: [usize; 3]) {
        let seconds = (self.0 % DAY / SECOND).unsigned_abs();
        put(&mut text[hour..hour + 2], seconds / 3600);
        put(&mut text[minute..minute + 2], seconds / 60 % 60);
        put(&mut text[second..second + 2], seconds % 60);
    }

    /// The date, by Howard Hinnant's `civil_from_days`.
    fn calendar(self) -> Calendar {
        let days = (self.0 / DAY).unsigned_abs() + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        Calendar { year, month, day: of_year - (153 * from_march + 2) / 5 + 1 }
    }
}

/// Writes a number's last digits.
fn put(text: &mut [u8], mut number: u64) {
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn numbers(text: &str, between: char) -> Option<[i64; 3]> {
    let found: Option<Vec<i64>> = text.split(between).map(|part| part.parse().ok()).collect();
    found?.try_into().ok()
}

/// The opposite of `Moment::calendar`.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(moment: Moment) -> [String; 3] {
        [Moment::push_timestamp, Moment::push_iso, Moment::push_http].map(|push| {
            let mut out = Vec::new();
            push(moment, &mut out);
            String::from_utf8(out).expect("ASCII was pushed")
        })
    }

    #[test]
    fn a_moment_is_written_in_each_form() {
        let moment = Moment::parse("2019-05-16T21:18:13").map(|moment| moment.plus(59_000));
        let expected = ["2019-05-16T211813.059000Z", "2019-05-16T21:18:13.000Z", "Thu, 16 May 2019 21:18:13 GMT"];
        assert_eq!(moment.map(forms), Some(expected.map(str::to_owned)));
    }

    #[test]
    fn each_day_has_its_date() {
        let begin = Moment::parse("1970-01-01T00:00:00").expect("a date");
        for day in 0..20_000 {
            let moment = begin.plus(day * DAY);
            let [_, iso, _] = forms(moment);
            assert_eq!(Moment::parse(iso.trim_end_matches(".000Z")), Some(moment), "{iso}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in ["", "2020-01-01", "2020-01-01T00:00", "2020-13-01T00:00:00", "2020-01-01T24:00:00"] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }
}
