//! A trained network: its layers with their weights, what it is as a graph, and the file that it comes from.

pub mod keras;
pub mod pad;
pub mod summary;
pub mod unet;

use std::sync::Arc;

/// A network as its file describes it: layers in an order in which they can be computed.
#[derive(Debug, Clone)]
pub struct Network {
    pub name: String,
    /// Every layer's inputs come before it. `layers[0]` is the one input layer.
    pub layers: Vec<Layer>,
    /// Index of the layer that the network ends with.
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
    /// Numbers in the file that this layer learns with and without the optimizer's help, as Keras counts them.
    pub trainable: usize,
    pub non_trainable: usize,
}

#[derive(Debug, Clone)]
pub enum Kind {
    /// `None` where the file leaves the size open.
    Input {
        h: Option<usize>,
        w: Option<usize>,
        c: usize,
    },
    /// Stride 1, 'same' padding. `kernel` is HWIO: `[kh, kw, ci, co]`, flat.
    Conv2d {
        kh: usize,
        kw: usize,
        ci: usize,
        co: usize,
        kernel: Arc<[f32]>,
        bias: Option<Arc<[f32]>>,
        activation: Activation,
    },
    /// Inference: `y = scale * x + shift` per channel, where `scale = gamma / sqrt(variance + epsilon)` and
    /// `shift = beta - mean * scale` in f64.
    BatchNorm {
        scale: Arc<[f64]>,
        shift: Arc<[f64]>,
    },
    /// Windows of `h` x `w`, as far apart as they are large.
    MaxPool {
        h: usize,
        w: usize,
    },
    /// Nearest neighbour: every pixel becomes `h` x `w` pixels.
    Upsample {
        h: usize,
        w: usize,
    },
    /// Of the inputs, along channels.
    Concat,
    Activation(Activation),
    /// Nothing at inference.
    Dropout,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    Linear,
    Relu,
    Sigmoid,
}
