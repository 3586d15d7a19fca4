//! The ascent as a graph: what is climbed, its gradient, the step.

use super::{EPSILON, Goal, Optimizer, Parameter, Recipe, fourier};
use crate::Result;
use crate::engine::autodiff;
use crate::engine::exec::Program;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::ops::Op;
use crate::engine::plan::Plan;
use crate::engine::random::stream;
use crate::engine::tensor::{Shape, Tensor};
use crate::network::{Network, unet};
use rand::RngExt;
use std::sync::Arc;

/// Adam's own: how slowly the running means of the gradient and of its square forget, and what keeps its division finite.
pub(crate) const BETA_1: f32 = 0.9;
pub(crate) const BETA_2: f32 = 0.999;
pub(crate) const ADAM_EPSILON: f64 = 1e-8;

/// The most shifts that are drawn: a longer climb begins again with the first.
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
    /// The gradient of everything that is climbed, with respect to `image`.
    pub gradient: NodeId,
    /// The gradients of the goal, with respect to every node on the way.
    pub gradients: autodiff::Gradients,
    /// What to write before the first run, besides the image.
    pub fixed: Vec<(NodeId, Fixed)>,
    /// The shifts of the steps to come, if there are any: `[n, k, 2, 1]`.
    pub shifts: Option<NodeId>,
}

/// Values of an input that are known beforehand. They are made when they are written: before, nobody has counted them.
#[derive(Debug, Clone)]
pub enum Fixed {
    /// How strong each wave is.
    Energy(Shape),
    Zeros(Shape),
    /// So much at one place of each image's map, else 0.
    Mask {
        map: Shape,
        row: usize,
        column: usize,
    },
    Given(Tensor),
}

impl Fixed {
    pub fn values(&self) -> Tensor {
        match self {
            &Fixed::Energy(shape) => fourier::energy(shape),
            &Fixed::Zeros(shape) => Tensor::zeros(shape),
            &Fixed::Mask { map, row, column } => {
                let mut mask = Tensor::zeros(map);
                // The mean of the masked map is the one value.
                (0..map.n).for_each(|n| mask.data[map.at(n, row, column, 0)] = (map.h * map.w) as f32);
                mask
            }
            Fixed::Given(values) => values.clone(),
        }
    }

    fn shape(&self) -> Shape {
        match self {
            &Fixed::Energy(shape) | &Fixed::Zeros(shape) | &Fixed::Mask { map: shape, .. } => shape,
            Fixed::Given(values) => values.shape,
        }
    }
}

/// What one step of a climb reports, a number for each image.
#[derive(Debug, Clone, PartialEq)]
pub struct StepTrace {
    /// The goal before the step.
    pub loss: Vec<f32>,
    /// The RMS of the goal's gradient.
    pub rms: Vec<f32>,
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
        let mut graph = Graph::new();
        let image = graph.input(unet::input_name(network), image.with_n(filters.len()))?;
        let mut builder = Builder { graph, recipe, fixed: vec![], state: vec![], energy: None, shifts: None };
        let (pixels, seen) = builder.seen(image, &network.layers[layer].name, filters)?;
        let loss = builder.goal(network, layer, filters, seen)?;
        let climbed = if recipe.negative { builder.graph.scale("- loss", loss, -1.0)? } else { loss };
        let gradients = autodiff::gradient(&mut builder.graph, climbed, image)?;
        let rms = builder.graph.rms("rms", gradients.of_wrt())?;
        let (gradient, whole_rms) = builder.with_penalty(pixels, image, gradients.of_wrt(), rms)?;
        let next = builder.step(image, gradient, whole_rms)?;
        let picture = builder.picture_of(image, next)?;
        builder.next_shifts()?;
        let mut keep = vec![image];
        if picture != image {
            keep.push(picture);
        }
        if keep_gradient {
            keep.push(gradient);
        }
        let Builder { graph, fixed, state, shifts, .. } = builder;
        let plan = Plan::compile(graph, &keep, &[loss, rms], &state);
        Ok(Objective { plan: Arc::new(plan), image, picture, loss, gradient, gradients, fixed, shifts })
    }

    /// Takes `count` steps; a report for each.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn run(&self, program: &mut dyn Program, count: usize) -> Result<Vec<StepTrace>> {
        let traced = |traced: Vec<Vec<f32>>| {
            let [loss, rms] = traced.try_into().expect("the plan traces the loss and the RMS");
            StepTrace { loss, rms }
        };
        Ok(program.run(count)?.into_iter().map(traced).collect())
    }
}

/// Puts the graph of a step together.
struct Builder<'r> {
    graph: Graph,
    recipe: &'r Recipe,
    /// What to write before the first run.
    fixed: Vec<(NodeId, Fixed)>,
    /// What moves after every run.
    state: Vec<(NodeId, NodeId)>,
    /// The input that says how strong each wave is, where waves are climbed.
    energy: Option<NodeId>,
    shifts: Option<NodeId>,
}

