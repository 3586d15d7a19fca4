//! Limits of memory, figures' rows, ties and rescues of climbs, shifts and seams of dreams: by hand, on networks of one pixel's reach.

#[path = "common/layers.rs"]
mod layers;
#[path = "common/wrapped.rs"]
mod wrapped;

use layers::chain;
use std::sync::{Arc, Mutex};
use unet_lens::Result;
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::Executor;
use unet_lens::engine::exec::memory::Limit;
use unet_lens::engine::exec::reference::Reference;
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{Function, Window};
use unet_lens::engine::plan::Plan;
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::lens::activations::{self, overview};
use unet_lens::lens::ascent::{Climb, Parameter, Recipe, Rescue, Starts, Verdict, climb, fourier, rescue};
use unet_lens::lens::dream::{Dream, Octave, Work, dream, reach};
use unet_lens::network::{Activation, Convolution, Interpolation, Kind, Network, Padding, Pool, Size, unet};
use unet_lens::picture::Colormap;
use wrapped::{Besides, wrapped};

/// A convolution of one pixel.
fn mix(ci: usize, co: usize, weights: &[f32], bias: Option<f32>, activation: Activation) -> Kind {
    let bias = bias.map(|b| vec![b; co].into());
    Kind::Conv2d { conv: Convolution { bias, ..layers::convolution(1, ci, co, weights) }, activation }
}

/// The image itself.
fn same() -> Kind {
    mix(1, 1, &[1.0], None, Activation::Linear)
}

fn pool() -> Kind {
    let window = Window::new(2, 2);
    Kind::Pool { pool: Pool::Max, window, stride: window, padding: Padding::Valid }
}

fn tensor(h: usize, w: usize, values: impl IntoIterator<Item = f32>) -> Tensor {
    Tensor::new(Shape::new(1, h, w, 1), values.into_iter().collect())
}

fn limited(bytes: u64) -> Reference {
    Reference { limit: Limit::new(Some(bytes)) }
}

/// The program's own, and of each layer so many maps as are kept, four bytes a value: 5 x 7 pixels times 2 of 3 channels and 1 of 1.
#[test]
fn what_activations_take() {
    let network = chain(
        1,
        vec![mix(1, 3, &[1.0, 2.0, 3.0], None, Activation::Linear), mix(3, 1, &[1.0; 3], None, Activation::Linear)],
    );
    let image = tensor(5, 7, vec![0.5; 35]);
    let mut graph = Graph::new();
    let input = graph.input("image", image.shape).unwrap();
    let built = unet::graph_of(graph, input, &network, &[1, 2], None).unwrap();
    let nodes: Vec<NodeId> = [1, 2].iter().filter_map(|&layer| built.layers[layer]).collect();
    let plan = Plan::compile(built.graph, &nodes, &[], &[]);
    let program = Reference::default().compile(Arc::new(plan)).unwrap().memory().host;
    let needed = program + 35 * (2 + 1) * 4;
    let with = |limit: u64| activations::compute(&limited(limit), &network, &image, &[1, 2], 2).is_ok();
    assert!(with(needed) && !with(needed - 1), "{needed}");
}

/// Of each result its numbers, and their bytes in a file: eight bytes a value.
#[test]
fn what_a_prediction_takes() {
    let network = chain(1, vec![mix(1, 3, &[1.0, 2.0, 3.0], None, Activation::Linear)]);
    let images = Tensor::new(Shape::new(4, 5, 7, 1), vec![0.5; 140]);
    let built = unet::graph_to(&network, 1, None, images.shape.with_n(1)).unwrap();
    let plan = Plan::compile(built.graph, &[built.output], &[], &[]);
    let needed = Reference::default().compile(Arc::new(plan)).unwrap().memory().host + 4 * 35 * 3 * 8;
    let with = |limit: u64| {
        let mut watch = Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} };
        activations::predict(&limited(limit), &network, &images, &mut watch).is_ok()
    };
    assert!(with(needed) && !with(needed - 1), "{needed}");
}

