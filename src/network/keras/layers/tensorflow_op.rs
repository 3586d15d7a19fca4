//! Operators as TensorFlow 1.15 to 2.3 wrote them: a TensorFlowOpLayer holds a node of TensorFlow's graph, `node_def`, and the
//! `constants` among its inputs. Here it becomes a call of the function that later versions write.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::settings::refused;
use super::{Fallible, operators};
use crate::network::keras::config::Call;
use crate::network::keras::nodes::{Arguments, tensor};

/// The same call, written as by later versions.
pub fn as_function(call: &Call) -> Fallible<Call<'static>> {
    let stored = call.config.get("node_def").unwrap_or(&Value::Null);
    // TensorFlow 2.0 and later wrote it as text.
    let text = stored.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let node = Node(text.as_ref().unwrap_or(stored));
    let op = node.0.get("op").and_then(Value::as_str).ok_or("its node_def has no op; save the model again")?;
    let count = node.0.get("input").and_then(Value::as_array).map_or(0, Vec::len);
    let constants = call.config.get("constants").unwrap_or(&Value::Null);
    let mut tensors = (0..call.inputs.len()).map(|i| json!({ "tensor": i }));
    let mut args: Vec<Value> = vec![];
    for i in 0..count {
        let constant = constants.get(i.to_string()).cloned();
        args.push(constant.or_else(|| tensors.next()).ok_or("its node_def has more inputs than it gets")?);
    }
    let mut arguments = Arguments { args, kwargs: Map::new() };
    let function = function(op, node, &mut arguments)?;
    Ok(Call {
        name: call.name.clone(),
        class: call.class.clone(),
        is_operator: true,
        config: Cow::Owned(json!({ "function": function })),
        inputs: call.inputs.clone(),
        arguments,
        tensor: call.tensor,
        is_again: call.is_again,
        in_training: call.in_training,
        place: call.place.clone(),
    })
}

/// A node of TensorFlow's graph: an op's name, inputs, and attributes, each under a letter for its type.
#[derive(Clone, Copy)]
struct Node<'a>(&'a Value);

impl<'a> Node<'a> {
    fn attribute(self, key: &str) -> &'a Value {
        self.0.get("attr").and_then(|a| a.get(key)).unwrap_or(&Value::Null)
    }

    fn number(self, key: &str) -> Option<i64> {
        integer(self.attribute(key).get("i")?)
    }

    fn flag(self, key: &str) -> Option<bool> {
        self.attribute(key).get("b").and_then(Value::as_bool)
    }
}

/// Whole numbers are written as text.
fn integer(v: &Value) -> Option<i64> {
    v.as_i64().or_else(|| v.as_str()?.parse().ok())
}

/// The function that computes the same as the op. What the op had as attributes or in other places becomes the function's
/// arguments.
fn function(op: &str, node: Node, arguments: &mut Arguments) -> Fallible<String> {
    let Arguments { args, kwargs } = arguments;
    let mut tell = |key: &str, value: Option<Value>| _ = value.map(|value| kwargs.insert(key.to_string(), value));
    let function = match op {
        "ConcatV2" => {
            tell("axis", args.pop());
            *args = vec![Value::Array(std::mem::take(args))];
            "concat"
        }
        "Split" => {
            if args.len() > 1 {
                args.swap(0, 1);
            }
            tell("axis", args.pop().filter(|a| tensor(a).is_none()));
            tell("num_or_size_splits", node.number("num_split").map(Value::from));
            "split"
        }
        "Mean" | "Sum" | "Max" | "Min" => {
            tell("keepdims", node.flag("keep_dims").map(Value::from));
            return Ok(format!("reduce_{}", op.to_lowercase()));
        }
        "StridedSlice" => {
            let spec = strided_slice(args, |mask| node.number(mask).unwrap_or(0));
            args.truncate(1);
            tell("slice_spec", Some(spec.ok_or("its slice cannot be read; save the model again")?));
            "getitem"
        }
        "ResizeBilinear" | "ResizeNearestNeighbor" => {
            let key = "half_pixel_centers";
            if node.flag("align_corners") == Some(true) || node.flag(key) != Some(true) {
                return Err(refused(key, node.attribute(key), "true, without align_corners"));
            }
            tell("size", args.get(1).cloned());
            tell("method", Some(json!(if op == "ResizeBilinear" { "bilinear" } else { "nearest" })));
            "resize"
        }
        "DepthToSpace" | "SpaceToDepth" => {
            tell("block_size", node.number("block_size").map(Value::from));
            if op == "DepthToSpace" { "depth_to_space" } else { "space_to_depth" }
        }
        "LeakyRelu" => {
            tell("alpha", node.attribute("alpha").get("f").cloned());
            "leaky_relu"
        }
        "Squeeze" => {
            let axes = node.attribute("squeeze_dims").get("list").and_then(|l| l.get("i")?.as_array());
            tell("axis", axes.map(|axes| axes.iter().filter_map(integer).collect()));
            "squeeze"
        }
        "Reshape" => {
            tell("shape", args.get(1).cloned());
            "reshape"
        }
        "Transpose" => {
            tell("perm", args.get(1).cloned());
            "transpose"
        }
        "MirrorPad" => {
            tell("mode", node.attribute("mode").get("s").cloned());
            "pad"
        }
        other => other,
    };
    Ok(function.to_string())
}

/// The parts of a slice, from where they begin, end and how far they step, and for each part a bit in some masks.
fn strided_slice(args: &[Value], mask: impl Fn(&str) -> i64) -> Option<Value> {
    let [_, begin, end, step] = args else { return None };
    let (begin, end, step) = (begin.as_array()?, end.as_array()?, step.as_array()?);
    let part = |i: usize| {
        let is_set = |name| mask(name) >> i & 1 == 1;
        let unless =
            |name, value: Option<&Value>| if is_set(name) { Value::Null } else { value.cloned().unwrap_or_default() };
        match () {
            _ if is_set("ellipsis_mask") => json!({"class_name": "__ellipsis__"}),
            _ if is_set("new_axis_mask") => Value::Null,
            _ if is_set("shrink_axis_mask") => begin[i].clone(),
            _ => {
                json!({"start": unless("begin_mask", begin.get(i)), "stop": unless("end_mask", end.get(i)), "step": step.get(i)})
            }
        }
    };
    (begin.len() <= 8).then(|| (0..begin.len()).map(part).collect())
}

/// What a TensorFlowOpLayer computes.
pub fn operator(call: &Call, keras_3: bool) -> Fallible<crate::network::Kind> {
    operators::operator(&as_function(call)?, keras_3)
}
