//! Simulated MRI: phantoms, and what a scanner in a hurry sees of them.
//!
//! A scanner measures a picture's Fourier transform, "k-space", line by line, and each line takes time. With one line in
//! R measured, and the others taken as zero, the picture comes back aliased: R copies of it lie over one another. The
//! article's network was trained to undo that (`fixtures/train_unet.py`).

pub mod kspace;
pub mod metrics;
pub mod report;
pub mod restore;
pub mod source;

use crate::engine::random::stream;
use crate::{Error, Result};
use rand::RngExt;

/// Which lines of k-space are left out. Rows: the aliasing runs from top to bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Rows of k-space are kept or left out: copies of the picture lie above one another.
    Rows,
    /// Columns of k-space: copies lie side by side.
    Columns,
}

/// Which lines of k-space are measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    pub axis: Axis,
    /// One line in so many, 2 to 8.
    pub every: usize,
    /// Besides, this part of all lines in the middle of k-space, 0 to 1.
    pub centre: f64,
    /// The first line of the one in `every`, from 0; the lowest frequency is in the middle of all lines. Less than `every`.
    pub offset: usize,
}

impl Default for Sampling {
    /// One row in 4, and the middle 8%, as the article's network was trained (on one in 3, too).
    fn default() -> Sampling {
        Sampling { axis: Axis::Rows, every: 4, centre: 0.08, offset: 0 }
    }
}

impl Sampling {
    /// The same with the offset drawn from a seed, a draw of its own for each number.
    pub fn drawn(self, seed: u64, number: u64) -> Sampling {
        Sampling { offset: stream(seed, "k-space", number).random_range(0..self.every.max(1)), ..self }
    }

    /// For each of so many lines, the lowest frequency in the middle (NumPy's `fftshift`): is it measured?
    ///
    /// # Errors
    /// If a number is outside of its range, or there are fewer lines than the one in `every` needs.
    pub fn measured(&self, lines: usize) -> Result<Vec<bool>> {
        let Sampling { every, centre, offset, .. } = *self;
        let wrong = |what: String| Err(Error::Usage(what));
        if !(2..=8).contains(&every) {
            return wrong(format!("one line in {every}: what can be kept is one in 2 to 8"));
        }
        if !(0.0..=1.0).contains(&centre) {
            return wrong(format!("a centre of {centre}: it is a part of all lines, 0 to 1"));
        }
        if offset >= every {
            return wrong(format!("an offset of {offset} is not below {every}"));
        }
        if lines < every {
            let what = if self.axis == Axis::Rows { "row" } else { "column" };
            let plural = if lines == 1 { "" } else { "s" };
            return wrong(format!(
                "one {what} in {every}: the picture has only {lines} {what}{plural}; keep one in fewer, or take a larger picture"
            ));
        }
        // Halves are rounded to the even neighbour, as Python does.
        let half = (centre / 2.0 * lines as f64).round_ties_even() as usize;
        let middle = (lines / 2).saturating_sub(half)..lines / 2 + half;
        Ok((0..lines).map(|i| i % every == offset || middle.contains(&i)).collect())
    }

    /// "One row in 4 of k-space, and the middle 8%".
    pub fn describe(&self) -> String {
        let line = if self.axis == Axis::Rows { "row" } else { "column" };
        let middle = match (self.centre * 1000.0).round() / 10.0 {
            0.0 => String::new(),
            percent => format!(", and the middle {percent}%"),
        };
        format!("One {line} in {} of k-space{middle}", self.every)
    }

    /// The same as [`Sampling::measured`] for each sample of k-space `[h, w]`.
    ///
    /// # Errors
    /// As [`Sampling::measured`].
    pub fn mask(&self, (h, w): (usize, usize)) -> Result<Vec<bool>> {
        Ok(match self.axis {
            Axis::Rows => self.measured(h)?.iter().flat_map(|&row| std::iter::repeat_n(row, w)).collect(),
            Axis::Columns => self.measured(w)?.repeat(h),
        })
    }
}

/// The zero-filled reconstruction of `image` `[h, w]`: the magnitude of the inverse Fourier transform of the lines
/// measured, zeros in place of the others.
///
/// # Errors
/// As [`Sampling::measured`].
///
/// # Panics
/// If the number of values is not h x w.
pub fn undersample(image: &[f32], size: (usize, usize), sampling: Sampling) -> Result<Vec<f32>> {
    let mut k = kspace::of_image(image.iter().map(|&v| f64::from(v).into()).collect(), size);
    kspace::leave_out(&mut k, &sampling.mask(size)?);
    Ok(kspace::to_image(k, size).iter().map(|v| v.norm() as f32).collect())
}

/// A phantom `[h, w]` in [0, 1]: 3 to 9 circles and rectangles over one another, on black. The distributions are those of
/// `fixtures/train_unet.py`, whose pictures are 128x128; lengths grow with the picture. Each number has a draw of its own.
pub fn phantom(seed: u64, number: u64, (h, w): (usize, usize)) -> Vec<f32> {
    let mut rng = stream(seed, "phantom", number);
    let (rows, columns) = (h as f64 / 128.0, w as f64 / 128.0);
    let size = rows.min(columns);
    let mut image = vec![0.0; h * w];
    for _ in 0..rng.random_range(3..10) {
        let (cy, cx) = (rng.random_range(16.0..112.0) * rows, rng.random_range(16.0..112.0) * columns);
        let level = rng.random_range(0.15..1.0) as f32;
        let circle = rng.random_bool(0.5);
        let mut length = || rng.random_range(4.0..36.0) * size;
        let (a, b) = if circle { (length(), 0.0) } else { (length(), length()) };
        for (i, value) in image.iter_mut().enumerate() {
            let (dy, dx) = ((i / w) as f64 - cy, (i % w) as f64 - cx);
            if if circle { dy * dy + dx * dx <= a * a } else { dy.abs() <= a && dx.abs() <= b } {
                *value = level;
            }
        }
    }
    image
}
