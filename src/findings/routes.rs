//! By which route through the U a filter's gradient comes back to the image.
//!
//! Going back from the filter, the gradient meets merges: concatenations and additions. Each has one input that comes by the most
//! convolutions, the way down, and others, the skips. A path belongs to the first skip that it takes; one that takes none goes
//! down the whole way. For each skip there is a backward pass of its own, so that the routes' gradients sum up to the whole.

use super::masked::belongs;
use crate::Result;
use crate::engine::autodiff::{gradient, pull_back};
use crate::engine::exec::Executor;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::plan::Plan;
use crate::engine::tensor::{Shape, Tensor};
use crate::network::{Kind, Merge, Network, unet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A skip: what a merge gets as its input of this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skip {
    /// Indices into `Network::layers`.
    pub merge: usize,
    pub input: usize,
}

/// All skips of a network, from input to output. The routes of a filter are these, and after them the way down.
pub fn skips(network: &Network) -> Vec<Skip> {
    let needed = unet::needed_for(network, network.output);
    let mut depths: Vec<usize> = vec![];
    let mut skips = vec![];
    for (merge, layer) in network.layers.iter().enumerate() {
        let most = layer.inputs.iter().map(|&x| depths[x]).max().unwrap_or(0);
        depths.push(most + usize::from(unet::filters(network, merge) > 0));
        let merges = match layer.kind {
            Kind::Concat { .. } => true,
            Kind::Merge(merge) => !matches!(merge, Merge::Multiply | Merge::Divide),
            _ => false,
        };
        let main = layer.inputs.iter().position(|&x| depths[x] == most);
        if merges && needed[merge] {
            let others = (0..layer.inputs.len()).filter(|&input| Some(input) != main);
            // One value twice is one skip: nothing tells the ways apart.
            let own = others.filter(|&i| Some(layer.inputs[i]) != main.map(|m| layer.inputs[m]));
            skips.extend(own.map(|input| Skip { merge, input }));
        }
    }
    skips
}

/// The gradient of a filter's mean activation with respect to the image, route by route: [`skips`] and the way down, and the whole.
/// `[h, w, c]` each, flat; `None` for a route that the filter does not have.
#[derive(Debug, Clone)]
pub struct Split {
    pub routes: Vec<Option<Vec<f32>>>,
    pub whole: Vec<f32>,
}

impl Split {
    /// `(route . whole) / (whole . whole)`: the shares sum up to 1; one is negative where a route works against the others. `None`
    /// if the whole is zero.
    pub fn shares(&self) -> Option<Vec<f64>> {
        let dot = |a: &[f32]| a.iter().zip(&self.whole).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
        let all = dot(&self.whole);
        let share = |route: &Option<Vec<f32>>| route.as_ref().map_or(0.0, |route| dot(route) / all);
        (all > 0.0).then(|| self.routes.iter().map(share).collect())
    }
}

/// The filters of a layer, loaded so that their gradients can be split.
pub struct Routes {
    program: Box<dyn crate::engine::exec::Program>,
    image: NodeId,
    shape: Shape,
    routes: Vec<Option<NodeId>>,
    whole: NodeId,
}

impl Routes {
    /// # Errors
    /// If the layer cannot be computed, or there is not enough memory.
    pub fn new(
        executor: &dyn Executor,
        network: &Network,
        layer: usize,
        filters: &[usize],
        image: Shape,
    ) -> Result<Routes> {
        let shape = image.with_n(filters.len());
        let built = unet::graph_to(network, layer, Some(filters), shape)?;
        let skips = skips(network);
        let layers = &built.layers;
        let mut gates: BTreeMap<Skip, NodeId> = BTreeMap::new();
        // A skip's value gets a name of its own where the merge reads it, and so a gradient of its own.
        let (mut graph, became) = built.graph.rewired(|graph: &mut Graph, reader, old, new| {
            let is_it = |skip: &&Skip| {
                let from = network.layers[skip.merge].inputs[skip.input];
                layers[from] == Some(old) && belongs(layers, skip.merge, reader)
            };
            let Some(&skip) = skips.iter().find(is_it) else { return Ok(new) };
            match gates.get(&skip) {
                Some(&gate) => Ok(gate),
                None => {
                    let gate = graph.scale(&format!("{} by the skip", graph[new].name.clone()), new, 1.0)?;
                    gates.insert(skip, gate);
                    Ok(gate)
                }
            }
        })?;
        let (image, output) = (became[built.image.0], became[built.output.0]);
        let loss = graph.mean("loss", output)?;
        let whole = gradient(&mut graph, loss, image)?.of_wrt();
        let one = graph.fill("d loss", Shape::new(shape.n, 1, 1, 1), 1.0)?;
        let stops: Vec<NodeId> = gates.values().copied().collect();
        let down = pull_back(&mut graph, loss, one, image, &stops)?;
        let mut routes = vec![];
        for skip in &skips {
            let arrives = gates.get(skip).and_then(|&gate| Some((gate, down.of(gate)?)));
            routes.push(match arrives {
                Some((gate, dy)) => pull_back(&mut graph, gate, dy, image, &[])?.of(image),
                None => None,
            });
        }
        routes.push(down.of(image));
        let keep: Vec<NodeId> = routes.iter().flatten().copied().chain([whole]).collect();
        let program = executor.prepare(Arc::new(Plan::compile(graph, &keep, &[], &[])))?;
        Ok(Routes { program, image, shape, routes, whole })
    }

    /// Of each filter how its gradient is split at this image, `[h, w, c]`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn split(&mut self, image: &[f32]) -> Result<Vec<Split>> {
        self.program.write(self.image, &Tensor::new(self.shape, image.repeat(self.shape.n)))?;
        self.program.run(1)?;
        let mut read = |route: &Option<NodeId>| route.map(|node| self.program.read(node)).transpose();
        let routes = self.routes.iter().map(&mut read).collect::<Result<Vec<Option<Tensor>>>>()?;
        let whole = self.program.read(self.whole)?;
        let of = |tensor: &Option<Tensor>, n: usize| tensor.as_ref().map(|tensor| tensor.image(n).to_vec());
        let split = |n: usize| Split {
            routes: routes.iter().map(|route| of(route, n)).collect(),
            whole: whole.image(n).to_vec(),
        };
        Ok((0..self.shape.n).map(split).collect())
    }
}
