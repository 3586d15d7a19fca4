//! What goes into findings, by hand: where filters answer most, the data, the work, life at the seeds, bounds, and sums of weights.

mod common;
#[path = "common/planted.rs"]
mod planted;

use approx::assert_relative_eq;
use planted::{image, points};
use std::path::Path;
use std::sync::Arc;
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::reference::evaluate;
use unet_lens::engine::exec::{Backend, Executor};
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{Conv2d, ConvTranspose, Function, Kernel, Sides, Window};
use unet_lens::engine::plan::Plan;
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::findings::bounds::{bounds, proven};
use unet_lens::findings::claims::pruning::l1;
use unet_lens::findings::data::restores;
use unet_lens::findings::effort::{Effort, estimate};
use unet_lens::findings::gaze::{Best, Gaze};
use unet_lens::findings::life::{SHARED, dead_at_seed, dead_at_shared_seeds};
use unet_lens::findings::probe::{Probe, Progress};
use unet_lens::findings::task::Task;
use unet_lens::findings::{Data, DataKind};
use unet_lens::lens::ascent::{self, NOISE};
use unet_lens::network::{Activation, Convolution, Kind, Layer, Network, Padding, Pool, unet};
use unet_lens::picture::npy;

fn cpu() -> Box<dyn Executor> {
    common::open(Backend::Cpu).unwrap()
}

fn network(layers: Vec<Layer>, output: usize) -> Network {
    Network { output, ..planted::network(layers) }
}

/// Of 4 x 6 pixels `x` and `-x`, and of the largest of 2 x 2 of both `x + 10` and the other less 20.
fn halved() -> Network {
    let two = Window::new(2, 2);
    let pool = Kind::Pool { pool: Pool::Max, window: two, stride: two, padding: Padding::Valid };
    let layers = vec![
        image(4, 6, 1),
        points("first", &[(&[1.0], 0.0), (&[-1.0], 0.0)], Activation::Linear, 0),
        planted::layer("pool", "MaxPooling2D", pool, vec![1]),
        points("second", &[(&[1.0, 0.0], 10.0), (&[0.0, 1.0], -20.0)], Activation::Linear, 2),
    ];
    network(layers, 3)
}

#[test]
fn a_filter_is_looked_at_where_it_answers_most() {
    let network = halved();
    let shape = Shape::new(1, 4, 6, 1);
    let mut gaze = Gaze::new(&*cpu(), &network, &[1, 3], shape).unwrap();
    let picture: Vec<f32> = (0..24).map(|i| [3.0, 1.0, 2.0, 7.0, 5.0, 7.0, 1.0][i % 7] + (i / 14) as f32).collect();
    gaze.show(&picture).unwrap();
    // The rows: 3 1 2 7 5 7 | 1 3 1 2 7 5 | 7 1 4 2 3 8 | 6 8 2 4 2 3. The most is 8, the least 1.
    let best = |layer, filter| gaze.best(layer, filter, 4);
    assert_eq!(best(1, 0), Best { image: 4, at: (2, 5), activation: 8.0 }, "of equal places the first");
    assert_eq!(best(1, 1), Best { image: 4, at: (0, 1), activation: -1.0 });
    // By twos: 3 7 7 | 8 4 8, and of what is turned round -1 -1 -5 | -1 -2 -2.
    assert_eq!(best(3, 0), Best { image: 4, at: (1, 0), activation: 18.0 });
    assert_eq!(best(3, 1), Best { image: 4, at: (0, 0), activation: -21.0 });
    assert_eq!((gaze.map_size(1), gaze.map_size(3)), ((4, 6), (2, 3)));
    // A place of the small map lies at the first of its four in the large one; and all four at it.
    for (layer, at, first, second) in [
        (3, (0, 0), 3.0, [13.0, -21.0]),
        (3, (0, 1), 2.0, [17.0, -21.0]),
        (3, (1, 2), 3.0, [18.0, -22.0]),
        (1, (1, 3), 2.0, [17.0, -21.0]),
        (1, (3, 5), 3.0, [18.0, -22.0]),
        (1, (2, 0), 7.0, [18.0, -21.0]),
    ] {
        let both = [vec![first, -first], second.to_vec()];
        assert_eq!(gaze.column(&[1, 3], layer, at), both, "{layer} {at:?}");
        assert_eq!(gaze.column(&[3, 2], layer, at), both[1..], "of a layer that is not looked at nothing is known");
    }
}

