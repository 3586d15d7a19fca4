//! What each op computes, by hand or by other ops, on the reference executor.

mod common;

use common::ops::numbers;
use std::f64::consts::LN_2;
use std::sync::Arc;
use unet_lens::Result;
use unet_lens::engine::autodiff::gradient;
use unet_lens::engine::exec::Executor;
use unet_lens::engine::exec::reference::{Reference, evaluate};
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{
    Axes, Axis, Conv2d, ConvTranspose, Function, Kernel, Matrix, Pool, Sampling, Sides, Waves, Window, same_padding,
};
use unet_lens::engine::plan::Plan;
use unet_lens::engine::tensor::{Shape, Tensor, Tensor64};

fn tensor(shape: Shape, salt: u64) -> Tensor64 {
    Tensor64 { shape, data: numbers(shape.len(), salt).into_iter().map(f64::from).collect() }
}

fn kernel(kh: usize, kw: usize, ci: usize, co: usize) -> Kernel {
    Kernel::new(kh, kw, ci, co, numbers(kh * kw * ci * co, 3).into()).unwrap()
}

/// What `build` makes of an image.
fn of(image: &Tensor64, build: impl Fn(&mut Graph, NodeId) -> Result<NodeId>) -> Tensor64 {
    let mut graph = Graph::new();
    let x = graph.input("image", image.shape).unwrap();
    let y = build(&mut graph, x).unwrap();
    evaluate(&graph, &[(x, image)], &[y]).remove(0)
}

/// The same of one image with one channel, written as rows.
fn of_rows(rows: &[&[f64]], build: impl Fn(&mut Graph, NodeId) -> Result<NodeId>) -> Vec<Vec<f64>> {
    let image = Tensor64 { shape: Shape::new(1, rows.len(), rows[0].len(), 1), data: rows.concat() };
    let y = of(&image, build);
    y.data.chunks(y.shape.w * y.shape.c).map(<[f64]>::to_vec).collect()
}

/// As [`of_rows`], to single precision: shares such as 1/3 are f32.
fn is(rows: &[&[f64]], expected: &[f64], build: impl Fn(&mut Graph, NodeId) -> Result<NodeId>) {
    let y = of_rows(rows, build).concat();
    let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-7 * b.abs();
    assert!(y.len() == expected.len() && y.iter().zip(expected).all(close), "{y:?}, should be {expected:?}");
}

fn refused(image: Shape, build: impl Fn(&mut Graph, NodeId) -> Result<NodeId>) -> String {
    let mut graph = Graph::new();
    let x = graph.input("image", image).unwrap();
    build(&mut graph, x).unwrap_err().to_string()
}

fn near(a: &Tensor64, b: &Tensor64) {
    assert_eq!(a.shape, b.shape);
    for (i, (a, b)) in a.data.iter().zip(&b.data).enumerate() {
        assert!((a - b).abs() < 1e-12, "[{i}] is {a}, should be {b}");
    }
}

#[test]
fn what_same_padding_adds() {
    // Image, kernel, stride, dilation: zeros before and after.
    let cases = [
        ((5, 3, 1, 1), (1, 1)),
        ((5, 2, 1, 1), (0, 1)),
        ((5, 3, 2, 1), (1, 1)),
        ((6, 3, 2, 1), (0, 1)),
        ((4, 2, 2, 1), (0, 0)),
        ((5, 4, 2, 1), (1, 2)),
        ((7, 3, 1, 2), (2, 2)),
        ((4, 1, 2, 1), (0, 0)),
        ((3, 2, 5, 1), (0, 0)),
    ];
    for ((n, k, s, d), expected) in cases {
        assert_eq!(same_padding(n, k, s, d), expected, "n {n}, k {k}, s {s}, d {d}");
    }
}

