//! One word for what a filter does, and the numbers that decided it.

use super::units::Below;
use super::{Border, Life, Noise, Proven, Tuning};
use crate::numbers::number;
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

/// The numbers that decided a verdict; [`fmt::Display`] has the words, in English.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// Off everywhere: for every image in the data's range if it is proven, else on all data. `wakes`: another stimulus turns it
    /// on somewhere.
    Dead {
        proven: bool,
        wakes: bool,
    },
    /// What it answers never changes.
    Constant,
    /// Above zero everywhere, on the data and on every grey.
    AlwaysOn {
        proven: bool,
    },
    /// `ring`, `grating`: what the ring answers to the data, and the inside to its best grating.
    Border {
        auc: f64,
        without: f64,
        ring: f64,
        grating: f64,
        vanishes: f64,
    },
    Line {
        selectivity: f64,
        threshold: f64,
        orientation: f64,
        frequency: f64,
    },
    /// `peak`: the greatest amplitude over the frequencies, mean of the orientations, divided by that at the lowest.
    Spot {
        selectivity: f64,
        threshold: f64,
        frequency: f64,
        peak: f64,
    },
    Level {
        level: f64,
    },
    Noise {
        auc: f64,
        threshold: f64,
    },
    /// `tuned`: selectivity and peak; `None`: no grating moves it.
    Unclear {
        tuned: Option<(f64, f64)>,
        threshold: f64,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let n = |value: f64| number(value, 2);
        match *self {
            Reason::Dead { proven: true, .. } => {
                write!(f, "off for every image in the data's range, by interval bounds")
            }
            Reason::Dead { wakes: true, .. } => write!(f, "off everywhere on the data; another stimulus wakes it"),
            Reason::Dead { .. } => write!(f, "off everywhere on all that was shown; not proven"),
            Reason::Constant => write!(f, "its answer never changes"),
            Reason::AlwaysOn { proven: true } => {
                write!(f, "on for every image in the data's range, by interval bounds")
            }
            Reason::AlwaysOn { .. } => write!(f, "on everywhere on the data and on every grey; not proven"),
            Reason::Border { auc, without, ring, grating, vanishes } => write!(
                f,
                "the ring is told from the inside at {} (without a border at {}) and answers with {} (the inside to its best grating with \
                 {}); {} of that vanishes in a larger canvas",
                n(auc),
                n(without),
                number(ring, 3),
                number(grating, 3),
                n(vanishes)
            ),
            Reason::Line { selectivity, threshold, orientation, frequency } => write!(
                f,
                "selectivity {} is above {}; stripes at {orientation:.0} degrees, {} cycles per pixel",
                n(selectivity),
                n(threshold),
                n(frequency)
            ),
            Reason::Spot { selectivity, threshold, frequency, peak } => write!(
                f,
                "best at {} cycles per pixel, {} of what is answered to the lowest frequency; selectivity {} is not above {}",
                n(frequency),
                times(peak),
                n(selectivity),
                n(threshold)
            ),
            Reason::Level { level } => {
                write!(
                    f,
                    "best at the lowest frequency; from dark to light it moves by {} of its best amplitude",
                    n(level)
                )
            }
            Reason::Noise { auc, threshold } => {
                write!(f, "noise is told from the best grating and the data at {}, above {}", n(auc), n(threshold))
            }
            Reason::Unclear { tuned: Some((selectivity, peak)), threshold } => write!(
                f,
                "selectivity {} is not above {}, and no frequency stands out: the best brings {} of what the lowest does",
                n(selectivity),
                n(threshold),
                times(peak)
            ),
            Reason::Unclear { tuned: None, .. } => write!(f, "no grating moves it"),
        }
    }
}

/// A ratio in words; where the lowest frequency brings nothing there is no number.
fn times(peak: f64) -> String {
    if peak.is_finite() { format!("{} times", number(peak, 2)) } else { "any number of times".to_string() }
}

/// Above which numbers a verdict is given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Selectivity: the 99th percentile of the same kernels with their taps shuffled.
    pub line: f64,
    /// The area between ring and inside: the 99th percentile of what the same places give without a border.
    pub border: f64,
    /// The area between noise and the best grating that chance exceeds once in a hundred.
    pub noise: f64,
}

