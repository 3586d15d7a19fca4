//! What Keras computes with each network of `fixtures/keras/layers` (see the head of `make_layer_files.py` there): forward, and
//! the gradient of a filter behind all the layers under test, from every file of that network, on every executor.

mod common;

use common::{Expected, difference, fixture, network, open};
use serde_json::Value;
use std::sync::Arc;
use unet_lens::engine::autodiff;
use unet_lens::engine::exec::{Backend, Executor};
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::plan::Plan;
use unet_lens::engine::tensor::Tensor;
use unet_lens::network::{Kind, Network, unet};

/// How far outputs may be off, as a share of the largest magnitude: on the reference, and on the executors in single precision.
const TOLERANCE: f64 = 1e-5;
const TOLERANCE_F32: f64 = 1e-4;

/// Each file with the one of what Keras computed, and the layer that the gradient is of.
fn files() -> Vec<(String, String, &'static str)> {
    let index = std::fs::read_to_string(fixture("keras/layers.json")).unwrap();
    let mut files = vec![];
    for about in serde_json::from_str::<Vec<Value>>(&index).unwrap() {
        let expected = format!("keras/layers/{}", about["expected"].as_str().unwrap());
        for file in about["files"].as_array().unwrap() {
            files.push((format!("keras/layers/{}", file.as_str().unwrap()), expected.clone(), "last"));
        }
    }
    // These were written by old versions, see `make_old_files.py`.
    for name in ["operators_tf_1_15", "several_keras_2_2_4", "several_tf_1_15"] {
        files.push((format!("keras/old/{name}.h5"), format!("keras/old/{name}.expected.h5"), "middle"));
    }
    files
}

/// The network, its Lambda layers told what they are.
fn loaded(file: &str) -> Network {
    let mut network = network(file);
    let lambdas: Vec<String> = network.layers.iter().filter(|l| l.class == "Lambda").map(|l| l.name.clone()).collect();
    for (i, name) in lambdas.iter().enumerate() {
        // In the file of all versions of Python: `s / 0.5` and `x * 0.5` by turns.
        let meaning = match name.as_str() {
            "identity" => "identity",
            "twice" => "scale:2",
            "to_one" => "scale:0.00392156862745098",
            "back" => "scale:127.5",
            "to_two" => "scale:2,shift:-1",
            "to_half" => "scale:0.25,shift:0.25",
            _ if i % 2 == 0 => "scale:2",
            _ => "scale:0.5",
        };
        network.set_lambda(name, meaning).unwrap();
    }
    network
}

fn evaluate(executor: &dyn Executor, graph: Graph, image: NodeId, input: &Tensor, wanted: NodeId) -> Tensor {
    let plan = Plan::compile(graph, &[wanted], &[], &[]);
    let mut program = executor.prepare(Arc::new(plan)).unwrap();
    program.write(image, input).unwrap();
    program.run(1).unwrap();
    program.read(wanted).unwrap()
}

/// The output, and the gradient of the mean of filter 0 of `layer`, or what went wrong.
fn check(executor: &dyn Executor, tolerance: f64, file: &str, expected: &str, layer: &str) -> Result<(), String> {
    let expected = Expected::open(expected);
    let (input, gradient) = (expected.tensor("input"), expected.tensor("gradient"));
    let network = loaded(file);
    if let Some(layer) = network.layers.iter().find(|layer| matches!(layer.kind, Kind::Refused { .. })) {
        return Err(format!("{:?}", layer.kind));
    }
    let compare = |what: &str, got: &[f32], expected: &[f32]| {
        if got.len() != expected.len() {
            return Err(format!("{what}: {} values, in Keras {}", got.len(), expected.len()));
        }
        let (error, at) = difference(got, expected);
        match error < tolerance {
            true => Ok(()),
            false => Err(format!("{what}: [{at}] is {}, in Keras {} ({error:.1e})", got[at], expected[at])),
        }
    };

    let built = unet::graph_to(&network, network.output, None, input.shape).map_err(|e| e.to_string())?;
    let output = evaluate(executor, built.graph, built.image, &input, built.output);
    compare("output", &output.data, &expected.floats("output"))?;

    let last = unet::convolution(&network, layer).map_err(|e| e.to_string())?;
    let built = unet::graph_to(&network, last, Some(&[0, 0]), input.shape).map_err(|e| e.to_string())?;
    let mut graph = built.graph;
    let loss = graph.mean("loss", built.output).unwrap();
    let wanted = autodiff::gradient(&mut graph, loss, built.image).map_err(|e| e.to_string())?.of_wrt();
    let got = evaluate(executor, graph, built.image, &input, wanted);
    compare("gradient", &got.data, &gradient.data)
}