#[test]
fn a_convolution_by_hand() {
    let conv = |co: usize, data: &[f32]| Kernel::new(1, data.len() / co, 1, co, data.into()).unwrap();
    // An even kernel has its zero at the end.
    let y = of_rows(&[&[1.0, 2.0, 3.0]], |g, x| g.conv2d("y", x, Conv2d::same(conv(1, &[10.0, 1.0]), None)));
    assert_eq!(y, [[12.0, 23.0, 30.0]]);
    // Two apart, leaping by two, a zero to the left; and a bias.
    let y = of_rows(&[&[1.0, 2.0, 3.0, 4.0, 5.0]], |g, x| {
        let pad = Sides { left: 1, ..Sides::NONE };
        let (stride, dilation) = (Window::new(1, 2), Window::new(1, 2));
        let same = Conv2d::same(conv(1, &[10.0, 1.0]), Some([0.5].into()));
        g.conv2d("y", x, Conv2d { stride, pad, dilation, ..same })
    });
    assert_eq!(y, [[2.5, 24.5]]);
}

#[test]
fn a_transposed_convolution_by_hand() {
    let y = of_rows(&[&[1.0, 2.0]], |g, x| {
        let kernel = Kernel::new(1, 3, 1, 1, [1.0, 10.0, 100.0].into()).unwrap();
        let (stride, bias) = (Window::new(1, 2), Some([0.5].into()));
        let pad = Sides { right: 1, ..Sides::NONE };
        let conv = ConvTranspose { kernel, bias, stride, pad, dilation: Window::ONE, groups: 1, h: 1, w: 5 };
        g.conv_transpose("y", x, conv)
    });
    assert_eq!(y, [[1.5, 10.5, 102.5, 20.5, 200.5]]);
}

/// A stride leaves outputs out, a dilation is a kernel with zeros in it, padding is zeros around the image, groups are
/// convolutions side by side.
#[test]
fn every_setting_of_a_convolution_by_plain_ones() {
    let image = tensor(Shape::new(2, 7, 6, 4), 1);
    let plain = Conv2d::same(kernel(3, 3, 4, 6), Some(numbers(6, 4).into()));
    let whole = of(&image, |g, x| g.conv2d("y", x, plain.clone()));
    let leaping = of(&image, |g, x| g.conv2d("y", x, Conv2d { stride: Window::new(3, 2), ..plain.clone() }));
    assert_eq!(leaping.shape, Shape::new(2, 3, 3, 6));
    for (n, r, s, c) in leaping.shape.places() {
        assert_eq!(leaping.get(n, r, s, c), whole.get(n, 3 * r, 2 * s, c));
    }

    let inside = of(&image, |g, x| g.conv2d("y", x, Conv2d { pad: Sides::NONE, ..plain.clone() }));
    let cropped = of(&whole, |g, x| g.crop("y", x, [1, 1, 0], [5, 4, 6]));
    near(&inside, &cropped);
    let padded = of(&image, |g, x| {
        let x = g.pad("x", x, [1, 1, 0], [9, 8, 4])?;
        g.conv2d("y", x, Conv2d { pad: Sides::NONE, ..plain.clone() })
    });
    near(&padded, &whole);

    let small = kernel(2, 3, 4, 6);
    let mut with_zeros = vec![0.0; 3 * 7 * 24];
    for (tap, weights) in small.values().chunks(24).enumerate() {
        let at = tap / 3 * 2 * 7 + tap % 3 * 3;
        with_zeros[at * 24..][..24].copy_from_slice(weights);
    }
    let pad = Sides { top: 1, bottom: 0, left: 3, right: 2 };
    let apart = Conv2d { pad, dilation: Window::new(2, 3), ..Conv2d::same(small, None) };
    let zeros = Conv2d { pad, ..Conv2d::same(Kernel::new(3, 7, 4, 6, with_zeros.into()).unwrap(), None) };
    near(&of(&image, |g, x| g.conv2d("y", x, apart.clone())), &of(&image, |g, x| g.conv2d("y", x, zeros.clone())));

    let halves = kernel(3, 3, 2, 6);
    let in_groups = Conv2d { groups: 2, ..Conv2d::same(halves.clone(), None) };
    let side_by_side = of(&image, |g, x| {
        let mut half = |i: usize| {
            let x = g.slice("x", x, 2 * i, 2)?;
            g.conv2d("half", x, Conv2d::same(halves.outputs(3 * i, 3), None))
        };
        let both = [half(0)?, half(1)?];
        g.concat("y", &both)
    });
    near(&of(&image, |g, x| g.conv2d("y", x, in_groups.clone())), &side_by_side);
}

