//! Every op, forward and gradient, on every executor against the reference: at odd sizes, alone and in graphs.

mod common;

use common::{difference, open};
use std::sync::Arc;
use unet_lens::engine::autodiff::gradient;
use unet_lens::engine::exec::{Backend, Executor};
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{Axis, Conv2d, Kernel, Matrix, Window};
use unet_lens::engine::plan::Plan;
use unet_lens::engine::tensor::{Shape, Tensor};

/// Numbers in [-1, 1) that look random and are the same everywhere.
fn numbers(count: usize, salt: u64) -> Vec<f32> {
    let mut state = salt.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1u64 << 24) as f32) * 2.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn doubles(count: usize, salt: u64) -> Arc<[f64]> {
    numbers(count, salt).iter().map(|&v| f64::from(v)).collect()
}

fn conv(kh: usize, kw: usize, ci: usize, co: usize) -> Conv2d {
    let size = (2.0 / (kh * kw * ci) as f32).sqrt();
    let kernel: Vec<f32> = numbers(kh * kw * ci * co, 3).iter().map(|v| v * size).collect();
    Conv2d::same(Kernel::new(kh, kw, ci, co, kernel.into()).unwrap(), Some(numbers(co, 4).into()))
}

/// What a graph computes for these inputs, and the plan it ran as.
fn run(executor: &dyn Executor, graph: &Graph, keep: &[NodeId], image: NodeId, values: &Tensor) -> Vec<Tensor> {
    let plan = Arc::new(Plan::compile(graph.clone(), keep, &[], &[]));
    let mut program = executor.prepare(plan).unwrap();
    program.write(image, values).unwrap();
    program.run(1).unwrap();
    keep.iter().map(|&id| program.read(id).unwrap()).collect()
}

/// Output and gradient of one op on all executors. What is kept keeps ops from being fused, so it is run both ways.
fn check(name: &str, image: Shape, build: impl Fn(&mut Graph, NodeId) -> NodeId) {
    check_at(name, &Tensor::new(image, numbers(image.len(), 7)), build);
}

