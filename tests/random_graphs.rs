//! Random networks: every executor against the reference, and the gradient against finite differences.
//!
//! A network is a list of instructions; each makes a node from recent ones. So there are values used twice, several
//! pools of one value, branches that end nowhere, orders of ops that no U-Net has. What is kept is random too, since
//! that decides which ops are fused. Behind the gradient stand more nodes that no autodiff would make: gradients of relus and
//! max pools by hand, of any values and in any order.
//!
//! At a kink (a ReLU's input near zero, two nearly equal values in a max pool) single precision may fall to the other
//! side; then the right gradient is another one. Such images are not used: the reference tells how near the nearest kink
//! is.

mod common;

use common::difference;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::cell::Cell;
use std::sync::Arc;
use unet_lens::engine::autodiff::gradient;
use unet_lens::engine::exec::cpu::Cpu;
use unet_lens::engine::exec::cpu::simd::Level;
use unet_lens::engine::exec::memory::Limit;
use unet_lens::engine::exec::reference::{Reference, evaluate};
use unet_lens::engine::exec::{Backend, Executor, open};
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{Axis, Conv2d, Kernel, Matrix, Op, Pool, Window};
use unet_lens::engine::plan::Plan;
use unet_lens::engine::tensor::{Shape, Tensor, Tensor64};

/// One node: which op, and three numbers that choose its inputs and sizes.
type Instruction = (u8, u8, u8, u8);

#[derive(Debug, Clone)]
struct Case {
    image: Shape,
    code: Vec<Instruction>,
    /// What stands behind the gradient.
    extra: Vec<Instruction>,
    /// Does the network end with a convolution of which each image sees its own channel?
    bank: bool,
    seed: u64,
}

fn case() -> impl Strategy<Value = Case> {
    let image = (1..=6usize, 1..=12usize, 1..=12usize, 1..=4usize).prop_map(|(n, h, w, c)| Shape::new(n, h, w, c));
    let code = prop::collection::vec(any::<Instruction>(), 1..16);
    let extra = prop::collection::vec(any::<Instruction>(), 0..8);
    (image, code, extra, any::<bool>(), any::<u64>()).prop_map(|(image, code, extra, bank, seed)| Case {
        image,
        code,
        extra,
        bank,
        seed,
    })
}

/// Most pixels of an image, and most channels of a value.
const PIXELS: usize = 400;
const CHANNELS: usize = 40;

struct Net {
    graph: Graph,
    image: NodeId,
    /// How far each image is rolled: `[n, 1, 2, 1]`.
    shifts: NodeId,
    output: NodeId,
    loss: NodeId,
    dx: NodeId,
}

fn uniform(rng: &mut ChaCha8Rng, count: usize, low: f32, high: f32) -> Vec<f32> {
    (0..count).map(|_| rng.random_range(low..high)).collect()
}

fn conv(rng: &mut ChaCha8Rng, kh: usize, kw: usize, ci: usize, co: usize) -> Conv2d {
    let size = (3.0 / (kh * kw * ci) as f32).sqrt();
    let kernel = uniform(rng, kh * kw * ci * co, -size, size);
    let bias = rng.random::<bool>().then(|| uniform(rng, co, -0.5, 0.5).into());
    Conv2d::same(Kernel::new(kh, kw, ci, co, kernel.into()).unwrap(), bias)
}

