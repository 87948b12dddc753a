//! The Rust core of FlashFlood: bytes in, events out. No I/O, no keys, no clock.
//!
//! `core` compiles without Python, as it does for the fuzzers; `py` is the only room that knows both.

pub mod core;
#[cfg(feature = "python")]
mod py;

/// The module `flashflood._core`; what each thing does is said in `_core.pyi`.
#[cfg(feature = "python")]
#[pyo3::pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    use super::py::arrow::{RecordBatch, export_stream};
    #[pymodule_export]
    use super::py::batch::Batch;
    #[pymodule_export]
    use super::py::chain::{Chain, note_fork};
    #[pymodule_export]
    use super::py::classify::classify;
    #[pymodule_export]
    use super::py::columns::{Columns, type_text, types_of_schema};
    #[pymodule_export]
    use super::py::combination::Combination;
    #[pymodule_export]
    use super::py::expression::Expression;
    #[pymodule_export]
    use super::py::manifest::Manifest;
    #[pymodule_export]
    use super::py::merge::Merge;
    #[pymodule_export]
    use super::py::page::parse_page;
    #[pymodule_export]
    use super::py::row::Row;
    #[pymodule_export]
    use super::py::run::Run;
    #[pymodule_export]
    use super::py::seen::Seen;
    #[pymodule_export]
    use super::py::sources::Sources;
    #[pymodule_export]
    use super::py::timestamps::{format_timestamp, parse_timestamp};
    #[pymodule_export]
    use super::py::window::Window;
}
