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
        self.len() == 0
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
