//! A window with its bytes.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::arrow::RecordBatch;
use super::expression::Expression;
use super::gil::released;
use super::run::Run;
use crate::core::batch;
use crate::core::selection::{Matches, Results, joined};

/// Events in order, over the bytes that were fetched for them.
#[pyclass(frozen, module = "flashflood._core")]
pub struct Batch(pub Arc<batch::Batch>);

#[pymethods]
impl Batch {
    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// The events from index `start` to before `stop`, one by one.
    #[pyo3(signature = (start=0, stop=None, /))]
    fn events(&self, py: Python<'_>, start: usize, stop: Option<usize>) -> PyResult<Run> {
        Run::new(py, Arc::clone(&self.0), start, stop.unwrap_or(self.0.len()))
    }

    /// The events that an expression is true of.
    #[pyo3(signature = (expression, decide, /))]
    fn filter(&self, py: Python<'_>, expression: Option<&Expression>, decide: &Bound<'_, PyAny>) -> PyResult<Self> {
        let Matches { mut keep, undecided } = match expression {
            Some(expression) => released(py, || Ok(Matches::of(&self.0, &expression.0)))?,
            None => Matches::none_of(&self.0),
        };
        for index in undecided {
            keep[index] = decide.call1((self.data(py, index),))?.is_truthy()?;
        }
        released(py, || Ok(self.0.kept(&keep))).map(Arc::new).map(Self)
    }

    /// The same events with what an expression makes of their data, as JSON.
    #[pyo3(signature = (expression, evaluate, /))]
    fn select(&self, py: Python<'_>, expression: Option<&Expression>, evaluate: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut results = match expression {
            Some(expression) => released(py, || Ok(Results::of(&self.0, &expression.0)))?,
            None => Results::none_of(&self.0),
        };
        for index in std::mem::take(&mut results.undecided) {
            let result = evaluate.call1((self.data(py, index),))?;
            results.set(index, result.cast::<PyBytes>()?.as_bytes());
        }
        Ok(Self(Arc::new(self.0.with_data(results.data, &results.bounds))))
    }

    /// The events as Arrow has them.
    fn record_batch(&self, py: Python<'_>) -> PyResult<RecordBatch> {
        RecordBatch::of(py, &self.0)
    }

    /// The events' data with commas between.
    fn joined<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let joined = released(py, || Ok(joined(&self.0)))?;
        Ok(joined.map(|joined| PyBytes::new(py, &joined)))
    }
}

impl Batch {
    fn data<'py>(&self, py: Python<'py>, index: usize) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.event(index).map_or(&[], |event| event.data))
    }
}