#[test]
fn the_three_best_images_are_kept() {
    let network = halved();
    let shape = Shape::new(1, 4, 6, 1);
    let most = [4.0f32, 9.0, 2.0, 9.0, 6.0];
    let one = |(i, &most): (usize, &f32)| (0..24).map(|p| if p == 5 + i { most } else { 0.5 * most }).collect();
    let task = Task { shape, images: most.iter().enumerate().map(one).collect(), truths: None };
    let mut gaze = Gaze::new(&*cpu(), &network, &[1, 3], shape).unwrap();
    let found = gaze.best_of(&task, &[(1, vec![1, 0]), (3, vec![0])]).unwrap();
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), [(1, 0), (1, 1), (3, 0)]);
    let of = |key: (usize, usize)| found[&key].iter().map(|b| (b.image, b.at, b.activation)).collect::<Vec<_>>();
    // Image i has its most at pixel 5 + i; of equals the first image comes first.
    assert_eq!(of((1, 0)), [(1, (1, 0), 9.0), (3, (1, 2), 9.0), (4, (1, 3), 6.0)]);
    assert_eq!(of((3, 0)), [(1, (0, 0), 19.0), (3, (0, 1), 19.0), (4, (0, 1), 16.0)]);
    assert_eq!(of((1, 1)), [(2, (0, 0), -1.0), (0, (0, 0), -2.0), (4, (0, 0), -3.0)]);
}

fn write(path: &Path, shape: &[usize], value: impl Fn(usize) -> f32) {
    npy::write(path, shape, &(0..shape.iter().product()).map(value).collect::<Vec<f32>>()).unwrap();
}

#[test]
fn data_are_the_pictures_of_a_folder() {
    let network = network(vec![image(4, 6, 1), points("out", &[(&[1.0], 0.0)], Activation::Linear, 0)], 1);
    let dir = tempfile::tempdir().unwrap();
    // Of two files of one image each: one of fours and one of zeros and ones in turn. Beside them what is no picture.
    write(&dir.path().join("b.npy"), &[4, 6], |i| (i % 2) as f32);
    write(&dir.path().join("a.npy"), &[4, 6], |_| 4.0);
    std::fs::write(dir.path().join("c.txt"), "no picture").unwrap();
    std::fs::write(dir.path().join("none"), "nor this").unwrap();
    std::fs::create_dir(dir.path().join("folder.npy")).unwrap();
    let data = Data::read(dir.path(), &network, 64).unwrap();
    let turns: Vec<f32> = (0..24).map(|i| (i % 2) as f32).collect();
    assert_eq!(data.images, [vec![4.0; 24], turns]);
    // The mean of 4, 4, 0 and 1 is 2.25; the squares of what differs are twice 3.0625, 5.0625 and 1.5625, by four 3.1875.
    assert_relative_eq!(data.facts.mean, 2.25, epsilon = 1e-12);
    assert_relative_eq!(data.facts.deviation, 3.1875f64.sqrt(), epsilon = 1e-12);
    assert_eq!((data.facts.range, data.facts.images, data.facts.size), ((0.0, 4.0), 2, (4, 6)));
    assert_eq!((data.facts.kind, data.of_task()), (DataKind::Files, Some(Shape::new(1, 4, 6, 1))));
    assert_eq!(Data::nothing(&network).unwrap().of_task(), None);
    write(&dir.path().join("many.npy"), &[5, 4, 6], |i| i as f32);
    assert_eq!(Data::read(&dir.path().join("many.npy"), &network, 3).unwrap().images.len(), 3);
    assert_eq!(Data::read(&dir.path().join("many.npy"), &network, 64).unwrap().images.len(), 5);
}

