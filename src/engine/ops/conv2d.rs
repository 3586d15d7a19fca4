//! conv2d: slide a kernel over the image. Around the image are zeros.
//!
//! ```text
//! x: [n, h, w, ci]   W: [kh, kw, ci, co]   b: [co]   y: [n, h', w', co]
//!
//! y[r, s, o]  = b[o] + sum over i, j, c of  x[r + i - top, s + j - left, c] * W[i, j, c, o]
//! dx[r, s, c] =        sum over i, j, o of dy[r - i + top, s - j + left, o] * W[i, j, c, o]
//! ```
//!
//! Which outputs touched input `(r, s)`? Those at `(r - i + top, s - j + left)`, each through `W[i, j]`. Count `i` and
//! `j` from the other end (`i' = kh - 1 - i`) and the second line is the first one again, with `dy` for `x`,
//! `kh - 1 - top` rows of zeros above it, and
//!
//! ```text
//! W'[i', j', o, c] = W[kh - 1 - i', kw - 1 - j', c, o]
//! ```
//!
//! So the gradient of a convolution is a convolution: the kernel flipped in both axes, its channels swapped, no bias. It
//! needs nothing of `x`: the weights are frozen, only the image is being learned.
//!
//! Three settings make of it every convolution there is. With a *stride* the kernel leaps, and with a *dilation* its pixels
//! lie apart: `x[r * stride + i * dilation - top, ...]`. In *groups* the channels are cut into parts that see nothing of each
//! other: output `o` of group `g` reads the inputs of group `g` alone, and `W` is `[kh, kw, ci / groups, co]`; with as many
//! groups as inputs it is a depthwise convolution. A stride throws outputs away, so the way back must leap as well: the
//! gradient is then [`super::conv_transpose`].
//!
//! A kernel may hold one kernel for all images, or a *bank* of one per image. The ascent climbs filter `i` with image `i`,
//! so of the target convolution each image needs one output channel only: its own.

use super::conv_transpose::ConvTranspose;
use super::kernel::Kernel;
use super::window::{Sides, Window, pixel, windows};
use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::{Shape, Tensor64};
use rayon::prelude::*;
use std::sync::Arc;

#[derive(Debug, Clone)]
pub struct Conv2d {
    pub kernel: Kernel,
    /// `[bank, co]`, flat.
    pub bias: Option<Arc<[f32]>>,
    /// From one output's window to the next one's.
    pub stride: Window,
    /// Zeros around the image.
    pub pad: Sides,
    /// From one of the kernel's pixels to the next.
    pub dilation: Window,
    pub groups: usize,
}

impl Conv2d {
    /// A convolution with stride 1 and Keras' padding 'same': its output is as large as its input.
    pub fn same(kernel: Kernel, bias: Option<Arc<[f32]>>) -> Conv2d {
        let (top, left) = ((kernel.kh - 1) / 2, (kernel.kw - 1) / 2);
        let pad = Sides { top, bottom: kernel.kh - 1 - top, left, right: kernel.kw - 1 - left };
        Conv2d { kernel, bias, stride: Window::ONE, pad, dilation: Window::ONE, groups: 1 }
    }

    /// One kernel of odd sides at every pixel: what the fast executors have fused kernels for.
    pub fn is_plain(&self) -> bool {
        let (top, left) = (self.kernel.kh / 2, self.kernel.kw / 2);
        self.stride == Window::ONE
            && self.dilation == Window::ONE
            && self.groups == 1
            && self.kernel.kh % 2 == 1
            && self.kernel.kw % 2 == 1
            && self.pad == Sides { top, bottom: top, left, right: left }
    }

    /// Only the wanted channels of a convolution: image `i` sees output channel `own[i]`. See [`Kernel::own_outputs`].
    pub fn own_channels(&self, own: &[usize]) -> Conv2d {
        let bias = self.bias.as_ref().map(|b| own.iter().map(|&o| b[o]).collect());
        Conv2d { kernel: self.kernel.own_outputs(own, self.groups), bias, groups: 1, ..self.clone() }
    }

    pub(super) fn shape(&self, x: Shape) -> Result<Shape, String> {
        let k = &self.kernel;
        check_groups(k, self.groups)?;
        if x.c != k.ci * self.groups {
            return Err(format!("the input has {} channels, the kernel takes {}", x.c, k.ci * self.groups));
        }
        check_bank(k, x.n, self.bias.as_deref(), k.co)?;
        let out = windows((x.h, x.w), Window::new(k.kh, k.kw), self.stride, self.pad, self.dilation)?;
        Ok(Shape { h: out.h, w: out.w, c: k.co, ..x })
    }

