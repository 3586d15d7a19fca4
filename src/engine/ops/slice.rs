//! slice: a box of each image, cut out of rows, columns and channels. And pad, its gradient: a box amid zeros.
//!
//! ```text
//! slice:  x: [n, h, w, c]   y: [n, size]        y[p]  = x[start + p]
//!                                               dx    = dy padded to the shape of x, `start` zeros before it
//! pad:    x: [n, h, w, c]   y: [n, size]        y     = 0, but y[before + p] = x[p]
//!                                               dx[p] = dy[before + p], a slice
//! ```
//!
//! What was cut off moved nothing, so its gradient is zero; and a zero that was added is nobody's. So each is the other's
//! gradient, and nothing has to be remembered. Keras' Cropping2D and ZeroPadding2D are these.

use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::{Shape, Tensor64};

/// In the order of `start`, `before` and `size`.
const AXES: [&str; 3] = ["rows", "columns", "channels"];

fn sides(x: Shape) -> [usize; 3] {
    [x.h, x.w, x.c]
}

pub(super) fn shape(x: Shape, start: [usize; 3], size: [usize; 3]) -> Result<Shape, String> {
    for (axis, name) in AXES.iter().enumerate() {
        let (start, size, all) = (start[axis], size[axis], sides(x)[axis]);
        if size == 0 || start.saturating_add(size) > all {
            return Err(format!("{name} {start} to {} of {all}", start.saturating_add(size)));
        }
    }
    Ok(Shape { n: x.n, h: size[0], w: size[1], c: size[2] })
}

pub(super) fn pad_shape(x: Shape, before: [usize; 3], size: [usize; 3]) -> Result<Shape, String> {
    for (axis, name) in AXES.iter().enumerate() {
        let (before, size, own) = (before[axis], size[axis], sides(x)[axis]);
        if before.saturating_add(own) > size {
            return Err(format!("{own} {name} after {before} of padding do not fit into {size}"));
        }
    }
    Ok(Shape { n: x.n, h: size[0], w: size[1], c: size[2] })
}

/// y[p] = x[start + p]
pub(super) fn reference(x: &Tensor64, [top, left, first]: [usize; 3], shape: Shape) -> Tensor64 {
    let data = shape.places().map(|(n, r, s, c)| x.get(n, top + r, left + s, first + c)).collect();
    Tensor64 { shape, data }
}

/// y = 0, but y[before + p] = x[p]
pub(super) fn pad_reference(x: &Tensor64, [top, left, first]: [usize; 3], shape: Shape) -> Tensor64 {
    let mut y = Tensor64::zeros(shape);
    for (n, r, s, c) in x.shape.places() {
        *y.get_mut(n, top + r, left + s, first + c) = x.get(n, r, s, c);
    }
    y
}

/// dx = dy padded to the shape of x, `start` zeros before it
pub(super) fn gradient(graph: &mut Graph, y: NodeId, dy: NodeId, start: [usize; 3]) -> Result<Vec<Option<NodeId>>> {
    let x = graph.shape(graph[y].inputs[0]);
    Ok(vec![Some(graph.pad("", dy, start, sides(x))?)])
}

/// dx[p] = dy[before + p]
pub(super) fn pad_gradient(
    graph: &mut Graph,
    y: NodeId,
    dy: NodeId,
    before: [usize; 3],
) -> Result<Vec<Option<NodeId>>> {
    let x = graph.shape(graph[y].inputs[0]);
    Ok(vec![Some(graph.crop("", dy, before, sides(x))?)])
}
