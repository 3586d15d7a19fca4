//! The climb of some filters: first what it takes, then the steps.

use super::{Objective, Parameter, Recipe, Rescue, Verdict, fourier};
use crate::cancel::{Cancel, Watch};
use crate::engine::exec::memory::Memory;
use crate::engine::exec::{Compiled, Executor};
use crate::engine::tensor::{Shape, Tensor};
use crate::network::Network;
use crate::{Error, Result};
use std::ops::Range;
use std::time::{Duration, Instant};

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
    /// `[h, w, c]`, flat: the image after step `shown`.
    pub picture: Vec<f32>,
    /// The last step; or with [`Recipe::keep_best`] the one after which the goal was reached best.
    pub shown: usize,
    /// If asked for ([`Recipe::keep_frames`]): the image before the first step and after every step.
    pub frames: Vec<Vec<f32>>,
    pub verdict: Verdict,
    /// If it was dead at first: how it came to climb.
    pub rescued: Option<Rescue>,
    /// If it fell at first: how often its steps were halved until it did not.
    pub halved: u32,
}

/// What a climb takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Filters that are climbed at once; the others wait.
    pub at_once: usize,
    /// The most memory, on the executor and for the pictures.
    pub memory: Memory,
}

/// A climb of some filters of a convolution, for which there is memory.
pub struct Job<'a> {
    executor: &'a dyn Executor,
    network: &'a Network,
    layer: usize,
    filters: Vec<usize>,
    image: Shape,
    recipe: Recipe,
    needs: Needs,
    /// The first batch: it was compiled to learn what it takes. The others are compiled when their turn comes.
    first: Option<(Objective, Box<dyn Compiled>)>,
}

impl<'a> Job<'a> {
    /// Finds the largest batches of filters for which there is memory; to be asked before their seeds are made. `image` is the
    /// shape of one.
    ///
    /// # Errors
    /// [`Error::Limit`] if there is not even enough for one filter at a time, or for the pictures of all; or if the image does
    /// not fit the network, or the recipe the layer.
    pub fn new(
        executor: &'a dyn Executor,
        network: &'a Network,
        layer: usize,
        filters: &[usize],
        image: Shape,
        recipe: Recipe,
    ) -> Result<Job<'a>> {
        let (limit, pictures) = (executor.limit(), pictures(filters.len(), image, &recipe));
        limit.check(image.with_n(filters.len()), pictures)?;
        let mut count = 1;
        loop {
            let at_once = filters.len().div_ceil(count);
            let objective = Objective::new(network, layer, &filters[..at_once], image, &recipe, false)?;
            let tried = executor.compile(objective.plan.clone()).and_then(|compiled| {
                if at_once == 1 {
                    limit.check(image, compiled.memory())?;
                }
                let memory = compiled.memory() + pictures;
                let images = if at_once == 1 { filters.len() } else { at_once };
                limit.check(image.with_n(images), memory)?;
                Ok((compiled, Needs { at_once, memory }))
            });
            match tried {
                Ok((compiled, needs)) => {
                    let (filters, first) = (filters.to_vec(), Some((objective, compiled)));
                    return Ok(Job { executor, network, layer, filters, image, recipe, needs, first });
                }
                Err(Error::Limit(_) | Error::Memory(_)) if at_once > 1 => count *= 2,
                Err(error) => return Err(error),
            }
        }
    }

    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// Climbs filter `i` from image `i` of `seeds`. The watch hears how many steps are done, all filters counted.
    ///
    /// # Errors
    /// If the device fails, or the climb is cancelled.
    pub fn climb(self, seeds: &Tensor, watch: &mut Watch) -> Result<Vec<Climb>> {
        let Climbed { climbs, end } = self.climb_on(seeds, watch);
        end.map(|()| climbs)
    }

    /// The same; what is finished when something fails is kept.
    pub fn climb_on(mut self, seeds: &Tensor, watch: &mut Watch) -> Climbed {
        let mut climbed = Climbed { climbs: vec![], end: Ok(()) };
        let mut first = self.first.take();
        for start in (0..self.filters.len()).step_by(self.needs.at_once) {
            let places = start..(start + self.needs.at_once).min(self.filters.len());
            match self.batch(places, seeds, watch, first.take()) {
                Ok(climbs) => climbed.climbs.extend(climbs),
                Err(error) => {
                    climbed.end = Err(error);
                    break;
                }
            }
        }
        climbed
    }

    /// Climbs the filters at these places of the list.
    fn batch(
        &self,
        places: Range<usize>,
        seeds: &Tensor,
        watch: &mut Watch,
        compiled: Option<(Objective, Box<dyn Compiled>)>,
    ) -> Result<Vec<Climb>> {
        let (total, len) = (self.filters.len() * self.recipe.steps, self.image.image_len());
        let (done, filters) = (places.start * self.recipe.steps, &self.filters[places.clone()]);
        let seeds = seeds.data[places.start * len..places.end * len].to_vec();
        let seeds = Tensor::new(self.image.with_n(filters.len()), seeds);
        (watch.progress)(done, total);
        let (objective, compiled) = match compiled {
            Some(first) => first,
            None => {
                let objective = Objective::new(self.network, self.layer, filters, self.image, &self.recipe, false)?;
                let compiled = self.executor.compile(objective.plan.clone())?;
                self.executor.limit().check(seeds.shape, compiled.memory())?;
                (objective, compiled)
            }
        };
        let mut progress = |steps: usize| (watch.progress)(done + steps * filters.len(), total);
        let batch =
            Batch { executor: self.executor, objective: &objective, filters, seeds: &seeds, recipe: self.recipe };
        batch.climb(compiled, watch.cancel, &mut progress)
    }
}