/// Settings that leave a rest, overlap, leave gaps; in groups and not.
fn convolutions() -> Vec<Conv2d> {
    let sides = |top, bottom, left, right| Sides { top, bottom, left, right };
    let conv = |k: (usize, usize), stride, pad, dilation, groups| {
        let (kernel, bias) = (kernel(k.0, k.1, 4 / groups, 6), Some(numbers(6, 4).into()));
        Conv2d { kernel, bias, stride, pad, dilation, groups }
    };
    vec![
        conv((3, 3), Window::new(2, 2), sides(1, 1, 1, 1), Window::ONE, 1),
        conv((2, 3), Window::new(3, 1), sides(0, 2, 2, 0), Window::new(1, 2), 1),
        conv((3, 1), Window::new(1, 2), sides(2, 0, 0, 0), Window::new(2, 1), 2),
        conv((3, 3), Window::ONE, sides(3, 1, 0, 4), Window::ONE, 2),
    ]
}

/// <conv(x), y> = <x, conv_transpose(y)>: what makes the one the gradient of the other.
#[test]
fn a_transposed_convolution_is_the_transpose() {
    let dot = |a: &Tensor64, b: &Tensor64| a.data.iter().zip(&b.data).map(|(a, b)| a * b).sum::<f64>();
    for conv in convolutions() {
        let conv = Conv2d { bias: None, ..conv };
        let x = tensor(Shape::new(2, 7, 5, 4), 1);
        let there = of(&x, |g, x| g.conv2d("y", x, conv.clone()));
        let y = tensor(there.shape, 2);
        let Conv2d { kernel, stride, pad, dilation, groups, .. } = conv.clone();
        let transpose = ConvTranspose { kernel, bias: None, stride, pad, dilation, groups, h: 7, w: 5 };
        let back = of(&y, |g, y| g.conv_transpose("x", y, transpose.clone()));
        let (a, b) = (dot(&there, &y), dot(&x, &back));
        assert!(a.abs() > 0.1 && (a - b).abs() < 1e-12 * a.abs(), "{conv:?}: {a} and {b}");
    }
}

/// Each image sees its own channel, the same as in the whole.
#[test]
fn own_channels_are_channels_of_the_whole() {
    let x = tensor(Shape::new(3, 7, 5, 4), 1);
    let own = |y: &Tensor64, own: [usize; 3]| {
        let shape = y.shape.with_c(1);
        let data = shape.places().map(|(n, r, s, _)| y.get(n, r, s, own[n])).collect();
        Tensor64 { shape, data }
    };
    for conv in convolutions() {
        let whole = of(&x, |g, x| g.conv2d("y", x, conv.clone()));
        near(&of(&x, |g, x| g.conv2d("y", x, conv.own_channels(&[5, 0, 2]))), &own(&whole, [5, 0, 2]));

        let y = tensor(whole.shape, 2);
        let Conv2d { kernel, stride, pad, dilation, groups, .. } = conv;
        let bias = Some(numbers(4, 9).into());
        let transpose = ConvTranspose { kernel, bias, stride, pad, dilation, groups, h: 7, w: 5 };
        let whole = of(&y, |g, y| g.conv_transpose("x", y, transpose.clone()));
        near(&of(&y, |g, y| g.conv_transpose("x", y, transpose.own_channels(&[3, 0, 1]))), &own(&whole, [3, 0, 1]));
    }
}

