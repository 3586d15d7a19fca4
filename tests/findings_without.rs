//! What is lost when channels give way to their means, on networks so simple that it can be reckoned by hand.

mod common;
#[path = "common/found.rs"]
mod found;
#[path = "common/planted.rs"]
mod planted;

use approx::assert_relative_eq;
use planted::network;
use std::collections::BTreeSet;
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::{Backend, Executor};
use unet_lens::engine::tensor::Shape;
use unet_lens::findings::ablation::Ablation;
use unet_lens::findings::claims::pruning::{Pruned, Pruning};
use unet_lens::findings::claims::{borders, lines, skips};
use unet_lens::findings::masked::{Means, Removed, Site};
use unet_lens::findings::task::Task;
use unet_lens::findings::*;
use unet_lens::mri::{Axis, Sampling};
use unet_lens::network::{Activation, Kind, Layer, Merge, Network};

fn cpu() -> Box<dyn Executor> {
    common::open(Backend::Cpu).unwrap()
}

fn filter(number: usize, verdict: Verdict, orientation: f64) -> FilterFindings {
    found::filter(number, verdict, Some((orientation, 0.1)))
}

fn found(network: &Network, layer: usize, filters: Vec<FilterFindings>) -> LayerFindings {
    let name = network.layers[layer].name.clone();
    LayerFindings { name, receptive: 1, ..found::layer(layer, 1, false, filters) }
}

fn image(h: usize, w: usize) -> Layer {
    planted::image(h, w, 1)
}

/// A convolution of one pixel without a bias: the weights of each output, input after input.
fn points(name: &str, weights: &[&[f64]], input: usize) -> Layer {
    let outputs: Vec<(&[f64], f64)> = weights.iter().map(|&of| (of, 0.0)).collect();
    planted::points(name, &outputs, Activation::Linear, input)
}

/// Two images of 4 x 4 pixels, of mean 1/2 each.
fn task(truths: Option<Vec<Vec<f32>>>) -> Task {
    let image = |spread: f32| (0..16).map(|i| 0.5 + spread * (i as f32 - 7.5) / 16.0).collect();
    Task { shape: Shape::new(1, 4, 4, 1), images: vec![image(0.5), image(-0.9)], truths }
}

/// Of the filters of two layers: a weight, the share of the output that comes by it, and its taylor.
const A: [(f64, f64, f64); 6] =
    [(1.0, 0.2, 5.0), (-0.9, 0.004, 1.0), (-0.2, 0.03, 4.0), (0.8, 0.02, 3.0), (0.1, 0.24, 6.0), (0.7, 0.006, 2.0)];
const B: [(f64, f64, f64); 4] = [(1.0, 0.44, 4.0), (-0.6, 0.02, 2.0), (0.5, 0.01, 1.0), (0.3, 0.03, 3.0)];

/// Its output is its input, the sum of what comes by all filters of both.
fn two_layers() -> Network {
    let first = |of: &[(f64, f64, f64)]| of.iter().map(|f| vec![f.0]).collect::<Vec<_>>();
    let weights = |of: &[(f64, f64, f64)]| of.iter().map(|f| f.1 / f.0).collect::<Vec<f64>>();
    let rows = |of: Vec<Vec<f64>>, name: &str| points(name, &of.iter().map(|row| &row[..]).collect::<Vec<_>>(), 0);
    network(vec![
        image(4, 4),
        rows(first(&A), "a"),
        rows(first(&B), "b"),
        points("sum of a", &[&weights(&A)], 1),
        points("sum of b", &[&weights(&B)], 2),
        planted::layer("sum", "Add", Kind::Merge(Merge::Add), vec![3, 4]),
    ])
}

/// Of a picture that is its seed, or is not.
fn look(is_noise: bool) -> Look {
    Look { flat: 0.0, flat_threshold: 0.9, still_seed: if is_noise { 1.0 } else { 0.0 }, steps: 20 }
}

/// What is lost, as a share of the output's deviation, is the share that came by the filters that are gone.
fn pruned(is_noise: impl Fn(usize, usize) -> bool) -> (Pruned, Removed) {
    pruned_on(task(None), is_noise)
}

