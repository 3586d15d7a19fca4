//! Which nodes become one step.
//!
//! A step starts at a head and takes in the nodes that follow it, as long as the value has no other use and the next op
//! fits the order of the [`Epilogue`]. What never becomes a step of its own:
//!
//! - an upsample or concat that only convolutions read: they read its parts instead;
//! - zeros around an image that only convolutions read: they count these among their own;
//! - a convolution of which only slices are used (the gradient of a concat): each slice is a smaller convolution; so is
//!   what is cut out of it (the gradient of zeros around an image);
//! - a batch_norm right after a convolution: it is folded into the kernel and the bias;
//! - the relu's output, where backprop only asks for its sign; the max pool's input, where it only asks for the winner.
//!
//! A node may bring another input into the step: what is added, the signs of a gate. The step then runs after that input is
//! there; so a node is not taken in if its other input waits, however indirectly, for the step itself.

use super::epilogue::Stage;
use super::{Affine, Epilogue, Head, Part, Plan, Step, Value, ValueId, ValueKind, schedule};
use crate::engine::graph::{Graph, Node, NodeId};
use crate::engine::ops::{Conv2d, Op, Sides, Window};
use crate::engine::tensor::Shape;
use std::collections::{HashMap, HashSet};
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
    let Fuser { values, index, steps, .. } = fuser;
    let steps = schedule::ordered(steps, values.len());

    let is_input = |i: &usize| matches!(graph[values[*i].node].op, Op::Input(_));
    let inputs: Vec<ValueId> = (0..values.len()).filter(is_input).map(ValueId).collect();
    let find = |id: &NodeId| index[&(*id, ValueKind::Data)];
    let kept: Vec<ValueId> = keep.iter().map(find).collect();
    let traced: Vec<ValueId> = trace.iter().map(find).collect();
    let state: Vec<(ValueId, ValueId)> = state.iter().map(|(a, b)| (find(a), find(b))).collect();
    let mut outlives = vec![false; values.len()];
    let moving = state.iter().flat_map(|(current, next)| [current, next]);
    inputs.iter().chain(&kept).chain(&traced).chain(moving).for_each(|id| outlives[id.0] = true);
    Plan { graph: Arc::new(graph), values, steps, inputs, kept, traced, state, outlives }
}

struct Fuser<'g> {
    graph: &'g Graph,
    /// Must exist as a tensor of its own.
    kept: Vec<bool>,
    live: Vec<bool>,
    /// Live nodes that read a node's values (not only its signs or winners). A node that reads it twice is there twice.
    readers: Vec<Vec<NodeId>>,
    /// Relus and max pools whose signs or winners the backward pass asks for.
    remembered: HashSet<NodeId>,
    /// Never computed by itself: see the head of this file.
    absent: Vec<bool>,
    /// For each node the step that it is part of.
    step_of: Vec<Option<usize>>,
    values: Vec<Value>,
    index: HashMap<(NodeId, ValueKind), ValueId>,
    steps: Vec<Step>,
}

