//! A network with channels gone, each replaced by a constant, exactly.
//!
//! What a channel that is the same number everywhere gives to the next convolution is no constant: where the kernel reaches over
//! the border, it meets zeros. So each layer that loses channels keeps one more that is 1 everywhere (its kernel is 0, its bias 1),
//! and the next convolution's kernel for it is the sum of `constant x kernel` over all that are gone. Pools, upsampling, norms and
//! activations are followed on the way: they make of a constant another constant.
//!
//! ```text
//! y = sum over kept c of W[c] * x[c]  +  (sum over gone c of constant[c] W[c]) * one
//! ```
//!
//! A layer whose channels are read by something through which constants cannot be followed is kept whole, and it is said why.

mod channels;

use super::{Activation, Convolution, Kind, Layer, Network, unet};
use crate::Result;
use crate::engine::ops::Kernel;
use channels::{Channel, Channels};
use std::collections::BTreeMap;
use std::sync::Arc;

/// For each layer the channels of its output that go, with what takes their place.
pub type Gone = BTreeMap<usize, Vec<(usize, f64)>>;

#[derive(Debug, Clone)]
pub struct Slim {
    pub network: Network,
    /// Layers that are kept whole, though channels of them should go, and why.
    pub kept: Vec<(usize, String)>,
}

/// What stands in the way: the layers whose channels are in it, and what it is.
type Obstacle = (Vec<usize>, String);

/// The network without these channels.
///
/// # Errors
/// If a kernel cannot be made.
pub fn slim(network: &Network, gone: &Gone) -> Result<Slim> {
    let mut gone: Gone = gone.iter().filter(|(_, gone)| !gone.is_empty()).map(|(&l, gone)| (l, gone.clone())).collect();
    let mut kept: Vec<(usize, String)> = vec![];
    let (graph, outcomes) = unet::survey(network, unet::image_shape(network, &[network.output], None)?)?;
    let counts: Vec<usize> = outcomes.iter().map(|o| o.value().map_or(0, |v| graph.shape(v.node).c)).collect();
    loop {
        match tried(network, &gone, &counts)? {
            Ok(network) => return Ok(Slim { network, kept }),
            Err((layers, why)) => {
                for layer in layers {
                    if gone.remove(&layer).is_some() {
                        kept.push((layer, why.clone()));
                    }
                }
            }
        }
    }
}

/// `counts`: the channels of each layer's output.
fn tried(network: &Network, gone: &Gone, counts: &[usize]) -> Result<Result<Network, Obstacle>> {
    let mut slim = network.clone();
    let mut all: Vec<Channels> = vec![];
    let turned = network.layers.iter().any(|layer| layer.channels_first == Some(true));
    for (i, layer) in network.layers.iter().enumerate() {
        let inputs: Vec<&Channels> = layer.inputs.iter().map(|&x| &all[x]).collect();
        let own = gone.get(&i).map_or(&[][..], |gone| &gone[..]);
        if turned && !own.is_empty() {
            return Ok(Err((vec![i], "the network has its channels first".to_string())));
        }
        if i == network.output && !own.is_empty() {
            return Ok(Err((vec![i], "it is the network's output".to_string())));
        }
        let whole = inputs.iter().all(|x| x.is_whole());
        let (kind, channels) = match of_layer(i, layer, &inputs, own)? {
            _ if own.is_empty() && whole => (layer.kind.clone(), Channels::all(counts[i])),
            Some(done) => done,
            None if own.is_empty() => {
                let Layer { name, class, .. } = layer;
                let from = inputs.iter().flat_map(|x| x.from.clone()).collect();
                return Ok(Err((from, format!("constants cannot be followed through {name} ({class})"))));
            }
            None => {
                let why = "no constant can stand for its channels: it has groups, or an activation of several channels";
                return Ok(Err((vec![i], why.to_string())));
            }
        };
        slim.layers[i].kind = kind;
        all.push(channels);
    }
    match all[network.output].is_whole() {
        true => Ok(Ok(slim)),
        false => Ok(Err((all[network.output].from.clone(), "nothing after it reads it".to_string()))),
    }
}

