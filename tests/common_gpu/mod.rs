//! What the GPU tests share: the adapters, a graph under test, the comparison.
#![allow(dead_code)] // each test file is a crate of its own and uses a part of this

use std::sync::Arc;
use unet_lens::Result;
use unet_lens::engine::exec::Executor;
use unet_lens::engine::exec::gpu::Gpu;
use unet_lens::engine::exec::reference::Reference;
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::plan::{Head, Plan};
use unet_lens::engine::tensor::{Shape, Tensor};

pub use super::common::gpus;
pub use super::common::ops::{conv, numbers};

pub fn bits(tensor: &[f32]) -> Vec<u32> {
    tensor.iter().map(|v| v.to_bits()).collect()
}

pub fn tensor(shape: Shape, salt: u64) -> Tensor {
    Tensor::new(shape, numbers(shape.len(), salt))
}

/// A graph with one input and one result.
pub struct Case {
    name: String,
    input: NodeId,
    result: NodeId,
    plan: Arc<Plan>,
    whole: bool,
}

impl Case {
    pub fn new(name: String, shape: Shape, build: impl Fn(&mut Graph, NodeId) -> Result<NodeId>) -> Case {
        let mut graph = Graph::new();
        let input = graph.input("x", shape).unwrap();
        let result = build(&mut graph, input).unwrap();
        Case { name, input, result, plan: Arc::new(Plan::compile(graph, &[result], &[], &[])), whole: false }
    }

    /// Runs with an input of whole numbers from -3 to 3.
    pub fn whole(self) -> Case {
        Case { whole: true, ..self }
    }

    pub fn heads(&self) -> Vec<&Head> {
        self.plan.steps.iter().map(|step| &step.head).collect()
    }

    fn run(&self, executor: &dyn Executor) -> Tensor {
        let mut program = executor.prepare(self.plan.clone()).unwrap_or_else(|e| panic!("{}: {e}", self.name));
        let mut x = tensor(self.plan.graph.shape(self.input), 7);
        if self.whole {
            x.data.iter_mut().for_each(|x| *x = (*x * 3.0).round());
        }
        program.write(self.input, &x).unwrap();
        program.run(1).unwrap_or_else(|e| panic!("{}: {e}", self.name));
        program.read(self.result).unwrap()
    }

    /// Both executors agree to 1e-5 of the largest value.
    pub fn check(&self, gpus: &[Gpu]) {
        let expected = self.run(&Reference::default());
        let largest = expected.data.iter().fold(f32::MIN_POSITIVE, |m, v| m.max(v.abs()));
        for gpu in gpus {
            let got = self.run(gpu);
            assert_eq!(got.shape, expected.shape, "{}", self.name);
            for (i, (a, b)) in got.data.iter().zip(&expected.data).enumerate() {
                // Written so that a NaN fails.
                assert!(
                    (a - b).abs() <= 1e-5 * largest,
                    "{}: index {i} of {}: gpu {a}, reference {b}\n{}",
                    self.name,
                    got.shape,
                    self.plan
                );
            }
        }
    }
}
