//! upsample, nearest neighbour: every pixel becomes a block of `h` x `w` equal pixels. And sum_pool, its gradient: the sum of
//! each block.
//!
//! ```text
//! upsample:  x: [n, h, w, c]   y: [n, h * window.h, w * window.w, c]
//!            y[r, s, c]  = x[r / window.h, s / window.w, c]
//!            dx[r, s, c] = sum of dy over the block that x[r, s, c] became
//! sum_pool:  x: [n, h, w, c]   y: [n, h / window.h, w / window.w, c]
//!            y[r, s, c]  = sum of x over the block
//!            dx          = dy upsampled
//! ```
//!
//! One input moved a whole block of outputs, so the gradients of the block add up; and all values of a block have the same
//! say in its sum, so each gets the sum's gradient. Nothing has to be remembered.

use super::Window;
use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::{Shape, Tensor64};

pub(super) fn shape(x: Shape, window: Window) -> Result<Shape, String> {
    if window.is_empty() {
        return Err(format!("a block of {window} pixels is empty"));
    }
    Ok(Shape { h: x.h.saturating_mul(window.h), w: x.w.saturating_mul(window.w), ..x })
}

pub(super) fn sum_pool_shape(x: Shape, window: Window) -> Result<Shape, String> {
    if window.is_empty() || !x.h.is_multiple_of(window.h) || !x.w.is_multiple_of(window.w) {
        return Err(format!("an input of {}x{} pixels cannot be cut into windows of {window}", x.h, x.w));
    }
    Ok(Shape { h: x.h / window.h, w: x.w / window.w, ..x })
}

/// y[r, s, c] = x[r / window.h, s / window.w, c]
pub(super) fn reference(x: &Tensor64, window: Window) -> Tensor64 {
    let mut y = Tensor64::zeros(shape(x.shape, window).expect("checked when the graph was built"));
    for (n, r, s, c) in y.shape.places() {
        *y.get_mut(n, r, s, c) = x.get(n, r / window.h, s / window.w, c);
    }
    y
}

/// y[r, s, c] = sum of x over the block
pub(super) fn sum_pool_reference(x: &Tensor64, window: Window) -> Tensor64 {
    let mut y = Tensor64::zeros(sum_pool_shape(x.shape, window).expect("checked when the graph was built"));
    for (n, r, s, c) in x.shape.places() {
        *y.get_mut(n, r / window.h, s / window.w, c) += x.get(n, r, s, c);
    }
    y
}

/// dx[r, s, c] = sum of dy over the block that x[r, s, c] became
pub(super) fn gradient(graph: &mut Graph, dy: NodeId, window: Window) -> Result<Vec<Option<NodeId>>> {
    Ok(vec![Some(graph.sum_pool("", dy, window)?)])
}

/// dx = dy upsampled
pub(super) fn sum_pool_gradient(graph: &mut Graph, dy: NodeId, window: Window) -> Result<Vec<Option<NodeId>>> {
    Ok(vec![Some(graph.upsample("", dy, window)?)])
}
