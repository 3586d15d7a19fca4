//! Gradient ascent on the image: loss, gradient, normalise, step (F. Chollet, "How convolutional neural networks see the
//! world", 2016).
//!
//! Image `i` of a batch climbs filter `i`. The whole loop is a plan: the executor repeats it, and only the pictures and a
//! few numbers per step come back.

pub mod fourier;
mod objective;
mod recipe;
mod rescue;

use crate::engine::exec::Executor;
use crate::engine::exec::memory::Memory;
use crate::engine::random::stream;
use crate::engine::tensor::{Shape, Tensor};
use crate::network::{Network, unet};
use crate::{Error, Result, interrupt};
pub use objective::Objective;
use rand::RngExt;
pub use recipe::{Goal, Optimizer, Parameter, Recipe};
pub use rescue::{Rescue, Starts, rescue};
use std::time::{Duration, Instant};

/// Added to the gradient's RMS before it divides: the recipe's, so that a gradient of zero stays zero.
pub const EPSILON: f64 = 1e-5;

/// The upper end of the noise that a climb starts from, by the recipe.
pub const NOISE: f32 = 2.0;

/// How long a chunk of steps should take on the device before progress is shown.
const CHUNK: Duration = Duration::from_millis(250);

/// What became of one filter.
#[derive(Debug, Clone, PartialEq)]
pub struct Climb {
    pub filter: usize,
    /// The filter's goal (by default its mean activation) before each step, and after the last.
    pub losses: Vec<f32>,
    /// The RMS of the goal's gradient of each step, regularisers not counted.
    pub rms: Vec<f32>,
    /// `[h, w, c]`, flat: the image after the last step.
    pub picture: Vec<f32>,
    /// If asked for ([`Recipe::keep_frames`]): the image before the first step and after every step.
    pub frames: Vec<Vec<f32>>,
    pub verdict: Verdict,
    /// If it was dead at first: how it came to climb.
    pub rescued: Option<Rescue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Ok,
    /// The gradient is zero everywhere, from the seed on: no step leads anywhere.
    Dead,
    /// A loss or a gradient became NaN or infinite: the picture means nothing.
    NotFinite,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.pad(match self {
            Verdict::Ok => "ok",
            Verdict::Dead => "dead",
            Verdict::NotFinite => "not finite",
        })
    }
}

/// Climbs `filters` of convolution `layer`, filter `i` from image `i` of `seeds`. `progress` hears how many steps of how
/// many are done, all filters counted.
///
/// # Errors
/// If not even one image fits into the executor's memory, the device fails, or Ctrl-C was pressed ([`interrupt::check`]).
pub fn climb(
    executor: &dyn Executor,
    network: &Network,
    layer: usize,
    filters: &[usize],
    seeds: &Tensor,
    recipe: Recipe,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Climb>> {
    if recipe.keep_frames {
        check_frames(executor, filters.len(), seeds.shape, recipe.steps)?;
    }
    let mut climbs = vec![];
    let total = filters.len() * recipe.steps;
    let at_once = needs(executor, network, layer, filters, seeds.shape, &recipe)?.at_once;
    for batch in filters.chunks(at_once) {
        let first = climbs.len();
        let len = seeds.shape.image_len();
        let seeds =
            Tensor::new(seeds.shape.with_n(batch.len()), seeds.data[first * len..(first + batch.len()) * len].to_vec());
        progress(first * recipe.steps, total);
        let objective = Objective::new(network, layer, batch, seeds.shape, &recipe, false)?;
        climbs.extend(climb_batch(executor, &objective, batch, &seeds, recipe, &mut |steps| {
            progress(first * recipe.steps + steps * batch.len(), total);
        })?);
    }
    Ok(climbs)
}

/// Is there memory for every filter's picture after every step?
fn check_frames(executor: &dyn Executor, filters: usize, image: Shape, steps: usize) -> Result<()> {
    let pictures = image.with_n(filters.saturating_mul(steps.saturating_add(1)));
    executor.limit().check(pictures, Memory::host((pictures.image_len() as u64 * 4).saturating_mul(pictures.n as u64)))
}

/// What a climb takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Filters that are climbed at once; the others wait.
    pub at_once: usize,
    /// The most bytes of memory, on the executor and for the pictures.
    pub bytes: u64,
}

/// Is there memory for a climb of `filters`, and how much does it take? To be asked before their seeds are made.
///
/// # Errors
/// [`Error::Limit`] if there is not even enough for one filter at a time, or for the pictures of all.
pub fn fits(
    executor: &dyn Executor,
    network: &Network,
    layer: usize,
    filters: &[usize],
    image: Shape,
    recipe: &Recipe,
) -> Result<Needs> {
    let one = Objective::new(network, layer, &filters[..1], image, recipe, false)?;
    let compiled = executor.compile(one.plan)?;
    executor.limit().check(image, compiled.memory())?;
    executor.limit().check(image.with_n(filters.len()), compiled.memory() + pictures(filters.len(), image))?;
    needs(executor, network, layer, filters, image, recipe)
}

