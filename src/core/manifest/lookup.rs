//! Finding rows by id: a hash table of row numbers over the column of ids.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

use crate::core::ids::Ids;

/// For each id, the last row that has it. Holds no ids itself.
#[derive(Debug)]
pub struct Lookup {
    rows: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Lookup {
    /// Enters all rows.
    pub fn new(ids: &Ids) -> Self {
        let hasher = DefaultHashBuilder::default();
        let mut rows: HashTable<u32> = HashTable::with_capacity(ids.len());
        for (row, number) in (0..ids.len()).zip(0_u32..) {
            let id = ids.get(row);
            rows.entry(
                hasher.hash_one(id),
                |other| ids.get(*other as usize) == id,
                |other| hasher.hash_one(ids.get(*other as usize)),
            )
            .and_modify(|earlier| *earlier = number)
            .or_insert(number);
        }
        Self { rows, hasher }
    }

    /// The last row that has this id; `ids` must be those that were entered.
    pub fn find(&self, ids: &Ids, id: &str) -> Option<usize> {
        let row = self.rows.find(self.hasher.hash_one(id), |row| ids.get(*row as usize) == id)?;
        Some(*row as usize)
    }
}
