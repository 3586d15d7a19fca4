//! max_pool: of each window of pixels only the largest value goes on, channel by channel. Around the image is minus infinity,
//! which never wins.
//!
//! ```text
//! x: [n, h, w, c]   y: [n, h', w', c]
//!
//! y     = the largest x of the window
//! dx[p] = the sum of dy over the windows whose first maximum is p
//! ```
//!
//! Only the winner moved the output, so only the winner gets the gradient; where windows overlap, it may win several times.
//! Backprop has to remember which one it was. Of equal values the first in reading order wins, as in Keras.

use super::window::Pool;
use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::{Shape, Tensor64};

pub(super) fn grad_shape(dy: Shape, x: Shape, pool: Pool) -> Result<Shape, String> {
    super::same(dy, pool.shape(x)?).map(|_| x)
}

/// The first maximum of the window that makes output `(n, r, s, c)`: place in the window, row, column.
fn winner(x: &Tensor64, pool: Pool, n: usize, r: usize, s: usize, c: usize) -> (usize, usize, usize) {
    let larger = |best: (usize, usize, usize), other: (usize, usize, usize)| {
        if x.get(n, other.1, other.2, c) > x.get(n, best.1, best.2, c) { other } else { best }
    };
    pool.pixels(x.shape, r, s).reduce(larger).expect("no window lies in the padding alone")
}

/// For each output, in memory order, where in its window the winner stands, counted in reading order.
pub fn winners(x: &Tensor64, pool: Pool) -> Vec<usize> {
    let y = pool.shape(x.shape).expect("checked when the graph was built");
    y.places().map(|(n, r, s, c)| winner(x, pool, n, r, s, c).0).collect()
}

/// y = the largest x of the window
pub(super) fn reference(x: &Tensor64, pool: Pool) -> Tensor64 {
    let mut y = Tensor64::zeros(pool.shape(x.shape).expect("checked when the graph was built"));
    for (n, r, s, c) in y.shape.places() {
        let (_, row, column) = winner(x, pool, n, r, s, c);
        *y.get_mut(n, r, s, c) = x.get(n, row, column, c);
    }
    y
}

/// dx[p] = the sum of dy over the windows whose first maximum is p
pub(super) fn grad_reference(dy: &Tensor64, x: &Tensor64, pool: Pool) -> Tensor64 {
    let mut dx = Tensor64::zeros(x.shape);
    for (n, r, s, c) in dy.shape.places() {
        let (_, row, column) = winner(x, pool, n, r, s, c);
        *dx.get_mut(n, row, column, c) += dy.get(n, r, s, c);
    }
    dx
}

pub(super) fn gradient(graph: &mut Graph, y: NodeId, dy: NodeId, pool: Pool) -> Result<Vec<Option<NodeId>>> {
    let x = graph[y].inputs[0];
    Ok(vec![Some(graph.max_pool_grad("", dy, x, pool)?)])
}
