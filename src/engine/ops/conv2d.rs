//! conv2d: slide a kernel over the image (stride 1, 'same' padding with zeros).
//!
//! ```text
//! x: [n, h, w, ci]   W: [kh, kw, ci, co]   b: [co]   y: [n, h, w, co]
//!
//! y[r, s, o]  = b[o] + sum over i, j, c of  x[r + i - kh/2, s + j - kw/2, c] * W[i, j, c, o]
//! dx[r, s, c] =        sum over i, j, o of dy[r - i + kh/2, s - j + kw/2, o] * W[i, j, c, o]
//! ```
//!
//! Which outputs touched input `(r, s)`? Those at `(r - i + kh/2, s - j + kw/2)`, each through `W[i, j]`. Count `i` and
//! `j` from the other end (`i' = kh - 1 - i`) and the second line is the first one again, with `dy` for `x` and
//!
//! ```text
//! W'[i', j', o, c] = W[kh - 1 - i', kw - 1 - j', c, o]
//! ```
//!
//! So the gradient of a convolution is a convolution: the kernel flipped in both axes, its channels swapped, no bias. It
//! needs nothing of `x`: the weights are frozen, only the image is being learned.
//!
//! A kernel may hold one kernel for all images, or a *bank* of one per image. The ascent climbs filter `i` with image `i`,
//! so of the target convolution each image needs one output channel only: its own.

use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::{Shape, Tensor64};
use crate::{Error, Result};
use rayon::prelude::*;
use std::sync::Arc;

/// `data` is `[bank, kh, kw, ci, co]`, flat; `bank` is 1 (one kernel for all images) or the number of images.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    pub bank: usize,
    pub kh: usize,
    pub kw: usize,
    pub ci: usize,
    pub co: usize,
    pub data: Arc<[f32]>,
}

impl Kernel {
    /// # Errors
    /// If a side is even or zero, or the number of values is wrong.
    pub fn new(kh: usize, kw: usize, ci: usize, co: usize, data: Arc<[f32]>) -> Result<Kernel> {
        let kernel = Kernel { bank: 1, kh, kw, ci, co, data };
        if kh.is_multiple_of(2) || kw.is_multiple_of(2) {
            return Err(Error::Usage(format!("a kernel of {kh}x{kw}: 'same' padding needs odd sides")));
        }
        if kernel.data.len() != kernel.len() || kernel.len() == 0 {
            return Err(Error::Usage(format!(
                "a kernel of {kh}x{kw}x{ci}x{co} has {} values, not {}",
                kernel.len(),
                kernel.data.len()
            )));
        }
        Ok(kernel)
    }

    /// Number of values of one kernel of the bank.
    fn len(&self) -> usize {
        self.kh * self.kw * self.ci * self.co
    }

    /// The kernel that image `n` is convolved with: `[kh, kw, ci, co]`, flat.
    pub fn of_image(&self, n: usize) -> &[f32] {
        let i = if self.bank == 1 { 0 } else { n };
        &self.data[i * self.len()..(i + 1) * self.len()]
    }

    /// Another kernel whose element `[b, i, j, c, o]` is made by `f`.
    fn build(&self, bank: usize, ci: usize, co: usize, f: impl Fn(usize, usize, usize, usize, usize) -> f32) -> Kernel {
        let (kh, kw) = (self.kh, self.kw);
        let mut data = Vec::with_capacity(bank * kh * kw * ci * co);
        for b in 0..bank {
            for i in 0..kh {
                for j in 0..kw {
                    for c in 0..ci {
                        data.extend((0..co).map(|o| f(b, i, j, c, o)));
                    }
                }
            }
        }
        Kernel { bank, kh, kw, ci, co, data: data.into() }
    }

    /// Element `[b, i, j, c, o]`.
    fn get(&self, b: usize, i: usize, j: usize, c: usize, o: usize) -> f32 {
        self.data[(((b * self.kh + i) * self.kw + j) * self.ci + c) * self.co + o]
    }

