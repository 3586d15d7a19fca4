//! How far a layer sees, what a climb takes and hears, which waves a picture is made of: by hand, on networks made by hand.

#[path = "common/layers.rs"]
mod layers;

use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::Executor;
use unet_lens::engine::exec::memory::{Limit, Memory};
use unet_lens::engine::exec::reference::Reference;
use unet_lens::engine::ops::{Kernel, Sides, Window};
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::lens::activations::{self, overview};
use unet_lens::lens::ascent::{
    Fixed, Job, Objective, Optimizer, Parameter, Recipe, Rescue, Verdict, climb, draw_filters, first_alive,
    first_alive_of, fourier, gradient, noise, noise_bytes,
};
use unet_lens::lens::dream::{Dream, Work, reach};
use unet_lens::network::{
    Activation, Border, Convolution, Interpolation, Kind, Merge, Network, Padding, Part, Pool, Reduction, Size, unet,
};
use unet_lens::picture::Colormap;

fn convolution(kh: usize, kw: usize, ci: usize, co: usize) -> Convolution {
    layers::plain(Kernel::new(kh, kw, ci, co, vec![0.1; kh * kw * ci * co].into()).unwrap())
}

fn conv(convolution: Convolution) -> Kind {
    Kind::Conv2d { conv: convolution, activation: Activation::Linear }
}

/// One layer after the other, on an image of one channel and any size.
fn chain(kinds: Vec<Kind>) -> Network {
    layers::chain(1, kinds)
}

fn seen_by(kinds: Vec<Kind>) -> usize {
    let network = chain(kinds);
    reach(&network, network.output)
}

/// How far a layer's output looks, along the axis on which that is farther.
#[test]
fn the_reach_of_a_layer_by_hand() {
    let plain = |k| conv(convolution(k, k, 1, 1));
    let strided = |k, s| conv(Convolution { stride: Window::new(s, s), ..convolution(k, k, 1, 1) });
    let pool = |k, s| Kind::Pool {
        pool: Pool::Max,
        window: Window::new(k, k),
        stride: Window::new(s, s),
        padding: Padding::Same,
    };
    let dilated = |kh, kw, d| conv(Convolution { dilation: Window::new(d, d), ..convolution(kh, kw, 1, 1) });
    let up = |n| Kind::Upsample { h: n, w: n };
    let transpose = |k, s| Kind::ConvTranspose {
        conv: Convolution { stride: Window::new(s, s), ..convolution(k, k, 1, 1) },
        output_padding: None,
        activation: Activation::Linear,
    };
    let resize = |to| Kind::Resize { to, by: Interpolation::Bilinear };
    for (kinds, expected) in [
        (vec![], 0),
        (vec![plain(1)], 0),
        (vec![plain(3)], 1),
        (vec![plain(3), plain(5)], 3),
        // Along the axis on which it is longer, and of an even kernel the longer half.
        (vec![conv(convolution(3, 7, 1, 1))], 3),
        (vec![conv(convolution(6, 1, 1, 1))], 3),
        (vec![dilated(3, 3, 4)], 4),
        (vec![dilated(1, 5, 3)], 6),
        // With a stride its window may begin anywhere; behind it a pixel is two.
        (vec![strided(3, 2)], 2),
        (vec![strided(3, 2), plain(3)], 2 + 2),
        (vec![strided(1, 4), plain(3), plain(3)], 4 + 4),
        (vec![pool(2, 2)], 1),
        (vec![pool(3, 2), plain(5)], 2 + 2 * 2),
        (vec![pool(2, 2), pool(2, 2), plain(3)], 1 + 2 + 4),
        // Upsampled, a pixel lies at most one of those before away, and pixels are near each other again.
        (vec![pool(2, 2), up(2), plain(3)], 1 + 2 + 1),
        (vec![pool(4, 4), up(2), plain(3)], 3 + 4 + 2),
        (vec![up(2), plain(3)], 1 + 1),
        (vec![pool(2, 2), resize(Size::Factor(Window::new(2, 2))), plain(3)], 1 + 2 + 1),
        (vec![transpose(3, 2), plain(3)], 2 / 2 + 1 + 1),
        (vec![pool(4, 4), transpose(5, 2), plain(3)], 3 + 4 * (4 / 2 + 1) + 2),
        (vec![Kind::SpaceToDepth(3), conv(convolution(3, 3, 9, 1))], 2 + 3),
        (vec![Kind::SpaceToDepth(4), Kind::DepthToSpace(2), conv(convolution(3, 3, 4, 1))], 3 + 4 + 2),
        (vec![plain(3), Kind::Identity, Kind::Activation(Activation::Relu), plain(3)], 2),
        (vec![plain(3), Kind::Linear { scale: 2.0, shift: 1.0 }, Kind::Repeat(1), Kind::Crop(Sides::NONE)], 1),
        (vec![plain(3), Kind::Concat { axis: -1 }], 1),
        (vec![plain(3), Kind::Concat { axis: 3 }], 1),
        (vec![plain(3), Kind::Pad { sides: Sides::NONE, with: Border::Zeros }], 1),
    ] {
        assert_eq!(seen_by(kinds.clone()), expected, "{kinds:?}");
    }
    let separable = Kind::Separable {
        depthwise: Convolution { dilation: Window::new(2, 2), ..convolution(5, 5, 1, 1) },
        pointwise: convolution(1, 1, 1, 1),
        activation: Activation::Relu,
    };
    assert_eq!(seen_by(vec![separable]), 4);
    // What may see all of the image.
    for kind in [
        Kind::Resize { to: Size::Pixels(Window::new(8, 8)), by: Interpolation::Nearest },
        Kind::LayerNorm { axes: vec![1], epsilon: 1e-3, gamma: None, beta: None },
        Kind::GroupNorm { groups: None, axis: -1, epsilon: 1e-3, gamma: None, beta: None },
        Kind::UnitNorm { axes: vec![1] },
        Kind::Softmax { axes: vec![1] },
        Kind::Reduce { by: Reduction::Mean, axes: vec![1], keep: true },
        Kind::Slice(vec![Part::Rest]),
        Kind::Reshape(vec![-1]),
        Kind::Flatten,
        Kind::Permute(vec![2, 1, 3]),
        Kind::ExpandDims(1),
        Kind::Squeeze(vec![]),
        Kind::Pad { sides: Sides::NONE, with: Border::Reflect },
        Kind::Pad { sides: Sides::NONE, with: Border::Symmetric },
        Kind::Concat { axis: 2 },
    ] {
        assert_eq!(seen_by(vec![kind.clone()]), 1 << 30, "{kind:?}");
        assert_eq!(seen_by(vec![plain(3), kind, plain(3)]), 1 << 30);
    }
    // A skip sees as far as the farther one of its ways.
    let mut skip = chain(vec![plain(3), plain(5), Kind::Merge(Merge::Add)]);
    skip.layers[3].inputs = vec![1, 2];
    assert_eq!([1, 2, 3].map(|layer| reach(&skip, layer)), [1, 3, 3]);
}

