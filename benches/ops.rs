//! Each convolution of the U-Net forward and backward, and each other op at a shape that it has there; on the CPU and on the
//! GPU side by side. Throughput is in multiply-accumulates (elements) as the definition counts them, beneath it as a share of
//! the limit that is measured here, or in bytes. What is measured is compared with the reference first.
//!
//! `cargo bench --bench ops`; `-- cpu` or `-- gpu` or `-- conv2d/64x64` for a part.

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use std::sync::Arc;
use std::time::{Duration, Instant};
use unet_lens::engine::autodiff::gradient;
use unet_lens::engine::exec::{self, Backend, Executor};
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{Axes, Axis, Conv2d, ConvTranspose, Function, Kernel, Matrix, Pool, Sides, Window};
use unet_lens::engine::plan::Plan;
use unet_lens::engine::tensor::{Shape, Tensor};

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

type Build = fn(&mut Graph, NodeId) -> NodeId;

const OPS: [(&str, Build); 19] = [
    ("relu", |g, x| g.relu("y", x).unwrap()),
    ("sigmoid", |g, x| g.sigmoid("y", x).unwrap()),
    ("batch_norm", |g, x| g.batch_norm("y", x, [0.5; 64].into(), [0.1; 64].into()).unwrap()),
    ("max_pool", |g, x| g.max_pool("y", x, Window::new(2, 2)).unwrap()),
    ("max_pool 3x3 stride 2", |g, x| {
        let pool = Pool { stride: Window::new(2, 2), ..Window::new(3, 3).into() };
        g.max_pool("y", x, pool).unwrap()
    }),
    ("silu", |g, x| g.pointwise("y", x, Function::Silu).unwrap()),
    ("leaky_relu", |g, x| g.pointwise("y", x, Function::LeakyRelu { slope: 0.2 }).unwrap()),
    ("softmax", |g, x| g.softmax("y", x, Axes { h: false, w: false, c: true }).unwrap()),
    ("conv_transpose 2x2 stride 2 to 32", |g, x| {
        let kernel = Kernel::new(2, 2, 32, 64, numbers(4 * 32 * 64).into()).unwrap();
        let two = Window::new(2, 2);
        let pad = Sides { top: 0, bottom: 0, left: 0, right: 0 };
        let (dilation, groups) = (Window::ONE, 1);
        g.conv_transpose(
            "y",
            x,
            ConvTranspose { kernel, bias: None, stride: two, pad, dilation, groups, h: 256, w: 256 },
        )
        .unwrap()
    }),
    ("upsample", |g, x| g.upsample("y", x, Window::new(2, 2)).unwrap()),
    ("sum_pool", |g, x| g.sum_pool("y", x, Window::new(2, 2)).unwrap()),
    ("concat", |g, x| g.concat("y", &[x, x, x]).unwrap()),
    ("add", |g, x| g.add("y", x, x).unwrap()),
    ("mul", |g, x| g.mul("y", x, x).unwrap()),
    ("mean", |g, x| g.mean("y", x).unwrap()),
    ("rms", |g, x| g.rms("y", x).unwrap()),
    ("step", |g, x| g.step("y", x, x, 1.0).unwrap()),
    ("total_variation", |g, x| g.total_variation("y", x).unwrap()),
    ("transform", |g, x| g.transform("y", x, Axis::Across, Matrix::new(128, 128, numbers(128 * 128))).unwrap()),
];

/// Ops whose gradient is more than one of those above; measured together with it.
const BOTH_WAYS: [&str; 6] = ["relu", "sigmoid", "max_pool", "max_pool 3x3 stride 2", "silu", "total_variation"];

/// Numbers in [-1, 1) in no order.
fn numbers(count: usize) -> Vec<f32> {
    (0..count as u32)
        .map(|i| (i.wrapping_mul(0x9e37_79b9) ^ i >> 7).wrapping_mul(0x85eb_ca6b) as i32 as f32 / 2f32.powi(31))
        .collect()
}

/// An executor, its name, and its limit in multiply-accumulates per second.
struct Bench {
    executor: Box<dyn Executor>,
    name: String,
    limit: f64,
}

