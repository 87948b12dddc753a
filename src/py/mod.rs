//! What Python sees of the core. The only room that knows both.

pub mod arrow;
pub mod batch;
mod buffers;
pub mod chain;
pub mod classify;
pub mod columns;
pub mod combination;
mod errors;
pub mod expression;
mod gil;
pub mod manifest;
pub mod merge;
pub mod page;
pub mod row;
pub mod run;
pub mod seen;
pub mod sources;
pub mod timestamps;
pub mod window;