/// Rows and columns of which an image's must be multiples, so that every pool divides what it gets.
#[test]
fn multiples_by_hand() {
    let pool = |h, w| Kind::Pool {
        pool: Pool::Average,
        window: Window::new(h, w),
        stride: Window::new(h, w),
        padding: Padding::Valid,
    };
    let up = |h, w| Kind::Upsample { h, w };
    let strided = |h, w| conv(Convolution { stride: Window::new(h, w), ..convolution(3, 3, 1, 1) });
    let transpose = |h, w| Kind::ConvTranspose {
        conv: Convolution { stride: Window::new(h, w), ..convolution(3, 3, 1, 1) },
        output_padding: None,
        activation: Activation::Linear,
    };
    let factor = |h, w| Kind::Resize { to: Size::Factor(Window::new(h, w)), by: Interpolation::Bilinear };
    let separable = |h, w| Kind::Separable {
        depthwise: Convolution { stride: Window::new(h, w), ..convolution(3, 3, 1, 1) },
        pointwise: convolution(1, 1, 1, 1),
        activation: Activation::Linear,
    };
    for (kinds, h, w) in [
        (vec![], 1, 1),
        (vec![pool(2, 3)], 2, 3),
        (vec![pool(2, 3), pool(2, 1)], 4, 3),
        // What was made larger first may be made as much smaller again.
        (vec![up(2, 3), pool(2, 2)], 1, 2),
        (vec![pool(2, 2), up(2, 2), pool(2, 2)], 2, 2),
        (vec![pool(4, 4), up(2, 4), pool(3, 3)], 12, 12),
        (vec![up(4, 1), pool(6, 6)], 3, 6),
        (vec![strided(2, 1), separable(1, 3)], 2, 3),
        (vec![transpose(2, 1), pool(2, 2)], 1, 2),
        (vec![factor(1, 2), pool(2, 2)], 2, 1),
        (vec![Kind::SpaceToDepth(2), Kind::SpaceToDepth(3)], 6, 6),
        (vec![Kind::DepthToSpace(2), pool(4, 4)], 2, 2),
        (vec![pool(2, 2), Kind::Identity, conv(convolution(3, 3, 1, 1)), pool(2, 2)], 4, 4),
    ] {
        assert_eq!(unet::size_multiple(&chain(kinds.clone())), Window::new(h, w), "{kinds:?}");
    }
    // Of two ways the multiple that both need: 4 and 6.
    let mut two = chain(vec![pool(4, 4), pool(6, 6)]);
    two.layers[2].inputs = vec![0];
    assert_eq!(unet::size_multiple(&two), Window::new(12, 12));
}

