//! Winograd's convolution F(4x4, 3x3): 36 multiplications per 4x4 outputs and channel, where the definition has 144.
//! (Lavin and Gray, *Fast Algorithms for Convolutional Neural Networks*, 2016.)
//!
//! A tile of 4x4 outputs depends on 6x6 inputs d. With the matrices of [`transform`](super::transform)
//!
//! ```text
//! Y = A^T [ (G g G^T) . (B^T d B) ] A          '.': element by element, summed over the input's channels
//! ```
//!
//! The sum over channels turns each of the 36 elements ('positions') into a matrix product, V times U, of its own. A
//! chunk of tiles goes through three phases, each of them parallel; the chunk's V and M stay in the cache:
//!
//! 1. input transform:  V[position][tile][channel] = B^T d B         in parallel over tiles
//! 2. matrix products:  M[position] = V[position] * U[position]      in parallel over positions and panels
//! 3. output transform: Y = A^T M A, then the epilogue              in parallel over tiles
//!
//! Kernels that are not [stored](super::on_use) in their transformed form are transformed in the second phase, in parallel over panels.
//!
//! # Two ways to skip work
//!
//! Row 2 of B^T belongs to the point -1; it is `s*d1 - s*d2 - d3 + d4`. In a part that is upsampled by 2 a tile's six
//! values are `a b b c c d` (with one row of padding a tile starts at 4t-1, an odd place, so pairs never straddle its
//! `b b`), and the row vanishes; so does the column. Such channels count in 25 of the 36 positions only. They are put last, so that the
//! other 11 positions just stop sooner.
//!
//! Likewise in a 2x2 sum-pool: column 2 of A^T is `1 -1 1 -1`, so it vanishes in y0+y1 and in y2+y3. Then only 25
//! positions are computed at all.
//!
//! # Smaller kernels, any padding
//!
//! A tile starts at 4t - pad, whatever the padding. A kernel of 2x2 is computed as one of 3x3 with zeros in its last row and
//! column. The last row of G has the kernel's last row alone, so there U is zero, and 25 positions are left: multiplications
//! where the definition has 64. Where a part is upsampled by 2 and tiles would begin at even places, the zeros are put into the first row and
//! column instead, and the window begins a pixel earlier: then U is zero in the first row, and of 36 positions 16 are left.
//!
//! # What a NaN spoils
//!
//! The transforms add up a tile's inputs, and what cancels out among numbers stays where one is NaN or infinite. Such an input
//! spoils the outputs that it reaches by the definition, and with them all 4x4 outputs of the tile that has it among the
//! middle 4x4 of its 6x6 inputs.
//!
//! # Precision and speed
//!
//! The largest error is about 4e-6 of the largest output with 768 channels (the test `winograd_is_precise` prints it); see
//! [`transform`](super::transform) for why. Phase 2 runs at 90 to 97 % of the rate of multiply-adds between registers;
//! it takes 60 to 85 % of the time, and the transforms, which wait for memory, the rest.

use super::Geometry;
use super::epilogue::Finish;
use super::input::{self, Lookup};
use super::on_use::Worker;
use super::products::{Layout, Matrices, Position, Product};
use super::tile::{panel_width, registers};
use super::{on_use, transform};
use crate::engine::exec::cpu::aligned::Aligned;
use crate::engine::exec::cpu::simd::{Kernel, Lanes, Level};
use crate::engine::ops::Strided;
use rayon::prelude::*;
use std::sync::atomic::AtomicUsize;

/// f32s that the V and M of a chunk may take: well inside the last cache.
const CHUNK: usize = 1 << 20;
/// A chunk has at least so many tiles (if there are), for U is read once per chunk.
const FEWEST_TILES: usize = 48;
/// The same where U is transformed once per chunk: those of 32x32 pixels.
const FEWEST_TILES_ON_USE: usize = 64;
/// Tiles per task of the transforms.
const BLOCK: usize = 4;

pub struct Winograd {
    kernels: Kernels,
    layout: Layout,
    bank: usize,
    /// Values of one kernel as it is.
    kernel_len: usize,
    /// How many transform kernels on use at once, each with scratch memory of its own.
    workers: usize,
    pooled: bool,
    /// The input's parts, those upsampled by 2x2 last (where tiles begin at odd places).
    lookups: Vec<Lookup>,
    /// How many of the lookups are not those.
    plain_parts: usize,
    zeros: Vec<f32>,
    out_hw: (usize, usize),
    tiles_hw: (usize, usize),
    chunk: usize,
}

