//! A journal's name: `{start}--{end}--{version}--{blob_id}`.

use super::timestamp::{LENGTH, Timestamp, TimestampReader};

/// What a journal_id says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalId {
    /// The timestamp of the first row.
    pub start: Timestamp,
    /// The timestamp of the last row. It may be before `start`: 0.4.3 has written journals whose rows are out of order.
    pub end: Timestamp,
    /// When it was made. None for `new`: its events have been put, and not been journaled yet.
    pub made: Option<Timestamp>,
}

impl JournalId {
    /// Takes a journal_id apart; none where it does not have the layout's shape.
    pub fn parse(text: &str) -> Option<Self> {
        Self::read(text, &mut TimestampReader::default())
    }

    /// The same. It is quicker where many journal_ids begin on one day.
    pub fn read(text: &str, timestamps: &mut TimestampReader) -> Option<Self> {
        let (start, rest) = text.as_bytes().split_first_chunk::<LENGTH>()?;
        let (end, rest) = rest.strip_prefix(b"--")?.split_first_chunk::<LENGTH>()?;
        let rest = rest.strip_prefix(b"--")?;
        let (version, uuid) = match rest.strip_prefix(b"new--") {
            Some(uuid) => (None, uuid),
            None => {
                let (version, rest) = rest.split_first_chunk::<LENGTH>()?;
                (Some(version), rest.strip_prefix(b"--")?)
            }
        };
        let made = match version {
            Some(version) => Some(timestamps.read(version)?),
            None => None,
        };
        let from = timestamps.read(start)?;
        let to = if end == start { from } else { timestamps.read(end)? };
        is_uuid(uuid.try_into().ok()?).then_some(Self { start: from, end: to, made })
    }
}

/// Looks at all bytes first, whatever they are, and then at the dashes: so the compiler takes several at a time.
fn is_uuid(text: &[u8; 36]) -> bool {
    let is_known = |byte: &u8| byte.wrapping_sub(b'0') < 10 || (byte | 0x20).wrapping_sub(b'a') < 6 || *byte == b'-';
    let all_are_known = text.iter().fold(true, |so_far, byte| so_far & is_known(byte));
    let dashes: u8 = text.iter().map(|byte| u8::from(*byte == b'-')).sum();
    all_are_known && dashes == 4 && [8, 13, 18, 23].iter().all(|at| text[*at] == b'-')
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
            format!("{DAY}--{DAY}--new{UUID}"),
            format!("{DAY}--{DAY}--new--{}", UUID.replace('f', "g")),
            format!("{DAY}--{DAY}--new--{}", UUID.replace('-', "0")),
            format!("{DAY}--{DAY}--new--0f8fad5bd-9cb-469f-a165-70867728950e"),
            format!("{DAY}--{DAY}--new--0f8fad5b-d9cb-469f-a165-7086772895-e"),
            format!("{DAY}--2019-02-29T000000.000000Z--new--{UUID}"),
        ] {
            assert_eq!(JournalId::parse(&text), None, "{text}");
        }
    }
}