#[test]
fn stimuli_are_as_large_as_the_data_up_to_three_halves_of_the_networks_size() {
    let network = network(vec![image(4, 6, 1), points("out", &[(&[1.0], 0.0)], Activation::Linear, 0)], 1);
    let dir = tempfile::tempdir().unwrap();
    let own = (4, 6);
    // Three halves of 24 pixels are 36.
    for (size, stimuli) in [((2, 2), (2, 2)), ((4, 9), (4, 9)), ((6, 6), (6, 6)), ((1, 37), own), ((40, 50), own)] {
        let path = dir.path().join("data.npy");
        write(&path, &[2, size.0, size.1], |i| i as f32);
        let shape = Data::read(&path, &network, 2).unwrap().stimuli_shape(&network).unwrap();
        assert_eq!((shape.h, shape.w), stimuli, "{size:?}");
    }
}

#[test]
fn a_network_restores_if_it_makes_one_grey_picture_of_one_of_the_same_size() {
    let of = |c: usize, outputs: usize, halves: bool| {
        let two = Window::new(2, 2);
        let pool = Kind::Pool { pool: Pool::Max, window: two, stride: two, padding: Padding::Valid };
        let weights = vec![1.0; c];
        let mut layers =
            vec![image(4, 6, c), points("out", &vec![(&weights[..], 0.0); outputs], Activation::Linear, 0)];
        if halves {
            layers.push(planted::layer("pool", "MaxPooling2D", pool, vec![1]));
        }
        let output = layers.len() - 1;
        network(layers, output)
    };
    for (c, outputs, halves, is_so) in
        [(1, 1, false, true), (1, 2, false, false), (1, 1, true, false), (3, 3, false, false), (3, 1, false, false)]
    {
        let network = of(c, outputs, halves);
        assert_eq!(restores(&network), is_so, "{c} {outputs} {halves}");
        if !is_so {
            assert_eq!(Data::standard(&network, 2, 0).unwrap().facts.kind, DataKind::Nothing);
        }
    }
}

/// A filter that is on where a pixel is above 1.5 sees the sixteen seeds in turn; which of them have such a pixel, the noise says.
#[test]
fn filters_share_the_seeds_in_turn() {
    let shape = Shape::new(1, 2, 2, 1);
    let above = (&[1.0][..], -1.5);
    let relu = points("relu", &[above; 20], Activation::Relu, 0);
    let straight = points("straight", &[above; 3], Activation::Linear, 0);
    let network = network(vec![image(2, 2, 1), relu, straight], 1);
    let mut probe = Probe::new(&*cpu(), &network, &[1, 2], shape).unwrap();
    let cancel = Cancel::default();
    let mut watch = Watch { cancel: &cancel, progress: &mut |_, _| {} };
    let mut progress = Progress { watch: &mut watch, shown: 0, total: SHARED };
    let constant = vec![vec![false; 20], vec![true, false, true]];
    let dead = dead_at_shared_seeds(&mut probe, shape, 7, &constant, &mut progress).unwrap();
    let is_off = |i: usize| ascent::noise(7, "shared seeds", &[i], shape, NOISE).data.iter().all(|&v| v <= 1.5);
    let right: Vec<bool> = (0..20).map(|filter| is_off(filter % 16)).collect();
    assert!(right[..16].contains(&true) && right[..16].contains(&false), "some are on and some are off: {right:?}");
    assert_eq!(dead, [right, constant[1].clone()], "without a cut those are dead that never change");
}

/// With weights there is a gradient, unless a relu is off everywhere; what never changes has none, however much it answers.
#[test]
fn a_filter_without_a_gradient_is_dead_at_its_seed() {
    let shape = Shape::new(1, 4, 4, 1);
    let filters = [(&[1.0][..], 0.0), (&[1.0], -100.0), (&[0.0], 1.0), (&[-1.0], 5.0)];
    let dead = |activation: Activation, constant: [bool; 4]| {
        let network = network(vec![image(4, 4, 1), points("filters", &filters, activation, 0)], 1);
        let probe = Probe::new(&*cpu(), &network, &[1], shape).unwrap();
        let mut done = 0;
        let each = |filters: usize| {
            done += filters;
            Ok(())
        };
        let dead = dead_at_seed(&*cpu(), &network, &probe.units[0], shape, 0, &constant, each).unwrap();
        assert_eq!(done, 4);
        dead
    };
    assert_eq!(dead(Activation::Relu, [false, true, true, false]), [false, true, true, false]);
    for constant in [[false, false, true, false], [false; 4]] {
        assert_eq!(dead(Activation::Linear, constant), [false, false, true, false]);
    }
    // Where nothing is constant, whether a relu is on is enough to know; where all is, it is not.
    for (filters, constant, right) in
        [(&filters[..2], &[false; 2][..], &[false, true][..]), (&filters[2..3], &[true], &[true])]
    {
        let network = network(vec![image(4, 4, 1), points("some", filters, Activation::Relu, 0)], 1);
        let probe = Probe::new(&*cpu(), &network, &[1], shape).unwrap();
        let dead = dead_at_seed(&*cpu(), &network, &probe.units[0], shape, 0, constant, |_| Ok(())).unwrap();
        assert_eq!(dead, right);
    }
}

