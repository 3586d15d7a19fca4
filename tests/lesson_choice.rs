//! Which filter is explained, and which are shown beside it: on maps that are reckoned by hand.

#[path = "common/layers.rs"]
mod layers;

use approx::assert_relative_eq;
use layers::{conv, convolution};
use unet_lens::engine::exec::reference::Reference;
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::lesson::explain::{Choice, Other, choose, default_layer, others};
use unet_lens::network::{Activation, Convolution, Kind, Network};

/// Named layers, one after the other, on an image of one channel.
fn network(layers: Vec<(&str, Kind)>) -> Network {
    let (names, kinds): (Vec<&str>, Vec<Kind>) = layers.into_iter().unzip();
    let mut network = layers::chain(1, kinds);
    network.layers[1..].iter_mut().zip(names).for_each(|(layer, name)| layer.name = name.to_string());
    network
}

fn tensor(h: usize, w: usize, values: impl IntoIterator<Item = f32>) -> Tensor {
    Tensor::new(Shape::new(1, h, w, 1), values.into_iter().collect())
}

/// Filters of 3 x 3 pixels side by side, each with its own nine weights.
fn filters(of: &[[f32; 9]], activation: Activation) -> Kind {
    let weights: Vec<f32> = (0..9).flat_map(|tap| of.iter().map(move |nine| nine[tap])).collect();
    conv(3, 1, of.len(), &weights, activation)
}

/// The pixel itself, so many times.
fn times(factor: f32) -> [f32; 9] {
    std::array::from_fn(|tap| if tap == 4 { factor } else { 0.0 })
}

/// Eight times the pixel less its neighbours, so many times: of an even image nothing but the border.
fn edge(factor: f32) -> [f32; 9] {
    std::array::from_fn(|tap| factor * if tap == 4 { 8.0 } else { -1.0 })
}

#[test]
fn the_layer_that_is_looked_at() {
    let one = || conv(1, 1, 1, &[1.0], Activation::Linear);
    let two = || conv(1, 1, 2, &[1.0, 2.0], Activation::Linear);
    let both = || conv(1, 2, 1, &[1.0, 2.0], Activation::Linear);
    let of = |layers: Vec<(&str, Kind)>| default_layer(&network(layers));
    // The last of several filters; the one of that name; of single filters the last.
    assert_eq!(of(vec![("a", two()), ("b", both()), ("c", two()), ("d", both())]), Some(3));
    assert_eq!(of(vec![("a", two()), ("uconv128", both()), ("c", two())]), Some(2));
    assert_eq!(of(vec![("a", one()), ("b", one())]), Some(2));
    assert_eq!(of(vec![("a", Kind::Identity)]), None);
}

#[test]
fn others_are_passed_over_for_one_with_something_to_see() {
    let choice = |filter: usize, zeros: f64| Choice { filter, image: tensor(1, 1, [0.0]), zeros, first_zeros: 0.75 };
    assert!(choice(2, 0.5).passed_over_others() && choice(1, 0.0).passed_over_others());
    assert!(!choice(2, 0.51).passed_over_others(), "it is the best of the bad");
    assert!(!choice(0, 0.25).passed_over_others() && !choice(0, 0.75).passed_over_others(), "nothing stands before it");
}

/// Of the values -3, -1, 2, 4: relu(x) has zeros at one half, relu(-x) too, relu(0) everywhere, relu(x - 3) at three.
#[test]
fn the_first_with_something_to_see() {
    let image = || tensor(1, 4, [-3.0, -1.0, 2.0, 4.0]);
    let bias = |k: f32| {
        let bias = Some(vec![0.0, -3.0, k, 0.0].into());
        let conv = Convolution { bias, ..convolution(1, 1, 4, &[0.0, 1.0, 1.0, -1.0]) };
        network(vec![("conv", Kind::Conv2d { conv, activation: Activation::Relu })])
    };
    let chosen = |network: &Network| choose(&Reference::default(), network, 1, |_| image()).unwrap();
    let third = chosen(&bias(0.0));
    assert_eq!((third.filter, third.zeros, third.first_zeros), (2, 0.5, 1.0));
    assert!(third.passed_over_others() && third.image == image());
    let fourth = chosen(&bias(-3.0));
    assert_eq!((fourth.filter, fourth.zeros, fourth.first_zeros), (3, 0.5, 1.0));
}

/// What is told of a map, from the map: its ring is the first and last row and the first and last column.
fn told(other: &Other, (h, w): (usize, usize)) -> (f64, f64, f64) {
    let (mut ring, mut all, mut pixels) = (0.0, 0.0, 0);
    for (r, s) in (0..h).flat_map(|r| (0..w).map(move |s| (r, s))) {
        let v = f64::from(other.map.data[r * w + s].abs());
        all += v;
        if r == 0 || s == 0 || r == h - 1 || s == w - 1 {
            ring += v;
            pixels += 1;
        }
    }
    (if all == 0.0 { 0.0 } else { ring / all }, pixels as f64 / (h * w) as f64, ring / pixels as f64)
}