/// 3 x 3 pixels, mirrored to 4 x 4: the largest of the four windows are 5, 6, 8 and 9.
#[test]
fn a_picture_goes_through_the_whole_network() {
    let image = tensor(3, 3, (1..=9).map(|v| v as f32));
    let run = |kinds: Vec<Kind>| activations::whole(&Reference::default(), &chain(1, kinds), &image).unwrap();
    // What keeps the size gives it back, without what was added.
    let (seen, out) = run(vec![pool(), Kind::Upsample { h: 2, w: 2 }]);
    assert_eq!((seen, out), (image.clone(), tensor(3, 3, [5.0, 5.0, 6.0, 5.0, 5.0, 6.0, 8.0, 8.0, 9.0])));
    // What does not shows all that went in.
    let (seen, out) = run(vec![pool()]);
    let mirrored = [1.0, 2.0, 3.0, 2.0, 4.0, 5.0, 6.0, 5.0, 7.0, 8.0, 9.0, 8.0, 4.0, 5.0, 6.0, 5.0];
    assert_eq!((seen, out), (tensor(4, 4, mirrored), tensor(2, 2, [5.0, 6.0, 8.0, 9.0])));
}

fn activation(name: &str, kept: usize) -> activations::Activation {
    let channel = |number| activations::Channel { number, map: vec![0.25; 6] };
    let (strongest, means) = ((0..kept).map(channel).collect(), vec![0.5; kept]);
    let (name, class, shape) = (name.to_string(), "C".to_string(), Shape::new(1, 2, 3, kept));
    activations::Activation { layer: 0, name, class, shape, means, strongest }
}

/// Whatever a layer has of channels, its box is the first of a row of its own.
#[test]
fn each_layer_begins_a_row() {
    let names = ["ll_a", "ll_b", "ll_c", "ll_d", "ll_e", "ll_f"];
    let all: Vec<_> = names.iter().zip([5, 1, 2, 4, 3, 5]).map(|(name, kept)| activation(name, kept)).collect();
    let figure = overview(&all, Colormap::Gray);
    let place = |name: &str| {
        let text = figure.texts().iter().find(|text| text.text == name).unwrap();
        ((text.left + text.right) / 2, text.top)
    };
    let places = names.map(place);
    assert!(places.iter().all(|(middle, _)| (middle - places[0].0).abs() <= 2), "{places:?}");
    assert!(places.windows(2).all(|pair| pair[0].1 < pair[1].1), "{places:?}");
}

/// Lines of at most 13 letters, as full as may be, each ending at an underscore.
#[test]
fn a_long_name_stands_on_lines() {
    let figure = overview(&[activation("conv2d_transpose_block_12_expand", 1)], Colormap::Gray);
    let words: Vec<&str> = figure.texts().iter().map(|line| line.text.as_str()).collect();
    for word in ["conv2d_", "transpose_", "block_12_", "expand"] {
        assert!(words.contains(&word), "{word}: {words:?}");
    }
}

/// Two pools by 2: a pixel is 4 of the image's. Enlarged by 2 it is 2, and by 3 x 3 pixels a layer sees 2 more.
#[test]
fn the_reach_behind_a_resize() {
    let conv = layers::conv(3, 1, 1, &[1.0; 9], Activation::Linear);
    let resize = Kind::Resize { to: Size::Factor(Window::new(2, 2)), by: Interpolation::Nearest };
    // 1 and 2 by the pools, 4 by the resize.
    assert_eq!(reach(&chain(1, vec![pool(), pool(), resize.clone()]), 3), 1 + 2 + 4);
    assert_eq!(reach(&chain(1, vec![pool(), pool(), resize, conv]), 4), 1 + 2 + 4 + 2);
}

fn climbed(network: &Network, seeds: &Tensor, recipe: Recipe) -> Climb {
    let mut watch = Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} };
    climb(&Reference::default(), network, network.output, &[0], seeds, recipe, &mut watch).unwrap().remove(0)
}

