//! The lesson's worked examples, its exercises and the places in the code: what they are of, and their numbers by hand.

mod common;
#[path = "common/layers.rs"]
mod layers;

use approx::assert_relative_eq;
use serde_json::json;
use unet_lens::engine::ops::{self, Conv2d, Function, Kernel, Op, Sides, Window};
use unet_lens::engine::tensor::Shape;
use unet_lens::lesson::explain::{Exercise, Worked, exercises, source, worked, worked_for};
use unet_lens::network::{Activation, Kind, Merge, Network, Padding, Pool};

fn image(h: usize, w: usize, c: usize) -> Shape {
    Shape::new(1, h, w, c)
}

fn example(op: &Op, x: &[Shape]) -> Worked {
    worked(op, x).unwrap().unwrap_or_else(|| panic!("{} has an example", op.name()))
}

/// A convolution of one channel, with a relu.
fn conv(k: usize) -> Kind {
    layers::conv(k, 1, 1, &vec![1.0; k * k], Activation::Relu)
}

/// These layers behind an image of one channel, each with its inputs.
fn network(layers: Vec<(Kind, Vec<usize>)>) -> Network {
    layers::network(layers::image(1), layers)
}

/// Each topic once, where it is first met; the use of a value twice where there is one.
#[test]
fn topics_come_in_the_order_of_their_use() {
    let topics = |layers: Vec<(Kind, Vec<usize>)>| {
        let network = network(layers);
        let examples = worked_for(&network, network.output, image(4, 4, 1)).unwrap();
        examples.iter().map(|example| example.topic).collect::<Vec<_>>()
    };
    let pool = |k: usize| Kind::Pool {
        pool: Pool::Max,
        window: Window::new(k, k),
        stride: Window::new(k, k),
        padding: Padding::Valid,
    };
    let row = vec![(conv(3), vec![0]), (conv(3), vec![1]), (pool(2), vec![2]), (conv(2), vec![3])];
    assert_eq!(topics(row), ["conv2d", "relu", "max_pool", "conv2d-even", "mean"]);
    let skip = vec![(conv(3), vec![0]), (conv(3), vec![1]), (Kind::Merge(Merge::Add), vec![1, 2]), (conv(3), vec![3])];
    assert_eq!(topics(skip), ["conv2d", "relu", "add", "mean", "used-twice"]);
}

/// Windows of 3 x 2 that cut all up: two by two of them.
#[test]
fn a_pools_example_has_two_windows_along_each_axis() {
    for (h, w) in [(2, 2), (3, 2), (1, 3), (3, 3)] {
        let pool = example(&Op::MaxPool(Window::new(h, w).into()), &[image(12, 12, 8)]);
        assert_eq!((pool.topic, pool.x[0].shape, pool.y.shape), ("max_pool", [2 * h, 2 * w, 1], [2, 2, 1]));
        // Each output is the largest of its window, and its dy goes where that is, and nowhere else.
        let cell = |r: usize, s: usize, k: usize| (r * h + k / w) * 2 * w + s * w + k % w;
        for (r, s) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let window: Vec<f64> = (0..h * w).map(|k| pool.x[0].values[cell(r, s, k)]).collect();
            let largest = window.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            assert_eq!(pool.y.values[2 * r + s], largest);
            let first = window.iter().position(|v| *v == largest).unwrap();
            for k in 0..h * w {
                let right = if k == first { pool.dy.values[2 * r + s] } else { 0.0 };
                assert_eq!(pool.dx[0].values[cell(r, s, k)], right);
            }
        }
    }
}

/// With padding, too, two windows along each axis, whatever the stride, and no room for both: they are shown three pixels long, so
/// that with a stride of 3 they lie side by side.
#[test]
fn a_padded_pools_example_has_two_windows_as_well() {
    for (stride, side) in [(1, 2), (2, 4), (3, 4)] {
        let (window, stride) = (Window::new(5, 5), Window::new(stride, stride));
        let pad = Sides::same(60, 60, window, stride, Window::ONE);
        let pool = example(&Op::MaxPool(ops::Pool { window, stride, pad }), &[image(60, 60, 8)]);
        assert_eq!((pool.topic, pool.y.shape), ("max_pool-stride", [2, 2, 1]), "{stride:?}");
        assert_eq!(pool.x[0].shape, [side, side, 1]);
    }
}

