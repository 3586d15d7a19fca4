//! Small worked examples in numbers: an op forward and backward on a few cells, computed by the engine's reference, with
//! the finite difference beside every gradient.

mod examples;
mod exercises;
mod twice;

pub use examples::topic;
pub use exercises::{Exercise, exercises};

use crate::engine::exec::reference::evaluate;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::ops::{Function, Op};
use crate::engine::tensor::{Shape, Tensor64};
use crate::lens::ascent::{Objective, Recipe};
use crate::network::Network;
use crate::{Error, Result};
use examples::{example, is_linear, settings, with_settings};
use serde::Serialize;

/// Half the way between the two points of a finite difference.
pub const STEP: f64 = 1e-4;

/// Numbers `[h, w, c]`, flat.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Array {
    pub shape: [usize; 3],
    pub values: Vec<f64>,
}

/// An op on a few cells.
#[derive(Debug, Clone, Serialize)]
pub struct Worked {
    /// What it teaches, see [`topic`]: no two examples of a page have the same.
    pub topic: &'static str,
    /// As in the graph.
    pub op: &'static str,
    pub formula: &'static str,
    /// How its gradient is computed.
    pub rule: &'static str,
    /// What the numbers in `settings` are: "kernel", "matrix", or their names; empty if there are none.
    pub settings_are: &'static str,
    pub settings: Array,
    pub x: Vec<Array>,
    pub y: Array,
    /// The gradient that arrives.
    pub dy: Array,
    /// For each input the gradient that leaves.
    pub dx: Vec<Array>,
    /// Of a value that is used twice: the gradients of its uses, whose sum `dx` is.
    pub parts: Vec<Array>,
    /// For each input the central difference of `sum of dy y`.
    pub differences: Vec<Array>,
    /// Which outputs read which inputs, output by output.
    pub links: Vec<Link>,
    /// The chain rule for one cell of the first input.
    pub chain: Chain,
    #[serde(skip)]
    example: Example,
}

/// What is computed on the cells.
#[derive(Debug, Clone)]
enum Example {
    Op(Op),
    /// A value used twice, see [`twice`].
    Twice,
}

/// Output `output` reads cell `cell` of input `input`. In a linear op it adds `weight` times that cell, and times setting
/// number `setting`, if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(into = "(usize, usize, usize, f64, Option<usize>)")]
pub struct Link {
    pub output: usize,
    pub input: usize,
    pub cell: usize,
    pub weight: f64,
    pub setting: Option<usize>,
}

impl From<Link> for (usize, usize, usize, f64, Option<usize>) {
    fn from(link: Link) -> Self {
        (link.output, link.input, link.cell, link.weight, link.setting)
    }
}

/// Which outputs read a cell, and so how its gradient comes about: `dx = sum of dy slope`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chain {
    /// The cell, as an index into the first input.
    pub cell: usize,
    /// The outputs that read it, as indices into `y`, and `d y / d x` of each, as backprop takes it.
    pub read_by: Vec<(usize, f64)>,
}

/// An example for each topic between the image and convolution `layer` and for the mean, in the order of their first use; the
/// last is that of a value used twice, if there is one.
///
/// # Errors
/// If the image's shape does not fit the network.
pub fn worked_for(network: &Network, layer: usize, image: Shape) -> Result<Vec<Worked>> {
    let objective = Objective::new(network, layer, &[0], image, &Recipe::default(), false)?;
    let graph = &objective.plan.graph;
    let mut examples: Vec<Worked> = vec![];
    for (_, node) in graph.nodes().take_while(|(id, _)| *id <= objective.loss) {
        let x: Vec<Shape> = node.inputs.iter().map(|&x| graph.shape(x)).collect();
        let topic = topic(&node.op, &x);
        if topic.is_some_and(|topic| examples.iter().all(|example| example.topic != topic)) {
            examples.extend(worked(&node.op, &x)?);
        }
    }
    let forward = || graph.nodes().take_while(|(id, _)| *id <= objective.loss);
    let uses = |x: NodeId| forward().flat_map(|(_, node)| &node.inputs).filter(|input| **input == x).count();
    if forward().any(|(id, _)| uses(id) > 1) {
        examples.push(twice::example()?);
    }
    Ok(examples)
}

/// The worked example of an op like `op` on inputs of shapes `x`: with settings like its, but small. `None` for ops without
/// inputs or gradient.
///
/// # Errors
/// None that a graph's own op can cause.
pub fn worked(op: &Op, x: &[Shape]) -> Result<Option<Worked>> {
    let (Some(topic), Some((example, shapes))) = (topic(op, x), example(op, x)?) else { return Ok(None) };
    let mut next = NUMBERS.iter().cycle();
    let mut take = |shape: Shape| {
        let data = (0..shape.len()).map(|_| fit(&example, *next.next().expect("a cycle"))).collect();
        Tensor64 { shape, data }
    };
    let x: Vec<Tensor64> = shapes.iter().map(|&shape| take(shape)).collect();
    let dy_shape = example.shape(&shapes).map_err(Error::Usage)?;
    let dy = Tensor64 { shape: dy_shape, data: (0..dy_shape.len()).map(|i| ARRIVING[i % ARRIVING.len()]).collect() };
    compute(topic, &Example::Op(example), x, dy).map(Some)
}

