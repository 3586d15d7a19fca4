//! What every executor promises alike: which node may be written and read, and when.

use crate::engine::graph::NodeId;
use crate::engine::ops::Op;
use crate::engine::plan::{Plan, ValueId};
use crate::engine::tensor::Tensor;
use crate::{Error, Result};
use std::sync::Arc;

/// Keeps watch over one program: see [`super::Program`] for the rules.
pub(super) struct Contract {
    plan: Arc<Plan>,
    /// For each of the plan's inputs: was it written?
    written: Vec<bool>,
    has_run: bool,
}

impl Contract {
    pub fn new(plan: Arc<Plan>) -> Contract {
        Contract { written: vec![false; plan.inputs.len()], plan, has_run: false }
    }

    fn name(&self, node: NodeId) -> &str {
        &self.plan.graph[node].name
    }

    /// `values` are about to be written to `node`; returns where to. None for an input that nothing depends on: it has no place
    /// in the plan, and writing it changes nothing.
    pub fn write(&mut self, node: NodeId, values: &Tensor) -> Result<Option<ValueId>> {
        let name = self.name(node);
        let Op::Input(shape) = self.plan.graph[node].op else {
            return Err(Error::Usage(format!("{name} is computed; only inputs can be written")));
        };
        if values.shape != shape {
            return Err(Error::Usage(format!("{name} takes values of shape {shape}, not {}", values.shape)));
        }
        let place = self.plan.inputs.iter().position(|&id| self.plan.value(id).node == node);
        Ok(place.map(|place| {
            self.written[place] = true;
            self.plan.inputs[place]
        }))
    }

    /// The plan is about to be run, from its first step on.
    pub fn run(&mut self) -> Result<()> {
        if let Some(place) = self.written.iter().position(|written| !written) {
            let name = self.name(self.plan.value(self.plan.inputs[place]).node);
            return Err(Error::Usage(format!("the input {name} must be written before a run")));
        }
        self.has_run = true;
        Ok(())
    }

    /// The plan is about to be run until its first traced value is known; returns that value and the number of steps.
    pub fn run_to_first_traced(&mut self) -> Result<(ValueId, usize)> {
        let Some(&first) = self.plan.traced.first() else {
            return Err(Error::Usage("the plan traces nothing".to_string()));
        };
        let has_run = self.has_run;
        self.run()?;
        self.has_run = has_run;
        let last = self.plan.steps.iter().position(|step| step.output == first);
        Ok((first, last.map_or(0, |last| last + 1)))
    }

    /// The result of `node` is about to be read; returns where it is.
    pub fn read(&self, node: NodeId) -> Result<ValueId> {
        let name = self.name(node);
        let Some(id) = self.plan.data_of(node).filter(|&id| self.plan.outlives(id)) else {
            return Err(Error::Usage(format!("the plan does not keep {name}; only what it keeps can be read")));
        };
        let is_there = match self.plan.inputs.iter().position(|&input| input == id) {
            Some(place) => self.written[place],
            None => self.has_run,
        };
        if is_there { Ok(id) } else { Err(Error::Usage(format!("{name} can be read after a run, not before"))) }
    }
}
