//! Winograd's kernels on the CPU: stored transformed up to a budget, transformed on use beyond it. Which of them are is decided by
//! shapes, and both ways give the same values but for rounding.

mod common;
mod common_executors;

use common::ops::{doubles, numbers};
use common::{difference, network};
use common_executors::{conv, run};
use unet_lens::engine::autodiff::gradient;
use unet_lens::engine::exec::cpu::Cpu;
use unet_lens::engine::exec::cpu::conv::Algorithm;
use unet_lens::engine::exec::cpu::phases::{MOST_STORED, Phase};
use unet_lens::engine::exec::cpu::simd::Level;
use unet_lens::engine::exec::memory::Limit;
use unet_lens::engine::exec::reference::Reference;
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{Conv2d, Kernel};
use unet_lens::engine::plan::Plan;
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::lens::ascent::{Objective, Recipe};
use unet_lens::network::unet;

fn phases(plan: &Plan, images: usize) -> Vec<Phase> {
    Phase::of_plan(plan, Level::best(), images).into_iter().flatten().collect()
}

fn is_stored(phase: &Phase) -> bool {
    phase.algorithm() == Algorithm::Winograd4
}

/// Convolutions of 3x3 between so many channels, forward alone: no numbers are packed.
fn plan(images: usize, widths: &[usize]) -> Plan {
    let mut graph = Graph::new();
    let mut x = graph.input("image", Shape::new(images, 8, 8, widths[0])).unwrap();
    for (i, pair) in widths.windows(2).enumerate() {
        let kernel = Kernel::new(3, 3, pair[0], pair[1], vec![0.0; 9 * pair[0] * pair[1]].into()).unwrap();
        x = graph.conv2d(&format!("conv{i}"), x, Conv2d::same(kernel, None)).unwrap();
    }
    Plan::compile(graph, &[x], &[], &[])
}

#[test]
fn no_more_is_stored_than_the_budget_the_smallest_first() {
    // Transformed: 4.7, 19, 38, 38, 19, 4.7, 0.3, 0.3, 4.7, 38 MB.
    let widths = [64, 512, 256, 1024, 256, 512, 64, 32, 64, 512, 512];
    let phases_of = |images| phases(&plan(images, &widths), images);
    let all = phases_of(1);
    assert_eq!(all.len(), widths.len() - 1);
    let (stored, on_use): (Vec<_>, Vec<_>) = (0..all.len()).partition(|&i| is_stored(&all[i]));
    let size = |i: usize| widths[i] * widths[i + 1] * 36 * size_of::<f32>();
    let total: usize = stored.iter().map(|&i| all[i].bytes()).sum();
    assert_eq!(total, stored.iter().map(|&i| size(i)).sum::<usize>());
    assert!(total <= MOST_STORED, "{total} bytes are stored");
    assert_eq!(on_use, [3, 9], "among equals the earlier step is stored");
    assert!(on_use.iter().all(|&i| total + size(i) > MOST_STORED), "there is room for one more");
    assert!(on_use.iter().all(|&i| all[i].bytes() == 0), "what is transformed on use is read where it lies");
    for images in [3, 7] {
        let pattern: Vec<_> = phases_of(images).iter().map(is_stored).collect();
        assert_eq!(pattern, all.iter().map(is_stored).collect::<Vec<_>>(), "{images} images");
    }
}

/// Whatever is climbed.
#[test]
fn the_built_in_network_is_stored() {
    let network = network("unet.h5");
    for layer in unet::convolutions(&network) {
        for own in [&[0][..], &[0, 1, 0, 0, 1]] {
            let shape = unet::image_shape(&network, &[layer], None).unwrap().with_n(own.len());
            let own: Vec<usize> = own.iter().map(|&f| f.min(unet::filters(&network, layer) - 1)).collect();
            let objective = Objective::new(&network, layer, &own, shape, &Recipe::default(), true).unwrap();
            let name = &network.layers[layer].name;
            let all = phases(&objective.plan, own.len());
            assert!(all.iter().all(|phase| phase.algorithm() != Algorithm::Winograd4OnUse), "{name}");
        }
    }
}

/// Three large convolutions, the second one scaled by a batch norm, and the gradient: more than the budget holds.
fn deep(images: usize) -> (Graph, NodeId, [NodeId; 2]) {
    let (wide, mut graph) = (640, Graph::new());
    let image = graph.input("image", Shape::new(images, 5, 4, wide)).unwrap();
    let mut x = image;
    for name in ["a", "b", "c"] {
        x = graph.conv2d(name, x, conv(3, 3, wide, wide)).unwrap();
        x = graph.batch_norm(&format!("{name} bn"), x, doubles(wide, 1), doubles(wide, 2)).unwrap();
        x = graph.relu(&format!("{name} relu"), x).unwrap();
    }
    let loss = graph.mean("loss", x).unwrap();
    let dx = gradient(&mut graph, loss, image).unwrap().of_wrt();
    (graph, image, [x, dx])
}

#[test]
fn beyond_the_budget() {
    let (graph, image, keep) = deep(1);
    let all = phases(&Plan::compile(graph.clone(), &keep, &[], &[]), 1);
    let stored = all.iter().filter(|phase| is_stored(phase)).count();
    let on_use = all.iter().filter(|phase| phase.algorithm() == Algorithm::Winograd4OnUse).count();
    assert!(stored >= 1 && on_use >= 2, "{stored} stored, {on_use} on use");
    let shape = graph[image].shape;
    let values = Tensor::new(shape, numbers(shape.len(), 7));
    let truth = run(&Reference::default(), &graph, &keep, image, &values);
    let mut bits: Option<Vec<Vec<u32>>> = None;
    for threads in [1, 2, 3] {
        let cpu = Cpu::new(Some(threads), Limit::default()).unwrap();
        let got = run(&cpu, &graph, &keep, image, &values);
        for (got, truth) in got.iter().zip(&truth) {
            let (error, at) = difference(&got.data, &truth.data);
            assert!(error < 2e-5, "{threads} threads: [{at}] is {}, should be {}", got.data[at], truth.data[at]);
        }
        let got: Vec<Vec<u32>> = got.iter().map(|t| t.data.iter().map(|v| v.to_bits()).collect()).collect();
        assert_eq!(*bits.get_or_insert_with(|| got.clone()), got, "{threads} threads");
    }
    // The same image, last in a batch of five.
    let (graph, image, keep) = deep(5);
    let shape = graph[image].shape;
    let mut batch = numbers(shape.len(), 9);
    batch[4 * shape.image_len()..].copy_from_slice(&values.data);
    let cpu = Cpu::new(Some(2), Limit::default()).unwrap();
    let got = run(&cpu, &graph, &keep, image, &Tensor::new(shape, batch));
    for (got, alone) in got.iter().zip(bits.unwrap()) {
        let last: Vec<u32> = got.data[4 * alone.len()..].iter().map(|v| v.to_bits()).collect();
        assert!(last == alone, "alone and in a batch");
    }
}
