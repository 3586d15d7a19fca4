//! DeepDream: a picture, changed towards what a layer already sees in it (A. Mordvintsev, C. Olah, M. Tyka, "Inceptionism",
//! 2015; the steps are those of the notebook that came with it).
//!
//! ```text
//! for each octave, the picture from small to large:
//!     picture = octave's own picture + what the smaller octaves added, enlarged
//!     so many times:
//!         move the picture round by a random shift
//!         g = d goal / d picture
//!         picture = picture + step_size * g / mean |g|, cut to [0, 1]
//!         move it back
//! ```
//!
//! The goal is the mean of squares over the whole layer: what is seen already is made stronger. Or the mean of one filter.

mod tiles;

use crate::cancel::Watch;
use crate::engine::exec::memory::Memory;
use crate::engine::exec::{Executor, Program};
use crate::engine::graph::NodeId;
use crate::engine::ops::Window;
use crate::engine::plan::Plan;
use crate::engine::tensor::{Shape, Tensor};
use crate::engine::{autodiff, random};
use crate::network::pad::Padded;
use crate::network::{Network, unet};
use crate::picture::resize;
use crate::{Error, Result};
use rand::RngExt;
use std::sync::Arc;
use tiles::Sizes;
pub use tiles::{Span, Tiling, reach};

/// The side of a tile below which no smaller ones are tried.
const SMALLEST: usize = 64;

/// What to dream, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dream {
    /// A convolution.
    pub layer: usize,
    /// Its filter that is climbed; `None`: all of them together.
    pub filter: Option<usize>,
    pub octaves: usize,
    /// Each octave is so many times as large as the one before, along both axes.
    pub octave_scale: f32,
    /// Steps that are taken in each octave.
    pub steps: usize,
    /// How much a pixel changes in a step, on average; pictures have values in [0, 1].
    pub step_size: f32,
    /// The most pixels that the picture is moved by, along each axis.
    pub jitter: usize,
    pub seed: u64,
}

/// What became of one octave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Octave {
    pub h: usize,
    pub w: usize,
    /// The goal at its first and its last step; the mean of the tiles', if there are several.
    pub first: f32,
    pub last: f32,
}

/// What gets the pictures on the way.
pub type Frame<'f> = &'f mut dyn FnMut(&Tensor) -> Result<()>;

/// How a picture will be climbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// How the largest octave is cut into tiles.
    pub tiling: Tiling,
    /// The most tiles that one step is computed in: those of the largest octave.
    pub tiles: usize,
    /// The memory that is needed, on the executor and for the pictures.
    pub needed: Memory,
    most: usize,
    reach: usize,
    multiple: Window,
}

impl Dream {
    /// All filters of a layer together, with the notebook's numbers.
    pub fn of(layer: usize, seed: u64) -> Dream {
        Dream {
            layer,
            filter: None,
            octaves: 4,
            octave_scale: 1.4,
            steps: 10,
            step_size: 1.5 / 255.0,
            jitter: 32,
            seed,
        }
    }
}

impl Work {
    /// The largest tiles that there is memory for.
    ///
    /// # Errors
    /// [`Error::Limit`], if there is not enough for the smallest.
    pub fn new(executor: &dyn Executor, network: &Network, dream: &Dream, image: Shape) -> Result<Work> {
        executor.limit().check(image, Memory::host(picture_bytes(image)))?;
        let Sizes { whole, .. } = Sizes::new(network, dream.layer, (image.h, image.w), usize::MAX)?;
        let mut most = whole.h.max(whole.w);
        loop {
            let work = Work::with_tiles(executor, network, dream, image, most)?;
            match executor.limit().check(image, work.needed) {
                Ok(()) => return Ok(work),
                Err(Error::Limit(_)) if most > SMALLEST => most /= 2,
                Err(error) => return Err(error),
            }
        }
    }

    /// With tiles of at most `most` rows and columns.
    ///
    /// # Errors
    /// If the network cannot be built.
    pub fn with_tiles(
        executor: &dyn Executor,
        network: &Network,
        dream: &Dream,
        image: Shape,
        most: usize,
    ) -> Result<Work> {
        let multiple = unet::size_multiple(network);
        let reach = reach(network, dream.layer);
        let Sizes { whole, tile } = Sizes::new(network, dream.layer, (image.h, image.w), most)?;
        let tiling = Tiling::new(whole, tile, multiple, reach);
        let plan = Target::new(network, dream, tiling.size)?.plan;
        let tiles = tiling.tiles(whole, multiple).len();
        // The pictures and a tile's values together.
        let needed =
            executor.compile(plan)?.memory() + Memory::host(picture_bytes(Shape { h: whole.h, w: whole.w, ..image }));
        Ok(Work { tiling, tiles, needed, most, reach, multiple })
    }
}

/// Of the picture, its octaves (together less than as much again, if they are not much alike), what is added, and a step's
/// copies.
fn picture_bytes(image: Shape) -> u64 {
    image.len() as u64 * 4 * 10
}

