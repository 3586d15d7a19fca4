//! Random networks: every executor against the reference, and the gradient against finite differences.
//!
//! A network is a list of instructions; each makes a node from recent ones. So there are values used twice, several
//! pools of one value, branches that end nowhere, orders of ops that no U-Net has. What is kept is random too, since
//! that decides which ops are fused. Behind the gradient stand more nodes that no autodiff would make: gradients of relus and
//! max pools by hand, of any values and in any order.
//!
//! At a kink (a ReLU's input near zero, two nearly equal values in a max pool) single precision may fall to the other
//! side; then the right gradient is another one. Such images are not used: the reference tells how near the nearest kink
//! is.
//!
//! Where terms cancel (the gradient of `sigmoid(x) + sigmoid(-x)` is 0; a sum of thousands of both signs is small) hardly
//! more is left than what rounding made of the terms. The reference tells that, too: it is computed with coarsely rounded
//! values ([`quiet`]), and what moves by more than the comparison's bound is not compared. How much that is, is counted and
//! asserted to be little.

#[path = "../common/mod.rs"]
mod common;
mod layers;
mod network;
mod quiet;

use common::difference;
use network::{Net, build, case, shifts, uniform};
use proptest::prelude::*;
use quiet::{BOUND, Quiet, quiet_image, sides, values};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::cell::Cell;
use std::sync::Arc;
use unet_lens::engine::exec::cpu::Cpu;
use unet_lens::engine::exec::cpu::simd::Level;
use unet_lens::engine::exec::memory::Limit;
use unet_lens::engine::exec::reference::Reference;
use unet_lens::engine::exec::{Backend, Executor, open};
use unet_lens::engine::graph::NodeId;
use unet_lens::engine::plan::Plan;
use unet_lens::engine::tensor::{Tensor, Tensor64};

fn run(executor: &dyn Executor, net: &Net, keep: &[NodeId], image: &Tensor) -> Vec<Tensor> {
    let plan = Arc::new(Plan::compile(net.graph.clone(), keep, &[net.loss], &[]));
    let mut program = executor.prepare(plan).unwrap();
    program.write(net.image, image).unwrap();
    program.write(net.shifts, &shifts(net)).unwrap();
    // Twice: buffers that were used before must not matter.
    program.run(1).unwrap();
    let trace = program.run(1).unwrap();
    let mut results: Vec<Tensor> = keep.iter().map(|&id| program.read(id).unwrap()).collect();
    assert_eq!(program.first_traced().unwrap(), trace[0][0], "the loss alone");
    results.push(Tensor::new(net.graph.shape(net.loss), trace[0][0].clone()));
    results
}

/// The fast executors: the CPU with every instruction set of this machine, and the GPU, if there is one.
fn executors() -> Vec<Box<dyn Executor>> {
    let mut all: Vec<Box<dyn Executor>> = vec![];
    for level in Level::available() {
        all.push(Box::new(Cpu::with_level(None, level, Limit::default()).unwrap()));
    }
    all.extend(open(Backend::Gpu, None, None).ok().map(|(gpu, _)| gpu));
    all
}

/// What was compared, and what could not be.
#[derive(Default)]
struct Counts {
    dropped: Cell<usize>,
    used: Cell<usize>,
    /// Values of nodes, and among them those that are mostly noise.
    compared: Cell<usize>,
    noisy: Cell<usize>,
}

fn more(count: &Cell<usize>) {
    count.set(count.get() + 1);
}

impl Counts {
    /// At most one case in so many may be dropped, and one value in so many be noise.
    fn check(&self, cases: usize, values: usize) {
        let Counts { dropped, used, compared, noisy } = self;
        println!("{} cases used, {} dropped for a kink", used.get(), dropped.get());
        println!("{} values compared, {} mostly noise", compared.get(), noisy.get());
        assert!(dropped.get() * cases < used.get(), "{} of {} cases were dropped", dropped.get(), used.get());
        assert!(noisy.get() * values < compared.get(), "{} values are noise, {} not", noisy.get(), compared.get());
    }
}