/// 1 / frequency, no more than the slowest wave that fits into the longer side has; their RMS is 1.
#[test]
fn the_strength_of_waves_by_hand() {
    // Frequencies down 0, 1/4, 1/4, 1/2; across 0, 1/2. The slowest: 1/4.
    let diagonal = 1.0 / f64::hypot(0.25, 0.5);
    let waves = [4.0, 2.0, 4.0, diagonal, 4.0, diagonal, 2.0, 2f64.sqrt()];
    let rms = (waves.iter().map(|e| e * e).sum::<f64>() / 8.0).sqrt();
    let energy = fourier::energy(Shape::new(2, 4, 2, 3));
    assert_eq!(energy.shape, Shape::new(2, 4, 2, 3));
    for (i, got) in energy.data.iter().enumerate() {
        let expected = waves[i / 3 % 8] / rms;
        assert!((f64::from(*got) - expected).abs() < 1e-6, "{i}: {got}, should be {expected}");
    }
}

#[test]
fn random_starts_and_filters() {
    let image = Shape::new(1, 20, 30, 2);
    let values = noise(5, "a", &[3, 9], image, 4.0);
    assert_eq!(values.shape, image.with_n(2));
    assert!(values.data.iter().all(|v| (0.0..4.0).contains(v)));
    let mean = values.data.iter().sum::<f32>() / values.data.len() as f32;
    assert!((mean - 2.0).abs() < 0.1, "{mean}");
    // A filter's start is its own, whatever stands beside it.
    assert_eq!(values.image(1), noise(5, "a", &[9], image, 4.0).image(0));
    let others = [noise(6, "a", &[9], image, 4.0), noise(5, "b", &[9], image, 4.0), noise(5, "a", &[3], image, 4.0)];
    assert!(others.iter().all(|other| other.image(0) != values.image(1)));
    assert_eq!(noise_bytes(values.shape), Memory::host(2 * 20 * 30 * 2 * 4));

    let drawn = draw_filters(1, "a", 100, 10);
    assert_eq!(drawn.len(), 10);
    assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]) && drawn[9] < 100, "{drawn:?}");
    assert_eq!(drawn, draw_filters(1, "a", 100, 10));
    assert!(drawn != draw_filters(2, "a", 100, 10) && drawn != draw_filters(1, "b", 100, 10));
    assert_eq!(draw_filters(1, "a", 3, 10), [0, 1, 2]);
    assert_eq!([Optimizer::Ascent.rate(), Optimizer::Adam.rate()], [1.0, 0.05]);
}

/// Two filters of one pixel, 3 x and -x: the ReLU lets the first through where the image is positive.
fn two_filters() -> Network {
    let kernel = Kernel::new(1, 1, 1, 2, [-1.0, 3.0].into()).unwrap();
    chain(vec![Kind::Conv2d { conv: Convolution { kernel, ..convolution(1, 1, 1, 1) }, activation: Activation::Relu }])
}

