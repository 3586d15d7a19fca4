//! What one forward and one backward pass of the real network do, read off the graph, the plan and the executor: what the
//! lesson is told with. Nothing here knows a particular network.

mod frames;
mod source;
mod worked;

pub use frames::{Frame, STEPS, frames};
pub use source::{Place, Source, source};
pub use worked::{Array, Chain, Worked, worked, worked_for};

use crate::engine::exec::{Compiled, Executor};
use crate::engine::graph::{Graph, NodeId};
use crate::engine::ops::Op;
use crate::engine::plan::{Plan, ValueId, ValueKind};
use crate::engine::tensor::{Shape, Tensor};
use crate::lens::ascent::{Objective, Recipe};
use crate::network::Network;
use crate::{Error, Result};
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
    pub formula: &'static str,
    /// The step of the plan that computes it; `None` if it is never written out (its reader reads the parts instead).
    pub step: Option<usize>,
    /// The root of the mean of its squares.
    pub rms: f64,
    /// The share of its values that are zero, see [`zeros`].
    pub zeros: f64,
    /// Of a forward node: `d loss / d node`. Of the backward pass's nodes none.
    pub gradient: Option<usize>,
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

fn sides(s: Shape) -> [usize; 4] {
    [s.n, s.h, s.w, s.c]
}

/// The result of every node. Another plan than the climb's, in which all is kept and so nothing is fused.
fn all_values(executor: &dyn Executor, objective: &Objective, image: &Tensor) -> Result<BTreeMap<usize, Tensor>> {
    let graph = &objective.plan.graph;
    let all: Vec<NodeId> = graph.nodes().map(|(id, _)| id).collect();
    let plan = Arc::new(Plan::compile((**graph).clone(), &all, &[objective.loss], &[]));
    let mut program = executor.prepare(plan)?;
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

/// Reads facts off a climb's graph and plan.
struct Reader<'a> {
    objective: &'a Objective,
    values: &'a BTreeMap<usize, Tensor>,
    /// Of each of the plan's values, as the executor stores it.
    bytes: &'a [usize],
}

struct Facts {
    nodes: Vec<NodeFacts>,
    skips: Vec<Skip>,
    plan: PlanFacts,
}

impl Reader<'_> {
    fn graph(&self) -> &Graph {
        &self.objective.plan.graph
    }

    fn read(&self, seconds: &[Option<f64>]) -> Facts {
        let (graph, plan) = (self.graph(), &*self.objective.plan);
        let nodes = graph.nodes().map(|(id, _)| self.node(id));
        let skips = graph.nodes().take_while(|(id, _)| *id <= self.objective.loss).filter_map(|(id, _)| self.skip(id));
        let nodes: Vec<NodeFacts> = nodes.collect();
        let plan = plan_facts(plan, self.objective.loss, &nodes, seconds, self.bytes);
        Facts { nodes, skips: skips.collect(), plan }
    }

    fn node(&self, id: NodeId) -> NodeFacts {
        let (graph, plan) = (self.graph(), &self.objective.plan);
        let node = &graph[id];
        let data = &self.values[&id.0].data;
        let formula = match (node.answers, &node.op) {
            (Some(_), Op::Fill { .. }) => "d loss / d loss = 1",
            (Some(_), Op::Add) => "dx = dx₁ + dx₂",
            (Some(y), _) => graph[y].op.gradient_formula(),
            (None, op) => op.formula(),
        };
        NodeFacts {
            id: id.0,
            name: node.name.clone(),
            op: node.op.name(),
            inputs: node.inputs.iter().map(|x| x.0).collect(),
            shape: sides(node.shape),
            macs: match &node.op {
                Op::Conv2d(conv) => conv.macs(graph.shape(node.inputs[0])) / conv.kernel.bank as u64,
                _ => 0,
            },
            formula,
            step: plan.steps.iter().position(|step| step.nodes.contains(&id)),
            rms: rms(data),
            zeros: zeros(data),
            gradient: self.objective.gradients.of(id).map(|g| g.0),
            answers: node.answers.map(|y| y.0),
            remembers: node.answers.and_then(|_| self.remembered(id)),
        }
    }

    /// What the gradient node `id` reads that the forward pass left behind.
    fn remembered(&self, id: NodeId) -> Option<Remembered> {
        let (graph, plan) = (self.graph(), &*self.objective.plan);
        // The gradients' own inputs come after the loss.
        let of = *graph[id].inputs.iter().find(|x| **x <= self.objective.loss)?;
        let step = plan.steps.iter().find(|step| step.nodes.contains(&id))?;
        let is_pool = matches!(graph[id].op, Op::MaxPoolGrad(_));
        let belongs = |value: &ValueId| {
            let v = plan.value(*value);
            match v.kind {
                // A pool's gradient names the pool's input; the winners belong to the pool.
                ValueKind::Winners => is_pool && graph[v.node].inputs[0] == of,
                ValueKind::Signs | ValueKind::Data => !is_pool && v.node == of,
            }
        };
        let value = step.reads().find(belongs)?;
        let lifetime = plan.lifetimes()[value.0].clone();
        Some(Remembered {
            kind: kind(plan.value(value).kind),
            of: plan.value(value).node.0,
            bytes: self.bytes[value.0],
            from: *lifetime.start(),
            until: *lifetime.end(),
        })
    }

    /// The streams of gradient that meet at forward node `id`, if there are several.
    fn skip(&self, id: NodeId) -> Option<Skip> {
        let graph = self.graph();
        let sum = self.objective.gradients.of(id)?;
        let is_sum = |g: NodeId| matches!(graph[g].op, Op::Add) && graph[g].answers == Some(id);
        if !is_sum(sum) {
            return None;
        }
        let mut streams = vec![];
        let mut open = vec![sum];
        while let Some(g) = open.pop() {
            if is_sum(g) {
                open.extend(graph[g].inputs.iter().rev());
            } else {
                streams.push(g);
            }
        }
        let total = &self.values[&sum.0].data;
        let norm = dot(total, total);
        let stream = |g: NodeId| {
            let data = &self.values[&g.0].data;
            Stream {
                by: graph[g].answers.expect("a gradient answers a node").0,
                gradient: g.0,
                rms: rms(data),
                share: (norm > 0.0).then(|| dot(data, total) / norm),
            }
        };
        Some(Skip { node: id.0, gradient: sum.0, streams: streams.into_iter().map(stream).collect() })
    }
}

