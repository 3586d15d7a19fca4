//! A graph made ready to run: dead nodes dropped, ops fused into steps, steps put in order, values placed in buffers.
//!
//! # An example
//!
//! A convolution, a relu and a max pool, the mean of what comes out, and its gradient: as a graph ten nodes, as a plan six
//! steps.
//!
//! ```
//! use unet_lens::engine::autodiff::gradient;
//! use unet_lens::engine::graph::Graph;
//! use unet_lens::engine::ops::{Conv2d, Kernel, Window};
//! use unet_lens::engine::plan::Plan;
//! use unet_lens::engine::tensor::Shape;
//!
//! let mut graph = Graph::new();
//! let x = graph.input("x", Shape::new(1, 4, 4, 1))?;
//! let kernel = Kernel::new(3, 3, 1, 2, vec![0.1; 18].into())?;
//! let conv = graph.conv2d("conv", x, Conv2d::same(kernel, Some(vec![0.5, -0.5].into())))?;
//! let relu = graph.relu("relu", conv)?;
//! let pool = graph.max_pool("pool", relu, Window::new(2, 2))?;
//! let loss = graph.mean("loss", pool)?;
//! let dx = gradient(&mut graph, loss, x)?.of_wrt();
//!
//! let nodes: Vec<String> = graph.nodes().map(|(_, node)| format!("{:<6} {}", node.name, node.op.name())).collect();
//! assert_eq!(nodes, [
//!     "x      input",
//!     "conv   conv2d",
//!     "relu   relu",
//!     "pool   max_pool",
//!     "loss   mean",
//!     "d loss fill",
//!     "d pool spread",
//!     "d relu max_pool_grad",
//!     "d conv relu_grad",
//!     "d x    conv2d",
//! ]);
//!
//! let plan = Plan::compile(graph, &[dx], &[loss], &[]);
//! assert_eq!(plan.to_string(), "\
//! step  result          computes                   reads                                   writes
//!    0  relu 1x4x4x2    conv2d + relu              x                                       relu, signs of relu
//!    1  pool 1x2x2x2    max_pool                   relu                                    pool, winners of pool
//!    2  loss 1x1x1x1    mean                       pool                                    loss
//!    3  d pool 1x2x2x2  fill + spread                                                      d pool
//!    4  d conv 1x4x4x2  max_pool_grad + relu_grad  d pool, winners of pool, signs of relu  d conv
//!    5  d x 1x4x4x1     conv2d                     d conv                                  d x
//! ");
//! # Ok::<(), unet_lens::Error>(())
//! ```
//!
//! What backprop must remember becomes visible here: of all that the forward pass computed, only the *signs* of the relu and
//! the *winners* of the max pool are read by the gradient.
//!
//! # Where each op goes
//!
//! | op | becomes |
//! | --- | --- |
//! | input | a value that is written from outside |
//! | conv2d, conv_transpose | [`Head::Conv`], [`Head::ConvTranspose`] |
//! | upsample, concat | nothing, where only plain convolutions ([`Conv2d::is_plain`]) read them: those read the [parts](Part) instead; else [`Head::Op`] |
//! | slice of a convolution's channels | a smaller convolution, where nothing else reads the whole one |
//! | sum_pool after a convolution | part of it, where it has no bias |
//! | max_pool_grad | [`Head::Unpool`], where its windows cut all of the image up; else [`Head::Op`] |
//! | fill, and a spread of it | [`Head::Fill`] |
//! | batch_norm after a convolution | folded into its kernel and bias |
//! | add, relu, batch_norm, relu_grad | the [epilogue](Epilogue) of the step before; else of [`Head::Same`]. An add that repeats one of its inputs: [`Head::Op`] |
//! | scale | the epilogue of [`Head::Same`] |
//! | every other op | [`Head::Op`], as it is |
//!
//! Executors differ in how they run the steps, not in which. How large a value is, and how signs and winners are stored, is
//! each executor's own matter ([`crate::engine::exec::Compiled::image_bytes`]).

mod epilogue;
mod fuse;
mod place;
mod schedule;

use crate::engine::graph::{Graph, NodeId};
use crate::engine::ops::{Conv2d, ConvTranspose, Op, Window};
use crate::engine::tensor::Shape;
pub use epilogue::{Affine, Epilogue};
pub use place::Placement;
use std::fmt;
use std::sync::Arc;

/// A value's place in [`Plan::values`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub usize);

/// What a step leaves behind.
#[derive(Debug, Clone)]
pub struct Value {
    /// The node that this is the result of, or for signs and winners the relu or max_pool they belong to.
    pub node: NodeId,
    pub kind: ValueKind,
    /// The shape of the node's result.
    pub shape: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// Numbers: the node's result.
    Data,
    /// Of a relu: was the value positive?
    Signs,
    /// Of a max pool: the place of the first maximum in its window, counted in reading order.
    Winners,
}

impl fmt::Display for ValueKind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(match self {
            ValueKind::Data => "values",
            ValueKind::Signs => "signs",
            ValueKind::Winners => "winners",
        })
    }
}

/// One input of a convolution: channels that lie beside those of the other parts, each pixel repeated `up` times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub value: ValueId,
    pub up: Window,
}

