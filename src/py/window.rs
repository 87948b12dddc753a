//! A stretch of events planned before their bytes are there.

use std::sync::Arc;

use pyo3::exceptions::{PyMemoryError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PySequence};

use super::buffers::Held;
use super::events::Events;
use super::gil::released;
use crate::core::error::Result;
use crate::core::window::{self, Origin};

/// A stretch of events in order.
#[pyclass(frozen, module = "flashflood._core")]
pub struct Window(pub Arc<window::Window>);

#[pymethods]
impl Window {
    #[getter]
    fn requests(&self) -> Vec<(u32, u64, u64)> {
        self.0.requests().iter().map(|request| (request.source, request.start, request.stop)).collect()
    }

    #[getter]
    fn updates(&self) -> Vec<u32> {
        self.0.updates().to_vec()
    }

    #[getter]
    fn fetched(&self) -> u64 {
        self.0.fetched()
    }

    #[getter]
    fn size(&self) -> u64 {
        self.0.size()
    }

    #[getter]
    fn last(&self) -> PyResult<(String, &str)> {
        let last = self.0.last().ok_or_else(|| PyValueError::new_err("the window is empty"))?;
        Ok((last.0.to_string(), last.1))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// The events, one by one.
    #[pyo3(signature = (buffers, /))]
    fn events(&self, py: Python<'_>, buffers: &Bound<'_, PySequence>) -> PyResult<Events> {
        if !self.0.updates().is_empty() {
            return Err(PyValueError::new_err(
                "some of these events have their data from updates: only data() takes them",
            ));
        }
        let buffers = Held::all(buffers)?;
        self.0.check_requests(&lengths(&buffers))?;
        Events::new(py, Arc::clone(&self.0), buffers)
    }

    /// The events' data, one after the other.
    #[pyo3(signature = (buffers, updates=None, /), text_signature = "($self, buffers, updates=(), /)")]
    fn data<'py>(
        &self,
        py: Python<'py>,
        buffers: &Bound<'py, PySequence>,
        updates: Option<&Bound<'py, PySequence>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let buffers = Held::all(buffers)?;
        let updates = updates.map(Held::all).transpose()?.unwrap_or_default();
        self.0.check_requests(&lengths(&buffers))?;
        self.0.check_updates(&lengths(&updates))?;
        let size = usize::try_from(self.0.size()).map_err(|_| PyMemoryError::new_err("the data are too large"))?;
        PyBytes::new_with(py, size, |target| released(py, || copy(&self.0, &buffers, &updates, target)))
    }
}

fn lengths(buffers: &[Held]) -> Vec<u64> {
    buffers.iter().map(|buffer| buffer.len() as u64).collect()
}

/// Copies each event's data to where it belongs; the lengths have been checked.
fn copy(window: &window::Window, buffers: &[Held], updates: &[Held], mut target: &mut [u8]) -> Result<()> {
    for piece in window.pieces() {
        let (buffer, start) = match piece.origin {
            Origin::Nothing => continue,
            Origin::Request(request, start) => (buffers.get(request as usize), start),
            Origin::Update(update) => (updates.get(update as usize), 0),
        };
        let Some((place, rest)) = std::mem::take(&mut target).split_at_mut_checked(piece.size as usize) else { break };
        if let Some(buffer) = buffer {
            buffer.copy_to(start, place)?;
        }
        target = rest;
    }
    Ok(())
}
