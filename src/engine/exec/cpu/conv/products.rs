//! Winograd's phase 2, the matrix products: M[position] = V[position] * U[position]. U is stored, or made [on use](super::on_use).

use super::pack::embedded;
use super::tile::{product_rows, with_tile};
use super::{Geometry, transform};
use crate::engine::exec::cpu::aligned::Aligned;
use crate::engine::exec::cpu::simd::{Kernel, Lanes, Level};
use rayon::prelude::*;
use std::ops::Range;

/// Channels that are summed up on their own before they are added to the rest. Short sums keep the panel in the first
/// cache, and they are more precise: with 768 channels the error falls to a third.
pub const DEPTH: usize = 128;

/// How the matrices lie.
pub struct Layout {
    /// The positions that are computed: 36, or 25 before a sum-pool.
    pub positions: Vec<Position>,
    /// Channels in the order of V: where in the kernel each of them is.
    pub channels: Vec<usize>,
    pub ci: usize,
    pub co: usize,
    /// Where in the 3x3 the kernel's first tap is.
    pub first_tap: (usize, usize),
    /// From one tile to the next in V, and in M.
    pub v_row: usize,
    pub m_row: usize,
    /// Registers per row of a panel, their values, and how many panels.
    pub registers: usize,
    pub width: usize,
    pub panels: usize,
    /// Values of the transformed kernels of one bank.
    pub bank_len: usize,
}

pub struct Position {
    /// Which of the 36: `6 * row + column`.
    pub at: usize,
    /// Channels that count; none, where the kernels' value is zero.
    pub k: usize,
    /// Where its U starts in a bank.
    pub u: usize,
}

impl Layout {
    /// All kernels transformed: `[bank][position][panel][channel][width]`.
    pub fn transformed(&self, level: Level, g: &Geometry, kernel: &[f32]) -> Aligned {
        let Layout { ci, co, panels, width, bank_len, ref positions, ref channels, .. } = *self;
        let kernel = embedded(g, self.first_tap, kernel);
        let mut u = Aligned::zeros(g.bank * bank_len);
        let target = transform::Target(u.as_mut_ptr());
        // A task packs eight channels, for all positions and panels.
        let eights = ci.div_ceil(8);
        (0..g.bank * eights).into_par_iter().for_each(|at| {
            let (bank, first) = (at / eights, at % eights * 8);
            for k in first..(first + 8).min(ci) {
                for panel in 0..panels {
                    let used = width.min(co - panel * width);
                    let from = &kernel[bank * 9 * ci * co..][channels[k] * co + panel * width..];
                    let transformed =
                        level.dispatch(transform::KernelTransform { kernel: from, tap_stride: ci * co, used });
                    for p in positions.iter().filter(|p| k < p.k) {
                        let row = bank * bank_len + p.u + (panel * p.k + k) * width;
                        // SAFETY: the row is inside U and belongs to this position, panel and channel alone.
                        unsafe { target.write(row, &transformed[p.at][..used]) }
                    }
                }
            }
        });
        u
    }
}

/// V and M of the tiles that are computed together.
#[derive(Clone, Copy)]
pub struct Matrices<'a> {
    pub layout: &'a Layout,
    /// `[position][tile][channel]`, the input's channels.
    pub v: *mut f32,
    pub v_stride: usize,
    /// `[position][tile][channel]`, the output's channels, filled up to whole panels.
    pub m: *mut f32,
    pub m_stride: usize,
    pub tiles: usize,
    /// Which of the kernels is the tiles'.
    pub bank: usize,
}

// SAFETY: the pointers come from an exclusive borrow of the scratch memory; in each phase every task writes to places
// of its own, and phases follow one another.
unsafe impl Send for Matrices<'_> {}
// SAFETY: as above.
unsafe impl Sync for Matrices<'_> {}

/// A position and a panel, of U as it is stored.
pub struct Product<'a> {
    pub chunk: Matrices<'a>,
    /// All transformed kernels.
    pub u: &'a [f32],
    pub position: usize,
    pub panel: usize,
}

impl Kernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        // SAFETY: every task has its own columns of its own position in M.
        unsafe { with_tile!(L, self.chunk.layout.registers, product(&self)) }
    }
}

#[inline(always)]
unsafe fn product<L: Lanes, const M: usize, const R: usize>(task: &Product) {
    let (chunk, conv) = (&task.chunk, task.chunk.layout);
    let position = &conv.positions[task.position];
    let panel = &task.u[chunk.bank * conv.bank_len + position.u + task.panel * position.k * conv.width..];
    // With no channels at all there is one empty sum, which writes zeros.
    for k in (0..position.k.max(1)).step_by(DEPTH) {
        let block = k..position.k.min(k + DEPTH);
        // SAFETY: the panel has `k` rows; the rest as in `sums`.
        unsafe {
            let rows = panel[k * conv.width..].as_ptr();
            sums::<L, M, R>(chunk, position.at, task.panel, 0..chunk.tiles, rows, block)
        }
    }
}

/// Of a position and a panel the sums over the channels `block`, whose transformed kernels lie at `rows`: added to M, or set where they
/// are the first.
///
/// # Safety
/// The tiles are in the chunk, the channels are the input's; nobody else writes to these tiles' columns of M.
#[inline(always)]
pub unsafe fn sums<L: Lanes, const M: usize, const R: usize>(
    chunk: &Matrices,
    position: usize,
    panel: usize,
    tiles: Range<usize>,
    rows: *const f32,
    block: Range<usize>,
) {
    let conv = chunk.layout;
    let (v_row, m_row) = (conv.v_row, conv.m_row);
    // SAFETY: a position of V has `tiles` rows of `v_row` values, one of M `tiles` rows of `m_row`.
    unsafe {
        let v = chunk.v.add(position * chunk.v_stride + block.start);
        let m = chunk.m.add(position * chunk.m_stride + panel * conv.width);
        let mut tile = tiles.start;
        macro_rules! step {
            ($rows:tt) => {{
                let (v, m) = (v.add(tile * v_row), m.add(tile * m_row));
                product_rows::<L, $rows, R>(v, v_row, rows, block.len(), m, m_row, block.start == 0);
                $rows
            }};
        }
        // Whole micro-tiles of M rows; then what is left, in as few steps as may be.
        while tile < tiles.end {
            tile += match tiles.end - tile {
                left if left >= M => step!(M),
                8.. if M > 8 => step!(8),
                4.. if M > 4 => step!(4),
                2.. if M > 2 => step!(2),
                _ => step!(1),
            };
        }
    }
}
