//! The bucket: a formula's objects, and over them what clients have written and deleted.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::iter::Peekable;
use std::ops::{Bound, Range};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::formula::{Formula, Made};
use crate::moment::Moment;
use crate::uploads::{Metadata, Uploads};

const OF_WRITTEN: u64 = 1 << 63;

/// An object that a client has written.
#[derive(Debug)]
pub struct Written {
    body: Vec<u8>,
    metadata: Metadata,
    modified: Moment,
    version: u64,
}

/// An object.
#[derive(Debug, Clone)]
pub enum Object<'a> {
    /// Of the formula, with its number there.
    Made(&'a Formula, u64, Made<'a>),
    /// Written by a client.
    Written(Arc<Written>),
}

/// By key, what clients have written; None: they have deleted the formula's object.
type Overlay = BTreeMap<Vec<u8>, Option<Arc<Written>>>;

/// All objects.
#[derive(Debug)]
pub struct Bucket {
    formula: Formula,
    overlay: RwLock<Overlay>,
    versions: AtomicU64,
    /// What is being uploaded in parts.
    pub uploads: Uploads,
}

impl Bucket {
    /// A bucket with a formula's objects.
    pub fn new(formula: Formula) -> Self {
        Self { formula, overlay: RwLock::default(), versions: AtomicU64::new(OF_WRITTEN), uploads: Uploads::default() }
    }

