//! Every op, forward and gradient, on every executor against the reference: at odd sizes, alone and in graphs.

mod common;

use common::{difference, open};
use std::sync::Arc;
use unet_lens::engine::autodiff::gradient;
use unet_lens::engine::exec::cpu::Cpu;
use unet_lens::engine::exec::cpu::simd::Level;
use unet_lens::engine::exec::memory::Limit;
use unet_lens::engine::exec::{Backend, Executor};
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{Axes, Axis, Conv2d, ConvTranspose, Function, Kernel, Matrix, Pool, Sides, Window};
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

/// The same with any setting.
fn general((kh, kw): (usize, usize), ci: usize, co: usize, groups: usize, setting: &Setting) -> Conv2d {
    let plain = conv(kh, kw, ci / groups, co);
    let Setting { stride, pad: [top, bottom, left, right], dilation, .. } = *setting;
    let window = |(h, w)| Window::new(h, w);
    let pad = Sides { top, bottom, left, right };
    Conv2d { stride: window(stride), pad, dilation: window(dilation), groups, ..plain }
}

/// The convolution's transpose that makes an image of `h` x `w` pixels. Its outputs are the kernel's inputs.
fn transposed(conv: Conv2d, h: usize, w: usize) -> ConvTranspose {
    let Conv2d { kernel, stride, pad, dilation, groups, .. } = conv;
    let bias = Some(numbers(kernel.ci * groups, 4).into());
    ConvTranspose { kernel, bias, stride, pad, dilation, groups, h, w }
}

/// What a graph computes for these inputs.
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

#[derive(Debug, Clone, Copy)]
struct Setting {
    kernel: (usize, usize),
    stride: (usize, usize),
    pad: [usize; 4],
    dilation: (usize, usize),
}

const fn setting(kernel: (usize, usize), stride: (usize, usize), pad: [usize; 4], dilation: (usize, usize)) -> Setting {
    Setting { kernel, stride, pad, dilation }
}

/// Of convolutions: 'same', 'valid', more padding than kernel, strides that divide nothing, strides larger than the kernel,
/// dilations with and without a common divisor with the stride.
const SETTINGS: &[Setting] = &[
    setting((3, 3), (2, 2), [0, 1, 0, 1], (1, 1)),
    setting((2, 2), (2, 2), [0; 4], (1, 1)),
    setting((3, 3), (1, 1), [0; 4], (1, 1)),
    setting((2, 2), (1, 1), [0, 1, 0, 1], (1, 1)),
    setting((3, 3), (1, 1), [2, 2, 2, 2], (2, 2)),
    setting((3, 3), (2, 3), [1, 0, 2, 1], (1, 2)),
    setting((5, 4), (3, 1), [2, 2, 1, 2], (1, 1)),
    setting((1, 1), (2, 3), [0; 4], (1, 1)),
    setting((4, 4), (2, 2), [1, 1, 1, 1], (1, 1)),
    setting((2, 2), (2, 2), [3, 3, 4, 4], (1, 1)),
    setting((2, 3), (4, 4), [0, 1, 2, 2], (2, 3)),
    setting((3, 2), (2, 2), [3, 3, 3, 3], (3, 2)),
];

const fn pool(window: (usize, usize), stride: (usize, usize), pad: [usize; 4]) -> Pool {
    let [top, bottom, left, right] = pad;
    Pool {
        window: Window::new(window.0, window.1),
        stride: Window::new(stride.0, stride.1),
        pad: Sides { top, bottom, left, right },
    }
}

/// Of max pools: with overlap, with gaps, with padding, with a rest that fills no window.
const POOLS: &[Pool] = &[
    pool((3, 3), (2, 2), [0, 1, 0, 1]),
    pool((3, 3), (1, 1), [1, 1, 1, 1]),
    pool((2, 2), (2, 2), [1, 0, 1, 1]),
    pool((2, 3), (3, 4), [0; 4]),
    pool((5, 4), (1, 2), [4, 3, 2, 1]),
    pool((4, 4), (4, 4), [0; 4]),
];