/// From one tile to the next in V and M: an odd number of cache lines, where there are many. The twelve tiles that a micro-tile reads at
/// once would otherwise compete for the same sets of the first cache.
fn row_len(channels: usize) -> usize {
    if channels < 256 { channels } else { (channels.div_ceil(16) | 1) * 16 }
}

enum Kernels {
    /// Transformed: `[bank][position][panel][channel][panel_width]`.
    Stored(Aligned),
    /// As they are, to be transformed [on use](super::on_use): an own copy, or one that is lent.
    OnUse { kernel: Option<Strided>, is_lent: bool },
}

impl Winograd {
    /// Whose kernels are transformed once and stored, or `on_use`.
    pub fn new(level: Level, g: &Geometry, on_use: bool) -> Winograd {
        let (ci, co, pooled) = (g.ci(), g.co, g.pool == (2, 2));
        // A window of two rows may as well begin a row earlier, if tiles then begin at odd places.
        let has_pairs = g.parts.iter().any(|part| part.up == (2, 2));
        let first_tap = |k: usize, pad: isize| usize::from(k == 2 && has_pairs && pad.rem_euclid(2) == 0);
        let first_tap = (first_tap(g.kh, g.pad.0), first_tap(g.kw, g.pad.1));
        let g = &Geometry { pad: (g.pad.0 + first_tap.0 as isize, g.pad.1 + first_tap.1 as isize), ..g.clone() };
        let begins_odd = g.pad.0.rem_euclid(2) == 1 && g.pad.1.rem_euclid(2) == 1;
        let is_in_pairs = |i: usize| g.parts[i].up == (2, 2) && begins_odd;
        let mut order: Vec<usize> = (0..g.parts.len()).collect();
        order.sort_by_key(|&i| is_in_pairs(i)); // stable: otherwise the parts' order stays
        let plain_parts = order.iter().filter(|&&i| !is_in_pairs(i)).count();
        let plain: usize = order[..plain_parts].iter().map(|&i| g.parts[i].c).sum();

        let width = panel_width(level, co);
        let panels = co.div_ceil(width);
        let mut bank_len = 0;
        let mut positions = Vec::new();
        for at in 0..36 {
            let vanishes = at / 6 == 2 || at % 6 == 2;
            // The first row of G has the kernel's first row alone, the last its last.
            let is_zero = |k: usize, first: usize, line: usize| k == 2 && line == if first == 1 { 0 } else { 5 };
            let is_zero = is_zero(g.kh, first_tap.0, at / 6) || is_zero(g.kw, first_tap.1, at % 6);
            if !(pooled && vanishes) {
                let k = match () {
                    _ if is_zero => 0,
                    _ if vanishes => plain,
                    _ => ci,
                };
                positions.push(Position { at, k, u: bank_len });
                bank_len += panels * k * width;
            }
        }

        let out_hw = g.out_hw();
        // Tiles that have an output: those of the pooled rows and columns, where there is a pool.
        let tiles_hw = ((out_hw.0 * g.pool.0).div_ceil(4), (out_hw.1 * g.pool.1).div_ceil(4));
        let fewest = if on_use { FEWEST_TILES_ON_USE } else { FEWEST_TILES };
        let chunk = (CHUNK / (36 * (ci + panels * width))).max(fewest);
        let lookups: Vec<Lookup> = order.into_iter().map(|i| Lookup::new(g, i)).collect();
        let first_of = |part: usize| g.parts[..part].iter().map(|p| p.c).sum::<usize>();
        let layout = Layout {
            positions,
            channels: lookups.iter().flat_map(|l| first_of(l.index)..first_of(l.index) + l.c).collect(),
            ci,
            co,
            first_tap,
            v_row: row_len(ci),
            m_row: row_len(panels * width),
            registers: registers(level, co),
            width,
            panels,
            bank_len,
        };
        Winograd {
            layout,
            kernels: match on_use {
                true => Kernels::OnUse { kernel: None, is_lent: false },
                false => Kernels::Stored(Aligned::default()),
            },
            bank: g.bank,
            kernel_len: g.kernel_len(),
            workers: if on_use { rayon::current_num_threads() } else { 0 },
            pooled,
            lookups,
            plain_parts,
            zeros: input::zeros(g),
            out_hw,
            tiles_hw,
            chunk: chunk.next_multiple_of(level.rows()),
        }
    }

    pub fn is_on_use(&self) -> bool {
        matches!(self.kernels, Kernels::OnUse { .. })
    }

    /// Whether it reads kernels where they lie, as it does where they are transformed on use: then it keeps this one, which is not its own.
    pub fn lend(&mut self, kernel: &Strided) -> bool {
        if let Kernels::OnUse { kernel: own, is_lent } = &mut self.kernels {
            (*own, *is_lent) = (Some(kernel.clone()), true);
            return true;
        }
        false
    }

