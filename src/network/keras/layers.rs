//! Layers: the settings in the file to what the program computes. A setting that it cannot compute is refused by name.
//! Names, defaults and the order of weights follow the layers' `get_config` and `build` in Keras.

use std::sync::Arc;

use serde_json::Value;

use super::Fallible;
use crate::network::{Activation, Kind};

/// A layer without its weights.
#[derive(Debug, Clone)]
pub enum Settings {
    Input { h: Option<usize>, w: Option<usize>, c: usize },
    Conv2D { kh: usize, kw: usize, filters: usize, use_bias: bool, activation: Activation },
    BatchNorm { epsilon: f64, center: bool, scale: bool },
    MaxPool { h: usize, w: usize },
    Upsample { h: usize, w: usize },
    Concat,
    Activation(Activation),
    Dropout,
}

const SUPPORTED: &str = "InputLayer, Conv2D, BatchNormalization, MaxPooling2D, UpSampling2D, Concatenate, Activation, \
                         ReLU, Dropout, SpatialDropout2D";
/// Sizes and channel counts up to this; larger ones are mistakes.
const LARGEST: u64 = 65536;

impl Settings {
    pub fn parse(class: &str, config: &Value) -> Fallible<Settings> {
        let settings = Config(config);
        match class {
            "InputLayer" => input(settings),
            "Conv2D" => conv2d(settings),
            "BatchNormalization" | "BatchNormalizationV1" | "BatchNormalizationV2" => batch_norm(settings),
            "MaxPooling2D" => max_pool(settings),
            "UpSampling2D" => {
                settings.check("interpolation", |v| v == "nearest", "'nearest'")?;
                settings.channels_last()?;
                let (h, w) = settings.pair("size")?.unwrap_or((2, 2));
                Ok(Settings::Upsample { h, w })
            }
            "Concatenate" => {
                settings.check("axis", |v| v == -1 || v == 3, "-1 or 3, the channels")?;
                Ok(Settings::Concat)
            }
            "Activation" => Ok(Settings::Activation(settings.activation()?)),
            "ReLU" => Ok(Settings::Activation(relu(settings)?)),
            "Dropout" | "SpatialDropout2D" => Ok(Settings::Dropout),
            _ => Err(format!("this class of layer is not supported (supported: {SUPPORTED})")),
        }
    }

    /// Channels that leave the layer, given those that enter it, one number per input.
    pub fn channels(&self, inputs: &[usize]) -> Fallible<usize> {
        let wrong = |expected| Err(format!("the layer has {} inputs, expected {expected}", inputs.len()));
        match (self, inputs) {
            (Settings::Input { c, .. }, []) => Ok(*c),
            (Settings::Input { .. }, _) => wrong("none"),
            (Settings::Concat, [_, _, ..]) => match inputs.iter().sum::<usize>() {
                sum if sum as u64 <= LARGEST => Ok(sum),
                sum => Err(format!("{sum} channels are not supported (supported: up to {LARGEST})")),
            },
            (Settings::Concat, _) => wrong("two or more"),
            (Settings::Conv2D { filters, .. }, [_]) => Ok(*filters),
            (_, [c]) => Ok(*c),
            _ => wrong("one"),
        }
    }

    /// Names and shapes of the weights, in Keras' order; `ci` channels enter the layer.
    pub fn weights(&self, ci: usize) -> Vec<(&'static str, Vec<usize>)> {
        match *self {
            Settings::Conv2D { kh, kw, filters, use_bias, .. } => {
                let bias = use_bias.then(|| ("bias", vec![filters]));
                [("kernel", vec![kh, kw, ci, filters])].into_iter().chain(bias).collect()
            }
            Settings::BatchNorm { center, scale, .. } => {
                let gamma = scale.then_some("gamma");
                let beta = center.then_some("beta");
                let names = gamma.into_iter().chain(beta).chain(["moving_mean", "moving_variance"]);
                names.map(|name| (name, vec![ci])).collect()
            }
            _ => vec![],
        }
    }

