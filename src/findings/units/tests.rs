//! Convolutions of small networks, and what can be said of their places by counting.

use super::*;
use crate::engine::ops::Kernel;
use crate::network::{Array, Convolution, Interpolation, Layer, Padding, Pool, Size};

/// A unit of a map of this shape whose tuning is read at these places, with this ring.
pub(in crate::findings) fn unit(
    shape: Shape,
    inside: (Vec<usize>, Vec<usize>),
    ring: (Vec<bool>, Vec<bool>),
    stride: f64,
) -> Unit {
    Unit {
        layer: 1,
        name: String::new(),
        before: NodeId(0),
        after: NodeId(1),
        below: Below::Cut,
        after_is_own: true,
        is_plain_relu: true,
        shape,
        depth: 1,
        stride,
        receptive: 3,
        decoder: false,
        tuned_where: TunedWhere::Inside,
        inside,
        ring,
    }
}

/// A network of layers in a row, but for those that name their inputs.
pub(in crate::findings) fn network(layers: Vec<(Kind, Option<Vec<usize>>)>) -> Network {
    let layer = |(i, (kind, inputs)): (usize, (Kind, Option<Vec<usize>>))| Layer {
        name: format!("layer{i}"),
        class: String::new(),
        inputs: inputs.unwrap_or_else(|| (i > 0).then(|| i - 1).into_iter().collect()),
        kind,
        channels_first: None,
        trainable: 0,
        non_trainable: 0,
    };
    let layers: Vec<Layer> = layers.into_iter().enumerate().map(layer).collect();
    let output = layers.len() - 1;
    Network { name: String::new(), file: String::new(), layers, output, warnings: vec![] }
}

pub(in crate::findings) fn input(h: usize, w: usize) -> Kind {
    Kind::Input { h: Some(h), w: Some(w), c: 1 }
}

fn convolution(side: usize, (ci, co): (usize, usize), padding: Padding) -> Convolution {
    let values: Vec<f32> = (0..side * side * ci * co).map(|i| 0.5 + (i % 7) as f32).collect();
    Convolution {
        kernel: Kernel::new(side, side, ci, co, values.into()).unwrap(),
        bias: None,
        stride: Window::ONE,
        padding,
        dilation: Window::ONE,
        groups: 1,
    }
}

/// From so many channels to so many, with padding.
pub(in crate::findings) fn conv(side: usize, channels: (usize, usize), activation: Activation) -> Kind {
    Kind::Conv2d { conv: convolution(side, channels, Padding::Same), activation }
}

pub(in crate::findings) fn max_pool() -> Kind {
    let two = Window::new(2, 2);
    Kind::Pool { pool: Pool::Max, window: two, stride: two, padding: Padding::Valid }
}

fn units_of(network: &Network, layers: &[usize], (h, w): (usize, usize)) -> Vec<Unit> {
    units(network, layers, Shape::new(1, h, w, 1)).unwrap().2
}

fn norm(channels: usize) -> Kind {
    Kind::BatchNorm { axis: -1, scale: vec![1.0; channels].into(), shift: vec![0.0; channels].into() }
}

const LEAKY: Activation = Activation::Pointwise(Function::LeakyRelu { slope: 0.1 });

