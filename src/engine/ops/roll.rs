//! roll: an image moved down and to the right; what leaves at one side comes in at the other, as `numpy.roll` does it.
//!
//! ```text
//! x: [n, h, w, c]   by: [n, k, 2, 1], whole numbers   y: [n, h, w, c]
//!
//! y[r, s]  = x[(r - down) mod h, (s - right) mod w]      down, right = by[0, 0], by[0, 1], of each image its own
//! dx       = dy rolled by -down, -right
//! ```
//!
//! Nothing is lost or mixed, so the gradient is carried back the way the values came. How far to move is a value, not a
//! constant, so that it can differ from run to run: of a list `by` with `k` entries the first counts, and a list that is
//! itself rolled by one entry after every run has the next one on top.

use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::{Shape, Tensor64};

pub(super) fn shape(x: Shape, by: Shape) -> Result<Shape, String> {
    if by.n != x.n || by.w != 2 || by.c != 1 {
        return Err(format!("to roll {x} takes two numbers for each image, not {by}"));
    }
    Ok(x)
}

/// y[r, s] = x[(r - down) mod h, (s - right) mod w]
pub(super) fn reference(x: &Tensor64, by: &Tensor64) -> Tensor64 {
    let mut y = Tensor64::zeros(x.shape);
    let from = |to: usize, by: f64, size: usize| (to as i64 - by as i64).rem_euclid(size as i64) as usize;
    for (n, r, s, c) in x.shape.places() {
        let (down, right) = (by.get(n, 0, 0, 0), by.get(n, 0, 1, 0));
        *y.get_mut(n, r, s, c) = x.get(n, from(r, down, x.shape.h), from(s, right, x.shape.w), c);
    }
    y
}

/// dx = dy rolled by -down, -right. There is no slope with respect to whole numbers, so `by` has no gradient.
pub(super) fn gradient(graph: &mut Graph, y: NodeId, dy: NodeId) -> Result<Vec<Option<NodeId>>> {
    let by = graph[y].inputs[1];
    let back = graph.scale(&format!("- {}", graph[by].name), by, -1.0)?;
    Ok(vec![Some(graph.roll("", dy, back)?), None])
}
