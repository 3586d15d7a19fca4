//! Norms: what is moved to mean 0 and scaled to variance 1, or length 1.

use super::{Builder, Value};
use crate::engine::graph::NodeId;
use crate::engine::ops::Axes;
use crate::engine::tensor::Shape;
use crate::network::{Activation, Array};
use crate::{Error, Result};
use std::sync::Arc;

impl Builder<'_> {
    pub(super) fn batch_norm(&mut self, x: Value, axis: i64, scale: &Arc<[f64]>, shift: &Arc<[f64]>) -> Result<Value> {
        self.along(x, axis, |b, x| b.graph.batch_norm(b.name, x, scale.clone(), shift.clone()))
    }

    /// Normalises along another axis: moves it to the place of the channels, and back afterwards.
    fn along(&mut self, x: Value, axis: i64, f: impl FnOnce(&mut Self, NodeId) -> Result<NodeId>) -> Result<Value> {
        let mut order = [0, 1, 2];
        order.swap(x.place(axis)?, 2);
        self.with_node(x, |b, x| {
            let turned = b.moved(&b.part("axes moved"), x, order)?;
            let y = f(b, turned)?;
            b.moved(b.name, y, order)
        })
    }

    /// `gamma (x - mean) / sqrt(variance + epsilon) + beta`
    pub(super) fn layer_norm(
        &mut self,
        x: Value,
        axes: &[i64],
        epsilon: f64,
        gamma: Option<&Array>,
        beta: Option<&Array>,
    ) -> Result<Value> {
        let over = self.axes(x, axes)?;
        let last = gamma.is_none() && beta.is_none();
        let name = if last { self.name.to_string() } else { self.part("normalised") };
        let mut y = self.with_node(x, |b, x| b.graph.standardise(&name, x, over, epsilon as f32))?;
        // gamma and beta have the lengths of these axes only, in their order.
        let dims = self.dims(x);
        let places = x.places();
        let whole = |array: &Array| {
            let mut lengths = array.shape.iter();
            let shape = (0..dims.len())
                .map(|i| if [over.h, over.w, over.c][places[i]] { lengths.next().copied().unwrap_or(0) } else { 1 });
            Array { shape: shape.collect(), data: array.data.clone() }
        };
        if let Some(gamma) = gamma {
            let gamma = self.constant("gamma", x, &whole(gamma))?;
            let name = if beta.is_none() { self.name.to_string() } else { self.part("times gamma") };
            y.node = self.graph.mul(&name, y.node, gamma)?;
        }
        if let Some(beta) = beta {
            let beta = self.constant("beta", x, &whole(beta))?;
            y.node = self.graph.add(self.name, y.node, beta)?;
        }
        Ok(y)
    }

    /// The channels of a group together, all pixels of an image.
    pub(super) fn group_norm(
        &mut self,
        x: Value,
        groups: Option<usize>,
        axis: i64,
        epsilon: f64,
        gamma: Option<&[f32]>,
        beta: Option<&[f32]>,
    ) -> Result<Value> {
        self.image(x)?;
        self.along(x, axis, |b, x| {
            let s = b.graph.shape(x);
            let groups = groups.unwrap_or(s.c);
            if !s.c.is_multiple_of(groups) {
                return Err(Error::Usage(format!("{} channels cannot be cut into {groups} groups", s.c)));
            }
            let grouped = Shape { h: s.h * s.w, w: groups, c: s.c / groups, ..s };
            let cut = b.shaped(&b.part("groups"), x, grouped)?;
            let of_group = Axes { h: true, w: false, c: true };
            let normalised = b.graph.standardise(&b.part("normalised"), cut, of_group, epsilon as f32)?;
            let scale = |given: Option<&[f32]>, default: f64| -> Arc<[f64]> {
                given.map_or_else(|| vec![default; s.c].into(), |g| g.iter().map(|&v| f64::from(v)).collect())
            };
            let (gamma, beta) = (scale(gamma, 1.0), scale(beta, 0.0));
            let node = b.shaped(&b.part("in its shape"), normalised, s)?;
            b.graph.batch_norm(b.name, node, gamma, beta)
        })
    }

    /// `x / sqrt(max(sum of x^2, 1e-12))`
    pub(super) fn unit_norm(&mut self, x: Value, axes: &[i64]) -> Result<Value> {
        const LEAST: f64 = 1e-12;
        let over = self.axes(x, axes)?;
        self.with_node(x, |b, x| {
            let squares = b.graph.mul(&b.part("squares"), x, x)?;
            let sum = b.graph.sum(&b.part("sum of squares"), squares, over)?;
            let sum = b.clip(&b.part("at least"), sum, LEAST, f64::INFINITY)?;
            let scale = b.activate_node(&b.part("1/length"), sum, Activation::Rsqrt)?;
            b.graph.mul(b.name, x, scale)
        })
    }
}
