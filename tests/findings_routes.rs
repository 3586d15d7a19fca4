//! Routes of a gradient through the U: they sum up to the whole, and their shares are those that can be reckoned by hand.

mod common;
#[path = "common/layers.rs"]
mod layers;

use approx::assert_relative_eq;
use common::{difference, network, open};
use rand::RngExt;
use unet_lens::engine::exec::{Backend, Executor};
use unet_lens::engine::random::stream;
use unet_lens::engine::tensor::Shape;
use unet_lens::findings::routes::{Routes, Skip, skips};
use unet_lens::network::{Activation, Kind, Merge, Network, unet};

fn executors() -> Vec<Box<dyn Executor>> {
    [Backend::Cpu, Backend::Reference, Backend::Gpu].into_iter().filter_map(open).collect()
}

fn noise(shape: Shape) -> Vec<f32> {
    let mut rng = stream(5, "image", 0);
    (0..shape.len()).map(|_| rng.random::<f32>() * 2.0).collect()
}

/// The routes of some filters of every layer sum up to the whole gradient, on every executor.
fn sums_up(name: &str, network: &Network, size: Option<(usize, usize)>) {
    let shape = match size {
        Some((h, w)) => Shape::new(1, h, w, unet::image_channels(network).unwrap()),
        None => unet::image_shape(network, &[network.output], None).unwrap(),
    };
    let image = noise(shape);
    assert!(!skips(network).is_empty(), "{name} has no skips");
    for executor in executors() {
        for layer in unet::convolutions(network) {
            let filters: Vec<usize> = (0..unet::filters(network, layer).min(2)).collect();
            let mut routes = Routes::new(&*executor, network, layer, &filters, shape).unwrap();
            for split in routes.split(&image).unwrap() {
                let mut sum = vec![0.0; split.whole.len()];
                for route in split.routes.iter().flatten() {
                    sum.iter_mut().zip(route).for_each(|(sum, v)| *sum += v);
                }
                let (worst, at) = difference(&sum, &split.whole);
                let what = &network.layers[layer].name;
                assert!(worst <= 1e-5, "{name}, {what}, {}: {worst} at {at}", executor.describe());
                if let Some(shares) = split.shares() {
                    assert_relative_eq!(shares.iter().sum::<f64>(), 1.0, epsilon = 1e-5);
                }
            }
        }
    }
}

#[test]
fn routes_sum_up_to_the_whole() {
    sums_up("unet.h5", &network("unet.h5"), Some((16, 16)));
    sums_up("tiny.h5", &network("tiny.h5"), None);
    sums_up("unet_k3", &network("keras/unet_k3.keras"), None);
    sums_up("nested", &nested(), Some((6, 5)));
}

/// The way up of the built-in network passes a skip at each step, in the order from the deepest.
#[test]
fn the_routes_of_the_built_in_network() {
    let network = network("unet.h5");
    let name = |skip: &Skip| network.layers[network.layers[skip.merge].inputs[skip.input]].name.as_str();
    assert_eq!(skips(&network).iter().map(name).collect::<Vec<_>>(), ["conv256_1", "conv128_1", "conv64_1"]);
    let image = Shape::new(1, 32, 32, 1);
    let executor = open(Backend::Cpu).unwrap();
    let passed = |layer: &str| -> Vec<bool> {
        let layer = unet::layer(&network, layer).unwrap();
        let split = Routes::new(&*executor, &network, layer, &[1], image).unwrap().split(&noise(image)).unwrap();
        split[0].routes.iter().map(Option::is_some).collect()
    };
    assert_eq!(passed("conv512"), [false, false, false, true]);
    assert_eq!(passed("uconv256"), [true, false, false, true]);
    assert_eq!(passed("uconv64"), [true, true, true, true]);
}

/// `out = 5 (a + 3 a)` for `a = x + 2 x`: of the whole slope of 60, the outer skip carries a quarter; of the rest the inner skip
/// a third.
#[test]
fn shares_by_hand() {
    let network = nested();
    let skips = skips(&network);
    assert_eq!(skips, [Skip { merge: 2, input: 0 }, Skip { merge: 4, input: 0 }]);
    let shape = Shape::new(1, 6, 5, 1);
    for executor in executors() {
        let mut routes = Routes::new(&*executor, &network, 5, &[0], shape).unwrap();
        let split = &routes.split(&noise(shape)).unwrap()[0];
        assert_relative_eq!(f64::from(split.whole[7]) * shape.len() as f64, 60.0, epsilon = 1e-3);
        let shares = split.shares().unwrap();
        for (share, by_hand) in shares.iter().zip([0.75 / 3.0, 0.25, 0.75 * 2.0 / 3.0]) {
            assert_relative_eq!(*share, by_hand, epsilon = 1e-5);
        }
    }
}

/// Two additions, one around what the other gives: `a = x + 2 x`, `b = a + 3 a`, `out = 5 b`.
fn nested() -> Network {
    let conv = |weight: f32| layers::conv(1, 1, 1, &[weight], Activation::Linear);
    let add = || Kind::Merge(Merge::Add);
    layers::network(
        layers::image(1),
        vec![
            (conv(2.0), vec![0]),
            (add(), vec![0, 1]),
            (conv(3.0), vec![2]),
            (add(), vec![2, 3]),
            (conv(5.0), vec![4]),
        ],
    )
}
