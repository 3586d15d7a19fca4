//! The architecture: `model_config` (JSON) to a list of calls of layers with their connections, in an order in which they can
//! be computed. Both dialects, Keras 2 (`functional.py`) and Keras 3 (`function.py` and `serialization_lib.py`). Models inside
//! the model are laid open: their layers stand in the same list, and a layer that is called twice stands there twice.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Value, json};

use super::Fallible;
use super::entry::{Entry, Place, is_model};
use super::nodes::{self, Arguments, Source};
use super::wiring::Wiring;
use crate::names::is_order;

/// Models inside models inside models: deeper ones, or more layers than this in all, are mistakes.
const DEEPEST: usize = 16;
const MOST_CALLS: usize = 20_000;
/// The longest name of a layer, in bytes: it is written for each layer of a model inside the model, and into names of files.
const LONGEST_NAME: usize = 500;

/// A model as its architecture describes it.
pub struct Model<'a> {
    pub name: String,
    /// What each needs comes before it; the first is the input layer.
    pub calls: Vec<Call<'a>>,
    pub output: usize,
}

/// A layer, or an operator, at one of the places where it is used.
pub struct Call<'a> {
    /// "conv"; "encoder/conv" inside the model `encoder`; "conv#2" where it is used for the second time.
    pub name: String,
    /// "Conv2D"; "mine>Conv2D" for a class of the user's own.
    pub class: String,
    /// An operator or a function, not a layer: `x + y` rather than `Add()([x, y])`.
    pub is_operator: bool,
    /// The layer's settings, a JSON object. Those of a layer that is used often are there once.
    pub config: Cow<'a, Value>,
    pub inputs: Vec<usize>,
    /// What it is called with; the tensors are numbers of `inputs`.
    pub arguments: Arguments,
    /// Which of the layer's outputs is meant, counted from 0.
    pub tensor: usize,
    /// Its weights were counted at another call of it.
    pub is_again: bool,
    /// Called with `training=True`, so that it works in inference as it does in training.
    pub in_training: bool,
    /// Where its weights are: from the outermost model to the layer itself.
    pub place: Vec<Place>,
}

pub fn parse(architecture: &Value) -> Fallible<Model<'_>> {
    let (class, config) = (text(architecture, "class_name").unwrap_or(""), &architecture["config"]);
    if !is_model(class, config) {
        return Err(format!(
            "a model of class '{class}' is not supported (supported: Functional, Model, Sequential); \
             build the network with keras.Model(inputs, outputs) and save it again"
        ));
    }
    let mut flat = Flat::default();
    let outputs = flat.model(class, config, &Within::default(), None)?;
    let output = *outputs.first().ok_or("the model has no output; save the model again")?;
    let name = text(config, "name").unwrap_or("model").to_string();
    Ok(Model { name, calls: flat.calls, output })
}

/// The model that a layer stands in.
#[derive(Default)]
struct Within {
    /// "encoder/"
    prefix: String,
    place: Vec<Place>,
    is_again: bool,
    in_training: bool,
}

/// The calls so far.
#[derive(Default)]
struct Flat<'a> {
    calls: Vec<Call<'a>>,
    /// How many models were laid open.
    models: usize,
    /// Where each further output of an operator stands: by its first call and its number.
    outputs: HashMap<(usize, usize), usize>,
}

impl<'a> Flat<'a> {
    /// Appends the calls of a model, and gives what leaves it. `inputs` is what enters it; `None` for the outermost, whose
    /// input is the image.
    fn model(
        &mut self,
        class: &str,
        config: &'a Value,
        within: &Within,
        inputs: Option<&[usize]>,
    ) -> Fallible<Vec<usize>> {
        // A model of nothing but models, each used twice, would be laid open without end.
        self.models += 1;
        if self.models > MOST_CALLS {
            return Err(format!("the network has more than {MOST_CALLS} models, itself counted"));
        }
        if within.place.len() > DEEPEST {
            return Err(format!("models inside models are {DEEPEST} deep; build one flat model from their layers"));
        }
        match class == "Sequential" {
            true => self.sequential(config, within, inputs).map(|output| vec![output]),
            false => self.functional(config, within, inputs),
        }
    }