#[test]
fn places_are_counted_on_the_way_down_and_up() {
    let valid = Kind::Conv2d { conv: convolution(3, (3, 1), Padding::Valid), activation: LEAKY };
    let network = network(vec![
        (input(12, 16), None),
        (conv(3, (1, 2), Activation::Relu), None),
        (max_pool(), None),
        (conv(3, (2, 3), Activation::Linear), None),
        (norm(3), None),
        (Kind::Identity, None),
        (Kind::Activation(Activation::Relu), None),
        (Kind::Upsample { h: 2, w: 2 }, None),
        (valid, None),
    ]);
    let units = units_of(&network, &[1, 3, 8], (12, 16));
    let range = |range: std::ops::Range<usize>| range.collect::<Vec<usize>>();
    let ends = |n: usize| (0..n).map(|i| i == 0 || i == n - 1).collect::<Vec<bool>>();
    // A place of the second convolution sees three places of the pool, six of the first convolution, eight pixels; one of the last
    // lies on two of the second's, ten pixels. What sees padding, or something that does, is left out on each side.
    let expected = [
        (1, (12, 16, 2), 1, 1.0, 3, false, Below::Cut, true, (range(1..11), range(1..15))),
        (3, (6, 8, 3), 2, 2.0, 8, false, Below::Cut, false, (range(2..4), range(2..6))),
        (8, (10, 14, 1), 3, 1.2, 10, true, Below::Bent, true, (range(4..6), range(4..10))),
    ];
    for (unit, (layer, (h, w, c), depth, stride, receptive, decoder, below, own, inside)) in units.iter().zip(expected)
    {
        assert_eq!((unit.layer, unit.shape, unit.filters()), (layer, Shape::new(1, h, w, c), c));
        assert_eq!((unit.depth, unit.stride, unit.receptive, unit.decoder), (depth, stride, receptive, decoder));
        assert_eq!((unit.below, unit.after_is_own, unit.tuned_where), (below, own, TunedWhere::Inside));
        assert_eq!(unit.inside, inside);
        // Each is padded by a place on each side; the last, which is not, has its outermost places.
        assert_eq!(unit.ring, (ends(h), ends(w)));
        assert_eq!(unit.is_plain_relu, below == Below::Cut);
        assert!(unit.before != unit.after && unit.name == format!("layer{layer}"));
        assert!(unit.touches(0, 2) && unit.touches(2, 0) && !unit.touches(2, 2));
    }
    let deep = units_of(&network, &[3], (12, 16)).remove(0);
    assert_eq!((deep.shape, deep.inside), (units[1].shape, units[1].inside.clone()), "whatever else is measured");
}

#[test]
fn where_every_place_sees_the_border_the_middle_is_read() {
    for (n, middle) in [(1, 0..1), (2, 0..2), (3, 1..2), (8, 3..5), (16, 6..10)] {
        let network = network(vec![(input(n, n), None), (conv(33, (1, 1), Activation::Relu), None)]);
        let unit = units_of(&network, &[1], (n, n)).remove(0);
        let middle: Vec<usize> = middle.collect();
        assert_eq!((unit.tuned_where, unit.inside.clone()), (TunedWhere::Middle, (middle.clone(), middle)), "of {n}");
        assert_eq!(unit.receptive, n);
        assert_eq!(unit.ring.0, (0..n).map(|i| i == 0 || i + 1 == n).collect::<Vec<bool>>());
    }
    // One side alone is enough.
    let network = network(vec![(input(40, 8), None), (conv(9, (1, 1), Activation::Relu), None)]);
    let unit = units_of(&network, &[1], (40, 8)).remove(0);
    assert_eq!((unit.tuned_where, unit.inside), (TunedWhere::Middle, ((15..25).collect(), vec![3, 4])));
    // Rows 0 to 3 and 36 to 39 touch the border; of the columns all do, so that only the outermost count.
    assert_eq!(unit.ring.0, (0..40).map(|i| !(4..36).contains(&i)).collect::<Vec<bool>>());
    assert_eq!(unit.ring.1, (0..8).map(|i| i == 0 || i == 7).collect::<Vec<bool>>());
}

#[test]
fn of_many_places_32_are_read_evenly() {
    let network = network(vec![(input(34, 80), None), (conv(3, (1, 1), Activation::Relu), None)]);
    let (rows, columns) = units_of(&network, &[1], (34, 80)).remove(0).inside;
    assert_eq!(rows, (1..33).collect::<Vec<usize>>());
    assert!(columns.len() == 32 && columns[0] == 1 && columns[31] == 1 + 31 * 78 / 32);
    assert!(columns.windows(2).all(|two| [2, 3].contains(&(two[1] - two[0]))), "{columns:?}");
}

#[test]
fn the_activation_is_the_next_but_for_norms() {
    let linear = || (conv(1, (1, 2), Activation::Linear), None);
    let then = |next: Vec<(Kind, Option<Vec<usize>>)>| {
        let layers = [vec![(input(4, 4), None), linear()], next].concat();
        let unit = units_of(&network(layers), &[1], (4, 4)).remove(0);
        (unit.below, unit.after != unit.before, unit.after_is_own, unit.is_plain_relu)
    };
    let activation = |activation: Activation| (Kind::Activation(activation), None);
    let alpha = Array { shape: vec![1, 1, 2], data: vec![0.25, 0.5].into() };
    let none = (Below::Nothing, false, true, false);
    assert_eq!(then(vec![activation(Activation::Relu)]), (Below::Cut, true, false, true));
    assert_eq!(then(vec![(Kind::PRelu { alpha }, None)]), (Below::Bent, true, false, false));
    assert_eq!(then(vec![(norm(2), None), activation(LEAKY)]), (Below::Bent, true, false, false));
    assert_eq!(
        then(vec![(Kind::Identity, None), activation(Activation::Sigmoid)]),
        (Below::Nothing, true, false, false)
    );
    for other in [Activation::Softmax, Activation::LogSoftmax, Activation::Linear] {
        assert_eq!(then(vec![activation(other)]), none, "{other:?} is none of a filter's own");
    }
    assert_eq!(then(vec![(max_pool(), None), activation(Activation::Relu)]), none);
    assert_eq!(then(vec![]), none);
    // Of two that read it neither is its activation.
    let relu = || Kind::Activation(Activation::Relu);
    let sum = (Kind::Merge(crate::network::Merge::Add), Some(vec![2, 3]));
    assert_eq!(then(vec![(relu(), None), (relu(), Some(vec![1])), sum]), none);
}

