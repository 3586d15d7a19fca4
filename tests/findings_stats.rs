//! The statistics of the findings: against numbers made by hand or by SciPy, and intervals against known truths.

use approx::assert_relative_eq;
use rand::RngExt;
use rayon::prelude::*;
use unet_lens::engine::random::stream;
use unet_lens::findings::{Interval, stats};

const CASES: u64 = 2000;

/// Of intervals for random cases, the share that hold the truth.
fn coverage(name: &str, truth: f64, interval: impl Fn(&mut dyn FnMut() -> f64) -> Interval + Sync) -> f64 {
    let holds = |case: u64| {
        let mut rng = stream(7, name, case);
        interval(&mut || rng.random_range(0.0..1.0)).holds(truth)
    };
    let held = (0..CASES).into_par_iter().filter(|&case| holds(case)).count();
    let share = held as f64 / CASES as f64;
    println!("{name}: {share}");
    share
}

/// From an exponential distribution of mean 1: most values are small, a few are large, as effects of filters are.
fn skewed(uniform: &mut dyn FnMut() -> f64) -> f64 {
    -(1.0 - uniform()).ln()
}

fn draw(count: usize, uniform: &mut dyn FnMut() -> f64) -> Vec<f64> {
    (0..count).map(|_| skewed(uniform)).collect()
}

#[test]
fn intervals_cover_the_truth() {
    let shares = [
        coverage("mean of 64 skewed values", 1.0, |u| stats::mean(&draw(64, u)).unwrap()),
        coverage("mean of 40 even values", 0.5, |u| stats::mean(&(0..40).map(|_| u()).collect::<Vec<_>>()).unwrap()),
        coverage("difference of 48 and 64 skewed values", -1.0, |u| {
            let b: Vec<f64> = draw(64, u).iter().map(|v| 2.0 * v).collect();
            stats::difference(&draw(48, u), &b).unwrap()
        }),
        // Seven layers of 16; the spread grows with the depth and is skewed.
        coverage("slope of 112 points", -0.5, |u| {
            let point = |i: usize, u: &mut dyn FnMut() -> f64| {
                let x = (i % 7) as f64;
                (x, 3.0 - 0.5 * x + (0.2 + 0.1 * x) * (skewed(u) - 1.0))
            };
            stats::slope(&(0..112).map(|i| point(i, u)).collect::<Vec<_>>()).unwrap()
        }),
        coverage("share of 60 at 30%", 0.3, |u| stats::share((0..60).filter(|_| u() < 0.3).count(), 60).unwrap()),
        coverage("share of 200 at 10%", 0.1, |u| stats::share((0..200).filter(|_| u() < 0.1).count(), 200).unwrap()),
    ];
    assert!(shares.iter().all(|share| (0.93..=0.97).contains(share)), "{shares:?}");
}

#[test]
fn intervals_of_little_or_of_one_value() {
    assert_eq!(stats::mean(&[1.0, 2.0, 3.0, 4.0]), None, "four values do not say how they are spread");
    assert_eq!(stats::mean(&[1.0, f64::NAN, 2.0, 3.0, 4.0]), None);
    assert_eq!(stats::difference(&[1.0; 9], &[1.0; 3]), None);
    assert_eq!(stats::slope(&[(1.0, 1.0); 9]), None, "there is no line through one place");
    assert_eq!(stats::mean(&[2.0; 9]), Some(Interval { value: 2.0, low: 2.0, high: 2.0 }));
    assert_eq!(stats::share(0, 0), None);
    let values: Vec<f64> = (0..30).map(f64::from).collect();
    assert_eq!(stats::mean(&values), stats::mean(&values), "the same draws at every call");
}

/// Of many values an interval is as wide as the normal approximation has it: the standard errors are those of SciPy 1.17.1's `sem`, of
/// Welch's test for the difference, and White's (`HC1` of statsmodels) for the slope.
#[test]
fn intervals_of_many_values_are_as_wide_as_their_standard_errors() {
    let even = |n: usize| -> Vec<f64> { (0..n).map(|i| (i * 37 % n) as f64 / n as f64).collect() };
    let (a, b) = (even(400), even(100).iter().map(|v| 3.0 * v + 1.0).collect::<Vec<f64>>());
    let point = |i: usize| {
        let x = (i % 8) as f64;
        (x, 2.0 - 0.5 * x + (a[i] - 0.5) * (0.2 + x * x / 10.0))
    };
    let points: Vec<(f64, f64)> = (0..400).map(point).collect();
    for (interval, value, error) in [
        (stats::mean(&a), 0.49875, 0.014451787663353855),
        (stats::difference(&a, &b), -1.98625, 0.088226153529816),
        (stats::difference(&b, &a), 1.98625, 0.088226153529816),
        (stats::slope(&points), -0.5005238095238094, 0.02016300621463054),
    ] {
        let Interval { value: found, low, high } = interval.unwrap();
        assert_relative_eq!(found, value, epsilon = 1e-12);
        let ends = [(found - low) / error, (high - found) / error];
        assert!(ends.iter().all(|end| (end - 1.966).abs() < 0.2), "{ends:?} standard errors");
    }
    // A few large values may be missing, or be too many: the interval of the skewed reaches farther up than down.
    let skewed = stats::mean(&(1..=30).map(|i| -(1.0 - f64::from(i) / 31.0).ln()).collect::<Vec<f64>>()).unwrap();
    assert!(skewed.high - skewed.value > 1.3 * (skewed.value - skewed.low), "{skewed:?}");
    // Five of five values: the least that says how they are spread.
    let least = stats::mean(&[0.0, 1.0, 2.0, 3.0, 4.0]).unwrap();
    assert!(least.value == 2.0 && least.low < 1.0 && least.high > 3.0, "{least:?}");
    assert!(least.holds(least.low) && least.holds(least.high) && !least.holds(least.high + 1e-9));
}

