//! The core's errors as Python's exceptions.

use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;

use crate::core::error::Error;

pyo3::import_exception!(flashflood.exceptions, FlashFloodCorruptionError);

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Corrupt { journal_id, message } => corruption(&journal_id, message),
            Error::Argument(text) => PyValueError::new_err(text),
        }
    }
}

/// The error with its message, and the journal as an attribute.
fn corruption(journal_id: &str, message: String) -> PyErr {
    Python::attach(|py| {
        let error = FlashFloodCorruptionError::new_err(message);
        match error.value(py).setattr("journal_id", journal_id) {
            Ok(()) => error,
            Err(other) => other,
        }
    })
}

/// A whole number from 0. A number below 0, or one of more than 64 bits, is a `ValueError`.
pub fn whole_number(number: &Bound<'_, PyAny>) -> PyResult<u64> {
    number.extract().map_err(|error: PyErr| {
        if error.is_instance_of::<PyOverflowError>(number.py()) {
            PyValueError::new_err(format!("{number} is not a whole number from 0 to {}", u64::MAX))
        } else {
            error
        }
    })
}

/// The same, or None.
pub fn optional_whole_number(number: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
    if number.is_none() { Ok(None) } else { whole_number(number).map(Some) }
}
