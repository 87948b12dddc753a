//! Many texts in one allocation.

/// A column of texts: one long text with all of them, and where each ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text at an index.
    #[inline]
    pub fn get(&self, index: usize) -> &str {
        &self.text[self.start(index)..self.ends[index]]
    }

    /// The texts in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Appends a text.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    /// Where the next text is written, part by part. `finish` ends it.
    pub fn unfinished(&mut self) -> &mut String {
        &mut self.text
    }

    /// Throws away what has been written of the next text.
    pub fn restart(&mut self) {
        let start = self.start(self.len());
        self.text.truncate(start);
    }

    /// Ends the text that has been written.
    pub fn finish(&mut self) {
        self.ends.push(self.text.len());
    }

    /// The same texts in another order: the text at `n` is the old one at `order[n]`.
    pub fn reordered(&self, order: &[u32]) -> Self {
        let mut texts = Self { text: String::with_capacity(self.text.len()), ends: Vec::with_capacity(order.len()) };
        for index in order {
            texts.push(self.get(*index as usize));
        }
        texts
    }

    fn start(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.ends[before])
    }
}

impl<S: AsRef<str>> FromIterator<S> for Texts {
    fn from_iter<I: IntoIterator<Item = S>>(all: I) -> Self {
        let mut texts = Self::default();
        all.into_iter().for_each(|text| texts.push(text.as_ref()));
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_where_it_was_put() {
        let mut texts = Texts::default();
        for text in ["a", "", "ζ", "ab"] {
            texts.push(text);
        }
        texts.unfinished().push_str("wrong");
        texts.restart();
        texts.unfinished().push_str("right");
        texts.finish();
        assert_eq!(texts.iter().collect::<Vec<_>>(), ["a", "", "ζ", "ab", "right"]);
        assert_eq!(texts.reordered(&[4, 2, 0]), ["right", "ζ", "a"].iter().collect());
    }
}
