//! Timestamps from and to Python's datetimes.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDateAccess, PyDateTime, PyDelta, PyDeltaAccess, PyTimeAccess, PyTzInfoAccess};

use crate::core::row::timestamp_argument;
use crate::core::timestamp::{Fields, Timestamp};

/// The timestamp of a date: naive is taken as UTC, aware is converted.
#[pyfunction]
#[pyo3(signature = (date, /))]
pub fn format_timestamp(date: &Bound<'_, PyDateTime>) -> PyResult<String> {
    let offset = if date.get_tzinfo().is_some() {
        date.call_method0("utcoffset")?
    } else {
        date.py().None().into_bound(date.py())
    };
    let offset = if offset.is_none() { 0 } else { microseconds(offset.cast::<PyDelta>()?) };
    let fields = Fields {
        year: date.get_year(),
        month: date.get_month(),
        day: date.get_day(),
        hour: date.get_hour(),
        minute: date.get_minute(),
        second: date.get_second(),
        microsecond: date.get_microsecond(),
    };
    Timestamp::from_fields(fields)
        .and_then(|local| Timestamp::from_microseconds(local.microseconds() - offset))
        .map(|timestamp| timestamp.to_string())
        .ok_or_else(|| PyValueError::new_err(format!("{date} is not within the years 1 to 9999 in UTC")))
}

/// The naive UTC datetime of a timestamp.
#[pyfunction]
#[pyo3(signature = (text, /))]
pub fn parse_timestamp<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyDateTime>> {
    to_datetime(py, timestamp_argument(text)?)
}

/// A timestamp as a naive datetime in UTC.
pub fn to_datetime(py: Python<'_>, timestamp: Timestamp) -> PyResult<Bound<'_, PyDateTime>> {
    let Fields { year, month, day, hour, minute, second, microsecond } = timestamp.fields();
    PyDateTime::new(py, year, month, day, hour, minute, second, microsecond, None)
}

fn microseconds(delta: &Bound<'_, PyDelta>) -> i64 {
    let seconds = i64::from(delta.get_days()) * 86_400 + i64::from(delta.get_seconds());
    seconds * 1_000_000 + i64::from(delta.get_microseconds())
}
