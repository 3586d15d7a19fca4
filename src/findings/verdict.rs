//! One word for what a filter does, and the numbers that decided it.

use super::Proven;
use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    Dead,
    AlwaysOn,
    Border,
    Line,
    /// Tuned to a frequency, to no orientation.
    Spot,
    /// Answers to brightness, best at the lowest frequency.
    Level,
    Noise,
    Unclear,
}

impl Verdict {
    pub const ALL: [Verdict; 8] = [
        Verdict::Dead,
        Verdict::AlwaysOn,
        Verdict::Border,
        Verdict::Line,
        Verdict::Spot,
        Verdict::Level,
        Verdict::Noise,
        Verdict::Unclear,
    ];
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(match self {
            Verdict::Dead => "dead",
            Verdict::AlwaysOn => "always on",
            Verdict::Border => "border",
            Verdict::Line => "line",
            Verdict::Spot => "spot",
            Verdict::Level => "level",
            Verdict::Noise => "noise",
            Verdict::Unclear => "unclear",
        })
    }
}

/// The numbers that decided a verdict. English words by [`fmt::Display`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// Off everywhere: for every image in the data's range if it is proven, else on all data.
    Dead {
        proven: bool,
        wakes: bool,
    },
    /// On everywhere.
    AlwaysOn {
        proven: bool,
        on: f64,
    },
    Border {
        auc: f64,
        vanishes: f64,
    },
    Line {
        selectivity: f64,
        threshold: f64,
        orientation: f64,
        frequency: f64,
    },
    Spot {
        selectivity: f64,
        threshold: f64,
        frequency: f64,
    },
    Level {
        frequency: f64,
        level: f64,
    },
    Noise {
        auc: f64,
    },
    Unclear {
        selectivity: Option<f64>,
        threshold: f64,
    },
}

impl Reason {
    pub fn is_proven(&self, proven: Proven) -> bool {
        match self {
            Reason::Dead { proven: true, .. } => proven == Proven::Dead,
            Reason::AlwaysOn { proven: true, .. } => proven == Proven::On,
            _ => false,
        }
    }
}
