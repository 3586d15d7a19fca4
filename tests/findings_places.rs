//! What the places of a map see, what filters answer, which ways are skips and how large images are: of networks so small that it can be
//! counted.

mod common;
#[path = "common/planted.rs"]
mod planted;

use approx::assert_relative_eq;
use planted::{conv, input, layer, network};
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::Backend;
use unet_lens::engine::ops::{Function, Window};
use unet_lens::engine::tensor::Shape;
use unet_lens::findings::probe::{Probe, Progress};
use unet_lens::findings::routes::{Skip, Split, skips};
use unet_lens::findings::size::image_shape;
use unet_lens::findings::spectrum::unevenness;
use unet_lens::findings::units::{Unit, units};
use unet_lens::findings::{Data, TunedWhere, measure};
use unet_lens::network::{Activation, Kind, Layer, Merge, Network, Padding};

/// One channel of one: a kernel of ones.
fn ones(name: &str, side: usize, input: usize) -> Layer {
    conv(name, side, (1, 1), |_, _| vec![1.0; side * side], &[0.0], Activation::Linear, input)
}

/// The transpose of such a convolution.
fn transpose(side: usize, stride: usize, dilation: usize, padding: Padding) -> Layer {
    let Kind::Conv2d { conv, activation } = ones("", side, 0).kind else { unreachable!() };
    let conv = unet_lens::network::Convolution {
        stride: Window::new(stride, stride),
        dilation: Window::new(dilation, dilation),
        padding,
        ..conv
    };
    let kind = Kind::ConvTranspose { conv, output_padding: None, activation };
    layer("transpose", "Conv2DTranspose", kind, vec![0])
}

fn unit(network: &Network, layer: usize, side: usize) -> Unit {
    units(network, &[layer], Shape::new(1, side, side, 1)).unwrap().2.remove(0)
}

/// Place `p` of a transposed convolution adds up what comes from places `r` where `p = stride r + dilation tap - before`, before being what
/// is cut off. A tap that would take from beside the map reads padding.
#[test]
fn transposed_convolutions_see_where_their_taps_come_from() {
    for (side, stride, dilation, padding, places, ring, sees) in [
        // From p - 2, p and p + 2 of nine; four are cut off, half of them before.
        (3, 1, 2, Padding::Same, 9, "##.....##", 5),
        // From a third of p - 4 to p. At 1 the tap of 4 would take from -1; at 2 those of 3 and 4 hit nothing.
        (5, 3, 1, Padding::Valid, 3, "##.......##", 2),
        // The same without its first place and its last.
        (5, 3, 1, Padding::Same, 3, "#.......#", 2),
        // Even places take from half of p, p - 2 and p - 4; odd ones from nowhere, and see what the place before them sees.
        (3, 2, 2, Padding::Valid, 4, "####....###", 3),
    ] {
        let network = network(vec![input(places, 1), transpose(side, stride, dilation, padding)]);
        let unit = unit(&network, 1, places);
        let of = |touches: &[bool]| touches.iter().map(|&t| if t { '#' } else { '.' }).collect::<String>();
        let what = format!("{side} with stride {stride} and dilation {dilation}, {padding:?}");
        assert_eq!((&*of(&unit.ring.0), &*of(&unit.ring.1)), (ring, ring), "{what}");
        let inside: Vec<usize> = (0..ring.len()).filter(|&p| &ring[p..=p] == ".").collect();
        assert_eq!((unit.inside.clone(), unit.tuned_where), ((inside.clone(), inside), TunedWhere::Inside), "{what}");
        assert_eq!(unit.receptive, sees, "{what}");
    }
}

/// Of pixels 2, 0 and -1 the weight -2 and the bias 1/2 make -3.5, 0.5 and 2.5.
#[test]
fn responses_before_and_after_every_activation() {
    let leaky = Activation::Pointwise(Function::LeakyRelu { slope: 0.25 });
    let of = |activation| conv("conv", 1, (1, 1), |_, _| vec![-2.0], &[0.5], activation, 0);
    let before = [-3.5, 0.5, 2.5];
    let sigmoid = |v: f32| 1.0 / (1.0 + (-v).exp());
    for (activation, after) in [
        (Activation::Linear, before),
        (Activation::Relu, [0.0, 0.5, 2.5]),
        (leaky, [-0.875, 0.5, 2.5]),
        (Activation::Sigmoid, before.map(sigmoid)),
    ] {
        let executor = common::open(Backend::Reference).unwrap();
        let mut network = network(vec![input(3, 1), of(activation)]);
        network.layers[0].kind = Kind::Input { h: Some(1), w: Some(3), c: 1 };
        let mut probe = Probe::new(&*executor, &network, &[1], Shape::new(1, 1, 3, 1)).unwrap();
        let cancel = Cancel::default();
        let mut watch = Watch { cancel: &cancel, progress: &mut |_, _| {} };
        let mut progress = Progress { watch: &mut watch, shown: 0, total: 1 };
        let mut heard = vec![];
        let see = &mut |_: &Unit, _: usize, _: usize, seen: unet_lens::findings::probe::Response| {
            heard.push((seen.before.to_vec(), seen.after.to_vec()));
        };
        probe.show(1, &|_| vec![2.0, 0.0, -1.0], &mut progress, see).unwrap();
        let (found_before, found_after) = heard.remove(0);
        for (found, expected) in found_before.iter().zip(before).chain(found_after.iter().zip(after)) {
            assert_relative_eq!(*found, expected, epsilon = 1e-6);
        }
    }
}

