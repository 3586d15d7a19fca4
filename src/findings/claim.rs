//! A sentence about all filters, put to the test.

pub use super::how::How;

/// A number with the bounds of its 95% interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// For files and links: "lines".
    pub id: &'static str,
    pub sentence: Text,
    pub number: Interval,
    pub unit: Unit,
    /// On one side of it the sentence holds, on the other it fails.
    pub bound: f64,
    /// What chance would give, where that can be said.
    pub chance: Option<Interval>,
    pub answer: Answer,
    pub how: How,
    /// The rows behind the number.
    pub details: serde_json::Value,
}

/// The sentences; pages put them into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// Most filters select vertical and horizontal lines.
    Lines,
    /// Higher up the lines lie further apart.
    Spacing,
    /// In the decoder the texture becomes nearly constant.
    Evenness,
    /// Several filters deal with borders.
    Borders,
    /// Filters that look like noise can go at the same quality.
    Pruning,
    /// The skips bring the detail back.
    Skips,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// 0 to 1.
    Share,
    /// Octaves per convolution.
    OctavesPerLayer,
    Ratio,
    Decibel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Holds,
    Fails,
    CannotBeTold,
}
