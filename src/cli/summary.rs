//! `unet-lens summary`

use super::ModelFile;
use crate::Result;
use crate::network::summary;

const EXAMPLES: &str = "\
Examples:
  unet-lens summary                         the built-in network
  unet-lens summary --model my_unet.keras   another one: which names --layer takes";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    #[command(flatten)]
    model: ModelFile,
}

pub(super) fn run(options: &Options) -> Result<()> {
    super::print(&super::lambda_flag(&summary::table(&options.model.load()?)?))
}
