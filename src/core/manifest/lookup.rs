//! Finding rows by id: a hash table of row numbers, over the column of ids.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

use crate::core::texts::Texts;

/// How many ids' rows are looked up before the first id is compared.
const AT_A_TIME: usize = 64;

/// For each id, the last row that has it. The ids themselves stay in their column.
#[derive(Debug)]
pub struct Lookup {
    rows: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Lookup {
    /// Enters all rows.
    pub fn new(ids: &Texts) -> Self {
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
    pub fn find(&self, ids: &Texts, id: &str) -> Option<usize> {
        let row = self.rows.find(self.hasher.hash_one(id), |row| ids.get(*row as usize) == id)?;
        Some(*row as usize)
    }

    /// For each id, the last row that has it.
    ///
    /// Where the table is larger than the processor's caches, this is quicker than one `find` after the other: what is
    /// read for one id does not depend on what was found for the one before, so the processor waits for several at
    /// once.
    pub fn find_all(&self, ids: &Texts, wanted: &[impl AsRef<str>]) -> Vec<Option<usize>> {
        let likely = |id: &str| self.rows.find(self.hasher.hash_one(id), |_| true).copied();
        let check = |(id, row): (&str, Option<u32>)| {
            let row = row? as usize;
            if ids.get(row) == id { Some(row) } else { self.find(ids, id) }
        };
        let mut found = Vec::with_capacity(wanted.len());
        for some in wanted.chunks(AT_A_TIME) {
            let rows: Vec<Option<u32>> = some.iter().map(|id| likely(id.as_ref())).collect();
            found.extend(some.iter().map(AsRef::as_ref).zip(rows).map(check));
        }
        found
    }
}
