//! The weights of a convolution, as Keras stores them.

use crate::{Error, Result};
use std::sync::Arc;

/// `data` is `[bank, kh, kw, ci, co]`, flat; `bank` is 1 (one kernel for all images) or the number of images. Of a convolution
/// in groups `ci` counts the inputs of one group, `co` the outputs of all.
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
    /// If a side is zero, or the number of values is wrong.
    pub fn new(kh: usize, kw: usize, ci: usize, co: usize, data: Arc<[f32]>) -> Result<Kernel> {
        let kernel = Kernel { bank: 1, kh, kw, ci, co, data };
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
    pub(super) fn len(&self) -> usize {
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

    /// The kernel of the gradient: flipped in both axes, channels swapped within each group.
    pub fn flipped(&self, groups: usize) -> Kernel {
        let (ci, co) = (self.ci, self.co / groups);
        let flipped = |b, i, j, o, c: usize| self.get(b, self.kh - 1 - i, self.kw - 1 - j, c % ci, c / ci * co + o);
        self.build(self.bank, co, ci * groups, flipped)
    }

    /// Only output channels `start .. start + len`.
    pub fn outputs(&self, start: usize, len: usize) -> Kernel {
        self.build(self.bank, self.ci, len, |b, i, j, c, o| self.get(b, i, j, c, start + o))
    }

    /// One kernel per image: image `i` sees only output channel `own[i]`, as its one channel. Of a convolution in groups the
    /// weights of the other groups' inputs are 0.
    pub fn own_outputs(&self, own: &[usize], groups: usize) -> Kernel {
        self.build(own.len(), self.ci * groups, 1, |b, i, j, c, _| {
            let is_in_group = c / self.ci == own[b] / (self.co / groups);
            if is_in_group { self.get(0, i, j, c % self.ci, own[b]) } else { 0.0 }
        })
    }

    /// The same of a transposed convolution, whose outputs are the kernel's inputs.
    pub fn own_inputs(&self, own: &[usize], groups: usize) -> Kernel {
        self.build(own.len(), 1, self.co, |b, i, j, _, o| {
            let is_in_group = o / (self.co / groups) == own[b] / self.ci;
            if is_in_group { self.get(0, i, j, own[b] % self.ci, o) } else { 0.0 }
        })
    }

    /// Output channel `o` multiplied by `scale[o]`, rounded once.
    pub fn scaled(&self, scale: &[f64]) -> Kernel {
        let scaled = |b, i, j, c, o: usize| (f64::from(self.get(b, i, j, c, o)) * scale[o]) as f32;
        self.build(self.bank, self.ci, self.co, scaled)
    }
}
