//! Several values made one.

use super::value::shape_of;
use super::{Builder, Value};
use crate::engine::graph::NodeId;
use crate::engine::ops::Function;
use crate::engine::tensor::Shape;
use crate::network::{Array, Merge};
use crate::{Error, Result};

impl Builder<'_> {
    /// Place by place; an axis of length 1 is as long as it has to be.
    pub(super) fn merge(&mut self, x: &[Value], merge: Merge) -> Result<Value> {
        let x = self.alike(x)?;
        let count = x.len();
        let mut y = x[0];
        for (i, &b) in x.iter().enumerate().skip(1) {
            let is_last = i + 1 == count && merge != Merge::Average;
            let name = if is_last { self.name.to_string() } else { self.part(&format!("of {}", i + 1)) };
            y.node = self.pair(&name, y.node, b.node, merge)?;
        }
        match merge {
            Merge::Average => self.with_node(y, |b, y| b.linear(b.name, y, 1.0 / count as f64, 0.0)),
            _ => Ok(y),
        }
    }

    fn pair(&mut self, name: &str, x: NodeId, y: NodeId, merge: Merge) -> Result<NodeId> {
        match merge {
            Merge::Add | Merge::Average => self.graph.add(name, x, y),
            Merge::Subtract => self.graph.subtract(name, x, y),
            Merge::Multiply => self.graph.mul(name, x, y),
            Merge::Divide => {
                let inverse = self.graph.pointwise(&self.part("1/divisor"), y, Function::Reciprocal)?;
                self.graph.mul(name, x, inverse)
            }
            Merge::Maximum => self.graph.maximum(name, x, y),
            Merge::Minimum => self.graph.minimum(name, x, y),
        }
    }

    /// The same tensors with the same number of axes, in the same order. Keras puts axes of length 1 in front.
    fn alike(&mut self, x: &[Value]) -> Result<Vec<Value>> {
        let Some(most) = x.iter().max_by_key(|x| x.rank).copied() else {
            return Err(Error::Usage("it has no input".to_string()));
        };
        let one = |&x: &Value| {
            let mut dims = self.dims(x);
            while dims.len() < most.rank {
                dims.insert(0, 1);
            }
            let x = if x.rank < most.rank { self.as_dims(x, &dims)? } else { x };
            self.turned(x, most.channels_first)
        };
        x.iter().map(one).collect()
    }

    /// Along the channels; along another axis as a sum of what is padded with zeros to the whole length.
    pub(super) fn concat(&mut self, x: &[Value], axis: i64) -> Result<Value> {
        let x = self.alike(x)?;
        let place = x[0].place(axis)?;
        let nodes: Vec<NodeId> = x.iter().map(|x| x.node).collect();
        let lengths = |s: Shape| [s.h, s.w, s.c];
        let shapes: Vec<[usize; 3]> = nodes.iter().map(|&x| lengths(self.graph.shape(x))).collect();
        let differs = shapes.iter().position(|s| (0..3).any(|p| p != place && s[p] != shapes[0][p]));
        if let Some(i) = differs {
            let about = |i: usize| {
                let [h, w, c] = shapes[i];
                format!("{} ({h}x{w}x{c})", self.graph[nodes[i]].name)
            };
            return Err(Error::Usage(format!(
                "{} and {} cannot be laid side by side; take an image of another size",
                about(0),
                about(i)
            )));
        }
        if place == 2 {
            let node = if let [one] = nodes[..] { one } else { self.graph.concat(self.name, &nodes)? };
            return Ok(Value { node, ..x[0] });
        }
        let mut whole = shapes[0];
        whole[place] = shapes.iter().map(|s| s[place]).sum();
        let (mut at, mut sum) = (0, None);
        for (i, (&node, shape)) in nodes.iter().zip(&shapes).enumerate() {
            let mut before = [0; 3];
            before[place] = at;
            at += shape[place];
            let padded = self.graph.pad(&self.part(&format!("part {}", i + 1)), node, before, whole)?;
            sum = Some(match sum {
                None => padded,
                Some(sum) => self.graph.add(self.name, sum, padded)?,
            });
        }
        Ok(Value { node: sum.unwrap_or(x[0].node), ..x[0] })
    }

    /// Numbers of the file that are added to or multiplied with `x`, in the shape that Keras has: `x`'s own, or 1 along an axis.
    pub(super) fn constant(&mut self, what: &str, x: Value, array: &Array) -> Result<NodeId> {
        let dims = self.dims(x);
        let fits = array.shape.len() == dims.len() && array.shape.iter().zip(&dims).all(|(&a, &d)| a == d || a == 1);
        if !fits {
            return Err(Error::Usage(format!(
                "its {what} has shape {:?}, and it gets {dims:?}; take an image of the size that the network was trained with",
                array.shape
            )));
        }
        let shape = shape_of(self.graph.shape(x.node).n, &array.shape)?;
        let node = self.graph.constant(&self.part(what), shape, array.data[..].into())?;
        let value = Value { node, rank: x.rank, channels_first: false };
        match x.channels_first {
            // Turned without a change of meaning: the channels, which come first, to the end.
            true => self.moved(&self.part(what), value.node, [1, 2, 0]),
            false => Ok(value.node),
        }
    }
}