    /// The object with a key.
    pub fn get(&self, key: &[u8]) -> Option<Object<'_>> {
        self.look_up(&self.read(), key)
    }

    /// Writes an object. None: `only_if_free`, and there is one.
    pub fn put(&self, key: &[u8], body: Vec<u8>, metadata: Metadata, only_if_free: bool) -> Option<Object<'_>> {
        let version = self.versions.fetch_add(1, Ordering::Relaxed);
        let written = Arc::new(Written { body, metadata, modified: Moment::now(), version });
        let mut overlay = self.write();
        if only_if_free && self.look_up(&overlay, key).is_some() {
            return None;
        }
        overlay.insert(key.to_owned(), Some(written.clone()));
        Some(Object::Written(written))
    }

    /// Deletes an object, if it is there.
    pub fn delete(&self, key: &[u8]) {
        let is_made = self.formula.find(key).is_some();
        let mut overlay = self.write();
        if is_made {
            overlay.insert(key.to_owned(), None);
        } else {
            overlay.remove(key);
        }
    }

    /// Gives `each` the objects whose keys begin with a prefix and come after another key, in the order of keys, at most
    /// so many. True: there are more.
    pub fn list(&self, prefix: &[u8], after: &[u8], most: usize, mut each: impl FnMut(&[u8], &Object<'_>)) -> bool {
        let overlay = self.read();
        let mut objects = self.objects_after(&overlay, prefix, after);
        for _ in 0..most {
            if !objects.next(|key, object| each(key, object)) {
                return false;
            }
        }
        most > 0 && objects.next(|_, _| ())
    }

    fn objects_after<'a>(&'a self, overlay: &'a Overlay, prefix: &'a [u8], after: &'a [u8]) -> Objects<'a> {
        let (n, begin) = if after >= prefix {
            (self.formula.count_before(|key| key <= after), Bound::Excluded(after))
        } else {
            (self.formula.count_before(|key| key < prefix), Bound::Included(prefix))
        };
        let written = overlay.range::<[u8], _>((begin, Bound::Unbounded)).peekable();
        Objects { formula: &self.formula, n, key: Vec::new(), written, prefix }
    }

    fn look_up(&self, overlay: &Overlay, key: &[u8]) -> Option<Object<'_>> {
        match overlay.get(key) {
            Some(written) => written.clone().map(Object::Written),
            None => self.formula.find(key).map(|n| Object::Made(&self.formula, n, self.formula.nth(n))),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Overlay> {
        self.overlay.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Overlay> {
        self.overlay.write().unwrap_or_else(PoisonError::into_inner)
    }
}

type WrittenKeys<'a> = std::collections::btree_map::Range<'a, Vec<u8>, Option<Arc<Written>>>;

/// Goes through the formula and the overlay side by side.
struct Objects<'a> {
    formula: &'a Formula,
    n: u64,
    key: Vec<u8>,
    written: Peekable<WrittenKeys<'a>>,
    prefix: &'a [u8],
}

impl<'a> Objects<'a> {
    /// Gives `each` the next object. False: there is none.
    fn next(&mut self, mut each: impl FnMut(&[u8], &Object<'_>)) -> bool {
        loop {
            let is_made = self.fill_key();
            let written = self.written.peek().filter(|(key, _)| key.starts_with(self.prefix)).copied();
            let written = written.filter(|(key, _)| !is_made || **key <= self.key);
            if let Some((key, object)) = written {
                self.written.next();
                self.n += u64::from(is_made && *key == self.key);
                if let Some(object) = object {
                    each(key, &Object::Written(object.clone()));
                    return true;
                }
            } else if is_made {
                each(&self.key, &Object::Made(self.formula, self.n, self.formula.nth(self.n)));
                self.n += 1;
                return true;
            } else {
                return false;
            }
        }
    }

    /// Works out the key of the formula's next object. False: there is none with the prefix.
    fn fill_key(&mut self) -> bool {
        self.key.clear();
        if self.n < self.formula.len() {
            self.formula.push_key(self.formula.nth(self.n), &mut self.key);
        }
        !self.key.is_empty() && self.key.starts_with(self.prefix)
    }
}

impl Object<'_> {
    /// Bytes of its body.
    pub fn size(&self) -> u64 {
        match self {
            Self::Made(formula, _, made) => formula.size(*made),
            Self::Written(written) => written.body.len() as u64,
        }
    }

    /// When it was written.
    pub fn modified(&self) -> Moment {
        match self {
            Self::Made(formula, _, made) => formula.modified(*made),
            Self::Written(written) => written.modified,
        }
    }

    /// A number that no other object has.
    pub fn etag(&self) -> u64 {
        match self {
            Self::Made(_, n, _) => *n,
            Self::Written(written) => written.version,
        }
    }

    /// Gives `each` a name and a value of its S3 metadata.
    pub fn each_metadata(&self, mut each: impl FnMut(&[u8], &[u8])) {
        match self {
            Self::Made(formula, _, made) => {
                formula.metadata(*made).iter().for_each(|(name, value)| each(name.as_bytes(), value));
            }
            Self::Written(written) => {
                written.metadata.iter().for_each(|(name, value)| each(name.as_bytes(), value.as_bytes()));
            }
        }
    }

    /// Writes a part of its body.
    pub fn write(&self, part: Range<u64>, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Made(formula, _, made) => formula.write(*made, part, out),
            Self::Written(written) => out.write_all(&written.body[part.start as usize..part.end as usize]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stretch::Stretch;

    fn bucket() -> Bucket {
        let parsed = Stretch::parse("journals=3,every=60,events=2,size=100").and_then(|one| Formula::new(vec![one]));
        Bucket::new(parsed.expect("the formula is well formed"))
    }

    fn keys(bucket: &Bucket, prefix: &str, after: &str, most: usize) -> (Vec<String>, bool) {
        let mut found = Vec::new();
        let more = bucket.list(prefix.as_bytes(), after.as_bytes(), most, |key, _| {
            found.push(String::from_utf8(key.to_owned()).expect("keys are text"));
        });
        (found, more)
    }

    #[test]
    fn what_is_written_and_deleted_lies_over_the_formula() {
        let bucket = bucket();
        let (all, more) = keys(&bucket, "", "", 100);
        assert_eq!((all.len(), more), (12, false));
        bucket.delete(all[1].as_bytes());
        assert!(bucket.put(b"formula/a", b"1".to_vec(), vec![], true).is_some());
        assert!(bucket.put(all[2].as_bytes(), b"22".to_vec(), vec![], true).is_none());
        assert!(bucket.put(all[2].as_bytes(), b"22".to_vec(), vec![], false).is_some());
        let mut expected = all.clone();
        expected.remove(1);
        expected.insert(0, "formula/a".to_owned());
        assert_eq!(keys(&bucket, "", "", 100), (expected.clone(), false));
        assert_eq!(keys(&bucket, "formula/", &expected[4], 2), (expected[5..7].to_vec(), true));
        assert!(bucket.get(all[1].as_bytes()).is_none());
        assert_eq!(bucket.get(all[2].as_bytes()).map(|object| object.size()), Some(2));
        assert!(bucket.put(all[1].as_bytes(), b"".to_vec(), vec![], true).is_some());
        bucket.delete(b"formula/a");
        assert_eq!(keys(&bucket, "", "", 100), (all, false));
    }

    #[test]
    fn a_page_says_whether_more_follow() {
        let bucket = bucket();
        assert!(!keys(&bucket, "formula/blobs/", "", 3).1);
        assert!(keys(&bucket, "formula/blobs/", "", 2).1);
        assert_eq!(keys(&bucket, "formula/blobs/", "", 0), (vec![], false));
        assert_eq!(keys(&bucket, "formula/blobs/", "formula/c", 3), (vec![], false));
        assert_eq!(keys(&bucket, "formula/update", "", 3), (vec![], false));
    }
}