    pub fn pack(&mut self, level: Level, g: &Geometry, kernel: &[f32]) {
        match &mut self.kernels {
            Kernels::Stored(_) => self.kernels = Kernels::Stored(self.layout.transformed(level, g, kernel)),
            Kernels::OnUse { kernel: own, is_lent } => {
                *own = Strided::new([g.bank, g.kh, g.kw, g.ci(), g.co], kernel.into());
                *is_lent = false;
            }
        }
    }

    /// Values of the kernels that it holds, or will hold: none of its own, where one is lent.
    pub fn kernels_len(&self) -> usize {
        match self.kernels {
            Kernels::Stored(_) => self.bank * self.layout.bank_len,
            Kernels::OnUse { is_lent: true, .. } => 0,
            Kernels::OnUse { is_lent: false, .. } => self.bank * self.kernel_len,
        }
    }

    pub fn macs(&self) -> usize {
        self.tiles_hw.0 * self.tiles_hw.1 * self.layout.positions.iter().map(|p| p.k).sum::<usize>() * self.layout.co
    }

    /// Tiles per chunk for `n` images. Kernels of their own keep images in chunks of their own.
    fn chunk_tiles(&self, n: usize) -> usize {
        let one = self.tiles_hw.0 * self.tiles_hw.1;
        self.chunk.min(if self.bank == 1 { n * one } else { one })
    }

    /// From one position to the next in V and M. A whole number of pages plus one cache line: the 36 places that a
    /// transform writes to at once would otherwise compete for the same set of the first cache.
    fn strides(&self, tiles: usize) -> (usize, usize) {
        let stride = |channels: usize| (tiles * channels).next_multiple_of(1024) + 16;
        (stride(self.layout.v_row), stride(self.layout.m_row))
    }

    pub fn scratch_len(&self, n: usize) -> usize {
        let (v, m) = self.strides(self.chunk_tiles(n));
        36 * (v + m) + self.workers * on_use::scratch_len(self.layout.width) + 16
    }

    pub fn run(&self, level: Level, n: usize, parts: &[&[f32]], finish: Finish, scratch: &mut [f32]) {
        let one = self.tiles_hw.0 * self.tiles_hw.1;
        let size = self.chunk_tiles(n);
        let (v_stride, m_stride) = self.strides(size);
        let start = scratch.as_ptr().align_offset(64).min(16);
        let (v, rest) = scratch[start..].split_at_mut(36 * v_stride);
        let (m, rest) = rest.split_at_mut(36 * m_stride);
        let mut chunk = Chunk {
            conv: self,
            parts,
            finish: finish.streaming(),
            v: v.as_mut_ptr(),
            v_stride,
            m: m.as_mut_ptr(),
            m_stride,
            first: 0,
            tiles: 0,
        };
        let total = n * one;
        while chunk.first < total {
            let end = if self.bank == 1 { total } else { (chunk.first / one + 1) * one };
            chunk.tiles = size.min(end - chunk.first);
            let blocks = chunk.tiles.div_ceil(BLOCK);
            (0..blocks).into_par_iter().for_each(|block| level.dispatch(InputTransform { chunk, block }));
            self.products(level, chunk, rest);
            (0..blocks).into_par_iter().for_each(|block| level.dispatch(OutputTransform { chunk, block }));
            chunk.first += chunk.tiles;
        }
    }

    /// Phase 2 of a chunk.
    fn products(&self, level: Level, chunk: Chunk, scratch: &mut [f32]) {
        let bank = if self.bank == 1 { 0 } else { chunk.place(0).0 };
        let Chunk { v, v_stride, m, m_stride, tiles, .. } = chunk;
        let chunk = Matrices { layout: &self.layout, v, v_stride, m, m_stride, tiles, bank };
        match &self.kernels {
            Kernels::Stored(u) => {
                (0..self.layout.positions.len() * self.layout.panels).into_par_iter().for_each(|at| {
                    level.dispatch(Product {
                        chunk,
                        u,
                        position: at / self.layout.panels,
                        panel: at % self.layout.panels,
                    });
                })
            }
            Kernels::OnUse { kernel, .. } => {
                let kernel = kernel.as_ref().expect("`Packed::run_at` has checked that there is a kernel");
                let shares = self.workers.div_ceil(on_use::groups(kernel, &self.layout)).min(chunk.tiles);
                let next = &AtomicUsize::new(0);
                scratch.par_chunks_exact_mut(on_use::scratch_len(self.layout.width)).for_each(|scratch| {
                    level.dispatch(Worker { chunk, kernel, next, shares, scratch });
                });
            }
        }
    }
}

