//! mul: two values of one shape, multiplied place by place. And scale, where one of them is a constant.
//!
//! ```text
//! mul:    y  = a * b                  scale:  y  = factor * x
//!         da = dy * b                         dx = factor * dy
//!         db = dy * a
//! ```
//!
//! Each factor is the other one's slope, so backprop remembers both. A square is a value multiplied by itself: the two
//! gradients meet in autodiff's add, and `dy x + dy x` is the `2 x dy` of the textbook.

use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::Tensor64;

/// y = a * b
pub(super) fn reference(a: &Tensor64, b: &Tensor64) -> Tensor64 {
    a.zip(b, |a, b| a * b)
}

/// da = dy * b, db = dy * a
pub(super) fn gradient(graph: &mut Graph, y: NodeId, dy: NodeId) -> Result<Vec<Option<NodeId>>> {
    let (a, b) = (graph[y].inputs[0], graph[y].inputs[1]);
    Ok(vec![Some(graph.mul("", dy, b)?), Some(graph.mul("", dy, a)?)])
}

/// y = factor * x
pub(super) fn scale_reference(x: &Tensor64, factor: f32) -> Tensor64 {
    x.map(|x| f64::from(factor) * x)
}

/// dx = factor * dy
pub(super) fn scale_gradient(graph: &mut Graph, dy: NodeId, factor: f32) -> Result<Vec<Option<NodeId>>> {
    Ok(vec![Some(graph.scale("", dy, factor)?)])
}
