//! Layers as nodes of a graph: what they are called, how large they come out, what is refused, and values reckoned by hand.

#[path = "common/layers.rs"]
mod layers;

use unet_lens::engine::exec::reference::evaluate;
use unet_lens::engine::ops::{Kernel, Op, Sides, Window};
use unet_lens::engine::tensor::{Shape, Tensor64};
use unet_lens::network::unet::{self, Built};
use unet_lens::network::{
    Activation, Array, Border, Convolution, Interpolation, Kind, Merge, Network, Padding, Part, Pool, Reduction, Size,
};
use unet_lens::{Error, Result};

/// The image and these layers, each with its inputs, called layer0 and so on.
fn network(layers: Vec<(Kind, Vec<usize>)>) -> Network {
    layers::network(layers::image(2), layers)
}

/// Layers in a row.
fn row(kinds: Vec<Kind>) -> Network {
    layers::chain(2, kinds)
}

fn built(network: &Network, shape: Shape) -> Result<Built> {
    unet::graph_to(network, network.output, None, shape)
}

/// What is said of layers in a row that do not fit an image.
fn refused(kinds: Vec<Kind>, shape: Shape) -> String {
    built(&row(kinds), shape).expect_err("it can be built").to_string()
}

/// What they make of 1, 2, 3 and so on.
fn values(network: &Network, shape: Shape) -> Vec<f64> {
    let built = built(network, shape).unwrap();
    let data = (1..=shape.len()).map(|v| v as f64).collect();
    evaluate(&built.graph, &[(built.image, &Tensor64 { shape, data })], &[built.output]).remove(0).data
}

const IMAGE: Shape = Shape { n: 1, h: 2, w: 3, c: 2 };

fn convolution(ci: usize, co: usize, side: usize) -> Convolution {
    layers::convolution(side, ci, co, &vec![1.0; side * side * ci * co])
}

fn transposed(side: usize, stride: usize, padding: Padding, output_padding: Option<usize>) -> Kind {
    Kind::ConvTranspose {
        conv: Convolution { stride: Window::new(stride, stride), padding, ..convolution(1, 2, side) },
        output_padding: output_padding.map(|p| Window::new(p, p)),
        activation: Activation::Linear,
    }
}

fn array(shape: &[usize]) -> Array {
    Array { shape: shape.to_vec(), data: vec![0.5; shape.iter().product()].into() }
}

fn layer_norm(gamma: bool, beta: bool) -> Kind {
    let numbers = |is: bool| is.then(|| array(&[2]));
    Kind::LayerNorm { axes: vec![-1], epsilon: 1e-3, gamma: numbers(gamma), beta: numbers(beta) }
}

fn resize(h: usize, w: usize) -> Kind {
    Kind::Resize { to: Size::Pixels(Window::new(h, w)), by: Interpolation::Bilinear }
}

fn range(start: Option<i64>, stop: Option<i64>, step: i64) -> Part {
    Part::Range { start, stop, step }
}

/// Each value is found by its layer's name: it stands on the last of a layer's nodes, and on no other.
#[test]
fn the_name_of_a_layer_is_that_of_its_result_alone() {
    let linear = Activation::Linear;
    let depthwise = Convolution { groups: 2, ..convolution(1, 2, 3) };
    let separable =
        |activation| Kind::Separable { depthwise: depthwise.clone(), pointwise: convolution(2, 3, 1), activation };
    let kernel = || Kernel::new(1, 1, 2, 3, vec![1.0; 6].into()).unwrap();
    let mut cases: Vec<(Kind, Vec<usize>)> = vec![
        (resize(4, 3), vec![0]),
        (resize(2, 6), vec![0]),
        (resize(4, 6), vec![0]),
        (layer_norm(false, false), vec![0]),
        (layer_norm(true, false), vec![0]),
        (layer_norm(false, true), vec![0]),
        (layer_norm(true, true), vec![0]),
        (Kind::UnitNorm { axes: vec![-1] }, vec![0]),
        (Kind::PRelu { alpha: array(&[1, 1, 2]) }, vec![0]),
        (Kind::Reduce { by: Reduction::Min, axes: vec![3], keep: true }, vec![0]),
        (Kind::Pad { sides: Sides { top: 1, bottom: 0, left: 1, right: 0 }, with: Border::Symmetric }, vec![0]),
        (Kind::Concat { axis: 1 }, vec![0, 0]),
    ];
    for activation in [linear, Activation::Relu, Activation::Softmax, Activation::Squareplus { b: 4.0 }] {
        cases.push((Kind::Conv2d { conv: convolution(2, 3, 1), activation }, vec![0]));
        cases.push((separable(activation), vec![0]));
        cases.push((Kind::Dense { kernel: kernel(), bias: None, activation }, vec![0]));
    }
    for merge in [Merge::Add, Merge::Subtract, Merge::Multiply, Merge::Divide, Merge::Average, Merge::Maximum] {
        cases.extend([2, 3, 4].map(|count| (Kind::Merge(merge), vec![0; count])));
    }
    for (kind, inputs) in cases {
        let case = format!("{kind:?} of {}", inputs.len());
        let built = built(&network(vec![(kind, inputs)]), IMAGE).unwrap();
        let called: Vec<_> = built.graph.nodes().filter(|(_, node)| node.name == "layer1").map(|(id, _)| id).collect();
        assert_eq!(called, [built.output], "{case}");
    }
}

