//! One step of the climb of each layer, for 1 and for 16 filters at once, on the CPU and on the GPU side by side.
//!
//! `cargo bench --bench ascent`; `-- uconv128` for one layer. Throughput is in multiply-accumulates (elements) as the
//! definition of a convolution counts them. On a software GPU only one filter is measured: 16 take minutes.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use unet_lens::ascent::{Objective, Recipe, noise};
use unet_lens::exec::{self, Backend};
use unet_lens::{keras, unet};

fn ascent(c: &mut Criterion) {
    let network = keras::load(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/unet.h5")).unwrap();
    let image = unet::image_shape(&network, None).unwrap();
    for backend in [Backend::Cpu, Backend::Gpu] {
        let executor = match exec::open(backend, None, None) {
            Ok((executor, _)) => executor,
            Err(why) => {
                println!("{why}");
                continue;
            }
        };
        println!("{}", executor.describe());
        for layer in unet::convolutions(&network) {
            let name = &network.layers[layer].name;
            for count in [1, 16] {
                if executor.is_software() && count > 1 {
                    continue;
                }
                let filters: Vec<usize> = (0..unet::filters(&network, layer)).cycle().take(count).collect();
                let objective = Objective::new(&network, layer, &filters, image, &Recipe::default(), false).unwrap();
                let macs: u64 = objective.plan.steps.iter().map(|step| objective.plan.macs(step)).sum();
                let mut program = executor.prepare(objective.plan.clone()).unwrap();
                program.write(objective.image, &noise(0, name, &filters, image, 2.0)).unwrap();
                let mut group = c.benchmark_group(format!("step of {name}, {count} filters"));
                group.sample_size(10).throughput(Throughput::Elements(macs));
                group.bench_function(if backend == Backend::Cpu { "cpu" } else { "gpu" }, |b| {
                    b.iter(|| program.run(1).unwrap())
                });
            }
        }
    }
}

criterion_group!(benches, ascent);
criterion_main!(benches);
