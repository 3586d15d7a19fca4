//! How a picture travels through the network: what each layer makes of it.

use crate::Result;
use crate::engine::exec::Executor;
use crate::engine::exec::memory::Memory;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::plan::Plan;
use crate::engine::tensor::{Shape, Tensor};
use crate::network::pad::Padded;
use crate::network::{Network, unet};
use crate::numbers::number;
use crate::picture::{Colormap, Figure, Panel, grid};
use std::sync::Arc;

/// Channels in a row of the overview, after the box with the layer's name.
const OVERVIEW: usize = 12;

/// What one layer makes of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Activation {
    /// Index into [`Network::layers`].
    pub layer: usize,
    pub name: String,
    /// The class as Keras names it.
    pub class: String,
    /// The shape of the layer's output.
    pub shape: Shape,
    /// For each channel its mean over the picture.
    pub means: Vec<f32>,
    /// The channels with the greatest means, the greatest first.
    pub strongest: Vec<Channel>,
}

/// A channel of a layer's output.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    pub number: usize,
    /// `[h, w]`
    pub map: Vec<f32>,
}

/// Runs `image` `[1, h, w, c]` through the network once and keeps of each of `layers` the `top` strongest channels. The
/// image is padded by reflection to a size that fits the network.
///
/// # Errors
/// If one of the layers cannot be computed, there is not enough memory, or the device fails.
pub fn compute(
    executor: &dyn Executor,
    network: &Network,
    image: &Tensor,
    layers: &[usize],
    top: usize,
) -> Result<Vec<Activation>> {
    let (h, w) = unet::fitting(network, layers, (image.shape.h, image.shape.w))?;
    let mut graph = Graph::new();
    let input = graph.input(unet::input_name(network), Shape { h, w, ..image.shape })?;
    let built = unet::graph_of(graph, input, network, layers, None)?;
    let nodes: Vec<NodeId> = layers.iter().filter_map(|&layer| built.layers[layer]).collect();
    let plan = Plan::compile(built.graph.clone(), &nodes, &[], &[]);
    let compiled = executor.compile(Arc::new(plan))?;
    let maps: usize = nodes.iter().map(|&n| built.graph.shape(n)).map(|s| s.h * s.w * s.c.min(top) * 4).sum();
    executor.limit().check(compiled.plan().image(), compiled.memory() + Memory::host(maps as u64))?;
    let mut program = compiled.load()?;
    program.write(built.image, &Padded::to_size(image, (h, w)).image)?;
    program.run(1)?;
    let activation = |(&layer, &node): (&usize, &NodeId)| {
        let values = program.read(node)?;
        let means = means(&values);
        let mut order: Vec<usize> = (0..means.len()).collect();
        // NaN is no strength; of equals the first comes first.
        let strength = |i: usize| if means[i].is_nan() { f32::NEG_INFINITY } else { means[i] };
        order.sort_by(|&a, &b| strength(b).total_cmp(&strength(a)));
        let map = |number| values.data.iter().skip(number).step_by(values.shape.c).copied().collect();
        let strongest = order.into_iter().take(top).map(|number| Channel { number, map: map(number) }).collect();
        let about = &network.layers[layer];
        let (name, class) = (about.name.clone(), about.class.clone());
        Ok(Activation { layer, name, class, shape: values.shape, means, strongest })
    };
    layers.iter().zip(&nodes).map(activation).collect()
}

/// Runs `image` `[1, h, w, c]` through the whole network: what went in, padded by reflection to a size that fits, and what came
/// out. Both are of the image's own size if the network keeps sizes.
///
/// # Errors
/// As [`compute`].
pub fn whole(executor: &dyn Executor, network: &Network, image: &Tensor) -> Result<(Tensor, Tensor)> {
    let size = unet::fitting(network, &[network.output], (image.shape.h, image.shape.w))?;
    let padded = Padded::to_size(image, size);
    let built = unet::graph_to(network, network.output, None, padded.image.shape)?;
    let compiled = executor.compile(Arc::new(Plan::compile(built.graph, &[built.output], &[], &[])))?;
    executor.limit().check(compiled.plan().image(), compiled.memory())?;
    let mut program = compiled.load()?;
    program.write(built.image, &padded.image)?;
    program.run(1)?;
    let output = program.read(built.output)?;
    Ok(match (output.shape.h, output.shape.w) == size {
        true => (image.clone(), padded.crop(&output)),
        false => (padded.image, output),
    })
}

