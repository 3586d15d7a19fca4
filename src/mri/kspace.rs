//! K-space: an image's Fourier transform, which is what a scanner measures.
//!
//! Both are centred, as most raw data are: the lowest frequency and the middle of the image lie at row `h / 2`, column `w / 2`.
//! In NumPy:
//!
//! ```text
//! k     = fftshift(fft2(ifftshift(image)))
//! image = fftshift(ifft2(ifftshift(k)))
//! ```

use crate::{Error, Result};
use rustfft::num_complex::Complex;
use rustfft::{FftDirection, FftPlanner};

/// The k-space `[h, w]` of an image.
///
/// # Panics
/// If the number of values is not h x w.
pub fn of_image(image: Vec<Complex<f64>>, size: (usize, usize)) -> Vec<Complex<f64>> {
    transformed(image, size, FftDirection::Forward)
}

/// The image `[h, w]` whose k-space this is.
///
/// # Panics
/// If the number of values is not h x w.
pub fn to_image(k: Vec<Complex<f64>>, (h, w): (usize, usize)) -> Vec<Complex<f64>> {
    let mut image = transformed(k, (h, w), FftDirection::Inverse);
    // rustfft leaves out the inverse's 1 / (h w).
    image.iter_mut().for_each(|v| *v /= (h * w) as f64);
    image
}

fn transformed(values: Vec<Complex<f64>>, (h, w): (usize, usize), direction: FftDirection) -> Vec<Complex<f64>> {
    assert_eq!(values.len(), h * w, "values of {h}x{w}");
    let mut planner = FftPlanner::<f64>::new();
    // The first value of the transform and of what is transformed is the middle's: NumPy's ifftshift; fftshift undoes it.
    let mut rows = moved(&values, (h, w), (h / 2, w / 2));
    planner.plan_fft(w, direction).process(&mut rows);
    let mut columns = transposed(&rows, (h, w));
    planner.plan_fft(h, direction).process(&mut columns);
    moved(&transposed(&columns, (w, h)), (h, w), (h - h / 2, w - w / 2))
}

/// Values `[h, w]` moved round, so that the one at `first` (row, column) comes first.
fn moved<T: Copy>(values: &[T], (h, w): (usize, usize), first: (usize, usize)) -> Vec<T> {
    let at = |i: usize| values[(i / w + first.0) % h * w + (i % w + first.1) % w];
    (0..h * w).map(at).collect()
}

fn transposed<T: Copy>(values: &[T], (h, w): (usize, usize)) -> Vec<T> {
    (0..h * w).map(|i| values[i % h * w + i / h]).collect()
}

/// Which samples of k-space are measured: `[h, w]`, or one row or column of it that stands for all.
#[derive(Debug, Clone, PartialEq)]
pub struct Mask {
    name: String,
    h: usize,
    w: usize,
    measured: Vec<bool>,
}

impl Mask {
    /// A sample is measured where the value is not 0; all others are the same number, 1 or the white of a picture. `name` is for
    /// messages.
    ///
    /// # Errors
    /// If there are two numbers besides 0, or all are 0.
    pub fn new(name: &str, values: &[f32], (h, w): (usize, usize)) -> Result<Mask> {
        let measured: Vec<bool> = values.iter().map(|&v| v != 0.0).collect();
        let mut marks = values.iter().filter(|&&v| v != 0.0);
        let Some(first) = marks.next() else {
            return Err(Error::file(name, "is 0 everywhere: by this mask nothing is measured"));
        };
        if let Some(other) = marks.find(|&v| v != first) {
            let what = "a mask is 0 where nothing is measured, and 1 where something is";
            return Err(Error::file(name, format!("holds {first} and {other}; {what}")));
        }
        Ok(Mask { name: name.to_string(), h, w, measured })
    }

    /// The file's name, with its folders.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// For each sample of k-space of this size: is it measured? `of` is whose k-space it is, for messages.
    ///
    /// # Errors
    /// If the mask is of another size.
    pub fn measured(&self, of: &str, (h, w): (usize, usize)) -> Result<Vec<bool>> {
        if !([1, h].contains(&self.h) && [1, w].contains(&self.w)) {
            let what = format!("its mask must be {h}x{w}, or 1x{w} or {h}x1 for whole columns or rows");
            let problem = format!("is a mask of {}x{}, {of} has {h}x{w}; {what}", self.h, self.w);
            return Err(Error::file(&self.name, problem));
        }
        Ok((0..h * w).map(|i| self.measured[i / w % self.h * self.w + i % w % self.w]).collect())
    }
}

/// Sets what is not measured to zero.
pub fn leave_out(k: &mut [Complex<f64>], measured: &[bool]) {
    k.iter_mut().zip(measured).filter(|(_, measured)| !**measured).for_each(|(v, _)| *v = Complex::ZERO);
}

/// Does the lowest frequency lie in the first row and column, not in the middle? The energy tells: nearly all of it is that of low
/// frequencies.
pub fn is_cornered(k: &[Complex<f64>], (h, w): (usize, usize)) -> bool {
    let is_inner = |i: usize, n: usize| n == 1 || (n.div_ceil(4)..=3 * n / 4).contains(&i);
    let (mut middle, mut corners) = (0.0, 0.0);
    for (i, value) in k.iter().enumerate() {
        match (is_inner(i / w, h), is_inner(i % w, w)) {
            (true, true) => middle += value.norm_sqr(),
            (false, false) => corners += value.norm_sqr(),
            _ => {}
        }
    }
    corners > 4.0 * middle
}