    /// The kernel of the gradient: flipped in both axes, channels swapped.
    pub fn flipped(&self) -> Kernel {
        self.build(self.bank, self.co, self.ci, |b, i, j, o, c| self.get(b, self.kh - 1 - i, self.kw - 1 - j, c, o))
    }

    /// Only output channels `start .. start + len`.
    pub fn outputs(&self, start: usize, len: usize) -> Kernel {
        self.build(self.bank, self.ci, len, |b, i, j, c, o| self.get(b, i, j, c, start + o))
    }

    /// One kernel per image: image `i` sees only output channel `own[i]`, as its one channel.
    pub fn own_channels(&self, own: &[usize]) -> Kernel {
        self.build(own.len(), self.ci, 1, |b, i, j, c, _| self.get(0, i, j, c, own[b]))
    }

    /// Output channel `o` multiplied by `scale[o]`, rounded once.
    pub fn scaled(&self, scale: &[f64]) -> Kernel {
        let scaled = |b, i, j, c, o: usize| (f64::from(self.get(b, i, j, c, o)) * scale[o]) as f32;
        self.build(self.bank, self.ci, self.co, scaled)
    }
}

#[derive(Debug, Clone)]
pub struct Conv2d {
    pub kernel: Kernel,
    /// `[bank, co]`, flat.
    pub bias: Option<Arc<[f32]>>,
}

impl Conv2d {
    /// Only the wanted channels of a convolution: image `i` sees output channel `own[i]`. See [`Kernel::own_channels`].
    pub fn own_channels(&self, own: &[usize]) -> Conv2d {
        let bias = self.bias.as_ref().map(|b| own.iter().map(|&o| b[o]).collect());
        Conv2d { kernel: self.kernel.own_channels(own), bias }
    }

    pub(super) fn shape(&self, x: Shape) -> Result<Shape, String> {
        let k = &self.kernel;
        if x.c != k.ci {
            return Err(format!("the input has {} channels, the kernel takes {}", x.c, k.ci));
        }
        if k.bank != 1 && k.bank != x.n {
            return Err(format!("a bank of {} kernels for {} images", k.bank, x.n));
        }
        if self.bias.as_ref().is_some_and(|b| b.len() != k.bank * k.co) {
            return Err(format!("the bias must have {} values", k.bank * k.co));
        }
        Ok(x.with_c(k.co))
    }

    /// Multiply-accumulates for an input of shape `x`.
    pub fn macs(&self, x: Shape) -> u64 {
        (x.pixels() * self.kernel.len()) as u64
    }

    /// y[r, s, o] = b[o] + sum over i, j, c of x[r + i - kh/2, s + j - kw/2, c] * W[i, j, c, o]
    pub(super) fn reference(&self, x: &Tensor64) -> Tensor64 {
        let k = &self.kernel;
        let mut y = Tensor64::zeros(x.shape.with_c(k.co));
        let (h, w) = (x.shape.h, x.shape.w);
        let weights: Vec<f64> = k.data.iter().map(|&w| w.into()).collect();
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
                        let (yy, xx) = ((r + i).wrapping_sub(k.kh / 2), (s + j).wrapping_sub(k.kw / 2));
                        if yy >= h || xx >= w {
                            continue; // outside the image: zero
                        }
                        for c in 0..k.ci {
                            let v = x.get(n, yy, xx, c);
                            let weights = &kernel[((i * k.kw + j) * k.ci + c) * k.co..][..k.co];
                            y.iter_mut().zip(weights).for_each(|(y, w)| *y += v * w);
                        }
                    }
                }
            }
        });
        y
    }

    /// dx[r, s, c] = sum over i, j, o of dy[r - i + kh/2, s - j + kw/2, o] * W[i, j, c, o]: a conv2d with the kernel
    /// flipped in both axes and its channels swapped.
    pub(super) fn gradient(&self, graph: &mut Graph, dy: NodeId) -> Result<Vec<Option<NodeId>>> {
        let flipped = Conv2d { kernel: self.kernel.flipped(), bias: None };
        Ok(vec![Some(graph.conv2d("", dy, flipped)?)])
    }
}
