//! A kernel's numbers where they lie.

use crate::engine::values::Values;
use std::sync::Arc;

/// A kernel whose element `[bank, i, j, c, o]` is a number of an array that lies elsewhere, a fixed step on from that of its neighbour
/// along each axis, times the factor of output `o`, where there are such.
#[derive(Debug, Clone)]
pub struct Strided {
    data: Values,
    /// Bank, rows, columns, inputs, outputs.
    sides: [usize; 5],
    /// Where the first element is.
    start: usize,
    steps: [isize; 5],
    scale: Option<Arc<[f64]>>,
}

impl Strided {
    /// `data` is `sides`, flat; `None` if it has another length.
    pub fn new(sides: [usize; 5], data: Values) -> Option<Strided> {
        let mut steps = [1; 5];
        for axis in (0..4).rev() {
            steps[axis] = steps[axis + 1] * sides[axis + 1] as isize;
        }
        (sides.iter().product::<usize>() == data.len()).then_some(Strided { data, sides, start: 0, steps, scale: None })
    }

    /// Bank, rows, columns, inputs, outputs.
    pub fn sides(&self) -> [usize; 5] {
        self.sides
    }

    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// Where in the data an element is.
    pub fn at(&self, element: [usize; 5]) -> usize {
        let steps = element.iter().zip(self.steps).map(|(&n, step)| n as isize * step);
        self.start.wrapping_add_signed(steps.sum())
    }

    /// How far apart in the data two inputs are, and two outputs.
    pub fn steps(&self) -> (isize, isize) {
        (self.steps[3], self.steps[4])
    }

    pub fn scale(&self) -> Option<&[f64]> {
        self.scale.as_deref()
    }

    /// Rows, columns or outputs: of `axis` only `count`, the first one and every `step`-th after it.
    pub fn every(mut self, axis: usize, first: usize, step: isize, count: usize) -> Strided {
        let last = first as isize + step * (count as isize - 1).max(0);
        assert!(first < self.sides[axis] && (0..self.sides[axis] as isize).contains(&last), "more than there is");
        self.start = self.start.wrapping_add_signed(first as isize * self.steps[axis]);
        self.steps[axis] *= step;
        self.sides[axis] = count;
        self
    }

    /// Inputs and outputs change places.
    pub fn swapped(mut self) -> Strided {
        self.sides.swap(3, 4);
        self.steps.swap(3, 4);
        self
    }

    /// Rows and columns from the last to the first, inputs and outputs swapped: the kernel of the gradient.
    pub fn flipped(self) -> Strided {
        let [_, kh, kw, ..] = self.sides;
        self.every(1, kh - 1, -1, kh).every(2, kw - 1, -1, kw).swapped()
    }

    /// Output `o` times `scale[o]`.
    pub fn scaled(self, scale: &Arc<[f64]>) -> Strided {
        Strided { scale: Some(scale.clone()), ..self }
    }
}
