//! A plan on the CPU: first what its shapes decide, then buffers and packed kernels, and the steps.

use super::aligned::Aligned;
use super::conv::Operands;
use super::heads::{self, Source};
use super::phases::{self, Phase};
use super::simd::Level;
use super::{functions, general, images, waves};
use crate::Result;
use crate::engine::exec::contract::Contract;
use crate::engine::exec::memory::Memory;
use crate::engine::exec::{Compiled, Program, Trace};
use crate::engine::graph::NodeId;
use crate::engine::ops::Op;
use crate::engine::plan::{Head, Placement, Plan, Step, ValueId, ValueKind};
use crate::engine::tensor::{Shape, Tensor};
use rayon::ThreadPool;
use std::ops::Range;
use std::sync::Arc;

/// Images that are computed together.
const GROUP: usize = 4;

pub(super) struct CpuCompiled {
    plan: Arc<Plan>,
    pool: Arc<ThreadPool>,
    level: Level,
    /// Images in a group; the last one may be smaller.
    group: usize,
    /// For each step that is a convolution how it is computed.
    convs: Vec<Vec<Phase>>,
    placement: Placement,
    /// f32s that the convolutions use while they run.
    scratch: usize,
}

impl CpuCompiled {
    pub fn new(plan: Arc<Plan>, level: Level, pool: Arc<ThreadPool>) -> CpuCompiled {
        let images = plan.images();
        let group = images.min(GROUP);
        // In the pool, for scratch memory depends on how many threads there are.
        let convs = pool.install(|| Phase::of_plan(&plan, level, group));
        let scratch = convs.iter().flatten().map(|conv| conv.scratch_len(group)).max().unwrap_or(0);
        let size = |id: ValueId| {
            let n = if plan.outlives(id) { images } else { group };
            (n * image_bytes(&plan, id)).div_ceil(size_of::<f32>())
        };
        let placement = plan.place(size);
        CpuCompiled { plan, pool, level, group, convs, placement, scratch }
    }
}

impl Compiled for CpuCompiled {
    fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    fn memory(&self) -> Memory {
        let kernels: usize = self.convs.iter().flatten().map(Phase::bytes).sum();
        let waves = fourier_bytes(&self.plan, self.pool.current_num_threads());
        Memory::host(((self.placement.total() + self.scratch) * size_of::<f32>() + kernels + waves) as u64)
    }

    fn image_bytes(&self, value: ValueId) -> usize {
        image_bytes(&self.plan, value)
    }

    fn load(self: Box<Self>) -> Result<Box<dyn Program>> {
        let CpuCompiled { plan, pool, level, group, mut convs, placement, scratch } = *self;
        pool.install(|| {
            for (step, convs) in plan.steps.iter().zip(&mut convs) {
                convs.iter_mut().for_each(|phase| phase.pack(step));
            }
        });
        let buffers = placement.sizes.iter().map(|&len| Aligned::zeros(len)).collect();
        let waves = plan.steps.iter().map(fourier).collect();
        Ok(Box::new(CpuProgram {
            contract: Contract::new(plan.clone()),
            plan,
            level,
            pool,
            group,
            convs,
            waves,
            buffer_of: placement.buffer_of,
            buffers,
            scratch: Aligned::zeros(scratch),
        }))
    }
}

/// Bytes of one image's share of a value. Signs and winners are packed: a bit per channel, a pixel's bits filled up to whole
/// bytes; for winners as many as a window has pixels.
pub fn image_bytes(plan: &Plan, id: ValueId) -> usize {
    let value = plan.value(id);
    let window = match (value.kind, &plan.graph[value.node].op) {
        (ValueKind::Data, _) => return value.shape.image_len() * size_of::<f32>(),
        (ValueKind::Winners, Op::MaxPool(pool)) => pool.window.len(),
        _ => 1,
    };
    value.shape.h * value.shape.w * window * value.shape.c.div_ceil(8)
}

