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
//! an executor that knows a faster way may take it.
//!
//! `x[r]` reached every `y[r']` through `M[r', r]`, so its gradient is
//! gathered from all of them with the same weights: the same op, with the matrix turned over.

use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::{Shape, Tensor64};
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

/// `data` is `[rows, columns]`, flat.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    pub rows: usize,
    pub columns: usize,
    pub data: Arc<[f32]>,
    waves: Option<Waves>,
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
        Matrix { rows, columns, data: data.into(), waves: None }
    }

    /// The real Fourier basis of `n` pixels: rows are waves, columns are pixels. A constant, then cosine and sine of every
    /// frequency, all of length 1 and at right angles.
    pub fn fourier(n: usize) -> Matrix {
        let at = |i: usize| {
            let (wave, x) = (i / n, (i % n) as f64);
            let length = if frequency(wave, n) == 0.0 || frequency(wave, n) == 0.5 { 1.0 } else { 2.0 };
            let angle = 2.0 * PI * frequency(wave, n) * x;
            let value = if wave % 2 == 1 { angle.cos() } else { angle.sin() };
            ((length / n as f64).sqrt() * if wave == 0 { 1.0 } else { value }) as f32
        };
        Matrix { waves: Some(Waves::OfPixels), ..Matrix::new(n, n, (0..n * n).map(at).collect()) }
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
        self.waves
    }

    pub fn get(&self, row: usize, column: usize) -> f32 {
        self.data[row * self.columns + column]
    }

    pub fn transposed(&self) -> Matrix {
        let data = (0..self.data.len()).map(|i| self.get(i % self.rows, i / self.rows)).collect();
        let waves = self.waves.map(|waves| match waves {
            Waves::OfPixels => Waves::ToPixels,
            Waves::ToPixels => Waves::OfPixels,
        });
        Matrix { rows: self.columns, columns: self.rows, data, waves }
    }
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
    for (n, r, s, c) in y.shape.places() {
        let term = |k: usize| match axis {
            Axis::Down => f64::from(matrix.get(r, k)) * x.get(n, k, s, c),
            Axis::Across => f64::from(matrix.get(s, k)) * x.get(n, r, k, c),
        };
        *y.get_mut(n, r, s, c) = (0..matrix.columns).map(term).sum();
    }
    y
}

/// dx = dy transformed by M turned over
pub(super) fn gradient(graph: &mut Graph, dy: NodeId, axis: Axis, matrix: &Matrix) -> Result<Vec<Option<NodeId>>> {
    Ok(vec![Some(graph.transform("", dy, axis, matrix.transposed())?)])
}