#[test]
fn pools_by_hand() {
    let row: &[&[f64]] = &[&[-3.0, -1.0, -2.0, -4.0]];
    let pool = |w, stride, left, right| {
        let pad = Sides { left, right, ..Sides::NONE };
        Pool { window: Window::new(1, w), stride: Window::new(1, stride), pad }
    };
    // Padding never wins and is not counted.
    assert_eq!(of_rows(row, |g, x| g.max_pool("y", x, pool(3, 2, 1, 1))), [[-1.0, -1.0]]);
    is(row, &[-2.0, -3.0], |g, x| g.average_pool("y", x, pool(3, 3, 1, 1)));
    // What does not fill a window is left over.
    assert_eq!(of_rows(row, |g, x| g.max_pool("y", x, pool(3, 3, 0, 0))), [[-1.0]]);
    is(row, &[-2.0], |g, x| g.average_pool("y", x, pool(3, 3, 0, 0)));
    assert_eq!(of_rows(row, |g, x| g.average_pool("y", x, pool(2, 1, 0, 0))), [[-2.0, -1.5, -3.0]]);
    assert_eq!(of_rows(row, |g, x| g.average_pool("y", x, pool(4, 4, 0, 0))), [[-2.5]]);
    assert_eq!(of_rows(row, |g, x| g.max_pool("y", x, Window::new(1, 2))), [[-1.0, -2.0]]);
    let channels = Tensor64 { shape: Shape::new(1, 1, 2, 2), data: vec![1.0, 8.0, 3.0, 2.0] };
    assert_eq!(of(&channels, |g, x| g.average_pool("y", x, pool(2, 1, 0, 1))).data, [2.0, 5.0, 3.0, 2.0]);
}

#[test]
fn changes_of_shape_by_hand() {
    let rows: &[&[f64]] = &[&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]];
    assert_eq!(of_rows(rows, |g, x| g.crop("y", x, [1, 1, 0], [1, 2, 1])), [[5.0, 6.0]]);
    let padded = of_rows(rows, |g, x| g.pad("y", x, [1, 0, 0], [3, 4, 1]));
    assert_eq!(padded, [[0.0, 0.0, 0.0, 0.0], [1.0, 2.0, 3.0, 0.0], [4.0, 5.0, 6.0, 0.0]]);
    let reshaped = of_rows(rows, |g, x| g.reshape("y", x, Shape::new(1, 3, 1, 2)));
    assert_eq!(reshaped, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    let turned = of_rows(rows, |g, x| g.permute("y", x, [1, 0, 2]));
    assert_eq!(turned, [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]);
    let x = tensor(Shape::new(2, 3, 4, 5), 1);
    let y = of(&x, |g, x| g.permute("y", x, [2, 0, 1]));
    assert_eq!(y.shape, Shape::new(2, 5, 3, 4));
    x.shape.places().for_each(|(n, r, s, c)| assert_eq!(y.get(n, c, r, s), x.get(n, r, s, c)));
}

#[test]
fn sums_and_what_is_repeated_by_hand() {
    let rows: &[&[f64]] = &[&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]];
    let (down, across) = (Axes { h: true, w: false, c: false }, Axes { h: false, w: true, c: false });
    assert_eq!(of_rows(rows, |g, x| g.sum("y", x, down)), [[5.0, 7.0, 9.0]]);
    assert_eq!(of_rows(rows, |g, x| g.sum("y", x, across)), [[6.0], [15.0]]);
    is(rows, &[3.5], |g, x| g.mean_over("y", x, Axes::ALL));
    let both = of_rows(rows, |g, x| {
        let (row, column) = (g.sum("row", x, down)?, g.sum("column", x, across)?);
        g.add("y", row, column)
    });
    assert_eq!(both, [[11.0, 13.0, 15.0], [20.0, 22.0, 24.0]]);
    let shares = of_rows(rows, |g, x| {
        let column = g.sum("column", x, across)?;
        let shares = g.pointwise("shares", column, Function::Reciprocal)?;
        g.mul("y", x, shares)
    });
    assert_eq!(shares[0], [1.0 / 6.0, 2.0 * (1.0 / 6.0), 3.0 * (1.0 / 6.0)]);
    let repeated = of_rows(&[&[1.0], &[2.0]], |g, x| g.broadcast("y", x, Shape::new(1, 2, 2, 2)));
    assert_eq!(repeated, [[1.0; 4], [2.0; 4]]);
    let larger = |larger: bool| {
        of_rows(rows, |g, x| {
            let other = g.constant("other", g.shape(x), [4.0, 2.0, 1.0, 5.0, 3.0, 7.0].into())?;
            if larger { g.maximum("y", x, other) } else { g.minimum("y", x, other) }
        })
    };
    assert_eq!(larger(true), [[4.0, 2.0, 3.0], [5.0, 5.0, 7.0]]);
    assert_eq!(larger(false), [[1.0, 2.0, 1.0], [4.0, 3.0, 6.0]]);
}

