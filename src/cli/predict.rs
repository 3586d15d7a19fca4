//! `unet-lens predict IN -o OUT`

use super::Machine;
use crate::cancel::{Cancel, Watch};
use crate::engine::tensor::Tensor;
use crate::lens::{activations, ascent};
use crate::network::unet;
use crate::numbers::number;
use crate::picture::{npy, save_values};
use crate::{Error, Result, files};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  unet-lens predict scan.png -o restored.png                   values from 0 (black) to 1 (white)
  unet-lens predict scans.npy -o restored.npy --model my.h5    several images, all digits";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// A picture (.png, .jpg) or an .npy of [H,W], [N,H,W] or [N,H,W,C]
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// A .png, or an .npy (float32 [N, H, W, C])
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,
    #[command(flatten)]
    machine: Machine,
    /// Print errors only
    #[arg(short, long)]
    quiet: bool,
}

/// Values that are no surprise to a network of pictures: the pictures of .png and .jpg have 0 to 1, the noise that a climb starts
/// from 0 to 2; some networks were trained on -1 to 1.
const USUAL: std::ops::RangeInclusive<f32> = -1.0..=ascent::NOISE;

pub(super) fn run(options: &Options) -> Result<()> {
    let network = options.machine.load()?;
    let input = super::read_input(&options.input, &network, options.machine.limit())?;
    unet::image_shape(&network, &[network.output], Some((input.shape.h, input.shape.w)))?;
    let extension = options.out.extension().map(|e| e.to_ascii_lowercase());
    let png = match extension.as_ref().and_then(|e| e.to_str()) {
        Some("png") => true,
        Some("npy") => false,
        _ => return Err(Error::Usage(format!("-o {}: the name must end in .png or .npy", options.out.display()))),
    };
    files::check_writable(&options.out)?;
    let executor = options.machine.open(options.quiet)?;
    if let Some(warning) = surprising(&input).filter(|_| !options.quiet) {
        super::tell(&format!("warning: {}: {warning}", options.input.display()));
    }
    let built = unet::graph_to(&network, network.output, None, input.shape.with_n(1))?;
    let shape = built.graph.shape(built.output);
    if png && (input.shape.n > 1 || !matches!(shape.c, 1 | 3)) {
        return Err(Error::Usage(format!(
            "-o {}: a .png holds one image of 1 or 3 channels, the result is {} of {}; write an .npy",
            options.out.display(),
            input.shape.n,
            shape.c
        )));
    }
    let mut watch = Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} };
    let output = activations::predict(&*executor, &network, &input, &mut watch)?;
    if png {
        save_values(&options.out, &output)?;
    } else {
        let s = output.shape;
        npy::write(&options.out, &[s.n, s.h, s.w, s.c], &output.data)?;
    }
    if !options.quiet {
        super::print(&format!("{}\n", options.out.display()))?;
    }
    Ok(())
}

/// What to say of values that are far from those of a picture.
fn surprising(input: &Tensor) -> Option<String> {
    let least = input.data.iter().copied().fold(f32::INFINITY, f32::min);
    let most = input.data.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (noise, usual) = (ascent::NOISE, USUAL.contains(&least) && USUAL.contains(&most));
    (!usual).then(|| {
        format!(
            "its values go from {} to {}; the network gets 0 to 1 of a .png or .jpg, and 0 to {noise} of the noise that a climb \
             starts from: scale them, unless it was trained on such values",
            number(least.into(), 4),
            number(most.into(), 4)
        )
    })
}
