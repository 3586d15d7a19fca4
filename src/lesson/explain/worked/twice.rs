//! The example that is no op: a value used twice, as a U-Net's skip does it. The gradients of the two uses are added by
//! [`autodiff::gradient`], as in the network.

use super::{Bench, Example, Worked, compute};
use crate::Result;
use crate::engine::autodiff;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::ops::{Axes, Window};
use crate::engine::tensor::{Shape, Tensor64};

pub(super) const TOPIC: &str = "used-twice";
pub(super) const FORMULA: &str = "y = [x, upsample(max_pool(x))]";
pub(super) const RULE: &str = "dx = dx₁ + dx₂";

/// A U in small: `x` goes down through a pool and up again, and beside it across the skip.
pub(super) fn example() -> Result<Worked> {
    let x = Tensor64 { shape: Shape::new(1, 2, 4, 1), data: vec![1.0, 3.0, -2.0, 0.5, 4.0, -1.0, 2.0, 1.5] };
    let dy = [1.0, 0.5, 2.0, -1.0, -1.0, 2.0, 0.5, 3.0, 2.0, 1.0, -1.0, 0.5, 1.5, -2.0, 3.0, 1.0];
    let dy = Tensor64 { shape: Shape::new(1, 2, 4, 2), data: dy.to_vec() };
    compute(TOPIC, &Example::Twice, vec![x], dy)
}

/// `y = [x, upsample(max_pool(x))]`, and its gradient.
pub(super) fn bench(x: Shape) -> Result<Bench> {
    let mut graph = Graph::new();
    let x = graph.input("x", x)?;
    let window = Window::new(2, 2);
    let pooled = graph.max_pool("pooled", x, window)?;
    let raised = graph.upsample("raised", pooled, window)?;
    let y = graph.concat("y", &[x, raised])?;
    let (arriving, sum) = gradient_of(&mut graph, y, x)?;
    // The walk goes backwards: the skip's gradient comes first, that of the way through the pool second.
    let parts = graph[sum].inputs.clone();
    Ok(Bench { graph, inputs: vec![x], y, arriving, gradients: vec![sum], parts })
}

/// Appends `loss = sum of dy y`, whose gradient with respect to `y` is `dy`, and from there the gradient with respect to `x`.
/// Gives the input `dy` and `dx`.
pub(super) fn gradient_of(graph: &mut Graph, y: NodeId, x: NodeId) -> Result<(NodeId, NodeId)> {
    let arriving = graph.input("dy", graph.shape(y))?;
    let product = graph.mul("dy y", y, arriving)?;
    let loss = graph.sum("loss", product, Axes::ALL)?;
    Ok((arriving, autodiff::gradient(graph, loss, x)?.of_wrt()))
}
