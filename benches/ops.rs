//! Each convolution of the U-Net forward and backward, and each other op at a shape that it has there; on the CPU and on the
//! GPU side by side. Throughput is in multiply-accumulates (elements) as the definition counts them, or in bytes.
//!
//! `cargo bench --bench ops`; `-- cpu` or `-- gpu` or `-- conv2d/64x64` for a part. The machine's own limit is printed first.

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use std::sync::Arc;
use unet_lens::autodiff::gradient;
use unet_lens::exec::{self, Backend, Executor};
use unet_lens::graph::{Graph, NodeId};
use unet_lens::ops::{Conv2d, Kernel, Window};
use unet_lens::plan::Plan;
use unet_lens::tensor::{Shape, Tensor};

/// Side of the image, input channels, output channels: the convolutions of the article's U-Net.
const CONVOLUTIONS: [(usize, usize, usize); 9] = [
    (128, 1, 64),
    (64, 64, 128),
    (32, 128, 256),
    (16, 256, 512),
    (32, 768, 128),
    (64, 256, 128),
    (128, 192, 64),
    (128, 64, 64),
    (128, 64, 1),
];

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i as f32 * 0.37).sin()).collect()
}

/// Times the plan that computes `wanted` from `image`.
fn time(group: &mut BenchmarkGroup<WallTime>, executor: &dyn Executor, graph: Graph, image: NodeId, wanted: NodeId) {
    let shape = graph.shape(image);
    let plan = Plan::compile(graph, &[wanted], &[], &[]);
    let macs: u64 = plan.steps.iter().map(|step| plan.macs(step)).sum();
    let moved: usize = plan.values.iter().map(|value| value.shape.len() * 4).sum();
    group.throughput(if macs > 0 { Throughput::Elements(macs) } else { Throughput::Bytes(moved as u64) });
    let mut program = executor.prepare(Arc::new(plan)).unwrap();
    program.write(image, &Tensor::new(shape, numbers(shape.len()))).unwrap();
    let name = executor.describe().split(',').next().unwrap_or_default().to_string();
    group.bench_function(name, |b| b.iter(|| program.run(1).unwrap()));
}

fn ops(c: &mut Criterion) {
    let backends = [Backend::Cpu, Backend::Gpu];
    let executors: Vec<Box<dyn Executor>> =
        backends.into_iter().filter_map(|backend| exec::open(backend, None, None).ok()).map(|(e, _)| e).collect();
    for executor in &executors {
        let limit = executor.fma_rate().unwrap() / 2e9;
        println!("{}: {limit:.1} GMAC/s when it does nothing else", executor.describe());
    }
    for (side, ci, co) in CONVOLUTIONS {
        let kernel = Kernel::new(3, 3, ci, co, numbers(9 * ci * co).into()).unwrap();
        for backward in [false, true] {
            let conv = Conv2d { kernel: if backward { kernel.flipped() } else { kernel.clone() }, bias: None };
            let way = if backward { "backward" } else { "forward" };
            let mut group = c.benchmark_group(format!("conv2d/{side}x{side} {ci} to {co} {way}"));
            group.sample_size(10);
            for executor in &executors {
                let mut graph = Graph::new();
                let x = graph.input("x", Shape::new(1, side, side, conv.kernel.ci)).unwrap();
                let y = graph.conv2d("y", x, conv.clone()).unwrap();
                time(&mut group, &**executor, graph, x, y);
            }
        }
    }
    type Build = fn(&mut Graph, NodeId) -> NodeId;
    let two = Window::new(2, 2);
    let builds: [(&str, Build); 7] = [
        ("relu", |g, x| g.relu("y", x).unwrap()),
        ("batch_norm", |g, x| g.batch_norm("y", x, [0.5; 64].into(), [0.1; 64].into()).unwrap()),
        ("max_pool", |g, x| g.max_pool("y", x, Window::new(2, 2)).unwrap()),
        ("upsample", |g, x| g.upsample("y", x, Window::new(2, 2)).unwrap()),
        ("concat", |g, x| g.concat("y", &[x, x, x]).unwrap()),
        ("mean", |g, x| g.mean("y", x).unwrap()),
        ("rms", |g, x| g.rms("y", x).unwrap()),
    ];
    for (name, build) in builds {
        let mut group = c.benchmark_group(format!("{name}/128x128x64 forward"));
        group.sample_size(10);
        for executor in &executors {
            let mut graph = Graph::new();
            let x = graph.input("x", Shape::new(1, 128, 128, 64)).unwrap();
            let y = build(&mut graph, x);
            time(&mut group, &**executor, graph, x, y);
        }
    }
    // Forward and backward together: the gradient of a mean of the op's output.
    let builds: [(&str, Build); 2] =
        [("relu", |g, x| g.relu("y", x).unwrap()), ("max_pool", |g, x| g.max_pool("y", x, Window::new(2, 2)).unwrap())];
    for (name, build) in builds {
        let mut group = c.benchmark_group(format!("{name}/128x128x64 forward and backward"));
        group.sample_size(10);
        for executor in &executors {
            let mut graph = Graph::new();
            let x = graph.input("x", Shape::new(1, 128, 128, 64)).unwrap();
            let y = build(&mut graph, x);
            let loss = graph.mean("loss", y).unwrap();
            let dx = gradient(&mut graph, loss, x).unwrap().of_wrt();
            time(&mut group, &**executor, graph, x, dx);
        }
    }
    // The gradient of an upsample.
    let mut group = c.benchmark_group("sum_pool/128x128x64");
    group.sample_size(10);
    for executor in &executors {
        let mut graph = Graph::new();
        let x = graph.input("x", Shape::new(1, 128, 128, 64)).unwrap();
        let y = graph.sum_pool("y", x, two).unwrap();
        time(&mut group, &**executor, graph, x, y);
    }
}

criterion_group!(benches, ops);
criterion_main!(benches);
