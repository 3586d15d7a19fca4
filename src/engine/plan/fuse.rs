//! Which nodes become one step.
//!
//! A chain starts at a head and takes in the nodes that follow it, as long as the value has no other use and the next op
//! fits the order of [`Ends`]. What never becomes a step of its own:
//!
//! - an upsample or concat that only convolutions read: they read its parts instead;
//! - a convolution of which only slices are used (the gradient of a concat): each slice is a smaller convolution;
//! - a batch_norm right after a convolution: it is folded into the kernel and the bias;
//! - the relu's output, where backprop only asks for its sign; the max pool's input, where it only asks for the winner.

use super::{Affine, Ends, Head, Part, Plan, Step, Value, ValueId, ValueKind};
use crate::engine::graph::{Graph, Node, NodeId};
use crate::engine::ops::{Conv2d, Op, Pool, Window};
use crate::engine::tensor::Shape;
use std::collections::HashMap;
use std::sync::Arc;

/// The most parts that a convolution reads side by side; U-Nets have two.
const MAX_PARTS: usize = 2;

pub(super) fn compile(graph: Graph, keep: &[NodeId], trace: &[NodeId], state: &[(NodeId, NodeId)]) -> Plan {
    let mut kept = vec![false; graph.len()];
    for id in keep.iter().chain(trace).chain(state.iter().flat_map(|(a, b)| [a, b])) {
        kept[id.0] = true;
    }
    let mut fuser = Fuser::new(&graph, kept);
    fuser.run();
    let Fuser { values, index, mut steps, .. } = fuser;
    // A step can run when the last node it computes can.
    steps.sort_by_key(|(order, _)| *order);
    let steps: Vec<Step> = steps.into_iter().map(|(_, step)| step).collect();

    let is_input = |i: &usize| matches!(graph[values[*i].node].op, Op::Input(_));
    let inputs = (0..values.len()).filter(is_input).map(ValueId).collect();
    let find = |id: &NodeId| index[&(*id, ValueKind::Data)];
    let kept = keep.iter().map(find).collect();
    let traced = trace.iter().map(find).collect();
    let state = state.iter().map(|(a, b)| (find(a), find(b))).collect();
    Plan { graph: Arc::new(graph), values, steps, inputs, kept, traced, state }
}

struct Fuser<'g> {
    graph: &'g Graph,
    /// Must exist as a tensor of its own.
    kept: Vec<bool>,
    live: Vec<bool>,
    /// Live nodes that read a node's values (not only its signs or winners). A node that reads it twice is there twice.
    readers: Vec<Vec<NodeId>>,
    /// Never computed by itself: see the head of this file.
    absent: Vec<bool>,
    /// Already part of a step.
    taken: Vec<bool>,
    values: Vec<Value>,
    index: HashMap<(NodeId, ValueKind), ValueId>,
    /// With the last node each computes, by which they are sorted.
    steps: Vec<(NodeId, Step)>,
}

