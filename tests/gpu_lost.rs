//! A GPU that is lost while a climb runs: what is finished is kept, the CPU goes on where it may, and the next job knows nothing of it.

mod common;

use common::network;
use std::sync::atomic::{AtomicUsize, Ordering};
use unet_lens::Error;
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::cpu::Cpu;
use unet_lens::engine::exec::gpu::Gpu;
use unet_lens::engine::exec::memory::Limit;
use unet_lens::engine::exec::{Backend, Executor};
use unet_lens::engine::tensor::Tensor;
use unet_lens::lens::ascent::{Climb, Climbed, Job, NOISE, Recipe, Spare, climb, noise};
use unet_lens::network::{Network, unet};

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
fn climb_and_lose(gpu: &Gpu, steps: usize, spare: Option<Spare>) -> (Climbed, usize) {
    let (network, layer, filters, seeds) = tiny();
    let job = Job::new(gpu, &network, layer, &filters, seeds.shape.with_n(1), Recipe::default()).unwrap();
    let at_once = job.needs().at_once;
    let mut lose = |done: usize, _: usize| {
        if done >= steps {
            gpu.lose();
        }
    };
    (job.climb_on(&seeds, spare, &mut Watch { cancel: &Cancel::default(), progress: &mut lose }), at_once)
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
        climb_and_lose(&gpu, job.needs().at_once * Recipe::default().steps + 1, None)
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

#[test]
fn the_cpu_goes_on() {
    let Some(gpu) = gpu() else { return };
    let asked = AtomicUsize::new(0);
    let spare = |why: &Error| -> unet_lens::Result<Box<dyn Executor>> {
        assert!(why.to_string().contains("was lost"), "{why}");
        asked.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(Cpu::new(Some(1), Limit::default())?))
    };
    let (climbed, _) = climb_and_lose(&gpu, 1, Some(&spare));
    assert!(climbed.end.is_ok(), "{:?}", climbed.end);
    assert_eq!(asked.into_inner(), 1);
    let cpu = climbed.spare.expect("the CPU went on");
    assert_eq!(climbed.climbs, alone(&*cpu));
}
