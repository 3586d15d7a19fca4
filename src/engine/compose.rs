//! What other frameworks have as layers, and is here put together from ops. Each is a method of [`Graph`]; the last node has
//! the name that was asked for, those on the way there are called after it.

use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::ops::{Axes, Conv2d, Function, Kernel, Pool, Sides, Window};

impl Graph {
    /// `a - b`.
    pub fn subtract(&mut self, name: &str, a: NodeId, b: NodeId) -> Result<NodeId> {
        let minus_b = self.scale(&format!("{name}, negative"), b, -1.0)?;
        self.add(name, a, minus_b)
    }

    /// The larger of `a` and `b`, place by place: `a + relu(b - a)`. Where they are equal, the gradient is all of `a`, as in
    /// TensorFlow.
    pub fn maximum(&mut self, name: &str, a: NodeId, b: NodeId) -> Result<NodeId> {
        let more = self.subtract(&format!("{name}, difference"), b, a)?;
        let more = self.relu(&format!("{name}, excess"), more)?;
        self.add(name, a, more)
    }

    /// The smaller of `a` and `b`, place by place: `a - relu(a - b)`. Where they are equal, the gradient is all of `a`.
    pub fn minimum(&mut self, name: &str, a: NodeId, b: NodeId) -> Result<NodeId> {
        let more = self.subtract(&format!("{name}, difference"), a, b)?;
        let more = self.relu(&format!("{name}, excess"), more)?;
        self.subtract(name, a, more)
    }

    /// The mean over the axes, which are then of one entry.
    pub fn mean_over(&mut self, name: &str, x: NodeId, axes: Axes) -> Result<NodeId> {
        let count = axes.count(self.shape(x)) as f32;
        let sum = self.sum(&format!("{name}, sums"), x, axes)?;
        self.scale(name, sum, 1.0 / count)
    }

    /// `(x - mean) / sqrt(variance + epsilon)`, both over the axes: what layer normalisation does over the channels, and
    /// instance normalisation over the places.
    pub fn standardise(&mut self, name: &str, x: NodeId, axes: Axes, epsilon: f32) -> Result<NodeId> {
        let mean = self.mean_over(&format!("{name}, mean"), x, axes)?;
        let centred = self.subtract(&format!("{name}, centred"), x, mean)?;
        let squares = self.mul(&format!("{name}, squares"), centred, centred)?;
        let variance = self.mean_over(&format!("{name}, variance"), squares, axes)?;
        let epsilon = self.fill(&format!("{name}, epsilon"), self.shape(variance), epsilon)?;
        let above_zero = self.add(&format!("{name}, variance + epsilon"), variance, epsilon)?;
        let deviation = self.pointwise(&format!("{name}, deviation"), above_zero, Function::Sqrt)?;
        let factor = self.pointwise(&format!("{name}, 1 / deviation"), deviation, Function::Reciprocal)?;
        self.mul(name, centred, factor)
    }

    /// The mean of each window's pixels. Padding is not counted, as in Keras: a window that reaches over the border is the
    /// mean of what lies inside.
    pub fn average_pool(&mut self, name: &str, x: NodeId, pool: impl Into<Pool>) -> Result<NodeId> {
        let (pool, shape) = (pool.into(), self.shape(x));
        if pool.is_plain(shape) {
            let sums = self.sum_pool(&format!("{name}, sums"), x, pool.window)?;
            return self.scale(name, sums, 1.0 / pool.window.len() as f32);
        }
        // A depthwise kernel of ones: it sums up each channel's window by itself.
        let Pool { window, stride, pad } = pool;
        let ones = vec![1.0; window.len().saturating_mul(shape.c)].into();
        let kernel = Kernel::new(window.h, window.w, 1, shape.c, ones)?;
        let sum = Conv2d { kernel, bias: None, stride, pad, dilation: Window::ONE, groups: shape.c };
        let sums = self.conv2d(&format!("{name}, sums"), x, sum)?;
        if pad == Sides::NONE {
            return self.scale(name, sums, 1.0 / window.len() as f32);
        }
        let counted = self.shape(sums).with_c(1);
        let places = (0..counted.h).flat_map(|r| (0..counted.w).map(move |s| (r, s)));
        let shares = places.map(|(r, s)| 1.0 / pool.pixels(shape, r, s).count() as f32).collect();
        let shares = self.constant(&format!("{name}, shares"), counted, shares)?;
        self.mul(name, sums, shares)
    }
}
