//! `unet-lens summary`

use super::{Json, ModelFile};
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
    #[command(flatten)]
    print: Json,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let mut summary = summary::summary(&options.model.load()?)?;
    summary.not_computed.iter_mut().for_each(|why| *why = super::lambda_flag(why));
    if options.print.json { super::print_json(&summary) } else { super::print(&summary.to_string()) }
}
