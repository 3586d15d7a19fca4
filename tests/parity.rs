//! Agreement with Keras, on every executor: `fixtures/make_fixtures.py` made the numbers.

mod common;

use common::{Expected, correlation, difference, network, open};
use std::sync::Arc;
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::{Backend, Executor};
use unet_lens::engine::plan::Plan;
use unet_lens::engine::tensor::Tensor;
use unet_lens::lens::ascent::{Objective, Recipe, climb};
use unet_lens::network::{Network, unet};

/// How closely numbers must agree.
#[derive(Clone, Copy)]
struct Bounds {
    /// Gradient at the seed and output of the network, relative to the largest magnitude.
    values: f64,
    /// Each loss, relative to itself.
    loss: f64,
    /// How much less than 1 the correlation of the pictures after 20 steps may be.
    picture: f64,
    /// Twenty steps through ReLUs and max pools are chaotic (see `fixtures/make_reference64.py`): where Keras in double
    /// precision is led elsewhere by what single precision cannot even represent, nobody can follow it more closely.
    /// Losses and pictures may differ from Keras' by this many times what Keras differs from itself, if that is more
    /// than the bounds above.
    chaos: f64,
}

/// Single precision, against Keras in single precision.
const UNET: Bounds = Bounds { values: 1e-4, loss: 1e-3, picture: 1e-3, chaos: 4.0 };
/// Double precision, against Keras in double precision: no allowance.
const EXACT: Bounds = Bounds { values: 1e-6, loss: 1e-6, picture: 1e-9, chaos: 0.0 };
/// A small network of four layers, on which single precision is enough.
const TINY: Bounds = Bounds { values: 1e-5, loss: 1e-5, picture: 1e-5, chaos: 0.0 };

fn output(executor: &dyn Executor, network: &Network, image: &Tensor) -> Tensor {
    let built = unet::graph_to(network, network.output, None, image.shape).unwrap();
    let plan = Plan::compile(built.graph, &[built.output], &[], &[]);
    let mut program = executor.prepare(Arc::new(plan)).unwrap();
    program.write(built.image, image).unwrap();
    program.run(1).unwrap();
    program.read(built.output).unwrap()
}

fn whole_output(backend: Backend, model: &str, reference: &str, bounds: Bounds) {
    let Some(executor) = open(backend) else { return };
    let (network, expected) = (network(model), Expected::open(reference));
    let restored = output(&*executor, &network, &expected.tensor("image"));
    let (error, at) = difference(&restored.data, &expected.floats("restored"));
    println!("{model} on {}: output differs by {error:.1e}", executor.describe());
    assert!(error < bounds.values, "{model} on {}: output differs by {error:e} at {at}", executor.describe());
}

/// How far the gradient at the seed is from Keras', relative to the largest magnitude.
///
/// In `reference.h5` the seed happens to lie on a kink: in one window of the first max pool two values differ by 1e-7, less
/// than f32 rounding, so it is chance who wins, and the gradient of 14 pixels around follows the winner. In exact
/// arithmetic (`reference`) another one wins than in Keras. Then the gradient must be Keras', everywhere, on the other side
/// of the kink: at a seed of which a pixel is moved by 2e-6. That seed comes back too: the climb starts from there.
fn gradient_difference(
    executor: &dyn Executor,
    network: &Network,
    layer: usize,
    filter: usize,
    seed: &Tensor,
    of_keras: &[f32],
    bound: f64,
) -> (f64, Tensor) {
    let objective = Objective::new(network, layer, &[filter], seed.shape, &Recipe::default(), true).unwrap();
    let mut program = executor.prepare(objective.plan.clone()).unwrap();
    let mut difference_at = |seed: &Tensor| {
        program.write(objective.image, seed).unwrap();
        program.run(1).unwrap();
        difference(&program.read(objective.gradient).unwrap().data, of_keras)
    };
    let mut near = seed.clone();
    let (mut error, mut worst) = difference_at(&near);
    // Rounding may have decided more than one kink the other way; each is found where the gradients differ most.
    for _ in 0..3 {
        let (y, x) = (worst / seed.shape.w, worst % seed.shape.w);
        let close = |i: &usize| (i / seed.shape.w).abs_diff(y) <= 2 && (i % seed.shape.w).abs_diff(x) <= 2;
        let mut best = (error, worst, near.clone());
        for (pixel, by) in (0..seed.shape.len()).filter(close).flat_map(|pixel| [(pixel, 2e-6), (pixel, -2e-6)]) {
            if error < bound || best.0 < bound {
                break;
            }
            let mut moved = near.clone();
            moved.data[pixel] = seed.data[pixel] + by;
            let there = difference_at(&moved);
            if there.0 < best.0 {
                println!("  a kink: {error:.1e}, but {:.1e} with pixel {pixel} moved by {by:e}", there.0);
                best = (there.0, there.1, moved);
            }
        }
        (error, worst, near) = best;
    }
    (error, near)
}

