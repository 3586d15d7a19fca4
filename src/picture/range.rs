//! Which values the two ends of a colour map stand for.

/// How much of the pixels is cut off at each end.
const CLIPPED: f64 = 0.005;

/// The range of a map's values after the outer 0.5% at each end, by linear interpolation as `numpy.percentile` does.
/// Infinite and NaN values do not count. Never empty: a constant map gets a range around its value. A signed range
/// has 0 in its middle.
pub fn range(values: impl IntoIterator<Item = f32>, signed: bool) -> (f64, f64) {
    let mut sorted: Vec<f32> = values.into_iter().filter(|v| v.is_finite()).collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let (Some(&least), Some(&most)) = (sorted.first(), sorted.last()) else { return whole((0.0, 1.0), signed) };
    let clipped = (percentile(&sorted, CLIPPED), percentile(&sorted, 1.0 - CLIPPED));
    // A map that is constant but for a few pixels: these are what there is to see.
    let seen = if clipped.0 < clipped.1 { clipped } else { (least as f64, most as f64) };
    whole(seen, signed)
}

/// Makes a range that can be divided by, centred at 0 if `signed`.
pub fn whole((lo, hi): (f64, f64), signed: bool) -> (f64, f64) {
    let (lo, hi) = if signed { (-lo.abs().max(hi.abs()), lo.abs().max(hi.abs())) } else { (lo, hi) };
    if !(lo.is_finite() && hi.is_finite()) {
        (0.0, 1.0)
    } else if lo < hi {
        (lo, hi)
    } else {
        let half = 0.5 * lo.abs().max(1.0);
        (lo - half, lo + half)
    }
}

fn percentile(sorted: &[f32], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let (i, rest) = (place as usize, place.fract());
    let next = sorted[(i + 1).min(sorted.len() - 1)];
    sorted[i] as f64 + (next as f64 - sorted[i] as f64) * rest
}
