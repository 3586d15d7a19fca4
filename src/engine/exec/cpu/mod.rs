//! The CPU executor: f32, SIMD, all cores.
//!
//! A batch is computed in groups of a few images, so that what a group leaves behind between two steps stays in the
//! cache. Buffers are as large as one group; only what must outlive it (the images, what is kept) has room for all.

pub mod aligned;
pub mod conv;
mod heads;
mod images;
pub mod simd;
mod waves;

use super::memory::Limit;
use super::{Executor, Program, Trace};
use crate::Result;
use crate::engine::graph::NodeId;
use crate::engine::plan::{Head, Plan, Step, ValueId};
use crate::engine::tensor::Tensor;
use aligned::Aligned;
use conv::{Ends, Geometry, Packed, PartShape};
use heads::Source;
use rayon::ThreadPool;
use simd::Level;
use std::ops::Range;
use std::sync::Arc;

/// Images that are computed together.
const GROUP: usize = 4;

pub struct Cpu {
    level: Level,
    pool: Arc<ThreadPool>,
    limit: Limit,
}

impl Cpu {
    /// On `threads` threads (`None`: one per core), with the SIMD level that `UNET_LENS_SIMD` names, else the best.
    ///
    /// # Errors
    /// If the threads cannot be started, or the machine does not have that level.
    pub fn new(threads: Option<usize>, limit: Limit) -> Result<Cpu> {
        Cpu::with_level(threads, Level::from_env()?, limit)
    }

    /// The same with that SIMD level, which the machine must have.
    ///
    /// # Errors
    /// If the threads cannot be started.
    pub fn with_level(threads: Option<usize>, level: Level, limit: Limit) -> Result<Cpu> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build();
        let pool = pool.map_err(|why| crate::Error::Device(format!("cannot start threads: {why}; try --threads 1")))?;
        Ok(Cpu { level, pool: Arc::new(pool), limit })
    }
}

impl Executor for Cpu {
    fn describe(&self) -> String {
        let threads = self.pool.current_num_threads();
        format!("cpu, {}, {threads} thread{}", self.level, if threads == 1 { "" } else { "s" })
    }

    fn prepare(&self, plan: Arc<Plan>) -> Result<Box<dyn Program>> {
        plan.not_on("the CPU")?;
        let pool = self.pool.clone();
        Ok(Box::new(pool.install(|| CpuProgram::new(plan, self.level, self.pool.clone()))))
    }

    fn bytes(&self, plan: &Plan) -> u64 {
        let group = plan.images().min(GROUP);
        let buffers = plan.place(|id| size(plan, id, plan.images(), group)).total();
        // Winograd's kernels are 4 times the size of the plain ones: 36 values for 9.
        let kernels: usize = plan.steps.iter().filter_map(conv_of).map(|conv| conv.kernel.data.len() * 4).sum();
        (buffers as u64 + kernels as u64) * 4
    }

    fn limit(&self) -> Limit {
        self.limit
    }

    fn fma_rate(&self) -> Result<f64> {
        Ok(simd::fma_rate(self.level, self.pool.current_num_threads()))
    }
}

fn conv_of(step: &Step) -> Option<&crate::engine::ops::Conv2d> {
    match &step.head {
        Head::Conv { conv, .. } => Some(conv),
        _ => None,
    }
}

/// f32s that the value takes, for all images or for a group.
fn size(plan: &Plan, id: ValueId, images: usize, group: usize) -> usize {
    let n = if plan.outlives(id) { images } else { group };
    (n * plan.image_bytes(id)).div_ceil(size_of::<f32>())
}

struct CpuProgram {
    plan: Arc<Plan>,
    level: Level,
    pool: Arc<ThreadPool>,
    /// Images in a group; the last one may be smaller.
    group: usize,
    /// For each step that is a convolution its kernels: one, or where each image has its own one per group.
    convs: Vec<Vec<Packed>>,
    /// For each step that is a Fourier transform the fast one.
    waves: Vec<Option<waves::Transform>>,
    /// For each value its buffer, and whether it has room for all images.
    places: Vec<(usize, bool)>,
    buffers: Vec<Aligned>,
    scratch: Aligned,
}

impl CpuProgram {
    fn new(plan: Arc<Plan>, level: Level, pool: Arc<ThreadPool>) -> CpuProgram {
        let images = plan.images();
        let group = images.min(GROUP);
        let placement = plan.place(|id| size(&plan, id, images, group));
        let ids = (0..plan.values.len()).map(ValueId);
        let places = ids.map(|id| (placement.buffer_of[id.0], plan.outlives(id))).collect();
        let convs: Vec<Vec<Packed>> = plan.steps.iter().map(|step| pack(&plan, step, level, group)).collect();
        let waves = plan.steps.iter().map(fourier).collect();
        let scratch = convs.iter().flatten().map(|conv| conv.scratch_len(group)).max().unwrap_or(0);
        let buffers = placement.sizes.iter().map(|&len| Aligned::zeros(len)).collect();
        CpuProgram { plan, level, pool, group, convs, waves, places, buffers, scratch: Aligned::zeros(scratch) }
    }