/// What a verdict is made of.
pub struct Evidence<'e> {
    pub below: Below,
    pub life: Life,
    /// Its answer after the activation is the same on all that was shown.
    pub constant: bool,
    /// Before the activation it is above zero on every grey, black (0) among them.
    pub on_greys: bool,
    /// Something besides the data turns it on.
    pub wakes: bool,
    /// `None` where no grating moves what comes out of the activation.
    pub tuning: Option<&'e Tuning>,
    pub border: Border,
    pub noise: Noise,
}

impl Evidence<'_> {
    /// The first verdict that holds, and the next one, if the filter is two things.
    pub fn judge(&self, thresholds: &Thresholds) -> (Reason, Option<Verdict>) {
        let dead = self.dead();
        let proven = dead.filter(|_| self.life.proven == Some(Proven::Dead));
        let mut reasons = [
            proven,
            // What is off on the data, and on for noise more than for any grating, is a detector of noise.
            self.noise(thresholds),
            dead.filter(|_| proven.is_none()),
            self.always_on(),
            self.border(thresholds),
            self.line(thresholds),
            self.level(),
            self.spot(thresholds),
        ]
        .into_iter()
        .flatten();
        let first = reasons.next().unwrap_or(Reason::Unclear {
            tuned: self.tuning.map(|tuning| (tuning.selectivity, tuning.peak_over_lowest())),
            threshold: thresholds.line,
        });
        (first, reasons.next().map(|reason| reason.verdict()))
    }

    fn dead(&self) -> Option<Reason> {
        // Of a ReLU it is told by whether it is on.
        let is_dull = self.below == Below::Nothing || self.below == Below::Bent && self.life.on < 1.0;
        if self.constant && is_dull {
            return Some(Reason::Constant);
        }
        let proven = self.life.proven == Some(Proven::Dead);
        let off = self.below == Below::Cut && !self.life.lives_on_data;
        (proven || off).then_some(Reason::Dead { proven, wakes: self.wakes })
    }

    fn always_on(&self) -> Option<Reason> {
        let proven = self.life.proven == Some(Proven::On);
        let on = self.below != Below::Nothing && self.life.on == 1.0;
        // What answers to brightness is on wherever there is some, but not in the dark: that is no bias.
        ((proven || on) && self.on_greys).then_some(Reason::AlwaysOn { proven })
    }

    /// The ring answers beyond chance, more than the inside does to its best grating, and most of it is gone without a border.
    fn border(&self, thresholds: &Thresholds) -> Option<Reason> {
        let Border { auc, auc_without: without, vanishes, drive: ring, grating, .. } = self.border;
        let holds = self.border.is_caused() && self.border.is_beyond(false, thresholds.border);
        vanishes.filter(|_| holds).map(|vanishes| Reason::Border { auc, without, ring, grating, vanishes })
    }

    fn noise(&self, thresholds: &Thresholds) -> Option<Reason> {
        let auc = self.noise.auc;
        (auc > thresholds.noise).then_some(Reason::Noise { auc, threshold: thresholds.noise })
    }

    fn line(&self, thresholds: &Thresholds) -> Option<Reason> {
        let &Tuning { selectivity, orientation, frequency, .. } = self.tuning?;
        let threshold = thresholds.line;
        (selectivity > threshold).then_some(Reason::Line { selectivity, threshold, orientation, frequency })
    }

    fn level(&self) -> Option<Reason> {
        let tuning = self.tuning?;
        (tuning.is_low_pass() && tuning.level > 0.0).then_some(Reason::Level { level: tuning.level })
    }

    fn spot(&self, thresholds: &Thresholds) -> Option<Reason> {
        let tuning = self.tuning?;
        let &Tuning { selectivity, frequency, .. } = tuning;
        let holds = selectivity <= thresholds.line && tuning.is_band_pass();
        let peak = tuning.peak_over_lowest();
        holds.then_some(Reason::Spot { selectivity, threshold: thresholds.line, frequency, peak })
    }
}

impl Reason {
    pub fn verdict(&self) -> Verdict {
        match self {
            Reason::Dead { .. } | Reason::Constant => Verdict::Dead,
            Reason::AlwaysOn { .. } => Verdict::AlwaysOn,
            Reason::Border { .. } => Verdict::Border,
            Reason::Line { .. } => Verdict::Line,
            Reason::Spot { .. } => Verdict::Spot,
            Reason::Level { .. } => Verdict::Level,
            Reason::Noise { .. } => Verdict::Noise,
            Reason::Unclear { .. } => Verdict::Unclear,
        }
    }
}

#[cfg(test)]
mod tests;
