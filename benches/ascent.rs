//! One step of the climb of each layer, for 1 and for 16 filters at once, on the CPU and on the GPU side by side.
//!
//! `cargo bench --bench ascent`; `-- uconv128` for one layer, `-- cpu` for one side. Throughput is in multiply-accumulates
//! (elements) as the definition of a convolution counts them.

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use std::time::{Duration, Instant};
use unet_lens::engine::exec::{self, Backend, Executor};
use unet_lens::lens::ascent::{Objective, Recipe, noise};
use unet_lens::network::{keras, unet};

fn ascent(c: &mut Criterion) {
    let network = keras::load(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/unet.h5")).unwrap();
    let image = unet::image_shape(&network, &[network.output], None).unwrap();
    let mut executors: Vec<(&str, Box<dyn Executor>)> = vec![];
    for (name, backend) in [("cpu", Backend::Cpu), ("gpu", Backend::Gpu)] {
        match exec::open(backend, None, None) {
            Ok((executor, _)) => executors.push((name, executor)),
            Err(why) => println!("{why}"),
        }
    }
    executors.iter().for_each(|(name, executor)| println!("{name}: {}", executor.describe()));
    for layer in unet::convolutions(&network) {
        let name = &network.layers[layer].name;
        for count in [1, 16] {
            let filters: Vec<usize> = (0..unet::filters(&network, layer)).cycle().take(count).collect();
            let objective = Objective::new(&network, layer, &filters, image, &Recipe::default(), false).unwrap();
            let seeds = noise(0, name, &filters, image, 2.0);
            let macs: u64 = objective.plan.steps.iter().map(|step| objective.plan.macs(step)).sum();
            let mut group = c.benchmark_group(format!("step of {name}, {count} filters"));
            group.sample_size(10).sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(macs));
            group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
            let mut first: Option<Vec<f32>> = None;
            for (backend, executor) in &executors {
                let mut program = None;
                group.bench_function(*backend, |b| {
                    let program = program.get_or_insert_with(|| {
                        let mut program = executor.prepare(objective.plan.clone()).unwrap();
                        program.write(objective.image, &seeds).unwrap();
                        // The losses must agree before speed means anything.
                        let losses = program.run(1).unwrap()[0][0].clone();
                        for (a, b) in losses.iter().zip(first.get_or_insert_with(|| losses.clone())) {
                            assert!((a - *b).abs() <= 1e-4 * b.abs().max(1e-3), "{name} on {backend}: {a} and {b}");
                        }
                        program
                    });
                    b.iter_custom(|count| {
                        let start = Instant::now();
                        program.run(count as usize).unwrap();
                        start.elapsed()
                    });
                });
            }
        }
    }
}

criterion_group!(benches, ascent);
criterion_main!(benches);
