//! What a node computes: one file per op, each with the maths, the shape rule, the reference loops and the gradient rule.
//!
//! | forward op | its gradient, written with ops |
//! | --- | --- |
//! | [`conv2d`]: `y = x * W + b` | conv2d of `dy` with W flipped in both axes and its channels swapped |
//! | [`batch_norm`]: `y = scale x + shift` | batch_norm of `dy` with shift 0 |
//! | [`relu`]: `y = max(x, 0)` | relu_grad: `dy` where `y > 0` |
//! | [`sigmoid`]: `y = 1 / (1 + exp(-x))` | sigmoid_grad: `dy y (1 - y)` |
//! | [`max_pool`] | max_pool_grad: `dy` to the first maximum of each window |
//! | [`upsample`] | sum_pool of `dy` |
//! | [`mod@concat`] | a slice of `dy` for each input |
//! | [`mean`] | spread: `dy / count` everywhere |
//! | [`add`] | `dy`, `dy` |
//! | [`mul`]: `y = a b` | `dy b`, `dy a` |
//! | [`mul`]'s scale: `y = factor x` | `factor dy` |
//! | [`roll`]: an image moved round | roll of `dy` back |
//! | [`total_variation`] | total_variation_grad: the signs of the differences to the neighbours |
//! | [`transform`]: a matrix along an axis | transform of `dy` by the matrix turned over |
//!
//! `rms`, `normalise`, `adam` and `step` ([`ascent`]) come after the gradient and have none themselves.
//!
//! Adding an op touches: its file here, its shader, its CPU kernel and one line in [`Op`]; the compiler's exhaustive
//! matches name the rest, and one row in the table of `tests/gradients.rs` tests it on every executor.

pub mod add;
pub mod ascent;
pub mod batch_norm;
pub mod concat;
pub mod conv2d;
pub mod max_pool;
pub mod mean;
pub mod mul;
pub mod relu;
pub mod roll;
pub mod sigmoid;
pub mod total_variation;
pub mod transform;
pub mod upsample;

use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::{Shape, Tensor64};
use crate::{Error, Result};
pub use conv2d::{Conv2d, Kernel};
use std::sync::Arc;
pub(crate) use transform::frequency;
pub use transform::{Axis, Matrix, Waves};

/// How many rows and columns a pool gathers, or an upsampling makes of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    pub h: usize,
    pub w: usize,
}

impl Window {
    pub const fn new(h: usize, w: usize) -> Window {
        Window { h, w }
    }

    /// Of one pixel: no pooling at all.
    pub const ONE: Window = Window::new(1, 1);

    pub const fn len(self) -> usize {
        self.h * self.w
    }

    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}x{}", self.h, self.w)
    }
}

/// The greatest common divisor: what a pool and an upsampling have in common cancels.
pub fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[derive(Debug, Clone)]
pub enum Op {
    Input(Shape),
    Fill { shape: Shape, value: f32 },
    Conv2d(Conv2d),
    BatchNorm { scale: Arc<[f64]>, shift: Arc<[f64]> },
    Relu,
    ReluGrad,
    Sigmoid,
    SigmoidGrad,
    MaxPool(Window),
    MaxPoolGrad(Window),
    Upsample(Window),
    SumPool(Window),
    Concat,
    Slice { start: usize, len: usize },
    Mean,
    Spread(Shape),
    Add,
    Mul,
    Scale { factor: f32 },
    Roll,
    TotalVariation,
    TotalVariationGrad,
    Transform { axis: Axis, matrix: Matrix },
    Rms,
    Normalise { epsilon: f64 },
    Adam { epsilon: f64 },
    Step { rate: f32 },
}