/// What a step computes before its epilogue.
#[derive(Debug, Clone)]
pub enum Head {
    /// An op as it is. It has no epilogue.
    Op { op: Op, inputs: Vec<ValueId> },
    /// conv2d over the parts side by side (an upsample and a concat that were never written out), then the sum over
    /// windows (the gradient of an upsample).
    Conv { parts: Vec<Part>, conv: Conv2d, pool: Window },
    /// conv_transpose.
    ConvTranspose { x: ValueId, conv: ConvTranspose },
    /// max_pool_grad of windows that cut all of the image up: `dy` where the winner is, else 0.
    Unpool { dy: ValueId, winners: ValueId, window: Window },
    /// The same number everywhere.
    Fill { value: f32 },
    /// `x` as it is: the epilogue does the work.
    Same { x: ValueId },
}

/// One kernel launch: a head (most often a convolution) and its epilogue.
#[derive(Debug, Clone)]
pub struct Step {
    pub head: Head,
    pub epilogue: Epilogue,
    pub output: ValueId,
    /// Signs of the epilogue's relu, or winners of a max pool, where the backward pass needs them.
    pub side: Option<ValueId>,
    /// The graph's nodes that this step computes, in order.
    pub nodes: Vec<NodeId>,
}

impl Step {
    /// Every value that the step reads: tensors, signs and winners.
    pub fn reads(&self) -> impl Iterator<Item = ValueId> {
        let of_head = match &self.head {
            Head::Op { inputs, .. } => inputs.clone(),
            Head::Conv { parts, .. } => parts.iter().map(|part| part.value).collect(),
            &Head::ConvTranspose { x, .. } => vec![x],
            &Head::Unpool { dy, winners, .. } => vec![dy, winners],
            Head::Fill { .. } => vec![],
            &Head::Same { x } => vec![x],
        };
        of_head.into_iter().chain(self.epilogue.inputs())
    }

    /// Every value that the step writes.
    pub fn writes(&self) -> impl Iterator<Item = ValueId> {
        [Some(self.output), self.side].into_iter().flatten()
    }
}

/// A graph made ready to run.
#[derive(Debug, Clone)]
pub struct Plan {
    pub graph: Arc<Graph>,
    pub values: Vec<Value>,
    pub steps: Vec<Step>,
    /// Values written from outside.
    pub inputs: Vec<ValueId>,
    /// Values that can be read after a run: what the caller asked to keep.
    pub kept: Vec<ValueId>,
    /// Values of shape `[n, 1, 1, 1]` that are reported for every run, in the order asked for.
    pub traced: Vec<ValueId>,
    /// After a run the second value moves into the first, one pair after the other: how an image steps on.
    pub state: Vec<(ValueId, ValueId)>,
    /// For each value: see [`Plan::outlives`].
    outlives: Vec<bool>,
}

impl Plan {
    /// Makes `graph` ready to run.
    ///
    /// - `keep`: nodes whose results the caller will read;
    /// - `trace`: nodes with one number per image, reported for every run;
    /// - `state`: pairs of an input and the node that takes its place after every run.
    ///
    /// # Panics
    /// If what comes out is not right by [`Plan::check`]: a fault of this crate, never of the graph.
    pub fn compile(graph: Graph, keep: &[NodeId], trace: &[NodeId], state: &[(NodeId, NodeId)]) -> Plan {
        let plan = fuse::compile(graph, keep, trace, state);
        assert_eq!(plan.check(), Ok(()), "{plan}");
        plan
    }

    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    /// The tensor that this node's result is kept as.
    pub fn data_of(&self, node: NodeId) -> Option<ValueId> {
        self.values.iter().position(|v| v.node == node && v.kind == ValueKind::Data).map(ValueId)
    }

    /// The shape of the images that it runs on.
    pub fn image(&self) -> Shape {
        self.inputs.first().map_or(Shape::new(1, 1, 1, 1), |&id| self.value(id).shape)
    }

    /// Number of images.
    pub fn images(&self) -> usize {
        self.values.first().map_or(0, |v| v.shape.n)
    }

    /// Multiply-accumulates of a step's convolution; 0 for other steps.
    pub fn macs(&self, step: &Step) -> u64 {
        match &step.head {
            Head::Conv { conv, pool, .. } => {
                let out = self.value(step.output).shape;
                let k = &conv.kernel;
                (out.pixels() * pool.len() * k.kh * k.kw * k.ci * k.co) as u64
            }
            Head::ConvTranspose { x, conv } => conv.macs(self.value(*x).shape),
            _ => 0,
        }
    }

    /// "relu", "signs of relu".
    fn named(&self, id: ValueId) -> String {
        let value = self.value(id);
        let name = &self.graph[value.node].name;
        if value.kind == ValueKind::Data { name.clone() } else { format!("{} of {name}", value.kind) }
    }
}

impl fmt::Display for Plan {
    /// A line per step: its result, what it computes, what it reads and writes.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let list = |ids: &mut dyn Iterator<Item = ValueId>| ids.map(|id| self.named(id)).collect::<Vec<_>>().join(", ");
        let row = |step: &Step| {
            let ops: Vec<&str> = step.nodes.iter().map(|&n| self.graph[n].op.name()).collect();
            let result = format!("{} {}", self.named(step.output), self.value(step.output).shape);
            [result, ops.join(" + "), list(&mut step.reads()), list(&mut step.writes())]
        };
        let head = ["result", "computes", "reads", "writes"].map(String::from);
        let rows: Vec<[String; 4]> = std::iter::once(head).chain(self.steps.iter().map(row)).collect();
        let width = |i: usize| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
        let (a, b, c) = (width(0), width(1), width(2));
        for (i, [result, ops, reads, writes]) in rows.iter().enumerate() {
            let number = if i == 0 { "step".to_string() } else { (i - 1).to_string() };
            writeln!(f, "{number:>4}  {result:<a$}  {ops:<b$}  {reads:<c$}  {writes}")?;
        }
        Ok(())
    }
}
