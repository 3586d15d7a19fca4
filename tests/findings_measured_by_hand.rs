//! What is measured on the smallest of networks and images, of which each number can be reckoned from what is shown.

mod common;
#[path = "common/planted.rs"]
mod planted;

use approx::assert_relative_eq;
use planted::network;
use rand::RngExt;
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::Backend;
use unet_lens::engine::ops::Window;
use unet_lens::engine::random::stream;
use unet_lens::findings::stats::{auc, quantile};
use unet_lens::findings::stimuli::{GRATINGS, Stimuli};
use unet_lens::findings::{Data, FilterFindings, Measured, Reason, Verdict, WhyDead, measure, why_dead};
use unet_lens::network::{Activation, Kind, Layer, Merge, Network, Padding, Part, Pool, unet};
use unet_lens::picture::npy;

const POINT: [f64; 9] = [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];

/// A relu of one pixel: for each filter the weights of all channels, and a bias.
fn points(name: &str, filters: &[(&[f64], f64)], input: usize) -> Layer {
    planted::points(name, filters, Activation::Relu, input)
}

/// Filters of one pixel of a square image.
fn one_layer(side: usize, filters: &[(&[f64], f64)]) -> Network {
    network(vec![planted::input(side, filters[0].0.len()), points("filters", filters, 0)])
}

/// So many square images, by number, row and column; the same in every channel.
fn data(network: &Network, images: usize, side: usize, value: impl Fn(usize, usize, usize) -> f32) -> Data {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data.npy");
    let channels = unet::image_channels(network).unwrap();
    let pixel = |i: usize| std::iter::repeat_n(value(i / side / side, i / side % side, i % side), channels);
    let values: Vec<f32> = (0..images * side * side).flat_map(pixel).collect();
    npy::write(&path, &[images, side, side, channels], &values).unwrap();
    Data::read(&path, network, 64).unwrap()
}

/// What is measured, and of how many images is heard.
fn heard(network: &Network, data: &Data) -> (Measured, usize) {
    let executor = common::open(Backend::Cpu).unwrap();
    let (cancel, mut all) = (Cancel::default(), 0);
    let mut progress = |_: usize, of: usize| all = of;
    let mut watch = Watch { cancel: &cancel, progress: &mut progress };
    let measured = measure(&*executor, network, &unet::convolutions(network), data, 0, &mut watch).unwrap();
    (measured, all)
}

fn first(network: &Network, data: &Data) -> Vec<FilterFindings> {
    heard(network, data).0.layers.remove(0).filters
}

fn touches(side: usize, i: usize) -> bool {
    [i / side, i % side].iter().any(|&at| at == 0 || at + 1 == side)
}

/// Nine greys and the mean, 384 gratings, 36 bars and edges, 16 images of each noise; the gratings of eight draws of shuffled kernels
/// and their grey; the data, 16 of them in a canvas, and a seed for each filter.
#[test]
fn all_that_is_shown_is_counted() {
    let all = 10 + 384 + 36 + 2 * 16 + 8 * 385;
    let grey = one_layer(8, &[(&[1.0], 0.0), (&[-1.0], 1.0)]);
    let colour = one_layer(8, &[(&[1.0, 0.0], 0.0)]);
    let dots = |network: &Network, images| data(network, images, 8, |i, r, s| ((i + r * s) % 3) as f32);
    assert_eq!(heard(&grey, &dots(&grey, 4)).1, all + 2 * 4 + 2);
    assert_eq!(heard(&grey, &dots(&grey, 20)).1, all + 20 + 16 + 2);
    assert_eq!(heard(&colour, &dots(&colour, 4)).1, all + 16 + 2 * 4 + 1, "16 of noise in colour");
}

