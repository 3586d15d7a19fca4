//! The fast executor for machines with a GPU: wgpu, and the WGSL compute shaders in `shaders/`. The only folder that knows
//! wgpu.
//!
//! In reading order: `adapter` finds the GPU and `device` opens it; `shader` and `params` name the shaders and what each takes; `call`
//! says what a plan becomes, `pack` how kernels lie.
//! `lower` turns a plan's steps into calls of shaders: `conv`, `winograd` and `single` those of convolutions, `ops` all others;
//! `program` holds the buffers and runs the calls; `export` writes them down for a program elsewhere.
//!
//! - A thread owns its outputs and gathers what they need: nothing is scattered, no number depends on the order of threads,
//!   and an image comes out the same alone and in a batch.
//! - The picture stays on the GPU. Of a hundred steps only the losses come back, once, at the end.

mod adapter;
mod call;
mod conv;
mod device;
mod export;
mod lower;
mod ops;
mod pack;
mod params;
mod phases;
mod program;
mod shader;
mod single;
mod winograd;

pub use adapter::{AdapterInfo, AdapterKind, adapters};
#[cfg(test)]
pub(crate) use export::packed;
pub use export::{Binding, Exported, ExportedCall, ExportedConstant, Packing, Pipeline, Source, Taps, export};

use super::memory::Limit;
use super::{Compiled, Executor};
use crate::engine::plan::{Plan, ValueKind};
use crate::numbers::data_size;
use crate::{Error, Result};
use call::{Style, Target};
use device::Device;
use program::GpuCompiled;
use std::sync::Arc;

/// An opened GPU.
pub struct Gpu {
    device: Arc<Device>,
    style: Style,
    limit: Limit,
}

impl Gpu {
    /// Opens the adapter whose number in [`adapters`] or part of whose name is `which`; without a choice the best one:
    /// discrete, integrated, software.
    ///
    /// # Errors
    /// If there is none, or none of that name.
    pub fn open(which: Option<&str>, limit: Limit) -> Result<Gpu> {
        let (info, adapter) = adapter::choose(which)?;
        let device = Device::open(info, &adapter, false)?;
        let style = if device.subgroups_of_8 && device.info.kind == AdapterKind::Software {
            Style::Subgroup
        } else {
            Style::Tiled
        };
        Ok(Gpu { device: Arc::new(device), style, limit })
    }

    /// The same, with nothing but what WebGPU promises everywhere: small limits, no optional features. For tests.
    pub fn open_minimal(which: Option<&str>, limit: Limit) -> Result<Gpu> {
        let (info, adapter) = adapter::choose(which)?;
        Ok(Gpu { device: Arc::new(Device::open(info, &adapter, true)?), style: Style::Tiled, limit })
    }

    /// Takes the device away, as a driver may that gives up. For tests.
    #[doc(hidden)]
    pub fn lose(&self) {
        self.device.device.destroy();
    }

    fn target(&self) -> Target {
        Target { style: self.style, largest_binding: self.device.largest_binding() }
    }

    pub fn info(&self) -> &AdapterInfo {
        &self.device.info
    }

    /// Before anything is packed or compiled: does each tensor fit into a binding?
    fn binds(&self, plan: &Plan) -> Result<()> {
        if let Some(value) = plan.values.iter().find(|v| call::bytes(v) as u64 > self.device.largest_binding()) {
            let what = match value.kind {
                ValueKind::Data => "the tensor",
                ValueKind::Signs => "the signs of",
                ValueKind::Winners => "the winners of",
            };
            return Err(Error::Memory(format!(
                "{what} {} of shape {} would need {}, but the GPU {} binds {} at most: climb fewer filters at once \
                 (each image needs {} of it) or make the picture smaller",
                plan.graph[value.node].name,
                value.shape,
                data_size(call::bytes(value) as u64),
                self.info().name,
                data_size(self.device.largest_binding()),
                data_size((call::bytes(value) / value.shape.n) as u64),
            )));
        }
        Ok(())
    }
}

impl Executor for Gpu {
    fn describe(&self) -> String {
        let AdapterInfo { name, backend, kind, .. } = self.info();
        format!("gpu, {name}, {backend}, {kind}")
    }

    fn compile(&self, plan: Arc<Plan>) -> Result<Box<dyn Compiled>> {
        self.binds(&plan)?;
        let lowered = lower::lower(&plan, self.target())?;
        Ok(Box::new(GpuCompiled::new(self.device.clone(), plan, lowered)))
    }

    fn limit(&self) -> Limit {
        self.limit
    }

    fn fma_rate(&self) -> Result<f64> {
        program::fma_rate(&self.device)
    }

    fn is_software(&self) -> bool {
        self.info().kind == AdapterKind::Software
    }
}