/// Of a linear op what each output adds up: weight times cell, times a setting where there is one.
#[test]
fn links_of_linear_and_other_ops_by_hand() {
    let links = |worked: &Worked| serde_json::to_value(&worked.links).unwrap();
    let x = image(4, 4, 2);
    // Scale times x: the shift is no link.
    let norm = example(&Op::BatchNorm { scale: vec![2.0; 2].into(), shift: vec![3.0; 2].into() }, &[x]);
    let each: Vec<_> = (0..6).map(|i| json!([i, 0, i, 1.0, 0])).collect();
    assert_eq!(links(&norm), json!(each));
    let scale = example(&Op::Scale { factor: 3.0 }, &[x]);
    assert_eq!(links(&scale), json!(each));
    // The mean of six.
    let mean = example(&Op::Mean, &[x]);
    assert_eq!(mean.links.len(), 6);
    for (i, link) in mean.links.iter().enumerate() {
        assert_eq!((link.output, link.input, link.cell, link.setting), (0, 0, i, None));
        assert_relative_eq!(link.weight, 1.0 / 6.0, epsilon = 1e-12);
    }
    // A product reads both, a relu its own value: no weight can be told.
    let product: Vec<_> = (0..4).flat_map(|i| [0, 1].map(|input| json!([i, input, i, 1.0, null]))).collect();
    assert_eq!(links(&example(&Op::Mul, &[x, x])), json!(product));
    let own: Vec<_> = (0..6).map(|i| json!([i, 0, i, 1.0, null])).collect();
    assert_eq!(links(&example(&Op::Relu, &[x])), json!(own));
    assert_eq!(links(&example(&Op::Pointwise(Function::Tanh), &[x])), json!(own));
    let sum: Vec<_> = (0..4).flat_map(|i| [0, 1].map(|input| json!([i, input, i, 1.0, null]))).collect();
    assert_eq!(links(&example(&Op::Add, &[x, x])), json!(sum));
}

/// The cell in the middle, if it is read. A kernel of one pixel that leaps by three reads the corners of 4 x 4 cells alone.
#[test]
fn the_chain_is_of_a_cell_that_is_read() {
    let of = |k: usize, s: usize| {
        let kernel = Kernel::new(k, k, 1, 1, vec![1.0; k * k].into()).unwrap();
        let (stride, dilation, pad) = (Window::new(s, s), Window::ONE, Sides::NONE);
        example(&Op::Conv2d(Conv2d { kernel, bias: None, stride, pad, dilation, groups: 1 }), &[image(16, 16, 1)])
    };
    let leaps = of(1, 3);
    assert_eq!((leaps.x[0].shape, leaps.y.shape, leaps.settings.values.len()), ([4, 4, 1], [2, 2, 1], 1));
    assert_eq!(leaps.links.iter().map(|link| link.cell).collect::<Vec<_>>(), [0, 3, 12, 15]);
    let weight = leaps.settings.values[0];
    assert_eq!((leaps.chain.cell, &leaps.chain.read_by[..]), (0, &[(0, weight)][..]));
    // By two, the cell in row 2 and column 2 is the last that is read.
    let steps = of(1, 2);
    assert_eq!((steps.chain.cell, &steps.chain.read_by[..]), (10, &[(3, weight)][..]));
    assert_eq!(example(&Op::Relu, &[image(9, 9, 1)]).chain.cell, 4, "row 1, column 1 of 2 x 3 cells");
}

/// Numbers that tell the cells apart: no two that follow each other are equal, neither what goes in nor what arrives.
#[test]
fn neighbours_in_an_example_differ() {
    let x = image(6, 6, 1);
    let relu = example(&Op::Relu, &[x]);
    assert_eq!(relu.x[0].shape, [2, 3, 1]);
    assert!(relu.x[0].values.iter().any(|v| *v < 0.0) && relu.x[0].values.iter().any(|v| *v > 0.0));
    for op in [Op::Relu, Op::Sigmoid, Op::MaxPool(Window::new(2, 2).into()), Op::Upsample(Window::new(2, 2))] {
        let worked = example(&op, &[x]);
        for array in [&worked.x[0], &worked.dy] {
            assert!(array.values.windows(2).all(|pair| pair[0] != pair[1]), "{}: {array:?}", op.name());
        }
        for (dx, difference) in worked.dx[0].values.iter().zip(&worked.differences[0].values) {
            assert_relative_eq!(dx, difference, epsilon = 1e-6);
        }
    }
}

