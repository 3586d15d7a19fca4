//! What one forward and one backward pass of the real network do, read off the graph, the plan and the executor: what the
//! lesson is told with. Nothing here knows a particular network.

mod choose;
mod frames;
mod read;
mod source;
mod worked;

pub use choose::{Choice, Other, Others, choose, default_layer, others};
pub use frames::{Frame, STEPS, frames};
pub use read::zeros;
pub use source::{Place, Source, by_hand, source, walk};
pub use worked::{Array, Chain, Exercise, Link, Worked, exercises, topic, worked, worked_for};

use crate::engine::exec::memory::Memory;
use crate::engine::exec::{Compiled, Executor};
use crate::engine::graph::NodeId;
use crate::engine::plan::{Plan, ValueId};
use crate::engine::tensor::Tensor;
use crate::lens::ascent::{Objective, Recipe};
use crate::network::Network;
use crate::{Error, Result};
use read::{Reader, sides};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One climb's step, explained. Nodes are called by their numbers in the graph, steps and values by theirs in the plan.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    pub network: String,
    pub layer: String,
    pub filter: usize,
    /// n, h, w, c
    pub image: [usize; 4],
    /// What computed the numbers.
    pub backend: String,
    /// The mean of the filter over the image.
    pub loss: f64,
    /// The gradient is zero everywhere.
    pub dead: bool,
    /// From the image to the loss, in the order of computation.
    pub forward: Vec<NodeFacts>,
    /// From the loss to the image's gradient, in the order of computation.
    pub backward: Vec<NodeFacts>,
    /// What makes a step of the gradient.
    pub ascent: Vec<NodeFacts>,
    /// Values that are used twice.
    pub skips: Vec<Skip>,
    pub plan: PlanFacts,
    /// The results of all nodes, by number.
    #[serde(skip)]
    pub values: BTreeMap<usize, Tensor>,
}

#[derive(Debug, Clone, Serialize)]
pub struct NodeFacts {
    pub id: usize,
    pub name: String,
    pub op: &'static str,
    pub inputs: Vec<usize>,
    /// n, h, w, c
    pub shape: [usize; 4],
    pub macs: u64,
    /// What it computes. Of the last node of a gradient rule: the rule.
    pub formula: &'static str,
    /// Of a forward node: how the gradients of its inputs are computed.
    pub rule: &'static str,
    /// Which worked example teaches its op, see [`topic`].
    pub topic: Option<&'static str>,
    /// The step of the plan that computes it; `None` if it is never written out (its reader reads the parts instead).
    pub step: Option<usize>,
    /// The root of the mean of its squares.
    pub rms: f64,
    /// The share of its values that are zero, see [`zeros`].
    pub zeros: f64,
    /// Of a forward node: `d loss / d node`. Of the backward pass's nodes none.
    pub gradient: Option<usize>,
    /// Of a forward node with a gradient that is no sum: the node that used it, by whose rule the gradient came back.
    pub reader: Option<usize>,
    /// Of a node of the backward pass: the forward node whose rule it is.
    pub answers: Option<usize>,
    /// What this gradient needs of the forward pass.
    pub remembers: Option<Remembered>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Remembered {
    /// "signs", "winners" or "values"
    pub kind: &'static str,
    /// The forward node that it belongs to.
    pub of: usize,
    pub bytes: usize,
    /// The steps from which and until which it must exist.
    pub from: usize,
    pub until: usize,
}

/// A value that several nodes use, and its gradients before they are added.
#[derive(Debug, Clone, Serialize)]
pub struct Skip {
    pub node: usize,
    /// The sum.
    pub gradient: usize,
    pub streams: Vec<Stream>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Stream {
    /// The forward node that used the value.
    pub by: usize,
    /// The gradient that came back from there.
    pub gradient: usize,
    pub rms: f64,
    /// `(stream . sum) / (sum . sum)`: how much of the sum it makes. All shares add up to 1; one is negative where a stream
    /// works against the others. `None` if the sum is zero.
    pub share: Option<f64>,
}

#[derive(Debug, Clone, Serialize)]
pub struct PlanFacts {
    pub steps: Vec<StepFacts>,
    pub values: Vec<ValueFacts>,
    /// The bytes of each buffer.
    pub buffers: Vec<usize>,
    /// Bytes that must exist at once, at the worst step.
    pub peak: usize,
    /// Bytes of all nodes' results, if each were kept: what fusion and reuse save.
    pub unplanned: usize,
}

#[derive(Debug, Clone, Serialize)]
pub struct StepFacts {
    /// The nodes that it computes, in order.
    pub nodes: Vec<usize>,
    pub macs: u64,
    /// Measured; `None` where the executor cannot tell.
    pub seconds: Option<f64>,
    pub reads: Vec<usize>,
    pub writes: Vec<usize>,
    /// Bytes that exist during this step, and how many of them are only there to be remembered.
    pub live: usize,
    pub remembered: usize,
}

#[derive(Debug, Clone, Serialize)]
pub struct ValueFacts {
    pub node: usize,
    /// "values", "signs" or "winners"
    pub kind: &'static str,
    pub bytes: usize,
    pub buffer: usize,
    /// The first and the last step during which it must exist.
    pub from: usize,
    pub until: usize,
}

/// Explains the step that filter `filter` of convolution `layer` takes from `image`, `[1, h, w, c]`.
///
/// # Errors
/// If the image does not fit the network, or all that is looked at does not fit the memory.
pub fn explain(
    executor: &dyn Executor,
    network: &Network,
    layer: usize,
    filter: usize,
    image: &Tensor,
) -> Result<Explanation> {
    let objective = Objective::new(network, layer, &[filter], image.shape, &Recipe::default(), false)?;
    let plan = &objective.plan;
    let values = all_values(executor, &objective, image)?;
    let compiled = executor.compile(plan.clone())?;
    let bytes: Vec<usize> = (0..plan.values.len()).map(|v| compiled.image_bytes(ValueId(v))).collect();
    let seconds = measure(compiled, &objective, image)?;
    let facts = Reader { objective: &objective, values: &values, bytes: &bytes }.read(&seconds);
    let loss = f64::from(values[&objective.loss.0].data[0]);
    let dead = values[&objective.gradient.0].data.iter().all(|&g| g == 0.0);
    if let Some((id, node)) =
        plan.graph.nodes().find(|(id, _)| values.get(&id.0).is_some_and(|v| v.data.iter().any(|v| !v.is_finite())))
    {
        return Err(Error::Usage(format!(
            "{} (node {}) holds NaN or infinite values for this image: there is no gradient to explain; try another image",
            node.name, id.0
        )));
    }
    let (forward, rest): (Vec<_>, Vec<_>) = facts.nodes.into_iter().partition(|node| node.id <= objective.loss.0);
    let (backward, ascent) = rest.into_iter().partition(|node| node.answers.is_some());
    Ok(Explanation {
        network: network.name.clone(),
        layer: network.layers[layer].name.clone(),
        filter,
        image: sides(image.shape),
        backend: executor.describe(),
        loss,
        dead,
        forward,
        backward,
        ascent,
        skips: facts.skips,
        plan: facts.plan,
        values,
    })
}

impl Explanation {
    /// Every node.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeFacts> {
        self.forward.iter().chain(&self.backward).chain(&self.ascent)
    }

