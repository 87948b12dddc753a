//! The one way into the core for work that takes longer than a few microseconds.

use pyo3::prelude::*;

use crate::core::error::Result;

/// Does the work with the GIL released, so that other Python threads run meanwhile. Its error becomes Python's.
///
/// A Ctrl-C that came meanwhile is raised when the work is done: no work is so long that it must look before.
pub fn released<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    let result = py.detach(work)?;
    py.check_signals()?;
    Ok(result)
}
