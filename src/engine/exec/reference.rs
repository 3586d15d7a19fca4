//! The specification: every live node of the graph, one after the other, in plain f64 loops. Nothing is fused, nothing is
//! reused, nothing is fast.

use super::memory::Limit;
use super::{Executor, Program, Trace};
use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::ops::Op;
use crate::engine::plan::Plan;
use crate::engine::tensor::{Tensor, Tensor64};
use std::sync::Arc;

#[derive(Default)]
pub struct Reference {
    pub limit: Limit,
}

impl Executor for Reference {
    fn describe(&self) -> String {
        "reference, f64".to_string()
    }

    fn prepare(&self, plan: Arc<Plan>) -> Result<Box<dyn Program>> {
        Ok(Box::new(ReferenceProgram { values: vec![None; plan.graph.len()], plan }))
    }

    fn bytes(&self, plan: &Plan) -> u64 {
        live(plan).iter().map(|&id| plan.graph.shape(id).len() as u64 * 8).sum()
    }

    fn limit(&self) -> Limit {
        self.limit
    }
}

struct ReferenceProgram {
    plan: Arc<Plan>,
    values: Vec<Option<Tensor64>>,
}

/// The nodes that the plan computes.
fn live(plan: &Plan) -> Vec<NodeId> {
    let mut live: Vec<NodeId> = plan.steps.iter().flat_map(|step| step.nodes.iter().copied()).collect();
    // An upsample or concat that became part of a convolution's input.
    let mut needed: Vec<NodeId> = live.iter().flat_map(|&id| plan.graph[id].inputs.iter().copied()).collect();
    while let Some(id) = needed.pop() {
        if !live.contains(&id) {
            live.push(id);
            needed.extend(&plan.graph[id].inputs);
        }
    }
    live.sort();
    live
}

impl ReferenceProgram {
    fn value(&self, id: NodeId) -> &Tensor64 {
        self.values[id.0].as_ref().expect("inputs are written before a run")
    }

    /// Computes `nodes`, which are in order.
    fn compute(&mut self, nodes: &[NodeId]) {
        let graph: Arc<Graph> = self.plan.graph.clone();
        for &id in nodes {
            let node = &graph[id];
            if !matches!(node.op, Op::Input(_)) {
                let inputs: Vec<&Tensor64> = node.inputs.iter().map(|&x| self.value(x)).collect();
                self.values[id.0] = Some(node.op.reference(&inputs, node.shape));
            }
        }
    }

    fn node(&self, value: crate::engine::plan::ValueId) -> NodeId {
        self.plan.value(value).node
    }

    fn traced(&self, value: crate::engine::plan::ValueId) -> Vec<f32> {
        self.value(self.node(value)).data.iter().map(|&v| v as f32).collect()
    }
}

impl Program for ReferenceProgram {
    fn write(&mut self, input: NodeId, values: &Tensor) -> Result<()> {
        assert_eq!(self.plan.graph.shape(input), values.shape);
        self.values[input.0] = Some(values.into());
        Ok(())
    }

    fn run(&mut self, count: usize) -> Result<Trace> {
        let nodes = live(&self.plan);
        let mut trace = vec![];
        for _ in 0..count {
            self.compute(&nodes);
            trace.push(self.plan.traced.iter().map(|&v| self.traced(v)).collect());
            for &(current, next) in &self.plan.state {
                let (current, next) = (self.node(current), self.node(next));
                self.values[current.0] = self.values[next.0].clone();
            }
        }
        Ok(trace)
    }

    fn first_traced(&mut self) -> Result<Vec<f32>> {
        let first = self.plan.traced[0];
        let mut nodes = live(&self.plan);
        nodes.retain(|&id| id <= self.node(first));
        self.compute(&nodes);
        Ok(self.traced(first))
    }

    fn read(&mut self, node: NodeId) -> Result<Tensor> {
        Ok(self.value(node).into())
    }
}

/// Computes nodes of a graph in f64 from inputs in f64: what finite differences are taken on.
///
/// # Panics
/// If an input that is needed is not given.
pub fn evaluate(graph: &Graph, inputs: &[(NodeId, &Tensor64)], wanted: &[NodeId]) -> Vec<Tensor64> {
    let mut needed = vec![false; graph.len()];
    wanted.iter().for_each(|id| needed[id.0] = true);
    for (id, node) in graph.nodes().rev() {
        if needed[id.0] {
            node.inputs.iter().for_each(|x| needed[x.0] = true);
        }
    }
    let mut values: Vec<Option<Tensor64>> = vec![None; graph.len()];
    for (id, node) in graph.nodes().filter(|(id, _)| needed[id.0]) {
        values[id.0] = Some(match inputs.iter().find(|(input, _)| *input == id) {
            Some((_, value)) => (*value).clone(),
            None => {
                let x: Vec<&Tensor64> = node.inputs.iter().map(|x| values[x.0].as_ref().expect("in order")).collect();
                node.op.reference(&x, node.shape)
            }
        });
    }
    wanted.iter().map(|id| values[id.0].clone().expect("computed above")).collect()
}
