//! What is measured of filters so simple that every number can be had in another way.

mod common;
#[path = "common/planted.rs"]
mod planted;

use approx::assert_relative_eq;
use planted::{conv, input};
use rand::RngExt;
use std::f64::consts::{SQRT_2, TAU};
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::Backend;
use unet_lens::engine::random::stream;
use unet_lens::findings::stats::{orientation, quantile};
use unet_lens::findings::{
    Data, DataKind, FREQUENCIES, LayerFindings, Measured, ORIENTATIONS, Proven, Reason, TunedWhere, Verdict,
    frequencies, measure,
};
use unet_lens::network::{Activation, Network, unet};
use unet_lens::picture::npy;

const SIDE: usize = 16;

/// The filters of the first layer, 3 x 3 and a bias.
const FILTERS: [(&str, [f64; 9], f64); 6] = [
    ("an edge", EDGE, 0.0),
    ("dead", EDGE, -100.0),
    ("on", EDGE, 100.0),
    ("a mean", [1.0 / 9.0; 9], 0.0),
    ("a point", [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], -0.5),
    ("nothing", [0.0; 9], 1.0),
];
const THIRD: f64 = 1.0 / 3.0;
const EDGE: [f64; 9] = [-THIRD, 0.0, THIRD, -THIRD, 0.0, THIRD, -THIRD, 0.0, THIRD];

/// The filters, and behind them the sum of the mean and the point, and what is always below zero.
fn network(channels: usize) -> Network {
    let first = |_: usize, o: usize| FILTERS[o].1.iter().map(|v| v / channels as f64).collect();
    let biases = FILTERS.map(|filter| filter.2);
    let second = |i: usize, o: usize| vec![if o == 0 && [3, 4].contains(&i) { 1.0 } else { 0.0 }];
    let layers = vec![
        input(SIDE, channels),
        conv("first", 3, (channels, 6), first, &biases, Activation::Relu, 0),
        conv("second", 1, (6, 2), second, &[0.0, -1.0], Activation::Relu, 1),
    ];
    Network { name: "simple".to_string(), file: String::new(), layers, output: 2, warnings: vec![] }
}

/// Ten images of noise in every channel alike, and what the file of them is said to be.
fn data(network: &Network, channels: usize, side: usize) -> Data {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("noise.npy");
    let mut rng = stream(5, "images", 0);
    let grey = |_: usize| std::iter::repeat_n(rng.random_range(0.1f32..0.9), channels);
    let values: Vec<f32> = (0..10 * side * side).flat_map(grey).collect();
    npy::write(&path, &[10, side, side, channels], &values).unwrap();
    Data::read(&path, network, 64).unwrap()
}

/// What is measured; progress is heard from nothing to the end.
fn measured(network: &Network, data: &Data) -> Measured {
    let executor = common::open(Backend::Cpu).unwrap();
    let (cancel, mut heard) = (Cancel::default(), vec![]);
    let mut progress = |done: usize, all: usize| heard.push((done, all));
    let mut watch = Watch { cancel: &cancel, progress: &mut progress };
    let found = measure(&*executor, network, &unet::convolutions(network), data, 0, &mut watch).unwrap();
    let &(last, all) = heard.last().unwrap();
    assert_eq!(last, all, "the last that is heard is the end");
    assert!(heard.windows(2).all(|two| two[0].0 < two[1].0 && two[1].1 == all));
    found
}