/// Functions have the same numbers as a relu, but where one is outside of what they take, or at one of their corners.
#[test]
fn numbers_are_none_at_which_a_function_has_a_corner() {
    let x = image(6, 6, 1);
    let numbers = example(&Op::Relu, &[x]).x[0].values.clone();
    assert!(
        [1.0, 3.0, 0.5].iter().all(|v| numbers.contains(v)),
        "what the functions below have corners at: {numbers:?}"
    );
    let relu = |threshold: f32, max: f32| Function::Relu { slope: 0.25, threshold, max };
    let smooth = |f: Function, v: f64| f.piece(v - 2e-4) == f.piece(v + 2e-4);
    for (f, moved) in [
        (relu(0.5, 3.0), 2),
        (relu(0.0, 1.0), 1),
        (relu(2.75, 3.0), 1),
        (relu(1.5, 2.5), 0),
        (Function::LeakyRelu { slope: 0.5 }, 0),
        (Function::HardSigmoid { slope: 0.5 }, 2),
        (Function::HardSwish, 1),
        (Function::Abs, 0),
        (Function::Tanh, 0),
        (Function::Reciprocal, 0),
        (Function::Log, 6),
        (Function::Sqrt, 6),
    ] {
        let worked = example(&Op::Pointwise(f), &[x]);
        let found = &worked.x[0].values;
        let positive = matches!(f, Function::Log | Function::Sqrt);
        let mut others = 0;
        for (&found, &number) in found.iter().zip(&numbers) {
            others += usize::from(found != number);
            assert!(smooth(f, found), "{f:?} has a corner at {found}");
            if positive {
                assert!(found > 0.0 && (found - number.abs()).abs() <= 0.5, "{f:?}: {found} for {number}");
            } else {
                assert_eq!(found == number, smooth(f, number), "{f:?}: {found} for {number}");
                assert!((found - number).abs() <= 0.5, "{f:?}: {found} for {number}");
            }
        }
        assert_eq!(others, moved, "{f:?}: {found:?} for {numbers:?}");
        for ((dx, difference), (dy, x)) in
            worked.dx[0].values.iter().zip(&worked.differences[0].values).zip(worked.dy.values.iter().zip(found))
        {
            assert_relative_eq!(dx, difference, epsilon = 1e-5);
            assert_relative_eq!(*dx, dy * f.slope(*x), epsilon = 1e-12);
        }
    }
}

/// The U of the page by hand. Of the left window 4 wins, of the right one 2: there the sums of the second channel come in, 1 and 4.
#[test]
fn the_value_used_twice_by_hand() {
    let skip = vec![(conv(3), vec![0]), (conv(3), vec![1]), (Kind::Merge(Merge::Add), vec![1, 2]), (conv(3), vec![3])];
    let network = network(skip);
    let twice = worked_for(&network, network.output, image(4, 4, 1)).unwrap().pop().unwrap();
    assert_eq!(twice.x[0].values, [1.0, 3.0, -2.0, 0.5, 4.0, -1.0, 2.0, 1.5]);
    let raised = [4.0, 4.0, 2.0, 2.0];
    let y = twice.x[0].values.iter().enumerate().flat_map(|(i, &x)| [x, raised[i % 4]]);
    assert_eq!(twice.y.values, y.collect::<Vec<f64>>());
    assert_eq!(twice.parts[0].values, [1.0, 2.0, -1.0, 0.5, 2.0, -1.0, 1.5, 3.0]);
    // 0.5 - 1 + 1 + 0.5, and 2 + 3 - 2 + 1.
    assert_eq!(twice.parts[1].values, [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 4.0, 0.0]);
    assert_eq!(twice.dx[0].values, [1.0, 2.0, -1.0, 0.5, 3.0, -1.0, 5.5, 3.0]);
}

