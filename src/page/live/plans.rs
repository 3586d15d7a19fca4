//! Plans as the page reads them: calls of shaders, buffers, and where the constants lie among the arrays.

use super::arrays::Arrays;
use super::nodes::kernel;
use crate::Result;
use crate::engine::exec::gpu::{self, Exported, ExportedConstant};
use crate::engine::plan::Plan;
use serde_json::{Value, json};

/// The shaders' texts, each once.
#[derive(Default)]
pub(super) struct Sources {
    pub facts: Vec<Value>,
    names: Vec<String>,
}

impl Sources {
    fn number(&mut self, source: &gpu::Source) -> usize {
        self.names.iter().position(|name| *name == source.name).unwrap_or_else(|| {
            self.names.push(source.name.clone());
            self.facts.push(json!({ "name": source.name, "bindings": source.bindings, "text": source.text }));
            self.names.len() - 1
        })
    }
}

/// `plan`, its constants put into `arrays` and its shaders into `sources`.
pub(super) fn plan(plan: &Plan, arrays: &mut Arrays, sources: &mut Sources) -> Result<Value> {
    let exported = gpu::export(plan)?;
    let number: Vec<usize> = exported.sources.iter().map(|source| sources.number(source)).collect();
    let Exported { buffers, buffer_of, scratch, constants, pipelines, calls, .. } = exported;
    let pipelines: Value = pipelines
        .iter()
        .map(|p| json!({ "source": number[p.source], "entry": p.entry, "overrides": p.overrides }))
        .collect();
    let constants: Value = constants.iter().map(|one| constant(one, arrays)).collect();
    // The values that exist before and after a run, by their nodes.
    let there = plan.inputs.iter().chain(&plan.kept).chain(&plan.traced);
    let there: Vec<[usize; 2]> = there.map(|id| [plan.value(*id).node.0, id.0]).collect();
    let steps: Vec<Vec<usize>> = plan.steps.iter().map(|step| step.nodes.iter().map(|node| node.0).collect()).collect();
    Ok(json!({
        "buffers": buffers, "buffer_of": buffer_of, "scratch": scratch, "constants": constants,
        "pipelines": pipelines, "calls": calls, "there": there, "steps": steps,
    }))
}

fn constant(constant: &ExportedConstant, arrays: &mut Arrays) -> Value {
    match constant {
        ExportedConstant::Numbers(numbers) => json!({ "numbers": arrays.f32(numbers) }),
        ExportedConstant::Pixels { values, c } => json!({ "pixels": arrays.f32(values), "c": c }),
        ExportedConstant::Kernel { kernel: own, packing } => {
            json!({ "kernel": kernel(own, arrays), "packing": packing })
        }
    }
}
