//! The specification: every live node of the graph, one after the other, in plain f64 loops. Nothing is fused, nothing is
//! reused, nothing is fast.

use super::contract::Contract;
use super::memory::{Limit, Memory};
use super::{Compiled, Executor, Program, Trace};
use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::ops::Op;
use crate::engine::plan::{Plan, ValueId};
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

    fn compile(&self, plan: Arc<Plan>) -> Result<Box<dyn Compiled>> {
        Ok(Box::new(ReferenceCompiled { nodes: live(&plan), plan }))
    }

    fn limit(&self) -> Limit {
        self.limit
    }
}

struct ReferenceCompiled {
    plan: Arc<Plan>,
    /// The nodes that the plan computes, in order.
    nodes: Vec<NodeId>,
}

impl Compiled for ReferenceCompiled {
    fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    fn memory(&self) -> Memory {
        Memory::host(self.nodes.iter().map(|&id| self.plan.graph.shape(id).len() as u64 * 8).sum())
    }

    /// As the CPU would store it: every node's result is kept here in f64, and what a plan saves is not to be seen.
    fn image_bytes(&self, value: ValueId) -> usize {
        super::cpu::image_bytes(&self.plan, value)
    }

    fn load(self: Box<Self>) -> Result<Box<dyn Program>> {
        let ReferenceCompiled { plan, nodes } = *self;
        let values = vec![None; plan.graph.len()];
        Ok(Box::new(ReferenceProgram { contract: Contract::new(plan.clone()), values, plan, nodes }))
    }
}

struct ReferenceProgram {
    plan: Arc<Plan>,
    nodes: Vec<NodeId>,
    values: Vec<Option<Tensor64>>,
    contract: Contract,
}

/// The nodes that the plan computes, and its inputs, in order.
fn live(plan: &Plan) -> Vec<NodeId> {
    let mut live = vec![false; plan.graph.len()];
    plan.steps.iter().flat_map(|step| &step.nodes).for_each(|id| live[id.0] = true);
    plan.inputs.iter().for_each(|&id| live[plan.value(id).node.0] = true);
    // An upsample or concat that became part of a convolution's input stands in no step.
    for (id, node) in plan.graph.nodes().rev() {
        if live[id.0] {
            node.inputs.iter().for_each(|x| live[x.0] = true);
        }
    }
    (0..live.len()).map(NodeId).filter(|id| live[id.0]).collect()
}

impl ReferenceProgram {
    fn value(&self, id: NodeId) -> &Tensor64 {
        self.values[id.0].as_ref().expect("computed before it is read")
    }

    /// Computes those of the plan's nodes that stand before `end` in the graph.
    fn compute(&mut self, end: NodeId) {
        for &id in self.nodes.iter().take_while(|&&id| id < end) {
            let node = &self.plan.graph[id];
            if !matches!(node.op, Op::Input(_)) {
                let inputs: Vec<&Tensor64> =
                    node.inputs.iter().map(|x| self.values[x.0].as_ref().expect("inputs come first")).collect();
                self.values[id.0] = Some(node.op.reference(&inputs, node.shape));
            }
        }
    }

    fn node(&self, value: ValueId) -> NodeId {
        self.plan.value(value).node
    }

    fn traced(&self, value: ValueId) -> Vec<f32> {
        self.value(self.node(value)).data.iter().map(|&v| v as f32).collect()
    }
}

impl Program for ReferenceProgram {
    fn write(&mut self, input: NodeId, values: &Tensor) -> Result<()> {
        if self.contract.write(input, values)?.is_some() {
            self.values[input.0] = Some(values.into());
        }
        Ok(())
    }

    fn run(&mut self, count: usize) -> Result<Trace> {
        self.contract.run()?;
        let mut trace = vec![];
        for _ in 0..count {
            self.compute(NodeId(self.plan.graph.len()));
            trace.push(self.plan.traced.iter().map(|&v| self.traced(v)).collect());
            for &(current, next) in &self.plan.state {
                let (current, next) = (self.node(current), self.node(next));
                self.values[current.0] = self.values[next.0].clone();
            }
        }
        Ok(trace)
    }

    fn first_traced(&mut self) -> Result<Vec<f32>> {
        let (first, _) = self.contract.run_to_first_traced()?;
        self.compute(NodeId(self.node(first).0 + 1));
        Ok(self.traced(first))
    }

    fn read(&mut self, node: NodeId) -> Result<Tensor> {
        self.contract.read(node)?;
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
