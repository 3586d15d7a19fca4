//! transform: a matrix applied along the rows or the columns of each image.
//!
//! ```text
//! x: [n, h, w, c]   M: [h', h] or [w', w]   y: [n, h', w, c] or [n, h, w', c]
//!
//! down:    y[r', s, c] = sum over r of M[r', r] * x[r, s, c]       each column of pixels is multiplied by M
//! across:  y[r, s', c] = sum over s of M[s', s] * x[r, s, c]       each row of pixels is
//! dx       = dy transformed by M turned over (M[s, s'])
//! ```
//!
//! A two-dimensional Fourier transform is one of each, with the matrix [`Matrix::fourier`]: the sums are the specification, and
//! an executor that knows a faster way may take it. Its numbers follow from its size, and are never held in the graph.
//!
//! `x[r]` reached every `y[r']` through `M[r', r]`, so its gradient is
//! gathered from all of them with the same weights: the same op, with the matrix turned over.

use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::{Shape, Tensor64};
use std::borrow::Cow;
use std::f64::consts::PI;
use std::sync::Arc;

/// Along which axis of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Over the rows: each column of pixels is multiplied by the matrix.
    Down,
    /// Over the columns: each row of pixels is.
    Across,
}

/// `rows x columns` numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    pub rows: usize,
    pub columns: usize,
    numbers: Numbers,
}

#[derive(Debug, Clone, PartialEq)]
enum Numbers {
    /// `[rows, columns]`, flat.
    Given(Arc<[f32]>),
    /// Of the Fourier basis: a long side's would fill the memory, and whoever has a fast way never needs them.
    Fourier(Waves),
}

/// Which way a Fourier matrix goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waves {
    /// The basis itself: how much there is of each wave.
    OfPixels,
    /// Turned over: the waves together.
    ToPixels,
}

/// Which pixels a resized image takes its values from. `n` pixels become `to`, and output `o` looks at place `src`; beyond
/// the border is the border's pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// src = (o + 1/2) n / to - 1/2, and the pixels on both sides of it mixed: the centres of pixels lie on each other. So do
    /// `tf.image.resize` and Keras from TensorFlow 2 on.
    Bilinear,
    /// src = o n / to, likewise mixed: the first pixels lie on each other, as in TensorFlow 1 and Keras 2.2.
    BilinearFromCorner,
    /// The pixel that holds (o + 1/2) n / to.
    Nearest,
}

impl Matrix {
    /// # Panics
    /// If the number of values is not rows x columns.
    pub fn new(rows: usize, columns: usize, data: Vec<f32>) -> Matrix {
        assert_eq!(rows * columns, data.len(), "a matrix of {rows}x{columns}");
        Matrix { rows, columns, numbers: Numbers::Given(data.into()) }
    }

    /// The real Fourier basis of `n` pixels: rows are waves, columns are pixels. A constant, then cosine and sine of every
    /// frequency, all of length 1 and at right angles.
    pub fn fourier(n: usize) -> Matrix {
        Matrix { rows: n, columns: n, numbers: Numbers::Fourier(Waves::OfPixels) }
    }

    /// `n` pixels made `to` pixels, by linear interpolation: Keras' bilinear UpSampling2D and Resizing, along one axis.
    ///
    /// # Panics
    /// If a size is 0.
    pub fn resize(n: usize, to: usize, sampling: Sampling) -> Matrix {
        let mut data = vec![0.0; n * to];
        for (o, row) in data.chunks_mut(n).enumerate() {
            let per_pixel = n as f64 / to as f64;
            let source = match sampling {
                Sampling::Bilinear | Sampling::Nearest => (o as f64 + 0.5) * per_pixel - 0.5,
                Sampling::BilinearFromCorner => o as f64 * per_pixel,
            };
            let source = match sampling {
                // Half way between two pixels it is the later one.
                Sampling::Nearest => (source + 0.5).floor(),
                Sampling::Bilinear | Sampling::BilinearFromCorner => source,
            };
            let source = source.clamp(0.0, (n - 1) as f64);
            let (before, share) = (source as usize, source.fract());
            row[before] += (1.0 - share) as f32;
            row[(before + 1).min(n - 1)] += share as f32;
        }
        Matrix::new(to, n, data)
    }

    /// `n` pixels made `factor` times as many, by linear interpolation between the pixels' centres.
    ///
    /// # Panics
    /// If a size is 0.
    pub fn bilinear(n: usize, factor: usize) -> Matrix {
        Matrix::resize(n, n * factor, Sampling::Bilinear)
    }

