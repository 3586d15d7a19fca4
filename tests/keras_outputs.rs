//! What Keras computes with each network of `fixtures/keras` (see the head of `make_keras_files.py` there), from every
//! file of that network, on every executor.

mod common;

use common::{Expected, difference, fixture, network, open};
use std::sync::Arc;
use unet_lens::engine::exec::Backend;
use unet_lens::engine::plan::Plan;
use unet_lens::network::unet;

/// The networks, from the names of the files: `unet_k2.h5` is one of `unet`.
fn files_of(name: &str) -> Vec<String> {
    let all = std::fs::read_dir(fixture("keras")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<String> = all.filter(|f| f.starts_with(&format!("{name}_"))).collect();
    files.sort();
    files
}

fn outputs(backend: Backend) {
    let Some(executor) = open(backend) else { return };
    let mut seen = 0;
    for name in ["unet", "fit", "seq", "bn", "kernels"] {
        let expected = Expected::open(&format!("keras/{name}.expected.h5"));
        let (input, output) = (expected.tensor("input"), expected.tensor("output"));
        assert_eq!(input.shape.n, 2);
        for file in files_of(name) {
            let network = network(&format!("keras/{file}"));
            let built = unet::graph_to(&network, network.output, None, input.shape).unwrap();
            let plan = Plan::compile(built.graph, &[built.output], &[], &[]);
            let mut program = executor.prepare(Arc::new(plan)).unwrap();
            program.write(built.image, &input).unwrap();
            program.run(1).unwrap();
            let got = program.read(built.output).unwrap();
            assert_eq!(got.shape, output.shape, "{file}");
            let (error, at) = difference(&got.data, &output.data);
            let e = executor.describe();
            assert!(error < 1e-5, "{file} on {e}: [{at}] is {}, in Keras {}", got.data[at], output.data[at]);
            seen += 1;
        }
    }
    assert_eq!(seen, 21, "files of these networks");
}

#[test]
fn cpu() {
    outputs(Backend::Cpu);
}

#[test]
fn reference() {
    outputs(Backend::Reference);
}
