//! What a plan becomes on the GPU: calls of shaders, and what they bind.
//!
//! On the GPU every pixel of a tensor has a whole number of *quads* (four channels, a vec4); the last one is filled up with
//! channels that do not count. Signs and winners have a word per quad, in the same place. So one index serves all three.

use super::device::PipelineKey;
use super::pack::Constant;
use super::shader::{Access, quads};
use crate::engine::plan::{Epilogue, Value, ValueId, ValueKind};

/// Multiply-accumulates that are submitted at once, and about the most that one call does. An operating system takes a GPU
/// away from whoever keeps it busy for some 2 seconds without a break; this much takes a slow one a tenth of that.
pub(super) const WORK_PER_SUBMISSION: u64 = 4_000_000_000;

/// One run of a shader over a grid of workgroups.
pub(super) struct Call {
    pub pipeline: PipelineKey,
    pub params: Vec<u8>,
    /// For bindings 1, 2, ...
    pub buffers: Vec<Bound>,
    pub groups: [u32; 3],
    /// Multiply-accumulates, or about as much work.
    pub work: u64,
    /// The plan's step that this call is part of.
    pub step: usize,
}

/// What a call binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Nothing,
    Value(ValueId),
    /// A place in [`Lowered::constants`].
    Constant(usize),
    /// A place in [`Lowered::scratch`].
    Scratch(usize),
}

impl From<Option<ValueId>> for Bound {
    fn from(value: Option<ValueId>) -> Bound {
        value.map_or(Bound::Nothing, Bound::Value)
    }
}

/// A plan in the GPU's terms. Kernels are named in it, not yet packed.
#[derive(Default)]
pub(super) struct Lowered {
    pub calls: Vec<Call>,
    pub constants: Vec<Constant>,
    /// Bytes of the buffers that are used within a step and mean nothing after it.
    pub scratch: [usize; 2],
}

/// Which convolution shader suits the adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Tiles in workgroup memory.
    Tiled,
    /// Subgroups of 8 that share what they fetched.
    Subgroup,
}

/// What the adapter is like, as far as it decides how a plan is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    pub style: Style,
    /// Bytes.
    pub largest_binding: u64,
}

/// Bytes that a value takes on the GPU, for all images.
pub(super) fn bytes(value: &Value) -> usize {
    let quads = value.shape.pixels() * quads(value.shape.c);
    match value.kind {
        ValueKind::Data => quads * 16,
        ValueKind::Signs | ValueKind::Winners => quads * 4,
    }
}

/// At least `count` workgroups, as a grid that no adapter is too small for; shaders count them row by row.
pub(super) fn grid(count: usize) -> [u32; 2] {
    const MOST: usize = 65535;
    let rows = count.div_ceil(MOST);
    [count.div_ceil(rows) as u32, rows as u32]
}

/// The epilogue of a call: its flags, and what it reads and writes.
pub(super) struct EpilogueCall {
    pub overrides: Vec<(&'static str, u32)>,
    /// Bias, scale and shift.
    pub constants: Bound,
    /// Where the scales begin in `constants`, in quads.
    pub scale_at: u32,
    pub add: Bound,
    pub gate: Bound,
    pub signs: Bound,
}

impl Lowered {
    /// For each constant whether it is read as a texture.
    pub fn textures(&self) -> Vec<bool> {
        let mut textures = vec![false; self.constants.len()];
        for call in &self.calls {
            for (access, bound) in call.pipeline.shader.bindings().iter().zip(&call.buffers) {
                if let (Access::Fetch, &Bound::Constant(c)) = (access, bound) {
                    textures[c] = true;
                }
            }
        }
        textures
    }

    /// Adds a call of one of the plan's steps.
    pub fn call<P: bytemuck::Pod>(
        &mut self,
        step: usize,
        pipeline: PipelineKey,
        params: &P,
        buffers: Vec<Bound>,
        groups: [u32; 3],
        work: u64,
    ) {
        let params = bytemuck::bytes_of(params).to_vec();
        self.calls.push(Call { pipeline, params, buffers, groups, work, step });
    }

    pub fn constant(&mut self, constant: Constant) -> Bound {
        self.constants.push(constant);
        Bound::Constant(self.constants.len() - 1)
    }

    /// Scratch buffers of at least these sizes.
    pub fn scratch(&mut self, bytes: [usize; 2]) -> [Bound; 2] {
        self.scratch.iter_mut().zip(bytes).for_each(|(most, bytes)| *most = bytes.max(*most));
        [Bound::Scratch(0), Bound::Scratch(1)]
    }

    /// The flags are the prelude's (`shaders/prelude.wgsl`). `bias`: what comes first into the constants, in whole quads.
    pub fn epilogue(&mut self, epilogue: &Epilogue, side: Option<ValueId>, bias: Vec<f32>) -> EpilogueCall {
        let flags = [
            ("BIAS", !bias.is_empty()),
            ("ADD", epilogue.add.is_some()),
            ("RELU", epilogue.relu),
            ("SIGNS", epilogue.relu && side.is_some()),
            ("AFFINE", epilogue.affine.is_some()),
            ("GATE", epilogue.gate.is_some()),
        ];
        let mut constants = bias;
        let scale_at = (constants.len() / 4) as u32;
        if let Some(affine) = &epilogue.affine {
            for values in [&affine.scale, &affine.shift] {
                constants.extend_from_slice(values);
                constants.resize(constants.len().next_multiple_of(4), 0.0);
            }
        }
        EpilogueCall {
            overrides: flags.into_iter().filter(|(_, on)| *on).map(|(name, _)| (name, 1)).collect(),
            constants: match constants.is_empty() {
                true => Bound::Nothing,
                false => self.constant(Constant::Numbers(constants.into())),
            },
            scale_at,
            add: epilogue.add.into(),
            gate: epilogue.gate.into(),
            signs: side.into(),
        }
    }
}
