//! How fast the GPU executor's convolutions are, beside what the adapter can do at all, measured in turn.
//!
//! `cargo bench --bench gpu_conv`, or with `-- minimal` with nothing but what WebGPU promises everywhere.

use std::sync::Arc;
use std::time::Instant;
use unet_lens::Result;
use unet_lens::exec::Executor;
use unet_lens::exec::gpu::Gpu;
use unet_lens::exec::memory::Limit;
use unet_lens::graph::Graph;
use unet_lens::ops::{Conv2d, Kernel};
use unet_lens::plan::Plan;
use unet_lens::tensor::{Shape, Tensor};

/// Side of the picture, input channels, output channels.
const SHAPES: [(usize, usize, usize); 9] = [
    (64, 256, 128),
    (32, 768, 128),
    (16, 256, 512),
    (128, 192, 64),
    (128, 64, 64),
    (128, 1, 64),
    (64, 1, 256),
    (64, 256, 1),
    (128, 64, 1),
];

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<()> {
    let minimal = std::env::args().any(|arg| arg == "minimal");
    let gpu = if minimal { Gpu::open_minimal(None, Limit::default())? } else { Gpu::open(None, Limit::default())? };
    println!("{}", gpu.describe());
    println!("relu(conv2d 3x3), one image     median ms   GFLOP/s   of the adapter's limit");
    for (size, ci, co) in SHAPES {
        let shape = Shape::new(1, size, size, ci);
        let mut graph = Graph::new();
        let x = graph.input("x", shape)?;
        let weights = (0..9 * ci * co).map(|i| (i * 7919 % 1000) as f32 * 1e-3 - 0.5).collect();
        let conv = Conv2d { kernel: Kernel::new(3, 3, ci, co, weights)?, bias: Some(vec![0.1; co].into()) };
        let y = graph.conv2d("y", x, conv)?;
        let y = graph.relu("relu", y)?;
        let plan = Plan::compile(graph, &[y], &[], &[]);
        let operations = 2.0 * plan.macs(&plan.steps[0]) as f64;
        let mut program = gpu.prepare(Arc::new(plan))?;
        program.write(x, &Tensor::new(shape, (0..shape.len()).map(|i| (i * 31 % 100) as f32 * 0.01).collect()))?;
        program.run(1)?;
        let (mut seconds, mut limits) = (vec![], vec![]);
        for _ in 0..7 {
            let start = Instant::now();
            program.run(4)?;
            seconds.push(start.elapsed().as_secs_f64() / 4.0);
            limits.push(gpu.fma_rate()?);
        }
        let (seconds, limit) = (median(seconds), median(limits));
        let rate = operations / seconds;
        println!(
            "{size:>4}x{size:<4} {ci:>4} -> {co:<4}        {:>10.2} {:>9.1}   {:>4.0}% of {:.1} GFLOP/s",
            seconds * 1e3,
            rate / 1e9,
            100.0 * rate / limit,
            limit / 1e9
        );
    }
    Ok(())
}
