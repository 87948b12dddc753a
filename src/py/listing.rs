//! Listings of journals.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;

use crate::core::listing;
use crate::py::gil::released;

/// Sorts one stretch of a listing into (living, tombstones, strangers).
#[pyfunction]
#[pyo3(signature = (names, /))]
pub fn living(py: Python<'_>, names: Vec<PyBackedStr>) -> PyResult<(Vec<usize>, Vec<usize>, Vec<usize>)> {
    let listing = released(py, || Ok(listing::living(&names)))?;
    Ok((listing.living, listing.tombstones, listing.strangers))
}

/// Names that were met.
#[pyclass(frozen, module = "flashflood._core")]
#[derive(Default)]
pub struct Seen(Mutex<listing::Seen>);

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
