//! A window with its bytes.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::events::Events;
use super::gil::released;
use crate::core::batch;

/// Events in order, over the bytes that were fetched for them.
#[pyclass(frozen, module = "flashflood._core")]
pub struct Batch(pub Arc<batch::Batch>);

#[pymethods]
impl Batch {
    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// The events, one by one.
    fn events(&self, py: Python<'_>) -> PyResult<Events> {
        Events::new(py, Arc::clone(&self.0))
    }

    /// The events of which `decide` says that their data are to be kept.
    #[pyo3(signature = (decide, /))]
    fn filter(&self, py: Python<'_>, decide: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut keep = Vec::with_capacity(self.0.len());
        for event in self.0.events() {
            keep.push(decide.call1((PyBytes::new(py, event.data),))?.is_truthy()?);
        }
        released(py, || Ok(self.0.kept(&keep))).map(Arc::new).map(Self)
    }
}