    /// The layer with its weights; `read` finds one by its name in [`Settings::weights`].
    pub fn with_weights(&self, ci: usize, read: impl Fn(&str) -> Option<Arc<[f32]>>) -> Kind {
        let weight = |name| read(name).unwrap_or_default();
        match *self {
            Settings::Input { h, w, c } => Kind::Input { h, w, c },
            Settings::Conv2D { kh, kw, filters: co, activation, .. } => {
                Kind::Conv2d { kh, kw, ci, co, kernel: weight("kernel"), bias: read("bias"), activation }
            }
            Settings::BatchNorm { epsilon, .. } => {
                let (mean, variance) = (weight("moving_mean"), weight("moving_variance"));
                let (gamma, beta) = (read("gamma"), read("beta"));
                let (scale, shift): (Vec<f64>, Vec<f64>) = (0..ci)
                    .map(|c| {
                        let scale = gamma.as_ref().map_or(1.0, |g| g[c] as f64) / (variance[c] as f64 + epsilon).sqrt();
                        let shift = beta.as_ref().map_or(0.0, |b| b[c] as f64) - mean[c] as f64 * scale;
                        (scale, shift)
                    })
                    .unzip();
                Kind::BatchNorm { scale: scale.into(), shift: shift.into() }
            }
            Settings::MaxPool { h, w } => Kind::MaxPool { h, w },
            Settings::Upsample { h, w } => Kind::Upsample { h, w },
            Settings::Concat => Kind::Concat,
            Settings::Activation(activation) => Kind::Activation(activation),
            Settings::Dropout => Kind::Dropout,
        }
    }
}

fn input(settings: Config) -> Fallible<Settings> {
    let key = if settings.get("batch_shape").is_null() { "batch_input_shape" } else { "batch_shape" };
    let supported = "[null, height, width, channels], height and width may be null";
    let shape = settings.get(key);
    let open_or_size = |v: &Value| if v.is_null() { Some(None) } else { size(v).map(Some) };
    match shape.as_array().map(Vec::as_slice) {
        Some([_, h, w, c]) => match (open_or_size(h), open_or_size(w), size(c)) {
            (Some(h), Some(w), Some(c)) => Ok(Settings::Input { h, w, c }),
            _ => Err(refused(key, shape, supported)),
        },
        _ => Err(refused(key, shape, supported)),
    }
}

fn conv2d(settings: Config) -> Fallible<Settings> {
    let sides = "kernels whose height and width are each 1, 3, 5 or 7";
    let kernel_size = settings.get("kernel_size");
    let (kh, kw) = settings.pair("kernel_size")?.ok_or_else(|| refused("kernel_size", kernel_size, sides))?;
    if ![kh, kw].iter().all(|k| matches!(k, 1 | 3 | 5 | 7)) {
        return Err(refused("kernel_size", kernel_size, sides));
    }
    let ones = |v: &Value| v == 1 || v.as_array().is_some_and(|a| a.iter().all(|v| v == 1));
    settings.check("strides", ones, "1")?;
    let padding = settings.get("padding");
    if padding != "same" && (kh, kw) != (1, 1) {
        return Err(refused("padding", padding, "'same', for a 1x1 kernel also 'valid'"));
    }
    settings.check("dilation_rate", ones, "1")?;
    settings.check("groups", |v| v == 1, "1")?;
    settings.channels_last()?;
    let filters = settings.size("filters")?;
    let use_bias = settings.flag("use_bias")?;
    Ok(Settings::Conv2D { kh, kw, filters, use_bias, activation: settings.activation()? })
}

fn batch_norm(settings: Config) -> Fallible<Settings> {
    let last = |v: &Value| v == -1 || v == 3;
    let axis = |v: &Value| last(v) || v.as_array().is_some_and(|a| a.len() == 1 && last(&a[0]));
    settings.check("axis", axis, "-1 or 3, the channels")?;
    settings.check("renorm", |v| v == false, "false")?;
    let epsilon = match settings.get("epsilon") {
        Value::Null => 1e-3,
        v => v.as_f64().filter(|e| *e >= 0.0).ok_or_else(|| refused("epsilon", v, "a number from 0"))?,
    };
    Ok(Settings::BatchNorm { epsilon, center: settings.flag("center")?, scale: settings.flag("scale")? })
}

