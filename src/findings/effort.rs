//! How much of what can be measured is measured, by how large the network is: all of it, where that takes minutes.
//!
//! What takes long is what is done filter by filter, each on an image of its own: climbs, and the first gradient of each.

use crate::Result;
use crate::engine::graph::{Graph, Node};
use crate::engine::ops::Op;
use crate::network::{Network, unet};

/// Multiply-adds, of one image through each layer once for each of its filters, up to which everything is measured: about twice those
/// of the built-in network.
const AFFORDED: f64 = 4e12;

/// What is measured of a network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Filters of each layer that are drawn.
    pub drawn: usize,
    /// How often kernels are shuffled, at most.
    pub shuffles: usize,
    /// Is each filter's first gradient taken at its own seed? Else filters share seeds.
    pub own_seeds: bool,
}

impl Effort {
    /// # Errors
    /// If a layer cannot be computed.
    pub fn of(network: &Network, layers: &[usize]) -> Result<Effort> {
        let image = unet::image_shape(network, &[], None)?;
        let mut all = 0.0;
        for &layer in layers {
            let to_it = macs(&unet::graph_to(network, layer, None, image)?.graph);
            all += to_it as f64 * unet::filters(network, layer) as f64;
        }
        Ok(Effort::for_work(all))
    }

    fn for_work(work: f64) -> Effort {
        match (work / AFFORDED).max(1.0) {
            1.0 => Effort { drawn: 8, shuffles: 8, own_seeds: true },
            times => Effort { drawn: (8.0 / times).ceil() as usize, shuffles: 1, own_seeds: false },
        }
    }
}

/// Multiply-adds of the convolutions of a graph.
pub fn macs(graph: &Graph) -> u64 {
    let of = |node: &Node| match &node.op {
        Op::Conv2d(conv) => conv.macs(graph.shape(node.inputs[0])),
        Op::ConvTranspose(conv) => conv.macs(graph.shape(node.inputs[0])),
        _ => 0,
    };
    graph.nodes().map(|(_, node)| of(node)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_networks_are_measured_less() {
        let small = Effort::for_work(AFFORDED);
        assert_eq!(small, Effort { drawn: 8, shuffles: 8, own_seeds: true });
        assert_eq!(Effort::for_work(2.5 * AFFORDED), Effort { drawn: 4, shuffles: 1, own_seeds: false });
        assert_eq!(Effort::for_work(1e6 * AFFORDED).drawn, 1);
    }
}
