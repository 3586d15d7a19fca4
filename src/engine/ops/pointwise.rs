//! pointwise: a function of each value by itself. And pointwise_grad, its gradient.
//!
//! ```text
//! x, y: [n, h, w, c]
//!
//! y  = f(x)
//! dx = dy f'(x)
//! ```
//!
//! Each output depends on one input, with slope `f'(x)`: backprop remembers `x`. Two more functions, relu and sigmoid, are
//! ops of their own: of them it remembers less.
//!
//! The functions are those that Keras has as activations and that cannot be put together from the other ops without loss. All
//! are written so that no intermediate value overflows for a large `x`. Where one has a corner, its slope there is the one
//! that TensorFlow's op has.

use super::sigmoid;
use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::Tensor64;
use std::f64::consts::{PI, SQRT_2};

/// A function of one number. `f32` settings, since the files of Keras models have no finer ones.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Function {
    /// x above the threshold, at most `max` (infinity: no bound); below it `slope (x - threshold)`: Keras' general ReLU.
    Relu {
        slope: f32,
        threshold: f32,
        max: f32,
    },
    /// x, or `slope x` where it is negative (Maas, Hannun and Ng 2013).
    LeakyRelu {
        slope: f32,
    },
    /// x, or `alpha (exp(x) - 1)` where it is negative (Clevert, Unterthiner and Hochreiter 2016).
    Elu {
        alpha: f32,
    },
    /// 1.0507 times the elu of alpha 1.6733 (Klambauer et al. 2017).
    Selu,
    Tanh,
    Exp,
    /// log(1 + exp(x)): a smooth relu.
    Softplus,
    /// x / (1 + |x|)
    Softsign,
    /// x sigmoid(x), also called swish (Ramachandran, Zoph and Le 2017).
    Silu,
    /// x times the probability that a standard normal variable is below x (Hendrycks and Gimpel 2016); or their
    /// approximation by a tanh.
    Gelu {
        approximate: bool,
    },
    /// slope x + 1/2, no less than 0 and no more than 1. The slope is 0.2 in Keras 2 and 1/6 in Keras 3.
    HardSigmoid {
        slope: f32,
    },
    /// x times the hard sigmoid of slope 1/6 (Howard et al. 2019).
    HardSwish,
    /// x tanh(softplus(x)) (Misra 2019).
    Mish,
    Abs,
    Log,
    Sqrt,
    /// 1 / x
    Reciprocal,
}

/// Klambauer et al., "Self-normalizing neural networks": the scale and alpha that keep mean 0 and variance 1.
const SELU: (f64, f64) = (1.050_700_987_355_480_5, 1.673_263_242_354_377_2);

/// Hendrycks and Gimpel's approximation is x (1 + tanh(sqrt(2/pi) (x + CUBIC x^3))) / 2.
const CUBIC: f64 = 0.044715;

impl Function {
    /// y = f(x)
    pub fn value(self, x: f64) -> f64 {
        match self {
            Function::Relu { slope, threshold, max } => match [slope, threshold, max].map(f64::from) {
                [_, _, max] if x >= max => max,
                [slope, threshold, _] if x <= threshold => slope * (x - threshold),
                _ => x,
            },
            Function::LeakyRelu { slope } => either(x > 0.0, x, f64::from(slope) * x),
            Function::Elu { alpha } => either(x >= 0.0, x, f64::from(alpha) * x.exp_m1()),
            Function::Selu => SELU.0 * either(x >= 0.0, x, SELU.1 * x.exp_m1()),
            Function::Tanh => x.tanh(),
            Function::Exp => x.exp(),
            Function::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
            Function::Softsign => x / (1.0 + x.abs()),
            Function::Silu => x * sigmoid::value(x),
            Function::Gelu { approximate: false } => x * normal_below(x),
            Function::Gelu { approximate: true } => x * 0.5 * (1.0 + gelu_inner(x).tanh()),
            Function::HardSigmoid { slope } => hard_sigmoid(f64::from(slope), x),
            Function::HardSwish => x * hard_sigmoid(1.0 / 6.0, x),
            Function::Mish => x * Function::Softplus.value(x).tanh(),
            Function::Abs => x.abs(),
            Function::Log => x.ln(),
            Function::Sqrt => x.sqrt(),
            Function::Reciprocal => 1.0 / x,
        }
    }

