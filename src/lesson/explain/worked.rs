//! Small worked examples in numbers: an op forward and backward on a few cells, computed by the engine's reference, with
//! the finite difference beside every gradient.

use crate::engine::exec::reference::evaluate;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::ops::{Conv2d, Kernel, Op, Window};
use crate::engine::tensor::{Shape, Tensor64};
use crate::lens::ascent::{Objective, Recipe};
use crate::network::Network;
use crate::{Error, Result};
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
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Worked {
    /// As in the graph.
    pub op: &'static str,
    /// The kernel (rows x columns) of a convolution; scale and shift of a batch_norm. Else empty.
    pub settings: Array,
    /// Rows and columns of a pool's or an upsampling's window; else 1, 1.
    pub window: [usize; 2],
    pub x: Vec<Array>,
    pub y: Array,
    /// The gradient that arrives.
    pub dy: Array,
    /// For each input the gradient that leaves.
    pub dx: Vec<Array>,
    /// For each input the central difference of `sum of dy y`.
    pub differences: Vec<Array>,
    /// The chain rule for one cell of the first input.
    pub chain: Chain,
}

/// Which outputs a cell moves, and so how its gradient comes about: `dx = sum of dy slope`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chain {
    /// The cell, as an index into the first input.
    pub cell: usize,
    /// The outputs that it moves, as indices into `y`, and `d y / d x` of each.
    pub moved: Vec<(usize, f64)>,
}

/// An example for each op between the image and convolution `layer` and for the mean, in the order of their first use.
///
/// # Errors
/// If the image's shape does not fit the network.
pub fn worked_for(network: &Network, layer: usize, image: Shape) -> Result<Vec<Worked>> {
    let objective = Objective::new(network, layer, &[0], image, &Recipe::default(), false)?;
    let mut examples: Vec<Worked> = vec![];
    for (_, node) in objective.plan.graph.nodes().take_while(|(id, _)| *id <= objective.loss) {
        if !examples.iter().any(|example| example.op == node.op.name()) {
            examples.extend(worked(&node.op)?);
        }
    }
    Ok(examples)
}

/// The worked example of an op like `op`: with its window, its kernel's sides. `None` for ops without inputs or gradient.
///
/// # Errors
/// None that a graph's own op can cause.
pub fn worked(op: &Op) -> Result<Option<Worked>> {
    let (mut window, mut settings) = (Window::ONE, Array { shape: [1, 0, 1], values: vec![] });
    let mut sides = vec![(2, 3)];
    let example = match op {
        Op::Conv2d(conv) => {
            let (kh, kw) = (conv.kernel.kh, conv.kernel.kw);
            let kernel: Vec<f32> =
                (0..kh * kw).map(|i| [1.0, 0.0, -1.0, 2.0, 0.5, -2.0, 1.0, 3.0, -1.0][i % 9]).collect();
            settings = Array { shape: [kh, kw, 1], values: kernel.iter().map(|&v| v.into()).collect() };
            sides = vec![(4, 4)];
            Op::Conv2d(Conv2d::same(Kernel::new(kh, kw, 1, 1, kernel.into())?, None))
        }
        Op::BatchNorm { .. } => {
            settings = Array { shape: [1, 2, 1], values: vec![0.5, 1.0] };
            Op::BatchNorm { scale: vec![0.5].into(), shift: vec![1.0].into() }
        }
        Op::Relu | Op::Sigmoid | Op::Mean => op.clone(),
        Op::MaxPool(pool) => {
            (window, sides) = (pool.window, vec![(2 * pool.window.h, 2 * pool.window.w)]);
            Op::MaxPool(pool.window.into())
        }
        Op::Upsample(w) => {
            (window, sides) = (*w, vec![(2, 2)]);
            op.clone()
        }
        Op::Concat | Op::Add => {
            sides = vec![(2, 2); 2];
            op.clone()
        }
        _ => return Ok(None),
    };
    let mut next = NUMBERS.iter().cycle();
    let mut take =
        |shape: Shape| Tensor64 { shape, data: (0..shape.len()).map(|_| *next.next().expect("a cycle")).collect() };
    let x: Vec<Tensor64> = sides.into_iter().map(|(h, w)| take(Shape::new(1, h, w, 1))).collect();
    let shapes: Vec<Shape> = x.iter().map(|x| x.shape).collect();
    let dy_shape = example.shape(&shapes).map_err(Error::Usage)?;
    let dy = Tensor64 { shape: dy_shape, data: (0..dy_shape.len()).map(|i| ARRIVING[i % ARRIVING.len()]).collect() };
    compute(&example, window, settings, x, dy).map(Some)
}

/// Small numbers, no two neighbours equal, so that pools have one winner.
const NUMBERS: [f64; 16] = [1.0, 3.0, -2.0, 0.5, 4.0, -1.0, 2.0, 1.5, -3.0, 2.5, 5.0, -0.5, 1.0, 0.0, 3.5, 2.0];
const ARRIVING: [f64; 7] = [1.0, 2.0, -1.0, 0.5, 3.0, -2.0, 1.5];

