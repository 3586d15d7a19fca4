//! Can the pictures of climbs be believed? Each drawn filter is climbed from several seeds, in pixels and in waves, and its picture
//! is compared with the data.

use super::gaze::{Best, Gaze};
use super::looks::flat_by_chance;
use super::spectrum::{cells, mutual_likeness};
use super::stats::spearman;
use super::task::Task;
use super::{LayerFindings, Look, Patch, Trust, effort, size};
use crate::Result;
use crate::cancel::Watch;
use crate::engine::exec::Executor;
use crate::engine::tensor::{Shape, Tensor};
use crate::lens::ascent::{self, Climb, NOISE, Optimizer, Parameter, Recipe, Verdict, fourier};
use crate::network::{Network, unet};
use std::collections::BTreeMap;

/// Measures the trust in the pictures of the `drawn` filters. `task`: the data, if there are any.
///
/// # Errors
/// If the device fails, or it is cancelled.
pub fn trust(
    executor: &dyn Executor,
    network: &Network,
    task: Option<&Task>,
    layers: &mut [LayerFindings],
    drawn: &[(usize, Vec<usize>)],
    watch: &mut Watch,
) -> Result<()> {
    let shape = size::image_shape(network)?;
    let flat_threshold = flat_by_chance(shape);
    let convolutions: Vec<usize> = layers.iter().map(|layer| layer.layer).collect();
    let mut of_pictures = Gaze::new(executor, network, &convolutions, shape)?;
    let mut of_data = match task {
        Some(task) if task.shape != shape => Some(Gaze::new(executor, network, &convolutions, task.shape)?),
        _ => None,
    };
    let best = match task {
        Some(task) => of_data.as_mut().unwrap_or(&mut of_pictures).best_of(task, drawn)?,
        None => BTreeMap::new(),
    };
    for (done, (layer, filters)) in drawn.iter().enumerate() {
        (watch.progress)(done, drawn.len());
        let Some(found) = layers.iter_mut().find(|found| found.layer == *layer) else { continue };
        // One that is alive at its first seed is mostly alive at the others.
        let some_die = filters.iter().any(|&filter| found.filters[filter].life.dead_at_seed);
        let climbs = Climbs::new(executor, network, (*layer, filters), shape, some_die, watch)?;
        let needed = unet::needed_for(network, *layer);
        let way: Vec<usize> = convolutions.iter().copied().filter(|&way| needed[way]).collect();
        for (i, &filter) in filters.iter().enumerate() {
            let Some((mut trust, look)) = climbs.trust(i, shape, flat_threshold) else { continue };
            if let (Some(task), Some(best)) = (task, best.get(&(*layer, filter))) {
                of_pictures.show(&trust.picture)?;
                let own = of_pictures.best(*layer, filter, 0);
                let column = of_pictures.column(&way, *layer, own.at);
                let gaze = of_data.as_mut().unwrap_or(&mut of_pictures);
                gaze.show(&task.images[best[0].image])?;
                let natural = gaze.column(&way, *layer, best[0].at);
                trust.compare(own.activation.into(), best[0].activation.into(), &column, &natural);
                trust.best_patches = best.iter().map(|best| patch(task, found, gaze, *best)).collect();
            }
            if let Some(found) = found.filters.iter_mut().find(|found| found.filter == filter) {
                found.look = Some(look);
                found.trust = Some(trust);
            }
        }
    }
    (watch.progress)(drawn.len(), drawn.len());
    Ok(())
}

/// The climbs of [`ascent::climb`], in less time where `some_die`: a filter without a gradient at its seed stays there, and takes no more
/// than a first step.
fn climb(
    executor: &dyn Executor,
    network: &Network,
    (layer, filters): (usize, &[usize]),
    seeds: &Tensor,
    recipe: Recipe,
    some_die: bool,
    watch: &mut Watch,
) -> Result<Vec<Climb>> {
    if !some_die {
        return ascent::climb(executor, network, layer, filters, seeds, recipe, watch);
    }
    let first = Recipe { steps: 1, ..recipe };
    let mut climbs = ascent::climb(executor, network, layer, filters, seeds, first, watch)?;
    let alive: Vec<usize> = (0..filters.len()).filter(|&i| climbs[i].verdict != Verdict::Dead).collect();
    if !alive.is_empty() {
        let of_alive: Vec<usize> = alive.iter().map(|&i| filters[i]).collect();
        let from = alive.iter().flat_map(|&i| seeds.image(i)).copied().collect();
        let from = Tensor::new(seeds.shape.with_n(alive.len()), from);
        let whole = ascent::climb(executor, network, layer, &of_alive, &from, recipe, watch)?;
        alive.into_iter().zip(whole).for_each(|(i, climb)| climbs[i] = climb);
    }
    Ok(climbs)
}