/// The goal as a plan for one tile.
struct Target {
    plan: Arc<Plan>,
    image: NodeId,
    gradient: NodeId,
}

impl Target {
    fn new(network: &Network, dream: &Dream, size: Window) -> Result<Target> {
        let image = unet::image_shape(network, &[dream.layer], Some((size.h, size.w)))?;
        let own = dream.filter.map(|filter| [filter]);
        let built = unet::graph_to(network, dream.layer, own.as_ref().map(|own| &own[..]), image)?;
        let mut graph = built.graph;
        let values = match dream.filter {
            Some(_) => built.output,
            None => graph.mul("squares", built.output, built.output)?,
        };
        let loss = graph.mean("loss", values)?;
        let gradient = autodiff::gradient(&mut graph, loss, built.image)?.of_wrt();
        let plan = Plan::compile(graph, &[gradient], &[loss], &[]);
        Ok(Target { plan: Arc::new(plan), image: built.image, gradient })
    }
}

/// Dreams on `image`, `[1, h, w, c]` with values in [0, 1]. The watch hears how many tiles of how many are done; `frame`
/// gets the picture, in its full size, before the first step and after every step.
///
/// # Errors
/// If the memory is not enough, the device fails, a gradient is infinite or NaN, or the dream is cancelled.
pub fn dream(
    executor: &dyn Executor,
    network: &Network,
    image: &Tensor,
    dream: &Dream,
    work: &Work,
    watch: &mut Watch,
    mut frame: Option<Frame>,
) -> Result<(Tensor, Vec<Octave>)> {
    let mut bases = vec![image.clone()];
    for _ in 1..dream.octaves {
        let last = &bases[bases.len() - 1];
        let smaller = |side: usize| ((side as f32 / dream.octave_scale).round() as usize).max(1);
        bases.push(resize(last, (smaller(last.shape.h), smaller(last.shape.w))));
    }
    let mut climbers: Vec<Climber> = vec![];
    for (i, base) in bases.iter().enumerate().rev() {
        climbers.push(Climber::new(network, dream, work, base.shape, i)?);
    }
    let total = climbers.iter().map(|c| c.most_tiles()).sum::<usize>() * dream.steps;
    if let Some(frame) = &mut frame {
        frame(image)?;
    }
    let mut octaves = vec![];
    let mut done = 0;
    let mut detail: Option<Tensor> = None;
    for (mut climber, base) in climbers.into_iter().zip(bases.iter().rev()) {
        let mut picture = base.clone();
        if let Some(detail) = &detail {
            add(&mut picture, &resize(detail, (base.shape.h, base.shape.w)));
        }
        let mut program = executor.prepare(climber.target.plan.clone())?;
        let mut losses = vec![];
        for _ in 0..dream.steps {
            watch.cancel.check()?;
            losses.push(climber.step(&mut *program, &mut picture)?);
            done += climber.most_tiles();
            (watch.progress)(done, total);
            if let Some(frame) = &mut frame {
                let mut whole = image.clone();
                add(&mut whole, &resize(&minus(&picture, base), (image.shape.h, image.shape.w)));
                frame(&whole)?;
            }
        }
        let last = losses.len() - 1;
        octaves.push(Octave { h: base.shape.h, w: base.shape.w, first: losses[0], last: losses[last] });
        detail = Some(minus(&picture, base));
    }
    let mut result = image.clone();
    if let Some(detail) = detail {
        add(&mut result, &detail);
    }
    Ok((result, octaves))
}

fn add(picture: &mut Tensor, other: &Tensor) {
    picture.data.iter_mut().zip(&other.data).for_each(|(a, b)| *a += b);
}

fn minus(picture: &Tensor, other: &Tensor) -> Tensor {
    Tensor::new(picture.shape, picture.data.iter().zip(&other.data).map(|(a, b)| a - b).collect())
}

/// Climbs one octave.
struct Climber {
    target: Target,
    tiling: Tiling,
    /// Of the padded picture.
    whole: Window,
    multiple: Window,
    jitter: usize,
    step_size: f32,
    rng: rand_chacha::ChaCha8Rng,
}

impl Climber {
    fn new(network: &Network, dream: &Dream, work: &Work, image: Shape, octave: usize) -> Result<Climber> {
        let Sizes { whole, tile } = Sizes::new(network, dream.layer, (image.h, image.w), work.most)?;
        let tiling = Tiling::new(whole, tile, work.multiple, work.reach);
        let name = format!("dream {}", network.layers[dream.layer].name);
        Ok(Climber {
            target: Target::new(network, dream, tiling.size)?,
            tiling,
            whole,
            multiple: work.multiple,
            jitter: dream.jitter,
            step_size: dream.step_size,
            rng: random::stream(dream.seed, &name, octave as u64),
        })
    }

    /// Tiles of a step, if their seams lie where there are most.
    fn most_tiles(&self) -> usize {
        self.tiling.tiles(self.whole, self.multiple).len()
    }

