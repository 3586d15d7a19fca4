//! softmax: positive numbers that add up to 1 over some axes, larger where x is.
//!
//! ```text
//! x, y: [n, h, w, c]
//!
//! y  = exp(x - m) / sum of exp(x - m)          m the largest x, so that no exp overflows; the sum over the axes
//! dx = y (dy - sum of dy y)
//! ```
//!
//! Raising one value takes from all others: `dy_i/dx_j = y_i ((i = j) - y_j)`. So what the outputs agree on is taken off,
//! and only what sets them apart comes back. The rule is written with ops that are there: backprop remembers `y`.

use super::sum::{Axes, broadcast_reference, reference as sum};
use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::Tensor64;

/// y = exp(x - m) / sum of exp(x - m)
pub(super) fn reference(x: &Tensor64, axes: Axes) -> Tensor64 {
    let mut largest = Tensor64::zeros(axes.summed(x.shape)).map(|_| f64::NEG_INFINITY);
    let (h, w, c) = (largest.shape.h - 1, largest.shape.w - 1, largest.shape.c - 1);
    for (n, r, s, o) in x.shape.places() {
        let m = largest.get_mut(n, r.min(h), s.min(w), o.min(c));
        *m = m.max(x.get(n, r, s, o));
    }
    let exp = x.zip(&broadcast_reference(&largest, x.shape), |x, m| (x - m).exp());
    exp.zip(&broadcast_reference(&sum(&exp, axes), x.shape), |e, sum| e / sum)
}

/// dx = y (dy - sum of dy y)
pub(super) fn gradient(graph: &mut Graph, y: NodeId, dy: NodeId, axes: Axes) -> Result<Vec<Option<NodeId>>> {
    let weighted = graph.mul("", dy, y)?;
    let sum = graph.sum("", weighted, axes)?;
    let agreed = graph.scale("", sum, -1.0)?;
    let apart = graph.add("", dy, agreed)?;
    Ok(vec![Some(graph.mul("", y, apart)?)])
}