    /// f'(x)
    pub fn slope(self, x: f64) -> f64 {
        match self {
            Function::Relu { slope, threshold, max } => match [slope, threshold, max].map(f64::from) {
                [_, _, max] if x >= max => 0.0,
                [slope, threshold, _] if x <= threshold => slope,
                _ => 1.0,
            },
            Function::LeakyRelu { slope } => either(x > 0.0, 1.0, slope.into()),
            Function::Elu { alpha } => either(x >= 0.0, 1.0, f64::from(alpha) * x.exp()),
            Function::Selu => SELU.0 * either(x >= 0.0, 1.0, SELU.1 * x.exp()),
            Function::Tanh => 1.0 - x.tanh().powi(2),
            Function::Exp => x.exp(),
            Function::Softplus => sigmoid::value(x),
            Function::Softsign => (1.0 + x.abs()).powi(-2),
            Function::Silu => {
                let s = sigmoid::value(x);
                s + x * s * (1.0 - s)
            }
            Function::Gelu { approximate: false } => normal_below(x) + x * (-0.5 * x * x).exp() / (2.0 * PI).sqrt(),
            Function::Gelu { approximate: true } => {
                // Far out the tanh is flat, and its slope would be 0 times infinity.
                let x = x.clamp(-100.0, 100.0);
                let t = gelu_inner(x).tanh();
                let inner_slope = (2.0 / PI).sqrt() * (1.0 + 3.0 * CUBIC * x * x);
                0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner_slope
            }
            Function::HardSigmoid { slope } => either((f64::from(slope) * x).abs() < 0.5, slope.into(), 0.0),
            Function::HardSwish => hard_sigmoid(1.0 / 6.0, x) + either(x.abs() < 3.0, x / 6.0, 0.0),
            Function::Mish => {
                let t = Function::Softplus.value(x).tanh();
                t + x * (1.0 - t * t) * sigmoid::value(x)
            }
            Function::Abs => either(x == 0.0, 0.0, x.signum()),
            Function::Log => 1.0 / x,
            Function::Sqrt => 0.5 / x.sqrt(),
            Function::Reciprocal => -1.0 / (x * x),
        }
    }

    /// Where it has corners, from left to right: there is no one slope there.
    fn corners(self) -> Vec<f64> {
        match self {
            Function::Relu { threshold, max, .. } => vec![threshold.into(), max.into()],
            Function::LeakyRelu { .. } | Function::Elu { .. } | Function::Selu | Function::Abs => vec![0.0],
            Function::HardSigmoid { slope } => vec![-0.5 / f64::from(slope), 0.5 / f64::from(slope)],
            Function::HardSwish => vec![-3.0, 3.0],
            Function::Tanh
            | Function::Exp
            | Function::Softplus
            | Function::Softsign
            | Function::Silu
            | Function::Gelu { .. }
            | Function::Mish
            | Function::Log
            | Function::Sqrt
            | Function::Reciprocal => vec![],
        }
    }

    pub fn has_corners(self) -> bool {
        !self.corners().is_empty()
    }

    /// How many corners lie to the left of `x`: where two values differ in this, there is a corner between them.
    pub fn piece(self, x: f64) -> usize {
        self.corners().iter().filter(|&&corner| x > corner).count()
    }
}

fn either(condition: bool, yes: f64, no: f64) -> f64 {
    if condition { yes } else { no }
}

fn hard_sigmoid(slope: f64, x: f64) -> f64 {
    (slope * x + 0.5).clamp(0.0, 1.0)
}

/// The probability that a standard normal variable is below `x`.
fn normal_below(x: f64) -> f64 {
    0.5 * libm::erfc(-x / SQRT_2)
}

fn gelu_inner(x: f64) -> f64 {
    (2.0 / PI).sqrt() * (x + CUBIC * x * x * x)
}

/// y = f(x)
pub(super) fn reference(x: &Tensor64, f: Function) -> Tensor64 {
    x.map(|x| f.value(x))
}

/// dx = dy f'(x)
pub(super) fn grad_reference(dy: &Tensor64, x: &Tensor64, f: Function) -> Tensor64 {
    dy.zip(x, |dy, x| dy * f.slope(x))
}

pub(super) fn gradient(graph: &mut Graph, y: NodeId, dy: NodeId, f: Function) -> Result<Vec<Option<NodeId>>> {
    let x = graph[y].inputs[0];
    Ok(vec![Some(graph.pointwise_grad("", dy, x, f)?)])
}
