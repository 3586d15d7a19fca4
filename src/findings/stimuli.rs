//! What is shown, the same for every layer: gratings, bars and edges, noise, greys. All lie on the data's mean, with its
//! standard deviation.

use super::data::Data;
use crate::engine::random::stream;
use crate::engine::tensor::Shape;
use crate::mri::kspace;
use rand::RngExt;
use std::f64::consts::PI;

/// Orientations and frequencies of the gratings, and the phases of each.
pub const ORIENTATIONS: usize = 12;
pub const FREQUENCIES: usize = 8;
pub const PHASES: usize = 4;

/// Which of two halves of the stimuli a phase belongs to. Each half has opposite phases: what is above zero of the one and of the other adds up
/// to the square of a whole wave, so that both halves find the same frequency best where an image does not hold whole periods.
pub fn half_of(phase: usize) -> usize {
    phase % 2
}
/// Orientations x frequencies x phases.
pub const GRATINGS: usize = ORIENTATIONS * FREQUENCIES * PHASES;
/// Of bright bars, dark bars and edges, one for each orientation.
pub const BARS: usize = 3 * ORIENTATIONS;
/// Images of white noise, and as many of noise with the data's spectrum.
pub const NOISES: usize = 16;
/// Greys from the data's least value to its greatest, 0 among them.
pub const GREYS: usize = 9;

/// Pixels from one bar to the next, and of the period of edges: so few that most filters see one, so many that they see one alone.
const BAR_SPACING: f64 = 16.0;
const EDGE_PERIOD: f64 = 32.0;

/// Cycles per image pixel of the gratings: evenly spaced in log from 1/64 to 1/2.5.
pub fn frequencies() -> [f64; FREQUENCIES] {
    let (first, last) = (1.0f64 / 64.0, 1.0f64 / 2.5);
    std::array::from_fn(|i| first * (last / first).powf(i as f64 / (FREQUENCIES - 1) as f64))
}

/// Images of one shape.
#[derive(Debug, Clone)]
pub struct Stimuli {
    /// Of one image.
    pub shape: Shape,
    pub mean: f64,
    pub deviation: f64,
    /// Of the greys.
    pub range: (f64, f64),
    seed: u64,
    /// The data's amplitude at each frequency, `[h, w]`, the lowest in the middle; `None` without data.
    spectrum: Option<Vec<f64>>,
}

impl Stimuli {
    pub fn new(shape: Shape, data: &Data, seed: u64) -> Stimuli {
        let facts = &data.facts;
        let spectrum = (!data.images.is_empty()).then(|| spectrum(data, shape));
        let (low, high) = facts.range;
        // An image of nothing is an image as well.
        let range = (low.min(0.0), high.max(0.0));
        Stimuli { shape, mean: facts.mean, deviation: facts.deviation, range, seed, spectrum }
    }

    /// The same value in every channel, by row and column.
    fn painted(&self, value: impl Fn(f64, f64) -> f64) -> Vec<f32> {
        let Shape { h, w, c, .. } = self.shape;
        let pixel = |i: usize| value((i / w) as f64, (i % w) as f64) as f32;
        (0..h * w).flat_map(|i| std::iter::repeat_n(pixel(i), c)).collect()
    }

    /// Grating `i`: orientation, then frequency, then phase. The stripes of orientation `k` stand at `15 k` degrees, 0 horizontal,
    /// 90 vertical, anticlockwise.
    pub fn grating(&self, i: usize) -> Vec<f32> {
        let (orientation, frequency, phase) = split(i);
        let turn = PI * orientation as f64 / ORIENTATIONS as f64;
        let frequency = frequencies()[frequency];
        let start = 2.0 * PI * phase as f64 / PHASES as f64;
        let amplitude = self.deviation * 2.0f64.sqrt();
        self.painted(|row, column| {
            let across = column * turn.sin() + row * turn.cos();
            self.mean + amplitude * (2.0 * PI * frequency * across + start).cos()
        })
    }