/// Up to a ceiling of 1, or down to a floor of 0, and no further: the first step that is there is the best.
#[test]
fn of_equally_good_steps_the_first_is_shown() {
    let ceiling = Function::Relu { slope: 1.0, threshold: 0.0, max: 1.0 };
    let up = chain(1, vec![mix(1, 1, &[1.0], None, Activation::Pointwise(ceiling))]);
    let down = chain(1, vec![mix(1, 1, &[1.0], None, Activation::Relu)]);
    for (network, negative, there) in [(up, false, 1.0), (down, true, 0.0)] {
        let recipe = Recipe { steps: 4, keep_best: true, negative, ..Recipe::default() };
        let found = climbed(&network, &tensor(1, 1, [0.5]), recipe);
        assert_eq!(found.losses, [0.5, there, there, there, there]);
        assert_eq!(found.shown, 1);
    }
}

/// Without a step the picture is the seed, also where waves are climbed.
#[test]
fn no_step_leaves_the_seed() {
    let seeds = tensor(4, 3, (0..12).map(|v| v as f32 / 8.0));
    for parameter in [Parameter::Pixel, Parameter::Fourier] {
        let found = climbed(&chain(1, vec![same()]), &seeds, Recipe { steps: 0, parameter, ..Recipe::default() });
        assert_eq!((found.picture, found.rms.len(), found.shown), (seeds.data.clone(), 0, 0));
        assert!((found.losses[0] - 5.5 / 8.0).abs() < 1e-6 && found.losses.len() == 1, "{:?}", found.losses);
    }
}

/// Of two pixels a and b as the strengths of both waves, which are alike, the picture is a + b and a - b over the root of 2: the first
/// pixel is the larger one where b is above 0. Mean and spread stay those of a and b.
#[test]
fn pink_noise_of_two_pixels_by_hand() {
    for ([a, b], expected) in [([1.0, 3.0], [3.0, 1.0]), ([3.0, 1.0], [3.0, 1.0]), ([3.0, -1.0], [-1.0, 3.0])] {
        let pink = fourier::pink(&Reference::default(), &tensor(2, 1, [a, b])).unwrap();
        for (found, right) in pink.data.iter().zip(expected) {
            assert!((found - right).abs() < 1e-5, "{:?} of {a} and {b}", pink.data);
        }
    }
}

/// Into the relu goes -x² - 1, which lets nothing through. From 0.4 a step of one leads to -0.6, where it is lower; half a step to -0.1.
#[test]
fn what_fell_before_its_relu_is_climbed_there_with_shorter_steps() {
    let square = mix(1, 1, &[1.0], None, Activation::Square);
    let network = chain(1, vec![square, mix(1, 1, &[-1.0], Some(-1.0), Activation::Relu)]);
    let seed = tensor(1, 1, [0.4]);
    let starts = |_: u64, filters: &[usize]| {
        assert_eq!(filters, [0]);
        Ok(seed.clone())
    };
    let near = |a: f32, b: f32| (a - b).abs() < 1e-3;
    for before_relu in [true, false] {
        let recipe = Recipe { steps: 1, before_relu, ..Recipe::default() };
        let mut climbs = [climbed(&network, &seed, recipe)];
        assert_eq!(climbs[0].verdict, if before_relu { Verdict::Fell { step: 1 } } else { Verdict::Dead });
        let mut watch = Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} };
        let from = Starts { own: 0, tried: 1..1, of: &starts };
        rescue(&Reference::default(), &network, 2, &mut climbs, recipe, from, &mut watch).unwrap();
        let [found] = climbs;
        let way = if before_relu { None } else { Some(Rescue::BeforeRelu) };
        assert_eq!((found.verdict, found.halved, found.rescued), (Verdict::Ok, 1, way));
        assert!(
            near(found.picture[0], -0.1) && near(found.losses[0], -1.16) && near(found.losses[1], -1.01),
            "{found:?}"
        );
    }
}

