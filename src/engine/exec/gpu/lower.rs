//! From a plan's steps to calls of shaders.
//!
//! On the GPU every pixel of a tensor has a whole number of *quads* (four channels, a vec4); the last one is filled up with
//! channels that do not count. Signs and winners have a word per quad, in the same place. So one index serves all three.

use super::conv::{self, ConvPart, ConvStep};
use super::device::PipelineKey;
use super::shader::{
    Access, AdamParams, AscentParams, ConcatParams, MaxPoolParams, MeanParams, MulParams, PointwiseParams, RollParams,
    Shader, SigmoidParams, TotalVariationParams, TransformParams, UpsampleParams,
};
use crate::engine::ops::Axis;
use crate::engine::plan::{Ends, Head, Part, Plan, Step, Value, ValueId, ValueKind};
use crate::engine::tensor::Shape;
use crate::{Error, Result};

/// Multiply-accumulates that are submitted at once. An operating system takes a GPU away from whoever keeps it busy for
/// some 2 seconds without a break; this much takes a slow one a tenth of that.
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

/// A plan in the GPU's terms.
#[derive(Default)]
pub(super) struct Lowered {
    pub calls: Vec<Call>,
    /// Kernels, biases, scales and shifts, as the shaders like them.
    pub constants: Vec<Vec<f32>>,
    /// Bytes of the buffers that are used within a step and mean nothing after it.
    pub scratch: [usize; 2],
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

/// Quads per pixel.
pub(super) fn quads(channels: usize) -> usize {
    channels.div_ceil(4)
}

/// Bytes that a value takes on the GPU.
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

pub(super) fn lower(plan: &Plan, target: Target) -> Result<Lowered> {
    plan.not_on("the GPU")?;
    let mut lowered = Lowered::default();
    for (i, step) in plan.steps.iter().enumerate() {
        lowered.step(plan, i, step, target)?;
    }
    Ok(lowered)
}

/// The flags of the ends, and what they read and write.
pub(super) struct EndsCall {
    pub overrides: Vec<(&'static str, u32)>,
    pub constants: Bound,
    /// Of the scales, in `constants`, in quads.
    pub scale_at: u32,
    pub add: Bound,
    pub gate: Bound,
    pub signs: Bound,
}

impl Lowered {
    pub fn constant(&mut self, values: Vec<f32>) -> Bound {
        self.constants.push(values);
        Bound::Constant(self.constants.len() - 1)
    }

    /// Scratch buffers of at least these sizes.
    pub fn scratch(&mut self, bytes: [usize; 2]) -> [Bound; 2] {
        self.scratch.iter_mut().zip(bytes).for_each(|(most, bytes)| *most = bytes.max(*most));
        [Bound::Scratch(0), Bound::Scratch(1)]
    }

    /// `bias`: what else comes into the constants, first, in whole quads.
    pub fn ends(&mut self, ends: &Ends, side: Option<ValueId>, bias: Vec<f32>) -> EndsCall {
        let mut overrides = vec![];
        let mut flag = |name, on: bool| {
            if on {
                overrides.push((name, 1));
            }
        };
        flag("BIAS", !bias.is_empty());
        flag("ADD", ends.add.is_some());
        flag("RELU", ends.relu);
        flag("SIGNS", ends.relu && side.is_some());
        flag("AFFINE", ends.affine.is_some());
        flag("GATE", ends.gate.is_some());
        let mut constants = bias;
        let scale_at = (constants.len() / 4) as u32;
        if let Some(affine) = &ends.affine {
            for values in [&affine.scale, &affine.shift] {
                constants.extend_from_slice(values);
                constants.resize(constants.len().next_multiple_of(4), 0.0);
            }
        }
        EndsCall {
            overrides,
            constants: if constants.is_empty() { Bound::Nothing } else { self.constant(constants) },
            scale_at,
            add: ends.add.into(),
            gate: ends.gate.into(),
            signs: side.into(),
        }
    }

