//! max_pool: of each window of pixels only the largest value goes on, channel by channel. Around the image is minus infinity,
//! which never wins.
//!
//! ```text
//! x: [n, h, w, c]   y: [n, h', w', c]
//!
//! y     = the largest x of the window
//! dx[p] = the sum of dy over the windows whose first maximum is p
//! ```
//!
//! Only the winner moved the output, so only the winner gets the gradient; where windows overlap, it may win several times.
//! Backprop has to remember which one it was. Of equal values the first in reading order wins, as in Keras.

use super::window::{Sides, Window, pixel, windows};
use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::{Shape, Tensor64};

/// Windows over an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pool {
    pub window: Window,
    /// From one window to the next.
    pub stride: Window,
    pub pad: Sides,
}

/// Windows side by side, and nothing around the image: the most common pool.
impl From<Window> for Pool {
    fn from(window: Window) -> Pool {
        Pool { window, stride: window, pad: Sides::NONE }
    }
}

impl Pool {
    /// The shape of what is pooled from `x`.
    pub(super) fn shape(self, x: Shape) -> Result<Shape, String> {
        let Pool { window, stride, pad } = self;
        let out = windows((x.h, x.w), window, stride, pad, Window::ONE)?;
        if pad.top.max(pad.bottom) >= window.h || pad.left.max(pad.right) >= window.w {
            return Err(format!("a window of {window} pixels lies in the padding alone"));
        }
        Ok(Shape { h: out.h, w: out.w, ..x })
    }

    /// Are the windows side by side, and cut all of `x` up: what the fast executors have kernels for?
    pub fn is_plain(self, x: Shape) -> bool {
        self == Pool::from(self.window) && x.h.is_multiple_of(self.window.h) && x.w.is_multiple_of(self.window.w)
    }

    /// The pixels of window `(r, s)` that lie inside an image of `x`'s size, in reading order: place in the window, row, column.
    pub(crate) fn pixels(self, x: Shape, r: usize, s: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        (0..self.window.len()).filter_map(move |place| {
            let (i, j) = (place / self.window.w, place % self.window.w);
            let row = pixel(r, self.stride.h, i, 1, self.pad.top, x.h)?;
            Some((place, row, pixel(s, self.stride.w, j, 1, self.pad.left, x.w)?))
        })
    }
}

pub(super) fn grad_shape(dy: Shape, x: Shape, pool: Pool) -> Result<Shape, String> {
    super::same(dy, pool.shape(x)?).map(|_| x)
}

/// The first maximum of the window that makes output `(n, r, s, c)`: place in the window, row, column.
fn winner(x: &Tensor64, pool: Pool, n: usize, r: usize, s: usize, c: usize) -> (usize, usize, usize) {
    let larger = |best: (usize, usize, usize), other: (usize, usize, usize)| {
        if x.get(n, other.1, other.2, c) > x.get(n, best.1, best.2, c) { other } else { best }
    };
    pool.pixels(x.shape, r, s).reduce(larger).expect("no window lies in the padding alone")
}

/// For each output, in memory order, where in its window the winner stands, counted in reading order.
pub(crate) fn winners(x: &Tensor64, pool: Pool) -> Vec<usize> {
    let y = pool.shape(x.shape).expect("checked when the graph was built");
    y.places().map(|(n, r, s, c)| winner(x, pool, n, r, s, c).0).collect()
}

/// y = the largest x of the window
pub(super) fn reference(x: &Tensor64, pool: Pool) -> Tensor64 {
    let mut y = Tensor64::zeros(pool.shape(x.shape).expect("checked when the graph was built"));
    for (n, r, s, c) in y.shape.places() {
        let (_, row, column) = winner(x, pool, n, r, s, c);
        *y.get_mut(n, r, s, c) = x.get(n, row, column, c);
    }
    y
}

/// dx[p] = the sum of dy over the windows whose first maximum is p
pub(super) fn grad_reference(dy: &Tensor64, x: &Tensor64, pool: Pool) -> Tensor64 {
    let mut dx = Tensor64::zeros(x.shape);
    for (n, r, s, c) in dy.shape.places() {
        let (_, row, column) = winner(x, pool, n, r, s, c);
        *dx.get_mut(n, row, column, c) += dy.get(n, r, s, c);
    }
    dx
}

pub(super) fn gradient(graph: &mut Graph, y: NodeId, dy: NodeId, pool: Pool) -> Result<Vec<Option<NodeId>>> {
    let x = graph[y].inputs[0];
    Ok(vec![Some(graph.max_pool_grad("", dy, x, pool)?)])
}
