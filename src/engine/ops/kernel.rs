//! The weights of a convolution, as Keras stores them, and what a graph makes of them.
//!
//! A graph never copies weights. A flipped, sliced or scaled kernel is the file's own array with a list of what is to be done to
//! it; the numbers are put together ([`Kernel::values`]) only when an executor packs them.

use super::strided::Strided;
use crate::engine::values::Values;
use crate::{Error, Result};
use std::borrow::Cow;
use std::sync::Arc;

/// `[bank, kh, kw, ci, co]`; `bank` is 1 (one kernel for all images) or the number of images. Of a convolution in groups `ci`
/// counts the inputs of one group, `co` the outputs of all.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    pub bank: usize,
    pub kh: usize,
    pub kw: usize,
    pub ci: usize,
    pub co: usize,
    /// `[bank, kh, kw, ci, co]` before the views, flat.
    source: Values,
    source_bank: usize,
    source_ci: usize,
    /// What is done to it, in this order.
    views: Vec<View>,
}

/// What a graph makes of a kernel's numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum View {
    /// Flipped in both axes, the channels of each group swapped.
    Flipped {
        groups: usize,
    },
    Outputs {
        start: usize,
        len: usize,
    },
    /// Image `i` sees output `own[i]` alone.
    OwnOutputs {
        own: Arc<[usize]>,
        groups: usize,
    },
    /// Image `i` sees input `own[i]` alone.
    OwnInputs {
        own: Arc<[usize]>,
        groups: usize,
    },
    /// A factor for each output.
    Scaled {
        scale: Arc<[f64]>,
    },
}

impl Kernel {
    /// `data` is `[kh, kw, ci, co]`, flat.
    ///
    /// # Errors
    /// If a side is zero, or the number of values is wrong.
    pub fn new(kh: usize, kw: usize, ci: usize, co: usize, data: Values) -> Result<Kernel> {
        Kernel::of_bank(1, kh, kw, ci, co, data)
    }

    /// A kernel for each image: `data` is `[bank, kh, kw, ci, co]`, flat.
    ///
    /// # Errors
    /// As [`Kernel::new`].
    pub fn of_bank(bank: usize, kh: usize, kw: usize, ci: usize, co: usize, data: Values) -> Result<Kernel> {
        let kernel = Kernel { bank, kh, kw, ci, co, source: data, source_bank: bank, source_ci: ci, views: vec![] };
        if kernel.source.len() != bank * kernel.len() || kernel.source.is_empty() {
            return Err(Error::Usage(format!(
                "a kernel of {kh}x{kw}x{ci}x{co} has {} values, not {}",
                bank * kernel.len(),
                kernel.source.len()
            )));
        }
        Ok(kernel)
    }

