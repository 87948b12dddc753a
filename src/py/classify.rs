//! Listings of journals sorted by kind.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;

use crate::core::classify as core;
use crate::py::gil::released;

/// Sorts a part of a listing into (living, tombstones, strangers).
#[pyfunction]
#[pyo3(signature = (names, /))]
pub fn classify(py: Python<'_>, names: Vec<PyBackedStr>) -> PyResult<(Vec<usize>, Vec<usize>, Vec<usize>)> {
    let core::Classified { living, tombstones, strangers } = released(py, || Ok(core::classify(&names)))?;
    Ok((living, tombstones, strangers))
}
