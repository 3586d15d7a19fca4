//! Intervals of the bootstrap, reckoned again in another way from the same draws.

use approx::assert_relative_eq;
use rand::RngExt;
use unet_lens::engine::random::stream;
use unet_lens::findings::{Interval, stats};

/// The studentised bootstrap of Efron and Tibshirani (1993), 12.5: of 2000 samples drawn with repetition from each group, `t = (estimate -
/// value) / error`; the interval goes from `value - t error` at the 97.5th percentile to the same at the 2.5th.
fn bootstrap(groups: &[usize], estimate: impl Fn(&[usize]) -> (f64, f64)) -> Interval {
    let all: usize = groups.iter().sum();
    let (value, error) = estimate(&(0..all).collect::<Vec<usize>>());
    let mut rng = stream(0, "bootstrap", all as u64);
    let mut t = vec![];
    for _ in 0..2000 {
        let (mut drawn, mut first) = (vec![], 0);
        for &size in groups {
            drawn.extend((0..size).map(|_| first + rng.random_range(0..size)));
            first += size;
        }
        let (mean, error) = estimate(&drawn);
        if error > 0.0 {
            t.push((mean - value) / error);
        }
    }
    t.sort_by(f64::total_cmp);
    // As NumPy's `percentile`: between two values in proportion.
    let percentile = |share: f64| {
        let at = share * (t.len() as f64 - 1.0);
        let (below, above) = (t[at.floor() as usize], t[at.ceil() as usize]);
        below + (above - below) * at.fract()
    };
    Interval { value, low: value - percentile(0.975) * error, high: value - percentile(0.025) * error }
}

/// The mean and its standard error, from the sums of the values and of their squares.
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let (sum, squares) = (values.iter().sum::<f64>(), values.iter().map(|v| v * v).sum::<f64>());
    (sum / n, ((squares - sum * sum / n) / (n - 1.0) / n).max(0.0).sqrt())
}

/// The slope from the normal equations and White's standard error (HC1) from what the whole line, with its intercept, leaves over.
fn slope(points: &[(f64, f64)]) -> (f64, f64) {
    let n = points.len() as f64;
    let sum = |of: &dyn Fn(f64, f64) -> f64| points.iter().map(|&(x, y)| of(x, y)).sum::<f64>();
    let (x, y, xx, xy) = (sum(&|x, _| x), sum(&|_, y| y), sum(&|x, _| x * x), sum(&|x, y| x * y));
    let slope = (n * xy - x * y) / (n * xx - x * x);
    let intercept = (y - slope * x) / n;
    let moments = sum(&|px, py| ((px - x / n) * (py - intercept - slope * px)).powi(2));
    (slope, (n / (n - 2.0) * moments).sqrt() / (xx - x * x / n))
}

#[track_caller]
fn same(found: Option<Interval>, expected: Interval) {
    let found = found.unwrap();
    for (found, expected) in [(found.value, expected.value), (found.low, expected.low), (found.high, expected.high)] {
        assert_relative_eq!(found, expected, epsilon = 1e-9, max_relative = 1e-9);
    }
}

const SKEWED: [f64; 12] = [0.5, 3.0, 1.0, 9.0, 0.25, 2.0, -1.5, 6.0, 0.0, 20.0, 1.25, 4.0];

#[test]
fn means_and_differences_have_the_bootstraps_intervals() {
    same(stats::mean(&SKEWED), bootstrap(&[12], |drawn| mean(&drawn.iter().map(|&i| SKEWED[i]).collect::<Vec<_>>())));
    let (a, b) = SKEWED.split_at(5);
    let of_both = bootstrap(&[5, 7], |drawn| {
        let values: Vec<f64> = drawn.iter().map(|&i| SKEWED[i]).collect();
        let ((a, of_a), (b, of_b)) = (mean(&values[..5]), mean(&values[5..]));
        (a - b, (of_a * of_a + of_b * of_b).sqrt())
    });
    same(stats::difference(a, b), of_both);
}

#[test]
fn slopes_have_the_bootstraps_intervals() {
    // Far from even: how the places are spread differs from draw to draw, and so does what is left over.
    let x = [0.0, 1.0, 1.5, 2.0, 3.0, 4.0, 5.5, 7.0, 8.0, 13.0, 21.0, 40.0];
    let points: Vec<(f64, f64)> = x.into_iter().zip(SKEWED).map(|(x, rest)| (x, 7.0 + 0.75 * x + rest)).collect();
    let expected = bootstrap(&[12], |drawn| slope(&drawn.iter().map(|&i| points[i]).collect::<Vec<_>>()));
    same(stats::slope(&points), expected);
    // A line moved up or sideways has the same slope, and the same interval.
    let moved: Vec<(f64, f64)> = points.iter().map(|&(x, y)| (x + 50.0, y - 30.0)).collect();
    same(stats::slope(&moved), expected);
    // However far: a million millions beside it the places still are what they are, but sums with them are not.
    let far: Vec<(f64, f64)> = points.iter().map(|&(x, y)| (x + 2f64.powi(40), y / 3.0)).collect();
    assert_relative_eq!(stats::slope(&far).unwrap().value, expected.value / 3.0, max_relative = 1e-9);
    let high: Vec<(f64, f64)> = points.iter().map(|&(x, y)| (x / 3.0, y + 2f64.powi(30))).collect();
    assert_relative_eq!(stats::slope(&high).unwrap().value, expected.value * 3.0, max_relative = 1e-6);
}

#[test]
fn what_is_spread_beyond_all_numbers_has_no_interval() {
    // The mean is 1, the squares are too large for a number.
    assert_eq!(stats::mean(&[1e200, -1e200, 1.0, 2.0, 2.0]), None);
    assert_eq!(stats::difference(&[1e200, -1e200, 1.0, 2.0, 2.0], &SKEWED), None);
}
