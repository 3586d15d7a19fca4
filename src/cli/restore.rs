//! `unet-lens restore [IMAGE]`

use super::Drawing;
use super::choices::{AXES, one_of};
use crate::Result;
use crate::mri::restore::{self, Example};
use crate::mri::{Axis, Sampling};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  unet-lens restore                             four phantoms, to out/restore.png
  unet-lens restore --count 8 --every 3         more phantoms, aliased less
  unet-lens restore brain.png --colormap gray   a picture of your own
  unet-lens restore brain.png --axis columns    aliased as the network never saw it";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// A picture of any size (.png, .jpg, or an .npy of values from 0 to 1) [default: phantoms, circles and rectangles]
    image: Option<PathBuf>,
    /// How many phantoms
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64),
          conflicts_with = "image")]
    count: u16,
    /// Keep one line of k-space in R, 2 to 8
    #[arg(long, value_name = "R", default_value_t = 4, value_parser = clap::value_parser!(u16).range(2..=8),
          allow_negative_numbers = true)]
    every: u16,
    /// Keep this part of all lines in the middle of k-space, too, 0 to 1
    #[arg(long, value_name = "PART", default_value_t = 0.08, value_parser = parse_part, allow_negative_numbers = true)]
    centre: f64,
    /// Which lines
    #[arg(long, default_value = "rows", value_parser = one_of(AXES), value_name = "AXIS")]
    axis: Axis,
    /// Seed of the phantoms, and of which of the R lines is kept
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    drawing: Drawing,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let drawing = &options.drawing;
    let network = drawing.machine.model.load()?;
    let sampling = Sampling { axis: options.axis, every: options.every.into(), centre: options.centre, offset: 0 };
    let examples = match &options.image {
        None => restore::phantoms(&network, options.count.into(), options.seed, sampling)?,
        Some(path) => {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            let truth = super::read_picture(path, &network)?;
            vec![Example { name, truth, sampling: sampling.drawn(options.seed, 0) }]
        }
    };
    let executor = drawing.open()?;
    let bar = super::progress_bar("restore", drawing.quiet);
    let results = restore::compute(&*executor, &network, &examples, &mut |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    })?;
    bar.finish_and_clear();
    let file = drawing.out.join("restore.png");
    restore::figure(&results, drawing.look.colormap).save(&file)?;
    if !drawing.quiet {
        super::print(&format!("{}{}\n", restore::table(&results), file.display()))?;
    }
    Ok(())
}

fn parse_part(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|part| (0.0..=1.0).contains(part)).ok_or_else(|| "a number from 0 to 1".to_string())
}
