//! The calls of steps that are no convolutions.

use super::call::{Bound, Lowered, WORK_PER_SUBMISSION, grid};
use super::device::PipelineKey;
use super::pack::Constant;
use super::params::{
    AdamParams, AscentParams, BroadcastParams, ConcatParams, MaxPoolParams, MeanParams, PointwiseParams, ReshapeParams,
    RollParams, SameParams, SigmoidParams, SliceParams, SumParams, TotalVariationParams, TransformParams, UnpoolParams,
    UpsampleParams,
};
use super::shader::{Shader, quads};
use crate::engine::ops::{Axes, Axis, Function, Matrix, Op, Pool, Window};
use crate::engine::plan::{Plan, Step, ValueId};
use crate::engine::tensor::Shape;
use crate::{Error, Result};
use std::sync::Arc;

/// Quads per image, quads per pixel, channels, values per image.
fn per_image(shape: Shape) -> (u32, u32, u32, f32) {
    let c4 = quads(shape.c);
    ((shape.h * shape.w * c4) as u32, c4 as u32, shape.c as u32, shape.image_len() as f32)
}

fn total_variation(shape: Shape) -> TotalVariationParams {
    let (count, c4, channels, values) = per_image(shape);
    TotalVariationParams { count, c4, channels, h: shape.h as u32, w: shape.w as u32, values }
}

/// Adds the calls of one step that is no convolution.
pub(super) struct StepCalls<'l> {
    plan: &'l Plan,
    step: &'l Step,
    index: usize,
    out: Shape,
    /// Quads of the output.
    count: usize,
    lowered: &'l mut Lowered,
}

