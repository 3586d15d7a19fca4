//! The architecture: `model_config` (JSON) to a list of layers with their connections, in an order in which they can be
//! computed. Both dialects, Keras 2 (`functional.py`: inbound nodes are nested lists) and Keras 3 (`function.py` and
//! `serialization_lib.py`: inbound nodes hold `__keras_tensor__` objects).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use serde_json::{Value, json};

use super::Fallible;

/// A model as its architecture describes it.
pub struct Model {
    pub name: String,
    /// Every layer's inputs come before it; the first is the input layer.
    pub layers: Vec<LayerConfig>,
    pub output: usize,
}

pub struct LayerConfig {
    pub name: String,
    /// "Conv2D"
    pub class: String,
    /// The layer's settings, a JSON object.
    pub config: Value,
    pub inputs: Vec<usize>,
    /// How many layers of the same class come before it in the file.
    pub nth_of_class: usize,
}

/// One end of a connection: Keras writes `[layer, node, tensor]`. A layer that is called once has node 0 only.
struct Source {
    layer: String,
    node: u64,
    tensor: u64,
}

pub fn parse(architecture: &Value) -> Fallible<Model> {
    let class = text(architecture, "class_name").unwrap_or("");
    let config = &architecture["config"];
    let name = text(config, "name").unwrap_or("model").to_string();
    let (layers, output) = match class {
        "Functional" | "Model" => functional(config)?,
        "Sequential" => sequential(config)?,
        _ => {
            return Err(format!(
                "a model of class '{class}' is not supported (supported: Functional, Model, Sequential); \
                 build the network with keras.Model(inputs, outputs) and save it again"
            ));
        }
    };
    sort(layers, output, name)
}

fn functional(config: &Value) -> Fallible<(Vec<LayerConfig>, usize)> {
    let entries = config["layers"].as_array().ok_or("the architecture has no list of layers; save the model again")?;
    let inputs = sources(&config["input_layers"]);
    let outputs = sources(&config["output_layers"]);
    one(&inputs, "inputs", "input")?;
    let output = one(&outputs, "outputs", "output")?;

    let mut layers = entries.iter().map(layer).collect::<Fallible<Vec<_>>>()?;
    let mut index = HashMap::new();
    for (i, layer) in layers.iter().enumerate() {
        if index.insert(layer.name.clone(), i).is_some() {
            return Err(format!("two layers are named '{}'; layer names must differ", layer.name));
        }
    }
    let find = |from: &Source, user: &str| -> Fallible<usize> {
        let unknown = || format!("{user} comes from layer '{}', which is not in the file", from.layer);
        if from.node != 0 {
            return Err(format!(
                "layer '{}' is used twice (node {}); layers with shared weights are not supported, use each layer once",
                from.layer, from.node
            ));
        }
        if from.tensor != 0 {
            return Err(format!("{user} is output {} of layer '{}'; one output is supported", from.tensor, from.layer));
        }
        index.get(&from.layer).copied().ok_or_else(unknown)
    };
    for (i, entry) in entries.iter().enumerate() {
        let called = entry["inbound_nodes"].as_array().map_or(&[][..], Vec::as_slice);
        let (name, class) = (&layers[i].name, &layers[i].class);
        if called.len() > 1 {
            return Err(format!(
                "layer '{name}' ({class}) is used {} times; layers with shared weights are not supported, \
                 use each layer once",
                called.len()
            ));
        }
        if called.iter().any(in_training) {
            return Err(format!("layer '{name}' ({class}): called with training true is not supported; leave it out"));
        }
        let from = called.iter().flat_map(sources).collect::<Vec<_>>();
        if from.is_empty() && class != "InputLayer" {
            return Err(format!("layer '{name}' ({class}) has no input; connect it and save the model again"));
        }
        let user = format!("the input of layer '{name}' ({class})");
        layers[i].inputs = from.iter().map(|s| find(s, &user)).collect::<Fallible<_>>()?;
    }
    let starts = layers.iter().filter(|l| l.class == "InputLayer").map(|l| &l.name).collect::<Vec<_>>();
    if starts.len() != 1 {
        return Err(format!("the model has {} input layers {starts:?}; one is supported", starts.len()));
    }
    let output = find(output, "the model's output")?;
    Ok((layers, output))
}

/// A chain. Keras 2 says the input's shape in the first layer, later Keras (also) in an InputLayer.
fn sequential(config: &Value) -> Fallible<(Vec<LayerConfig>, usize)> {
    let entries = config.as_array().or(config["layers"].as_array());
    let entries = entries.filter(|e| !e.is_empty()).ok_or("the Sequential model has no layers")?;
    let mut layers = entries.iter().map(layer).collect::<Fallible<Vec<_>>>()?;
    if layers[0].class != "InputLayer" {
        let first = &layers[0];
        let shape = [&first.config["batch_input_shape"], &config["build_input_shape"]]
            .into_iter()
            .find(|s| s.is_array())
            .ok_or("the Sequential model does not tell its input's shape; give its first layer an input_shape")?;
        let settings = json!({ "batch_input_shape": shape });
        let name = format!("{}_input", first.name);
        let input = LayerConfig { name, class: "InputLayer".into(), config: settings, inputs: vec![], nth_of_class: 0 };
        layers.insert(0, input);
    }
    for (i, layer) in layers.iter_mut().enumerate() {
        if (i > 0) == (layer.class == "InputLayer") {
            return Err(format!("layer '{}' (InputLayer) is not the first; one input is supported", layer.name));
        }
        layer.inputs = (0..i).last().into_iter().collect();
    }
    let last = layers.len() - 1;
    Ok((layers, last))
}