/// What lies at zero is not above it: of a leaky relu neither off nor on is proven.
#[test]
fn what_is_zero_is_not_proven_to_be_on() {
    let filters = [(&[0.0][..], 0.0), (&[0.0], 1.0), (&[1.0], -5.0)];
    let of = |activation: Activation| {
        let network = network(vec![image(4, 4, 1), points("filters", &filters, activation, 0)], 1);
        let proven = proven(&*cpu(), &network, &[1], Shape::new(1, 4, 4, 1), (0.0, 1.0)).unwrap();
        proven[0].iter().map(|proven| proven.map(|p| format!("{p:?}"))).collect::<Vec<_>>()
    };
    let [dead, on] = ["Dead", "On"].map(|word| Some(word.to_string()));
    assert_eq!(of(Activation::Pointwise(Function::LeakyRelu { slope: 0.2 })), [None, on.clone(), None]);
    assert_eq!(of(Activation::Relu), [dead.clone(), on, dead]);
}

/// The bounds of a node of images of such a shape, with values from -1 to 2.
fn ends(shape: Shape, build: impl FnOnce(&mut Graph, NodeId) -> NodeId) -> (f64, f64) {
    let mut of = Graph::new();
    let x = of.input("x", shape).unwrap();
    let y = build(&mut of, x);
    let (graph, all) = bounds(&of, (-1.0, 2.0)).unwrap();
    let (low, high) = all[y.0].unwrap();
    let found = evaluate(&graph, &[], &[low, high]);
    assert_eq!(found[0].data.len(), 1);
    (found[0].data[0], found[1].data[0])
}

/// A sum of n products may be off by n half units of rounding of the sum of their sizes (N. Higham, "Accuracy and Stability of
/// Numerical Algorithms", 2002, 3.1): bounds of a long one leave room for as much.
#[test]
fn bounds_of_long_sums_leave_room_for_their_rounding() {
    const N: usize = 16 * 16 * 16;
    let of = |ci: usize, co: usize| Kernel::new(16, 16, ci, co, vec![1.0; N].into()).unwrap();
    let room = N as f64 * f64::from(f32::EPSILON) / 2.0 * 2.0 * N as f64;
    let (stride, dilation, groups, bias) = (Window::ONE, Window::ONE, 1, None);
    let shape = Shape::new(1, 16, 16, 16);
    let conv = Conv2d { kernel: of(16, 1), bias: bias.clone(), stride, pad: Sides::NONE, dilation, groups };
    let pad = Sides { top: 15, bottom: 15, left: 15, right: 15 };
    let transpose = ConvTranspose { kernel: of(1, 16), bias, stride, pad, dilation, groups, h: 1, w: 1 };
    for (low, high) in [
        ends(shape, |g, x| g.conv2d("y", x, conv).unwrap()),
        ends(shape, |g, x| g.conv_transpose("y", x, transpose).unwrap()),
    ] {
        let n = N as f64;
        assert!(low <= -n - room && 2.0 * n + room <= high, "{low} to {high} for {} to {}", -n, 2.0 * n);
        assert!(low > -1.01 * n && high < 2.01 * n, "and no more than that takes: {low} to {high}");
    }
    // Added to a bias of 2^20 a number is off by a unit of that.
    let bias = Some(vec![1048576.0].into());
    let one = || Kernel::new(1, 1, 1, 1, vec![1.0].into()).unwrap();
    let (pad, shape) = (Sides::NONE, Shape::new(1, 1, 1, 1));
    let conv = Conv2d { kernel: one(), bias: bias.clone(), stride, pad, dilation, groups };
    let transpose = ConvTranspose { kernel: one(), bias, stride, pad, dilation, groups, h: 1, w: 1 };
    for (low, high) in [
        ends(shape, |g, x| g.conv2d("y", x, conv).unwrap()),
        ends(shape, |g, x| g.conv_transpose("y", x, transpose).unwrap()),
    ] {
        let room = 1048576.0 * f64::from(f32::EPSILON) / 2.0;
        assert!(low <= 1048575.0 - room && 1048578.0 + room <= high, "{low} to {high}");
    }
    // A mean of twelve is off by no more than twelve units of the sizes of both ends, 1 and 2, and a few more.
    let (low, high) = ends(Shape::new(1, 2, 3, 2), |g, x| g.mean("y", x).unwrap());
    let room = (12.0 + 4.5) * 3.0 * f64::from(f32::EPSILON);
    assert!((-1.0 - room..=-1.0).contains(&low) && (2.0..=2.0 + room).contains(&high), "{low} to {high}");
}

