//! Can the picture of a climb be believed?

use super::stats::correlation;

/// A picture whose middle correlates with the noise that it began with by at least this is still the seed, and shows nothing of the
/// filter: the square is the share of what is seen there that the seed explains, four fifths. The built-in network's pictures lie
/// at 1.00 (no step led anywhere, or all made it brighter as a whole), or at 0.71 and below.
pub const STILL_SEED: f64 = 0.9;

/// The correlation of a picture `[h, w, c]` with what its climb began with, in its middle: half of its rows and columns. At the border
/// padding draws a frame into many a picture that has nothing to do with what it shows. 0 where one of them is even.
pub fn still_seed(picture: &[f32], seed: &[f32], (h, w): (usize, usize)) -> f64 {
    let channels = picture.len() / (h * w).max(1);
    let middle = |values: &[f32]| -> Vec<f64> {
        let rows = (h / 4..h - h / 4).flat_map(|r| &values[(r * w + w / 4) * channels..(r * w + w - w / 4) * channels]);
        rows.map(|&v| f64::from(v)).collect()
    };
    correlation(&middle(picture), &middle(seed)).unwrap_or(0.0)
}

/// Does a climbed picture look like noise?
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// Spectral flatness of the picture: 1 for white noise.
    pub flat: f64,
    /// 99 of 100 pictures of white noise are flatter than this.
    pub flat_threshold: f64,
    /// Correlation of picture and seed in the middle, as [`still_seed`].
    pub still_seed: f64,
}

impl Look {
    pub fn is_seed(&self) -> bool {
        self.still_seed >= STILL_SEED
    }

    pub fn is_noise(&self) -> bool {
        self.is_seed() || self.flat > self.flat_threshold
    }
}

/// Of a filter that is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Trust {
    /// How like the spectra of climbs from 4 seeds are, whatever the shift: 1 for equal ones.
    pub same_spectrum: f64,
    /// Does the picture activate the filter more than the data's best patch?
    pub beats_data: bool,
    /// The picture's activation, divided by that of the data's best patch.
    pub gain_over_data: f64,
    /// Spearman's correlation of the channels on the way: as they answer to the picture and to that patch (Geirhos et al. 2023).
    pub way: f64,
    /// `[h, w, c]`, flat: what the climb from the first seed ended with, and from the second.
    pub picture: Vec<f32>,
    pub second: Vec<f32>,
    /// Rows and columns of the pictures.
    pub size: (usize, usize),
    /// The three patches of the data that the filter answers to most.
    pub best_patches: Vec<Patch>,
}

/// A part of one of the data's images.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    /// Which image of the data.
    pub image: usize,
    /// Row and column of its first pixel.
    pub at: (usize, usize),
    /// Rows and columns.
    pub size: (usize, usize),
    /// `[h, w, c]`, flat.
    pub values: Vec<f32>,
    pub activation: f64,
}