    /// The values of images `images` in the value's buffer.
    fn range(&self, id: ValueId, images: &Range<usize>) -> Range<usize> {
        let len = self.plan.value(id).shape.image_len();
        let first = if self.places[id.0].1 { images.start } else { 0 };
        first * len..(first + images.len()) * len
    }

    fn data(&self, id: ValueId, images: &Range<usize>) -> &[f32] {
        &self.buffers[self.places[id.0].0][self.range(id, images)]
    }

    /// Signs or winners; these never outlive their group.
    fn side(&self, id: ValueId, images: &Range<usize>) -> &[u8] {
        let bytes = images.len() * self.plan.image_bytes(id);
        &bytemuck::cast_slice::<f32, u8>(&self.buffers[self.places[id.0].0])[..bytes]
    }

    fn step(&mut self, index: usize, images: Range<usize>) {
        let plan = self.plan.clone();
        let step = &plan.steps[index];
        // The output is taken out while it is written; no input lies in the same buffer.
        let out_range = self.range(step.output, &images);
        let mut out_buffer = std::mem::take(&mut self.buffers[self.places[step.output.0].0]);
        let mut side_buffer = step.side.map(|id| std::mem::take(&mut self.buffers[self.places[id.0].0]));
        let mut scratch = std::mem::take(&mut self.scratch);
        let out = &mut out_buffer[out_range];
        let side_len = step.side.map_or(0, |id| images.len() * plan.image_bytes(id));
        let side = side_buffer.as_mut().map(|b| &mut bytemuck::cast_slice_mut::<f32, u8>(b)[..side_len]);
        let this = &*self;
        let data = |id: ValueId| this.data(id, &images);
        let shape = |id: ValueId| plan.value(id).shape.with_n(images.len());
        let out_shape = shape(step.output);
        let ends = |side| Ends {
            bias: None,
            add: step.ends.add.map(data),
            relu: step.ends.relu,
            signs: side,
            scale_shift: step.ends.affine.as_ref().map(|a| (&*a.scale, &*a.shift)),
            gate: step.ends.gate.map(|id| this.side(id, &images)),
        };
        match &step.head {
            Head::Conv { parts, conv, .. } => {
                let parts: Vec<&[f32]> = parts.iter().map(|part| data(part.value)).collect();
                let own = conv.kernel.bank > 1;
                let packed = &this.convs[index][if own { images.start / this.group } else { 0 }];
                let bias = conv.bias.as_deref();
                let bias =
                    bias.map(|b| if own { &b[images.start * conv.kernel.co..images.end * conv.kernel.co] } else { b });
                packed.run(images.len(), &parts, &mut Ends { bias, ..ends(side) }, out, &mut scratch);
            }
            &Head::Fill { value } => heads::with_ends(this.level, Source::Fill(value), out_shape, ends(side), out),
            &Head::Same { x } => heads::with_ends(this.level, Source::Same(data(x)), out_shape, ends(side), out),
            &Head::MaxPoolGrad { dy, winners, window } => {
                let source = Source::Unpool { dy: data(dy), winners: this.side(winners, &images), window };
                heads::with_ends(this.level, source, out_shape, ends(side), out);
            }
            &Head::MaxPool { x, window } => heads::max_pool(this.level, data(x), shape(x), window, side, out),
            &Head::Sigmoid { x } => heads::sigmoid(data(x), out),
            &Head::SigmoidGrad { dy, y } => heads::sigmoid_grad(data(dy), data(y), out),
            &Head::Upsample { x, window } => heads::upsample(data(x), out_shape, window, out),
            &Head::SumPool { x, window } => heads::sum_pool(data(x), out_shape, window, out),
            Head::Concat { xs } => heads::concat(&xs.iter().map(|&x| (data(x), shape(x).c)).collect::<Vec<_>>(), out),
            &Head::Slice { x, start } => heads::slice(data(x), shape(x).c, start, out_shape.c, out),
            &Head::Mean { x } => heads::mean(data(x), out),
            &Head::Spread { dy } => heads::spread(data(dy), out),
            &Head::Mul { a, b } => images::mul(data(a), data(b), out),
            &Head::Roll { x, by } => images::roll(data(x), data(by), out_shape, out),
            &Head::TotalVariation { x } => images::total_variation(data(x), shape(x), out),
            &Head::TotalVariationGrad { dy, x } => images::total_variation_grad(data(dy), data(x), out_shape, out),
            Head::Transform { x, axis, matrix } => match &this.waves[index] {
                Some(fast) => fast.run(data(*x), shape(*x), *axis, out),
                None => images::transform(data(*x), shape(*x), *axis, matrix, out),
            },
            &Head::Rms { x } => heads::rms(data(x), out),
            &Head::Normalise { x, rms, epsilon } => heads::normalise(data(x), data(rms), epsilon, out),
            &Head::Adam { m, v, cm, cv, epsilon } => {
                images::adam([data(m), data(v), data(cm), data(cv)], epsilon, out);
            }
            &Head::Step { x, g, rate } => heads::step(data(x), data(g), rate, out),
            Head::Todo { .. } => unreachable!("prepare refuses it"),
        }
        self.scratch = scratch;
        self.buffers[self.places[step.output.0].0] = out_buffer;
        if let (Some(id), Some(buffer)) = (step.side, side_buffer) {
            self.buffers[self.places[id.0].0] = buffer;
        }
    }

