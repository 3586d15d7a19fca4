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
    let room = 1e-9 * span;
    let first = ((lo - room) / step).ceil() as i64;
    let last = ((hi + room) / step).floor() as i64;
    let at: Vec<f64> = (first..=last).map(|i| i as f64 * step).collect();

    let largest = at.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let exponent = if largest > 0.0 { largest.log10().floor() as i32 } else { 0 };
    let exponent = if (-3..=5).contains(&exponent) { 0 } else { exponent };
    let unit = 10f64.powi(exponent);
    let decimals = (0..12).find(|&d| is_whole(step / unit * 10f64.powi(d))).unwrap_or(12) as usize;
    let labels = at.iter().map(|v| number(v / unit, decimals)).collect();
    Ticks { at, labels, power: (exponent != 0).then(|| format!("×10{}", superscript(exponent))) }
}

/// Round places on an axis, at most about `count`.
pub fn axis(lo: f64, hi: f64, count: usize) -> Vec<f64> {
    ticks(lo, hi, count, false).at
}

/// The smallest round step that is at least `least`.
fn step(least: f64, whole: bool) -> f64 {
    let unit = 10f64.powf(least.log10().floor());
    let unit = if whole { unit.max(1.0) } else { unit };
    let round = [1.0, 2.0, 2.5, 5.0, 10.0].map(|f| f * unit);
    round.into_iter().find(|s| *s >= least * (1.0 - 1e-9) && (!whole || is_whole(*s))).unwrap_or(10.0 * unit)
}

fn is_whole(x: f64) -> bool {
    (x - x.round()).abs() <= 1e-6 * x.abs().min(1.0)
}

/// The number as text, with a true minus sign, and no minus before zero.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a label says, with its power of ten.
    fn value(label: &str, power: &Option<String>) -> f64 {
        let digits = |c: char| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().position(|d| d == c).map_or("-".to_string(), |d| d.to_string());
        let power =
            power.as_ref().map_or("0".to_string(), |p| p.trim_start_matches("×10").chars().map(digits).collect());
        format!("{}e{power}", label.replace('\u{2212}', "-")).parse().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5000))]

        #[test]
        fn ticks_are_round_and_cover_the_range(
            middle in -10.0..10.0f64, span in 1.0..10.0f64, exponent in -30..30i32, apart in 0..4i32,
            count in 1..12usize, whole in any::<bool>(),
        ) {
            let (middle, span) = (middle * 10f64.powi(exponent + apart), span * 10f64.powi(exponent));
            let (lo, hi) = (middle - span / 2.0, middle + span / 2.0);
            let Ticks { at, labels, power } = ticks(lo, hi, count, whole);
            prop_assert_eq!(at.len(), labels.len());
            prop_assert!(at.len() <= count + 1, "{} ticks, {} asked for", at.len(), count);
            let room = 1e-6 * (hi - lo);
            prop_assert!(at.iter().all(|&v| v >= lo - room && v <= hi + room), "{:?} leave {}..{}", at, lo, hi);
            let step = step((hi - lo) / count as f64, whole);
            // No part of the range as large as a step is without a tick.
            let ends: Vec<f64> = [lo].into_iter().chain(at.iter().copied()).chain([hi]).collect();
            prop_assert!(ends.windows(2).all(|pair| pair[1] - pair[0] <= step * (1.0 + 1e-6)), "{:?} in {}..{}", at, lo, hi);
            let mantissa = step / 10f64.powf(step.log10().floor());
            let round = [1.0, 2.0, 2.5, 5.0, 10.0].iter().any(|r| (mantissa - r).abs() < 1e-6);
            prop_assert!(round, "a step of {}", step);
            for (v, label) in at.iter().zip(&labels) {
                prop_assert!((v / step - (v / step).round()).abs() < 1e-6, "{} is no multiple of {}", v, step);
                prop_assert!(!whole || is_whole(*v) || v.abs() > 1e9, "{} is not whole", v);
                prop_assert!((value(label, &power) - v).abs() < step * 1e-3, "{} says {}{:?}", v, label, power);
            }
        }
    }

    #[test]
    fn no_range_no_ticks() {
        for (lo, hi) in [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (f64::NEG_INFINITY, 0.0)] {
            assert!(ticks(lo, hi, 5, false).at.is_empty());
        }
        assert_eq!(ticks(0.0, 1.0, 5, false).labels, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(ticks(-0.5, 11.5, 6, true).labels, ["0", "2", "4", "6", "8", "10"]);
        let tiny = ticks(-2e-7, 6.1e-7, 4, false);
        assert_eq!((tiny.labels.join(" "), tiny.power.as_deref()), ("0.0 2.5 5.0".to_string(), Some("×10⁻⁷")));
    }
}
