//! Interval bounds of every kind of op, by hand: true, and hardly wider than the values themselves.

use std::sync::Arc;
use unet_lens::Result;
use unet_lens::engine::exec::reference::evaluate;
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{Axes, Axis, Conv2d, ConvTranspose, Function, Kernel, Matrix, Pool, Sides, Window};
use unet_lens::engine::tensor::Shape;
use unet_lens::findings::bounds::bounds;

/// Rounding moves a bound of single precision by no more than this share of what was added up.
const ROUNDING: f64 = 300.0 * f32::EPSILON as f64;

/// The bounds of what is built on an image of 2 x 3 pixels and two channels, whose values lie in the range.
fn ends(range: (f32, f32), build: impl FnOnce(&mut Graph, NodeId) -> Result<NodeId>) -> Option<Vec<(f64, f64)>> {
    let mut of = Graph::new();
    let x = of.input("x", Shape::new(1, 2, 3, 2)).unwrap();
    let y = build(&mut of, x).unwrap();
    let (graph, all) = bounds(&of, range).unwrap();
    assert_eq!(all.len(), of.len());
    let (low, high) = all[y.0]?;
    assert_eq!((graph.shape(low), graph.shape(high)), (of.shape(y), of.shape(y)));
    let found = evaluate(&graph, &[], &[low, high]);
    Some(found[0].data.iter().copied().zip(found[1].data.iter().copied()).collect())
}

/// Bounds hold these values, and reach beyond them by rounding alone, a share of `sizes`.
#[track_caller]
fn assert_near(found: &[(f64, f64)], right: &[(f64, f64)], sizes: f64) {
    assert_eq!(found.len(), right.len(), "{found:?}");
    for (i, (&(low, high), &(least, most))) in found.iter().zip(right).enumerate() {
        let near = ROUNDING * sizes;
        let is_so = low <= least && least <= low + near && most <= high && high <= most + near;
        assert!(is_so, "value {i}: {low} to {high}, by hand {least} to {most}, give or take {near}");
    }
}

/// Of an image with values from -1 to 2: these bounds, everywhere or of each channel in turn.
#[track_caller]
fn check(right: &[(f64, f64)], sizes: f64, build: impl FnOnce(&mut Graph, NodeId) -> Result<NodeId>) {
    let found = ends((-1.0, 2.0), build).expect("there is a rule");
    let repeated: Vec<(f64, f64)> = right.iter().copied().cycle().take(found.len()).collect();
    assert_near(&found, &repeated, sizes);
}

fn kernel(h: usize, values: &[f32]) -> Kernel {
    Kernel::new(h, 1, 2, values.len() / h / 2, values.to_vec().into()).unwrap()
}

#[test]
fn linear_ops_by_hand() {
    let conv = |kernel: Kernel, bias: Option<Arc<[f32]>>, pad: Sides| Conv2d {
        kernel,
        bias,
        stride: Window::ONE,
        pad,
        dilation: Window::ONE,
        groups: 1,
    };
    check(&[(-1.0, 2.0)], 0.0, |_, x| Ok(x));
    // 3 a - 2 b + 1 and -a - b - 5.
    let two = [3.0, -1.0, -2.0, -1.0];
    check(&[(-6.0, 9.0), (-9.0, -3.0)], 11.0, |g, x| {
        g.conv2d("y", x, conv(kernel(1, &two), Some([1.0, -5.0].into()), Sides::NONE))
    });
    check(&[(-7.0, 8.0), (-4.0, 2.0)], 10.0, |g, x| g.conv2d("y", x, conv(kernel(1, &two), None, Sides::NONE)));
    // Three rows, of which one is padding: of a + b twice.
    let down = Sides { top: 1, bottom: 1, ..Sides::NONE };
    check(&[(-4.0, 8.0)], 12.0, |g, x| g.conv2d("y", x, conv(kernel(3, &[1.0; 6]), None, down)));
    // The transpose takes back what came of two outputs: 3 a - b + 1 and -2 a - b - 5.
    check(&[(-4.0, 8.0), (-11.0, -2.0)], 13.0, |g, x| {
        let Conv2d { kernel, stride, pad, dilation, groups, .. } = conv(kernel(1, &two), None, Sides::NONE);
        let bias = Some([1.0, -5.0].into());
        g.conv_transpose("y", x, ConvTranspose { kernel, bias, stride, pad, dilation, groups, h: 2, w: 3 })
    });
    check(&[(-3.0, 3.0), (-1.5, 0.0)], 5.0, |g, x| g.batch_norm("y", x, [-2.0, 0.5].into(), [1.0, -1.0].into()));
    check(&[(-6.0, 3.0)], 6.0, |g, x| g.scale("y", x, -3.0));
    check(&[(-3.0, 6.0)], 6.0, |g, x| g.scale("y", x, 3.0));
    check(&[(-4.0, 8.0)], 8.0, |g, x| {
        let cut = g.crop("cut", x, [0, 0, 0], [2, 2, 2])?;
        g.sum_pool("y", cut, Window::new(2, 2))
    });
    check(&[(-2.0, 4.0)], 4.0, |g, x| g.sum("y", x, Axes::CHANNELS));
    check(&[(-1.0, 2.0)], 2.0, |g, x| g.mean("y", x));
    check(&[(-3.0, 6.0)], 6.0, |g, x| g.transform("y", x, Axis::Down, Matrix::new(1, 2, vec![1.0, 2.0])));
    check(&[(-3.0, 6.0), (-1.0, 2.0)], 15.0, |g, x| {
        let y = g.scale("scaled", x, 3.0)?;
        let [y, x] = [y, x].map(|x| g.sum("sum", x, Axes { h: true, w: true, c: false }));
        let [y, x] = [g.scale("a sixth", y?, 1.0 / 6.0)?, g.scale("a sixth", x?, 1.0 / 6.0)?];
        let [y, x] = [g.slice("first", y, 0, 1)?, g.slice("second", x, 1, 1)?];
        g.concat("y", &[y, x])
    });
    let falls = |g: &mut Graph, x: NodeId| g.transform("y", x, Axis::Down, Matrix::new(1, 2, vec![1.0, -2.0]));
    assert_eq!(ends((-1.0, 2.0), falls), None, "of a matrix that falls somewhere there is no rule");
}

