//! A plan on the GPU: buffers, bind groups and pipelines, made once; runs recorded and submitted without waiting.

use super::AdapterKind;
use super::call::{self, Bound, Call, Lowered, WORK_PER_SUBMISSION};
use super::device::{Device, Resource, texture_bytes};
use super::pack::fill_up;
use super::shader::quads;
use crate::engine::exec::contract::Contract;
use crate::engine::exec::memory::Memory;
use crate::engine::exec::{Compiled, Program, Trace};
use crate::engine::graph::NodeId;
use crate::engine::plan::{Placement, Plan, ValueId};
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

/// A plan in the GPU's terms, placed in buffers that do not exist yet.
pub(super) struct GpuCompiled {
    gpu: Arc<Device>,
    plan: Arc<Plan>,
    lowered: Lowered,
    placement: Placement,
}

pub(super) struct GpuProgram {
    gpu: Arc<Device>,
    plan: Arc<Plan>,
    contract: Contract,
    buffers: Vec<wgpu::Buffer>,
    /// For each value the index of its buffer.
    buffer_of: Vec<usize>,
    launches: Vec<Launch>,
}

/// All calls' parameters lie in one buffer, each where a uniform may start.
const PARAMS_APART: usize = 256;

impl GpuCompiled {
    pub fn new(gpu: Arc<Device>, plan: Arc<Plan>, lowered: Lowered) -> GpuCompiled {
        let placement = plan.place(|id| call::bytes(plan.value(id)));
        GpuCompiled { gpu, plan, lowered, placement }
    }

    /// A buffer for each place, called by the largest value in it.
    fn buffers(&self) -> Result<Vec<wgpu::Buffer>> {
        use wgpu::BufferUsages as Usage;
        let mut largest: Vec<Option<usize>> = vec![None; self.placement.sizes.len()];
        let bytes = |v: usize| call::bytes(&self.plan.values[v]);
        for (v, &b) in self.placement.buffer_of.iter().enumerate() {
            if largest[b].is_none_or(|other| bytes(v) > bytes(other)) {
                largest[b] = Some(v);
            }
        }
        let name = |v: Option<usize>| v.map_or("", |v| &self.plan.graph[self.plan.values[v].node].name);
        let usage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
        let sizes = self.placement.sizes.iter().zip(largest);
        sizes.map(|(&size, v)| self.gpu.buffer(&format!("the tensor {}", name(v)), size as u64, usage)).collect()
    }

    /// Kernels, one after the other: only one of them at a time is packed in the computer's memory.
    fn constants(&self) -> Result<Vec<Resource>> {
        const LABEL: &str = "a convolution's kernel";
        let textures = self.lowered.textures();
        let constant = |(constant, is_texture): (&super::pack::Constant, bool)| {
            let values = constant.pack();
            let resource = match is_texture {
                true => self.gpu.texture(LABEL, &values).map(Resource::Texture)?,
                false => {
                    let bytes = bytemuck::cast_slice(&values);
                    self.gpu.constant(LABEL, bytes, wgpu::BufferUsages::STORAGE).map(Resource::Buffer)?
                }
            };
            // What was written is staged until the next submission.
            self.gpu.queue.submit([]);
            Ok(resource)
        };
        self.lowered.constants.iter().zip(textures).map(constant).collect()
    }

    fn scratch(&self) -> Result<Vec<Resource>> {
        let buffer =
            |&size: &usize| self.gpu.buffer("a convolution's scratch", size as u64, wgpu::BufferUsages::STORAGE);
        self.lowered.scratch.iter().map(|size| buffer(size).map(Resource::Buffer)).collect()
    }
}

impl Compiled for GpuCompiled {
    fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    fn memory(&self) -> Memory {
        let constants = self.lowered.constants.iter().zip(self.lowered.textures());
        let constants: u64 =
            constants.map(|(c, texture)| if texture { texture_bytes(c.len()) } else { c.len() as u64 * 4 }).sum();
        let scratch: usize = self.lowered.scratch.iter().sum();
        let params = self.lowered.calls.len() * PARAMS_APART;
        let bytes = (self.placement.total() + scratch + params) as u64 + constants;
        match self.gpu.info.kind {
            AdapterKind::Discrete => Memory::device(bytes),
            // It has no memory of its own.
            _ => Memory::host(bytes),
        }
    }