/// `scipy.stats.binomtest(k, n).proportion_ci(method="wilson")`, SciPy 1.17.1.
#[test]
fn shares_are_wilsons() {
    let known = [
        (0, 20, 0.0, 0.16112515805281935),
        (7, 40, 0.08745413746035918, 0.3194999033178771),
        (50, 50, 0.9286524008666412, 1.0),
    ];
    for (count, all, low, high) in known {
        let share = stats::share(count, all).unwrap();
        assert_relative_eq!(share.low, low, epsilon = 1e-12);
        assert_relative_eq!(share.high, high, epsilon = 1e-12);
    }
}

/// `scipy.stats.mannwhitneyu(a, b).statistic / (len(a) * len(b))`, `spearmanr`, `pearsonr`, SciPy 1.17.1.
#[test]
fn ranks_and_correlations() {
    let (a, b) = ([0.9, 0.5, 0.5, 2.0, 1.5], [0.1, 0.5, 1.0, -3.0]);
    // By hand: of 20 pairs 15 are above, 2 equal.
    assert_eq!(stats::auc(&a, &b), Some(0.8));
    assert_eq!(stats::auc(&[1.0, 1.0], &[1.0]), Some(0.5));
    assert_eq!((stats::auc(&[], &b), stats::auc(&a, &[f64::NAN])), (None, None));
    let (x, y) = ([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0], [2.0, 7.0, 1.0, 8.0, 2.0, 8.0, 1.0, 8.0]);
    assert_relative_eq!(stats::spearman(&x, &y).unwrap(), 0.19885368120992467, epsilon = 1e-12);
    assert_relative_eq!(stats::correlation(&x, &y).unwrap(), 0.2096553190730121, epsilon = 1e-12);
    assert_eq!(stats::spearman(&x, &x.map(|v| v.powi(3))), Some(1.0));
    assert_eq!((stats::spearman(&x, &[1.0; 8]), stats::spearman(&[f64::NAN; 8], &x)), (None, None));
}

#[test]
fn kappa_is_cohens() {
    // 20 both yes, 15 both no, 5 and 10 apart: (0.7 - 0.5) / (1 - 0.5), the example of every textbook.
    let judged = |pairs: [(usize, bool, bool); 4]| -> (Vec<bool>, Vec<bool>) {
        pairs.into_iter().flat_map(|(n, a, b)| std::iter::repeat_n((a, b), n)).unzip()
    };
    let (a, b) = judged([(20, true, true), (5, true, false), (10, false, true), (15, false, false)]);
    assert_relative_eq!(stats::kappa(&a, &b).unwrap(), 0.4, epsilon = 1e-12);
    assert_eq!(stats::kappa(&a, &a), Some(1.0));
    assert_eq!(stats::kappa(&[1, 1], &[1, 1]), Some(1.0));
    assert_eq!(stats::kappa::<u8>(&[], &[]), None);
}

#[test]
fn orientations_turn_back_after_half_a_turn() {
    let (mean, length) = stats::orientation([(175.0, 1.0), (5.0, 1.0)].into_iter());
    assert!(stats::apart(mean, 0.0) < 1e-9, "{mean}");
    assert_relative_eq!(length, 10f64.to_radians().cos(), epsilon = 1e-12);
    let (_, even) = stats::orientation((0..12).map(|i| (15.0 * f64::from(i), 1.0)));
    assert!(even < 1e-12);
    assert_relative_eq!(stats::orientation([(40.0, 3.0)].into_iter()).0, 40.0, epsilon = 1e-9);
    assert_eq!((stats::apart(170.0, 10.0), stats::apart(0.0, 90.0)), (20.0, 90.0));
    assert_eq!(stats::orientation([(12.345_67, 2.0)].into_iter()).0, 12.346, "to a thousandth of a degree");
    assert_eq!(stats::orientation(std::iter::empty()), (0.0, 0.0));
    // Of 30 degrees thrice and of 120, which is across it, half is left; of weights that are nothing, nothing.
    let (mean, length) = stats::orientation([(30.0, 3.0), (120.0, 1.0)].into_iter());
    assert_eq!(mean, 30.0);
    assert_relative_eq!(length, 0.5, epsilon = 1e-12);
    assert_eq!(stats::orientation([(30.0, 0.0)].into_iter()).1, 0.0);
    assert_eq!((stats::apart(10.0, 170.0), stats::apart(150.0, 30.0)), (20.0, 60.0));
    // A hair below half a turn is no turn.
    assert_eq!(stats::orientation([(179.99999, 1.0)].into_iter()).0, 0.0);
}

#[test]
fn quantiles_lie_between() {
    assert_eq!(stats::quantile(&[0.0, 1.0, 4.0], 0.75), 2.5);
    assert_eq!([0.0, 0.25, 0.5, 1.0].map(|share| stats::quantile(&[0.0, 1.0, 4.0], share)), [0.0, 0.5, 1.0, 4.0]);
    assert_eq!((stats::quantile(&[3.0], 0.9), stats::median(&[5.0, 1.0, 3.0])), (3.0, Some(3.0)));
    assert_eq!((stats::median(&[4.0, 1.0, 0.0, 2.0]), stats::median(&[])), (Some(1.5), None));
}
