//! The gradient of every op and of whole nets against finite differences on the reference executor.

mod common;

use common::ops::{FUNCTIONS, conv, numbers};
use std::sync::Arc;
use unet_lens::engine::autodiff::gradient;
use unet_lens::engine::exec::reference::evaluate;
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{
    Axes, Axis, Conv2d, ConvTranspose, Function, Kernel, Matrix, Pool, Sampling, Sides, Window,
};
use unet_lens::engine::tensor::{Shape, Tensor64};

/// Central differences along every coordinate of the image against backprop.
fn check(name: &str, image: Shape, build: impl Fn(&mut Graph, NodeId) -> NodeId) {
    let mut graph = Graph::new();
    let x = graph.input("image", image).unwrap();
    let y = build(&mut graph, x);
    // The op is followed by nonlinear ones, so that dy is not constant, and used twice.
    let squashed = graph.sigmoid("squash", y).unwrap();
    let product = graph.mul("product", squashed, y).unwrap();
    let loss = graph.mean("loss", product).unwrap();
    let dx = gradient(&mut graph, loss, x).unwrap().of_wrt();
    let at = Tensor64 { shape: image, data: numbers(image.len(), 7).iter().map(|&v| f64::from(v)).collect() };
    let gradient = evaluate(&graph, &[(x, &at)], &[dx]).remove(0);
    let largest = gradient.data.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
    let step = 1e-5;
    for i in 0..image.len() {
        let loss_at = |offset: f64| {
            let mut moved = at.clone();
            moved.data[i] += offset;
            evaluate(&graph, &[(x, &moved)], &[loss]).remove(0).data[i / image.image_len()]
        };
        let difference = (loss_at(step) - loss_at(-step)) / (2.0 * step);
        let error = (difference - gradient.data[i]).abs() / largest;
        assert!(error < 1e-6, "{name}: index {i}: finite difference {difference}, backprop {}", gradient.data[i]);
    }
}