    fn step(&mut self, plan: &Plan, index: usize, step: &Step, target: Target) -> Result<()> {
        let shape = |id: ValueId| plan.value(id).shape;
        let out = shape(step.output);
        let (y, c4) = (Bound::Value(step.output), quads(out.c));
        let count = (out.pixels() * c4) as u32;
        let one = |x: ValueId| vec![y, Bound::Value(x)];
        let two = |a: ValueId, b: ValueId| vec![y, Bound::Value(a), Bound::Value(b)];
        let mut call = Launch { lowered: self, step: index, count: count as usize };
        match &step.head {
            Head::Conv { parts, conv, pool } => {
                let part = |p: &Part| ConvPart { value: p.value, shape: shape(p.value), up: p.up };
                let parts = parts.iter().map(part).collect();
                conv::lower(self, &ConvStep { index, step, parts, conv, pool: *pool, out, target });
            }
            &Head::Fill { value } => {
                call.pointwise(
                    "fill",
                    step,
                    Bound::Nothing,
                    PointwiseParams { count, c4: c4 as u32, value, scale_at: 0 },
                );
            }
            &Head::Same { x } => {
                let params = PointwiseParams { count, c4: c4 as u32, ..Default::default() };
                call.pointwise("same", step, Bound::Value(x), params);
            }
            &Head::MaxPool { x, window } => {
                if step.side.is_some() && window.len() > 256 {
                    return Err(Error::Device(format!(
                        "the GPU shader remembers winners of max pools of at most 256 pixels, not of {window}: run on the CPU"
                    )));
                }
                let params = MaxPoolParams {
                    count,
                    c4: c4 as u32,
                    h: shape(x).h as u32,
                    w: shape(x).w as u32,
                    window_h: window.h as u32,
                    window_w: window.w as u32,
                    ..Default::default()
                };
                let flags = if step.side.is_some() { vec![("WINNERS", 1)] } else { vec![] };
                let mut buffers = vec![y, step.side.into(), Bound::Value(x)];
                buffers.resize(7, Bound::Nothing);
                call.each_quad(Shader::MaxPool, "max_pool", flags, &params, buffers);
            }
            &Head::MaxPoolGrad { dy, winners, window } => {
                let ends = call.lowered.ends(&step.ends, step.side, vec![]);
                let params = MaxPoolParams {
                    count,
                    c4: c4 as u32,
                    h: out.h as u32,
                    w: out.w as u32,
                    window_h: window.h as u32,
                    window_w: window.w as u32,
                    scale_at: ends.scale_at,
                    unused: 0,
                };
                let (dy, winners) = (Bound::Value(dy), Bound::Value(winners));
                let buffers = vec![y, ends.signs, dy, winners, ends.constants, ends.add, ends.gate];
                call.each_quad(Shader::MaxPool, "max_pool_grad", ends.overrides, &params, buffers);
            }
            &Head::Sigmoid { x } => {
                let buffers = vec![y, Bound::Value(x), Bound::Nothing];
                call.each_quad(Shader::Sigmoid, "sigmoid", vec![], &SigmoidParams { count }, buffers);
            }
            &Head::SigmoidGrad { dy, y: remembered } => {
                let params = SigmoidParams { count };
                call.each_quad(Shader::Sigmoid, "sigmoid_grad", vec![], &params, two(dy, remembered));
            }
            &Head::Upsample { x, window } | &Head::SumPool { x, window } => {
                let entry = if matches!(step.head, Head::SumPool { .. }) { "sum_pool" } else { "upsample" };
                let params = UpsampleParams {
                    count,
                    c4: c4 as u32,
                    w: out.w as u32,
                    window_h: window.h as u32,
                    window_w: window.w as u32,
                };
                call.each_quad(Shader::Upsample, entry, vec![], &params, one(x));
            }
            Head::Concat { xs } => {
                let mut start = 0;
                for &x in xs {
                    let channels = shape(x).c as u32;
                    let params = ConcatParams { count, c4: c4 as u32, x4: quads(shape(x).c) as u32, start, channels };
                    call.each_quad(Shader::Concat, "concat", vec![], &params, one(x));
                    start += channels;
                }
            }
            &Head::Slice { x, start } => {
                let params = ConcatParams {
                    count,
                    c4: c4 as u32,
                    x4: quads(shape(x).c) as u32,
                    start: start as u32,
                    channels: out.c as u32,
                };
                call.each_quad(Shader::Concat, "slice", vec![], &params, one(x));
            }
            &Head::Mean { x } => {
                let (count, x4, channels, values) = per_image(shape(x));
                let params = MeanParams { count, c4: x4, channels, values };
                call.each_image(Shader::Mean, "mean", &params, one(x), out.n);
            }
            &Head::Mul { a, b } => call.each_quad(Shader::Mul, "mul", vec![], &MulParams { count }, two(a, b)),
            &Head::Roll { x, by } => {
                let (h, w, entries) = (out.h as u32, out.w as u32, shape(by).h as u32);
                let params = RollParams { count, c4: c4 as u32, h, w, entries };
                call.each_quad(Shader::Roll, "roll", vec![], &params, two(x, by));
            }
            &Head::TotalVariation { x } => {
                let (params, buffers) = (total_variation(shape(x)), vec![y, Bound::Value(x), Bound::Nothing]);
                call.each_image(Shader::TotalVariation, "total_variation", &params, buffers, out.n);
            }
            &Head::TotalVariationGrad { dy, x } => {
                let params = TotalVariationParams { count, ..total_variation(out) };
                call.each_quad(Shader::TotalVariation, "total_variation_grad", vec![], &params, two(x, dy));
            }
            Head::Transform { x, axis, matrix } => {
                let inner = match axis {
                    Axis::Down => out.w * c4,
                    Axis::Across => c4,
                };
                let (rows, length, inner) = (matrix.rows as u32, matrix.columns as u32, inner as u32);
                let params = TransformParams { count, rows, length, inner };
                let matrix = call.lowered.constant(matrix.data.to_vec());
                call.each_quad(Shader::Transform, "transform", vec![], &params, vec![y, Bound::Value(*x), matrix]);
            }
            &Head::Rms { x } => {
                let (count, x4, channels, values) = per_image(shape(x));
                let params = AscentParams { count, c4: x4, channels, values, ..Default::default() };
                call.each_image(Shader::Ascent, "rms", &params, vec![y, Bound::Value(x), Bound::Nothing], out.n);
            }
            &Head::Spread { dy } => {
                let (image_quads, _, channels, values) = per_image(out);
                let params = MeanParams { count, c4: image_quads, channels, values };
                call.each_quad(Shader::Mean, "spread", vec![], &params, one(dy));
            }
            &Head::Normalise { x, rms, epsilon } => {
                let (image_quads, ..) = per_image(out);
                let params = AscentParams { count, image_quads, factor: epsilon, ..Default::default() };
                call.each_quad(Shader::Ascent, "normalise", vec![], &params, two(x, rms));
            }
            &Head::Adam { m, v, cm, cv, epsilon } => {
                let (image_quads, ..) = per_image(out);
                let params = AdamParams { count, image_quads, epsilon };
                let buffers = vec![y, Bound::Value(m), Bound::Value(v), Bound::Value(cm), Bound::Value(cv)];
                call.each_quad(Shader::Adam, "adam", vec![], &params, buffers);
            }
            &Head::Step { x, g, rate } => {
                let params = AscentParams { count, factor: rate, ..Default::default() };
                call.each_quad(Shader::Ascent, "step", vec![], &params, two(x, g));
            }
            Head::Todo { .. } => unreachable!("lower refuses it"),
        }
        Ok(())
    }
}

/// Quads per image, quads per pixel, channels, values per image.
fn per_image(shape: Shape) -> (u32, u32, u32, f32) {
    let c4 = quads(shape.c);
    ((shape.h * shape.w * c4) as u32, c4 as u32, shape.c as u32, shape.image_len() as f32)
}

fn total_variation(shape: Shape) -> TotalVariationParams {
    let (count, c4, channels, values) = per_image(shape);
    TotalVariationParams { count, c4, channels, h: shape.h as u32, w: shape.w as u32, values }
}

/// Adds calls of simple shaders.
struct Launch<'l> {
    lowered: &'l mut Lowered,
    step: usize,
    /// Quads of the output.
    count: usize,
}

impl Launch<'_> {
    fn add<P: bytemuck::Pod>(
        &mut self,
        pipeline: PipelineKey,
        params: &P,
        buffers: Vec<Bound>,
        groups: [u32; 3],
        work: usize,
    ) {
        let (params, work) = (bytemuck::bytes_of(params).to_vec(), work as u64);
        self.lowered.calls.push(Call { pipeline, params, buffers, groups, work, step: self.step });
    }

