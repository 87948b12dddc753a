//! S3's answers to a LIST.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDateTime, PyTzInfo};

use crate::core::page;
use crate::core::timestamp::{Fields, Timestamp};
use crate::py::gil::released;

/// An answer without its objects; and of the objects the keys, the sizes and the dates.
type Columns<'py> = (Bound<'py, PyBytes>, Vec<String>, Vec<u64>, Vec<Bound<'py, PyDateTime>>);

/// Takes an answer to a LIST apart.
#[pyfunction]
#[pyo3(signature = (body, root, /))]
pub fn parse_page<'py>(py: Python<'py>, body: &[u8], root: &str) -> PyResult<Option<Columns<'py>>> {
    let Some(page::Page { rest, objects }) = released(py, || Ok(page::parse(body, root)))? else { return Ok(None) };
    let utc = PyTzInfo::utc(py)?;
    let dates = objects.iter().map(|object| in_utc(&utc, object.modified)).collect::<PyResult<_>>()?;
    let (keys, sizes) = objects.into_iter().map(|object| (object.key, object.size)).unzip();
    Ok(Some((PyBytes::new(py, &rest), keys, sizes, dates)))
}

fn in_utc<'py>(utc: &Bound<'py, PyTzInfo>, date: Timestamp) -> PyResult<Bound<'py, PyDateTime>> {
    let Fields { year, month, day, hour, minute, second, microsecond } = date.fields();
    PyDateTime::new(utc.py(), year, month, day, hour, minute, second, microsecond, Some(utc))
}
