//! What chance gives: the same kernels with their taps shuffled.

use crate::engine::ops::Kernel;
use crate::engine::random::stream;
use crate::network::{Kind, Network};
use crate::{Error, Result};
use rand::seq::SliceRandom;

/// The network with the taps of every kernel, from each input to each output, in a random order: what is left of a filter when
/// nothing is left of its shape.
///
/// # Errors
/// Never, of a network that was read from a file.
pub fn shuffled(network: &Network, seed: u64, draw: u64) -> Result<Network> {
    let mut network = network.clone();
    for layer in &mut network.layers {
        let name = layer.name.split('#').next().unwrap_or_default().to_string();
        match &mut layer.kind {
            Kind::Conv2d { conv, .. } | Kind::ConvTranspose { conv, .. } => {
                conv.kernel = shuffled_kernel(&conv.kernel, seed, &name, draw)?;
            }
            Kind::Separable { depthwise, .. } => {
                depthwise.kernel = shuffled_kernel(&depthwise.kernel, seed, &name, draw)?;
            }
            _ => {}
        }
    }
    Ok(network)
}

fn shuffled_kernel(kernel: &Kernel, seed: u64, layer: &str, draw: u64) -> Result<Kernel> {
    let mut rng = stream(seed, &format!("shuffled taps of {layer}"), draw);
    let (taps, pairs) = (kernel.kh * kernel.kw, kernel.ci * kernel.co);
    let values = kernel.values();
    if values.len() != taps * pairs {
        return Err(Error::Usage(format!("{layer} has a kernel for each image")));
    }
    let mut shuffled = values.to_vec();
    let mut order: Vec<usize> = (0..taps).collect();
    for pair in 0..pairs {
        order.shuffle(&mut rng);
        for (tap, &from) in order.iter().enumerate() {
            shuffled[tap * pairs + pair] = values[from * pairs + pair];
        }
    }
    Kernel::new(kernel.kh, kernel.kw, kernel.ci, kernel.co, shuffled.into())
}
