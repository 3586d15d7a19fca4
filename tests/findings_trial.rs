//! Trust in pictures, what a filter is worth, and all of it end to end.

mod common;
#[path = "common/planted.rs"]
mod planted;

use approx::assert_relative_eq;
use planted::{conv, gabors, input, of_filters, others};
use rand::RngExt;
use std::collections::BTreeMap;
use std::sync::Arc;
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::Backend;
use unet_lens::engine::plan::Plan;
use unet_lens::engine::random::stream;
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::findings::activity::activity;
use unet_lens::findings::looks::flat_by_chance;
use unet_lens::findings::masked::Site;
use unet_lens::findings::pictures::trust;
use unet_lens::findings::spectrum::{cells, flatness, likeness};
use unet_lens::findings::task::Task;
use unet_lens::findings::trial::{self, Ablated};
use unet_lens::findings::{Data, DataKind, LayerFindings, Verdict, measure};
use unet_lens::mri::metrics::psnr;
use unet_lens::network::slim::slim;
use unet_lens::network::{Activation, Network, unet};

fn noise(name: &str, number: u64, count: usize) -> Vec<f32> {
    let mut rng = stream(1, name, number);
    (0..count).map(|_| rng.random::<f32>()).collect()
}

fn measured(network: &Network, data: &Data) -> Vec<LayerFindings> {
    let executor = common::open(Backend::Cpu).unwrap();
    let cancel = Cancel::default();
    let mut watch = Watch { cancel: &cancel, progress: &mut |_, _| {} };
    measure(&*executor, network, &unet::convolutions(network), data, 0, &mut watch).unwrap().layers
}

/// The outputs for a batch of images.
fn output(network: &Network, shape: Shape, images: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let executor = common::open(Backend::Cpu).unwrap();
    let shape = shape.with_n(images.len());
    let built = unet::graph_to(network, network.output, None, shape).unwrap();
    let mut program = executor.prepare(Arc::new(Plan::compile(built.graph, &[built.output], &[], &[]))).unwrap();
    program.write(built.image, &Tensor::new(shape, images.concat())).unwrap();
    program.run(1).unwrap();
    let output = program.read(built.output).unwrap();
    (0..images.len()).map(|n| output.image(n).to_vec()).collect()
}

#[test]
fn a_spectrum_does_not_see_where_a_picture_lies() {
    const SIDE: usize = 64;
    let picture: Vec<f32> = planted::gabor(SIDE, 30.0, 0.1, 0.4).iter().map(|&v| v as f32).collect();
    let shifted: Vec<f32> =
        (0..SIDE * SIDE).map(|i| picture[(i / SIDE + 9) % SIDE * SIDE + (i % SIDE + 50) % SIDE]).collect();
    let turned: Vec<f32> = planted::gabor(SIDE, 120.0, 0.1, 0.4).iter().map(|&v| v as f32).collect();
    let of = |picture: &[f32]| cells(picture, (SIDE, SIDE), 1);
    assert!(likeness(&of(&picture), &of(&shifted)) > 0.999);
    assert!(likeness(&of(&picture), &of(&turned)) < 0.8, "{}", likeness(&of(&picture), &of(&turned)));
    // Of white noise about one picture in a hundred is less flat than the threshold; a pattern always is.
    let threshold = flat_by_chance(Shape::new(1, SIDE, SIDE, 1));
    let flat = |number: u64| flatness(&of(&noise("white", number, SIDE * SIDE)));
    let below = (0..400).filter(|&number| flat(number) < threshold).count();
    assert!((1..=14).contains(&below), "{below} of 400 pictures of white noise are not flat");
    assert!(flatness(&of(&picture)) < threshold);
    let some: Vec<f32> = noise("white", 1, SIDE * SIDE).iter().zip(&picture).map(|(n, p)| n + 3.0 * p).collect();
    assert!(flatness(&of(&some)) < threshold, "a pattern in noise is seen");
}

