//! A gradient check: does backprop agree with what happens to the loss when the image is moved a little?
//!
//! Along a direction `v` of length 1 the gradient promises that the loss grows by `gradient . v` per unit of way. Central
//! differences measure it: `(loss(image + h v) - loss(image - h v)) / 2h`. The gradient comes from the executor under test;
//! the differences are always taken on the reference, in f64: in f32 the difference of two nearly equal losses would
//! be mostly rounding.
//!
//! Where a ReLU switches, another function with a corner turns it, or another entry wins a max pool between the two points,
//! the loss has a kink, and there is no one slope to agree on. Such points are recognised by comparing the signs and winners on both sides, and with those
//! that the executor under test had at the image itself: in f32 rounding alone can carry a value across a kink.

use crate::engine::exec::Executor;
use crate::engine::exec::memory::Memory;
use crate::engine::exec::reference::evaluate;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::ops::{Op, max_pool};
use crate::engine::plan::Plan;
use crate::engine::random;
use crate::engine::tensor::{Tensor, Tensor64};
use crate::lens::ascent::{Objective, Recipe};
use crate::network::Network;
use crate::{Error, Result};
use rand::RngExt;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// Half the way between the two points, in units of the image's values. Small, so that few kinks lie between; in f64 the
/// difference still has some ten digits.
const STEP: f64 = 1e-5;

/// How closely f32 must agree, and how closely f64.
pub const TOLERANCE_F32: f64 = 1e-3;
pub const TOLERANCE_F64: f64 = 1e-6;

/// Where the image is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// One value of the image.
    Pixel { row: usize, column: usize, channel: usize },
    /// All values at once, each by a random amount; the number tells the directions apart.
    Random(usize),
}

impl std::fmt::Display for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.pad(&match self {
            Direction::Pixel { row, column, channel: 0 } => format!("pixel {row},{column}"),
            Direction::Pixel { row, column, channel } => format!("pixel {row},{column}, channel {channel}"),
            Direction::Random(number) => format!("direction {number}"),
        })
    }
}

fn by_name<S: Serializer>(direction: &Direction, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(direction)
}

/// A relu, a function with corners or a max pool of which some places took another branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kink {
    /// The node's name.
    pub node: String,
    /// As "relu" or "max_pool".
    pub op: &'static str,
    /// How many signs or winners differ.
    pub count: usize,
}

/// What was found along one direction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    #[serde(serialize_with = "by_name")]
    pub direction: Direction,
    /// `gradient . v`, from the executor under test.
    pub backprop: f64,
    /// The central difference, from the reference.
    pub difference: f64,
    /// Their difference, relative to the larger of them and of the RMS of the gradient (which is what a direction of
    /// length 1 gives on average).
    pub error: f64,
    /// Empty where the loss is smooth between the two points.
    pub kinks: Vec<Kink>,
}

/// A layer's check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    pub layer: String,
    pub filter: usize,
    /// The ops from the image to the loss.
    pub ops: Vec<&'static str>,
    /// The gradient is zero everywhere: there is nothing to compare.
    pub dead: bool,
    pub points: Vec<Point>,
    pub tolerance: f64,
}

impl Check {
    /// The points with no kink between their two sides, which the verdict is about.
    pub fn judged(&self) -> impl Iterator<Item = &Point> {
        self.points.iter().filter(|point| point.kinks.is_empty())
    }

    /// The largest error of all judged points, NaN if there is one.
    pub fn worst(&self) -> f64 {
        self.judged().map(|point| point.error).fold(0.0, |worst, e| if e > worst || e.is_nan() { e } else { worst })
    }

    /// Every judged point agrees, and there are some.
    pub fn agrees(&self) -> bool {
        self.judged().next().is_some() && self.judged().all(|point| point.error <= self.tolerance)
    }
}

