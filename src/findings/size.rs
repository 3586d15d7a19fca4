//! How large the images are that are shown and climbed.

use crate::Result;
use crate::engine::graph::Graph;
use crate::engine::tensor::Shape;
use crate::network::{Network, unet};

/// Work of one pass up to which a network sees images of its own size; the built-in network's is 5.4e9.
const PASS: u64 = 8_000_000_000;
/// Images are made no smaller than this.
const LEAST_SIDE: usize = 128;

/// The shape of one image that is shown or climbed: the network's own; where a pass is long and the network takes smaller images, too,
/// half of it, and half again.
///
/// # Errors
/// If no size fits the network.
pub fn image_shape(network: &Network) -> Result<Shape> {
    let mut image = unet::image_shape(network, &[], None)?;
    let convolutions = unet::convolutions(network);
    while image.h.min(image.w) >= 2 * LEAST_SIDE && macs(network, &convolutions, image) > PASS {
        let half = (image.h / 2, image.w / 2);
        match unet::image_shape(network, &[network.output], Some(half)) {
            Ok(smaller) => image = smaller,
            Err(_) => break,
        }
    }
    Ok(image)
}

/// Multiply-accumulates of one image through all of these layers; 0 where they cannot be computed, which is said where they are needed.
pub(super) fn macs(network: &Network, layers: &[usize], image: Shape) -> u64 {
    let mut graph = Graph::new();
    let Ok(input) = graph.input(unet::input_name(network), image) else { return 0 };
    match layers {
        [] => 0,
        _ => unet::graph_of(graph, input, network, layers, None).map_or(0, |built| built.graph.macs()),
    }
}
