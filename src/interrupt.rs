//! Ctrl-C: a flag that long computations look at between their steps.

use crate::{Error, Result};
use std::sync::atomic::{AtomicBool, Ordering};

static PRESSED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C does not end the program but makes [`check`] fail, so that no file is left half written. Pressed
/// a second time it ends the program at once.
///
/// # Errors
/// If the system refuses.
pub fn catch() -> Result<()> {
    let pressed = || {
        if PRESSED.swap(true, Ordering::SeqCst) {
            std::process::exit(Error::Interrupted.exit_code().into());
        }
    };
    ctrlc::set_handler(pressed).map_err(|why| Error::Device(format!("cannot listen for Ctrl-C: {why}")))
}

/// # Errors
/// [`Error::Interrupted`] if Ctrl-C was pressed.
pub fn check() -> Result<()> {
    if PRESSED.load(Ordering::SeqCst) { Err(Error::Interrupted) } else { Ok(()) }
}