/// Checks the gradient of filter `filter` of convolution `layer` at `image` along `points` directions: every other one a
/// single pixel, the rest random. `progress` hears how many points are done.
///
/// # Errors
/// If the image does not fit the network or the memory, or the device fails.
pub fn check(
    executor: &dyn Executor,
    network: &Network,
    (layer, filter): (usize, usize),
    image: &Tensor,
    (points, seed): (usize, u64),
    tolerance: f64,
    progress: &mut dyn FnMut(usize),
) -> Result<Check> {
    let name = &network.layers[layer].name;
    let objective = Objective::new(network, layer, &[filter], image.shape, &Recipe::default(), true)?;
    let checker = Checker::new(executor, &objective, image)?;
    let mut found = vec![];
    for number in 0..points {
        let mut rng = random::stream(seed, &format!("check {name}"), number as u64);
        let (direction, v) = if number % 2 == 0 {
            let i = rng.random_range(0..image.data.len());
            let place = i / image.shape.c;
            let direction = Direction::Pixel {
                row: place / image.shape.w,
                column: place % image.shape.w,
                channel: i % image.shape.c,
            };
            (direction, pixel(image, i))
        } else {
            (Direction::Random(number / 2), random_direction(&mut rng, image))
        };
        found.push(checker.point(direction, &v));
        progress(number + 1);
    }
    let graph = &objective.plan.graph;
    let ops = graph.nodes().take_while(|(id, _)| *id <= objective.loss).map(|(_, node)| node.op.name()).collect();
    let dead = checker.gradient.iter().all(|&g| g == 0.0);
    Ok(Check { layer: name.clone(), filter, ops, dead, points: found, tolerance })
}

/// The direction that moves value `i` alone.
pub fn pixel(image: &Tensor, i: usize) -> Vec<f64> {
    let mut v = vec![0.0; image.data.len()];
    v[i] = 1.0;
    v
}

/// All values at once, of length 1.
fn random_direction(rng: &mut impl rand::Rng, image: &Tensor) -> Vec<f64> {
    let mut v: Vec<f64> = (0..image.data.len()).map(|_| rng.random::<f64>() * 2.0 - 1.0).collect();
    let length = v.iter().map(|v| v * v).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    v.iter_mut().for_each(|v| *v /= length);
    v
}

/// Of each relu the signs, of each function with corners the pieces, of each max pool the winners: which branch every value
/// took.
type Branches = Vec<Vec<usize>>;

/// The forward pass on one image.
struct Pass {
    /// What the loss is the mean of.
    output: Tensor64,
    /// Before the relu, the function or the pool, for each node of `Checker::kinked`.
    before: Vec<Tensor64>,
    branches: Branches,
}

/// Compares one gradient with the differences in many directions.
pub struct Checker<'a> {
    graph: &'a Graph,
    image: NodeId,
    /// The mean of this is the loss.
    output: NodeId,
    /// The forward relus, functions with corners and max pools.
    kinked: Vec<NodeId>,
    at: Tensor64,
    /// Of the executor under test.
    gradient: Vec<f32>,
    branches: Branches,
}