/// Only where there is an activation has what stands before it a name of its own.
#[test]
fn without_an_activation_there_is_nothing_before_it() {
    for (activation, is_there) in [(Activation::Linear, false), (Activation::Relu, true)] {
        let network = row(vec![Kind::Conv2d { conv: convolution(2, 3, 1), activation }]);
        let built = built(&network, IMAGE).unwrap();
        assert_eq!(built.graph.find(&unet::before_activation(&network, 1)).is_some(), is_there, "{activation:?}");
    }
}

/// Keras' `deconv_output_length`: without output_padding `n s` ('same') or `n s + max(k - s, 0)` ('valid'); with it
/// `(n - 1) s + k - 2 p + output_padding`, where `p` is `k / 2` rounded down ('same') or 0. TensorFlow takes it only if the
/// convolution makes `n` of it again, that is `length / s` rounded up for 'same'.
#[test]
fn transposed_convolutions_are_as_large_as_in_keras() {
    for k in 1..=6usize {
        for (s, n) in [(1, 4), (2, 3), (3, 3), (4, 2)] {
            let more = k.saturating_sub(s);
            let mut cases = vec![(Padding::Same, None, n * s), (Padding::Valid, None, n * s + more)];
            for extra in 0..s {
                let whole = (n - 1) * s + k + extra;
                cases.extend([(Padding::Same, Some(extra), whole - 2 * (k / 2)), (Padding::Valid, Some(extra), whole)]);
            }
            for (padding, extra, length) in cases {
                let case = format!("{k} {s} {n} {padding:?} {extra:?}");
                let built = built(&row(vec![transposed(k, s, padding, extra)]), Shape::new(1, n, n, 2));
                match padding == Padding::Valid || length.div_ceil(s) == n {
                    true => {
                        let built = built.unwrap();
                        let shape = built.graph.shape(built.output);
                        assert_eq!((shape.h, shape.w, shape.c), (length, length, 1), "{case}");
                    }
                    false => assert!(built.is_err(), "{case}"),
                }
            }
        }
    }
    // (1 - 1) 1 + 2 - 2 + 0 is nothing, and with a kernel of 4, less than nothing.
    for k in [2, 4] {
        let why = refused(vec![transposed(k, 1, Padding::Same, Some(0))], Shape::new(1, 1, 1, 2));
        assert!(why.contains("layer 'layer1' (Class): nothing is left of an input of 1x1 pixels"), "{why}");
    }
}

/// Of a block of 3 pixels 9 channels become one; 6 channels are too few, and so are 12.
#[test]
fn channels_are_cut_into_blocks_of_pixels() {
    let nine = built(&row(vec![Kind::DepthToSpace(3)]), Shape::new(1, 2, 1, 9)).unwrap();
    assert_eq!(nine.graph.shape(nine.output), Shape::new(1, 6, 3, 1));
    // Channel `3 i + j` is pixel (i, j).
    let found = values(&row(vec![Kind::DepthToSpace(3)]), Shape::new(1, 1, 1, 9));
    assert_eq!(found, (1..=9).map(f64::from).collect::<Vec<_>>());
    for channels in [6, 12] {
        let why = refused(vec![Kind::DepthToSpace(3)], Shape::new(1, 2, 1, channels));
        assert!(why.contains(&format!("{channels} channels cannot be cut into blocks of 3x3")), "{why}");
    }
}

