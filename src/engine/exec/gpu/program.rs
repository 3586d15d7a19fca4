//! A plan on the GPU: buffers, bind groups and pipelines, made once; runs recorded and submitted without waiting.

use super::device::{Device, Resource, texture_bytes};
use super::lower::{self, Bound, Call, Lowered, WORK_PER_SUBMISSION, quads};
use crate::engine::exec::{Program, Trace};
use crate::engine::graph::NodeId;
use crate::engine::ops::Op;
use crate::engine::plan::{Plan, ValueId, ValueKind};
use crate::engine::tensor::{Shape, Tensor};
use crate::{Error, Result};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// Submissions that wait in the GPU's queue at most.
const QUEUED: usize = 8;

struct Launch {
    pipeline: wgpu::ComputePipeline,
    bindings: wgpu::BindGroup,
    groups: [u32; 3],
    work: u64,
    step: usize,
}

pub(super) struct GpuProgram {
    gpu: Arc<Device>,
    plan: Arc<Plan>,
    buffers: Vec<wgpu::Buffer>,
    /// For each value the index of its buffer.
    buffer_of: Vec<usize>,
    launches: Vec<Launch>,
}

/// Bytes that the plan takes on the GPU: values, constants, scratch.
pub(super) fn bytes(plan: &Plan, lowered: &Lowered) -> u64 {
    let of_constant =
        |(c, texture): (&Vec<f32>, bool)| if texture { texture_bytes(c.len()) } else { c.len() as u64 * 4 };
    let constants: u64 = lowered.constants.iter().zip(lowered.textures()).map(of_constant).sum();
    (plan.place(|id| lower::bytes(plan.value(id))).total() + lowered.scratch.iter().sum::<usize>()) as u64 + constants
}

impl GpuProgram {
    pub fn new(gpu: Arc<Device>, plan: Arc<Plan>, lowered: Lowered) -> Result<GpuProgram> {
        use wgpu::BufferUsages as Usage;
        gpu.compile(lowered.calls.iter().map(|call| &call.pipeline))?;
        let placement = plan.place(|id| lower::bytes(plan.value(id)));
        let usage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
        let largest_in = |b: usize| {
            let tenant = |v: &usize| placement.buffer_of[*v] == b;
            let v = (0..plan.values.len()).filter(tenant).max_by_key(|&v| lower::bytes(&plan.values[v]));
            v.map_or(String::new(), |v| plan.graph[plan.values[v].node].name.clone())
        };
        let buffers = placement.sizes.iter().enumerate();
        let buffers: Vec<wgpu::Buffer> = buffers
            .map(|(b, &size)| gpu.buffer(&format!("the tensor {}", largest_in(b)), size as u64, usage))
            .collect::<Result<_>>()?;
        let values: Vec<Resource> = buffers.iter().cloned().map(Resource::Buffer).collect();
        let constant = |(c, texture): (&Vec<f32>, bool)| match texture {
            true => gpu.texture("a convolution's kernel", c).map(Resource::Texture),
            false => {
                gpu.constant("a convolution's kernel", bytemuck::cast_slice(c), Usage::STORAGE).map(Resource::Buffer)
            }
        };
        let constants: Vec<Resource> =
            lowered.constants.iter().zip(lowered.textures()).map(constant).collect::<Result<_>>()?;
        let scratch: Vec<Resource> = lowered
            .scratch
            .iter()
            .map(|&size| gpu.buffer("a convolution's scratch", size as u64, Usage::STORAGE))
            .map(|buffer| buffer.map(Resource::Buffer))
            .collect::<Result<_>>()?;
        // All calls' parameters lie in one buffer, each where a uniform may start.
        const APART: usize = 256;
        let mut params = vec![0; lowered.calls.len().max(1) * APART];
        for (call, at) in lowered.calls.iter().zip(params.chunks_mut(APART)) {
            at[..call.params.len()].copy_from_slice(&call.params);
        }
        let params = gpu.constant("the parameters", &params, Usage::UNIFORM)?;
        let launch = |(i, call): (usize, &Call)| {
            let bound: Vec<Option<&Resource>> = call
                .buffers
                .iter()
                .map(|bound| match *bound {
                    Bound::Nothing => None,
                    Bound::Value(v) => Some(&values[placement.buffer_of[v.0]]),
                    Bound::Constant(c) => Some(&constants[c]),
                    Bound::Scratch(s) => Some(&scratch[s]),
                })
                .collect();
            let params = wgpu::BufferBinding {
                buffer: &params,
                offset: (i * APART) as u64,
                size: wgpu::BufferSize::new(call.params.len().next_multiple_of(16) as u64),
            };
            Launch {
                pipeline: gpu.pipeline(&call.pipeline),
                bindings: gpu.bind(call.pipeline.shader, params, &bound),
                groups: call.groups,
                work: call.work,
                step: call.step,
            }
        };
        let launches = lowered.calls.iter().enumerate().map(launch).collect();
        gpu.check()?;
        Ok(GpuProgram { buffer_of: placement.buffer_of, gpu, plan, buffers, launches })
    }

