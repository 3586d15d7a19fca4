//! sum over some of an image's axes, which are then of one entry. And broadcast, its gradient: values repeated along axes
//! of one entry.
//!
//! ```text
//! sum:        x: [n, h, w, c]   y: the same, but 1 for each axis of the sum
//!             y  = sum of x over the axes
//!             dx = dy broadcast to the shape of x
//! broadcast:  x: [n, h, w, c], each of h, w, c may be 1   y: [n, h', w', c']
//!             y  = x, repeated along what was 1
//!             dx = the sum of dy over what was repeated
//! ```
//!
//! Every value has the same say in its sum, one to one, so each gets the sum's gradient; and a value that was repeated moved
//! all of its copies, so their gradients add up. Nothing has to be remembered.
//!
//! [`super::add`] and [`super::mul`] repeat what is smaller by themselves, and their gradients are sums over it.

use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::{Shape, Tensor64};

/// Some of an image's axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Axes {
    pub h: bool,
    pub w: bool,
    pub c: bool,
}

impl Axes {
    pub const CHANNELS: Axes = Axes { h: false, w: false, c: true };
    /// Rows and columns.
    pub const PLACES: Axes = Axes { h: true, w: true, c: false };
    pub const ALL: Axes = Axes { h: true, w: true, c: true };

    /// What is left of a shape when these axes are summed up.
    pub fn summed(self, x: Shape) -> Shape {
        let side = |is_summed, side| if is_summed { 1 } else { side };
        Shape { n: x.n, h: side(self.h, x.h), w: side(self.w, x.w), c: side(self.c, x.c) }
    }

    /// How many values of `x` make one sum.
    pub fn count(self, x: Shape) -> usize {
        x.image_len() / self.summed(x).image_len()
    }
}

/// The shape of `a` and `b` when each is repeated along its axes of one entry, or why they do not fit.
pub(super) fn together(a: Shape, b: Shape) -> Result<Shape, String> {
    let side = |a, b| match (a, b) {
        (a, b) if a == b => Some(a),
        (1, b) => Some(b),
        (a, 1) => Some(a),
        _ => None,
    };
    match (side(a.h, b.h), side(a.w, b.w), side(a.c, b.c)) {
        (Some(h), Some(w), Some(c)) if a.n == b.n => Ok(Shape { n: a.n, h, w, c }),
        _ => Err(format!("the inputs' shapes {a} and {b} differ, and not only where one has a side of 1")),
    }
}

pub(super) fn broadcast_shape(x: Shape, shape: Shape) -> Result<Shape, String> {
    if together(x, shape) != Ok(shape) {
        return Err(format!("{x} cannot be repeated to {shape}"));
    }
    Ok(shape)
}

/// y = sum of x over the axes
pub(super) fn reference(x: &Tensor64, axes: Axes) -> Tensor64 {
    let mut y = Tensor64::zeros(axes.summed(x.shape));
    for (n, r, s, c) in x.shape.places() {
        *y.get_mut(n, r.min(y.shape.h - 1), s.min(y.shape.w - 1), c.min(y.shape.c - 1)) += x.get(n, r, s, c);
    }
    y
}

/// y = x, repeated along what was 1
pub(super) fn broadcast_reference(x: &Tensor64, shape: Shape) -> Tensor64 {
    let Shape { h, w, c, .. } = x.shape;
    let data = shape.places().map(|(n, r, s, o)| x.get(n, r.min(h - 1), s.min(w - 1), o.min(c - 1))).collect();
    Tensor64 { shape, data }
}

/// dx = dy broadcast to the shape of x
pub(super) fn gradient(graph: &mut Graph, y: NodeId, dy: NodeId) -> Result<Vec<Option<NodeId>>> {
    let x = graph.shape(graph[y].inputs[0]);
    Ok(vec![Some(graph.broadcast("", dy, x)?)])
}

/// dx = the sum of dy over what was repeated
pub(super) fn broadcast_gradient(graph: &mut Graph, y: NodeId, dy: NodeId) -> Result<Vec<Option<NodeId>>> {
    let x = graph.shape(graph[y].inputs[0]);
    Ok(vec![Some(back_to(graph, dy, x)?)])
}

/// The sum of `dy` over the axes along which a value of shape `x` was repeated; `dy` itself if it was not.
pub(super) fn back_to(graph: &mut Graph, dy: NodeId, x: Shape) -> Result<NodeId> {
    let y = graph.shape(dy);
    let repeated = Axes { h: x.h != y.h, w: x.w != y.w, c: x.c != y.c };
    if x == y { Ok(dy) } else { graph.sum("", dy, repeated) }
}