/// What a climb came to.
pub struct Climbed {
    /// Of the filters that are finished, the first of those that were asked for.
    pub climbs: Vec<Climb>,
    /// Why it ended before all filters were finished.
    pub end: Result<()>,
}

/// Climbs `filters` of convolution `layer`, filter `i` from image `i` of `seeds`.
///
/// # Errors
/// As [`Job::new`] and [`Job::climb`].
pub fn climb(
    executor: &dyn Executor,
    network: &Network,
    layer: usize,
    filters: &[usize],
    seeds: &Tensor,
    recipe: Recipe,
    watch: &mut Watch,
) -> Result<Vec<Climb>> {
    Job::new(executor, network, layer, filters, seeds.shape.with_n(1), recipe)?.climb(seeds, watch)
}

/// What the pictures of all filters take: seeds, those of a batch, pictures as they are and as they are drawn; f32s. Of each
/// step one more, if frames are kept; and with the best picture the last one. Where waves are climbed, their coefficients, how
/// strong they are, and what it takes to find them for one picture at a time.
fn pictures(filters: usize, image: Shape, recipe: &Recipe) -> Memory {
    let frames = if recipe.keep_frames { recipe.steps.saturating_add(1) } else { 0 };
    let best = if recipe.keep_best { 2 } else { 0 };
    let (waves, once) = if recipe.parameter == Parameter::Fourier { (2, fourier::COPIES) } else { (0, 0) };
    let copies = (4 + best + waves as u64).saturating_add(frames as u64).saturating_mul(filters as u64);
    let one = (image.image_len() as u64).saturating_mul(4);
    Memory::host(one.saturating_mul(copies.saturating_add(once)))
}

/// Filters that are climbed at once.
struct Batch<'b> {
    executor: &'b dyn Executor,
    objective: &'b Objective,
    filters: &'b [usize],
    seeds: &'b Tensor,
    recipe: Recipe,
}

