//! mul: two values, multiplied place by place; where one has a side of 1, it is repeated along it. And scale, where one of
//! them is a number.
//!
//! ```text
//! mul:    y  = a * b                                       scale:  y  = factor * x
//!         da = dy * b,  summed over what was repeated              dx = factor * dy
//!         db = dy * a,  likewise
//! ```
//!
//! Each factor is the other one's slope, so backprop remembers both. A square is a value multiplied by itself: the two
//! gradients meet in autodiff's add, and `dy x + dy x` is the `2 x dy` of the textbook.

use super::sum::back_to;
use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::Tensor64;

/// y = a * b
pub(super) fn reference(a: &Tensor64, b: &Tensor64) -> Tensor64 {
    super::add::zip(a, b, |a, b| a * b)
}

/// da = dy * b, db = dy * a, summed over what was repeated
pub(super) fn gradient(graph: &mut Graph, y: NodeId, dy: NodeId) -> Result<Vec<Option<NodeId>>> {
    let (a, b) = (graph[y].inputs[0], graph[y].inputs[1]);
    let da = graph.mul("", dy, b)?;
    let da = back_to(graph, da, graph.shape(a))?;
    let db = graph.mul("", dy, a)?;
    let db = back_to(graph, db, graph.shape(b))?;
    Ok(vec![Some(da), Some(db)])
}

/// y = factor * x
pub(super) fn scale_reference(x: &Tensor64, factor: f32) -> Tensor64 {
    x.map(|x| f64::from(factor) * x)
}

/// dx = factor * dy
pub(super) fn scale_gradient(graph: &mut Graph, dy: NodeId, factor: f32) -> Result<Vec<Option<NodeId>>> {
    Ok(vec![Some(graph.scale("", dy, factor)?)])
}