    fn image_bytes(&self, value: ValueId) -> usize {
        let value = self.plan.value(value);
        call::bytes(value) / value.shape.n
    }

    fn load(self: Box<Self>) -> Result<Box<dyn Program>> {
        let gpu = &self.gpu;
        gpu.begin_anew()?;
        gpu.compile(self.lowered.calls.iter().map(|call| &call.pipeline))?;
        let buffers = self.buffers()?;
        let values: Vec<Resource> = buffers.iter().cloned().map(Resource::Buffer).collect();
        let (constants, scratch) = (self.constants()?, self.scratch()?);
        let mut params = vec![0; self.lowered.calls.len().max(1) * PARAMS_APART];
        for (call, at) in self.lowered.calls.iter().zip(params.chunks_mut(PARAMS_APART)) {
            at[..call.params.len()].copy_from_slice(&call.params);
        }
        let params = gpu.constant("the parameters", &params, wgpu::BufferUsages::UNIFORM)?;
        let launch = |(i, call): (usize, &Call)| {
            let bound = |bound: &Bound| match *bound {
                Bound::Nothing => None,
                Bound::Value(v) => Some(&values[self.placement.buffer_of[v.0]]),
                Bound::Constant(c) => Some(&constants[c]),
                Bound::Scratch(s) => Some(&scratch[s]),
            };
            let bound: Vec<Option<&Resource>> = call.buffers.iter().map(bound).collect();
            let params = wgpu::BufferBinding {
                buffer: &params,
                offset: (i * PARAMS_APART) as u64,
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
        let launches = self.lowered.calls.iter().enumerate().map(launch).collect();
        gpu.check()?;
        let GpuCompiled { gpu, plan, placement, .. } = *self;
        let contract = Contract::new(plan.clone());
        Ok(Box::new(GpuProgram { gpu, plan, contract, buffers, buffer_of: placement.buffer_of, launches }))
    }
}

impl GpuProgram {
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
        if let Some(value) = self.contract.write(input, values)? {
            self.gpu.queue.write_buffer(
                self.buffer(value),
                0,
                bytemuck::cast_slice(&fill_up(&values.data, values.shape.c)),
            );
        }
        self.gpu.check()
    }

    fn run(&mut self, count: usize) -> Result<Trace> {
        self.contract.run()?;
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
                let bytes = call::bytes(self.plan.value(current)) as u64;
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
        let (first, steps) = self.contract.run_to_first_traced()?;
        let wanted = |launch: &&Launch| launch.step < steps;
        let mut queue = Queue::default();
        self.record(self.launches.iter().take_while(wanted), &mut queue)?;
        queue.submit(&self.gpu)?;
        Ok(self.numbers(&self.gpu.read(self.buffer(first), self.traced_bytes())?))
    }

    fn read(&mut self, node: NodeId) -> Result<Tensor> {
        let value = self.contract.read(node)?;
        let bytes = call::bytes(self.plan.value(value)) as u64;
        let values = self.gpu.read(self.buffer(value), bytes)?;
        Ok(cut_down(self.plan.value(value).shape, &values))
    }

    fn profile(&mut self) -> Result<Vec<f64>> {
        self.contract.run()?;
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

/// The channels that count.
fn cut_down(shape: Shape, values: &[f32]) -> Tensor {
    let data = values.chunks(quads(shape.c) * 4).flat_map(|pixel| &pixel[..shape.c]).copied().collect();
    Tensor::new(shape, data)
}

/// The adapter's own limit, see [`super::Gpu::fma_rate`].
pub(super) fn fma_rate(gpu: &Device) -> Result<f64> {
    use super::device::PipelineKey;
    use super::params::FmaParams;
    use super::shader::Shader;
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
