//! Slim networks of a few layers: what a layer makes of a channel that is one number, against a network whose channel is that
//! number since its filter is zero and its bias the number.

#[path = "common/layers.rs"]
mod layers;

use unet_lens::engine::exec::reference::evaluate;
use unet_lens::engine::ops::{Function, Kernel, Sides, Window};
use unet_lens::engine::tensor::{Shape, Tensor64};
use unet_lens::network::slim::{Gone, Slim, slim};
use unet_lens::network::{Activation, Convolution, Interpolation, Kind, Merge, Network, Padding, Pool, Size, unet};

const IMAGE: Shape = Shape { n: 1, h: 4, w: 4, c: 1 };

fn network(kinds: Vec<(Kind, Vec<usize>)>) -> Network {
    layers::network(Kind::Input { h: Some(4), w: Some(4), c: 1 }, kinds)
}

fn kernel(side: usize, ci: usize, co: usize) -> Kernel {
    let values: Vec<f32> = (0..side * side * ci * co).map(|i| ((i * 7) % 5) as f32 * 0.25 - 0.4).collect();
    Kernel::new(side, side, ci, co, values.into()).unwrap()
}

fn convolution(kernel: Kernel, bias: &[f32]) -> Convolution {
    Convolution { bias: Some(bias.into()), ..layers::plain(kernel) }
}

/// Three filters of one pixel; the second is zero if it is to be one number, its bias.
fn first(constant: Option<f32>, activation: Activation) -> Kind {
    let values = [0.5, if constant.is_some() { 0.0 } else { 0.75 }, -0.25];
    let conv = convolution(Kernel::new(1, 1, 1, 3, values[..].into()).unwrap(), &[0.1, constant.unwrap_or(0.2), 0.3]);
    Kind::Conv2d { conv, activation }
}

/// Reaches over the border, where there is nothing.
fn last(ci: usize) -> Kind {
    Kind::Conv2d { conv: convolution(kernel(3, ci, 2), &[0.5, -0.5]), activation: Activation::Linear }
}

fn values(network: &Network) -> Vec<f64> {
    let built = unet::graph_to(network, network.output, None, IMAGE).unwrap();
    let x = Tensor64 { shape: IMAGE, data: (0..16).map(|i| f64::from(i % 7) * 0.2 - 0.5).collect() };
    evaluate(&built.graph, &[(built.image, &x)], &[built.output]).remove(0).data
}

fn slimmed(network: &Network, gone: &[(usize, usize, f64)]) -> Slim {
    let mut all = Gone::new();
    gone.iter().for_each(|&(layer, channel, value)| all.entry(layer).or_default().push((channel, value)));
    slim(network, &all).unwrap()
}

/// With the second channel of the first layer gone the network computes the same, and is no longer as wide.
fn check(layers: impl Fn(Kind) -> Vec<(Kind, Vec<usize>)>, activation: Activation, bias: f32, value: f64, case: &str) {
    let (whole, right) = (network(layers(first(None, activation))), network(layers(first(Some(bias), activation))));
    let slim = slimmed(&whole, &[(1, 1, value)]);
    assert!(slim.kept.is_empty(), "{case}: {:?}", slim.kept);
    let (found, right) = (values(&slim.network), values(&right));
    let largest = right.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    assert_eq!(found.len(), right.len(), "{case}");
    assert!(found.iter().zip(&right).all(|(a, b)| (a - b).abs() <= 1e-5 * largest), "{case}: {found:?}, not {right:?}");
    // A kernel of zeros with the bias 1 stands for what is gone; so of three filters there are two and that one.
    let Kind::Conv2d { conv, .. } = &slim.network.layers[1].kind else { panic!("{case}") };
    assert_eq!((conv.kernel.values()[2], conv.bias.as_ref().unwrap()[2]), (0.0, 1.0), "{case}");
}

