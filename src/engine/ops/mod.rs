//! What a node computes: one file per op, each with the maths, the shape rule, the reference loops and the gradient rule.
//!
//! | forward op | its gradient, written with ops |
//! | --- | --- |
//! | [`conv2d`]: `y = x * W + b` | conv2d of `dy` with W flipped in both axes and its channels swapped |
//! | [`conv2d`] with a stride | conv_transpose of `dy` with the same W |
//! | [`conv_transpose`]: conv2d the other way round | conv2d of `dy` with the same W |
//! | [`batch_norm`]: `y = scale x + shift` | batch_norm of `dy` with shift 0 |
//! | [`relu`]: `y = max(x, 0)` | relu_grad: `dy` where `y > 0` |
//! | [`sigmoid`]: `y = 1 / (1 + exp(-x))` | sigmoid_grad: `dy y (1 - y)` |
//! | [`pointwise`]: `y = f(x)` | pointwise_grad: `dy f'(x)` |
//! | [`softmax`] | `y (dy - sum of dy y)`, by mul, sum, scale and add |
//! | [`max_pool`] | max_pool_grad: `dy` to the first maximum of each window |
//! | [`upsample`]; sum_pool | sum_pool of `dy`; upsample of `dy` |
//! | [`mod@concat`] | a slice of `dy` for each input |
//! | [`mod@slice`]; pad | pad of `dy`; slice of `dy` |
//! | [`reshape`], [`permute`] | the same, back |
//! | [`mean`] | spread: `dy / count` everywhere |
//! | [`sum`] over axes; broadcast | broadcast of `dy`; sum of `dy` |
//! | [`add`] | `dy`, `dy`, each summed over what was broadcast |
//! | [`mul`]: `y = a b` | `dy b`, `dy a`, likewise |
//! | [`mul`]'s scale: `y = factor x` | `factor dy` |
//! | [`roll`]: an image moved round | roll of `dy` back |
//! | [`total_variation`] | total_variation_grad: the signs of the differences to the neighbours |
//! | [`transform`]: a matrix along an axis | transform of `dy` by the matrix turned over |
//!
//! A [`constant`] has none. `rms`, `normalise`, `adam` and `step` ([`ascent`]) come after the gradient and have none themselves.
//!
//! `docs/ops.md` says why it is these, and which layers are made of which.
//!
//! Adding an op touches: its file here, its shader, its CPU kernel and one line in [`Op`]; the compiler's exhaustive
//! matches name the rest. One row in `tests/gradients.rs` tests its gradient, one in `tests/executors.rs` the executors.

pub mod add;
pub mod ascent;
pub mod batch_norm;
pub mod concat;
pub mod constant;
pub mod conv2d;
pub mod conv_transpose;
mod formulas;
pub mod kernel;
pub mod max_pool;
pub mod mean;
pub mod mul;
pub mod permute;
pub mod pointwise;
pub mod relu;
pub mod reshape;
pub mod roll;
pub mod sigmoid;
pub mod slice;
pub mod softmax;
pub mod strided;
pub mod sum;
pub mod total_variation;
pub mod transform;
pub mod upsample;
pub mod window;

use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::{Shape, Tensor64};
use crate::{Error, Result};
pub use conv_transpose::ConvTranspose;
pub use conv2d::Conv2d;
pub use kernel::Kernel;
pub use pointwise::Function;
use std::sync::Arc;
pub use strided::Strided;
pub use sum::Axes;
pub use transform::{Axis, Matrix, Sampling, Waves, frequency};
pub use window::{Pool, Sides, Window, same_padding};

/// The greatest common divisor: what a pool and an upsampling have in common cancels.
pub fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Op {
    Input(Shape),
    Fill {
        shape: Shape,
        value: f32,
    },
    /// `data`: of one image, repeated for each, or of all.
    Constant {
        shape: Shape,
        data: Arc<[f32]>,
    },
    Conv2d(Conv2d),
    ConvTranspose(ConvTranspose),
    BatchNorm {
        scale: Arc<[f64]>,
        shift: Arc<[f64]>,
    },
    Relu,
    ReluGrad,
    Sigmoid,
    SigmoidGrad,
    Pointwise(Function),
    PointwiseGrad(Function),
    Softmax(Axes),
    MaxPool(Pool),
    MaxPoolGrad(Pool),
    Upsample(Window),
    SumPool(Window),
    Concat,
    /// Rows, columns, channels.
    Slice {
        start: [usize; 3],
        size: [usize; 3],
    },
    /// `size` is that of the result.
    Pad {
        before: [usize; 3],
        size: [usize; 3],
    },
    Reshape(Shape),
    Permute([usize; 3]),
    Mean,
    Spread(Shape),
    Sum(Axes),
    Broadcast(Shape),
    Add,
    Mul,
    Scale {
        factor: f32,
    },
    Roll,
    TotalVariation,
    TotalVariationGrad,
    Transform {
        axis: Axis,
        matrix: Matrix,
    },
    Rms,
    Normalise {
        epsilon: f64,
    },
    Adam {
        epsilon: f64,
    },
    Step {
        rate: f32,
    },
}

