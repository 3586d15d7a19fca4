//! total_variation: how much neighbouring pixels differ, per pixel. Subtracted from what is climbed it makes pictures
//! smooth.
//!
//! ```text
//! x: [n, h, w, c]   y: [n, 1, 1, 1]
//!
//! y        = (sum of |x[r + 1, s] - x[r, s]| + sum of |x[r, s + 1] - x[r, s]|) / (h w c)
//! dx[r, s] = dy / (h w c) * sum over the up to four neighbours v of sign(x[r, s] - v)
//! ```
//!
//! The sums run over neighbours inside the image, channel by channel. This is the anisotropic form of Rudin, Osher and
//! Fatemi's total variation (Physica D 60, 1992), as TensorFlow's `tf.image.total_variation` computes it, divided by the
//! number of values, as tf-keras-vis does, so that a weight means the same for every image size. Where two neighbours are
//! equal the slope is taken as 0.

use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::{Shape, Tensor64};

pub(super) fn grad_shape(dy: Shape, x: Shape) -> Result<Shape, String> {
    super::same(dy, super::mean::one_per_image(x)).map(|_| x)
}

/// The values next to x[n, r, s, c]: above, below, left, right.
fn neighbours(x: &Tensor64, n: usize, r: usize, s: usize, c: usize) -> impl Iterator<Item = f64> {
    let Shape { h, w, .. } = x.shape;
    let at = [(r.wrapping_sub(1), s), (r + 1, s), (r, s.wrapping_sub(1)), (r, s + 1)];
    at.into_iter().filter(move |&(r, s)| r < h && s < w).map(move |(r, s)| x.get(n, r, s, c))
}

/// y = (sum of |x[r + 1, s] - x[r, s]| + sum of |x[r, s + 1] - x[r, s]|) / (h w c)
pub(super) fn reference(x: &Tensor64) -> Tensor64 {
    let mut y = Tensor64::zeros(super::mean::one_per_image(x.shape));
    // Every pair of neighbours is seen from both sides.
    let share = 0.5 / x.shape.image_len() as f64;
    for (n, r, s, c) in x.shape.places() {
        y.data[n] += neighbours(x, n, r, s, c).map(|v| (x.get(n, r, s, c) - v).abs()).sum::<f64>() * share;
    }
    y
}

/// dx[r, s] = dy / (h w c) * sum over the neighbours v of sign(x[r, s] - v)
pub(super) fn grad_reference(dy: &Tensor64, x: &Tensor64) -> Tensor64 {
    let mut dx = Tensor64::zeros(x.shape);
    let sign = |v: f64| if v == 0.0 { 0.0 } else { v.signum() };
    for (n, r, s, c) in x.shape.places() {
        let signs: f64 = neighbours(x, n, r, s, c).map(|v| sign(x.get(n, r, s, c) - v)).sum();
        *dx.get_mut(n, r, s, c) = dy.data[n] / x.shape.image_len() as f64 * signs;
    }
    dx
}

pub(super) fn gradient(graph: &mut Graph, y: NodeId, dy: NodeId) -> Result<Vec<Option<NodeId>>> {
    let x = graph[y].inputs[0];
    Ok(vec![Some(graph.total_variation_grad("", dy, x)?)])
}