/// Compares all that each executor computes of the network with what the reference does.
fn compare(
    executors: &[Box<dyn Executor>],
    net: &Net,
    seed: u64,
    which: u64,
    counts: &Counts,
) -> Result<(), TestCaseError> {
    let Some(Quiet { image, equal, noise }) = quiet_image(net, seed) else {
        more(&counts.dropped);
        return Ok(());
    };
    more(&counts.used);
    // Nothing but the gradient, some nodes, all nodes.
    let some = |id: &NodeId| *id == net.output || *id == net.dx || which >> (id.0 % 64) & 3 == 0;
    let all: Vec<NodeId> = net.graph.nodes().map(|(id, _)| id).collect();
    for mut keep in [vec![net.dx], vec![net.output], all.iter().copied().filter(some).collect(), all] {
        if equal {
            // Between output and image the gradient may take another of several equal ways.
            keep.retain(|id| id.0 <= net.loss.0 || *id == net.dx);
        }
        let expected = run(&Reference::default(), net, &keep, &image);
        for executor in executors {
            let got = run(&**executor, net, &keep, &image);
            for (i, (got, expected)) in got.iter().zip(&expected).enumerate() {
                let id = keep.get(i).copied().unwrap_or(net.loss);
                if noise[id.0] >= BOUND {
                    more(&counts.noisy);
                    continue;
                }
                more(&counts.compared);
                let node = &net.graph[id];
                let (error, at) = difference(&got.data, &expected.data);
                prop_assert!(
                    error < BOUND,
                    "{} ({}) on {}, {} kept: [{at}] is {}, should be {}\n{}",
                    node.name,
                    node.op.name(),
                    executor.describe(),
                    keep.len(),
                    got.data[at],
                    expected.data[at],
                    Plan::compile(net.graph.clone(), &keep, &[net.loss], &[])
                );
            }
        }
    }
    Ok(())
}

#[test]
fn every_executor_agrees_with_the_reference() {
    let (executors, counts) = (executors(), Counts::default());
    let config = ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(case in case(), which in any::<u64>())| {
        compare(&executors, &build(&case), case.seed, which, &counts)?;
    });
    counts.check(10, 20);
}

/// Networks of Keras' layers: what is not refused, in words that name the layer, every executor computes alike.
#[test]
fn every_executor_agrees_on_networks_of_layers() {
    let (executors, counts, refused) = (executors(), Counts::default(), Cell::new(0));
    let cases = std::env::var("RANDOM_NETWORKS").ok().map_or(200, |text| text.parse().expect("a number"));
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(seed in any::<u64>(), which in any::<u64>())| {
        let (net, not_taken) = layers::net(seed);
        refused.set(refused.get() + not_taken);
        compare(&executors, &net, seed, which, &counts)?;
    });
    println!("{} layers refused", refused.get());
    assert!(refused.get() > 0, "nothing was refused");
    // Layers of many ops have more corners, and normalisations let little through but rounding.
    counts.check(3, 4);
}

#[test]
fn the_gradient_is_that_of_finite_differences() {
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(case in case())| {
        let net = build(&case);
        let Some(Quiet { image, .. }) = quiet_image(&net, case.seed) else { return Ok(()) };
        let at = Tensor64::from(&image);
        let dx = values(&net, &at, 0.0).swap_remove(net.dx.0);
        let squashed = net.graph[net.loss].inputs[0];
        let mut rng = ChaCha8Rng::seed_from_u64(case.seed);
        let (step, len) = (1e-5, at.shape.image_len());
        for _ in 0..3 {
            let direction: Vec<f64> =
                uniform(&mut rng, at.shape.len(), -1.0, 1.0).into_iter().map(|v| f64::from(v) / (len as f64).sqrt()).collect();
            let moved = |by: f64| {
                let data = at.data.iter().zip(&direction).map(|(x, v)| x + by * v).collect();
                values(&net, &Tensor64 { shape: at.shape, data }, 0.0)
            };
            let (up, down) = (moved(step), moved(-step));
            if sides(&net, &up) != sides(&net, &down) {
                continue;
            }
            // The loss is the mean of up to thousands of values, and is itself rounded. Its difference is more exact as the mean of
            // their differences.
            let difference = up[squashed.0].data.iter().zip(&down[squashed.0].data).map(|(up, down)| up - down);
            let difference: Vec<f64> = difference.collect();
            let outputs = up[squashed.0].shape.image_len();
            for (n, difference) in difference.chunks(outputs).enumerate() {
                let of_image = n * len..(n + 1) * len;
                let (g, v) = (&dx.data[of_image.clone()], &direction[of_image]);
                let expected: f64 = g.iter().zip(v).map(|(g, v)| g * v).sum();
                let found = difference.iter().sum::<f64>() / outputs as f64 / (2.0 * step);
                let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
                // Each of the values, below 1, is itself rounded: to 1.1e-16.
                let bound = 1e-6 * length(g) * length(v) + 1.2e-16 / step;
                prop_assert!(
                    (found - expected).abs() < bound,
                    "image {n}: along a random direction the loss changes by {found}, by backprop {expected}"
                );
            }
        }
    });
}
