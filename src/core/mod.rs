//! The core: bytes in, events out. Nothing in here knows Python.

pub mod arrow;
pub mod batch;
pub mod classify;
pub mod column;
pub mod columns;
pub mod combination;
pub mod error;

pub mod jmespath;
pub mod journal_id;
pub mod manifest;
pub mod merge;
pub mod page;
pub mod place;
pub mod row;
#[cfg(test)]
mod samples;
pub mod seen;
pub mod selection;
pub mod sources;
pub mod texts;
pub mod timestamp;
pub mod window;
