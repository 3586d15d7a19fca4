//! Every op, forward and gradient, on every executor against the reference: at odd sizes, alone and in graphs. Convolutions have
//! a file of their own, `executors_conv.rs`.

mod common;
mod common_executors;

use common::ops::{FUNCTIONS, doubles, numbers};
use common::{difference, open};
use common_executors::{POOLS, check, check_at, conv, run};
use std::sync::Arc;
use unet_lens::engine::exec::Backend;
use unet_lens::engine::exec::cpu::Cpu;
use unet_lens::engine::exec::cpu::simd::Level;
use unet_lens::engine::exec::memory::Limit;
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{Axes, Axis, Conv2d, Function, Matrix, Window};
use unet_lens::engine::tensor::{Shape, Tensor};

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

#[test]
fn functions_and_shapes() {
    for (n, h, w, c) in [(1, 5, 7, 1), (2, 12, 6, 3), (5, 4, 3, 17), (3, 20, 24, 33)] {
        let image = Shape::new(n, h, w, c);
        for f in FUNCTIONS {
            check(&format!("{f:?}"), image, |g, x| {
                let x = if matches!(f, Function::Sqrt | Function::Reciprocal | Function::Log) {
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
            // Means, not sums, so that the loss does not lie where a sigmoid is flat.
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
    for f in FUNCTIONS {
        keep.push(g.pointwise("value", x, f).unwrap());
        keep.push(g.pointwise_grad("slope", one, x, f).unwrap());
    }
    for level in Level::available() {
        let cpu = Cpu::with_level(None, level, Limit::default()).unwrap();
        let got = run(&cpu, &g, &keep, x, &image);
        for (got, f) in got.chunks(2).zip(FUNCTIONS) {
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

/// A NaN is the largest of its window if it comes first, and is passed over if not: none is larger than another number. So the
/// winners, to which the gradient goes, are the same everywhere.
#[test]
fn max_pools_of_what_is_no_number() {
    let shape = Shape::new(2, 8, 9, 5);
    let mut values = Tensor::new(shape, numbers(shape.len(), 7));
    values.data.iter_mut().step_by(7).for_each(|v| *v = f32::NAN);
    for pool in POOLS.iter().copied().chain([Window::new(2, 3).into(), Window::new(4, 3).into()]) {
        let mut g = Graph::new();
        let x = g.input("image", shape).unwrap();
        let y = g.max_pool("y", x, pool).unwrap();
        let dy = g.fill("dy", g.shape(y), 1.0).unwrap();
        let dx = g.max_pool_grad("dx", dy, x, pool).unwrap();
        let expected = run(&*open(Backend::Reference).unwrap(), &g, &[y, dx], x, &values);
        let got = run(&*open(Backend::Cpu).unwrap(), &g, &[y, dx], x, &values);
        for (got, expected) in got.iter().zip(&expected) {
            for (at, (got, expected)) in got.data.iter().zip(&expected.data).enumerate() {
                let same = got == expected || got.is_nan() && expected.is_nan();
                assert!(same, "{pool:?}: [{at}] is {got}, should be {expected}");
            }
        }
    }
}
