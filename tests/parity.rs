//! Agreement with Keras, on every executor: `fixtures/make_fixtures.py` made the numbers.

mod common;

use common::{Expected, correlation, difference, network, open};
use std::sync::Arc;
use unet_lens::ascent::{Objective, Recipe, climb};
use unet_lens::exec::{Backend, Executor};
use unet_lens::keras::Network;
use unet_lens::plan::Plan;
use unet_lens::tensor::Tensor;
use unet_lens::unet;

/// How closely numbers must agree.
struct Bounds {
    /// Gradient at the seed and output of the network, relative to the largest magnitude.
    values: f64,
    /// Each loss, relative to itself.
    loss: f64,
    /// The picture after 20 steps.
    correlation: f64,
}

const UNET: Bounds = Bounds { values: 1e-4, loss: 1e-3, correlation: 0.999 };
const TINY: Bounds = Bounds { values: 1e-5, loss: 1e-5, correlation: 0.99999 };

fn output(executor: &dyn Executor, network: &Network, image: &Tensor) -> Tensor {
    let built = unet::graph_to(network, network.output, None, image.shape).unwrap();
    let plan = Plan::compile(built.graph, &[built.output], &[], &[]);
    let mut program = executor.prepare(Arc::new(plan)).unwrap();
    program.write(built.image, image).unwrap();
    program.run(1).unwrap();
    program.read(built.output).unwrap()
}

fn whole_output(backend: Backend, model: &str, reference: &str, bounds: &Bounds) {
    let Some(executor) = open(backend) else { return };
    let (network, expected) = (network(model), Expected::open(reference));
    let restored = output(&*executor, &network, &expected.tensor("image"));
    let (error, at) = difference(&restored.data, &expected.floats("restored"));
    println!("{model} on {}: output differs by {error:.1e}", executor.describe());
    assert!(error < bounds.values, "{model} on {}: output differs by {error:e} at {at}", executor.describe());
}

fn ascents(backend: Backend, model: &str, reference: &str, bounds: &Bounds, layers: &[&str]) {
    let Some(executor) = open(backend) else { return };
    let (network, expected) = (network(model), Expected::open(reference));
    for name in layers {
        let at = format!("{name} of {model} on {}", executor.describe());
        let layer = unet::convolution(&network, name).unwrap();
        let filters = expected.numbers(&format!("ascent/{name}/filters"));
        let seed = expected.tensor("seed");
        let seeds = Tensor::new(seed.shape.with_n(filters.len()), seed.data.repeat(filters.len()));

        let objective = Objective::new(&network, layer, &filters, seeds.shape, 1.0, true).unwrap();
        let mut program = executor.prepare(objective.plan.clone()).unwrap();
        program.write(objective.image, &seeds).unwrap();
        program.run(1).unwrap();
        let gradient = program.read(objective.gradient).unwrap();
        let of_keras = expected.floats(&format!("ascent/{name}/gradient"));
        let len = seed.shape.len();
        for (i, filter) in filters.iter().enumerate() {
            let (error, index) = difference(gradient.image(i), &of_keras[i * len..(i + 1) * len]);
            println!("{at}, filter {filter}: gradient differs by {error:.1e}");
            assert!(error < bounds.values, "{at}, filter {filter}: the gradient differs by {error:e} at {index}");
        }

        let climbs = climb(&*executor, &network, layer, &filters, &seeds, Recipe::default(), &mut |_, _| {}).unwrap();
        let losses = expected.floats(&format!("ascent/{name}/loss"));
        let pictures = expected.floats(&format!("ascent/{name}/picture"));
        for (i, climb) in climbs.iter().enumerate() {
            let of_keras = &losses[i * climb.losses.len()..(i + 1) * climb.losses.len()];
            for (step, (&ours, &theirs)) in climb.losses.iter().zip(of_keras).enumerate() {
                let error = f64::from((ours - theirs).abs()) / f64::from(theirs.abs()).max(1e-30);
                let equal = ours == theirs || error < bounds.loss;
                assert!(equal, "{at}, filter {}: loss {step} is {ours}, in Keras {theirs}", climb.filter);
            }
            let c = correlation(&climb.picture, &pictures[i * len..(i + 1) * len]);
            println!("{at}, filter {}: pictures correlate by {c:.7}", climb.filter);
            assert!(c >= bounds.correlation, "{at}, filter {}: pictures correlate by {c} only", climb.filter);
        }
    }
}

macro_rules! on_every_executor {
    ($($name:ident: $backend:expr),*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn tiny() {
                whole_output($backend, "tiny.h5", "tiny_reference.h5", &TINY);
                ascents($backend, "tiny.h5", "tiny_reference.h5", &TINY, &["down", "code", "up_conv", "final"]);
            }

            #[test]
            fn unet_output() {
                whole_output($backend, "unet.h5", "reference.h5", &UNET);
            }

            #[test]
            fn unet_on_the_way_down() {
                ascents($backend, "unet.h5", "reference.h5", &UNET, &["dconv64", "dconv128", "dconv256", "conv512"]);
            }

            #[test]
            fn unet_on_the_way_up() {
                let layers = ["uconv256", "uconv128", "uconv64", "econv64", "final_conv1"];
                ascents($backend, "unet.h5", "reference.h5", &UNET, &layers);
            }
        }
    )*};
}

on_every_executor!(reference: Backend::Reference, cpu: Backend::Cpu);