fn max_pool(settings: Config) -> Fallible<Settings> {
    let (h, w) = settings.pair("pool_size")?.unwrap_or((2, 2));
    if settings.pair("strides")?.is_some_and(|strides| strides != (h, w)) {
        let supported = format!("strides equal to pool_size, here [{h}, {w}]");
        return Err(refused("strides", settings.get("strides"), &supported));
    }
    // With strides equal to the windows the two differ only at the border, and only if sizes do not divide.
    settings.check("padding", |v| v == "valid" || v == "same", "'valid' or 'same'")?;
    settings.channels_last()?;
    Ok(Settings::MaxPool { h, w })
}

/// The layer ReLU, where it is plain.
fn relu(settings: Config) -> Fallible<Activation> {
    // Keras 2.2 writes numbers as {"type": "ndarray", "value": 0.0}.
    let zero = |v: &Value| v.get("value").unwrap_or(v).as_f64() == Some(0.0);
    settings.check("max_value", |_| false, "none")?;
    settings.check("negative_slope", zero, "0")?;
    settings.check("threshold", zero, "0")?;
    Ok(Activation::Relu)
}

/// The settings of one layer. A setting that is missing or null has Keras' default.
#[derive(Clone, Copy)]
struct Config<'a>(&'a Value);

impl<'a> Config<'a> {
    fn get(self, key: &str) -> &'a Value {
        self.0.get(key).unwrap_or(&Value::Null)
    }

    fn check(self, key: &str, ok: impl Fn(&Value) -> bool, supported: &str) -> Fallible<()> {
        match self.get(key) {
            Value::Null => Ok(()),
            v if ok(v) => Ok(()),
            v => Err(refused(key, v, supported)),
        }
    }

    fn channels_last(self) -> Fallible<()> {
        self.check("data_format", |v| v == "channels_last", "'channels_last'")
    }

    fn size(self, key: &str) -> Fallible<usize> {
        let value = self.get(key);
        size(value).ok_or_else(|| refused(key, value, &format!("1 to {LARGEST}")))
    }

    /// `2` or `[2, 2]`.
    fn pair(self, key: &str) -> Fallible<Option<(usize, usize)>> {
        let value = self.get(key);
        let pair = match value {
            Value::Null => return Ok(None),
            Value::Array(items) if items.len() == 2 => size(&items[0]).zip(size(&items[1])),
            v => size(v).map(|s| (s, s)),
        };
        pair.map(Some).ok_or_else(|| refused(key, value, "one or two whole numbers from 1"))
    }

    fn flag(self, key: &str) -> Fallible<bool> {
        self.check(key, Value::is_boolean, "true or false")?;
        Ok(self.get(key).as_bool().unwrap_or(true))
    }

    /// A name; or what Keras 3 makes of a function or of a layer that is given as one.
    fn activation(self) -> Fallible<Activation> {
        let value = self.get("activation");
        let class = value.get("class_name").and_then(Value::as_str);
        let name = match (value, class) {
            (Value::Null, _) => Some("linear"),
            (_, Some("function")) => value["config"].as_str(),
            (_, Some("ReLU")) => return relu(Config(&value["config"])).map_err(|e| format!("activation ReLU: {e}")),
            (_, Some("Activation")) => value["config"]["activation"].as_str(),
            (v, _) => v.as_str(),
        };
        match name {
            Some("linear") => Ok(Activation::Linear),
            Some("relu") => Ok(Activation::Relu),
            Some("sigmoid") => Ok(Activation::Sigmoid),
            _ => Err(refused("activation", value, "'linear', 'relu', 'sigmoid'")),
        }
    }
}

fn size(value: &Value) -> Option<usize> {
    value.as_u64().filter(|s| (1..=LARGEST).contains(s)).map(|s| s as usize)
}

fn refused(key: &str, value: &Value, supported: &str) -> String {
    format!("{key} {value} is not supported (supported: {supported})")
}
