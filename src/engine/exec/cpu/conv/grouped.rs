//! The convolution in groups: the lanes run along the output channels.
//!
//! Of a depthwise convolution every output channel reads an input channel of its own, so that a register of inputs is
//! multiplied with a register of weights as both lie in memory. In larger groups the lanes of a register read the input
//! channel that is the same one in each lane's group: one number for all, where they are of one group, else gathered.

use super::Geometry;
use super::epilogue::{Finish, load};
use super::input::{self, Lookup, Windows};
use crate::engine::exec::cpu::aligned::Aligned;
use crate::engine::exec::cpu::simd::{Kernel, Lanes, Level};
use rayon::prelude::*;

/// Pixels per task.
const BLOCK: usize = 64;
/// Pixels of a micro-tile, and registers per pixel: eight sums at once, to fill two units with a latency of four cycles each.
const P: usize = 4;
const R: usize = 2;
/// Values of the widest register.
const WIDEST: usize = 16;

pub struct Grouped {
    /// `[bank][tap][channel of a group][output]`, outputs filled up to whole registers.
    kernels: Aligned,
    bank: usize,
    bank_len: usize,
    width: usize,
    taps: (usize, usize),
    dilation: (usize, usize),
    stride: (usize, usize),
    lookup: Lookup,
    zeros: Vec<f32>,
    /// Input channels of a group.
    ci: usize,
    co: usize,
    /// For each output the first channel of its group.
    first_of: Vec<usize>,
    out_hw: (usize, usize),
}

impl Grouped {
    pub fn new(level: Level, g: &Geometry) -> Grouped {
        let (ci, of_group) = (g.ci() / g.groups, g.co / g.groups);
        let width = g.co.next_multiple_of(level.lanes());
        Grouped {
            kernels: Aligned::default(),
            bank: g.bank,
            bank_len: g.kh * g.kw * ci * width,
            width,
            taps: (g.kh, g.kw),
            dilation: g.dilation,
            stride: g.stride,
            lookup: Lookup::new(g, 0),
            zeros: input::zeros(g),
            ci,
            co: g.co,
            first_of: (0..g.co).map(|o| o / of_group * ci).collect(),
            out_hw: g.out_hw(),
        }
    }

    pub fn pack(&mut self, g: &Geometry, kernel: &[f32]) {
        let mut kernels = Aligned::zeros(self.kernels_len());
        for (packed, kernel) in kernels.chunks_mut(self.width).zip(kernel.chunks(g.co)) {
            packed[..g.co].copy_from_slice(kernel);
        }
        self.kernels = kernels;
    }

    /// Values of the packed kernels.
    pub fn kernels_len(&self) -> usize {
        self.bank * self.bank_len
    }

    pub fn run(&self, level: Level, n: usize, parts: &[&[f32]], finish: Finish) {
        let pixels = self.out_hw.0 * self.out_hw.1;
        let blocks = pixels.div_ceil(BLOCK);
        (0..n * blocks).into_par_iter().for_each(|task| {
            let (image, first) = (task / blocks, task % blocks * BLOCK);
            let pixels = first..(first + BLOCK).min(pixels);
            level.dispatch(Block { conv: self, parts, finish, image, pixels });
        });
    }
}

/// One task: a run of pixels of one image.
struct Block<'a> {
    conv: &'a Grouped,
    parts: &'a [&'a [f32]],
    finish: Finish<'a>,
    image: usize,
    pixels: std::ops::Range<usize>,
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        // SAFETY: `Packed::run_at` has checked all lengths; every task has its own pixels.
        unsafe {
            if self.conv.ci == 1 && self.conv.first_of.len() == self.conv.lookup.c {
                sums::<L, true>(&self);
            } else {
                sums::<L, false>(&self);
            }
        }
    }
}

/// `DEPTHWISE`: every output has an input channel of its own.
#[inline(always)]
unsafe fn sums<L: Lanes, const DEPTHWISE: bool>(block: &Block) {
    let conv = block.conv;
    let image = conv.lookup.image(block.parts, block.image);
    let bank = if conv.bank == 1 { 0 } else { block.image };
    let kernels = conv.kernels[bank * conv.bank_len..][..conv.bank_len].as_ptr();
    for first in block.pixels.clone().step_by(P) {
        let windows = Windows::<P>::new(first, block.pixels.end, conv.out_hw.1, conv.stride);
        for o in (0..conv.co).step_by(R * L::N) {
            let mut acc = [[L::zero(); R]; P];
            for i in 0..conv.taps.0 {
                for j in 0..conv.taps.1 {
                    // SAFETY: the windows are inside the lookup's tables; for every tap and channel of a group there is a
                    // row of weights, filled up to whole registers; a pixel has all groups' channels.
                    unsafe {
                        let tap = (i * conv.dilation.0, j * conv.dilation.1);
                        let pixels = conv.lookup.taps(image, conv.zeros.as_ptr(), &windows, tap);
                        for c in 0..conv.ci {
                            let weights = kernels.add(((i * conv.taps.1 + j) * conv.ci + c) * conv.width);
                            for q in 0..R {
                                let o = o + q * L::N;
                                if o < conv.co {
                                    let w = L::load(weights.add(o));
                                    let k = L::N.min(conv.co - o);
                                    for (acc, pixel) in acc.iter_mut().zip(pixels) {
                                        let x: L =
                                            if DEPTHWISE { load(pixel.add(o), k) } else { inputs(conv, pixel, o, c) };
                                        acc[q] = x.fma(w, acc[q]);
                                    }
                                }
                            }
                        }
                    }
                }
            }
            let pixels = block.finish.pixels::<P>(block.image, first, conv.out_hw.1);
            for (acc, pixel) in acc.iter().zip(pixels).take(block.pixels.end - first) {
                for (q, &sum) in acc.iter().enumerate() {
                    let o = o + q * L::N;
                    if o < conv.co {
                        // SAFETY: the pixel is this task's, and o < co.
                        unsafe { block.finish.store(sum, block.image, pixel, o, L::N.min(conv.co - o)) }
                    }
                }
            }
        }
    }
}

/// Channel `c` of the groups of outputs `o, o+1, ..`.
#[inline(always)]
unsafe fn inputs<L: Lanes>(conv: &Grouped, pixel: *const f32, o: usize, c: usize) -> L {
    let first_of = &conv.first_of[o..][..L::N.min(conv.co - o)];
    // SAFETY: every group's channels are inside the pixel; a register has at most WIDEST values.
    unsafe {
        if first_of[0] == first_of[first_of.len() - 1] {
            return L::splat(*pixel.add(first_of[0] + c));
        }
        let mut values = [0.0; WIDEST];
        for (value, first) in values.iter_mut().zip(first_of) {
            *value = *pixel.add(first + c);
        }
        L::load(values.as_ptr())
    }
}