/// Layers that make of a number another number, the same at every pixel.
fn followed() -> Vec<Kind> {
    let two = Window::new(2, 2);
    let pool = |pool, padding| Kind::Pool { pool, window: Window::new(3, 3), stride: two, padding };
    let mut kinds = vec![
        Kind::Identity,
        Kind::Linear { scale: -1.5, shift: 0.25 },
        Kind::BatchNorm { axis: -1, scale: [2.0, -3.0, 0.5].into(), shift: [0.1, 0.2, 0.3].into() },
        Kind::BatchNorm { axis: 3, scale: [2.0, -3.0, 0.5].into(), shift: [0.1, 0.2, 0.3].into() },
        pool(Pool::Max, Padding::Same),
        pool(Pool::Average, Padding::Same),
        pool(Pool::Max, Padding::Valid),
        Kind::Upsample { h: 2, w: 1 },
        Kind::Resize { to: Size::Pixels(Window::new(5, 3)), by: Interpolation::Bilinear },
        Kind::Crop(Sides { top: 1, bottom: 0, left: 0, right: 1 }),
    ];
    kinds.extend(
        [
            Activation::Linear,
            Activation::Relu,
            Activation::Sigmoid,
            Activation::Clip { least: -0.5, most: 0.4 },
            Activation::Clip { least: 0.4, most: 0.4 },
            Activation::Clip { least: 0.9, most: 2.0 },
            Activation::Clip { least: -0.2, most: f64::INFINITY },
            Activation::Pointwise(Function::Tanh),
            Activation::Pointwise(Function::Elu { alpha: 1.0 }),
            Activation::Pointwise(Function::Exp),
        ]
        .map(Kind::Activation),
    );
    kinds
}

#[test]
fn a_number_is_followed_through_what_makes_it_another() {
    for value in [0.625f32, -1.25, 0.0] {
        for kind in followed() {
            let case = format!("{value}: {kind:?}");
            let layers = |first| vec![(first, vec![0]), (kind.clone(), vec![1]), (last(3), vec![2])];
            check(layers, Activation::Linear, value, f64::from(value), &case);
        }
    }
}

/// What it is after the layer's own activation is what is said of it.
#[test]
fn the_layers_own_activation_comes_before() {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    for (activation, bias, value) in [
        (Activation::Sigmoid, 0.5, sigmoid(0.5)),
        (Activation::Sigmoid, -2.0, sigmoid(-2.0)),
        (Activation::Relu, 0.75, 0.75),
        (Activation::Relu, -0.75, 0.0),
        (Activation::Clip { least: 0.0, most: 0.5 }, 3.0, 0.5),
        (Activation::Pointwise(Function::Tanh), 0.5, 0.5f64.tanh()),
    ] {
        let layers = |first| vec![(first, vec![0]), (last(3), vec![1])];
        check(layers, activation, bias, value, &format!("{activation:?} {bias}"));
    }
}

/// Those that read several channels: a dense layer, a transposed convolution, and what is laid side by side.
#[test]
fn whatever_reads_channels_gets_the_numbers() {
    let dense =
        |ci| Kind::Dense { kernel: kernel(1, ci, 2), bias: Some([0.5, 0.25].into()), activation: Activation::Relu };
    let transposed = Kind::ConvTranspose {
        conv: Convolution { stride: Window::new(2, 2), ..convolution(kernel(3, 2, 3), &[0.5, -0.5]) },
        output_padding: None,
        activation: Activation::Linear,
    };
    for kind in [dense(3), transposed] {
        let layers = |first| vec![(first, vec![0]), (kind.clone(), vec![1]), (last(2), vec![2])];
        check(layers, Activation::Linear, 0.625, 0.625, &format!("{kind:?}"));
    }
    for axis in [-1, 3] {
        let layers = |first| vec![(first, vec![0]), (Kind::Concat { axis }, vec![0, 1, 1]), (last(7), vec![2])];
        check(layers, Activation::Linear, 0.625, 0.625, "side by side");
    }
}

/// Filters of a transposed convolution go like others: those of its kernel's inputs.
#[test]
fn filters_of_a_transposed_convolution_go() {
    let of = |second: f32| {
        let kernel = Kernel::new(1, 1, 3, 1, [0.5, second, 0.75][..].into()).unwrap();
        let conv = convolution(kernel, &[0.1, 0.625, 0.3]);
        Kind::ConvTranspose { conv, output_padding: None, activation: Activation::Linear }
    };
    let whole = network(vec![(of(-0.25), vec![0]), (last(3), vec![1])]);
    let right = values(&network(vec![(of(0.0), vec![0]), (last(3), vec![1])]));
    let slim = slimmed(&whole, &[(1, 1, 0.625)]);
    assert!(slim.kept.is_empty(), "{:?}", slim.kept);
    let found = values(&slim.network);
    assert!(found.iter().zip(&right).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}, not {right:?}");
    assert_eq!(unet::filters(&slim.network, 1), 3);
}

/// How many layers are kept whole, and why the first is.
fn kept(network: &Network, gone: &[(usize, usize, f64)]) -> Vec<(usize, String)> {
    let slim = slimmed(network, gone);
    if slim.kept.len() == gone.len() {
        assert_eq!(values(&slim.network), values(network));
    }
    slim.kept
}

