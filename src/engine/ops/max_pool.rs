//! max_pool: of each window of `h` x `w` pixels only the largest value goes on, channel by channel.
//!
//! ```text
//! x: [n, h, w, c]   y: [n, h / window.h, w / window.w, c]
//!
//! y  = the largest x of the window
//! dx = dy where x is the window's first maximum, else 0
//! ```
//!
//! Only the winner moved the output, so only the winner gets the gradient. Backprop has to remember which one it was. Of
//! equal values the first in reading order wins, as in Keras.

use super::Window;
use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::{Shape, Tensor64};

pub(super) fn shape(x: Shape, window: Window) -> Result<Shape, String> {
    if window.is_empty() || !x.h.is_multiple_of(window.h) || !x.w.is_multiple_of(window.w) {
        return Err(format!("an input of {}x{} pixels cannot be cut into windows of {window}", x.h, x.w));
    }
    Ok(Shape { h: x.h / window.h, w: x.w / window.w, ..x })
}

pub(super) fn grad_shape(dy: Shape, x: Shape, window: Window) -> Result<Shape, String> {
    super::same(dy, shape(x, window)?).map(|_| x)
}

/// Row and column of the first maximum of the window that makes output `(n, r, s, c)`.
fn winner(x: &Tensor64, window: Window, n: usize, r: usize, s: usize, c: usize) -> (usize, usize) {
    let mut best = (r * window.h, s * window.w);
    for y in r * window.h..(r + 1) * window.h {
        for x_ in s * window.w..(s + 1) * window.w {
            if x.get(n, y, x_, c) > x.get(n, best.0, best.1, c) {
                best = (y, x_);
            }
        }
    }
    best
}

/// For each output, in memory order, where in its window the winner stands, counted in reading order.
pub(crate) fn winners(x: &Tensor64, window: Window) -> Vec<usize> {
    let mut winners = vec![];
    for (n, r, s, c) in shape(x.shape, window).expect("checked when the graph was built").places() {
        let (row, column) = winner(x, window, n, r, s, c);
        winners.push((row - r * window.h) * window.w + column - s * window.w);
    }
    winners
}

/// y = the largest x of the window
pub(super) fn reference(x: &Tensor64, window: Window) -> Tensor64 {
    let mut y = Tensor64::zeros(shape(x.shape, window).expect("checked when the graph was built"));
    for (n, r, s, c) in y.shape.places() {
        let (row, column) = winner(x, window, n, r, s, c);
        *y.get_mut(n, r, s, c) = x.get(n, row, column, c);
    }
    y
}

/// dx = dy where x is the window's first maximum, else 0
pub(super) fn grad_reference(dy: &Tensor64, x: &Tensor64, window: Window) -> Tensor64 {
    let mut dx = Tensor64::zeros(x.shape);
    for (n, r, s, c) in dy.shape.places() {
        let (row, column) = winner(x, window, n, r, s, c);
        *dx.get_mut(n, row, column, c) = dy.get(n, r, s, c);
    }
    dx
}

pub(super) fn gradient(graph: &mut Graph, y: NodeId, dy: NodeId, window: Window) -> Result<Vec<Option<NodeId>>> {
    let x = graph[y].inputs[0];
    Ok(vec![Some(graph.max_pool_grad("", dy, x, window)?)])
}
