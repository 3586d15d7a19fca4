//! Which filter is explained if none is named: one with something to see. And what other filters do with the same image.

use crate::Result;
use crate::engine::exec::Executor;
use crate::engine::plan::Plan;
use crate::engine::tensor::{Shape, Tensor};
use crate::lens::ascent::{self, Objective, Recipe};
use crate::lesson::explain::zeros;
use crate::network::{Network, unet};
use std::sync::Arc;

/// The largest share of zeros in a map with something to see.
const MOST_ZEROS: f64 = 0.5;

/// A border that lights up: its share of the whole answer is so many times its share of the pixels.
const BRIGHT: f64 = 3.0;

/// The filter to explain.
#[derive(Debug, Clone)]
pub struct Choice {
    pub filter: usize,
    /// The image that it starts from.
    pub image: Tensor,
    /// The share of zeros in its map of filter 0's image, and in that of filter 0.
    pub zeros: f64,
    pub first_zeros: f64,
}

impl Choice {
    /// Whether it is the first with something to see, behind others without.
    pub fn passed_over_others(&self) -> bool {
        self.filter != 0 && self.zeros <= MOST_ZEROS
    }
}

/// The layer that is explained if none is named, and if the network has it.
const LAYER: &str = "uconv128";

/// The layer to look at if none is named; `None` if there is no convolution.
pub fn default_layer(network: &Network) -> Option<usize> {
    let all = unet::convolutions(network);
    let known = all.iter().copied().find(|&layer| network.layers[layer].name == LAYER);
    let several = all.iter().copied().rfind(|&layer| unet::filters(network, layer) > 1);
    known.or(several).or(all.last().copied())
}

/// The first filter of convolution `layer` that answers on at least half of the image and has a gradient at its start (an
/// image made by `start` for the filter's number); if there is none, that with the fewest zeros.
///
/// # Errors
/// If the images do not fit the network or the memory, or the device fails.
pub fn choose(
    executor: &dyn Executor,
    network: &Network,
    layer: usize,
    start: impl Fn(usize) -> Tensor,
) -> Result<Choice> {
    let all = layer_maps(executor, network, layer, &start(0))?;
    let zeros: Vec<f64> = (0..all.shape.c).map(|filter| zeros(&channel(&all, filter).data)).collect();
    let mut order: Vec<usize> = (0..zeros.len()).collect();
    // Those with something to see as they come, then the others, the fewest zeros first.
    order.sort_by(|&a, &b| zeros[a].max(MOST_ZEROS).total_cmp(&zeros[b].max(MOST_ZEROS)));
    let (filter, image) = ascent::first_alive_of(executor, network, layer, order, start)?;
    Ok(Choice { filter, image, zeros: zeros[filter], first_zeros: zeros[0] })
}

/// A filter beside the one that is explained, and its answer to the same image.
#[derive(Debug, Clone)]
pub struct Other {
    pub layer: String,
    pub filter: usize,
    /// `[1, h, w, 1]`
    pub map: Tensor,
    /// The share of its answer, by magnitude, that stands in the outermost ring of pixels, and the ring's share of the pixels.
    pub border: f64,
    pub ring: f64,
    /// The mean magnitude of its answer in the ring.
    pub brightness: f64,
}

/// What is worth looking at besides the filter that is explained.
#[derive(Debug, Clone)]
pub struct Others {
    /// The explained filter's own map.
    pub own: Other,
    /// A filter without any answer, whose gradient was computed and is zero everywhere; of the layer, or of another.
    pub dead: Option<(Other, Tensor)>,
    /// Of the filters of the layer whose answer stands mostly in the border the one that is brightest there, if there is one.
    pub border: Option<Other>,
}

/// The filters of convolution `layer`, besides `filter`, that show what there is to know of silence and of borders.
///
/// # Errors
/// As [`choose`].
pub fn others(
    executor: &dyn Executor,
    network: &Network,
    (layer, filter): (usize, usize),
    image: &Tensor,
) -> Result<Others> {
    let all = layer_maps(executor, network, layer, image)?;
    let own = other(network, layer, &all, filter);
    let rest = (0..all.shape.c).filter(|&f| f != filter).map(|f| other(network, layer, &all, f));
    let bright =
        rest.filter(|other| other.border > BRIGHT * other.ring).max_by(|a, b| a.brightness.total_cmp(&b.brightness));
    let mut dead = silent(executor, network, layer, &all, image)?;
    for other in unet::convolutions(network).into_iter().rev().filter(|&other| other != layer) {
        if dead.is_some() {
            break;
        }
        // Layers that are refused or do not fit this image are passed over: any dead filter will do.
        let Ok(all) = layer_maps(executor, network, other, image) else { continue };
        dead = silent(executor, network, other, &all, image).unwrap_or(None);
    }
    Ok(Others { own, dead, border: bright })
}

/// The layer's whole answer to `image`.
fn layer_maps(executor: &dyn Executor, network: &Network, layer: usize, image: &Tensor) -> Result<Tensor> {
    let built = unet::graph_to(network, layer, None, image.shape)?;
    let mut program = executor.prepare(Arc::new(Plan::compile(built.graph, &[built.output], &[], &[])))?;
    program.write(built.image, image)?;
    program.run(1)?;
    program.read(built.output)
}

/// The first filter that answers nowhere, with its gradient.
fn silent(
    executor: &dyn Executor,
    network: &Network,
    layer: usize,
    all: &Tensor,
    image: &Tensor,
) -> Result<Option<(Other, Tensor)>> {
    let is_silent = |&filter: &usize| channel(all, filter).data.iter().all(|&v| v == 0.0);
    let Some(filter) = (0..all.shape.c).find(is_silent) else { return Ok(None) };
    let objective = Objective::new(network, layer, &[filter], image.shape, &Recipe::default(), true)?;
    let mut program = executor.prepare(objective.plan.clone())?;
    program.write(objective.image, image)?;
    objective.run(&mut *program, 1)?;
    let gradient = program.read(objective.gradient)?;
    let is_dead = gradient.data.iter().all(|&g| g == 0.0);
    Ok(is_dead.then(|| (other(network, layer, all, filter), gradient)))
}

fn other(network: &Network, layer: usize, all: &Tensor, filter: usize) -> Other {
    let map = channel(all, filter);
    let Shape { h, w, .. } = map.shape;
    let in_ring = |at: usize| [0, h - 1].contains(&(at / w)) || [0, w - 1].contains(&(at % w));
    let sum = |wanted: &dyn Fn(usize) -> bool| {
        map.data.iter().enumerate().filter(|(at, _)| wanted(*at)).map(|(_, v)| f64::from(v.abs())).sum::<f64>()
    };
    let whole = sum(&|_| true);
    let (in_border, count) = (sum(&in_ring), (0..h * w).filter(|&at| in_ring(at)).count() as f64);
    let border = if whole > 0.0 { in_border / whole } else { 0.0 };
    let (ring, brightness) = (count / (h * w) as f64, in_border / count);
    Other { layer: network.layers[layer].name.clone(), filter, map, border, ring, brightness }
}

fn channel(all: &Tensor, c: usize) -> Tensor {
    let shape = Shape { c: 1, ..all.shape };
    Tensor::new(shape, all.data.iter().skip(c).step_by(all.shape.c).copied().collect())
}