impl<'g> Fuser<'g> {
    fn new(graph: &'g Graph, kept: Vec<bool>) -> Fuser<'g> {
        let len = graph.len();
        let mut live = kept.clone();
        let mut readers = vec![vec![]; len];
        for (id, node) in graph.nodes().rev().filter(|(id, _)| !matches!(graph[*id].op, Op::Input(_))) {
            if !live[id.0] {
                continue;
            }
            let mut reads = &node.inputs[..];
            match node.op {
                Op::ReluGrad => reads = &reads[..1],
                Op::MaxPoolGrad(pool) if is_plain_pool(graph, node) => {
                    reads = &reads[..1];
                    live[graph.max_pool_of(node.inputs[1], pool).expect("checked when the graph was built").0] = true;
                }
                _ => {}
            }
            node.inputs.iter().for_each(|x| live[x.0] = true);
            reads.iter().for_each(|x| readers[x.0].push(id));
        }
        let mut fuser = Fuser {
            graph,
            kept,
            live,
            readers,
            absent: vec![false; len],
            taken: vec![false; len],
            values: vec![],
            index: HashMap::new(),
            steps: vec![],
        };
        for (id, node) in graph.nodes().rev() {
            fuser.absent[id.0] = fuser.live[id.0]
                && !fuser.kept[id.0]
                && match node.op {
                    Op::Upsample(_) => fuser.read_only_by(id, |reader| match &graph[reader].op {
                        Op::Conv2d(conv) => conv.is_plain(),
                        Op::Concat => fuser.absent[reader.0],
                        _ => false,
                    }),
                    Op::Concat => {
                        let is_plain =
                            |reader: NodeId| matches!(&graph[reader].op, Op::Conv2d(conv) if conv.is_plain());
                        node.inputs.len() <= MAX_PARTS && fuser.read_only_by(id, is_plain)
                    }
                    Op::Conv2d(ref conv) => {
                        let is_slice = |reader: NodeId| is_of_channels(graph, &graph[reader]);
                        conv.is_plain() && fuser.read_only_by(id, is_slice)
                    }
                    _ => false,
                };
        }
        fuser
    }

    fn read_only_by(&self, id: NodeId, allowed: impl Fn(NodeId) -> bool) -> bool {
        !self.readers[id.0].is_empty() && self.readers[id.0].iter().all(|&reader| allowed(reader))
    }

    fn run(&mut self) {
        let all: Vec<NodeId> =
            self.graph.nodes().map(|(id, _)| id).filter(|id| self.live[id.0] && !self.absent[id.0]).collect();
        // Where a pool's gradient and a convolution's meet in an add, the pool takes the add in: alone it would write a
        // tensor that is mostly zeros.
        let is_pool = |id: &NodeId| {
            matches!(self.graph[*id].op, Op::MaxPoolGrad(_)) && is_plain_pool(self.graph, &self.graph[*id])
        };
        let (pools, others): (Vec<NodeId>, Vec<NodeId>) = all.into_iter().partition(is_pool);
        for id in pools.into_iter().chain(others) {
            if !self.taken[id.0] {
                self.chain(id);
            }
        }
    }

    /// The value of that node and kind, made known at its first mention.
    fn value(&mut self, node: NodeId, kind: ValueKind) -> ValueId {
        *self.index.entry((node, kind)).or_insert_with(|| {
            self.values.push(Value { node, kind, shape: self.graph.shape(node) });
            ValueId(self.values.len() - 1)
        })
    }

    fn data(&mut self, node: NodeId) -> ValueId {
        self.value(node, ValueKind::Data)
    }

    /// The winners of the max_pool of `x`.
    fn winners(&mut self, x: NodeId, pool: Pool) -> ValueId {
        let pool = self.graph.max_pool_of(x, pool).expect("checked when the graph was built");
        self.value(pool, ValueKind::Winners)
    }

    /// What a convolution that reads `x` reads instead.
    fn parts(&mut self, x: NodeId) -> Vec<Part> {
        match self.graph[x].op {
            Op::Concat if self.absent[x.0] => {
                self.graph[x].inputs.clone().into_iter().flat_map(|x| self.parts(x)).collect()
            }
            Op::Upsample(up) if self.absent[x.0] => vec![Part { value: self.data(self.graph[x].inputs[0]), up }],
            _ => vec![Part { value: self.data(x), up: Window::ONE }],
        }
    }

    /// Builds the step that starts at `id`.
    fn chain(&mut self, id: NodeId) {
        let node = &self.graph[id];
        let input = |i: usize| node.inputs[i];
        let mut ends = Ends::default();
        let mut nodes = vec![];
        let mut relu = None;
        // How far along the order of the ends the chain has come.
        let mut stage = Stage::Closed;
        let head = match &node.op {
            Op::Input(_) => {
                self.data(id);
                return;
            }
            &Op::Fill { value, .. } => {
                stage = Stage::Pool;
                Head::Fill { value }
            }
            Op::Conv2d(conv) if conv.is_plain() => {
                stage = Stage::Head;
                Head::Conv { parts: self.parts(input(0)), conv: conv.clone(), pool: Window::ONE }
            }
            &Op::Slice { start, size } if self.absent[input(0).0] => {
                let (start, len) = (start[2], size[2]);
                let Op::Conv2d(conv) = &self.graph[input(0)].op else {
                    unreachable!("only convolutions are sliced away")
                };
                stage = Stage::Head;
                nodes.push(input(0));
                let bias = conv
                    .bias
                    .as_ref()
                    .map(|b| b.chunks(conv.kernel.co).flat_map(|b| b[start..start + len].iter().copied()).collect());
                let conv = Conv2d { kernel: conv.kernel.outputs(start, len), bias, ..conv.clone() };
                Head::Conv { parts: self.parts(self.graph[input(0)].inputs[0]), conv, pool: Window::ONE }
            }
            &Op::MaxPoolGrad(pool) if is_plain_pool(self.graph, node) => {
                stage = Stage::Pool;
                let (dy, winners) = (self.data(input(0)), self.winners(input(1), pool));
                Head::MaxPoolGrad { dy, winners, window: pool.window }
            }
            Op::BatchNorm { scale, shift } => {
                stage = Stage::Affine;
                ends.affine = Some(Affine::new(scale, shift));
                Head::Same { x: self.data(input(0)) }
            }
            Op::Relu => {
                (stage, ends.relu, relu) = (Stage::Relu, true, Some(id));
                Head::Same { x: self.data(input(0)) }
            }
            Op::ReluGrad => {
                stage = Stage::Gate;
                ends.gate = Some(self.value(input(1), ValueKind::Signs));
                Head::Same { x: self.data(input(0)) }
            }
            Op::Add if is_even(self.graph, node) => {
                stage = Stage::Add;
                ends.add = Some(self.data(input(1)));
                Head::Same { x: self.data(input(0)) }
            }
            &Op::Scale { factor } => {
                stage = Stage::Affine;
                let c = node.shape.c;
                ends.affine = Some(Affine { scale: vec![factor; c].into(), shift: vec![0.0; c].into() });
                Head::Same { x: self.data(input(0)) }
            }
            &Op::MaxPool(pool) if is_plain_pool(self.graph, node) => {
                Head::MaxPool { x: self.data(input(0)), window: pool.window }
            }
            Op::Sigmoid => Head::Sigmoid { x: self.data(input(0)) },
            Op::SigmoidGrad => Head::SigmoidGrad { dy: self.data(input(0)), y: self.data(input(1)) },
            &Op::Upsample(window) => Head::Upsample { x: self.data(input(0)), window },
            &Op::SumPool(window) => Head::SumPool { x: self.data(input(0)), window },
            Op::Concat => Head::Concat { xs: node.inputs.iter().map(|&x| self.data(x)).collect() },
            &Op::Slice { start, .. } if is_of_channels(self.graph, node) => {
                Head::Slice { x: self.data(input(0)), start: start[2] }
            }
            Op::Mean => Head::Mean { x: self.data(input(0)) },
            Op::Spread(_) => Head::Spread { dy: self.data(input(0)) },
            Op::Mul if is_even(self.graph, node) => Head::Mul { a: self.data(input(0)), b: self.data(input(1)) },
            Op::Roll => Head::Roll { x: self.data(input(0)), by: self.data(input(1)) },
            Op::TotalVariation => Head::TotalVariation { x: self.data(input(0)) },
            Op::TotalVariationGrad => Head::TotalVariationGrad { dy: self.data(input(0)), x: self.data(input(1)) },
            Op::Transform { axis, matrix } => {
                Head::Transform { x: self.data(input(0)), axis: *axis, matrix: matrix.clone() }
            }
            Op::Rms => Head::Rms { x: self.data(input(0)) },
            &Op::Normalise { epsilon } => {
                Head::Normalise { x: self.data(input(0)), rms: self.data(input(1)), epsilon: epsilon as f32 }
            }
            &Op::Adam { epsilon } => Head::Adam {
                m: self.data(input(0)),
                v: self.data(input(1)),
                cm: self.data(input(2)),
                cv: self.data(input(3)),
                epsilon: epsilon as f32,
            },
            &Op::Step { rate } => Head::Step { x: self.data(input(0)), g: self.data(input(1)), rate },
            Op::Constant { .. }
            | Op::Conv2d(_)
            | Op::ConvTranspose(_)
            | Op::Pointwise(_)
            | Op::PointwiseGrad(_)
            | Op::Softmax(_)
            | Op::MaxPool(_)
            | Op::MaxPoolGrad(_)
            | Op::Slice { .. }
            | Op::Pad { .. }
            | Op::Reshape(_)
            | Op::Permute(_)
            | Op::Sum(_)
            | Op::Broadcast(_)
            | Op::Add
            | Op::Mul => Head::Todo { xs: node.inputs.iter().map(|&x| self.data(x)).collect() },
        };
        nodes.push(id);
        let mut step = Step { head, ends, output: ValueId(0), side: None, nodes };
        let mut last = id;
        while let Some(next) = self.absorb(&mut step, &mut stage, last) {
            if matches!(self.graph[next].op, Op::Relu) {
                relu = Some(next);
            }
            self.taken[next.0] = true;
            step.nodes.push(next);
            last = next;
        }
        step.output = self.data(last);
        step.side = match step.head {
            Head::MaxPool { .. } => self.is_remembered(id).then(|| self.value(id, ValueKind::Winners)),
            _ => relu.filter(|&y| self.is_remembered(y)).map(|y| self.value(y, ValueKind::Signs)),
        };
        self.taken[id.0] = true;
        self.steps.push((last, step));
    }

    /// The node after `last`, if it became part of the step.
    fn absorb(&mut self, step: &mut Step, stage: &mut Stage, last: NodeId) -> Option<NodeId> {
        let next = match self.readers[last.0][..] {
            [only] if !self.kept[last.0] && !self.taken[only.0] => only,
            _ => return None,
        };
        let node = &self.graph[next];
        let reached = match (&node.op, &mut step.head) {
            // Spreading a constant gives a constant.
            (Op::Spread(shape), Head::Fill { value }) if *stage <= Stage::Pool => {
                *value /= shape.image_len() as f32;
                Stage::Pool
            }
            // The bias comes after the pool: one that is there before it would be added once, not for each pixel.
            (&Op::SumPool(window), Head::Conv { pool, conv, .. }) if *stage < Stage::Pool && conv.bias.is_none() => {
                *pool = window;
                Stage::Pool
            }
            (Op::BatchNorm { scale, shift }, Head::Conv { conv, .. }) if *stage == Stage::Head => {
                *conv = folded(conv, scale, shift);
                Stage::Head
            }
            (Op::Add, _) if *stage < Stage::Add && is_even(self.graph, node) => {
                let other = if node.inputs[0] == last { node.inputs[1] } else { node.inputs[0] };
                step.ends.add = Some(self.data(other));
                Stage::Add
            }
            (Op::Relu, _) if *stage < Stage::Relu => {
                step.ends.relu = true;
                Stage::Relu
            }
            (Op::BatchNorm { scale, shift }, _) if *stage < Stage::Affine => {
                step.ends.affine = Some(Affine::new(scale, shift));
                Stage::Affine
            }
            // To scale what was let through is to let through what was scaled.
            (Op::BatchNorm { scale, shift }, _)
                if *stage == Stage::Gate && step.ends.affine.is_none() && shift.iter().all(|&s| s == 0.0) =>
            {
                step.ends.affine = Some(Affine::new(scale, shift));
                Stage::Closed
            }
            (Op::ReluGrad, _) if *stage < Stage::Gate && node.inputs[0] == last => {
                step.ends.gate = Some(self.value(node.inputs[1], ValueKind::Signs));
                Stage::Gate
            }
            _ => return None,
        };
        *stage = reached;
        Some(next)
    }

    /// Will backprop ask for the signs of this relu, or the winners of this max pool?
    fn is_remembered(&self, y: NodeId) -> bool {
        let asks = |(id, node): (NodeId, &Node)| {
            self.live[id.0]
                && match node.op {
                    Op::ReluGrad => node.inputs[1] == y,
                    Op::MaxPoolGrad(pool) => {
                        is_plain_pool(self.graph, node) && self.graph.max_pool_of(node.inputs[1], pool) == Some(y)
                    }
                    _ => false,
                }
        };
        self.graph.nodes().any(asks)
    }
}

/// How far along the order of the ends a chain has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Head,
    Pool,
    Add,
    Relu,
    Affine,
    Gate,
    Closed,
}

