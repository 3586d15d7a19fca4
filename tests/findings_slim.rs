//! Channels replaced by constants: by masks, and gone for good. Both compute the same.

mod common;

use common::{difference, network, open};
use rand::RngExt;
use std::sync::Arc;
use unet_lens::engine::exec::{Backend, Executor};
use unet_lens::engine::plan::Plan;
use unet_lens::engine::random::stream;
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::findings::masked::{Masked, Means, Removed, Site};
use unet_lens::network::slim::{Gone, slim};
use unet_lens::network::{Network, unet};

fn cpu() -> Box<dyn Executor> {
    open(Backend::Cpu).unwrap()
}

fn image(shape: Shape) -> Vec<f32> {
    let mut rng = stream(3, "image", 0);
    (0..shape.len()).map(|_| rng.random::<f32>()).collect()
}

fn output(executor: &dyn Executor, network: &Network, shape: Shape, image: &[f32]) -> Vec<f32> {
    let built = unet::graph_to(network, network.output, None, shape).unwrap();
    let mut program = executor.prepare(Arc::new(Plan::compile(built.graph, &[built.output], &[], &[]))).unwrap();
    program.write(built.image, &Tensor::new(shape, image.to_vec())).unwrap();
    program.run(1).unwrap();
    program.read(built.output).unwrap().data
}

/// The convolutions that the output is computed from, itself not.
fn inner(network: &Network) -> Vec<usize> {
    let needed = unet::needed_for(network, network.output);
    unet::convolutions(network).into_iter().filter(|&i| needed[i] && i != network.output).collect()
}

fn masked(
    executor: &dyn Executor,
    network: &Network,
    shape: Shape,
    image: &[f32],
    means: &Means,
    removed: &Removed,
) -> Vec<f32> {
    let mut masked = Masked::new(executor, network, shape, means.clone()).unwrap();
    let mut outputs = vec![];
    let each = |_: usize, output: &[f32]| {
        outputs.push(output.to_vec());
        Ok(())
    };
    masked.run(1, |_| (image, removed), each).unwrap();
    outputs.remove(0)
}

/// Every third channel of every layer, each with a number that it never had.
fn every_third(network: &Network) -> Gone {
    let mut rng = stream(4, "constants", 0);
    let mut of = |layer: usize| {
        let gone = (0..unet::filters(network, layer)).filter(|c| c % 3 == 1);
        (layer, gone.map(|c| (c, f64::from(rng.random_range(-1.0f32..1.0)))).collect())
    };
    inner(network).into_iter().map(&mut of).collect()
}

fn as_masks(network: &Network, gone: &Gone) -> (Means, Removed) {
    let means = gone.iter().map(|(&layer, gone)| {
        let mut means = vec![0.0; unet::filters(network, layer)];
        gone.iter().for_each(|&(c, value)| means[c] = value as f32);
        (Site::Layer(layer), means)
    });
    let removed = gone.iter().map(|(&layer, gone)| (Site::Layer(layer), gone.iter().map(|(c, _)| *c).collect()));
    (means.collect(), removed.collect())
}

/// The slim network's output against the masked one's; returns the layers that were kept whole, and why.
fn check(name: &str, size: Option<(usize, usize)>) -> (usize, Vec<(String, String)>) {
    let network = network(name);
    let shape = unet::image_shape(&network, &[network.output], size).unwrap();
    let executor = cpu();
    let mut gone = every_third(&network);
    let slim = slim(&network, &gone).unwrap();
    for (layer, _) in &slim.kept {
        gone.remove(layer);
    }
    let (means, removed) = as_masks(&network, &gone);
    let image = image(shape);
    let expected = masked(&*executor, &network, shape, &image, &means, &removed);
    let got = output(&*executor, &slim.network, shape, &image);
    let (worst, at) = difference(&got, &expected);
    assert!(worst <= 1e-5, "{name}: {worst} at {at}");
    if !gone.values().all(Vec::is_empty) {
        let whole = output(&*executor, &network, shape, &image);
        assert!(difference(&whole, &expected).0 > 1e-4, "{name}: nothing was replaced");
        let size = |network: &Network| inner(network).iter().map(|&i| unet::filters(network, i)).sum::<usize>();
        assert!(size(&slim.network) <= size(&network), "{name} did not get slimmer");
    }
    let kept = slim.kept.iter().map(|(layer, why)| (network.layers[*layer].name.clone(), why.clone())).collect();
    (gone.values().map(Vec::len).sum(), kept)
}