fn all(backend: Backend, tolerance: f64) {
    let Some(executor) = open(backend) else { return };
    let (mut seen, mut problems) = (0, vec![]);
    for (file, expected, layer) in files() {
        seen += 1;
        if let Err(why) = check(&*executor, tolerance, &file, &expected, layer) {
            problems.push(format!("{file}: {why}"));
        }
    }
    assert!(problems.is_empty(), "{} of {seen} files:\n{}", problems.len(), problems.join("\n"));
    assert!(seen > 100, "{seen} files");
}

#[test]
fn reference() {
    all(Backend::Reference, TOLERANCE);
}

#[test]
fn cpu() {
    all(Backend::Cpu, TOLERANCE_F32);
}

#[test]
fn gpu() {
    all(Backend::Gpu, TOLERANCE_F32);
}

/// What is climbed is a filter alone: image `i` sees only its own channel, with the bits that it has in the whole layer.
#[test]
fn a_filter_alone_is_as_in_its_whole_layer() {
    let executor = open(Backend::Reference).unwrap();
    let mut seen = 0;
    for (file, expected, _) in files().into_iter().filter(|(file, ..)| file.ends_with("_k3.keras")) {
        let (input, network) = (Expected::open(&expected).tensor("input"), loaded(&file));
        for layer in unet::convolutions(&network) {
            let name = &network.layers[layer].name;
            let own = [0, unet::filters(&network, layer) - 1];
            let whole = unet::graph_to(&network, layer, None, input.shape).unwrap();
            let whole = evaluate(&*executor, whole.graph, whole.image, &input, whole.output);
            let alone = unet::graph_to(&network, layer, Some(&own), input.shape).unwrap();
            let alone = evaluate(&*executor, alone.graph, alone.image, &input, alone.output);
            assert_eq!(alone.shape, whole.shape.with_c(1), "{file} {name}");
            for (n, filter) in own.into_iter().enumerate() {
                let of_whole: Vec<f32> = whole.image(n).iter().skip(filter).step_by(whole.shape.c).copied().collect();
                assert_eq!(alone.image(n), of_whole, "{file} {name} filter {filter}");
            }
            seen += 1;
        }
    }
    assert!(seen > 200, "{seen} convolutions");
}

/// The table of README.md, with what docs/networks.md adds, names every class that the code knows.
#[test]
fn every_class_is_in_the_table() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap();
    // The classes are the patterns of two matches and one list, each on lines that begin with them.
    let part = |file: &str, from: &str, to: &str| {
        let text = read(file);
        let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("{file} has no {from}"));
        rest.split_once(to).unwrap_or_else(|| panic!("{file} has no {to}")).0.to_string()
    };
    let layers = "src/network/keras/layers/mod.rs";
    let text = part(layers, "match call.class.as_str() {\n        \"InputLayer\" => input", "class if is_nothing")
        + &part(layers, "const NOTHING", "];")
        + &part("src/network/keras/layers/activation.rs", "Ok(Some(match class {", "_ => return Ok(None)");
    let lines = text.lines().map(str::trim).filter(|line| line.starts_with('"'));
    let patterns = lines.map(|line| line.split_once("=>").map_or(line, |(pattern, _)| pattern));
    let classes: Vec<&str> = patterns.flat_map(|pattern| pattern.split('"').skip(1).step_by(2)).collect();
    assert!(classes.len() > 60 && classes.contains(&"ELU") && classes.contains(&"Conv2D"), "{classes:?}");
    let said = read("README.md") + &read("docs/networks.md");
    let missing: Vec<&&str> = classes.iter().filter(|class| !said.contains(&format!("`{class}`"))).collect();
    assert!(missing.is_empty(), "not in README.md nor in docs/networks.md: {missing:?}");
}
