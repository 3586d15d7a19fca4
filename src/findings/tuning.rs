//! Which gratings a filter answers to.

/// Orientations and frequencies of the gratings.
pub const ORIENTATIONS: usize = 12;
pub const FREQUENCIES: usize = 8;

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
}

/// Where responses were read for the tuning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TunedWhere {
    /// Where receptive fields do not touch the border.
    Inside,
    /// In the middle: every receptive field touches the border.
    Middle,
}

/// Cycles per image pixel of the gratings: evenly spaced in log from 1/64 to 1/2.5.
pub fn frequencies() -> [f64; FREQUENCIES] {
    let (first, last) = (1.0f64 / 64.0, 1.0f64 / 2.5);
    std::array::from_fn(|i| first * (last / first).powf(i as f64 / (FREQUENCIES - 1) as f64))
}
