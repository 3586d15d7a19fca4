//! What there is to restore in a file: pictures, or k-space as it was measured.

use super::Sampling;
use super::kspace::{self, Mask};
use super::restore::Example;
use crate::engine::exec::memory::Limit;
use crate::engine::tensor::{Shape, Tensor};
use crate::numbers::percent;
use crate::picture::npy::{self, Numbers};
use crate::picture::read_image_within;
use crate::{Error, Result};
use rustfft::num_complex::Complex;
use std::path::Path;

/// Which samples of k-space are left out.
#[derive(Debug, Clone, PartialEq)]
pub enum Undersampling {
    /// Lines; the offset is drawn from the seed, for each image of a file anew.
    Lines {
        sampling: Sampling,
        seed: u64,
    },
    Mask(Mask),
    /// None but those that are zero in the file.
    AsMeasured,
}

/// K-space of which a larger share than this is exactly zero was measured in part. A scanner that counts in whole numbers may
/// measure a zero here and there.
const FEW_ZEROS: f64 = 0.05;

/// A file's images.
pub struct Source {
    /// The file's, with its folders.
    file: String,
    /// Without its folders.
    name: String,
    /// `[n, h, w, 1]`: pictures; `[n, h, w, 2]`: k-space, real and imaginary parts.
    values: Tensor,
    undersampling: Undersampling,
    /// Is there something to compare with?
    has_truth: bool,
}

impl Source {
    /// Reads a picture (.png, .jpg), an .npy of pictures (real numbers, `[H,W]` or `[N,H,W]`), or an .npy of k-space (complex
    /// numbers `[H,W]` or `[N,H,W]`, or real and imaginary parts `[H,W,2]` or `[N,H,W,2]`), centred as [`kspace`] has it.
    ///
    /// Where nothing is `asked` to be left out, [`Sampling::default`] is, drawn from the seed; but k-space with zeros in it is
    /// taken as it is. Only what is left out here can be compared with: k-space of which nothing is has no truth.
    ///
    /// # Errors
    /// If it is not such a file, there is no room for it, or a value is not finite; if values of a picture are outside of 0 to 1; if k-space is not
    /// centred, or an image of it is zero everywhere; if the undersampling does not fit the size.
    pub fn open(path: &Path, asked: Option<Undersampling>, seed: u64, limit: Limit) -> Result<Source> {
        let values = read(path, limit)?;
        if let Some(i) = values.data.iter().position(|v| !v.is_finite()) {
            return Err(Error::file(path, format!("value {i} is {}; all must be finite", values.data[i])));
        }
        let measured = asked.is_none() && values.shape.c == 2 && zeros(&values) > FEW_ZEROS;
        let standard = || Undersampling::Lines { sampling: Sampling::default(), seed };
        let undersampling = if measured { Undersampling::AsMeasured } else { asked.unwrap_or_else(standard) };
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let mut source = Source { file: path.display().to_string(), name, values, undersampling, has_truth: true };
        if source.is_kspace() {
            source.check_kspace()?;
            source.has_truth = source.leaves_something_out()?;
            if !source.has_truth {
                source.undersampling = Undersampling::AsMeasured;
            }
        } else if let Some(value) = source.values.data.iter().find(|v| !(0.0..=1.0).contains(*v)) {
            let what = "to measure how well it is restored, values must lie in 0 to 1: divide by the largest";
            return Err(Error::Usage(format!("{}: a value is {value}; {what}", source.file)));
        }
        source.measured(0)?;
        Ok(source)
    }

    /// How many images there are, and their rows and columns.
    pub fn shape(&self) -> Shape {
        self.values.shape.with_c(1)
    }

    fn is_kspace(&self) -> bool {
        self.values.shape.c == 2
    }

    fn size(&self) -> (usize, usize) {
        (self.values.shape.h, self.values.shape.w)
    }

