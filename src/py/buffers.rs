//! Bytes that Python holds, read in place.

use std::ptr;

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PySequence};

use crate::core::error::{Error, Result};

/// The bytes of a bytes-like object, which is kept alive, and kept from moving them, as long as this is there.
pub struct Held {
    buffer: PyUntypedBuffer,
}

impl Held {
    /// Takes hold of a bytes-like object.
    pub fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let buffer = PyUntypedBuffer::get(object)?;
        if buffer.is_c_contiguous() {
            Ok(Self { buffer })
        } else {
            Err(PyValueError::new_err("the bytes of a buffer must follow one another (C-contiguous)"))
        }
    }

    /// Takes hold of each object of a sequence.
    pub fn all(objects: &Bound<'_, PySequence>) -> PyResult<Vec<Self>> {
        objects.try_iter()?.map(|object| Self::new(&object?)).collect()
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.buffer.len_bytes()
    }

    /// A pointer to a stretch of the bytes, valid as long as this is there; none where it reaches beyond the end.
    fn stretch(&self, start: u64, length: usize) -> Option<*const u8> {
        let start = usize::try_from(start).ok()?;
        let is_within = start.checked_add(length).is_some_and(|stop| stop <= self.len());
        is_within.then(|| self.buffer.buf_ptr().cast::<u8>().cast_const().wrapping_add(start))
    }

    /// Copies the bytes from `start` on into a place of their own.
    pub fn copy_to(&self, start: u64, target: &mut [u8]) -> Result<()> {
        let source = self.stretch(start, target.len()).ok_or_else(|| too_short(start, target.len()))?;
        // SAFETY: `stretch` has checked that the source's bytes lie within the buffer, which cannot be moved or freed
        // while it is held; the target is our own. Whoever writes into a buffer meanwhile gets mixed bytes, as the
        // stub says: no reference to them is made here, and any bytes are valid.
        unsafe { ptr::copy_nonoverlapping(source, target.as_mut_ptr(), target.len()) };
        Ok(())
    }

    /// A stretch of the bytes as a `bytes`.
    pub fn to_bytes<'py>(&self, py: Python<'py>, start: u64, length: usize) -> PyResult<Bound<'py, PyBytes>> {
        let source = self.stretch(start, length).ok_or_else(|| too_short(start, length))?;
        // SAFETY: as above; Python copies the bytes before anything else runs.
        Ok(unsafe { PyBytes::from_ptr(py, source, length) })
    }
}

/// Cannot come up once a window has checked its buffers, whose lengths cannot change.
fn too_short(start: u64, length: usize) -> Error {
    Error::argument(format_args!("a buffer does not have {length} bytes from offset {start}"))
}
