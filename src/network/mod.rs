//! A trained network: its layers with their weights, what it is as a graph, and the file that it comes from.

mod build;
pub mod keras;
mod kind;
pub mod pad;
pub mod slim;
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

impl Network {
    /// Says what a Lambda layer computes, whose Python code is not run, or any other layer without weights that is not
    /// supported. `name` is that of the layer, or of a class, for all its layers. `meaning` is `identity`, `scale:2`,
    /// `shift:-1`, `scale:2,shift:-1`, `concat` (of its inputs, along the channels), `repeat:8` (each channel 8 times),
    /// `resize:32x32` (bilinear), or an activation as Keras 3 names it.
    ///
    /// # Errors
    /// If there is no such layer, it has weights, or is supported as it is; if the meaning is none of these.
    pub fn set_lambda(&mut self, name: &str, meaning: &str) -> Result<()> {
        let kind = kind::of_lambda(meaning).map_err(|why| Error::Usage(format!("{name}: {why}")))?;
        let is_open = |layer: &Layer| {
            let is_known = !matches!(layer.kind, Kind::Refused { .. }) && layer.class != "Lambda";
            !is_known && layer.trainable + layer.non_trainable == 0
        };
        // The second use of `to_one` is `to_one#2`.
        let is_it =
            |layer: &Layer| layer.class == name || layer.name.split('#').next() == Some(name) || layer.name == name;
        let mut found = false;
        for layer in self.layers.iter_mut().filter(|layer| is_open(layer) && is_it(layer)) {
            layer.kind = kind.clone();
            found = true;
        }
        if found {
            return Ok(());
        }
        let open = self.layers.iter().filter(|layer| is_open(layer)).map(|l| &*l.name).collect::<Vec<_>>();
        Err(Error::Usage(match open[..] {
            [] => format!("{name}: the network has no layer that can be told what it computes"),
            _ => format!("{name} is not a layer that can be told what it computes; there is {}", open.join(", ")),
        }))
    }
}
