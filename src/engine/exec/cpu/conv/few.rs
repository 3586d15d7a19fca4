//! The convolution for few output channels: dot products along the input's channels.
//!
//! With one output channel (the target layer's wanted filter; the last gradient, of a grey image) a register of output
//! channels would be nearly empty. Here the lanes run along the *input's* channels instead; each output has a register
//! of partial sums, whose lanes are added up at the end.

use super::Geometry;
use super::block::{Block, Sliding};
use super::epilogue::{Finish, load};
use super::pack::fold_pool;
use crate::engine::exec::cpu::aligned::Aligned;
use crate::engine::exec::cpu::simd::{Kernel, Lanes, Level, prefetch};
use rayon::prelude::*;

/// Output channels that this algorithm can do.
pub const MOST_OUTPUTS: usize = 4;
/// Pixels per task.
const BLOCK: usize = 64;

pub struct Few {
    /// `[bank][part][tap][output][channel]`
    kernels: Aligned,
    bank_len: usize,
    sliding: Sliding,
}

impl Few {
    pub fn new(g: &Geometry) -> Few {
        let sliding = Sliding::new(g);
        Few { kernels: Aligned::default(), bank_len: sliding.taps.0 * sliding.taps.1 * g.ci() * g.co, sliding }
    }

    pub fn pack(&mut self, g: &Geometry, kernel: &[f32]) {
        let kernel = fold_pool(g, kernel);
        let Few { bank_len, sliding: Sliding { taps, co, .. }, .. } = *self;
        let ci = g.ci();
        let mut kernels = Aligned::zeros(self.kernels_len());
        kernels.par_chunks_mut(bank_len).zip(kernel.par_chunks(bank_len)).for_each(|(packed, kernel)| {
            let mut packed = packed.iter_mut();
            let mut c0 = 0;
            for part in &g.parts {
                for tap in 0..taps.0 * taps.1 {
                    for o in 0..co {
                        for c in c0..c0 + part.c {
                            *packed.next().expect("as many as in the kernel") = kernel[(tap * ci + c) * co + o];
                        }
                    }
                }
                c0 += part.c;
            }
        });
        self.kernels = kernels;
    }

    /// Values of the packed kernels.
    pub fn kernels_len(&self) -> usize {
        self.sliding.bank * self.bank_len
    }

    pub fn macs(&self) -> usize {
        self.sliding.out_hw.0 * self.sliding.out_hw.1 * self.bank_len
    }

    pub fn run(&self, level: Level, n: usize, parts: &[&[f32]], finish: Finish) {
        self.sliding.run(self, (BLOCK, 1), level, n, parts, finish);
    }
}

impl Kernel for Block<'_, Few> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        // At least eight sums at once, to fill two units with a latency of four cycles each.
        // SAFETY: `Packed::run` has checked all lengths; every task has its own pixels.
        unsafe {
            match self.conv.sliding.co {
                1 => dots::<L, 8, 1>(&self),
                2 => dots::<L, 4, 2>(&self),
                3 => dots::<L, 4, 3>(&self),
                _ => dots::<L, 4, 4>(&self),
            }
        }
    }
}

/// `P` pixels times `O` outputs at a time.
#[inline(always)]
unsafe fn dots<L: Lanes, const P: usize, const O: usize>(block: &Block<Few>) {
    let (conv, sliding) = (block.conv, &block.conv.sliding);
    for first in block.pixels.clone().step_by(P) {
        let windows = block.windows::<P>(first);
        let mut kernel = conv.kernels[block.bank() * conv.bank_len..][..conv.bank_len].as_ptr();
        let mut acc = [[L::zero(); O]; P];
        for lookup in &sliding.lookups {
            let input = block.input(lookup);
            for i in 0..sliding.taps.0 {
                for j in 0..sliding.taps.1 {
                    // SAFETY: the window is inside the tables; a pixel and each output's kernel have `c` channels.
                    unsafe {
                        let rows = block.seen(lookup, input, &windows, (i, j));
                        if i + 1 == sliding.taps.0 && j + 1 == sliding.taps.1 {
                            ahead(&rows, lookup.c);
                        }
                        let whole = lookup.c - lookup.c % L::N;
                        for c in (0..whole).step_by(L::N) {
                            step(&mut acc, &rows, kernel, lookup.c, c, L::N);
                        }
                        if whole < lookup.c {
                            step(&mut acc, &rows, kernel, lookup.c, whole, lookup.c - whole);
                        }
                        kernel = kernel.add(O * lookup.c);
                    }
                }
            }
        }
        let places = block.places::<P>(first);
        for (acc, pixel) in acc.into_iter().zip(places).take(block.pixels.end - first) {
            let mut sums = [0.0; O];
            for (sum, acc) in sums.iter_mut().zip(acc) {
                *sum = acc.sum();
            }
            // SAFETY: O values are read from an array of O; the pixel is this task's.
            unsafe {
                block.finish.store(L::load_first(sums.as_ptr(), O), block.image, pixel, 0, O);
            }
        }
    }
}

/// Ask for the pixels that the micro-tile after the next reads in this row: a dot product is over before memory answers.
#[inline(always)]
fn ahead<const P: usize>(rows: &[*const f32; P], channels: usize) {
    for row in rows {
        for c in (0..channels).step_by(16) {
            prefetch(row.wrapping_add(2 * P * channels + c));
        }
    }
}

/// `k <= L::N` channels from channel `c` on: P x O multiply-adds of a whole register.
#[inline(always)]
unsafe fn step<L: Lanes, const P: usize, const O: usize>(
    acc: &mut [[L; O]; P],
    rows: &[*const f32; P],
    kernel: *const f32,
    channels: usize,
    c: usize,
    k: usize,
) {
    // SAFETY: the caller's promise: c + k <= channels, of which rows and outputs have as many.
    unsafe {
        let mut b = [L::zero(); O];
        for (o, b) in b.iter_mut().enumerate() {
            *b = load(kernel.add(o * channels + c), k);
        }
        for (acc, row) in acc.iter_mut().zip(rows) {
            let a: L = load(row.add(c), k);
            for (acc, b) in acc.iter_mut().zip(b) {
                *acc = a.fma(b, *acc);
            }
        }
    }
}
