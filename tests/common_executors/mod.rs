//! What the tests of the executors share: a graph under test, the comparison with the reference.
#![allow(dead_code)] // each test file is a crate of its own and uses a part of this

use super::common::ops::{Setting, numbers};
use super::common::{difference, open};
use std::sync::Arc;
use unet_lens::engine::autodiff::gradient;
use unet_lens::engine::exec::reference::Reference;
use unet_lens::engine::exec::{Backend, Executor};
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{Conv2d, ConvTranspose, Kernel, Pool, Sides, Window};
use unet_lens::engine::plan::Plan;
use unet_lens::engine::tensor::{Shape, Tensor};

/// A convolution whose outputs are about as large as its inputs.
pub fn conv(kh: usize, kw: usize, ci: usize, co: usize) -> Conv2d {
    let size = (2.0 / (kh * kw * ci) as f32).sqrt();
    let kernel: Vec<f32> = numbers(kh * kw * ci * co, 3).iter().map(|v| v * size).collect();
    Conv2d::same(Kernel::new(kh, kw, ci, co, kernel.into()).unwrap(), Some(numbers(co, 4).into()))
}

/// The same with any setting.
pub fn general(setting: &Setting, ci: usize, co: usize, groups: usize) -> Conv2d {
    let &Setting { kernel, stride, pad, dilation } = setting;
    Conv2d { stride, pad, dilation, groups, ..conv(kernel.h, kernel.w, ci / groups, co) }
}

/// The convolution's transpose that makes an image of `h` x `w` pixels. Its outputs are the kernel's inputs.
pub fn transposed(conv: Conv2d, h: usize, w: usize) -> ConvTranspose {
    let Conv2d { kernel, stride, pad, dilation, groups, .. } = conv;
    let bias = Some(numbers(kernel.ci * groups, 4).into());
    ConvTranspose { kernel, bias, stride, pad, dilation, groups, h, w }
}

const fn pool(window: (usize, usize), stride: (usize, usize), pad: [usize; 4]) -> Pool {
    let [top, bottom, left, right] = pad;
    Pool {
        window: Window::new(window.0, window.1),
        stride: Window::new(stride.0, stride.1),
        pad: Sides { top, bottom, left, right },
    }
}

/// Max pools with overlap, with gaps, with padding, with a rest that fills no window.
pub const POOLS: &[Pool] = &[
    pool((3, 3), (2, 2), [0, 1, 0, 1]),
    pool((3, 3), (1, 1), [1, 1, 1, 1]),
    pool((2, 2), (2, 2), [1, 0, 1, 1]),
    pool((2, 3), (3, 4), [0; 4]),
    pool((5, 4), (1, 2), [4, 3, 2, 1]),
    pool((4, 4), (4, 4), [0; 4]),
];

thread_local! {
    /// The fast ones; each opened once for a test, since a GPU keeps the pipelines that it compiled.
    static EXECUTORS: Vec<Box<dyn Executor>> = [Backend::Cpu, Backend::Gpu].into_iter().filter_map(open).collect();
}

/// What a graph computes for these inputs.
pub fn run(executor: &dyn Executor, graph: &Graph, keep: &[NodeId], image: NodeId, values: &Tensor) -> Vec<Tensor> {
    let plan = Arc::new(Plan::compile(graph.clone(), keep, &[], &[]));
    let mut program = executor.prepare(plan).unwrap();
    program.write(image, values).unwrap();
    program.run(1).unwrap();
    keep.iter().map(|&id| program.read(id).unwrap()).collect()
}

/// Output and gradient of one op on all executors. What is kept keeps ops from being fused, so it is run both ways.
pub fn check(name: &str, image: Shape, build: impl Fn(&mut Graph, NodeId) -> NodeId) {
    check_at(name, &Tensor::new(image, numbers(image.len(), 7)), build);
}

/// The same for the image of these values.
pub fn check_at(name: &str, values: &Tensor, build: impl Fn(&mut Graph, NodeId) -> NodeId) {
    let mut graph = Graph::new();
    let x = graph.input("image", values.shape).unwrap();
    let y = build(&mut graph, x);
    let squashed = graph.sigmoid("squash", y).unwrap();
    let loss = graph.mean("loss", squashed).unwrap();
    let gradients = gradient(&mut graph, loss, x).unwrap();
    let dx = gradients.of_wrt();
    let all: Vec<NodeId> = graph.nodes().map(|(id, _)| id).filter(|&id| id != x).collect();
    for keep in [vec![y, loss, dx], vec![dx], all] {
        let expected = run(&Reference::default(), &graph, &keep, x, values);
        EXECUTORS.with(|executors| {
            for executor in executors {
                let got = run(&**executor, &graph, &keep, x, values);
                for ((got, expected), &id) in got.iter().zip(&expected).zip(&keep) {
                    let (error, at) = difference(&got.data, &expected.data);
                    let (node, e) = (&graph[id], executor.describe());
                    assert!(
                        error < 1e-5,
                        "{name}, {} ({}) on {e}, {} kept: [{at}] is {}, should be {}",
                        node.name,
                        node.op.name(),
                        keep.len(),
                        got.data[at],
                        expected.data[at]
                    );
                }
            }
        });
    }
}