    /// Multiply-accumulates for an input of shape `x`, which must fit.
    pub fn macs(&self, x: Shape) -> u64 {
        self.shape(x).map_or(0, |y| (y.pixels() * self.kernel.len()) as u64)
    }

    /// y[r, s, o] = b[o] + sum over i, j, c of x[r * stride + i * dilation - top, ..., c] * W[i, j, c, o]
    pub(super) fn reference(&self, x: &Tensor64) -> Tensor64 {
        let (k, stride, dilation) = (&self.kernel, self.stride, self.dilation);
        let mut y = Tensor64::zeros(self.shape(x.shape).expect("checked when the graph was built"));
        let (h, w) = (y.shape.h, y.shape.w);
        let weights: Vec<f64> = k.values().iter().map(|&w| w.into()).collect();
        let co = k.co / self.groups;
        // Rows of the output are independent of each other: a thread takes a row.
        y.data.par_chunks_mut(w * k.co).enumerate().for_each(|(row, y)| {
            let (n, r) = (row / h, row % h);
            let kernel = &weights[if k.bank == 1 { 0 } else { n } * k.len()..][..k.len()];
            for s in 0..w {
                let y = &mut y[s * k.co..][..k.co];
                if let Some(bias) = &self.bias {
                    let first = if k.bank == 1 { 0 } else { n * k.co };
                    y.iter_mut().zip(&bias[first..]).for_each(|(y, &b)| *y = f64::from(b));
                }
                for i in 0..k.kh {
                    for j in 0..k.kw {
                        let yy = pixel(r, stride.h, i, dilation.h, self.pad.top, x.shape.h);
                        let xx = pixel(s, stride.w, j, dilation.w, self.pad.left, x.shape.w);
                        let (Some(yy), Some(xx)) = (yy, xx) else {
                            continue; // outside the image: zero
                        };
                        for c in 0..x.shape.c {
                            let (group, v) = (c / k.ci, x.get(n, yy, xx, c));
                            let at = ((i * k.kw + j) * k.ci + c % k.ci) * k.co + group * co;
                            let y = &mut y[group * co..][..co];
                            y.iter_mut().zip(&kernel[at..][..co]).for_each(|(y, w)| *y += v * w);
                        }
                    }
                }
            }
        });
        y
    }

    /// dx[r, s, c] = sum over i, j, o of dy[r - i + top, s - j + left, o] * W[i, j, c, o]: a conv2d with the kernel
    /// flipped in both axes and its channels swapped. With a stride: a conv_transpose.
    pub(super) fn gradient(&self, graph: &mut Graph, y: NodeId, dy: NodeId) -> Result<Vec<Option<NodeId>>> {
        let x = graph.shape(graph[y].inputs[0]);
        Ok(vec![Some(match self.flipped() {
            Some(conv) => graph.conv2d("", dy, conv)?,
            None => graph.conv_transpose("", dy, ConvTranspose::of(self, x.h, x.w))?,
        })])
    }

    /// The convolution that takes the gradient back, if one does: it must not leap, and no output may lie in zeros alone.
    fn flipped(&self) -> Option<Conv2d> {
        let (k, pad) = (&self.kernel, self.pad);
        let (down, across) = ((k.kh - 1) * self.dilation.h, (k.kw - 1) * self.dilation.w);
        let pad = Sides {
            top: down.checked_sub(pad.top)?,
            bottom: down.checked_sub(pad.bottom)?,
            left: across.checked_sub(pad.left)?,
            right: across.checked_sub(pad.right)?,
        };
        let flipped = || Conv2d { kernel: k.flipped(self.groups), bias: None, pad, ..self.clone() };
        (self.stride == Window::ONE).then(flipped)
    }
}

/// Can the kernel's outputs be cut into that many groups?
pub(super) fn check_groups(kernel: &Kernel, groups: usize) -> Result<(), String> {
    if groups == 0 || !kernel.co.is_multiple_of(groups) {
        return Err(format!("a kernel with {} outputs cannot be cut into {groups} groups", kernel.co));
    }
    Ok(())
}

/// Is there one kernel for each of `n` images or one for all, and for each of its `outputs` a bias?
pub(super) fn check_bank(kernel: &Kernel, n: usize, bias: Option<&[f32]>, outputs: usize) -> Result<(), String> {
    if kernel.bank != 1 && kernel.bank != n {
        return Err(format!("a bank of {} kernels for {n} images", kernel.bank));
    }
    if bias.is_some_and(|b| b.len() != kernel.bank * outputs) {
        return Err(format!("the bias must have {} values", kernel.bank * outputs));
    }
    Ok(())
}
