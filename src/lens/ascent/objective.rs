//! The ascent as a graph: what is climbed, its gradient, the step.

use super::{EPSILON, Goal, Optimizer, Parameter, Recipe, fourier};
use crate::engine::autodiff;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::ops::Op;
use crate::engine::plan::Plan;
use crate::engine::random::stream;
use crate::engine::tensor::{Shape, Tensor};
use crate::network::{Network, unet};
use crate::{Error, Result};
use rand::RngExt;
use std::sync::Arc;

/// Adam's own: how slowly the running means of the gradient and of its square forget, and what keeps its division finite.
const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const ADAM_EPSILON: f64 = 1e-8;

/// So many shifts are drawn for a longer climb; then they begin again.
const MOST_SHIFTS: usize = 1024;

/// The ascent as a plan: one run is one step.
#[derive(Debug, Clone)]
pub struct Objective {
    pub plan: Arc<Plan>,
    /// What is climbed: the image, or for [`Parameter::Fourier`] its coefficients.
    pub image: NodeId,
    /// After a run: the picture after the step, `[n, h, w, c]`.
    pub picture: NodeId,
    /// `[n, 1, 1, 1]`: the goal, before its sign and without regularisers: by default the mean of each image's own filter.
    pub loss: NodeId,
    /// Of everything that is climbed, with respect to `image`.
    pub gradient: NodeId,
    /// Of the goal, with respect to every node on the way.
    pub gradients: autodiff::Gradients,
    /// What to write before the first run, besides the image.
    pub fixed: Vec<(NodeId, Tensor)>,
    /// The shifts of the steps to come, if there are any: `[n, k, 2, 1]`.
    pub shifts: Option<NodeId>,
}