/// What became of some filters of a layer.
struct Climbs {
    /// Of each seed: where the climb began, and the climbs in pixels.
    pixels: Vec<(Tensor, Vec<Climb>)>,
    waves: Vec<Vec<Climb>>,
}

impl Climbs {
    fn new(
        executor: &dyn Executor,
        network: &Network,
        (layer, filters): (usize, &[usize]),
        shape: Shape,
        some_die: bool,
        watch: &mut Watch,
    ) -> Result<Climbs> {
        let (mut pixels, mut waves) = (vec![], vec![]);
        let in_waves = Recipe {
            parameter: Parameter::Fourier,
            optimizer: Optimizer::Adam,
            rate: 2.0 * Optimizer::Adam.rate(),
            ..Recipe::default()
        };
        for seed in 0..effort::SEEDS {
            watch.cancel.check()?;
            let mut quiet = Watch { cancel: watch.cancel, progress: &mut |_, _| {} };
            let noise = ascent::noise(seed, &network.layers[layer].name, filters, shape, NOISE);
            let recipe = Recipe { seed, ..Recipe::default() };
            let climbs = climb(executor, network, (layer, filters), &noise, recipe, some_die, &mut quiet)?;
            let pink = fourier::pink(executor, &noise)?;
            let recipe = Recipe { seed, ..in_waves };
            waves.push(climb(executor, network, (layer, filters), &pink, recipe, some_die, &mut quiet)?);
            pixels.push((noise, climbs));
        }
        Ok(Climbs { pixels, waves })
    }

    /// What filter `i`'s climbs alone say, and what the picture looks like; `None` if one ended with what is no number.
    fn trust(&self, i: usize, shape: Shape, flat_threshold: f64) -> Option<(Trust, Look)> {
        let size = (shape.h, shape.w);
        let all = || self.pixels.iter().map(|(_, climbs)| &climbs[i]).chain(self.waves.iter().map(|climbs| &climbs[i]));
        if all().any(|climb| climb.verdict == Verdict::NotFinite) {
            return None;
        }
        let (seed, first) = (&self.pixels[0].0, &self.pixels[0].1[i]);
        let spectra: Vec<Vec<f64>> = all().map(|climb| cells(&climb.picture, size, shape.c)).collect();
        let (in_pixels, in_waves) = spectra.split_at(self.pixels.len());
        let steps = if first.verdict == Verdict::Dead { 0 } else { first.shown };
        let look = Look::of(&first.picture, seed.image(i), shape, steps, flat_threshold);
        let trust = Trust {
            same_spectrum: mutual_likeness(in_pixels).min(mutual_likeness(in_waves)),
            beats_data: false,
            gain_over_data: 0.0,
            way: 0.0,
            picture: first.picture.clone(),
            second: self.pixels[1].1[i].picture.clone(),
            size,
            best_patches: vec![],
        };
        Some((trust, look))
    }
}

impl Trust {
    /// The filter's greatest activation by the picture and by the data; and what the channels on the way answer there, layer by
    /// layer.
    fn compare(&mut self, picture: f64, data: f64, column: &[Vec<f64>], natural: &[Vec<f64>]) {
        self.beats_data = picture > data;
        self.gain_over_data = if data != 0.0 { picture / data } else { 0.0 };
        let alike: Vec<f64> = column.iter().zip(natural).filter_map(|(a, b)| spearman(a, b)).collect();
        self.way = if alike.is_empty() { 0.0 } else { alike.iter().sum::<f64>() / alike.len() as f64 };
    }
}

/// The part of the image that the place sees, as far as it lies in the image.
fn patch(task: &Task, layer: &LayerFindings, gaze: &Gaze, best: Best) -> Patch {
    let Shape { h, w, c, .. } = task.shape;
    let size = (layer.receptive.clamp(1, h), layer.receptive.clamp(1, w));
    let map = gaze.map_size(layer.layer);
    let first = |at: usize, places: usize, n: usize, side: usize| {
        let middle = (2 * at + 1) * n / (2 * places);
        middle.saturating_sub(side / 2).min(n - side)
    };
    let at = (first(best.at.0, map.0, h, size.0), first(best.at.1, map.1, w, size.1));
    let image = &task.images[best.image];
    let row = |r: usize| &image[((at.0 + r) * w + at.1) * c..][..size.1 * c];
    Patch {
        image: best.image,
        at,
        size,
        values: (0..size.0).flat_map(row).copied().collect(),
        activation: best.activation.into(),
    }
}
