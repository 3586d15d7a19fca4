//! Interval bounds: between which values every node lies, for every image whose values lie in a range.
//!
//! ```text
//! x in [low, high], c = (low + high) / 2, r = (high - low) / 2
//!
//! y = W x + b          is in  W c + b  -+  |W| r
//! y = f(x), f rising   is in  [f(low), f(high)]
//! ```
//!
//! (S. Gowal et al., "On the Effectiveness of Interval Bound Propagation for Training Verifiably Robust Models", 2018.) It is a graph
//! of ordinary ops: the same one twice, so that any executor computes it. Bounds are true, not tight: what they prove holds for
//! every image; what they leave open may hold as well. They are widened by what rounding may add.

use super::life::Proven;
use super::units::{Below, units};
use crate::Result;
use crate::engine::exec::Executor;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::ops::{Conv2d, ConvTranspose, Function, Kernel, Op, Window};
use crate::engine::plan::Plan;
use crate::engine::tensor::{Shape, Tensor};
use crate::network::Network;
use std::sync::Arc;

/// The lower and the upper bound of a node, as nodes.
pub type Bounds = (NodeId, NodeId);

/// How far the rounding of one value may be off, as a share of it.
const UNIT: f32 = f32::EPSILON;
/// Transformed convolutions (Winograd's) round more than the sum that they stand for, by no more than so many terms.
const TRANSFORMED: usize = 256;

/// Appends the bounds of every node of `of`, for images with values from `range`; `None` where there is no rule.
///
/// # Errors
/// If a graph of this size cannot be.
pub fn bounds(of: &Graph, range: (f32, f32)) -> Result<(Graph, Vec<Option<Bounds>>)> {
    let mut graph = Graph::new();
    let mut all: Vec<Option<Bounds>> = vec![];
    for (_, node) in of.nodes() {
        let x: Option<Vec<Bounds>> = node.inputs.iter().map(|&x| all[x.0]).collect();
        let mut rules = Rules { graph: &mut graph, name: &node.name, shape: node.shape };
        all.push(match x {
            Some(x) => rules.through(&node.op, &x, range)?,
            None => None,
        });
    }
    Ok((graph, all))
}

/// For each layer and filter what holds for every image with values from `range`.
///
/// # Errors
/// If there is not enough memory, or the device fails.
pub fn proven(
    executor: &dyn Executor,
    network: &Network,
    layers: &[usize],
    image: Shape,
    range: (f64, f64),
) -> Result<Vec<Vec<Option<Proven>>>> {
    let (of, _, units) = units(network, layers, image.with_n(1))?;
    let (graph, all) = bounds(&of, outwards(range))?;
    let keep: Vec<NodeId> = units.iter().filter_map(|unit| all[unit.before.0]).flat_map(|(l, h)| [l, h]).collect();
    let mut keep_once = keep.clone();
    keep_once.sort();
    keep_once.dedup();
    if keep_once.is_empty() {
        return Ok(units.iter().map(|unit| vec![None; unit.filters()]).collect());
    }
    let mut program = executor.prepare(Arc::new(Plan::compile(graph, &keep_once, &[], &[])))?;
    program.run(1)?;
    let mut found = vec![];
    for unit in &units {
        let c = unit.filters();
        let Some((low, high)) = all[unit.before.0].filter(|_| unit.below != Below::Nothing) else {
            found.push(vec![None; c]);
            continue;
        };
        let extreme = |values: &Tensor, first: f32, pick: fn(f32, f32) -> f32| {
            let mut found = vec![first; c];
            for values in values.data.chunks_exact(c) {
                // A bound that is no number bounds nothing: it stays.
                found.iter_mut().zip(values).for_each(|(f, &v)| *f = if v.is_nan() { v } else { pick(*f, v) });
            }
            found
        };
        let least = extreme(&program.read(low)?, f32::INFINITY, f32::min);
        let most = extreme(&program.read(high)?, f32::NEG_INFINITY, f32::max);
        let of_filter = |(&least, &most): (&f32, &f32)| match unit.below {
            Below::Cut if most <= 0.0 => Some(Proven::Dead),
            _ if least > 0.0 => Some(Proven::On),
            _ => None,
        };
        found.push(least.iter().zip(&most).map(of_filter).collect());
    }
    Ok(found)
}

