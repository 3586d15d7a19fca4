//! A network as a graph: the whole of it, or up to the layer that is looked at.

mod size;

pub use super::build::{Outcome, Value};
use super::{Kind, Layer, Network, build};
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::Shape;
use crate::{Error, Result};
pub use size::{fitting, image_shape, size_multiple};

/// A graph and where a network's layers are in it.
#[derive(Debug, Clone)]
pub struct Built {
    pub graph: Graph,
    pub image: NodeId,
    /// For each layer the node of its output; `None` for layers that the target is not computed from.
    pub layers: Vec<Option<NodeId>>,
    /// The node of the target layer's output.
    pub output: NodeId,
}

/// Appends the layers that `target` is computed from, and `target` itself, to a new graph with one image input.
///
/// With `own` image `i` sees only the target's channel `own[i]`: the output is `[n, h, w, 1]`. If the target is a
/// convolution, nothing else of it is computed, forward or backward.
///
/// # Errors
/// If one of the layers is not supported, or does not fit what it gets; the message names the layer.
pub fn graph_to(network: &Network, target: usize, own: Option<&[usize]>, image: Shape) -> Result<Built> {
    let mut graph = Graph::new();
    let image = graph.input(input_name(network), image)?;
    graph_on(graph, image, network, target, own)
}

/// The same, appended to a graph that has the image already: `image` is the node that the network sees.
///
/// # Errors
/// As [`graph_to`].
pub fn graph_on(graph: Graph, image: NodeId, network: &Network, target: usize, own: Option<&[usize]>) -> Result<Built> {
    graph_of(graph, image, network, &[target], own)
}

/// The same for several targets, of which the last is the output.
///
/// # Errors
/// As [`graph_to`].
pub fn graph_of(
    mut graph: Graph,
    image: NodeId,
    network: &Network,
    targets: &[usize],
    own: Option<&[usize]>,
) -> Result<Built> {
    let Some(&target) = targets.last() else {
        return Err(Error::Usage(format!("{} has no layer that can be computed", network.name)));
    };
    let mut needed = vec![false; network.layers.len()];
    for &target in targets {
        needed_for(network, target).iter().zip(&mut needed).for_each(|(one, all)| *all |= one);
    }
    if !network.layers.iter().zip(&needed).any(|(layer, &needed)| needed && is_input(layer)) {
        return Err(Error::Usage(format!("{} does not depend on an input", network.layers[target].name)));
    }
    let outcomes = build::layers(&mut graph, image, network, &needed, own);
    let layers = outcomes.iter().map(|outcome| Some(outcome.value()?.node)).collect();
    match (outcomes[target].value(), outcomes.into_iter().find_map(failure)) {
        (_, Some(error)) => Err(error),
        (Some(output), None) => Ok(Built { graph, image, output: output.node, layers }),
        (None, None) => Err(Error::Usage(format!("{} was not built", network.layers[target].name))),
    }
}

fn failure(outcome: Outcome) -> Option<Error> {
    match outcome {
        Outcome::Failed(error) => Some(error),
        Outcome::Built(_) | Outcome::Missing => None,
    }
}

/// Every layer that can be computed from an image of this shape, whether the output needs it or not; and of the others what
/// stands in the way.
///
/// # Errors
/// If the image is too large.
pub fn survey(network: &Network, image: Shape) -> Result<(Graph, Vec<Outcome>)> {
    let mut graph = Graph::new();
    let image = graph.input(input_name(network), image)?;
    let outcomes = build::layers(&mut graph, image, network, &vec![true; network.layers.len()], None);
    Ok((graph, outcomes))
}

fn is_input(layer: &Layer) -> bool {
    matches!(layer.kind, Kind::Input { .. })
}

/// What the network calls its input.
pub fn input_name(network: &Network) -> &str {
    network.layers.iter().find(|layer| is_input(layer)).map_or("image", |layer| &layer.name)
}

/// Rows and columns of the image, `None` where the network leaves them open, and its channels.
///
/// # Errors
/// If there is no input layer.
pub(super) fn input(network: &Network) -> Result<(Option<usize>, Option<usize>, usize)> {
    let input = network.layers.iter().find_map(|layer| match layer.kind {
        Kind::Input { h, w, c } => Some((h, w, c)),
        _ => None,
    });
    input.ok_or_else(|| Error::Usage(format!("{} has no input layer", network.name)))
}