fn fourier(step: &Step) -> Option<waves::Transform> {
    let Head::Op { op: Op::Transform { matrix, .. }, .. } = &step.head else { return None };
    matrix.waves().map(|waves| waves::Transform::new(matrix.rows, waves))
}

/// What the Fourier transforms of a plan take, of which one runs at a time.
fn fourier_bytes(plan: &Plan, threads: usize) -> usize {
    let (mut held, mut working) = (0, 0);
    for step in &plan.steps {
        if let Head::Op { op: Op::Transform { axis, matrix }, inputs } = &step.head
            && matrix.waves().is_some()
        {
            held += waves::Transform::bytes(matrix.rows, threads);
            working = working.max(waves::Transform::working_bytes(plan.value(inputs[0]).shape, *axis));
        }
    }
    held + working
}

struct CpuProgram {
    plan: Arc<Plan>,
    contract: Contract,
    level: Level,
    pool: Arc<ThreadPool>,
    group: usize,
    convs: Vec<Vec<Phase>>,
    /// For each step that is a Fourier transform the fast one.
    waves: Vec<Option<waves::Transform>>,
    /// For each value its buffer.
    buffer_of: Vec<usize>,
    buffers: Vec<Aligned>,
    scratch: Aligned,
}

impl CpuProgram {
    /// The values of images `images` in the value's buffer, which has room for all images or for one group.
    fn range(&self, id: ValueId, images: &Range<usize>) -> Range<usize> {
        let len = self.plan.value(id).shape.image_len();
        let first = if self.plan.outlives(id) { images.start } else { 0 };
        first * len..(first + images.len()) * len
    }

    fn data(&self, id: ValueId, images: &Range<usize>) -> &[f32] {
        &self.buffers[self.buffer_of[id.0]][self.range(id, images)]
    }

    /// Signs or winners; these never outlive their group.
    fn side(&self, id: ValueId, images: &Range<usize>) -> &[u8] {
        let bytes = images.len() * image_bytes(&self.plan, id);
        &bytemuck::cast_slice::<f32, u8>(&self.buffers[self.buffer_of[id.0]])[..bytes]
    }

    /// Runs a step for one group of images. What it writes is taken out of the program meanwhile; nothing that it reads lies in
    /// the same buffer.
    fn step(&mut self, index: usize, images: Range<usize>) {
        let plan = self.plan.clone();
        let step = &plan.steps[index];
        let out_range = self.range(step.output, &images);
        let mut out_buffer = std::mem::take(&mut self.buffers[self.buffer_of[step.output.0]]);
        let mut side_buffer = step.side.map(|id| std::mem::take(&mut self.buffers[self.buffer_of[id.0]]));
        let mut scratch = std::mem::take(&mut self.scratch);
        let side_len = step.side.map_or(0, |id| images.len() * image_bytes(&plan, id));
        let side = side_buffer.as_mut().map(|b| &mut bytemuck::cast_slice_mut::<f32, u8>(b)[..side_len]);
        self.compute(index, &images, &mut out_buffer[out_range], side, &mut scratch);
        self.scratch = scratch;
        self.buffers[self.buffer_of[step.output.0]] = out_buffer;
        if let (Some(id), Some(buffer)) = (step.side, side_buffer) {
            self.buffers[self.buffer_of[id.0]] = buffer;
        }
    }