/// Of eight pixels one counts, which one is a matter of the shifts that the seed draws. Only with those of one seed it is one that lets
/// something through, and the one that counts in the end: 1 - x² is 0.84 at 0.4, below 0 at 2. The gradient of one pixel of eight is as
/// long as the root of 8 times its RMS: a step leads from 0.4 to -2.43, half of it to -1.01, and a quarter to -0.31, where it is higher.
#[test]
fn a_seed_is_tried_with_its_own_shifts_from_the_first_step_to_the_last() {
    let square = mix(1, 1, &[1.0], None, Activation::Square);
    let network = chain(1, vec![square, mix(1, 1, &[-1.0], Some(1.0), Activation::Relu)]);
    let recipe = |seed: u64| Recipe { steps: 1, jitter: 3, neuron: Some((0, 0)), seed, ..Recipe::default() };
    let counts = |seed: u64| {
        let moved = climbed(&network, &tensor(1, 8, [0.4; 8]), recipe(seed)).picture;
        moved.iter().position(|v| (v - 0.4).abs() > 0.1).unwrap()
    };
    let own = (0..).find(|&seed| counts(seed) != 0).unwrap();
    let other = (own + 1..).find(|&seed| counts(seed) == 0).unwrap();
    let lit = tensor(1, 8, (0..8).map(|i| if i == 0 { 0.4 } else { 2.0 }));
    let mut climbs = [climbed(&network, &tensor(1, 8, [2.0; 8]), recipe(own))];
    assert_eq!(climbs[0].verdict, Verdict::Dead);
    let starts = |seed: u64, _: &[usize]| {
        assert_eq!(seed, other);
        Ok(lit.clone())
    };
    let mut watch = Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} };
    let from = Starts { own, tried: other..other + 1, of: &starts };
    rescue(&Reference::default(), &network, 2, &mut climbs, recipe(own), from, &mut watch).unwrap();
    let [found] = climbs;
    assert_eq!((found.verdict, found.halved, found.rescued), (Verdict::Ok, 2, Some(Rescue::Seed(other))));
    assert!((found.picture[0] - (0.4 - 8f32.sqrt() / 4.0)).abs() < 1e-3, "{:?}", found.picture);
}

/// All that was written into an executor.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Tensor>>>);

impl Besides for Heard {
    fn written(&mut self, values: &Tensor) {
        self.0.lock().unwrap().push(values.clone());
    }
}

/// A dream in one octave; with what its executor heard.
fn dreamt(network: &Network, image: &Tensor, what: Dream, most: usize) -> Result<(Tensor, Octave, Vec<Tensor>)> {
    let executor = wrapped(Arc::new(Reference::default()), Heard::default());
    let work = Work::with_tiles(&executor, network, &what, image.shape, most)?;
    let mut watch = Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} };
    let (picture, octaves) = dream(&executor, network, image, &what, &work, &mut watch, None)?;
    let heard = executor.1.0.lock().unwrap().clone();
    Ok((picture, octaves[0], heard))
}

fn what(network: &Network, filter: Option<usize>, steps: usize, step_size: f32, jitter: usize) -> Dream {
    Dream { filter, octaves: 1, steps, step_size, jitter, ..Dream::of(network.output, 3) }
}

/// Of pixels that are all different one tells the shift: along each axis all from -2 to 2.
#[test]
fn a_dream_is_moved_both_ways() {
    let (h, w) = (9, 7);
    let image = tensor(h, w, (0..h * w).map(|i| i as f32 / 64.0));
    let network = chain(1, vec![same()]);
    let (picture, _, heard) = dreamt(&network, &image, what(&network, None, 60, 0.0, 2), 100).unwrap();
    assert_eq!((picture, heard.len()), (image, 60));
    let mut seen = [vec![], vec![]];
    for tile in &heard {
        let first = tile.data.iter().position(|&v| v == 0.0).unwrap();
        let moved = |at: usize, size: usize| if at > size / 2 { at as i64 - size as i64 } else { at as i64 };
        let (down, right) = (first / w, first % w);
        // The first pixel lies there, and all others lie as they did from it.
        for (i, &v) in tile.data.iter().enumerate() {
            let from = (i / w + h - down) % h * w + (i % w + w - right) % w;
            assert_eq!(v, from as f32 / 64.0);
        }
        seen[0].push(moved(down, h));
        seen[1].push(moved(right, w));
    }
    for mut axis in seen {
        axis.sort_unstable();
        axis.dedup();
        assert_eq!(axis, [-2, -1, 0, 1, 2]);
    }
}

