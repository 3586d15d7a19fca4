//! relu: what is negative becomes zero.
//!
//! ```text
//! x, y: [n, h, w, c]
//!
//! y  = max(x, 0)
//! dx = dy where y > 0, else 0
//! ```
//!
//! Where the value went through, it moved the output one to one; where it was cut off, a small move changes nothing.
//! Backprop has to remember one bit per value: whether it was positive. At exactly zero the slope is taken as 0, as Keras
//! does. A filter whose relu is off everywhere lets no gradient through: it is dead from this seed.

use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::Tensor64;

/// y = max(x, 0)
pub(super) fn reference(x: &Tensor64) -> Tensor64 {
    // A NaN stays one, so that it is seen, not hidden.
    x.map(|x| if x > 0.0 || x.is_nan() { x } else { 0.0 })
}

/// dx = dy where y > 0, else 0
pub(super) fn grad_reference(dy: &Tensor64, y: &Tensor64) -> Tensor64 {
    dy.zip(y, |dy, y| if y > 0.0 { dy } else { 0.0 })
}

pub(super) fn gradient(graph: &mut Graph, y: NodeId, dy: NodeId) -> Result<Vec<Option<NodeId>>> {
    Ok(vec![Some(graph.relu_grad("", dy, y)?)])
}
