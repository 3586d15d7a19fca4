//! Images of several channels as colours.
//!
//! | channels | red, green, blue |
//! | --- | --- |
//! | 1 | the channel, three times |
//! | 2 | channel 0, channel 1, channel 0: magenta and green, white where both are high |
//! | 3 | the channels |
//! | more | the first three principal components of the pixels (K. Pearson, "On lines and planes of closest fit", 1901) |

use super::range::range;

/// So often the covariance is applied to find a component; one that is nearly as strong as the next is then still a mix of both.
const ROUNDS: usize = 200;

/// How the channels of a picture are mixed to red, green and blue.
#[derive(Debug, Clone, PartialEq)]
pub struct Mix {
    /// Of each channel in red, green and blue.
    weights: [Vec<f64>; 3],
    /// The part of the picture's variance that is seen, 0 to 1.
    pub seen: f64,
}

impl Mix {
    /// For a picture `[h, w, c]`; its frames are to be mixed alike. Of up to three channels nothing of the picture matters.
    ///
    /// # Panics
    /// If there is no channel.
    pub fn of(picture: &[f32], c: usize) -> Mix {
        let one = |channel: usize| (0..c).map(|i| f64::from(i == channel)).collect();
        match c {
            1 => Mix { weights: [one(0), one(0), one(0)], seen: 1.0 },
            2 => Mix { weights: [one(0), one(1), one(0)], seen: 1.0 },
            3 => Mix { weights: [one(0), one(1), one(2)], seen: 1.0 },
            _ => components(covariance(picture, c), c),
        }
    }

    /// The colours `[h, w, 3]` of a picture. Channels share a range of values; components, which differ much in strength, have
    /// one each. The outer 0.5% at each end are cut off.
    pub fn rgb(&self, picture: &[f32]) -> Vec<u8> {
        let c = self.weights[0].len();
        let mixed =
            |pixel: &[f32], weights: &[f64]| pixel.iter().zip(weights).map(|(&v, w)| f64::from(v) * w).sum::<f64>();
        let plane =
            |weights: &Vec<f64>| picture.chunks(c).map(|pixel| mixed(pixel, weights) as f32).collect::<Vec<f32>>();
        let planes = self.weights.each_ref().map(plane);
        let all = range(planes.iter().flatten().copied(), false);
        let ranges = planes.each_ref().map(|plane| if c > 3 { range(plane.iter().copied(), false) } else { all });
        let byte = |i: usize, k: usize| {
            let (lo, hi) = ranges[k];
            ((f64::from(planes[k][i]) - lo) / (hi - lo) * 255.0).round() as u8
        };
        (0..planes[0].len()).flat_map(|i| [byte(i, 0), byte(i, 1), byte(i, 2)]).collect()
    }
}

/// What the colours of a picture of `c` channels are, if that must be said.
pub fn mixed(c: usize) -> Option<String> {
    match c {
        0 | 1 | 3 => None,
        2 => Some("channel 0 magenta, channel 1 green".to_string()),
        _ => Some(format!("of {c} channels the first three principal components as red, green and blue")),
    }
}

/// `[c, c]`, of pixels that are finite.
fn covariance(picture: &[f32], c: usize) -> Vec<f64> {
    let pixels = || picture.chunks_exact(c).filter(|pixel| pixel.iter().all(|v| v.is_finite()));
    let count = pixels().count().max(1) as f64;
    let mut means = vec![0.0; c];
    for pixel in pixels() {
        means.iter_mut().zip(pixel).for_each(|(mean, &v)| *mean += f64::from(v) / count);
    }
    let mut covariance = vec![0.0; c * c];
    for pixel in pixels() {
        let from_mean: Vec<f64> = pixel.iter().zip(&means).map(|(&v, mean)| f64::from(v) - mean).collect();
        for (row, a) in covariance.chunks_mut(c).zip(&from_mean) {
            row.iter_mut().zip(&from_mean).for_each(|(sum, b)| *sum += a * b / count);
        }
    }
    covariance
}

