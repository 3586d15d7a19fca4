//! What runs a plan. Three executors, one truth: [`mod@reference`] is the specification, the others are tested against it.

mod contract;
pub mod cpu;
pub mod gpu;
pub mod memory;
pub mod reference;
mod steady;

use crate::engine::graph::NodeId;
use crate::engine::plan::{Plan, ValueId};
use crate::engine::tensor::Tensor;
use crate::{Error, Result};
use gpu::{AdapterKind, Gpu};
use memory::{Limit, Memory};
use std::sync::Arc;
pub use steady::Steady;

/// For each run, for each traced node in the order of the plan, one number per image.
pub type Trace = Vec<Vec<Vec<f32>>>;

/// A way to compute.
pub trait Executor {
    /// What computes, for people: "cpu, AVX-512, 2 threads".
    fn describe(&self) -> String;

    /// Finds out, from shapes alone, how the plan would be run and what that takes. No kernel is packed, no memory is taken.
    ///
    /// # Errors
    /// If the device cannot run the plan at all: a tensor is larger than it binds.
    fn compile(&self, plan: Arc<Plan>) -> Result<Box<dyn Compiled>>;

    /// The most memory that a job may take.
    fn limit(&self) -> Limit;

    /// Compiles the plan, makes sure that there is memory for it, and loads it.
    ///
    /// # Errors
    /// As [`Executor::compile`] and [`Compiled::load`]; [`crate::Error::Limit`] with the numbers, if the plan takes more than the
    /// limit.
    fn prepare(&self, plan: Arc<Plan>) -> Result<Box<dyn Program>> {
        let compiled = self.compile(plan)?;
        self.limit().check(compiled.plan().image(), compiled.memory())?;
        compiled.load()
    }

    /// Floating-point operations per second that it reaches when it does nothing but multiply and add (two each), measured
    /// now.
    ///
    /// # Errors
    /// If this executor cannot tell.
    fn fma_rate(&self) -> Result<f64> {
        Err(crate::Error::Usage(format!("{} is not made to be measured", self.describe())))
    }

    /// Does it stand in for a GPU, on the CPU?
    fn is_software(&self) -> bool {
        false
    }
}

/// A plan and how an executor would run it, without its weights.
pub trait Compiled {
    fn plan(&self) -> &Arc<Plan>;

    /// What the loaded program takes, as long as it exists.
    fn memory(&self) -> Memory;

    /// Bytes of one image's share of a value, as this executor stores it.
    fn image_bytes(&self, value: ValueId) -> usize;

    /// Packs the kernels and takes the memory: all that is done once.
    ///
    /// # Errors
    /// If the device has no memory left or fails.
    fn load(self: Box<Self>) -> Result<Box<dyn Program>>;
}

/// A plan with everything that it needs to run, many times.
///
/// The same on every executor:
///
/// - [`Program::write`] takes the graph's inputs only, in their own shape. An input that nothing depends on may be written; that
///   changes nothing.
/// - Every input that the plan reads must be written once before the first run. What was written stays, unless the state moves.
/// - [`Program::read`] gives back what the plan keeps, after a run; an input that was written, at any time.
/// - All else is an [`crate::Error::Usage`] that names the node.
pub trait Program: Send {
    /// Sets an input of the plan.
    fn write(&mut self, input: NodeId, values: &Tensor) -> Result<()>;

    /// Runs the plan `count` times; after every run the state moves on (see [`Plan::state`]).
    fn run(&mut self, count: usize) -> Result<Trace>;

    /// Runs the plan only until the first traced value is known, and returns that: one number per image. The state stays.
    fn first_traced(&mut self) -> Result<Vec<f32>>;

    /// The result of a node that the plan keeps.
    fn read(&mut self, node: NodeId) -> Result<Tensor>;

    /// Seconds that each of the plan's steps takes in one run, measured.
    ///
    /// # Errors
    /// If this program cannot tell.
    fn profile(&mut self) -> Result<Vec<f64>> {
        Err(crate::Error::Device("this executor does not measure single steps".to_string()))
    }
}

/// Which executor is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A hardware GPU if there is one, else the CPU.
    Auto,
    Cpu,
    Gpu,
    Reference,
}

/// What computes, and a line about it where the user might expect something else.
///
/// `threads`: of the CPU, `None` for one per core. `memory`: bytes that a job may take, `None` for half of what is free.
///
/// # Errors
/// If the backend is not to be had; the message says what to do.
pub fn open(
    backend: Backend,
    threads: Option<usize>,
    memory: Option<u64>,
) -> Result<(Box<dyn Executor>, Option<String>)> {
    let limit = Limit::new(memory);
    let cpu = || -> Result<Box<dyn Executor>> { Ok(Box::new(cpu::Cpu::new(threads, limit)?)) };
    match backend {
        Backend::Reference => Ok((Box::new(reference::Reference { limit }), None)),
        Backend::Cpu => Ok((cpu()?, None)),
        Backend::Gpu => Ok((Box::new(Gpu::open(None, limit)?), None)),
        Backend::Auto => match hardware(limit) {
            Ok(gpu) => Ok((Box::new(gpu), None)),
            Err(notice) => Ok((cpu()?, Some(notice))),
        },
    }
}

/// The same for [`Backend::Auto`] where the CPU is to go on when the GPU fails; `failed` hears of that.
///
/// # Errors
/// If the CPU's threads cannot be started.
pub fn open_steady(
    threads: Option<usize>,
    memory: Option<u64>,
    failed: impl Fn(&Error) + Send + Sync + 'static,
) -> Result<(Box<dyn Executor>, Option<String>)> {
    let limit = Limit::new(memory);
    let cpu = cpu::Cpu::new(threads, limit)?;
    match hardware(limit) {
        Ok(gpu) => Ok((Box::new(Steady::new(Box::new(gpu), cpu, failed)), None)),
        Err(notice) => Ok((Box::new(cpu), Some(notice))),
    }
}

/// A GPU that is faster than the CPU; or why there is none.
fn hardware(limit: Limit) -> Result<Gpu, String> {
    match gpu::adapters().first() {
        None => Err("no GPU found, the CPU computes".to_string()),
        Some(gpu) if gpu.kind == AdapterKind::Software => {
            let name = &gpu.name;
            Err(format!("the only GPU is software ({name}), slower than the CPU itself: the CPU computes"))
        }
        Some(_) => Gpu::open(None, limit).map_err(|why| format!("the GPU cannot be used ({why}), the CPU computes")),
    }
}
