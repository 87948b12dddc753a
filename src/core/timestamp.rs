//! Timestamps: microseconds since 1970 in memory, `2019-05-16T211813.059000Z` in keys and manifests.

use std::fmt;

const MICROSECONDS_A_DAY: i64 = 86_400_000_000;
/// Bytes of the layout's form.
pub const LENGTH: usize = "2019-05-16T211813.059000Z".len();
const DATE_LENGTH: usize = "2019-05-16T".len();

/// A moment in UTC between the years 1 and 9999: microseconds since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// A moment taken apart into calendar and clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fields {
    /// 1 to 9999.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 to 999,999.
    pub microsecond: u32,
}

/// Reads timestamps of which many have the same date. A date is read once, as long as the next one is the same.
#[derive(Debug)]
pub struct TimestampReader {
    date: [u8; DATE_LENGTH],
    midnight: Timestamp,
}

/// It begins with a day that it knows. If it began with anything else, it would take that for a date.
impl Default for TimestampReader {
    fn default() -> Self {
        Self { date: *b"1970-01-01T", midnight: Timestamp(0) }
    }
}

impl TimestampReader {
    /// Reads the layout's form, as `Timestamp::parse` does.
    #[inline]
    pub fn read(&mut self, text: &[u8; LENGTH]) -> Option<Timestamp> {
        let (date, clock) = text.split_first_chunk::<DATE_LENGTH>()?;
        if *date != self.date {
            let timestamp = Timestamp::parse(std::str::from_utf8(text).ok()?)?;
            self.date = *date;
            self.midnight = Timestamp(timestamp.0 - timestamp.0.rem_euclid(MICROSECONDS_A_DAY));
            return Some(timestamp);
        }
        let clock: &[u8; LENGTH - DATE_LENGTH] = clock.try_into().ok()?;
        let mut digits = [0_u8; 12];
        digits[..6].copy_from_slice(&clock[..6]);
        digits[6..].copy_from_slice(&clock[7..13]);
        if clock[6] != b'.' || clock[13] != b'Z' || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = |digits: &[u8]| digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        let (hour, minute, second) = (number(&digits[..2]), number(&digits[2..4]), number(&digits[4..6]));
        let of_day = ((hour * 60 + minute) * 60 + second) * 1_000_000 + number(&digits[6..]);
        (hour < 24 && minute < 60 && second < 60).then_some(Timestamp(self.midnight.0 + of_day))
    }
}

impl Timestamp {
    /// The first moment of the year 1.
    pub const MIN: Self = Self(-62_135_596_800_000_000);
    /// The last microsecond of the year 9999.
    pub const MAX: Self = Self(253_402_300_799_999_999);

