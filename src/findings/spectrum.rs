//! The spectrum of a picture, coarse enough that chance does not show, whatever the picture's shift.

use super::stats::correlation;
use crate::mri::kspace;

/// Cells a side that the frequencies are gathered in.
const CELLS: usize = 16;
/// What is added to powers, as a share of their mean, so that no logarithm is infinite.
const LEAST: f64 = 1e-9;

/// The mean power in each of 16 x 16 cells of frequencies, of a picture `[h, w, c]`, its mean left out.
pub fn cells(picture: &[f32], (h, w): (usize, usize), channels: usize) -> Vec<f64> {
    let side = |n: usize| CELLS.min(n);
    let (rows, columns) = (side(h), side(w));
    let (mut power, mut counts) = (vec![0.0; rows * columns], vec![0.0; rows * columns]);
    for c in 0..channels {
        let values: Vec<f64> = picture.iter().skip(c).step_by(channels).map(|&v| f64::from(v)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let waves = kspace::of_image(values.iter().map(|v| (v - mean).into()).collect(), (h, w));
        for (i, wave) in waves.iter().enumerate() {
            let cell = (i / w) * rows / h * columns + (i % w) * columns / w;
            power[cell] += wave.norm_sqr();
            counts[cell] += 1.0;
        }
    }
    power.iter().zip(counts).map(|(p, n)| p / n).collect()
}

/// The geometric mean of the powers, divided by their mean: 1 for white noise. 1, too, for a picture that is the same everywhere.
pub fn flatness(cells: &[f64]) -> f64 {
    let n = cells.len() as f64;
    let mean = cells.iter().sum::<f64>() / n;
    match mean > 0.0 {
        true => (cells.iter().map(|p| (p / mean + LEAST).ln()).sum::<f64>() / n).exp().min(1.0),
        false => 1.0,
    }
}

/// The correlation of the logarithms: 1 for pictures of one spectrum, about 0 for two of white noise.
pub fn likeness(a: &[f64], b: &[f64]) -> f64 {
    let logs = |cells: &[f64]| -> Vec<f64> {
        let mean = cells.iter().sum::<f64>() / cells.len() as f64;
        cells.iter().map(|p| (p + LEAST * mean).ln()).collect()
    };
    correlation(&logs(a), &logs(b)).unwrap_or(0.0)
}

/// The mean likeness of all pairs; 0 of fewer than two.
pub fn mutual_likeness(all: &[Vec<f64>]) -> f64 {
    let pairs = (0..all.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
    let likes: Vec<f64> = pairs.map(|(i, j)| likeness(&all[i], &all[j])).collect();
    if likes.is_empty() { 0.0 } else { likes.iter().sum::<f64>() / likes.len() as f64 }
}

/// How local energy varies over a picture `[h, w, c]`: the standard deviation, over blocks of 16 x 16 pixels, of the mean square
/// of what differs from the picture's mean, divided by its mean over the blocks. 0: the texture is the same everywhere. `None`
/// for a picture that is the same everywhere, or has fewer than four blocks.
pub fn unevenness(picture: &[f32], (h, w): (usize, usize), channels: usize) -> Option<f64> {
    const BLOCK: usize = 16;
    let n = picture.len() as f64;
    let mean = picture.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let (rows, columns) = (h / BLOCK, w / BLOCK);
    let energy = |block: usize| -> f64 {
        let (top, left) = (block / columns * BLOCK, block % columns * BLOCK);
        let values = (0..BLOCK).flat_map(|r| {
            let first = ((top + r) * w + left) * channels;
            &picture[first..first + BLOCK * channels]
        });
        values.map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / (BLOCK * BLOCK * channels) as f64
    };
    let energies: Vec<f64> = (0..rows * columns).map(energy).collect();
    let count = energies.len() as f64;
    let usual = energies.iter().sum::<f64>() / count;
    let variance = energies.iter().map(|e| (e - usual).powi(2)).sum::<f64>() / (count - 1.0);
    (energies.len() >= 4 && usual > 0.0).then(|| variance.sqrt() / usual)
}