#[test]
fn what_moves_values_moves_bounds() {
    let zero = (0.0, 0.0);
    check(&[(-1.0, 2.0)], 0.0, |g, x| g.upsample("y", x, Window::new(2, 2)));
    check(&[(-1.0, 2.0)], 0.0, |g, x| g.max_pool("y", x, Pool::from(Window::new(2, 1))));
    check(&[(0.0, 2.0)], 0.0, |g, x| g.relu("y", x));
    check(&[(5.0, 5.0)], 0.0, |g, x| g.fill("y", g.shape(x), 5.0));
    check(&[(1.0, 1.0), (-2.0, -2.0)], 0.0, |g, _| g.constant("y", Shape::new(1, 1, 1, 2), [1.0, -2.0].into()));
    check(&[(-1.0, 2.0), (-4.0, 2.0)], 10.0, |g, x| {
        let first = g.slice("first", x, 0, 1)?;
        let other = g.scale("other", first, -2.0)?;
        g.concat("y", &[x, other]).and_then(|all| g.slice("y", all, 1, 2))
    });
    check(&[(-1.0, 2.0), (-1.0, 2.0), zero, zero], 0.0, |g, x| {
        let one = g.crop("one", x, [1, 1, 0], [1, 1, 2])?;
        g.pad("y", one, [0, 0, 0], [1, 2, 2])
    });
    check(&[(-1.0, 2.0)], 0.0, |g, x| g.reshape("y", x, Shape::new(1, 3, 4, 1)));
    check(&[(-1.0, 2.0)], 0.0, |g, x| g.permute("y", x, [2, 1, 0]));
    check(&[(-1.0, 2.0)], 0.0, |g, x| {
        let one = g.crop("one", x, [0, 0, 0], [1, 1, 2])?;
        g.broadcast("y", one, Shape::new(1, 2, 3, 2))
    });
}

#[test]
fn sums_and_products_of_two() {
    let scaled = |g: &mut Graph, x: NodeId, factor: f32| g.scale("scaled", x, factor);
    check(&[(-5.0, 4.0)], 20.0, |g, x| {
        let y = scaled(g, x, -2.0)?;
        g.add("y", x, y)
    });
    // Of [-1, 2] and [-3, 6] the ends multiply to 3, -6, -6 and 12; of [-1, 2] and [-8, -7] to 8, 7, -16 and -14.
    check(&[(-6.0, 12.0)], 30.0, |g, x| {
        let y = scaled(g, x, 3.0)?;
        g.mul("y", x, y)
    });
    check(&[(-16.0, 8.0)], 60.0, |g, x| {
        let down = g.fill("down", g.shape(x), -7.5)?;
        let part = scaled(g, x, 1.0 / 3.0)?;
        let moved = g.fill("moved", g.shape(x), -1.0 / 6.0)?;
        let part = g.add("centred", part, moved)?;
        let y = g.add("far below", part, down)?;
        g.mul("y", x, y)
    });
    check(&[(-10.0, 5.0)], 30.0, |g, x| {
        let y = g.fill("minus five", g.shape(x), -5.0)?;
        g.mul("y", y, x)
    });
}

