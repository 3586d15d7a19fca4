//! Statistics: ranks, agreement, directions, and intervals that say how sure a number is.

use super::claim::Interval;
use crate::engine::random::stream;
use rand::RngExt;

/// How often an interval draws the sample anew.
const DRAWS: usize = 2000;
/// Fewer values than this say nothing of how they are spread.
pub(super) const FEWEST: usize = 5;
/// The 97.5th percentile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

impl Interval {
    pub fn holds(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// An estimate and its standard error.
type Estimate = (f64, f64);

/// The studentised bootstrap (B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993, 12.5): how far do estimates from
/// samples drawn anew lie from the sample's own, in units of their own standard errors? Unlike percentiles it follows the
/// skew of the data. `strata`: sizes of groups that are drawn from each for itself. `estimate` gets a draw's indices, group
/// after group. The draws are the same at every call.
fn bootstrap(strata: &[usize], estimate: impl Fn(&[usize]) -> Option<Estimate>) -> Option<Interval> {
    let n: usize = strata.iter().sum();
    let mut drawn: Vec<usize> = (0..n).collect();
    let (value, error) = estimate(&drawn).filter(|(value, error)| value.is_finite() && error.is_finite())?;
    if strata.iter().any(|&size| size < FEWEST) {
        return None;
    }
    let mut rng = stream(0, "bootstrap", n as u64);
    let mut distances = vec![];
    for _ in 0..DRAWS {
        let (mut first, mut at) = (0, 0);
        for &size in strata {
            (0..size).for_each(|i| drawn[at + i] = first + rng.random_range(0..size));
            (first, at) = (first + size, at + size);
        }
        // A draw of equal values alone has no spread to measure by.
        let distance = estimate(&drawn).filter(|(_, error)| *error > 0.0).map(|(v, e)| (v - value) / e);
        distances.extend(distance.filter(|d| d.is_finite()));
    }
    if distances.is_empty() {
        return Some(Interval { value, low: value, high: value });
    }
    distances.sort_by(f64::total_cmp);
    let (low, high) = (quantile(&distances, 0.025), quantile(&distances, 0.975));
    Some(Interval { value, low: value - high * error, high: value - low * error })
}

/// The mean. `None` of fewer than five values, or if one is not finite.
pub fn mean(values: &[f64]) -> Option<Interval> {
    bootstrap(&[values.len()], |drawn| mean_of(drawn.iter().map(|&i| values[i])))
}

/// The mean of `a` less that of `b`, two groups that have nothing to do with each other.
pub fn difference(a: &[f64], b: &[f64]) -> Option<Interval> {
    bootstrap(&[a.len(), b.len()], |drawn| {
        let (of_a, of_b) = drawn.split_at(a.len());
        let (a, b) = (mean_of(of_a.iter().map(|&i| a[i]))?, mean_of(of_b.iter().map(|&i| b[i - a.len()]))?);
        Some((a.0 - b.0, a.1.hypot(b.1)))
    })
}

/// The slope of the straight line through the points (least squares). Points are drawn, so that the line need not be right and
/// the spread not even.
pub fn slope(points: &[(f64, f64)]) -> Option<Interval> {
    bootstrap(&[points.len()], |drawn| {
        let n = drawn.len() as f64;
        let points = || drawn.iter().map(|&i| points[i]);
        let (mx, my) = (points().map(|p| p.0).sum::<f64>() / n, points().map(|p| p.1).sum::<f64>() / n);
        let xx: f64 = points().map(|(x, _)| (x - mx).powi(2)).sum();
        let slope = points().map(|(x, y)| (x - mx) * (y - my)).sum::<f64>() / xx;
        let rest = |(x, y): (f64, f64)| (x - mx) * (y - my - slope * (x - mx));
        // White's standard error, with the factor for small samples.
        let error = (points().map(|p| rest(p).powi(2)).sum::<f64>() * n / (n - 2.0)).sqrt() / xx;
        (xx > 0.0).then_some((slope, error))
    })
}

fn mean_of(values: impl Iterator<Item = f64> + Clone) -> Option<Estimate> {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    let variance = values.map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (n > 1.0).then_some((mean, (variance / n).sqrt()))
}

/// A share: `count` of `all`, with Wilson's interval for a binomial (E. Wilson, "Probable inference, the law of succession, and
/// statistical inference", 1927). `None` of nothing.
pub fn share(count: usize, all: usize) -> Option<Interval> {
    let (n, value) = (all as f64, count as f64 / all as f64);
    let middle = (value + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (value * (1.0 - value) / n + Z * Z / (4.0 * n * n)).sqrt();
    // Rounding puts the ends of 0 of n and n of n a hair beside them.
    (all > 0).then(|| Interval {
        value,
        low: (middle - half).clamp(0.0, value),
        high: (middle + half).clamp(value, 1.0),
    })
}

/// The value below which `share` of the sorted values lie, between two of them in proportion.
///
/// # Panics
/// If there is none.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (below, rest) = (at.floor() as usize, at.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + rest * (sorted[above] - sorted[below])
}

/// Of numbers in any order; of an even count the mean of the middle two. `None` of none.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (!sorted.is_empty()).then(|| quantile(&sorted, 0.5))
}

/// The rank of each value, from 1; equal values share the mean of their ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for equal in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = first as f64 + (equal.len() + 1) as f64 / 2.0;
        equal.iter().for_each(|&i| ranks[i] = rank);
        first += equal.len();
    }
    ranks
}

