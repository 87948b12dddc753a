//! A column that keeps one value where all its rows have the same, as they often do.

/// Values by row. As long as all are the same, one value is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column<T> {
    /// The value of each row; empty as long as all are the same.
    each: Vec<T>,
    /// The value that all rows have; none where there are no rows.
    same: Option<T>,
    len: usize,
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self { each: Vec::new(), same: None, len: 0 }
    }
}

impl<T: Copy + PartialEq> Column<T> {
    /// How many values there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of a row; none beyond the last.
    pub fn get(&self, row: usize) -> Option<T> {
        if self.each.is_empty() { self.same.filter(|_| row < self.len) } else { self.each.get(row).copied() }
    }

    /// Appends a value.
    #[inline]
    pub fn push(&mut self, value: T) {
        if !self.each.is_empty() {
            self.each.push(value);
        } else if let Some(same) = self.same.filter(|same| *same != value) {
            self.each = vec![same; self.len];
            self.each.push(value);
        } else {
            self.same = Some(value);
        }
        self.len += 1;
    }

    /// The values in order.
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        (0..self.len).filter_map(|row| self.get(row))
    }

    /// The same values in another order: row `n` is the old row `order[n]`.
    pub fn reordered(&self, order: &[u32]) -> Self {
        order.iter().filter_map(|row| self.get(*row as usize)).collect()
    }
}

impl<T: Copy + PartialEq> FromIterator<T> for Column<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut column = Self::default();
        values.into_iter().for_each(|value| column.push(value));
        column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_where_it_was_put_whether_all_are_the_same_or_not() {
        for values in [&[][..], &[7], &[7, 7, 7], &[7, 7, 8], &[7, 8, 7, 7], &[8, 7]] {
            let column: Column<u32> = values.iter().copied().collect();
            assert_eq!((column.len(), column.is_empty()), (values.len(), values.is_empty()));
            assert_eq!(column.iter().collect::<Vec<_>>(), values);
            assert_eq!(column.get(values.len()), None);
            let backwards: Vec<u32> = (0..values.len() as u32).rev().collect();
            let reversed: Vec<u32> = values.iter().rev().copied().collect();
            assert_eq!(column.reordered(&backwards), reversed.into_iter().collect());
        }
    }
}
