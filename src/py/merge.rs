//! Journals merged into one sequence.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;

use super::errors::whole_number;
use super::gil::released;
use super::manifest::Manifest;
use super::window::Window;
use crate::core::merge::{self, Verdict};
use crate::core::row::timestamp_argument;

/// Journals merged into one sequence, window by window.
#[pyclass(frozen, module = "flashflood._core")]
pub struct Merge(Mutex<merge::Merge>);

impl Merge {
    /// The merge, for one thread at a time. Even one that a panic has left half done is a valid merge.
    fn locked(&self) -> MutexGuard<'_, merge::Merge> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Merge {
    #[new]
    #[pyo3(signature = (from_date=None, to_date=None, after=None))]
    fn new(from_date: Option<&str>, to_date: Option<&str>, after: Option<(String, String)>) -> PyResult<Self> {
        let from = from_date.map(timestamp_argument).transpose()?;
        let to = to_date.map(timestamp_argument).transpose()?;
        let after = after.map(|(timestamp, event_id)| timestamp_argument(&timestamp).map(|at| (at, event_id)));
        Ok(Self(Mutex::new(merge::Merge::new(from, to, after.transpose()?)?)))
    }

    /// Takes a journal in.
    #[pyo3(signature = (manifest, /))]
    fn add(&self, py: Python<'_>, manifest: &Manifest) -> PyResult<Vec<(String, String)>> {
        let asked = released(py, || Ok(self.locked().add(Arc::clone(&manifest.0))))?;
        Ok(asked.into_iter().map(|(timestamp, event_id)| (timestamp.to_string(), event_id)).collect())
    }

    /// Says of each journal whether one that has been added replaces it.
    #[pyo3(signature = (journal_ids, /))]
    fn replaces(&self, py: Python<'_>, journal_ids: Vec<PyBackedStr>) -> PyResult<Vec<bool>> {
        released(py, || {
            let merge = self.locked();
            Ok(journal_ids.iter().map(|journal_id| merge.replaces(journal_id)).collect())
        })
    }

    /// Says which journal has the row in question.
    #[pyo3(signature = (timestamp, event_id, journal_id, /))]
    fn decide(&self, py: Python<'_>, timestamp: &str, event_id: &str, journal_id: Option<String>) -> PyResult<()> {
        let place = (timestamp_argument(timestamp)?, event_id);
        released(py, || {
            self.locked().decide(place, journal_id.map_or(Verdict::Nobody, Verdict::Journal));
            Ok(())
        })
    }

    /// The next events.
    #[pyo3(signature = (before, limit, /))]
    fn window(
        &self,
        py: Python<'_>,
        before: Option<&str>,
        #[pyo3(from_py_with = whole_number)] limit: u64,
    ) -> PyResult<Option<Window>> {
        let before = before.map(timestamp_argument).transpose()?;
        let window = released(py, || Ok(self.locked().window(before, limit)))?;
        Ok(window.map(Arc::new).map(Window))
    }

    #[getter]
    fn pending(&self, py: Python<'_>) -> PyResult<usize> {
        released(py, || Ok(self.locked().pending()))
    }
}
