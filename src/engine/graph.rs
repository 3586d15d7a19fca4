//! Nodes in the order in which they can be computed; each has an op, its inputs, a shape and a name.
//!
//! A graph is built by its methods, one per op; each checks the shapes and refuses what does not fit. The backward pass
//! is not a second structure: [`crate::engine::autodiff::gradient`] appends ordinary nodes to the same graph.

use crate::engine::ops::{Axes, Axis, Conv2d, ConvTranspose, Function, Matrix, Op, Pool, Window};
use crate::engine::tensor::Shape;
use crate::{Error, Result};
use std::sync::Arc;

/// No memory holds a value of more numbers than this; with it, no product of sizes overflows 64 bits.
const MOST_NUMBERS: f64 = (1u64 << 46) as f64;

/// A node's place in its graph. Inputs always have smaller numbers than what is computed from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// One value of the computation.
#[derive(Debug, Clone)]
pub struct Node {
    pub op: Op,
    pub inputs: Vec<NodeId>,
    pub shape: Shape,
    pub name: String,
    /// For a node of the backward pass: the forward node whose gradient rule appended it.
    pub answers: Option<NodeId>,
}

#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    /// What new nodes are said to answer; set by autodiff while it applies a gradient rule.
    pub(crate) answering: Option<NodeId>,
}

impl std::ops::Index<NodeId> for Graph {
    type Output = Node;
    fn index(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }
}

impl Graph {
    pub fn new() -> Graph {
        Graph::default()
    }

    /// All nodes with their ids, inputs before what needs them.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = (NodeId, &Node)> + ExactSizeIterator {
        self.nodes.iter().enumerate().map(|(i, node)| (NodeId(i), node))
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Multiply-accumulates of all its convolutions.
    pub fn macs(&self) -> u64 {
        let of = |node: &Node| match &node.op {
            Op::Conv2d(conv) => conv.macs(self.shape(node.inputs[0])),
            Op::ConvTranspose(conv) => conv.macs(self.shape(node.inputs[0])),
            _ => 0,
        };
        self.nodes.iter().map(of).sum()
    }

    pub fn shape(&self, id: NodeId) -> Shape {
        self[id].shape
    }

