//! Does a filter answer to noise more than to anything else?

use super::stats::auc;
use super::stimuli::{GRATINGS, NOISES, PHASES, half_of};
use super::tally::{PATTERNS, Series, Tally};

const _: () = assert!(PATTERNS * PHASES == GRATINGS);

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// How well noise is told from the best grating and from the data by the response, the lesser of both: 1 without fault. Of
    /// white noise and noise with the data's spectrum the one that is told better.
    pub auc: f64,
}

/// Of the stimuli of some halves.
pub fn noise(tally: &Tally, filter: usize, halves: &[usize]) -> Noise {
    let c = tally.filters;
    let of_images = |values: &[f32]| -> Vec<f64> {
        let own = values.iter().skip(filter).step_by(c).enumerate();
        own.filter(|(i, _)| halves.contains(&(i % 2))).map(|(_, &v)| f64::from(v)).collect()
    };
    let best: Vec<f64> = (0..PATTERNS)
        .map(|pattern| grating(tally, filter, pattern, halves))
        .max_by(|a, b| a.iter().sum::<f64>().total_cmp(&b.iter().sum()))
        .unwrap_or_default();
    let data = of_images(tally.series(Series::Data));
    let told = |noise: Vec<f64>| {
        let from_best = auc(&noise, &best).unwrap_or(0.5);
        // Without data only gratings are there to be told from.
        auc(&noise, &data).unwrap_or(1.0).min(from_best)
    };
    let [white, coloured] = [Series::White, Series::Coloured].map(|series| told(of_images(tally.series(series))));
    Noise { auc: white.max(coloured) }
}

/// What a filter answers to a grating, a number for each phase.
fn grating(tally: &Tally, filter: usize, pattern: usize, halves: &[usize]) -> Vec<f64> {
    let phases = (0..PHASES).filter(|phase| halves.contains(&half_of(*phase)));
    phases.map(|phase| f64::from(tally.gratings[(pattern * PHASES + phase) * tally.filters + filter])).collect()
}

/// The response to the best grating above that to the grey, mean over its phases: 0 if no grating moves the filter.
pub fn best_grating(tally: &Tally, filter: usize, halves: &[usize]) -> f64 {
    let mean = |pattern: usize| {
        let phases = grating(tally, filter, pattern, halves);
        phases.iter().sum::<f64>() / phases.len().max(1) as f64
    };
    (0..PATTERNS).map(mean).fold(0.0, f64::max)
}

/// The area that chance exceeds once in a hundred, of so many images of noise against the phases of one grating: by Mann and
/// Whitney's normal approximation.
pub fn by_chance() -> f64 {
    let (n, m) = (NOISES as f64, PHASES as f64);
    0.5 + 2.326 * ((n + m + 1.0) / (12.0 * n * m)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::tally::tests::answering;

    /// Of the area under the curve what pairs of a noise and a phase, or an image of the data, say.
    #[test]
    fn noise_is_told_from_the_best_grating_and_from_the_data() {
        let patterns = [(20, [0.0, 1.0, 2.0, 3.0]), (95, [4.0, 0.0, 0.0, 0.0])];
        let white: (Series, &[f32]) = (Series::White, &[0.5, 2.5, 2.5, 5.0]);
        let data: (Series, &[f32]) = (Series::Data, &[1.0, 2.0, 3.0, 4.0]);
        let auc = |series: &[(Series, &[f32])], halves: &[usize]| noise(&answering(&patterns, series), 1, halves).auc;
        // Of 16 pairs with the grating of the greatest sum 1 + 3 + 3 + 4 are above it; of the other grating nothing is asked.
        assert_eq!(auc(&[white], &[0, 1]), 11.0 / 16.0);
        // Of one half of the phases the second grating is the better one: 0.5 and 2.5 against 4 and 0.
        assert_eq!(auc(&[white], &[0]), 2.0 / 4.0);
        // The other half: 2.5 and 5 against 2 and 3.
        assert_eq!(auc(&[white], &[1]), 3.0 / 4.0);
        // From the data it is told worse: of 16 pairs 0 + 2 + 2 + 4 are above.
        assert_eq!(auc(&[white, data], &[0, 1]), 8.0 / 16.0);
        // Coloured noise that is told from the grating at 15 of 16 and from the data at 14 counts instead.
        let coloured: (Series, &[f32]) = (Series::Coloured, &[2.5, 9.0, 9.0, 9.0]);
        assert_eq!(auc(&[white, data, coloured], &[0, 1]), 14.0 / 16.0);
    }

    #[test]
    fn the_best_grating_is_that_of_the_greatest_mean() {
        let tally = answering(&[(20, [0.0, 1.0, 2.0, 3.0]), (95, [4.0, 1.0, 0.0, 0.0]), (0, [1.0; 4])], &[]);
        assert_eq!([&[0, 1][..], &[0], &[1]].map(|halves| best_grating(&tally, 1, halves)), [1.5, 2.0, 2.0]);
        assert_eq!(best_grating(&tally, 0, &[0, 1]), 0.0, "the other filter answers to none");
    }
}