/// A layer of so many filters of one pixel.
fn wide(name: &str, inputs: usize, outputs: usize, input: usize) -> Layer {
    let weights = vec![1.0; inputs];
    points(name, &vec![(&weights[..], 0.0); outputs], Activation::Relu, input)
}

#[test]
fn what_is_drawn_lies_on_the_way_to_the_output() {
    // Of each of 128 x 190,000 pixels the first layer takes 8 products, what is beside and the output 2,048 more. A climb is 480 passes
    // in all: eight of the first layer take 7.5e11 products, of one of the others 1.9e14, which would be too much.
    let layers = |image: Layer| vec![image, wide("first", 1, 8, 0), wide("beside", 8, 256, 1), wide("out", 8, 256, 1)];
    let effort = Effort::of(&network(layers(image(128, 190_000, 1)), 3), &[1, 2, 3], None).unwrap();
    assert_eq!((effort.drawn, effort.every), (8, 1), "the first layer alone is climbed");
    // One layer of 1e11 products: two filters would take 9.6e13, which is more than 8e13; one alone takes 4.8e13, which is more than a layer
    // should, but there is no less than one of every layer.
    let layers = vec![image(128, 190_000, 64), wide("first", 64, 64, 0), wide("out", 64, 1, 1)];
    let effort = Effort::of(&network(layers, 2), &[1, 2], None).unwrap();
    assert_eq!((effort.drawn, effort.every), (1, 1));
}

/// 16 filters, all that there are: 64 images there and back again are 256 passes, with 28 sets 1,792, halved four times on 16 images
/// 64, and 20 random sets on 8 images 160: 2,272. Of 32 images it is 1,376. Up to 3.5e13 products of those all are tried.
#[test]
fn all_images_are_tried_where_it_is_little_work() {
    let network = network(vec![image(128, 128, 16), wide("out", 16, 16, 0)], 1);
    let tried = |columns: usize| Effort::of(&network, &[1], Some(Shape::new(1, 125, columns, 16))).unwrap().tried;
    // 256 products for each pixel: a pass of 1.2e10 is 2.7e13 in all, of 2e10 it is 4.5e13, and of 32 images 2.8e13.
    assert_eq!((tried(375_000), tried(625_000)), (usize::MAX, 32));
}

/// Without data: 9 x 384 gratings, 128 other images, the gradient of each filter; 480 passes for each filter that is drawn, and 13.5 for each that is
/// looked at, the output's not among them; or of all of them 60.
#[test]
fn how_long_it_takes_is_the_work_by_the_speed() {
    let first = planted::conv("first", 3, (1, 8), |_, _| vec![1.0; 9], &[0.0; 8], Activation::Relu, 0);
    let network = network(vec![image(64, 64, 1), first, wide("out", 8, 8, 1)], 2);
    let (a, b): (f64, f64) = (72.0 * 4096.0, (72.0 + 64.0) * 4096.0);
    let shown = 9.0 * 384.0 + 128.0;
    let of = |ablate: bool| {
        let more: f64 = if ablate { 8.0 * 60.0 } else { 0.0 };
        let drawn = 8.0 * 480.0 * a + if ablate { 0.0 } else { 8.0 * 13.5 * a };
        let one = [(shown + 8.0 + more) * a + drawn, (shown + 8.0 + more) * b];
        (shown * b + (8.0 + more) * (a + b) + drawn, one)
    };
    for ablate in [false, true] {
        let found = estimate(&*cpu(), &network, &[1, 2], (None, 0), ablate).unwrap();
        let (all, one) = of(ablate);
        assert_relative_eq!(found.seconds / found.one.0, all / f64::min(one[0], one[1]), max_relative = 1e-9);
        assert_relative_eq!(found.seconds / found.one.1, all / f64::max(one[0], one[1]), max_relative = 1e-9);
        // A second has a million products on any machine, and on none 1e14.
        assert!((all / 1e14..all / 1e6).contains(&found.seconds), "{found:?}");
    }
}