/// Rows and columns of the image, if the network's file says them.
pub fn fixed_size(network: &Network) -> Option<(usize, usize)> {
    let (h, w, _) = input(network).ok()?;
    h.zip(w)
}

/// The channels of the image.
///
/// # Errors
/// If there is no input layer.
pub fn image_channels(network: &Network) -> Result<usize> {
    input(network).map(|(.., c)| c)
}

/// For each layer: is `target` computed from it?
pub fn needed_for(network: &Network, target: usize) -> Vec<bool> {
    let mut needed = vec![false; network.layers.len()];
    needed[target] = true;
    for i in (0..=target).rev() {
        if needed[i] {
            network.layers[i].inputs.iter().for_each(|&x| needed[x] = true);
        }
    }
    needed
}

/// The first unsupported layer among those that `layer` is computed from, itself included.
pub fn refused(network: &Network, layer: usize) -> Option<&Layer> {
    let needed = needed_for(network, layer);
    let mut all = network.layers.iter().zip(needed).filter(|(_, needed)| *needed).map(|(layer, _)| layer);
    all.find(|layer| matches!(layer.kind, Kind::Refused { .. }))
}

/// The layers that there are to show: those that lead to the output; if one of them is not supported, all that can be computed.
pub fn shown(network: &Network) -> Vec<usize> {
    let all = 0..network.layers.len();
    match refused(network, network.output) {
        None => {
            let needed = needed_for(network, network.output);
            all.filter(|&i| needed[i]).collect()
        }
        Some(_) => all.filter(|&i| refused(network, i).is_none()).collect(),
    }
}

/// The layers that can be climbed: those with filters, and with nothing before them that is not supported.
pub fn convolutions(network: &Network) -> Vec<usize> {
    (0..network.layers.len()).filter(|&i| filters(network, i) > 0 && refused(network, i).is_none()).collect()
}

/// The convolution called `name`.
///
/// # Errors
/// If there is none; the message has the nearest names, or says what the layer is and which are convolutions, or what stands
/// before it that is not supported.
pub fn convolution(network: &Network, name: &str) -> Result<usize> {
    let convolutions = convolutions(network);
    let names = || convolutions.iter().map(|&i| network.layers[i].name.as_str());
    if let Some(i) = names().position(|known| known == name) {
        return Ok(convolutions[i]);
    }
    let list = names().collect::<Vec<_>>().join(", ");
    let known = network.layers.iter().position(|layer| layer.name == name);
    if let Some(layer) = known.and_then(|i| refused(network, i))
        && let Kind::Refused { why } = &layer.kind
    {
        let before = if layer.name == name { String::new() } else { format!("{name} is computed from what is not: ") };
        return Err(Error::file(&network.file, format!("{before}{why}")));
    }
    Err(Error::Usage(match known {
        Some(i) => {
            let class = &network.layers[i].class;
            format!("{name} is a {class} and has no filters to climb; the convolutions are {list}")
        }
        None => match nearest(name, names()) {
            Some(near) => format!("there is no layer {name}; did you mean {near}? The convolutions are {list}"),
            None => format!("there is no layer {name}; the convolutions are {list}"),
        },
    }))
}

/// The layer called `name`, of any class.
///
/// # Errors
/// If there is none; the message has the nearest name, or all.
pub fn layer(network: &Network, name: &str) -> Result<usize> {
    let names = || network.layers.iter().map(|layer| layer.name.as_str());
    names().position(|known| known == name).ok_or_else(|| {
        Error::Usage(match nearest(name, names()) {
            Some(near) => format!("there is no layer {name}; did you mean {near}?"),
            None => format!("there is no layer {name}; the layers are {}", names().collect::<Vec<_>>().join(", ")),
        })
    })
}

/// The known name that is most like `name`, if any is.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    known
        .map(|k| (strsim::jaro_winkler(&name, &k.to_lowercase()), k))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k)
}

/// What the node of a convolution is called before its own activation; there is none of that name if it has no activation.
pub fn before_activation(network: &Network, layer: usize) -> String {
    build::before_activation(&network.layers[layer].name)
}

/// Number of filters of a layer; 0 if it is no convolution.
pub fn filters(network: &Network, layer: usize) -> usize {
    match &network.layers[layer].kind {
        Kind::Conv2d { conv, .. } => conv.kernel.co,
        Kind::ConvTranspose { conv, .. } => conv.kernel.ci * conv.groups,
        Kind::Separable { pointwise, .. } => pointwise.kernel.co,
        _ => 0,
    }
}