/// The weight of a PReLU has as many axes as the input, each as long or of length 1.
#[test]
fn weights_for_every_pixel_must_fit_the_image() {
    for shape in [&[2, 3, 2][..], &[1, 1, 2], &[1, 1, 1], &[2, 1, 1]] {
        assert!(built(&row(vec![Kind::PRelu { alpha: array(shape) }]), IMAGE).is_ok(), "{shape:?}");
    }
    for shape in [&[2][..], &[3, 2], &[2, 3], &[1], &[3, 3, 2], &[2, 3, 1, 1], &[1, 2, 3, 2]] {
        let why = refused(vec![Kind::PRelu { alpha: array(shape) }], IMAGE);
        assert!(why.contains(&format!("its alpha has shape {shape:?}, and it gets [2, 3, 2]")), "{why}");
    }
}

/// What is not looked at is not computed: before its activation there is one channel for each image.
#[test]
fn of_one_filter_no_other_is_computed() {
    let depthwise = Convolution { groups: 2, ..convolution(1, 2, 3) };
    for activation in [Activation::Relu, Activation::Softmax] {
        let kinds = [
            Kind::Conv2d { conv: convolution(2, 3, 1), activation },
            Kind::ConvTranspose { conv: convolution(3, 2, 2), output_padding: None, activation },
            Kind::Separable { depthwise: depthwise.clone(), pointwise: convolution(2, 3, 1), activation },
        ];
        for kind in kinds {
            let network = row(vec![kind.clone()]);
            let built = unet::graph_to(&network, 1, Some(&[2, 0]), Shape { n: 2, ..IMAGE }).unwrap();
            let before = built.graph.find(&unet::before_activation(&network, 1)).unwrap();
            // A softmax looks at all of them.
            let expected = if activation == Activation::Relu { 1 } else { 3 };
            assert_eq!((built.graph.shape(before).c, built.graph.shape(built.output).c), (expected, 1), "{kind:?}");
        }
    }
}

/// A mean's kernel of ones and its map of shares are counted before they are made: 2^27 numbers in all.
#[test]
fn no_file_makes_more_numbers_than_there_is_room_for() {
    let pooled = |pool| {
        let window = Window::new(2, 2);
        built(
            &row(vec![Kind::Pool { pool, window, stride: window, padding: Padding::Valid }]),
            Shape::new(1, 16384, 8194, 1),
        )
    };
    let why = pooled(Pool::Average).expect_err("it can be built");
    assert!(matches!(why, Error::Memory(_)), "{why:?}");
    assert!(why.to_string().contains("layer1: resizing and pooling need too much; take a smaller image"), "{why}");
    assert!(pooled(Pool::Max).is_ok());
    // What layers need adds up: 16 times 2^23 is as much as may be, one more is too much.
    let mean = || Kind::Pool { pool: Pool::Average, window: Window::ONE, stride: Window::ONE, padding: Padding::Valid };
    let of = |layers: usize| built(&row((0..layers).map(|_| mean()).collect()), Shape::new(1, 4096, 2047, 1));
    assert!(of(16).is_ok());
    assert!(of(17).unwrap_err().to_string().contains("layer17: resizing and pooling need too much"));
}

/// 0.1 is no number of single precision: `0.1 x` is wrong by 1e-9 if it is taken for one. The reference computes in double.
#[test]
fn a_scale_keeps_the_digits_that_it_has() {
    for (scale, shift) in [(0.1, 0.0), (0.5, 0.0), (-3.0, 0.0), (0.1, 0.3), (1.0 / 255.0, 0.0)] {
        let found = values(&row(vec![Kind::Linear { scale, shift }]), IMAGE);
        for (i, value) in found.iter().enumerate() {
            let right = scale * (i as f64 + 1.0) + shift;
            assert!((value - right).abs() < 1e-14, "{scale} {shift}: {value}, not {right}");
        }
    }
}

#[test]
fn shapes_without_values_are_refused() {
    for shape in [&[0, -1][..], &[0, 12], &[12, 0], &[0], &[-1, 0, 2]] {
        assert!(built(&row(vec![Kind::Reshape(shape.to_vec())]), IMAGE).is_err(), "{shape:?}");
    }
}

