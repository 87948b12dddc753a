//! Bytes that Python holds, read where they are.

use bytes::Bytes;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PySequence};

/// The bytes of a bytes-like object. A `bytes` is not copied: it is kept alive as long as its bytes are in use. What
/// can be written to meanwhile is copied.
pub fn bytes_of(object: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(Bytes::from_owner(PyBackedBytes::from(bytes.clone())));
    }
    let buffer: PyBuffer<u8> = PyBuffer::get(object)?;
    if !buffer.is_c_contiguous() {
        return Err(PyValueError::new_err("the bytes of a buffer must follow one another (C-contiguous)"));
    }
    buffer.to_vec(object.py()).map(Bytes::from)
}

/// The bytes of each object of a sequence.
pub fn all_bytes_of(objects: &Bound<'_, PySequence>) -> PyResult<Vec<Bytes>> {
    objects.try_iter()?.map(|object| bytes_of(&object?)).collect()
}