#[test]
fn softmax_by_hand() {
    let thirds = of_rows(&[&[0.0, 2f64.ln()], &[0.0, 0.0]], |g, x| g.softmax("y", x, Axes::PLACES));
    for (y, expected) in thirds.concat().iter().zip([0.2, 0.4, 0.2, 0.2]) {
        assert!((y - expected).abs() < 1e-15, "{thirds:?}");
    }
    // Neither large numbers nor small ones overflow.
    for far in [1e4, -1e4, 1e300] {
        let image = Tensor64 { shape: Shape::new(1, 1, 2, 2), data: vec![far, far, 3f64.ln(), 0.0] };
        let y = of(&image, |g, x| g.softmax("y", x, Axes::CHANNELS)).data;
        assert!(y.iter().zip([0.5, 0.5, 0.75, 0.25]).all(|(y, expected)| (y - expected).abs() < 1e-15), "{y:?}");
    }
}

#[test]
fn standardised_values_have_mean_0_and_variance_1() {
    let x = tensor(Shape::new(2, 4, 3, 5), 1);
    let y = of(&x, |g, x| g.standardise("y", x, Axes::PLACES, 0.0));
    for (n, c) in (0..2).flat_map(|n| (0..5).map(move |c| (n, c))) {
        let values: Vec<f64> = (0..12).map(|i| y.get(n, i / 3, i % 3, c)).collect();
        let mean = values.iter().sum::<f64>() / 12.0;
        let variance = values.iter().map(|v| v * v).sum::<f64>() / 12.0;
        // 1/12 is rounded to f32.
        assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-6, "image {n}, channel {c}: {mean}, {variance}");
    }
}

