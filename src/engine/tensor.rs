//! Values: f32 in NHWC order, as Keras has them.

use std::fmt;

/// Images `n`, rows `h`, columns `w`, channels `c`. Memory order is the order of the fields: channels lie next to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    pub n: usize,
    pub h: usize,
    pub w: usize,
    pub c: usize,
}

impl Shape {
    pub const fn new(n: usize, h: usize, w: usize, c: usize) -> Shape {
        Shape { n, h, w, c }
    }

    /// Number of values.
    pub const fn len(self) -> usize {
        self.n * self.h * self.w * self.c
    }

    pub const fn is_empty(self) -> bool {
        self.n == 0 || self.h == 0 || self.w == 0 || self.c == 0
    }

    /// Number of pixels (places, over all images).
    pub const fn pixels(self) -> usize {
        self.n * self.h * self.w
    }

    /// Number of values of one image.
    pub const fn image_len(self) -> usize {
        self.h * self.w * self.c
    }

    /// Where the value of image `n`, row `y`, column `x`, channel `c` lies.
    pub const fn at(self, n: usize, y: usize, x: usize, c: usize) -> usize {
        ((n * self.h + y) * self.w + x) * self.c + c
    }

    /// Every place, as image, row, column, channel, in memory order.
    pub fn places(self) -> impl Iterator<Item = (usize, usize, usize, usize)> {
        (0..self.len()).map(move |i| {
            let (pixel, c) = (i / self.c, i % self.c);
            (pixel / self.w / self.h, pixel / self.w % self.h, pixel % self.w, c)
        })
    }

    /// The same with `n` images.
    pub const fn with_n(self, n: usize) -> Shape {
        Shape { n, ..self }
    }

    /// The same with `c` channels.
    pub const fn with_c(self, c: usize) -> Shape {
        Shape { c, ..self }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(&format!("{}x{}x{}x{}", self.n, self.h, self.w, self.c))
    }
}

/// A shape and its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    pub shape: Shape,
    pub data: Vec<f32>,
}

impl Tensor {
    /// # Panics
    /// If the number of values is not that of the shape.
    pub fn new(shape: Shape, data: Vec<f32>) -> Tensor {
        assert_eq!(shape.len(), data.len(), "a tensor of shape {shape} has {} values", shape.len());
        Tensor { shape, data }
    }

    pub fn zeros(shape: Shape) -> Tensor {
        Tensor { shape, data: vec![0.0; shape.len()] }
    }

    /// The values of image `n`.
    pub fn image(&self, n: usize) -> &[f32] {
        let len = self.shape.image_len();
        &self.data[n * len..(n + 1) * len]
    }
}

/// The same in f64: what the reference executor computes with.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor64 {
    pub shape: Shape,
    pub data: Vec<f64>,
}

impl Tensor64 {
    pub fn zeros(shape: Shape) -> Tensor64 {
        Tensor64 { shape, data: vec![0.0; shape.len()] }
    }

    /// The value of image `n`, row `y`, column `x`, channel `c`.
    pub fn get(&self, n: usize, y: usize, x: usize, c: usize) -> f64 {
        self.data[self.shape.at(n, y, x, c)]
    }

    /// The place of image `n`, row `y`, column `x`, channel `c`, to write to.
    pub fn get_mut(&mut self, n: usize, y: usize, x: usize, c: usize) -> &mut f64 {
        &mut self.data[self.shape.at(n, y, x, c)]
    }

    /// Every value through `f`.
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Tensor64 {
        Tensor64 { shape: self.shape, data: self.data.iter().map(|&v| f(v)).collect() }
    }

    /// Every pair of values of two tensors of one shape through `f`.
    pub fn zip(&self, other: &Tensor64, f: impl Fn(f64, f64) -> f64) -> Tensor64 {
        assert_eq!(self.shape, other.shape);
        Tensor64 { shape: self.shape, data: self.data.iter().zip(&other.data).map(|(&a, &b)| f(a, b)).collect() }
    }
}

impl From<&Tensor> for Tensor64 {
    fn from(t: &Tensor) -> Tensor64 {
        Tensor64 { shape: t.shape, data: t.data.iter().map(|&v| v.into()).collect() }
    }
}

impl From<&Tensor64> for Tensor {
    fn from(t: &Tensor64) -> Tensor {
        Tensor { shape: t.shape, data: t.data.iter().map(|&v| v as f32).collect() }
    }
}