fn build(case: &Case) -> Net {
    let mut rng = ChaCha8Rng::seed_from_u64(case.seed);
    let mut g = Graph::new();
    let image = g.input("image", case.image).unwrap();
    let shifts = g.input("shifts", Shape::new(case.image.n, 1, 2, 1)).unwrap();
    let mut values = vec![image];
    for (i, &(op, a, b, c)) in case.code.iter().enumerate() {
        let (a, b, c) = (a as usize, b as usize, c as usize);
        let name = format!("node {i}");
        // One of the last few values, most often the last.
        let recent = |a: usize| values[values.len() - 1 - [0, 0, 0, 1, 2, 3, 4, 5][a % 8] % values.len()];
        let x = recent(a);
        let s = g.shape(x);
        let window = Window::new([2, 1, 3, 2][b % 4], [2, 3, 1, 2][c % 4]);
        let alike = |g: &Graph, b: usize, channels: bool| {
            let like = |v: &&NodeId| {
                let t = g.shape(**v);
                (t.h, t.w) == (s.h, s.w) && (!channels || t.c == s.c)
            };
            let all: Vec<NodeId> = values.iter().filter(like).copied().collect();
            all[b % all.len()]
        };
        let y = match op % 21 {
            0..=4 => {
                let (kh, kw) = [(3, 3), (3, 3), (1, 1), (5, 5), (3, 3), (7, 7), (3, 5), (7, 1)][b % 8];
                let co = [1, 2, 3, 4, 5, 8, 9, 16, 17, 33][c % 10];
                g.conv2d(&name, x, conv(&mut rng, kh, kw, s.c, co))
            }
            5..=7 => g.relu(&name, x),
            8 | 9 => {
                let scale = uniform(&mut rng, s.c, -1.5, 1.5).into_iter().map(f64::from).collect();
                let shift = uniform(&mut rng, s.c, -0.5, 0.5).into_iter().map(f64::from).collect();
                g.batch_norm(&name, x, scale, shift)
            }
            10 | 11 if s.h.is_multiple_of(window.h) && s.w.is_multiple_of(window.w) => g.max_pool(&name, x, window),
            12 if s.h * s.w * window.len() <= PIXELS => g.upsample(&name, x, window),
            13 | 14 => {
                let mut xs = vec![x, alike(&g, b, false)];
                if c % 4 == 0 {
                    xs.push(alike(&g, c, false));
                }
                if c % 2 == 1 {
                    xs.reverse();
                }
                if xs.iter().map(|&x| g.shape(x).c).sum::<usize>() > CHANNELS {
                    continue;
                }
                g.concat(&name, &xs)
            }
            15 if c % 2 == 0 => g.add(&name, x, alike(&g, b, true)),
            15 => g.sigmoid(&name, x),
            16 => g.mul(&name, x, alike(&g, b, true)),
            17 => g.scale(&name, x, [-1.0, 0.5, 1.5, 2.0][b % 4]),
            18 => g.roll(&name, x, shifts),
            19 => {
                let (axis, length) = if c % 2 == 0 { (Axis::Down, s.h) } else { (Axis::Across, s.w) };
                let rows = [length, 1 + b % 5][usize::from(a % 3 == 0)];
                let size = (3.0 / length as f32).sqrt();
                g.transform(&name, x, axis, Matrix::new(rows, length, uniform(&mut rng, rows * length, -size, size)))
            }
            // A value of long ago, once more.
            20 => {
                let old = values[c % values.len()];
                let like = values.iter().rev().copied().find(|&v| v != old && g.shape(v) == g.shape(old));
                g.add(&name, old, like.unwrap_or(old))
            }
            _ => continue,
        };
        values.push(y.unwrap());
    }
    let mut output = values[values.len() - 1];
    if case.bank {
        let own: Vec<usize> = (0..case.image.n).map(|_| rng.random_range(0..5)).collect();
        let last = conv(&mut rng, 3, 3, g.shape(output).c, 5).own_channels(&own);
        output = g.conv2d("bank", output, last).unwrap();
    }
    let squashed = g.sigmoid("squash", output).unwrap();
    let loss = g.mean("loss", squashed).unwrap();
    let dx = gradient(&mut g, loss, image).unwrap().of_wrt();
    append_by_hand(&mut g, &case.extra, &mut rng);
    Net { graph: g, image, shifts, output, loss, dx }
}

/// Nodes that read signs and winners of any relus and max pools, and chains of them.
fn append_by_hand(g: &mut Graph, extra: &[Instruction], rng: &mut ChaCha8Rng) {
    for (i, &(op, a, b, c)) in extra.iter().enumerate() {
        let (a, b, c) = (a as usize, b as usize, c as usize);
        let name = format!("by hand {i}");
        let all: Vec<NodeId> = g.nodes().map(|(id, _)| id).collect();
        let like = |g: &Graph, shape: Shape, k: usize| {
            let like: Vec<NodeId> = all.iter().copied().filter(|&id| g.shape(id) == shape).collect();
            (!like.is_empty()).then(|| like[k % like.len()])
        };
        let last = all[all.len() - 1 - a % all.len().min(4)];
        let s = g.shape(last);
        let relus: Vec<NodeId> = all.iter().copied().filter(|&id| matches!(g[id].op, Op::Relu)).collect();
        let pools: Vec<NodeId> = all.iter().copied().filter(|&id| matches!(g[id].op, Op::MaxPool(_))).collect();
        let added = match op % 8 {
            0..=2 if !relus.is_empty() => {
                let y = relus[b % relus.len()];
                let dy = like(g, g.shape(y), c).expect("its own shape");
                g.relu_grad(&name, dy, y)
            }
            3 | 4 if !pools.is_empty() => {
                let pool = pools[b % pools.len()];
                let (x, dy) = (g[pool].inputs[0], like(g, g.shape(pool), c).expect("its own shape"));
                let Op::MaxPool(kind) = g[pool].op else { unreachable!("a pool") };
                g.max_pool_grad(&name, dy, x, kind)
            }
            5 => {
                let scale = uniform(rng, s.c, -1.5, 1.5).into_iter().map(f64::from).collect();
                let shift = vec![if b % 2 == 0 { 0.0 } else { 0.25 }; s.c];
                g.batch_norm(&name, last, scale, shift.into())
            }
            6 if s.h.is_multiple_of(2) && s.w.is_multiple_of(2) => g.sum_pool(&name, last, Window::new(2, 2)),
            7 => g.add(&name, last, like(g, s, b).expect("its own shape")),
            _ => continue,
        };
        added.unwrap();
    }
}

