//! Layers: the settings in the file to what the program computes. A setting that it cannot compute is refused by name.
//! Names, defaults and the order of weights follow the layers' `get_config` and `build` in Keras.

mod activation;
mod conv;
mod norm;
mod operators;
mod settings;
mod shape;
mod tensorflow_op;

use serde_json::Value;

use super::Fallible;
use super::config::Call;
use crate::network::{Activation, Array, Border, Kind, Merge, Pool, Reduction};
use settings::{LARGEST, Settings, refused};

/// A weight's shape; a length that only the file knows is `None`.
pub type Shape = Vec<Option<usize>>;

type Make = Box<dyn Fn(Vec<Array>) -> Fallible<Kind> + Send + Sync>;

/// A layer that is understood, but for its weights.
pub struct Understood {
    /// Channels that leave the layer, if that is known without knowing the image's size.
    pub channels: Option<usize>,
    /// Names and shapes of the weights, in Keras' order.
    pub weights: Vec<(&'static str, Shape)>,
    /// The layer, given those.
    pub make: Make,
}

impl Understood {
    fn new(
        channels: Option<usize>,
        weights: Vec<(&'static str, Shape)>,
        make: impl Fn(Vec<Array>) -> Fallible<Kind> + Send + Sync + 'static,
    ) -> Understood {
        Understood { channels, weights, make: Box::new(make) }
    }

    /// How many numbers its weights have, as far as that is known without the file.
    pub fn numbers(&self) -> u64 {
        let one = |shape: &Shape| shape.iter().map(|side| side.unwrap_or(1) as u64).fold(1, u64::saturating_mul);
        self.weights.iter().map(|(_, shape)| one(shape)).fold(0, u64::saturating_add)
    }

    /// A layer without weights.
    pub fn plain(channels: Option<usize>, kind: Kind) -> Understood {
        Understood::new(channels, vec![], move |_| Ok(kind.clone()))
    }
}

/// The activation that Keras 3 calls so.
pub fn activation(name: &str) -> Option<Activation> {
    activation::named(name, true)
}

/// What the file says of the whole network.
#[derive(Clone, Copy)]
pub struct Dialect {
    pub keras_3: bool,
    /// Keras 2 wrote the file before it was part of TensorFlow: bilinear places are measured from the pixels' corners.
    pub from_corners: bool,
    /// The image is channels, rows, columns.
    pub channels_first: bool,
}

/// Whether a layer says that its channels come first; `None` if it says nothing of it.
pub fn channels_first(call: &Call) -> Fallible<Option<bool>> {
    match call.config.get("data_format").unwrap_or(&Value::Null) {
        Value::Null => Ok(None),
        v if v == "channels_last" => Ok(Some(false)),
        v if v == "channels_first" => Ok(Some(true)),
        v => Err(refused("data_format", v, "'channels_last', 'channels_first'")),
    }
}

/// Understands a layer that gets tensors of so many channels; `None` where that is not known.
pub fn understand(call: &Call, inputs: &[Option<usize>], dialect: Dialect) -> Fallible<Understood> {
    let understood = by_class(call, inputs, dialect)?;
    let expected = match call.class.as_str() {
        _ if call.is_operator => return Ok(understood),
        "InputLayer" => (inputs.is_empty(), "none"),
        "Subtract" => (inputs.len() == 2, "two"),
        "Concatenate" | "Add" | "Multiply" | "Average" | "Maximum" | "Minimum" => (inputs.len() > 1, "two or more"),
        _ => (inputs.len() == 1, "one"),
    };
    match expected {
        (true, _) => Ok(understood),
        (false, expected) => Err(format!("the layer has {} inputs, expected {expected}", inputs.len())),
    }
}

fn by_class(call: &Call, inputs: &[Option<usize>], dialect: Dialect) -> Fallible<Understood> {
    let settings = Settings(&call.config);
    let first = channels_first(call)?.unwrap_or(dialect.channels_first);
    let keras_3 = dialect.keras_3;
    if call.class == "TensorFlowOpLayer" {
        return tensorflow_op::operator(call, keras_3).map(|kind| Understood::plain(None, kind));
    }
    if call.is_operator {
        return operators::operator(call, keras_3).map(|kind| Understood::plain(None, kind));
    }
    refuse_training(call)?;
    let ci = inputs.first().copied().flatten();
    let plain = |kind: Fallible<Kind>| kind.map(|kind| Understood::plain(ci, kind));
    let merge = |kind| {
        // What broadcasts has one channel.
        let most = inputs.iter().copied().collect::<Option<Vec<_>>>().and_then(|c| c.into_iter().max());
        Ok(Understood::plain(most, Kind::Merge(kind)))
    };
    if let Some(activation) = activation::layer(&call.class, settings, keras_3)? {
        return plain(Ok(Kind::Activation(activation)));
    }
    match call.class.as_str() {
        "InputLayer" => input(settings, dialect),
        "Conv2D" | "Convolution2D" => conv::conv2d(settings, ci, keras_3),
        "Conv2DTranspose" | "Convolution2DTranspose" => conv::transpose(settings, ci, keras_3),
        "DepthwiseConv2D" => conv::depthwise(settings, ci, keras_3),
        "SeparableConv2D" | "SeparableConvolution2D" => conv::separable(settings, ci, keras_3),
        "Dense" => conv::dense(settings, if first { None } else { ci }, keras_3),

        "MaxPooling2D" | "MaxPool2D" => plain(shape::pool(settings, Pool::Max)),
        "AveragePooling2D" | "AvgPool2D" => plain(shape::pool(settings, Pool::Average)),
        "GlobalAveragePooling2D" | "GlobalAvgPool2D" => plain(shape::global(settings, Reduction::Mean, first)),
        "GlobalMaxPooling2D" | "GlobalMaxPool2D" => plain(shape::global(settings, Reduction::Max, first)),
        "UpSampling2D" => plain(shape::upsampling(settings, dialect.from_corners)),
        "Resizing" => plain(shape::resizing(settings)),
        "Cropping2D" => plain(settings.sides("cropping").map(Kind::Crop)),
        "ZeroPadding2D" => plain(settings.sides("padding").map(|sides| Kind::Pad { sides, with: Border::Zeros })),
        "Flatten" => Ok(Understood::plain(None, Kind::Flatten)),
        "Reshape" => Ok(Understood::plain(None, shape::reshape(settings, "target_shape")?)),
        "Permute" => {
            let kind = shape::permute(&settings.integers("dims")?, settings.get("dims"))?;
            Ok(Understood::plain(None, kind))
        }

        "Concatenate" => concatenate(settings, inputs, first),
        "Add" => merge(Merge::Add),
        "Subtract" => merge(Merge::Subtract),
        "Multiply" => merge(Merge::Multiply),
        "Average" => merge(Merge::Average),
        "Maximum" => merge(Merge::Maximum),
        "Minimum" => merge(Merge::Minimum),

        "PReLU" => activation::prelu(settings, ci),
        "Softmax" => plain(settings.axes("axis").map(|axes| Kind::Softmax { axes: axes.unwrap_or(vec![-1]) })),
        "BatchNormalization" | "BatchNormalizationV1" | "BatchNormalizationV2" | "SyncBatchNormalization" => {
            let axis = norm::one_axis(settings, -1)?;
            norm::batch_norm(settings, ci, if first { axis == 1 } else { axis == 3 || axis == -1 })
        }
        "LayerNormalization" => norm::layer_norm(settings, ci),
        "GroupNormalization" | "Addons>GroupNormalization" => norm::group_norm(settings, ci, false),
        "Addons>InstanceNormalization" => norm::group_norm(settings, ci, true),
        "UnitNormalization" => {
            plain(settings.axes("axis").map(|axes| Kind::UnitNorm { axes: axes.unwrap_or(vec![-1]) }))
        }
        "Normalization" => norm::normalization(settings, ci),
        "Rescaling" => plain(norm::rescaling(settings)),

        class if is_nothing(class) => plain(Ok(Kind::Identity)),
        "Lambda" => Err(format!(
            "a Lambda layer holds Python code, which is not run; say what it computes, for instance '{}=identity' or \
             scale:2 (docs/networks.md lists what can be said)",
            call.name
        )),
        class => Err(format!(
            "layers of this class are not supported; docs/networks.md lists those that are. If '{class}' has no weights, \
             say what it computes, for instance '{class}=relu'"
        )),
    }
}

/// Refuses a call with `training=True` of a layer that then does something else.
fn refuse_training(call: &Call) -> Fallible<()> {
    let is_different = ["Drop", "Norm", "Noise"].iter().any(|part| call.class.contains(part));
    if call.in_training && is_different {
        return Err("called with training true is not supported; leave it out".to_string());
    }
    Ok(())
}

/// Layers that do nothing at inference.
fn is_nothing(class: &str) -> bool {
    // The last is that of the EfficientNets that are in many published networks: a dropout.
    const NOTHING: [&str; 16] = [
        "Dropout",
        "SpatialDropout2D",
        "GaussianNoise",
        "GaussianDropout",
        "AlphaDropout",
        "ActivityRegularization",
        "Identity",
        "RandomFlip",
        "RandomRotation",
        "RandomZoom",
        "RandomTranslation",
        "RandomContrast",
        "RandomBrightness",
        "RandomErasing",
        "RandomShear",
        "FixedDropout",
    ];
    NOTHING.contains(&class)
}

/// The image: `[null, height, width, channels]`, or with the channels first.
fn input(settings: Settings, dialect: Dialect) -> Fallible<Understood> {
    let key = if settings.get("batch_shape").is_null() { "batch_input_shape" } else { "batch_shape" };
    let supported = "[null, height, width, channels], height and width may be null";
    let shape = settings.get(key);
    let problem = || refused(key, shape, supported);
    let open_or_size = |v: &Value| if v.is_null() { Some(None) } else { settings::size(v).map(Some) };
    let (h, w, c) = match (shape.as_array().map(Vec::as_slice), dialect.channels_first) {
        (Some([_, h, w, c]), false) | (Some([_, c, h, w]), true) => (h, w, c),
        _ => return Err(problem()),
    };
    let (h, w) = open_or_size(h).zip(open_or_size(w)).ok_or_else(problem)?;
    let c = settings::size(c).ok_or_else(problem)?;
    Ok(Understood::plain(Some(c), Kind::Input { h, w, c }))
}

fn concatenate(settings: Settings, inputs: &[Option<usize>], channels_first: bool) -> Fallible<Understood> {
    let axis = settings.axis("axis", -1)?;
    let is_channels = if channels_first { axis == 1 } else { axis == 3 || axis == -1 };
    let channels = match is_channels {
        true => inputs.iter().copied().sum::<Option<usize>>(),
        false => None,
    };
    if let Some(sum) = channels.filter(|&sum| sum as u64 > LARGEST) {
        return Err(format!("{sum} channels are not supported (supported: up to {LARGEST})"));
    }
    Ok(Understood::plain(channels, Kind::Concat { axis }))
}