/// Written by this Python program:
///
/// ```python
/// from math import *
/// sig, clip = lambda x: 1 / (1 + exp(-x)), lambda x: min(max(x, 0), 1)
/// for f in (
///     lambda x: x if x > 0 else 0.25 * x,
///     lambda x: x if x > 0 else 0.5 * (exp(x) - 1),
///     lambda x: 1.05070098735548 * (x if x > 0 else 1.67326324235438 * (exp(x) - 1)),
///     tanh, exp, lambda x: log(1 + exp(x)), lambda x: x / (1 + abs(x)), lambda x: x * sig(x),
///     lambda x: x * 0.5 * (1 + erf(x / sqrt(2))),
///     lambda x: 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))),
///     lambda x: clip(0.25 * x + 0.5), lambda x: x * clip(x / 6 + 0.5), lambda x: x * tanh(log(1 + exp(x))), abs,
/// ): print(", ".join(f"{f(x):.12f}" for x in (-4.0, -0.5, 0.0, 0.5, 4.0)))
/// ```
#[test]
#[rustfmt::skip]
fn functions_have_the_values_of_their_definitions() {
    let expected = [
        (Function::LeakyRelu { slope: 0.25 }, [-1.0, -0.125, 0.0, 0.5, 4.0]),
        (Function::Elu { alpha: 0.5 }, [-0.490842180556, -0.196734670144, 0.0, 0.5, 4.0]),
        (Function::Selu, [-1.725898628190, -0.691758187803, 0.0, 0.525350493678, 4.202803949422]),
        (Function::Tanh, [-0.999329299739, -0.462117157260, 0.0, 0.462117157260, 0.999329299739]),
        (Function::Exp, [0.018315638889, 0.606530659713, 1.0, 1.648721270700, 54.598150033144]),
        (Function::Softplus, [0.018149927918, 0.474076984180, LN_2, 0.974076984180, 4.018149927918]),
        (Function::Softsign, [-0.8, -0.333333333333, 0.0, 0.333333333333, 0.8]),
        (Function::Silu, [-0.071944839848, -0.188770334399, 0.0, 0.311229665601, 3.928055160152]),
        (Function::Gelu { approximate: false }, [-0.000126684967, -0.154268769363, 0.0, 0.345731230637, 3.999873315033]),
        (Function::Gelu { approximate: true }, [-0.000070245948, -0.154285990175, 0.0, 0.345714009825, 3.999929754052]),
        (Function::HardSigmoid { slope: 0.25 }, [0.0, 0.375, 0.5, 0.625, 1.0]),
        (Function::HardSwish, [0.0, -0.208333333333, 0.0, 0.291666666667, 4.0]),
        (Function::Mish, [-0.072591740792, -0.220743774652, 0.0, 0.375245211305, 3.997412806976]),
        (Function::Abs, [4.0, 0.5, 0.0, 0.5, 4.0]),
    ];
    for (f, expected) in expected {
        for (x, expected) in [-4.0, -0.5, 0.0, 0.5, 4.0].into_iter().zip(expected) {
            assert!((f.value(x) - expected).abs() < 1e-12, "{f:?} of {x} is {}, should be {expected}", f.value(x));
        }
        // Nothing overflows on the way, where the function itself does not.
        for x in [-1e300, -1e30, -1e3, 1e3, 1e30, 1e300] {
            let finite = f.value(x).is_finite() && f.slope(x).is_finite();
            assert!(finite || (f == Function::Exp && x > 0.0), "{f:?} of {x}: {}, slope {}", f.value(x), f.slope(x));
        }
        assert!(f.value(f64::NAN).is_nan(), "{f:?} hides what is no number");
    }
    // Keras' own example of its general ReLU, and all three settings at once.
    let x = [-10.0, -5.0, 0.0, 5.0, 10.0];
    let f = |slope, threshold, max| x.map(|x| Function::Relu { slope, threshold, max }.value(x));
    assert_eq!(f(0.5, 0.0, f32::INFINITY), [-5.0, -2.5, 0.0, 5.0, 10.0]);
    assert_eq!(f(0.0, 0.0, 5.0), [0.0, 0.0, 0.0, 5.0, 5.0]);
    assert_eq!(f(0.0, 5.0, f32::INFINITY), [0.0, 0.0, 0.0, 0.0, 10.0]);
    assert_eq!(f(0.5, 1.0, 8.0), [-5.5, -3.0, -0.5, 5.0, 8.0]);
    assert_eq!([4.0, 0.25].map(|x| Function::Sqrt.value(x)), [2.0, 0.5]);
    assert_eq!([1.0, 2.0].map(|x| Function::Log.value(x)), [0.0, std::f64::consts::LN_2]);
    // Between two values on different pieces is a corner.
    let pieces = |f: Function| [-4.0, -1.0, 1.0, 4.0].map(|x| f.piece(x));
    assert_eq!(pieces(Function::HardSwish), [0, 1, 1, 2]);
    assert_eq!(pieces(Function::LeakyRelu { slope: 0.1 }), [0, 0, 1, 1]);
    assert_eq!(pieces(Function::Silu), [0; 4]);
}

