//! Layers and networks of them, with everything that most tests do not ask about.
#![allow(dead_code)] // each test file is a crate of its own and uses a part of this

use unet_lens::engine::ops::{Kernel, Window};
use unet_lens::network::{Activation, Convolution, Kind, Layer, Network, Padding};

pub fn layer(name: &str, class: &str, kind: Kind, inputs: Vec<usize>) -> Layer {
    Layer {
        name: name.to_string(),
        class: class.to_string(),
        kind,
        inputs,
        channels_first: None,
        trainable: 0,
        non_trainable: 0,
    }
}

/// A network of these layers, whose last is the output.
pub fn of(layers: Vec<Layer>) -> Network {
    let output = layers.len() - 1;
    Network { name: "net".to_string(), file: "file".to_string(), layers, output, warnings: vec![] }
}

/// An image of any size.
pub fn image(c: usize) -> Kind {
    Kind::Input { h: None, w: None, c }
}

/// The image and these layers, each with its inputs, called layer0 and so on.
pub fn network(image: Kind, layers: Vec<(Kind, Vec<usize>)>) -> Network {
    let all = [(image, vec![])].into_iter().chain(layers).enumerate();
    of(all.map(|(i, (kind, inputs))| layer(&format!("layer{i}"), "Class", kind, inputs)).collect())
}

/// Each of these layers reads the one before it.
pub fn in_a_row(kinds: Vec<Kind>) -> Vec<(Kind, Vec<usize>)> {
    kinds.into_iter().enumerate().map(|(i, kind)| (kind, vec![i])).collect()
}

/// One layer after the other, on an image of any size.
pub fn chain(c: usize, kinds: Vec<Kind>) -> Network {
    network(image(c), in_a_row(kinds))
}

/// A convolution of this kernel without a bias.
pub fn plain(kernel: Kernel) -> Convolution {
    Convolution { kernel, bias: None, stride: Window::ONE, padding: Padding::Same, dilation: Window::ONE, groups: 1 }
}

/// The same of weights in the order of rows, columns, inputs, filters.
pub fn convolution(side: usize, ci: usize, co: usize, weights: &[f32]) -> Convolution {
    plain(Kernel::new(side, side, ci, co, weights.to_vec().into()).unwrap())
}

pub fn conv(side: usize, ci: usize, co: usize, weights: &[f32], activation: Activation) -> Kind {
    Kind::Conv2d { conv: convolution(side, ci, co, weights), activation }
}
