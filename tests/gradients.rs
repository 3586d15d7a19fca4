//! The gradient of every op and of whole nets against finite differences on the reference executor.

use std::sync::Arc;
use unet_lens::engine::autodiff::gradient;
use unet_lens::engine::exec::reference::evaluate;
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{Axis, Conv2d, Kernel, Matrix, Window};
use unet_lens::engine::tensor::{Shape, Tensor64};

/// Numbers that look random and are the same everywhere.
fn numbers(count: usize, salt: u64) -> Vec<f32> {
    let mut state = salt.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1u64 << 24) as f32) * 2.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn conv(kh: usize, kw: usize, ci: usize, co: usize) -> Conv2d {
    let kernel = Kernel::new(kh, kw, ci, co, numbers(kh * kw * ci * co, 3).into()).unwrap();
    Conv2d { kernel, bias: Some(numbers(co, 4).into()) }
}

/// Central differences along every coordinate of the image against backprop.
fn check(name: &str, image: Shape, build: impl Fn(&mut Graph, NodeId) -> NodeId) {
    let mut graph = Graph::new();
    let x = graph.input("image", image).unwrap();
    let y = build(&mut graph, x);
    // The op is followed by a nonlinear one, so that dy is not constant.
    let squashed = graph.sigmoid("squash", y).unwrap();
    let loss = graph.mean("loss", squashed).unwrap();
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
    let both = graph.mul("both", rolled, x).unwrap();
    let loss = graph.mean("loss", both).unwrap();
    let first = graph.len();
    gradient(&mut graph, loss, x).unwrap();
    let named: Vec<(&str, &str)> = graph.nodes().map(|(_, node)| (&*node.name, node.op.name())).skip(first).collect();
    let expected = [
        ("d loss", "fill"),
        ("d both", "spread"),
        ("d rolled", "mul"),
        ("d x", "mul"),
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

#[test]
fn at_borders_fewer_outputs_see_a_pixel() {
    let ones = || Conv2d { kernel: Kernel::new(3, 3, 1, 1, vec![1.0; 9].into()).unwrap(), bias: None };
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