#[test]
fn the_first_filter_that_is_alive() {
    let network = two_filters();
    let reference = Reference::default();
    let image = |v: f32| Tensor::new(Shape::new(1, 1, 2, 1), vec![v, -v.abs()]);
    let start =
        |filter: usize| if filter == 0 { Tensor::new(Shape::new(1, 1, 2, 1), vec![1.0, 2.0]) } else { image(1.0) };
    assert_eq!(first_alive(&reference, &network, 1, start).unwrap(), (1, image(1.0)));
    // All dead: the first in the order that was asked for.
    let dead = |_: usize| Tensor::zeros(Shape::new(1, 1, 2, 1));
    assert_eq!(first_alive_of(&reference, &network, 1, [1, 0], dead).unwrap().0, 1);
    assert_eq!(first_alive_of(&reference, &network, 1, [0, 1], dead).unwrap().0, 0);
    assert_eq!(first_alive_of(&reference, &network, 1, [], dead).unwrap().0, 0);
    assert_eq!(first_alive_of(&reference, &network, 1, [1, 0], |_| image(1.0)).unwrap().0, 1);
    assert_eq!(first_alive_of(&reference, &network, 1, [0, 1], |_| image(-1.0)).unwrap().0, 0);

    // The gradient of the mean of max(3 x, 0) over two pixels: 3 / 2 where x is above 0.
    let images = Tensor::new(Shape::new(3, 1, 2, 1), vec![1.0, -1.0, 2.0, 3.0, -4.0, -5.0]);
    let mut heard = vec![];
    let cancel = Cancel::default();
    let mut watch = Watch { cancel: &cancel, progress: &mut |done, total| heard.push((done, total)) };
    let slopes = gradient(&reference, &network, (1, 1), &images, &mut watch).unwrap();
    assert_eq!((slopes.shape, &slopes.data[..]), (images.shape, &[1.5, 0.0, 1.5, 1.5, 0.0, 0.0][..]));
    assert_eq!(heard, [(1, 3), (2, 3), (3, 3)]);
    cancel.cancel();
    let mut watch = Watch { cancel: &cancel, progress: &mut |_, _| {} };
    assert!(gradient(&reference, &network, (1, 1), &images, &mut watch).is_err());
}

/// Seeds, those of a batch, pictures as they are and as they are drawn: four images for each filter; more where more is kept.
#[test]
fn what_a_climb_takes_and_hears() {
    let network = chain(vec![conv(convolution(3, 3, 1, 5))]);
    let image = Shape::new(1, 10, 6, 1);
    let one = 10 * 6 * 4;
    let filters = [0, 1, 2, 3, 4];
    let with = |recipe: Recipe, limit: Option<u64>| {
        let reference = Reference { limit: Limit::new(limit) };
        Job::new(&reference, &network, 1, &filters, image, recipe).map(|job| job.needs())
    };
    let recipe = Recipe { steps: 3, ..Recipe::default() };
    let plain = with(recipe, None).unwrap();
    assert_eq!(plain.at_once, 5);
    let objective = Objective::new(&network, 1, &filters, image, &recipe, false).unwrap();
    let compiled = Reference::default().compile(objective.plan.clone()).unwrap().memory();
    assert_eq!(plain.memory, Memory::host(compiled.host + 4 * 5 * one));
    let more = |other: Recipe| with(other, None).unwrap().memory.host - plain.memory.host;
    assert_eq!(more(Recipe { keep_frames: true, ..recipe }), 4 * 5 * one, "the start and three steps");
    assert_eq!(more(Recipe { keep_best: true, ..recipe }), 2 * 5 * one);
    let waves = Recipe { parameter: Parameter::Fourier, ..recipe };
    let of_waves = Objective::new(&network, 1, &filters, image, &waves, false).unwrap();
    let compiled_waves = Reference::default().compile(of_waves.plan.clone()).unwrap().memory();
    assert_eq!(with(waves, None).unwrap().memory.host, compiled_waves.host + (4 + 2) * 5 * one + 10 * one);

    // With exactly as much memory all are climbed at once; with a byte less half of them, rounded up, and so on to one.
    assert_eq!(with(recipe, Some(plain.memory.host)).unwrap(), plain);
    let three = with(recipe, Some(plain.memory.host - 1)).unwrap();
    assert_eq!(three.at_once, 3);
    let two = with(recipe, Some(three.memory.host - 1)).unwrap();
    assert_eq!(two.at_once, 2);
    let single = with(recipe, Some(two.memory.host - 1)).unwrap();
    assert_eq!(single.at_once, 1);
    let why = with(recipe, Some(single.memory.host - 1)).unwrap_err().to_string();
    assert!(why.contains("5 images of 10x6 pixels"), "{why}");
    let why = with(recipe, Some(4 * 5 * one - 1)).unwrap_err().to_string();
    assert!(why.contains("5 images of 10x6 pixels"), "{why}");

    // Batches of 2, 2 and 1 filters give what all give at once, and the steps of all are counted.
    let seeds = noise(0, "x", &filters, image, 2.0);
    let climbed = |limit: Option<u64>| {
        let reference = Reference { limit: Limit::new(limit) };
        let mut heard = vec![];
        let cancel = Cancel::default();
        let mut watch = Watch { cancel: &cancel, progress: &mut |done, total| heard.push((done, total)) };
        let job = Job::new(&reference, &network, 1, &filters, image, recipe).unwrap();
        (job.climb(&seeds, &mut watch).unwrap(), heard)
    };
    let ((together, all), (apart, heard)) = (climbed(None), climbed(Some(two.memory.host)));
    assert_eq!(together, apart);
    assert_eq!(together.iter().map(|climb| climb.filter).collect::<Vec<_>>(), filters);
    assert_eq!((all[0], all[all.len() - 1]), ((0, 15), (15, 15)));
    assert!(
        heard.is_sorted() && [(0, 15), (6, 15), (12, 15), (15, 15)].iter().all(|at| heard.contains(at)),
        "{heard:?}"
    );
    // In a linear network of ones each step adds 1 to the mean of the pixels inside, and so 0.9 to that of the map, but for the border.
    for climb in &together {
        assert_eq!((climb.losses.len(), climb.rms.len(), climb.shown), (4, 3, 3));
        assert!(climb.losses.windows(2).all(|pair| pair[1] > pair[0]));
        assert!(climb.rms.iter().all(|&rms| rms == climb.rms[0]), "{:?}", climb.rms);
    }
}

