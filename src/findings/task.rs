//! What the network is tried on, and what is lost when something of it is taken away.

use super::{DataKind, Interval, size, stats};
use crate::Result;
use crate::engine::tensor::Shape;
use crate::mri::metrics::{psnr, ssim};
use crate::mri::{Sampling, restore};
use crate::network::Network;

/// Images, and where it is known what should come out of them.
#[derive(Debug, Clone)]
pub struct Task {
    /// Of one image.
    pub shape: Shape,
    /// `[h, w, c]` each, flat.
    pub images: Vec<Vec<f32>>,
    pub truths: Option<Vec<Vec<f32>>>,
}

/// Seeds of phantoms that are held out lie so far from those that were measured on.
const HELD_OUT: u64 = 1 << 32;

impl Task {
    /// Phantoms, undersampled and whole.
    ///
    /// # Errors
    /// If no size fits the network.
    pub fn phantoms(network: &Network, count: usize, seed: u64, sampling: Sampling) -> Result<Task> {
        let shape = size::image_shape(network)?;
        let examples = restore::phantoms_of(count, seed, sampling, (shape.h, shape.w))?;
        let images = examples.iter().map(|example| example.aliased().data).collect();
        Ok(Task { shape, images, truths: examples.into_iter().map(|example| example.truth).collect() })
    }

    /// What is measured on, and what is held out to try it: of phantoms as many more, which were never used before; of files every
    /// second image. `None` without data. `images`: the data, of shape `shape` each.
    ///
    /// # Errors
    /// If no size fits the network.
    pub fn of(
        network: &Network,
        kind: DataKind,
        shape: Shape,
        images: &[Vec<f32>],
        seed: u64,
    ) -> Result<Option<(Task, Task)>> {
        Ok(match kind {
            DataKind::Nothing => None,
            DataKind::Phantoms => {
                let phantoms = |seed| Task::phantoms(network, images.len(), seed, Sampling::default());
                Some((phantoms(seed)?, phantoms(seed.wrapping_add(HELD_OUT))?))
            }
            DataKind::Files => {
                let every_second = |first| {
                    let images = images.iter().skip(first).step_by(2).cloned().collect();
                    Task { shape: shape.with_n(1), images, truths: None }
                };
                Some((every_second(0), every_second(1)))
            }
        })
    }

    /// The first so many images.
    pub fn first(&self, count: usize) -> Task {
        let some = |all: &Vec<Vec<f32>>| all.iter().take(count).cloned().collect();
        Task { shape: self.shape, images: some(&self.images), truths: self.truths.as_ref().map(some) }
    }

    /// What image `i` loses when the output is `after` and was `before`: PSNR in dB; without a truth how far the output moved, as a
    /// share of its own standard deviation.
    pub fn lost(&self, i: usize, before: &[f32], after: &[f32]) -> f64 {
        match &self.truths {
            Some(truths) => psnr(before, &truths[i]) - psnr(after, &truths[i]),
            None => change(before, after),
        }
    }

    /// The same for the pixels for which `inside` is true alone. `None` without a truth.
    pub fn lost_where(&self, i: usize, before: &[f32], after: &[f32], inside: &dyn Fn(usize) -> bool) -> Option<f64> {
        let truth = &self.truths.as_ref()?[i];
        let error = |values: &[f32]| -> f64 {
            let pixels = (0..truth.len()).filter(|&p| inside(p));
            pixels.map(|p| (f64::from(values[p]) - f64::from(truth[p])).powi(2)).sum()
        };
        Some(10.0 * (error(after) / error(before)).log10()).filter(|lost| lost.is_finite())
    }

    /// SSIM lost. `None` without a truth, or for pictures that are too small.
    pub fn ssim_lost(&self, i: usize, before: &[f32], after: &[f32]) -> Option<f64> {
        let (truth, size) = (&self.truths.as_ref()?[i], (self.shape.h, self.shape.w));
        Some(ssim(before, truth, size)? - ssim(after, truth, size)?)
    }
}

/// The root of the mean square of the difference, divided by the standard deviation of `before` (by 1, if it has none).
fn change(before: &[f32], after: &[f32]) -> f64 {
    let n = before.len() as f64;
    let mean = before.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let spread: f64 = before.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum();
    let moved: f64 = before.iter().zip(after).map(|(&b, &a)| (f64::from(a) - f64::from(b)).powi(2)).sum();
    if spread > 0.0 { (moved / spread).sqrt() } else { (moved / n).sqrt() }
}

/// Are these so many that their spread says something? Of fewer nothing is answered.
pub(super) fn is_enough(values: &[f64]) -> bool {
    values.len() >= stats::FEWEST
}

/// The mean and its interval; of too few values an interval without ends that are known, the greatest and the least instead.
pub(super) fn interval(values: &[f64]) -> Interval {
    let ends = || {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Interval { value: values.iter().sum::<f64>() / values.len() as f64, low, high }
    };
    stats::mean(values).unwrap_or_else(ends)
}
