//! What Keras calls a tensor, as a node: which of its axes lie where.
//!
//! A node is `[n, h, w, c]`. A tensor of three axes besides the images' lies there as it is, or, where its channels come first,
//! with them turned to the end; one of two axes lies as `[n, a, 1, c]`, one of one axis as `[n, 1, 1, c]`.

use super::Builder;
use crate::engine::graph::NodeId;
use crate::engine::ops::Axes;
use crate::engine::tensor::Shape;
use crate::{Error, Result};

#[derive(Debug, Clone, Copy)]
pub struct Value {
    pub node: NodeId,
    /// Axes besides the images', 1 to 3.
    pub rank: usize,
    /// Of three axes, the first is the channels, which lie last.
    pub channels_first: bool,
}

impl Value {
    /// For each axis of the tensor, its place among rows, columns, channels (0, 1, 2).
    pub fn places(self) -> &'static [usize] {
        match (self.rank, self.channels_first) {
            (1, _) => &[2],
            (2, _) => &[0, 2],
            (_, false) => &[0, 1, 2],
            (_, true) => &[2, 0, 1],
        }
    }

    /// The lengths of its axes, the images' left out.
    pub fn dims(self, shape: Shape) -> Vec<usize> {
        self.places().iter().map(|&place| [shape.h, shape.w, shape.c][place]).collect()
    }

    /// Where an axis lies that Keras counts with the images as axis 0, or from the last as -1.
    pub fn place(self, axis: i64) -> Result<usize> {
        let count = self.rank as i64 + 1;
        let from_first = if axis < 0 { axis + count } else { axis };
        match from_first {
            0 => Err(Error::Usage(format!("axis {axis} is that of the images"))),
            a if (1..count).contains(&a) => Ok(self.places()[a as usize - 1]),
            _ => Err(Error::Usage(format!("axis {axis} of a tensor of {count} axes"))),
        }
    }
}

/// The shape of a node that holds a tensor of these lengths.
pub(super) fn shape_of(n: usize, dims: &[usize]) -> Result<Shape> {
    match *dims {
        [c] => Ok(Shape::new(n, 1, 1, c)),
        [a, c] => Ok(Shape::new(n, a, 1, c)),
        [h, w, c] => Ok(Shape::new(n, h, w, c)),
        _ => Err(Error::Usage(format!(
            "a tensor of {} axes is not supported (supported: the images and 1 to 3 more)",
            dims.len() + 1
        ))),
    }
}

impl Builder<'_> {
    pub(super) fn dims(&self, x: Value) -> Vec<usize> {
        x.dims(self.graph.shape(x.node))
    }

    /// Axes as Keras counts them.
    pub(super) fn axes(&self, x: Value, axes: &[i64]) -> Result<Axes> {
        let mut over = [false; 3];
        for &axis in axes {
            over[x.place(axis)?] = true;
        }
        match over {
            [false, false, false] => Err(Error::Usage("it names no axis".to_string())),
            [h, w, c] => Ok(Axes { h, w, c }),
        }
    }

    /// Rows and columns of an image.
    pub(super) fn image(&self, x: Value) -> Result<Shape> {
        match x.rank {
            3 => Ok(self.graph.shape(x.node)),
            rank => Err(Error::Usage(format!("it takes images, not tensors of {} axes", rank + 1))),
        }
    }

    /// An image seen with its channels first or last: the axes keep their order, and their meaning changes.
    pub(super) fn turned(&mut self, x: Value, channels_first: bool) -> Result<Value> {
        if x.rank < 3 || x.channels_first == channels_first {
            return Ok(x);
        }
        let order = if channels_first { [1, 2, 0] } else { [2, 0, 1] };
        let node = self.moved(&self.part("turned"), x.node, order)?;
        Ok(Value { node, channels_first, ..x })
    }

    /// The tensor with its axes in memory as Keras has them.
    pub(super) fn in_order(&mut self, x: Value) -> Result<Value> {
        self.turned(x, false)
    }

    /// The axes in another order: the first of the new ones is `order[0]` of the old.
    pub(super) fn moved(&mut self, name: &str, x: NodeId, order: [usize; 3]) -> Result<NodeId> {
        let s = self.graph.shape(x);
        let old = [s.h, s.w, s.c];
        let [h, w, c] = order.map(|axis| old[axis]);
        let long = order.iter().filter(|&&axis| old[axis] > 1);
        match long.is_sorted() {
            // Axes of length 1 can be moved without moving a value.
            true => self.shaped(name, x, Shape { h, w, c, ..s }),
            false => self.graph.permute(name, x, order),
        }
    }

    /// The same values in memory, in another shape.
    pub(super) fn shaped(&mut self, name: &str, x: NodeId, shape: Shape) -> Result<NodeId> {
        if self.graph.shape(x) == shape { Ok(x) } else { self.graph.reshape(name, x, shape) }
    }

    /// The same values in Keras' order, as a tensor of these lengths.
    pub(super) fn as_dims(&mut self, x: Value, dims: &[usize]) -> Result<Value> {
        let x = self.in_order(x)?;
        let shape = shape_of(self.graph.shape(x.node).n, dims)?;
        let node = self.shaped(self.name, x.node, shape)?;
        Ok(Value { node, rank: dims.len(), channels_first: false })
    }
}