fn plan_facts(plan: &Plan, loss: NodeId, nodes: &[NodeFacts], seconds: &[Option<f64>], bytes: &[usize]) -> PlanFacts {
    let lifetimes = plan.lifetimes();
    let ids = || (0..plan.values.len()).map(ValueId);
    let placement = plan.place(|id| bytes[id.0]);
    let live = |i: usize, wanted: &dyn Fn(ValueId) -> bool| {
        ids().filter(|&id| lifetimes[id.0].contains(&i) && wanted(id)).map(|id| bytes[id.0]).sum::<usize>()
    };
    // Signs and winners are made to be remembered; a value is, once the forward pass has read it for the last time.
    let is_asked_for = |id: ValueId| {
        let asked = nodes.iter().filter_map(|node| node.remembers.as_ref());
        asked.into_iter().any(|r| r.of == plan.value(id).node.0 && r.kind == kind(plan.value(id).kind))
    };
    let last_read = |id: ValueId| {
        let forward = |step: &crate::engine::plan::Step| step.nodes.iter().any(|node| *node <= loss);
        plan.steps
            .iter()
            .rposition(|step| forward(step) && step.reads().any(|read| read == id))
            .unwrap_or(*lifetimes[id.0].start())
    };
    let is_remembered =
        |i: usize, id: ValueId| plan.value(id).kind != ValueKind::Data || (is_asked_for(id) && i > last_read(id));
    let steps: Vec<StepFacts> = plan
        .steps
        .iter()
        .enumerate()
        .map(|(i, step)| StepFacts {
            nodes: step.nodes.iter().map(|id| id.0).collect(),
            macs: plan.macs(step) / plan.images() as u64,
            seconds: seconds[i],
            reads: step.reads().map(|id| id.0).collect(),
            writes: step.writes().map(|id| id.0).collect(),
            live: live(i, &|_| true),
            remembered: live(i, &|id| is_remembered(i, id)),
        })
        .collect();
    let values = ids().map(|id| ValueFacts {
        node: plan.value(id).node.0,
        kind: kind(plan.value(id).kind),
        bytes: bytes[id.0],
        buffer: placement.buffer_of[id.0],
        from: *lifetimes[id.0].start(),
        until: (*lifetimes[id.0].end()).min(plan.steps.len().saturating_sub(1)),
    });
    PlanFacts {
        peak: steps.iter().map(|step| step.live).max().unwrap_or(0),
        unplanned: plan.graph.nodes().map(|(_, node)| node.shape.image_len() * size_of::<f32>()).sum(),
        values: values.collect(),
        steps,
        buffers: placement.sizes,
    }
}

fn kind(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Data => "values",
        ValueKind::Signs => "signs",
        ValueKind::Winners => "winners",
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// The share of values that are zero, or less than a millionth of the largest: a fast convolution in f32 leaves that much
/// rounding where in exact arithmetic nothing is left.
pub fn zeros(data: &[f32]) -> f64 {
    let least = data.iter().fold(0.0f32, |m, v| m.max(v.abs())) * 1e-6;
    data.iter().filter(|v| v.abs() <= least).count() as f64 / data.len() as f64
}

fn rms(data: &[f32]) -> f64 {
    (dot(data, data) / data.len() as f64).sqrt()
}