#[test]
fn the_slim_network_is_the_masked_one() {
    for name in ["unet.h5", "tiny.h5", "keras/unet_k3.keras"] {
        let (gone, kept) = check(name, None);
        assert!(gone > 0 && kept.is_empty(), "{name}: {gone} gone, {kept:?}");
    }
    // Batch norms before and after activations; after the last convolution there are only such.
    let (gone, kept) = check("keras/bn_k2.h5", None);
    assert!(gone > 0);
    assert_eq!(kept, [("conv_3".to_string(), "nothing after it reads it".to_string())]);
}

/// Strides, no padding, transposed convolutions, groups, activations, merges: whatever there is among the fixtures.
#[test]
fn every_kind_of_layer_is_followed_or_kept_whole() {
    let mut folder: Vec<String> = std::fs::read_dir(common::fixture("keras/layers"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with("_k3.keras"))
        .collect();
    folder.sort();
    let (mut gone, mut kept) = (0, vec![]);
    for name in folder {
        let path = format!("keras/layers/{name}");
        let network = network(&path);
        let takes = unet::image_shape(&network, &[network.output], None);
        if inner(&network).is_empty() || unet::refused(&network, network.output).is_some() || takes.is_err() {
            continue;
        }
        let (count, whole) = check(&path, None);
        println!("{name}: {count} channels gone, kept whole: {whole:?}");
        gone += count;
        kept.extend(whole);
    }
    assert!(gone > 50, "only {gone} channels went in all");
    assert!(kept.iter().any(|(_, why)| why.contains("cannot be followed")), "{kept:?}");
}

#[test]
fn a_dead_filter_can_go_to_the_bit() {
    let network = network("unet.h5");
    let executor = cpu();
    let shape = unet::image_shape(&network, &[network.output], None).unwrap();
    let image = image(shape);
    // A filter that is off on this image: its mean is 0.
    let layer = unet::layer(&network, "conv512").unwrap();
    let built = unet::graph_to(&network, layer, None, shape).unwrap();
    let mut program = executor.prepare(Arc::new(Plan::compile(built.graph, &[built.output], &[], &[]))).unwrap();
    program.write(built.image, &Tensor::new(shape, image.clone())).unwrap();
    program.run(1).unwrap();
    let map = program.read(built.output).unwrap();
    let off = |c: &usize| map.data.iter().skip(*c).step_by(map.shape.c).all(|&v| v == 0.0);
    let dead: Vec<usize> = (0..map.shape.c).filter(off).collect();
    assert!(dead.len() > 10, "{} filters of conv512 are off", dead.len());
    let means = Means::from([(Site::Layer(layer), vec![0.0; map.shape.c])]);
    let nothing = masked(&*executor, &network, shape, &image, &means, &Removed::new());
    let removed = Removed::from([(Site::Layer(layer), dead)]);
    let without = masked(&*executor, &network, shape, &image, &means, &removed);
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<u32>>();
    assert!(bits(&nothing) == bits(&without), "ablating dead filters changed the output");
    let alive = (0..map.shape.c).find(|c| !off(c)).unwrap();
    let removed = Removed::from([(Site::Layer(layer), vec![alive])]);
    assert!(masked(&*executor, &network, shape, &image, &means, &removed) != nothing);
}

/// One plan, a batch of different ablations, more jobs than a batch: each gives what it gives alone.
#[test]
fn ablations_in_a_batch_do_not_mix() {
    let network = network("tiny.h5");
    let executor = cpu();
    let shape = unet::image_shape(&network, &[network.output], None).unwrap();
    let image = image(shape);
    let gone = every_third(&network);
    let (means, _) = as_masks(&network, &gone);
    let sets: Vec<Removed> =
        (0..11).map(|i| as_masks(&network, &gone).1.into_iter().skip(i % 3).take(1 + i % 2).collect()).collect();
    let mut all = vec![];
    let mut together = Masked::new(&*executor, &network, shape, means.clone()).unwrap();
    together
        .run(
            sets.len(),
            |i| (&image, &sets[i]),
            |_, output| {
                all.push(output.to_vec());
                Ok(())
            },
        )
        .unwrap();
    for (set, output) in sets.iter().zip(&all) {
        assert!(masked(&*executor, &network, shape, &image, &means, set) == *output);
    }
}