#[test]
fn every_convolution() {
    let (scale, shift) = (doubles(64, 1), doubles(64, 2));
    for (n, h, w) in [(1, 7, 10), (5, 8, 6)] {
        for setting in SETTINGS {
            // Inputs, outputs, groups.
            for (ci, co, groups) in [(1, 3, 1), (5, 20, 1), (33, 8, 1), (6, 6, 6), (20, 40, 20), (6, 4, 2), (32, 64, 4)]
            {
                let image = Shape::new(n, h, w, ci);
                let name = format!("{setting:?}, {ci} to {co} in {groups} groups, {image}");
                let it = || general(setting.kernel, ci, co, groups, setting);
                check(&format!("conv2d {name}"), image, |g, x| g.conv2d("y", x, it()).unwrap());
                let own: Vec<usize> = (0..n).map(|i| i * 3 % co).collect();
                check(&format!("own channels of conv2d {name}"), image, |g, x| {
                    g.conv2d("y", x, it().own_channels(&own)).unwrap()
                });
                // The transpose of a convolution from `back` channels to the image's.
                let back = co / groups * groups;
                let it = || general(setting.kernel, back, ci, groups, setting);
                let ext = |k: usize, d: usize| (k - 1) * d + 1;
                let least = |n: usize, k, s: usize, d, pads: usize| ((n - 1) * s + ext(k, d)).saturating_sub(pads);
                let Setting { kernel: (kh, kw), stride, pad, dilation } = *setting;
                for rest in [0, 1] {
                    let bh = least(h, kh, stride.0, dilation.0, pad[0] + pad[1]) + rest.min(stride.0 - 1);
                    let bw = least(w, kw, stride.1, dilation.1, pad[2] + pad[3]) + rest.min(stride.1 - 1);
                    check(&format!("conv_transpose {name}"), image, |g, x| {
                        g.conv_transpose("y", x, transposed(it(), bh, bw)).unwrap()
                    });
                    if rest == 0 {
                        continue;
                    }
                    let own: Vec<usize> = (0..n).map(|i| i * 3 % back).collect();
                    check(&format!("own channels of conv_transpose {name}"), image, |g, x| {
                        g.conv_transpose("y", x, transposed(it(), bh, bw).own_channels(&own)).unwrap()
                    });
                    // All that an epilogue has: a residual, a relu whose signs are asked for, a batch_norm; and on the way
                    // back the gate, an add.
                    check(&format!("epilogues, {name}"), image, |g, x| {
                        let up = g.conv_transpose("up", x, transposed(it(), bh, bw)).unwrap();
                        let up = g.batch_norm("up bn", up, scale[..back].into(), shift[..back].into()).unwrap();
                        let up = g.relu("up relu", up).unwrap();
                        let down = g.conv2d("down", up, Conv2d { bias: None, ..it() }).unwrap();
                        let sum = g.add("sum", down, x).unwrap();
                        let sum = g.relu("sum relu", sum).unwrap();
                        let sum = g.batch_norm("sum bn", sum, scale[..ci].into(), shift[..ci].into()).unwrap();
                        let again = g.conv_transpose("again", sum, transposed(it(), bh, bw)).unwrap();
                        g.add("y", again, up).unwrap()
                    });
                }
            }
        }
    }
}

/// Large enough for Winograd's convolution.
#[test]
fn wide_convolutions() {
    let image = Shape::new(2, 18, 21, 32);
    for setting in SETTINGS {
        let it = || general(setting.kernel, 32, 40, 1, setting);
        check(&format!("conv2d {setting:?}"), image, |g, x| {
            let y = g.conv2d("conv", x, it()).unwrap();
            let y = g.relu("relu", y).unwrap();
            g.conv_transpose("y", y, transposed(it(), 18, 21)).unwrap()
        });
    }
}

/// All functions, the settings that Keras uses and others.
const FUNCTIONS: &[Function] = &[
    Function::Relu { slope: 0.0, threshold: 0.0, max: 6.0 },
    Function::Relu { slope: 0.2, threshold: 0.5, max: f32::INFINITY },
    Function::LeakyRelu { slope: 0.3 },
    Function::Elu { alpha: 1.0 },
    Function::Elu { alpha: 0.7 },
    Function::Selu,
    Function::Tanh,
    Function::Exp,
    Function::Softplus,
    Function::Softsign,
    Function::Silu,
    Function::Gelu { approximate: false },
    Function::Gelu { approximate: true },
    Function::HardSigmoid { slope: 0.2 },
    Function::HardSwish,
    Function::Mish,
    Function::Abs,
    Function::Sqrt,
    Function::Reciprocal,
];

