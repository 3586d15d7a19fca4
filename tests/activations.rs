//! What each layer makes of a picture, against Keras (`fixtures/make_fixtures.py`).

mod common;

use common::{Expected, difference, network, open};
use unet_lens::engine::exec::Backend;
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::lens::activations::{compute, overview};
use unet_lens::network::unet;
use unet_lens::network::unet::shown;
use unet_lens::picture::Colormap;

/// Every channel of every layer against `activations/LAYER`.
///
/// These numbers of Keras are means that NumPy summed in single precision, one pixel after the other
/// (`a.mean(axis=(0, 1, 2))` in `make_fixtures.py`), and so they are off by up to 1.2e-4 of the largest: over an even
/// background each addition rounds the same way. Summed in that same way, what is computed here agrees far better; and
/// the means that are stated must be the true ones, summed in double precision.
fn every_layer(backend: Backend, model: &str, reference: &str) {
    let Some(executor) = open(backend) else { return };
    let (network, expected) = (network(model), Expected::open(reference));
    let layers = shown(&network);
    assert_eq!(layers.len(), network.layers.len());
    let got = compute(&*executor, &network, &expected.tensor("image"), &layers, usize::MAX).unwrap();
    for activation in &got {
        let (name, means) = (&activation.name, &activation.means);
        let of_keras = expected.floats(&format!("activations/{name}"));
        let mut as_keras = vec![f32::NAN; means.len()];
        let mut exact = vec![f32::NAN; means.len()];
        for channel in &activation.strongest {
            let n = channel.map.len();
            assert_eq!(n, activation.shape.h * activation.shape.w);
            as_keras[channel.number] = channel.map.iter().sum::<f32>() / n as f32;
            exact[channel.number] = (channel.map.iter().map(|&v| f64::from(v)).sum::<f64>() / n as f64) as f32;
        }
        let (error, at) = difference(&as_keras, &of_keras);
        assert!(error < 1e-5, "{name}: channel {at} differs by {error:e}");
        let (error, at) = difference(means, &exact);
        assert!(error < 1e-7, "{name}: the mean of channel {at} is off by {error:e}");
        let (error, at) = difference(means, &of_keras);
        assert!(error < 2e-4, "{name}: the mean of channel {at} differs by {error:e}");
        let order: Vec<usize> = activation.strongest.iter().map(|channel| channel.number).collect();
        assert!(order.windows(2).all(|pair| means[pair[0]] >= means[pair[1]]), "{name}: {order:?}");
    }
    // The three strongest are the first of all.
    let three = compute(&*executor, &network, &expected.tensor("image"), &layers, 3).unwrap();
    for (three, all) in three.iter().zip(&got) {
        assert_eq!((&three.means, &three.strongest[..]), (&all.means, &all.strongest[..all.shape.c.min(3)]));
    }
}

#[test]
fn unet_on_the_cpu() {
    every_layer(Backend::Cpu, "unet.h5", "reference.h5");
}

#[test]
fn tiny_everywhere() {
    for backend in [Backend::Reference, Backend::Cpu, Backend::Gpu] {
        every_layer(backend, "tiny.h5", "tiny_reference.h5");
    }
}

#[test]
fn a_picture_of_any_size_and_figures_of_it() {
    let executor = open(Backend::Cpu).unwrap();
    let network = network("tiny.h5");
    let shape = Shape::new(1, 7, 9, 1);
    let image = Tensor::new(shape, (0..shape.len()).map(|i| (i as f32).sin()).collect());
    let all = compute(&*executor, &network, &image, &shown(&network), usize::MAX).unwrap();
    assert_eq!((all[0].shape.h, all[0].shape.w), (8, 10), "padded to what the pool divides");
    assert!(all.iter().all(|a| a.strongest.len() == a.shape.c));
    // One layer alone is what it is among all, but for rounding: kept inputs are not fused into a convolution.
    let up = unet::layer(&network, "up_conv").unwrap();
    let alone = compute(&*executor, &network, &image, &[up], usize::MAX).unwrap();
    let among = all.iter().find(|a| a.layer == up).unwrap();
    assert!(difference(&alone[0].means, &among.means).0 < 1e-6);
    let figure = overview(&all, Colormap::Gray);
    assert!(figure.height() > 128 * all.len());
    overview(&[], Colormap::Gray);
    alone[0].figure(Colormap::Coolwarm);
    let message = unet::layer(&network, "up_cnov").unwrap_err().to_string();
    assert!(message.contains("did you mean up_conv"), "{message}");
}
