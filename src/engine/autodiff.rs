//! Reverse-mode automatic differentiation: one walk backwards over the forward nodes, which appends ordinary nodes.
//!
//! Each forward node is asked for its rule (in its file in [`crate::engine::ops`]): given `dy`, what is `dx` for each input? A value
//! that is used twice gets a gradient from each use, and they add up; here, and nowhere else.

use crate::engine::graph::{Graph, NodeId};
use crate::{Error, Result};

/// The gradient node of every forward node that the loss depends on by way of `wrt`.
#[derive(Debug, Clone)]
pub struct Gradients {
    of: Vec<Option<NodeId>>,
    wrt: NodeId,
}

impl Gradients {
    /// `d loss / d node`, where there is one.
    pub fn of(&self, node: NodeId) -> Option<NodeId> {
        self.of.get(node.0).copied().flatten()
    }

    /// `d loss / d wrt`: what was asked for.
    pub fn of_wrt(&self) -> NodeId {
        self.of[self.wrt.0].expect("gradient() made sure of it")
    }
}

/// Appends to `graph` the nodes that compute `d loss / d wrt`, image by image. `loss`: `[n, 1, 1, 1]`.
///
/// # Errors
/// If the loss does not depend on `wrt`, or only by ways that no gradient flows through, or is not one number per image.
pub fn gradient(graph: &mut Graph, loss: NodeId, wrt: NodeId) -> Result<Gradients> {
    let shape = graph.shape(loss);
    if shape.image_len() != 1 {
        return Err(Error::Usage(format!("the loss must be one number per image, not of shape {shape}")));
    }
    let depends = depends_on(graph, wrt);
    let (loss_name, wrt_name) = (graph[loss].name.clone(), graph[wrt].name.clone());
    if !depends[loss.0] {
        return Err(Error::Usage(format!("{loss_name} does not depend on {wrt_name}")));
    }
    graph.answering = Some(loss);
    let dy = graph.fill(&d(&loss_name), shape, 1.0)?; // d loss / d loss = 1
    let gradients = pull_back(graph, loss, dy, wrt, &[])?;
    match gradients.of(wrt) {
        Some(_) => Ok(gradients),
        None => Err(Error::Usage(format!("no gradient flows from {loss_name} back to {wrt_name}"))),
    }
}

/// Appends the nodes that carry `dy`, which arrives at `y`, back to `wrt`. What arrives at one of `stops` goes no further.
///
/// # Errors
/// If an op on the way has no gradient.
pub fn pull_back(graph: &mut Graph, y: NodeId, dy: NodeId, wrt: NodeId, stops: &[NodeId]) -> Result<Gradients> {
    let depends = depends_on(graph, wrt);
    let mut of: Vec<Option<NodeId>> = vec![None; y.0.max(wrt.0) + 1];
    of[y.0] = Some(dy);
    for y in (wrt.0 + 1..=y.0).rev().map(NodeId) {
        let Some(dy) = of[y.0] else { continue };
        if !depends[y.0] || stops.contains(&y) {
            continue;
        }
        graph.answering = Some(y);
        let (op, inputs, first) = (graph[y].op.clone(), graph[y].inputs.clone(), graph.len());
        let rule = op.gradient(graph, y, dy)?;
        name(graph, first, &inputs, &rule);
        for (x, dx) in inputs.into_iter().zip(rule) {
            let Some(dx) = dx.filter(|_| depends[x.0]) else { continue };
            of[x.0] = Some(match of[x.0] {
                None => dx,
                // Used twice: by the chain rule the gradients of both uses add up.
                Some(other) => {
                    graph.answering = Some(x);
                    let sum = graph.add(&d(&graph[x].name.clone()), other, dx)?;
                    graph.answering = Some(y);
                    sum
                }
            });
        }
    }
    graph.answering = None;
    Ok(Gradients { of, wrt })
}

/// What the gradient with respect to the node called `name` is called.
fn d(name: &str) -> String {
    format!("d {name}")
}

/// Names the nodes from `first` on, which a rule appended: "d x" what it gives input `x`, "d x, mul" a mul on the way there.
/// What the rule itself named stays.
fn name(graph: &mut Graph, first: usize, inputs: &[NodeId], rule: &[Option<NodeId>]) {
    for (&x, dx) in inputs.iter().zip(rule) {
        let Some(dx) = *dx else { continue };
        let dx_name = d(&graph[x].name);
        for id in (first..=dx.0).map(NodeId) {
            if graph[id].name.is_empty() {
                let name = if id == dx { dx_name.clone() } else { format!("{dx_name}, {}", graph[id].op.name()) };
                graph.rename(id, name);
            }
        }
    }
}

/// For each node whether it is, or is computed from, `wrt`.
fn depends_on(graph: &Graph, wrt: NodeId) -> Vec<bool> {
    let mut depends = vec![false; graph.len()];
    for (id, node) in graph.nodes() {
        depends[id.0] = id == wrt || node.inputs.iter().any(|x| depends[x.0]);
    }
    depends
}
