//! Many texts in one allocation.

/// A column of ids: one text with all of them, and where each ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    text: String,
    ends: Vec<usize>,
}

impl Ids {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The id of a row.
    #[inline]
    pub fn get(&self, row: usize) -> &str {
        &self.text[self.start(row)..self.ends[row]]
    }

    /// The ids in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|row| self.get(row))
    }

    /// Appends an id.
    pub fn push(&mut self, id: &str) {
        self.text.push_str(id);
        self.ends.push(self.text.len());
    }

    /// The text into which the next id is written piece by piece; `finish` makes it a row.
    pub fn unfinished(&mut self) -> &mut String {
        &mut self.text
    }

    /// Throws away what has been written of the next id.
    pub fn restart(&mut self) {
        let start = self.start(self.len());
        self.text.truncate(start);
    }

    /// Makes what has been written since the last id a row.
    pub fn finish(&mut self) {
        self.ends.push(self.text.len());
    }

    /// The same ids in another order: row `n` is the old row `order[n]`.
    pub fn reordered(&self, order: &[u32]) -> Self {
        let mut ids = Self { text: String::with_capacity(self.text.len()), ends: Vec::with_capacity(order.len()) };
        for row in order {
            ids.push(self.get(*row as usize));
        }
        ids
    }

    fn start(&self, row: usize) -> usize {
        row.checked_sub(1).map_or(0, |before| self.ends[before])
    }
}

impl<S: AsRef<str>> FromIterator<S> for Ids {
    fn from_iter<I: IntoIterator<Item = S>>(texts: I) -> Self {
        let mut ids = Self::default();
        texts.into_iter().for_each(|id| ids.push(id.as_ref()));
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_is_where_it_was_put() {
        let mut ids = Ids::default();
        for id in ["a", "", "ζ", "ab"] {
            ids.push(id);
        }
        ids.unfinished().push_str("wrong");
        ids.restart();
        ids.unfinished().push_str("right");
        ids.finish();
        assert_eq!(ids.iter().collect::<Vec<_>>(), ["a", "", "ζ", "ab", "right"]);
        assert_eq!(ids.reordered(&[4, 2, 0]), ["right", "ζ", "a"].iter().collect());
    }
}
