//! Names that were met.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;

use crate::core::seen;
use crate::py::gil::released;

/// Names that were met.
#[pyclass(frozen, module = "flashflood._core")]
#[derive(Default)]
pub struct Seen(Mutex<seen::Seen>);

#[pymethods]
impl Seen {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Adds names; gives the indices of those that are new.
    #[pyo3(signature = (names, /))]
    fn add(&self, py: Python<'_>, names: Vec<PyBackedStr>) -> PyResult<Vec<usize>> {
        released(py, || Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).add(&names)))
    }
}