    /// The moment that many microseconds after 1970-01-01, if it is within the years 1 to 9999.
    pub fn from_microseconds(microseconds: i64) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&microseconds).then_some(Self(microseconds))
    }

    /// Microseconds since 1970-01-01.
    pub fn microseconds(self) -> i64 {
        self.0
    }

    /// Reads the layout's form, and no other. None for a date that the calendar does not have.
    pub fn parse(text: &str) -> Option<Self> {
        let text: &[u8; LENGTH] = text.as_bytes().try_into().ok()?;
        if (text[4], text[7], text[10], text[17], text[24]) != (b'-', b'-', b'T', b'.', b'Z') {
            return None;
        }
        let fields = Fields {
            year: i32::try_from(number(&text[0..4])?).ok()?,
            month: u8::try_from(number(&text[5..7])?).ok()?,
            day: u8::try_from(number(&text[8..10])?).ok()?,
            hour: u8::try_from(number(&text[11..13])?).ok()?,
            minute: u8::try_from(number(&text[13..15])?).ok()?,
            second: u8::try_from(number(&text[15..17])?).ok()?,
            microsecond: number(&text[18..24])?,
        };
        Self::from_fields(fields)
    }

    /// Puts calendar and clock together. None where a field is out of its range.
    pub fn from_fields(fields: Fields) -> Option<Self> {
        let Fields { year, month, day, hour, minute, second, microsecond } = fields;
        let is_date = (1..=9999).contains(&year)
            && (1..=days_in(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60
            && microsecond < 1_000_000;
        if !is_date {
            return None;
        }
        let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
        let days = days_since_1970(year, month, day);
        Some(Self(days * MICROSECONDS_A_DAY + seconds * 1_000_000 + i64::from(microsecond)))
    }

    /// Takes the moment apart.
    pub fn fields(self) -> Fields {
        let days = self.0.div_euclid(MICROSECONDS_A_DAY);
        let of_day = self.0.rem_euclid(MICROSECONDS_A_DAY);
        let (year, month, day) = date_of(days);
        let seconds = (of_day / 1_000_000) as u32;
        Fields {
            year,
            month,
            day,
            hour: (seconds / 3600) as u8,
            minute: (seconds / 60 % 60) as u8,
            second: (seconds % 60) as u8,
            microsecond: (of_day % 1_000_000) as u32,
        }
    }

    /// Appends the layout's form to a text.
    pub fn push_to(self, text: &mut String) {
        let fields = self.fields();
        push_digits(text, fields.year.unsigned_abs(), 4);
        text.push('-');
        push_digits(text, u32::from(fields.month), 2);
        text.push('-');
        push_digits(text, u32::from(fields.day), 2);
        text.push('T');
        push_digits(text, u32::from(fields.hour), 2);
        push_digits(text, u32::from(fields.minute), 2);
        push_digits(text, u32::from(fields.second), 2);
        text.push('.');
        push_digits(text, fields.microsecond, 6);
        text.push('Z');
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(LENGTH);
        self.push_to(&mut text);
        f.pad(&text)
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0')))
}

fn push_digits(text: &mut String, number: u32, digits: u32) {
    for power in (0..digits).rev() {
        text.push(char::from(b'0' + (number / 10_u32.pow(power) % 10) as u8));
    }
}

fn days_in(year: i32, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar. Years are counted from the 1st of March, so that the leap day comes
/// last, and eras of 400 years have 146,097 days each.
fn days_since_1970(year: i32, month: u8, day: u8) -> i64 {
    let month = i64::from(month);
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of `days_since_1970`.
fn date_of(days: i64) -> (i32, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097) as u32;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + i64::from(year_of_era) + i64::from(month <= 2);
    (year as i32, month as u8, day as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_ten_thousand_years_goes_there_and_back() {
        let first = Timestamp::MIN.0 / MICROSECONDS_A_DAY;
        let last = Timestamp::MAX.0.div_euclid(MICROSECONDS_A_DAY);
        for day in first..=last {
            let timestamp = Timestamp(day * MICROSECONDS_A_DAY + 86_399_999_999 - day.rem_euclid(997));
            assert_eq!(Timestamp::from_fields(timestamp.fields()), Some(timestamp));
        }
        assert_eq!(last - first + 1, 3_652_059, "the days that Python's datetime counts");
    }

    #[test]
    fn text_goes_there_and_back() {
        for text in ["2019-05-16T211813.059000Z", "0001-01-01T000000.000000Z", "9999-12-31T235959.999999Z"] {
            assert_eq!(Timestamp::parse(text).map(|timestamp| timestamp.to_string()), Some(text.to_owned()));
        }
        assert_eq!(Timestamp::parse("0001-01-01T000000.000000Z"), Some(Timestamp::MIN));
        assert_eq!(Timestamp::parse("9999-12-31T235959.999999Z"), Some(Timestamp::MAX));
        assert_eq!(Timestamp::parse("1970-01-01T000000.000001Z"), Some(Timestamp(1)));
    }

    #[test]
    fn leap_years_are_the_calendars() {
        for (day, there_is) in
            [("2000-02-29", true), ("1900-02-29", false), ("2024-02-29", true), ("2023-02-29", false)]
        {
            assert_eq!(Timestamp::parse(&format!("{day}T000000.000000Z")).is_some(), there_is, "{day}");
        }
    }

    #[test]
    fn no_other_form_is_a_timestamp() {
        for text in [
            "",
            "2019-05-16T211813.059000",
            "2019-05-16T211813.059000Z ",
            "2019-05-16 211813.059000Z",
            "2019-05-16T21:18:13.05900Z",
            "2019-05-16T211813.05900+Z",
            "0000-05-16T211813.059000Z",
            "2019-13-16T211813.059000Z",
            "2019-00-16T211813.059000Z",
            "2019-04-31T211813.059000Z",
            "2019-04-00T211813.059000Z",
            "2019-05-16T241813.059000Z",
            "2019-05-16T216013.059000Z",
            "2019-05-16T211860.059000Z",
            "٢٠١٩-05-16T211813.059Z",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_reader_knows_no_form_that_is_no_timestamp() {
        let mut reader = TimestampReader::default();
        for text in ["\0\0\0\0\0\0\0\0\0\0\x00211813.059000Z", "1970-01-01T211860.059000Z", "1970-01-01T211813.059000+"]
        {
            assert_eq!(text.as_bytes().try_into().ok().and_then(|text| reader.read(text)), None, "{text:?}");
        }
        for text in ["1970-01-01T000000.000001Z", "2019-05-16T211813.059000Z", "2019-05-16T000000.059000Z"] {
            assert_eq!(text.as_bytes().try_into().ok().and_then(|text| reader.read(text)), Timestamp::parse(text));
        }
    }

    #[test]
    fn moments_outside_the_years_1_to_9999_are_none() {
        assert_eq!(Timestamp::from_microseconds(Timestamp::MIN.0 - 1), None);
        assert_eq!(Timestamp::from_microseconds(Timestamp::MAX.0 + 1), None);
        assert_eq!(Timestamp::from_microseconds(Timestamp::MAX.0), Some(Timestamp::MAX));
    }
}