#[test]
fn without_data_noise_tells_what_is_on() {
    // The grey, 0.5, wakes none of them.
    const ABOVE: [f64; 6] = [0.5, 0.6, 0.72, 0.76, 0.8, 0.83];
    let network = one_layer(8, &ABOVE.map(|above| (&[1.0][..], -above)));
    let nothing = Data::nothing(&network).unwrap();
    let filters = first(&network, &nothing);
    let stimuli = Stimuli::new(nothing.shape, &nothing, 0);
    let mut differ = false;
    for (filter, above) in filters.iter().zip(ABOVE) {
        let on = |image: &[f32]| -> Vec<f64> { image.iter().map(|&v| (f64::from(v) - above).max(0.0)).collect() };
        let white: Vec<Vec<f64>> = (0..16).map(|i| on(&stimuli.white(i))).collect();
        let coloured: Vec<Vec<f64>> = (0..16).map(|i| on(&stimuli.coloured(i))).collect();
        let count = white.iter().flatten().filter(|v| **v > 0.0).count();
        assert_relative_eq!(filter.life.on, count as f64 / (16.0 * 64.0), epsilon = 1e-12);
        // The phases of the grating that is answered to most, and 16 images of either noise.
        let mean = |image: &[f64]| image.iter().sum::<f64>() / 64.0;
        let gratings: Vec<f64> = (0..GRATINGS).map(|i| mean(&on(&stimuli.grating(i)))).collect();
        let sum = |phases: &[f64]| phases.iter().sum::<f64>();
        let best = gratings.chunks(4).max_by(|a, b| sum(a).total_cmp(&sum(b))).unwrap();
        let told = |noise: &[Vec<f64>]| auc(&noise.iter().map(|image| mean(image)).collect::<Vec<_>>(), best).unwrap();
        let [right, of_few] = [16, 4].map(|images| told(&white[..images]).max(told(&coloured[..images])));
        assert_relative_eq!(filter.noise.auc, right, epsilon = 1e-12);
        differ |= (right - of_few).abs() > 0.01;
        // The ring and the inside are those of the noise with the data's spectrum.
        let places = |ring: bool| -> Vec<f64> {
            let of =
                |image: &Vec<f64>| (0..64).filter(|&i| touches(8, i) == ring).map(|i| image[i]).collect::<Vec<_>>();
            coloured.iter().flat_map(of).collect()
        };
        let (ring, inside) = (places(true), places(false));
        let usual = inside.iter().sum::<f64>() / inside.len() as f64;
        let drive = ring.iter().map(|v| (v - usual).max(0.0)).sum::<f64>() / ring.len() as f64;
        assert_relative_eq!(filter.border.drive, drive, epsilon = 1e-6);
        assert_relative_eq!(filter.border.auc, auc(&ring, &inside).unwrap(), epsilon = 1e-6);
    }
    assert!(differ, "a few images would tell as much");
}

/// What tells two channels apart is on in noise that has colours, and nowhere else.
#[test]
fn without_data_colours_tell_what_is_on() {
    let network = one_layer(8, &[(&[1.0, -1.0], 0.0)]);
    let nothing = Data::nothing(&network).unwrap();
    let stimuli = Stimuli::new(nothing.shape, &nothing, 0);
    let count = (0..16).flat_map(|i| stimuli.colours(i)).collect::<Vec<f32>>();
    let count = count.chunks(2).filter(|pixel| pixel[0] > pixel[1]).count();
    let filter = &first(&network, &nothing)[0];
    assert_relative_eq!(filter.life.on, count as f64 / (16.0 * 64.0), epsilon = 1e-12);
    assert!(filter.life.lives_on_data && (0.4..0.6).contains(&filter.life.on), "{:?}", filter.life);
}

/// Pixels of 1 at the border alone, of 0 inside.
fn bright_border(network: &Network, side: usize) -> Data {
    data(network, 2, side, |_, r, s| u8::from(touches(side, r * side + s)).into())
}

#[test]
fn borders_by_chance_are_those_of_the_same_places_without_a_border() {
    // Of 16 x 16 pixels 60 are 1: the mean is 0.234, the deviation 0.424, and gratings reach 0.834. Above 0.9 there is the ring alone,
    // by 0.1, whether it lies at a border or not.
    let network = one_layer(16, &[(&[1.0], -0.9)]);
    let data = bright_border(&network, 16);
    let (found, _) = heard(&network, &data);
    let (layer, filter) = (&found.layers[0], &found.layers[0].filters[0]);
    assert_eq!((filter.border.auc_without, filter.border.auc, filter.border.vanishes), (1.0, 1.0, Some(0.0)));
    assert_relative_eq!(filter.border.drive_without, 0.1, epsilon = 1e-6);
    assert_eq!((filter.tuning.is_none(), layer.border_threshold, layer.borders_by_chance), (true, 0.99, 1));
    assert_ne!(filter.verdict, Verdict::Border, "the border is not the cause");

    // Of 8 x 8 pixels 28 are 1: the mean is 0.4375, the amplitude of a grating 0.70. Above the mean the ring answers 0.5625: less.
    let network = one_layer(8, &[(&[1.0], -0.4375)]);
    let found = heard(&network, &bright_border(&network, 8)).0;
    let border = found.layers[0].filters[0].border;
    assert_eq!((border.auc_without, found.layers[0].borders_by_chance), (1.0, 0));
    assert_relative_eq!(border.drive_without, 0.5625, epsilon = 1e-6);
}

