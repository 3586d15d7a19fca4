//! The CPU's portable level at small shapes: every way of its convolutions and, by way of a small U-Net, the other kernels. What is
//! here is few numbers, so that Miri can run it, which finds reads and writes that are not allowed:
//!
//! ```text
//! RAYON_NUM_THREADS=1 MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-tree-borrows -Zmiri-ignore-leaks -Zmiri-permissive-provenance" \
//!     cargo +nightly miri test --test portable --target-dir target/miri
//! ```
//!
//! Under Miri a machine has no other level. Each test takes it six minutes on one thread; threads that wait for work would take it
//! longest. rayon's wait until the program ends, hence `ignore-leaks`; its queues need the tree of borrows, and pointers made of
//! numbers.

#[path = "common/conv.rs"]
mod conv;

use conv::{ALL, Case, With, generals, part};
use std::sync::Arc;
use unet_lens::engine::autodiff::gradient;
use unet_lens::engine::exec::Executor;
use unet_lens::engine::exec::cpu::Cpu;
use unet_lens::engine::exec::cpu::conv::Geometry;
use unet_lens::engine::exec::cpu::simd::Level;
use unet_lens::engine::exec::memory::Limit;
use unet_lens::engine::exec::reference::Reference;
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{Axes, Conv2d, ConvTranspose, Function, Kernel, Sides, Window};
use unet_lens::engine::plan::Plan;
use unet_lens::engine::tensor::{Shape, Tensor};

#[test]
fn convolutions() {
    let up = |pool, bank| Geometry {
        parts: vec![part(9, 2, 2), part(2, 1, 1)],
        pool,
        bank,
        ..Geometry::new(4, 6, (3, 3), 1, 9)
    };
    let shapes = [Geometry::new(5, 3, (3, 3), 3, 17), up((1, 1), 1), up((2, 2), 2), Geometry::new(3, 4, (3, 3), 9, 2)];
    for g in shapes {
        let with = With { bias_per_image: g.bank > 1, ..ALL };
        Case::random(g, 2, with, 19).check();
    }
    // A transposed convolution's phase, strides, dilations; in groups too.
    let largest = if cfg!(miri) { 40 } else { 100 };
    for g in generals().into_iter().filter(|g| g.h * g.w < largest) {
        for (ci, co, groups) in [(2, 9, 1), (4, 6, 2), (9, 9, 9)] {
            Case::random(Geometry { parts: vec![part(ci, 1, 1)], co, groups, ..g.clone() }, 1, ALL, 20).check();
        }
    }
}

fn numbers(count: usize, salt: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 + salt * 104_729) % 2003) as f32 / 1001.5 - 1.0).collect()
}

fn conv(ci: usize, co: usize) -> Conv2d {
    let kernel: Vec<f32> = numbers(9 * ci * co, ci).iter().map(|v| v / (3 * ci) as f32).collect();
    Conv2d::same(Kernel::new(3, 3, ci, co, kernel.into()).unwrap(), Some(numbers(co, 4).into()))
}

/// A U-Net of two levels: pools, upsampling by both ways, a skip, a softmax.
fn unet(g: &mut Graph, x: NodeId) -> NodeId {
    let block = |g: &mut Graph, name: &str, x: NodeId, co: usize| {
        let y = g.conv2d(&format!("{name} conv"), x, conv(g.shape(x).c, co)).unwrap();
        let y = g.relu(&format!("{name} relu"), y).unwrap();
        let scale: Arc<[f64]> = numbers(co, 1).iter().map(|&v| f64::from(v)).collect();
        g.batch_norm(name, y, scale.clone(), scale).unwrap()
    };
    let two = Window::new(2, 2);
    let a = block(g, "a", x, 9);
    let down = g.max_pool("down", a, two).unwrap();
    let code = block(g, "code", down, 10);
    let code = g.pointwise("silu", code, Function::Silu).unwrap();
    let up = g.upsample("up", code, two).unwrap();
    let kernel = Kernel::new(2, 2, 3, 10, numbers(120, 5).into()).unwrap();
    let Shape { h, w, .. } = g.shape(x);
    let transposed = ConvTranspose {
        kernel,
        bias: Some(numbers(3, 6).into()),
        stride: two,
        pad: Sides { top: 0, bottom: 0, left: 0, right: 0 },
        dilation: Window::ONE,
        groups: 1,
        h,
        w,
    };
    let other = g.conv_transpose("other", code, transposed).unwrap();
    let cat = g.concat("cat", &[up, a]).unwrap();
    let b = block(g, "b", cat, 3);
    let sum = g.add("sum", b, other).unwrap();
    g.softmax("softmax", sum, Axes { h: false, w: false, c: true }).unwrap()
}

#[test]
fn a_small_unet() {
    let shape = Shape::new(3, 4, 6, 2);
    let mut graph = Graph::new();
    let x = graph.input("image", shape).unwrap();
    let y = unet(&mut graph, x);
    let first = graph.slice("first", y, 0, 1).unwrap();
    let loss = graph.mean("loss", first).unwrap();
    let dx = gradient(&mut graph, loss, x).unwrap().of_wrt();
    let image = Tensor::new(shape, numbers(shape.len(), 7));
    let run = |executor: &dyn Executor| {
        let mut program = executor.prepare(Arc::new(Plan::compile(graph.clone(), &[y, dx], &[], &[]))).unwrap();
        program.write(x, &image).unwrap();
        program.run(1).unwrap();
        [y, dx].map(|id| program.read(id).unwrap())
    };
    let limit = Limit::new(Some(1 << 30));
    let expected = run(&Reference { limit });
    // Threads that wait for work are what takes Miri longest.
    let threads = if cfg!(miri) { 1 } else { 2 };
    let got = run(&Cpu::with_level(Some(threads), Level::Portable, limit).unwrap());
    for (got, expected) in got.iter().zip(&expected) {
        let largest = expected.data.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        for (at, (got, expected)) in got.data.iter().zip(&expected.data).enumerate() {
            assert!((got - expected).abs() < 1e-5 * largest, "[{at}] is {got}, should be {expected}");
        }
    }
}
