//! A plan's calls written down as plain data, for a program elsewhere that speaks WebGPU: the page of the living lesson.
//!
//! The plan is lowered for what WebGPU promises everywhere: tiles in workgroup memory, no subgroups, the default limits. What is
//! left to whoever runs it: buffers of these sizes, a pipeline for each of [`Exported::pipelines`], the constants, packed as
//! [`Packing`] says from the weights as the file has them. (Winograd's kernels are four times larger than those: they are not
//! written down, but made.)

use super::call::{self, Bound, Style, Target};
use super::lower::lower;
use super::pack::{Channels, Constant, Layout};
use super::phases::Axis;
use super::shader::Access;
use crate::Result;
use crate::engine::ops::Kernel;
use crate::engine::plan::Plan;
use serde::Serialize;
use std::sync::Arc;

/// The most bytes that a buffer may have by WebGPU's default limits.
const LARGEST_BINDING: u64 = 128 << 20;
const TARGET: Target = Target { style: Style::Tiled, largest_binding: LARGEST_BINDING };

/// A plan as calls of shaders.
pub struct Exported {
    /// Bytes of each buffer that holds values, and for each of the plan's values the buffer that it lies in.
    pub buffers: Vec<usize>,
    pub buffer_of: Vec<usize>,
    /// Bytes of the buffers that mean nothing after a step.
    pub scratch: [usize; 2],
    pub constants: Vec<ExportedConstant>,
    pub sources: Vec<Source>,
    pub pipelines: Vec<Pipeline>,
    pub calls: Vec<ExportedCall>,
}

/// A shader with all that stands in front of it, and what it binds at 1, 2, ...: "write" or "read". At 0 are its settings.
#[derive(Serialize)]
pub struct Source {
    pub name: String,
    pub bindings: Vec<&'static str>,
    #[serde(skip)]
    pub text: &'static str,
}

#[derive(PartialEq, Serialize)]
pub struct Pipeline {
    /// A place in [`Exported::sources`].
    pub source: usize,
    pub entry: &'static str,
    pub overrides: Vec<(&'static str, u32)>,
}

/// One run of a shader.
#[derive(Serialize)]
pub struct ExportedCall {
    pub pipeline: usize,
    /// The settings, word by word.
    pub params: Vec<u32>,
    /// For bindings 1, 2, ...
    pub bind: Vec<Binding>,
    pub groups: [u32; 3],
    /// The plan's step that it is part of.
    pub step: usize,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    Nothing,
    Value(usize),
    Constant(usize),
    Scratch(usize),
}

/// What does not change from run to run.
pub enum ExportedConstant {
    Numbers(Arc<[f32]>),
    /// Pixels of `c` channels, to be filled up to whole quads.
    Pixels {
        values: Arc<[f32]>,
        c: usize,
    },
    Kernel {
        kernel: Kernel,
        packing: Packing,
    },
}

/// How a kernel's weights lie. `src/engine/exec/gpu/pack.rs` has the words and the loops.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Packing {
    Taps(Taps),
    TapsAsInputs,
    TapsAsOutputs { first: usize, ci: usize },
    Winograd { parts: Vec<usize> },
}

/// For each tap the kernel's own rows and columns that are added up in it, and which channels are read, and as what.
#[derive(Serialize)]
pub struct Taps {
    pub rows: Vec<Vec<usize>>,
    pub columns: Vec<Vec<usize>>,
    pub first: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub groups: usize,
    pub transposed: bool,
}

/// # Errors
/// If no shader computes one of the steps.
pub fn export(plan: &Plan) -> Result<Exported> {
    let lowered = lower(plan, TARGET)?;
    let placement = plan.place(|id| call::bytes(plan.value(id)));
    let (mut sources, mut shaders, mut pipelines) = (vec![], vec![], vec![]);
    let mut calls = vec![];
    for call in &lowered.calls {
        let key = &call.pipeline;
        let source = shaders.iter().position(|&shader| shader == key.shader).unwrap_or_else(|| {
            let access = |access: &Access| match access {
                Access::Write => "write",
                Access::Read | Access::Fetch => "read",
            };
            let bindings = key.shader.bindings().iter().map(access).collect();
            sources.push(Source { name: format!("{:?}", key.shader), bindings, text: key.shader.source() });
            shaders.push(key.shader);
            shaders.len() - 1
        });
        let wanted = Pipeline { source, entry: key.entry, overrides: key.overrides.clone() };
        let pipeline = pipelines.iter().position(|known| *known == wanted).unwrap_or_else(|| {
            pipelines.push(wanted);
            pipelines.len() - 1
        });
        let binding = |bound: &Bound| match *bound {
            Bound::Nothing => Binding::Nothing,
            Bound::Value(value) => Binding::Value(value.0),
            Bound::Constant(constant) => Binding::Constant(constant),
            Bound::Scratch(scratch) => Binding::Scratch(scratch),
        };
        let bind = call.buffers.iter().map(binding).collect();
        let params = bytemuck::pod_collect_to_vec(&call.params);
        calls.push(ExportedCall { pipeline, params, bind, groups: call.groups, step: call.step });
    }
    Ok(Exported {
        buffers: placement.sizes,
        buffer_of: placement.buffer_of,
        scratch: lowered.scratch,
        constants: lowered.constants.into_iter().map(constant).collect(),
        sources,
        pipelines,
        calls,
    })
}

/// The constants as this program packs them for its own GPU: what a packing elsewhere must give, byte by byte.
#[cfg(test)]
pub fn packed(plan: &Plan) -> Result<Vec<Arc<[f32]>>> {
    Ok(lower(plan, TARGET)?.constants.iter().map(Constant::pack).collect())
}

fn constant(constant: Constant) -> ExportedConstant {
    match constant {
        Constant::Numbers(numbers) => ExportedConstant::Numbers(numbers),
        Constant::Matrix(matrix) => ExportedConstant::Numbers(matrix.values()),
        Constant::Pixels { values, c } => ExportedConstant::Pixels { values, c },
        Constant::Kernel { kernel, layout, .. } => ExportedConstant::Kernel { kernel, packing: packing(*layout) },
    }
}

fn packing(layout: Layout) -> Packing {
    match layout {
        Layout::Taps { rows, columns, channels } => {
            let Channels { first, inputs, outputs, groups, is_transposed: transposed } = channels;
            let taps = |axis: Axis| axis.taps;
            Packing::Taps(Taps { rows: taps(rows), columns: taps(columns), first, inputs, outputs, groups, transposed })
        }
        Layout::TapsAsInputs => Packing::TapsAsInputs,
        Layout::TapsAsOutputs { first, ci } => Packing::TapsAsOutputs { first, ci },
        Layout::Winograd { parts } => Packing::Winograd { parts },
    }
}