impl<'l> StepCalls<'l> {
    pub fn new(plan: &'l Plan, index: usize, lowered: &'l mut Lowered) -> StepCalls<'l> {
        let step = &plan.steps[index];
        let out = plan.value(step.output).shape;
        StepCalls { plan, step, index, out, count: out.pixels() * quads(out.c), lowered }
    }

    fn shape(&self, id: ValueId) -> Shape {
        self.plan.value(id).shape
    }

    /// Quads per pixel of the output.
    fn c4(&self) -> u32 {
        quads(self.out.c) as u32
    }

    fn add<P: bytemuck::Pod>(
        &mut self,
        pipeline: PipelineKey,
        params: &P,
        buffers: Vec<Bound>,
        groups: [u32; 3],
        work: usize,
    ) {
        self.lowered.call(self.index, pipeline, params, buffers, groups, work as u64);
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
    fn each_image<P: bytemuck::Pod>(&mut self, shader: Shader, entry: &'static str, params: &P, buffers: Vec<Bound>) {
        let key = PipelineKey { shader, entry, overrides: vec![] };
        self.add(key, params, buffers, [self.out.n as u32, 1, 1], self.out.n * 65536);
    }

    /// A thread for each quad of the output, in as many calls as keep each of them short. `work`: of a quad.
    fn in_short_calls<P: bytemuck::Pod>(
        &mut self,
        key: &PipelineKey,
        work: usize,
        params: impl Fn(u32, u32) -> P,
        buffers: &[Bound],
    ) {
        let at_once = (WORK_PER_SUBMISSION as usize / work).max(1).next_multiple_of(64);
        for first in (0..self.count).step_by(at_once) {
            let end = self.count.min(first + at_once);
            let [x, y] = grid((end - first).div_ceil(64));
            let params = params(first as u32, end as u32);
            self.add(key.clone(), &params, buffers.to_vec(), [x, y, 1], (end - first) * work);
        }
    }

    pub fn same(&mut self, entry: &'static str, x: Bound, params: SameParams) {
        let epilogue = self.lowered.epilogue(&self.step.epilogue, self.step.side, vec![]);
        let (count, c4) = (self.count as u32, self.c4());
        let params = SameParams { count, c4, scale_at: epilogue.scale_at, ..params };
        let y = Bound::Value(self.step.output);
        let buffers = vec![y, epilogue.signs, x, epilogue.constants, epilogue.add, epilogue.gate];
        self.each_quad(Shader::Same, entry, epilogue.overrides, &params, buffers);
    }

    pub fn unpool(&mut self, dy: ValueId, winners: ValueId, window: Window) {
        let epilogue = self.lowered.epilogue(&self.step.epilogue, self.step.side, vec![]);
        let (window_h, window_w, w) = (window.h as u32, window.w as u32, self.out.w as u32);
        let (count, c4, scale_at) = (self.count as u32, self.c4(), epilogue.scale_at);
        let params = UnpoolParams { count, c4, w, window_h, window_w, scale_at };
        let (y, dy, winners) = (Bound::Value(self.step.output), Bound::Value(dy), Bound::Value(winners));
        let buffers = vec![y, epilogue.signs, dy, winners, epilogue.constants, epilogue.add, epilogue.gate];
        self.each_quad(Shader::Unpool, "unpool", epilogue.overrides, &params, buffers);
    }

    /// `dy`: of the gradient.
    fn max_pool(&mut self, x: ValueId, dy: Option<ValueId>, pool: Pool) -> Result<()> {
        let Pool { window, stride, pad } = pool;
        let side = self.step.side;
        if side.is_some() && window.len() > 256 {
            return Err(Error::Device(format!(
                "the GPU shader remembers winners of max pools of at most 256 pixels, not of {window}: run on the CPU"
            )));
        }
        let size = |shape: Shape| [shape.h as u32, shape.w as u32];
        let c4 = self.c4();
        let (x_size, out) = (size(self.shape(x)), size(dy.map_or(self.out, |dy| self.shape(dy))));
        let params = |first, count| MaxPoolParams {
            out,
            size: x_size,
            window: [window.h as u32, window.w as u32],
            stride: [stride.h as u32, stride.w as u32],
            pad: [pad.top as u32, pad.left as u32],
            first,
            count,
            c4,
            unused: 0,
        };
        let overrides = if side.is_some() { vec![("WINNERS", 1)] } else { vec![] };
        let entry = if dy.is_some() { "max_pool_grad" } else { "max_pool" };
        let key = PipelineKey { shader: Shader::MaxPool, entry, overrides };
        // Windows that a pixel lies in, each of which is looked through.
        let overlap = window.h.div_ceil(stride.h) * window.w.div_ceil(stride.w);
        let work = 16 + 4 * window.len() * if dy.is_some() { overlap } else { 1 };
        let buffers = [Bound::Value(self.step.output), side.into(), Bound::Value(x), dy.into()];
        self.in_short_calls(&key, work, params, &buffers);
        Ok(())
    }

    /// An op as it is.
    pub fn op(&mut self, op: &Op, inputs: &[ValueId]) -> Result<()> {
        let count = self.count as u32;
        let mut bound = vec![Bound::Value(self.step.output)];
        bound.extend(inputs.iter().map(|&x| Bound::Value(x)));
        let x = inputs.first().map_or(self.out, |&x| self.shape(x));
        let none = vec![];
        match op {
            Op::Constant { shape, data } => self.constant(*shape, data),
            &Op::MaxPool(pool) => self.max_pool(inputs[0], None, pool)?,
            &Op::MaxPoolGrad(pool) => self.max_pool(inputs[1], Some(inputs[0]), pool)?,
            Op::Pointwise(f) => {
                bound.push(Bound::Nothing);
                self.pointwise("pointwise", *f, bound);
            }
            Op::PointwiseGrad(f) => {
                bound.swap(1, 2); // the shader reads x, then dy
                self.pointwise("pointwise_grad", *f, bound);
            }
            &Op::Sum(axes) | &Op::Softmax(axes) => self.over(axes, op.name(), x, bound),
            Op::Sigmoid => {
                bound.push(Bound::Nothing);
                self.each_quad(Shader::Sigmoid, "sigmoid", none, &SigmoidParams { count }, bound);
            }
            Op::SigmoidGrad => self.each_quad(Shader::Sigmoid, "sigmoid_grad", none, &SigmoidParams { count }, bound),
            &Op::Upsample(window) | &Op::SumPool(window) => self.upsample(op.name(), window, bound),
            Op::Concat => self.concat(inputs),
            &Op::Slice { start, .. } => self.slice(start.map(|start| start as i32), x, bound),
            &Op::Pad { before, .. } => self.slice(before.map(|before| -(before as i32)), x, bound),
            Op::Reshape(_) => self.carry("reshape", [0; 3], x, bound),
            &Op::Permute(order) => self.permute(order, x, bound),
            Op::Broadcast(_) => {
                bound.push(Bound::Nothing);
                self.broadcast(op.name(), [x, x], bound);
            }
            Op::Add | Op::Mul => self.broadcast(op.name(), [x, self.shape(inputs[1])], bound),
            Op::Mean => self.mean(x, bound),
            Op::Spread(_) => self.spread(bound),
            Op::Roll => self.roll(self.shape(inputs[1]).h, bound),
            Op::TotalVariation => {
                bound.push(Bound::Nothing);
                self.each_image(Shader::TotalVariation, "total_variation", &total_variation(x), bound);
            }
            Op::TotalVariationGrad => {
                let params = TotalVariationParams { count, ..total_variation(self.out) };
                bound.swap(1, 2); // the shader reads x, then dy
                self.each_quad(Shader::TotalVariation, "total_variation_grad", none, &params, bound);
            }
            Op::Transform { axis, matrix } => self.transform(inputs[0], *axis, matrix),
            Op::Rms => self.rms(x, bound),
            &Op::Normalise { epsilon } => self.ascent("normalise", epsilon as f32, bound),
            &Op::Step { rate } => self.ascent("step", rate, bound),
            &Op::Adam { epsilon } => {
                let (image_quads, ..) = per_image(self.out);
                let params = AdamParams { count, image_quads, epsilon: epsilon as f32 };
                self.each_quad(Shader::Adam, "adam", none, &params, bound);
            }
            Op::Input(_)
            | Op::Fill { .. }
            | Op::Conv2d(_)
            | Op::ConvTranspose(_)
            | Op::BatchNorm { .. }
            | Op::Relu
            | Op::ReluGrad
            | Op::Scale { .. } => unreachable!("fusion gives {} a head of its own", op.name()),
        }
        Ok(())
    }

    fn constant(&mut self, shape: Shape, data: &Arc<[f32]>) {
        let x = self.lowered.constant(Constant::Pixels { values: data.clone(), c: shape.c });
        let x_quads = (data.len() / shape.c * quads(shape.c)) as u32;
        self.same("constant", x, SameParams { x_quads, ..Default::default() });
    }

    fn upsample(&mut self, entry: &'static str, window: Window, bound: Vec<Bound>) {
        let (w, window_h, window_w) = (self.out.w as u32, window.h as u32, window.w as u32);
        let params = UpsampleParams { count: self.count as u32, c4: self.c4(), w, window_h, window_w };
        self.each_quad(Shader::Upsample, entry, vec![], &params, bound);
    }

    fn mean(&mut self, x: Shape, bound: Vec<Bound>) {
        let (count, c4, channels, values) = per_image(x);
        self.each_image(Shader::Mean, "mean", &MeanParams { count, c4, channels, values }, bound);
    }

    fn spread(&mut self, bound: Vec<Bound>) {
        let (image_quads, _, channels, values) = per_image(self.out);
        let params = MeanParams { count: self.count as u32, c4: image_quads, channels, values };
        self.each_quad(Shader::Mean, "spread", vec![], &params, bound);
    }

    /// `entries`: how many shifts are on the list of each image.
    fn roll(&mut self, entries: usize, bound: Vec<Bound>) {
        let (h, w, entries) = (self.out.h as u32, self.out.w as u32, entries as u32);
        let params = RollParams { count: self.count as u32, c4: self.c4(), h, w, entries };
        self.each_quad(Shader::Roll, "roll", vec![], &params, bound);
    }

    fn rms(&mut self, x: Shape, mut bound: Vec<Bound>) {
        let (count, c4, channels, values) = per_image(x);
        bound.push(Bound::Nothing);
        let params = AscentParams { count, c4, channels, values, ..Default::default() };
        self.each_image(Shader::Ascent, "rms", &params, bound);
    }

    /// normalise and step. `factor`: epsilon, or the rate.
    fn ascent(&mut self, entry: &'static str, factor: f32, bound: Vec<Bound>) {
        let (image_quads, ..) = per_image(self.out);
        let params = AscentParams { count: self.count as u32, image_quads, factor, ..Default::default() };
        self.each_quad(Shader::Ascent, entry, vec![], &params, bound);
    }

    /// One input after the other.
    fn concat(&mut self, inputs: &[ValueId]) {
        let (count, c4, mut start) = (self.count as u32, self.c4(), 0);
        for &x in inputs {
            let channels = self.shape(x).c as u32;
            let params = ConcatParams { count, c4, x4: quads(self.shape(x).c) as u32, start, channels };
            let buffers = vec![Bound::Value(self.step.output), Bound::Value(x)];
            self.each_quad(Shader::Concat, "concat", vec![], &params, buffers);
            start += channels;
        }
    }

    fn transform(&mut self, x: ValueId, axis: Axis, matrix: &Matrix) {
        let c4 = quads(self.out.c);
        let inner = match axis {
            Axis::Down => self.out.w * c4,
            Axis::Across => c4,
        };
        let (rows, length, inner) = (matrix.rows as u32, matrix.columns as u32, inner as u32);
        let constant = self.lowered.constant(Constant::Matrix(matrix.clone()));
        let key = PipelineKey { shader: Shader::Transform, entry: "transform", overrides: vec![] };
        let params = |first, count| TransformParams { first, count, rows, length, inner };
        let buffers = [Bound::Value(self.step.output), Bound::Value(x), constant];
        self.in_short_calls(&key, 4 * matrix.columns, params, &buffers);
    }

    fn pointwise(&mut self, entry: &'static str, f: Function, bound: Vec<Bound>) {
        let (function, settings) = PointwiseParams::of(f);
        let (count, c4, channels) = (self.count as u32, self.c4(), self.out.c as u32);
        let params = PointwiseParams { count, c4, channels, ..settings };
        self.each_quad(Shader::Pointwise, entry, vec![("FUNCTION", function)], &params, bound);
    }

    /// sum and softmax.
    fn over(&mut self, axes: Axes, entry: &'static str, x: Shape, bound: Vec<Bound>) {
        let boxes = axes.summed(x);
        let (c4, boxes4) = (quads(x.c), if axes.c { 1 } else { quads(x.c) });
        let of_box = [x.h / boxes.h, x.w / boxes.w];
        let box4 = c4 / boxes4;
        let members = of_box[0] * of_box[1] * box4;
        let count = boxes.pixels() * boxes4;
        let params = SumParams {
            boxes: [boxes.h as u32, boxes.w as u32],
            of_box: of_box.map(|side| side as u32),
            x: [x.h as u32, x.w as u32],
            c4: c4 as u32,
            channels: x.c as u32,
            boxes4: boxes4 as u32,
            box4: box4 as u32,
            count: count as u32,
            deep: axes.c.into(),
        };
        let lanes = match members {
            0..=8 => 1,
            9..=128 => 16,
            _ => 256,
        };
        let [gx, gy] = grid((count * lanes).div_ceil(256));
        let key = PipelineKey { shader: Shader::Sum, entry, overrides: vec![("LANES", lanes as u32)] };
        self.add(key, &params, bound, [gx, gy, 1], x.pixels() * c4 * 64);
    }

    /// slice and pad.
    fn slice(&mut self, start: [i32; 3], x: Shape, bound: Vec<Bound>) {
        let params = SliceParams {
            count: self.count as u32,
            c4: self.c4(),
            channels: self.out.c as u32,
            h: self.out.h as u32,
            w: self.out.w as u32,
            x_h: x.h as u32,
            x_w: x.w as u32,
            x4: quads(x.c) as u32,
            x_channels: x.c as u32,
            start,
        };
        self.each_quad(Shader::Slice, "slice", vec![], &params, bound);
    }

    fn permute(&mut self, order: [usize; 3], x: Shape, bound: Vec<Bound>) {
        let deep = quads(x.c) * 4;
        let steps = order.map(|axis| [x.w * deep, deep, 1][axis] as u32);
        self.carry("permute", steps, x, bound);
    }

    /// reshape and permute. `steps`: in x, from one row, column and channel of y to the next.
    fn carry(&mut self, entry: &'static str, steps: [u32; 3], x: Shape, bound: Vec<Bound>) {
        let params = ReshapeParams {
            count: self.count as u32,
            c4: self.c4(),
            channels: self.out.c as u32,
            h: self.out.h as u32,
            w: self.out.w as u32,
            x_image: (x.h * x.w * quads(x.c) * 4) as u32,
            x_channels: x.c as u32,
            steps,
        };
        self.each_quad(Shader::Reshape, entry, vec![], &params, bound);
    }

    /// broadcast, add and mul.
    fn broadcast(&mut self, entry: &'static str, inputs: [Shape; 2], bound: Vec<Bound>) {
        let [a, b] = inputs.map(|x| {
            let deep = quads(x.c);
            let steps = [(2, x.h * x.w * deep), (x.h, x.w * deep), (x.w, deep), (x.c, 1)];
            steps.map(|(side, step)| if side == 1 { 0 } else { step as u32 })
        });
        let (h, w) = (self.out.h as u32, self.out.w as u32);
        let params = BroadcastParams { a, b, count: self.count as u32, c4: self.c4(), h, w };
        self.each_quad(Shader::Broadcast, entry, vec![], &params, bound);
    }
}
