//! What is printed: results to stdout, all else to stderr. Names from files go through here too, and a terminal obeys none of them.

use crate::names::shown;
use crate::{Error, Result};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{ErrorKind, Write};

/// Prints to stdout. A reader that closed the pipe has seen enough: that ends the program quietly.
pub(super) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(shown(text).as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Error::file("standard output", error)),
        Ok(()) => Ok(()),
    }
}

/// Says something on stderr. That nobody hears it changes nothing.
pub fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "unet-lens: {}", shown(text));
}

/// indicatif draws on stderr, and only if that is a terminal.
pub(super) fn progress_bar(name: &str, quiet: bool) -> ProgressBar {
    let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::no_length() };
    let style = ProgressStyle::with_template("{prefix:<14} {wide_bar} {percent:>3}%  {eta} left");
    bar.set_style(style.expect("the template is valid"));
    bar.set_prefix(name.to_string());
    bar
}
