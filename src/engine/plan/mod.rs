//! A graph made ready to run: dead nodes dropped, ops fused into steps, values placed in buffers that are reused.
//!
//! A [`Step`] is one kernel launch: a [`Head`] (most often a convolution) and its [`Ends`], what happens to each value on
//! its way out, while it is still in a register. Which node was merged into which step is decided in `fuse`.
//!
//! What the backward pass must remember becomes visible here: besides the tensors themselves only the *signs* of ReLU
//! outputs (a bit a value) and the *winners* of max pools.

mod fuse;

use crate::engine::graph::{Graph, NodeId};
use crate::engine::ops::{Axis, Conv2d, Matrix, Op, Window};
use crate::engine::tensor::Shape;
use crate::{Error, Result};
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
    /// Of the node's result.
    pub shape: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// f32.
    Data,
    /// Of a relu: was the value positive?
    Signs,
    /// Of a max pool: the place of the first maximum in its window, counted in reading order.
    Winners,
}

/// One input of a convolution: channels that lie beside those of the other parts, each pixel repeated `up` times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub value: ValueId,
    pub up: Window,
}

/// What a step computes before its ends.
#[derive(Debug, Clone)]
pub enum Head {
    Fill {
        value: f32,
    },
    /// conv2d over the parts side by side (an upsample and a concat that were never written out), then the sum over
    /// windows (the gradient of an upsample).
    Conv {
        parts: Vec<Part>,
        conv: Conv2d,
        pool: Window,
    },
    MaxPool {
        x: ValueId,
        window: Window,
    },
    MaxPoolGrad {
        dy: ValueId,
        winners: ValueId,
        window: Window,
    },
    /// `x` as it is: the ends do the work.
    Same {
        x: ValueId,
    },
    Sigmoid {
        x: ValueId,
    },
    SigmoidGrad {
        dy: ValueId,
        y: ValueId,
    },
    Upsample {
        x: ValueId,
        window: Window,
    },
    SumPool {
        x: ValueId,
        window: Window,
    },
    Concat {
        xs: Vec<ValueId>,
    },
    Slice {
        x: ValueId,
        start: usize,
    },
    Mean {
        x: ValueId,
    },
    Spread {
        dy: ValueId,
    },
    Mul {
        a: ValueId,
        b: ValueId,
    },
    Roll {
        x: ValueId,
        by: ValueId,
    },
    TotalVariation {
        x: ValueId,
    },
    TotalVariationGrad {
        dy: ValueId,
        x: ValueId,
    },
    Transform {
        x: ValueId,
        axis: Axis,
        matrix: Matrix,
    },
    Rms {
        x: ValueId,
    },
    Normalise {
        x: ValueId,
        rms: ValueId,
        epsilon: f32,
    },
    Adam {
        m: ValueId,
        v: ValueId,
        cm: ValueId,
        cv: ValueId,
        epsilon: f32,
    },
    Step {
        x: ValueId,
        g: ValueId,
        rate: f32,
    },
    /// An op that only the reference computes: the other executors refuse it.
    Todo {
        xs: Vec<ValueId>,
    },
}

/// What happens to each value on its way out, in this order. Only [`Head::Fill`], [`Head::Conv`], [`Head::MaxPoolGrad`] and
/// [`Head::Same`] have any.
///
/// ```text
/// y = head                 forward: conv2d with its bias
/// y = y + add              backward: the other gradient of a value used twice
/// y = max(y, 0)            and the signs are written, if anyone will ask for them
/// y = scale y + shift      batch_norm, forward and backward
/// y = y where gate > 0     relu_grad
/// ```
#[derive(Debug, Clone, Default)]
pub struct Ends {
    pub add: Option<ValueId>,
    pub relu: bool,
    pub affine: Option<Affine>,
    /// Signs of the relu whose gradient this is.
    pub gate: Option<ValueId>,
}

#[derive(Debug, Clone)]
pub struct Affine {
    pub scale: Arc<[f32]>,
    pub shift: Arc<[f32]>,
}

impl Affine {
    fn new(scale: &[f64], shift: &[f64]) -> Affine {
        let rounded = |values: &[f64]| values.iter().map(|&v| v as f32).collect();
        Affine { scale: rounded(scale), shift: rounded(shift) }
    }
}

#[derive(Debug, Clone)]
pub struct Step {
    pub head: Head,
    pub ends: Ends,
    pub output: ValueId,
    /// Signs (of `ends.relu`) or winners (of [`Head::MaxPool`]), where the backward pass needs them.
    pub side: Option<ValueId>,
    /// The graph's nodes that this step computes, in order.
    pub nodes: Vec<NodeId>,
}

impl Step {
    /// Every value that the step reads.
    pub fn inputs(&self) -> Vec<ValueId> {
        let mut inputs = match &self.head {
            Head::Fill { .. } => vec![],
            Head::Conv { parts, .. } => parts.iter().map(|part| part.value).collect(),
            Head::Concat { xs } | Head::Todo { xs } => xs.clone(),
            &Head::MaxPoolGrad { dy, winners, .. } => vec![dy, winners],
            &Head::SigmoidGrad { dy, y } => vec![dy, y],
            &Head::Normalise { x, rms, .. } => vec![x, rms],
            &Head::Mul { a, b } => vec![a, b],
            &Head::Roll { x, by } => vec![x, by],
            &Head::TotalVariationGrad { dy, x } => vec![dy, x],
            &Head::Adam { m, v, cm, cv, .. } => vec![m, v, cm, cv],
            &Head::Step { x, g, .. } => vec![x, g],
            &Head::MaxPool { x, .. }
            | &Head::Same { x }
            | &Head::Sigmoid { x }
            | &Head::Upsample { x, .. }
            | &Head::SumPool { x, .. }
            | &Head::Slice { x, .. }
            | &Head::Mean { x }
            | &Head::Transform { x, .. }
            | &Head::TotalVariation { x }
            | &Head::Rms { x }
            | &Head::Spread { dy: x } => vec![x],
        };
        inputs.extend(self.ends.add.iter().chain(&self.ends.gate));
        inputs
    }
}

