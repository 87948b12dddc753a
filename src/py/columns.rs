//! The columns of record batches, for Python.

use arrow_array::ffi::FFI_ArrowSchema;
use arrow_schema::{Field, Schema};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use super::expression::Expression;
use crate::core::columns::kind::{CHOICE, Type};
use crate::core::columns::{self, Column, Source, type_of, types_of};
use crate::core::error::Result;

/// What record batches have of each event.
#[pyclass(frozen, module = "flashflood._core")]
pub struct Columns(pub columns::Columns);

#[pymethods]
impl Columns {
    #[new]
    #[pyo3(signature = (values, has_ids, has_dates, /))]
    fn new(
        values: Vec<(String, Option<PyRef<'_, Expression>>, String)>,
        has_ids: bool,
        has_dates: bool,
    ) -> Result<Self> {
        let whole = columns::Columns::of_events();
        let wanted = [has_ids, has_dates, false];
        let mut all: Vec<Column> = whole
            .columns()
            .iter()
            .zip(wanted)
            .filter(|(_, is_wanted)| *is_wanted)
            .map(|(column, _)| column.clone())
            .collect();
        for (name, expression, kind) in values {
            let expression = expression.map(|expression| expression.0.clone());
            all.push(Column { name, source: Source::Value(expression), kind: kind.parse()? });
        }
        columns::Columns::new(all).map(Self)
    }

    /// Those of whole events.
    #[staticmethod]
    fn of_events() -> Self {
        Self(columns::Columns::of_events())
    }

    #[getter]
    fn names(&self) -> Vec<String> {
        self.0.columns().iter().map(|column| column.name.clone()).collect()
    }

    #[pyo3(signature = (names, /))]
    fn only(&self, names: Vec<String>) -> Result<Self> {
        self.0.only(&names).map(Self)
    }

    #[pyo3(signature = (requested, /))]
    fn as_asked(&self, requested: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self(self.0.as_asked(&schema_in(requested)?)?))
    }

    /// The schema of the record batches, as a capsule.
    fn export_schema<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let exported = FFI_ArrowSchema::try_from(self.0.schema().as_ref());
        let exported = exported.map_err(|error| PyValueError::new_err(error.to_string()))?;
        PyCapsule::new_with_value(py, exported, c"arrow_schema")
    }
}

/// The fields of an Arrow schema, each with its type as a text.
#[pyfunction]
#[pyo3(signature = (schema, /))]
pub fn types_of_schema(schema: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    let capsule = schema.call_method0("__arrow_c_schema__")?;
    Ok(types_of(&schema_in(&capsule)?)?)
}

/// A type as a text: of a text that names one, or of an Arrow type or field.
#[pyfunction]
#[pyo3(signature = (given, /))]
pub fn type_text(given: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok(text) = given.extract::<&str>() {
        return Ok(text.parse::<Type>()?.to_string());
    }
    let no_type = |_| PyValueError::new_err(format!("{given} is no type of a column: give {CHOICE}, or Arrow's types"));
    let capsule = given.call_method0("__arrow_c_schema__").map_err(no_type)?;
    let field = Field::try_from(schema_at(&capsule)?).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(type_of(&field)?)
}

/// The schema in an `arrow_schema` capsule.
fn schema_in(capsule: &Bound<'_, PyAny>) -> PyResult<Schema> {
    Schema::try_from(schema_at(capsule)?).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// What an `arrow_schema` capsule holds, as long as it is there.
fn schema_at<'a>(capsule: &'a Bound<'_, PyAny>) -> PyResult<&'a FFI_ArrowSchema> {
    let capsule = capsule.cast::<PyCapsule>().map_err(|_| PyTypeError::new_err("this is no Arrow schema's capsule"))?;
    let pointer = capsule.pointer_checked(Some(c"arrow_schema"))?;
    // SAFETY: a capsule of this name holds an ArrowSchema, as the PyCapsule interface says, and keeps it as long as it
    // lives itself, which the reference that is given here does not outlive. It is only read.
    Ok(unsafe { pointer.cast::<FFI_ArrowSchema>().as_ref() })
}
