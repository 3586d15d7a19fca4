//! A trained network: its layers with their weights, what it is as a graph, and the file that it comes from.

mod build;
pub mod keras;
mod kind;
pub mod pad;
mod size;
pub mod summary;
pub mod unet;

pub use kind::{
    Activation, Array, Border, Convolution, Interpolation, Kind, Merge, Padding, Part, Pool, Reduction, Size,
};

use crate::{Error, Result};

/// A network as its file describes it: layers in an order in which they can be computed. The layers of models inside the model
/// stand among them, as `model/layer`; a layer that is used twice stands there twice, as `layer` and `layer#2`.
#[derive(Debug, Clone)]
pub struct Network {
    pub name: String,
    /// Where it comes from, for messages.
    pub file: String,
    /// Every layer's inputs come before it. There is one input layer.
    pub layers: Vec<Layer>,
    /// Index of the layer that the network ends with; of several the first.
    pub output: usize,
    /// What a user should know about the file, a line each (a NaN in a weight, for instance).
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Layer {
    pub name: String,
    /// The class as Keras names it, "Conv2D".
    pub class: String,
    pub kind: Kind,
    /// Indices into `Network::layers`, all smaller than this layer's own.
    pub inputs: Vec<usize>,
    /// Whether its images have their channels before rows and columns; `None` where that makes no difference to it.
    pub channels_first: Option<bool>,
    /// Numbers in the file that this layer learns with and without the optimizer's help, as Keras counts them. A layer that
    /// is used twice has them once.
    pub trainable: usize,
    pub non_trainable: usize,
}

/// What a Lambda layer computes, whose Python code is not run.
#[derive(Debug, Clone, PartialEq)]
pub enum Lambda {
    /// `scale x + shift`
    Linear { scale: f64, shift: f64 },
    Activation(Activation),
}

impl std::str::FromStr for Lambda {
    type Err = String;

    /// `identity`, `scale:2`, `shift:-1`, `scale:2,shift:-1`, or an activation as Keras 3 names it.
    fn from_str(text: &str) -> Result<Lambda, String> {
        if text == "identity" {
            return Ok(Lambda::Linear { scale: 1.0, shift: 0.0 });
        }
        if let Some(activation) = keras::activation(text) {
            return Ok(Lambda::Activation(activation));
        }
        let (mut scale, mut shift) = (None, None);
        for part in text.split(',') {
            let (key, number) = part.split_once(':').unwrap_or((part, ""));
            let number = number.trim().parse::<f64>().ok().filter(|n| n.is_finite());
            let place = match key.trim() {
                "scale" => &mut scale,
                "shift" => &mut shift,
                _ => return Err(format!("'{text}' is not identity, scale:2, shift:-1, scale:2,shift:-1 or an activation")),
            };
            if number.is_none() || place.is_some() {
                return Err(format!("'{text}': {} needs one number, as in scale:2,shift:-1", key.trim()));
            }
            *place = number;
        }
        Ok(Lambda::Linear { scale: scale.unwrap_or(1.0), shift: shift.unwrap_or(0.0) })
    }
}

impl Network {
    /// Says what the Lambda layer called `name` computes, wherever it is used.
    ///
    /// # Errors
    /// If there is no Lambda layer of that name; the message has those that there are.
    pub fn set_lambda(&mut self, name: &str, lambda: &Lambda) -> Result<()> {
        let mut found = false;
        for layer in self.layers.iter_mut().filter(|layer| layer.class == "Lambda") {
            // The second use of `to_one` is `to_one#2`.
            if layer.name == name || layer.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('#')) {
                layer.kind = match *lambda {
                    Lambda::Linear { scale, shift } if (scale, shift) == (1.0, 0.0) => Kind::Identity,
                    Lambda::Linear { scale, shift } => Kind::Linear { scale, shift },
                    Lambda::Activation(activation) => Kind::Activation(activation),
                };
                found = true;
            }
        }
        if found {
            return Ok(());
        }
        let lambdas = self.layers.iter().filter(|l| l.class == "Lambda").map(|l| &*l.name).collect::<Vec<_>>();
        Err(Error::Usage(match lambdas[..] {
            [] => format!("there is no Lambda layer {name}: the network has none"),
            _ => format!("there is no Lambda layer {name}; there is {}", lambdas.join(", ")),
        }))
    }
}