    /// Bar or edge `i`: bright bars, dark bars, edges, each at the 12 orientations.
    pub fn bar(&self, i: usize) -> Vec<f32> {
        let turn = PI * (i % ORIENTATIONS) as f64 / ORIENTATIONS as f64;
        let (h, w) = (self.shape.h as f64, self.shape.w as f64);
        self.painted(|row, column| {
            let across = (column - w / 2.0) * turn.sin() + (row - h / 2.0) * turn.cos();
            let off = |period: f64| across - period * (across / period).round();
            let bar = (1.0 - off(BAR_SPACING).abs()).max(0.0);
            let times = match i / ORIENTATIONS {
                0 => 3.0 * bar,
                1 => -3.0 * bar,
                _ => (EDGE_PERIOD / 4.0 - off(EDGE_PERIOD).abs()).clamp(-0.5, 0.5) * 2.0,
            };
            self.mean + self.deviation * times
        })
    }

    /// White noise, normal.
    pub fn white(&self, i: usize) -> Vec<f32> {
        let Shape { h, w, .. } = self.shape;
        self.grey_of(&normal(self.seed, "white noise", i as u64, h * w))
    }

    /// Noise with the data's spectrum; white, without data.
    pub fn coloured(&self, i: usize) -> Vec<f32> {
        let Shape { h, w, .. } = self.shape;
        let mut noise = normal(self.seed, "noise", i as u64, h * w);
        if let Some(spectrum) = &self.spectrum {
            let mut k = kspace::of_image(noise.iter().map(|&v| v.into()).collect(), (h, w));
            k.iter_mut().zip(spectrum).for_each(|(v, amplitude)| *v *= amplitude);
            noise = kspace::to_image(k, (h, w)).iter().map(|v| v.re).collect();
        }
        let mean = noise.iter().sum::<f64>() / noise.len() as f64;
        let squares = noise.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / noise.len() as f64;
        let scale = if squares > 0.0 { 1.0 / squares.sqrt() } else { 0.0 };
        self.grey_of(&noise.iter().map(|v| (v - mean) * scale).collect::<Vec<f64>>())
    }

    /// The same in every channel: a filter that tells colours apart must not be taken for one that tells noise from gratings.
    fn grey_of(&self, noise: &[f64]) -> Vec<f32> {
        let value = |v: &f64| (self.mean + self.deviation * v) as f32;
        noise.iter().flat_map(|v| std::iter::repeat_n(value(v), self.shape.c)).collect()
    }

    /// White noise, of its own in every channel.
    pub fn colours(&self, i: usize) -> Vec<f32> {
        let Shape { h, w, c, .. } = self.shape;
        let noise = normal(self.seed, "noise of each channel", i as u64, h * w * c);
        noise.iter().map(|v| (self.mean + self.deviation * v) as f32).collect()
    }

    /// Grey `i` of nine, or the data's mean after them.
    pub fn grey(&self, i: usize) -> Vec<f32> {
        let (low, high) = self.range;
        let value = if i < GREYS { low + (high - low) * i as f64 / (GREYS - 1) as f64 } else { self.mean };
        self.painted(|_, _| value)
    }
}

/// Orientation, frequency and phase of grating `i`.
pub fn split(i: usize) -> (usize, usize, usize) {
    (i / PHASES / FREQUENCIES, i / PHASES % FREQUENCIES, i % PHASES)
}

/// Numbers of mean 0 and variance 1 (Box and Muller 1958).
fn normal(seed: u64, name: &str, number: u64, count: usize) -> Vec<f64> {
    let mut rng = stream(seed, name, number);
    let mut pair = || {
        let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
        let angle = 2.0 * PI * rng.random::<f64>();
        [radius * angle.cos(), radius * angle.sin()]
    };
    let mut numbers: Vec<f64> = (0..count.div_ceil(2)).flat_map(|_| pair()).collect();
    numbers.truncate(count);
    numbers
}

/// The root of the data's mean power at each frequency, of the middle of each image where it is larger than `shape`.
fn spectrum(data: &Data, shape: Shape) -> Vec<f64> {
    let Shape { h, w, .. } = shape;
    let of = data.shape;
    let mut power = vec![0.0; h * w];
    for image in &data.images {
        for channel in 0..of.c {
            let value = |i: usize| {
                // From the middle on, so many rows and columns; round where there are fewer.
                let (row, column) =
                    ((i / w + (of.h - h.min(of.h)) / 2) % of.h, (i % w + (of.w - w.min(of.w)) / 2) % of.w);
                f64::from(image[of.at(0, row, column, channel)]) - data.facts.mean
            };
            let k = kspace::of_image((0..h * w).map(|i| value(i).into()).collect(), (h, w));
            power.iter_mut().zip(&k).for_each(|(p, k)| *p += k.norm_sqr());
        }
    }
    power.iter().map(|p| p.sqrt()).collect()
}