/// Small numbers, no two neighbours equal, so that pools have one winner.
const NUMBERS: [f64; 16] = [1.0, 3.0, -2.0, 0.5, 4.0, -1.0, 2.0, 1.5, -3.0, 2.5, 5.0, -0.5, 1.0, 0.0, 3.5, 2.0];
const ARRIVING: [f64; 7] = [1.0, 2.0, -1.0, 0.5, 3.0, -2.0, 1.5];

/// The number, or one near it that the op takes and at which it has no corner.
fn fit(op: &Op, v: f64) -> f64 {
    let Op::Pointwise(f) = op else { return v };
    let v = if matches!(f, Function::Log | Function::Sqrt) { v.abs() + 0.5 } else { v };
    let is_smooth = |v: &f64| f.piece(v - 2.0 * STEP) == f.piece(v + 2.0 * STEP);
    (0..8).map(|i| v + 0.25 * f64::from(i)).find(is_smooth).unwrap_or(v)
}

#[test]
fn a_number_on_a_corner_is_moved_off_all_corners() {
    let op = |slope, threshold, max| Op::Pointwise(Function::Relu { slope, threshold, max });
    assert_eq!(fit(&op(0.25, 1.0, f32::INFINITY), 1.0), 1.25);
    // The next quarter is the other corner.
    assert_eq!(fit(&op(0.25, 1.0, 1.25), 1.0), 1.5);
    assert_eq!(fit(&op(0.25, 1.0, 1.25), 0.5), 0.5);
}

/// One example as a graph, forward and backward.
struct Bench {
    graph: Graph,
    inputs: Vec<NodeId>,
    y: NodeId,
    arriving: NodeId,
    gradients: Vec<NodeId>,
    /// What a gradient that is a sum is the sum of.
    parts: Vec<NodeId>,
}

impl Bench {
    fn of(example: &Example, x: &[Tensor64]) -> Result<Bench> {
        match example {
            Example::Op(op) => Bench::new(op, x),
            Example::Twice => twice::bench(x[0].shape),
        }
    }

    fn new(op: &Op, x: &[Tensor64]) -> Result<Bench> {
        let mut graph = Graph::new();
        let inputs: Vec<NodeId> = x.iter().map(|x| graph.input("x", x.shape)).collect::<Result<_>>()?;
        let y = graph.push("y", op.clone(), &inputs)?;
        let arriving = graph.input("dy", graph.shape(y))?;
        let gradients = op.gradient(&mut graph, y, arriving)?.into_iter().flatten().collect();
        Ok(Bench { graph, inputs, y, arriving, gradients, parts: vec![] })
    }

    fn forward(&self, x: &[Tensor64]) -> Tensor64 {
        let given: Vec<(NodeId, &Tensor64)> = self.inputs.iter().copied().zip(x).collect();
        evaluate(&self.graph, &given, &[self.y]).remove(0)
    }

    /// For each input the gradient of `sum of dy y`, by the op's own rule.
    fn backward(&self, x: &[Tensor64], dy: &Tensor64) -> Vec<Tensor64> {
        self.at(x, dy, &self.gradients)
    }

    fn at(&self, x: &[Tensor64], dy: &Tensor64, wanted: &[NodeId]) -> Vec<Tensor64> {
        let given = self.inputs.iter().copied().zip(x).chain([(self.arriving, dy)]);
        evaluate(&self.graph, &given.collect::<Vec<_>>(), wanted)
    }
}

/// The example forward and backward, by the reference and the op's own gradient rule.
fn compute(topic: &'static str, example: &Example, x: Vec<Tensor64>, dy: Tensor64) -> Result<Worked> {
    let bench = Bench::of(example, &x)?;
    let loss = |x: &[Tensor64]| bench.forward(x).zip(&dy, |y, dy| y * dy).data.iter().sum::<f64>();
    let difference = |k: usize, i: usize| {
        let moved = |h: f64| loss(&with(&x, k, i, x[k].data[i] + h));
        (moved(STEP) - moved(-STEP)) / (2.0 * STEP)
    };
    let differences = (0..x.len()).map(|k| Array {
        shape: [x[k].shape.h, x[k].shape.w, x[k].shape.c],
        values: (0..x[k].data.len()).map(|i| difference(k, i)).collect(),
    });
    let links = match example {
        Example::Op(op) if is_linear(op) => weights(op, &x)?,
        _ => reads(&bench, &x),
    };
    // A cell in the middle, if an output reads it.
    let middle = x[0].shape.at(0, x[0].shape.h / 2, x[0].shape.w / 2, 0);
    let is_read = |cell: usize| links.iter().any(|link| (link.input, link.cell) == (0, cell));
    let cell = (0..x[0].data.len()).find(|&cell| is_read(cell)).filter(|_| !is_read(middle)).unwrap_or(middle);
    let mut outputs: Vec<usize> = links.iter().filter(|l| (l.input, l.cell) == (0, cell)).map(|l| l.output).collect();
    outputs.dedup();
    let slope = |output: usize| {
        let mut only = Tensor64::zeros(dy.shape);
        only.data[output] = 1.0;
        bench.backward(&x, &only)[0].data[cell]
    };
    let read_by = outputs.into_iter().map(|output| (output, slope(output))).collect();
    let (op, formula, rule) = match example {
        Example::Op(op) => (op.name(), op.formula(), op.gradient_formula()),
        Example::Twice => (twice::TOPIC, twice::FORMULA, twice::RULE),
    };
    let (settings_are, settings) = match example {
        Example::Op(op) => settings(op),
        Example::Twice => settings(&Op::Relu),
    };
    Ok(Worked {
        topic,
        op,
        formula,
        rule,
        settings_are,
        settings,
        y: array(&bench.forward(&x)),
        dx: bench.backward(&x, &dy).iter().map(array).collect(),
        parts: bench.at(&x, &dy, &bench.parts).iter().map(array).collect(),
        differences: differences.collect(),
        dy: array(&dy),
        links,
        chain: Chain { cell, read_by },
        x: x.iter().map(array).collect(),
        example: example.clone(),
    })
}

