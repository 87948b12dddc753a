//! Journals combined into one with their updates applied.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::prelude::*;

use super::errors::whole_number;
use super::gil::released;
use super::manifest::Manifest;
use super::sources::Sources;
use super::window::Window;
use crate::core::combination::{self, Update};
use crate::core::row::timestamp_argument;

/// Journals combined into one.
#[pyclass(frozen, module = "flashflood._core")]
pub struct Combination(combination::Combination);

#[pymethods]
impl Combination {
    #[new]
    #[pyo3(
        signature = (sources, updates=Vec::new(), current=None),
        text_signature = "(sources, updates=(), current={})"
    )]
    fn new(
        py: Python<'_>,
        sources: &Sources,
        updates: Vec<UpdateArgument<'_>>,
        current: Option<HashMap<String, String>>,
    ) -> PyResult<Self> {
        let (sources, updates) = (sources.now(), updates_of(updates)?);
        let current = current.unwrap_or_default();
        released(py, || combination::Combination::new(sources, &updates, &current)).map(Self)
    }

    /// The ids that several rows have after the deletes.
    #[staticmethod]
    #[pyo3(signature = (sources, updates, /))]
    fn contested(py: Python<'_>, sources: &Sources, updates: Vec<UpdateArgument<'_>>) -> PyResult<Vec<String>> {
        let (sources, updates) = (sources.now(), updates_of(updates)?);
        released(py, || Ok(combination::Combination::contested(&sources, &updates)))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    #[getter]
    fn start(&self) -> Option<String> {
        self.0.start().map(|timestamp| timestamp.to_string())
    }

    #[getter]
    fn end(&self) -> Option<String> {
        self.0.end().map(|timestamp| timestamp.to_string())
    }

    #[getter]
    fn size(&self) -> u64 {
        self.0.size()
    }

    /// The combined journal's manifest.
    #[pyo3(signature = (journal_id, /))]
    fn manifest(&self, py: Python<'_>, journal_id: &str) -> PyResult<Manifest> {
        released(py, || self.0.manifest(journal_id)).map(Arc::new).map(Manifest)
    }

    /// The next stretch of the blob.
    #[pyo3(signature = (first, limit, /))]
    fn window(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = whole_number)] first: u64,
        #[pyo3(from_py_with = whole_number)] limit: u64,
    ) -> PyResult<Option<Window>> {
        let window = released(py, || Ok(self.0.window(usize::try_from(first).unwrap_or(usize::MAX), limit)))?;
        Ok(window.map(Arc::new).map(Window))
    }
}

/// (journal_id, event_id, timestamp, is_delete, bytes of its data)
type UpdateArgument<'py> = (String, String, String, bool, Bound<'py, PyAny>);

fn updates_of(updates: Vec<UpdateArgument<'_>>) -> PyResult<Vec<Update>> {
    let to_update = |(journal_id, event_id, timestamp, is_delete, size): UpdateArgument<'_>| {
        let timestamp = timestamp_argument(&timestamp)?;
        Ok(Update { journal_id, event_id, timestamp, is_delete, size: whole_number(&size)? })
    };
    updates.into_iter().map(to_update).collect()
}
