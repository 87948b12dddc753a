//! How many requests of each kind there were, how many at most at one time, and how many bytes were sent.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::texts::push_decimal;

/// The kinds of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A page of keys.
    List,
    /// An object, or a part of it.
    Get,
    /// An object's head, or the bucket's.
    Head,
    /// Writing an object.
    Put,
    /// Deleting one object.
    Delete,
    /// Deleting many.
    DeleteMany,
    /// Tagging an object.
    Tag,
    /// What this server does not know.
    Other,
}

const NAMES: [&str; 8] = ["list", "get", "head", "put", "delete", "delete_many", "tag", "other"];

/// The counts.
#[derive(Debug, Default)]
pub struct Counts {
    requests: [AtomicU64; NAMES.len()],
    under_way: AtomicU64,
    most_under_way: AtomicU64,
    bytes_sent: AtomicU64,
}

impl Counts {
    /// Counts a request that has come.
    pub fn begin(&self, kind: Kind) {
        self.requests[kind as usize].fetch_add(1, Ordering::Relaxed);
        let under_way = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_under_way.fetch_max(under_way, Ordering::Relaxed);
    }

    /// Counts its answer, or that the client has gone.
    pub fn end(&self, bytes_sent: u64) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        self.bytes_sent.fetch_add(bytes_sent, Ordering::Relaxed);
    }

    /// Begins anew.
    pub fn reset(&self) {
        for count in self.requests.iter().chain([&self.bytes_sent]) {
            count.store(0, Ordering::Relaxed);
        }
        self.most_under_way.store(self.under_way.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Tells them as JSON.
    pub fn encode(&self) -> Vec<u8> {
        let others = [("most_under_way", &self.most_under_way), ("bytes_sent", &self.bytes_sent)];
        let mut json = vec![b'{'];
        for (name, count) in NAMES.into_iter().zip(&self.requests).chain(others) {
            if json.len() > 1 {
                json.extend_from_slice(b", ");
            }
            json.push(b'"');
            json.extend_from_slice(name.as_bytes());
            json.extend_from_slice(b"\": ");
            push_decimal(&mut json, count.load(Ordering::Relaxed));
        }
        json.push(b'}');
        json
    }
}