fn pruned_on(task: Task, is_noise: impl Fn(usize, usize) -> bool) -> (Pruned, Removed) {
    let network = two_layers();
    let of = |layer: usize, all: &[(f64, f64, f64)]| {
        let one = |(i, f): (usize, &(f64, f64, f64))| FilterFindings {
            effect: Effect { taylor: Some(f.2), ..Effect::default() },
            look: Some(look(is_noise(layer, i))),
            ..filter(i, Verdict::Line, 0.0)
        };
        found(&network, layer, all.iter().enumerate().map(one).collect())
    };
    // The sum has no means: it stays.
    let sum = FilterFindings { look: Some(look(true)), ..filter(0, Verdict::Line, 0.0) };
    let layers = [of(1, &A), found(&network, 3, vec![sum]), of(2, &B)];
    let means = |all: &[(f64, f64, f64)]| all.iter().map(|f| (f.0 / 2.0) as f32).collect();
    let means = Means::from([(Site::Layer(1), means(&A)), (Site::Layer(2), means(&B))]);
    let mut ablation = Ablation::new(&*cpu(), &network, &task, means).unwrap();
    assert_eq!([1, 2, 3].map(|layer| ablation.has(Site::Layer(layer))), [true, true, false]);
    let (cancel, mut heard) = (Cancel::default(), vec![]);
    let mut progress = |done: usize, all: usize| heard.push((done, all));
    let mut watch = Watch { cancel: &cancel, progress: &mut progress };
    let mut pruning = Pruning { network: &network, layers: &layers, task: &task, ablation: &mut ablation, seed: 0 };
    let pruned = pruning.run(&mut watch).unwrap();
    assert_eq!(heard[..3], [(1, 40), (2, 40), (3, 40)], "20 random sets on two images");
    assert_eq!(heard[40..], [(0, 2), (1, 2)], "layer by layer");
    pruned
}

#[track_caller]
fn assert_lost(lost: &[f64], right: f64) {
    assert_eq!(lost.len(), 2, "of each image");
    lost.iter().for_each(|lost| assert_relative_eq!(*lost, right, epsilon = 1e-5));
}

/// With a truth it is PSNR. The output is off the truth by 0.1 everywhere; what is gone adds its share of how far each pixel lies from the
/// mean, of which the sum over the image is 0, so that the squares of both add up.
#[test]
fn with_a_truth_decibels_are_lost() {
    let brighter = |image: &Vec<f32>| image.iter().map(|v| v + 0.1).collect();
    let truths = task(None).images.iter().map(brighter).collect();
    let (found, _) = pruned_on(task(Some(truths)), |layer, i| [(1, 0), (1, 3), (2, 1)].contains(&(layer, i)));
    assert!(found.decibel);
    assert_eq!(found.noise.lost.len(), 2);
    // 0 to 15 have a variance of 21.25.
    for (lost, spread) in found.noise.lost.iter().zip([0.5f64, -0.9]) {
        let square = (0.24 * spread / 16.0).powi(2) * 21.25;
        assert_relative_eq!(*lost, 10.0 * (1.0 + square / 0.01).log10(), epsilon = 1e-4);
    }
}

#[test]
fn what_is_lost_is_the_share_of_the_filters_that_are_gone() {
    // 0 and 3 of the first layer, 1 of the second.
    let (found, spare) = pruned(|layer, i| [(1, 0), (1, 3), (2, 1)].contains(&(layer, i)));
    assert_eq!((&found.sizes[..], found.decibel), (&[2, 1][..], false));
    assert_lost(&found.noise.lost, 0.2 + 0.02 + 0.02);
    // The least weights are 0.1 and -0.2, and 0.3; the least taylors 1 and 2, and 1.
    assert_lost(&found.least_l1.lost, 0.24 + 0.03 + 0.03);
    assert_lost(&found.least_taylor.lost, 0.004 + 0.006 + 0.01);
    assert!(found.noise.ssim.is_empty(), "without a truth there is no SSIM");
    // Of the larger layer may go what loses half of 0.05, in the order of taylor 0.004, 0.010, 0.030; of both what loses 0.05:
    // 0.020, 0.040, 0.070.
    assert_eq!(found.spare, ["a", "b"].map(|name| (name.to_string(), 2)));
    assert_lost(&found.spare_cost.lost, 0.04);
    assert_eq!(spare, Removed::from([(Site::Layer(1), vec![1, 5]), (Site::Layer(2), vec![2, 1])]));
    // Each random set is two of one and one of the other.
    let mut sets = vec![];
    for (i, b) in (0..6).flat_map(|i| (0..4).map(move |b| (i, b))) {
        sets.extend((0..i).map(|j| A[i].1 + A[j].1 + B[b].1));
    }
    let is_set = |lost: &f64| sets.iter().any(|set| (set - lost).abs() < 1e-5);
    assert!(found.random.len() == 20 && found.random.iter().all(is_set), "{:?}", found.random);
    assert!(found.random.is_sorted() && found.random[0] < found.random[19]);
}

