//! Runs of events one after the other, for several threads. The hot path of a replay.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;

use super::run::Run;

/// How many forks lie between the process that loaded this module and the one that asks.
static FORKS: AtomicU64 = AtomicU64::new(0);

/// Says that this process is a forked child.
#[pyfunction]
pub fn note_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// The process to which something belongs.
pub struct Process(AtomicU64);

impl Process {
    pub fn this() -> Self {
        Self(AtomicU64::new(FORKS.load(Ordering::Relaxed)))
    }

    pub fn is_this(&self) -> bool {
        self.0.load(Ordering::Relaxed) == FORKS.load(Ordering::Relaxed)
    }

    pub fn set_this(&self) {
        self.0.store(FORKS.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

/// The events of all runs.
#[pyclass(frozen, module = "flashflood._core")]
pub struct Chain {
    runs: Py<PyAny>,
    current: Mutex<Option<Py<Run>>>,
    process: Process,
}

impl Chain {
    /// The run that events are taken from, for one thread at a time.
    fn locked(&self, py: Python<'_>) -> MutexGuard<'_, Option<Py<Run>>> {
        self.current.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Chain {
    #[new]
    #[pyo3(signature = (runs, /))]
    fn new(runs: Py<PyAny>) -> Self {
        Self { runs, current: Mutex::new(None), process: Process::this() }
    }

    fn __iter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loop {
            let mut seen = None;
            // What was brought before a fork belongs to the parent, and so does the lock.
            if self.process.is_this() {
                let current = self.locked(py);
                if let Some(run) = &*current {
                    if let Some(event) = run.get().take(py)? {
                        return Ok(event);
                    }
                    seen = Some(run.clone_ref(py));
                }
            }
            let run = self.runs.bind(py).call_method1(intern!(py, "after"), (seen,))?.cast_into::<Run>()?;
            self.process.set_this();
            *self.locked(py) = Some(run.unbind());
        }
    }
}