#[test]
fn resizing_by_hand() {
    let rows = |m: Matrix| m.values().chunks(m.columns).map(<[f32]>::to_vec).collect::<Vec<_>>();
    let twice = rows(Matrix::bilinear(2, 2));
    assert_eq!(twice, [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]);
    assert_eq!(Matrix::bilinear(3, 2), Matrix::resize(3, 6, Sampling::Bilinear));
    assert_eq!(
        rows(Matrix::resize(2, 4, Sampling::BilinearFromCorner)),
        [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.0, 1.0]]
    );
    // 3 to 2 pixels: the first looks at 0.25, the second at 1.75.
    assert_eq!(rows(Matrix::resize(3, 2, Sampling::Bilinear)), [[0.75, 0.25, 0.0], [0.0, 0.25, 0.75]]);
    assert_eq!(rows(Matrix::resize(3, 2, Sampling::Nearest)), [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]);
    // A Fourier matrix says which way it goes, for whoever has a faster one.
    let (waves, turned) = (Matrix::fourier(4), Matrix::fourier(4).transposed());
    assert_eq!([&waves, &turned].map(Matrix::waves), [Some(Waves::OfPixels), Some(Waves::ToPixels)]);
    assert_eq!((turned.transposed(), Matrix::bilinear(3, 2).waves()), (waves, None));
    let x = tensor(Shape::new(1, 3, 2, 2), 1);
    let nearest = Matrix::resize(3, 6, Sampling::Nearest);
    let repeated = of(&x, |g, x| g.transform("y", x, Axis::Down, nearest.clone()));
    near(&repeated, &of(&x, |g, x| g.upsample("y", x, Window::new(2, 1))));
}

#[test]
fn what_does_not_fit_is_refused_with_its_numbers() {
    let image = Shape::new(2, 5, 4, 6);
    let conv = || Conv2d::same(kernel(3, 3, 3, 4), None);
    let said = |build: &dyn Fn(&mut Graph, NodeId) -> Result<NodeId>| refused(image, build);
    assert_eq!(said(&|g, x| g.conv2d("y", x, conv())), "y (conv2d): the input has 6 channels, the kernel takes 3");
    assert_eq!(
        said(&|g, x| g.conv2d("y", x, Conv2d { groups: 3, ..conv() })),
        "y (conv2d): a kernel with 4 outputs cannot be cut into 3 groups"
    );
    assert_eq!(
        said(&|g, x| g.conv2d("y", x, Conv2d { groups: 2, dilation: Window::new(4, 1), ..conv() })),
        "y (conv2d): a window of 9x3 pixels does not fit an input of 5x4 pixels; take a larger image"
    );
    for (stride, dilation) in [(Window::new(0, 1), Window::ONE), (Window::ONE, Window::new(1, 0))] {
        let text = said(&|g, x| g.conv2d("y", x, Conv2d { groups: 2, stride, dilation, ..conv() }));
        assert!(text.ends_with("each must be 1 or more"), "{text}");
    }
    let far = Window::new(usize::MAX, usize::MAX);
    let text = said(&|g, x| g.conv2d("y", x, Conv2d { groups: 2, dilation: far, ..conv() }));
    assert!(text.contains("does not fit an input of 5x4 pixels"), "{text}");
    let pad = Sides { top: usize::MAX, bottom: usize::MAX, left: 0, right: 0 };
    let text = said(&|g, x| g.conv2d("y", x, Conv2d { groups: 2, pad, ..conv() }));
    assert!(text.contains("more than any memory holds"), "{text}");
    let transpose = ConvTranspose {
        kernel: kernel(3, 3, 2, 6),
        bias: None,
        stride: Window::new(2, 2),
        pad: Sides::NONE,
        dilation: Window::ONE,
        groups: 1,
        h: 8,
        w: 9,
    };
    assert_eq!(
        said(&|g, x| g.conv_transpose("y", x, transpose.clone())),
        "y (conv_transpose): a convolution makes of 2x8x9x2 an input of 2x3x4x6, not 2x5x4x6"
    );
    let pool = Pool { window: Window::new(2, 2), stride: Window::ONE, pad: Sides { left: 2, ..Sides::NONE } };
    assert_eq!(
        said(&|g, x| g.max_pool("y", x, pool)),
        "y (max_pool): a window of 2x2 pixels lies in the padding alone"
    );
    assert_eq!(said(&|g, x| g.crop("y", x, [3, 0, 0], [3, 4, 6])), "y (slice): rows 3 to 6 of 5");
    assert_eq!(said(&|g, x| g.slice("y", x, 4, 3)), "y (slice): channels 4 to 7 of 6");
    assert_eq!(
        said(&|g, x| g.pad("y", x, [0, 2, 0], [5, 5, 6])),
        "y (pad): 4 columns after 2 of padding do not fit into 5"
    );
    assert_eq!(
        said(&|g, x| g.reshape("y", x, Shape::new(2, 5, 5, 5))),
        "y (reshape): the values of 2x5x4x6 do not fill 2x5x5x5"
    );
    assert_eq!(said(&|g, x| g.permute("y", x, [0, 1, 1])), "y (permute): [0, 1, 1] is no order of the axes 0, 1, 2");
    assert_eq!(
        said(&|g, x| g.constant("y", g.shape(x), [1.0; 3].into())),
        "y (constant): 3 values do not fill an image of 2x5x4x6"
    );
    assert_eq!(
        said(&|g, x| {
            let other = g.fill("other", Shape::new(2, 5, 2, 1), 1.0)?;
            g.add("y", x, other)
        }),
        "y (add): the inputs' shapes 2x5x4x6 and 2x5x2x1 differ, and not only where one has a side of 1"
    );
    assert_eq!(
        said(&|g, x| g.broadcast("y", x, Shape::new(2, 5, 4, 12))),
        "y (broadcast): 2x5x4x6 cannot be repeated to 2x5x4x12"
    );
}

