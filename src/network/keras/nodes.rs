//! How a layer is called: which tensors it reads, and what else it is told. Keras 2 writes `[layer, node, tensor, kwargs]`,
//! one for each tensor (`node.py`), Keras 3 `{"args": [...], "kwargs": {...}}` with `__keras_tensor__` objects
//! (`function.py`).

use serde_json::{Map, Value, json};

/// One end of a connection: tensor number `tensor` of what call number `node` of `layer` gave.
pub struct Source {
    pub layer: String,
    pub node: usize,
    pub tensor: usize,
}

/// The arguments of a call. A tensor stands there as `{"tensor": i}`, the i-th of the sources.
#[derive(Debug, Clone, Default)]
pub struct Arguments {
    pub args: Vec<Value>,
    pub kwargs: Map<String, Value>,
}

impl Arguments {
    /// The argument of this name, or the one at this place; null if there is none.
    pub fn get(&self, name: &str, place: usize) -> &Value {
        self.kwargs.get(name).or(self.args.get(place)).unwrap_or(&Value::Null)
    }
}

/// The number of the tensor that an argument stands for.
pub fn tensor(argument: &Value) -> Option<usize> {
    let object = argument.as_object().filter(|o| o.len() == 1)?;
    object.get("tensor")?.as_u64().map(|i| i as usize)
}

/// What a call reads and what it is told.
pub fn node(call: &Value) -> (Vec<Source>, Arguments) {
    let mut sources = vec![];
    let arguments = match call {
        Value::Object(call) => Arguments {
            args: call.get("args").and_then(Value::as_array).map_or(vec![], |args| mark_all(args, &mut sources)),
            kwargs: call.get("kwargs").and_then(Value::as_object).map_or(Map::new(), |k| mark_map(k, &mut sources)),
        },
        Value::Array(entries) => keras_2(entries, &mut sources),
        _ => Arguments::default(),
    };
    (sources, arguments)
}

/// Every end of a connection in a value, however deep.
pub fn sources(value: &Value) -> Vec<Source> {
    let mut sources = vec![];
    mark(value, &mut sources);
    sources
}

/// One `[layer, node, tensor, kwargs]` or a list of them; the kwargs are the same in all. What is no tensor stands there as
/// `["_CONSTANT_VALUE", -1, value, kwargs]`.
fn keras_2(entries: &[Value], sources: &mut Vec<Source>) -> Arguments {
    let is_one = entries.first().is_some_and(Value::is_string);
    let entries = if is_one { vec![entries] } else { entries.iter().filter_map(|e| Some(&**e.as_array()?)).collect() };
    let mut first = entries.iter().map(|entry| match entry {
        [Value::String(layer), _, value, ..] if layer == "_CONSTANT_VALUE" => value.clone(),
        entry => mark(&Value::Array(entry.iter().take(3).cloned().collect()), sources),
    });
    let first = match entries.len() {
        1 => first.next().unwrap_or_default(),
        _ => Value::Array(first.collect()),
    };
    let kwargs = entries.first().and_then(|entry| entry.get(3)?.as_object());
    Arguments { args: vec![first], kwargs: kwargs.map_or(Map::new(), |k| mark_map(k, sources)) }
}

/// The value with each tensor in it replaced by its number, which is its place among the sources.
fn mark(value: &Value, sources: &mut Vec<Source>) -> Value {
    if let Some(source) = source(value) {
        sources.push(source);
        return json!({ "tensor": sources.len() - 1 });
    }
    match value {
        Value::Array(items) => Value::Array(mark_all(items, sources)),
        Value::Object(object) => Value::Object(mark_map(object, sources)),
        other => other.clone(),
    }
}

fn mark_all(items: &[Value], sources: &mut Vec<Source>) -> Vec<Value> {
    items.iter().map(|item| mark(item, sources)).collect()
}

fn mark_map(object: &Map<String, Value>, sources: &mut Vec<Source>) -> Map<String, Value> {
    object.iter().map(|(key, value)| (key.clone(), mark(value, sources))).collect()
}

fn source(value: &Value) -> Option<Source> {
    let history = match value {
        Value::Object(object) if object.get("class_name")? == "__keras_tensor__" => {
            object.get("config")?.get("keras_history")?
        }
        value => value,
    };
    match history.as_array()?.as_slice() {
        [Value::String(layer), node, tensor] | [Value::String(layer), node, tensor, Value::Object(_)] => Some(Source {
            layer: layer.clone(),
            node: usize::try_from(node.as_u64()?).ok()?,
            tensor: usize::try_from(tensor.as_u64()?).ok()?,
        }),
        _ => None,
    }
}
