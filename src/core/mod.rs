//! The core: bytes in, events out. Nothing in here knows Python.

pub mod arrow;
pub mod batch;
pub mod column;
pub mod combination;
pub mod error;

pub mod ids;
pub mod jmespath;
pub mod journal_id;
pub mod listing;
pub mod manifest;
pub mod merge;
pub mod place;
pub mod row;
#[cfg(test)]
mod samples;
pub mod selection;
pub mod sources;
pub mod timestamp;
pub mod window;