impl Op {
    /// As it is written in this project's texts.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Input(_) => "input",
            Op::Fill { .. } => "fill",
            Op::Conv2d(_) => "conv2d",
            Op::BatchNorm { .. } => "batch_norm",
            Op::Relu => "relu",
            Op::ReluGrad => "relu_grad",
            Op::Sigmoid => "sigmoid",
            Op::SigmoidGrad => "sigmoid_grad",
            Op::MaxPool(_) => "max_pool",
            Op::MaxPoolGrad(_) => "max_pool_grad",
            Op::Upsample(_) => "upsample",
            Op::SumPool(_) => "sum_pool",
            Op::Concat => "concat",
            Op::Slice { .. } => "slice",
            Op::Mean => "mean",
            Op::Spread(_) => "spread",
            Op::Add => "add",
            Op::Mul => "mul",
            Op::Scale { .. } => "scale",
            Op::Roll => "roll",
            Op::TotalVariation => "total_variation",
            Op::TotalVariationGrad => "total_variation_grad",
            Op::Transform { .. } => "transform",
            Op::Rms => "rms",
            Op::Normalise { .. } => "normalise",
            Op::Adam { .. } => "adam",
            Op::Step { .. } => "step",
        }
    }

    /// What it computes, in one line, as in the head of the op's own file. `(y > 0)` is 1 where that is so, else 0.
    pub fn formula(&self) -> &'static str {
        match self {
            Op::Input(_) => "x",
            Op::Fill { .. } => "y = value",
            Op::Conv2d(_) => "y[r,s,o] = b[o] + Σ x[r+i-kh/2, s+j-kw/2, c] W[i,j,c,o]",
            Op::BatchNorm { .. } => "y = scale[c] x + shift[c]",
            Op::Relu => "y = max(x, 0)",
            Op::ReluGrad => "dx = dy (y > 0)",
            Op::Sigmoid => "y = 1 / (1 + exp(-x))",
            Op::SigmoidGrad => "dx = dy y (1 - y)",
            Op::MaxPool(_) => "y = max x[window]",
            Op::MaxPoolGrad(_) => "dx[p] = dy (p = argmax x[window])",
            Op::Upsample(_) => "y[r,s] = x[r / window.h, s / window.w]",
            Op::SumPool(_) => "dx = Σ dy[window]",
            Op::Concat => "y = [a, b]",
            Op::Slice { .. } => "[da, db] = dy",
            Op::Mean => "y = Σ x / count",
            Op::Spread(_) => "dx = dy / count",
            Op::Add => "y = a + b",
            Op::Mul => "y = a b",
            Op::Scale { .. } => "y = factor x",
            Op::Roll => "y[r,s] = x[(r - down) mod h, (s - right) mod w]",
            Op::TotalVariation => "y = Σ |x - neighbour| / count",
            Op::TotalVariationGrad => "dx = dy Σ sign(x - neighbour) / count",
            Op::Transform { .. } => "y = M x, along rows or columns",
            Op::Adam { .. } => "y = m̂ / (sqrt(v̂) + epsilon)",
            Op::Rms => "y = sqrt(Σ x² / count)",
            Op::Normalise { .. } => "y = x / (rms + epsilon)",
            Op::Step { .. } => "y = x + rate g",
        }
    }

    /// Of a forward op: how its gradient is computed, in one line. Empty for the backward pass's own ops.
    pub fn gradient_formula(&self) -> &'static str {
        match self {
            Op::Conv2d(_) => "dx[r,s,c] = Σ dy[r-i+kh/2, s-j+kw/2, o] W[i,j,c,o]",
            Op::BatchNorm { .. } => "dx = scale[c] dy",
            Op::Relu => Op::ReluGrad.formula(),
            Op::Sigmoid => Op::SigmoidGrad.formula(),
            Op::MaxPool(window) => Op::MaxPoolGrad(*window).formula(),
            Op::Upsample(window) => Op::SumPool(*window).formula(),
            Op::Concat => Op::Slice { start: 0, len: 0 }.formula(),
            Op::Mean => Op::Spread(Shape::new(1, 1, 1, 1)).formula(),
            Op::Add => "da = dy, db = dy",
            Op::Mul => "da = dy b, db = dy a",
            Op::Scale { .. } => "dx = factor dy",
            Op::Roll => "dx = dy rolled back",
            Op::TotalVariation => Op::TotalVariationGrad.formula(),
            Op::Transform { .. } => "dx = Mᵀ dy",
            _ => "",
        }
    }

    /// The shape that comes out of these input shapes, or why they do not fit.
    pub(crate) fn shape(&self, x: &[Shape]) -> Result<Shape, String> {
        match self {
            Op::Input(shape) | Op::Fill { shape, .. } => {
                if shape.is_empty() {
                    Err(format!("the shape {shape} is empty"))
                } else {
                    Ok(*shape)
                }
            }
            Op::Conv2d(conv) => conv.shape(x[0]),
            Op::BatchNorm { scale, shift } => batch_norm::shape(x[0], scale, shift),
            Op::Relu | Op::Sigmoid | Op::Scale { .. } => Ok(x[0]),
            Op::ReluGrad | Op::SigmoidGrad | Op::Add | Op::Mul | Op::Step { .. } => same(x[0], x[1]),
            Op::MaxPool(window) | Op::SumPool(window) => max_pool::shape(x[0], *window),
            Op::MaxPoolGrad(window) => max_pool::grad_shape(x[0], x[1], *window),
            Op::Upsample(window) => upsample::shape(x[0], *window),
            Op::Concat => concat::shape(x),
            Op::Slice { start, len } => concat::slice_shape(x[0], *start, *len),
            Op::Mean | Op::TotalVariation | Op::Rms => Ok(mean::one_per_image(x[0])),
            Op::TotalVariationGrad => total_variation::grad_shape(x[0], x[1]),
            Op::Roll => roll::shape(x[0], x[1]),
            Op::Transform { axis, matrix } => transform::shape(x[0], *axis, matrix),
            Op::Spread(shape) => same(x[0], mean::one_per_image(*shape)).map(|_| *shape),
            Op::Normalise { .. } => same(x[1], mean::one_per_image(x[0])).map(|_| x[0]),
            Op::Adam { .. } => {
                same(x[2], x[3]).and_then(|c| same(c, mean::one_per_image(x[0]))).and_then(|_| same(x[0], x[1]))
            }
        }
    }

    /// The specification: plain loops in f64. `shape` is the output's.
    pub fn reference(&self, x: &[&Tensor64], shape: Shape) -> Tensor64 {
        match self {
            Op::Input(_) => unreachable!("inputs are written, not computed"),
            Op::Fill { value, .. } => Tensor64 { shape, data: vec![f64::from(*value); shape.len()] },
            Op::Conv2d(conv) => conv.reference(x[0]),
            Op::BatchNorm { scale, shift } => batch_norm::reference(x[0], scale, shift),
            Op::Relu => relu::reference(x[0]),
            Op::ReluGrad => relu::grad_reference(x[0], x[1]),
            Op::Sigmoid => sigmoid::reference(x[0]),
            Op::SigmoidGrad => sigmoid::grad_reference(x[0], x[1]),
            Op::MaxPool(window) => max_pool::reference(x[0], *window),
            Op::MaxPoolGrad(window) => max_pool::grad_reference(x[0], x[1], *window),
            Op::Upsample(window) => upsample::reference(x[0], *window),
            Op::SumPool(window) => upsample::sum_pool_reference(x[0], *window),
            Op::Concat => concat::reference(x, shape),
            Op::Slice { start, len } => concat::slice_reference(x[0], *start, *len),
            Op::Mean => mean::reference(x[0]),
            Op::Spread(_) => mean::spread_reference(x[0], shape),
            Op::Add => add::reference(x[0], x[1]),
            Op::Mul => mul::reference(x[0], x[1]),
            Op::Scale { factor } => mul::scale_reference(x[0], *factor),
            Op::Roll => roll::reference(x[0], x[1]),
            Op::TotalVariation => total_variation::reference(x[0]),
            Op::TotalVariationGrad => total_variation::grad_reference(x[0], x[1]),
            Op::Transform { axis, matrix } => transform::reference(x[0], *axis, matrix),
            Op::Rms => ascent::rms_reference(x[0]),
            Op::Normalise { epsilon } => ascent::normalise_reference(x[0], x[1], *epsilon),
            Op::Adam { epsilon } => ascent::adam_reference(x[0], x[1], x[2], x[3], *epsilon),
            Op::Step { rate } => ascent::step_reference(x[0], x[1], *rate),
        }
    }

    /// Appends the nodes that compute the gradient with respect to each input of `y`, given `dy`, the gradient with
    /// respect to `y` itself. The rules stand in the ops' own files, directly under the reference loops.
    pub(crate) fn gradient(&self, graph: &mut Graph, y: NodeId, dy: NodeId) -> Result<Vec<NodeId>> {
        match self {
            Op::Input(_) | Op::Fill { .. } => Ok(vec![]),
            Op::Conv2d(conv) => conv.gradient(graph, y, dy),
            Op::BatchNorm { scale, .. } => batch_norm::gradient(graph, y, dy, scale),
            Op::Relu => relu::gradient(graph, y, dy),
            Op::Sigmoid => sigmoid::gradient(graph, y, dy),
            Op::MaxPool(window) => max_pool::gradient(graph, y, dy, *window),
            Op::Upsample(window) => upsample::gradient(graph, y, dy, *window),
            Op::Concat => concat::gradient(graph, y, dy),
            Op::Mean => mean::gradient(graph, y, dy),
            Op::Add => add::gradient(dy),
            Op::Mul => mul::gradient(graph, y, dy),
            Op::Scale { factor } => mul::scale_gradient(graph, y, dy, *factor),
            Op::Roll => roll::gradient(graph, y, dy),
            Op::TotalVariation => total_variation::gradient(graph, y, dy),
            Op::Transform { axis, matrix } => transform::gradient(graph, y, dy, *axis, matrix),
            Op::ReluGrad
            | Op::SigmoidGrad
            | Op::MaxPoolGrad(_)
            | Op::SumPool(_)
            | Op::Slice { .. }
            | Op::Spread(_)
            | Op::TotalVariationGrad
            | Op::Rms
            | Op::Normalise { .. }
            | Op::Adam { .. }
            | Op::Step { .. } => {
                Err(Error::Usage(format!("{}: no gradient is taken of the backward pass's own ops", self.name())))
            }
        }
    }
}

/// Both shapes, which must be one.
fn same(a: Shape, b: Shape) -> Result<Shape, String> {
    if a == b { Ok(a) } else { Err(format!("the inputs' shapes {a} and {b} differ")) }
}

/// The name of the gradient with respect to what is called `name`.
pub(crate) fn d(name: &str) -> String {
    format!("d {name}")
}