impl Builder<'_> {
    /// An input whose values are known beforehand.
    fn fixed(&mut self, name: &str, values: Fixed) -> Result<NodeId> {
        let input = self.graph.input(name, values.shape())?;
        self.fixed.push((input, values));
        Ok(input)
    }

    /// From what is climbed to the picture, and to what the network sees of it.
    fn seen(&mut self, image: NodeId, layer: &str, filters: &[usize]) -> Result<(NodeId, NodeId)> {
        let pixels = match self.recipe.parameter {
            Parameter::Pixel => image,
            Parameter::Fourier => {
                let energy = self.fixed("energy", Fixed::Energy(self.graph.shape(image)))?;
                self.energy = Some(energy);
                fourier::picture(&mut self.graph, "picture", image, energy)?
            }
        };
        if self.recipe.jitter == 0 {
            return Ok((pixels, pixels));
        }
        let shifts = self.fixed("shifts", Fixed::Given(draw_shifts(self.recipe, layer, filters)))?;
        self.shifts = Some(shifts);
        Ok((pixels, self.graph.roll("moved image", pixels, shifts)?))
    }

    /// The goal, before its sign and without regularisers.
    fn goal(&mut self, network: &Network, layer: usize, filters: &[usize], seen: NodeId) -> Result<NodeId> {
        let recipe = self.recipe;
        let built = unet::graph_on(std::mem::take(&mut self.graph), seen, network, layer, Some(filters))?;
        self.graph = built.graph;
        let output = match self.graph[built.output].op {
            Op::Relu if recipe.before_relu => self.graph[built.output].inputs[0],
            _ => built.output,
        };
        let mut values = match recipe.goal {
            Goal::Mean => output,
            Goal::Square => self.graph.mul("squares", output, output)?,
        };
        if let Some((r, c)) = recipe.neuron {
            let map = self.graph.shape(output);
            recipe.check_neuron(&network.layers[layer].name, (map.h, map.w))?;
            let mask = self.fixed("mask", Fixed::Mask { map, row: r, column: c })?;
            values = self.graph.mul("neuron", values, mask)?;
        }
        self.graph.mean("loss", values)
    }

    /// The gradient with the regularisers' added, and its RMS.
    fn with_penalty(&mut self, pixels: NodeId, image: NodeId, own: NodeId, rms: NodeId) -> Result<(NodeId, NodeId)> {
        let Some(penalty) = penalty(&mut self.graph, pixels, self.recipe)? else { return Ok((own, rms)) };
        let other = autodiff::gradient(&mut self.graph, penalty, image)?.of_wrt();
        let gradient = self.graph.add("gradient", own, other)?;
        Ok((gradient, self.graph.rms("rms with regularisers", gradient)?))
    }

    /// What is climbed, one step on.
    fn step(&mut self, image: NodeId, gradient: NodeId, rms: NodeId) -> Result<NodeId> {
        let direction = match self.recipe.optimizer {
            Optimizer::Ascent => self.graph.normalise("direction", gradient, rms, EPSILON)?,
            Optimizer::Adam => {
                let square = self.graph.mul("gradient squared", gradient, gradient)?;
                let n = self.graph.shape(image).n;
                let one = self.graph.fill("one", Shape::new(n, 1, 1, 1), 1.0)?;
                let moments = [
                    self.running_mean("m", gradient, BETA_1)?,
                    self.running_mean("v", square, BETA_2)?,
                    self.running_mean("cm", one, BETA_1)?,
                    self.running_mean("cv", one, BETA_2)?,
                ];
                self.graph.adam("direction", moments, ADAM_EPSILON)?
            }
        };
        let next = self.graph.step("next image", image, direction, self.recipe.rate)?;
        self.state.push((image, next));
        Ok(next)
    }

    /// `beta * mean + (1 - beta) * of`, which is the mean of the next step.
    fn running_mean(&mut self, name: &str, of: NodeId, beta: f32) -> Result<NodeId> {
        let mean = self.fixed(name, Fixed::Zeros(self.graph.shape(of)))?;
        let (old, new) = (self.graph.scale(name, mean, beta)?, self.graph.scale(name, of, 1.0 - beta)?);
        let next = self.graph.add(&format!("next {name}"), old, new)?;
        self.state.push((mean, next));
        Ok(next)
    }

    /// The picture after the step.
    fn picture_of(&mut self, image: NodeId, next: NodeId) -> Result<NodeId> {
        match self.energy {
            None => Ok(image),
            Some(energy) => fourier::picture(&mut self.graph, "next picture", next, energy),
        }
    }

    /// Moves the shifts up by one, so that the next one lies on top.
    fn next_shifts(&mut self) -> Result<()> {
        let Some(shifts) = self.shifts else { return Ok(()) };
        let n = self.graph.shape(shifts).n;
        let up = self.fixed("up", Fixed::Given(Tensor::new(Shape::new(n, 1, 2, 1), [-1.0, 0.0].repeat(n))))?;
        let next = self.graph.roll("next shifts", shifts, up)?;
        self.state.push((shifts, next));
        Ok(())
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