    fn functional(&mut self, config: &'a Value, within: &Within, inputs: Option<&[usize]>) -> Fallible<Vec<usize>> {
        let list = config["layers"].as_array().ok_or("the architecture has no list of layers; save the model again")?;
        let entries = entries(list)?;
        let mut index = HashMap::new();
        for (i, entry) in entries.iter().enumerate() {
            if index.insert(entry.place.name.as_str(), i).is_some() {
                return Err(format!("two layers are named '{}'; layer names must differ", entry.place.name));
            }
        }
        let starts = nodes::sources(&config["input_layers"]);
        let names = || starts.iter().map(|s| &s.layer).collect::<Vec<_>>();
        match inputs {
            None if starts.len() != 1 => {
                return Err(format!(
                    "the model has {} inputs {:?}; one is supported, save a model with one input",
                    starts.len(),
                    names()
                ));
            }
            Some(given) if given.len() != starts.len() => {
                let model = within.prefix.trim_end_matches('/');
                return Err(format!("the model '{model}' has {} inputs and is given {}", starts.len(), given.len()));
            }
            _ => {}
        }

        let ends = nodes::sources(&config["output_layers"]);
        let wiring = Wiring::new(&entries, &index, &ends)?;
        let mut given: Vec<Vec<usize>> = vec![vec![]; wiring.nodes.len()];
        for at in wiring.order()? {
            let node = &wiring.nodes[at];
            let entry = &entries[node.entry];
            let mut x = vec![];
            for (source, &from) in node.sources.iter().zip(&node.from) {
                x.push(self.tensor(source, &given[from])?);
            }
            given[at] = match (entry.class.as_str(), inputs) {
                ("InputLayer", Some(inputs)) => {
                    let which = starts.iter().position(|s| s.layer == entry.place.name);
                    let problem = || format!("the input layer '{}' is not among {:?}", entry.place.name, names());
                    vec![inputs[which.ok_or_else(problem)?]]
                }
                _ => self.call(entry, within, node.nth, x, node.arguments.clone())?,
            };
        }
        let inputs = entries.iter().filter(|e| e.class == "InputLayer").map(|e| &e.place.name).collect::<Vec<_>>();
        if inputs.len() != starts.len() {
            return Err(format!("the model has {} input layers {inputs:?}; one is supported", inputs.len()));
        }
        ends.iter().map(|end| self.tensor(end, &given[wiring.find(end, "the model's output")?])).collect()
    }

    /// A chain. Keras 2 says the input's shape in the first layer, later Keras (also) in an InputLayer.
    fn sequential(&mut self, config: &'a Value, within: &Within, inputs: Option<&[usize]>) -> Fallible<usize> {
        let list = config.as_array().or(config["layers"].as_array());
        let list = list.filter(|e| !e.is_empty()).ok_or("the Sequential model has no layers")?;
        let entries = entries(list)?;
        let mut at = match inputs {
            None if entries[0].class != "InputLayer" => {
                Some(self.input_of_chain(&entries[0], &config["build_input_shape"])?)
            }
            None => None,
            Some(inputs) => Some(*inputs.first().ok_or("a Sequential model inside the model is given no input")?),
        };
        for (i, entry) in entries.iter().enumerate() {
            if entry.class == "InputLayer" {
                if i > 0 {
                    let name = &entry.place.name;
                    return Err(format!("layer '{name}' (InputLayer) is not the first; one input is supported"));
                }
                if at.is_some() {
                    continue;
                }
            }
            let arguments =
                Arguments { args: at.iter().map(|_| json!({ "tensor": 0 })).collect(), ..Default::default() };
            let given = self.call(entry, within, 0, at.into_iter().collect(), arguments)?;
            at = given.first().copied();
        }
        at.ok_or_else(|| "the Sequential model has no layers".to_string())
    }

    /// The input layer of a chain that has none.
    fn input_of_chain(&mut self, first: &Entry, build_input_shape: &Value) -> Fallible<usize> {
        let config = &first.value["config"];
        let inner = config["layers"][0]["config"].as_object();
        let inner = inner.and_then(|c| c.get("batch_shape").or(c.get("batch_input_shape")));
        let shape = [Some(&config["batch_input_shape"]), Some(build_input_shape), inner]
            .into_iter()
            .flatten()
            .find(|s| s.is_array())
            .ok_or("the Sequential model does not tell its input's shape; give its first layer an input_shape")?;
        let name = format!("{}_input", first.place.name);
        let place = Place { name: name.clone(), class: "InputLayer".into(), nth_of_class: 0 };
        self.push(Call {
            name,
            class: "InputLayer".into(),
            is_operator: false,
            config: Cow::Owned(json!({ "batch_input_shape": shape })),
            inputs: vec![],
            arguments: Arguments::default(),
            tensor: 0,
            is_again: false,
            in_training: false,
            place: vec![place],
        })
    }

