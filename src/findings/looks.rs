//! Does a climbed picture look like noise: is it still its seed, or is its spectrum flat?

use super::size::image_shape;
use super::spectrum::{cells, flatness};
use super::stats::{correlation, quantile};
use super::{FilterFindings, LayerFindings};
use crate::Result;
use crate::cancel::Watch;
use crate::engine::exec::Executor;
use crate::engine::tensor::{Shape, Tensor};
use crate::lens::ascent::{self, NOISE, Recipe, Verdict};
use crate::network::Network;
use rayon::prelude::*;

/// A picture whose middle correlates with the noise that it began with by at least this is still the seed, and shows nothing of the
/// filter: the square is the share of what is seen there that the seed explains, four fifths. Of the built-in network's
/// pictures none lies between 0.88 and 0.91, and few near: most of those beyond lie at 1.00 (no step led anywhere, or all made it brighter as a
/// whole).
pub const STILL_SEED: f64 = 0.9;

/// The correlation of a picture `[h, w, c]` with what its climb began with, in its middle: half of its rows and columns. At the border
/// padding draws a frame into many a picture that has nothing to do with what it shows. 0 where one of them is even.
pub fn still_seed(picture: &[f32], seed: &[f32], (h, w): (usize, usize)) -> f64 {
    let channels = picture.len() / (h * w).max(1);
    let middle = |values: &[f32]| -> Vec<f64> {
        let rows = (h / 4..h - h / 4).flat_map(|r| &values[(r * w + w / 4) * channels..(r * w + w - w / 4) * channels]);
        rows.map(|&v| f64::from(v)).collect()
    };
    correlation(&middle(picture), &middle(seed)).unwrap_or(0.0)
}

/// What a climbed picture looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// Spectral flatness of the picture: 1 for white noise.
    pub flat: f64,
    /// 99 of 100 pictures of white noise are flatter than this.
    pub flat_threshold: f64,
    /// Correlation of picture and seed in the middle, as [`still_seed`].
    pub still_seed: f64,
    /// After so many steps; 0 where the first gradient is zero.
    pub steps: usize,
}

impl Look {
    /// Of a picture and the seed that it was climbed from, images of this shape.
    pub(super) fn of(picture: &[f32], seed: &[f32], shape: Shape, steps: usize, flat_threshold: f64) -> Look {
        let size = (shape.h, shape.w);
        let flat = flatness(&cells(picture, size, shape.c));
        Look { flat, flat_threshold, still_seed: still_seed(picture, seed, size), steps }
    }

    pub fn is_seed(&self) -> bool {
        self.still_seed >= STILL_SEED
    }

    pub fn is_noise(&self) -> bool {
        self.is_seed() || self.flat > self.flat_threshold
    }
}

/// Pictures of white noise that say how flat white noise is.
const NULLS: usize = 100;

/// The flatness that 99 of 100 seeds exceed.
pub fn flat_by_chance(shape: Shape) -> f64 {
    let flat = |number: usize| {
        let seed = ascent::noise(number as u64, "white noise", &[0], shape, NOISE);
        flatness(&cells(seed.image(0), (shape.h, shape.w), shape.c))
    };
    let mut all: Vec<f64> = (0..NULLS).into_par_iter().map(flat).collect();
    all.sort_by(f64::total_cmp);
    quantile(&all, 0.01)
}

/// How far a climb goes that is made for its look alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Climbed {
    /// Until the picture no longer looks like noise, which is looked at after 1, 2, 4, 8 and 16 steps: of the built-in network none does
    /// so again (`--ablate all` counts as many as this). A fifth of the steps.
    UntilDecided,
    ToTheEnd,
}

/// Steps after which it is looked whether a picture still looks like noise.
const GLANCES: [usize; 5] = [1, 2, 4, 8, 16];
/// Filters that are climbed at once.
const AT_ONCE: usize = 32;

/// How often the short way of [`Climbed::UntilDecided`] says the same as a whole climb.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Filters that were climbed both ways.
    pub both: usize,
    /// Of these, those of which it says something else.
    pub otherwise: usize,
}