    /// Runs all steps once, adding to each step's seconds what it took.
    fn run_measured(&mut self, seconds: &mut [f64]) {
        let images = self.plan.images();
        for first in (0..images).step_by(self.group) {
            for (index, seconds) in seconds.iter_mut().enumerate() {
                let start = std::time::Instant::now();
                self.step(index, first..(first + self.group).min(images));
                *seconds += start.elapsed().as_secs_f64();
            }
        }
    }

    /// Runs steps `.. end`, one group of images after the other.
    fn run_until(&mut self, end: usize) {
        let images = self.plan.images();
        for first in (0..images).step_by(self.group) {
            for index in 0..end {
                self.step(index, first..(first + self.group).min(images));
            }
        }
    }

    fn whole(&self, id: ValueId) -> &[f32] {
        self.data(id, &(0..self.plan.images()))
    }
}

fn fourier(step: &Step) -> Option<waves::Transform> {
    let Head::Transform { matrix, .. } = &step.head else { return None };
    matrix.waves().map(|waves| waves::Transform::new(matrix.rows, waves))
}

/// The packed kernels of a step; none if it is no convolution.
fn pack(plan: &Plan, step: &Step, level: Level, group: usize) -> Vec<Packed> {
    let Head::Conv { parts, conv, pool } = &step.head else { return vec![] };
    let (out, kernel) = (plan.value(step.output).shape, &conv.kernel);
    let mut geometry = Geometry {
        h: out.h * pool.h,
        w: out.w * pool.w,
        kh: kernel.kh,
        kw: kernel.kw,
        parts: parts
            .iter()
            .map(|part| PartShape { c: plan.value(part.value).shape.c, up: (part.up.h, part.up.w) })
            .collect(),
        co: kernel.co,
        pool: (pool.h, pool.w),
        bank: 1,
    };
    if kernel.bank == 1 {
        return vec![Packed::new(level, &geometry, &kernel.data)];
    }
    let len = geometry.kernel_len();
    let pack = |kernels: &[f32]| {
        geometry.bank = kernels.len() / len;
        Packed::new(level, &geometry, kernels)
    };
    kernel.data.chunks(group * len).map(pack).collect()
}

impl Program for CpuProgram {
    fn write(&mut self, input: NodeId, values: &Tensor) -> Result<()> {
        // What nothing depends on has no place in the plan.
        let Some(id) = self.plan.data_of(input) else { return Ok(()) };
        assert_eq!(self.plan.value(id).shape, values.shape);
        self.buffers[self.places[id.0].0].copy_from_slice(&values.data);
        Ok(())
    }

    fn run(&mut self, count: usize) -> Result<Trace> {
        let plan = self.plan.clone();
        let mut trace = vec![];
        for _ in 0..count {
            self.pool.clone().install(|| self.run_until(plan.steps.len()));
            trace.push(plan.traced.iter().map(|&id| self.whole(id).to_vec()).collect());
            for &(current, next) in &plan.state {
                let next = self.whole(next).to_vec();
                self.buffers[self.places[current.0].0].copy_from_slice(&next);
            }
        }
        Ok(trace)
    }

    fn first_traced(&mut self) -> Result<Vec<f32>> {
        let first = self.plan.traced[0];
        let end = self.plan.steps.iter().position(|step| step.output == first).expect("a step makes it") + 1;
        self.pool.clone().install(|| self.run_until(end));
        Ok(self.whole(first).to_vec())
    }

    fn read(&mut self, node: NodeId) -> Result<Tensor> {
        let id = self.plan.data_of(node).filter(|id| self.plan.outlives(*id)).expect("kept by the plan");
        Ok(Tensor::new(self.plan.value(id).shape, self.whole(id).to_vec()))
    }

    /// The least of a few runs: what the step takes when nothing else is in its way.
    fn profile(&mut self) -> Result<Vec<f64>> {
        const RUNS: usize = 3;
        let mut least = vec![f64::INFINITY; self.plan.steps.len()];
        for _ in 0..RUNS {
            let mut seconds = vec![0.0; least.len()];
            self.pool.clone().install(|| self.run_measured(&mut seconds));
            least.iter_mut().zip(seconds).for_each(|(least, seconds)| *least = least.min(seconds));
        }
        Ok(least)
    }
}
