//! The gradient check and the worked examples on cells that are few enough to reckon with by hand.

#[path = "common/layers.rs"]
mod layers;
#[path = "common/wrapped.rs"]
mod wrapped;

use approx::assert_relative_eq;
use layers::chain;
use std::sync::Arc;
use unet_lens::engine::exec::Executor;
use unet_lens::engine::exec::reference::Reference;
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{Function, Op, Window};
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::lens::ascent::{Objective, Recipe};
use unet_lens::lesson::check::{Check, Checker, Direction, Kink, Point, check, pixel, verdict};
use unet_lens::network::{Activation, Array, Kind, Network, Padding, Pool};
use wrapped::{Besides, wrapped};

/// A convolution of one pixel.
fn mix(ci: usize, co: usize, weights: &[f32], activation: Activation) -> Kind {
    layers::conv(1, ci, co, weights, activation)
}

fn tensor(h: usize, w: usize, c: usize, values: impl IntoIterator<Item = f32>) -> Tensor {
    Tensor::new(Shape::new(1, h, w, c), values.into_iter().collect())
}

/// Results come out changed.
#[derive(Clone)]
struct Astray<F>(F);

impl<F: Fn(&Graph, NodeId, &mut Tensor) + Clone + Send + 'static> Besides for Astray<F> {
    fn read(&mut self, graph: &Graph, node: NodeId, values: &mut Tensor) {
        (self.0)(graph, node, values);
    }
}

/// The reference, of which some node's result changes when it is read.
fn astray(change: impl Fn(&Graph, NodeId, &mut Tensor) + Clone + Send + 'static) -> impl Executor {
    wrapped(Arc::new(Reference::default()), Astray(change))
}

fn objective(network: &Network, image: &Tensor) -> Objective {
    Objective::new(network, network.output, &[0], image.shape, &Recipe::default(), true).unwrap()
}

/// What is found when value `at` of the image is moved.
fn moved(checker: &Checker, image: &Tensor, at: usize) -> Point {
    let (place, channel) = (at / image.shape.c, at % image.shape.c);
    let direction = Direction::Pixel { row: place / image.shape.w, column: place % image.shape.w, channel };
    checker.point(direction, &pixel(image, at))
}

#[test]
fn directions_in_words() {
    let pixel = |channel: usize| Direction::Pixel { row: 3, column: 14, channel };
    assert_eq!(format!("{}, {}", pixel(0), pixel(2)), "pixel 3,14, pixel 3,14, channel 2");
    assert_eq!(format!("{:>14}|{:14}|", Direction::Random(5), Direction::Random(0)), "   direction 5|direction 0   |");
}

/// The worst and the verdict are about the points without a kink.
#[test]
fn the_worst_of_what_can_be_judged() {
    let point = |error: f64, kinks: Vec<Kink>| Point {
        direction: Direction::Random(0),
        backprop: 1.0,
        difference: 1.0,
        error,
        kinks,
    };
    let kink = Kink { node: "relu".to_string(), op: "relu", count: 1 };
    let of = |points: Vec<Point>| Check {
        layer: "conv".to_string(),
        filter: 0,
        ops: vec![],
        dead: false,
        points,
        tolerance: 0.25,
    };
    let good = of(vec![point(0.125, vec![]), point(0.75, vec![kink.clone()]), point(0.25, vec![]), point(0.0, vec![])]);
    assert_eq!((good.worst(), good.agrees(), good.judged().count()), (0.25, true, 3));
    let (bad, nan) =
        (of(vec![point(0.375, vec![]), point(0.125, vec![])]), of(vec![point(f64::NAN, vec![]), point(0.5, vec![])]));
    assert_eq!((bad.worst(), bad.agrees()), (0.375, false));
    assert!(!nan.agrees() && of(vec![point(0.5, vec![]), point(f64::NAN, vec![])]).worst().is_nan());
    let none = of(vec![point(0.125, vec![kink])]);
    assert_eq!((none.worst(), none.agrees()), (0.0, false));
    assert!(
        verdict(std::slice::from_ref(&good)).is_ok() && verdict(&[good, bad]).is_err() && verdict(&[none]).is_err()
    );
}

