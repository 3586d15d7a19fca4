//! Findings: what each filter does, said in numbers and put to the test.
//!
//! In reading order: [`Life`], [`Tuning`], [`Border`] and [`Noise`] are measured on every filter; a [`Verdict`] is one word made
//! from them, with a [`Reason`]; [`Trust`] and [`Effect`] say whether a picture can be believed and whether the filter matters;
//! a [`Claim`] is a sentence about all filters, with a number, its interval and an answer.

pub mod ablation;
pub mod activity;
mod border;
pub mod bounds;
mod calibrate;
mod claim;
pub mod claims;
pub mod data;
mod effect;
pub mod effort;
mod fit;
pub mod gaze;
pub mod how;
pub mod life;
pub mod looks;
pub mod masked;
mod measure;
mod noise;
pub mod pictures;
pub mod probe;
mod reach;
pub mod routes;
pub mod size;
pub mod spectrum;
pub mod speed;
pub mod stats;
pub mod stimuli;
mod table;
mod tally;
pub mod task;
pub mod trial;
pub mod trust;
mod tuning;
pub mod units;
mod verdict;

pub use border::Border;
pub use calibrate::{Shuffle, shuffled};
pub use claim::{Answer, Claim, How, Interval, Text, Unit};
pub use data::Data;
pub use effect::Effect;
pub use life::{Life, Proven};
pub use looks::{Look, STILL_SEED, still_seed};
pub use measure::{Measured, WhyDead, measure, why_dead};
pub use noise::Noise;
pub use stimuli::{FREQUENCIES, ORIENTATIONS, frequencies};
pub use table::{csv, csv_of, known};
pub use trust::{Patch, Trust};
pub use tuning::{TunedWhere, Tuning};
pub use verdict::{Reason, Verdict};

/// All that was found about a network.
#[derive(Debug, Clone)]
pub struct Findings {
    pub network: String,
    /// What computed, for people.
    pub backend: String,
    pub data: DataFacts,
    pub layers: Vec<LayerFindings>,
    pub claims: Vec<Claim>,
    /// Cohen's kappa of the verdicts of two disjoint halves of the stimuli; `None` if it was not measured.
    pub kappa: Option<f64>,
}

/// What was shown besides noise and gratings.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFacts {
    pub kind: DataKind,
    /// For people: "64 aliased phantoms", or the file's name.
    pub name: String,
    pub images: usize,
    /// Rows and columns.
    pub size: (usize, usize),
    pub mean: f64,
    pub deviation: f64,
    /// The least and the greatest value.
    pub range: (f64, f64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataKind {
    /// Made by this program, as the built-in network was trained.
    Phantoms,
    Files,
    /// Nothing: noise and gratings only.
    Nothing,
}

/// What was found about the filters of a convolution.
#[derive(Debug, Clone)]
pub struct LayerFindings {
    /// Index into `Network::layers`.
    pub layer: usize,
    pub name: String,
    /// Convolutions passed, this one counted.
    pub depth: usize,
    /// Image pixels from one place of its map to the next.
    pub stride: f64,
    /// Image pixels a side that a place sees.
    pub receptive: usize,
    /// Does it lie on the way up, after the first upsampling?
    pub decoder: bool,
    pub tuned_where: TunedWhere,
    /// A filter more selective than this is a `line`: the 99th percentile of the same kernels with their taps shuffled.
    pub line_threshold: f64,
    /// The ring is told from the inside beyond chance above this: the 99th percentile of what the same places give without a border.
    pub border_threshold: f64,
    /// Noise is told from the best grating beyond chance above this.
    pub noise_threshold: f64,
    pub filters: Vec<FilterFindings>,
    /// Filters that would be called border by what their ring's places answer in the canvas, where no border is.
    pub borders_by_chance: usize,
    /// Filters of the same kernels with their taps shuffled: what chance gives.
    pub chance: Vec<Shuffled>,
}

/// The tuning of a filter of shuffled taps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shuffled {
    pub selectivity: f64,
    pub orientation: f64,
    pub frequency: f64,
    /// Is it tuned to a frequency, as a spot is?
    pub is_band_pass: bool,
}

#[derive(Debug, Clone)]
pub struct FilterFindings {
    pub filter: usize,
    pub verdict: Verdict,
    /// The numbers that decided it.
    pub reason: Reason,
    /// What it is besides, where it is two things.
    pub second: Option<Verdict>,
    pub life: Life,
    /// `None` for a filter that answers to no grating.
    pub tuning: Option<Tuning>,
    pub border: Border,
    pub noise: Noise,
    /// What the picture that is climbed from seed 0 looks like; `None` where none was.
    pub look: Option<Look>,
    /// Of the filters that are drawn.
    pub trust: Option<Trust>,
    pub effect: Effect,
    /// The share of its gradient that takes each route through the U; the sum is 1.
    pub routes: Option<Vec<f64>>,
}