/// What the pictures of all filters take: seeds, those of a batch, pictures as they are and as they are drawn, f32s.
fn pictures(filters: usize, image: Shape) -> Memory {
    Memory::host((image.image_len() as u64 * 4 * 4).saturating_mul(filters as u64))
}

/// As few batches of equal size as fit into memory.
fn needs(
    executor: &dyn Executor,
    network: &Network,
    layer: usize,
    filters: &[usize],
    image: Shape,
    recipe: &Recipe,
) -> Result<Needs> {
    let mut count = 1;
    loop {
        let at_once = filters.len().div_ceil(count);
        let objective = Objective::new(network, layer, &filters[..at_once], image, recipe, false)?;
        let needed = executor.compile(objective.plan).and_then(|compiled| {
            let needed = compiled.memory() + pictures(filters.len(), image);
            executor.limit().check(image.with_n(at_once), needed).map(|()| needed)
        });
        match needed {
            Ok(needed) => return Ok(Needs { at_once, bytes: needed.total() }),
            Err(Error::Limit(_) | Error::Memory(_)) if at_once > 1 => count *= 2,
            Err(error) => return Err(error),
        }
    }
}

/// Climbs one batch; `progress` hears the number of steps done.
fn climb_batch(
    executor: &dyn Executor,
    objective: &Objective,
    filters: &[usize],
    seeds: &Tensor,
    recipe: Recipe,
    progress: &mut dyn FnMut(usize),
) -> Result<Vec<Climb>> {
    let start = match recipe.parameter {
        Parameter::Pixel => seeds.clone(),
        Parameter::Fourier => fourier::coefficients(executor, seeds)?,
    };
    let mut program = executor.prepare(objective.plan.clone())?;
    program.write(objective.image, &start)?;
    for (input, values) in &objective.fixed {
        program.write(*input, values)?;
    }
    let mut losses: Vec<Vec<f32>> = vec![vec![]; filters.len()];
    let mut rms: Vec<Vec<f32>> = vec![vec![]; filters.len()];
    let mut frames: Vec<Vec<Vec<f32>>> = vec![vec![]; filters.len()];
    let mut keep_frame = |pictures: &Tensor| {
        frames.iter_mut().enumerate().for_each(|(i, frames)| frames.push(pictures.image(i).to_vec()));
    };
    if recipe.keep_frames {
        keep_frame(seeds);
    }
    let (mut done, mut chunk) = (0, 1);
    while done < recipe.steps {
        interrupt::check()?;
        let start = Instant::now();
        for run in program.run(chunk.min(recipe.steps - done))? {
            for i in 0..filters.len() {
                losses[i].push(run[0][i]);
                rms[i].push(run[1][i]);
            }
            done += 1;
        }
        progress(done);
        if recipe.keep_frames {
            keep_frame(&program.read(objective.picture)?);
            continue;
        }
        // Device and host meet once a chunk; a chunk is as many steps as fill a moment.
        let per_step = start.elapsed().as_secs_f64() / chunk as f64;
        chunk = ((CHUNK.as_secs_f64() / per_step.max(1e-6)) as usize).max(1);
    }
    let pictures = if done > 0 { program.read(objective.picture)? } else { seeds.clone() };
    if let Some(shifts) = objective.shifts {
        // What comes out in the end is measured where it is.
        program.write(shifts, &Tensor::zeros(objective.plan.graph.shape(shifts)))?;
    }
    for (losses, last) in losses.iter_mut().zip(program.first_traced()?) {
        losses.push(last);
    }
    let paths = losses.into_iter().zip(rms).zip(frames);
    let climbs = filters.iter().zip(paths).enumerate().map(|(i, (&filter, ((losses, rms), frames)))| {
        let picture = pictures.image(i).to_vec();
        let verdict = if losses.iter().chain(&rms).chain(&picture).any(|v| !v.is_finite()) {
            Verdict::NotFinite
        } else if !rms.is_empty() && rms.iter().all(|&rms| rms == 0.0) {
            Verdict::Dead
        } else {
            Verdict::Ok
        };
        Climb { filter, losses, rms, picture, frames, verdict, rescued: None }
    });
    Ok(climbs.collect())
}

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
    for filter in 0..unet::filters(network, layer) {
        let image = start(filter);
        let objective = Objective::new(network, layer, &[filter], image.shape, &Recipe::default(), false)?;
        let mut program = executor.prepare(objective.plan)?;
        program.write(objective.image, &image)?;
        if program.run(1)?[0][1][0] != 0.0 {
            return Ok((filter, image));
        }
    }
    Ok((0, start(0)))
}
