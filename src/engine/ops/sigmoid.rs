//! sigmoid: squashes every number into (0, 1).
//!
//! ```text
//! x, y: [n, h, w, c]
//!
//! y  = 1 / (1 + exp(-x))
//! dx = dy * y * (1 - y)          since dy/dx = exp(-x) / (1 + exp(-x))^2 = y (1 - y)
//! ```
//!
//! Each output depends on one input, and its slope can be told from the output alone: backprop remembers `y`. Where `y` is
//! near 0 or 1 the curve is flat, and hardly any gradient comes through.

use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::Tensor64;

/// 1 / (1 + exp(-x)). Where exp overflows, the result is 0, as it should be.
pub(super) fn value(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// y = 1 / (1 + exp(-x))
pub(super) fn reference(x: &Tensor64) -> Tensor64 {
    x.map(value)
}

/// dx = dy * y * (1 - y)
pub(super) fn grad_reference(dy: &Tensor64, y: &Tensor64) -> Tensor64 {
    dy.zip(y, |dy, y| dy * y * (1.0 - y))
}

pub(super) fn gradient(graph: &mut Graph, y: NodeId, dy: NodeId) -> Result<Vec<Option<NodeId>>> {
    Ok(vec![Some(graph.sigmoid_grad("", dy, y)?)])
}
