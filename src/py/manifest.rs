//! A journal's manifest.

use std::sync::Arc;

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBytes, PyDict, PyList};

use super::buffers::bytes_of;
use super::errors::whole_number;
use super::gil::released;
use super::row::Row;
use crate::core::manifest;

/// A journal's manifest in columns.
#[pyclass(frozen, module = "flashflood._core")]
pub struct Manifest(pub Arc<manifest::Manifest>);

#[pymethods]
impl Manifest {
    /// Reads any valid JSON manifest.
    #[staticmethod]
    #[pyo3(signature = (journal_id, body, /))]
    fn decode(py: Python<'_>, journal_id: &str, body: &Bound<'_, PyAny>) -> PyResult<Self> {
        let body = bytes_of(body)?;
        let manifest = released(py, || manifest::Manifest::decode(journal_id, &body))?;
        Ok(Self(Arc::new(manifest)))
    }

    /// Some of the rows of a manifest that this package wrote.
    #[staticmethod]
    #[pyo3(signature = (journal_id, size, rows, replaces, /))]
    fn decode_part(
        py: Python<'_>,
        journal_id: &str,
        #[pyo3(from_py_with = whole_number)] size: u64,
        rows: &Bound<'_, PyAny>,
        replaces: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let (rows, replaces) = (bytes_of(rows)?, bytes_of(replaces)?);
        let manifest = released(py, || manifest::Manifest::decode_part(journal_id, size, &rows, &replaces))?;
        Ok(Self(Arc::new(manifest)))
    }

    /// A manifest of these rows over a blob of `size` bytes.
    #[staticmethod]
    #[pyo3(signature = (journal_id, rows, size, replaces=Vec::new()), text_signature = "(journal_id, rows, size, replaces=())")]
    fn of_rows(
        py: Python<'_>,
        journal_id: &str,
        rows: Vec<Py<Row>>,
        #[pyo3(from_py_with = whole_number)] size: u64,
        replaces: Vec<String>,
    ) -> PyResult<Self> {
        let manifest = released(py, || {
            let rows: Vec<&crate::core::row::Row> = rows.iter().map(|row| &row.get().0).collect();
            manifest::Manifest::of_rows(journal_id, &rows, size, Arc::new(replaces.iter().collect()))
        })?;
        Ok(Self(Arc::new(manifest)))
    }

    #[getter]
    fn journal_id(&self) -> &str {
        self.0.journal_id()
    }

    #[getter]
    fn size(&self) -> u64 {
        self.0.size()
    }

    #[getter]
    fn replaces(&self) -> Vec<&str> {
        self.0.replaces().iter().collect()
    }

    #[getter]
    fn is_ours(&self) -> bool {
        self.0.is_ours()
    }

    #[getter]
    fn is_ordered(&self) -> bool {
        self.0.is_ordered()
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// The row at an index.
    #[pyo3(signature = (index, /))]
    fn row(&self, index: isize) -> PyResult<Row> {
        usize::try_from(index).ok().and_then(|index| self.0.row(index)).map(Row).ok_or_else(|| {
            PyIndexError::new_err(format!("journal {} has {} rows, no row {index}", self.0.journal_id(), self.0.len()))
        })
    }

    /// All rows.
    fn rows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let rows: Vec<_> = (0..self.0.len())
            .filter_map(|row| self.0.row(row))
            .map(|row| Bound::new(py, Row(row)))
            .collect::<PyResult<_>>()?;
        PyList::new(py, rows)
    }

    /// The last row of this id.
    #[pyo3(signature = (event_id, /))]
    fn find(&self, py: Python<'_>, event_id: &str) -> PyResult<Option<Row>> {
        let row = released(py, || Ok(self.0.find(event_id)))?;
        Ok(row.and_then(|row| self.0.row(row)).map(Row))
    }

    /// For each id, the index of its last row.
    #[pyo3(signature = (event_ids, /))]
    fn find_all(&self, py: Python<'_>, event_ids: Vec<PyBackedStr>) -> PyResult<Vec<Option<usize>>> {
        released(py, || Ok(self.0.find_all(&event_ids)))
    }

    /// The rows as 0.4.3 has them.
    fn events<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let events = PyList::empty(py);
        for row in 0..self.0.len() {
            let event = PyDict::new(py);
            event.set_item(pyo3::intern!(py, "event_id"), self.0.event_id(row))?;
            event.set_item(pyo3::intern!(py, "timestamp"), self.0.timestamp(row).to_string())?;
            event.set_item(pyo3::intern!(py, "offset"), self.0.offset(row))?;
            event.set_item(pyo3::intern!(py, "size"), self.0.size_of(row))?;
            events.append(event)?;
        }
        Ok(events)
    }

    /// The JSON that 0.4.3 reads. It is written twice, and the first time only counted: so it is in memory once.
    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let mut length = 0;
        released(py, || {
            self.0.encode_to(|chunk| length += chunk.len());
            Ok(())
        })?;
        PyBytes::new_with(py, length, |mut target| {
            released(py, || {
                self.0.encode_to(|chunk| {
                    let (here, rest) = std::mem::take(&mut target).split_at_mut(chunk.len());
                    here.copy_from_slice(chunk.as_bytes());
                    target = rest;
                });
                Ok(())
            })
        })
    }
}
