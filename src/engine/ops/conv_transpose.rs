//! conv_transpose: a convolution the other way round. Each input pixel lays the kernel, times its value, onto the output;
//! where kernels overlap they add up. With a stride it makes an image larger.
//!
//! ```text
//! x: [n, h', w', co]   W: [kh, kw, ci, co]   b: [ci]   y: [n, h, w, ci]
//!
//! y[r * stride + i * dilation - top, ..., c] += x[r, s, o] * W[i, j, c, o]      for all r, s, i, j, o; y starts as b
//! dx = the conv2d of dy with the same kernel, stride, padding, dilation and groups
//! ```
//!
//! It is the gradient of a conv2d: input `(r, s)` goes where output `(r, s)` of that conv2d came from, through the same
//! weight. So everything is named after that conv2d: `W` is its kernel, whose inputs are this op's outputs, and `top` is its
//! padding, which this op cuts off. The two are each other's gradient, and nothing has to be remembered.
//!
//! Where the stride is larger than 1, several sizes `h` give the same `h'`: which one is meant is a setting. Keras'
//! Conv2DTranspose stores just this kernel, `[kh, kw, outputs, inputs]`.

use super::conv2d::{Conv2d, check_bank, check_groups};
use super::kernel::Kernel;
use super::window::{Sides, Window};
use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::{Shape, Tensor64};
use rayon::prelude::*;
use std::sync::Arc;

#[derive(Debug, Clone)]
pub struct ConvTranspose {
    /// The kernel, the stride, the padding, the dilation and the groups are those of the conv2d that this is the transpose of.
    pub kernel: Kernel,
    /// `[bank, outputs]`, flat; there are `kernel.ci * groups` outputs.
    pub bias: Option<Arc<[f32]>>,
    pub stride: Window,
    pub pad: Sides,
    pub dilation: Window,
    pub groups: usize,
    /// Rows of the output.
    pub h: usize,
    /// Columns of the output.
    pub w: usize,
}

impl ConvTranspose {
    /// What takes a gradient back through `conv` to an image of `h` x `w` pixels.
    pub(super) fn of(conv: &Conv2d, h: usize, w: usize) -> ConvTranspose {
        let Conv2d { kernel, stride, pad, dilation, groups, .. } = conv.clone();
        ConvTranspose { kernel, bias: None, stride, pad, dilation, groups, h, w }
    }

    /// The conv2d that this is the transpose of.
    fn conv(&self) -> Conv2d {
        let ConvTranspose { kernel, stride, pad, dilation, groups, .. } = self.clone();
        Conv2d { kernel, bias: None, stride, pad, dilation, groups }
    }

    /// Only the wanted channels: image `i` sees output channel `own[i]`.
    pub fn own_channels(&self, own: &[usize]) -> ConvTranspose {
        let bias = self.bias.as_ref().map(|b| own.iter().map(|&o| b[o]).collect());
        ConvTranspose { kernel: self.kernel.own_inputs(own, self.groups), bias, groups: 1, ..self.clone() }
    }

    pub(super) fn shape(&self, x: Shape) -> Result<Shape, String> {
        check_groups(&self.kernel, self.groups)?;
        let outputs = self.kernel.ci * self.groups;
        check_bank(&self.kernel, x.n, self.bias.as_deref(), outputs)?;
        let y = Shape { h: self.h, w: self.w, c: outputs, ..x };
        if y.is_empty() {
            return Err(format!("an output of {y} is empty"));
        }
        let back = self.conv().shape(y)?;
        if back != x {
            return Err(format!("a convolution makes of {y} an input of {back}, not {x}"));
        }
        Ok(y)
    }

    /// Multiply-accumulates for an input of shape `x`.
    pub fn macs(&self, x: Shape) -> u64 {
        (x.pixels() * self.kernel.len()) as u64
    }

    /// y[r * stride + i * dilation - top, ..., c] += x[r, s, o] * W[i, j, c, o], gathered for each output: `r` is
    /// (row + top - i * dilation) / stride, where that is a whole number.
    pub(super) fn reference(&self, x: &Tensor64) -> Tensor64 {
        let (k, stride, dilation) = (&self.kernel, self.stride, self.dilation);
        let mut y = Tensor64::zeros(self.shape(x.shape).expect("checked when the graph was built"));
        let Shape { h, w, c: outputs, .. } = y.shape;
        let co = k.co / self.groups;
        let source = |p: usize, i: usize, d: usize, before: usize, s: usize, n: usize| {
            (p + before).checked_sub(i * d).filter(|p| p.is_multiple_of(s)).map(|p| p / s).filter(|&r| r < n)
        };
        let weights = k.values();
        y.data.par_chunks_mut(w * outputs).enumerate().for_each(|(row, y)| {
            let (n, row) = (row / h, row % h);
            let kernel = k.of_image(&weights, n);
            for (column, y) in y.chunks_mut(outputs).enumerate() {
                for (c, y) in y.iter_mut().enumerate() {
                    let (group, first) = (c / k.ci, if k.bank == 1 { 0 } else { n * outputs });
                    *y = self.bias.as_ref().map_or(0.0, |b| b[first + c].into());
                    for i in 0..k.kh {
                        for j in 0..k.kw {
                            let r = source(row, i, dilation.h, self.pad.top, stride.h, x.shape.h);
                            let s = source(column, j, dilation.w, self.pad.left, stride.w, x.shape.w);
                            let (Some(r), Some(s)) = (r, s) else { continue };
                            for o in group * co..(group + 1) * co {
                                let weight = kernel[((i * k.kw + j) * k.ci + c % k.ci) * k.co + o];
                                *y += x.get(n, r, s, o) * f64::from(weight);
                            }
                        }
                    }
                }
            }
        });
        y
    }

    /// dx = the conv2d of dy with the same kernel, stride, padding, dilation and groups
    pub(super) fn gradient(&self, graph: &mut Graph, dy: NodeId) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![Some(graph.conv2d("", dy, self.conv())?)])
    }
}
