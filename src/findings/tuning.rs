//! Which gratings a filter answers to.

use super::stats::orientation;
use super::stimuli::{FREQUENCIES, ORIENTATIONS, frequencies};
use super::tally::{Series, Tally};

#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// Degrees of the stripes: 0 horizontal, 90 vertical, anticlockwise, below 180.
    pub orientation: f64,
    /// Cycles per image pixel.
    pub frequency: f64,
    /// 1 - circular variance: 0 for all orientations alike, 1 for one alone.
    pub selectivity: f64,
    /// Octaves at half of the greatest amplitude; `None` where the gratings do not reach so far down or up.
    pub bandwidth: Option<f64>,
    /// Amplitudes, `[orientation][frequency]`, 12 x 8: orientation k is 15 k degrees, frequencies as [`frequencies`].
    pub map: Vec<f32>,
    /// How far the response moves from the darkest grey to the lightest, in units of the greatest amplitude.
    pub level: f64,
    /// The response to the best bar, and to the best edge, divided by that to the best grating.
    pub bar: f64,
    pub edge: f64,
}

/// Where responses were read for the tuning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TunedWhere {
    /// Where receptive fields do not touch the border.
    Inside,
    /// In the middle: every receptive field touches the border.
    Middle,
}

/// 1 - circular variance of the power over the orientations, at each frequency; and of these the resultant over the frequencies.
/// Each has a weight, the root of its amplitude, so that brightness, which nearly every filter answers to most, does not drown what
/// is answered to at the others.
///
/// Of a wave half lies above the grey. Where less of all change does, gratings silence the filter for the most part, and what little
/// is left must not pass for a preference: it is compared with half of all change.
fn selectivity(map: &[f64], changed: &[f64]) -> f64 {
    let (mut cos, mut sin, mut weights) = (0.0, 0.0, 0.0);
    for f in 0..FREQUENCIES {
        let power = |values: &[f64], o: usize| values.get(o * FREQUENCIES + f).map_or(0.0, |v| v * v);
        let sum = |values: &[f64]| (0..ORIENTATIONS).map(|o| power(values, o)).sum::<f64>();
        let all = sum(map).max(sum(changed) / 2.0);
        if all <= 0.0 {
            continue;
        }
        let weight = all.powf(0.25);
        for o in 0..ORIENTATIONS {
            let angle = 2.0 * std::f64::consts::PI * o as f64 / ORIENTATIONS as f64;
            cos += weight * power(map, o) / all * angle.cos();
            sin += weight * power(map, o) / all * angle.sin();
        }
        weights += weight;
    }
    if weights > 0.0 { cos.hypot(sin) / weights } else { 0.0 }
}

/// What a curve over the frequencies says.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Peak {
    frequency: f64,
    bandwidth: Option<f64>,
}

impl Tuning {
    /// Of amplitudes `[orientation][frequency]` of what is above the response to the grey; `None` if all are zero. `changed`: the same
    /// of all change, above and below. `greys`: the response to greys from dark to light.
    pub fn of(map: &[f64], changed: &[f64], greys: &[f64]) -> Option<Tuning> {
        let most = map.iter().copied().fold(0.0, f64::max);
        if most.is_nan() || most <= 0.0 {
            return None;
        }
        let at = |orientation: usize, frequency: usize| map[orientation * FREQUENCIES + frequency];
        let degrees = |i: usize| 180.0 * i as f64 / ORIENTATIONS as f64;
        // Power, summed over the frequencies.
        let power = |i: usize| (0..FREQUENCIES).map(|f| at(i, f) * at(i, f)).sum::<f64>();
        let (angle, _) = orientation((0..ORIENTATIONS).map(|i| (degrees(i), power(i))));
        let selectivity = selectivity(map, changed);
        // The curve over the frequencies along that orientation, between the two neighbours that were shown.
        let place = angle / 180.0 * ORIENTATIONS as f64;
        let (before, share) = (place.floor() as usize % ORIENTATIONS, place.fract());
        let along: Vec<f64> = (0..FREQUENCIES)
            .map(|f| (1.0 - share) * at(before, f) + share * at((before + 1) % ORIENTATIONS, f))
            .collect();
        let peak = peak(&along);
        let spread = |values: &[f64]| {
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            if values.is_empty() { 0.0 } else { high - low }
        };
        Some(Tuning {
            orientation: angle,
            frequency: peak.frequency,
            selectivity,
            bandwidth: peak.bandwidth,
            map: map.iter().map(|&v| v as f32).collect(),
            level: spread(greys) / most,
            bar: 0.0,
            edge: 0.0,
        })
    }