/// The area under the ROC curve: how often a value of `above` is larger than one of `below`, equal ones counted half. 1/2: they
/// cannot be told apart. `None` if there are none of one kind, or a value is not a number.
pub fn auc(above: &[f64], below: &[f64]) -> Option<f64> {
    let all: Vec<f64> = above.iter().chain(below).copied().collect();
    if above.is_empty() || below.is_empty() || all.iter().any(|v| v.is_nan()) {
        return None;
    }
    let (n, m) = (above.len() as f64, below.len() as f64);
    let sum: f64 = ranks(&all)[..above.len()].iter().sum();
    Some((sum - n * (n + 1.0) / 2.0) / (n * m))
}

/// Pearson's correlation. `None` if one does not vary, or a value is not finite.
///
/// # Panics
/// If they are not as many.
pub fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    assert_eq!(a.len(), b.len());
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| f(a - ma, b - mb)).sum::<f64>();
    let (ab, aa, bb) = (sum(&|a, b| a * b), sum(&|a, _| a * a), sum(&|_, b| b * b));
    let correlation = ab / (aa * bb).sqrt();
    correlation.is_finite().then(|| correlation.clamp(-1.0, 1.0))
}

/// Spearman's: the correlation of the ranks.
///
/// # Panics
/// If they are not as many.
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.iter().chain(b).any(|v| v.is_nan()) {
        return None;
    }
    correlation(&ranks(a), &ranks(b))
}

/// Cohen's kappa: how often two judges agree, beyond what their habits alone make likely. 1: always. `None` of nothing.
///
/// # Panics
/// If they did not judge as many.
pub fn kappa<T: PartialEq>(a: &[T], b: &[T]) -> Option<f64> {
    assert_eq!(a.len(), b.len());
    let n = a.len() as f64;
    let agreed = a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / n;
    let chance: f64 = a.iter().map(|x| b.iter().filter(|y| *y == x).count() as f64).sum::<f64>() / (n * n);
    match () {
        () if a.is_empty() => None,
        // Both always say the same one thing.
        () if chance == 1.0 => Some(1.0),
        () => Some((agreed - chance) / (1.0 - chance)),
    }
}

/// The mean of orientations, in degrees from 0 up to 180, each with a weight, and how much they agree: 1 if all are one, 0 if they
/// are even. (1 less this is the circular variance.) An orientation is the same after half a turn, so angles are doubled first.
pub fn orientation(weighted: impl Iterator<Item = (f64, f64)>) -> (f64, f64) {
    let (mut cos, mut sin, mut all) = (0.0, 0.0, 0.0);
    for (degrees, weight) in weighted {
        let angle = 2.0 * degrees.to_radians();
        (cos, sin, all) = (cos + weight * angle.cos(), sin + weight * angle.sin(), all + weight);
    }
    let degrees = (sin.atan2(cos).to_degrees() / 2.0).rem_euclid(180.0);
    // To a thousandth of a degree: what lies a hair below 180 by rounding alone is 0.
    let degrees = (degrees * 1e3).round() / 1e3;
    (degrees % 180.0, if all > 0.0 { cos.hypot(sin) / all } else { 0.0 })
}

/// How far apart two orientations are: 0 to 90 degrees.
pub fn apart(a: f64, b: f64) -> f64 {
    let turn = (a - b).rem_euclid(180.0);
    turn.min(180.0 - turn)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.sem` and `rankdata`, SciPy 1.17.1.
    #[test]
    fn standard_errors_and_ranks_are_scipys() {
        let values = [0.3, 1.0, 2.5, 2.5, 7.0, -1.0, 0.0];
        let (mean, error) = mean_of(values.into_iter()).unwrap();
        assert!((mean - 1.757_142_857_142_857_3).abs() < 1e-12 && (error - 0.999_727_854_124_773_8).abs() < 1e-12);
        assert_eq!((mean_of([1.0].into_iter()), mean_of(std::iter::empty())), (None, None));
        assert_eq!(ranks(&values), [3.0, 4.0, 5.5, 5.5, 7.0, 1.0, 2.0]);
        assert_eq!(ranks(&[2.0, 2.0, 2.0, 1.0]), [3.0, 3.0, 3.0, 1.0]);
    }
}
