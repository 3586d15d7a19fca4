//! upsample, nearest neighbour: every pixel becomes a block of `h` x `w` equal pixels. And sum_pool, its gradient.
//!
//! ```text
//! x: [n, h, w, c]   y: [n, h * window.h, w * window.w, c]
//!
//! y[r, s, c]  = x[r / window.h, s / window.w, c]
//! dx[r, s, c] = sum of dy over the block that x[r, s, c] became
//! ```
//!
//! One input moved a whole block of outputs, so the gradients of the block add up. Nothing has to be remembered.

use super::Window;
use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::{Shape, Tensor64};

pub(super) fn shape(x: Shape, window: Window) -> Result<Shape, String> {
    if window.is_empty() {
        return Err(format!("a block of {window} pixels is empty"));
    }
    Ok(Shape { h: x.h * window.h, w: x.w * window.w, ..x })
}

/// y[r, s, c] = x[r / window.h, s / window.w, c]
pub(super) fn reference(x: &Tensor64, window: Window) -> Tensor64 {
    let mut y = Tensor64::zeros(shape(x.shape, window).expect("checked when the graph was built"));
    for (n, r, s, c) in y.shape.places() {
        *y.get_mut(n, r, s, c) = x.get(n, r / window.h, s / window.w, c);
    }
    y
}

/// dx[r, s, c] = sum of dy over the block that x[r, s, c] became
pub(super) fn sum_pool_reference(dy: &Tensor64, window: Window) -> Tensor64 {
    let mut dx = Tensor64::zeros(super::max_pool::shape(dy.shape, window).expect("checked when the graph was built"));
    for (n, r, s, c) in dy.shape.places() {
        *dx.get_mut(n, r / window.h, s / window.w, c) += dy.get(n, r, s, c);
    }
    dx
}

pub(super) fn gradient(graph: &mut Graph, dy: NodeId, window: Window) -> Result<Vec<Option<NodeId>>> {
    Ok(vec![Some(graph.sum_pool("", dy, window)?)])
}