    fn compute(
        &self,
        index: usize,
        images: &Range<usize>,
        out: &mut [f32],
        side: Option<&mut [u8]>,
        scratch: &mut [f32],
    ) {
        let step = &self.plan.steps[index];
        let data = |id: ValueId| self.data(id, images);
        let shape = |id: ValueId| self.plan.value(id).shape.with_n(images.len());
        let out_shape = shape(step.output);
        let operands = |side| Operands {
            bias: phases::bias(&step.head, images),
            add: step.epilogue.add.map(data),
            relu: step.epilogue.relu,
            signs: side,
            scale_shift: step.epilogue.affine.as_ref().map(|a| (&*a.scale, &*a.shift)),
            gate: step.epilogue.gate.map(|id| self.side(id, images)),
        };
        let source = match &step.head {
            Head::Conv { parts, .. } => {
                let parts: Vec<&[f32]> = parts.iter().map(|part| data(part.value)).collect();
                self.conv(index, images, &parts, operands(side), (out, out_shape), scratch);
                return;
            }
            &Head::ConvTranspose { x, .. } => {
                self.conv(index, images, &[data(x)], operands(side), (out, out_shape), scratch);
                return;
            }
            Head::Op { op, inputs } => {
                let x: Vec<(&[f32], Shape)> = inputs.iter().map(|&x| (data(x), shape(x))).collect();
                self.op(index, op, images, &x, side, (out, out_shape));
                return;
            }
            &Head::Fill { value } => Source::Fill(value),
            &Head::Same { x } => Source::Same(data(x)),
            &Head::Unpool { dy, winners, window } => {
                Source::Unpool { dy: data(dy), winners: self.side(winners, images), window }
            }
        };
        heads::with_epilogue(self.level, source, out_shape, operands(side), out);
    }

    /// A convolution, phase by phase; each does its part of the epilogue.
    fn conv(
        &self,
        index: usize,
        images: &Range<usize>,
        parts: &[&[f32]],
        mut operands: Operands,
        (out, shape): (&mut [f32], Shape),
        scratch: &mut [f32],
    ) {
        for phase in &self.convs[index] {
            phase.run(images.start / self.group, parts, &mut operands, (out, shape), scratch);
        }
    }

    /// An op as it is; `x` are its inputs with their shapes.
    fn op(
        &self,
        index: usize,
        op: &Op,
        images: &Range<usize>,
        x: &[(&[f32], Shape)],
        winners: Option<&mut [u8]>,
        (out, out_shape): (&mut [f32], Shape),
    ) {
        let of = |i: usize| x[i].0;
        match op {
            &Op::MaxPool(pool) if pool.is_plain(x[0].1) => {
                heads::max_pool(self.level, of(0), x[0].1, pool.window, winners, out);
            }
            &Op::MaxPool(pool) => general::max_pool(of(0), x[0].1, pool, (out, out_shape)),
            &Op::MaxPoolGrad(pool) => general::max_pool_grad(x[0], of(1), pool, (out, out_shape)),
            &Op::Pointwise(f) => functions::pointwise(self.level, f, of(0), out),
            &Op::PointwiseGrad(f) => functions::pointwise_grad(self.level, f, of(0), of(1), out),
            &Op::Softmax(axes) => general::softmax(of(0), out_shape, axes, out),
            Op::Sigmoid => heads::sigmoid(of(0), out),
            Op::SigmoidGrad => heads::sigmoid_grad(of(0), of(1), out),
            &Op::Upsample(window) => heads::upsample(of(0), out_shape, window, out),
            &Op::SumPool(window) => heads::sum_pool(of(0), out_shape, window, out),
            Op::Concat => heads::concat(&x.iter().map(|&(x, shape)| (x, shape.c)).collect::<Vec<_>>(), out),
            &Op::Slice { start, .. } => general::crop(of(0), x[0].1, start, (out, out_shape)),
            &Op::Pad { before, .. } => general::pad(of(0), x[0].1, before, (out, out_shape)),
            Op::Reshape(_) => out.copy_from_slice(of(0)),
            &Op::Permute(order) => general::permute(of(0), x[0].1, order, (out, out_shape)),
            Op::Mean => heads::mean(of(0), out),
            Op::Spread(_) => heads::spread(of(0), out),
            &Op::Sum(axes) => general::sum(of(0), x[0].1, axes, out),
            Op::Broadcast(_) => general::broadcast(of(0), x[0].1, out_shape, out),
            Op::Add => general::zip(x[0], x[1], (out, out_shape), |a, b| a + b),
            Op::Mul => general::zip(x[0], x[1], (out, out_shape), |a, b| a * b),
            Op::Roll => images::roll(of(0), of(1), out_shape, out),
            Op::TotalVariation => images::total_variation(of(0), x[0].1, out),
            Op::TotalVariationGrad => images::total_variation_grad(of(0), of(1), out_shape, out),
            Op::Transform { axis, matrix } => match &self.waves[index] {
                Some(fast) => fast.run(of(0), x[0].1, *axis, out),
                None => images::transform(of(0), x[0].1, *axis, matrix, out),
            },
            Op::Rms => heads::rms(of(0), out),
            &Op::Normalise { epsilon } => heads::normalise(of(0), of(1), epsilon as f32, out),
            &Op::Adam { epsilon } => images::adam([of(0), of(1), of(2), of(3)], epsilon as f32, out),
            &Op::Step { rate } => heads::step(of(0), of(1), rate, out),
            Op::Constant { data, .. } => general::constant(data, images, out_shape.image_len(), out),
            Op::Input(_)
            | Op::Fill { .. }
            | Op::Conv2d(_)
            | Op::ConvTranspose(_)
            | Op::BatchNorm { .. }
            | Op::Relu
            | Op::ReluGrad
            | Op::Scale { .. } => unreachable!("fusion gives {} a head of its own", op.name()),
        }
    }

