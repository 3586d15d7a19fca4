//! The convolutions of a network as what is measured: where a filter's response is read, and which places of its map are which.

use super::TunedWhere;
use super::reach::{Reach, reach};
use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::ops::{Function, Op, Window};
use crate::engine::tensor::Shape;
use crate::network::{Activation, Kind, Network, unet};

/// What becomes of a response below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Below {
    /// It is cut off, and no gradient passes: relu.
    Cut,
    /// It is made smaller: leaky relu, elu.
    Bent,
    /// Nothing happens at zero.
    Nothing,
}

/// A convolution whose filters are measured.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Index into `Network::layers`.
    pub layer: usize,
    pub name: String,
    /// The response before the activation: that of the convolution itself, or where it has none of a layer that follows it with
    /// nothing but norms between.
    pub before: NodeId,
    /// And after it. The same node, if there is no activation.
    pub after: NodeId,
    pub below: Below,
    /// The activation is the layer's own, not that of a layer after it.
    pub after_is_own: bool,
    /// What is after the activation is the positive part of what is before it.
    pub is_plain_relu: bool,
    /// Of the map of one image.
    pub shape: Shape,
    /// Convolutions passed, this one counted.
    pub depth: usize,
    /// Image pixels from one place to the next.
    pub stride: f64,
    /// Image pixels a side that a place sees, away from the border.
    pub receptive: usize,
    pub decoder: bool,
    pub tuned_where: TunedWhere,
    /// The places at which tuning is read, rows and columns.
    pub inside: (Vec<usize>, Vec<usize>),
    /// For each row and each column: does it touch the border?
    pub ring: (Vec<bool>, Vec<bool>),
}

/// No more rows and columns than this are read for the tuning: the phases of a grating stand for the places.
const MOST_PLACES: usize = 32;

impl Unit {
    pub fn filters(&self) -> usize {
        self.shape.c
    }

    /// Is this place in the ring that touches the border?
    pub fn touches(&self, row: usize, column: usize) -> bool {
        self.ring.0[row] || self.ring.1[column]
    }
}

/// Every layer in `layers`, which are convolutions, built on one image, and the graph that they are nodes of.
///
/// # Errors
/// If one does not fit the image.
pub fn units(network: &Network, layers: &[usize], image: Shape) -> Result<(Graph, NodeId, Vec<Unit>)> {
    let activations: Vec<Option<usize>> = layers.iter().map(|&layer| activation_of(network, layer)).collect();
    let targets: Vec<usize> = activations.iter().flatten().chain(layers).copied().collect();
    let mut graph = Graph::new();
    let input = graph.input(unet::input_name(network), image)?;
    let built = unet::graph_of(graph, input, network, &targets, None)?;
    let seen = reach(&built.graph, built.image);
    let mut units = vec![];
    for (&layer, activation) in layers.iter().zip(activations) {
        let Some(own) = built.layers[layer] else { continue };
        let (before, after) = match activation {
            Some(activation) => {
                let input = network.layers[activation].inputs[0];
                (built.layers[input].unwrap_or(own), built.layers[activation].unwrap_or(own))
            }
            None => (built.graph.find(&unet::before_activation(network, layer)).unwrap_or(own), own),
        };
        let kind = &network.layers[activation.unwrap_or(layer)].kind;
        let input = network.layers[layer].inputs.first().and_then(|&x| built.layers[x]);
        let places = Places::of(&built.graph, input.unwrap_or(built.image), own, seen[own.0].as_ref());
        units.push(Unit {
            layer,
            name: network.layers[layer].name.clone(),
            before,
            after,
            below: below(kind),
            after_is_own: activation.is_none(),
            is_plain_relu: before != after && matches!(built.graph[after].op, Op::Relu),
            shape: built.graph.shape(own).with_n(1),
            depth: depth(network, layer),
            stride: image.h as f64 / built.graph.shape(own).h as f64,
            receptive: places.receptive,
            decoder: is_decoder(network, layer),
            tuned_where: places.tuned_where,
            inside: places.inside,
            ring: places.ring,
        });
    }
    Ok((built.graph, built.image, units))
}

/// The layer that holds the activation of a convolution without one of its own: the next but for norms and what does nothing.
fn activation_of(network: &Network, layer: usize) -> Option<usize> {
    if activation(&network.layers[layer].kind) != Some(Activation::Linear) {
        return None;
    }
    let mut at = layer;
    loop {
        let mut users = (0..network.layers.len()).filter(|&i| network.layers[i].inputs.contains(&at));
        let (next, None) = (users.next()?, users.next()) else { return None };
        match &network.layers[next].kind {
            Kind::BatchNorm { .. } | Kind::Identity => at = next,
            Kind::Activation(Activation::Softmax | Activation::LogSoftmax | Activation::Linear) => return None,
            Kind::Activation(_) | Kind::PRelu { .. } => return Some(next),
            _ => return None,
        }
    }
}

