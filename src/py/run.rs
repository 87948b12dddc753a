//! Events, made one by one. The hot path of a replay.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyString, PyTuple, PyType};

use super::timestamps::to_datetime;
use crate::core::batch::Batch;

/// A run of events: those of a batch, or some of them.
#[pyclass(frozen, module = "flashflood._core")]
pub struct Run {
    batch: Arc<Batch>,
    whole: Option<Py<PyBytes>>,
    next: AtomicUsize,
    stop: usize,
    event_type: Py<PyType>,
}

impl Run {
    /// Those from index `start` to before `stop`. `whole`: the `bytes` that the only event's data may be.
    pub fn new(
        py: Python<'_>,
        batch: Arc<Batch>,
        whole: Option<Py<PyBytes>>,
        start: usize,
        stop: usize,
    ) -> PyResult<Self> {
        let stop = stop.min(batch.len());
        Ok(Self { batch, whole, next: AtomicUsize::new(start), stop, event_type: event_type(py)?.clone().unbind() })
    }

    /// The next event; none once all have gone out. Each goes to one of the threads that ask.
    pub fn take<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let event = if next < self.stop { self.batch.event(next) } else { None };
        let Some(event) = event else {
            // The counter must not overflow, however often it is asked again.
            self.next.store(self.stop, Ordering::Relaxed);
            return Ok(None);
        };
        let event_id = PyString::new(py, event.event_id).into_any();
        let date = to_datetime(py, event.timestamp)?.into_any();
        let data = self.data(py, event.data).into_any();
        let fields = [event_id, date, data];
        new_event(self.event_type.bind(py), fields).map(Some)
    }

    /// An event's data: the `bytes` that was fetched, if they are all of it; else a copy.
    fn data<'py>(&self, py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
        match &self.whole {
            Some(whole) if std::ptr::eq(whole.as_bytes(py), data) => whole.bind(py).clone(),
            _ => PyBytes::new(py, data),
        }
    }
}

#[pymethods]
impl Run {
    fn __iter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.take(py)
    }
}

/// `flashflood.events.Event`, which must be a subclass of tuple.
fn event_type(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static EVENT: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let event_type = EVENT.import(py, "flashflood.events", "Event")?;
    if event_type.is_subclass_of::<PyTuple>()? {
        Ok(event_type)
    } else {
        Err(PyTypeError::new_err("flashflood.events.Event must be a named tuple"))
    }
}

/// Makes a named tuple of its fields, as `tuple.__new__` does. The type's own `__new__` is Python code: it would take
/// three times as long as all the rest of an event.
fn new_event<'py>(event_type: &Bound<'py, PyType>, fields: [Bound<'py, PyAny>; 3]) -> PyResult<Bound<'py, PyAny>> {
    let py = event_type.py();
    let raw_type = event_type.as_type_ptr();
    // SAFETY: `event_type` has made sure that the type is a subclass of tuple. So `tp_alloc` (never null in a ready
    // type) gives a tuple with three empty fields, owned by us alone until it is returned, and each field is filled
    // once, with a reference that it takes over.
    // The events hold no containers, so no cycle can go through them: the garbage collector need not look at them.
    unsafe {
        let Some(allocate) = (*raw_type).tp_alloc else {
            return Err(PyTypeError::new_err("flashflood.events.Event cannot be allocated"));
        };
        let event = Bound::from_owned_ptr_or_err(py, allocate(raw_type, 3))?;
        for (index, field) in (0..).zip(fields) {
            ffi::PyTuple_SET_ITEM(event.as_ptr(), index, field.into_ptr());
        }
        ffi::PyObject_GC_UnTrack(event.as_ptr().cast());
        Ok(event)
    }
}