/// The same for the image of these values.
fn check_at(name: &str, values: &Tensor, build: impl Fn(&mut Graph, NodeId) -> NodeId) {
    let mut graph = Graph::new();
    let x = graph.input("image", values.shape).unwrap();
    let y = build(&mut graph, x);
    let squashed = graph.sigmoid("squash", y).unwrap();
    let loss = graph.mean("loss", squashed).unwrap();
    let gradients = gradient(&mut graph, loss, x).unwrap();
    let dx = gradients.of_wrt();
    let all: Vec<NodeId> = graph.nodes().map(|(id, _)| id).filter(|&id| id != x).collect();
    for keep in [vec![y, loss, dx], vec![dx], all] {
        let expected = run(&*open(Backend::Reference).unwrap(), &graph, &keep, x, values);
        for backend in [Backend::Cpu, Backend::Gpu] {
            let Some(executor) = open(backend) else { continue };
            let got = run(&*executor, &graph, &keep, x, values);
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
    }
}

#[test]
fn every_op() {
    for (n, h, w, c) in [(1, 6, 12, 1), (2, 12, 6, 3), (5, 6, 6, 17), (3, 18, 24, 33)] {
        let image = Shape::new(n, h, w, c);
        let (scale, shift): (Arc<[f64]>, Arc<[f64]>) = (doubles(c, 1), doubles(c, 2));
        for (kh, kw) in [(1, 1), (3, 3), (5, 5), (7, 7), (3, 5)] {
            check(&format!("conv2d {kh}x{kw}"), image, |g, x| g.conv2d("y", x, conv(kh, kw, c, 5)).unwrap());
        }
        check("conv2d wide", image, |g, x| g.conv2d("y", x, conv(3, 3, c, 37)).unwrap());
        let own: Vec<usize> = (0..n).map(|i| i * 3 % 5).collect();
        check("own channels", image, |g, x| g.conv2d("y", x, conv(3, 3, c, 5).own_channels(&own)).unwrap());
        check("batch_norm", image, |g, x| g.batch_norm("y", x, scale.clone(), shift.clone()).unwrap());
        check("relu", image, |g, x| g.relu("y", x).unwrap());
        check("sigmoid", image, |g, x| g.sigmoid("y", x).unwrap());
        for window in [(2, 2), (3, 1), (1, 2), (6, 6)] {
            check("max_pool", image, |g, x| g.max_pool("y", x, Window::new(window.0, window.1)).unwrap());
            check("upsample", image, |g, x| g.upsample("y", x, Window::new(window.0, window.1)).unwrap());
        }
        check("concat", image, |g, x| {
            let r = g.relu("r", x).unwrap();
            g.concat("y", &[x, r, x]).unwrap()
        });
        check("used twice", image, |g, x| {
            let r = g.relu("r", x).unwrap();
            let s = g.sigmoid("s", r).unwrap();
            g.add("y", r, s).unwrap()
        });
        check("mul", image, |g, x| {
            let r = g.relu("r", x).unwrap();
            g.mul("y", r, x).unwrap()
        });
        check("scale", image, |g, x| g.scale("y", x, -1.7).unwrap());
        for (down, right) in [(1.0, 2.0), (-2.0, 1.0), (0.0, -1.0), (9.0, 25.0)] {
            check("roll", image, |g, x| {
                let one = g.fill("one", Shape::new(n, 3, 2, 1), 1.0).unwrap();
                let apart = Matrix::new(2, 2, vec![down, 0.0, 0.0, right]);
                let by = g.transform("by", one, Axis::Across, apart).unwrap();
                g.roll("y", x, by).unwrap()
            });
        }
        check("total_variation", image, |g, x| g.total_variation("y", x).unwrap());
        for (axis, size) in [(Axis::Down, h), (Axis::Across, w)] {
            for rows in [size, size + 5] {
                let matrix = Matrix::new(rows, size, numbers(rows * size, 9));
                check("transform", image, |g, x| g.transform("y", x, axis, matrix.clone()).unwrap());
            }
        }
        check("adam", image, |g, x| {
            let square = g.mul("square", x, x).unwrap();
            let cm = g.fill("cm", Shape::new(n, 1, 1, 1), 0.3).unwrap();
            let cv = g.fill("cv", Shape::new(n, 1, 1, 1), 0.1).unwrap();
            let direction = g.adam("adam", [x, square, cm, cv], 1e-8).unwrap();
            // No gradient is taken through Adam: it comes after the gradient.
            let next = g.step("y", x, direction, 0.5).unwrap();
            g.rename(next, "next");
            x
        });
        check("added to itself", image, |g, x| g.add("y", x, x).unwrap());
    }
}

/// The fast transform against the sums: lines of every kind of length, both ways, both axes.
#[test]
fn fourier() {
    for (n, h, w, c) in [
        (1, 1, 1, 1),
        (2, 2, 1, 3),
        (1, 1, 7, 1),
        (3, 5, 4, 2),
        (1, 12, 13, 1),
        (5, 16, 9, 3),
        (1, 97, 64, 1),
        (2, 128, 30, 1),
    ] {
        let image = Shape::new(n, h, w, c);
        for (axis, size) in [(Axis::Down, h), (Axis::Across, w)] {
            for matrix in [Matrix::fourier(size), Matrix::fourier(size).transposed()] {
                let name = format!("{:?} of {image}, {axis:?}", matrix.waves());
                check(&name, image, |g, x| g.transform("y", x, axis, matrix.clone()).unwrap());
            }
        }
    }
}

#[test]
fn a_unet() {
    for order in ["conv relu bn", "conv bn relu"] {
        for (n, channels) in [(1, [1, 5, 7]), (3, [2, 20, 40]), (6, [3, 33, 16])] {
            let [c0, c1, c2] = channels;
            let block = |g: &mut Graph, name: &str, x: NodeId, co: usize| {
                let ci = g.shape(x).c;
                let (scale, shift): (Arc<[f64]>, Arc<[f64]>) = (doubles(co, 1), doubles(co, 2));
                let y = g.conv2d(&format!("{name} conv"), x, conv(3, 3, ci, co)).unwrap();
                if order == "conv relu bn" {
                    let y = g.relu(&format!("{name} relu"), y).unwrap();
                    g.batch_norm(name, y, scale, shift).unwrap()
                } else {
                    let y = g.batch_norm(&format!("{name} bn"), y, scale, shift).unwrap();
                    g.relu(name, y).unwrap()
                }
            };
            check(&format!("unet, {order}, {channels:?}"), Shape::new(n, 12, 20, c0), |g, x| {
                let two = Window::new(2, 2);
                let a = block(g, "a", x, c1);
                let down = g.max_pool("down", a, two).unwrap();
                let b = block(g, "b", down, c2);
                let down = g.max_pool("down", b, two).unwrap();
                let code = block(g, "code", down, c2);
                let up = g.upsample("up", code, two).unwrap();
                let cat = g.concat("cat", &[up, b]).unwrap();
                let b2 = block(g, "b2", cat, c2);
                let up = g.upsample("up", b2, two).unwrap();
                let cat = g.concat("cat", &[up, a]).unwrap();
                block(g, "a2", cat, c1)
            });
        }
    }
}

/// Small whole numbers: equal values in max pools, inputs of ReLUs that are exactly zero. No rounding may decide.
#[test]
fn equal_values_and_zeros() {
    for (n, h, w, c) in [(1, 6, 12, 1), (5, 12, 6, 3), (2, 6, 6, 17), (3, 18, 24, 33)] {
        let shape = Shape::new(n, h, w, c);
        let values = Tensor::new(shape, numbers(shape.len(), 9).iter().map(|v| (v * 1.6).round()).collect());
        check_at("relu", &values, |g, x| g.relu("y", x).unwrap());
        for window in [(2, 2), (3, 1), (1, 2), (3, 3), (6, 6)] {
            let pool = |g: &mut Graph, x| g.max_pool("y", x, Window::new(window.0, window.1)).unwrap();
            check_at(&format!("max_pool {window:?}"), &values, pool);
            check_at(&format!("relu, max_pool {window:?}"), &values, |g, x| {
                let r = g.relu("r", x).unwrap();
                pool(g, r)
            });
        }
    }
}

/// Gradient ops in the forward pass, and in orders that autodiff never makes: fusing must still be right.
#[test]
fn orders_that_no_network_has() {
    let image = Shape::new(6, 12, 8, 5);
    let (scale, shift) = (doubles(5, 1), doubles(5, 2));
    let mut g = Graph::new();
    let x = g.input("image", image).unwrap();
    let y = g.conv2d("conv", x, conv(3, 3, 5, 5)).unwrap();
    let pooled = g.sum_pool("sum_pool after a bias", y, Window::new(2, 2)).unwrap();
    let r = g.relu("relu", x).unwrap();
    let gated = g.relu_grad("relu_grad", x, r).unwrap();
    let shifted = g.batch_norm("batch_norm after relu_grad", gated, scale, shift).unwrap();
    let y = g.conv2d("conv", x, conv(3, 3, 5, 7)).unwrap();
    let (low, high) = (g.slice("low", y, 0, 5).unwrap(), g.slice("high", y, 3, 4).unwrap());
    let mut bank = conv(3, 3, 5, 7).own_channels(&[6, 2, 3, 1, 0, 4]);
    let bias: Vec<f32> = numbers(18, 5);
    bank = Conv2d::same(Kernel { co: 3, data: numbers(6 * 9 * 5 * 3, 6).into(), ..bank.kernel }, Some(bias.into()));
    let y = g.conv2d("bank", x, bank).unwrap();
    let of_bank = g.slice("of a bank", y, 1, 2).unwrap();
    let keep = [pooled, shifted, low, high, of_bank];
    let values = Tensor::new(image, numbers(image.len(), 7));
    let expected = run(&*open(Backend::Reference).unwrap(), &g, &keep, x, &values);
    let got = run(&*open(Backend::Cpu).unwrap(), &g, &keep, x, &values);
    for ((got, expected), &id) in got.iter().zip(&expected).zip(&keep) {
        let (error, at) = difference(&got.data, &expected.data);
        assert!(error < 1e-5, "{}: [{at}] is {}, should be {}", g[id].name, got.data[at], expected.data[at]);
    }
}
