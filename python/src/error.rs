//! The library's errors as Python's exceptions.

use pyo3::PyErr;
use pyo3::exceptions::{PyKeyboardInterrupt, PyMemoryError, PyRuntimeError, PyValueError};
use unet_lens::Error;

/// A file that cannot be opened never comes here: Python opens it first, and says why not.
pub fn raised(error: Error) -> PyErr {
    let text = error.to_string();
    match error {
        Error::Usage(_) | Error::File { .. } => PyValueError::new_err(text),
        Error::Limit(_) => PyMemoryError::new_err(text + ", or load the network with another limit by memory="),
        Error::Memory(_) => PyMemoryError::new_err(text),
        Error::Interrupted => PyKeyboardInterrupt::new_err(text),
        _ => PyRuntimeError::new_err(text),
    }
}
