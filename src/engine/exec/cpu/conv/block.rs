//! What the algorithms share that go from output to output: where an output's window lies, and the work cut into tasks.

use super::Geometry;
use super::epilogue::Finish;
use super::input::{self, Lookup, Windows};
use super::pack::folded_hw;
use crate::engine::exec::cpu::simd::{Kernel, Level};
use rayon::prelude::*;
use std::ops::Range;

/// How a kernel, with the sum-pool [folded in](super::pack::fold_pool), slides over the input.
pub struct Sliding {
    pub lookups: Vec<Lookup>,
    zeros: Vec<f32>,
    /// Rows and columns of the kernel.
    pub taps: (usize, usize),
    /// How far apart two taps are in the input.
    dilation: (usize, usize),
    /// How far apart two outputs are in the input.
    stride: (usize, usize),
    /// How many kernels there are: one for all images, or one each.
    pub bank: usize,
    /// Output channels.
    pub co: usize,
    pub out_hw: (usize, usize),
}

impl Sliding {
    pub fn new(g: &Geometry) -> Sliding {
        Sliding {
            lookups: Lookup::all(g),
            zeros: input::zeros(g),
            taps: folded_hw(g),
            dilation: g.dilation,
            stride: g.step(),
            bank: g.bank,
            co: g.co,
            out_hw: g.out_hw(),
        }
    }

    /// Runs the convolution `conv` as tasks of `size` pixels, each with one of so many `shares` of the output channels. All tasks of a
    /// share follow one another, so that its part of the kernel stays in a cache.
    pub fn run<'a, C: Sync>(
        &'a self,
        conv: &'a C,
        (size, shares): (usize, usize),
        level: Level,
        n: usize,
        parts: &'a [&'a [f32]],
        finish: Finish<'a>,
    ) where
        Block<'a, C>: Kernel<Output = ()>,
    {
        let pixels = self.out_hw.0 * self.out_hw.1;
        let blocks = pixels.div_ceil(size);
        (0..shares * n * blocks).into_par_iter().for_each(|task| {
            let (share, task) = (task / (n * blocks), task % (n * blocks));
            let (image, first) = (task / blocks, task % blocks * size);
            let pixels = first..(first + size).min(pixels);
            level.dispatch(Block { conv, sliding: self, parts, finish, image, pixels, share: (share, shares) });
        });
    }
}

/// One task: a run of pixels of one image, all output channels or a share of them.
pub struct Block<'a, C> {
    pub conv: &'a C,
    sliding: &'a Sliding,
    parts: &'a [&'a [f32]],
    pub finish: Finish<'a>,
    pub image: usize,
    /// Of the output, counted inside the image.
    pub pixels: Range<usize>,
    /// Which share of the output channels, of how many.
    share: (usize, usize),
}

impl<C> Block<'_, C> {
    /// Which of the kernels is the image's.
    #[inline(always)]
    pub fn bank(&self) -> usize {
        if self.sliding.bank == 1 { 0 } else { self.image }
    }

    /// The task's share of so many panels of output channels.
    #[inline(always)]
    pub fn share_of(&self, panels: usize) -> Range<usize> {
        let (share, shares) = self.share;
        share * panels / shares..(share + 1) * panels / shares
    }

    /// The part's data of this image.
    #[inline(always)]
    pub fn input(&self, lookup: &Lookup) -> *const f32 {
        lookup.image(self.parts, self.image)
    }

    /// The windows of the outputs from `first` on.
    #[inline(always)]
    pub fn windows<const M: usize>(&self, first: usize) -> Windows<M> {
        Windows::new(first, self.pixels.end, self.sliding.out_hw.1, self.sliding.stride)
    }

    /// Where in the whole output the outputs from `first` on lie.
    #[inline(always)]
    pub fn places<const M: usize>(&self, first: usize) -> [usize; M] {
        self.finish.pixels(self.image, first, self.sliding.out_hw.1)
    }

    /// The pixels that tap `(i, j)` of the kernel sees in those windows.
    ///
    /// # Safety
    /// `input` is this lookup's, the tap is one of the kernel's.
    #[inline(always)]
    pub unsafe fn seen<const M: usize>(
        &self,
        lookup: &Lookup,
        input: *const f32,
        windows: &Windows<M>,
        (i, j): (usize, usize),
    ) -> [*const f32; M] {
        let (down, across) = self.sliding.dilation;
        // SAFETY: the caller's promise; the tables reach past the last window.
        unsafe { lookup.taps(input, self.sliding.zeros.as_ptr(), windows, (i * down, j * across)) }
    }
}