/// The layer with its inputs' channels gone and its own; `None` if that cannot be done.
fn of_layer(i: usize, layer: &Layer, inputs: &[&Channels], own: &[(usize, f64)]) -> Result<Option<(Kind, Channels)>> {
    let whole = inputs.iter().all(|x| x.is_whole());
    let same = |channels: Option<Channels>| Ok(channels.map(|channels| (layer.kind.clone(), channels)));
    match &layer.kind {
        Kind::Conv2d { conv, activation } if conv.groups == 1 => {
            let kernel = if whole { conv.kernel.clone() } else { with_inputs(&conv.kernel, inputs[0])? };
            let Some((kernel, bias, channels)) = with_outputs(i, &kernel, conv.bias.as_deref(), *activation, own)?
            else {
                return Ok(None);
            };
            let conv = Convolution { kernel, bias, ..conv.clone() };
            Ok(Some((Kind::Conv2d { conv, activation: *activation }, channels)))
        }
        // Its kernel is that of the convolution it is the transpose of: inputs and outputs have changed places.
        Kind::ConvTranspose { conv, output_padding, activation } if conv.groups == 1 => {
            let turned = transposed(&conv.kernel)?;
            let kernel = if whole { turned } else { with_inputs(&turned, inputs[0])? };
            let Some((kernel, bias, channels)) = with_outputs(i, &kernel, conv.bias.as_deref(), *activation, own)?
            else {
                return Ok(None);
            };
            let conv = Convolution { kernel: transposed(&kernel)?, bias, ..conv.clone() };
            let (output_padding, activation) = (*output_padding, *activation);
            Ok(Some((Kind::ConvTranspose { conv, output_padding, activation }, channels)))
        }
        _ if !own.is_empty() || whole => Ok(None),
        Kind::Dense { kernel, bias, activation } => {
            let kernel = with_inputs(kernel, inputs[0])?;
            let channels = Channels::all(kernel.co);
            Ok(Some((Kind::Dense { kernel, bias: bias.clone(), activation: *activation }, channels)))
        }
        Kind::BatchNorm { axis: -1 | 3, scale, shift } => {
            let channels = inputs[0].through(|c, v| Some(c.map_or(v, |c| scale[c] * v + shift[c])));
            let Some(channels) = channels else { return Ok(None) };
            let (scale, shift) = (channels.picked(scale, 1.0), channels.picked(shift, 0.0));
            Ok(Some((Kind::BatchNorm { axis: -1, scale, shift }, channels)))
        }
        Kind::Linear { scale, shift } => same(inputs[0].through(|_, v| Some(scale * v + shift))),
        Kind::Activation(activation) => same(inputs[0].through(|_, v| activation.of_number(v))),
        // Padding is not counted by any pool, so that a constant stays what it is.
        Kind::Identity | Kind::Pool { .. } | Kind::Upsample { .. } | Kind::Resize { .. } | Kind::Crop(_) => {
            same(Some(inputs[0].clone()))
        }
        Kind::Concat { axis: -1 | 3 } => same(Some(Channels::concat(inputs))),
        _ => Ok(None),
    }
}

/// A kernel that reads the slim network's channels.
fn with_inputs(kernel: &Kernel, x: &Channels) -> Result<Kernel> {
    let (taps, ci, co) = (kernel.kh * kernel.kw, kernel.ci, kernel.co);
    let old = kernel.values();
    let mut new = vec![0.0f64; taps * x.count * co];
    for tap in 0..taps {
        for (c, channel) in x.whole.iter().enumerate() {
            let from = &old[(tap * ci + c) * co..][..co];
            let (to, factor) = match *channel {
                Channel::Kept(to) => (to, 1.0),
                Channel::Constant(value) => (x.constant[0].0, value / x.constant[0].1),
            };
            let to = &mut new[(tap * x.count + to) * co..][..co];
            to.iter_mut().zip(from).for_each(|(to, &from)| *to += factor * f64::from(from));
        }
    }
    Kernel::new(kernel.kh, kernel.kw, x.count, co, new.into_iter().map(|v| v as f32).collect())
}

/// A kernel and bias without the outputs that are gone, and with one more that is constant.
#[allow(clippy::type_complexity)]
fn with_outputs(
    layer: usize,
    kernel: &Kernel,
    bias: Option<&[f32]>,
    activation: Activation,
    gone: &[(usize, f64)],
) -> Result<Option<(Kernel, Option<Arc<[f32]>>, Channels)>> {
    let co = kernel.co;
    if gone.is_empty() {
        return Ok(Some((kernel.clone(), bias.map(Into::into), Channels::all(co))));
    }
    let Some(one) = activation.of_number(1.0).filter(|one| *one != 0.0) else { return Ok(None) };
    let value = |c: usize| gone.iter().find(|(gone, _)| *gone == c).map(|(_, value)| *value);
    let left: Vec<usize> = (0..co).filter(|&c| value(c).is_none()).collect();
    let old = kernel.values();
    let row = |row: &[f32]| left.iter().map(|&c| row[c]).chain([0.0]).collect::<Vec<f32>>();
    let values = old.chunks_exact(co).flat_map(row).collect();
    let kernel = Kernel::new(kernel.kh, kernel.kw, kernel.ci, left.len() + 1, values)?;
    let bias = left.iter().map(|&c| bias.map_or(0.0, |bias| bias[c])).chain([1.0]).collect();
    let whole = (0..co).map(|c| match value(c) {
        Some(value) => Channel::Constant(value),
        None => Channel::Kept(left.iter().position(|&l| l == c).unwrap_or(0)),
    });
    let channels = Channels {
        whole: whole.collect(),
        count: left.len() + 1,
        constant: vec![(left.len(), one)],
        from: vec![layer],
    };
    Ok(Some((kernel, Some(bias), channels)))
}

/// Inputs and outputs of a kernel swapped.
fn transposed(kernel: &Kernel) -> Result<Kernel> {
    let (ci, co) = (kernel.ci, kernel.co);
    let old = kernel.values();
    let tap = |values: &[f32]| (0..co * ci).map(|i| values[(i % ci) * co + i / ci]).collect::<Vec<f32>>();
    Kernel::new(kernel.kh, kernel.kw, co, ci, old.chunks_exact(ci * co).flat_map(tap).collect())
}