impl Op {
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
            Op::Constant { shape, data } => constant::shape(*shape, data),
            Op::Conv2d(conv) => conv.shape(x[0]),
            Op::ConvTranspose(conv) => conv.shape(x[0]),
            Op::BatchNorm { scale, shift } => batch_norm::shape(x[0], scale, shift),
            Op::Relu | Op::Sigmoid | Op::Pointwise(_) | Op::Softmax(_) | Op::Scale { .. } => Ok(x[0]),
            Op::ReluGrad | Op::SigmoidGrad | Op::PointwiseGrad(_) | Op::Step { .. } => same(x[0], x[1]),
            Op::Add | Op::Mul => sum::together(x[0], x[1]),
            Op::MaxPool(pool) => pool.shape(x[0]),
            Op::MaxPoolGrad(pool) => max_pool::grad_shape(x[0], x[1], *pool),
            Op::SumPool(window) => upsample::sum_pool_shape(x[0], *window),
            Op::Upsample(window) => upsample::shape(x[0], *window),
            Op::Concat => concat::shape(x),
            Op::Slice { start, size } => slice::shape(x[0], *start, *size),
            Op::Pad { before, size } => slice::pad_shape(x[0], *before, *size),
            Op::Reshape(shape) => reshape::shape(x[0], *shape),
            Op::Permute(order) => permute::shape(x[0], *order),
            Op::Sum(axes) => Ok(axes.summed(x[0])),
            Op::Broadcast(shape) => sum::broadcast_shape(x[0], *shape),
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
            Op::Constant { data, .. } => constant::reference(shape, data),
            Op::Conv2d(conv) => conv.reference(x[0]),
            Op::ConvTranspose(conv) => conv.reference(x[0]),
            Op::BatchNorm { scale, shift } => batch_norm::reference(x[0], scale, shift),
            Op::Relu => relu::reference(x[0]),
            Op::ReluGrad => relu::grad_reference(x[0], x[1]),
            Op::Sigmoid => sigmoid::reference(x[0]),
            Op::SigmoidGrad => sigmoid::grad_reference(x[0], x[1]),
            Op::Pointwise(f) => pointwise::reference(x[0], *f),
            Op::PointwiseGrad(f) => pointwise::grad_reference(x[0], x[1], *f),
            Op::Softmax(axes) => softmax::reference(x[0], *axes),
            Op::MaxPool(pool) => max_pool::reference(x[0], *pool),
            Op::MaxPoolGrad(pool) => max_pool::grad_reference(x[0], x[1], *pool),
            Op::Upsample(window) => upsample::reference(x[0], *window),
            Op::SumPool(window) => upsample::sum_pool_reference(x[0], *window),
            Op::Concat => concat::reference(x, shape),
            Op::Slice { start, .. } => slice::reference(x[0], *start, shape),
            Op::Pad { before, .. } => slice::pad_reference(x[0], *before, shape),
            Op::Reshape(_) => Tensor64 { shape, data: x[0].data.clone() },
            Op::Permute(order) => permute::reference(x[0], *order),
            Op::Sum(axes) => sum::reference(x[0], *axes),
            Op::Broadcast(_) => sum::broadcast_reference(x[0], shape),
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
    /// respect to `y` itself; `None` for an input that no gradient flows to. The rules stand in the ops' own files,
    /// directly under the reference loops. They leave the nodes without names: autodiff knows which forward node they answer.
    pub(crate) fn gradient(&self, graph: &mut Graph, y: NodeId, dy: NodeId) -> Result<Vec<Option<NodeId>>> {
        match self {
            Op::Input(_) | Op::Fill { .. } | Op::Constant { .. } => Ok(vec![]),
            Op::Conv2d(conv) => conv.gradient(graph, y, dy),
            Op::ConvTranspose(conv) => conv.gradient(graph, dy),
            Op::BatchNorm { scale, .. } => batch_norm::gradient(graph, dy, scale),
            Op::Relu => relu::gradient(graph, y, dy),
            Op::Sigmoid => sigmoid::gradient(graph, y, dy),
            Op::Pointwise(f) => pointwise::gradient(graph, y, dy, *f),
            Op::Softmax(axes) => softmax::gradient(graph, y, dy, *axes),
            Op::MaxPool(pool) => max_pool::gradient(graph, y, dy, *pool),
            Op::Upsample(window) => upsample::gradient(graph, dy, *window),
            Op::SumPool(window) => upsample::sum_pool_gradient(graph, dy, *window),
            Op::Concat => concat::gradient(graph, y, dy),
            Op::Slice { start, .. } => slice::gradient(graph, y, dy, *start),
            Op::Pad { before, .. } => slice::pad_gradient(graph, y, dy, *before),
            Op::Reshape(_) => reshape::gradient(graph, y, dy),
            Op::Permute(order) => permute::gradient(graph, dy, *order),
            Op::Sum(_) => sum::gradient(graph, y, dy),
            Op::Broadcast(_) => sum::broadcast_gradient(graph, y, dy),
            Op::Mean => mean::gradient(graph, y, dy),
            Op::Add => add::gradient(graph, y, dy),
            Op::Mul => mul::gradient(graph, y, dy),
            Op::Scale { factor } => mul::scale_gradient(graph, dy, *factor),
            Op::Roll => roll::gradient(graph, y, dy),
            Op::TotalVariation => total_variation::gradient(graph, y, dy),
            Op::Transform { axis, matrix } => transform::gradient(graph, dy, *axis, matrix),
            Op::ReluGrad
            | Op::SigmoidGrad
            | Op::PointwiseGrad(_)
            | Op::MaxPoolGrad(_)
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

/// The shape that both must have.
fn same(a: Shape, b: Shape) -> Result<Shape, String> {
    if a == b { Ok(a) } else { Err(format!("the inputs' shapes {a} and {b} differ")) }
}