/// The range in single precision, no smaller.
fn outwards((low, high): (f64, f64)) -> (f32, f32) {
    ((low as f32).next_down(), (high as f32).next_up())
}

/// The rules for one node.
struct Rules<'g> {
    graph: &'g mut Graph,
    name: &'g str,
    shape: Shape,
}

impl Rules<'_> {
    fn through(&mut self, op: &Op, x: &[Bounds], range: (f32, f32)) -> Result<Option<Bounds>> {
        let (name, shape) = (self.name, self.shape);
        Ok(Some(match op {
            Op::Input(_) => (self.graph.fill(name, shape, range.0)?, self.graph.fill(name, shape, range.1)?),
            Op::Fill { value, .. } => self.same(|g| g.fill(name, shape, *value))?,
            Op::Constant { data, .. } => self.same(|g| g.constant(name, shape, data.clone()))?,
            Op::Conv2d(conv) => self.conv2d(conv, x[0])?,
            Op::ConvTranspose(conv) => self.conv_transpose(conv, x[0])?,
            Op::BatchNorm { scale, shift } => {
                let size: Arc<[f64]> = scale.iter().map(|s| s.abs()).collect();
                let none: Arc<[f64]> = vec![0.0; scale.len()].into();
                let shifts: Arc<[f64]> = shift.iter().map(|s| s.abs()).collect();
                let middle = |g: &mut Graph, c| g.batch_norm(name, c, scale.clone(), shift.clone());
                let radius = |g: &mut Graph, r| g.batch_norm(name, r, size.clone(), none.clone());
                let total = |g: &mut Graph, m| g.batch_norm(name, m, size.clone(), shifts.clone());
                self.linear(x[0], middle, radius, total, 4)?
            }
            Op::Scale { factor } => {
                let factor = *factor;
                let middle = |g: &mut Graph, c| g.scale(name, c, factor);
                let radius = |g: &mut Graph, r| g.scale(name, r, factor.abs());
                self.linear(x[0], middle, radius, radius, 4)?
            }
            Op::Relu => self.each(x[0], |g, x| g.relu(name, x))?,
            Op::Sigmoid => {
                let y = self.each(x[0], |g, x| g.sigmoid(name, x))?;
                self.widened(y, 8)?
            }
            Op::Pointwise(f) => return self.pointwise(*f, x[0]),
            Op::Softmax(_) => (self.graph.fill(name, shape, 0.0)?, self.graph.fill(name, shape, 1.0 + 8.0 * UNIT)?),
            Op::MaxPool(pool) => self.each(x[0], |g, x| g.max_pool(name, x, *pool))?,
            Op::Upsample(window) => self.each(x[0], |g, x| g.upsample(name, x, *window))?,
            Op::SumPool(window) => {
                let y = self.each(x[0], |g, x| g.sum_pool(name, x, *window))?;
                self.widened(y, window.len())?
            }
            Op::Sum(axes) => {
                let terms = axes.count(self.graph.shape(x[0].0));
                let y = self.each(x[0], |g, x| g.sum(name, x, *axes))?;
                self.widened(y, terms)?
            }
            Op::Mean => {
                let terms = self.graph.shape(x[0].0).image_len();
                let y = self.each(x[0], |g, x| g.mean(name, x))?;
                self.widened(y, terms)?
            }
            Op::Transform { axis, matrix } if (0..matrix.rows).all(|row| matrix.row(row).iter().all(|&v| v >= 0.0)) => {
                let y = self.each(x[0], |g, x| g.transform(name, x, *axis, matrix.clone()))?;
                self.widened(y, matrix.columns)?
            }
            Op::Concat => {
                let (low, high): (Vec<NodeId>, Vec<NodeId>) = x.iter().copied().unzip();
                (self.graph.concat(name, &low)?, self.graph.concat(name, &high)?)
            }
            Op::Slice { start, size } => self.each(x[0], |g, x| g.crop(name, x, *start, *size))?,
            Op::Pad { before, size } => self.each(x[0], |g, x| g.pad(name, x, *before, *size))?,
            Op::Reshape(shape) => self.each(x[0], |g, x| g.reshape(name, x, *shape))?,
            Op::Permute(order) => self.each(x[0], |g, x| g.permute(name, x, *order))?,
            Op::Broadcast(shape) => self.each(x[0], |g, x| g.broadcast(name, x, *shape))?,
            Op::Add => {
                let y = (self.graph.add(name, x[0].0, x[1].0)?, self.graph.add(name, x[0].1, x[1].1)?);
                self.widened(y, 4)?
            }
            Op::Mul => self.product(x[0], x[1])?,
            _ => return Ok(None),
        }))
    }

    fn same(&mut self, node: impl FnOnce(&mut Graph) -> Result<NodeId>) -> Result<Bounds> {
        let node = node(self.graph)?;
        Ok((node, node))
    }

    /// Of what rises with its input.
    fn each(&mut self, x: Bounds, node: impl Fn(&mut Graph, NodeId) -> Result<NodeId>) -> Result<Bounds> {
        Ok((node(self.graph, x.0)?, node(self.graph, x.1)?))
    }

    /// Of what is linear: `middle` of the centre, `radius` of the radius; `total` is the sum of all sizes, of which the rounding
    /// of `terms` terms may be a share.
    fn linear(
        &mut self,
        (low, high): Bounds,
        middle: impl Fn(&mut Graph, NodeId) -> Result<NodeId>,
        radius: impl Fn(&mut Graph, NodeId) -> Result<NodeId>,
        total: impl Fn(&mut Graph, NodeId) -> Result<NodeId>,
        terms: usize,
    ) -> Result<Bounds> {
        let (g, name) = (&mut *self.graph, self.name);
        let sum = g.add(name, low, high)?;
        let centre = g.scale(name, sum, 0.5)?;
        let difference = g.subtract(name, high, low)?;
        let half = g.scale(name, difference, 0.5)?;
        let sizes = [low, high].map(|x| g.pointwise(name, x, Function::Abs));
        let [a, b] = sizes;
        let sizes = g.maximum(name, a?, b?)?;
        let (middle, radius, total) = (middle(g, centre)?, radius(g, half)?, total(g, sizes)?);
        // A fast convolution computes blocks of outputs together, so what rounds one is a share of the largest of them all.
        let s = g.shape(total);
        let largest = g.max_pool(name, total, Window::new(s.h, s.w))?;
        let slack = g.scale(name, largest, (terms + TRANSFORMED) as f32 * UNIT)?;
        let radius = g.add(name, radius, slack)?;
        Ok((g.subtract(name, middle, radius)?, g.add(name, middle, radius)?))
    }

    /// Moves both bounds outwards by the rounding of `terms` terms.
    fn widened(&mut self, (low, high): Bounds, terms: usize) -> Result<Bounds> {
        let (g, name) = (&mut *self.graph, self.name);
        let [a, b] = [low, high].map(|x| g.pointwise(name, x, Function::Abs));
        let sizes = g.add(name, a?, b?)?;
        let slack = g.scale(name, sizes, (terms + 4) as f32 * UNIT)?;
        Ok((g.subtract(name, low, slack)?, g.add(name, high, slack)?))
    }

    fn conv2d(&mut self, conv: &Conv2d, x: Bounds) -> Result<Bounds> {
        let name = self.name;
        let terms = conv.kernel.kh * conv.kernel.kw * conv.kernel.ci;
        let sizes = Conv2d { kernel: sizes(&conv.kernel)?, bias: None, ..conv.clone() };
        let with_bias = Conv2d { bias: conv.bias.as_ref().map(|b| absolute(b)), ..sizes.clone() };
        self.linear(
            x,
            |g, c| g.conv2d(name, c, conv.clone()),
            |g, r| g.conv2d(name, r, sizes.clone()),
            |g, m| g.conv2d(name, m, with_bias.clone()),
            terms,
        )
    }

    fn conv_transpose(&mut self, conv: &ConvTranspose, x: Bounds) -> Result<Bounds> {
        let name = self.name;
        let terms = conv.kernel.kh * conv.kernel.kw * conv.kernel.co;
        let sizes = ConvTranspose { kernel: sizes(&conv.kernel)?, bias: None, ..conv.clone() };
        let with_bias = ConvTranspose { bias: conv.bias.as_ref().map(|b| absolute(b)), ..sizes.clone() };
        self.linear(
            x,
            |g, c| g.conv_transpose(name, c, conv.clone()),
            |g, r| g.conv_transpose(name, r, sizes.clone()),
            |g, m| g.conv_transpose(name, m, with_bias.clone()),
            terms,
        )
    }

    /// Functions that rise; and those that fall to one lowest point and rise from there.
    fn pointwise(&mut self, f: Function, (low, high): Bounds) -> Result<Option<Bounds>> {
        let name = self.name;
        let valley = match f {
            Function::Relu { slope, .. } | Function::LeakyRelu { slope } if slope < 0.0 => return Ok(None),
            Function::Log | Function::Sqrt | Function::Reciprocal => return Ok(None),
            Function::Elu { alpha } if alpha < 0.0 => return Ok(None),
            Function::HardSigmoid { slope } if slope < 0.0 => return Ok(None),
            Function::Silu => Some(-1.278_465),
            Function::Gelu { approximate: false } => Some(-0.751_792),
            Function::Gelu { approximate: true } => Some(-0.752_461),
            Function::HardSwish => Some(-1.5),
            Function::Mish => Some(-1.192_452),
            Function::Abs => Some(0.0),
            _ => None,
        };
        let y = match valley {
            None => self.each((low, high), |g, x| g.pointwise(name, x, f))?,
            Some(valley) => {
                let g = &mut *self.graph;
                let lowest = g.fill(name, g.shape(low), valley)?;
                let from = g.maximum(name, low, lowest)?;
                let least = g.pointwise(name, from, f)?;
                let [a, b] = [low, high].map(|x| g.pointwise(name, x, f));
                // Where the valley lies below all of the interval, `least` is the function at its lower end; else its lowest value,
                // a little less for the rounding of where that is.
                let most = g.maximum(name, a?, b?)?;
                let little = g.fill(name, g.shape(low), 1e-5)?;
                (g.subtract(name, least, little)?, g.add(name, most, little)?)
            }
        };
        self.widened(y, 16).map(Some)
    }

    /// The least and the greatest of the four products of the ends.
    fn product(&mut self, a: Bounds, b: Bounds) -> Result<Bounds> {
        let (g, name) = (&mut *self.graph, self.name);
        let mut ends = vec![];
        for x in [a.0, a.1] {
            for y in [b.0, b.1] {
                ends.push(g.mul(name, x, y)?);
            }
        }
        let (mut low, mut high) = (ends[0], ends[0]);
        for &end in &ends[1..] {
            low = g.minimum(name, low, end)?;
            high = g.maximum(name, high, end)?;
        }
        self.widened((low, high), 16)
    }
}

/// The kernel with all weights positive.
fn sizes(kernel: &Kernel) -> Result<Kernel> {
    Kernel::of_bank(kernel.bank, kernel.kh, kernel.kw, kernel.ci, kernel.co, absolute(&kernel.values()))
}

fn absolute<C: FromIterator<f32>>(values: &[f32]) -> C {
    values.iter().map(|v| v.abs()).collect()
}
