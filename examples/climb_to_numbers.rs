//! A network from a file, four of its filters climbed, and numbers instead of pictures.
//!
//! `cargo run --release --example climb_to_numbers [MODEL [LAYER]]`

use std::path::PathBuf;
use unet_lens::Result;
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::{self, Backend};
use unet_lens::lens::ascent::{NOISE, Recipe, climb, noise};
use unet_lens::network::{keras, unet};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let fixtures = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"));
    let model = arguments.next().map_or(fixtures.join("unet.h5"), PathBuf::from);

    // 1. The file becomes a network; a layer that is not supported is refused only when something depends on it.
    let network = keras::load(&model)?;
    let layer = match arguments.next() {
        Some(name) => unet::convolution(&network, &name)?,
        None => *unet::convolutions(&network).last().expect("a network without convolutions has nothing to climb"),
    };

    // 2. What computes: a GPU if there is one, else the CPU. The same plan runs on either.
    let (executor, _) = exec::open(Backend::Auto, None, None)?;

    // 3. Where the climb starts: an image of noise for each filter, in the network's own size.
    let filters: Vec<usize> = (0..unet::filters(&network, layer).min(4)).collect();
    let image = unet::image_shape(&network, &[layer], None)?;
    let seeds = noise(0, &network.layers[layer].name, &filters, image, NOISE);

    // 4. Twenty steps up, and what became of each filter.
    let mut watch = Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} };
    let climbs = climb(&*executor, &network, layer, &filters, &seeds, Recipe::default(), &mut watch)?;
    println!("{} of {}, on {}", network.layers[layer].name, network.name, executor.describe());
    println!("filter  at the seed  after 20 steps  verdict");
    for climb in climbs {
        let (first, last) = (climb.losses[0], climb.losses[climb.losses.len() - 1]);
        println!("{:>6}  {first:>11.4}  {last:>14.4}  {}", climb.filter, climb.verdict);
    }
    Ok(())
}
