//! The Fourier basis by the fast Fourier transform: n log n products for a line of n pixels instead of n².
//!
//! A line's coefficients are the real and imaginary parts of its complex spectrum, `X[m] = Σ x[j] exp(-2πi m j / n)`:
//!
//! ```text
//! to waves:    cosine m = s X[m].re     sine m = -s X[m].im           s = sqrt(2 / n); sqrt(1 / n) at frequencies 0 and 1/2
//! to pixels:   x[j] = re Σ Z[m] exp(2πi m j / n)    Z[m] = s (cosine m - i sine m), m to n / 2
//! ```
//!
//! Each line is computed by one thread, alone: the same bits on any number of threads and in any batch.

use super::images::MIN_LEN;
use crate::engine::ops::{Axis, Waves};
use crate::engine::tensor::Shape;
use rayon::prelude::*;
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use std::sync::Arc;

/// Lines of `n`, from pixels to waves or back.
pub struct Transform {
    n: usize,
    waves: Waves,
    fft: Arc<dyn Fft<f32>>,
}

impl Transform {
    pub fn new(n: usize, waves: Waves) -> Transform {
        let mut planner = FftPlanner::new();
        let fft = match waves {
            Waves::OfPixels => planner.plan_fft_forward(n),
            Waves::ToPixels => planner.plan_fft_inverse(n),
        };
        Transform { n, waves, fft }
    }

    /// The most bytes that it takes for lines of `n`: the factors, and what each thread works in. A side that
    /// is no product of small primes is transformed by way of one up to 8/3 as long (Bluestein's algorithm), which has factors of
    /// its own; no side takes more.
    pub fn bytes(n: usize, threads: usize) -> usize {
        const FACTORS: usize = 8;
        const LINES: usize = 7;
        n.saturating_mul(size_of::<Complex<f32>>()).saturating_mul(FACTORS + LINES * threads)
    }

    /// The most bytes that it takes while it runs, the threads' own not counted.
    pub fn working_bytes(shape: Shape, axis: Axis) -> usize {
        match axis {
            Axis::Across => 0,
            Axis::Down => shape.image_len() * size_of::<Complex<f32>>(),
        }
    }

    /// `shape` is that of `x` and `out`.
    pub fn run(&self, x: &[f32], shape: Shape, axis: Axis, out: &mut [f32]) {
        let Shape { h, w, c, .. } = shape;
        let scratch = || vec![Complex::ZERO; self.fft.get_inplace_scratch_len()];
        match axis {
            Axis::Across => {
                let rows = out.par_chunks_mut(w * c).zip(x.par_chunks(w * c)).with_min_len(MIN_LEN.div_ceil(w * c));
                rows.for_each_init(
                    || (vec![Complex::ZERO; w], scratch()),
                    |(line, scratch), (out, x)| {
                        for channel in 0..c {
                            self.line(|i| x[i * c + channel], line, scratch);
                            (0..w).for_each(|i| out[i * c + channel] = self.value(line, i));
                        }
                    },
                );
            }
            Axis::Down => {
                // All lines of an image, then its rows from them.
                let mut lines = vec![Complex::ZERO; h * w * c];
                for (out, x) in out.chunks_mut(h * w * c).zip(x.chunks(h * w * c)) {
                    let columns = lines.par_chunks_mut(h).enumerate().with_min_len(MIN_LEN.div_ceil(h));
                    columns.for_each_init(scratch, |scratch, (column, line)| {
                        self.line(|i| x[i * w * c + column], line, scratch);
                    });
                    out.par_chunks_mut(w * c).enumerate().with_min_len(MIN_LEN.div_ceil(w * c)).for_each(|(i, out)| {
                        out.iter_mut().zip(lines.chunks(h)).for_each(|(y, line)| *y = self.value(line, i));
                    });
                }
            }
        }
    }

    fn line(&self, x: impl Fn(usize) -> f32, line: &mut [Complex<f32>], scratch: &mut [Complex<f32>]) {
        match self.waves {
            Waves::OfPixels => line.iter_mut().enumerate().for_each(|(i, z)| *z = x(i).into()),
            Waves::ToPixels => {
                line.fill(Complex::ZERO);
                line[0] = (self.length(0) * x(0)).into();
                for wave in (1..self.n).step_by(2) {
                    let sine = if wave + 1 < self.n { x(wave + 1) } else { 0.0 };
                    line[wave.div_ceil(2)] = Complex::new(x(wave), -sine) * self.length(wave);
                }
            }
        }
        self.fft.process_with_scratch(line, scratch);
    }

    /// What comes out at `i`.
    fn value(&self, line: &[Complex<f32>], i: usize) -> f32 {
        match self.waves {
            Waves::OfPixels if i == 0 || i % 2 == 1 => line[i.div_ceil(2)].re * self.length(i),
            Waves::OfPixels => -line[i / 2].im * self.length(i),
            Waves::ToPixels => line[i].re,
        }
    }

    /// Of a wave, so that all have length 1.
    fn length(&self, wave: usize) -> f32 {
        let is_alone = wave == 0 || 2 * wave.div_ceil(2) == self.n;
        ((if is_alone { 1.0 } else { 2.0 }) / self.n as f32).sqrt()
    }
}
