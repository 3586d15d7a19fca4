//! permute: rows, columns and channels of each image change places, as `numpy.transpose` does it.
//!
//! ```text
//! x: [n, ...]   order: which axis of x (0: rows, 1: columns, 2: channels) becomes y's rows, columns, channels
//!
//! y[p] = x[q]   where q[order[k]] = p[k]
//! dx   = dy permuted by the inverse order
//! ```
//!
//! Every value is carried to one place, so its gradient is carried back from there.

use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::{Shape, Tensor64};

pub(super) fn shape(x: Shape, order: [usize; 3]) -> Result<Shape, String> {
    let mut sorted = order;
    sorted.sort_unstable();
    if sorted != [0, 1, 2] {
        return Err(format!("{order:?} is no order of the axes 0, 1, 2"));
    }
    let [h, w, c] = order.map(|axis| [x.h, x.w, x.c][axis]);
    Ok(Shape { n: x.n, h, w, c })
}

/// The order that undoes `order`.
fn inverse(order: [usize; 3]) -> [usize; 3] {
    let mut inverse = [0; 3];
    (0..3).for_each(|k| inverse[order[k]] = k);
    inverse
}

/// y[p] = x[q] where q[order[k]] = p[k]
pub(super) fn reference(x: &Tensor64, order: [usize; 3]) -> Tensor64 {
    let shape = shape(x.shape, order).expect("checked when the graph was built");
    let value = |(n, r, s, c)| {
        let [r, s, c] = inverse(order).map(|k| [r, s, c][k]);
        x.get(n, r, s, c)
    };
    Tensor64 { shape, data: shape.places().map(value).collect() }
}

/// dx = dy permuted by the inverse order
pub(super) fn gradient(graph: &mut Graph, dy: NodeId, order: [usize; 3]) -> Result<Vec<Option<NodeId>>> {
    Ok(vec![Some(graph.permute("", dy, inverse(order))?)])
}
