//! `unet-lens bench`: its numbers are those of the plan, and what cannot be is said.

mod common;

use assert_cmd::Command;
use common::{fixture, network};
use serde_json::Value;
use unet_lens::engine::tensor::Shape;
use unet_lens::network::unet;

fn bench(args: &[&str]) -> assert_cmd::assert::Assert {
    Command::new(env!("CARGO_BIN_EXE_unet-lens")).args(["bench", "--rounds", "1", "--threads", "2"]).args(args).assert()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn a_step_and_a_forward_pass() {
    let dir = tempfile::tempdir().unwrap();
    let (model, json) = (fixture("tiny.h5"), dir.path().join("bench.json"));
    let network = network("tiny.h5");
    let Shape { h, w, .. } = unet::image_shape(&network, &[network.output], None).unwrap();
    for (args, layer, count) in
        [(&["--layer", "up_conv", "--count", "3"][..], Some("up_conv"), 3), (&["--forward"], None, 1)]
    {
        let rest = ["--backend", "cpu", "--model", model.to_str().unwrap(), "--json", json.to_str().unwrap()];
        let args: Vec<&str> = args.iter().copied().chain(rest).collect();
        let output = bench(&args).success().get_output().stdout.clone();
        let terminal = String::from_utf8(output).unwrap();
        let reports: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
        let [report] = &reports.as_array().unwrap()[..] else { panic!("one job") };
        assert_eq!((report["layer"].as_str(), report["images"].as_u64()), (layer, Some(count)));
        let kernels = report["kernels"].as_array().unwrap();
        for b in report["backends"].as_array().unwrap() {
            assert!(b["limit"].as_f64().unwrap() > 1e6 && b["bandwidth"].as_f64().unwrap() > 1e6, "{b}");
            let seconds = numbers(&b["kernels"]);
            assert_eq!(seconds.len(), kernels.len());
            assert!(b["step"].as_f64().unwrap() > 0.0 && seconds.iter().all(|&s| s >= 0.0));
            assert!(terminal.contains(b["backend"].as_str().unwrap()));
        }
        for kernel in kernels {
            assert!(terminal.contains(kernel["name"].as_str().unwrap()), "{kernel}");
            // Whatever is computed is written.
            let sides: Vec<u64> = kernel["shape"].as_str().unwrap().split('x').map(|s| s.parse().unwrap()).collect();
            assert!(kernel["bytes"].as_u64().unwrap() >= sides.iter().product::<u64>() * 4, "{kernel}");
        }
        // The first convolution reads the image and its weights, writes its map, and remembers ReLU's signs if there is a way
        // back.
        let (first, about) = (&kernels[0], &network.layers[unet::convolutions(&network)[0]]);
        let co = unet::filters(&network, unet::convolutions(&network)[0]) as u64;
        let pixels = count * (h * w) as u64;
        assert_eq!(first["macs"].as_u64().unwrap(), pixels * 9 * co, "{}: a 3x3 kernel of one channel", about.name);
        let signs = if layer.is_some() { pixels * co.div_ceil(8) } else { 0 };
        assert_eq!(first["bytes"].as_u64().unwrap(), pixels * 4 + 9 * co * 4 + pixels * co * 4 + signs);
    }
}

#[test]
fn what_cannot_be() {
    for (args, says) in [
        (&["--layer", "nothing"][..], "uconv128"),
        (&["--layer", "code"], "no filters"),
        (&["--forward", "--layer", "uconv128"], "--forward"),
        (&["--backend", "cpu,abacus"], "reference"),
        (&["--count", "0"], "1..=1024"),
        (&["--backend", "cpu,reference"], "not made to be measured"),
    ] {
        let output = bench(args).failure().code(2).get_output().stderr.clone();
        let error = String::from_utf8(output).unwrap();
        assert!(error.contains(says), "{args:?}: {error}");
    }
}