#[test]
fn without_all_filters_all_is_lost() {
    let (found, _) = pruned(|_, _| true);
    assert_eq!(found.sizes, [6, 4]);
    assert_lost(&found.noise.lost, 1.0);
    found.random.iter().for_each(|lost| assert_relative_eq!(*lost, 1.0, epsilon = 1e-5));
    let (none, _) = pruned(|_, _| false);
    assert_lost(&none.noise.lost, 0.0);
}

/// Beside `x` a channel of ones, whose mean is said to be 3/2. Of 16 x 24 pixels the ring is the outer two rows and three columns.
#[test]
fn the_ring_and_the_inside_without_border_filters() {
    let two = planted::conv("two", 1, (1, 2), |_, o| vec![[1.0, 0.0][o]], &[0.0, 1.0], Activation::Linear, 0);
    let network = network(vec![image(16, 24), two, points("sum", &[&[1.0, 1.0]], 1)]);
    let of = |at: usize| (0..16).flat_map(move |r| (0..24).map(move |s| ((r * 24 + s) * at % 7) as f32 / 8.0));
    let images: Vec<Vec<f32>> = [3, 5].map(|at| of(at).collect()).into();
    // The output is x + 1, and x + 3/2 without the channel. Off by 1/16 and then 9/16 in the ring; by 1/4 and then 1/4 inside.
    let is_inside = |p: usize| (2..14).contains(&(p / 24)) && (3..21).contains(&(p % 24));
    let truth = |x: &Vec<f32>| {
        x.iter().enumerate().map(|(p, x)| x + if is_inside(p) { 1.25 } else { 0.9375 }).collect::<Vec<f32>>()
    };
    let truths = Some(images.iter().map(truth).collect());
    let with = Task { shape: Shape::new(1, 16, 24, 1), images, truths };
    let without_truth = Task { truths: None, ..with.clone() };
    let layers = |verdicts: [Verdict; 2], second: Option<Verdict>, last: Verdict| {
        let two = [0, 1].map(|i| FilterFindings { second: second.filter(|_| i == 1), ..filter(i, verdicts[i], 0.0) });
        [found(&network, 1, two.into()), found(&network, 2, vec![filter(0, last, 0.0)])]
    };
    let lost = |task: &Task, layers: &[LayerFindings]| {
        let means = Means::from([(Site::Layer(1), vec![0.0, 1.5])]);
        let mut ablation = Ablation::new(&*cpu(), &network, task, means).unwrap();
        borders::without(&mut ablation, task, layers).unwrap()
    };
    let (line, border) = (Verdict::Line, Verdict::Border);
    for layers in [layers([line, border], None, line), layers([line, line], Some(border), border)] {
        let lost = lost(&with, &layers).unwrap();
        assert_eq!((lost.ring.len(), lost.inside.len()), (2, 2));
        lost.ring.iter().for_each(|lost| assert_relative_eq!(*lost, 20.0 * 9f64.log10(), epsilon = 1e-4));
        lost.inside.iter().for_each(|lost| assert_relative_eq!(*lost, 0.0, epsilon = 1e-4));
    }
    assert_eq!(lost(&without_truth, &layers([line, border], None, line)), None);
    assert_eq!(lost(&with, &layers([line, line], None, line)), None, "there is no border filter");
    assert_eq!(lost(&with, &layers([line, line], None, border)), None, "and none that can be taken away");
}

/// `a = x + 2 x`, `b = a + 3 a`, and out of it so many times `b`.
fn nested(out: &[&[f64]]) -> Network {
    let add = |name: &str, inputs: Vec<usize>| planted::layer(name, "Add", Kind::Merge(Merge::Add), inputs);
    network(vec![
        image(4, 4),
        points("twice", &[&[2.0]], 0),
        add("a", vec![0, 1]),
        points("thrice", &[&[3.0]], 2),
        add("b", vec![2, 3]),
        points("out", out, 4),
    ])
}