#[test]
fn every_op() {
    let image = Shape::new(2, 6, 4, 3);
    let scale: Arc<[f64]> = vec![1.5, -0.5, 0.8].into();
    for (kh, kw) in [(1, 1), (3, 3), (5, 5), (7, 7), (3, 5)] {
        check(&format!("conv2d {kh}x{kw}"), image, |g, x| g.conv2d("y", x, conv(kh, kw, 3, 4)).unwrap());
    }
    check("own channels", image, |g, x| g.conv2d("y", x, conv(3, 3, 3, 4).own_channels(&[2, 0])).unwrap());
    check("batch_norm", image, |g, x| g.batch_norm("y", x, scale.clone(), scale.clone()).unwrap());
    check("relu", image, |g, x| g.relu("y", x).unwrap());
    check("sigmoid", image, |g, x| g.sigmoid("y", x).unwrap());
    check("max_pool", image, |g, x| g.max_pool("y", x, Window::new(2, 2)).unwrap());
    check("max_pool 3x1", image, |g, x| g.max_pool("y", x, Window::new(3, 1)).unwrap());
    check("upsample", image, |g, x| g.upsample("y", x, Window::new(2, 3)).unwrap());
    check("concat", image, |g, x| {
        // Of another size than x everywhere, so that the wrong channels' gradient is a wrong one.
        let s = g.batch_norm("s", x, scale.clone(), scale.clone()).unwrap();
        g.concat("y", &[x, s, x]).unwrap()
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
    check("squared", image, |g, x| g.mul("y", x, x).unwrap());
    check("scale", image, |g, x| g.scale("y", x, -1.7).unwrap());
    check("roll", image, |g, x| {
        let one = g.fill("one", Shape::new(2, 3, 2, 1), 1.0).unwrap();
        let apart = Matrix::new(2, 2, vec![-2.0, 0.0, 0.0, 1.0]);
        let by = g.transform("by", one, Axis::Across, apart).unwrap();
        g.roll("y", x, by).unwrap()
    });
    check("total_variation", image, |g, x| g.total_variation("y", x).unwrap());
    for (axis, size) in [(Axis::Down, 6), (Axis::Across, 4)] {
        let matrix = Matrix::new(5, size, numbers(5 * size, 9));
        check(&format!("transform {axis:?}"), image, |g, x| g.transform("y", x, axis, matrix.clone()).unwrap());
    }
    check("added to itself", image, |g, x| g.add("y", x, x).unwrap());
    check("sum_pool", image, |g, x| g.sum_pool("y", x, Window::new(2, 4)).unwrap());
    check("constant", image, |g, x| {
        let one = g.constant("one", Shape::new(2, 6, 1, 3), numbers(18, 5).into()).unwrap();
        let each = g.constant("each", image, numbers(144, 6).into()).unwrap();
        let y = g.mul("scaled", x, one).unwrap();
        g.add("y", y, each).unwrap()
    });
}

#[test]
fn every_convolution() {
    let settings = |stride: (usize, usize), pad: [usize; 4], dilation: (usize, usize), groups: usize| {
        let [top, bottom, left, right] = pad;
        let (stride, dilation) = (Window::new(stride.0, stride.1), Window::new(dilation.0, dilation.1));
        (stride, Sides { top, bottom, left, right }, dilation, groups)
    };
    // Kernel, stride, padding, dilation, groups. The image's sides are odd, so that strides and kernels leave a rest.
    let cases = [
        ((3, 3), settings((1, 1), [0, 0, 0, 0], (1, 1), 1)),
        ((3, 3), settings((2, 2), [1, 1, 1, 1], (1, 1), 1)),
        ((3, 3), settings((2, 3), [0, 0, 0, 0], (1, 1), 1)),
        ((1, 1), settings((2, 2), [0, 0, 0, 0], (1, 1), 1)),
        ((2, 2), settings((1, 1), [0, 1, 0, 1], (1, 1), 1)),
        ((2, 4), settings((2, 1), [0, 1, 1, 2], (1, 1), 1)),
        ((3, 3), settings((1, 1), [2, 2, 2, 2], (2, 2), 1)),
        ((3, 2), settings((1, 1), [1, 0, 0, 3], (2, 3), 1)),
        ((3, 3), settings((3, 2), [3, 2, 1, 0], (2, 1), 1)),
        // More zeros than the kernel reaches over: some outputs see nothing of the image.
        ((3, 3), settings((1, 1), [4, 0, 0, 3], (1, 1), 1)),
        ((3, 3), settings((1, 1), [1, 1, 1, 1], (1, 1), 2)),
        ((3, 2), settings((2, 2), [1, 0, 1, 1], (1, 2), 2)),
        // Depthwise.
        ((3, 3), settings((1, 1), [1, 1, 1, 1], (1, 1), 4)),
        ((2, 3), settings((2, 2), [0, 1, 1, 1], (1, 1), 4)),
    ];
    let image = Shape::new(2, 7, 5, 4);
    for ((kh, kw), (stride, pad, dilation, groups)) in cases {
        let whole = Conv2d { stride, pad, dilation, groups, ..conv(kh, kw, 4 / groups, 8) };
        let name = format!("{kh}x{kw}, stride {stride}, {pad:?}, dilation {dilation}, {groups} groups");
        check(&format!("conv2d {name}"), image, |g, x| g.conv2d("y", x, whole.clone()).unwrap());
        let own = whole.own_channels(&[6, 1]);
        check(&format!("conv2d {name}, own channels"), image, |g, x| g.conv2d("y", x, own.clone()).unwrap());

        // The transpose of a convolution from [2, 7, 5, 4], so that its input has 8 channels and its output is that.
        let kernel = Kernel::new(kh, kw, 4 / groups, 8, numbers(kh * kw * 4 / groups * 8, 3).into()).unwrap();
        let bias = Some(numbers(4, 4).into());
        let whole = ConvTranspose { kernel, bias, stride, pad, dilation, groups, h: 7, w: 5 };
        let side = |n: usize, pad: usize, k: usize, s: usize, d: usize| (n + pad - (k - 1) * d - 1) / s + 1;
        let rows = side(7, pad.top + pad.bottom, kh, stride.h, dilation.h);
        let columns = side(5, pad.left + pad.right, kw, stride.w, dilation.w);
        let small = Shape::new(2, rows, columns, 8);
        check(&format!("conv_transpose {name}"), small, |g, x| g.conv_transpose("y", x, whole.clone()).unwrap());
        let own = whole.own_channels(&[3, 0]);
        check(&format!("conv_transpose {name}, own"), small, |g, x| g.conv_transpose("y", x, own.clone()).unwrap());
    }
    for (kh, kw) in [(2, 2), (4, 3), (1, 6)] {
        check(&format!("conv2d same {kh}x{kw}"), image, |g, x| g.conv2d("y", x, conv(kh, kw, 4, 3)).unwrap());
    }
}

#[test]
fn every_function() {
    let image = Shape::new(2, 5, 3, 2);
    for f in FUNCTIONS {
        check(&format!("{f:?}"), image, |g, x| {
            let x = match f {
                Function::Sqrt | Function::Log => g.pointwise("positive", x, Function::Softplus).unwrap(),
                // Of both signs, and on every piece of the functions that have corners.
                _ => g.scale("wide", x, 7.0).unwrap(),
            };
            g.pointwise("y", x, f).unwrap()
        });
    }
}

#[test]
fn every_pool() {
    let pools = [
        ((2, 2), (2, 2), [0, 0, 0, 0]),
        ((3, 3), (2, 2), [1, 1, 1, 1]),
        ((3, 2), (1, 1), [0, 2, 0, 1]),
        ((2, 3), (3, 4), [1, 0, 0, 2]),
        ((2, 2), (1, 3), [0, 0, 0, 0]),
    ];
    let image = Shape::new(2, 7, 5, 3);
    for ((kh, kw), (sh, sw), [top, bottom, left, right]) in pools {
        let (window, stride) = (Window::new(kh, kw), Window::new(sh, sw));
        let pool = Pool { window, stride, pad: Sides { top, bottom, left, right } };
        check(&format!("max {pool:?}"), image, |g, x| g.max_pool("y", x, pool).unwrap());
        check(&format!("average {pool:?}"), image, |g, x| g.average_pool("y", x, pool).unwrap());
    }
    let side_by_side = Shape::new(2, 6, 4, 3);
    check("average, side by side", side_by_side, |g, x| g.average_pool("y", x, Window::new(3, 2)).unwrap());
}

#[test]
fn every_change_of_shape() {
    let image = Shape::new(2, 5, 3, 4);
    check("crop", image, |g, x| g.crop("y", x, [1, 0, 2], [3, 2, 2]).unwrap());
    check("slice", image, |g, x| g.slice("y", x, 1, 2).unwrap());
    check("pad", image, |g, x| g.pad("y", x, [1, 0, 2], [7, 4, 6]).unwrap());
    check("reshape", image, |g, x| g.reshape("y", x, Shape::new(2, 2, 15, 2)).unwrap());
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        check(&format!("permute {order:?}"), image, |g, x| g.permute("y", x, order).unwrap());
    }
    let axes = |bits: usize| Axes { h: bits & 1 > 0, w: bits & 2 > 0, c: bits & 4 > 0 };
    for bits in 0..8 {
        let axes = axes(bits);
        check(&format!("sum {axes:?}"), image, |g, x| g.sum("y", x, axes).unwrap());
        if bits > 0 {
            check(&format!("softmax {axes:?}"), image, |g, x| g.softmax("y", x, axes).unwrap());
        }
        let small = axes.summed(image);
        check(&format!("broadcast {axes:?}"), small, |g, x| g.broadcast("y", x, image).unwrap());
        // Both ways round, with the gradient flowing into both of them.
        let pair = |g: &mut Graph, x: NodeId| {
            let small = g.sum("small", x, axes).unwrap();
            if bits % 2 == 0 { (small, x) } else { (x, small) }
        };
        check(&format!("add, {axes:?} repeated"), image, |g, x| {
            let (a, b) = pair(g, x);
            g.add("y", a, b).unwrap()
        });
        check(&format!("mul, {axes:?} repeated"), image, |g, x| {
            let (a, b) = pair(g, x);
            g.mul("y", a, b).unwrap()
        });
    }
    check("each repeats the other", image, |g, x| {
        let column = g.sum("column", x, Axes { h: false, w: true, c: true }).unwrap();
        let row = g.sum("row", x, Axes { h: true, w: false, c: true }).unwrap();
        let sum = g.add("sum", column, row).unwrap();
        g.mul("y", sum, row).unwrap()
    });
    for sampling in [Sampling::Bilinear, Sampling::BilinearFromCorner, Sampling::Nearest] {
        let matrix = Matrix::resize(5, 12, sampling);
        check(&format!("{sampling:?}"), image, |g, x| g.transform("y", x, Axis::Down, matrix.clone()).unwrap());
    }
}

#[test]
fn what_is_composed_of_ops() {
    let image = Shape::new(2, 5, 3, 4);
    let two = |g: &mut Graph, x: NodeId| {
        let turned = g.transform("turned", x, Axis::Across, Matrix::new(3, 3, numbers(9, 8))).unwrap();
        (x, turned)
    };
    check("subtract", image, |g, x| {
        let (a, b) = two(g, x);
        g.subtract("y", a, b).unwrap()
    });
    check("maximum", image, |g, x| {
        let (a, b) = two(g, x);
        g.maximum("y", a, b).unwrap()
    });
    check("minimum", image, |g, x| {
        let (a, b) = two(g, x);
        g.minimum("y", a, b).unwrap()
    });
    for axes in [Axes::CHANNELS, Axes::PLACES, Axes::ALL] {
        check(&format!("mean over {axes:?}"), image, |g, x| g.mean_over("y", x, axes).unwrap());
        check(&format!("standardise {axes:?}"), image, |g, x| g.standardise("y", x, axes, 1e-3).unwrap());
    }
}

/// The gradient of the sum of `y = build(x)`, image 0.
fn gradient_of_sum(x: &[f64], h: usize, w: usize, build: impl Fn(&mut Graph, NodeId) -> NodeId) -> Vec<f64> {
    let (mut graph, shape) = (Graph::new(), Shape::new(1, h, w, 1));
    let image = graph.input("image", shape).unwrap();
    let y = build(&mut graph, image);
    let loss = graph.mean("loss", y).unwrap();
    let dx = gradient(&mut graph, loss, image).unwrap().of_wrt();
    let count = graph.shape(y).image_len() as f64;
    let at = Tensor64 { shape, data: x.to_vec() };
    evaluate(&graph, &[(image, &at)], &[dx]).remove(0).data.iter().map(|g| g * count).collect()
}

/// Whole numbers have no slope: how far an image is rolled is not learned.
#[test]
fn no_gradient_flows_to_a_rolls_shifts() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::new(1, 3, 4, 1)).unwrap();
    let by = graph.input("by", Shape::new(1, 1, 2, 1)).unwrap();
    let y = graph.roll("y", x, by).unwrap();
    let loss = graph.mean("loss", y).unwrap();
    let error = gradient(&mut graph.clone(), loss, by).unwrap_err();
    assert_eq!(error.to_string(), "no gradient flows from loss back to by");
    // Another way to it, through the image, still counts.
    let twice = graph.roll("twice", by, by).unwrap();
    let loss = graph.mean("other loss", twice).unwrap();
    let dby = gradient(&mut graph, loss, by).unwrap().of_wrt();
    let at = Tensor64 { shape: graph.shape(by), data: vec![3.0, 1.0] };
    assert_eq!(evaluate(&graph, &[(by, &at)], &[dby]).remove(0).data, [0.5, 0.5]);
}

