//! Record batches for whoever reads Arrow, over the PyCapsule interface:
//! https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html.

use arrow_array::RecordBatchReader;
use arrow_array::ffi::FFI_ArrowSchema;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyIterator};

use super::chain::Process;
use super::gil::released;
use crate::core::arrow::{record_batch, schema};
use crate::core::batch;

/// The schema of every stream, as a capsule.
#[pyfunction]
pub fn export_schema(py: Python<'_>) -> PyResult<Bound<'_, PyCapsule>> {
    let exported = FFI_ArrowSchema::try_from(schema().as_ref()).map_err(|error| to_value_error(&error))?;
    PyCapsule::new_with_value(py, exported, c"arrow_schema")
}

/// The events of a batch as Arrow has them.
#[pyclass(frozen, module = "flashflood._core")]
pub struct RecordBatch(arrow_array::RecordBatch);

impl RecordBatch {
    /// Lays a batch out.
    pub fn of(py: Python<'_>, batch: &batch::Batch) -> PyResult<Self> {
        released(py, || Ok(record_batch(batch)))?.map(Self).map_err(|error| to_value_error(&error))
    }
}

#[pymethods]
impl RecordBatch {
    fn __len__(&self) -> usize {
        self.0.num_rows()
    }
}

/// A stream of the record batches that a Python iterator gives, as a capsule.
#[pyfunction]
#[pyo3(signature = (batches, batch_size, /))]
pub fn export_stream<'py>(batches: &Bound<'py, PyIterator>, batch_size: usize) -> PyResult<Bound<'py, PyCapsule>> {
    if batch_size == 0 {
        return Err(PyValueError::new_err("a batch must have room for a row"));
    }
    let current = arrow_array::RecordBatch::new_empty(schema());
    let reader = Reader { batches: batches.clone().unbind(), batch_size, current, process: Process::this() };
    PyCapsule::new_with_value(batches.py(), FFI_ArrowArrayStream::new(Box::new(reader)), c"arrow_array_stream")
}

/// Record batches from Python, cut to size. Read from any thread.
struct Reader {
    batches: Py<PyIterator>,
    batch_size: usize,
    /// What has not gone out of the last one.
    current: arrow_array::RecordBatch,
    process: Process,
}

impl Reader {
    /// Takes the next record batch from Python; none: there are no more.
    fn advance(&self) -> Result<Option<arrow_array::RecordBatch>, ArrowError> {
        let next = |py: Python<'_>| match self.batches.bind(py).clone().next() {
            Some(batch) => Ok(Some(batch?.cast::<RecordBatch>()?.get().0.clone())),
            None => Ok(None),
        };
        Python::try_attach(next)
            .ok_or_else(|| ArrowError::CDataInterface("Python is shutting down".to_owned()))?
            .map_err(|error: PyErr| ArrowError::ExternalError(Box::new(error)))
    }
}

impl Iterator for Reader {
    type Item = Result<arrow_array::RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        // What was brought before a fork is the parent's.
        while self.current.num_rows() == 0 || !self.process.is_this() {
            match self.advance().transpose()? {
                Ok(batch) => self.current = batch,
                Err(error) => return Some(Err(error)),
            }
            self.process.set_this();
        }
        let rows = self.batch_size.min(self.current.num_rows());
        let batch = self.current.slice(0, rows);
        self.current = self.current.slice(rows, self.current.num_rows() - rows);
        Some(Ok(batch))
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
