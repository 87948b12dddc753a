//! A window with its bytes.

use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::arrow::RecordBatch;
use super::columns::Columns;
use super::expression::Expression;
use super::gil::released;
use super::run::Run;
use crate::core::batch;
use crate::core::columns::{Answers, Asked, read};
use crate::core::selection::{Matches, Results, joined};

/// Events in order, over the bytes that were fetched for them.
#[pyclass(frozen, module = "flashflood._core")]
pub struct Batch {
    batch: Arc<batch::Batch>,
    whole: Option<Py<PyBytes>>,
}

#[pymethods]
impl Batch {
    fn __len__(&self) -> usize {
        self.batch.len()
    }

    /// The events from index `start` to before `stop`, one by one.
    #[pyo3(signature = (start=0, stop=None, /))]
    fn events(&self, py: Python<'_>, start: usize, stop: Option<usize>) -> PyResult<Run> {
        let whole = self.whole.as_ref().map(|whole| whole.clone_ref(py));
        Run::new(py, Arc::clone(&self.batch), whole, start, stop.unwrap_or(self.batch.len()))
    }

    /// The events that an expression is true of.
    #[pyo3(signature = (expression, decide, /))]
    fn filter(&self, py: Python<'_>, expression: Option<&Expression>, decide: &Bound<'_, PyAny>) -> PyResult<Self> {
        let Matches { mut keep, undecided } = match expression {
            Some(expression) => released(py, || Ok(Matches::of(&self.batch, &expression.0)))?,
            None => Matches::none_of(&self.batch),
        };
        for index in undecided {
            keep[index] = decide.call1((self.data(py, index),))?.is_truthy()?;
        }
        let batch = released(py, || Ok(self.batch.kept(&keep)))?;
        Ok(Self::new(batch, self.whole.as_ref().map(|whole| whole.clone_ref(py))))
    }

    /// The same events with what an expression makes of their data, as JSON.
    #[pyo3(signature = (expression, evaluate, /))]
    fn select(&self, py: Python<'_>, expression: Option<&Expression>, evaluate: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut results = match expression {
            Some(expression) => released(py, || Ok(Results::of(&self.batch, &expression.0)))?,
            None => Results::none_of(&self.batch),
        };
        for index in std::mem::take(&mut results.undecided) {
            let result = evaluate.call1((self.data(py, index),))?;
            results.set(index, result.cast::<PyBytes>()?.as_bytes());
        }
        Ok(Self::new(self.batch.with_data(results.data, &results.bounds), None))
    }

    /// The events that a filter is true of, as Arrow has them.
    #[pyo3(signature = (columns, filter=None, answer=None, nulls=false, /))]
    fn record_batch(
        &self,
        py: Python<'_>,
        columns: &Columns,
        filter: Option<&Expression>,
        answer: Option<&Bound<'_, PyAny>>,
        nulls: bool,
    ) -> PyResult<RecordBatch> {
        let filter = filter.map(|filter| &*filter.0);
        let mut answers = Answers::new();
        loop {
            let questions = match released(py, || Ok(read(&self.batch, filter, &columns.0, nulls, &answers)))?? {
                Ok(read) => return Ok(RecordBatch(read)),
                Err(questions) => questions,
            };
            for question in questions {
                let column = match question.asked {
                    Asked::Filter => None,
                    Asked::Column(column) => Some(&columns.0.columns()[column].name),
                };
                let answer = answer.ok_or_else(|| PyTypeError::new_err("answer is needed for some of the events"))?;
                let given = answer.call1((column, self.data(py, question.event)))?;
                answers.insert(question, given.cast::<PyBytes>()?.as_bytes().to_vec());
            }
        }
    }

    /// The events' data with commas between.
    fn joined<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let joined = released(py, || Ok(joined(&self.batch)))?;
        Ok(joined.map(|joined| PyBytes::new(py, &joined)))
    }
}

impl Batch {
    /// A batch. `whole`: the `bytes` that its only event's data may be, not to be copied.
    pub fn new(batch: batch::Batch, whole: Option<Py<PyBytes>>) -> Self {
        Self { batch: Arc::new(batch), whole }
    }

    fn data<'py>(&self, py: Python<'py>, index: usize) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.batch.event(index).map_or(&[], |event| event.data))
    }
}