    /// Runs the first `end` steps, one group of images after the other; `measure` hears which step took how many seconds.
    fn run_until(&mut self, end: usize, mut measure: Option<&mut [f64]>) {
        let images = self.plan.images();
        for first in (0..images).step_by(self.group.max(1)) {
            for index in 0..end {
                let start = measure.is_some().then(std::time::Instant::now);
                self.step(index, first..(first + self.group).min(images));
                if let (Some(seconds), Some(start)) = (&mut measure, start) {
                    seconds[index] += start.elapsed().as_secs_f64();
                }
            }
        }
    }

    /// The values of all images.
    fn whole(&self, id: ValueId) -> &[f32] {
        self.data(id, &(0..self.plan.images()))
    }
}

impl Program for CpuProgram {
    fn write(&mut self, input: NodeId, values: &Tensor) -> Result<()> {
        if let Some(id) = self.contract.write(input, values)? {
            let range = self.range(id, &(0..values.shape.n));
            self.buffers[self.buffer_of[id.0]][range].copy_from_slice(&values.data);
        }
        Ok(())
    }

    fn run(&mut self, count: usize) -> Result<Trace> {
        self.contract.run()?;
        let plan = self.plan.clone();
        let mut trace = vec![];
        for _ in 0..count {
            self.pool.clone().install(|| self.run_until(plan.steps.len(), None));
            trace.push(plan.traced.iter().map(|&id| self.whole(id).to_vec()).collect());
            for &(current, next) in &plan.state {
                let next = self.whole(next).to_vec();
                let range = self.range(current, &(0..plan.images()));
                self.buffers[self.buffer_of[current.0]][range].copy_from_slice(&next);
            }
        }
        Ok(trace)
    }

    fn first_traced(&mut self) -> Result<Vec<f32>> {
        let (first, steps) = self.contract.run_to_first_traced()?;
        self.pool.clone().install(|| self.run_until(steps, None));
        Ok(self.whole(first).to_vec())
    }

    fn read(&mut self, node: NodeId) -> Result<Tensor> {
        let id = self.contract.read(node)?;
        Ok(Tensor::new(self.plan.value(id).shape, self.whole(id).to_vec()))
    }

    /// The least of a few runs: what the step takes when nothing else is in its way.
    fn profile(&mut self) -> Result<Vec<f64>> {
        const RUNS: usize = 3;
        self.contract.run()?;
        let mut least = vec![f64::INFINITY; self.plan.steps.len()];
        for _ in 0..RUNS {
            let mut seconds = vec![0.0; least.len()];
            self.pool.clone().install(|| self.run_until(least.len(), Some(&mut seconds)));
            least.iter_mut().zip(seconds).for_each(|(least, seconds)| *least = least.min(seconds));
        }
        Ok(least)
    }
}