    fn buffer(&self, value: ValueId) -> &wgpu::Buffer {
        &self.buffers[self.buffer_of[value.0]]
    }

    /// Bytes of one traced value: a quad per image.
    fn traced_bytes(&self) -> u64 {
        self.plan.images() as u64 * 16
    }

    /// Records those launches, submitting whenever enough work has come together.
    fn record<'l>(&self, launches: impl Iterator<Item = &'l Launch>, queue: &mut Queue) -> Result<()> {
        let mut launches = launches.peekable();
        while launches.peek().is_some() {
            let mut work = queue.work;
            let mut pass = queue.encoder(&self.gpu).begin_compute_pass(&Default::default());
            for launch in launches.by_ref() {
                pass.set_pipeline(&launch.pipeline);
                pass.set_bind_group(0, &launch.bindings, &[]);
                let [x, y, z] = launch.groups;
                pass.dispatch_workgroups(x, y, z);
                work += launch.work;
                if work >= WORK_PER_SUBMISSION {
                    break;
                }
            }
            drop(pass);
            queue.work = work;
            if queue.work >= WORK_PER_SUBMISSION {
                queue.submit(&self.gpu)?;
            }
        }
        Ok(())
    }

    /// For each image its number, from a traced value's bytes.
    fn numbers(&self, quads: &[f32]) -> Vec<f32> {
        quads.chunks(4).map(|quad| quad[0]).collect()
    }
}

/// What has been recorded and not submitted yet, and what has been submitted and not waited for.
#[derive(Default)]
struct Queue {
    encoder: Option<wgpu::CommandEncoder>,
    work: u64,
    submitted: VecDeque<wgpu::SubmissionIndex>,
}

impl Queue {
    fn encoder(&mut self, gpu: &Device) -> &mut wgpu::CommandEncoder {
        self.encoder.get_or_insert_with(|| gpu.device.create_command_encoder(&Default::default()))
    }

    fn submit(&mut self, gpu: &Device) -> Result<()> {
        if let Some(encoder) = self.encoder.take() {
            self.submitted.push_back(gpu.queue.submit([encoder.finish()]));
            self.work = 0;
        }
        if self.submitted.len() > QUEUED {
            gpu.wait(self.submitted.pop_front())?;
        }
        gpu.check()
    }
}

impl Program for GpuProgram {
    fn write(&mut self, input: NodeId, values: &Tensor) -> Result<()> {
        assert!(matches!(self.plan.graph[input].op, Op::Input(shape) if shape == values.shape));
        let is_input = |v: &&ValueId| self.plan.value(**v).node == input;
        // An input that nothing depends on was dropped with all that is dead.
        let Some(&value) = self.plan.inputs.iter().find(is_input) else { return Ok(()) };
        self.gpu.queue.write_buffer(self.buffer(value), 0, bytemuck::cast_slice(&fill_up(values)));
        self.gpu.check()
    }

    fn run(&mut self, count: usize) -> Result<Trace> {
        let (traced, bytes) = (self.plan.traced.len(), self.traced_bytes());
        let usage = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let history = self.gpu.buffer("the losses", (count * traced) as u64 * bytes, usage)?;
        let mut queue = Queue::default();
        for run in 0..count {
            self.record(self.launches.iter(), &mut queue)?;
            let encoder = queue.encoder(&self.gpu);
            for (i, &value) in self.plan.traced.iter().enumerate() {
                let at = (run * traced + i) as u64 * bytes;
                encoder.copy_buffer_to_buffer(self.buffer(value), 0, &history, at, bytes);
            }
            for &(current, next) in self.plan.state.iter().filter(|(current, next)| current != next) {
                let bytes = lower::bytes(self.plan.value(current)) as u64;
                encoder.copy_buffer_to_buffer(self.buffer(next), 0, self.buffer(current), 0, bytes);
            }
        }
        queue.submit(&self.gpu)?;
        self.gpu.wait(None)?;
        if traced == 0 || count == 0 {
            return Ok(vec![vec![]; count]);
        }
        let history = self.gpu.read(&history, (count * traced) as u64 * bytes)?;
        let of_run = |run: &[f32]| run.chunks(bytes as usize / 4).map(|value| self.numbers(value)).collect();
        Ok(history.chunks(traced * bytes as usize / 4).map(of_run).collect())
    }

    fn first_traced(&mut self) -> Result<Vec<f32>> {
        let first = self.plan.traced[0];
        let last = self.plan.steps.iter().position(|step| step.output == first);
        let wanted = |launch: &&Launch| last.is_some_and(|last| launch.step <= last);
        let mut queue = Queue::default();
        self.record(self.launches.iter().take_while(wanted), &mut queue)?;
        queue.submit(&self.gpu)?;
        Ok(self.numbers(&self.gpu.read(self.buffer(first), self.traced_bytes())?))
    }