fn activation(kind: &Kind) -> Option<Activation> {
    match kind {
        Kind::Conv2d { activation, .. }
        | Kind::ConvTranspose { activation, .. }
        | Kind::Separable { activation, .. }
        | Kind::Activation(activation) => Some(*activation),
        _ => None,
    }
}

fn below(kind: &Kind) -> Below {
    if matches!(kind, Kind::PRelu { .. }) {
        return Below::Bent;
    }
    match activation(kind) {
        Some(Activation::Relu) => Below::Cut,
        Some(Activation::Clip { least: 0.0, .. }) => Below::Cut,
        Some(Activation::Pointwise(Function::Relu { slope, threshold: 0.0, .. })) => {
            if slope == 0.0 {
                Below::Cut
            } else {
                Below::Bent
            }
        }
        Some(Activation::Pointwise(Function::LeakyRelu { .. } | Function::Elu { .. } | Function::Selu)) => Below::Bent,
        _ => Below::Nothing,
    }
}

/// Convolutions on the longest way from the input to this one, it counted.
fn depth(network: &Network, layer: usize) -> usize {
    let mut depths = vec![0; layer + 1];
    for i in 0..=layer {
        let before = network.layers[i].inputs.iter().map(|&x| depths[x]).max().unwrap_or(0);
        depths[i] = before + usize::from(unet::filters(network, i) > 0);
    }
    depths[layer]
}

/// Is it computed from something that was made larger?
fn is_decoder(network: &Network, layer: usize) -> bool {
    let needed = unet::needed_for(network, layer);
    let enlarges = |kind: &Kind| match kind {
        Kind::Upsample { .. } | Kind::Resize { .. } | Kind::DepthToSpace(_) => true,
        Kind::ConvTranspose { conv, .. } => conv.stride != Window::ONE,
        _ => false,
    };
    (0..=layer).any(|i| needed[i] && enlarges(&network.layers[i].kind))
}

struct Places {
    receptive: usize,
    tuned_where: TunedWhere,
    inside: (Vec<usize>, Vec<usize>),
    ring: (Vec<bool>, Vec<bool>),
}

impl Places {
    /// `input` is what the layer gets, `own` what it makes of it, `seen` what that sees of the image.
    fn of(graph: &Graph, input: NodeId, own: NodeId, seen: Option<&Reach>) -> Places {
        let shape = graph.shape(own);
        let whole = || {
            let all = |n: usize| vec![super::reach::Span { first: 0, last: n - 1, padded: true }; n];
            Reach { rows: all(shape.h), columns: all(shape.w) }
        };
        let seen = seen.cloned().unwrap_or_else(whole);
        let free =
            |spans: &[super::reach::Span]| -> Vec<usize> { (0..spans.len()).filter(|&i| !spans[i].padded).collect() };
        let (rows, columns) = (free(&seen.rows), free(&seen.columns));
        let middle = |n: usize| (n * 3 / 8..(n * 5).div_ceil(8)).collect::<Vec<usize>>();
        let (tuned_where, inside) = match rows.is_empty() || columns.is_empty() {
            false => (TunedWhere::Inside, (thinned(&rows), thinned(&columns))),
            true => (TunedWhere::Middle, (thinned(&middle(shape.h)), thinned(&middle(shape.w)))),
        };
        let span = |at: &super::reach::Span| at.last - at.first + 1;
        let receptive = inside.0.iter().map(|&r| span(&seen.rows[r])).max().unwrap_or(1);
        // What touches the border by the layer's own padding; if it has none, the outermost places.
        let by_itself = reach(graph, input)[own.0].clone();
        let ring = |n: usize, spans: Option<&Vec<super::reach::Span>>| {
            let touch: Vec<bool> = (0..n).map(|i| spans.is_some_and(|spans| spans[i].padded)).collect();
            match touch.iter().any(|&t| t) && touch.iter().any(|&t| !t) {
                true => touch,
                false => (0..n).map(|i| i == 0 || i + 1 == n).collect(),
            }
        };
        let ring = (
            ring(shape.h, by_itself.as_ref().map(|own| &own.rows)),
            ring(shape.w, by_itself.as_ref().map(|own| &own.columns)),
        );
        Places { receptive, tuned_where, inside, ring }
    }
}

/// Evenly spread over all, as many as are read.
fn thinned(places: &[usize]) -> Vec<usize> {
    let count = places.len().min(MOST_PLACES);
    (0..count).map(|i| places[i * places.len() / count]).collect()
}

#[cfg(test)]
pub(in crate::findings) mod tests;
