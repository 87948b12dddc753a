//! A stretch of events planned before their bytes are there.

use std::sync::Arc;

use bytes::Bytes;
use pyo3::exceptions::{PyMemoryError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PySequence};

use super::batch::Batch;
use super::buffers::all_bytes_of;
use super::gil::released;
use crate::core::batch;
use crate::core::window::{self, DataAt};

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
    fn ends(&self) -> Vec<u64> {
        self.0.ends()
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

    /// The events over the bytes of the requests.
    #[pyo3(signature = (buffers, /))]
    fn batch(&self, py: Python<'_>, buffers: &Bound<'_, PySequence>) -> PyResult<Batch> {
        let whole = if self.0.len() == 1 { buffers.try_iter()?.next().transpose()? } else { None };
        let whole = whole.and_then(|whole| whole.cast_into_exact::<PyBytes>().ok()).map(Bound::unbind);
        let buffers = all_bytes_of(buffers)?;
        let batch = released(py, || batch::Batch::new(Arc::clone(&self.0), buffers))?;
        Ok(Batch::new(batch, whole))
    }

    /// The events whose bytes are there, and how many of each request's are not.
    #[pyo3(signature = (buffers, holes, /))]
    fn readable(
        &self,
        py: Python<'_>,
        buffers: &Bound<'_, PySequence>,
        holes: Vec<batch::Hole>,
    ) -> PyResult<(Batch, Vec<u64>)> {
        let buffers = all_bytes_of(buffers)?;
        let (batch, lost) = released(py, || batch::Batch::readable(Arc::clone(&self.0), buffers, &holes))?;
        Ok((Batch::new(batch, None), lost))
    }

    /// Where in the blob the data lie of the events that a request brings.
    #[pyo3(signature = (request, /))]
    fn ranges(&self, request: u32) -> Vec<(u64, u64)> {
        self.0.ranges(request)
    }

    /// The events' data, one after the other.
    #[pyo3(signature = (buffers, updates=None, /), text_signature = "($self, buffers, updates=(), /)")]
    fn data<'py>(
        &self,
        py: Python<'py>,
        buffers: &Bound<'py, PySequence>,
        updates: Option<&Bound<'py, PySequence>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let buffers = all_bytes_of(buffers)?;
        let updates = updates.map(all_bytes_of).transpose()?.unwrap_or_default();
        self.0.check_requests(&lengths(&buffers))?;
        self.0.check_updates(&lengths(&updates))?;
        let size = usize::try_from(self.0.size()).map_err(|_| PyMemoryError::new_err("the data are too large"))?;
        PyBytes::new_with(py, size, |target| {
            released(py, || {
                copy(&self.0, &buffers, &updates, target);
                Ok(())
            })
        })
    }
}

fn lengths(buffers: &[Bytes]) -> Vec<u64> {
    buffers.iter().map(|buffer| buffer.len() as u64).collect()
}

/// Copies the events' data, one after the other, into `target`. The lengths have been checked.
fn copy(window: &window::Window, buffers: &[Bytes], updates: &[Bytes], mut target: &mut [u8]) {
    for piece in window.pieces() {
        let (buffer, start) = match piece.data_at {
            DataAt::Nothing => continue,
            DataAt::Request(request, start) => (&buffers[request as usize], start as usize),
            DataAt::Update(update) => (&updates[update as usize], 0),
        };
        let (here, rest) = std::mem::take(&mut target).split_at_mut(piece.size as usize);
        here.copy_from_slice(&buffer[start..start + here.len()]);
        target = rest;
    }
}