impl<'g> Fuser<'g> {
    fn new(graph: &'g Graph, kept: Vec<bool>) -> Fuser<'g> {
        let len = graph.len();
        let mut fuser = Fuser {
            graph,
            live: kept.clone(),
            kept,
            readers: vec![vec![]; len],
            remembered: HashSet::new(),
            absent: vec![false; len],
            step_of: vec![None; len],
            values: vec![],
            index: HashMap::new(),
            steps: vec![],
        };
        for (id, node) in graph.nodes().rev() {
            if !fuser.live[id.0] {
                continue;
            }
            let side = fuser.side_of(id);
            for (i, &x) in node.inputs.iter().enumerate() {
                fuser.live[x.0] = true;
                if !(i == 1 && side.is_some()) {
                    fuser.readers[x.0].push(id);
                }
            }
            if let Some(y) = side {
                fuser.live[y.0] = true;
                fuser.remembered.insert(y);
            }
        }
        for (id, _) in graph.nodes().rev() {
            fuser.absent[id.0] = fuser.live[id.0] && !fuser.kept[id.0] && fuser.is_read_in_parts(id);
        }
        fuser
    }

    /// The relu or max_pool whose signs or winners a gradient reads instead of its second input.
    fn side_of(&self, id: NodeId) -> Option<NodeId> {
        let node = &self.graph[id];
        match node.op {
            Op::ReluGrad => Some(node.inputs[1]),
            Op::MaxPoolGrad(pool) if is_plain_pool(self.graph, node) => {
                Some(self.graph.max_pool_of(node.inputs[1], pool).expect("checked when the graph was built"))
            }
            _ => None,
        }
    }

    /// Do only convolutions read it, so that they can read its parts? Or, of a convolution, only slices?
    fn is_read_in_parts(&self, id: NodeId) -> bool {
        let only = |allowed: &dyn Fn(NodeId) -> bool| {
            !self.readers[id.0].is_empty() && self.readers[id.0].iter().all(|&reader| allowed(reader))
        };
        let is_conv = |reader: NodeId| matches!(&self.graph[reader].op, Op::Conv2d(conv) if conv.is_plain());
        match &self.graph[id].op {
            Op::Upsample(_) => only(&|reader| {
                is_conv(reader) || (matches!(self.graph[reader].op, Op::Concat) && self.absent[reader.0])
            }),
            Op::Concat => self.graph[id].inputs.len() <= MAX_PARTS && only(&is_conv),
            Op::Pad { .. } => only(&|reader| match &self.graph[reader].op {
                Op::Conv2d(conv) => padded(self.graph, id, conv).is_some(),
                _ => false,
            }),
            Op::Conv2d(conv) => match self.readers[id.0][..] {
                [reader] if cropped(self.graph, id, conv, reader).is_some() => true,
                _ => conv.groups == 1 && only(&|reader| is_of_channels(self.graph, &self.graph[reader])),
            },
            _ => false,
        }
    }

    fn run(&mut self) {
        let all: Vec<NodeId> =
            self.graph.nodes().map(|(id, _)| id).filter(|id| self.live[id.0] && !self.absent[id.0]).collect();
        // Where a pool's gradient and a convolution's meet in an add, the pool takes the add in: alone it would write a
        // tensor that is mostly zeros.
        let is_pool = |id: &NodeId| matches!(self.graph[*id].op, Op::MaxPoolGrad(_)) && self.side_of(*id).is_some();
        let (pools, others): (Vec<NodeId>, Vec<NodeId>) = all.into_iter().partition(is_pool);
        for id in pools.into_iter().chain(others) {
            if matches!(self.graph[id].op, Op::Input(_)) {
                self.data(id);
            } else if self.step_of[id.0].is_none() {
                self.step(id);
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

    /// The convolution `id` as it is computed: what it reads, and how.
    fn conv(&mut self, id: NodeId, conv: &Conv2d) -> (Vec<Part>, Conv2d) {
        let x = self.graph[id].inputs[0];
        match padded(self.graph, x, conv).filter(|_| self.absent[x.0]) {
            Some(conv) => (self.parts(self.graph[x].inputs[0]), conv),
            None => (self.parts(x), conv.clone()),
        }
    }

    /// Builds the step that starts at `id`.
    fn step(&mut self, id: NodeId) {
        let number = self.steps.len();
        let (head, mut stage) = self.head(id);
        let mut step = Step { head, epilogue: Epilogue::default(), output: ValueId(0), side: None, nodes: vec![] };
        if let Op::Slice { .. } = self.graph[id].op
            && matches!(step.head, Head::Conv { .. })
        {
            step.nodes.push(self.graph[id].inputs[0]);
        }
        if let Head::Same { .. } = step.head {
            // The node is the epilogue's first stage.
            stage = self.absorb(&mut step, stage, self.graph[id].inputs[0], id).expect("it starts an epilogue");
        }
        let mut last = id;
        step.nodes.push(id);
        self.step_of[id.0] = Some(number);
        self.steps.push(step.clone());
        while let Some(next) = self.next(number, last) {
            let Some(reached) = self.absorb(&mut step, stage, last, next) else { break };
            (stage, last) = (reached, next);
            self.step_of[next.0] = Some(number);
            step.nodes.push(next);
            self.steps[number].nodes.push(next);
        }
        step.output = self.data(last);
        let remembered = step.nodes.iter().copied().find(|node| self.remembered.contains(node));
        step.side = remembered.map(|node| match self.graph[node].op {
            Op::Relu => self.value(node, ValueKind::Signs),
            _ => self.value(node, ValueKind::Winners),
        });
        self.steps[number] = step;
    }

    /// What the step that starts at `id` computes, and how far along the epilogue that is.
    fn head(&mut self, id: NodeId) -> (Head, Stage) {
        let node = &self.graph[id];
        match &node.op {
            &Op::Fill { value, .. } => (Head::Fill { value }, Stage::Pool),
            Op::Conv2d(conv) => {
                let (parts, conv) = self.conv(id, conv);
                (Head::Conv { parts, conv, pool: Window::ONE }, Stage::Head)
            }
            Op::ConvTranspose(conv) => {
                (Head::ConvTranspose { x: self.data(node.inputs[0]), conv: conv.clone() }, Stage::Pool)
            }
            &Op::Slice { start, size } if self.absent[node.inputs[0].0] => {
                let whole = node.inputs[0];
                let Op::Conv2d(conv) = &self.graph[whole].op else { unreachable!("only convolutions are sliced") };
                let is_of_channels = is_of_channels(self.graph, node);
                let (parts, conv) = match cropped(self.graph, whole, conv, id) {
                    Some(conv) if !is_of_channels => self.conv(whole, &conv),
                    _ => self.conv(whole, &sliced(conv, start[2], size[2])),
                };
                (Head::Conv { parts, conv, pool: Window::ONE }, Stage::Head)
            }
            &Op::MaxPoolGrad(pool) if is_plain_pool(self.graph, node) => {
                let max_pool = self.side_of(id).expect("of a max_pool");
                let (dy, winners) = (self.data(node.inputs[0]), self.value(max_pool, ValueKind::Winners));
                (Head::Unpool { dy, winners, window: pool.window }, Stage::Pool)
            }
            Op::BatchNorm { .. } | Op::Relu | Op::ReluGrad | Op::Scale { .. } => {
                (Head::Same { x: self.data(node.inputs[0]) }, Stage::Pool)
            }
            Op::Add if is_even(self.graph, node) => (Head::Same { x: self.data(node.inputs[0]) }, Stage::Pool),
            op => {
                let inputs = node.inputs.iter().map(|&x| self.data(x)).collect();
                (Head::Op { op: op.clone(), inputs }, Stage::Closed)
            }
        }
    }

    /// The only node that reads `last`, the step's result so far, if the step may take it in.
    fn next(&self, step: usize, last: NodeId) -> Option<NodeId> {
        let [next] = self.readers[last.0][..] else { return None };
        let others = self.graph[next].inputs.iter().copied().filter(|&x| x != last).chain(self.side_of(next));
        let may = !self.kept[last.0] && self.step_of[next.0].is_none() && !self.waits(others, step);
        may.then_some(next)
    }

    /// Does one of `nodes` need what step `step` computes, itself or by way of other steps?
    fn waits(&self, nodes: impl Iterator<Item = NodeId>, step: usize) -> bool {
        let first = self.steps[step].nodes[0];
        let mut seen = HashSet::new();
        let mut open: Vec<NodeId> = nodes.collect();
        while let Some(id) = open.pop() {
            // Who needs one node of a step waits for all of it.
            let together = match self.step_of[id.0] {
                Some(other) if other == step => return true,
                Some(other) => &self.steps[other].nodes[..],
                None => &[id],
            };
            // What stands before the step's first node in the graph cannot need it.
            if together.iter().all(|&id| id < first) || !seen.insert(together[0]) {
                continue;
            }
            for &id in together {
                open.extend(self.graph[id].inputs.iter().copied().chain(self.side_of(id)));
            }
        }
        false
    }

    /// Lets the step compute `next`, too, which reads its result `last`; returns how far along the epilogue it then is.
    /// None, if the op does not fit there.
    fn absorb(&mut self, step: &mut Step, stage: Stage, last: NodeId, next: NodeId) -> Option<Stage> {
        let node = &self.graph[next];
        match (&node.op, &mut step.head) {
            // Spreading a constant gives a constant.
            (Op::Spread(shape), Head::Fill { value }) if stage <= Stage::Pool => {
                *value /= shape.image_len() as f32;
                Some(Stage::Pool)
            }
            // The bias comes after the pool: one that is there before it would be added once, not for each pixel.
            (&Op::SumPool(window), Head::Conv { pool, conv, .. })
                if stage < Stage::Pool && conv.bias.is_none() && conv.is_plain() =>
            {
                *pool = window;
                Some(Stage::Pool)
            }
            (Op::BatchNorm { scale, shift }, Head::Conv { conv, .. }) if stage == Stage::Head => {
                *conv = folded(conv, scale, shift);
                Some(Stage::Head)
            }
            (Op::Add, _) if stage < Stage::Add && is_even(self.graph, node) => {
                let other = if node.inputs[0] == last { node.inputs[1] } else { node.inputs[0] };
                step.epilogue.add = Some(self.data(other));
                Some(Stage::Add)
            }
            (Op::Relu, _) if stage < Stage::Relu => {
                step.epilogue.relu = true;
                Some(Stage::Relu)
            }
            (Op::BatchNorm { scale, shift }, _) if stage < Stage::Affine => {
                step.epilogue.affine = Some(Affine::new(scale, shift));
                Some(Stage::Affine)
            }
            (&Op::Scale { factor }, Head::Same { .. }) if step.nodes.is_empty() => {
                let c = node.shape.c;
                step.epilogue.affine = Some(Affine { scale: vec![factor; c].into(), shift: vec![0.0; c].into() });
                Some(Stage::Affine)
            }
            // Scaling what the gate let through is the same as letting through what was scaled.
            (Op::BatchNorm { scale, shift }, _)
                if stage == Stage::Gate && step.epilogue.affine.is_none() && shift.iter().all(|&s| s == 0.0) =>
            {
                step.epilogue.affine = Some(Affine::new(scale, shift));
                Some(Stage::Closed)
            }
            (Op::ReluGrad, _) if stage < Stage::Gate && node.inputs[0] == last => {
                step.epilogue.gate = Some(self.value(node.inputs[1], ValueKind::Signs));
                Some(Stage::Gate)
            }
            _ => None,
        }
    }
}

/// Is it a slice that leaves all rows and columns?
fn is_of_channels(graph: &Graph, node: &Node) -> bool {
    let whole = |x: Shape| [x.h, x.w] == [node.shape.h, node.shape.w];
    matches!(node.op, Op::Slice { .. }) && whole(graph.shape(node.inputs[0]))
}

/// Is it the gradient of a pool whose windows cut all of the image up?
fn is_plain_pool(graph: &Graph, node: &Node) -> bool {
    matches!(node.op, Op::MaxPoolGrad(pool) if pool.is_plain(graph.shape(node.inputs[1])))
}

/// Are all inputs of the result's own shape, so that nothing is repeated?
fn is_even(graph: &Graph, node: &Node) -> bool {
    node.inputs.iter().all(|&x| graph.shape(x) == node.shape)
}

/// The convolution `conv` of what `pad` adds zeros around, as one that adds them itself. None, if `pad` is another op, or if there would
/// be windows that see nothing but zeros.
fn padded(graph: &Graph, pad: NodeId, conv: &Conv2d) -> Option<Conv2d> {
    let Op::Pad { before: [top, left, _], size: [h, w, c] } = graph[pad].op else { return None };
    let (x, Conv2d { kernel, dilation, pad: own, .. }) = (graph.shape(graph[pad].inputs[0]), conv);
    let pad = Sides {
        top: own.top + top,
        bottom: own.bottom + (h - x.h - top),
        left: own.left + left,
        right: own.right + (w - x.w - left),
    };
    let (down, across) = ((kernel.kh - 1) * dilation.h, (kernel.kw - 1) * dilation.w);
    let sees = pad.top <= down && pad.bottom <= down && pad.left <= across && pad.right <= across;
    (c == x.c && sees).then(|| Conv2d { pad, ..conv.clone() })
}

/// What `slice` cuts out of the rows and columns of the convolution `id`, as one that adds fewer zeros. None, if it is another op, or cuts
/// off more than that.
fn cropped(graph: &Graph, id: NodeId, conv: &Conv2d, slice: NodeId) -> Option<Conv2d> {
    let Op::Slice { start: [top, left, _], size: [h, w, c] } = graph[slice].op else { return None };
    let (y, own) = (graph.shape(id), conv.pad);
    let pad = Sides {
        top: own.top.checked_sub(top)?,
        bottom: own.bottom.checked_sub(y.h - h - top)?,
        left: own.left.checked_sub(left)?,
        right: own.right.checked_sub(y.w - w - left)?,
    };
    (c == y.c && conv.stride == Window::ONE).then(|| Conv2d { pad, ..conv.clone() })
}

/// Only output channels `start .. start + len`.
fn sliced(conv: &Conv2d, start: usize, len: usize) -> Conv2d {
    let of_image = |bias: &[f32]| bias[start..start + len].to_vec();
    let bias = conv.bias.as_ref().map(|b| b.chunks(conv.kernel.co).flat_map(of_image).collect());
    Conv2d { kernel: conv.kernel.outputs(start, len), bias, ..conv.clone() }
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