impl<'a> Checker<'a> {
    /// Runs backprop on the executor under test.
    ///
    /// # Errors
    /// If memory is too small for all that is kept, or the device fails.
    pub fn new(executor: &dyn Executor, objective: &'a Objective, image: &Tensor) -> Result<Checker<'a>> {
        let graph = &*objective.plan.graph;
        let forward = graph.nodes().take_while(|(id, _)| *id <= objective.loss);
        let is_kinked = |op: &Op| match op {
            Op::Relu | Op::MaxPool(_) => true,
            Op::Pointwise(f) => f.has_corners(),
            _ => false,
        };
        let kinked: Vec<NodeId> = forward.filter(|(_, node)| is_kinked(&node.op)).map(|(id, _)| id).collect();
        let values = |ids: &mut dyn Iterator<Item = NodeId>| ids.map(|id| graph.shape(id).len() as u64).sum::<u64>();
        let forward = values(&mut graph.nodes().map(|(id, _)| id).take_while(|id| *id <= objective.loss));
        // On either side of a point what decides each branch, and the branches; the executor's own; while one side is computed
        // all its values. Eight bytes each.
        let decided = values(&mut kinked.iter().map(|&id| graph[id].inputs[0]));
        executor.limit().check(image.shape, Memory::host(8 * (forward + 6 * decided)))?;
        let mut program = executor.prepare(objective.plan.clone())?;
        program.write(objective.image, image)?;
        program.run(1)?;
        let gradient = program.read(objective.gradient)?.data;

        // Another plan, since what is kept changes what is fused: the gradient is checked as it is used.
        let watched: Vec<NodeId> = kinked.iter().map(|&id| branch_value(graph, id)).collect();
        let plan = Arc::new(Plan::compile(graph.clone(), &watched, &[objective.loss], &[]));
        let mut program = executor.prepare(plan)?;
        program.write(objective.image, image)?;
        program.run(1)?;
        let values = watched.iter().map(|&id| Ok(Tensor64::from(&program.read(id)?))).collect::<Result<Vec<_>>>()?;
        let branches = branches(graph, &kinked, &values);
        let output = graph[objective.loss].inputs[0];
        Ok(Checker { graph, image: objective.image, output, kinked, at: image.into(), gradient, branches })
    }

    /// Compares along `v`, of length 1.
    pub fn point(&self, direction: Direction, v: &[f64]) -> Point {
        let [plus, minus] = [STEP, -STEP].map(|h| self.forward(h, v));
        // The mean of the differences, not the difference of the means: nearly equal sums are never subtracted.
        let moved = plus.output.data.iter().zip(&minus.output.data).map(|(p, m)| p - m).sum::<f64>();
        let difference = moved / plus.output.shape.image_len() as f64 / (2.0 * STEP);
        let backprop = self.gradient.iter().zip(v).map(|(&g, v)| f64::from(g) * v).sum::<f64>();
        let squares = self.gradient.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>();
        let rms = (squares / self.gradient.len() as f64).sqrt();
        let scale = backprop.abs().max(difference.abs()).max(rms);
        let error = if scale == 0.0 { 0.0 } else { (backprop - difference).abs() / scale };
        Point { direction, backprop, difference, error, kinks: self.kinks(&plus, &minus) }
    }

    fn forward(&self, h: f64, v: &[f64]) -> Pass {
        let mut moved = self.at.clone();
        moved.data.iter_mut().zip(v).for_each(|(x, v)| *x += h * v);
        let inputs = self.kinked.iter().map(|&id| self.graph[id].inputs[0]);
        let wanted: Vec<NodeId> = inputs.chain([self.output]).collect();
        let mut before = evaluate(self.graph, &[(self.image, &moved)], &wanted);
        let output = before.pop().expect("the output was wanted");
        let branches = branches(self.graph, &self.kinked, &before);
        Pass { output, before, branches }
    }

    /// Where the two sides, or the executor under test at the image itself, took different branches. What rounding did
    /// to a value that the direction does not move is of no importance for it.
    fn kinks(&self, plus: &Pass, minus: &Pass) -> Vec<Kink> {
        let mut kinks = vec![];
        for (k, &id) in self.kinked.iter().enumerate() {
            let node = &self.graph[id];
            let (p, m, own) = (&plus.branches[k], &minus.branches[k], &self.branches[k]);
            let moves = |i: usize| moves(node, i, &plus.before[k], &minus.before[k]);
            let count = (0..p.len()).filter(|&i| p[i] != m[i] || (own[i] != p[i] && moves(i))).count();
            if count > 0 {
                kinks.push(Kink { node: node.name.clone(), op: node.op.name(), count });
            }
        }
        kinks
    }
}

/// The node whose values tell which branch was taken: a relu's own result, the input of the others.
fn branch_value(graph: &Graph, id: NodeId) -> NodeId {
    if matches!(graph[id].op, Op::Relu) { id } else { graph[id].inputs[0] }
}

/// `values` may be of before or after a relu: the sign is the same.
fn branches(graph: &Graph, kinked: &[NodeId], values: &[Tensor64]) -> Branches {
    let of = |(&id, x): (&NodeId, &Tensor64)| match graph[id].op {
        Op::MaxPool(pool) => max_pool::winners(x, pool),
        Op::Pointwise(f) => x.data.iter().map(|&x| f.piece(x)).collect(),
        _ => x.data.iter().map(|&x| usize::from(x > 0.0)).collect(),
    };
    kinked.iter().zip(values).map(of).collect()
}

/// Does the direction move what decides branch `i` of this relu, function or max pool?
fn moves(node: &crate::engine::graph::Node, i: usize, plus: &Tensor64, minus: &Tensor64) -> bool {
    let Op::MaxPool(pool) = node.op else { return plus.data[i] != minus.data[i] };
    let (c, place) = (i % node.shape.c, i / node.shape.c);
    let (s, r, n) = (place % node.shape.w, place / node.shape.w % node.shape.h, place / (node.shape.w * node.shape.h));
    pool.pixels(plus.shape, r, s).any(|(_, y, x)| plus.get(n, y, x, c) != minus.get(n, y, x, c))
}

/// The verdict on all layers.
///
/// # Errors
/// [`Error::Disagreement`] if a layer has a point that does not agree, or none that could be judged.
pub fn verdict(checks: &[Check]) -> Result<()> {
    if let Some(check) = checks.iter().find(|check| check.judged().next().is_none()) {
        return Err(Error::Disagreement(format!(
            "{}: every point lies at a kink, so nothing could be judged; try more points, another seed or a smaller \
             image",
            check.layer
        )));
    }
    let wrong: Vec<&str> = checks.iter().filter(|check| !check.agrees()).map(|check| check.layer.as_str()).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Error::Disagreement(format!("backprop and finite differences do not agree: {}", wrong.join(", "))))
}