/// From two rows or columns back to two on: whole numbers, as the op wants them.
fn shifts(net: &Net) -> Tensor {
    let shape = net.graph.shape(net.shifts);
    Tensor::new(shape, (0..shape.len()).map(|i| (i * 3 % 5) as f32 - 2.0).collect())
}

/// How near the nearest kink is, relative to the largest value there; and whether max pools hold exactly equal values,
/// of which either may win in single precision.
fn kinks(net: &Net, image: &Tensor64) -> (f64, bool) {
    let inputs: Vec<(NodeId, Op)> = net
        .graph
        .nodes()
        .filter(|(_, node)| matches!(node.op, Op::Relu | Op::MaxPool(_)))
        .map(|(_, node)| (node.inputs[0], node.op.clone()))
        .collect();
    let ids: Vec<NodeId> = inputs.iter().map(|(id, _)| *id).collect();
    let (mut nearest, mut equal) = (f64::INFINITY, false);
    for (x, (_, op)) in
        evaluate(&net.graph, &[(net.image, image), (net.shifts, &(&shifts(net)).into())], &ids).iter().zip(&inputs)
    {
        let largest = x.data.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let mut near = |gap: f64| {
            if gap > 0.0 {
                nearest = nearest.min(gap / largest);
            }
        };
        let Op::MaxPool(Pool { window, .. }) = op else {
            x.data.iter().for_each(|v| near(v.abs()));
            continue;
        };
        let s = x.shape;
        for n in 0..s.n {
            for c in 0..s.c {
                for (r, q) in (0..s.h / window.h).flat_map(|r| (0..s.w / window.w).map(move |q| (r, q))) {
                    let places = (0..window.len())
                        .map(|p| x.get(n, r * window.h + p / window.w, q * window.w + p % window.w, c));
                    let mut values: Vec<f64> = places.collect();
                    values.sort_by(|a, b| b.total_cmp(a));
                    if values.len() > 1 {
                        equal |= values[0] == values[1];
                        values.iter().for_each(|v| near(values[0] - v));
                    }
                }
            }
        }
    }
    (nearest, equal)
}

/// Which side of every kink the network is on: the signs at ReLUs, the winners of max pools.
fn sides(net: &Net, image: &Tensor64) -> Vec<usize> {
    let of_pool = |x: &Tensor64, y: &Tensor64, window: Window| {
        let s = y.shape;
        let all = (0..s.len()).map(|i| (i / (s.h * s.w * s.c), i / (s.w * s.c) % s.h, i / s.c % s.w, i % s.c));
        let winner = |(n, r, q, c): (usize, usize, usize, usize)| {
            let value = y.get(n, r, q, c);
            let here = |p: &usize| x.get(n, r * window.h + p / window.w, q * window.w + p % window.w, c) == value;
            (0..window.len()).find(here).unwrap()
        };
        all.map(winner).collect::<Vec<_>>()
    };
    let mut sides = vec![];
    for (id, node) in net.graph.nodes() {
        let shifts = Tensor64::from(&shifts(net));
        let values = |id| evaluate(&net.graph, &[(net.image, image), (net.shifts, &shifts)], &[id]).remove(0);
        match node.op {
            Op::Relu => sides.extend(values(id).data.iter().map(|&v| usize::from(v > 0.0))),
            Op::MaxPool(pool) => sides.extend(of_pool(&values(node.inputs[0]), &values(id), pool.window)),
            _ => {}
        }
    }
    sides
}

/// A kink must be at least this far away.
const FAR: f64 = 2e-5;

/// An image with no kink near it, and whether max pools hold equal values.
fn quiet_image(net: &Net, seed: u64) -> Option<(Tensor, bool)> {
    let shape = net.graph.shape(net.image);
    (0..12).find_map(|i| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ (i + 1));
        let image = Tensor::new(shape, uniform(&mut rng, shape.len(), -1.0, 1.0));
        let (nearest, equal) = kinks(net, &(&image).into());
        (nearest > FAR).then_some((image, equal))
    })
}