/// The convolution followed by a batch_norm, as one convolution.
fn folded(conv: &Conv2d, scale: &[f64], shift: &[f64]) -> Conv2d {
    let k = &conv.kernel;
    let none = vec![0.0; k.bank * k.co];
    let bias = conv.bias.as_deref().unwrap_or(&none).iter().enumerate();
    let bias: Arc<[f32]> = bias.map(|(i, &b)| (f64::from(b) * scale[i % k.co] + shift[i % k.co]) as f32).collect();
    let bias = (conv.bias.is_some() || shift.iter().any(|&s| s != 0.0)).then_some(bias);
    Conv2d { kernel: k.scaled(scale), bias, ..conv.clone() }
}

/// Is it a slice that leaves all rows and columns?
fn is_of_channels(graph: &Graph, node: &Node) -> bool {
    let whole = |x: Shape| [x.h, x.w] == [node.shape.h, node.shape.w];
    matches!(node.op, Op::Slice { .. }) && whole(graph.shape(node.inputs[0]))
}

/// Is it a pool, or the gradient of one, whose windows cut all of the image up?
fn is_plain_pool(graph: &Graph, node: &Node) -> bool {
    match node.op {
        Op::MaxPool(pool) => pool.is_plain(graph.shape(node.inputs[0])),
        Op::MaxPoolGrad(pool) => pool.is_plain(graph.shape(node.inputs[1])),
        _ => false,
    }
}

/// Are all inputs of the result's own shape, so that nothing is repeated?
fn is_even(graph: &Graph, node: &Node) -> bool {
    node.inputs.iter().all(|&x| graph.shape(x) == node.shape)
}