    /// The first node of that name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.nodes.iter().position(|node| node.name == name).map(NodeId)
    }

    /// The first max_pool of `x` with these windows.
    pub(crate) fn max_pool_of(&self, x: NodeId, pool: Pool) -> Option<NodeId> {
        let is_pool = |node: &Node| matches!(node.op, Op::MaxPool(p) if p == pool) && node.inputs[0] == x;
        self.nodes.iter().position(is_pool).map(NodeId)
    }

    /// Gives the node another name.
    pub fn rename(&mut self, id: NodeId, name: impl Into<String>) {
        self.nodes[id.0].name = name.into();
    }

    /// Appends a node whose op says what shape comes out of the inputs' shapes, or why they do not fit.
    pub(crate) fn push(&mut self, name: impl Into<String>, op: Op, inputs: &[NodeId]) -> Result<NodeId> {
        let name = name.into();
        let shapes: Vec<Shape> = inputs.iter().map(|&id| self.shape(id)).collect();
        // A gradient rule appends nodes that get their names afterwards.
        let called = || match self.answering {
            Some(y) if name.is_empty() => format!("the gradient of {}", self[y].name),
            _ => name.clone(),
        };
        let shape = op.shape(&shapes).map_err(|why| Error::Usage(format!("{} ({}): {why}", called(), op.name())))?;
        let numbers = [shape.n, shape.h, shape.w, shape.c].iter().map(|&side| side as f64).product::<f64>();
        if numbers > MOST_NUMBERS {
            return Err(Error::Memory(format!(
                "{} ({}) of shape {shape} has {numbers:.1e} values, more than any memory holds; take a smaller image",
                called(),
                op.name()
            )));
        }
        self.nodes.push(Node { op, inputs: inputs.to_vec(), shape, name, answers: self.answering });
        Ok(NodeId(self.nodes.len() - 1))
    }

    /// A value written from outside.
    pub fn input(&mut self, name: &str, shape: Shape) -> Result<NodeId> {
        self.push(name, Op::Input(shape), &[])
    }

    /// The same number everywhere.
    pub fn fill(&mut self, name: &str, shape: Shape, value: f32) -> Result<NodeId> {
        self.push(name, Op::Fill { shape, value }, &[])
    }

    /// The same values at every run: `data` is of one image, repeated for each, or of all images.
    pub fn constant(&mut self, name: &str, shape: Shape, data: Arc<[f32]>) -> Result<NodeId> {
        self.push(name, Op::Constant { shape, data }, &[])
    }

    /// `[n, h, w, ci * groups] -> [n, h', w', co]`: a kernel slid over the image. [`Conv2d::same`] leaves rows and columns.
    pub fn conv2d(&mut self, name: &str, x: NodeId, conv: Conv2d) -> Result<NodeId> {
        self.push(name, Op::Conv2d(conv), &[x])
    }

    /// `[n, h', w', co] -> [n, h, w, ci * groups]`: the transpose of the conv2d with the same settings.
    pub fn conv_transpose(&mut self, name: &str, x: NodeId, conv: ConvTranspose) -> Result<NodeId> {
        self.push(name, Op::ConvTranspose(conv), &[x])
    }

    /// `scale * x + shift`, one pair per channel.
    pub fn batch_norm(&mut self, name: &str, x: NodeId, scale: Arc<[f64]>, shift: Arc<[f64]>) -> Result<NodeId> {
        self.push(name, Op::BatchNorm { scale, shift }, &[x])
    }

    pub fn relu(&mut self, name: &str, x: NodeId) -> Result<NodeId> {
        self.push(name, Op::Relu, &[x])
    }

    /// `dy` where `y = relu(x)` is positive, else 0. `y` must be the relu's own node: only its signs are remembered.
    pub fn relu_grad(&mut self, name: &str, dy: NodeId, y: NodeId) -> Result<NodeId> {
        if !matches!(self[y].op, Op::Relu) {
            return Err(Error::Usage(format!("{name} (relu_grad): {} is no relu", self[y].name)));
        }
        self.push(name, Op::ReluGrad, &[dy, y])
    }

    pub fn sigmoid(&mut self, name: &str, x: NodeId) -> Result<NodeId> {
        self.push(name, Op::Sigmoid, &[x])
    }

    /// `dy * y * (1 - y)` for `y = sigmoid(x)`.
    pub fn sigmoid_grad(&mut self, name: &str, dy: NodeId, y: NodeId) -> Result<NodeId> {
        self.push(name, Op::SigmoidGrad, &[dy, y])
    }

    /// `f(x)`, value by value.
    pub fn pointwise(&mut self, name: &str, x: NodeId, f: Function) -> Result<NodeId> {
        self.push(name, Op::Pointwise(f), &[x])
    }

    /// `dy * f'(x)`.
    pub fn pointwise_grad(&mut self, name: &str, dy: NodeId, x: NodeId, f: Function) -> Result<NodeId> {
        self.push(name, Op::PointwiseGrad(f), &[dy, x])
    }

    /// `exp(x)`, divided by its sum over the axes.
    pub fn softmax(&mut self, name: &str, x: NodeId, axes: Axes) -> Result<NodeId> {
        self.push(name, Op::Softmax(axes), &[x])
    }

    /// `[n, h, w, c] -> [n, h', w', c]`: the largest value of each window. A [`Window`] alone stands for windows side by side.
    pub fn max_pool(&mut self, name: &str, x: NodeId, pool: impl Into<Pool>) -> Result<NodeId> {
        self.push(name, Op::MaxPool(pool.into()), &[x])
    }

    /// For each value of `x` the sum of `dy` over the windows of which it is the first maximum. There must be a max_pool of
    /// `x`: it remembers the winners.
    pub fn max_pool_grad(&mut self, name: &str, dy: NodeId, x: NodeId, pool: impl Into<Pool>) -> Result<NodeId> {
        let pool = pool.into();
        if self.max_pool_of(x, pool).is_none() {
            return Err(Error::Usage(format!("{name} (max_pool_grad): there is no max_pool of {}", self[x].name)));
        }
        self.push(name, Op::MaxPoolGrad(pool), &[dy, x])
    }

    /// `[n, h, w, c] -> [n, h * window.h, w * window.w, c]`: every pixel repeated (nearest neighbour).
    pub fn upsample(&mut self, name: &str, x: NodeId, window: Window) -> Result<NodeId> {
        self.push(name, Op::Upsample(window), &[x])
    }

    /// `[n, h, w, c] -> [n, h / window.h, w / window.w, c]`: the sum of each window.
    pub fn sum_pool(&mut self, name: &str, x: NodeId, window: Window) -> Result<NodeId> {
        self.push(name, Op::SumPool(window), &[x])
    }

    /// Channels of all inputs, one input after the other.
    pub fn concat(&mut self, name: &str, xs: &[NodeId]) -> Result<NodeId> {
        self.push(name, Op::Concat, xs)
    }

    /// Channels `start .. start + len`.
    pub fn slice(&mut self, name: &str, x: NodeId, start: usize, len: usize) -> Result<NodeId> {
        let Shape { h, w, .. } = self.shape(x);
        self.crop(name, x, [0, 0, start], [h, w, len])
    }

    /// A box of each image: `size` rows, columns and channels from `start` on.
    pub fn crop(&mut self, name: &str, x: NodeId, start: [usize; 3], size: [usize; 3]) -> Result<NodeId> {
        self.push(name, Op::Slice { start, size }, &[x])
    }

    /// `x` amid zeros: `before` of them before its first row, column and channel, as many after it as `size` needs.
    pub fn pad(&mut self, name: &str, x: NodeId, before: [usize; 3], size: [usize; 3]) -> Result<NodeId> {
        self.push(name, Op::Pad { before, size }, &[x])
    }

    /// The values of each image in the same order, as an image of another shape.
    pub fn reshape(&mut self, name: &str, x: NodeId, shape: Shape) -> Result<NodeId> {
        self.push(name, Op::Reshape(shape), &[x])
    }

    /// Which of `x`'s axes (0: rows, 1: columns, 2: channels) become rows, columns, channels.
    pub fn permute(&mut self, name: &str, x: NodeId, order: [usize; 3]) -> Result<NodeId> {
        self.push(name, Op::Permute(order), &[x])
    }

    /// `[n, h, w, c] -> [n, 1, 1, 1]`: the mean of each image's values.
    pub fn mean(&mut self, name: &str, x: NodeId) -> Result<NodeId> {
        self.push(name, Op::Mean, &[x])
    }

    /// `[n, 1, 1, 1] -> shape`: each image's number divided by the number of values it is spread over.
    pub fn spread(&mut self, name: &str, dy: NodeId, shape: Shape) -> Result<NodeId> {
        self.push(name, Op::Spread(shape), &[dy])
    }

    /// The sum over the axes, which are then of one entry.
    pub fn sum(&mut self, name: &str, x: NodeId, axes: Axes) -> Result<NodeId> {
        self.push(name, Op::Sum(axes), &[x])
    }

    /// `x` repeated along its axes of one entry.
    pub fn broadcast(&mut self, name: &str, x: NodeId, shape: Shape) -> Result<NodeId> {
        self.push(name, Op::Broadcast(shape), &[x])
    }

    /// `a + b`, place by place; where one has a side of 1, it is repeated.
    pub fn add(&mut self, name: &str, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.push(name, Op::Add, &[a, b])
    }

    /// `a * b`, place by place; where one has a side of 1, it is repeated.
    pub fn mul(&mut self, name: &str, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.push(name, Op::Mul, &[a, b])
    }

    /// `factor * x`.
    pub fn scale(&mut self, name: &str, x: NodeId, factor: f32) -> Result<NodeId> {
        self.push(name, Op::Scale { factor }, &[x])
    }

    /// Each image of `x` moved round by the first two numbers of `by`, `[n, k, 2, 1]`: down and to the right.
    pub fn roll(&mut self, name: &str, x: NodeId, by: NodeId) -> Result<NodeId> {
        self.push(name, Op::Roll, &[x, by])
    }

    /// `[n, h, w, c] -> [n, 1, 1, 1]`: the sum of the differences between neighbours, divided by h w c.
    pub fn total_variation(&mut self, name: &str, x: NodeId) -> Result<NodeId> {
        self.push(name, Op::TotalVariation, &[x])
    }

    /// `dy / (h w c)` times the signs of the differences between each value of `x` and its neighbours, summed.
    pub fn total_variation_grad(&mut self, name: &str, dy: NodeId, x: NodeId) -> Result<NodeId> {
        self.push(name, Op::TotalVariationGrad, &[dy, x])
    }

    /// The matrix times each column (down) or row (across) of pixels.
    pub fn transform(&mut self, name: &str, x: NodeId, axis: Axis, matrix: Matrix) -> Result<NodeId> {
        self.push(name, Op::Transform { axis, matrix }, &[x])
    }

    /// `[n, h, w, c] -> [n, 1, 1, 1]`: the root of the mean of each image's squares.
    pub fn rms(&mut self, name: &str, x: NodeId) -> Result<NodeId> {
        self.push(name, Op::Rms, &[x])
    }

    /// `x / (rms + epsilon)`.
    pub fn normalise(&mut self, name: &str, x: NodeId, rms: NodeId, epsilon: f64) -> Result<NodeId> {
        self.push(name, Op::Normalise { epsilon }, &[x, rms])
    }

    /// `(m / cm) / (sqrt(v / cv) + epsilon)`; `cm` and `cv` are one number per image.
    pub fn adam(&mut self, name: &str, [m, v, cm, cv]: [NodeId; 4], epsilon: f64) -> Result<NodeId> {
        self.push(name, Op::Adam { epsilon }, &[m, v, cm, cv])
    }

    /// `x + rate * g`.
    pub fn step(&mut self, name: &str, x: NodeId, g: NodeId, rate: f32) -> Result<NodeId> {
        self.push(name, Op::Step { rate }, &[x, g])
    }
}