#[test]
fn the_border_is_told_by_the_first_sixteen_images_of_the_data() {
    let network = one_layer(8, &[(&[1.0], -0.5)]);
    // Inside in turn 0 and 1; the ring is dark, but in the last image bright.
    let value =
        |i: usize, r: usize, s: usize| if touches(8, r * 8 + s) { (i / 16) as f32 } else { ((r + s) % 2) as f32 };
    for (images, drive) in [(16, 0.0), (17, 0.0), (40, 0.0)] {
        let filter = &first(&network, &data(&network, images, 8, value))[0];
        assert_eq!((filter.border.drive, filter.border.drive_without), (drive, drive), "{images} images");
    }
}

/// The stimuli are of the network's size, the data of their own: 12 x 12 pixels, of which 44 are the ring.
#[test]
fn data_larger_than_the_stimuli_are_seen_as_they_are() {
    let network = one_layer(8, &[(&[1.0], -0.5)]);
    let filter = &first(&network, &bright_border(&network, 12))[0];
    assert_relative_eq!(filter.life.on, 44.0 / 144.0, epsilon = 1e-12);
    let border = filter.border;
    assert_eq!((border.auc, border.auc_without, border.drive, border.vanishes), (1.0, 1.0, 0.5, Some(0.0)));
}

#[test]
fn small_weights_are_no_rounding() {
    let edge = |_: usize, o: usize| [-1.0, 0.0, 1.0].repeat(3).iter().map(|v| v * [1.0, 1e-4][o]).collect();
    let edges = planted::conv("edges", 3, (1, 2), edge, &[0.0; 2], Activation::Relu, 0);
    let network = network(vec![planted::input(8, 1), edges]);
    let filters = first(&network, &data(&network, 3, 8, |i, r, s| ((3 * i + r * r + s) % 5) as f32 / 4.0));
    let [large, small] = [0, 1].map(|i| filters[i].tuning.as_ref().unwrap());
    assert_relative_eq!(large.frequency, small.frequency, max_relative = 1e-3);
    assert_relative_eq!(large.selectivity, small.selectivity, epsilon = 1e-3);
    assert_eq!(filters[0].verdict, filters[1].verdict);
}

#[test]
fn what_is_zero_is_neither_on_nor_awake() {
    // From 0.1 on brightness is on for every image in the data's range; of black it makes nothing. Then what never is anything.
    let filters: [(&[f64], f64); 2] = [(&[1.0], 0.0), (&[0.0], 0.0)];
    let network = one_layer(8, &filters);
    let found = first(&network, &data(&network, 3, 8, |i, r, s| 0.1 + 0.2 * ((i + r * s) % 5) as f32));
    assert_eq!(found[0].life.on, 1.0);
    assert_ne!(found[0].verdict, Verdict::AlwaysOn);
    assert_eq!(found[1].reason, Reason::Dead { proven: true, wakes: false });
    // Steps up by more than 0.3, from one pixel to the next: none in the data, many in noise.
    let mut step = [0.0; 9];
    (step[4], step[5]) = (-1.0, 1.0);
    let conv =
        |filter: [f64; 9], bias| planted::conv("step", 3, (1, 1), |_, _| filter.to_vec(), &[bias], Activation::Relu, 0);
    let steps = self::network(vec![planted::input(8, 1), conv(step, -0.3)]);
    let ramps = data(&steps, 2, 8, |i, _, s| 0.1 * s as f32 + 0.01 * i as f32);
    assert_eq!(first(&steps, &ramps)[0].reason, Reason::Dead { proven: false, wakes: true });
}

/// Of a layer that is off everywhere no filter is less on than the others.
#[test]
fn in_a_dead_layer_all_are_dormant() {
    let layers = vec![
        planted::input(8, 1),
        points("on", &[(&[1.0], 0.0)], 0),
        points("off", &[(&[-1.0], 0.0), (&[-1.0], 0.0)], 1),
    ];
    let network = network(layers);
    let found = heard(&network, &data(&network, 2, 8, |i, r, s| ((i + r * s) % 3) as f32)).0;
    assert_eq!(found.layers[1].filters.iter().map(|f| f.life.dormant).collect::<Vec<_>>(), [0.0, 0.0]);
    assert_eq!(found.layers[0].filters[0].life.dormant, 1.0);
}

