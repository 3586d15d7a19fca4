//! The CPU, the GPU and the reference give the same verdicts.

mod common;
#[path = "common/measured.rs"]
mod measured;
#[path = "common/planted.rs"]
mod planted;

use measured::{data, found_on};
use planted::{gabors, of_filters, others};
use std::collections::BTreeSet;
use unet_lens::engine::exec::Backend;
use unet_lens::engine::ops::Kernel;
use unet_lens::findings::{Border, Data, FilterFindings, LayerFindings, Verdict};
use unet_lens::network::{Kind, Network, unet};

const SIDE: usize = 32;

/// Does a number that decides lie within 1% of its threshold?
fn is_close(layer: &LayerFindings, filter: &FilterFindings) -> bool {
    let close = |number: f64, threshold: f64| (number / threshold - 1.0).abs() < 0.01;
    let Border { auc, vanishes, .. } = filter.border;
    filter.tuning.as_ref().is_some_and(|tuning| close(tuning.selectivity, layer.line_threshold))
        || close(filter.noise.auc, layer.noise_threshold)
        || close(auc, layer.border_threshold)
        || vanishes.is_some_and(|vanishes| close(vanishes, 0.5))
}

/// What verdicts alone would not tell: the numbers that rounding leaves as they are. It does not leave the shares of places above zero,
/// nor the border's: where the data are flat, a filter that is blind to brightness answers zero but for rounding, on either side.
fn assert_same_numbers(what: &str, one: &FilterFindings, two: &FilterFindings) {
    let near = |number: &str, a: f64, b: f64| assert!((a - b).abs() < 0.01, "{what}: {number} {a} and {b}");
    assert_eq!(one.tuning.is_some(), two.tuning.is_some(), "{what}");
    if let (Some(one), Some(two)) = (&one.tuning, &two.tuning) {
        near("selectivity", one.selectivity, two.selectivity);
    }
    near("noise", one.noise.auc, two.noise.auc);
}

/// What the CPU finds of these layers, after the reference and the GPU were asked for the same. Verdicts differ where a number that
/// decides lies close to its threshold alone, and of no more than `close` filters.
fn same_on_every_executor(network: &Network, layers: &[usize], data: &Data, close: usize) -> Vec<LayerFindings> {
    let cpu = found_on(Backend::Cpu, network, layers, data).unwrap().layers;
    let filters: usize = cpu.iter().map(|layer| layer.filters.len()).sum();
    for backend in [Backend::Reference, Backend::Gpu] {
        let Some(other) = found_on(backend, network, layers, data) else {
            println!("skipped: of {filters} filters the GPU's verdicts are compared with none, for want of an adapter");
            continue;
        };
        let (mut same, mut differ) = (0, 0);
        for (a, b) in cpu.iter().zip(&other.layers) {
            assert_eq!((a.layer, a.filters.len()), (b.layer, b.filters.len()));
            for (one, two) in a.filters.iter().zip(&b.filters) {
                let what = format!("{backend:?}: {} {}", a.name, one.filter);
                assert_eq!(one.life.dead_at_seed, two.life.dead_at_seed, "{what}");
                assert_same_numbers(&what, one, two);
                if one.verdict == two.verdict {
                    same += 1;
                    continue;
                }
                differ += 1;
                assert!(is_close(a, one), "{what}: {} and {}", one.reason, two.reason);
            }
        }
        println!("{backend:?}: {same} verdicts are the same, {differ} lie close to a threshold");
        assert!(same + differ == filters && differ <= close, "{backend:?}");
    }
    cpu
}

#[test]
fn of_planted_filters() {
    let mut planted = gabors(5, [0.2, 0.25, 0.3]);
    planted.extend(others(5));
    let network = of_filters(&planted, 5, SIDE, 1, unet_lens::network::Activation::Relu);
    same_on_every_executor(&network, &[1], &data(&network, SIDE, 1), 0);
}

/// The built-in network with the first so many filters of each convolution, for images of 32 x 32 pixels: small enough for the
/// reference. The others are gone with what they say to the layers behind them.
fn few_filters(most: impl Fn(&str) -> usize) -> Network {
    let mut network = common::network("unet.h5");
    let mut kept: Vec<Vec<usize>> = vec![];
    let mut channels: Vec<usize> = vec![];
    for layer in &mut network.layers {
        let first = layer.inputs.first().copied();
        let before = || first.map(|input| (kept[input].clone(), channels[input])).unwrap();
        let (own, all) = match &mut layer.kind {
            Kind::Input { h, w, .. } => {
                (*h, *w) = (Some(SIDE), Some(SIDE));
                (vec![0], 1)
            }
            Kind::Conv2d { conv, .. } => {
                let (inputs, kernel) = (before().0, &conv.kernel);
                let filters: Vec<usize> = (0..kernel.co.min(most(&layer.name))).collect();
                let of = |tap: usize, i: usize, o: usize| kernel.values()[(tap * kernel.ci + i) * kernel.co + o];
                let taps = 0..kernel.kh * kernel.kw;
                let pairs = taps.flat_map(|tap| inputs.iter().map(move |&i| (tap, i)));
                let values = pairs.flat_map(|(tap, i)| filters.iter().map(move |&o| (tap, i, o)));
                let values: Vec<f32> = values.map(|(tap, i, o)| of(tap, i, o)).collect();
                let all = kernel.co;
                conv.kernel = Kernel::new(kernel.kh, kernel.kw, inputs.len(), filters.len(), values.into()).unwrap();
                conv.bias = conv.bias.as_ref().map(|bias| bias[..filters.len()].into());
                (filters, all)
            }
            Kind::BatchNorm { scale, shift, .. } => {
                let (own, all) = before();
                for of in [scale, shift] {
                    *of = own.iter().map(|&i| of[i]).collect();
                }
                (own, all)
            }
            Kind::Concat { .. } => {
                let mut own = vec![];
                let mut all = 0;
                for &input in &layer.inputs {
                    own.extend(kept[input].iter().map(|i| all + i));
                    all += channels[input];
                }
                (own, all)
            }
            _ => before(),
        };
        kept.push(own);
        channels.push(all);
    }
    network
}

/// All 64 filters of the first convolution and 24 of the second, on which rounding in the layers before says little.
#[test]
fn of_the_real_networks_first_layers() {
    let network = few_filters(|name| if name == "dconv128" { 24 } else { 64 });
    let layers = ["dconv64", "dconv128"].map(|name| unet::convolution(&network, name).unwrap());
    let cpu = same_on_every_executor(&network, &layers, &data(&network, SIDE, 1), 1);
    assert_eq!(cpu.iter().map(|layer| layer.filters.len()).collect::<Vec<_>>(), [64, 24]);
    let kinds: BTreeSet<Verdict> = cpu.iter().flat_map(|layer| &layer.filters).map(|filter| filter.verdict).collect();
    assert!(kinds.len() > 2, "they are not all alike: {kinds:?}");
}

/// The way up, behind all layers of the way down.
#[test]
fn of_the_real_networks_decoder() {
    let network = few_filters(|_| 12);
    let layers = ["uconv128", "uconv64"].map(|name| unet::convolution(&network, name).unwrap());
    let cpu = same_on_every_executor(&network, &layers, &data(&network, SIDE, 1), 1);
    assert!(cpu.iter().all(|layer| layer.decoder && layer.filters.len() == 12));
    let kinds: BTreeSet<Verdict> = cpu.iter().flat_map(|layer| &layer.filters).map(|filter| filter.verdict).collect();
    assert!(kinds.len() > 2, "they are not all alike: {kinds:?}");
}