#[test]
fn what_cannot_be_followed_is_kept_and_said() {
    let through = "constants cannot be followed through layer2 (Class)";
    let pointwise = |function| Kind::Activation(Activation::Pointwise(function));
    let positive = Activation::Clip { least: 0.25, most: f64::INFINITY };
    for kind in [
        Kind::Softmax { axes: vec![-1] },
        Kind::Activation(Activation::Softmax),
        Kind::Activation(Activation::Square),
        pointwise(Function::Log),
        pointwise(Function::Sqrt),
        pointwise(Function::Reciprocal),
        // What stands for all that are gone, 1, would be nothing, or more than any number.
        Kind::Linear { scale: 1.0, shift: -1.0 },
        Kind::Activation(Activation::Clip { least: -1.0, most: 0.0 }),
        Kind::BatchNorm { axis: 1, scale: [1.0; 4].into(), shift: [0.0; 4].into() },
        Kind::Merge(Merge::Add),
    ] {
        let inputs = if matches!(kind, Kind::Merge(_)) { vec![1, 1] } else { vec![1] };
        let case = format!("{kind:?}");
        let network = network(vec![(first(None, positive), vec![0]), (kind, inputs), (last(3), vec![2])]);
        assert_eq!(kept(&network, &[(1, 1, 0.5)]), [(1, through.to_string())], "{case}");
    }
    // Nor is a branch that cannot be computed.
    let nothing = Kind::Activation(Activation::Clip { least: 2.0, most: 1.0 });
    let branch = network(vec![(first(None, positive), vec![0]), (nothing, vec![1]), (last(3), vec![1])]);
    assert_eq!(kept(&branch, &[(1, 1, 0.5)]), [(1, through.to_string())]);
    let network = network(vec![
        (first(None, Activation::Linear), vec![0]),
        (Kind::Linear { scale: 1e308, shift: 1e308 }, vec![1]),
        (last(3), vec![2]),
    ]);
    assert_eq!(slimmed(&network, &[(1, 1, 0.5)]).kept, [(1, through.to_string())]);
}

/// Only of a convolution without groups can channels go.
#[test]
fn of_other_layers_no_channel_goes() {
    let none = "no constant can stand for its channels: it has groups, or an activation of several channels";
    let linear = || (first(None, Activation::Linear), vec![0]);
    let grouped = || Convolution { groups: 3, ..convolution(kernel(1, 1, 3), &[0.1, 0.2, 0.3]) };
    let other: Vec<Kind> = vec![
        Kind::Identity,
        Kind::Activation(Activation::Relu),
        Kind::Linear { scale: 2.0, shift: 1.0 },
        Kind::Dense { kernel: kernel(1, 3, 3), bias: None, activation: Activation::Linear },
        Kind::Conv2d { conv: grouped(), activation: Activation::Linear },
        Kind::ConvTranspose { conv: grouped(), output_padding: None, activation: Activation::Linear },
        Kind::Conv2d { conv: convolution(kernel(1, 3, 3), &[0.0; 3]), activation: Activation::Softmax },
    ];
    for kind in other {
        let case = format!("{kind:?}");
        let network = network(vec![linear(), (kind, vec![1]), (last(3), vec![2])]);
        assert_eq!(kept(&network, &[(2, 1, 0.5)]), [(2, none.to_string())], "{case}");
        // So it is when its input is no longer whole, be that kept or not.
        let both = slimmed(&network, &[(1, 1, 0.5), (2, 1, 0.5)]).kept;
        assert!(both.iter().any(|(layer, why)| *layer == 2 && why == none), "{case}: {both:?}");
    }
}

/// Groups are not looked through either: what they read is kept.
#[test]
fn what_is_read_in_groups_is_kept() {
    let grouped = || Convolution { groups: 3, ..convolution(kernel(1, 1, 3), &[0.1, 0.2, 0.3]) };
    for kind in [
        Kind::Conv2d { conv: grouped(), activation: Activation::Linear },
        Kind::ConvTranspose { conv: grouped(), output_padding: None, activation: Activation::Linear },
    ] {
        let network = network(vec![(first(None, Activation::Linear), vec![0]), (kind, vec![1]), (last(3), vec![2])]);
        let why = "constants cannot be followed through layer2 (Class)".to_string();
        assert_eq!(kept(&network, &[(1, 1, 0.5)]), [(1, why)]);
    }
}