    /// Image `i` and what is left of it.
    ///
    /// # Errors
    /// If the undersampling does not fit the size.
    ///
    /// # Panics
    /// If there is no such image.
    pub fn example(&self, i: usize) -> Result<Example> {
        let measured = self.measured(i)?;
        let name = if self.values.shape.n == 1 { self.name.clone() } else { format!("{} {i}", self.name) };
        let example = match self.is_kspace() {
            false => Example::of_picture(name, self.values.image(i).to_vec(), self.size(), &measured),
            true => Example::of_kspace(name, self.kspace(i), self.size(), &measured, self.has_truth),
        };
        Ok(Example { sampling: self.describe(&measured), ..example })
    }

    /// "One row in 4 of k-space, and the middle 8%".
    fn describe(&self, measured: &[bool]) -> String {
        let share = percent(measured.iter().filter(|m| **m).count() as f64 / measured.len() as f64);
        match &self.undersampling {
            Undersampling::Lines { sampling, .. } => sampling.describe(),
            Undersampling::Mask(mask) => format!("{share} of k-space, by {}", mask.name()),
            Undersampling::AsMeasured => format!("{share} of k-space, as measured"),
        }
    }

    fn kspace(&self, i: usize) -> Vec<Complex<f64>> {
        self.values.image(i).chunks_exact(2).map(|v| Complex::new(v[0].into(), v[1].into())).collect()
    }

    /// For each sample of the k-space of image `i`: is it measured?
    fn measured(&self, i: usize) -> Result<Vec<bool>> {
        match &self.undersampling {
            Undersampling::Lines { sampling, seed } => sampling.drawn(*seed, i as u64).mask(self.size()),
            Undersampling::Mask(mask) => mask.measured(&self.file, self.size()),
            Undersampling::AsMeasured => Ok(self.kspace(i).iter().map(|v| *v != Complex::ZERO).collect()),
        }
    }

    fn check_kspace(&self) -> Result<()> {
        for i in 0..self.values.shape.n {
            let k = self.kspace(i);
            let of = if self.values.shape.n == 1 { String::new() } else { format!("image {i}: ") };
            if k.iter().all(|v| *v == Complex::ZERO) {
                return Err(Error::file(&self.file, format!("{of}k-space is zero everywhere: nothing was measured")));
            }
            if kspace::is_cornered(&k, self.size()) {
                let what =
                    "the lowest frequencies of its k-space lie in the corners; they are taken to lie in the middle";
                let way = "save numpy.fft.fftshift(k, axes=(-2, -1))";
                return Err(Error::file(&self.file, format!("{of}{what}: {way}")));
            }
        }
        Ok(())
    }

    fn leaves_something_out(&self) -> Result<bool> {
        for i in 0..self.values.shape.n {
            let mut samples = self.kspace(i).into_iter().zip(self.measured(i)?);
            if samples.any(|(value, measured)| !measured && value != Complex::ZERO) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn read(path: &Path, limit: Limit) -> Result<Tensor> {
    if !path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy")) {
        let photo = read_image_within(path, limit)?;
        return Ok(Tensor::new(Shape::new(1, photo.h, photo.w, 1), photo.luma()));
    }
    match npy::read_numbers_within(path, limit)? {
        Numbers::Complex(k) => Ok(k),
        Numbers::Real(tensor) => match tensor.shape {
            Shape { c: 2, .. } => Ok(tensor),
            // [H, W, 2], not H pictures two columns wide.
            Shape { n: h, h: w, w: 2, c: 1 } if h > 1 => Ok(Tensor::new(Shape::new(1, h, w, 2), tensor.data)),
            Shape { c: 1, .. } => Ok(tensor),
            Shape { n, h, w, c } => Err(Error::file(
                path,
                format!(
                    "holds an array of shape [{n}, {h}, {w}, {c}]; pictures to restore are [H,W] or [N,H,W], \
                     k-space has 2 channels or complex numbers"
                ),
            )),
        },
    }
}

/// The share of samples that are exactly zero.
fn zeros(k: &Tensor) -> f64 {
    k.data.chunks_exact(2).filter(|v| *v == [0.0, 0.0]).count() as f64 / k.shape.pixels() as f64
}
