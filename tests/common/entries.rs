//! Layers and operators as Keras and TensorFlow write them, each alone on an image.
#![allow(dead_code)] // each test file uses a part of this

use crate::common::archive::{entry, zip_of};
use crate::common::fixture;
use serde_json::{Value, json};
use unet_lens::network::{Kind, Network, keras};

/// A tensor as Keras 3 writes it, and as Keras 2 does.
pub fn x() -> Value {
    json!({"class_name": "__keras_tensor__", "config": {"keras_history": ["image", 0, 0]}})
}

pub fn x_2() -> Value {
    json!(["image", 0, 0])
}

/// A model of the image, of 4 channels, and these entries; the last one's output `tensor` is the model's.
pub fn model(version: &str, entries: &[Value], tensor: usize) -> Network {
    let image = json!({"class_name": "InputLayer", "name": "image", "inbound_nodes": [], "config": {
        "name": "image", "batch_shape": [null, 8, 6, 4]}});
    let last = entries.last().unwrap()["config"]["name"].clone();
    let layers: Vec<Value> = [image].into_iter().chain(entries.iter().cloned()).collect();
    let config = json!({"class_name": "Functional", "config": {
        "name": "model", "layers": layers, "input_layers": [x_2()], "output_layers": [[last, 0, tensor]]}});
    // Of its weights none is read.
    let weights = entry(&std::fs::read(fixture("keras/unet_k3.keras")).unwrap(), "model.weights.h5");
    let (config, version) = (config.to_string(), json!({ "keras_version": version }).to_string());
    let files: [(&str, &[u8]); 3] =
        [("config.json", config.as_bytes()), ("metadata.json", version.as_bytes()), ("model.weights.h5", &weights)];
    keras::load_bytes("x.keras", zip_of(&files)).unwrap_or_else(|e| panic!("{e}"))
}

/// A layer of Keras 3 on the image; "name" and "class_name" are its name and class.
pub fn layer(class: &str, config: Value) -> Value {
    let mut config = config;
    config["name"] = json!("it");
    json!({"module": "keras.layers", "class_name": class, "config": config,
           "inbound_nodes": [{"args": [x()], "kwargs": {}}]})
}

/// An operator of Keras 3.
pub fn operator(class: &str, config: Value, args: Value, kwargs: Value) -> Value {
    let mut config = config;
    config["name"] = json!("it");
    json!({"module": "keras.src.ops.numpy", "class_name": class, "config": config,
           "inbound_nodes": [{"args": args, "kwargs": kwargs}]})
}

/// A function of TensorFlow, as Keras 2 writes it.
pub fn lambda(function: &str, first: Value, kwargs: Value) -> Value {
    let mut node = first;
    node.as_array_mut().unwrap().push(kwargs);
    json!({"class_name": "TFOpLambda", "name": "it", "config": {"name": "it", "function": function},
           "inbound_nodes": [node]})
}

/// A node of TensorFlow's graph, which gets the image and these constants.
pub fn node(op: &str, attributes: Value, inputs: usize, constants: Value) -> Value {
    let input: Vec<String> = (0..inputs).map(|i| format!("in{i}")).collect();
    json!({"class_name": "TensorFlowOpLayer", "name": "it", "inbound_nodes": [[["image", 0, 0, {}]]], "config": {
        "name": "it", "constants": constants, "node_def": {"op": op, "input": input, "attr": attributes}}})
}

pub fn kind(version: &str, entry: Value, tensor: usize) -> Kind {
    let mut network = model(version, &[entry], tensor);
    network.layers.swap_remove(network.output).kind
}

/// Each of these entries is read as that kind.
pub fn are(version: &str, cases: Vec<(Value, Kind)>) {
    for (entry, expected) in cases {
        let found = kind(version, entry.clone(), 0);
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{entry}");
    }
}

/// Each of these entries is refused in these words.
pub fn are_refused(version: &str, cases: Vec<(Value, &str)>) {
    for (entry, words) in cases {
        match kind(version, entry.clone(), 0) {
            Kind::Refused { why } => assert!(why.contains(words), "{words}: {why}"),
            kind => panic!("{entry} is read as {kind:?}"),
        }
    }
}