/// What one pixel of ones makes of the magnitudes of all weights, no two of which meet in one pixel of the output; or of a convolution
/// an image as large as its kernel.
fn magnitudes(network: &Network, shape: Shape) -> Vec<f64> {
    let mut network = network.clone();
    let (Kind::Conv2d { conv, .. } | Kind::ConvTranspose { conv, .. }) = &mut network.layers[1].kind else { panic!() };
    let Kernel { kh, kw, ci, co, .. } = conv.kernel;
    let sizes: Vec<f32> = conv.kernel.values().iter().map(|v| v.abs()).collect();
    conv.kernel = Kernel::new(kh, kw, ci, co, sizes.into()).unwrap();
    let built = unet::graph_to(&network, 1, None, shape).unwrap();
    let of = built.graph.shape(built.output).c;
    let mut program = cpu().prepare(Arc::new(Plan::compile(built.graph, &[built.output], &[], &[]))).unwrap();
    program.write(built.image, &Tensor::new(shape, vec![1.0; shape.len()])).unwrap();
    program.run(1).unwrap();
    let output = program.read(built.output).unwrap().data;
    (0..of).map(|c| output.iter().skip(c).step_by(of).map(|&v| f64::from(v)).sum()).collect()
}

#[test]
fn l1_is_the_sum_of_the_magnitudes_of_a_filters_weights() {
    // 1, -2, 3, -4 and so on.
    let conv = |(kh, kw, ci, co): (usize, usize, usize, usize), groups: usize| Convolution {
        kernel: Kernel::new(kh, kw, ci, co, (1..=kh * kw * ci * co).map(signed).collect()).unwrap(),
        bias: None,
        stride: Window::new(kh, kw),
        padding: Padding::Valid,
        dilation: Window::ONE,
        groups,
    };
    let activation = Activation::Linear;
    let of = |c: usize, kind: Kind| {
        let image = planted::layer("image", "InputLayer", Kind::Input { h: None, w: None, c }, vec![]);
        network(vec![image, planted::layer("layer", "", kind, vec![0])], 1)
    };
    let transposed = |conv| Kind::ConvTranspose { conv, output_padding: None, activation };
    for (network, shape, filters) in [
        (of(3, Kind::Conv2d { conv: conv((2, 1, 3, 2), 1), activation }), Shape::new(1, 2, 1, 3), 2),
        (of(4, Kind::Conv2d { conv: conv((1, 3, 2, 6), 2), activation }), Shape::new(1, 1, 3, 4), 6),
        (of(3, transposed(conv((2, 2, 2, 3), 1))), Shape::new(1, 1, 1, 3), 2),
        (of(4, transposed(conv((1, 2, 3, 4), 2))), Shape::new(1, 1, 1, 4), 6),
    ] {
        let sums = l1(&network, 1);
        assert_eq!(sums.len(), filters);
        assert_eq!(sums, magnitudes(&network, shape), "{:?}", network.layers[1].kind);
        assert!(sums.windows(2).any(|two| two[0] != two[1]), "{sums:?}");
    }
    // 1 + 3 + 5 and 2 + 4 + 6; what is depthwise belongs to all filters.
    let separable = Kind::Separable { depthwise: conv((2, 2, 1, 3), 3), pointwise: conv((1, 1, 3, 2), 1), activation };
    assert_eq!(l1(&of(3, separable), 1), [9.0, 12.0]);
    assert_eq!(l1(&halved(), 2), [0.0; 0], "a pool has no filters");
}

fn signed(i: usize) -> f32 {
    if i % 2 == 1 { i as f32 } else { -(i as f32) }
}
