//! Activations and softmax.

use super::{Builder, Value};
use crate::engine::graph::NodeId;
use crate::engine::ops::Function;
use crate::network::{Activation, Array};
use crate::{Error, Result};

impl Activation {
    /// Whether a channel of the result depends on other channels.
    pub(super) fn sees_all_channels(self) -> bool {
        matches!(self, Activation::Softmax | Activation::LogSoftmax)
    }
}

impl Builder<'_> {
    pub(super) fn activate(&mut self, name: &str, x: Value, activation: Activation) -> Result<Value> {
        match activation {
            Activation::Softmax => return self.softmax(name, x, &[-1]),
            Activation::LogSoftmax => return self.log_softmax(name, x),
            _ => {}
        }
        self.with_node(x, |b, x| b.activate_node(name, x, activation))
    }

    pub(super) fn activate_node(&mut self, name: &str, x: NodeId, activation: Activation) -> Result<NodeId> {
        match activation {
            Activation::Linear | Activation::Softmax | Activation::LogSoftmax => Ok(x),
            Activation::Relu => self.graph.relu(name, x),
            Activation::Sigmoid => self.graph.sigmoid(name, x),
            Activation::Pointwise(function) => self.graph.pointwise(name, x, function),
            Activation::Clip { least, most } => self.clip(name, x, least, most),
            Activation::LogSigmoid => {
                let minus = self.linear(&self.part("-x"), x, -1.0, 0.0)?;
                let y = self.graph.pointwise(&self.part("softplus"), minus, Function::Softplus)?;
                self.linear(name, y, -1.0, 0.0)
            }
            Activation::TanhShrink => {
                let tanh = self.graph.pointwise(&self.part("tanh"), x, Function::Tanh)?;
                self.graph.subtract(name, x, tanh)
            }
            // What is above the threshold, less what is above it with its sign turned.
            Activation::HardShrink { threshold } => {
                let above = Function::Relu { max: f32::INFINITY, threshold: threshold as f32, slope: 0.0 };
                self.both_ways(name, x, |b, name, x| b.graph.pointwise(name, x, above))
            }
            Activation::SoftShrink { threshold } => self.both_ways(name, x, |b, name, x| {
                let less = b.linear(&b.part("less the threshold"), x, 1.0, -threshold)?;
                b.graph.relu(name, less)
            }),
            Activation::Squareplus { b: add } => {
                let square = self.graph.mul(&self.part("square"), x, x)?;
                let sum = self.linear(&self.part("square + b"), square, 1.0, add)?;
                let root = self.graph.pointwise(&self.part("root"), sum, Function::Sqrt)?;
                let both = self.graph.add(&self.part("x + root"), x, root)?;
                self.linear(name, both, 0.5, 0.0)
            }
            // (clip(x, -1, 1) + 1)^2 / 4 + relu(x - 1)
            Activation::SparsePlus => {
                let clipped = self.clip(&self.part("clipped"), x, -1.0, 1.0)?;
                let half = self.linear(&self.part("half"), clipped, 0.5, 0.5)?;
                let curve = self.graph.mul(&self.part("curve"), half, half)?;
                let beyond = self.linear(&self.part("x - 1"), x, 1.0, -1.0)?;
                let line = self.graph.relu(&self.part("line"), beyond)?;
                self.graph.add(name, curve, line)
            }
            Activation::Square => self.graph.mul(name, x, x),
            Activation::Rsqrt => {
                let root = self.graph.pointwise(&self.part("root"), x, Function::Sqrt)?;
                self.graph.pointwise(name, root, Function::Reciprocal)
            }
            Activation::Over { numerator } => {
                let y = self.graph.pointwise(&self.part("1/x"), x, Function::Reciprocal)?;
                self.linear(name, y, numerator, 0.0)
            }
        }
    }

    /// `min(max(x, least), most)`, as `least + relu(x - least)`, with an end to the relu if there is a `most`.
    pub(super) fn clip(&mut self, name: &str, x: NodeId, least: f64, most: f64) -> Result<NodeId> {
        if least.is_nan() || most.is_nan() || least > most {
            return Err(Error::Usage(format!("nothing lies from {least} to {most}")));
        }
        if (least, most) == (f64::NEG_INFINITY, f64::INFINITY) {
            return Ok(x);
        }
        if least == f64::NEG_INFINITY {
            let minus = self.linear(&self.part("-x"), x, -1.0, 0.0)?;
            let y = self.clip(&self.part("-y"), minus, -most, f64::INFINITY)?;
            return self.linear(name, y, -1.0, 0.0);
        }
        let above = self.linear(&self.part("above the least"), x, 1.0, -least)?;
        let y = match most == f64::INFINITY {
            true => self.graph.relu(&self.part("clipped"), above)?,
            false => {
                let function = Function::Relu { max: (most - least) as f32, threshold: 0.0, slope: 0.0 };
                self.graph.pointwise(&self.part("clipped"), above, function)?
            }
        };
        self.linear(name, y, 1.0, least)
    }

    /// `f(x) - f(-x)`
    fn both_ways(
        &mut self,
        name: &str,
        x: NodeId,
        f: impl Fn(&mut Self, &str, NodeId) -> Result<NodeId>,
    ) -> Result<NodeId> {
        let up = f(self, &self.part("up"), x)?;
        let minus = self.linear(&self.part("-x"), x, -1.0, 0.0)?;
        let down = f(self, &self.part("down"), minus)?;
        self.graph.subtract(name, up, down)
    }

    pub(super) fn softmax(&mut self, name: &str, x: Value, axes: &[i64]) -> Result<Value> {
        let axes = self.axes(x, axes)?;
        self.with_node(x, |b, x| b.graph.softmax(name, x, axes))
    }

    /// `log(softmax(x))` over the last axis, as `x - m - log(sum of exp(x - m))`, which no large `x` makes infinite.
    fn log_softmax(&mut self, name: &str, x: Value) -> Result<Value> {
        let axes = self.axes(x, &[-1])?;
        self.with_node(x, |b, x| {
            let most = b.most(&b.part("largest"), x, axes)?;
            let less = b.graph.subtract(&b.part("less the largest"), x, most)?;
            let exp = b.graph.pointwise(&b.part("exp"), less, Function::Exp)?;
            let sum = b.graph.sum(&b.part("sum of exp"), exp, axes)?;
            let log = b.graph.pointwise(&b.part("log of the sum"), sum, Function::Log)?;
            b.graph.subtract(name, less, log)
        })
    }

    /// `relu(x) - alpha relu(-x)`
    pub(super) fn prelu(&mut self, x: Value, alpha: &Array) -> Result<Value> {
        let alpha = self.constant("alpha", x, alpha)?;
        self.with_node(x, |b, x| {
            let up = b.graph.relu(&b.part("above 0"), x)?;
            let minus = b.linear(&b.part("-x"), x, -1.0, 0.0)?;
            let down = b.graph.relu(&b.part("below 0"), minus)?;
            let down = b.graph.mul(&b.part("alpha x"), down, alpha)?;
            b.graph.subtract(b.name, up, down)
        })
    }
}