/// Pictures of planted filters against data that excite them little, and against the pictures themselves.
#[test]
fn pictures_are_trusted_as_far_as_they_can_be() {
    const SIDE: usize = 32;
    let mut planted = gabors(7, [0.2, 0.24, 0.3]);
    planted.extend(others(7));
    let network = of_filters(&planted, 7, SIDE, 1, Activation::Relu);
    let shape = Shape::new(1, SIDE, SIDE, 1);
    let weak: Vec<Vec<f32>> =
        (0..6).map(|i| noise("weak", i, SIDE * SIDE).iter().map(|v| 0.5 + 0.1 * v).collect()).collect();
    let mut layers = measured(&network, &Data { images: weak.clone(), ..Data::nothing(&network).unwrap() });
    let named = |name: &str| planted.iter().position(|filter| filter.name == name).unwrap();
    let (line, dead) = (2, named("dead by bias"));
    let drawn = [(1, vec![line, dead])];
    let executor = common::open(Backend::Cpu).unwrap();
    let cancel = Cancel::default();
    let mut against = |images: Vec<Vec<f32>>| {
        let task = Task { shape, images, truths: None };
        let mut watch = Watch { cancel: &cancel, progress: &mut |_, _| {} };
        trust(&*executor, &network, Some(&task), &mut layers, &drawn, &mut watch).unwrap();
        [line, dead].map(|filter| (layers[0].filters[filter].trust.clone().unwrap(), layers[0].filters[filter].look))
    };
    let [(picture, look), (seed, of_seed)] = against(weak.clone());
    assert!(picture.beats_data && picture.gain_over_data > 1.5, "{}", picture.gain_over_data);
    assert!(picture.same_spectrum > 0.5 && picture.way < 0.999, "{} {}", picture.same_spectrum, picture.way);
    assert!(!look.unwrap().is_noise(), "{look:?}");
    assert_eq!(picture.best_patches.len(), 3);
    assert!(picture.best_patches.windows(2).all(|two| two[0].activation >= two[1].activation));
    // What is off stays its seed, and says so.
    assert!(of_seed.unwrap().is_noise() && of_seed.unwrap().still_seed > 0.9999 && !seed.beats_data, "{of_seed:?}");
    // Where the data have the picture itself, it is no better, and the channels on the way answer to it in the same order.
    let mut own = weak;
    own[4].clone_from(&picture.picture);
    let [(same, _), _] = against(own);
    assert!(!same.beats_data && same.gain_over_data == 1.0, "{}", same.gain_over_data);
    assert_relative_eq!(same.way, 1.0, epsilon = 1e-12);
    assert_eq!(same.best_patches[0].image, 4);
}

/// Two channels, `2 x` and `max(-3 x, 0)`, which are added with weights 1 and 5.
fn two_channels() -> Network {
    let weights = |_: usize, o: usize| vec![[2.0, -3.0][o]];
    let sum = |i: usize, _: usize| vec![[1.0, 5.0][i]];
    let layers = vec![
        input(4, 1),
        conv("two", 1, (1, 2), weights, &[0.0, 0.0], Activation::Relu, 0),
        conv("sum", 1, (2, 1), sum, &[0.0], Activation::Linear, 1),
    ];
    Network { name: "two".to_string(), file: String::new(), layers, output: 2, warnings: vec![] }
}

