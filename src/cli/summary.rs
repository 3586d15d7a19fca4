//! `unet-lens summary`

use super::ModelFile;
use crate::{Result, unet};

#[derive(clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    model: ModelFile,
}

pub(super) fn run(options: &Options) -> Result<()> {
    super::print(&unet::summary(&options.model.load()?)?)
}
