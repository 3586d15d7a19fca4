//! Long work: other Python threads run meanwhile, and Ctrl-C stops it at its next step.

use crate::error::raised;
use pyo3::prelude::*;
use std::time::{Duration, Instant};
use unet_lens::Result;
use unet_lens::cancel::{Cancel, Watch};

/// Python is asked at most so often whether a signal came: to ask, this thread waits for the others.
const BETWEEN: Duration = Duration::from_millis(50);

/// Runs the work without the GIL. Between two of its steps Python's handlers of signals are run, in Python's main thread; what one of
/// them raises cancels the work, and is raised when that has stopped.
pub fn watched<T: Send>(py: Python, work: impl FnOnce(&mut Watch) -> Result<T> + Send) -> PyResult<T> {
    let (done, raise) = py.detach(|| {
        let cancel = Cancel::default();
        let (mut raise, mut asked) = (None, Instant::now());
        let mut ask = |_: usize, _: usize| {
            if raise.is_none() && asked.elapsed() >= BETWEEN {
                raise = Python::attach(|py| py.check_signals()).err();
                asked = Instant::now();
                if raise.is_some() {
                    cancel.cancel();
                }
            }
        };
        let done = work(&mut Watch { cancel: &cancel, progress: &mut ask });
        (done, raise)
    });
    match raise {
        Some(error) => Err(error),
        None => done.map_err(raised),
    }
}
