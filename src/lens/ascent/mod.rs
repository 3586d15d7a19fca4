//! Gradient ascent on the image: loss, gradient, normalise, step (F. Chollet, "How convolutional neural networks see the
//! world", 2016).
//!
//! Image `i` of a batch climbs filter `i`. The whole loop is a plan: the executor repeats it, and only the pictures and a
//! few numbers per step come back.
//!
//! Filters for which there is not enough memory at once are climbed in batches. The first one was built and compiled to learn
//! what it takes, and is climbed as it was compiled. Every later batch has an [`Objective`] of its own: its graph is the same but
//! for the target's kernels, of which each image has that of its own filter. To make it costs next to nothing, since graph,
//! gradient and plan are made from shapes alone: for 16 filters of uconv128 0.2 ms. Packing all kernels on the way, once more
//! for each batch, takes about a hundredth of the time of the twenty steps that follow: too little for a second way of loading
//! kernels into what was compiled.

mod climb;
pub mod fourier;
mod objective;
mod recipe;
mod rescue;
mod verdict;

use crate::Result;
use crate::engine::exec::Executor;
use crate::engine::exec::memory::Memory;
use crate::engine::random::stream;
use crate::engine::tensor::{Shape, Tensor};
use crate::network::{Network, unet};
pub use climb::{Climb, Climbed, Job, Needs, climb};
pub(crate) use objective::{ADAM_EPSILON, BETA_1, BETA_2};
pub use objective::{Fixed, Objective, StepTrace};
use rand::RngExt;
pub use recipe::{Goal, Optimizer, Parameter, Recipe};
pub use rescue::{Rescue, Starts, rescue};
pub use verdict::Verdict;

/// Added to the gradient's RMS before it divides: the recipe's, so that a gradient of zero stays zero.
pub const EPSILON: f64 = 1e-5;

/// The upper end of the noise that a climb starts from, by the recipe.
pub const NOISE: f32 = 2.0;

/// Noise to start from: uniform in `[0, upper)`, an image of `image`'s shape for each filter. It depends on `seed`, the
/// layer's name and the filter's number alone.
pub fn noise(seed: u64, layer: &str, filters: &[usize], image: Shape, upper: f32) -> Tensor {
    let mut data = Vec::with_capacity(filters.len() * image.image_len());
    for &filter in filters {
        let mut rng = stream(seed, layer, filter as u64);
        data.extend((0..image.image_len()).map(|_| rng.random::<f32>() * upper));
    }
    Tensor::new(image.with_n(filters.len()), data)
}

/// What the noise of such images takes: to be counted before it is made.
pub fn noise_bytes(images: Shape) -> Memory {
    Memory::host((images.len() as u64).saturating_mul(4))
}

/// `count` of `channels` filters (all, if there are not more), drawn without repetition, in ascending order.
pub fn draw_filters(seed: u64, layer: &str, channels: usize, count: usize) -> Vec<usize> {
    let mut rng = stream(seed, layer, u64::MAX);
    let mut filters = rand::seq::index::sample(&mut rng, channels, count.min(channels)).into_vec();
    filters.sort_unstable();
    filters
}

/// The first filter of convolution `layer` that has a gradient at its start (an image made by `start` for the filter's
/// number), with that start; filter 0 if all are dead.
///
/// # Errors
/// As [`climb`].
pub fn first_alive(
    executor: &dyn Executor,
    network: &Network,
    layer: usize,
    start: impl Fn(usize) -> Tensor,
) -> Result<(usize, Tensor)> {
    first_alive_of(executor, network, layer, 0..unet::filters(network, layer), start)
}

/// The same, in an order of one's own; the first of it if all are dead.
///
/// # Errors
/// As [`climb`].
pub fn first_alive_of(
    executor: &dyn Executor,
    network: &Network,
    layer: usize,
    filters: impl IntoIterator<Item = usize>,
    start: impl Fn(usize) -> Tensor,
) -> Result<(usize, Tensor)> {
    let mut first = None;
    for filter in filters {
        let image = start(filter);
        let objective = Objective::new(network, layer, &[filter], image.shape, &Recipe::default(), false)?;
        let mut program = executor.prepare(objective.plan.clone())?;
        program.write(objective.image, &image)?;
        if objective.run(&mut *program, 1)?[0].rms[0] != 0.0 {
            return Ok((filter, image));
        }
        first.get_or_insert(filter);
    }
    let first = first.unwrap_or(0);
    Ok((first, start(first)))
}