fn ascents(backend: Backend, model: &str, reference: &str, bounds: Bounds, layers: &[&str]) {
    let Some(executor) = open(backend) else { return };
    let (network, expected) = (network(model), Expected::open(reference));
    let seed = Expected::open(&reference.replace("64", "")).tensor("seed");
    let len = seed.shape.len();
    for name in layers {
        let at = format!("{name} of {model} on {}", executor.describe());
        let layer = unet::convolution(&network, name).unwrap();
        let filters = expected.numbers(&format!("ascent/{name}/filters"));
        let gradients = expected.floats(&format!("ascent/{name}/gradient"));
        let mut seeds = vec![];
        for (i, &filter) in filters.iter().enumerate() {
            let of_keras = &gradients[i * len..(i + 1) * len];
            let (error, near) =
                gradient_difference(&*executor, &network, layer, filter, &seed, of_keras, bounds.values);
            println!("{at}, filter {filter}: gradient differs by {error:.1e}");
            assert!(error < bounds.values, "{at}, filter {filter}: the gradient differs by {error:e}");
            seeds.extend(near.data);
        }

        let seeds = Tensor::new(seed.shape.with_n(filters.len()), seeds);
        let climbs = climb(
            &*executor,
            &network,
            layer,
            &filters,
            &seeds,
            Recipe::default(),
            &mut Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} },
        )
        .unwrap();
        let losses = expected.floats(&format!("ascent/{name}/loss"));
        let pictures = expected.floats(&format!("ascent/{name}/picture"));
        let chaos = (bounds.chaos > 0.0).then(|| Expected::open("reference64.h5"));
        for (i, climb) in climbs.iter().enumerate() {
            let steps = climb.losses.len();
            let of = |all: &[f32], len: usize| all[i * len..(i + 1) * len].to_vec();
            let picture = of(&pictures, len);
            let (mut doubt, mut picture_doubt) = (vec![0.0; steps], 0.0f64);
            if let Some(exact) = &chaos {
                let read = |what: &str| exact.floats(&format!("ascent/{name}/{what}"));
                let (exact_losses, exact_picture) = (of(&read("loss"), steps), of(&read("picture"), len));
                let mut others: Vec<Vec<f32>> =
                    read("near_loss").chunks(filters.len() * steps).map(|all| of(all, steps)).collect();
                others.push(of(&losses, steps));
                let mut most = 0.0f64;
                for (step, doubt) in doubt.iter_mut().enumerate() {
                    most = others.iter().fold(most, |m, other| m.max(relative(other[step], exact_losses[step])));
                    *doubt = most * bounds.chaos;
                }
                let mut least = correlation(&picture, &exact_picture);
                for all in read("near_correlation").chunks(filters.len()) {
                    least = least.min(all[i].into());
                }
                picture_doubt = (1.0 - least) * bounds.chaos;
            }
            for (step, &loss) in climb.losses.iter().enumerate() {
                let of_keras = of(&losses, steps)[step];
                let (error, bound) = (relative(loss, of_keras), bounds.loss.max(doubt[step]));
                let filter = climb.filter;
                assert!(error < bound, "{at}, filter {filter}: loss {step} is {loss}, in Keras {of_keras}: {error:e}");
            }
            let difference = 1.0 - correlation(&climb.picture, &picture);
            println!("{at}, filter {}: pictures correlate by 1 - {difference:.1e}", climb.filter);
            let bound = bounds.picture.max(picture_doubt);
            assert!(difference < bound, "{at}, filter {}: pictures correlate by 1 - {difference}", climb.filter);
        }
    }
}

/// The difference relative to the second number.
fn relative(a: f32, b: f32) -> f64 {
    if a == b { 0.0 } else { f64::from((a - b).abs()) / f64::from(b.abs()).max(1e-30) }
}

const DOWN: [&str; 4] = ["dconv64", "dconv128", "dconv256", "conv512"];
const UP: [&str; 5] = ["uconv256", "uconv128", "uconv64", "econv64", "final_conv1"];

macro_rules! on_every_executor {
    ($($name:ident: $backend:expr, $reference:expr, $bounds:expr);*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn tiny() {
                whole_output($backend, "tiny.h5", "tiny_reference.h5", TINY);
                ascents($backend, "tiny.h5", "tiny_reference.h5", TINY, &["down", "code", "up_conv", "final"]);
            }

            #[test]
            fn unet_output() {
                whole_output($backend, "unet.h5", "reference.h5", UNET
);
            }

            #[test]
            fn unet_on_the_way_down() {
                ascents($backend, "unet.h5", $reference, $bounds, &DOWN);
            }

            #[test]
            fn unet_on_the_way_up() {
                ascents($backend, "unet.h5", $reference, $bounds, &UP);
            }
        }
    )*};
}

on_every_executor!(
    reference: Backend::Reference, "reference64.h5", EXACT;
    cpu: Backend::Cpu, "reference.h5", UNET;
    gpu: Backend::Gpu, "reference.h5", UNET
);
