//! Activations: by name, as a function, as a layer inside of a layer, and as layers of their own.

use serde_json::Value;

use super::settings::{Settings, refused};
use super::{Fallible, Understood};
use crate::engine::ops::Function;
use crate::network::{Activation, Array, Kind};

/// The layers that are activations.
pub fn layer(class: &str, settings: Settings, keras_3: bool) -> Fallible<Option<Activation>> {
    Ok(Some(match class {
        "Activation" => setting(settings, keras_3)?,
        "ReLU" | "Relu" => relu(settings)?,
        "LeakyReLU" | "LeakyRelu" => {
            let key = if settings.get("negative_slope").is_null() { "alpha" } else { "negative_slope" };
            let slope = settings.number(key, 0.3)?;
            Activation::Pointwise(Function::LeakyRelu { slope: slope as f32 })
        }
        "ELU" | "Elu" => Activation::Pointwise(Function::Elu { alpha: settings.number("alpha", 1.0)? as f32 }),
        "ThresholdedReLU" => {
            let threshold = settings.positive("theta", 1.0)?;
            Activation::Pointwise(Function::Relu { max: f32::INFINITY, threshold: threshold as f32, slope: 0.0 })
        }
        _ => return Ok(None),
    }))
}

/// The layer ReLU: `max_value` from there on, `x` above `threshold`, `negative_slope (x - threshold)` below.
fn relu(settings: Settings) -> Fallible<Activation> {
    let max = match settings.get("max_value") {
        Value::Null => f64::INFINITY,
        _ => settings.positive("max_value", 0.0)?,
    };
    let slope = settings.positive("negative_slope", 0.0)?;
    let threshold = settings.positive("threshold", 0.0)?;
    Ok(match (max == f64::INFINITY, slope == 0.0, threshold == 0.0) {
        (true, true, true) => Activation::Relu,
        _ => {
            Activation::Pointwise(Function::Relu { max: max as f32, threshold: threshold as f32, slope: slope as f32 })
        }
    })
}

/// What a layer says under `activation`: a name; or what Keras makes of a function or of a layer that is given as one.
pub fn setting(settings: Settings, keras_3: bool) -> Fallible<Activation> {
    let value = settings.get("activation");
    let class = value.get("class_name").and_then(Value::as_str);
    let inner = Settings(value.get("config").unwrap_or(&Value::Null));
    let name = match (value, class) {
        (Value::Null, _) => Some("linear"),
        (_, Some("function")) => inner.0.as_str(),
        (_, Some("Activation")) if inner.get("activation").is_string() => inner.get("activation").as_str(),
        (_, Some("Softmax")) => Some("softmax"),
        (_, Some(class)) => {
            let layer = layer(class, inner, keras_3).map_err(|e| format!("activation {class}: {e}"))?;
            return layer.ok_or_else(|| format!("activation {class} is not supported; use a layer of its own for it"));
        }
        (v, None) => v.as_str(),
    };
    let known = name.and_then(|name| named(name, keras_3));
    known.ok_or_else(|| refused("activation", value, "the names of Keras' own activations"))
}

/// Keras' activations by name. Two of them changed with Keras 3.
pub fn named(name: &str, keras_3: bool) -> Option<Activation> {
    let pointwise = Activation::Pointwise;
    Some(match name {
        "linear" => Activation::Linear,
        "relu" => Activation::Relu,
        "sigmoid" => Activation::Sigmoid,
        "softmax" => Activation::Softmax,
        "log_softmax" => Activation::LogSoftmax,
        "relu6" => pointwise(Function::Relu { max: 6.0, threshold: 0.0, slope: 0.0 }),
        "leaky_relu" => pointwise(Function::LeakyRelu { slope: 0.2 }),
        "elu" | "celu" => pointwise(Function::Elu { alpha: 1.0 }),
        "selu" => pointwise(Function::Selu),
        "tanh" => pointwise(Function::Tanh),
        "exponential" | "exp" => pointwise(Function::Exp),
        "softplus" => pointwise(Function::Softplus),
        "softsign" => pointwise(Function::Softsign),
        "silu" | "swish" => pointwise(Function::Silu),
        "gelu" => pointwise(Function::Gelu { approximate: false }),
        "gelu_tanh" => pointwise(Function::Gelu { approximate: true }),
        "mish" => pointwise(Function::Mish),
        // Keras 2: clip(0.2 x + 0.5, 0, 1). Keras 3: relu6(x + 3) / 6.
        "hard_sigmoid" => pointwise(Function::HardSigmoid { slope: if keras_3 { 1.0 / 6.0 } else { 0.2 } }),
        "sparse_sigmoid" => pointwise(Function::HardSigmoid { slope: 0.5 }),
        "hard_silu" | "hard_swish" => pointwise(Function::HardSwish),
        "hard_tanh" => Activation::Clip { least: -1.0, most: 1.0 },
        "log_sigmoid" => Activation::LogSigmoid,
        "tanh_shrink" => Activation::TanhShrink,
        "hard_shrink" => Activation::HardShrink { threshold: 0.5 },
        "soft_shrink" => Activation::SoftShrink { threshold: 0.5 },
        "squareplus" => Activation::Squareplus { b: 4.0 },
        "sparse_plus" => Activation::SparsePlus,
        _ => return None,
    })
}

/// The layer PReLU. Its alpha has the input's shape, and 1 along the axes that share it.
pub fn prelu(settings: Settings, channels: Option<usize>) -> Fallible<Understood> {
    let shared = settings.axes("shared_axes")?.unwrap_or_default();
    let shape = (1..=3).map(|axis| if shared.contains(&axis) { Some(1) } else { None }).collect();
    Ok(Understood::new(channels, vec![("alpha", shape)], |mut weights: Vec<Array>| {
        Ok(Kind::PRelu { alpha: weights.remove(0) })
    }))
}