    /// Appends a layer, or all layers of a model, called for the `nth` time with the tensors `inputs`.
    fn call(
        &mut self,
        entry: &Entry<'a>,
        within: &Within,
        nth: usize,
        inputs: Vec<usize>,
        arguments: Arguments,
    ) -> Fallible<Vec<usize>> {
        let config = &entry.value["config"];
        let again = if nth > 0 { format!("#{}", nth + 1) } else { String::new() };
        let name = format!("{}{}{again}", within.prefix, entry.place.name);
        let place = within.place.iter().chain([&entry.place]).cloned().collect();
        let is_again = within.is_again || nth > 0;
        let in_training = within.in_training || arguments.kwargs.get("training") == Some(&Value::Bool(true));
        if entry.is_model() {
            let inside = Within { prefix: name + "/", place, is_again, in_training };
            return self.model(&entry.class, config, &inside, Some(&inputs));
        }
        let call = self.push(Call {
            name,
            class: entry.class.clone(),
            is_operator: is_operator(entry),
            config: Cow::Borrowed(config),
            inputs,
            arguments,
            tensor: 0,
            is_again,
            in_training,
            place,
        })?;
        Ok(vec![call])
    }

    fn push(&mut self, call: Call<'a>) -> Fallible<usize> {
        if self.calls.len() == MOST_CALLS {
            return Err(format!("the network has more than {MOST_CALLS} layers, those of models inside it counted"));
        }
        self.calls.push(call);
        Ok(self.calls.len() - 1)
    }

    /// The call that makes the tensor of a source. An operator that gives several, as a split does, stands in the list once
    /// for each of them that is used.
    fn tensor(&mut self, source: &Source, given: &[usize]) -> Fallible<usize> {
        if let Some(&call) = given.get(source.tensor) {
            return Ok(call);
        }
        let none = || format!("layer '{}' has no output {}", source.layer, source.tensor);
        let at = *given.first().ok_or_else(none)?;
        let first = &self.calls[at];
        if !first.is_operator || source.tensor >= MOST_CALLS {
            return Err(none());
        }
        if let Some(&known) = self.outputs.get(&(at, source.tensor)) {
            return Ok(known);
        }
        let other = Call {
            name: format!("{}:{}", first.name, source.tensor),
            class: first.class.clone(),
            is_operator: true,
            config: first.config.clone(),
            inputs: first.inputs.clone(),
            arguments: first.arguments.clone(),
            tensor: source.tensor,
            is_again: true,
            in_training: first.in_training,
            place: first.place.clone(),
        };
        let call = self.push(other)?;
        self.outputs.insert((at, source.tensor), call);
        Ok(call)
    }
}

/// A model's list of layers, without their connections.
fn entries(list: &[Value]) -> Fallible<Vec<Entry<'_>>> {
    let mut seen = HashMap::new();
    let entry = |value| {
        let class = text(value, "class_name");
        let class = class.ok_or("a layer in the architecture has no class_name; save the model again")?;
        // A TensorFlowOpLayer is known by the first; a layer in a chain has only the second.
        let name = text(value, "name").or(text(&value["config"], "name"));
        let name = name.ok_or_else(|| format!("a layer ({class}) has no name; save the model again"))?.to_string();
        if name.len() > LONGEST_NAME || class.len() > LONGEST_NAME {
            let longer = name.len().max(class.len());
            return Err(format!("the name of a layer ({class:.40}) has {longer} bytes, the most is {LONGEST_NAME}"));
        }
        if let Some(order) = name.chars().chain(class.chars()).find(|&c| is_order(c)) {
            return Err(format!(
                "a name in the architecture holds a character that is not printed ({order:?}): '{name}'"
            ));
        }
        let count = seen.entry(class).or_insert(0);
        let place = Place { name, class: class.to_string(), nth_of_class: *count };
        *count += 1;
        let own = text(value, "registered_name").filter(|n| n.contains('>'));
        Ok(Entry { value, class: own.unwrap_or(class).to_string(), place })
    };
    list.iter().map(entry).collect()
}

/// Keras 3 gives an operator and the layer of the same name one class: they differ in the module, and where a file has no
/// modules, in that a layer says whether it is trainable.
fn is_operator(entry: &Entry) -> bool {
    let is_keras_3 = || entry.value["inbound_nodes"][0].is_object();
    match text(entry.value, "module") {
        _ if ["TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"].contains(&&*entry.class) => true,
        Some(module) => module.contains(".ops."),
        None => entry.class != "InputLayer" && is_keras_3() && entry.value["config"].get("trainable").is_none(),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}
