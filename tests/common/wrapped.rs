//! An executor that computes what another one computes, and does something besides.
#![allow(dead_code)] // each test file is a crate of its own and uses a part of this

use std::sync::Arc;
use unet_lens::Result;
use unet_lens::engine::exec::memory::{Limit, Memory};
use unet_lens::engine::exec::{Compiled, Executor, Program, Trace};
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::plan::{Plan, ValueId};
use unet_lens::engine::tensor::Tensor;

/// What is done besides. Each program has a copy of its own.
pub trait Besides: Clone + Send + 'static {
    /// Before anything that a program does, its loading too.
    fn told(&mut self) {}
    fn loaded(&mut self) {}
    fn written(&mut self, _: &Tensor) {}
    /// Before a run.
    fn run(&mut self) {}
    /// May change what is read.
    fn read(&mut self, _: &Graph, _: NodeId, _: &mut Tensor) {}
}

/// What is wrapped, and what is done besides.
pub struct Wrapped<T, B>(pub T, pub B);

pub fn wrapped<B: Besides>(executor: Arc<dyn Executor>, besides: B) -> Wrapped<Arc<dyn Executor>, B> {
    Wrapped(executor, besides)
}

impl<B: Besides> Executor for Wrapped<Arc<dyn Executor>, B> {
    fn describe(&self) -> String {
        self.0.describe()
    }
    fn limit(&self) -> Limit {
        self.0.limit()
    }
    fn compile(&self, plan: Arc<Plan>) -> Result<Box<dyn Compiled>> {
        Ok(Box::new(Wrapped(self.0.compile(plan)?, self.1.clone())))
    }
}

impl<B: Besides> Compiled for Wrapped<Box<dyn Compiled>, B> {
    fn plan(&self) -> &Arc<Plan> {
        self.0.plan()
    }
    fn memory(&self) -> Memory {
        self.0.memory()
    }
    fn image_bytes(&self, value: ValueId) -> usize {
        self.0.image_bytes(value)
    }
    fn load(mut self: Box<Self>) -> Result<Box<dyn Program>> {
        self.1.told();
        self.1.loaded();
        let graph = self.0.plan().graph.clone();
        Ok(Box::new(Wrapped((self.0.load()?, graph), self.1)))
    }
}

impl<B: Besides> Program for Wrapped<(Box<dyn Program>, Arc<Graph>), B> {
    fn write(&mut self, input: NodeId, values: &Tensor) -> Result<()> {
        self.1.told();
        self.1.written(values);
        self.0.0.write(input, values)
    }
    fn run(&mut self, count: usize) -> Result<Trace> {
        self.1.told();
        self.1.run();
        self.0.0.run(count)
    }
    fn first_traced(&mut self) -> Result<Vec<f32>> {
        self.1.told();
        self.0.0.first_traced()
    }
    fn read(&mut self, node: NodeId) -> Result<Tensor> {
        self.1.told();
        let mut values = self.0.0.read(node)?;
        self.1.read(&self.0.1, node, &mut values);
        Ok(values)
    }
    fn profile(&mut self) -> Result<Vec<f64>> {
        self.1.told();
        self.0.0.profile()
    }
}