impl Bench {
    fn open(backend: Backend) -> Option<Bench> {
        let (executor, _) = exec::open(backend, None, None).ok()?;
        let (limit, name) = (executor.fma_rate().unwrap() / 2.0, executor.describe());
        println!("{name}: {:.1} GMAC/s when it does nothing else", limit / 1e9);
        Some(Bench { executor, name: name.split(',').next().unwrap_or_default().to_string(), limit })
    }
}

/// Times the plan that `build` makes for an input of that shape, on each executor.
fn time(c: &mut Criterion, benches: &[Bench], name: &str, shape: Shape, build: impl Fn(&mut Graph, NodeId) -> NodeId) {
    let mut graph = Graph::new();
    let x = graph.input("x", shape).unwrap();
    let y = build(&mut graph, x);
    let plan = Arc::new(Plan::compile(graph, &[y], &[], &[]));
    let image = Tensor::new(shape, numbers(shape.len()));
    let result = |executor: &dyn Executor| {
        let mut program = executor.prepare(plan.clone()).unwrap();
        program.write(x, &image).unwrap();
        program.run(1).unwrap();
        (program.read(y).unwrap(), program)
    };
    let macs: u64 = plan.steps.iter().map(|step| plan.macs(step)).sum();
    let moved: usize = plan.values.iter().map(|value| value.shape.len() * 4).sum();
    let mut group = c.benchmark_group(name);
    group.throughput(if macs > 0 { Throughput::Elements(macs) } else { Throughput::Bytes(moved as u64) });
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    let mut reference = None;
    for bench in benches {
        let (mut program, mut best) = (None, f64::INFINITY);
        group.bench_function(&bench.name, |b| {
            let program = program.get_or_insert_with(|| {
                let reference =
                    reference.get_or_insert_with(|| result(&*exec::open(Backend::Reference, None, None).unwrap().0).0);
                let (got, program) = result(&*bench.executor);
                let largest = reference.data.iter().fold(0.0f32, |most, v| most.max(v.abs()));
                for (a, b) in got.data.iter().zip(&reference.data) {
                    assert!((a - b).abs() <= 2e-5 * largest, "{name} on {}: {a}, the reference has {b}", bench.name);
                }
                program
            });
            b.iter_custom(|count| {
                let start = Instant::now();
                program.run(count as usize).unwrap();
                let taken = start.elapsed();
                best = best.min(taken.as_secs_f64() / count as f64);
                taken
            });
        });
        if macs > 0 && best.is_finite() {
            let rate = macs as f64 / best;
            println!("{}: {:.1} GMAC/s, {:.0}% of the limit", bench.name, rate / 1e9, rate / bench.limit * 100.0);
        }
    }
}

fn ops(c: &mut Criterion) {
    let benches: Vec<Bench> = [Backend::Cpu, Backend::Gpu].into_iter().filter_map(Bench::open).collect();
    for (side, ci, co) in CONVOLUTIONS {
        let kernel = Kernel::new(3, 3, ci, co, numbers(9 * ci * co).into()).unwrap();
        for (way, kernel) in [("forward", kernel.clone()), ("backward", kernel.flipped(1))] {
            let shape = Shape::new(1, side, side, kernel.ci);
            let conv = Conv2d::same(kernel, None);
            let name = format!("conv2d/{side}x{side} {ci} to {co} {way}");
            time(c, &benches, &name, shape, |g, x| g.conv2d("y", x, conv.clone()).unwrap());
        }
    }
    let shape = Shape::new(1, 128, 128, 64);
    for (name, build) in OPS {
        time(c, &benches, &format!("{name}/128x128x64 forward"), shape, build);
        if BOTH_WAYS.contains(&name) {
            time(c, &benches, &format!("{name}/128x128x64 forward and backward"), shape, |g, x| {
                let y = build(g, x);
                let loss = g.mean("loss", y).unwrap();
                gradient(g, loss, x).unwrap().of_wrt()
            });
        }
    }
}

criterion_group!(benches, ops);
criterion_main!(benches);