/// A graph made ready to run. Executors differ in how they run the steps, not in which.
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
    /// After a run the second value moves into the first: how an image steps on.
    pub state: Vec<(ValueId, ValueId)>,
}

impl Plan {
    /// Makes `graph` ready to run.
    ///
    /// - `keep`: nodes whose results the caller will read;
    /// - `trace`: nodes with one number per image, reported for every run;
    /// - `state`: pairs of an input and the node that takes its place after every run.
    pub fn compile(graph: Graph, keep: &[NodeId], trace: &[NodeId], state: &[(NodeId, NodeId)]) -> Plan {
        fuse::compile(graph, keep, trace, state)
    }

    /// An error that names the first op which only the reference computes, if there is one. `executor`: "the CPU".
    pub(super) fn not_on(&self, executor: &str) -> Result<()> {
        let Some(step) = self.steps.iter().find(|step| matches!(step.head, Head::Todo { .. })) else { return Ok(()) };
        let node = &self.graph[step.nodes[0]];
        let (name, op) = (&node.name, node.op.name());
        Err(Error::Device(format!(
            "{name} ({op}, {}): not on {executor} yet; run with --backend reference",
            node.shape
        )))
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
            _ => 0,
        }
    }

    /// Bytes of one image's share of a value. Signs and winners are packed: a bit per channel, a pixel's bits filled up to
    /// whole bytes; for winners as many as a window has pixels.
    pub fn image_bytes(&self, id: ValueId) -> usize {
        let Value { node, kind, shape } = self.value(id);
        let window = match (kind, &self.graph[*node].op) {
            (ValueKind::Data, _) => return shape.image_len() * size_of::<f32>(),
            (ValueKind::Winners, Op::MaxPool(pool)) => pool.window.len(),
            _ => 1,
        };
        shape.h * shape.w * window * shape.c.div_ceil(8)
    }

    /// Must the value exist before the first step and after the last? What is written or read from outside.
    pub fn outlives(&self, id: ValueId) -> bool {
        [&self.inputs, &self.kept, &self.traced].into_iter().any(|ids| ids.contains(&id))
            || self.state.iter().any(|(current, next)| *current == id || *next == id)
    }

    /// For each value the steps during which it must exist: from the one that makes it to the last one that reads it.
    /// What is written or read from outside exists all the time: an executor may run the plan for one part of the batch
    /// after the other.
    pub fn lifetimes(&self) -> Vec<std::ops::RangeInclusive<usize>> {
        let end = self.steps.len();
        let mut first = vec![0; self.values.len()];
        let mut last = vec![0; self.values.len()];
        for (i, step) in self.steps.iter().enumerate() {
            for value in [Some(step.output), step.side].into_iter().flatten() {
                (first[value.0], last[value.0]) = (i, i);
            }
            for value in step.inputs() {
                last[value.0] = i;
            }
        }
        for id in (0..self.values.len()).map(ValueId).filter(|&id| self.outlives(id)) {
            (first[id.0], last[id.0]) = (0, end);
        }
        first.into_iter().zip(last).map(|(first, last)| first..=last).collect()
    }

    /// Which buffer holds which value: values that never exist at the same time share one. `size` is in any unit.
    pub fn place(&self, size: impl Fn(ValueId) -> usize) -> Placement {
        let lifetimes = self.lifetimes();
        let size: Vec<usize> = (0..self.values.len()).map(|v| size(ValueId(v))).collect();
        let mut order: Vec<usize> = (0..self.values.len()).collect();
        // Largest first: small values then fill the gaps in time that the large ones leave.
        order.sort_by_key(|&v| (std::cmp::Reverse(size[v]), v));
        let mut buffer_of = vec![0; self.values.len()];
        let mut sizes: Vec<usize> = vec![];
        let mut tenants: Vec<Vec<usize>> = vec![];
        for v in order {
            let free = |b: &usize| {
                tenants[*b]
                    .iter()
                    .all(|&t| lifetimes[t].end() < lifetimes[v].start() || lifetimes[v].end() < lifetimes[t].start())
            };
            let b = (0..sizes.len()).find(free).unwrap_or_else(|| {
                sizes.push(size[v]);
                tenants.push(vec![]);
                sizes.len() - 1
            });
            tenants[b].push(v);
            buffer_of[v] = b;
        }
        Placement { buffer_of, sizes }
    }
}

/// See [`Plan::place`].
#[derive(Debug, Clone)]
pub struct Placement {
    /// For each value the index of its buffer.
    pub buffer_of: Vec<usize>,
    /// The size of each buffer.
    pub sizes: Vec<usize>,
}

impl Placement {
    pub fn total(&self) -> usize {
        self.sizes.iter().sum()
    }
}

impl fmt::Display for Plan {
    /// A line per step: what it computes, from what, the shape.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (i, step) in self.steps.iter().enumerate() {
            let names: Vec<&str> = step.nodes.iter().map(|&n| self.graph[n].op.name()).collect();
            let last = *step.nodes.last().expect("a step computes at least one node");
            let shape = self.value(step.output).shape;
            writeln!(f, "{i:>3}  {:<40} {shape:<18} {}", self.graph[last].name, names.join(" + "))?;
        }
        Ok(())
    }
}