    /// One step; gives the goal before it.
    fn step(&mut self, program: &mut dyn Program, picture: &mut Tensor) -> Result<f32> {
        let most = self.jitter as i64;
        let (down, right) = (self.rng.random_range(-most..=most), self.rng.random_range(-most..=most));
        let core = self.tiling.core;
        let mut first = |core: usize, m: usize| self.rng.random_range(1..=(core / m).max(1)) * m;
        let first = Window::new(first(core.h, self.multiple.h), first(core.w, self.multiple.w));

        let moved = rolled(picture, down, right);
        let padded = Padded::to_size(&moved, (self.whole.h, self.whole.w));
        let (gradient, loss) = self.gradient(program, &padded.image, first)?;
        let mut gradient = rolled(&padded.crop(&gradient), -down, -right);
        let mean = gradient.data.iter().map(|g| f64::from(g.abs())).sum::<f64>() / gradient.data.len() as f64;
        if !mean.is_finite() || !loss.is_finite() {
            let what = "the dream left the range of numbers: take a smaller step size or fewer steps";
            return Err(Error::Usage(what.to_string()));
        }
        // Where nothing leads anywhere the picture stays.
        let rate = if mean > 0.0 { f64::from(self.step_size) / mean } else { 0.0 };
        gradient.data.iter_mut().for_each(|g| *g = (f64::from(*g) * rate) as f32);
        add(picture, &gradient);
        picture.data.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
        Ok(loss)
    }

    /// The gradient, put together from the tiles' cores, and the mean of the tiles' goals.
    fn gradient(&self, program: &mut dyn Program, image: &Tensor, first: Window) -> Result<(Tensor, f32)> {
        let Shape { c, .. } = image.shape;
        let size = self.tiling.size;
        let tiles = self.tiling.tiles(self.whole, first);
        let (mut whole, mut losses) = (Tensor::zeros(image.shape), 0.0);
        for (rows, columns) in &tiles {
            let mut tile = Vec::with_capacity(size.len() * c);
            for y in rows.start..rows.start + size.h {
                tile.extend_from_slice(&image.data[image.shape.at(0, y, columns.start, 0)..][..size.w * c]);
            }
            program.write(self.target.image, &Tensor::new(Shape::new(1, size.h, size.w, c), tile))?;
            // The plan traces the goal alone.
            losses += f64::from(program.run(1)?[0][0][0]);
            let gradient = program.read(self.target.gradient)?;
            let len = (columns.core.1 - columns.core.0) * c;
            for y in rows.core.0..rows.core.1 {
                let from = gradient.shape.at(0, y - rows.start, columns.core.0 - columns.start, 0);
                let to = image.shape.at(0, y, columns.core.0, 0);
                whole.data[to..to + len].copy_from_slice(&gradient.data[from..from + len]);
            }
        }
        Ok((whole, (losses / tiles.len() as f64) as f32))
    }
}

/// Moved round, as [`crate::engine::ops::roll`] does.
fn rolled(image: &Tensor, down: i64, right: i64) -> Tensor {
    let Shape { h, w, c, .. } = image.shape;
    let from = |to: usize, by: i64, size: usize| (to as i64 - by).rem_euclid(size as i64) as usize;
    let split = from(0, -right, w) * c;
    let mut data = Vec::with_capacity(image.data.len());
    for y in 0..h {
        let row = &image.data[image.shape.at(0, from(y, down, h), 0, 0)..][..w * c];
        data.extend_from_slice(&row[w * c - split..]);
        data.extend_from_slice(&row[..w * c - split]);
    }
    Tensor::new(image.shape, data)
}

/// A colour picture `[h, w, 3]` with the change of its luma added: all three channels by as much, so that the differences
/// between them, which are its colours, stay.
pub fn recolour(rgb: &[f32], before: &[f32], after: &[f32]) -> Vec<f32> {
    let changes = after.iter().zip(before).map(|(after, before)| after - before);
    rgb.chunks_exact(3).zip(changes).flat_map(|(p, change)| [p[0], p[1], p[2]].map(|v| v + change)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// y[r, s] = x[(r - down) mod h, (s - right) mod w], as the op roll has it.
    #[test]
    fn a_picture_is_rolled_as_the_op_rolls() {
        let image = Tensor::new(Shape::new(1, 2, 3, 2), (0..12).map(|v| v as f32).collect());
        // One down and one to the right: the last row comes first, and of each row the last pixel.
        assert_eq!(rolled(&image, 1, 1).data, [10.0, 11.0, 6.0, 7.0, 8.0, 9.0, 4.0, 5.0, 0.0, 1.0, 2.0, 3.0]);
        assert_eq!(rolled(&image, 0, -1).data, [2.0, 3.0, 4.0, 5.0, 0.0, 1.0, 8.0, 9.0, 10.0, 11.0, 6.0, 7.0]);
        assert_eq!(rolled(&image, -2, 3), image);
        let tall = Tensor::new(Shape::new(1, 3, 1, 1), vec![1.0, 2.0, 3.0]);
        assert_eq!((rolled(&tall, 1, 0).data, rolled(&tall, -1, 0).data), (vec![3.0, 1.0, 2.0], vec![2.0, 3.0, 1.0]));
    }
}
