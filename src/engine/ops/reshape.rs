//! reshape: the same values of each image, in the same order, as rows, columns and channels of other sizes.
//!
//! ```text
//! x: [n, h, w, c]   y: [n, h', w', c']   with h' w' c' = h w c
//!
//! y[i] = x[i],  counted in memory order
//! dx   = dy, reshaped back
//! ```
//!
//! Nothing moves in memory, so the gradient comes back the same way.

use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::Shape;

pub(super) fn shape(x: Shape, shape: Shape) -> Result<Shape, String> {
    let numbers = |s: Shape| [s.h, s.w, s.c].into_iter().try_fold(1usize, usize::checked_mul);
    if shape.n != x.n || numbers(shape) != numbers(x) {
        return Err(format!("the values of {x} do not fill {shape}"));
    }
    Ok(shape)
}

/// dx = dy, reshaped back
pub(super) fn gradient(graph: &mut Graph, y: NodeId, dy: NodeId) -> Result<Vec<Option<NodeId>>> {
    let x = graph.shape(graph[y].inputs[0]);
    Ok(vec![Some(graph.reshape("", dy, x)?)])
}
