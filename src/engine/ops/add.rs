//! add: two values, summed. Where one has a side of 1, it is repeated along it.
//!
//! ```text
//! a, b: [n, h, w, c], each of h, w, c may be 1 in one of them   y: [n, h, w, c]
//!
//! y  = a + b
//! da = dy,  db = dy          summed over what was repeated
//! ```
//!
//! Both inputs move the sum one to one, so both get `dy` as it is, and nothing has to be remembered. Its gradient copies;
//! and a copy's gradient adds. That is why autodiff adds up the gradients of a value used twice.

use super::sum::{back_to, broadcast_reference, together};
use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::Tensor64;

/// `f(a, b)` place by place, each repeated along its sides of 1.
pub(super) fn zip(a: &Tensor64, b: &Tensor64, f: impl Fn(f64, f64) -> f64) -> Tensor64 {
    let shape = together(a.shape, b.shape).expect("checked when the graph was built");
    broadcast_reference(a, shape).zip(&broadcast_reference(b, shape), f)
}

/// y = a + b
pub(super) fn reference(a: &Tensor64, b: &Tensor64) -> Tensor64 {
    zip(a, b, |a, b| a + b)
}

/// da = dy, db = dy, summed over what was repeated
pub(super) fn gradient(graph: &mut Graph, y: NodeId, dy: NodeId) -> Result<Vec<Option<NodeId>>> {
    let [a, b] = [0, 1].map(|i| graph.shape(graph[y].inputs[i]));
    Ok(vec![Some(back_to(graph, dy, a)?), Some(back_to(graph, dy, b)?)])
}
