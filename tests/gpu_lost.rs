//! A GPU that is lost while a climb runs: what is finished is kept, the CPU goes on where it may, and the next job knows nothing of it.

mod common;
#[path = "common/wrapped.rs"]
mod wrapped;

use common::network;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::cpu::Cpu;
use unet_lens::engine::exec::gpu::Gpu;
use unet_lens::engine::exec::memory::Limit;
use unet_lens::engine::exec::{Backend, Executor, Steady};
use unet_lens::engine::graph::Graph;
use unet_lens::engine::plan::Plan;
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::findings::task::Task;
use unet_lens::findings::trial::{self, Ablated};
use unet_lens::findings::{self, Data};
use unet_lens::lens::ascent::{Climb, Climbed, Job, NOISE, Recipe, climb, noise};
use unet_lens::lens::dream::{self, Dream};
use unet_lens::lens::{activations, ascent};
use unet_lens::mri::{Sampling, restore};
use unet_lens::network::{Network, unet};
use unet_lens::{Error, lesson};
use wrapped::{Besides, wrapped};

/// A GPU with so little memory that the filters are climbed in several batches; `None` where there is no GPU.
fn gpu() -> Option<Gpu> {
    common::open(Backend::Gpu)?;
    Some(Gpu::open(None, Limit::default()).unwrap())
}

fn tiny() -> (Network, usize, Vec<usize>, Tensor) {
    let network = network("tiny.h5");
    let layer = unet::convolution(&network, "down").unwrap();
    let image = unet::image_shape(&network, &[layer], None).unwrap();
    let filters: Vec<usize> = (0..unet::filters(&network, layer)).collect();
    let seeds = noise(0, "down", &filters, image, NOISE);
    (network, layer, filters, seeds)
}

/// The least limit, in bytes, under which not all filters are climbed at once, but some are.
fn small_limit(network: &Network, layer: usize, filters: &[usize], seeds: &Tensor) -> Limit {
    let image = seeds.shape.with_n(1);
    let needs = |limit| {
        let gpu = Gpu::open(None, limit).unwrap();
        Job::new(&gpu, network, layer, filters, image, Recipe::default()).map(|job| job.needs())
    };
    let all = needs(Limit::default()).unwrap().memory.total();
    Limit::new(Some(all - 1))
}

/// Climbs, and loses the GPU when `steps` of all filters' steps are done.
fn climb_and_lose(gpu: &Gpu, steps: usize) -> (Climbed, usize) {
    let (network, layer, filters, seeds) = tiny();
    let job = Job::new(gpu, &network, layer, &filters, seeds.shape.with_n(1), Recipe::default()).unwrap();
    let at_once = job.needs().at_once;
    let mut lose = |done: usize, _: usize| {
        if done >= steps {
            gpu.lose();
        }
    };
    (job.climb_on(&seeds, &mut Watch { cancel: &Cancel::default(), progress: &mut lose }), at_once)
}

fn alone(executor: &dyn Executor) -> Vec<Climb> {
    let (network, layer, filters, seeds) = tiny();
    let mut watch = Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} };
    climb(executor, &network, layer, &filters, &seeds, Recipe::default(), &mut watch).unwrap()
}

#[test]
fn a_gpu_that_is_lost_is_said_and_what_is_finished_is_kept() {
    let Some(whole) = gpu() else { return };
    let (network, layer, filters, seeds) = tiny();
    let gpu = Gpu::open(None, small_limit(&network, layer, &filters, &seeds)).unwrap();
    // In the second batch.
    let (climbed, at_once) = {
        let job = Job::new(&gpu, &network, layer, &filters, seeds.shape.with_n(1), Recipe::default()).unwrap();
        climb_and_lose(&gpu, job.needs().at_once * Recipe::default().steps + 1)
    };
    assert!(at_once < filters.len());
    match climbed.end {
        Err(Error::Device(why)) => assert!(why.contains("the GPU") && why.contains("was lost"), "{why}"),
        other => panic!("the device was lost: {other:?}"),
    }
    assert_eq!(climbed.climbs[..], alone(&whole)[..at_once], "the first batch is as it would be anyway");
    // All that is done with it from now on says the same, and nothing else is touched.
    match Job::new(&gpu, &network, layer, &filters, seeds.shape.with_n(1), Recipe::default())
        .map(|job| job.climb(&seeds, &mut Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} }))
    {
        Ok(Err(Error::Device(why))) | Err(Error::Device(why)) => assert!(why.contains("was lost"), "{why}"),
        other => panic!("the device is lost: {:?}", other.map(|climbs| climbs.map(|climbs| climbs.len()))),
    }
    assert_eq!(alone(&whole), alone(&whole));
}

/// A GPU that is lost when its programs have been told so many things.
#[derive(Clone)]
struct Failing {
    gpu: Arc<Gpu>,
    left: Arc<AtomicUsize>,
}

const LOST: usize = usize::MAX;

impl Besides for Failing {
    fn told(&mut self) {
        match self.left.load(Ordering::Relaxed) {
            LOST => {}
            0 => {
                self.gpu.lose();
                self.left.store(LOST, Ordering::Relaxed);
            }
            left => self.left.store(left - 1, Ordering::Relaxed),
        }
    }
}

fn cpu() -> Cpu {
    Cpu::new(Some(1), Limit::default()).unwrap()
}

type Work = fn(&dyn Executor, &Network, &Tensor) -> Vec<f32>;