/// The op forward and backward, by the reference and the op's own gradient rule.
fn compute(op: &Op, window: Window, settings: Array, x: Vec<Tensor64>, dy: Tensor64) -> Result<Worked> {
    let mut graph = Graph::new();
    let inputs: Vec<NodeId> = x.iter().map(|x| graph.input("x", x.shape)).collect::<Result<_>>()?;
    let y = match op {
        Op::Conv2d(conv) => graph.conv2d("y", inputs[0], conv.clone()),
        Op::BatchNorm { scale, shift } => graph.batch_norm("y", inputs[0], scale.clone(), shift.clone()),
        Op::Relu => graph.relu("y", inputs[0]),
        Op::Sigmoid => graph.sigmoid("y", inputs[0]),
        Op::MaxPool(pool) => graph.max_pool("y", inputs[0], *pool),
        Op::Upsample(window) => graph.upsample("y", inputs[0], *window),
        Op::Concat => graph.concat("y", &inputs),
        Op::Mean => graph.mean("y", inputs[0]),
        Op::Add => graph.add("y", inputs[0], inputs[1]),
        other => return Err(Error::Usage(format!("{} has no gradient to show", other.name()))),
    }?;
    let arriving = graph.input("dy", dy.shape)?;
    let gradients: Vec<NodeId> = op.gradient(&mut graph, y, arriving)?.into_iter().flatten().collect();
    let forward = |x: &[Tensor64]| {
        let given: Vec<(NodeId, &Tensor64)> = inputs.iter().copied().zip(x).collect();
        evaluate(&graph, &given, &[y]).remove(0)
    };
    let given: Vec<(NodeId, &Tensor64)> = inputs.iter().copied().zip(&x).chain([(arriving, &dy)]).collect();
    let dx = evaluate(&graph, &given, &gradients);
    let loss = |x: &[Tensor64]| forward(x).zip(&dy, |y, dy| y * dy).data.iter().sum::<f64>();
    let difference = |k: usize, i: usize| {
        let moved = |h: f64| {
            let mut moved = x.clone();
            moved[k].data[i] += h;
            loss(&moved)
        };
        (moved(STEP) - moved(-STEP)) / (2.0 * STEP)
    };
    let differences = (0..x.len()).map(|k| Array {
        shape: [x[k].shape.h, x[k].shape.w, x[k].shape.c],
        values: (0..x[k].data.len()).map(|i| difference(k, i)).collect(),
    });
    let cell = x[0].shape.at(0, x[0].shape.h / 2, x[0].shape.w / 2, 0);
    let moved = |h: f64| {
        let mut moved = x.clone();
        moved[0].data[cell] += h;
        forward(&moved)
    };
    let slopes = moved(STEP).zip(&moved(-STEP), |plus, minus| (plus - minus) / (2.0 * STEP));
    let moved = slopes.data.iter().copied().enumerate().filter(|(_, slope)| *slope != 0.0).collect();
    Ok(Worked {
        op: op.name(),
        chain: Chain { cell, moved },
        settings,
        window: [window.h, window.w],
        y: array(&forward(&x)),
        dx: dx.iter().map(array).collect(),
        differences: differences.collect(),
        dy: array(&dy),
        x: x.iter().map(array).collect(),
    })
}

impl Worked {
    /// The same op on other numbers: what the page shows after a reader changed some.
    ///
    /// # Errors
    /// If the numbers' shapes do not fit.
    pub fn with(&self, x: Vec<Vec<f64>>, dy: Vec<f64>, settings: Vec<f64>) -> Result<Worked> {
        let tensor = |like: &Array, data: Vec<f64>| {
            let [h, w, c] = like.shape;
            let shape = Shape::new(1, h, w, c);
            match data.len() == shape.len() {
                true => Ok(Tensor64 { shape, data }),
                false => Err(Error::Usage(format!("{} numbers do not fill {h}x{w}x{c} cells", data.len()))),
            }
        };
        let window = Window::new(self.window[0], self.window[1]);
        let [kh, kw, _] = self.settings.shape;
        let op = match self.op {
            "conv2d" => {
                let kernel: Vec<f32> = settings.iter().map(|&v| v as f32).collect();
                Op::Conv2d(Conv2d::same(Kernel::new(kh, kw, 1, 1, kernel.into())?, None))
            }
            "batch_norm" => Op::BatchNorm { scale: vec![settings[0]].into(), shift: vec![settings[1]].into() },
            "relu" => Op::Relu,
            "sigmoid" => Op::Sigmoid,
            "max_pool" => Op::MaxPool(window.into()),
            "upsample" => Op::Upsample(window),
            "concat" => Op::Concat,
            "mean" => Op::Mean,
            _ => Op::Add,
        };
        let x = self.x.iter().zip(x).map(|(like, data)| tensor(like, data)).collect::<Result<Vec<_>>>()?;
        let settings = Array { shape: self.settings.shape, values: settings };
        compute(&op, window, settings, x, tensor(&self.dy, dy)?)
    }
}

fn array(t: &Tensor64) -> Array {
    Array { shape: [t.shape.h, t.shape.w, t.shape.c], values: t.data.clone() }
}
