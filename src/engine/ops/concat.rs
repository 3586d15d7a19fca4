//! concat: the channels of several inputs side by side.
//!
//! ```text
//! a: [n, h, w, ca]   b: [n, h, w, cb]   y: [n, h, w, ca + cb]
//!
//! y  = a's channels, then b's
//! da = the first ca channels of dy,  db = the next cb
//! ```
//!
//! Nothing is mixed, so nothing has to be remembered: each input takes back its own channels, by a [`super::slice`]. This is
//! the U-Net's bridge: one input comes up from below, the other straight across, and the gradient leaves by both ways.

use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::{Shape, Tensor64};

pub(super) fn shape(x: &[Shape]) -> Result<Shape, String> {
    let first = x.first().ok_or("there are no inputs")?;
    for other in x {
        if other.with_c(1) != first.with_c(1) {
            return Err(format!("inputs of shapes {first} and {other} do not lie on each other"));
        }
    }
    Ok(first.with_c(x.iter().map(|x| x.c).sum()))
}

/// y = a's channels, then b's
pub(super) fn reference(x: &[&Tensor64], shape: Shape) -> Tensor64 {
    let mut data = Vec::with_capacity(shape.len());
    for pixel in 0..shape.pixels() {
        for x in x {
            data.extend_from_slice(&x.data[pixel * x.shape.c..][..x.shape.c]);
        }
    }
    Tensor64 { shape, data }
}

/// da = the first ca channels of dy, db = the next cb
pub(super) fn gradient(graph: &mut Graph, y: NodeId, dy: NodeId) -> Result<Vec<Option<NodeId>>> {
    let mut start = 0;
    let inputs = graph[y].inputs.clone();
    let mut slice = |x: NodeId| {
        let len = graph.shape(x).c;
        start += len;
        graph.slice("", dy, start - len, len).map(Some)
    };
    inputs.into_iter().map(&mut slice).collect()
}
