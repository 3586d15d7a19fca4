//! Facts of a climb's step, read off its graph and its plan.

use super::{NodeFacts, PlanFacts, Remembered, Skip, StepFacts, Stream, ValueFacts, topic};
use crate::engine::graph::{Graph, NodeId};
use crate::engine::ops::Op;
use crate::engine::plan::{Plan, ValueId, ValueKind};
use crate::engine::tensor::{Shape, Tensor};
use crate::lens::ascent::Objective;
use std::collections::BTreeMap;

pub(super) fn sides(s: Shape) -> [usize; 4] {
    [s.n, s.h, s.w, s.c]
}

/// Reads facts off a climb's graph and plan.
pub(super) struct Reader<'a> {
    pub objective: &'a Objective,
    pub values: &'a BTreeMap<usize, Tensor>,
    /// Of each of the plan's values, as the executor stores it.
    pub bytes: &'a [usize],
}

pub(super) struct Facts {
    pub nodes: Vec<NodeFacts>,
    pub skips: Vec<Skip>,
    pub plan: PlanFacts,
}

impl Reader<'_> {
    fn graph(&self) -> &Graph {
        &self.objective.plan.graph
    }

    pub fn read(&self, seconds: &[Option<f64>]) -> Facts {
        let (graph, plan) = (self.graph(), &*self.objective.plan);
        let live = self.live();
        let nodes = graph.nodes().filter(|(id, _)| live[id.0]).map(|(id, _)| self.node(id));
        let skips = graph.nodes().take_while(|(id, _)| *id <= self.objective.loss).filter_map(|(id, _)| self.skip(id));
        let nodes: Vec<NodeFacts> = nodes.collect();
        let plan = plan_facts(plan, self.objective.loss, &nodes, seconds, self.bytes);
        Facts { nodes, skips: skips.collect(), plan }
    }

    /// For each node whether the plan needs it: a rule also appends gradients of constants, which nobody asks for.
    fn live(&self) -> Vec<bool> {
        let (graph, plan) = (self.graph(), &self.objective.plan);
        let mut live = vec![false; graph.len()];
        plan.steps.iter().flat_map(|step| &step.nodes).for_each(|id| live[id.0] = true);
        for (id, node) in graph.nodes().rev() {
            // Of the way forward all is shown.
            live[id.0] |= id <= self.objective.loss;
            if live[id.0] {
                node.inputs.iter().for_each(|x| live[x.0] = true);
            }
        }
        live
    }

    /// The gradients that come back to forward node `x`, one from each use; and the sums that autodiff makes of them.
    fn streams(&self, x: NodeId) -> (Vec<NodeId>, Vec<NodeId>) {
        let graph = self.graph();
        let is_sum = |g: NodeId| matches!(graph[g].op, Op::Add) && graph[g].answers == Some(x);
        let (mut streams, mut sums) = (vec![], vec![]);
        let mut open: Vec<NodeId> = self.objective.gradients.of(x).into_iter().collect();
        while let Some(g) = open.pop() {
            if is_sum(g) {
                open.extend(graph[g].inputs.iter().rev());
                sums.push(g);
            } else {
                streams.push(g);
            }
        }
        (streams, sums)
    }

    /// The node whose rule gave `x` the gradient `g`. An add hands on its own gradient and appends no node.
    fn reader(&self, x: NodeId, g: NodeId) -> Option<NodeId> {
        let graph = self.graph();
        let uses = || graph.nodes().filter(|(y, node)| *y <= self.objective.loss && node.inputs.contains(&x));
        let handed_on = uses().find(|(y, _)| self.objective.gradients.of(*y) == Some(g));
        handed_on.or_else(|| uses().find(|(y, _)| graph[g].answers == Some(*y))).map(|(y, _)| y)
    }

    /// What a node computes, or the rule that it completes.
    fn formula(&self, id: NodeId) -> &'static str {
        let graph = self.graph();
        let Some(y) = graph[id].answers else { return graph[id].op.formula() };
        let completes = |x: &NodeId| self.streams(*x).0.contains(&id);
        match graph[id].op {
            Op::Fill { .. } => "d loss / d loss = 1",
            _ if self.streams(y).1.contains(&id) => "dx = dx₁ + dx₂",
            _ if graph[y].inputs.iter().any(completes) => graph[y].op.gradient_formula(),
            ref op => op.formula(),
        }
    }

    fn node(&self, id: NodeId) -> NodeFacts {
        let (graph, plan) = (self.graph(), &self.objective.plan);
        let node = &graph[id];
        let data = &self.values[&id.0].data;
        let x: Vec<Shape> = node.inputs.iter().map(|&x| graph.shape(x)).collect();
        let is_forward = id <= self.objective.loss;
        NodeFacts {
            id: id.0,
            name: node.name.clone(),
            op: node.op.name(),
            inputs: node.inputs.iter().map(|x| x.0).collect(),
            shape: sides(node.shape),
            macs: match &node.op {
                Op::Conv2d(conv) => conv.macs(x[0]) / conv.kernel.bank as u64,
                Op::ConvTranspose(conv) => conv.macs(x[0]) / conv.kernel.bank as u64,
                _ => 0,
            },
            formula: self.formula(id),
            rule: if is_forward { node.op.gradient_formula() } else { "" },
            topic: if is_forward { topic(&node.op, &x) } else { None },
            step: plan.steps.iter().position(|step| step.nodes.contains(&id)),
            rms: rms(data),
            zeros: zeros(data),
            gradient: self.objective.gradients.of(id).map(|g| g.0),
            reader: match &self.streams(id).0[..] {
                &[g] => self.reader(id, g).map(|y| y.0),
                _ => None,
            },
            answers: node.answers.map(|y| y.0),
            remembers: node.answers.and_then(|_| self.remembered(id)),
        }
    }

    /// What the gradient node `id` reads that the forward pass left behind.
    fn remembered(&self, id: NodeId) -> Option<Remembered> {
        let (graph, plan) = (self.graph(), &*self.objective.plan);
        // The gradients' own inputs come after the loss; constants are there anyway.
        let is_made = |x: &&NodeId| !matches!(graph[**x].op, Op::Constant { .. } | Op::Fill { .. });
        let of = *graph[id].inputs.iter().filter(|x| **x <= self.objective.loss).find(is_made)?;
        let step = plan.steps.iter().find(|step| step.nodes.contains(&id))?;
        let is_pool = matches!(graph[id].op, Op::MaxPoolGrad(_));
        let belongs = |value: &ValueId| {
            let v = plan.value(*value);
            match v.kind {
                // A pool's gradient names the pool's input; the winners belong to the pool.
                ValueKind::Winners => is_pool && graph[v.node].inputs[0] == of,
                ValueKind::Signs => !is_pool && v.node == of,
                ValueKind::Data => v.node == of,
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
        let sum = self.objective.gradients.of(id)?;
        let streams = self.streams(id).0;
        if streams.len() < 2 {
            return None;
        }
        let total = &self.values[&sum.0].data;
        let norm = dot(total, total);
        let stream = |g: NodeId| {
            let data = &self.values[&g.0].data;
            Stream {
                by: self.reader(id, g).map_or(id.0, |y| y.0),
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
