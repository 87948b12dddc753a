//! The one way in which work that takes longer than a few microseconds enters the core.

use pyo3::prelude::*;

use crate::core::error::Result;

/// Does the work with the GIL released, so that other threads of Python go on meanwhile, and gives its error as
/// Python's. A Ctrl-C that came meanwhile is raised then: no piece of work is so long that it would have to ask.
pub fn released<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    let result = py.detach(work)?;
    py.check_signals()?;
    Ok(result)
}