/// What a filter of the first layer makes of an image before its activation, with zeros around it.
fn before(filter: usize, image: &[f32]) -> Vec<f64> {
    let side = image.len().isqrt();
    let (_, kernel, bias) = &FILTERS[filter];
    let value = |i: usize| {
        let tap = |t: usize| {
            let (r, s) = ((i / side + t / 3).checked_sub(1), (i % side + t % 3).checked_sub(1));
            match (r, s) {
                (Some(r), Some(s)) if r < side && s < side => kernel[t] * f64::from(image[r * side + s]),
                _ => 0.0,
            }
        };
        bias + (0..9).map(tap).sum::<f64>()
    };
    (0..image.len()).map(value).collect()
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

#[test]
fn life_is_counted_pixel_by_pixel() {
    let network = network(1);
    let data = data(&network, 1, SIDE);
    assert_eq!((data.facts.kind, data.facts.images, data.facts.size), (DataKind::Files, 10, (SIDE, SIDE)));
    let found = measured(&network, &data);
    let layer = &found.layers[0];
    let maps = |filter: usize| data.images.iter().flat_map(move |image| before(filter, image)).collect::<Vec<f64>>();
    let mean = |filter: usize| maps(filter).iter().map(|v| v.max(0.0)).sum::<f64>() / (10 * SIDE * SIDE) as f64;
    let of_all = (0..6).map(mean).sum::<f64>() / 6.0;
    for (i, filter) in layer.filters.iter().enumerate() {
        let (name, life) = (FILTERS[i].0, &filter.life);
        let on = maps(i).iter().filter(|v| **v > 0.0).count() as f64 / (10 * SIDE * SIDE) as f64;
        assert_eq!(filter.filter, i);
        assert_relative_eq!(life.on, on, epsilon = 1e-3);
        assert_eq!((life.lives_on_data, life.dead_at_seed), (on > 0.0, name == "dead" || name == "nothing"), "{name}");
        assert_relative_eq!(life.dormant, mean(i) / of_all, epsilon = 1e-5);
        let proven = match name {
            "dead" => Some(Proven::Dead),
            // All of the data are above a tenth, and so is a mean of them, however much padding there is.
            "on" | "nothing" | "a mean" => Some(Proven::On),
            _ => None,
        };
        assert_eq!(life.proven, proven, "{name}");
        assert!(filter.look.is_none() && filter.trust.is_none() && filter.routes.is_none());
    }
    let verdicts: Vec<Verdict> = layer.filters.iter().map(|filter| filter.verdict).collect();
    let (on, dead) = (Verdict::AlwaysOn, Verdict::Dead);
    assert_eq!((verdicts[1], verdicts[2], verdicts[5]), (dead, on, on));
    assert_eq!(layer.filters[1].reason, Reason::Dead { proven: true, wakes: false });
    assert_eq!(layer.filters[2].reason, Reason::AlwaysOn { proven: true });
    assert_eq!(layer.filters[1].second.or(layer.filters[5].second), None);
    // The one behind them that nothing reaches is off on all data, at its seed, and for every image.
    let behind = &found.layers[1].filters;
    assert_eq!((behind[1].life.on, behind[1].life.dormant, behind[1].verdict), (0.0, 0.0, dead));
    assert!(behind[0].life.on > 0.99 && behind[0].life.dormant == 2.0 && !behind[0].life.dead_at_seed);
}

/// The amplitude of a wave behind a filter is that of its transfer function; a half of all change lies above the grey, and of its
/// square four phases make exactly one half, at every place.
#[test]
fn tuning_is_the_transfer_function() {
    let network = network(1);
    let data = data(&network, 1, SIDE);
    let found = measured(&network, &data);
    let tuning = |filter: usize| found.layers[0].filters[filter].tuning.as_ref();
    let half = data.facts.deviation / SQRT_2;
    let mean = |f: f64| (1.0 + 2.0 * (TAU * f).cos()) / 3.0;
    for (filter, transfer) in [
        (0, &(|down: f64, across: f64| mean(down) * 2.0 * (TAU * across).sin()) as &dyn Fn(f64, f64) -> f64),
        (2, &|down, across| mean(down) * 2.0 * (TAU * across).sin()),
        (3, &|down, across| mean(down) * mean(across)),
        (4, &|_, _| 1.0),
    ] {
        let found = tuning(filter).unwrap();
        let amplitude = |o: usize, f: usize| {
            let (sin, cos) = (15.0 * o as f64).to_radians().sin_cos();
            half * transfer(frequencies()[f] * cos, frequencies()[f] * sin).abs()
        };
        let mut most = 0f64;
        for (o, f) in (0..ORIENTATIONS).flat_map(|o| (0..FREQUENCIES).map(move |f| (o, f))) {
            assert_relative_eq!(f64::from(found.map[o * FREQUENCIES + f]), amplitude(o, f), epsilon = 2e-5);
            most = most.max(amplitude(o, f));
        }
        let power = |o: usize| (0..FREQUENCIES).map(|f| amplitude(o, f).powi(2)).sum::<f64>();
        let (angle, _) = orientation((0..ORIENTATIONS).map(|o| (15.0 * o as f64, power(o))));
        if [0, 2].contains(&filter) {
            assert!((found.orientation - angle).abs() < 0.1, "{}: {angle}", found.orientation);
        }
        // From black to the lightest grey of the data the mean and the point move by that grey, an edge not at all.
        let moved = if [3, 4].contains(&filter) { data.facts.range.1 } else { 0.0 };
        assert_relative_eq!(found.level, moved / most, epsilon = 1e-3);
    }
    assert!([1, 5].iter().all(|&filter| tuning(filter).is_none()), "what never changes is not tuned");
    // To a wave of deviation 1 a point answers, by the mean over four phases, (|cos| + |sin|) sqrt(2) / 4: 0.35 to 0.5. The bright half of
    // an edge fills the image, with 1; a bar of one column of 14 has 3 there, and a slanting one is longer.
    let point = tuning(4).unwrap();
    assert!(point.selectivity < 1e-3 && point.bandwidth.is_none());
    assert!((2.0..2.83).contains(&point.edge), "{}", point.edge);
    assert!((3.0 / 14.0 / 0.5..1.0).contains(&point.bar), "{}", point.bar);
}

#[test]
fn thresholds_are_percentiles_of_what_chance_gives() {
    let network = network(1);
    let found = measured(&network, &data(&network, 1, SIDE));
    let [first, second] = &found.layers[..] else { panic!("two layers") };
    // Eight draws, of which the dead one and the constant one never move; of so few values all layers share the threshold.
    assert_eq!((first.chance.len(), second.chance.len() % 8), (8 * 4, 0));
    let all = |of: fn(&LayerFindings) -> Vec<f64>| sorted(found.layers.iter().flat_map(of).collect());
    let lines = all(|layer| layer.chance.iter().map(|chance| chance.selectivity).collect());
    let borders = all(|layer| layer.filters.iter().map(|filter| filter.border.auc_without).collect());
    // Mann and Whitney: the standard deviation of the area of 16 against 4, and the normal distribution's 99th percentile.
    let noise = 0.5 + 2.326 * (21.0f64 / (12.0 * 16.0 * 4.0)).sqrt();
    for layer in &found.layers {
        assert_relative_eq!(layer.line_threshold, quantile(&lines, 0.99), epsilon = 1e-12);
        assert_relative_eq!(layer.border_threshold, quantile(&borders, 0.99).min(0.99), epsilon = 1e-12);
        assert_relative_eq!(layer.noise_threshold, noise, epsilon = 1e-12);
        let beyond = layer.filters.iter().filter(|filter| filter.border.auc_without > layer.border_threshold);
        assert!(layer.borders_by_chance <= beyond.count());
        for filter in &layer.filters {
            let Some(tuning) = &filter.tuning else { continue };
            let is_line = filter.verdict == Verdict::Line || filter.second == Some(Verdict::Line);
            assert!(!is_line || tuning.selectivity > layer.line_threshold);
        }
    }
    for chance in &first.chance {
        assert!((0.0..=1.0).contains(&chance.selectivity) && (0.0..180.0).contains(&chance.orientation));
        assert!((1.0 / 128.0..=0.5).contains(&chance.frequency));
    }
    assert_eq!((first.layer, &*first.name, first.depth, second.depth), (1, "first", 1, 2));
    assert_eq!((first.stride, first.receptive, first.decoder, first.tuned_where), (1.0, 3, false, TunedWhere::Inside));
    assert!(found.kappa.is_some_and(|kappa| kappa > 0.0 && kappa <= 1.0), "{:?}", found.kappa);
    // The ring answers to the padding: of the edge's places at the border a part is the border's doing, of the point's none.
    let borders: Vec<_> = first.filters.iter().map(|filter| filter.border).collect();
    assert!(borders[0].auc > 0.5 && borders[0].vanishes.unwrap() > 0.0 && borders[0].drive > borders[0].drive_without);
    assert_relative_eq!(borders[4].auc, borders[4].auc_without, epsilon = 1e-12);
    assert_relative_eq!(borders[4].vanishes.unwrap(), 0.0, epsilon = 1e-6);
    assert_eq!((borders[5].auc, borders[5].vanishes, borders[5].drive), (0.5, None, 0.0));
}

/// Of noise instead of data, of data in colour, and of data larger than what is shown: the same filters do the same.
#[test]
fn without_data_in_colour_and_of_another_size() {
    let grey = network(1);
    let nothing = measured(&grey, &Data::nothing(&grey).unwrap());
    let colour = network(3);
    let of_colour = measured(&colour, &data(&colour, 3, SIDE));
    let colour_of_nothing = measured(&colour, &Data::nothing(&colour).unwrap());
    let larger = measured(&grey, &data(&grey, 1, 24));
    for found in [&nothing, &of_colour, &colour_of_nothing, &larger] {
        let filters = &found.layers[0].filters;
        let verdicts = [1, 2, 5].map(|filter| filters[filter].verdict);
        assert_eq!(verdicts, [Verdict::Dead, Verdict::AlwaysOn, Verdict::AlwaysOn]);
        let ons = [0, 1, 2, 3, 4, 5].map(|filter| filters[filter].life.on);
        assert!((ons[0] - 0.5).abs() < 0.03 && (ons[4] - 0.5).abs() < 0.03, "{ons:?}");
        assert_eq!((ons[1], ons[2], ons[5]), (0.0, 1.0, 1.0), "{ons:?}");
        assert!(filters[0].border.vanishes.is_some_and(|share| share > 0.0));
        let edge = filters[0].tuning.as_ref().unwrap();
        assert!((edge.orientation - 90.0).abs() < 0.5, "{}", edge.orientation);
    }
}
