//! Journals to be combined.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyString, PyTuple};

use super::gil::released;
use super::manifest::Manifest;
use crate::core::sources;

/// Journals to be combined.
#[pyclass(frozen, module = "flashflood._core")]
pub struct Sources(Mutex<Arc<sources::Sources>>);

impl Sources {
    /// The journals as they are now.
    pub fn now(&self) -> Arc<sources::Sources> {
        Arc::clone(&self.locked())
    }

    /// The journals, for one thread at a time. A journal is taken in as a whole, or not at all.
    fn locked(&self) -> MutexGuard<'_, Arc<sources::Sources>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Sources {
    #[new]
    #[pyo3(signature = (manifests=None, /), text_signature = "(manifests=(), /)")]
    fn new(py: Python<'_>, manifests: Option<Bound<'_, PyAny>>) -> PyResult<Self> {
        let sources = Self(Mutex::default());
        if let Some(manifests) = manifests {
            for manifest in PyIterator::from_object(&manifests)? {
                sources.add(py, manifest?.cast::<Manifest>()?.get())?;
            }
        }
        Ok(sources)
    }

    /// Takes a journal in.
    #[pyo3(signature = (manifest, /))]
    fn add(&self, py: Python<'_>, manifest: &Manifest) -> PyResult<()> {
        released(py, || Arc::make_mut(&mut self.locked()).add(&manifest.0))
    }

    fn __len__(&self) -> usize {
        self.now().len()
    }

    #[getter]
    fn events(&self) -> usize {
        self.now().rows().len()
    }

    #[getter]
    fn size(&self) -> u64 {
        self.now().size()
    }

    #[getter]
    fn journal_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let sources = self.now();
        let ids: Vec<_> = sources.journal_ids().iter().map(|journal_id| PyString::new(py, journal_id)).collect();
        PyTuple::new(py, ids)
    }

    #[getter]
    fn journaled(&self) -> Vec<Manifest> {
        self.now().journaled().map(Arc::clone).map(Manifest).collect()
    }
}