impl Batch<'_> {
    /// `progress` hears the number of steps done.
    fn climb(
        &self,
        compiled: Box<dyn Compiled>,
        cancel: &Cancel,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<Climb>> {
        let (objective, recipe) = (self.objective, self.recipe);
        let start = match recipe.parameter {
            Parameter::Pixel => self.seeds.clone(),
            Parameter::Fourier => fourier::coefficients(self.executor, self.seeds)?,
        };
        let mut program = compiled.load()?;
        program.write(objective.image, &start)?;
        for (input, values) in &objective.fixed {
            program.write(*input, &values.values())?;
        }
        let mut paths = Paths::new(self.seeds, recipe);
        // What is looked at after every step is read after every step.
        let each = recipe.keep_frames || recipe.keep_best;
        let (mut done, mut chunk) = (0, 1);
        while done < recipe.steps {
            cancel.check()?;
            let start = Instant::now();
            for step in objective.run(&mut *program, chunk.min(recipe.steps - done))? {
                paths.step(&step.loss, Some(&step.rms));
                done += 1;
            }
            progress(done);
            if each {
                paths.picture(program.read(objective.picture)?);
            } else {
                // Device and host meet once a chunk; a chunk is as many steps as fill a moment.
                let per_step = start.elapsed().as_secs_f64() / chunk as f64;
                chunk = ((CHUNK.as_secs_f64() / per_step.max(1e-6)) as usize).max(1);
            }
        }
        if done > 0 && !each {
            paths.picture(program.read(objective.picture)?);
        }
        if let Some(shifts) = objective.shifts {
            // What comes out in the end is measured where it is.
            program.write(shifts, &Tensor::zeros(objective.plan.graph.shape(shifts)))?;
        }
        paths.step(&program.first_traced()?, None);
        Ok(paths.into_climbs(self.filters))
    }
}

/// The ways up of a batch, step by step.
struct Paths {
    recipe: Recipe,
    losses: Vec<Vec<f32>>,
    rms: Vec<Vec<f32>>,
    frames: Vec<Vec<Vec<f32>>>,
    /// After the last step done.
    pictures: Tensor,
    /// If it is kept: of each filter the best picture so far, and after which step it was.
    best: Option<(Tensor, Vec<usize>)>,
}

impl Paths {
    fn new(seeds: &Tensor, recipe: Recipe) -> Paths {
        let n = seeds.shape.n;
        let mut paths = Paths {
            recipe,
            losses: vec![vec![]; n],
            rms: vec![vec![]; n],
            frames: vec![vec![]; n],
            pictures: seeds.clone(),
            best: recipe.keep_best.then(|| (seeds.clone(), vec![0; n])),
        };
        paths.keep_frames();
        paths
    }

    fn keep_frames(&mut self) {
        if self.recipe.keep_frames {
            let pictures = &self.pictures;
            self.frames.iter_mut().enumerate().for_each(|(i, frames)| frames.push(pictures.image(i).to_vec()));
        }
    }

    /// What was measured before a step: of the pictures as they are.
    fn step(&mut self, losses: &[f32], rms: Option<&[f32]>) {
        let len = self.pictures.shape.image_len();
        for (i, &loss) in losses.iter().enumerate() {
            if let Some((best, shown)) = &mut self.best {
                let so_far = self.losses[i].get(shown[i]).copied().unwrap_or(f32::NEG_INFINITY);
                let is_better = if self.recipe.negative { loss < so_far } else { loss > so_far };
                if !self.losses[i].is_empty() && is_better {
                    shown[i] = self.losses[i].len();
                    best.data[i * len..(i + 1) * len].copy_from_slice(self.pictures.image(i));
                }
            }
            self.losses[i].push(loss);
            if let Some(rms) = rms {
                self.rms[i].push(rms[i]);
            }
        }
    }

    /// The pictures after a step.
    fn picture(&mut self, pictures: Tensor) {
        self.pictures = pictures;
        self.keep_frames();
    }

    fn into_climbs(self, filters: &[usize]) -> Vec<Climb> {
        let Paths { recipe, losses, rms, frames, pictures, best } = self;
        let paths = losses.into_iter().zip(rms).zip(frames);
        let climbs = filters.iter().zip(paths).enumerate().map(|(i, (&filter, ((losses, rms), frames)))| {
            let (picture, shown) = match &best {
                Some((best, shown)) => (best.image(i).to_vec(), shown[i]),
                None => (pictures.image(i).to_vec(), rms.len()),
            };
            let verdict = Verdict::of(&losses, &rms, pictures.image(i), recipe.negative);
            Climb { filter, losses, rms, picture, shown, frames, verdict, rescued: None, halved: 0 }
        });
        climbs.collect()
    }
}
