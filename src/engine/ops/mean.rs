//! mean of each image's values: the loss. And spread, its gradient.
//!
//! ```text
//! x: [n, h, w, c]   y: [n, 1, 1, 1]
//!
//! y  = (sum of x) / (h w c)
//! dx = dy / (h w c)  everywhere
//! ```
//!
//! Every value has the same share in the mean, so each gets the same share of the gradient: backprop starts with a
//! constant. In the ascent `x` is the one channel that an image climbs ([`super::Conv2d::own_channels`]).

use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::{Shape, Tensor64};

pub(super) fn one_per_image(x: Shape) -> Shape {
    Shape::new(x.n, 1, 1, 1)
}

/// y = (sum of x) / (h w c)
pub(super) fn reference(x: &Tensor64) -> Tensor64 {
    let count = x.shape.image_len();
    let data = x.data.chunks(count).map(|image| image.iter().sum::<f64>() / count as f64).collect();
    Tensor64 { shape: one_per_image(x.shape), data }
}

/// dx = dy / (h w c) everywhere
pub(super) fn spread_reference(dy: &Tensor64, shape: Shape) -> Tensor64 {
    let count = shape.image_len();
    let data = dy.data.iter().flat_map(|&dy| std::iter::repeat_n(dy / count as f64, count)).collect();
    Tensor64 { shape, data }
}

pub(super) fn gradient(graph: &mut Graph, y: NodeId, dy: NodeId) -> Result<Vec<Option<NodeId>>> {
    let x = graph[y].inputs[0];
    Ok(vec![Some(graph.spread("", dy, graph.shape(x))?)])
}