#[test]
fn what_becomes_of_values_below_zero() {
    let relu = |slope: f32, threshold: f32| Function::Relu { slope, threshold, max: 6.0 };
    let of = |activation: Activation| {
        let kinds = [
            conv(1, (1, 1), activation),
            Kind::Activation(activation),
            Kind::ConvTranspose { conv: convolution(1, (1, 1), Padding::Same), output_padding: None, activation },
            Kind::Separable {
                depthwise: convolution(1, (1, 1), Padding::Same),
                pointwise: convolution(1, (1, 1), Padding::Same),
                activation,
            },
        ];
        let all = kinds.map(|kind| below(&kind));
        assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
        all[0]
    };
    for (activation, expected) in [
        (Activation::Relu, Below::Cut),
        (Activation::Clip { least: 0.0, most: 6.0 }, Below::Cut),
        (Activation::Clip { least: -1.0, most: 6.0 }, Below::Nothing),
        (Activation::Pointwise(relu(0.0, 0.0)), Below::Cut),
        (Activation::Pointwise(relu(0.1, 0.0)), Below::Bent),
        (Activation::Pointwise(relu(0.0, 1.0)), Below::Nothing),
        (LEAKY, Below::Bent),
        (Activation::Pointwise(Function::Elu { alpha: 1.0 }), Below::Bent),
        (Activation::Pointwise(Function::Selu), Below::Bent),
        (Activation::Pointwise(Function::Silu), Below::Nothing),
        (Activation::Sigmoid, Below::Nothing),
        (Activation::Linear, Below::Nothing),
    ] {
        assert_eq!(of(activation), expected, "{activation:?}");
    }
    assert_eq!(below(&max_pool()), Below::Nothing);
}

#[test]
fn depth_is_the_longest_way_and_the_decoder_begins_where_maps_grow() {
    let two = Window::new(2, 2);
    let transpose = |stride: Window| Kind::ConvTranspose {
        conv: Convolution { stride, ..convolution(2, (1, 1), Padding::Same) },
        output_padding: None,
        activation: Activation::Relu,
    };
    let relu = |channels: (usize, usize)| conv(1, channels, Activation::Relu);
    for (enlarges, kind, channels) in [
        (true, Kind::Upsample { h: 2, w: 2 }, 4),
        (true, Kind::Resize { to: Size::Factor(two), by: Interpolation::Nearest }, 4),
        (true, Kind::DepthToSpace(2), 1),
        (false, Kind::Identity, 4),
        (false, norm(4), 4),
    ] {
        let network = network(vec![
            (input(4, 4), None),
            (relu((1, 1)), None),
            (relu((1, 4)), None),
            (kind, None),
            (relu((channels, 1)), None),
            // A skip around two of them, and one convolution that is no part of it.
            (Kind::Concat { axis: -1 }, Some(if enlarges { vec![4, 4] } else { vec![0, 4] })),
            (relu((2, 1)), None),
        ]);
        let units = units_of(&network, &[1, 2, 4, 6], (4, 4));
        assert_eq!(units.iter().map(|unit| unit.depth).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(units.iter().map(|unit| unit.decoder).collect::<Vec<_>>(), [false, false, enlarges, enlarges]);
    }
    for (stride, decoder) in [(two, true), (Window::ONE, false)] {
        let network = network(vec![
            (input(4, 4), None),
            (transpose(stride), None),
            (relu((1, 1)), None),
            (relu((1, 1)), Some(vec![0])),
        ]);
        let decoders = units_of(&network, &[1, 2, 3], (4, 4)).iter().map(|unit| unit.decoder).collect::<Vec<_>>();
        assert_eq!(
            decoders,
            [decoder, decoder, false],
            "what a transpose enlarges comes after it, and the transpose is of it"
        );
    }
}
