//! A GPU with the CPU behind it. When the GPU fails (a driver gives up, the device is lost), the CPU does again what the program was
//! told so far, and goes on: what comes out is what the CPU computes alone, and whoever uses the program need not know.

use super::cpu::Cpu;
use super::memory::{Limit, Memory};
use super::{Compiled, Executor, Program, Trace};
use crate::engine::graph::NodeId;
use crate::engine::plan::{Plan, ValueId};
use crate::engine::tensor::Tensor;
use crate::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub struct Steady {
    gpu: Box<dyn Executor>,
    spare: Arc<Spare>,
}

/// What goes on, and whether it does already.
struct Spare {
    cpu: Cpu,
    has_failed: AtomicBool,
    /// Hears, once, why.
    said: Box<dyn Fn(&Error) + Send + Sync>,
}

impl Steady {
    /// `said` hears of the GPU's failure, when it comes.
    pub fn new(gpu: Box<dyn Executor>, cpu: Cpu, said: impl Fn(&Error) + Send + Sync + 'static) -> Steady {
        Steady { gpu, spare: Arc::new(Spare { cpu, has_failed: AtomicBool::new(false), said: Box::new(said) }) }
    }
}

impl Spare {
    fn goes_on(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// The GPU has failed by this error.
    fn take_over(&self, why: &Error) {
        if !self.has_failed.swap(true, Ordering::Relaxed) {
            (self.said)(why);
        }
    }
}

impl Executor for Steady {
    fn describe(&self) -> String {
        if self.spare.goes_on() { self.spare.cpu.describe() } else { self.gpu.describe() }
    }

    fn compile(&self, plan: Arc<Plan>) -> Result<Box<dyn Compiled>> {
        if !self.spare.goes_on() {
            match self.gpu.compile(plan.clone()) {
                Ok(compiled) => return Ok(Box::new(SteadyCompiled { compiled, spare: self.spare.clone() })),
                Err(error @ Error::Device(_)) => self.spare.take_over(&error),
                Err(error) => return Err(error),
            }
        }
        self.spare.cpu.compile(plan)
    }

    fn limit(&self) -> Limit {
        self.gpu.limit()
    }

    fn fma_rate(&self) -> Result<f64> {
        self.gpu.fma_rate()
    }

    fn is_software(&self) -> bool {
        self.gpu.is_software()
    }
}

struct SteadyCompiled {
    compiled: Box<dyn Compiled>,
    spare: Arc<Spare>,
}

impl Compiled for SteadyCompiled {
    fn plan(&self) -> &Arc<Plan> {
        self.compiled.plan()
    }

    /// A copy of what is written is kept.
    fn memory(&self) -> Memory {
        let plan = self.plan();
        let inputs = plan.inputs.iter().map(|&id| plan.value(id).shape.len() as u64 * 4).sum();
        self.compiled.memory() + Memory::host(inputs)
    }

    fn image_bytes(&self, value: ValueId) -> usize {
        self.compiled.image_bytes(value)
    }

    fn load(self: Box<Self>) -> Result<Box<dyn Program>> {
        let plan = self.plan().clone();
        let SteadyCompiled { compiled, spare } = *self;
        if !spare.goes_on() {
            match compiled.load() {
                Ok(program) => {
                    return Ok(Box::new(SteadyProgram { plan, program, spare, on_cpu: false, told: vec![] }));
                }
                Err(error @ Error::Device(_)) => spare.take_over(&error),
                Err(error) => return Err(error),
            }
        }
        spare.cpu.prepare(plan)
    }
}

/// What a program was told that its results depend on.
enum Told {
    Write(NodeId, Tensor),
    Run(usize),
}

struct SteadyProgram {
    plan: Arc<Plan>,
    program: Box<dyn Program>,
    spare: Arc<Spare>,
    on_cpu: bool,
    told: Vec<Told>,
}

impl SteadyProgram {
    /// Does it; where the GPU fails, on the CPU, after all that was told before.
    fn steadily<T>(&mut self, work: impl Fn(&mut dyn Program) -> Result<T>) -> Result<T> {
        match work(&mut *self.program) {
            Err(error @ Error::Device(_)) if !self.on_cpu => self.spare.take_over(&error),
            result => return result,
        }
        self.program = self.spare.cpu.prepare(self.plan.clone())?;
        self.on_cpu = true;
        for told in std::mem::take(&mut self.told) {
            match told {
                Told::Write(input, values) => self.program.write(input, &values)?,
                Told::Run(count) => drop(self.program.run(count)?),
            }
        }
        work(&mut *self.program)
    }

    /// Remembers what must be done again if the GPU fails. Where no state moves on, that is the latest of each value that was
    /// written, and one run.
    fn remember(&mut self, told: Told) {
        if self.on_cpu {
            return;
        }
        if let (Told::Run(_), true) = (&told, self.plan.state.is_empty()) {
            let mut seen = vec![];
            let mut latest: Vec<Told> = self.told.drain(..).rev().collect();
            latest.retain(|told| match told {
                Told::Write(input, _) if !seen.contains(input) => {
                    seen.push(*input);
                    true
                }
                _ => false,
            });
            self.told = latest.into_iter().rev().collect();
            self.told.push(Told::Run(1));
            return;
        }
        self.told.push(told);
    }
}

impl Program for SteadyProgram {
    fn write(&mut self, input: NodeId, values: &Tensor) -> Result<()> {
        self.steadily(|program| program.write(input, values))?;
        self.remember(Told::Write(input, values.clone()));
        Ok(())
    }

    fn run(&mut self, count: usize) -> Result<Trace> {
        let trace = self.steadily(|program| program.run(count))?;
        self.remember(Told::Run(count));
        Ok(trace)
    }

    fn first_traced(&mut self) -> Result<Vec<f32>> {
        self.steadily(|program| program.first_traced())
    }

    fn read(&mut self, node: NodeId) -> Result<Tensor> {
        self.steadily(|program| program.read(node))
    }

    fn profile(&mut self) -> Result<Vec<f64>> {
        self.steadily(|program| program.profile())
    }
}
