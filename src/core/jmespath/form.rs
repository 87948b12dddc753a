//! The form of a document: all of its text but its scalars. Documents that follow one another often share it. Then the
//! next one's tokens are those of the last one, of which only the places move: its form is compared, eight bytes at a
//! time, and its scalars are scanned.

use super::outcome::NoValue;
use super::scan::{JsonText, Kind, Token};

/// The last document's form.
#[derive(Debug, Default)]
pub struct Form {
    /// How many forms have been learned: the present one's name. None: none is known.
    name: Option<u64>,
    learned: u64,
    /// Between the scalars, and before and after them.
    gaps: Vec<Gap>,
    /// The texts of the gaps, eight bytes in each word; each begins with a word of its own.
    words: Vec<u64>,
    /// Of each token: how far it begins behind its gap's beginning.
    offsets: Vec<u32>,
    misses: u32,
    rest: u32,
}

/// The text up to the next scalar, or to the end.
#[derive(Debug)]
struct Gap {
    /// How many bytes it has.
    length: usize,
    /// Where its words end.
    words_end: usize,
    /// Which bits of its last word count.
    mask: u64,
    /// Where its tokens end: the index of the scalar's.
    tokens_end: usize,
}

/// Longer documents, and those of more tokens, seldom share their form.
const MOST_BYTES: usize = 1 << 14;
const MOST_TOKENS: usize = 1 << 10;
/// After so many documents in a row, each of another form than the one before, forms are left alone for a while.
const MOST_MISSES: u32 = 8;
const REST: u32 = 256;

impl Form {
    /// The form's name, which no other one has; none where none is known.
    pub fn name(&self) -> Option<u64> {
        self.name
    }

    /// Knows no form any more, as when the tokens have become another document's.
    pub fn forget(&mut self) {
        self.name = None;
    }

    /// Whether a simple text has the form, and is JSON. If so, the tokens, which were those of the last document, are
    /// its own. If not, they are nobody's, and the form is forgotten.
    pub fn fits(&mut self, text: JsonText<'_, true>, tokens: &mut [Token]) -> bool {
        if self.name.is_none() {
            return false;
        }
        if self.follow(text, tokens).is_ok() {
            self.misses = 0;
            return true;
        }
        self.forget();
        self.misses += 1;
        if self.misses == MOST_MISSES {
            (self.misses, self.rest) = (0, REST);
        }
        false
    }

    /// Fails where the text has another form.
    fn follow(&self, text: JsonText<'_, true>, tokens: &mut [Token]) -> Result<(), NoValue> {
        let (mut at, mut words, mut first) = (0, 0, 0);
        for gap in &self.gaps {
            if !gap.is_at(text.data, at, &self.words[words..gap.words_end]) {
                return Err(NoValue::NotJson);
            }
            let (in_gap, rest) = tokens[first..].split_at_mut(gap.tokens_end - first);
            for (token, offset) in in_gap.iter_mut().zip(&self.offsets[first..]) {
                token.move_to(at as u32 + offset);
            }
            at += gap.length;
            words = gap.words_end;
            first = gap.tokens_end + 1;
            if let Some(scalar) = rest.first_mut() {
                let (kind, start, end, after) = text.scalar(at)?;
                (scalar.kind, scalar.start, scalar.end) = (kind, start as u32, end as u32);
                at = after;
            }
        }
        if at == text.data.len() { Ok(()) } else { Err(NoValue::NotJson) }
    }

    /// Learns the form of a simple document, given its tokens.
    pub fn learn(&mut self, data: &[u8], tokens: &[Token]) {
        if self.rest > 0 {
            self.rest -= 1;
            return;
        }
        if data.len() > MOST_BYTES || tokens.len() > MOST_TOKENS {
            return;
        }
        self.gaps.clear();
        self.words.clear();
        self.offsets.clear();
        let mut from = 0;
        for (index, (token, is_scalar)) in with_scalars(tokens).enumerate() {
            let quote = usize::from(token.kind == Kind::Plain);
            self.offsets.push(token.start - from as u32);
            if is_scalar {
                self.add_gap(&data[from..token.start as usize - quote], index);
                from = token.end as usize + quote;
            }
        }
        self.add_gap(&data[from..], tokens.len());
        self.learned += 1;
        self.name = Some(self.learned);
    }

    fn add_gap(&mut self, text: &[u8], tokens_end: usize) {
        let (blocks, rest) = text.as_chunks::<8>();
        self.words.extend(blocks.iter().map(|&block| u64::from_le_bytes(block)));
        let mut mask = u64::MAX;
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.words.push(u64::from_le_bytes(last));
            mask >>= 64 - 8 * rest.len();
        }
        self.gaps.push(Gap { length: text.len(), words_end: self.words.len(), mask, tokens_end });
    }
}

impl Gap {
    /// Whether the data have the gap's text at an offset.
    #[inline]
    fn is_at(&self, data: &[u8], at: usize, words: &[u64]) -> bool {
        let Some((&last, words)) = words.split_last() else { return true };
        let Some(data) = data.get(at..) else { return false };
        let (blocks, rest) = data.as_chunks::<8>();
        if blocks.len() <= words.len() {
            let mut end = [0; 8];
            end[..rest.len()].copy_from_slice(rest);
            let is_there = data.len() >= self.length && u64::from_le_bytes(end) & self.mask == last;
            return is_there && words.iter().zip(blocks).all(|(word, block)| u64::from_le_bytes(*block) == *word);
        }
        let differing =
            words.iter().zip(blocks).fold(0, |bits, (word, block)| bits | (u64::from_le_bytes(*block) ^ word));
        differing | ((u64::from_le_bytes(blocks[words.len()]) & self.mask) ^ last) == 0
    }
}

