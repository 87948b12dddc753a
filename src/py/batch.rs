//! A window with its bytes.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::arrow::RecordBatch;
use super::events::Events;
use super::expression::Expression;
use super::gil::released;
use crate::core::batch;
use crate::core::selection::{self, Results, Verdicts};

/// Events in order, over the bytes that were fetched for them.
#[pyclass(frozen, module = "flashflood._core")]
pub struct Batch(pub Arc<batch::Batch>);

#[pymethods]
impl Batch {
    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// The events from one place to before another, one by one.
    #[pyo3(signature = (start=0, stop=None, /))]
    fn events(&self, py: Python<'_>, start: usize, stop: Option<usize>) -> PyResult<Events> {
        Events::new(py, Arc::clone(&self.0), start, stop.unwrap_or(self.0.len()))
    }

    /// The events that an expression is true of.
    #[pyo3(signature = (expression, decide, /))]
    fn filter(&self, py: Python<'_>, expression: Option<&Expression>, decide: &Bound<'_, PyAny>) -> PyResult<Self> {
        let Verdicts { mut keep, undecided } = match expression {
            Some(expression) => released(py, || Ok(selection::verdicts(&self.0, &expression.0)))?,
            None => Verdicts { keep: vec![false; self.0.len()], undecided: (0..self.0.len()).collect() },
        };
        for place in undecided {
            keep[place] = decide.call1((self.data(py, place),))?.is_truthy()?;
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
        for place in std::mem::take(&mut results.undecided) {
            let result = evaluate.call1((self.data(py, place),))?;
            results.decide(place, result.cast::<PyBytes>()?.as_bytes());
        }
        Ok(Self(Arc::new(self.0.with_data(results.data, &results.bounds))))
    }

    /// The events as Arrow has them.
    fn record_batch(&self, py: Python<'_>) -> PyResult<RecordBatch> {
        RecordBatch::of(py, &self.0)
    }

    /// The events' data with commas between.
    fn joined<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let joined = released(py, || Ok(selection::joined(&self.0)))?;
        Ok(joined.map(|joined| PyBytes::new(py, &joined)))
    }
}

impl Batch {
    fn data<'py>(&self, py: Python<'py>, place: usize) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.event(place).map_or(&[], |event| event.data))
    }
}