/// A tenth of the image and 2000: what gratings change is little beside 2000, but more than rounding, which would be seen against
/// how far the answers move, and not against how large they are.
#[test]
fn a_large_bias_does_not_hide_what_moves() {
    let network =
        network(vec![input(8, 1), conv("conv", 1, (1, 1), |_, _| vec![0.1], &[2000.0], Activation::Linear, 0)]);
    let executor = common::open(Backend::Cpu).unwrap();
    let cancel = Cancel::default();
    let mut watch = Watch { cancel: &cancel, progress: &mut |_, _| {} };
    let data = Data::nothing(&network).unwrap();
    let found = measure(&*executor, &network, &[1], &data, 0, &mut watch).unwrap();
    let filter = &found.layers[0].filters[0];
    // A grating's amplitude is sqrt(2) / 4, of which a tenth comes out, and half of that is R; from black to white it moves by a tenth.
    let tuning = filter.tuning.as_ref().unwrap();
    assert!(tuning.selectivity < 0.05, "{tuning:?}");
    assert_relative_eq!(tuning.level, 0.1 / (0.1 * 2f64.sqrt() / 4.0 / 2.0), max_relative = 0.02);
}

/// Where ways meet the one by the most convolutions goes on, however many other layers the others have.
#[test]
fn the_way_down_is_that_of_the_most_convolutions() {
    let nothing = |name: &str, input: usize| layer(name, "Dropout", Kind::Identity, vec![input]);
    let merge = |name: &str, merge: Merge, inputs: &[usize]| layer(name, "Add", Kind::Merge(merge), inputs.to_vec());
    let of = |last: Merge| {
        network(vec![
            input(4, 1),
            ones("conv", 3, 0),
            nothing("a", 0),
            nothing("b", 2),
            nothing("c", 3),
            merge("of no use", Merge::Add, &[0, 1]),
            merge("sum", last, &[1, 4]),
            ones("out", 1, 6),
        ])
    };
    for merge in [Merge::Add, Merge::Subtract, Merge::Average, Merge::Maximum, Merge::Minimum] {
        assert_eq!(skips(&of(merge)), [Skip { merge: 6, input: 1 }], "{merge:?}");
    }
    for merge in [Merge::Multiply, Merge::Divide] {
        assert_eq!(skips(&of(merge)), [], "{merge:?}");
    }
}

/// `(route . whole) / (whole . whole)` for the whole (3, 4), whose square is 25.
#[test]
fn a_routes_share_is_what_it_adds_along_the_whole() {
    let routes = vec![Some(vec![1.0, -0.5]), None, Some(vec![2.0, 4.5])];
    let shares = Split { routes, whole: vec![3.0, 4.0] }.shares().unwrap();
    for (share, by_hand) in shares.iter().zip([1.0 / 25.0, 0.0, 24.0 / 25.0]) {
        assert_relative_eq!(*share, by_hand, epsilon = 1e-12);
    }
    assert_eq!(Split { routes: vec![Some(vec![0.0; 2])], whole: vec![0.0; 2] }.shares(), None);
}

/// Images are halved where a pass takes more than 8e9 multiply-accumulates and what is left has 128 pixels a side.
#[test]
fn images_are_halved_above_eight_thousand_millions() {
    // 320 x 400 pixels, from one channel to 250 and to so many: 128000 (250 + 250 c).
    let of = |(h, w): (usize, usize), channels: usize| {
        let (first, second) = (|_: usize, _: usize| vec![1.0], |_: usize, _: usize| vec![1.0]);
        let mut network = network(vec![
            input(h, 1),
            conv("first", 1, (1, 250), first, &[0.0; 250], Activation::Relu, 0),
            conv("second", 1, (250, channels), second, &vec![0.0; channels], Activation::Relu, 1),
        ]);
        network.layers[0].kind = Kind::Input { h: Some(h), w: Some(w), c: 1 };
        let shape = image_shape(&network).unwrap();
        (shape.h, shape.w)
    };
    assert_eq!(of((320, 400), 249), (320, 400), "8e9 exactly");
    assert_eq!(of((320, 400), 250), (160, 200), "32 millions more");
    assert_eq!(of((255, 512), 249), (255, 512), "half of 255 is less than 128, though a pass takes 8.2e9");
    assert_eq!(of((256, 512), 249), (128, 256));
    // A network without convolutions does nothing that takes long.
    let none = network(vec![input(512, 1), layer("relu", "ReLU", Kind::Activation(Activation::Relu), vec![0])]);
    assert_eq!(image_shape(&none).unwrap(), Shape::new(1, 512, 512, 1));
}

/// Blocks whose energy lies in one channel and in their last rows alone, about a mean of nothing: 1, 2, 3 and 6 spread about 3 by the squares
/// 4, 1, 0 and 9, of which the sample's variance is 14/3.
#[test]
fn the_energy_of_a_block_is_that_of_all_its_channels() {
    for channels in [2, 3, 300] {
        let value = |i: usize| {
            let (r, s, c) = (i / channels / 32, i / channels % 32, i % channels);
            let energy: f32 = [[1.0, 2.0], [3.0, 6.0]][r / 16][s / 16];
            let sign = if s % 2 == 0 { 1.0 } else { -1.0 };
            if r % 16 >= 8 && s % 16 >= 8 && c + 1 == channels { sign * energy.sqrt() } else { 0.0 }
        };
        let picture: Vec<f32> = (0..32 * 32 * channels).map(value).collect();
        let found = unevenness(&picture, (32, 32), channels).unwrap();
        assert_relative_eq!(found, (14.0f64 / 3.0).sqrt() / 3.0, epsilon = 1e-6);
    }
}
