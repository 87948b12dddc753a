//! A row of a manifest.

use pyo3::prelude::*;

use super::errors::{optional_whole_number, whole_number};
use crate::core::error::Error;
use crate::core::row::{self, Revision, RowFacts, timestamp_argument};

/// One event's row in a manifest.
#[pyclass(frozen, eq, hash, module = "flashflood._core")]
#[derive(PartialEq, Eq, Hash)]
pub struct Row(pub row::Row);

#[pymethods]
impl Row {
    #[new]
    #[pyo3(signature = (event_id, timestamp, offset, size, revision=None, birth=None, updated=None, came_from=None))]
    #[expect(clippy::too_many_arguments, reason = "they are the fields of the layout's row")]
    fn new(
        event_id: String,
        timestamp: &str,
        #[pyo3(from_py_with = whole_number)] offset: u64,
        #[pyo3(from_py_with = whole_number)] size: u64,
        #[pyo3(from_py_with = optional_whole_number)] revision: Option<u64>,
        #[pyo3(from_py_with = optional_whole_number)] birth: Option<u64>,
        updated: Option<&str>,
        came_from: Option<String>,
    ) -> PyResult<Self> {
        let facts = RowFacts {
            timestamp: timestamp_argument(timestamp)?,
            offset,
            size,
            revision: revision.map(to_revision).transpose()?,
            birth: birth.map(to_revision).transpose()?,
            updated: updated.map(timestamp_argument).transpose()?,
        };
        Ok(Self(row::Row { event_id, facts, came_from }))
    }

    #[getter]
    fn event_id(&self) -> &str {
        &self.0.event_id
    }

    #[getter]
    fn timestamp(&self) -> String {
        self.0.facts.timestamp.to_string()
    }

    #[getter]
    fn offset(&self) -> u64 {
        self.0.facts.offset
    }

    #[getter]
    fn size(&self) -> u64 {
        self.0.facts.size
    }

    #[getter]
    fn revision(&self) -> Option<u64> {
        self.0.facts.revision.map(Revision::number)
    }

    #[getter]
    fn birth(&self) -> Option<u64> {
        self.0.facts.birth.map(Revision::number)
    }

    #[getter]
    fn updated(&self) -> Option<String> {
        self.0.facts.updated.map(|timestamp| timestamp.to_string())
    }

    #[getter]
    fn came_from(&self) -> Option<&str> {
        self.0.came_from.as_deref()
    }

    fn __repr__(&self) -> String {
        let row::Row { event_id, facts: RowFacts { timestamp, offset, size, .. }, .. } = &self.0;
        format!("Row(event_id={event_id:?}, timestamp='{timestamp}', offset={offset}, size={size}, …)")
    }
}

fn to_revision(number: u64) -> Result<Revision, Error> {
    Revision::new(number)
        .ok_or_else(|| Error::argument(format_args!("{number} is not a revision of ten digits from 1")))
}