    /// The same with what the filter answers to bars and edges; `best`: to the best grating.
    pub fn with_bars(self, tally: &Tally, filter: usize, best: f64) -> Tuning {
        let answers: Vec<f64> =
            tally.series(Series::Bars).iter().skip(filter).step_by(tally.filters).map(|&v| v.into()).collect();
        let (bars, edges) = answers.split_at(answers.len().min(2 * ORIENTATIONS));
        let share = |answers: &[f64]| answers.iter().copied().fold(0.0, f64::max) / best;
        Tuning { bar: share(bars), edge: share(edges), ..self }
    }

    /// The curve over the frequencies, mean of all orientations.
    fn over_frequencies(&self) -> [f64; FREQUENCIES] {
        let at = |o: usize, f: usize| f64::from(self.map[o * FREQUENCIES + f]);
        std::array::from_fn(|f| (0..ORIENTATIONS).map(|o| at(o, f)).sum::<f64>() / ORIENTATIONS as f64)
    }

    /// The greatest amplitude over the frequencies, mean of the orientations, divided by that at the lowest: 1 where that is the greatest,
    /// infinite where the lowest brings nothing.
    pub fn peak_over_lowest(&self) -> f64 {
        let curve = self.over_frequencies();
        curve.iter().copied().fold(0.0, f64::max) / curve[0]
    }

    /// Best at the lowest frequency.
    pub fn is_low_pass(&self) -> bool {
        self.peak_over_lowest() <= 1.0
    }

    /// Best at another frequency than the lowest, at which less than half of that is left.
    pub fn is_band_pass(&self) -> bool {
        self.peak_over_lowest() > 2.0
    }
}

/// Where a curve over the frequencies is highest: the vertex of the parabola through the logarithms of the highest point and its
/// neighbours, over the frequency itself. That is exact for a Gaussian, which the spectrum of a Gabor function is.
fn peak(curve: &[f64]) -> Peak {
    let f = frequencies();
    let (best, &most) = curve.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap_or((0, &0.0));
    let height = |i: usize| (curve[i] / most).max(1e-6).ln();
    // At an end the parabola through the last three, no farther than halfway to zero, or than two pixels a wave.
    let middle = best.clamp(1, curve.len() - 2);
    let three = [middle - 1, middle, middle + 1];
    let (x, y) = (three.map(|i| f[i]), three.map(height));
    let frequency = match best {
        0 => vertex(x, y).map_or(f[0], |v| v.clamp(f[0] / 2.0, x[1])),
        _ if best + 1 == curve.len() => vertex(x, y).map_or(f[best], |v| v.clamp(x[1], 0.5)),
        _ => vertex(x, y).map_or(f[best], |v| v.clamp(x[0], x[2])),
    };
    // Where the curve has fallen to half, in octaves, a straight line between the points that were shown.
    let crossing = |inner: usize, outer: usize| {
        let share = (curve[inner] - 0.5 * most) / (curve[inner] - curve[outer]);
        f[inner].log2() + share * (f[outer].log2() - f[inner].log2())
    };
    let below = (0..best).rev().find(|&i| curve[i] < 0.5 * most).map(|i| crossing(i + 1, i));
    let above = (best + 1..curve.len()).find(|&i| curve[i] < 0.5 * most).map(|i| crossing(i - 1, i));
    Peak { frequency, bandwidth: below.zip(above).map(|(below, above)| above - below) }
}

