//! Can the picture of a climb be believed?

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