    /// # Panics
    /// If there is no node of that number.
    pub fn node(&self, id: usize) -> &NodeFacts {
        self.nodes().find(|node| node.id == id).expect("a node of this explanation")
    }

    /// The steps that compute it: several where each reader of a gradient computes only the part that it needs.
    pub fn steps(&self, node: &NodeFacts) -> Vec<usize> {
        (0..self.plan.steps.len()).filter(|&i| self.plan.steps[i].nodes.contains(&node.id)).collect()
    }

    /// What backprop must remember of the way forward, in the order of its making.
    pub fn kept(&self) -> Vec<&ValueFacts> {
        let is_asked_for = |value: &&ValueFacts| {
            let asked = self.backward.iter().filter_map(|g| g.remembers.as_ref());
            asked.into_iter().any(|r| (r.of, r.kind) == (value.node, value.kind))
        };
        let mut kept: Vec<&ValueFacts> = self.plan.values.iter().filter(is_asked_for).collect();
        kept.sort_by_key(|value| value.from);
        kept
    }

    /// The seconds of the step that ends with this node.
    pub fn seconds(&self, node: &NodeFacts) -> Option<f64> {
        let step = &self.plan.steps[node.step?];
        step.seconds.filter(|_| step.nodes.last() == Some(&node.id))
    }
}

/// The result of every node. Another plan than the climb's, in which all is kept and so nothing is fused.
fn all_values(executor: &dyn Executor, objective: &Objective, image: &Tensor) -> Result<BTreeMap<usize, Tensor>> {
    let graph = &objective.plan.graph;
    let all: Vec<NodeId> = graph.nodes().map(|(id, _)| id).collect();
    let plan = Arc::new(Plan::compile((**graph).clone(), &all, &[objective.loss], &[]));
    let compiled = executor.compile(plan)?;
    // They are in the program, and read from there.
    let read: usize = graph.nodes().map(|(_, node)| node.shape.len() * size_of::<f32>()).sum();
    executor.limit().check(image.shape, compiled.memory() + Memory::host(read as u64))?;
    let mut program = compiled.load()?;
    program.write(objective.image, image)?;
    program.run(1)?;
    all.into_iter().map(|id| Ok((id.0, program.read(id)?))).collect()
}

/// Seconds of each step of the climb's own plan; `None` each where the executor does not measure steps.
fn measure(compiled: Box<dyn Compiled>, objective: &Objective, image: &Tensor) -> Result<Vec<Option<f64>>> {
    let mut program = compiled.load()?;
    program.write(objective.image, image)?;
    program.run(1)?;
    Ok(match program.profile() {
        Ok(seconds) => seconds.into_iter().map(Some).collect(),
        Err(_) => vec![None; objective.plan.steps.len()],
    })
}