    fn read(&mut self, node: NodeId) -> Result<Tensor> {
        let readable = self.plan.kept.iter().chain(self.plan.state.iter().flat_map(|(a, b)| [a, b]));
        let is_it = |v: &&ValueId| self.plan.value(**v).node == node && self.plan.value(**v).kind == ValueKind::Data;
        let value = *readable.chain(&self.plan.traced).find(is_it).expect("a node that the plan keeps");
        let bytes = lower::bytes(self.plan.value(value)) as u64;
        let values = self.gpu.read(self.buffer(value), bytes)?;
        Ok(cut_down(self.plan.value(value).shape, &values))
    }

    fn profile(&mut self) -> Result<Vec<f64>> {
        let mut seconds = vec![0.0; self.plan.steps.len()];
        let launches_of = |i: usize| self.launches.iter().filter(move |launch| launch.step == i);
        if !self.gpu.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            self.gpu.wait(None)?;
            for (i, seconds) in seconds.iter_mut().enumerate() {
                let start = Instant::now();
                let mut queue = Queue::default();
                self.record(launches_of(i), &mut queue)?;
                queue.submit(&self.gpu)?;
                self.gpu.wait(None)?;
                *seconds = start.elapsed().as_secs_f64();
            }
            return Ok(seconds);
        }
        let period = f64::from(self.gpu.queue.get_timestamp_period()) * 1e-9;
        let device = &self.gpu.device;
        let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
        let resolved = self.gpu.buffer("the times", 16, usage)?;
        let ty = wgpu::QueryType::Timestamp;
        let times = device.create_query_set(&wgpu::QuerySetDescriptor { label: None, ty, count: 2 });
        for (i, seconds) in seconds.iter_mut().enumerate() {
            let mut encoder = device.create_command_encoder(&Default::default());
            let timestamp_writes = Some(wgpu::ComputePassTimestampWrites {
                query_set: &times,
                beginning_of_pass_write_index: Some(0),
                end_of_pass_write_index: Some(1),
            });
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes });
            for launch in launches_of(i) {
                pass.set_pipeline(&launch.pipeline);
                pass.set_bind_group(0, &launch.bindings, &[]);
                let [x, y, z] = launch.groups;
                pass.dispatch_workgroups(x, y, z);
            }
            drop(pass);
            encoder.resolve_query_set(&times, 0..2, &resolved, 0);
            self.gpu.queue.submit([encoder.finish()]);
            let words = self.gpu.read(&resolved, 16)?;
            let ticks: &[u64] = &bytemuck::pod_collect_to_vec::<f32, u64>(&words);
            *seconds = ticks[1].saturating_sub(ticks[0]) as f64 * period;
        }
        Ok(seconds)
    }
}

/// Every pixel's channels filled up with zeros to whole quads.
fn fill_up(tensor: &Tensor) -> Vec<f32> {
    let (c, padded) = (tensor.shape.c, quads(tensor.shape.c) * 4);
    let mut values = vec![0.0; tensor.shape.pixels() * padded];
    for (to, from) in values.chunks_mut(padded).zip(tensor.data.chunks(c)) {
        to[..c].copy_from_slice(from);
    }
    values
}

/// The other way.
fn cut_down(shape: Shape, values: &[f32]) -> Tensor {
    let data = values.chunks(quads(shape.c) * 4).flat_map(|pixel| &pixel[..shape.c]).copied().collect();
    Tensor::new(shape, data)
}

/// The adapter's own limit, see [`super::Gpu::fma_rate`].
pub(super) fn fma_rate(gpu: &Device) -> Result<f64> {
    use super::device::PipelineKey;
    use super::shader::{FmaParams, Shader};
    let key = PipelineKey { shader: Shader::Fma, entry: "fma_rate", overrides: vec![] };
    gpu.compile([&key].into_iter())?;
    let y = Resource::Buffer(gpu.buffer("y", 64 * 16, wgpu::BufferUsages::STORAGE)?);
    let groups = if gpu.info.kind == super::AdapterKind::Software { 64 } else { 8192 };
    let mut rounds = 16;
    loop {
        let params = FmaParams { rounds };
        let params = gpu.constant("rounds", bytemuck::bytes_of(&params), wgpu::BufferUsages::UNIFORM)?;
        let bindings = gpu.bind(Shader::Fma, params.as_entire_buffer_binding(), &[Some(&y)]);
        let launch = Launch { pipeline: gpu.pipeline(&key), bindings, groups: [groups, 1, 1], work: 0, step: 0 };
        let mut best = f64::INFINITY;
        for _ in 0..3 {
            let start = Instant::now();
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&launch.pipeline);
            pass.set_bind_group(0, &launch.bindings, &[]);
            pass.dispatch_workgroups(groups, 1, 1);
            drop(pass);
            gpu.queue.submit([encoder.finish()]);
            gpu.wait(None)?;
            best = best.min(start.elapsed().as_secs_f64());
        }
        if best > 0.05 || rounds >= 1 << 20 {
            let operations = f64::from(groups) * 64.0 * f64::from(rounds) * (16 * 3 * 4 * 2) as f64;
            return if best > 0.0 { Ok(operations / best) } else { Err(Error::Device("no time passed".to_string())) };
        }
        rounds *= 4;
    }
}
