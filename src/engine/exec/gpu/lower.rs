//! From a plan's steps to calls of shaders.

use super::call::{Bound, Call, Lowered, Target, WORK_PER_SUBMISSION, grid};
use super::conv::{self, ConvPart, ConvStep};
use super::device::PipelineKey;
use super::pack::Constant;
use super::shader::{
    AdamParams, AscentParams, ConcatParams, MaxPoolParams, MeanParams, MulParams, PointwiseParams, RollParams, Shader,
    SigmoidParams, TotalVariationParams, TransformParams, UpsampleParams, quads,
};
use super::{single, winograd};
use crate::engine::ops::{Axis, Matrix, Op, Window};
use crate::engine::plan::{Head, Part, Plan, Step, ValueId};
use crate::engine::tensor::Shape;
use crate::{Error, Result};

pub(super) fn lower(plan: &Plan, target: Target) -> Result<Lowered> {
    crate::engine::exec::refuse_new(plan, "the GPU")?;
    let mut lowered = Lowered::default();
    for (index, step) in plan.steps.iter().enumerate() {
        let out = plan.value(step.output).shape;
        let count = out.pixels() * quads(out.c);
        let mut calls = StepCalls { plan, step, index, out, count, lowered: &mut lowered };
        match &step.head {
            Head::Conv { parts, conv, pool } => {
                let part = |p: &Part| ConvPart { value: p.value, shape: plan.value(p.value).shape, up: p.up };
                let parts = parts.iter().map(part).collect();
                convolution(&mut lowered, &ConvStep { index, step, parts, conv, pool: *pool, out, target });
            }
            Head::ConvTranspose { .. } => unreachable!("refused when compiled"),
            &Head::Fill { value } => {
                let params = PointwiseParams { value, ..Default::default() };
                calls.pointwise("fill", Bound::Nothing, params);
            }
            &Head::Same { x } => calls.pointwise("same", Bound::Value(x), PointwiseParams::default()),
            &Head::Unpool { dy, winners, window } => calls.unpool(dy, winners, window),
            Head::Op { op, inputs } => calls.op(op, inputs)?,
        }
    }
    Ok(lowered)
}