/// The notebook's numbers, and that of pictures and their copies: ten.
#[test]
fn what_a_dream_takes() {
    let network = chain(vec![conv(convolution(3, 3, 1, 4))]);
    let dream = Dream::of(1, 7);
    assert_eq!((dream.octaves, dream.steps, dream.jitter, dream.seed, dream.filter), (4, 10, 32, 7, None));
    assert!((dream.octave_scale - 1.4).abs() < 1e-6 && (dream.step_size - 1.5 / 255.0).abs() < 1e-9);
    let image = Shape::new(1, 100, 40, 1);
    let reference = Reference::default();
    let work = Work::new(&reference, &network, &dream, image).unwrap();
    assert_eq!((work.tiles, work.tiling.size, work.tiling.margin), (1, Window::new(100, 40), Window::new(0, 0)));
    let smaller = Work::with_tiles(&reference, &network, &dream, image, 32).unwrap();
    // Tiles of 32 rows and columns with margins of two times the reach: cores of 28. There are most where the first core has one
    // row and one column: then 28, 28, 28 and 15 of 100 rows are left, 28 and 11 of 40 columns.
    assert_eq!((smaller.tiling.size, smaller.tiling.margin), (Window::new(32, 32), Window::new(2, 2)));
    assert_eq!((smaller.tiling.core, smaller.tiles), (Window::new(28, 28), 5 * 3));
    let pictures = 100 * 40 * 4 * 10;
    assert!(smaller.needed.host > pictures && smaller.needed.host < work.needed.host);
    let with = |limit: u64| {
        let reference = Reference { limit: Limit::new(Some(limit)) };
        Work::new(&reference, &network, &dream, image).map(|work| work.tiling.size)
    };
    assert_eq!(with(work.needed.host).unwrap(), Window::new(100, 40));
    assert_eq!(with(work.needed.host - 1).unwrap(), Window::new(50, 40), "half as large");
    assert!(with(pictures - 1).is_err());
}

fn activation(name: &str, class: &str, channels: usize, kept: usize) -> activations::Activation {
    activations::Activation {
        layer: 0,
        name: name.to_string(),
        class: class.to_string(),
        shape: Shape::new(1, 2, 3, channels),
        means: vec![0.5; channels],
        strongest: (0..kept).map(|number| activations::Channel { number, map: vec![0.25; 6] }).collect(),
    }
}

