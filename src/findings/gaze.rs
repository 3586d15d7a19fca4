//! What all convolutions answer to a picture, and what of the data a filter answers to most.

use super::task::Task;
use crate::Result;
use crate::engine::exec::{Executor, Program};
use crate::engine::graph::{Graph, NodeId};
use crate::engine::plan::Plan;
use crate::engine::tensor::{Shape, Tensor};
use crate::network::{Network, unet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where a filter answers most, and how much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Best {
    pub image: usize,
    /// Row and column of the layer's map.
    pub at: (usize, usize),
    pub activation: f32,
}

/// Images of the data that are kept of each filter.
const KEPT: usize = 3;

/// The network up to its convolutions, loaded for one image.
pub struct Gaze {
    program: Box<dyn Program>,
    image: NodeId,
    shape: Shape,
    nodes: BTreeMap<usize, NodeId>,
    /// The convolutions' outputs for the picture that was shown last.
    maps: BTreeMap<usize, Tensor>,
}

impl Gaze {
    /// # Errors
    /// If a layer cannot be computed, or there is not enough memory.
    pub fn new(executor: &dyn Executor, network: &Network, layers: &[usize], shape: Shape) -> Result<Gaze> {
        let mut graph = Graph::new();
        let input = graph.input(unet::input_name(network), shape)?;
        let built = unet::graph_of(graph, input, network, layers, None)?;
        let nodes: BTreeMap<usize, NodeId> =
            layers.iter().filter_map(|&layer| Some((layer, built.layers[layer]?))).collect();
        let keep: Vec<NodeId> = nodes.values().copied().collect();
        let program = executor.prepare(Arc::new(Plan::compile(built.graph, &keep, &[], &[])))?;
        Ok(Gaze { program, image: built.image, shape, nodes, maps: BTreeMap::new() })
    }

    /// # Errors
    /// If the device fails.
    pub fn show(&mut self, picture: &[f32]) -> Result<()> {
        self.program.write(self.image, &Tensor::new(self.shape, picture.to_vec()))?;
        self.program.run(1)?;
        for (&layer, &node) in &self.nodes {
            self.maps.insert(layer, self.program.read(node)?);
        }
        Ok(())
    }

    /// Where the filter answers most to what is shown; of equal places the first.
    pub fn best(&self, layer: usize, filter: usize, image: usize) -> Best {
        let map = &self.maps[&layer];
        let Shape { w, c, .. } = map.shape;
        let mut best = Best { image, at: (0, 0), activation: f32::NEG_INFINITY };
        for (place, &activation) in map.data.iter().skip(filter).step_by(c).enumerate() {
            if activation > best.activation {
                best = Best { at: (place / w, place % w), activation, ..best };
            }
        }
        best
    }

    /// Rows and columns of the layer's map.
    pub fn map_size(&self, layer: usize) -> (usize, usize) {
        let shape = self.maps[&layer].shape;
        (shape.h, shape.w)
    }

    /// What every channel of these layers answers where place `at` of `layer` lies, layer by layer.
    pub fn column(&self, layers: &[usize], layer: usize, at: (usize, usize)) -> Vec<Vec<f64>> {
        let of = self.maps[&layer].shape;
        let one = |way: &usize| {
            let map = &self.maps[way];
            let (r, s) = (at.0 * map.shape.h / of.h, at.1 * map.shape.w / of.w);
            map.data[map.shape.at(0, r, s, 0)..][..map.shape.c].iter().map(|&v| f64::from(v)).collect()
        };
        layers.iter().filter(|way| self.maps.contains_key(way)).map(one).collect()
    }

    /// Of each drawn filter the images of the task that it answers to most, the best one first.
    ///
    /// # Errors
    /// If the device fails.
    pub fn best_of(
        &mut self,
        task: &Task,
        drawn: &[(usize, Vec<usize>)],
    ) -> Result<BTreeMap<(usize, usize), Vec<Best>>> {
        let mut all: BTreeMap<(usize, usize), Vec<Best>> = BTreeMap::new();
        for (i, image) in task.images.iter().enumerate() {
            self.show(image)?;
            for (layer, filters) in drawn {
                for &filter in filters {
                    let best = all.entry((*layer, filter)).or_default();
                    best.push(self.best(*layer, filter, i));
                    // A stable sort: of equals the first image stays first.
                    best.sort_by(|a, b| b.activation.total_cmp(&a.activation));
                    best.truncate(KEPT);
                }
            }
        }
        Ok(all)
    }
}