/// The mean of each channel, summed in double precision.
fn means(values: &Tensor) -> Vec<f32> {
    let mut sums = vec![0.0; values.shape.c];
    for pixel in values.data.chunks_exact(values.shape.c) {
        sums.iter_mut().zip(pixel).for_each(|(sum, &v)| *sum += f64::from(v));
    }
    sums.iter().map(|sum| (sum / values.shape.pixels() as f64) as f32).collect()
}

/// What is written on the figures; numbers go between the parts.
pub struct Words {
    pub one: &'static str,
    pub all: [&'static str; 2],
    pub some: [&'static str; 3],
    pub overview: &'static str,
}

pub const ENGLISH: Words = Words {
    one: "its one channel",
    all: ["all ", " channels"],
    some: ["the ", " strongest of ", " channels"],
    overview: "From input to output: the strongest channels of each layer",
};

impl Activation {
    /// The panels of the `count` strongest channels, each with its number and mean.
    fn panels(&self, count: usize) -> impl Iterator<Item = Panel> {
        self.strongest.iter().take(count).map(|channel| {
            let map = Panel::map(self.shape.h, self.shape.w, channel.map.clone());
            map.label(channel.number.to_string()).note(number(self.means[channel.number].into(), 3))
        })
    }

    /// The grid of the strongest channels.
    pub fn figure(&self, colormap: Colormap) -> Figure {
        self.figure_in(colormap, &ENGLISH)
    }

    /// The same in other words.
    pub fn figure_in(&self, colormap: Colormap, words: &Words) -> Figure {
        let panels: Vec<Panel> = self.panels(usize::MAX).collect();
        let which = match (panels.len(), self.shape.c) {
            (1, 1) => words.one.to_string(),
            (n, all) if n == all => format!("{}{all}{}", words.all[0], words.all[1]),
            (n, all) => format!("{}{n}{}{all}{}", words.some[0], words.some[1], words.some[2]),
        };
        let title = format!("{} ({}, {}x{}): {which}", self.name, self.class, self.shape.h, self.shape.w);
        grid(&title, &panels, if panels.len() > 64 { 16 } else { 8 }, colormap)
    }
}

/// From input to output: a row per layer with its strongest channels.
pub fn overview(activations: &[Activation], colormap: Colormap) -> Figure {
    overview_in(activations, colormap, &ENGLISH)
}

/// The same in other words.
pub fn overview_in(activations: &[Activation], colormap: Colormap, words: &Words) -> Figure {
    let columns = activations.iter().map(|a| a.strongest.len()).max().unwrap_or(0).min(OVERVIEW);
    let mut panels = vec![];
    for a in activations {
        let Shape { h, w, c, .. } = a.shape;
        panels.push(Panel::blank(format!("{}\n{}\n{h}x{w}x{c}", in_lines(&a.name), in_lines(&a.class))));
        panels.extend(a.panels(columns));
        let used = panels.len() % (columns + 1);
        let empty = if used == 0 { 0 } else { columns + 1 - used };
        panels.extend(std::iter::repeat_n(Panel::map(0, 0, vec![]), empty));
    }
    grid(words.overview, &panels, columns + 1, colormap)
}

/// A name that would have to be set small in its box, on lines: max_, pooling2d_5; Batch, Normalization.
fn in_lines(name: &str) -> String {
    const LETTERS: usize = 13;
    let letters: Vec<char> = name.chars().collect();
    let may_end = |i: usize| {
        let (last, next) = (letters[i - 1], letters[i]);
        matches!(last, '_' | '/' | '-' | '.') || last.is_lowercase() && next.is_uppercase()
    };
    let (mut text, mut start) = (String::new(), 0);
    while letters.len() - start > LETTERS {
        let Some(end) = (start + 1..letters.len()).rev().find(|&i| i - start <= LETTERS && may_end(i)) else { break };
        text.extend(&letters[start..end]);
        text.push('\n');
        start = end;
    }
    text.extend(&letters[start..]);
    text
}
