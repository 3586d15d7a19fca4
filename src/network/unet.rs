//! A network as a graph: the whole of it, or up to the layer that is looked at.

use super::{Activation, Kind, Network};
use crate::engine::graph::{Graph, NodeId};
use crate::engine::ops::{Conv2d, Kernel, Window, gcd};
use crate::engine::tensor::Shape;
use crate::{Error, Result};

/// The side that a network gets which leaves its image size open, if its pools divide it.
const DEFAULT_SIDE: usize = 128;

/// A graph and where a network's layers are in it.
#[derive(Debug, Clone)]
pub struct Built {
    pub graph: Graph,
    pub image: NodeId,
    /// For each layer the node of its output; `None` for layers after the target.
    pub layers: Vec<Option<NodeId>>,
    /// The node of the target layer's output.
    pub output: NodeId,
}

/// Appends the layers that `target` is computed from, and `target` itself, to a new graph with one image input.
///
/// With `own` the target must be a convolution, and image `i` sees only its channel `own[i]`: the output is
/// `[n, h, w, 1]`, and nothing else of the target is computed, forward or backward.
///
/// # Errors
/// If a layer's input has the wrong shape; the message names the layer.
pub fn graph_to(network: &Network, target: usize, own: Option<&[usize]>, image: Shape) -> Result<Built> {
    let mut graph = Graph::new();
    let image = graph.input(input_name(network), image)?;
    graph_on(graph, image, network, target, own)
}

/// The same, appended to a graph that has the image already: `image` is the node that the network sees.
///
/// # Errors
/// As [`graph_to`].
pub fn graph_on(
    mut graph: Graph,
    image: NodeId,
    network: &Network,
    target: usize,
    own: Option<&[usize]>,
) -> Result<Built> {
    let mut layers: Vec<Option<NodeId>> = vec![None; network.layers.len()];
    let needed = needed_for(network, target);
    let mut is_seen = false;
    for (i, layer) in network.layers.iter().enumerate().filter(|(i, _)| needed[*i]) {
        let name = layer.name.as_str();
        let x: Vec<NodeId> = layer.inputs.iter().map(|&x| layers[x].expect("inputs come first")).collect();
        let node = match &layer.kind {
            Kind::Input { .. } => {
                is_seen = true;
                image
            }
            Kind::Conv2d { kh, kw, ci, co, kernel, bias, activation } => {
                let whole = Conv2d::same(Kernel::new(*kh, *kw, *ci, *co, kernel.clone())?, bias.clone());
                let conv = match own {
                    Some(own) if i == target => whole.own_channels(own),
                    _ => whole,
                };
                let before = match activation {
                    Activation::Linear => name.to_string(),
                    Activation::Relu | Activation::Sigmoid => format!("{name} before activation"),
                };
                let y = graph.conv2d(&before, x[0], conv)?;
                activate(&mut graph, name, y, *activation)?
            }
            Kind::BatchNorm { scale, shift } => graph.batch_norm(name, x[0], scale.clone(), shift.clone())?,
            Kind::MaxPool { h, w } => graph.max_pool(name, x[0], Window::new(*h, *w))?,
            Kind::Upsample { h, w } => graph.upsample(name, x[0], Window::new(*h, *w))?,
            Kind::Concat => graph.concat(name, &x)?,
            Kind::Activation(activation) => activate(&mut graph, name, x[0], *activation)?,
            Kind::Dropout => x[0],
        };
        layers[i] = Some(node);
    }
    if !is_seen {
        return Err(Error::Usage(format!("{} does not depend on an input", network.layers[target].name)));
    }
    Ok(Built { graph, image, output: layers[target].expect("the target is needed for itself"), layers })
}

/// What the network calls its input.
pub fn input_name(network: &Network) -> &str {
    let is_input = |layer: &&crate::network::Layer| matches!(layer.kind, Kind::Input { .. });
    network.layers.iter().find(is_input).map_or("image", |layer| &layer.name)
}

