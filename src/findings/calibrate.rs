//! What chance gives: the same kernels in a random order.

use crate::engine::ops::Kernel;
use crate::engine::random::stream;
use crate::network::{Kind, Network};
use crate::{Error, Result};
use rand::seq::SliceRandom;

/// What of a kernel is put in a random order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shuffle {
    /// The taps from each input to each output, each pair of them for itself: the sum of a pair's taps stays, and with it how much of
    /// which input an output takes; what goes is its shape.
    Taps,
    /// All weights of a kernel, whichever input, output and tap they were of: only how large they are stays. 1x1 kernels and those of
    /// dense layers are among them.
    Weights,
}

/// The network with its kernels in a random order. Biases and norms stay. A layer that is used twice has the same kernel twice.
///
/// # Errors
/// Never, of a network that was read from a file.
pub fn shuffled(network: &Network, how: Shuffle, seed: u64, draw: u64) -> Result<Network> {
    let mut network = network.clone();
    for layer in &mut network.layers {
        let name = layer.name.split('#').next().unwrap_or_default().to_string();
        let in_disorder = |kernel: &Kernel| match how {
            Shuffle::Taps => taps_shuffled(kernel, seed, &name, draw),
            Shuffle::Weights => weights_shuffled(kernel, seed, &name, draw),
        };
        match &mut layer.kind {
            Kind::Conv2d { conv, .. } | Kind::ConvTranspose { conv, .. } => conv.kernel = in_disorder(&conv.kernel)?,
            Kind::Separable { depthwise, pointwise, .. } => {
                depthwise.kernel = in_disorder(&depthwise.kernel)?;
                if how == Shuffle::Weights {
                    let name = format!("{name}, pointwise");
                    pointwise.kernel = weights_shuffled(&pointwise.kernel, seed, &name, draw)?;
                }
            }
            Kind::Dense { kernel, .. } if how == Shuffle::Weights => *kernel = in_disorder(kernel)?,
            _ => {}
        }
    }
    Ok(network)
}

fn taps_shuffled(kernel: &Kernel, seed: u64, layer: &str, draw: u64) -> Result<Kernel> {
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

fn weights_shuffled(kernel: &Kernel, seed: u64, layer: &str, draw: u64) -> Result<Kernel> {
    let mut values = kernel.values().to_vec();
    values.shuffle(&mut stream(seed, &format!("shuffled weights of {layer}"), draw));
    Kernel::new(kernel.kh, kernel.kw, kernel.ci, kernel.co, values.into())
}