/// The place of the highest point of the parabola through three points; `None` if it has none.
fn vertex(x: [f64; 3], y: [f64; 3]) -> Option<f64> {
    let (a, b) = (x[1] - x[0], x[1] - x[2]);
    let (left, right) = (y[1] - y[0], y[1] - y[2]);
    // The second difference: below zero where the parabola has a highest point.
    let bend = -(left / a + right / -b);
    let bottom = a * right - b * left;
    (bend < 0.0 && bottom.abs() > 1e-12).then(|| x[1] - 0.5 * (a * a * right - b * b * left) / bottom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_of_a_gaussian_is_found_between_the_frequencies_shown() {
        for centre in [0.05, 0.08, 0.12, 0.2, 0.27, 0.38] {
            let curve: Vec<f64> = frequencies().iter().map(|f| (-((f - centre) / 0.05).powi(2) / 2.0).exp()).collect();
            let found = peak(&curve).frequency;
            assert!((found / centre - 1.0).abs() < 0.01, "{found} for {centre}");
        }
    }

    #[test]
    fn one_orientation_alone_is_selective_and_all_alike_are_not() {
        let mut map = vec![0.0; ORIENTATIONS * FREQUENCIES];
        map[3 * FREQUENCIES + 4] = 2.0;
        let tuning = Tuning::of(&map, &map, &[]).expect("it answers");
        assert!((tuning.orientation - 45.0).abs() < 1e-9 && (tuning.selectivity - 1.0).abs() < 1e-9, "{tuning:?}");
        let even = Tuning::of(&[1.0; ORIENTATIONS * FREQUENCIES], &[], &[]).expect("it answers");
        assert!(even.selectivity < 1e-9);
        assert_eq!(Tuning::of(&[0.0; ORIENTATIONS * FREQUENCIES], &[], &[]), None);
    }

    /// A map that is 0 but for these amplitudes, by orientation and frequency.
    fn map(amplitudes: &[(usize, usize, f64)]) -> Vec<f64> {
        let mut map = vec![0.0; ORIENTATIONS * FREQUENCIES];
        amplitudes.iter().for_each(|&(o, f, amplitude)| map[o * FREQUENCIES + f] = amplitude);
        map
    }

    #[test]
    fn selectivity_by_hand() {
        let of =
            |values: &[(usize, usize, f64)], changed: &[(usize, usize, f64)]| selectivity(&map(values), &map(changed));
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a}, should be {b}");
        // Of horizontal and vertical stripes alike nothing is left.
        near(of(&[(0, 2, 1.0), (6, 2, 1.0)], &[]), 0.0);
        near(of(&[(0, 2, 2.0), (6, 2, 1.0)], &[]), 3.0 / 5.0);
        // Two frequencies of powers 16 and 1: their weights are the fourth roots, 2 and 1.
        near(of(&[(0, 1, 4.0), (6, 5, 1.0)], &[]), 1.0 / 3.0);
        near(of(&[(0, 1, 4.0), (3, 5, 1.0)], &[]), 5f64.sqrt() / 3.0);
        // All change is power 4, of which half would lie above the grey; there is 1.
        near(of(&[(0, 2, 1.0)], &[(0, 2, 2.0)]), 0.5);
        near(of(&[(0, 2, 1.0)], &[(0, 2, 1.0)]), 1.0);
        near(of(&[], &[]), 0.0);
    }

    #[test]
    fn a_curve_and_its_width_by_hand() {
        // From one frequency to the next it is a seventh of the way from 1/64 to 1/2.5, in octaves.
        let octave = (64.0f64 / 2.5).log2() / 7.0;
        let f = frequencies();
        let of = |curve: [f64; FREQUENCIES]| peak(&curve);
        let alone = of([0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
        // Half of it is lost half way to either neighbour.
        assert!((alone.bandwidth.unwrap() - octave).abs() < 1e-9, "{alone:?}");
        assert!((f[2]..f[4]).contains(&alone.frequency));
        let slow = of([0.25, 0.5, 0.75, 1.0, 0.75, 0.25, 0.0, 0.0]);
        // Down it is a half at the second frequency and below it after that; up between the fifth and the sixth.
        assert!((slow.bandwidth.unwrap() - octave * (2.0 + 1.5)).abs() < 1e-9, "{slow:?}");
        assert_eq!(of([1.0, 0.5, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0]).bandwidth, None, "nothing is below the lowest");
        assert_eq!(of([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 1.0]).bandwidth, None, "nothing is above the highest");
        assert_eq!(of([1.0, 0.9, 0.8, 0.7, 0.7, 0.7, 0.7, 0.7]).bandwidth, None);
        // At an end no farther than halfway to 0, or than two pixels a wave.
        let (low, high) =
            (of([1.0, 0.1, 0.01, 0.0, 0.0, 0.0, 0.0, 0.0]), of([0.0, 0.0, 0.0, 0.0, 0.0, 0.01, 0.1, 1.0]));
        assert!((f[0] / 2.0..=f[1]).contains(&low.frequency) && (f[6]..=0.5).contains(&high.frequency));
        // The parabola through (0, 0), (1, 3), (2, 4) is 4 x - x^2, whose highest point lies at 2.
        assert!((vertex([0.0, 1.0, 2.0], [0.0, 3.0, 4.0]).unwrap() - 2.0).abs() < 1e-12);
        assert!((vertex([0.0, 1.0, 3.0], [-1.0, 0.0, -4.0]).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(vertex([0.0, 1.0, 2.0], [1.0, 1.0, 1.0]), None);
        assert_eq!(vertex([0.0, 1.0, 2.0], [4.0, 1.0, 0.0]), None, "it has a lowest point");
    }

    #[test]
    fn what_is_tuned_by_hand() {
        // Between 30 and 45 degrees, twice as strong at one frequency as at the others.
        let two: Vec<(usize, usize, f64)> =
            (0..FREQUENCIES).flat_map(|f| [(2, f, 1.0), (3, f, 1.0)]).chain([(2, 4, 2.0), (3, 4, 2.0)]).collect();
        let tuning = Tuning::of(&map(&two), &[], &[1.0, 4.0, -2.0]).unwrap();
        assert!((tuning.orientation - 37.5).abs() < 1e-9, "{tuning:?}");
        assert!((frequencies()[3]..frequencies()[5]).contains(&tuning.frequency), "{tuning:?}");
        assert_eq!((tuning.level, tuning.bar, tuning.edge), (6.0 / 2.0, 0.0, 0.0));
        assert_eq!(tuning.map, map(&two).iter().map(|&v| v as f32).collect::<Vec<f32>>());
        let one = Tuning::of(&map(&[(11, 3, 1.0)]), &[], &[]).unwrap();
        assert!((one.orientation - 165.0).abs() < 1e-9 && one.level == 0.0, "{one:?}");
        assert_eq!(Tuning::of(&map(&[(1, 1, f64::NAN)]), &[], &[]), None);
    }

    #[test]
    fn bars_and_edges_are_measured_by_the_best_grating() {
        let mut answers = [0.0; 36];
        (answers[3], answers[23], answers[24], answers[35]) = (1.0, 3.0, 5.0, 2.0);
        let tally = crate::findings::tally::tests::answering(&[], &[(Series::Bars, &answers)]);
        let tuning = Tuning::of(&[1.0; 96], &[], &[]).unwrap().with_bars(&tally, 1, 2.0);
        assert_eq!((tuning.bar, tuning.edge), (1.5, 2.5));
    }
}