#[test]
fn routes_are_those_of_the_filters_that_are_drawn() {
    let network = nested(&[&[5.0], &[7.0]]);
    let filters = |count: usize| (0..count).map(|i| filter(i, Verdict::Line, 0.0)).collect();
    let mut layers = [found(&network, 1, filters(1)), found(&network, 5, filters(2)), found(&network, 3, filters(1))];
    skips::split(&*cpu(), &network, &task(None), &mut layers, &[(5, vec![1])]).unwrap();
    assert!([&layers[0].filters[0], &layers[1].filters[0], &layers[2].filters[0]].iter().all(|f| f.routes.is_none()));
    // The outer skip carries a quarter; of the rest the inner one a third.
    let shares = layers[1].filters[1].routes.as_ref().unwrap();
    for (share, right) in shares.iter().zip([0.25, 0.25, 0.5]) {
        assert_relative_eq!(*share, right, epsilon = 1e-5);
    }
    assert_eq!(shares.len(), 3);
    skips::split(&*cpu(), &network, &task(None), &mut layers, &[(3, vec![0])]).unwrap();
    // What is before the outer skip does not pass it.
    let shares = layers[2].filters[0].routes.as_ref().unwrap();
    for (share, right) in shares.iter().zip([1.0 / 3.0, 0.0, 2.0 / 3.0]) {
        assert_relative_eq!(*share, right, epsilon = 1e-5);
    }
}

#[test]
fn what_the_skips_carry_is_lost_without_them() {
    let (network, task) = (nested(&[&[5.0]]), task(None));
    assert_eq!(skips::sites(&network), [Site::Edge(2, 0), Site::Edge(4, 0)]);
    // The mean of x is 1/2, that of a 3/2.
    let means = Means::from([(Site::Edge(2, 0), vec![0.5]), (Site::Edge(4, 0), vec![1.5])]);
    let found = skips::without(&*cpu(), &network, &task, &means).unwrap().unwrap();
    // Of 12 parts of x the inner skip carries 4 and the outer 3; without both 3 x 2 are left.
    for (lost, right) in found.each.iter().chain([&found.all]).zip([1.0 / 3.0, 0.25, 0.5]) {
        assert_lost(lost, right);
    }
    assert_eq!((found.each.len(), found.random.len(), found.decibel), (2, 0, false));
    assert_eq!(skips::without(&*cpu(), &two_layers_in_a_row(), &task, &Means::new()).unwrap(), None);

    // Two channels of two layers, as many as the skips carry: there is nothing to choose from. Of one of them chance is either.
    let layers = Means::from([(Site::Layer(1), vec![1.0]), (Site::Layer(3), vec![4.5])]);
    let mut ablation = Ablation::new(&*cpu(), &network, &task, layers).unwrap();
    let cancel = Cancel::default();
    let mut watch = Watch { cancel: &cancel, progress: &mut |_, _| {} };
    assert!(skips::by_chance(&mut ablation, &network, &means, 0, &mut watch).unwrap().is_empty());
    let one = Means::from([(Site::Edge(2, 0), vec![0.5])]);
    let random = skips::by_chance(&mut ablation, &network, &one, 0, &mut watch).unwrap();
    assert_eq!(random.len(), 20);
    // Of 12 parts the first carries 8, the other 9.
    let is = |lost: &f64, parts: f64| (lost - parts / 12.0).abs() < 1e-5;
    assert!(random.iter().all(|lost| is(lost, 8.0) || is(lost, 9.0)), "{random:?}");
    assert!(is(&random[0], 8.0) && is(&random[19], 9.0), "both are drawn: {random:?}");
}

fn two_layers_in_a_row() -> Network {
    network(vec![image(4, 4), points("first", &[&[1.0]], 0), points("second", &[&[1.0]], 1)])
}

#[test]
fn every_image_loses_something_of_its_own() {
    // Of x and the mean of the first image: the second image, which has another mean, loses more.
    let network = two_layers_in_a_row();
    let mut task = task(None);
    task.images[1].iter_mut().for_each(|v| *v += 1.0);
    let means = Means::from([(Site::Layer(1), vec![0.5])]);
    let mut ablation = Ablation::new(&*cpu(), &network, &task, means).unwrap();
    let all = Removed::from([(Site::Layer(1), vec![0])]);
    let deviation = |spread: f64| spread / 16.0 * (255.0f64 / 12.0).sqrt();
    let right = [1.0, (1.0 + deviation(0.9).powi(2)).sqrt() / deviation(0.9)];
    for images in [1, 2, 9] {
        let lost = ablation.lost(&all, images).unwrap();
        assert_eq!(lost.len(), images.min(2));
        lost.iter().zip(right).for_each(|(lost, right)| assert_relative_eq!(*lost, right, epsilon = 1e-4));
    }
}