/// The filter's own map is the image, or three times it. Of the 7 x 5 pixels 20 lie in the ring.
#[test]
fn the_ring_of_a_map_by_hand() {
    let network = network(vec![("conv", filters(&[times(1.0), times(-3.0)], Activation::Linear))]);
    for (h, w) in [(7, 5), (5, 7), (3, 9), (1, 4), (2, 2)] {
        let image = tensor(h, w, (0..h * w).map(|i| (i * 13 % 17) as f32 - 5.0));
        for (filter, factor) in [(0, 1.0), (1, -3.0)] {
            let found = others(&Reference::default(), &network, (1, filter), &image).unwrap();
            let own = &found.own;
            assert_eq!((&own.layer[..], own.filter, own.map.shape), ("conv", filter, image.shape));
            assert_eq!(own.map.data, image.data.iter().map(|v| v * factor).collect::<Vec<f32>>());
            let (border, ring, brightness) = told(own, (h, w));
            assert_relative_eq!(own.border, border, epsilon = 1e-12);
            assert_relative_eq!(own.ring, ring, epsilon = 1e-12);
            assert_relative_eq!(own.brightness, brightness, epsilon = 1e-12);
        }
    }
    // Ones: as much in the ring as it is large. Of the pixels alone inside: nothing.
    let ones = others(&Reference::default(), &network, (1, 1), &tensor(7, 5, [1.0; 35])).unwrap().own;
    assert_relative_eq!(ones.border, 20.0 / 35.0, epsilon = 1e-12);
    assert_eq!((ones.ring, ones.brightness), (20.0 / 35.0, 3.0));
    let middle = tensor(7, 5, (0..35).map(|i| if i == 17 { 2.0 } else { 0.0 }));
    let middle = others(&Reference::default(), &network, (1, 0), &middle).unwrap().own;
    assert_eq!((middle.border, middle.brightness), (0.0, 0.0));
}

/// Of an even image of 12 x 16 pixels an edge filter answers in the ring alone, which is 52 of 192 pixels: more than three times its
/// share. The brightest of them is shown, but not the one that is explained.
#[test]
fn the_brightest_border_is_shown() {
    let all = [times(1.0), edge(1.0), edge(3.0), edge(-2.0)];
    let network = network(vec![("conv", filters(&all, Activation::Linear))]);
    let even = |h: usize, w: usize| tensor(h, w, vec![0.5; h * w]);
    let found = |filter: usize, image: &Tensor| others(&Reference::default(), &network, (1, filter), image).unwrap();
    let border = |filter: usize| found(filter, &even(12, 16)).border.map(|border| border.filter);
    assert_eq!([0, 1, 2, 3].map(border), [Some(2), Some(2), Some(3), Some(2)]);
    let bright = found(0, &even(12, 16)).border.unwrap();
    assert_eq!((bright.border, bright.ring), (1.0, 52.0 / 192.0));
    // Where three, five outside: 3 half's times 3 along the edges, 5 in the corners; 48 and 4 pixels.
    assert_relative_eq!(bright.brightness, 3.0 * 0.5 * (48.0 * 3.0 + 4.0 * 5.0) / 52.0, epsilon = 1e-6);
    // Of 12 x 10 pixels the ring is a third: all of the answer is just three times as much, and not more.
    assert!(found(0, &even(12, 10)).border.is_none() && found(0, &even(12, 11)).border.is_some());
    assert!(found(0, &even(3, 3)).border.is_none());
}

/// A filter that answers nowhere is dead if its gradient is zero, too: of the layer, else of another.
#[test]
fn a_dead_filter_to_look_at() {
    let relu = |weights: &[f32]| conv(1, 1, weights.len(), weights, Activation::Relu);
    let image = tensor(4, 3, (1..=12).map(|v| v as f32));
    let of = |network: &Network, layer: usize| others(&Reference::default(), network, (layer, 0), &image).unwrap();
    // Below zero a relu lets nothing through.
    let own = of(&network(vec![("first", relu(&[1.0, 2.0, -1.0]))]), 1);
    let (dead, gradient) = own.dead.unwrap();
    assert_eq!((&dead.layer[..], dead.filter, dead.border, dead.brightness), ("first", 2, 0.0, 0.0));
    assert!(dead.map.data.iter().chain(&gradient.data).all(|&v| v == 0.0) && gradient.shape == image.shape);
    // Of the layer itself there is none, of the one before there is.
    let two = network(vec![
        ("first", relu(&[1.0, -1.0])),
        ("second", conv(1, 2, 2, &[1.0, 2.0, 0.5, 1.0], Activation::Relu)),
    ]);
    let (dead, _) = of(&two, 2).dead.unwrap();
    assert_eq!((&dead.layer[..], dead.filter), ("first", 1));
    assert_eq!(of(&two, 1).dead.unwrap().0.layer, "first");
    // None at all.
    let alive = network(vec![("first", relu(&[1.0, 2.0])), ("second", conv(1, 2, 1, &[1.0, 2.0], Activation::Relu))]);
    assert!(of(&alive, 1).dead.is_none() && of(&alive, 2).dead.is_none());
    // A filter whose answer is zero here, but would not stay so: it is silent and not dead.
    let silent = network(vec![("first", conv(1, 1, 2, &[1.0, 2.0], Activation::Linear))]);
    let black = Tensor::zeros(image.shape);
    assert!(others(&Reference::default(), &silent, (1, 0), &black).unwrap().dead.is_none());
}