/// What stands on the figures, and how many panels stand in a row.
#[test]
fn figures_of_activations() {
    let title =
        |channels, kept| activation("conv", "Conv2D", channels, kept).figure(Colormap::Gray).texts()[0].text.clone();
    assert_eq!(title(1, 1), "conv (Conv2D, 2x3): its one channel");
    assert_eq!(title(3, 3), "conv (Conv2D, 2x3): all 3 channels");
    assert_eq!(title(9, 4), "conv (Conv2D, 2x3): the 4 strongest of 9 channels");
    // Eight in a row, of more than 64 sixteen.
    let size = |kept| {
        let figure = activation("c", "C", 70, kept).figure(Colormap::Gray);
        (figure.width(), figure.height())
    };
    assert_eq!(size(64).0, size(8).0, "eight rows of eight");
    assert!(size(65).0 > size(64).0 && size(65).1 < size(64).1, "five rows: {:?} {:?}", size(65), size(64));
    // A row for each layer, whatever it has of channels: its name, and at most twelve.
    let height = |kept: &[usize]| {
        let all: Vec<_> = kept.iter().map(|&kept| activation("c", "C", 20, kept)).collect();
        overview(&all, Colormap::Gray).height()
    };
    assert_eq!([height(&[3, 1]), height(&[1, 3]), height(&[3, 2])], [height(&[3, 3]); 3]);
    assert_eq!((height(&[20, 1]), height(&[12, 12])), (height(&[20, 20]), height(&[20, 20])));
    assert!(height(&[3, 3, 3]) - height(&[3, 3]) == height(&[3, 3]) - height(&[3]) && height(&[3, 3]) > height(&[3]));
    // Long names go on lines that end at an underscore or before a capital letter.
    let names = overview(&[activation("max_pooling2d_5", "BatchNormalization", 1, 1)], Colormap::Gray);
    let words: Vec<&str> = names.texts().iter().map(|line| line.text.as_str()).collect();
    for word in ["max_", "pooling2d_5", "Batch", "Normalization", "2x3x1"] {
        assert!(words.contains(&word), "{word}: {words:?}");
    }
    let short = overview(&[activation("thirteen_long", "averyveryverylongname", 1, 1)], Colormap::Gray);
    let words: Vec<&str> = short.texts().iter().map(|line| line.text.as_str()).collect();
    assert!(words.contains(&"thirteen_long") && words.contains(&"averyveryverylongname"), "{words:?}");
}

#[test]
fn verdicts_in_words_and_with_a_picture() {
    let said = [Verdict::Ok, Verdict::Dead, Verdict::Fell { step: 3 }, Verdict::NotFinite].map(|v| v.to_string());
    assert_eq!(said, ["ok", "dead", "fell at step 3", "not finite"]);
    let shown = [Verdict::Ok, Verdict::Fell { step: 2 }, Verdict::Fell { step: 1 }, Verdict::Dead, Verdict::NotFinite];
    assert_eq!(shown.map(Verdict::has_picture), [true, true, false, false, false]);
    assert_eq!([Rescue::Seed(7), Rescue::BeforeRelu].map(|r| r.to_string()), ["seed 7", "before relu"]);
    // The mean of a masked map is the value of the one place: it counts as often as there are places.
    let mask = Fixed::Mask { map: Shape::new(2, 2, 3, 1), row: 1, column: 2 }.values();
    assert_eq!(mask.data, [0.0, 0.0, 0.0, 0.0, 0.0, 6.0, 0.0, 0.0, 0.0, 0.0, 0.0, 6.0]);
}

/// The mean of max(3 x, 0) over two pixels, less what is weighed: of 2 times the mean of squares the slope is 2 x, of 4 times the
/// variation of two pixels that differ 4 / 2.
#[test]
fn regularisers_by_hand() {
    let network = two_filters();
    let one = Shape::new(1, 1, 2, 1);
    let slope = |recipe: Recipe| {
        let objective = Objective::new(&network, 1, &[1], one, &recipe, true).unwrap();
        let mut program = Reference::default().prepare(objective.plan.clone()).unwrap();
        program.write(objective.image, &Tensor::new(one, vec![1.0, -1.0])).unwrap();
        let trace = objective.run(&mut *program, 1).unwrap();
        assert_eq!(trace[0].loss, [1.5], "the goal alone");
        program.read(objective.gradient).unwrap().data
    };
    let plain = Recipe::default();
    assert_eq!(slope(plain), [1.5, 0.0]);
    assert_eq!(slope(Recipe { l2: 2.0, ..plain }), [1.5 - 2.0, 2.0]);
    assert_eq!(slope(Recipe { tv: 4.0, ..plain }), [1.5 - 2.0, 2.0]);
    assert_eq!(slope(Recipe { tv: 4.0, l2: 2.0, ..plain }), [1.5 - 4.0, 4.0]);
    assert_eq!(slope(Recipe { negative: true, ..plain }), [-1.5, 0.0]);
}