/// What a kernel of 3 x 3 makes of a picture of 16 x 16, zeros around it.
fn filtered(kernel: [f64; 9], picture: &[f32]) -> Vec<f64> {
    let at = |r: usize, s: usize| match (r, s) {
        (1..=16, 1..=16) => f64::from(picture[(r - 1) * 16 + s - 1]),
        _ => 0.0,
    };
    let one = |i: usize| (0..9).map(|t| kernel[t] * at(i / 16 + t / 3, i % 16 + t % 3)).sum();
    (0..256).map(one).collect()
}

#[test]
fn lines_turn_with_the_data_by_their_mean_activations() {
    const POINT: [f64; 9] = [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
    const DOWN: [f64; 9] = [0.0, -1.0, 0.0, 0.0, 2.0, 0.0, 0.0, -1.0, 0.0];
    const ACROSS: [f64; 9] = [0.0, 0.0, 0.0, -1.0, 2.0, -1.0, 0.0, 0.0, 0.0];
    let empty = network(vec![image(16, 16)]);
    let [rows, columns] = [Axis::Rows, Axis::Columns]
        .map(|axis| Task::phantoms(&empty, 16, 3, Sampling { axis, ..Sampling::default() }).unwrap().images);
    let most = |kernel: [f64; 9], images: &[Vec<f32>]| {
        images.iter().flat_map(|image| filtered(kernel, image)).fold(f64::MIN, f64::max)
    };
    // What is on for one kind of aliases alone, a hair below the most that it answers.
    let only = |for_rows: bool| {
        let negative = |kernel: [f64; 9]| kernel.map(|v| -v);
        let kernels = [POINT, DOWN, ACROSS, negative(DOWN), negative(ACROSS)].into_iter();
        let margin = |kernel| (most(kernel, &rows), most(kernel, &columns));
        let of = kernels.map(|kernel| (kernel, margin(kernel)));
        let found = of.map(|(kernel, (a, b))| if for_rows { (kernel, a, b) } else { (kernel, b, a) });
        let (kernel, a, b) = found.max_by(|x, y| (x.1 - x.2).total_cmp(&(y.1 - y.2))).unwrap();
        assert!(a - b > 1e-3, "{a} {b}");
        (kernel, -(a + b) / 2.0)
    };
    let (on_rows, on_columns) = (only(true), only(false));
    let filters = [
        (POINT, 0.0, 0.0),
        (POINT, -0.3, 90.0),
        (DOWN, 0.0, 45.0),
        (ACROSS, 0.1, 170.0),
        (POINT, -0.1, 16.0),
        (DOWN, 0.1, 105.0),
        (POINT, -100.0, 0.0),
        (on_rows.0, on_rows.1, 0.0),
        (on_columns.0, on_columns.1, 90.0),
        (ACROSS, 0.2, 0.0),
    ];
    let biases = filters.map(|filter| filter.1);
    let kernel = |_: usize, o: usize| filters[o].0.to_vec();
    let network = network(vec![
        image(16, 16),
        planted::conv("lines", 3, (1, 10), kernel, &biases, Activation::Relu, 0),
        points("sum", &[&[0.1; 10]], 1),
    ]);
    let verdict = |i: usize| if i == 9 { Verdict::Spot } else { Verdict::Line };
    let layers = [found(&network, 1, (0..10).map(|i| filter(i, verdict(i), filters[i].2)).collect())];
    let turned = lines::turned(&*cpu(), &network, &layers, 3).unwrap();
    let mean = |i: usize, images: &[Vec<f32>]| {
        let all = images.iter().flat_map(|image| filtered(filters[i].0, image));
        all.map(|v| (v + filters[i].1).max(0.0)).sum::<f64>() / (16.0 * 256.0)
    };
    // Within 15 degrees of one or the other; not what is always off for one kind of aliases, and no spot.
    for (found, right) in [(&turned.horizontal, [0, 3]), (&turned.vertical, [1, 5])] {
        assert_eq!(found.len(), 2);
        for (found, i) in found.iter().zip(right) {
            assert_relative_eq!(*found, (mean(i, &rows) / mean(i, &columns)).ln(), epsilon = 1e-4);
        }
    }
    let distinct: BTreeSet<i64> = turned.horizontal.iter().chain(&turned.vertical).map(|v| (v * 1e6) as i64).collect();
    assert!(distinct.len() == 4 && !distinct.contains(&0), "{turned:?}");
}
