//! A network as nodes of a graph: for each layer the ops that compute it.

mod activation;
mod conv;
mod merge;
mod norm;
mod shape;
mod value;

use super::{Kind, Layer, Network};
use crate::engine::graph::{Graph, NodeId};
use crate::engine::ops::{Conv2d, Kernel};
use crate::{Error, Result};
pub use value::Value;

/// Appends the ops of one layer.
struct Builder<'a> {
    graph: &'a mut Graph,
    /// The layer's: its last node is called so.
    name: &'a str,
    /// Numbers that the graph holds and the file does not: matrices, kernels of ones.
    held: &'a mut usize,
}

/// What became of a layer.
#[derive(Debug, Clone)]
pub enum Outcome {
    Built(Value),
    /// It is not supported, or does not fit the image.
    Failed(Error),
    /// It is computed from one that failed, or was not asked for.
    Missing,
}

impl Outcome {
    pub fn value(&self) -> Option<Value> {
        match self {
            Outcome::Built(value) => Some(*value),
            Outcome::Failed(_) | Outcome::Missing => None,
        }
    }
}

/// What the result of a layer is called before its activation.
pub fn before_activation(layer: &str) -> String {
    format!("{layer} before activation")
}

/// Appends the layers that are `wanted` to a graph that has the image already; goes on where one fails. With `own` the last
/// that is wanted gives for image `i` only its channel `own[i]`.
pub fn layers(
    graph: &mut Graph,
    image: NodeId,
    network: &Network,
    wanted: &[bool],
    own: Option<&[usize]>,
) -> Vec<Outcome> {
    let mut held = 0;
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(network.layers.len());
    let last = wanted.iter().rposition(|&wanted| wanted);
    for (i, layer) in network.layers.iter().enumerate() {
        let x: Option<Vec<Value>> = layer.inputs.iter().map(|&x| outcomes[x].value()).collect();
        outcomes.push(match x {
            Some(x) if wanted[i] => {
                let own = own.filter(|_| Some(i) == last);
                let builder = Builder { graph, name: &layer.name, held: &mut held };
                match append(builder, image, network, layer, x, own) {
                    Ok(value) => Outcome::Built(value),
                    Err(error) => Outcome::Failed(error),
                }
            }
            _ => Outcome::Missing,
        });
    }
    outcomes
}

fn append(
    mut builder: Builder,
    image: NodeId,
    network: &Network,
    layer: &Layer,
    mut x: Vec<Value>,
    own: Option<&[usize]>,
) -> Result<Value> {
    if let Kind::Refused { why } = &layer.kind {
        return Err(Error::file(&network.file, why));
    }
    let named = |error| match error {
        Error::Usage(why) => Error::Usage(format!("layer '{}' ({}): {why}", layer.name, layer.class)),
        error => error,
    };
    if let Some(first) = layer.channels_first {
        for x in &mut x {
            *x = builder.turned(*x, first).map_err(named)?;
        }
    }
    // Keras' flatten takes the first axis of a matrix for the channels, too.
    if matches!(layer.kind, Kind::Flatten) && layer.channels_first == Some(true) && x[0].rank == 2 {
        let node = builder.moved(&builder.part("turned"), x[0].node, [2, 1, 0]).map_err(named)?;
        x[0] = Value { node, ..x[0] };
    }
    let value = match (&layer.kind, own) {
        (Kind::Input { .. }, _) => {
            Ok(Value { node: image, rank: 3, channels_first: layer.channels_first == Some(true) })
        }
        (kind, None) => builder.kind(kind, &x),
        (kind, Some(own)) => builder.own_channels(kind, &x, own),
    };
    value.map_err(named)
}

