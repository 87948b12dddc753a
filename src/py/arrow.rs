//! Record batches for whoever reads Arrow, over the PyCapsule interface:
//! https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html.

use std::sync::Arc;

use arrow_array::ffi::FFI_ArrowSchema;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyIterator};

use super::batch::Batch;
use crate::core::arrow::{record_batch, schema};
use crate::core::batch;

/// The schema of every stream, as a capsule.
#[pyfunction]
pub fn export_schema(py: Python<'_>) -> PyResult<Bound<'_, PyCapsule>> {
    let exported = FFI_ArrowSchema::try_from(schema().as_ref()).map_err(|error| to_value_error(&error))?;
    PyCapsule::new_with_value(py, exported, c"arrow_schema")
}

/// A stream of the batches that a Python iterator gives, as a capsule.
#[pyfunction]
#[pyo3(signature = (batches, batch_size, /))]
pub fn export_stream<'py>(batches: &Bound<'py, PyIterator>, batch_size: usize) -> PyResult<Bound<'py, PyCapsule>> {
    if batch_size == 0 {
        return Err(PyValueError::new_err("a batch must have room for a row"));
    }
    let reader = Reader { batches: Some(batches.clone().unbind()), batch_size, current: None };
    PyCapsule::new_with_value(batches.py(), FFI_ArrowArrayStream::new(Box::new(reader)), c"arrow_array_stream")
}

/// Batches from Python, cut to size. Read from any thread.
struct Reader {
    /// None: there are no more.
    batches: Option<Py<PyIterator>>,
    batch_size: usize,
    /// A batch, and the first row of it that has not gone out.
    current: Option<(Arc<batch::Batch>, usize)>,
}

impl Reader {
    /// Takes the next batch from Python. False: there are no more.
    fn advance(&mut self) -> Result<bool, ArrowError> {
        let Some(batches) = &self.batches else { return Ok(false) };
        let next = |py: Python<'_>| match batches.bind(py).clone().next() {
            Some(batch) => Ok(Some(Arc::clone(&batch?.cast::<Batch>()?.get().0))),
            None => Ok(None),
        };
        let next = Python::try_attach(next)
            .ok_or_else(|| ArrowError::CDataInterface("Python is shutting down".to_owned()))?
            .map_err(|error: PyErr| ArrowError::ExternalError(Box::new(error)));
        self.current = next.inspect_err(|_| self.batches = None)?.map(|batch| (batch, 0));
        Ok(self.current.is_some())
    }
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((batch, start)) = &mut self.current
                && *start < batch.len()
            {
                let rows = *start..batch.len().min(*start + self.batch_size);
                *start = rows.end;
                return Some(record_batch(batch, rows));
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => {
                    self.batches = None;
                    return None;
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl RecordBatchReader for Reader {
    fn schema(&self) -> SchemaRef {
        schema()
    }
}

fn to_value_error(error: &ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}
