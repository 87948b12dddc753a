//! Timestamps, compared with a calendar that counts year by year.

use std::sync::LazyLock;

use _core::core::timestamp::{Fields, LENGTH, Timestamp, TimestampReader};

use crate::choices::Choices;

const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

/// Days from 0001-01-01 to the first day of each year from 1 to 10000.
static YEARS: LazyLock<Vec<i64>> = LazyLock::new(|| {
    let mut days = 0;
    let mut years = vec![0];
    for year in 1..=9999 {
        days += months(year).iter().sum::<i64>();
        years.push(days);
    }
    years
});

/// How many days each month of a year has.
fn months(year: i64) -> [i64; 12] {
    let is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
}

/// Microseconds since 1970 of a timestamp's text; none if it is of another form, or there is no such date.
pub fn microseconds(text: &str) -> Option<i64> {
    let form = "dddd-dd-ddTdddddd.ddddddZ";
    let is_so = |(byte, form): (u8, u8)| if form == b'd' { byte.is_ascii_digit() } else { byte == form };
    if text.len() != form.len() || !text.bytes().zip(form.bytes()).all(is_so) {
        return None;
    }
    let [year, month, day, hour, minute, second, fraction] =
        [(0, 4), (5, 7), (8, 10), (11, 13), (13, 15), (15, 17), (18, 24)]
            .map(|(from, to)| text[from..to].parse::<i64>().expect("digits"));
    let months = months(year);
    let is_date = year >= 1 && (1..=12).contains(&month) && (1..=months[month as usize - 1]).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = YEARS[year as usize - 1] + months[..month as usize - 1].iter().sum::<i64>() + day - 1 - YEARS[1969];
    Some(days * MICROSECONDS_A_DAY + (hour * 3600 + minute * 60 + second) * 1_000_000 + fraction)
}

/// The text of a moment within the years 1 to 9999.
fn text(microseconds: i64) -> String {
    let days = microseconds.div_euclid(MICROSECONDS_A_DAY) + YEARS[1969];
    let year = YEARS.partition_point(|first| *first <= days);
    let mut day = days - YEARS[year - 1];
    let mut month = 0;
    while day >= months(year as i64)[month] {
        day -= months(year as i64)[month];
        month += 1;
    }
    let of_day = microseconds.rem_euclid(MICROSECONDS_A_DAY);
    let (seconds, fraction) = (of_day / 1_000_000, of_day % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{:02}-{:02}T{hour:02}{minute:02}{second:02}.{fraction:06}Z", month + 1, day + 1)
}

/// Reads and writes timestamps.
pub fn check(data: &[u8]) {
    let mut choices = Choices::new(data);
    check_moment(choices.number() as i64);
    check_fields(&mut choices);
    let mut reader = TimestampReader::default();
    for line in choices.rest().split(|byte| *byte == b'\n') {
        if let Ok(text) = std::str::from_utf8(line) {
            check_text(text);
        }
        if let Some(text) = line.first_chunk::<LENGTH>() {
            let expected = std::str::from_utf8(text).ok().and_then(microseconds);
            assert_eq!(reader.read(text).map(Timestamp::microseconds), expected, "{}", text.escape_ascii());
        }
    }
}

fn check_moment(microseconds: i64) {
    let first = self::microseconds("0001-01-01T000000.000000Z").expect("the first");
    let last = self::microseconds("9999-12-31T235959.999999Z").expect("the last");
    let given = Timestamp::from_microseconds(microseconds);
    assert_eq!(given.is_some(), (first..=last).contains(&microseconds), "{microseconds}");
    // Every number stands for a moment within the range.
    let microseconds = first + microseconds.rem_euclid(last - first + 1);
    let timestamp = Timestamp::from_microseconds(microseconds).expect("within the range");
    assert_eq!(timestamp.to_string(), text(microseconds));
    assert_eq!(Timestamp::from_fields(timestamp.fields()), Some(timestamp));
    check_text(&timestamp.to_string());
}

fn check_text(text: &str) {
    let parsed = Timestamp::parse(text);
    assert_eq!(parsed.map(Timestamp::microseconds), microseconds(text), "{text:?}");
    if let Some(timestamp) = parsed {
        assert_eq!(timestamp.to_string(), text);
    }
}

fn check_fields(choices: &mut Choices<'_>) {
    let year = choices.number() as i32;
    let [month, day, hour, minute, second] = [(); 5].map(|()| choices.byte());
    let microsecond = choices.number() as u32;
    for year in [year, year.rem_euclid(10_100)] {
        let fields = Fields { year, month, day, hour, minute, second, microsecond };
        let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}{minute:02}{second:02}.{microsecond:06}Z");
        assert_eq!(Timestamp::from_fields(fields).map(Timestamp::microseconds), microseconds(&text), "{text}");
    }
}