/// The tiles that go through the three phases together.
#[derive(Clone, Copy)]
struct Chunk<'a> {
    conv: &'a Winograd,
    parts: &'a [&'a [f32]],
    finish: Finish<'a>,
    /// `[position][tile][channel]`, the input's channels.
    v: *mut f32,
    v_stride: usize,
    /// `[position][tile][channel]`, the output's channels, filled up to whole panels.
    m: *mut f32,
    m_stride: usize,
    /// The first tile, counted over all images.
    first: usize,
    tiles: usize,
}

// SAFETY: the pointers come from an exclusive borrow of the scratch memory; in each phase every task writes to places
// of its own, and phases follow one another.
unsafe impl Send for Chunk<'_> {}
// SAFETY: as above.
unsafe impl Sync for Chunk<'_> {}

impl Chunk<'_> {
    /// A block's tiles, counted inside the chunk.
    #[inline(always)]
    fn block(&self, block: usize) -> std::ops::Range<usize> {
        block * BLOCK..((block + 1) * BLOCK).min(self.tiles)
    }

    /// Image, row and column of a tile.
    #[inline(always)]
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let (th, tw) = self.conv.tiles_hw;
        let at = self.first + tile;
        (at / (th * tw), at / tw % th, at % tw)
    }
}

/// Phase 1 of a block of tiles.
struct InputTransform<'a> {
    chunk: Chunk<'a>,
    block: usize,
}

impl Kernel for InputTransform<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let (chunk, conv) = (self.chunk, self.chunk.conv);
        for tile in chunk.block(self.block) {
            let (image, ty, tx) = chunk.place(tile);
            let mut first = 0; // channel of V
            for (at, lookup) in conv.lookups.iter().enumerate() {
                let data = lookup.image(chunk.parts, image);
                // SAFETY: the lookup's tables reach past the last tile; every tile has its own place in V, which has
                // room for all channels.
                unsafe {
                    let v = chunk.v.add(tile * conv.layout.v_row + first);
                    let pixel = |i: usize, j: usize| lookup.pixel(data, conv.zeros.as_ptr(), 4 * ty + i, 4 * tx + j);
                    if at < conv.plain_parts {
                        let d: [[*const f32; 6]; 6] = std::array::from_fn(|i| std::array::from_fn(|j| pixel(i, j)));
                        transform::input::<L>(&d, v, chunk.v_stride, lookup.c);
                    } else {
                        const PAIRS: [usize; 4] = [0, 1, 3, 5]; // of a b b c c d
                        let d: [[*const f32; 4]; 4] = PAIRS.map(|i| PAIRS.map(|j| pixel(i, j)));
                        transform::input_upsampled::<L>(&d, v, chunk.v_stride, lookup.c);
                    }
                }
                first += lookup.c;
            }
        }
    }
}

/// Phase 3 of a block of tiles.
struct OutputTransform<'a> {
    chunk: Chunk<'a>,
    block: usize,
}

impl Kernel for OutputTransform<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        // SAFETY: every tile has its own pixels.
        unsafe { if self.chunk.conv.pooled { outputs::<L, 2>(&self) } else { outputs::<L, 4>(&self) } }
        self.chunk.finish.done();
    }
}

/// `T`: outputs along a tile's side, 4, or 2 after the sum-pool.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // indices, as in `transform`
unsafe fn outputs<L: Lanes, const T: usize>(task: &OutputTransform) {
    let (chunk, conv) = (task.chunk, task.chunk.conv);
    let (oh, ow) = conv.out_hw;
    for tile in chunk.block(task.block) {
        let (image, ty, tx) = chunk.place(tile);
        // Tiles at the right and at the bottom may stick out of the image.
        let (rows, cols) = (T.min(oh - ty * T), T.min(ow - tx * T));
        for o in (0..conv.layout.co).step_by(L::N) {
            let k = L::N.min(conv.layout.co - o);
            // SAFETY: M has whole panels of channels; the pixels are inside the image, and this tile's.
            unsafe {
                let m = chunk.m.add(tile * conv.layout.m_row + o);
                let y = transform::output::<L, T>(m, chunk.m_stride);
                for i in 0..T {
                    for j in 0..T {
                        if i < rows && j < cols {
                            let (row, col) = (ty * T + i, tx * T + j);
                            chunk.finish.prefetch(chunk.finish.pixel(image, (row, col + T)), o); // the tile to the right
                            chunk.finish.store(y[i][j], image, chunk.finish.pixel(image, (row, col)), o, k);
                        }
                    }
                }
            }
        }
    }
}
