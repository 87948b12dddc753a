//! Record batches for anyone who reads Arrow, over the PyCapsule interface:
//! https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html.

use std::sync::{Mutex, PoisonError};

use arrow_array::RecordBatchReader;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyCapsule, PyIterator};

use super::chain::Process;
use super::columns::Columns;

/// The events of a batch as Arrow has them.
#[pyclass(frozen, module = "flashflood._core")]
pub struct RecordBatch(pub arrow_array::RecordBatch);

#[pymethods]
impl RecordBatch {
    fn __len__(&self) -> usize {
        self.0.num_rows()
    }
}

/// A stream of the record batches that a Python iterator gives, as a capsule.
#[pyfunction]
#[pyo3(signature = (batches, columns, batch_size, /))]
pub fn export_stream<'py>(
    batches: &Bound<'py, PyIterator>,
    columns: &Columns,
    batch_size: usize,
) -> PyResult<Bound<'py, PyCapsule>> {
    if batch_size == 0 {
        return Err(PyValueError::new_err("a batch must have room for a row"));
    }
    let schema = columns.0.schema().clone();
    let current = Mutex::new(arrow_array::RecordBatch::new_empty(schema.clone()));
    let stream = Stream { batches: batches.clone().unbind(), schema, batch_size, current, process: Process::this() };
    PyCapsule::new_with_value(batches.py(), FFI_ArrowArrayStream::new(Box::new(stream)), c"arrow_array_stream")
}

/// Record batches from Python, cut to size. Any thread may read them; each goes to one.
struct Stream {
    batches: Py<PyIterator>,
    schema: SchemaRef,
    batch_size: usize,
    /// The rows of the last one that have not gone out.
    current: Mutex<arrow_array::RecordBatch>,
    process: Process,
}

impl Stream {
    /// The next rows. None once there are no more.
    fn rows(&self, py: Python<'_>) -> PyResult<Option<arrow_array::RecordBatch>> {
        // What was brought before a fork belongs to the parent, and so does the lock.
        let brought = if self.process.is_this() { None } else { Some(self.advance(py)?) };
        self.process.set_this();
        let mut current = self.current.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        if let Some(brought) = brought {
            *current = brought.unwrap_or_else(|| arrow_array::RecordBatch::new_empty(self.schema.clone()));
        }
        while current.num_rows() == 0 {
            let Some(batch) = self.advance(py)? else { return Ok(None) };
            *current = batch;
        }
        let rows = current.slice(0, self.batch_size.min(current.num_rows()));
        *current = current.slice(rows.num_rows(), current.num_rows() - rows.num_rows());
        Ok(Some(rows))
    }

    /// Takes the next record batch from Python. None once there are no more.
    fn advance(&self, py: Python<'_>) -> PyResult<Option<arrow_array::RecordBatch>> {
        let Some(batch) = self.batches.bind(py).clone().next() else { return Ok(None) };
        Ok(Some(batch?.cast::<RecordBatch>()?.get().0.clone()))
    }
}

impl Iterator for Stream {
    type Item = Result<arrow_array::RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some(rows) = Python::try_attach(|py| self.rows(py)) else {
            return Some(Err(ArrowError::CDataInterface("Python is shutting down".to_owned())));
        };
        rows.map_err(|error| ArrowError::ExternalError(Box::new(error))).transpose()
    }
}

impl RecordBatchReader for Stream {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}