#[test]
fn taylor_is_what_can_be_reckoned_by_hand() {
    let network = two_channels();
    let shape = Shape::new(1, 4, 4, 1);
    // Five images: the last batch is not full.
    let images: Vec<Vec<f32>> = (0..5).map(|i| noise("images", i, 16)).collect();
    let truths: Vec<Vec<f32>> = (0..5).map(|i| noise("truths", i, 16)).collect();
    let executor = common::open(Backend::Cpu).unwrap();
    let site = Site::Layer(1);
    let of = |truths: Option<Vec<Vec<f32>>>| {
        let task = Task { shape, images: images.clone(), truths };
        activity(&*executor, &network, &task, &[site]).unwrap()
    };
    let found = of(Some(truths.clone()));
    // E = mean (2 x - t)^2: dE/dy = 2 (2 x - t) / 16, times y = 2 x.
    let one = |(x, t): (&f32, &f32)| (2.0 * f64::from(*x) * 2.0 * (2.0 * f64::from(*x) - f64::from(*t)) / 16.0).abs();
    let all = images.iter().flatten().zip(truths.iter().flatten());
    let by_hand = all.map(one).sum::<f64>() / 80.0;
    assert_relative_eq!(found.taylor[&site][0], by_hand, epsilon = 1e-6);
    assert_eq!((found.taylor[&site][1], found.means[&site][1]), (0.0, 0.0), "what is off is worth nothing");
    let mean = 2.0 * images.iter().flatten().map(|&x| f64::from(x)).sum::<f64>() / 80.0;
    assert_relative_eq!(f64::from(found.means[&site][0]), mean, epsilon = 1e-6);

    // Against a finite step: without a truth all products have one sign, so that their sum is how fast the error falls.
    let without = of(None);
    let error = |weight: f64| {
        let mut network = two_channels();
        let sum = |i: usize, _: usize| vec![[weight, 5.0][i]];
        network.layers[2] = conv("sum", 1, (2, 1), sum, &[0.0], Activation::Linear, 1);
        let outputs = output(&network, shape, &images);
        outputs.iter().flatten().map(|&v| f64::from(v).powi(2)).sum::<f64>() / 80.0
    };
    let step = 1e-3;
    let slope = (error(1.0 + step) - error(1.0 - step)) / (2.0 * step);
    assert_relative_eq!(16.0 * without.taylor[&site][0], slope, max_relative = 1e-3);
}

#[test]
fn what_is_held_out_was_never_seen() {
    let network = common::network("tiny.h5");
    let data = Data::standard(&network, 10, 7).unwrap();
    let of = |kind| Task::of(&network, kind, data.shape, &data.images, 7).unwrap();
    let (seen, held_out) = of(DataKind::Phantoms).unwrap();
    assert!(seen.images == data.images && held_out.images.len() == 10);
    assert!(held_out.images.iter().all(|image| !seen.images.contains(image)));
    let truths = held_out.truths.as_ref().unwrap();
    assert!(truths.len() == 10 && held_out.images.iter().zip(truths).all(|(image, truth)| image != truth));
    let (seen, held_out) = of(DataKind::Files).unwrap();
    assert!(seen.images.iter().chain(&held_out.images).count() == 10 && seen.truths.is_none());
    assert!(held_out.images.iter().all(|image| !seen.images.contains(image)));
    assert!(of(DataKind::Nothing).is_none());
}