/// One entry of the list of layers, without its connections.
fn layer(entry: &Value) -> Fallible<LayerConfig> {
    let class =
        text(entry, "class_name").ok_or("a layer in the architecture has no class_name; save the model again")?;
    let name = text(&entry["config"], "name").or(text(entry, "name"));
    let name = name.ok_or_else(|| format!("a layer ({class}) has no name; save the model again"))?;
    if let Some(custom) = text(entry, "registered_name").filter(|n| n.contains('>')) {
        return Err(format!("layer '{name}' is of your own class '{custom}'; only Keras' own layers are supported"));
    }
    if ["Model", "Functional", "Sequential"].contains(&class) {
        return Err(format!(
            "layer '{name}' ({class}) is a model inside the model; build one flat model from its layers"
        ));
    }
    let (name, class) = (name.to_string(), class.to_string());
    Ok(LayerConfig { name, class, config: entry["config"].clone(), inputs: vec![], nth_of_class: 0 })
}

/// Every `[layer, node, tensor, ...]` in a value, however deep, and every `keras_history` of a `__keras_tensor__`.
fn sources(value: &Value) -> Vec<Source> {
    match value {
        Value::Array(items) => match items.as_slice() {
            [Value::String(layer), node, tensor, ..] if node.is_u64() && tensor.is_u64() => {
                let number = |v: &Value| v.as_u64().unwrap_or(0);
                vec![Source { layer: layer.clone(), node: number(node), tensor: number(tensor) }]
            }
            _ => items.iter().flat_map(sources).collect(),
        },
        Value::Object(object) => match object.get("class_name").and_then(Value::as_str) {
            Some("__keras_tensor__") => sources(&value["config"]["keras_history"]),
            _ => object.values().flat_map(sources).collect(),
        },
        _ => vec![],
    }
}

/// Whether a layer is called with the argument `training=True`, so that it works in inference as it does in training.
fn in_training(call: &Value) -> bool {
    match call {
        Value::Array(items) => items.iter().any(in_training),
        Value::Object(object) => object.get("training") == Some(&Value::Bool(true)) || object.values().any(in_training),
        _ => false,
    }
}

fn one<'a>(ends: &'a [Source], plural: &str, singular: &str) -> Fallible<&'a Source> {
    match ends {
        [end] => Ok(end),
        ends => Err(format!(
            "the model has {} {plural} {:?}; one is supported, save a model with one {singular}",
            ends.len(),
            ends.iter().map(|s| &s.layer).collect::<Vec<_>>()
        )),
    }
}

/// Kahn's algorithm; of the layers that are ready, the first in the file goes first.
fn sort(mut layers: Vec<LayerConfig>, output: usize, name: String) -> Fallible<Model> {
    let mut seen = HashMap::new();
    for layer in &mut layers {
        let count = seen.entry(layer.class.clone()).or_insert(0);
        layer.nth_of_class = *count;
        *count += 1;
    }
    let mut users = vec![vec![]; layers.len()];
    let mut missing = layers.iter().map(|l| l.inputs.len()).collect::<Vec<_>>();
    for (i, layer) in layers.iter().enumerate() {
        layer.inputs.iter().for_each(|&from| users[from].push(i));
    }
    let mut ready = (0..layers.len()).filter(|&i| missing[i] == 0).map(Reverse).collect::<BinaryHeap<_>>();
    let mut order = vec![];
    while let Some(Reverse(i)) = ready.pop() {
        order.push(i);
        for &user in &users[i] {
            missing[user] -= 1;
            if missing[user] == 0 {
                ready.push(Reverse(user));
            }
        }
    }
    if let Some(stuck) = (0..layers.len()).find(|&i| missing[i] > 0) {
        return Err(format!("the layers {:?} wait for each other in a circle", circle(&layers, &missing, stuck)));
    }
    let mut place = vec![0; layers.len()];
    order.iter().enumerate().for_each(|(to, &from)| place[from] = to);
    for layer in &mut layers {
        layer.inputs.iter_mut().for_each(|i| *i = place[*i]);
    }
    let mut sorted = layers.into_iter().enumerate().collect::<Vec<_>>();
    sorted.sort_by_key(|(i, _)| place[*i]);
    Ok(Model { name, layers: sorted.into_iter().map(|(_, l)| l).collect(), output: place[output] })
}

/// The names on a circle: walk from input to input among the layers that wait, until one comes up again.
fn circle<'a>(layers: &'a [LayerConfig], missing: &[usize], start: usize) -> Vec<&'a str> {
    let (mut path, mut at) = (vec![], start);
    while !path.contains(&at) {
        path.push(at);
        at = layers[at].inputs.iter().copied().find(|&i| missing[i] > 0).unwrap_or(at);
    }
    path.iter().skip_while(|&&i| i != at).map(|&i| layers[i].name.as_str()).collect()
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}