/// No step: the picture is the seed. And images that go through the network one by one.
#[test]
fn nothing_to_climb_and_something_to_predict() {
    let network = two_filters();
    let seeds = Tensor::new(Shape::new(1, 1, 2, 1), vec![1.0, -1.0]);
    let cancel = Cancel::default();
    let mut watch = Watch { cancel: &cancel, progress: &mut |_, _| {} };
    let recipe = Recipe { steps: 0, ..Recipe::default() };
    let still = climb(&Reference::default(), &network, 1, &[1], &seeds, recipe, &mut watch).unwrap().remove(0);
    assert_eq!((still.picture, still.losses, still.rms, still.shown), (seeds.data, vec![1.5], vec![], 0));

    let images = Tensor::new(Shape::new(2, 1, 2, 1), vec![1.0, -1.0, 2.0, 3.0]);
    let mut heard = vec![];
    let mut watch = Watch { cancel: &cancel, progress: &mut |done, total| heard.push((done, total)) };
    let out = activations::predict(&Reference::default(), &network, &images, &mut watch).unwrap();
    assert_eq!(out, Tensor::new(Shape::new(2, 1, 2, 2), vec![0.0, 3.0, 1.0, 0.0, 0.0, 6.0, 0.0, 9.0]));
    assert_eq!(heard, [(1, 2), (2, 2)]);
    // Of each result its numbers, and their bytes in a file: 8 numbers of 8 bytes, beside the program's 2 + 4 numbers of 8.
    let with = |limit: u64| {
        let mut watch = Watch { cancel: &cancel, progress: &mut |_, _| {} };
        let reference = Reference { limit: Limit::new(Some(limit)) };
        activations::predict(&reference, &network, &images, &mut watch).is_ok()
    };
    let program = (0..400).find(|&limit| with(limit)).unwrap();
    assert_eq!(program % 8, 0);
    assert!(with(program) && !with(program - 1) && program >= 64 + 48, "{program}");
}

/// Down the square of two equal pixels, or up what is below zero by it, by steps of one: from 0.9 to -0.1 and back, from 2.4 by way of
/// 1.4 and 0.4 to -0.6. The best is where the square was least, and of equals the first.
#[test]
fn the_best_step_by_hand() {
    let kernel = |n, weight| Kernel::new(1, 1, 1, n, vec![weight; n].into()).unwrap();
    let conv = |n, weight, activation| Kind::Conv2d {
        conv: Convolution { kernel: kernel(n, weight), ..convolution(1, 1, 1, 1) },
        activation,
    };
    let down = chain(vec![conv(2, 1.0, Activation::Square)]);
    let up = chain(vec![conv(1, 1.0, Activation::Square), conv(2, -1.0, Activation::Linear)]);
    let seeds = Tensor::new(Shape::new(2, 1, 2, 1), vec![0.9, 0.9, 2.4, 2.4]);
    let near = |a: f32, b: f32| (a - b).abs() < 1e-3;
    for (network, negative) in [(down, true), (up, false)] {
        for (keep_best, expected) in [(true, [(1, -0.1), (2, 0.4)]), (false, [(3, -0.1), (3, -0.6)])] {
            let recipe = Recipe { steps: 3, negative, keep_best, ..Recipe::default() };
            let mut watch = Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} };
            let layer = network.output;
            let climbs = climb(&Reference::default(), &network, layer, &[0, 1], &seeds, recipe, &mut watch).unwrap();
            for (climb, (shown, picture)) in climbs.iter().zip(expected) {
                assert!(climb.shown == shown && climb.picture.iter().all(|&v| near(v, picture)), "{climb:?}");
            }
            let squares = [0.81, 0.01, 0.81, 0.01, 5.76, 1.96, 0.16, 0.36];
            let sign = if negative { 1.0 } else { -1.0 };
            let losses = climbs.iter().flat_map(|c| &c.losses);
            assert!(losses.zip(squares).all(|(a, b)| (sign * a - b).abs() < 0.01), "{climbs:?}");
            // The slope of the mean of two squares x² is x.
            let slopes = [0.9, 0.1, 0.9, 2.4, 1.4, 0.4];
            assert!(climbs.iter().flat_map(|c| &c.rms).zip(slopes).all(|(a, b)| (a - b).abs() < 0.01), "{climbs:?}");
        }
    }
}