/// The tokens, and of each whether it is a scalar: neither a key, nor an array or object.
fn with_scalars(tokens: &[Token]) -> impl Iterator<Item = (Token, bool)> + '_ {
    let mut objects: Vec<(bool, usize)> = Vec::new();
    let mut is_key = false;
    tokens.iter().enumerate().map(move |(index, &token)| {
        while objects.last().is_some_and(|&(_, end)| end == index) {
            objects.pop();
        }
        is_key = !is_key && objects.last().is_some_and(|&(is_object, _)| is_object);
        let is_open = matches!(token.kind, Kind::Array | Kind::Object);
        if is_open {
            objects.push((token.kind == Kind::Object, token.next as usize));
        }
        (token, !is_key && !is_open)
    })
}

#[cfg(test)]
mod tests {
    use super::super::scan::Tape;
    use super::super::strings::is_simple;
    use super::{MOST_MISSES, REST};

    /// Scans documents one after the other, and each alone, and holds what was found against each other. Gives how often
    /// a form was that of the document before.
    fn scanned<'a>(documents: impl IntoIterator<Item = &'a [u8]>) -> usize {
        let (mut tape, mut last, mut hits) = (Tape::default(), None, 0);
        for data in documents {
            let mut alone = Tape::default();
            let expected = alone.scan(data, is_simple(data));
            let text = String::from_utf8_lossy(data);
            assert_eq!(tape.scan(data, is_simple(data)), expected, "{text}");
            if expected.is_ok() {
                assert_eq!((&tape.tokens, tape.depth), (&alone.tokens, alone.depth), "{text}");
            }
            hits += usize::from(tape.form().is_some() && tape.form() == last);
            last = tape.form();
        }
        hits
    }

    fn texts<'a>(documents: &'a [&'a str]) -> impl Iterator<Item = &'a [u8]> {
        documents.iter().map(|text| text.as_bytes())
    }

    #[test]
    fn documents_that_differ_in_their_scalars_have_one_form() {
        let documents = [
            r#"{"id": "a", "of": [1, {"x": null, "empty": {}}], "long key of its own": -1.5e3}"#,
            r#"{"id": "", "of": [true, {"x": "a longer text than before", "empty": {}}], "long key of its own": 0}"#,
            r#"{"id": NaN, "of": ["[", {"x": "}", "empty": {}}], "long key of its own": false}"#,
        ];
        assert_eq!(scanned(texts(&documents)), 2);
        assert_eq!(scanned(texts(&["1", r#""text""#, "null", "[]", "[]", "[1]", "[2]", "[1,2]"])), 4);
    }

    #[test]
    fn a_document_of_another_form_is_what_it_is_alone() {
        let documents = [
            r#"{"a": 1, "b": [2]}"#,
            r#"{"a": 1, "b": [2]"#,
            r#"{"a": 1, "b": [2]}"#,
            r#"{"a": 1, "b": [2]} "#,
            r#"{"a": 1, "b": [2]}}"#,
            r#"{"a": 1, "b": [2]}"#,
            r#"{"a": [1], "b": [2]}"#,
            r#"{"a": 1, "c": [2]}"#,
            r#"{"a": 1, "c": [02]}"#,
            r#"{"a": 1, "c": [2]}"#,
            r#"{"a": "\u0061", "c": [2]}"#,
            r#"{"a": 1, "c": [2]}"#,
            r#"{"a": "1, "c": [2]}"#,
            r#"{"a": tru, "c": [2]}"#,
            r#"{"a": , "c": [2]}"#,
            "",
        ];
        for first in documents {
            for second in documents {
                scanned(texts(&[first, first, second, first, second]));
            }
        }
        scanned(texts(&documents));
    }

    #[test]
    fn documents_with_any_byte_changed_left_out_or_doubled_are_what_they_are_alone() {
        let document = br#"{"k": "v", "a long key": [12, {"n": -0.5e1}, [], "text"], "last": true}"#;
        for at in 0..document.len() {
            for byte in *br#"{}[]",: 0-.ent\x"# {
                let (head, tail) = document.split_at(at);
                let changed = [head, &[byte], &tail[1..]].concat();
                let doubled = [head, &[byte], tail].concat();
                let shorter = [head, &tail[1..]].concat();
                scanned([&document[..], &changed, document, &doubled, document, &shorter, head, document]);
            }
        }
    }

    #[test]
    fn forms_that_change_each_time_are_left_alone_for_a_while() {
        for (changing, hits) in [(MOST_MISSES + REST - 1, 2), (MOST_MISSES + REST, 3)] {
            let changing: Vec<String> = (0..changing).map(|key| format!("{{\"{key}\": 1}}")).collect();
            let same = [r#"{"a": 1}"#; 4];
            assert_eq!(scanned(changing.iter().map(|text| text.as_bytes()).chain(texts(&same))), hits);
        }
    }
}