/// Below zero a PReLU is `alpha x`, with an alpha for each value. Of the sum of both channels' mean over 15 pixels the slope is
/// alpha / 15.
#[test]
fn every_other_direction_is_the_pixel_that_it_is_called_after() {
    let (h, w, c) = (3, 5, 2);
    let alpha: Vec<f32> = (1..=h * w * c).map(|i| i as f32 / 8.0).collect();
    let shape = vec![h, w, c];
    let prelu = Kind::PRelu { alpha: Array { shape, data: alpha.clone().into() } };
    let network = chain(c, vec![prelu, mix(c, 1, &[1.0, 1.0], Activation::Linear)]);
    let image = tensor(h, w, c, vec![-1.0; h * w * c]);
    let mut heard = vec![];
    let found =
        check(&Reference::default(), &network, (2, 0), &image, (40, 7), 1e-6, &mut |done| heard.push(done)).unwrap();
    assert_eq!(heard, (1..=40).collect::<Vec<usize>>());
    assert!(!found.dead && found.agrees() && found.points.len() == 40 && found.judged().count() == 40);
    assert_eq!((&found.layer[..], found.filter, found.tolerance), ("layer2", 0, 1e-6));
    let norm = alpha.iter().map(|a| f64::from(*a).powi(2)).sum::<f64>().sqrt() / 15.0;
    let mut places = vec![];
    for (number, point) in found.points.iter().enumerate() {
        assert_relative_eq!(point.backprop, point.difference, epsilon = 1e-7);
        match point.direction {
            Direction::Pixel { row, column, channel } => {
                assert!(number % 2 == 0 && row < h && column < w && channel < c, "{point:?}");
                let at = (row * w + column) * c + channel;
                assert_relative_eq!(point.backprop, f64::from(alpha[at]) / 15.0, epsilon = 1e-6);
                places.push(at);
            }
            // Of length 1: no steeper than the gradient is long.
            Direction::Random(of) => {
                assert_eq!(number, 2 * of + 1);
                assert!(point.backprop.abs() <= norm && point.backprop != 0.0, "{point:?}");
            }
        }
    }
    places.sort_unstable();
    places.dedup();
    assert!(places.len() > 8, "{places:?}");

    let dead = chain(c, vec![mix(c, 1, &[0.0, 0.0], Activation::Linear)]);
    let found = check(&Reference::default(), &dead, (1, 0), &image, (3, 7), 1e-6, &mut |_| {}).unwrap();
    assert!(found.dead && found.points.iter().all(|point| point.backprop == 0.0 && point.error == 0.0));
}

/// On the one value of an image there are two directions of length 1, up and down.
#[test]
fn random_directions_have_length_one() {
    let network = chain(1, vec![mix(1, 1, &[4.0], Activation::Linear)]);
    let image = tensor(1, 1, 1, [0.5]);
    let found = check(&Reference::default(), &network, (1, 0), &image, (60, 1), 1e-6, &mut |_| {}).unwrap();
    let random = found.points.iter().filter(|point| matches!(point.direction, Direction::Random(_)));
    let slopes: Vec<f64> = random.map(|point| point.backprop).collect();
    assert_eq!(slopes.len(), 30);
    assert!(slopes.iter().all(|slope| (slope.abs() - 4.0).abs() < 1e-12), "{slopes:?}");
    let up = slopes.iter().filter(|slope| **slope > 0.0).count();
    assert!((5..=25).contains(&up), "of 30 directions {up} lead up");
}

/// The gradient is (0, 4), and 1 too much for the first: 1 of its RMS, the root of (1 + 16) / 2.
#[test]
fn an_error_is_measured_by_the_gradients_rms() {
    let network = chain(2, vec![mix(2, 1, &[0.0, 4.0], Activation::Linear)]);
    let image = tensor(1, 1, 2, [0.5, 0.5]);
    let objective = objective(&network, &image);
    let gradient = objective.gradient;
    let wrong = astray(move |_, node, values| values.data[0] += f32::from(u8::from(node == gradient)));
    let checker = Checker::new(&wrong, &objective, &image).unwrap();
    let first = moved(&checker, &image, 0);
    assert_eq!((first.backprop, first.difference), (1.0, 0.0));
    assert_relative_eq!(first.error, 1.0 / 8.5f64.sqrt(), epsilon = 1e-12);
    assert_relative_eq!(moved(&checker, &image, 1).error, 0.0, epsilon = 1e-9);
}

/// At the corners of a hard swish, -3 and 3, and nowhere else, also not at 0.
#[test]
fn functions_have_kinks_at_their_corners() {
    let network = chain(1, vec![mix(1, 1, &[1.0], Activation::Pointwise(Function::HardSwish))]);
    let image = tensor(1, 5, 1, [3.0, 0.0, -3.0, 1.0, 5.0]);
    let objective = objective(&network, &image);
    let checker = Checker::new(&Reference::default(), &objective, &image).unwrap();
    let (_, node) = objective.plan.graph.nodes().find(|(_, node)| node.op.name() == "hard_swish").unwrap();
    for (at, count) in [1, 0, 1, 0, 0].into_iter().enumerate() {
        let kinks = match count {
            0 => vec![],
            _ => vec![Kink { node: node.name.clone(), op: "hard_swish", count }],
        };
        assert_eq!(moved(&checker, &image, at).kinks, kinks, "value {at}");
    }
}

