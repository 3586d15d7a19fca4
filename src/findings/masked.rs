//! The network with channels replaced by a constant each: which ones is written from outside, image by image, so that one plan
//! serves all ablations, and a batch holds different ones.
//!
//! ```text
//! seen = mask * y + fill      mask: 1, or 0 where the channel is replaced; fill: 0, or there the channel's mean
//! ```

use super::fit::fitting;
use crate::engine::exec::{Executor, Program};
use crate::engine::graph::{Graph, NodeId};
use crate::engine::plan::Plan;
use crate::engine::tensor::{Shape, Tensor};
use crate::network::{Network, unet};
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where channels can be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Site {
    /// The output of this layer, for all that read it.
    Layer(usize),
    /// What this layer gets as its input of this number, and nobody else.
    Edge(usize, usize),
}

impl Site {
    /// The layer whose output is replaced.
    pub fn source(self, network: &Network) -> usize {
        match self {
            Site::Layer(layer) => layer,
            Site::Edge(layer, input) => network.layers[layer].inputs[input],
        }
    }
}

/// The channels that are replaced at each site.
pub type Removed = BTreeMap<Site, Vec<usize>>;

/// The mean of each channel, by site.
pub type Means = BTreeMap<Site, Vec<f32>>;

/// Images that are computed at once, if there is memory.
const BATCH: usize = 8;

/// Is `reader` one of the nodes that compute `layer`? Nodes are appended layer by layer.
pub(super) fn belongs(layers: &[Option<NodeId>], layer: usize, reader: NodeId) -> bool {
    let before = layers[..layer].iter().flatten().max();
    layers[layer].is_some_and(|last| reader <= last) && before.is_none_or(|&before| reader > before)
}

/// A network whose channels can be replaced, loaded for images of a shape.
pub struct Masked {
    program: Box<dyn Program>,
    image: NodeId,
    output: NodeId,
    /// A batch's.
    shape: Shape,
    /// Of each site the inputs for the mask and for what is filled in.
    inputs: BTreeMap<Site, (NodeId, NodeId)>,
    means: Means,
}

impl Masked {
    /// `means` names the sites. `image`: the shape of one.
    ///
    /// # Errors
    /// If the network cannot be computed, or there is not enough memory.
    pub fn new(executor: &dyn Executor, network: &Network, image: Shape, means: Means) -> Result<Masked> {
        fitting(BATCH, |batch| Masked::of(executor, network, image.with_n(batch), &means))
    }

    /// `images`: the shape of a batch.
    fn of(executor: &dyn Executor, network: &Network, images: Shape, means: &Means) -> Result<Masked> {
        let built = unet::graph_to(network, network.output, None, images)?;
        let mut inputs: BTreeMap<Site, (NodeId, NodeId)> = BTreeMap::new();
        let mut replaced: BTreeMap<Site, NodeId> = BTreeMap::new();
        let mut replace = |graph: &mut Graph, site: Site, y: NodeId| -> Result<NodeId> {
            if let Some(&node) = replaced.get(&site) {
                return Ok(node);
            }
            let c = graph.shape(y).c;
            let one = Shape::new(images.n, 1, 1, c);
            if means[&site].len() != c {
                return Err(Error::Usage(format!("{} means of {c} channels", means[&site].len())));
            }
            let name = format!("{} replaced {site:?}", graph[y].name);
            let (mask, fill) =
                (graph.input(&format!("{name}, mask"), one)?, graph.input(&format!("{name}, fill"), one)?);
            let kept = graph.mul(&format!("{name}, kept"), y, mask)?;
            let seen = graph.add(&name, kept, fill)?;
            inputs.insert(site, (mask, fill));
            replaced.insert(site, seen);
            Ok(seen)
        };
        let layers = &built.layers;
        let (graph, became) = built.graph.rewired(|graph, reader, old, new| {
            let mut seen = new;
            for &site in means.keys() {
                let is_it = layers[site.source(network)] == Some(old)
                    && match site {
                        Site::Layer(_) => true,
                        Site::Edge(layer, _) => belongs(layers, layer, reader),
                    };
                if is_it {
                    seen = replace(graph, site, seen)?;
                }
            }
            Ok(seen)
        })?;
        let (input, output) = (became[built.image.0], became[built.output.0]);
        let program = executor.prepare(Arc::new(Plan::compile(graph, &[output], &[], &[])))?;
        Ok(Masked { program, image: input, output, shape: images, inputs, means: means.clone() })
    }

    /// Can channels be replaced there?
    pub fn has(&self, site: Site) -> bool {
        self.inputs.contains_key(&site)
    }

    /// The outputs for so many jobs: `job` tells of each the image and what is replaced; `each` gets its number and the output.
    ///
    /// # Errors
    /// If the device fails, or `each` says so.
    pub fn run<'j>(
        &mut self,
        jobs: usize,
        job: impl Fn(usize) -> (&'j [f32], &'j Removed),
        mut each: impl FnMut(usize, &[f32]) -> Result<()>,
    ) -> Result<()> {
        let at_once = self.shape.n;
        for first in (0..jobs).step_by(at_once) {
            // What is left over of the last batch repeats its last job.
            let batch: Vec<_> = (first..first + at_once).map(|i| job(i.min(jobs - 1))).collect();
            let images = batch.iter().flat_map(|(image, _)| image.iter().copied()).collect();
            self.program.write(self.image, &Tensor::new(self.shape, images))?;
            for (site, &(mask, fill)) in &self.inputs {
                let means = &self.means[site];
                let c = means.len();
                let (mut keep, mut put) = (vec![1.0; at_once * c], vec![0.0; at_once * c]);
                for (n, (_, removed)) in batch.iter().enumerate() {
                    for &channel in removed.get(site).into_iter().flatten() {
                        keep[n * c + channel] = 0.0;
                        put[n * c + channel] = means[channel];
                    }
                }
                let shape = Shape::new(at_once, 1, 1, c);
                self.program.write(mask, &Tensor::new(shape, keep))?;
                self.program.write(fill, &Tensor::new(shape, put))?;
            }
            self.program.run(1)?;
            let output = self.program.read(self.output)?;
            for n in 0..at_once.min(jobs - first) {
                each(first + n, output.image(n))?;
            }
        }
        Ok(())
    }
}