#[test]
fn functions_and_shapes() {
    for (n, h, w, c) in [(1, 5, 7, 1), (2, 12, 6, 3), (5, 4, 3, 17), (3, 20, 24, 33)] {
        let image = Shape::new(n, h, w, c);
        for &f in FUNCTIONS {
            check(&format!("{f:?}"), image, |g, x| {
                let x = if matches!(f, Function::Sqrt | Function::Reciprocal) {
                    g.pointwise("positive", x, Function::Exp).unwrap()
                } else {
                    g.scale("wide", x, 7.0).unwrap()
                };
                g.pointwise("y", x, f).unwrap()
            });
        }
        for bits in 1..8 {
            let axes = Axes { h: bits & 1 != 0, w: bits & 2 != 0, c: bits & 4 != 0 };
            check(&format!("softmax over {axes:?}"), image, |g, x| {
                let x = g.scale("wide", x, 7.0).unwrap();
                let y = g.softmax("softmax", x, axes).unwrap();
                // So that dy is not nearly the same everywhere, of which softmax lets nothing through.
                g.mul("y", x, y).unwrap()
            });
            // As means, so that the loss does not lie where a sigmoid is flat.
            let mean = |g: &mut Graph, name: &str, x: NodeId, axes: Axes| {
                let sum = g.sum(&format!("{name}'s sum"), x, axes).unwrap();
                g.scale(name, sum, 1.0 / axes.count(image) as f32).unwrap()
            };
            check(&format!("sum over {axes:?}"), image, |g, x| mean(g, "y", x, axes));
            check(&format!("broadcast, add, mul over {axes:?}"), image, |g, x| {
                let sum = mean(g, "sum", x, axes);
                let broadcast = g.broadcast("broadcast", sum, image).unwrap();
                let y = g.mul("broadcast y", broadcast, x).unwrap();
                let y = g.add("y + sum", y, sum).unwrap();
                let y = g.mul("sum y", sum, y).unwrap();
                // Both repeated, each along other axes.
                let others = Axes { h: !axes.h, w: !axes.w, c: !axes.c };
                let other = mean(g, "other", x, others);
                let cross = g.add("cross", sum, other).unwrap();
                g.mul("y", y, cross).unwrap()
            });
        }
        for pool in POOLS.iter().filter(|p| h >= p.window.h && w >= p.window.w) {
            check(&format!("{pool:?}"), image, |g, x| g.max_pool("y", x, *pool).unwrap());
        }
        check("pad", image, |g, x| g.pad("y", x, [1, 2, 3], [h + 3, w + 2, c + 5]).unwrap());
        check("crop", image, |g, x| g.crop("y", x, [1, 2, c / 2], [h - 2, w - 2, c - c / 2]).unwrap());
        check("reshape", image, |g, x| g.reshape("y", x, Shape::new(n, w * c, 1, h)).unwrap());
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            check(&format!("permute {order:?}"), image, |g, x| g.permute("y", x, order).unwrap());
        }
        for bank in [1, n] {
            check("constant", image, |g, x| {
                let data = numbers(bank * image.image_len(), 11).into();
                let constant = g.constant("constant", image, data).unwrap();
                g.mul("y", constant, x).unwrap()
            });
        }
    }
}

/// Each value by itself, small and large, within 1e-6 of it. Only silu's slope, a difference, is not that near its zero.
#[test]
fn functions_are_precise() {
    let magnitudes = (0..2000).map(|i| 10f32.powf(i as f32 / 2000.0 * 7.94 - 6.0));
    let values: Vec<f32> = magnitudes.flat_map(|v| [v, -v]).chain([0.0]).filter(|v| v.abs() < 86.0).collect();
    let image = Tensor::new(Shape::new(1, 1, values.len(), 1), values.clone());
    let mut g = Graph::new();
    let x = g.input("image", image.shape).unwrap();
    let one = g.fill("one", image.shape, 1.0).unwrap();
    let mut keep = vec![];
    for &f in FUNCTIONS {
        keep.push(g.pointwise("value", x, f).unwrap());
        keep.push(g.pointwise_grad("slope", one, x, f).unwrap());
    }
    for level in Level::available() {
        let cpu = Cpu::with_level(None, level, Limit::default()).unwrap();
        let got = run(&cpu, &g, &keep, x, &image);
        for (got, &f) in got.chunks(2).zip(FUNCTIONS) {
            for (i, &x) in values.iter().enumerate() {
                let near_zero = if f == Function::Silu { 0.1 } else { 0.0 };
                for (got, expected, least) in
                    [(got[0].data[i], f.value(x.into()), 0.0), (got[1].data[i], f.slope(x.into()), near_zero)]
                {
                    // The last number: in f64, too, 1 - tanh(x)² loses digits.
                    let (got, bound) = (f64::from(got), 1e-6 * expected.abs().max(least) + 2e-16);
                    let is_same = got == f64::from(expected as f32) || got.is_nan() && expected.is_nan();
                    let equal = is_same || (got - expected).abs() <= bound;
                    assert!(equal, "{f:?} on {level} of {x} is {got}, should be {expected}");
                }
            }
        }
    }
}