/// `f` of what lies between two numbers lies between two others: its values at the ends, or at its lowest point.
#[test]
fn functions_by_hand() {
    let of = |range: (f32, f32), f: Function| ends(range, |g, x| g.pointwise("y", x, f));
    let check = |f: Function, range: (f32, f32), right: (f64, f64)| {
        let found = of(range, f).unwrap_or_else(|| panic!("there is a rule for {f:?}"));
        let (low, high) = found[0];
        let is_so = low <= right.0 && right.0 <= low + 1e-4 && right.1 <= high && high <= right.1 + 1e-4;
        assert!(is_so, "{f:?} of {range:?}: {low} to {high}, by hand {right:?}");
        assert!(found.iter().all(|ends| *ends == found[0]));
    };
    let both = (-1.0, 2.0);
    let general = Function::Relu { slope: 0.0, threshold: 0.5, max: 1.5 };
    for (f, right) in [
        (Function::Tanh, ((-1f64).tanh(), 2f64.tanh())),
        (Function::Exp, ((-1f64).exp(), 2f64.exp())),
        (Function::Softplus, ((-1f64).exp().ln_1p(), 2f64.exp().ln_1p())),
        (Function::Softsign, (-0.5, 2.0 / 3.0)),
        (general, (0.0, 1.5)),
        (Function::LeakyRelu { slope: 0.0 }, (0.0, 2.0)),
        (Function::LeakyRelu { slope: 0.25 }, (-0.25, 2.0)),
        (Function::Elu { alpha: 0.0 }, (0.0, 2.0)),
        (Function::Elu { alpha: 0.5 }, (0.5 * (-1f64).exp_m1(), 2.0)),
        (Function::HardSigmoid { slope: 0.0 }, (0.5, 0.5)),
        (Function::HardSigmoid { slope: 0.2 }, (0.3, 0.9)),
    ] {
        check(f, both, right);
    }
    // Those with a valley, on both sides of it, below it and above it; the lowest values are those of SciPy 1.17.1's
    // minimize_scalar.
    let (gelu, by_tanh) = (Function::Gelu { approximate: false }, Function::Gelu { approximate: true });
    for (f, lowest) in [
        (Function::Silu, -0.278_464_542_761_073_8),
        (gelu, -0.169_971_207_479_903_63),
        (by_tanh, -0.170_040_750_571_254_06),
        (Function::HardSwish, -0.375),
        (Function::Mish, -0.308_843_413_017_250_43),
        (Function::Abs, 0.0),
    ] {
        check(f, (-4.0, 3.0), (lowest, f.value(3.0).max(f.value(-4.0))));
        // Below the valley nothing tells that it is not reached: the bound is true, and its lowest value.
        check(f, (-3.0, -2.0), (lowest, f.value(-3.0).max(f.value(-2.0))));
        check(f, (0.5, 2.0), (f.value(0.5), f.value(2.0)));
    }
    check(Function::Abs, (-3.0, 2.0), (0.0, 3.0));
    check(Function::Abs, (-3.0, -2.0), (0.0, 3.0));
    for f in [
        Function::Log,
        Function::Sqrt,
        Function::Reciprocal,
        Function::Relu { slope: -0.1, threshold: 0.0, max: f32::INFINITY },
        Function::LeakyRelu { slope: -0.1 },
        Function::Elu { alpha: -0.1 },
        Function::HardSigmoid { slope: -0.1 },
    ] {
        assert_eq!(of(both, f), None, "{f:?} does not rise everywhere");
    }
    let sigmoid = ends(both, |g, x| g.sigmoid("y", x)).unwrap();
    assert_near(&sigmoid, &[(1.0 / (1.0 + 1f64.exp()), 1.0 / (1.0 + (-2f64).exp())); 12], 1.0);
    let softmax = ends(both, |g, x| g.softmax("y", x, Axes::CHANNELS)).unwrap();
    assert_near(&softmax, &[(0.0, 1.0); 12], 1.0);
    let without = ends(both, |g, x| {
        let log = g.pointwise("log", x, Function::Log)?;
        g.relu("y", log)
    });
    assert_eq!(without, None, "nor of what is computed from it");
}
