//! The direct convolution: a matrix product whose left side is never built.
//!
//! A micro-tile of pixels is multiplied with a panel of output channels ([`multiply_add`]); for every tap of the kernel the
//! micro-tile's rows are pointers to the input's pixels where they lie, so that nothing is copied. ('Indirect GEMM', as in
//! Dukhan, *The Indirect Convolution Algorithm*, 2019.) A sum-pool is folded into the kernel, see [`fold_pool`].

use super::Geometry;
use super::block::{Block, Sliding};
use super::epilogue::Finish;
use super::pack::fold_pool;
use super::tile::{multiply_add, panel_width, registers, with_tile};
use crate::engine::exec::cpu::aligned::Aligned;
use crate::engine::exec::cpu::simd::{Kernel, Lanes, Level};
use rayon::prelude::*;

/// Where a pixel needs at most this many input values, they are gathered once for all panels.
const GATHER: usize = 64;
/// With more channels than this, finding a tap's pixel costs little beside multiplying it.
const FEW: usize = 8;
/// Values in the widest row of a micro-tile: two registers of AVX-512.
const WIDEST: usize = 32;
/// Micro-tiles per task.
const TILES: usize = 8;
/// Values of a kernel that a core's own cache holds beside the input: a larger kernel is shared out among tasks.
const CACHED: usize = 64 * 1024;

pub struct Direct {
    /// Kernels in the order in which they are read: `[bank][panel][part][tap][channel][panel_width]`.
    kernels: Aligned,
    /// Values of one panel.
    panel_len: usize,
    panels: usize,
    registers: usize,
    sliding: Sliding,
    ci: usize,
}

impl Direct {
    pub fn new(level: Level, g: &Geometry) -> Direct {
        let (sliding, ci, width) = (Sliding::new(g), g.ci(), panel_width(level, g.co));
        Direct {
            kernels: Aligned::default(),
            panel_len: sliding.taps.0 * sliding.taps.1 * ci * width,
            panels: g.co.div_ceil(width),
            registers: registers(level, g.co),
            sliding,
            ci,
        }
    }

    pub fn pack(&mut self, level: Level, g: &Geometry, kernel: &[f32]) {
        let kernel = fold_pool(g, kernel);
        let Direct { panel_len, panels, ci, sliding: Sliding { taps, co, .. }, .. } = *self;
        let width = panel_width(level, co);
        let mut kernels = Aligned::zeros(self.kernels_len());
        kernels.par_chunks_mut(panel_len).enumerate().for_each(|(at, panel)| {
            let (bank, first) = (at / panels, at % panels * width);
            let used = width.min(co - first);
            let mut rows = panel.chunks_exact_mut(width);
            let mut c0 = 0;
            for part in &g.parts {
                for tap in 0..taps.0 * taps.1 {
                    for c in c0..c0 + part.c {
                        let source = ((bank * taps.0 * taps.1 + tap) * ci + c) * co + first;
                        let row = rows.next().expect("a row per part, tap and channel");
                        row[..used].copy_from_slice(&kernel[source..][..used]);
                    }
                }
                c0 += part.c;
            }
        });
        self.kernels = kernels;
    }

    /// Values of the packed kernels.
    pub fn kernels_len(&self) -> usize {
        self.sliding.bank * self.panels * self.panel_len
    }

    pub fn macs(&self) -> usize {
        let Sliding { taps, co, out_hw, .. } = self.sliding;
        out_hw.0 * out_hw.1 * taps.0 * taps.1 * self.ci * co
    }

    pub fn run(&self, level: Level, n: usize, parts: &[&[f32]], finish: Finish) {
        let shares = (self.panels * self.panel_len).div_ceil(CACHED).min(self.panels);
        self.sliding.run(self, (TILES * level.rows(), shares), level, n, parts, finish);
    }
}

impl Kernel for Block<'_, Direct> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        // SAFETY: `Packed::run` has checked all lengths; every task has its own pixels or channels.
        unsafe {
            let (taps, ci) = (self.conv.sliding.taps, self.conv.ci);
            if taps.0 * taps.1 * ci <= GATHER && ci <= FEW {
                with_tile!(L, self.conv.registers, gathered(&self))
            } else {
                with_tile!(L, self.conv.registers, in_place(&self))
            }
        }
    }
}