impl Builder<'_> {
    fn kind(&mut self, kind: &Kind, x: &[Value]) -> Result<Value> {
        let (name, first) = (self.name, x[0]);
        match kind {
            Kind::Input { .. } | Kind::Refused { .. } => Err(Error::Usage("it computes nothing".to_string())),
            Kind::Identity => Ok(first),
            Kind::Conv2d { conv, activation } => self.conv2d(first, conv, None, *activation),
            Kind::ConvTranspose { conv, output_padding, activation } => {
                self.conv_transpose(first, conv, *output_padding, None, *activation)
            }
            Kind::Separable { depthwise, pointwise, activation } => {
                self.separable(first, depthwise, pointwise, None, *activation)
            }
            Kind::Dense { kernel, bias, activation } => self.dense(first, kernel, bias.clone(), *activation),

            Kind::BatchNorm { axis, scale, shift } => self.batch_norm(first, *axis, scale, shift),
            Kind::Linear { scale, shift } => self.with_node(first, |b, x| b.linear(name, x, *scale, *shift)),
            Kind::LayerNorm { axes, epsilon, gamma, beta } => {
                self.layer_norm(first, axes, *epsilon, gamma.as_ref(), beta.as_ref())
            }
            Kind::GroupNorm { groups, axis, epsilon, gamma, beta } => {
                self.group_norm(first, *groups, *axis, *epsilon, gamma.as_deref(), beta.as_deref())
            }
            Kind::UnitNorm { axes } => self.unit_norm(first, axes),

            Kind::Activation(activation) => self.activate(name, first, *activation),
            Kind::Softmax { axes } => self.softmax(name, first, axes),
            Kind::PRelu { alpha } => self.prelu(first, alpha),

            Kind::Pool { pool, window, stride, padding } => self.pool(first, *pool, *window, *stride, *padding),
            Kind::Upsample { h, w } => self.upsample(first, *h, *w),
            Kind::Resize { to, by } => self.resize(first, *to, *by),
            Kind::Reduce { by, axes, keep } => self.reduce(name, first, *by, axes, *keep),

            Kind::Crop(sides) => self.crop(first, *sides),
            Kind::Pad { sides, with } => self.pad(first, *sides, *with),
            Kind::Slice(parts) => self.slice(first, parts),
            Kind::Reshape(shape) => self.reshape(first, shape),
            Kind::Flatten => self.flatten(first),
            Kind::Permute(order) => self.permute(first, order),
            Kind::ExpandDims(axis) => self.expand_dims(first, *axis),
            Kind::Squeeze(axes) => self.squeeze(first, axes),
            Kind::DepthToSpace(block) => self.depth_to_space(first, *block),
            Kind::SpaceToDepth(block) => self.space_to_depth(first, *block),

            Kind::Repeat(times) => self.repeat(first, *times),
            Kind::Concat { axis } => self.concat(x, *axis),
            Kind::Merge(merge) => self.merge(x, *merge),
        }
    }

    /// Appends a layer of which image `i` sees channel `own[i]` alone. A convolution need not compute the others, unless its
    /// activation looks at them all.
    fn own_channels(&mut self, kind: &Kind, x: &[Value], own: &[usize]) -> Result<Value> {
        match kind {
            Kind::Conv2d { conv, activation } if !activation.sees_all_channels() => {
                self.conv2d(x[0], conv, Some(own), *activation)
            }
            Kind::ConvTranspose { conv, output_padding, activation } if !activation.sees_all_channels() => {
                self.conv_transpose(x[0], conv, *output_padding, Some(own), *activation)
            }
            Kind::Separable { depthwise, pointwise, activation } if !activation.sees_all_channels() => {
                self.separable(x[0], depthwise, pointwise, Some(own), *activation)
            }
            kind => {
                let whole = self.kind(kind, x)?;
                let c = self.graph.shape(whole.node).c;
                let channel = Conv2d::same(self.selection(c, &(0..c).collect::<Vec<_>>())?, None).own_channels(own);
                let node = self.graph.conv2d(&self.part("own channel"), whole.node, channel)?;
                Ok(Value { node, ..whole })
            }
        }
    }

    /// Counts numbers before they are made: no file, however small, makes more of them than this.
    fn hold(&mut self, numbers: usize) -> Result<()> {
        const MOST: usize = 1 << 27;
        *self.held = self.held.saturating_add(numbers);
        match *self.held <= MOST {
            true => Ok(()),
            false => {
                Err(Error::Memory(format!("{}: resizing and pooling need too much; take a smaller image", self.name)))
            }
        }
    }

    /// A kernel of 1x1 whose output `o` is input `channels[o]` of `c`.
    fn selection(&mut self, c: usize, channels: &[usize]) -> Result<Kernel> {
        self.hold(c.saturating_mul(channels.len()))?;
        let picked = |i: usize| if channels[i % channels.len()] == i / channels.len() { 1.0 } else { 0.0 };
        Kernel::new(1, 1, c, channels.len(), (0..c * channels.len()).map(picked).collect())
    }

    /// The name of a node on the way.
    fn part(&self, what: &str) -> String {
        format!("{} {what}", self.name)
    }

    /// The same value, its node another.
    fn with_node(&mut self, x: Value, node: impl FnOnce(&mut Self, NodeId) -> Result<NodeId>) -> Result<Value> {
        let node = node(self, x.node)?;
        Ok(Value { node, ..x })
    }

    /// `scale x + shift`
    fn linear(&mut self, name: &str, x: NodeId, scale: f64, shift: f64) -> Result<NodeId> {
        let c = self.graph.shape(x).c;
        match shift == 0.0 && f64::from(scale as f32) == scale {
            true => self.graph.scale(name, x, scale as f32),
            false => self.graph.batch_norm(name, x, vec![scale; c].into(), vec![shift; c].into()),
        }
    }
}