/// Everything, on a small network that restores: each number is there, and some are reckoned again in another way.
#[test]
fn the_whole_trial() {
    let network = common::network("tiny.h5");
    let data = Data::standard(&network, 12, 0).unwrap();
    let mut layers = measured(&network, &data);
    let tasks = Task::of(&network, data.facts.kind, data.shape, &data.images, 0).unwrap().unwrap();
    let executor = common::open(Backend::Cpu).unwrap();
    let mut told = BTreeMap::new();
    let mut progress = |what: &str, done: usize, all: usize| {
        assert!(done <= all, "{what}: {done} of {all}");
        told.insert(what.to_string(), (done, all));
    };
    let cancel = Cancel::default();
    let seed = (0, Ablated::All);
    let claims = trial::run(&*executor, &network, &mut layers, Some(&tasks), seed, &cancel, &mut progress).unwrap();
    let ids: Vec<&str> = claims.iter().map(|claim| claim.id).collect();
    assert_eq!(ids, ["lines", "spacing", "evenness", "borders", "pruning", "skips"]);
    let all: usize = layers.iter().filter(|l| l.layer != network.output).map(|l| l.filters.len()).sum();
    assert_eq!(told["effects"], (12 * all, 12 * all), "the last that is heard is the end");
    let known = activity(&*executor, &network, &tasks.0, &[Site::Layer(layers[0].layer)]).unwrap();
    let (mut silent, mut gone) = (0, 0);
    for layer in &layers {
        for filter in &layer.filters {
            let inner = layer.layer != network.output;
            let (taylor, effect) = (filter.effect.taylor, filter.effect.effect);
            assert_eq!((taylor.is_some(), effect.is_some(), filter.look.is_some()), (inner, inner, inner));
            if inner && filter.verdict == Verdict::Dead && taylor == Some(0.0) {
                assert_eq!(effect.unwrap().value, 0.0, "filter {} of {} is off", filter.filter, layer.name);
                silent += 1;
            }
            assert!(inner || filter.routes.is_none());
            match &filter.routes {
                Some(routes) => assert_relative_eq!(routes.iter().sum::<f64>(), 1.0, epsilon = 1e-5),
                None => gone += usize::from(inner && taylor != Some(0.0)),
            }
        }
    }
    println!("{silent} silent filters, {gone} without a gradient to split");
    assert_eq!(gone, 0, "of all that do something the routes are known");
    let at_once = &claims[4].details["all at once"];
    for name in ["random sets", "random sets, SSIM lost"] {
        let costs: Vec<f64> = at_once[name].as_array().unwrap().iter().map(|cost| cost.as_f64().unwrap()).collect();
        assert!(costs.len() == 20 && costs.is_sorted(), "{name}: {costs:?}");
    }
    // Without the channel itself, its mean carried on: the slim network.
    let (held_out, layer) = (&tasks.1, &layers[0]);
    let before = output(&network, held_out.shape, &held_out.images);
    for filter in 0..2 {
        let mean = f64::from(known.means[&Site::Layer(layer.layer)][filter]);
        let slim = slim(&network, &[(layer.layer, vec![(filter, mean)])].into()).unwrap();
        assert!(slim.kept.is_empty());
        let after = output(&slim.network, held_out.shape, &held_out.images);
        let truths = held_out.truths.as_ref().unwrap();
        let lost = (0..12).map(|i| psnr(&before[i], &truths[i]) - psnr(&after[i], &truths[i])).sum::<f64>() / 12.0;
        assert_relative_eq!(layer.filters[filter].effect.effect.unwrap().value, lost, epsilon = 1e-3);
    }
    assert!(claims.iter().all(|claim| claim.number.value.is_nan() || claim.number.low <= claim.number.high));
}

/// Of one layer that is asked for as of all: chance draws from the channels of the whole network.
#[test]
fn chance_does_not_depend_on_what_is_asked_for() {
    let network = common::network("tiny.h5");
    let data = Data::standard(&network, 6, 0).unwrap();
    let all = measured(&network, &data);
    let tasks = Task::of(&network, data.facts.kind, data.shape, &data.images, 0).unwrap().unwrap();
    let executor = common::open(Backend::Cpu).unwrap();
    let cancel = Cancel::default();
    let random = |mut layers: Vec<LayerFindings>| {
        let seed = (0, Ablated::Drawn);
        let claims =
            trial::run(&*executor, &network, &mut layers, Some(&tasks), seed, &cancel, &mut |_, _, _| {}).unwrap();
        let random = claims[5].details["random channels"].as_array().unwrap();
        random.iter().map(|lost| lost.as_f64().unwrap()).collect::<Vec<f64>>()
    };
    let (of_all, of_one) = (random(all.clone()), random(all[..1].to_vec()));
    assert_eq!(of_all.len(), 20);
    assert!(of_all[19] > of_all[0], "{of_all:?}");
    assert_eq!(of_all, of_one);
}
