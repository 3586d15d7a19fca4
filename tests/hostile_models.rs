//! Model files that are made to take the program down: deep ones, wide ones, names that are orders to the terminal.

mod common;

use common::archive::{assert_says, edited, problem, zip_of};
use common::fixture;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use unet_lens::network::keras;

/// What `work` gives on a thread of little stack.
fn on_a_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(256 << 10).spawn(work).unwrap().join().unwrap()
}

#[test]
fn the_name_of_a_weight_has_30_000_parts() {
    let network = on_a_small_stack(|| keras::load(fixture("hostile/deep_name.h5")));
    assert_says(&problem(network), &["layer 'down' (Conv2D)", "the weight kernel is missing"]);
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
    assert_says(&problem(keras::load_bytes("x.keras", file)), &["more than 20000 models"]);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

/// A compressed dataset is unpacked piece by piece; one in a single piece would be there twice.
#[test]
fn weights_in_one_large_piece() {
    let found = problem(keras::load(fixture("hostile/one_piece.h5")));
    assert_says(&found, &["layer 'wide' (Dense): the weight kernel", "pieces of more than 64 MiB", "model.save"]);
}

#[test]
fn names_that_are_too_long_or_orders_to_the_terminal() {
    let with_name = |name: &str| {
        let change = |config: &mut Value| {
            let text = config.to_string().replace("\"final\"", &json!(name).to_string());
            *config = serde_json::from_str(&text).unwrap();
        };
        problem(edited("keras/unet_k3.keras", change, |_| {}))
    };
    for (name, order) in [("a\u{1b}[2J", "\\u{1b}"), ("a\0b", "\\0"), ("a\u{202e}b", "\\u{202e}"), ("a\nb", "\\n")] {
        assert_says(&with_name(name), &["character that is not printed", order]);
    }
    assert_says(&with_name(&"n".repeat(501)), &["has 501 bytes, the most is 500"]);
}