/// The inputs with another value in cell `i` of input `k`.
fn with(x: &[Tensor64], k: usize, i: usize, value: f64) -> Vec<Tensor64> {
    let mut x = x.to_vec();
    x[k].data[i] = value;
    x
}

/// Calls `found` with input, cell and output wherever an output changes when a cell of `x` is given this value.
fn changes(bench: &Bench, x: &[Tensor64], value: f64, mut found: impl FnMut(usize, usize, usize, f64)) {
    let before = bench.forward(x);
    for (k, i) in (0..x.len()).flat_map(|k| (0..x[k].data.len()).map(move |i| (k, i))) {
        let after = bench.forward(&with(x, k, i, value));
        for (output, (after, before)) in after.data.iter().zip(&before.data).enumerate() {
            if after != before {
                found(k, i, output, after - before);
            }
        }
    }
}

/// The links of a linear op: all cells and settings are 0 but for one of each, and the outputs are the weights.
fn weights(op: &Op, x: &[Tensor64]) -> Result<Vec<Link>> {
    let zero: Vec<Tensor64> = x.iter().map(|x| Tensor64::zeros(x.shape)).collect();
    let count = settings(op).1.values.len();
    let mut links = vec![];
    for setting in (0..count).map(Some).chain((count == 0).then_some(None)) {
        let op = match setting {
            Some(one) => with_settings(op, &(0..count).map(|i| f64::from(u8::from(i == one))).collect::<Vec<_>>())?,
            None => op.clone(),
        };
        let found = |input, cell, output, weight| links.push(Link { output, input, cell, weight, setting });
        changes(&Bench::new(&op, &zero)?, &zero, 1.0, found);
    }
    links.sort_by_key(|link| (link.output, link.input, link.cell));
    Ok(links)
}

/// The links of any other op: an output reads a cell if it is not the same with a NaN or an infinite value there.
fn reads(bench: &Bench, x: &[Tensor64]) -> Vec<Link> {
    let mut links: Vec<Link> = vec![];
    for value in [f64::NAN, f64::INFINITY] {
        changes(bench, x, value, |input, cell, output, _| {
            links.push(Link { output, input, cell, weight: 1.0, setting: None });
        });
    }
    links.sort_by_key(|link| (link.output, link.input, link.cell));
    links.dedup();
    links
}

impl Worked {
    /// The same op on other numbers: what the page shows after a reader changed some.
    ///
    /// # Errors
    /// If there are more or fewer numbers than cells.
    pub fn with(&self, x: Vec<Vec<f64>>, dy: Vec<f64>, settings: Vec<f64>) -> Result<Worked> {
        let tensor = |like: &Array, data: Vec<f64>| {
            let [h, w, c] = like.shape;
            let shape = Shape::new(1, h, w, c);
            match data.len() == shape.len() {
                true => Ok(Tensor64 { shape, data }),
                false => Err(Error::Usage(format!("{} numbers do not fill {h}x{w}x{c} cells", data.len()))),
            }
        };
        if settings.len() != self.settings.values.len() {
            return Err(Error::Usage(format!(
                "{} settings for {} of {}",
                settings.len(),
                self.settings.values.len(),
                self.op
            )));
        }
        let x = self.x.iter().zip(x).map(|(like, data)| tensor(like, data)).collect::<Result<Vec<_>>>()?;
        let example = match &self.example {
            Example::Op(op) => Example::Op(with_settings(op, &settings)?),
            Example::Twice => Example::Twice,
        };
        compute(self.topic, &example, x, tensor(&self.dy, dy)?)
    }
}

fn array(t: &Tensor64) -> Array {
    Array { shape: [t.shape.h, t.shape.w, t.shape.c], values: t.data.clone() }
}