    /// A thread for each quad of the output.
    fn each_quad<P: bytemuck::Pod>(
        &mut self,
        shader: Shader,
        entry: &'static str,
        overrides: Vec<(&'static str, u32)>,
        params: &P,
        buffers: Vec<Bound>,
    ) {
        let [x, y] = grid(self.count.div_ceil(64));
        self.add(PipelineKey { shader, entry, overrides }, params, buffers, [x, y, 1], self.count * 16);
    }

    /// A workgroup for each image.
    fn each_image<P: bytemuck::Pod>(
        &mut self,
        shader: Shader,
        entry: &'static str,
        params: &P,
        buffers: Vec<Bound>,
        images: usize,
    ) {
        let key = PipelineKey { shader, entry, overrides: vec![] };
        self.add(key, params, buffers, [images as u32, 1, 1], images * 65536);
    }

    fn pointwise(&mut self, entry: &'static str, step: &Step, x: Bound, params: PointwiseParams) {
        let ends = self.lowered.ends(&step.ends, step.side, vec![]);
        let params = PointwiseParams { scale_at: ends.scale_at, ..params };
        let buffers = vec![Bound::Value(step.output), ends.signs, x, ends.constants, ends.add, ends.gate];
        self.each_quad(Shader::Pointwise, entry, ends.overrides, &params, buffers);
    }
}