/// A layer of 64 filters has a threshold of its own, of two draws; one of fewer shares that of all.
#[test]
fn large_layers_have_thresholds_of_their_own() {
    let random = |_: usize, o: usize| -> Vec<f64> {
        let mut rng = stream(9, "kernels", o as u64);
        let taps: Vec<f64> = (0..9).map(|_| rng.random_range(-1.0..1.0)).collect();
        // Without their mean they are blind to the grey, so that there is something above it.
        taps.iter().map(|tap| tap - taps.iter().sum::<f64>() / 9.0).collect()
    };
    let wide = planted::conv("wide", 3, (1, 64), random, &[0.0; 64], Activation::Relu, 0);
    let last = planted::conv("last", 3, (64, 1), |i, o| random(o, i), &[0.0], Activation::Relu, 1);
    let network = network(vec![planted::input(8, 1), wide, last]);
    let found = heard(&network, &data(&network, 3, 8, |i, r, s| ((3 * i + r * r + s) % 5) as f32 / 4.0)).0;
    let [wide, last] = &found.layers[..] else { panic!("two layers") };
    assert_eq!(wide.chance.len(), 2 * 64);
    let sorted = |own: bool, of: &dyn Fn(usize) -> Vec<f64>| {
        let mut values = if own { of(0) } else { [of(0), of(1)].concat() };
        values.sort_by(f64::total_cmp);
        quantile(&values, 0.99)
    };
    let lines = |layer: usize| found.layers[layer].chance.iter().map(|chance| chance.selectivity).collect();
    let borders = |layer: usize| found.layers[layer].filters.iter().map(|f| f.border.auc_without).collect();
    for (layer, own) in [(wide, true), (last, false)] {
        assert_relative_eq!(layer.line_threshold, sorted(own, &lines), epsilon = 1e-12);
        assert_relative_eq!(layer.border_threshold, sorted(own, &borders).min(0.99), epsilon = 1e-12);
    }
    assert_ne!(wide.line_threshold, last.line_threshold);
}

/// Two channels that are alike have a difference of 0: that is not on, though it is not proven that it never is.
#[test]
fn what_is_zero_on_the_data_does_not_live_on_them() {
    let network = one_layer(8, &[(&[1.0, -1.0], 0.0), (&[1.0, 0.0], 0.0), (&[1.0, 1.0], -9.0)]);
    let data = data(&network, 2, 8, |i, r, s| ((i + r * s) % 3) as f32);
    let executor = common::open(Backend::Cpu).unwrap();
    let why = why_dead(&*executor, &network, 1, &[2, 0, 1], &data).unwrap();
    assert_eq!(why, [WhyDead::Proven, WhyDead::OffOnData, WhyDead::LivesOnData]);
}

/// Filters of a border of zeros, before what an image of another size may not fit.
#[test]
fn a_larger_canvas_is_shown_where_it_fits() {
    let mean = || planted::conv("mean", 3, (1, 1), |_, _| vec![-1.0; 9], &[9.0], Activation::Relu, 0);
    let two = Window::new(2, 2);
    let pool = |input| {
        let pool = Kind::Pool { pool: Pool::Average, window: two, stride: two, padding: Padding::Valid };
        planted::layer("pool", "AveragePooling2D", pool, vec![input])
    };
    let add = |inputs| planted::layer("add", "Add", Kind::Merge(Merge::Add), inputs);
    // The first eight rows, or columns, added to all of them.
    let part = |axis: usize| {
        let eight = Part::Range { start: None, stop: Some(8), step: 1 };
        let parts = (0..3).map(|i| if i == axis { eight } else { Part::ALL }).collect();
        network(vec![
            planted::input(8, 1),
            mean(),
            planted::layer("part", "Slice", Kind::Slice(parts), vec![1]),
            add(vec![1, 2]),
            out(3),
        ])
    };
    // Two pixels less than a multiple of four: 12 of 14, 36 of 38; but not of 28.
    let valid = {
        let mut valid = planted::conv("valid", 3, (1, 1), |_, _| POINT.to_vec(), &[0.0], Activation::Linear, 1);
        let Kind::Conv2d { conv, .. } = &mut valid.kind else { panic!() };
        conv.padding = Padding::Valid;
        let up = planted::layer("up", "UpSampling2D", Kind::Upsample { h: 4, w: 4 }, vec![4]);
        network(vec![planted::input(14, 1), mean(), valid, pool(2), pool(3), up, add(vec![2, 5]), out(6)])
    };
    for (name, network, side, fits) in
        [("rows", part(1), 8, false), ("columns", part(2), 8, false), ("two less", valid, 14, true)]
    {
        let dots = data(&network, 2, side, |i, r, s| 0.5 + ((i + r * s) % 3) as f32 / 4.0);
        let border = heard(&network, &dots).0.layers[0].filters[0].border;
        // Where there are zeros, there is less to be taken away.
        assert!(border.drive > 0.0, "{name}");
        assert_eq!(border.vanishes.is_some(), fits, "{name}");
        assert!(border.vanishes.is_none_or(|share| share > 0.5), "{name}: {border:?}");
    }
}

fn out(input: usize) -> Layer {
    points("out", &[(&[1.0], 0.0)], input)
}
