//! Round ticks for an axis, with labels as matplotlib writes them.

/// Places on an axis and what is written at them. Where the numbers are very small or large, labels are to be
/// multiplied with `power`, which is written once: "×10⁻⁵".
pub struct Ticks {
    pub at: Vec<f64>,
    pub labels: Vec<String>,
    pub power: Option<String>,
}

/// At most about `count` ticks within lo..=hi, at multiples of 1, 2, 2.5 or 5 times a power of ten; with `whole`,
/// at whole numbers only.
pub fn ticks(lo: f64, hi: f64, count: usize, whole: bool) -> Ticks {
    let empty = Ticks { at: vec![], labels: vec![], power: None };
    let span = hi - lo;
    if !(span.is_finite() && span > 0.0) {
        return empty;
    }
    let step = step(span / count.max(1) as f64, whole);
    // A little room for rounding at the ends.
    let first = (lo / step - 1e-9).ceil() as i64;
    let last = (hi / step + 1e-9).floor() as i64;
    let at: Vec<f64> = (first..=last).map(|i| i as f64 * step).collect();

    let largest = at.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let exponent = if largest > 0.0 { largest.log10().floor() as i32 } else { 0 };
    let exponent = if (-3..=5).contains(&exponent) { 0 } else { exponent };
    let unit = 10f64.powi(exponent);
    let decimals = (0..12).find(|&d| is_whole(step / unit * 10f64.powi(d))).unwrap_or(12) as usize;
    let labels = at.iter().map(|v| number(v / unit, decimals)).collect();
    Ticks { at, labels, power: (exponent != 0).then(|| format!("×10{}", superscript(exponent))) }
}

/// The smallest round step that is at least `least`.
fn step(least: f64, whole: bool) -> f64 {
    let unit = 10f64.powf(least.log10().floor());
    let unit = if whole { unit.max(1.0) } else { unit };
    let round = [1.0, 2.0, 2.5, 5.0, 10.0].map(|f| f * unit);
    round.into_iter().find(|s| *s >= least * (1.0 - 1e-9) && (!whole || is_whole(*s))).unwrap_or(10.0 * unit)
}

fn is_whole(x: f64) -> bool {
    (x - x.round()).abs() < 1e-6
}

/// With a true minus sign, and no minus before zero.
pub fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| "0.".contains(c)) => rest.to_owned(),
        Some(rest) => format!("\u{2212}{rest}"),
        None => text,
    }
}

fn superscript(n: i32) -> String {
    let digits: Vec<char> = "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().collect();
    n.to_string().chars().map(|c| c.to_digit(10).map_or('⁻', |d| digits[d as usize])).collect()
}
