//! Timestamps from and to Python's datetimes.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDateAccess, PyDateTime, PyDelta, PyDeltaAccess, PyTimeAccess, PyTzInfoAccess};

use crate::core::row::timestamp_argument;
use crate::core::timestamp::{Fields, Timestamp};

/// The timestamp of a date: naive is taken as UTC, aware is converted.
#[pyfunction]
#[pyo3(signature = (date, /))]
pub fn format_timestamp(date: &Bound<'_, PyAny>) -> PyResult<String> {
    let date = date.cast::<PyDateTime>().map_err(|_| no_datetime(date))?;
    if !keeps_what_it_shows(date)? {
        return Err(no_date(date));
    }
    let local = Timestamp::from_fields(Fields {
        year: date.get_year(),
        month: date.get_month(),
        day: date.get_day(),
        hour: date.get_hour(),
        minute: date.get_minute(),
        second: date.get_second(),
        microsecond: date.get_microsecond(),
    });
    let offset = utc_offset(date)?;
    local
        .and_then(|local| Timestamp::from_microseconds(local.microseconds() - offset))
        .map(|timestamp| timestamp.to_string())
        .ok_or_else(|| no_date(date))
}

/// Whether a datetime's fields are those that its attributes show. A class derived from datetime may show others:
/// `pandas.NaT` keeps the first of January in the year 1, a `pandas.Timestamp` beyond the year 9999 another year.
fn keeps_what_it_shows(date: &Bound<'_, PyDateTime>) -> PyResult<bool> {
    if date.is_exact_instance_of::<PyDateTime>() {
        return Ok(true);
    }
    let py = date.py();
    let kept = [
        (intern!(py, "year"), i64::from(date.get_year())),
        (intern!(py, "month"), date.get_month().into()),
        (intern!(py, "day"), date.get_day().into()),
        (intern!(py, "hour"), date.get_hour().into()),
        (intern!(py, "minute"), date.get_minute().into()),
        (intern!(py, "second"), date.get_second().into()),
        (intern!(py, "microsecond"), date.get_microsecond().into()),
    ];
    for (name, value) in kept {
        if !date.getattr(name)?.eq(value)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How many microseconds a date is ahead of UTC. As where Python compares dates, `datetime`'s own method says it, even
/// if a derived class has another; it also checks the result.
fn utc_offset(date: &Bound<'_, PyDateTime>) -> PyResult<i64> {
    let py = date.py();
    if date.get_tzinfo().is_none() {
        return Ok(0);
    }
    let offset = if date.is_exact_instance_of::<PyDateTime>() {
        date.call_method0(intern!(py, "utcoffset"))?
    } else {
        py.get_type::<PyDateTime>().call_method1(intern!(py, "utcoffset"), (date,))?
    };
    if offset.is_none() { Ok(0) } else { Ok(microseconds(offset.cast::<PyDelta>()?)) }
}

fn no_datetime(date: &Bound<'_, PyAny>) -> PyErr {
    match date.get_type().fully_qualified_name() {
        Ok(name) => {
            let shown = format!("{date:?}");
            PyTypeError::new_err(format!("a date must be a datetime.datetime, not {name}: {shown:.100}"))
        }
        Err(error) => error,
    }
}

fn no_date(date: &Bound<'_, PyDateTime>) -> PyErr {
    PyValueError::new_err(format!("{date} is not a date within the years 1 to 9999 in UTC"))
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