/// Pools by 4; tiles of 32 columns with margins of 8: cores of 16. The first of them ends at column 4, 8, 12 or 16, all equally often;
/// the third tile begins a margin before the third core.
#[test]
fn seams_lie_elsewhere_in_every_step() {
    let (h, w, steps) = (4, 128, 80);
    let image = tensor(h, w, (0..h * w).map(|i| i as f32 / 512.0));
    let network = chain(1, vec![pool(), pool(), same()]);
    let (picture, _, heard) = dreamt(&network, &image, what(&network, None, steps, 0.0, 0), 32).unwrap();
    assert_eq!(picture, image);
    assert!(heard.iter().all(|tile| (tile.shape.h, tile.shape.w) == (4, 32)));
    let starts: Vec<usize> = heard.iter().map(|tile| (tile.data[0] * 512.0) as usize).collect();
    // A step begins where no tile before it began so far to the right.
    let steps_of: Vec<&[usize]> = starts.chunk_by(|a, b| a <= b).collect();
    assert_eq!(steps_of.len(), steps);
    for first in [4, 8, 12, 16] {
        let count = steps_of.iter().filter(|starts| starts[2] == first + 16 - 8).count();
        assert!((8..=40).contains(&count), "of {steps} steps the first core ends {count} times at {first}");
    }
}

/// Each pixel of both channels grows by its own value, divided by the mean of all, times the step size, wherever it was moved.
#[test]
fn a_dream_of_two_channels_by_hand() {
    let network = chain(2, vec![mix(2, 2, &[1.0, 0.0, 0.0, 1.0], None, Activation::Linear)]);
    let values: Vec<f32> = (0..70).map(|i| (i * 37 % 101) as f32 / 200.0 + 0.1).collect();
    let mean = values.iter().sum::<f32>() / 70.0;
    let image = Tensor::new(Shape::new(1, 5, 7, 2), values);
    for seed in 0..4 {
        let dream = Dream { seed, ..what(&network, None, 1, 0.05, 3) };
        let (picture, ..) = dreamt(&network, &image, dream, 100).unwrap();
        for (found, v) in picture.data.iter().zip(&image.data) {
            assert!((found - (v + 0.05 * v / mean)).abs() < 1e-5, "{found} from {v}, seed {seed}");
        }
    }
}

/// Of an even picture each tile's mean square is that of the whole. And where the slope is 0 the picture stays as it is.
#[test]
fn the_goal_of_many_tiles_is_their_mean() {
    let even = tensor(4, 200, vec![0.5; 800]);
    let network = chain(1, vec![same()]);
    let (_, octave, heard) = dreamt(&network, &even, what(&network, None, 1, 0.0, 1), 32).unwrap();
    assert!(heard.len() > 5 && octave.first == 0.25, "{} tiles: {octave:?}", heard.len());

    let nothing = chain(1, vec![mix(1, 1, &[0.0], None, Activation::Linear)]);
    let image = tensor(3, 4, (0..12).map(|i| i as f32 / 16.0));
    let (picture, octave, _) = dreamt(&nothing, &image, what(&nothing, Some(0), 2, 0.1, 1), 100).unwrap();
    assert_eq!((picture, octave.first, octave.last), (image, 0.0, 0.0));
}

/// x + 10³⁹ is more than a single-precision number holds, though its slope is 1.
#[test]
fn a_goal_beyond_all_numbers_stops_the_dream() {
    let beyond = Kind::BatchNorm { axis: -1, scale: vec![1.0].into(), shift: vec![1e39].into() };
    let network = chain(1, vec![beyond, same()]);
    let image = tensor(3, 4, vec![0.5; 12]);
    let error = dreamt(&network, &image, what(&network, Some(0), 1, 0.1, 0), 100).unwrap_err();
    assert!(error.to_string().contains("left the range of numbers"), "{error}");
}

/// A picture that is mirrored on to a size that fits takes the memory of one that has that size.
#[test]
fn a_dream_of_any_size_takes_what_its_enlarged_picture_takes() {
    let network = chain(1, vec![pool(), pool(), same()]);
    let needed = |h: usize, w: usize| {
        let what = what(&network, None, 1, 0.05, 0);
        Work::new(&Reference::default(), &network, &what, Shape::new(1, h, w, 1)).unwrap().needed
    };
    assert_eq!(needed(37, 38), needed(40, 40));
    assert_eq!(needed(38, 37), needed(40, 40));
    assert!(needed(40, 40).total() < needed(44, 40).total());
}
