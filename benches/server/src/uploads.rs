//! Uploads in parts, until they are finished.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// An object's S3 metadata: names and values.
pub type Metadata = Vec<(String, String)>;

#[derive(Debug, Default)]
struct Upload {
    metadata: Metadata,
    parts: BTreeMap<u32, Vec<u8>>,
}

/// The uploads under way.
#[derive(Debug, Default)]
pub struct Uploads(Mutex<Begun>);

#[derive(Debug, Default)]
struct Begun {
    count: u64,
    under_way: BTreeMap<String, Upload>,
}

impl Uploads {
    /// Begins one; gives its id.
    pub fn begin(&self, metadata: Metadata) -> String {
        let mut begun = self.lock();
        begun.count += 1;
        let id = begun.count.to_string();
        begun.under_way.insert(id.clone(), Upload { metadata, parts: BTreeMap::new() });
        id
    }

    /// Takes a part. None: there is no such upload.
    pub fn add(&self, id: &str, number: u32, part: Vec<u8>) -> Option<()> {
        self.lock().under_way.get_mut(id)?.parts.insert(number, part);
        Some(())
    }

    /// Ends one; gives its parts together, and the metadata. None: there is no such upload.
    pub fn end(&self, id: &str) -> Option<(Vec<u8>, Metadata)> {
        let Upload { metadata, parts } = self.lock().under_way.remove(id)?;
        Some((parts.into_values().collect::<Vec<_>>().concat(), metadata))
    }

    fn lock(&self) -> MutexGuard<'_, Begun> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