    /// Whether it is the Fourier basis, or that turned over.
    pub fn waves(&self) -> Option<Waves> {
        match self.numbers {
            Numbers::Given(_) => None,
            Numbers::Fourier(waves) => Some(waves),
        }
    }

    pub fn get(&self, row: usize, column: usize) -> f32 {
        match &self.numbers {
            Numbers::Given(numbers) => numbers[row * self.columns + column],
            Numbers::Fourier(Waves::OfPixels) => wave_at(self.rows, row, column),
            Numbers::Fourier(Waves::ToPixels) => wave_at(self.rows, column, row),
        }
    }

    /// One row.
    pub fn row(&self, row: usize) -> Cow<'_, [f32]> {
        match &self.numbers {
            Numbers::Given(numbers) => Cow::Borrowed(&numbers[row * self.columns..(row + 1) * self.columns]),
            Numbers::Fourier(_) => (0..self.columns).map(|column| self.get(row, column)).collect(),
        }
    }

    /// All numbers, `[rows, columns]`, flat. Those of a Fourier basis are made here: rows x columns of them, which must have
    /// been counted.
    pub fn values(&self) -> Arc<[f32]> {
        match &self.numbers {
            Numbers::Given(numbers) => numbers.clone(),
            Numbers::Fourier(_) => {
                (0..self.rows * self.columns).map(|i| self.get(i / self.columns, i % self.columns)).collect()
            }
        }
    }

    pub fn transposed(&self) -> Matrix {
        let numbers = match &self.numbers {
            Numbers::Given(numbers) => {
                Numbers::Given((0..numbers.len()).map(|i| self.get(i % self.rows, i / self.rows)).collect())
            }
            Numbers::Fourier(Waves::OfPixels) => Numbers::Fourier(Waves::ToPixels),
            Numbers::Fourier(Waves::ToPixels) => Numbers::Fourier(Waves::OfPixels),
        };
        Matrix { rows: self.columns, columns: self.rows, numbers }
    }
}

/// The Fourier basis of `n` pixels: wave number `wave` at pixel `x`.
fn wave_at(n: usize, wave: usize, x: usize) -> f32 {
    let frequency = frequency(wave, n);
    let length = if frequency == 0.0 || frequency == 0.5 { 1.0 } else { 2.0 };
    let angle = 2.0 * PI * frequency * x as f64;
    let value = if wave % 2 == 1 { angle.cos() } else { angle.sin() };
    ((length / n as f64).sqrt() * if wave == 0 { 1.0 } else { value }) as f32
}

/// The frequency of row `wave` of the Fourier basis, in waves per pixel: 0, 1/n, 1/n, 2/n, 2/n and so on, up to 1/2.
pub fn frequency(wave: usize, n: usize) -> f64 {
    wave.div_ceil(2) as f64 / n as f64
}

pub(super) fn shape(x: Shape, axis: Axis, matrix: &Matrix) -> Result<Shape, String> {
    let (size, shape) = match axis {
        Axis::Down => (x.h, Shape { h: matrix.rows, ..x }),
        Axis::Across => (x.w, Shape { w: matrix.rows, ..x }),
    };
    if size != matrix.columns || matrix.rows == 0 {
        return Err(format!("a matrix of {}x{} does not fit an input of {x}", matrix.rows, matrix.columns));
    }
    Ok(shape)
}

/// y[r', s, c] = sum over r of M[r', r] * x[r, s, c], or along the other axis
pub(super) fn reference(x: &Tensor64, axis: Axis, matrix: &Matrix) -> Tensor64 {
    let mut y = Tensor64::zeros(shape(x.shape, axis, matrix).expect("checked when the graph was built"));
    let lines = match axis {
        Axis::Down => Shape { h: 1, ..y.shape },
        Axis::Across => Shape { w: 1, ..y.shape },
    };
    // A row of the matrix at a time, since those of a Fourier basis are made here.
    for to in 0..matrix.rows {
        let weights = matrix.row(to);
        for (n, r, s, c) in lines.places() {
            let value = |k: usize| match axis {
                Axis::Down => x.get(n, k, s, c),
                Axis::Across => x.get(n, r, k, c),
            };
            let sum = weights.iter().enumerate().map(|(k, &weight)| f64::from(weight) * value(k)).sum();
            match axis {
                Axis::Down => *y.get_mut(n, to, s, c) = sum,
                Axis::Across => *y.get_mut(n, r, to, c) = sum,
            }
        }
    }
    y
}

/// dx = dy transformed by M turned over
pub(super) fn gradient(graph: &mut Graph, dy: NodeId, axis: Axis, matrix: &Matrix) -> Result<Vec<Option<NodeId>>> {
    Ok(vec![Some(graph.transform("", dy, axis, matrix.transposed())?)])
}
