//! Operators and functions between layers: `x + y`, `x[:, 1:]`, `tf.concat`. Keras 2 writes them as TFOpLambda and
//! SlicingOpLambda with the function's name ("math.multiply"), Keras 3 as classes of `keras.ops` ("Multiply").

use serde_json::{Map, Value};

use super::settings::{Settings, numbers, refused};
use super::{Fallible, activation, norm, shape};
use crate::engine::ops::{Function, Sides};
use crate::network::keras::config::Call;
use crate::network::keras::nodes::tensor;
use crate::network::{Activation, Border, Kind, Merge, Part, Reduction};

/// "reduce_mean" of "math.reduce_mean", "true_divide" of "TrueDivide".
pub fn name(call: &Call) -> String {
    let name = call.config.get("function").and_then(Value::as_str).unwrap_or(&call.class);
    let mut snake = String::new();
    for (i, letter) in name.rsplit('.').next().unwrap_or(name).char_indices() {
        if letter.is_ascii_uppercase() && i > 0 {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

pub fn operator(call: &Call, keras_3: bool) -> Fallible<Kind> {
    let name = name(call);
    let arguments = Operands(call);
    let own = arguments.named();
    let settings = Settings(&own);
    let pointwise = |f| Ok(Kind::Activation(Activation::Pointwise(f)));
    match name.as_str() {
        "add" | "add_v2" | "bias_add" => arguments.binary(Merge::Add),
        "subtract" | "sub" => arguments.binary(Merge::Subtract),
        "multiply" | "mul" => arguments.binary(Merge::Multiply),
        "truediv" | "true_divide" | "divide" | "div" | "real_div" => arguments.binary(Merge::Divide),
        "maximum" => arguments.binary(Merge::Maximum),
        "minimum" => arguments.binary(Merge::Minimum),
        "add_n" => Ok(Kind::Merge(Merge::Add)),
        "pow" | "power" => arguments.power(),
        "negative" | "neg" => norm::linear(vec![-1.0], vec![0.0]),
        "square" => Ok(Kind::Activation(Activation::Square)),
        "sqrt" => pointwise(Function::Sqrt),
        "rsqrt" => Ok(Kind::Activation(Activation::Rsqrt)),
        "abs" | "absolute" => pointwise(Function::Abs),
        "reciprocal" => Ok(Kind::Activation(Activation::Over { numerator: 1.0 })),
        "clip_by_value" | "clip" => {
            let key = if name == "clip" { ["x_min", "x_max"] } else { ["clip_value_min", "clip_value_max"] };
            let (least, most) = (arguments.number(key[0], 1)?, arguments.number(key[1], 2)?);
            Ok(Kind::Activation(Activation::Clip { least, most }))
        }
        "leaky_relu" => {
            let key = if own.get("negative_slope").is_some() { "negative_slope" } else { "alpha" };
            pointwise(Function::LeakyRelu { slope: settings.number(key, 0.2)? as f32 })
        }
        "relu" => activation::layer("ReLU", settings, keras_3).map(|a| Kind::Activation(a.unwrap_or(Activation::Relu))),
        "elu" => pointwise(Function::Elu { alpha: settings.number("alpha", 1.0)? as f32 }),
        "gelu" => {
            // TensorFlow's own does not approximate; Keras 3's does, unless told otherwise.
            let approximate = settings.flag("approximate", call.config.get("function").is_none())?;
            pointwise(Function::Gelu { approximate })
        }
        "softmax" | "log_softmax" if !arguments.get("axis", 1).is_null() => arguments.softmax(name == "log_softmax"),
        "l2_normalize" => Ok(Kind::UnitNorm { axes: settings.axes("axis")?.unwrap_or(vec![-1]) }),

        "cast" | "identity" | "convert_to_tensor" | "ensure_shape" => Ok(Kind::Identity),
        "concat" | "concatenate" => Ok(Kind::Concat { axis: arguments.axis("axis", 1, -1)? }),
        "split" => arguments.split(call.tensor),
        "getitem" | "get_item" => arguments.slice(),
        "expand_dims" => Ok(Kind::ExpandDims(arguments.axis("axis", 1, -1)?)),
        "squeeze" => Ok(Kind::Squeeze(settings.axes("axis")?.unwrap_or_default())),
        "reshape" => arguments.reshape(),
        "transpose" => arguments.transpose(),
        "pad" => arguments.pad(),
        "reduce_mean" | "mean" => arguments.reduce(Reduction::Mean),
        "reduce_sum" | "sum" => arguments.reduce(Reduction::Sum),
        "reduce_max" | "max" | "amax" => arguments.reduce(Reduction::Max),
        "reduce_min" | "min" | "amin" => arguments.reduce(Reduction::Min),
        "resize" => shape::resizing(settings),
        "depth_to_space" => Ok(Kind::DepthToSpace(settings.size("block_size")?)),
        "space_to_depth" => Ok(Kind::SpaceToDepth(settings.size("block_size")?)),
        other => match activation::named(other, keras_3) {
            Some(activation) => Ok(Kind::Activation(activation)),
            None => Err(format!("the function '{other}' is not supported; docs/networks.md lists those that are")),
        },
    }
}

/// What an operator is called with.
struct Operands<'a>(&'a Call<'a>);

impl<'a> Operands<'a> {
    /// An argument: by its name, from the call or from the settings, where Keras 3 keeps some; or by its place in the call.
    fn get(&self, key: &str, place: usize) -> &'a Value {
        let Call { config, arguments, .. } = self.0;
        match (arguments.kwargs.get(key), config.get(key)) {
            (Some(value), _) => value,
            (None, Some(value)) => value,
            (None, None) => arguments.get(key, place),
        }
    }

    /// Everything that has a name.
    fn named(&self) -> Value {
        let mut all = self.0.config.as_object().cloned().unwrap_or_default();
        all.extend(self.0.arguments.kwargs.clone());
        Value::Object(all)
    }

    fn number(&self, key: &str, place: usize) -> Fallible<f64> {
        let value = self.get(key, place);
        super::settings::number(value).ok_or_else(|| refused(key, value, "a finite number"))
    }

    fn axis(&self, key: &str, place: usize, default: i64) -> Fallible<i64> {
        let value = self.get(key, place);
        let axis = Value::Object(Map::from_iter([(key.to_string(), value.clone())]));
        Settings(&axis).axis(key, default)
    }

    /// An operator between two tensors, or between a tensor and numbers.
    fn binary(&self, merge: Merge) -> Fallible<Kind> {
        let a = self.0.arguments.args.first().unwrap_or(&Value::Null);
        let other = ["y", "b", "bias", "x2"].into_iter().find_map(|key| self.0.arguments.kwargs.get(key));
        let b = other.or(self.0.arguments.args.get(1)).unwrap_or(&Value::Null);
        let (constant, is_first) = match (tensor(a), tensor(b)) {
            (Some(_), Some(_)) => return Ok(Kind::Merge(merge)),
            (Some(_), None) => (b, false),
            (None, _) => (a, true),
        };
        let numbers = numbers(constant).filter(|n| !n.is_empty() && (n.len() == 1 || is_per_channel(constant)));
        let numbers =
            numbers.ok_or_else(|| refused("the operand", constant, "a tensor, a number, a number per channel"))?;
        let inverse = || numbers.iter().map(|n| 1.0 / n).collect();
        match (merge, is_first, &numbers[..]) {
            (Merge::Add, ..) => norm::linear(vec![1.0], numbers),
            (Merge::Multiply, ..) => norm::linear(numbers, vec![0.0]),
            (Merge::Subtract, false, _) => norm::linear(vec![1.0], numbers.iter().map(|n| -n).collect()),
            (Merge::Subtract, true, _) => norm::linear(vec![-1.0], numbers),
            (Merge::Divide, false, _) => norm::linear(inverse(), vec![0.0]),
            (Merge::Divide, true, &[numerator]) => Ok(Kind::Activation(Activation::Over { numerator })),
            (Merge::Maximum, _, &[least]) => Ok(Kind::Activation(Activation::Clip { least, most: f64::INFINITY })),
            (Merge::Minimum, _, &[most]) => Ok(Kind::Activation(Activation::Clip { least: f64::NEG_INFINITY, most })),
            _ => Err(refused("the operand", constant, "a tensor or a number")),
        }
    }

    fn power(&self) -> Fallible<Kind> {
        match self.number("y", 1)? {
            1.0 => Ok(Kind::Identity),
            2.0 => Ok(Kind::Activation(Activation::Square)),
            0.5 => Ok(Kind::Activation(Activation::Pointwise(Function::Sqrt))),
            -1.0 => Ok(Kind::Activation(Activation::Over { numerator: 1.0 })),
            y => Err(refused("the exponent", &y.into(), "1, 2, 0.5, -1")),
        }
    }

    fn softmax(&self, is_log: bool) -> Fallible<Kind> {
        let axes = Settings(&self.named()).axes("axis")?.unwrap_or(vec![-1]);
        match (is_log, axes.as_slice()) {
            (true, [-1]) => Ok(Kind::Activation(Activation::LogSoftmax)),
            (true, _) => Err(refused("axis", self.get("axis", 1), "-1")),
            (false, _) => Ok(Kind::Softmax { axes }),
        }
    }

    fn reshape(&self) -> Fallible<Kind> {
        let own = self.named();
        let key = if own.get("newshape").is_some() { "newshape" } else { "shape" };
        match shape::reshape(Settings(&own), key)? {
            // The first is the number of images.
            Kind::Reshape(shape) if shape.first() == Some(&-1) => Ok(Kind::Reshape(shape[1..].to_vec())),
            _ => Err(refused(key, self.get(key, 1), "a list that begins with -1, for the images")),
        }
    }

    fn transpose(&self) -> Fallible<Kind> {
        let own = self.named();
        let key = if own.get("axes").is_some() { "axes" } else { "perm" };
        let dims = Settings(&own).integers(key)?;
        match dims.split_first() {
            Some((0, dims)) => shape::permute(dims, self.get(key, 1)),
            _ => Err(refused(key, self.get(key, 1), "a list that begins with 0, the images")),
        }
    }

    fn reduce(&self, by: Reduction) -> Fallible<Kind> {
        // Without an axis it is over everything, the images too: that is no picture any more.
        let value = self.get("axis", 1);
        let axis = Value::Object(Map::from_iter([("axis".to_string(), value.clone())]));
        let axes = Settings(&axis).axes("axis")?.filter(|a| !a.is_empty() && !a.contains(&0));
        let axes = axes.ok_or_else(|| refused("axis", value, "axes from 1, or from the last, -1"))?;
        Ok(Kind::Reduce { by, axes, keep: self.get("keepdims", 2).as_bool().unwrap_or(false) })
    }

    fn split(&self, which: usize) -> Fallible<Kind> {
        let axis = self.axis("axis", 2, 0)?;
        let key = if self.0.config.get("indices_or_sections").is_some() {
            "indices_or_sections"
        } else {
            "num_or_size_splits"
        };
        let value = self.get(key, 1);
        let problem = || refused(key, value, "a number of equal parts that has this one, or a list");
        let part = match value {
            Value::Array(items) => {
                let list = items.iter().map(Value::as_i64).collect::<Option<Vec<_>>>().ok_or_else(problem)?;
                // TensorFlow's -1, for what the other parts leave over, among them.
                if list.iter().any(|&n| n <= 0) {
                    return Err(problem());
                }
                // Keras 3 has the places of the cuts, TensorFlow the lengths of the parts.
                let cuts: Vec<i64> = match key {
                    "indices_or_sections" => list,
                    _ => list
                        .iter()
                        .scan(0i64, |sum, n| {
                            *sum = sum.saturating_add(*n);
                            Some(*sum)
                        })
                        .collect(),
                };
                if which > cuts.len() {
                    return Err(problem());
                }
                let start = if which == 0 { Some(0) } else { Some(cuts[which - 1]) };
                Part::Range { start, stop: cuts.get(which).copied(), step: 1 }
            }
            v => {
                let of = super::settings::size(v).filter(|&of| which < of).ok_or_else(problem)?;
                Part::Share { which, of }
            }
        };
        Ok(Kind::Slice(match axis {
            0 => return Err(refused("axis", &0.into(), "an axis after the images")),
            1.. => [Part::ALL].repeat(axis as usize).into_iter().chain([part, Part::Rest]).collect(),
            _ => [Part::Rest, part].into_iter().chain([Part::ALL].repeat((-axis - 1) as usize)).collect(),
        }))
    }

    /// `x[:, 1:-1, ..., ::2, 0]`
    fn slice(&self) -> Fallible<Kind> {
        let spec = self.get("slice_spec", 1);
        let one = [spec.clone()];
        let items = spec.as_array().map_or(&one[..], Vec::as_slice);
        let limit = |v: &Value| match v {
            Value::Null => Some(None),
            v => v.as_i64().filter(|i| i.unsigned_abs() < 1 << 32).map(Some),
        };
        let part = |item: &Value| {
            let inner = item.get("config").unwrap_or(item);
            match item.get("class_name").and_then(Value::as_str) {
                Some("__ellipsis__") | Some("Ellipsis") => return Some(Part::Rest),
                Some("__slice__") | None => {}
                Some(_) => return None,
            }
            match inner {
                Value::Object(range) => {
                    let end = |key| limit(range.get(key).unwrap_or(&Value::Null));
                    let step = end("step")?.unwrap_or(1);
                    Some(Part::Range { start: end("start")?, stop: end("stop")?, step }).filter(|_| step != 0)
                }
                Value::Null => Some(Part::New),
                v => limit(v)?.map(Part::Index),
            }
        };
        let parts = items.iter().map(part).collect::<Option<Vec<_>>>();
        let parts = parts.filter(|p| p.len() <= 8 && p.iter().filter(|p| **p == Part::Rest).count() <= 1);
        parts.map(Kind::Slice).ok_or_else(|| refused("the slice", spec, "start:stop:step, a place, None, ..."))
    }

    fn pad(&self) -> Fallible<Kind> {
        let key = if self.0.config.get("pad_width").is_some() { "pad_width" } else { "paddings" };
        let value = self.get(key, 1);
        let ends = |v: &Value| match v.as_array()?.as_slice() {
            [a, b] => super::settings::length(a).zip(super::settings::length(b)),
            _ => None,
        };
        let all = value.as_array().and_then(|v| v.iter().map(ends).collect::<Option<Vec<_>>>());
        let Some(&[(0, 0), (top, bottom), (left, right), (0, 0)]) = all.as_deref() else {
            return Err(refused(key, value, "[[0, 0], [top, bottom], [left, right], [0, 0]]"));
        };
        let zero = |key| matches!(self.get(key, 3), Value::Null) || self.get(key, 3).as_f64() == Some(0.0);
        if !zero("constant_values") {
            return Err(refused("constant_values", self.get("constant_values", 3), "0"));
        }
        let mode = self.get("mode", 2);
        let with = match mode.as_str().unwrap_or("constant").to_ascii_lowercase().as_str() {
            "constant" => Border::Zeros,
            "reflect" => Border::Reflect,
            "symmetric" => Border::Symmetric,
            _ => return Err(refused("mode", mode, "'constant', 'reflect', 'symmetric'")),
        };
        Ok(Kind::Pad { sides: Sides { top, bottom, left, right }, with })
    }
}

/// Whether an array of numbers has more than one along its last axis only.
fn is_per_channel(value: &Value) -> bool {
    let array = value.get("config").unwrap_or(value);
    match array.get("value").unwrap_or(array) {
        Value::Array(items) if items.len() == 1 => is_per_channel(&items[0]),
        Value::Array(items) => items.iter().all(Value::is_number),
        _ => false,
    }
}