/// The same bits alone and in a batch, on one thread and on several, of every op that is computed in pieces.
#[test]
fn alone_and_in_a_batch() {
    let image = Shape::new(6, 23, 18, 16);
    let values = Tensor::new(image, numbers(image.len(), 7));
    let on = |threads: usize, values: &Tensor| {
        let mut g = Graph::new();
        let x = g.input("image", values.shape).unwrap();
        let mut keep = vec![];
        for setting in SETTINGS {
            for (co, groups) in [(40, 1), (16, 16), (8, 2)] {
                let it = || general(setting.kernel, 16, co, groups, setting);
                let y = g.conv2d("y", x, it()).unwrap();
                keep.extend([y, g.conv_transpose("back", y, transposed(it(), 23, 18)).unwrap()]);
            }
        }
        for &pool in POOLS {
            let y = g.max_pool("y", x, pool).unwrap();
            keep.extend([y, g.max_pool_grad("back", y, x, pool).unwrap()]);
        }
        for axes in [Axes::CHANNELS, Axes::PLACES, Axes::ALL] {
            let sum = g.sum("sum", x, axes).unwrap();
            keep.extend([sum, g.mul("mul", x, sum).unwrap(), g.softmax("softmax", x, axes).unwrap()]);
        }
        for &f in FUNCTIONS {
            keep.push(g.pointwise("y", x, f).unwrap());
        }
        run(&Cpu::new(Some(threads), Limit::default()).unwrap(), &g, &keep, x, values)
    };
    let bits = |t: &Tensor, n: usize| t.image(n).iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    let batch = on(1, &values);
    let threads = on(3, &values);
    for (i, (a, b)) in batch.iter().zip(&threads).enumerate() {
        (0..image.n).for_each(|n| assert_eq!(bits(a, n), bits(b, n), "node {i}, image {n}: three threads"));
    }
    for n in [0, 3, 5] {
        let alone = on(2, &Tensor::new(image.with_n(1), values.image(n).to_vec()));
        for (i, (batch, alone)) in batch.iter().zip(&alone).enumerate() {
            assert_eq!(bits(batch, n), bits(alone, 0), "node {i}, image {n}: alone");
        }
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
        for pool in POOLS {
            check_at(&format!("max_pool {pool:?}"), &values, |g, x| g.max_pool("y", x, *pool).unwrap());
        }
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
    // The gradient of a bank: from one channel to many, for each image another kernel.
    let bank = conv(3, 3, 3, 7).own_channels(&[6, 2, 3, 1, 0, 4]).kernel.flipped(1);
    let one = g.slice("one", x, 2, 1).unwrap();
    let y = g.conv2d("bank", one, Conv2d::same(bank, Some(numbers(18, 5).into()))).unwrap();
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

/// A transposed convolution of stride 3 with a kernel of 2x2 leaves outputs that hear of no input: a NaN or an infinite number does
/// not reach them.
#[test]
fn a_nan_does_not_reach_the_gaps_of_a_transposed_convolution() {
    let shape = Shape::new(1, 4, 5, 3);
    let mut values = Tensor::new(shape, numbers(shape.len(), 7));
    for (at, v) in [(0, f32::NAN), (20, f32::INFINITY), (31, f32::NAN)] {
        values.data[at] = v;
    }
    let mut g = Graph::new();
    let x = g.input("image", shape).unwrap();
    let apart = setting((2, 2), (3, 3), [0; 4], (1, 1));
    let y = g.conv_transpose("y", x, transposed(general((2, 2), 4, 3, 1, &apart), 12, 15)).unwrap();
    let expected = &run(&*open(Backend::Reference).unwrap(), &g, &[y], x, &values)[0];
    let got = &run(&*open(Backend::Cpu).unwrap(), &g, &[y], x, &values)[0];
    let gaps = expected.data.iter().filter(|v| v.is_finite()).count();
    assert!(gaps > 0 && gaps < expected.data.len());
    for (at, (got, expected)) in got.data.iter().zip(&expected.data).enumerate() {
        assert_eq!(got.is_finite(), expected.is_finite(), "[{at}] is {got}, should be {expected}");
    }
}

/// The exponential of 300 is no f32: the largest is taken off first.
#[test]
fn softmax_of_large_numbers() {
    let shape = Shape::new(2, 3, 4, 5);
    let values = Tensor::new(shape, numbers(shape.len(), 7).iter().map(|v| v * 300.0).collect());
    for (h, w, c) in [(false, false, true), (true, true, false)] {
        let mut g = Graph::new();
        let x = g.input("image", shape).unwrap();
        let y = g.softmax("y", x, Axes { h, w, c }).unwrap();
        let expected = &run(&*open(Backend::Reference).unwrap(), &g, &[y], x, &values)[0];
        let got = &run(&*open(Backend::Cpu).unwrap(), &g, &[y], x, &values)[0];
        let (error, at) = difference(&got.data, &expected.data);
        assert!(error < 1e-5, "[{at}] is {}, should be {}", got.data[at], expected.data[at]);
    }
}