impl Objective {
    /// One step of the climb of `filters` of convolution `layer`, an image for each. With `keep_gradient` the gradient can
    /// be read after a run.
    ///
    /// # Errors
    /// If the image's shape does not fit the network, or the neuron that is asked for lies outside of the layer's map.
    pub fn new(
        network: &Network,
        layer: usize,
        filters: &[usize],
        image: Shape,
        recipe: &Recipe,
        keep_gradient: bool,
    ) -> Result<Objective> {
        let shape = image.with_n(filters.len());
        let one_each = Shape::new(shape.n, 1, 1, 1);
        let mut fixed = vec![];
        let mut graph = Graph::new();
        let image = graph.input(unet::input_name(network), shape)?;

        // From what is climbed to what the network sees.
        let energy = match recipe.parameter {
            Parameter::Pixel => None,
            Parameter::Fourier => {
                let energy = graph.input("energy", shape)?;
                fixed.push((energy, fourier::energy(shape)));
                Some(energy)
            }
        };
        let pixels = match energy {
            None => image,
            Some(energy) => fourier::picture(&mut graph, "picture", image, energy)?,
        };
        let shifts = (recipe.jitter > 0).then(|| draw_shifts(recipe, &network.layers[layer].name, filters));
        let shifts = match shifts {
            None => None,
            Some(drawn) => {
                let shifts = graph.input("shifts", drawn.shape)?;
                fixed.push((shifts, drawn));
                Some(shifts)
            }
        };
        let seen = match shifts {
            None => pixels,
            Some(shifts) => graph.roll("moved image", pixels, shifts)?,
        };

        // The goal, and its gradient.
        let built = unet::graph_on(graph, seen, network, layer, Some(filters))?;
        let mut graph = built.graph;
        let output = match graph[built.output].op {
            Op::Relu if recipe.before_relu => graph[built.output].inputs[0],
            _ => built.output,
        };
        let mut values = match recipe.goal {
            Goal::Mean => output,
            Goal::Square => graph.mul("squares", output, output)?,
        };
        if let Some((r, c)) = recipe.neuron {
            let map = graph.shape(output);
            recipe.check_neuron(&network.layers[layer].name, (map.h, map.w))?;
            let mask = graph.input("mask", map)?;
            values = graph.mul("neuron", values, mask)?;
            // The mean of the masked map is the one value.
            let mut one = vec![0.0; map.image_len()];
            one[map.at(0, r, c, 0)] = (map.h * map.w) as f32;
            fixed.push((mask, Tensor::new(map, one.repeat(map.n))));
        }
        let loss = graph.mean("loss", values)?;
        let climbed = if recipe.negative { graph.scale("- loss", loss, -1.0)? } else { loss };
        let gradients = autodiff::gradient(&mut graph, climbed, image)?;
        let own_gradient = gradients.of_wrt();
        let rms = graph.rms("rms", own_gradient)?;
        let (gradient, whole_rms) = match penalty(&mut graph, pixels, recipe)? {
            None => (own_gradient, rms),
            Some(penalty) => {
                let other = autodiff::gradient(&mut graph, penalty, image)?.of_wrt();
                let gradient = graph.add("gradient", own_gradient, other)?;
                (gradient, graph.rms("rms with regularisers", gradient)?)
            }
        };

        // The step.
        let mut state = vec![];
        let direction = match recipe.optimizer {
            Optimizer::Ascent => graph.normalise("direction", gradient, whole_rms, EPSILON)?,
            Optimizer::Adam => {
                let square = graph.mul("gradient squared", gradient, gradient)?;
                let one = graph.fill("one", one_each, 1.0)?;
                let mut running = |name: &str, of: NodeId, beta: f32| {
                    let shape = graph.shape(of);
                    let mean = graph.input(name, shape)?;
                    fixed.push((mean, Tensor::zeros(shape)));
                    let (old, new) = (graph.scale(name, mean, beta)?, graph.scale(name, of, 1.0 - beta)?);
                    let next = graph.add(&format!("next {name}"), old, new)?;
                    state.push((mean, next));
                    Ok::<NodeId, Error>(next)
                };
                let moments = [
                    running("m", gradient, BETA_1)?,
                    running("v", square, BETA_2)?,
                    running("cm", one, BETA_1)?,
                    running("cv", one, BETA_2)?,
                ];
                graph.adam("direction", moments, ADAM_EPSILON)?
            }
        };
        let next = graph.step("next image", image, direction, recipe.rate)?;
        state.push((image, next));
        let picture = match energy {
            None => image,
            Some(energy) => fourier::picture(&mut graph, "next picture", next, energy)?,
        };
        if let Some(shifts) = shifts {
            // Up by one, so that the next shift lies on top.
            let up = graph.input("up", Shape::new(shape.n, 1, 2, 1))?;
            fixed.push((up, Tensor::new(graph.shape(up), [-1.0, 0.0].repeat(shape.n))));
            let next = graph.roll("next shifts", shifts, up)?;
            state.push((shifts, next));
        }
        let mut keep = vec![image];
        if picture != image {
            keep.push(picture);
        }
        if keep_gradient {
            keep.push(gradient);
        }
        let plan = Plan::compile(graph, &keep, &[loss, rms], &state);
        Ok(Objective { plan: Arc::new(plan), image, picture, loss, gradient, gradients, fixed, shifts })
    }
}

/// What is added to the goal: the regularisers' weighted sum, negative. `None`, if there are none.
fn penalty(graph: &mut Graph, pixels: NodeId, recipe: &Recipe) -> Result<Option<NodeId>> {
    let mut terms = vec![];
    if recipe.tv != 0.0 {
        let tv = graph.total_variation("total variation", pixels)?;
        terms.push(graph.scale("- total variation", tv, -recipe.tv)?);
    }
    if recipe.l2 != 0.0 {
        let squares = graph.mul("squared pixels", pixels, pixels)?;
        let mean = graph.mean("l2", squares)?;
        terms.push(graph.scale("- l2", mean, -recipe.l2)?);
    }
    match terms[..] {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        [a, b, ..] => graph.add("regularisers", a, b).map(Some),
    }
}

/// For every step and filter how far down and to the right, each from -jitter to jitter: `[n, k, 2, 1]`. They depend on the
/// seed, the layer's name and the filter's number alone.
fn draw_shifts(recipe: &Recipe, layer: &str, filters: &[usize]) -> Tensor {
    let most = recipe.jitter as i32;
    let steps = recipe.steps.clamp(1, MOST_SHIFTS);
    let mut data = vec![];
    for &filter in filters {
        let mut rng = stream(recipe.seed, &format!("shifts {layer}"), filter as u64);
        data.extend((0..2 * steps).map(|_| rng.random_range(-most..=most) as f32));
    }
    Tensor::new(Shape::new(filters.len(), steps, 2, 1), data)
}