/// What the pictures of these filters, by layer, look like: one climb each, from seed 0. One without a gradient there stays the seed. What is known already is
/// climbed no further; if it is known from a whole climb, the short way is tried on it all the same, and told whether it says the same.
///
/// # Errors
/// If the device fails, or it is cancelled.
pub fn looks(
    executor: &dyn Executor,
    network: &Network,
    layers: &mut [LayerFindings],
    asked: &[(usize, Vec<usize>)],
    climbed: Climbed,
    watch: &mut Watch,
) -> Result<Agreement> {
    let shape = image_shape(network)?;
    let flat_threshold = flat_by_chance(shape);
    let open = |layer: &LayerFindings| -> Vec<usize> {
        let asked = asked.iter().filter(|(asked, _)| *asked == layer.layer).flat_map(|(_, filters)| filters);
        let is_tried = |filter: &FilterFindings| climbed == Climbed::UntilDecided && !filter.life.dead_at_seed;
        let is_open = |filter: &FilterFindings| filter.look.is_none() || is_tried(filter);
        asked.copied().filter(|&filter| is_open(&layer.filters[filter])).collect()
    };
    let total = layers.iter().map(|layer| open(layer).len()).sum();
    let (mut done, mut agreement) = (0, Agreement::default());
    for layer in layers.iter_mut() {
        for filters in open(layer).chunks(AT_ONCE) {
            watch.cancel.check()?;
            let (dead, alive): (Vec<usize>, Vec<usize>) =
                filters.iter().partition(|&&filter| layer.filters[filter].life.dead_at_seed);
            let of_dead = ascent::noise(0, &layer.name, &dead, shape, NOISE);
            let as_seed = |i: usize| Look::of(of_dead.image(i), of_dead.image(i), shape, 0, flat_threshold);
            let mut found: Vec<(usize, Option<Look>)> =
                dead.iter().enumerate().map(|(i, &filter)| (filter, Some(as_seed(i)))).collect();
            let mut quiet = Watch { cancel: watch.cancel, progress: &mut |_, _| {} };
            let climb = Glances { executor, network, layer: layer.layer, shape, flat_threshold, climbed };
            found.extend(climb.looks(&layer.name, alive, &mut quiet)?);
            for (filter, look) in found {
                let known = &mut layer.filters[filter].look;
                match (*known, look) {
                    (Some(whole), Some(look)) => {
                        agreement.both += 1;
                        agreement.otherwise += usize::from(whole.is_noise() != look.is_noise());
                    }
                    _ => *known = look,
                }
            }
            done += filters.len();
            (watch.progress)(done, total);
        }
    }
    Ok(agreement)
}

/// A climb of some filters, with a look at their pictures now and then.
struct Glances<'a> {
    executor: &'a dyn Executor,
    network: &'a Network,
    layer: usize,
    shape: Shape,
    flat_threshold: f64,
    climbed: Climbed,
}

impl Glances<'_> {
    /// Each filter's last look; `None` of one that ends with what is no number.
    fn looks(&self, name: &str, filters: Vec<usize>, watch: &mut Watch) -> Result<Vec<(usize, Option<Look>)>> {
        let (whole, shape) = (Recipe::default().steps, self.shape);
        let stops: Vec<usize> = match self.climbed {
            Climbed::UntilDecided => GLANCES.into_iter().chain([whole]).collect(),
            Climbed::ToTheEnd => vec![whole],
        };
        let (mut open, mut found, mut steps) = (filters, vec![], 0);
        let mut pictures = ascent::noise(0, name, &open, shape, NOISE);
        for stop in stops {
            if open.is_empty() {
                break;
            }
            let seeds = ascent::noise(0, name, &open, shape, NOISE);
            // A step depends on the picture alone: a climb goes on where another one ended.
            let recipe = Recipe { steps: stop - steps, ..Recipe::default() };
            let climbs = ascent::climb(self.executor, self.network, self.layer, &open, &pictures, recipe, watch)?;
            steps = stop;
            let (mut left, mut values) = (vec![], vec![]);
            for (i, climb) in climbs.iter().enumerate() {
                let look = Look::of(&climb.picture, seeds.image(i), shape, steps, self.flat_threshold);
                let is_number = climb.verdict != Verdict::NotFinite;
                // Without a gradient the picture stays what it is.
                if is_number && look.is_noise() && climb.verdict != Verdict::Dead && stop < whole {
                    left.push(open[i]);
                    values.extend_from_slice(&climb.picture);
                } else {
                    found.push((open[i], is_number.then_some(look)));
                }
            }
            pictures = Tensor::new(shape.with_n(left.len()), values);
            open = left;
        }
        Ok(found)
    }
}