    /// Number of values of one kernel of the bank.
    pub fn len(&self) -> usize {
        self.kh * self.kw * self.ci * self.co
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The kernel of image `n` among `values`, which are [`Kernel::values`].
    pub fn of_image<'v>(&self, values: &'v [f32], n: usize) -> &'v [f32] {
        let i = if self.bank == 1 { 0 } else { n };
        &values[i * self.len()..(i + 1) * self.len()]
    }

    /// `[bank, kh, kw, ci, co]`, flat.
    pub fn values(&self) -> Cow<'_, [f32]> {
        let (bank, kh, kw, ci) = (self.source_bank, self.kh, self.kw, self.source_ci);
        let co = self.source.len() / (bank * kh * kw * ci);
        let mut real = Real { bank, kh, kw, ci, co, data: (&*self.source).into() };
        for view in &self.views {
            real = real.through(view);
        }
        real.data
    }

    /// The same numbers where they lie, if what is done to them is no more than to read them in another order and to scale the
    /// outputs at the end.
    pub fn in_place(&self) -> Option<Strided> {
        let (kh, kw, ci) = (self.kh, self.kw, self.source_ci);
        let co = self.source.len() / (self.source_bank * kh * kw * ci);
        let whole = Strided::new([self.source_bank, kh, kw, ci, co], self.source.clone())?;
        self.views.iter().try_fold(whole, |kernel, view| match view {
            _ if kernel.scale().is_some() => None,
            View::Flipped { groups: 1 } => Some(kernel.flipped()),
            &View::Outputs { start, len } => Some(kernel.every(4, start, 1, len)),
            View::Scaled { scale } => Some(kernel.scaled(scale)),
            View::Flipped { .. } | View::OwnOutputs { .. } | View::OwnInputs { .. } => None,
        })
    }

    /// The array that it looks at, its sizes `[bank, kh, kw, ci, co]`, and what is done to it, in this order: for whoever packs
    /// kernels elsewhere.
    pub fn source(&self) -> (&Values, [usize; 5], &[View]) {
        let Kernel { source_bank: bank, kh, kw, source_ci: ci, .. } = *self;
        (&self.source, [bank, kh, kw, ci, self.source.len() / (bank * kh * kw * ci)], &self.views)
    }

    /// The same with one more view, after which it has these sizes.
    fn with(&self, view: View, bank: usize, ci: usize, co: usize) -> Kernel {
        let mut kernel = Kernel { bank, ci, co, ..self.clone() };
        kernel.views.push(view);
        kernel
    }

    /// The kernel of the gradient: flipped in both axes, channels swapped within each group.
    pub fn flipped(&self, groups: usize) -> Kernel {
        self.with(View::Flipped { groups }, self.bank, self.co / groups, self.ci * groups)
    }

    /// Only output channels `start .. start + len`.
    pub fn outputs(&self, start: usize, len: usize) -> Kernel {
        self.with(View::Outputs { start, len }, self.bank, self.ci, len)
    }

    /// One kernel per image: image `i` sees only output channel `own[i]`, as its one channel. Of a convolution in groups the
    /// weights of the other groups' inputs are 0.
    pub fn own_outputs(&self, own: &[usize], groups: usize) -> Kernel {
        self.with(View::OwnOutputs { own: own.into(), groups }, own.len(), self.ci * groups, 1)
    }

    /// The same of a transposed convolution, whose outputs are the kernel's inputs.
    pub fn own_inputs(&self, own: &[usize], groups: usize) -> Kernel {
        self.with(View::OwnInputs { own: own.into(), groups }, own.len(), 1, self.co)
    }

    /// Output channel `o` multiplied by `scale[o]`, rounded once.
    pub fn scaled(&self, scale: &[f64]) -> Kernel {
        self.with(View::Scaled { scale: scale.into() }, self.bank, self.ci, self.co)
    }
}

/// A kernel whose numbers are there.
struct Real<'a> {
    bank: usize,
    kh: usize,
    kw: usize,
    ci: usize,
    co: usize,
    data: Cow<'a, [f32]>,
}

impl Real<'_> {
    /// Another kernel whose element `[b, i, j, c, o]` is made by `f`.
    fn build<'b>(
        &self,
        bank: usize,
        ci: usize,
        co: usize,
        f: impl Fn(usize, usize, usize, usize, usize) -> f32,
    ) -> Real<'b> {
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
        Real { bank, kh, kw, ci, co, data: data.into() }
    }

    /// Element `[b, i, j, c, o]`.
    fn get(&self, b: usize, i: usize, j: usize, c: usize, o: usize) -> f32 {
        self.data[(((b * self.kh + i) * self.kw + j) * self.ci + c) * self.co + o]
    }

    fn through<'b>(&self, view: &View) -> Real<'b> {
        let (bank, ci, co) = (self.bank, self.ci, self.co);
        match view {
            &View::Flipped { groups } => {
                let of_group = co / groups;
                self.build(bank, of_group, ci * groups, |b, i, j, o, c| {
                    self.get(b, self.kh - 1 - i, self.kw - 1 - j, c % ci, c / ci * of_group + o)
                })
            }
            &View::Outputs { start, len } => self.build(bank, ci, len, |b, i, j, c, o| self.get(b, i, j, c, start + o)),
            View::OwnOutputs { own, groups } => self.build(own.len(), ci * groups, 1, |b, i, j, c, _| {
                let is_in_group = c / ci == own[b] / (co / groups);
                if is_in_group { self.get(0, i, j, c % ci, own[b]) } else { 0.0 }
            }),
            View::OwnInputs { own, groups } => self.build(own.len(), 1, co, |b, i, j, _, o| {
                let is_in_group = o / (co / groups) == own[b] / ci;
                if is_in_group { self.get(0, i, j, own[b] % ci, o) } else { 0.0 }
            }),
            View::Scaled { scale } => {
                self.build(bank, ci, co, |b, i, j, c, o| (f64::from(self.get(b, i, j, c, o)) * scale[o]) as f32)
            }
        }
    }
}