fn activate(graph: &mut Graph, name: &str, x: NodeId, activation: Activation) -> Result<NodeId> {
    match activation {
        Activation::Linear => Ok(x),
        Activation::Relu => graph.relu(name, x),
        Activation::Sigmoid => graph.sigmoid(name, x),
    }
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

/// The layers that can be climbed: those with filters.
pub fn convolutions(network: &Network) -> Vec<usize> {
    let is_conv = |i: &usize| matches!(network.layers[*i].kind, Kind::Conv2d { .. });
    (0..network.layers.len()).filter(is_conv).collect()
}

/// The convolution called `name`.
///
/// # Errors
/// If there is none; the message has the nearest names, or says what the layer is and which are convolutions.
pub fn convolution(network: &Network, name: &str) -> Result<usize> {
    let convolutions = convolutions(network);
    let names = || convolutions.iter().map(|&i| network.layers[i].name.as_str());
    if let Some(i) = names().position(|known| known == name) {
        return Ok(convolutions[i]);
    }
    let list = names().collect::<Vec<_>>().join(", ");
    Err(Error::Usage(match network.layers.iter().find(|layer| layer.name == name) {
        Some(layer) => {
            format!("{name} is a {} and has no filters to climb; the convolutions are {list}", layer.class)
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

/// Number of filters of convolution `layer`.
pub fn filters(network: &Network, layer: usize) -> usize {
    match network.layers[layer].kind {
        Kind::Conv2d { co, .. } => co,
        _ => 0,
    }
}

/// Rows and columns of which the image's must be multiples, so that every pool divides what it gets.
pub fn size_multiple(network: &Network) -> Window {
    let axis = |pool: fn(&Kind) -> (usize, usize)| {
        // Each layer's scale as a fraction of the image: up / down.
        let mut scales: Vec<(usize, usize)> = vec![];
        let mut multiple = 1;
        for layer in &network.layers {
            let (up, down) = layer.inputs.first().map_or((1, 1), |&x| scales[x]);
            let (u, d) = pool(&layer.kind);
            let (up, down) = (up.saturating_mul(u), down.saturating_mul(d));
            let g = gcd(up, down);
            scales.push((up / g, down / g));
            multiple = (multiple / gcd(multiple, down / g)).saturating_mul(down / g);
        }
        multiple
    };
    Window {
        h: axis(|kind| match *kind {
            Kind::MaxPool { h, .. } => (1, h),
            Kind::Upsample { h, .. } => (h, 1),
            _ => (1, 1),
        }),
        w: axis(|kind| match *kind {
            Kind::MaxPool { w, .. } => (1, w),
            Kind::Upsample { w, .. } => (w, 1),
            _ => (1, 1),
        }),
    }
}

/// The shape of one image: of `size` (rows, columns) if given, else of the network's own size.
///
/// # Errors
/// If the pools do not divide the size; the message has the nearest sizes that work.
pub fn image_shape(network: &Network, size: Option<(usize, usize)>) -> Result<Shape> {
    let Kind::Input { h, w, c } = network.layers[0].kind else {
        return Err(Error::Usage(format!("{}: the first layer is no input", network.name)));
    };
    let multiple = size_multiple(network);
    let open = |m: usize| DEFAULT_SIDE.div_ceil(m) * m;
    let (h, w) = size.unwrap_or((h.unwrap_or(open(multiple.h)), w.unwrap_or(open(multiple.w))));
    if h == 0 || w == 0 || h % multiple.h != 0 || w % multiple.w != 0 {
        let below = (h / multiple.h * multiple.h, w / multiple.w * multiple.w);
        let up = |side: usize, m: usize| side.max(1).div_ceil(m).saturating_mul(m);
        let above = (up(h, multiple.h), up(w, multiple.w));
        let mut near = format!("{}x{}", above.0, above.1);
        if below.0 > 0 && below.1 > 0 && below != above {
            near = format!("{}x{} and {near}", below.0, below.1);
        }
        return Err(Error::Usage(format!(
            "an image of {h}x{w} pixels does not fit the network: its pools need rows in multiples of {} and columns in \
             multiples of {}; the nearest sizes that work: {near}",
            multiple.h, multiple.w
        )));
    }
    Ok(Shape::new(1, h, w, c))
}