/// Python's slices where their ends lie outside: `x[0::-1]` is the first alone, before the first there is nothing.
#[test]
fn slices_that_go_backwards_end_where_python_ends_them() {
    // Three columns of one row: 1, 2, 3.
    let line = Shape::new(1, 1, 3, 1);
    let sliced = |part: Part| row(vec![Kind::Slice(vec![Part::ALL, Part::ALL, part])]);
    for (part, right) in [
        (range(Some(0), None, -1), &[1.0][..]),
        (range(Some(-3), None, -1), &[1.0]),
        (range(Some(1), None, -1), &[2.0, 1.0]),
        (range(Some(9), Some(-9), -1), &[3.0, 2.0, 1.0]),
        (range(None, Some(0), -1), &[3.0, 2.0]),
        (range(None, Some(1), -2), &[3.0]),
        (range(Some(-2), None, 1), &[2.0, 3.0]),
        (range(Some(-9), Some(-1), 1), &[1.0, 2.0]),
        (Part::Index(-3), &[1.0]),
    ] {
        assert_eq!(values(&sliced(part), line), right, "{part:?}");
    }
    // x[-9::-1], x[:9:-1], x[:2:-1], x[3:], x[2:1]
    for part in [
        range(Some(-9), None, -1),
        range(None, Some(9), -1),
        range(None, Some(2), -1),
        range(Some(3), None, 1),
        range(Some(2), Some(1), 1),
    ] {
        let why = built(&sliced(part), line).unwrap_err().to_string();
        assert!(why.contains("nothing is left of an axis of length 3"), "{part:?}: {why}");
    }
    // No loader lets a step of 0 through; who builds a network by hand is told.
    let why = built(&sliced(range(None, None, 0)), line).unwrap_err().to_string();
    assert!(why.contains("every 0th place of an axis of length 3"), "{why}");
    // Of one column as well.
    assert_eq!(values(&sliced(range(None, None, -1)), Shape::new(1, 1, 1, 1)), [1.0]);
}

/// The second of two halves of four channels, of three pairs of six.
#[test]
fn equal_parts_are_as_long_as_they_are() {
    for (of, which, right) in [(2, 0, [1.0, 2.0, 3.0]), (2, 1, [4.0, 5.0, 6.0])] {
        let network = row(vec![Kind::Slice(vec![Part::Rest, Part::Share { which, of }])]);
        assert_eq!(values(&network, Shape::new(1, 1, 1, 6)), right);
    }
    let network = row(vec![Kind::Slice(vec![Part::Rest, Part::Share { which: 2, of: 3 }])]);
    assert_eq!(values(&network, Shape::new(1, 1, 1, 6)), [5.0, 6.0]);
}

/// A channel that is alone can go to another place without a value being moved.
#[test]
fn an_axis_of_length_1_is_moved_for_nothing() {
    let moved = |channels: usize| {
        let built = built(&row(vec![Kind::Permute(vec![3, 1, 2])]), Shape::new(1, 2, 3, channels)).unwrap();
        (matches!(built.graph[built.output].op, Op::Reshape(_)), built.graph.shape(built.output))
    };
    assert_eq!(moved(1), (true, Shape::new(1, 1, 2, 3)));
    assert_eq!(moved(2), (false, Shape::new(1, 2, 2, 3)));
    // What lies alike is not turned and turned back to be added.
    let mut network = network(vec![(Kind::Merge(Merge::Add), vec![0, 0])]);
    network.layers[0].channels_first = Some(true);
    let built = built(&network, IMAGE).unwrap();
    assert_eq!(built.graph.len(), 2);
}

/// Channels come first or last in an image alone: what has fewer axes stays as it is.
#[test]
fn only_images_are_turned() {
    for (shape, dims) in [(vec![12], vec![12]), (vec![3, 4], vec![3, 4])] {
        let mut network = row(vec![Kind::Reshape(shape), Kind::Identity]);
        network.layers[2].channels_first = Some(true);
        let (graph, outcomes) = unet::survey(&network, IMAGE).unwrap();
        let value = outcomes[2].value().unwrap();
        assert_eq!(value.dims(graph.shape(value.node)), dims);
    }
}

/// With channels first Keras' flatten takes the first axis for the channels, and they go last: of a 3 by 4 matrix the columns come
/// one after another.
#[test]
fn a_matrix_is_flattened_with_its_first_axis_last() {
    let flat = |channels_first: Option<bool>| {
        let mut network = row(vec![Kind::Reshape(vec![3, 4]), Kind::Flatten]);
        network.layers[2].channels_first = channels_first;
        values(&network, IMAGE)
    };
    // An image whose channels came first is turned once.
    let mut image = row(vec![Kind::Flatten]);
    image.layers.iter_mut().for_each(|layer| layer.channels_first = Some(true));
    let in_order: Vec<f64> = (1..=12).map(f64::from).collect();
    assert_eq!(values(&image, IMAGE), in_order);
    assert_eq!(flat(None), in_order);
    assert_eq!(flat(Some(false)), in_order);
    assert_eq!(flat(Some(true)), [1.0, 5.0, 9.0, 2.0, 6.0, 10.0, 3.0, 7.0, 11.0, 4.0, 8.0, 12.0]);
}