impl Block<'_, Direct> {
    /// Kernels of this image's panel.
    #[inline(always)]
    fn panel(&self, panel: usize) -> *const f32 {
        self.conv.kernels[(self.bank() * self.conv.panels + panel) * self.conv.panel_len..].as_ptr()
    }

    /// Store a micro-tile that starts at pixel `first`; `pixels` is where it lies in the whole output.
    #[inline(always)]
    unsafe fn store<L: Lanes, const M: usize, const R: usize>(
        &self,
        acc: &[[L; R]; M],
        (first, pixels): (usize, &[usize; M]),
        panel: usize,
    ) {
        // By way of memory: indexing the sums with a number that isn't known when this is compiled would keep them
        // in memory all along.
        let mut rows = [[0.0f32; WIDEST]; M];
        for (row, acc) in rows.iter_mut().zip(acc) {
            for (q, v) in acc.iter().enumerate() {
                // SAFETY: R registers are at most WIDEST values.
                unsafe { v.store(row.as_mut_ptr().add(q * L::N)) }
            }
        }
        for (row, &pixel) in rows.iter().zip(pixels).take(self.pixels.end - first) {
            for q in 0..R {
                let o = (panel * R + q) * L::N;
                if o < self.conv.sliding.co {
                    // SAFETY: the pixel is this task's, and o < co.
                    unsafe {
                        let v = L::load(row.as_ptr().add(q * L::N));
                        self.finish.store(v, self.image, pixel, o, L::N.min(self.conv.sliding.co - o));
                    }
                }
            }
        }
    }
}

/// Many input values per output: a panel of kernels is used for all of the block's micro-tiles while it is in the cache.
#[inline(always)]
unsafe fn in_place<L: Lanes, const M: usize, const R: usize>(block: &Block<Direct>) {
    let (conv, sliding) = (block.conv, &block.conv.sliding);
    for panel in block.share_of(conv.panels) {
        for first in block.pixels.clone().step_by(M) {
            let windows = block.windows::<M>(first);
            let places = block.places::<M>(first);
            let mut kernel = block.panel(panel);
            let mut acc = [[L::zero(); R]; M];
            for lookup in &sliding.lookups {
                let input = block.input(lookup);
                for i in 0..sliding.taps.0 {
                    for j in 0..sliding.taps.1 {
                        // SAFETY: the windows are inside the lookup's tables; the panel holds `c` rows for every
                        // part and tap.
                        unsafe {
                            let rows = block.seen(lookup, input, &windows, (i, j));
                            multiply_add(&mut acc, &rows, kernel, lookup.c);
                            kernel = kernel.add(lookup.c * R * L::N);
                        }
                    }
                }
            }
            // SAFETY: the micro-tile is this task's.
            unsafe { block.store(&acc, (first, &places), panel) }
        }
    }
}

/// Few input values per output (one channel, say): finding them costs as much as multiplying them, so they are
/// gathered once per micro-tile and used for all panels.
#[inline(always)]
unsafe fn gathered<L: Lanes, const M: usize, const R: usize>(block: &Block<Direct>) {
    let (conv, sliding) = (block.conv, &block.conv.sliding);
    let mut values = [[0.0f32; GATHER]; M];
    for first in block.pixels.clone().step_by(M) {
        let windows = block.windows::<M>(first);
        let places = block.places::<M>(first);
        let mut k = 0;
        for lookup in &sliding.lookups {
            let input = block.input(lookup);
            for i in 0..sliding.taps.0 {
                for j in 0..sliding.taps.1 {
                    // SAFETY: the windows are inside the tables, a pixel has `c` channels, and all parts and taps
                    // together have at most GATHER.
                    unsafe {
                        let pixels = block.seen(lookup, input, &windows, (i, j));
                        for (values, pixel) in values.iter_mut().zip(pixels) {
                            *values.get_unchecked_mut(k) = *pixel;
                            for c in 1..lookup.c {
                                *values.get_unchecked_mut(k + c) = *pixel.add(c);
                            }
                        }
                    }
                    k += lookup.c;
                }
            }
        }
        let rows = values.each_ref().map(|v| v.as_ptr());
        for panel in block.share_of(conv.panels) {
            let mut acc = [[L::zero(); R]; M];
            // SAFETY: each row and the panel have k values (times the panel's width); the micro-tile is this task's.
            unsafe {
                multiply_add(&mut acc, &rows, block.panel(panel), k);
                block.store(&acc, (first, &places), panel)
            }
        }
    }
}
