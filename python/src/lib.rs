//! The native half of the Python module `unet_lens`: what Python asks of the library, with arrays in and out. Arguments are checked,
//! and explained to the user, by the Python half.

mod climb;
mod error;
mod network;
mod watched;

use pyo3::prelude::*;
use std::ffi::OsString;

/// The whole program. Returns its exit code.
#[pyfunction]
fn main(py: Python, line: Vec<OsString>) -> u8 {
    py.detach(|| unet_lens::cli::main(line))
}

#[pymodule]
fn _native(module: &Bound<PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<climb::Climbs>()?;
    module.add_class::<network::Network>()?;
    module.add_function(wrap_pyfunction!(main, module)?)
}
