//! A journal's name: `{start}--{end}--{version}--{blob_id}`.

use super::timestamp::Timestamp;

/// What a journal_id says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalId {
    /// The timestamp of the first row.
    pub start: Timestamp,
    /// The timestamp of the last row. 0.4.3 has written journals whose rows are out of order, so it may be before `start`.
    pub end: Timestamp,
    /// When it was made; none for `new`: its events have just been put and not yet been journaled.
    pub made: Option<Timestamp>,
}

impl JournalId {
    /// Takes a journal_id apart; none where it does not have the layout's shape.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, "--");
        let start = Timestamp::parse(parts.next()?)?;
        let end = Timestamp::parse(parts.next()?)?;
        let version = parts.next()?;
        let made = if version == "new" { None } else { Some(Timestamp::parse(version)?) };
        is_uuid(parts.next()?).then_some(Self { start, end, made })
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: &str = "2019-05-16T211813.059000Z";
    const UUID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    #[test]
    fn the_layouts_shape_is_taken_apart() {
        let end = "2019-05-17T000000.000000Z";
        let new = JournalId::parse(&format!("{DAY}--{end}--new--{UUID}"));
        assert_eq!(new.map(|id| (id.start.to_string(), id.end.to_string())), Some((DAY.to_owned(), end.to_owned())));
        assert_eq!(new.map(|id| id.made), Some(None));
        let journaled = JournalId::parse(&format!("{DAY}--{DAY}--{DAY}--{UUID}"));
        assert_eq!(journaled.map(|id| id.made), Some(Timestamp::parse(DAY)));
    }

    #[test]
    fn no_other_shape_is_a_journal_id() {
        for text in [
            String::new(),
            format!("{DAY}--{DAY}--new"),
            format!("{DAY}--{DAY}--old--{UUID}"),
            format!("{DAY}--new--new--{UUID}"),
            format!("{DAY}--{DAY}--new--{UUID}.dead"),
            format!("{DAY}--{DAY}--new--{UUID}--x"),
            format!("{DAY}--{DAY}--new--../{}", &UUID[3..]),
            format!("{DAY}-{DAY}--new--{UUID}"),
        ] {
            assert_eq!(JournalId::parse(&text), None, "{text}");
        }
    }
}