/// The gradient of each forward node is called after it, and so is what leads there.
#[test]
fn gradients_are_named_after_what_they_answer() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::new(1, 2, 2, 1)).unwrap();
    let by = graph.fill("by", Shape::new(1, 1, 2, 1), 1.0).unwrap();
    let rolled = graph.roll("rolled", x, by).unwrap();
    let total = graph.sum("total", x, Axes::ALL).unwrap();
    let both = graph.mul("both", rolled, total).unwrap();
    let loss = graph.mean("loss", both).unwrap();
    let first = graph.len();
    gradient(&mut graph, loss, x).unwrap();
    let named: Vec<(&str, &str)> = graph.nodes().map(|(_, node)| (&*node.name, node.op.name())).skip(first).collect();
    let expected = [
        ("d loss", "fill"),
        ("d both", "spread"),
        ("d rolled", "mul"),
        ("d total, mul", "mul"),
        ("d total", "sum"),
        ("d x", "broadcast"),
        ("- by", "scale"),
        ("d x", "roll"),
        ("d x", "add"),
    ];
    assert_eq!(named, expected);
}

#[test]
fn relu_at_exactly_zero_has_no_gradient() {
    let found = gradient_of_sum(&[-1.0, -0.0, 0.0, 1e-300, 2.0, -1e-300], 2, 3, |g, x| g.relu("y", x).unwrap());
    assert_eq!(found, [0.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
}

#[test]
fn of_equal_values_the_first_in_reading_order_wins() {
    #[rustfmt::skip]
    let x = [
        1.0, 1.0,   0.0, 2.0,
        1.0, 1.0,   2.0, 2.0,
    ];
    let found = gradient_of_sum(&x, 2, 4, |g, x| g.max_pool("y", x, Window::new(2, 2)).unwrap());
    assert_eq!(found, [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
}

/// Windows of 2x2 at every pixel, with a row of padding above: the one 3 wins four of them, of the equal values the first.
#[test]
fn where_windows_overlap_a_winner_collects() {
    #[rustfmt::skip]
    let x = [
        1.0, 1.0, 0.0,
        0.0, 3.0, 0.0,
        0.0, 0.0, 0.0,
    ];
    let (window, stride) = (Window::new(2, 2), Window::ONE);
    let pool = Pool { window, stride, pad: Sides { top: 1, ..Sides::NONE } };
    let found = gradient_of_sum(&x, 3, 3, |g, x| g.max_pool("y", x, pool).unwrap());
    assert_eq!(found, [1.0, 1.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0]);
}

/// 3 x and x + 4 are equal at 2, where they have slopes 3 and 1.
#[test]
fn of_two_equal_values_the_first_gets_the_gradient() {
    let build = |g: &mut Graph, x: NodeId| {
        let a = g.scale("a", x, 3.0).unwrap();
        let b = g.batch_norm("b", x, [1.0].into(), [4.0].into()).unwrap();
        (a, b)
    };
    let found = gradient_of_sum(&[2.0], 1, 1, |g, x| {
        let (a, b) = build(g, x);
        g.maximum("y", a, b).unwrap()
    });
    assert_eq!(found, [3.0]);
    let found = gradient_of_sum(&[2.0], 1, 1, |g, x| {
        let (a, b) = build(g, x);
        g.minimum("y", b, a).unwrap()
    });
    assert_eq!(found, [1.0]);
}

#[test]
fn at_borders_fewer_outputs_see_a_pixel() {
    let ones = || Conv2d::same(Kernel::new(3, 3, 1, 1, vec![1.0; 9].into()).unwrap(), None);
    let found = gradient_of_sum(&[0.5; 16], 4, 4, |g, x| g.conv2d("y", x, ones()).unwrap());
    assert_eq!(found, [4.0, 6.0, 6.0, 4.0, 6.0, 9.0, 9.0, 6.0, 6.0, 9.0, 9.0, 6.0, 4.0, 6.0, 6.0, 4.0]);
}

#[test]
fn the_gradients_of_a_value_used_twice_add_up() {
    let found = gradient_of_sum(&[1.0, -1.0], 1, 2, |g, x| {
        let r = g.relu("r", x).unwrap();
        let sum = g.add("sum", r, x).unwrap();
        g.add("twice", sum, sum).unwrap()
    });
    assert_eq!(found, [4.0, 2.0]);
}
