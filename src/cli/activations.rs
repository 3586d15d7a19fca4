//! `unet-lens activations IMAGE|phantom`

use super::Drawing;
use super::start::PHANTOM;
use crate::engine::tensor::Tensor;
use crate::gallery::phantom;
use crate::lens::activations;
use crate::network::{Network, unet};
use crate::{Result, files};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  unet-lens activations phantom                      what the article's network is for
  unet-lens activations brain.png --layer conv512    one layer
  unet-lens activations brain.png --layer dconv64 --top all --colormap gray";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// A picture of any size (.png, .jpg, .npy), or the word phantom: circles and rectangles, with one row in 4 of
    /// k-space and its middle 8%
    image: PathBuf,
    /// A layer, or all of them and an overview; may be given several times
    #[arg(long = "layer", value_name = "NAME", default_value = "all")]
    layers: Vec<String>,
    /// How many channels of a layer, those with the greatest mean activation, or all
    #[arg(long, value_name = "N", default_value = "16", value_parser = parse_top)]
    top: usize,
    /// Seed of the phantom
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    drawing: Drawing,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let drawing = &options.drawing;
    let network = drawing.machine.model.load()?;
    let image = options.picture(&network)?;
    let overview = options.layers.iter().any(|name| name == "all");
    let mut layers = if overview {
        unet::shown(&network)
    } else {
        options.layers.iter().map(|name| unet::layer(&network, name)).collect::<Result<Vec<_>>>()?
    };
    layers.sort_unstable();
    layers.dedup();
    let names = super::file_names(&network);
    let file = |layer: usize| drawing.out.join(format!("activations-{}.png", names[layer]));
    let overview_file = overview.then(|| drawing.out.join("activations.png"));
    layers.iter().map(|&layer| file(layer)).chain(overview_file.clone()).try_for_each(files::check_writable)?;
    let executor = drawing.open()?;
    let bar = super::progress_bar("activations", drawing.quiet);
    bar.set_length(layers.len() as u64 + 1);
    bar.tick();
    let activations = activations::compute(&*executor, &network, &image, &layers, options.top)?;
    bar.inc(1);
    let mut text = String::new();
    for activation in &activations {
        let file = file(activation.layer);
        activation.figure(drawing.look.colormap).save(&file)?;
        text += &format!("{}\n", file.display());
        bar.inc(1);
    }
    if let Some(file) = overview_file {
        activations::overview(&activations, drawing.look.colormap).save(&file)?;
        text += &format!("{}\n", file.display());
    }
    bar.finish_and_clear();
    if !drawing.quiet {
        super::print(&text)?;
    }
    Ok(())
}

impl Options {
    fn picture(&self, network: &Network) -> Result<Tensor> {
        if self.image.as_os_str() != PHANTOM {
            return super::read_picture(&self.image, network, self.drawing.machine.limit());
        }
        let shape = unet::image_shape(network, &[network.output], None)?;
        phantom(network, (shape.h, shape.w), self.seed)
    }
}

fn parse_top(text: &str) -> Result<usize, String> {
    match text {
        "all" => Ok(usize::MAX),
        _ => text.parse().ok().filter(|&n| n > 0).ok_or_else(|| "a number above 0, or all".to_string()),
    }
}