/// The cell that is asked for of the convolution, by hand; and what is shown to the reader, no more than is needed.
#[test]
fn what_the_exercises_show_and_ask() {
    let all = exercises().unwrap();
    let of = |id: &str| all.iter().find(|exercise| exercise.id == id).unwrap();
    let shown = |exercise: &Exercise| exercise.given.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    for (id, names, file) in [
        ("sum", &["x", "dy"][..], "ops/sum.rs"),
        ("relu", &["x", "dy"], "ops/relu.rs"),
        ("max_pool", &["x", "dy"], "ops/max_pool.rs"),
        ("upsample", &["dy"], "ops/upsample.rs"),
        ("concat", &["dy"], "ops/concat.rs"),
        ("conv2d", &["W", "dy"], "ops/conv2d.rs"),
        ("used-twice", &["x", "dy"], "autodiff.rs"),
        ("normalise", &["g"], "ops/ascent.rs"),
    ] {
        assert_eq!(shown(of(id)), names, "{id}");
        assert_eq!(of(id).source.file, format!("src/engine/{file}"), "{id}");
    }
    let conv = of("conv2d");
    let [weights, dy] = [0, 1].map(|i| &conv.given[i].1.values);
    assert_eq!(weights[..], [1.0, 0.0, -1.0, 2.0, 0.5, -2.0, 3.0, 1.0, -1.5]);
    assert_eq!(dy[..12], [1.0, 2.0, 5.0, -1.0, 3.0, 0.0, 4.0, 2.0, -1.0, -3.0, 2.0, 2.0]);
    // The kernel turned over, on the upper left 3 x 3 cells: 5 3 + 2 1 - 1 1.5, 4 2 + 0 0.5 - 3 2 and 2 1 - 3 0 + 1 1.
    assert_eq!((conv.asked, conv.answer.values[5]), (5, 15.5 + 2.0 + 3.0));
}

/// Each op stands in the file that is about it, and is drawn by the shaders that compute it.
#[test]
fn each_op_has_its_own_place() {
    for (op, file, shaders) in [
        ("add", "add", &["same", "broadcast"][..]),
        ("batch_norm", "batch_norm", &["same"]),
        ("broadcast", "sum", &["broadcast", "sum"]),
        ("concat", "concat", &["concat", "slice"]),
        ("conv2d", "conv2d", &["conv2d"]),
        ("conv_transpose", "conv_transpose", &["conv2d"]),
        ("max_pool", "max_pool", &["max_pool", "unpool", "max_pool"]),
        ("mean", "mean", &["mean", "mean"]),
        ("mul", "mul", &["broadcast"]),
        ("pad", "slice", &["slice"]),
        ("permute", "permute", &["reshape"]),
        ("relu", "relu", &["same"]),
        ("reshape", "reshape", &["reshape"]),
        ("scale", "mul", &["same"]),
        ("sigmoid", "sigmoid", &["sigmoid", "sigmoid"]),
        ("slice", "slice", &["slice"]),
        ("softmax", "softmax", &["sum"]),
        ("sum", "sum", &["sum", "broadcast"]),
        ("sum_pool", "upsample", &["upsample", "upsample"]),
        ("transform", "transform", &["transform"]),
        ("upsample", "upsample", &["upsample", "upsample"]),
        ("tanh", "pointwise", &["pointwise", "pointwise"]),
        ("rms", "ascent", &["ascent"]),
        ("normalise", "ascent", &["ascent"]),
        ("step", "ascent", &["ascent"]),
    ] {
        let found = source(op).unwrap_or_else(|| panic!("{op} is nowhere"));
        let file = format!("src/engine/ops/{file}.rs");
        assert!([&found.forward, &found.rule].into_iter().flatten().all(|place| place.file == file), "{op}: {found:?}");
        assert!(found.forward.is_some() || found.rule.is_some(), "{op}");
        let shaders: Vec<String> = shaders.iter().map(|shader| format!("shaders/{shader}.wgsl")).collect();
        assert_eq!(found.shaders.iter().map(|place| place.file).collect::<Vec<_>>(), shaders, "{op}");
        // The file's head names what is in it.
        let text = std::fs::read_to_string(common::fixture("..").join(&file)).unwrap();
        let head: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let is_named = matches!(op, "tanh") || head.join(" ").contains(op);
        assert!(is_named, "{file} is not about {op}");
    }
    for op in ["input", "fill", "constant"] {
        assert!(source(op).is_none(), "{op} is not computed");
    }
}