/// Two windows: in the first two pixels are the largest, and whichever is moved, one wins above and the other below. Both ways are
/// one kink, and moving all of the image up and down is none.
#[test]
fn a_pool_has_a_kink_where_two_are_the_largest() {
    let two_by_two = Window::new(2, 2);
    let pool = Kind::Pool { pool: Pool::Max, window: two_by_two, stride: two_by_two, padding: Padding::Valid };
    let network = chain(1, vec![mix(1, 1, &[1.0], Activation::Linear), pool, mix(1, 1, &[1.0], Activation::Linear)]);
    let image = tensor(2, 4, 1, [2.0, 2.0, 1.0, 5.0, 1.0, 0.0, 4.0, 3.0]);
    let objective = objective(&network, &image);
    let checker = Checker::new(&Reference::default(), &objective, &image).unwrap();
    for (at, count) in [1, 1, 0, 0, 0, 0, 0, 0].into_iter().enumerate() {
        let found: Vec<(&str, usize)> = moved(&checker, &image, at).kinks.iter().map(|k| (k.op, k.count)).collect();
        assert_eq!(found, if count == 1 { vec![("max_pool", 1)] } else { vec![] }, "value {at}");
    }
    let all = checker.point(Direction::Random(0), &[1.0 / 8f64.sqrt(); 8]);
    assert!(all.kinks.is_empty(), "{all:?}");
}

/// An executor that lets another pixel win a window, of 3 x 4 windows and 2 channels: a kink for what moves that window, and for
/// nothing else.
#[test]
fn another_winner_is_a_kink_for_its_own_window_alone() {
    let two_by_two = Window::new(2, 2);
    let pool = Kind::Pool { pool: Pool::Max, window: two_by_two, stride: two_by_two, padding: Padding::Valid };
    let same = [1.0, 0.0, 0.0, 1.0];
    let network =
        chain(2, vec![mix(2, 2, &same, Activation::Linear), pool, mix(2, 1, &[1.0, 1.0], Activation::Linear)]);
    // The last of each window wins.
    let (h, w, c) = (6, 8, 2);
    let image = tensor(h, w, c, (0..h * w * c).map(|i| ((i / c / w % 2) * 2 + i / c % w % 2) as f32));
    let objective = objective(&network, &image);
    let at = |r: usize, s: usize, k: usize, c: usize| image.shape.at(0, 2 * r + k / 2, 2 * s + k % 2, c);
    let windows: Vec<(usize, usize, usize)> =
        (0..3).flat_map(|r| (0..4).flat_map(move |s| (0..2).map(move |c| (r, s, c)))).collect();
    for &(r, s, c) in &windows {
        let first = at(r, s, 0, c);
        let other = astray(move |graph, node, values| {
            if graph.nodes().any(|(_, n)| matches!(n.op, Op::MaxPool(_)) && n.inputs[0] == node) {
                values.data[first] = 9.0;
            }
        });
        let checker = Checker::new(&other, &objective, &image).unwrap();
        for k in 0..4 {
            let kinks = moved(&checker, &image, at(r, s, k, c)).kinks;
            assert!(matches!(&kinks[..], [Kink { op: "max_pool", count: 1, .. }]), "{r}, {s}, {c}: {kinks:?}");
        }
        for &(i, j, l) in windows.iter().filter(|&&other| other != (r, s, c)) {
            let kinks = moved(&checker, &image, at(i, j, 1, l)).kinks;
            assert!(kinks.is_empty(), "{r}, {s}, {c} and {i}, {j}, {l}: {kinks:?}");
        }
    }
}

/// The same of a relu: an executor that takes another sign.
#[test]
fn another_sign_is_a_kink_for_its_own_value_alone() {
    let network = chain(1, vec![mix(1, 1, &[1.0], Activation::Relu)]);
    let image = tensor(2, 2, 1, [1.0, -1.0, 2.0, 3.0]);
    let objective = objective(&network, &image);
    for wrong in 0..4 {
        let other = astray(move |graph, node, values| {
            if matches!(graph[node].op, Op::Relu) {
                values.data[wrong] = if values.data[wrong] > 0.0 { 0.0 } else { 1.0 };
            }
        });
        let checker = Checker::new(&other, &objective, &image).unwrap();
        for at in 0..4 {
            let kinks: Vec<usize> = moved(&checker, &image, at).kinks.iter().map(|kink| kink.count).collect();
            assert_eq!(kinks, if at == wrong { vec![1] } else { vec![] }, "{at} of {wrong}");
        }
    }
}
