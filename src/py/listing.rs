//! Listings of journals.

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