fn run(executor: &dyn Executor, net: &Net, keep: &[NodeId], image: &Tensor) -> Vec<Tensor> {
    let plan = Arc::new(Plan::compile(net.graph.clone(), keep, &[net.loss], &[]));
    let mut program = executor.prepare(plan).unwrap();
    program.write(net.image, image).unwrap();
    program.write(net.shifts, &shifts(net)).unwrap();
    // Twice: buffers that were used before must not matter.
    program.run(1).unwrap();
    let trace = program.run(1).unwrap();
    let mut results: Vec<Tensor> = keep.iter().map(|&id| program.read(id).unwrap()).collect();
    assert_eq!(program.first_traced().unwrap(), trace[0][0], "the loss alone");
    results.push(Tensor::new(net.graph.shape(net.loss), trace[0][0].clone()));
    results
}

/// The fast executors: the CPU with every instruction set of this machine, and the GPU, if there is one.
fn executors() -> Vec<Box<dyn Executor>> {
    let mut all: Vec<Box<dyn Executor>> = vec![];
    for level in Level::available() {
        all.push(Box::new(Cpu::with_level(None, level, Limit::default()).unwrap()));
    }
    all.extend(open(Backend::Gpu, None, None).ok().map(|(gpu, _)| gpu));
    all
}

#[test]
fn every_executor_agrees_with_the_reference() {
    let executors = executors();
    let (dropped, used) = (Cell::new(0), Cell::new(0));
    let config = ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(case in case(), which in any::<u64>())| {
        let net = build(&case);
        let Some((image, equal)) = quiet_image(&net, case.seed) else {
            dropped.set(dropped.get() + 1);
            return Ok(());
        };
        used.set(used.get() + 1);
        // Nothing but the gradient, some nodes, all nodes.
        let some = |id: &NodeId| *id == net.output || *id == net.dx || which >> (id.0 % 64) & 3 == 0;
        let all: Vec<NodeId> = net.graph.nodes().map(|(id, _)| id).collect();
        for mut keep in [vec![net.dx], vec![net.output], all.iter().copied().filter(some).collect(), all] {
            if equal {
                // Between output and image the gradient may take another of several equal ways.
                keep.retain(|id| id.0 <= net.loss.0 || *id == net.dx);
            }
            let expected = run(&Reference::default(), &net, &keep, &image);
            for executor in &executors {
                let got = run(&**executor, &net, &keep, &image);
                for (i, (got, expected)) in got.iter().zip(&expected).enumerate() {
                    let node = &net.graph[keep.get(i).copied().unwrap_or(net.loss)];
                    let (error, at) = difference(&got.data, &expected.data);
                    prop_assert!(
                        error < 1e-5,
                        "{} ({}) on {}, {} kept: [{at}] is {}, should be {}\n{}",
                        node.name, node.op.name(), executor.describe(), keep.len(), got.data[at], expected.data[at],
                        Plan::compile(net.graph.clone(), &keep, &[net.loss], &[])
                    );
                }
            }
        }
    });
    println!("{} cases used, {} dropped for a kink", used.get(), dropped.get());
    assert!(dropped.get() * 10 < used.get(), "{} of {} cases were dropped", dropped.get(), used.get());
}

#[test]
fn the_gradient_is_that_of_finite_differences() {
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(case in case())| {
        let net = build(&case);
        let Some((image, _)) = quiet_image(&net, case.seed) else { return Ok(()) };
        let at = Tensor64::from(&image);
        let shifts = Tensor64::from(&shifts(&net));
        let dx = evaluate(&net.graph, &[(net.image, &at), (net.shifts, &shifts)], &[net.dx]).remove(0);
        let mut rng = ChaCha8Rng::seed_from_u64(case.seed);
        let (step, len) = (1e-5, at.shape.image_len());
        for _ in 0..3 {
            let direction: Vec<f64> =
                uniform(&mut rng, at.shape.len(), -1.0, 1.0).into_iter().map(|v| f64::from(v) / (len as f64).sqrt()).collect();
            let moved = |by: f64| {
                let data = at.data.iter().zip(&direction).map(|(x, v)| x + by * v).collect();
                Tensor64 { shape: at.shape, data }
            };
            if sides(&net, &moved(step)) != sides(&net, &moved(-step)) {
                continue;
            }
            let loss_at = |by| evaluate(&net.graph, &[(net.image, &moved(by)), (net.shifts, &shifts)], &[net.loss]).remove(0).data;
            let (up, down) = (loss_at(step), loss_at(-step));
            for n in 0..at.shape.n {
                let of_image = n * len..(n + 1) * len;
                let (g, v) = (&dx.data[of_image.clone()], &direction[of_image]);
                let expected: f64 = g.iter().zip(v).map(|(g, v)| g * v).sum();
                let found = (up[n] - down[n]) / (2.0 * step);
                let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
                // The loss, the sum of thousands of values, is itself rounded.
                let bound = 1e-6 * length(g) * length(v) + 2e-15 / step;
                prop_assert!(
                    (found - expected).abs() < bound,
                    "image {n}: along a random direction the loss changes by {found}, by backprop {expected}"
                );
            }
        }
    });
}