/// Where a layer is the image itself, the slope of its mean square is the image: in a step each pixel grows by its own value, divided by
/// the mean, times the step size; whatever the shift, in however many tiles.
#[test]
fn a_dream_by_hand() {
    let network = chain(vec![conv(Convolution {
        kernel: Kernel::new(1, 1, 1, 1, [1.0].into()).unwrap(),
        ..convolution(1, 1, 1, 1)
    })]);
    let image = Shape::new(1, 9, 70, 1);
    let values: Vec<f32> = (0..630).map(|i| (i * 37 % 101) as f32 / 200.0 + 0.1).collect();
    let (mean, square) = (values.iter().sum::<f32>() / 630.0, values.iter().map(|v| v * v).sum::<f32>() / 630.0);
    for (jitter, most) in [(0, 100), (5, 100), (3, 20)] {
        let dream = Dream { octaves: 1, steps: 1, step_size: 0.05, jitter, ..Dream::of(1, 4) };
        let reference = Reference::default();
        let work = Work::with_tiles(&reference, &network, &dream, image, most).unwrap();
        assert_eq!(work.tiles, if most == 100 { 1 } else { 5 });
        let mut heard = vec![];
        let mut watch = Watch { cancel: &Cancel::default(), progress: &mut |done, total| heard.push((done, total)) };
        let picture = Tensor::new(image, values.clone());
        let (got, octaves) =
            unet_lens::lens::dream::dream(&reference, &network, &picture, &dream, &work, &mut watch, None).unwrap();
        for (got, v) in got.data.iter().zip(&values) {
            assert!((got - (v + 0.05 * v / mean)).abs() < 1e-4, "{got} from {v}, jitter {jitter}");
        }
        assert!((octaves[0].first - square).abs() < 1e-3 || most < 100, "{octaves:?}");
        assert_eq!((octaves.len(), octaves[0].h, octaves[0].w, octaves[0].first), (1, 9, 70, octaves[0].last));
        assert_eq!(heard, [(work.tiles, work.tiles)]);
    }
}

/// One neuron of a layer that is the image itself sees the pixel that its step's shift brings there; after the last step, the image
/// where it is.
#[test]
fn every_step_has_the_next_shift() {
    let kernel = Kernel::new(1, 1, 1, 2, [1.0, 1.0].into()).unwrap();
    let network = chain(vec![conv(Convolution { kernel, ..convolution(1, 1, 1, 1) })]);
    let (h, w) = (7, 5);
    let recipe = Recipe { neuron: Some((0, 0)), jitter: 2, steps: 40, rate: 0.0, ..Recipe::default() };
    let objective = Objective::new(&network, 1, &[1], Shape::new(1, h, w, 1), &recipe, false).unwrap();
    let (_, shifts) = objective.fixed.iter().find(|(id, _)| Some(*id) == objective.shifts).unwrap();
    let shifts: Vec<i32> = shifts.values().data.iter().map(|&v| v as i32).collect();
    assert_eq!(shifts.len(), 2 * 40);
    assert!((-2..=2).all(|shift| shifts.contains(&shift)) && shifts.iter().all(|s| (-2..=2).contains(s)), "{shifts:?}");
    let seeds = Tensor::new(Shape::new(1, h, w, 1), (0..h * w).map(|i| 1.0 + i as f32).collect());
    let mut watch = Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} };
    let climbed = climb(&Reference::default(), &network, 1, &[1], &seeds, recipe, &mut watch).unwrap().remove(0);
    let from = |shift: i32, size: usize| (-shift).rem_euclid(size as i32) as usize;
    let seen = shifts.chunks(2).map(|by| 1.0 + (from(by[0], h) * w + from(by[1], w)) as f32);
    assert_eq!(climbed.losses, seen.chain([1.0]).collect::<Vec<f32>>());
    let other =
        Objective::new(&network, 1, &[1], Shape::new(1, h, w, 1), &Recipe { seed: 1, ..recipe }, false).unwrap();
    let (_, others) = other.fixed.iter().find(|(id, _)| Some(*id) == other.shifts).unwrap();
    assert!(others.values().data.iter().zip(&shifts).any(|(a, b)| *a as i32 != *b));
}

/// Pink noise has the mean and the standard deviation of the white noise that it was made of.
#[test]
fn pink_noise_by_its_moments() {
    let white = noise(3, "x", &[0, 1], Shape::new(1, 16, 12, 1), 2.0);
    let pink = fourier::pink(&Reference::default(), &white).unwrap();
    let moments = |values: &[f32]| {
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt())
    };
    for i in 0..2 {
        let ((a, b), (c, d)) = (moments(pink.image(i)), moments(white.image(i)));
        assert!((a - c).abs() < 1e-4 && (b - d).abs() < 1e-4 && d > 0.4, "{a} {b}, of white noise {c} {d}");
        assert_ne!(pink.image(i), white.image(i));
    }
}