fn convolution(lowered: &mut Lowered, step: &ConvStep) {
    // A bank has a kernel of its own for each image, from or to a single channel. Winograd's method has no banks: it must not
    // be taken for such a kernel alone either, or an image would come out otherwise in a batch.
    let is_single = step.conv.kernel.ci == 1 || step.conv.kernel.co == 1;
    if !is_single && winograd::cost(step).is_some_and(|cost| cost < step.cost()) {
        winograd::lower(lowered, step);
    } else if !single::lower(lowered, step) {
        conv::lower(lowered, step);
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

/// Adds the calls of one step that is no convolution.
struct StepCalls<'l> {
    plan: &'l Plan,
    step: &'l Step,
    index: usize,
    out: Shape,
    /// Quads of the output.
    count: usize,
    lowered: &'l mut Lowered,
}

impl StepCalls<'_> {
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
        let (params, work) = (bytemuck::bytes_of(params).to_vec(), work as u64);
        self.lowered.calls.push(Call { pipeline, params, buffers, groups, work, step: self.index });
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

    fn pointwise(&mut self, entry: &'static str, x: Bound, params: PointwiseParams) {
        let epilogue = self.lowered.epilogue(&self.step.epilogue, self.step.side, vec![]);
        let (count, c4) = (self.count as u32, self.c4());
        let params = PointwiseParams { count, c4, scale_at: epilogue.scale_at, ..params };
        let y = Bound::Value(self.step.output);
        let buffers = vec![y, epilogue.signs, x, epilogue.constants, epilogue.add, epilogue.gate];
        self.each_quad(Shader::Pointwise, entry, epilogue.overrides, &params, buffers);
    }

    /// `large`: the shape before pooling.
    fn pool_params(&self, large: Shape, window: Window, scale_at: u32) -> MaxPoolParams {
        MaxPoolParams {
            count: self.count as u32,
            c4: self.c4(),
            h: large.h as u32,
            w: large.w as u32,
            window_h: window.h as u32,
            window_w: window.w as u32,
            scale_at,
            unused: 0,
        }
    }

    fn max_pool(&mut self, x: ValueId, window: Window) -> Result<()> {
        let side = self.step.side;
        if side.is_some() && window.len() > 256 {
            return Err(Error::Device(format!(
                "the GPU shader remembers winners of max pools of at most 256 pixels, not of {window}: run on the CPU"
            )));
        }
        let params = self.pool_params(self.shape(x), window, 0);
        let flags = if side.is_some() { vec![("WINNERS", 1)] } else { vec![] };
        let mut buffers = vec![Bound::Value(self.step.output), side.into(), Bound::Value(x)];
        buffers.resize(7, Bound::Nothing);
        self.each_quad(Shader::MaxPool, "max_pool", flags, &params, buffers);
        Ok(())
    }

    fn unpool(&mut self, dy: ValueId, winners: ValueId, window: Window) {
        let epilogue = self.lowered.epilogue(&self.step.epilogue, self.step.side, vec![]);
        let params = self.pool_params(self.out, window, epilogue.scale_at);
        let (y, dy, winners) = (Bound::Value(self.step.output), Bound::Value(dy), Bound::Value(winners));
        let buffers = vec![y, epilogue.signs, dy, winners, epilogue.constants, epilogue.add, epilogue.gate];
        self.each_quad(Shader::MaxPool, "max_pool_grad", epilogue.overrides, &params, buffers);
    }

    /// An op as it is.
    fn op(&mut self, op: &Op, inputs: &[ValueId]) -> Result<()> {
        let (out, count, c4) = (self.out, self.count as u32, self.c4());
        let mut bound = vec![Bound::Value(self.step.output)];
        bound.extend(inputs.iter().map(|&x| Bound::Value(x)));
        let x = inputs.first().map_or(out, |&x| self.shape(x));
        let none = vec![];
        match op {
            &Op::MaxPool(pool) => self.max_pool(inputs[0], pool.window)?,
            Op::Sigmoid => {
                bound.push(Bound::Nothing);
                self.each_quad(Shader::Sigmoid, "sigmoid", none, &SigmoidParams { count }, bound);
            }
            Op::SigmoidGrad => self.each_quad(Shader::Sigmoid, "sigmoid_grad", none, &SigmoidParams { count }, bound),
            Op::Upsample(window) | Op::SumPool(window) => {
                let (w, window_h, window_w) = (out.w as u32, window.h as u32, window.w as u32);
                let params = UpsampleParams { count, c4, w, window_h, window_w };
                self.each_quad(Shader::Upsample, op.name(), none, &params, bound);
            }
            Op::Concat => self.concat(inputs),
            &Op::Slice { start, .. } => {
                let (x4, start, channels) = (quads(x.c) as u32, start[2] as u32, out.c as u32);
                let params = ConcatParams { count, c4, x4, start, channels };
                self.each_quad(Shader::Concat, "slice", none, &params, bound);
            }
            Op::Mean => {
                let (count, c4, channels, values) = per_image(x);
                self.each_image(Shader::Mean, "mean", &MeanParams { count, c4, channels, values }, bound);
            }
            Op::Spread(_) => {
                let (image_quads, _, channels, values) = per_image(out);
                let params = MeanParams { count, c4: image_quads, channels, values };
                self.each_quad(Shader::Mean, "spread", none, &params, bound);
            }
            Op::Mul => self.each_quad(Shader::Mul, "mul", none, &MulParams { count }, bound),
            Op::Roll => {
                let (h, w, entries) = (out.h as u32, out.w as u32, self.shape(inputs[1]).h as u32);
                self.each_quad(Shader::Roll, "roll", none, &RollParams { count, c4, h, w, entries }, bound);
            }
            Op::TotalVariation => {
                bound.push(Bound::Nothing);
                self.each_image(Shader::TotalVariation, "total_variation", &total_variation(x), bound);
            }
            Op::TotalVariationGrad => {
                let params = TotalVariationParams { count, ..total_variation(out) };
                bound.swap(1, 2); // the shader reads x, then dy
                self.each_quad(Shader::TotalVariation, "total_variation_grad", none, &params, bound);
            }
            Op::Transform { axis, matrix } => self.transform(inputs[0], *axis, matrix),
            Op::Rms => {
                let (count, c4, channels, values) = per_image(x);
                bound.push(Bound::Nothing);
                let params = AscentParams { count, c4, channels, values, ..Default::default() };
                self.each_image(Shader::Ascent, "rms", &params, bound);
            }
            &Op::Normalise { epsilon } => {
                let (image_quads, ..) = per_image(out);
                let params = AscentParams { count, image_quads, factor: epsilon as f32, ..Default::default() };
                self.each_quad(Shader::Ascent, "normalise", none, &params, bound);
            }
            &Op::Adam { epsilon } => {
                let (image_quads, ..) = per_image(out);
                let params = AdamParams { count, image_quads, epsilon: epsilon as f32 };
                self.each_quad(Shader::Adam, "adam", none, &params, bound);
            }
            &Op::Step { rate } => {
                let params = AscentParams { count, factor: rate, ..Default::default() };
                self.each_quad(Shader::Ascent, "step", none, &params, bound);
            }
            Op::Constant { .. }
            | Op::Pointwise(_)
            | Op::PointwiseGrad(_)
            | Op::Softmax(_)
            | Op::MaxPoolGrad(_)
            | Op::Pad { .. }
            | Op::Reshape(_)
            | Op::Permute(_)
            | Op::Sum(_)
            | Op::Broadcast(_)
            | Op::Add => unreachable!("refused when compiled"),
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

    /// In as many calls as keep each of them short.
    fn transform(&mut self, x: ValueId, axis: Axis, matrix: &Matrix) {
        let c4 = quads(self.out.c);
        let inner = match axis {
            Axis::Down => self.out.w * c4,
            Axis::Across => c4,
        };
        let (rows, length, inner) = (matrix.rows as u32, matrix.columns as u32, inner as u32);
        let constant = self.lowered.constant(Constant::Numbers(matrix.data.clone()));
        let work = 4 * matrix.columns;
        let at_once = (WORK_PER_SUBMISSION as usize / work).next_multiple_of(64);
        for first in (0..self.count).step_by(at_once) {
            let count = self.count.min(first + at_once);
            let params = TransformParams { first: first as u32, count: count as u32, rows, length, inner };
            let key = PipelineKey { shader: Shader::Transform, entry: "transform", overrides: vec![] };
            let [gx, gy] = grid((count - first).div_ceil(64));
            let buffers = vec![Bound::Value(self.step.output), Bound::Value(x), constant];
            self.add(key, &params, buffers, [gx, gy, 1], (count - first) * work);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::call::Style;
    use super::*;
    use crate::engine::graph::Graph;
    use crate::engine::ops::{Conv2d, Kernel};

    fn lowered(image: Shape, kernel: (usize, usize), co: usize, target: Target) -> Lowered {
        let mut graph = Graph::new();
        let x = graph.input("x", image).unwrap();
        let (kh, kw) = kernel;
        let kernel = Kernel::new(kh, kw, image.c, co, vec![0.0; kh * kw * image.c * co].into()).unwrap();
        let y = graph.conv2d("y", x, Conv2d::same(kernel, None)).unwrap();
        let basis = Matrix::fourier(image.h.min(512));
        let y = if image.h <= 512 { graph.transform("waves", y, Axis::Down, basis).unwrap() } else { y };
        lower(&Plan::compile(graph, &[y], &[], &[]), target).unwrap()
    }

    /// No dispatch comes near a driver's watchdog of 2 seconds, on a GPU of only 100 billion multiply-accumulates a second,
    /// however large the image.
    #[test]
    fn no_call_keeps_the_gpu_busy_for_long() {
        const SLOW: u64 = 100_000_000_000;
        for style in [Style::Tiled, Style::Subgroup] {
            let target = Target { style, largest_binding: 1 << 40 };
            for (ci, co) in [(64, 64), (1, 64), (64, 1), (1024, 1024), (3, 2)] {
                for kernel in [(3, 3), (7, 7), (1, 1)] {
                    for (n, side) in [(1, 8192), (1, 512), (64, 128)] {
                        let lowered = lowered(Shape::new(n, side, side, ci), kernel, co, target);
                        for call in &lowered.calls {
                            let entry = call.pipeline.entry;
                            assert!(call.work < SLOW / 5, "{entry}: {} of {n}x{side}x{side}x{ci} to {co}", call.work);
                        }
                    }
                }
            }
        }
    }

    /// Which way a convolution is computed must not depend on how many images there are, or its bytes would.
    #[test]
    fn the_way_does_not_depend_on_the_number_of_images() {
        for style in [Style::Tiled, Style::Subgroup] {
            // So small that the taps of many images do not fit at once.
            let target = Target { style, largest_binding: 1 << 20 };
            for (ci, co) in [(1, 8), (16, 1), (16, 16)] {
                let ways = |n: usize| {
                    let lowered = lowered(Shape::new(n, 32, 32, ci), (3, 3), co, target);
                    let mut ways: Vec<&str> = lowered.calls.iter().map(|call| call.pipeline.entry).collect();
                    assert!(lowered.scratch.iter().all(|&bytes| bytes <= 1 << 20), "{:?}", lowered.scratch);
                    ways.sort_unstable();
                    ways.dedup();
                    ways.into_iter().map(String::from).collect::<Vec<_>>()
                };
                assert_eq!(ways(1), ways(100), "{ci} to {co}");
            }
        }
    }
}
