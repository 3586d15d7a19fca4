//! What the page computes with: for each convolution and each size of the image a graph, and the same as plans of shader calls.
//!
//! The loss is made so that one graph serves every goal: `loss = mean(y (u + v y))` over the map `y` of the chosen filter, where
//! `u` and `v` are written from outside. With `u = 1, v = 0` it is the mean, with `u = 0, v = 1` that of the squares, and with `u`
//! zero but for one place, where it is the number of places, it is one neuron. The filter is a slice of the kernel that the
//! page takes when it packs it; the graph is the same for all.

use super::arrays::Arrays;
use super::nodes::nodes;
use super::plans::{Sources, plan};
use super::steps::steps;
use crate::Result;
use crate::engine::autodiff;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::plan::Plan;
use crate::engine::tensor::Shape;
use crate::network::{Kind, Network, unet};
use crate::page::strings::Lang;
use serde_json::{Value, json};

/// An image smaller than this is none.
const LEAST_SIDE: usize = 16;
/// Sizes that are offered: the network's own, its half, and so on.
const SIZES: usize = 3;

/// Everything but the numbers, and the numbers.
pub struct Model {
    pub facts: Value,
    pub arrays: Arrays,
}

/// The model of all convolutions that can be computed from an image of shape `own`, and of smaller ones.
///
/// # Errors
/// If not one of them can be.
pub fn model(network: &Network, own: Shape, lang: Lang) -> Result<Model> {
    let (mut arrays, mut sources) = (Arrays::default(), Sources::default());
    let mut layers = vec![];
    let mut failure = None;
    for layer in unet::convolutions(network) {
        let mut sizes = vec![];
        for shape in halves(own) {
            match of_size(network, (layer, shape), lang, &mut arrays, &mut sources) {
                Ok(facts) => sizes.push(facts),
                Err(error) => failure = Some(error),
            }
        }
        if sizes.is_empty() {
            continue;
        }
        layers.push(json!({
            "name": network.layers[layer].name,
            "filters": unet::filters(network, layer),
            "bias": bias(network, layer).map(|bias| arrays.f32(bias)),
            "sizes": sizes,
        }));
    }
    match (layers.is_empty(), failure) {
        (true, Some(error)) => Err(error),
        _ => Ok(Model { facts: json!({ "layers": layers, "sources": sources.facts }), arrays }),
    }
}

/// The size itself, and its halves.
fn halves(own: Shape) -> impl Iterator<Item = Shape> {
    let half = |shape: &Shape| {
        let (h, w) = (shape.h / 2, shape.w / 2);
        let fits = shape.h.is_multiple_of(2) && shape.w.is_multiple_of(2) && h.min(w) >= LEAST_SIDE;
        fits.then_some(Shape { h, w, ..*shape })
    };
    std::iter::successors(Some(own), half).take(SIZES)
}

/// The biases of all filters of a layer.
fn bias(network: &Network, layer: usize) -> Option<&[f32]> {
    match &network.layers[layer].kind {
        Kind::Conv2d { conv, .. } | Kind::ConvTranspose { conv, .. } => conv.bias.as_deref(),
        Kind::Separable { pointwise, .. } => pointwise.bias.as_deref(),
        _ => None,
    }
}

/// The climb of a convolution's filter, for one size of the image.
pub(super) struct Climb {
    graph: Graph,
    image: NodeId,
    u: NodeId,
    v: NodeId,
    map: NodeId,
    loss: NodeId,
    gradients: autodiff::Gradients,
}

impl Climb {
    /// Fused, as it is computed when only the picture counts; and with every value there, to look at.
    pub(super) fn plans(&self) -> [Plan; 2] {
        let all: Vec<NodeId> = self.graph.nodes().map(|(id, _)| id).collect();
        let plan = |keep: &[NodeId]| Plan::compile(self.graph.clone(), keep, &[self.loss], &[]);
        [plan(&[self.map, self.gradients.of_wrt()]), plan(&all)]
    }
}

pub(super) fn climb(network: &Network, layer: usize, shape: Shape) -> Result<Climb> {
    // Whatever filter stands here: the page puts another one in its place.
    let built = unet::graph_to(network, layer, Some(&[0]), shape)?;
    let (mut graph, map) = (built.graph, built.output);
    let of_map = graph.shape(map);
    let (u, v) = (graph.input("u", of_map)?, graph.input("v", of_map)?);
    let slope = graph.mul("v y", v, map)?;
    let slope = graph.add("u + v y", u, slope)?;
    let goal = graph.mul("goal", map, slope)?;
    let loss = graph.mean("loss", goal)?;
    let gradients = autodiff::gradient(&mut graph, loss, built.image)?;
    Ok(Climb { graph, image: built.image, u, v, map, loss, gradients })
}

fn of_size(
    network: &Network,
    (layer, shape): (usize, Shape),
    lang: Lang,
    arrays: &mut Arrays,
    sources: &mut Sources,
) -> Result<Value> {
    let climb = climb(network, layer, shape)?;
    let [fast, open] = climb.plans();
    let (fast, open) = (plan(&fast, arrays, sources)?, plan(&open, arrays, sources)?);
    let Climb { graph, image, u, v, map, loss, gradients } = climb;
    let gradient = gradients.of_wrt();
    let pairs: Vec<[usize; 2]> = graph.nodes().filter_map(|(id, _)| Some([id.0, gradients.of(id)?.0])).collect();
    Ok(json!({
        "size": [shape.h, shape.w, shape.c],
        "nodes": nodes(&graph, arrays, lang),
        "image": image.0, "u": u.0, "v": v.0, "map": map.0, "loss": loss.0, "gradient": gradient.0,
        "gradients": pairs,
        "fast": fast,
        "open": open,
        "optimizers": steps(shape, lang, arrays, sources)?,
    }))
}
