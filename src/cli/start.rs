//! `--init`: what a climb starts from.

use super::{read_input, read_picture};
use crate::engine::exec::memory::Limit;
use crate::engine::tensor::Tensor;
use crate::gallery::{Init, check_channels};
use crate::network::Network;
use crate::{Error, Result};
use std::path::Path;

/// The word that stands where a file could.
pub(super) const PHANTOM: &str = "phantom";

/// # Errors
/// If the file cannot be read, or the network takes no phantom.
pub(super) fn read(asked: Option<&Path>, network: &Network, limit: Limit) -> Result<Init> {
    with(asked, network, |path| read_input(path, network, limit))
}

/// The same where a file must hold one picture.
pub(super) fn read_one(asked: Option<&Path>, network: &Network, limit: Limit) -> Result<Init> {
    with(asked, network, |path| read_picture(path, network, limit))
}

fn with(asked: Option<&Path>, network: &Network, read: impl Fn(&Path) -> Result<Tensor>) -> Result<Init> {
    match asked {
        None => Ok(Init::Noise),
        Some(word) if word.as_os_str() == PHANTOM => {
            check_channels(network)?;
            Ok(Init::Phantom)
        }
        Some(path) => Ok(Init::Pictures(read(path)?)),
    }
}

/// The library speaks of the start and of its size; here these are flags.
pub(super) fn by_flag(error: Error) -> Error {
    match error {
        Error::Usage(text) => Error::Usage(text.replacen("the start ", "--init ", 1).replace(" size ", " --size ")),
        error => error,
    }
}