/// All that commands compute: each as numbers.
const ALL: &[(&str, Work)] = &[
    ("climb", |executor, network, _| {
        let layer = unet::convolution(network, "down").unwrap();
        let image = unet::image_shape(network, &[layer], None).unwrap();
        let recipe = Recipe { steps: 3, jitter: 2, keep_frames: true, ..Recipe::default() };
        let mut watch = Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} };
        let seeds = noise(0, "down", &[0, 1], image, NOISE);
        let climbs = climb(executor, network, layer, &[0, 1], &seeds, recipe, &mut watch).unwrap();
        climbs.into_iter().flat_map(|climb| [climb.picture, climb.losses, climb.frames.concat()].concat()).collect()
    }),
    ("fourier", |executor, _, image| {
        ascent::fourier::pink(executor, &noise(1, "x", &[3, 4], image.shape, NOISE)).unwrap().data
    }),
    ("predict", |executor, network, image| activations::whole(executor, network, image).unwrap().1.data),
    ("activations", |executor, network, image| {
        let layers = unet::convolutions(network);
        let all = activations::compute(executor, network, image, &layers, 2).unwrap();
        all.into_iter().flat_map(|one| one.means).collect()
    }),
    ("dream", |executor, network, image| {
        let layer = unet::convolution(network, "down").unwrap();
        let what = Dream { octaves: 2, steps: 2, ..Dream::of(layer, 0) };
        let work = dream::Work::new(executor, network, &what, image.shape).unwrap();
        let mut watch = Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} };
        dream::dream(executor, network, image, &what, &work, &mut watch, None).unwrap().0.data
    }),
    ("explain", |executor, network, image| {
        let layer = unet::convolution(network, "down").unwrap();
        let told = lesson::explain::explain(executor, network, layer, 0, image).unwrap();
        told.nodes().map(|node| node.rms as f32).collect()
    }),
    ("check", |executor, network, image| {
        let layer = unet::convolution(network, "down").unwrap();
        let check = lesson::check::check(executor, network, (layer, 0), image, (4, 0), 1e-3, &mut |_| {}).unwrap();
        check.points.iter().map(|point| point.backprop as f32).collect()
    }),
    ("restore", |executor, network, _| {
        let examples = restore::phantoms(network, 2, 0, Sampling::default()).unwrap();
        let all = restore::compute(executor, network, &examples, &mut |_, _| {}).unwrap();
        all.into_iter().flat_map(|one| one.output.data).collect()
    }),
    ("findings", |executor, network, _| {
        let data = Data::standard(network, 4, 0).unwrap();
        let mut watch = Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} };
        let layers = [unet::convolution(network, "down").unwrap()];
        let mut layers = findings::measure(executor, network, &layers, &data, 0, &mut watch).unwrap().layers;
        let tasks = Task::of(network, data.facts.kind, data.shape, &data.images, 0).unwrap();
        let (cancel, options) = (Cancel::default(), (0, Ablated::Drawn));
        trial::run(executor, network, &mut layers, tasks.as_ref(), options, &cancel, &mut |_, _, _| {}).unwrap();
        let numbers = layers[0].filters.iter().flat_map(|filter| {
            let effect = filter.effect.effect.expect("it is drawn");
            [filter.life.on, filter.life.dormant, filter.border.auc, filter.border.auc_without, effect.value]
        });
        numbers.map(|number| number as f32).collect()
    }),
];

/// Whatever is computed, and wherever the GPU is lost: the CPU goes on, it is said once, and the numbers are right.
#[test]
fn the_cpu_goes_on_in_every_command() {
    let Some(_) = gpu() else { return };
    let network = network("tiny.h5");
    let shape = unet::image_shape(&network, &[network.output], None).unwrap();
    let image = noise(7, "image", &[0], shape, 1.0);
    for (name, work) in ALL {
        let expected = work(&cpu(), &network, &image);
        for when in [0, 1, 2, 3, 5, 8, 13] {
            let gpu = Arc::new(Gpu::open(None, Limit::default()).unwrap());
            let failing = Failing { gpu: gpu.clone(), left: Arc::new(AtomicUsize::new(when)) };
            let left = failing.left.clone();
            let said = Arc::new(AtomicUsize::new(0));
            let heard = said.clone();
            let steady = Steady::new(Box::new(wrapped(gpu, failing)), cpu(), move |why: &Error| {
                assert!(why.to_string().contains("was lost"), "{why}");
                heard.fetch_add(1, Ordering::Relaxed);
            });
            let got = work(&steady, &network, &image);
            let (error, at) = common::difference(&got, &expected);
            assert!(error < 1e-4, "{name}, lost at {when}: [{at}] is {}, should be {}", got[at], expected[at]);
            let (said, left) = (said.load(Ordering::Relaxed), left.load(Ordering::Relaxed));
            // Some are done before it is lost.
            assert!(left == LOST || when > 2, "{name} is done before it is told {when} things");
            assert_eq!(said == 1, left == LOST, "{name}, lost at {when}: said {said} times");
            if left == LOST {
                assert_eq!(steady.describe(), cpu().describe());
            }
        }
    }
}

/// What a device binds at most is told with both numbers, before any memory is asked for.
#[test]
fn a_tensor_that_no_buffer_of_the_device_holds() {
    let Some(_) = gpu() else { return };
    let small = Gpu::open_minimal(None, Limit::default()).unwrap();
    let mut graph = Graph::new();
    // WebGPU promises to bind 128 MiB. Of one channel four are stored.
    let image = graph.input("image", Shape::new(1, 8192, 8192, 1)).unwrap();
    let output = graph.sigmoid("large", image).unwrap();
    match small.compile(Arc::new(Plan::compile(graph, &[output], &[], &[]))).map(drop) {
        Err(Error::Memory(text)) => {
            for words in ["would need 1.0 GiB", "binds 128.0 MiB at most", "make the picture smaller"] {
                assert!(text.contains(words), "'{words}' is not in: {text}");
            }
        }
        other => panic!("it is too large: {other:?}"),
    }
}