/// Where steps are fused, ops that are not plain stand by themselves.
#[test]
fn a_plan_leaves_what_is_not_plain_alone() {
    let mut g = Graph::new();
    let image = tensor(Shape::new(2, 8, 6, 4), 1);
    let x = g.input("image", image.shape).unwrap();
    let strided = Conv2d { stride: Window::new(2, 2), ..Conv2d::same(kernel(3, 3, 8, 6), None) };
    let scale: Arc<[f64]> = numbers(6, 5).into_iter().map(f64::from).collect();
    let up = g.upsample("up", x, Window::new(2, 2)).unwrap();
    let both = g.concat("both", &[up, up]).unwrap();
    let smaller = g.conv2d("smaller", both, strided).unwrap();
    let norm = g.batch_norm("norm", smaller, scale.clone(), scale).unwrap();
    let mean = g.mean_over("mean", norm, Axes::PLACES).unwrap();
    let plain = g.conv2d("plain", norm, Conv2d::same(kernel(3, 3, 6, 6), None)).unwrap();
    let sum = g.add("sum", plain, mean).unwrap();
    let relu = g.relu("relu", sum).unwrap();
    let (low, high) = (g.slice("low", relu, 0, 3).unwrap(), g.crop("high", relu, [0, 1, 3], [8, 4, 3]).unwrap());
    let pool = Pool { window: Window::new(3, 3), stride: Window::ONE, pad: Sides { top: 1, ..Sides::NONE } };
    let pooled = g.max_pool("pooled", low, pool).unwrap();
    let loss = g.mean("loss", pooled).unwrap();
    let dx = gradient(&mut g, loss, relu).unwrap().of_wrt();

    let kept = [pooled, high, dx];
    let expected = evaluate(&g, &[(x, &image)], &kept);
    let plan = Plan::compile(g, &kept, &[], &[]);
    let names = |nodes: &[NodeId]| nodes.iter().map(|&id| plan.graph[id].op.name()).collect::<Vec<_>>().join(" + ");
    let steps: Vec<String> = plan.steps.iter().map(|step| names(&step.nodes)).collect();
    let alone =
        ["upsample", "concat", "conv2d + batch_norm", "sum", "scale", "conv2d", "add", "relu", "slice", "slice"];
    assert_eq!(steps[..10], alone);
    assert_eq!(steps[10..], ["max_pool", "fill + spread", "max_pool_grad", "pad"]);
    let mut program = Reference::default().prepare(Arc::new(plan)).unwrap();
    program.write(x, &Tensor::from(&image)).unwrap();
    program.run(1).unwrap();
    for (id, expected) in kept.iter().zip(&expected) {
        assert_eq!(program.read(*id).unwrap(), Tensor::from(expected));
    }
}