/// The three strongest eigenvectors, one after the other: a vector that the covariance is applied to again and again turns
/// towards the strongest, whose part is then taken out. In each the channel that counts most counts positively.
fn components(mut covariance: Vec<f64>, c: usize) -> Mix {
    let length = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
    let trace = |covariance: &[f64]| covariance.iter().step_by(c + 1).sum::<f64>();
    let total = trace(&covariance);
    let weights = [(); 3].map(|()| {
        let column = covariance.chunks(c).max_by(|a, b| length(a).total_cmp(&length(b))).expect("a channel");
        let mut v = column.to_vec();
        for _ in 0..ROUNDS {
            let size = length(&v);
            if size == 0.0 {
                return v;
            }
            v.iter_mut().for_each(|x| *x /= size);
            v = covariance.chunks(c).map(|row| row.iter().zip(&v).map(|(a, b)| a * b).sum()).collect();
        }
        let strength = length(&v);
        let most = v.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0);
        let scale = if strength > 0.0 { strength.copysign(most) } else { 1.0 };
        v.iter_mut().for_each(|x| *x /= scale);
        for (row, a) in covariance.chunks_mut(c).zip(&v) {
            row.iter_mut().zip(&v).for_each(|(sum, b)| *sum -= strength * a * b);
        }
        v
    });
    let seen = if total > 0.0 { (1.0 - trace(&covariance) / total).clamp(0.0, 1.0) } else { 1.0 };
    Mix { weights, seen }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_to_three_channels_are_the_colours() {
        let rgb = Mix::of(&[], 3).rgb(&[0.0, 0.4, 1.0, 0.2, 0.8, 0.6]);
        let expected: [u8; 6] = [0, 102, 255, 51, 204, 153];
        // The ends that are cut off move the rest a little.
        assert!(rgb.iter().zip(expected).all(|(&v, expected)| v.abs_diff(expected) <= 1), "{rgb:?}");
        assert_eq!(Mix::of(&[], 2).rgb(&[0.0, 1.0, 1.0, 0.0, 1.0, 1.0]), [0, 255, 0, 255, 0, 255, 255, 255, 255]);
        assert_eq!(Mix::of(&[], 1).rgb(&[0.0, 1.0]), [0, 0, 0, 255, 255, 255]);
    }

    /// Waves along known directions, one stronger than the other: these are the components.
    #[test]
    fn components_of_known_directions() {
        let directions = [[0.5, 0.5, 0.5, 0.5, 0.0], [0.5, -0.5, 0.5, -0.5, 0.0], [0.0, 0.0, 0.0, 0.0, -1.0]];
        let wave = |i: usize, k: usize| (i as f64 * (k + 1) as f64 * std::f64::consts::TAU / 64.0).sin();
        let strength = [3.0, 2.0, 1.0];
        let value = |i: usize, c: usize| 7.0 + (0..3).map(|k| strength[k] * wave(i, k) * directions[k][c]).sum::<f64>();
        let picture: Vec<f32> = (0..64 * 5).map(|at| value(at / 5, at % 5) as f32).collect();
        let mix = Mix::of(&picture, 5);
        for (weights, direction) in mix.weights.iter().zip(&directions) {
            let along: f64 = weights.iter().zip(direction).map(|(a, b)| a * b).sum();
            assert!((along.abs() - 1.0).abs() < 1e-6, "{weights:?} and {direction:?}");
        }
        assert!(mix.weights[2][4] > 0.0, "the channel that counts most counts positively");
        assert!(mix.seen > 0.999_999, "{}", mix.seen);
        let rgb = mix.rgb(&picture);
        for k in 0..3 {
            let plane = || rgb.iter().skip(k).step_by(3);
            assert_eq!((plane().min(), plane().max()), (Some(&0), Some(&255)), "each has its own range");
        }
    }

    #[test]
    fn what_is_even_or_not_finite_is_drawn_too() {
        assert_eq!(Mix::of(&[0.5; 40], 4).rgb(&[0.5; 40]).len(), 30);
        let mut picture: Vec<f32> = (0..40).map(|i| (i * i % 7) as f32).collect();
        picture[5] = f32::NAN;
        let mix = Mix::of(&picture, 4);
        assert!(mix.weights.iter().flatten().all(|w| w.is_finite()), "{mix:?}");
        assert_eq!(mix.rgb(&picture).len(), 30);
    }
}
