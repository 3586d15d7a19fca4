//! Input that is deep: names of many parts, models inside models, long chains. Nothing here may take a stack frame, or another
//! round, for each step down.

mod common;

use common::archive::{assert_says, problem, zip_of};
use common::fixture;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use unet_lens::engine::graph::Graph;
use unet_lens::engine::ops::{Conv2d, Kernel};
use unet_lens::engine::plan::Plan;
use unet_lens::engine::tensor::Shape;
use unet_lens::network::keras;

/// What `work` gives on a thread of little stack.
fn on_a_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(256 << 10).spawn(work).unwrap().join().unwrap()
}

#[test]
fn the_name_of_a_weight_has_30_000_parts() {
    let network = on_a_small_stack(|| keras::load(fixture("hostile/deep_name.h5")));
    assert_says(&problem(network), &["layer 'down' (Conv2D)", "the weight bias is missing"]);
}

/// Each model holds the next one and uses it ten times, sixteen deep: 10^16 uses, though there is no layer but inputs.
#[test]
fn models_of_nothing_but_models() {
    let keras_tensor =
        |name: &str| json!({"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}});
    let mut inner: Option<Value> = None;
    for depth in 0..16 {
        let input = json!({"class_name": "InputLayer", "name": "x", "inbound_nodes": [],
            "config": {"name": "x", "batch_shape": [null, 4, 4, 1]}});
        let mut layers = vec![input];
        let mut output = "x";
        if let Some(config) = inner.take() {
            let node = json!({"args": [keras_tensor("x")], "kwargs": {}});
            layers.push(
                json!({"class_name": "Functional", "name": "m", "config": config, "inbound_nodes": vec![node; 10]}),
            );
            output = "m";
        }
        inner = Some(json!({"name": format!("model{depth}"), "layers": layers,
            "input_layers": [["x", 0, 0]], "output_layers": [[output, 0, 0]]}));
    }
    let config = json!({"class_name": "Functional", "config": inner}).to_string();
    let start = Instant::now();
    let file = zip_of(&[("config.json", config.as_bytes()), ("model.weights.h5", b"")]);
    assert_says(&problem(keras::load_bytes("x.keras", file)), &["more than 20000 models inside it"]);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

/// What a convolution reads through concats of concats is found without going down on the stack.
#[test]
fn a_chain_of_concats_before_a_convolution() {
    const DEEP: usize = 20_000;
    let plan = on_a_small_stack(|| {
        let mut graph = Graph::new();
        let x = graph.input("x", Shape::new(1, 1, 1, 1)).unwrap();
        let chain = (0..DEEP).fold(x, |chain, _| graph.concat("chain", &[chain, x]).unwrap());
        let kernel = Kernel::new(1, 1, DEEP + 1, 1, vec![1.0; DEEP + 1].into()).unwrap();
        let y = graph.conv2d("y", chain, Conv2d::same(kernel, None)).unwrap();
        Plan::compile(graph, &[y], &[], &[])
    });
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(plan.steps[0].reads().count(), DEEP + 1);
}
