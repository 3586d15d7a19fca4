//! The convolution in groups: the lanes run along the output channels.
//!
//! Of a depthwise convolution every output channel reads an input channel of its own, so that a register of inputs is
//! multiplied with a register of weights as both lie in memory. In larger groups the lanes of a register read the input
//! channel that is the same one in each lane's group: one number for all, where they are of one group, else gathered.

use super::Geometry;
use super::block::{Block, Sliding};
use super::epilogue::{Finish, load};
use crate::engine::exec::cpu::aligned::Aligned;
use crate::engine::exec::cpu::simd::{Kernel, Lanes, Level};

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
    bank_len: usize,
    width: usize,
    sliding: Sliding,
    /// Input channels of a group.
    ci: usize,
    /// For each output the first channel of its group.
    first_of: Vec<usize>,
}

impl Grouped {
    pub fn new(level: Level, g: &Geometry) -> Grouped {
        let (ci, of_group) = (g.ci() / g.groups, g.co / g.groups);
        let width = g.co.next_multiple_of(level.lanes());
        Grouped {
            kernels: Aligned::default(),
            bank_len: g.kh * g.kw * ci * width,
            width,
            sliding: Sliding::new(g),
            ci,
            first_of: (0..g.co).map(|o| o / of_group * ci).collect(),
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
        self.sliding.bank * self.bank_len
    }

    pub fn run(&self, level: Level, n: usize, parts: &[&[f32]], finish: Finish) {
        self.sliding.run(self, (BLOCK, 1), level, n, parts, finish);
    }
}

impl Kernel for Block<'_, Grouped> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        // SAFETY: `Packed::run_at` has checked all lengths; every task has its own pixels.
        unsafe {
            if self.conv.ci == 1 && self.conv.first_of.len() == self.conv.sliding.lookups[0].c {
                sums::<L, true>(&self);
            } else {
                sums::<L, false>(&self);
            }
        }
    }
}

/// `DEPTHWISE`: every output has an input channel of its own.
#[inline(always)]
unsafe fn sums<L: Lanes, const DEPTHWISE: bool>(block: &Block<Grouped>) {
    let (conv, sliding) = (block.conv, &block.conv.sliding);
    let (lookup, co) = (&sliding.lookups[0], sliding.co);
    let input = block.input(lookup);
    let kernels = conv.kernels[block.bank() * conv.bank_len..][..conv.bank_len].as_ptr();
    for first in block.pixels.clone().step_by(P) {
        let windows = block.windows::<P>(first);
        for o in (0..co).step_by(R * L::N) {
            let mut acc = [[L::zero(); R]; P];
            for i in 0..sliding.taps.0 {
                for j in 0..sliding.taps.1 {
                    // SAFETY: the windows are inside the lookup's tables; for every tap and channel of a group there is a
                    // row of weights, filled up to whole registers; a pixel has all groups' channels.
                    unsafe {
                        let pixels = block.seen(lookup, input, &windows, (i, j));
                        for c in 0..conv.ci {
                            let weights = kernels.add(((i * sliding.taps.1 + j) * conv.ci + c) * conv.width);
                            for q in 0..R {
                                let o = o + q * L::N;
                                if o < co {
                                    let w = L::load(weights.add(o));
                                    let k = L::N.min(co - o);
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
            let places = block.places::<P>(first);
            for (acc, pixel) in acc.iter().zip(places).take(block.pixels.end - first) {
                for (q, &sum) in acc.iter().enumerate() {
                    let o = o + q * L::N;
                    if o < co {
                        // SAFETY: the pixel is this task's, and o < co.
                        unsafe { block.finish.store(sum, block.image, pixel, o, L::N.min(co - o)) }
                    }
                }
            }
        }
    }
}

/// Channel `c` of the groups of outputs `o, o+1, ..`.
#[inline(always)]
unsafe fn inputs<L: Lanes>(conv: &Grouped, pixel: *const f32, o: usize, c: usize) -> L {
    let first_of = &conv.first_of[o..][..L::N.min(conv.first_of.len() - o)];
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
