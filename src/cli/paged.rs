//! What the commands that make a page about filters have in common.

use super::choices::{LANGS, name_of, one_of};
use super::{Machine, quoted};
use crate::network::Network;
use crate::page::strings::Lang;
use crate::{Error, Result};
use std::path::Path;

#[derive(clap::Args)]
pub(super) struct Paged {
    /// A convolution whose filters are looked at, or all; may be given several times
    #[arg(long = "layer", value_name = "NAME", default_value = "all")]
    layers: Vec<String>,
    /// Language of the page and of what is written on its pictures
    #[arg(long, value_name = "LANG", default_value = "en", value_parser = one_of(LANGS))]
    pub lang: Lang,
    #[command(flatten)]
    pub machine: Machine,
    /// Print errors only
    #[arg(short, long)]
    pub quiet: bool,
}

impl Paged {
    /// The convolutions that are looked at.
    ///
    /// # Errors
    /// If a name is none of the network's, or the network has no convolution at all.
    pub fn layers(&self, network: &Network) -> Result<Vec<usize>> {
        let layers = super::convolutions(network, &self.layers)?;
        match layers.is_empty() {
            true => Err(Error::Usage(format!("{} has no convolution, so there is no filter to look at", network.name))),
            false => Ok(layers),
        }
    }

    /// The command itself, with the options that it has besides, each with a space before it.
    pub fn command(&self, name: &str, own: &str, out: &Path) -> String {
        let mut text = format!("unet-lens {name}");
        if self.layers != ["all"] {
            self.layers.iter().for_each(|name| text += &format!(" --layer {}", quoted(name)));
        }
        text += own;
        text += &self.machine.arguments();
        if self.lang != Lang::En {
            text += &format!(" --lang {}", name_of(LANGS, self.lang));
        }
        text + &format!(" --out {}", quoted(&out.to_string_lossy()))
    }
}
