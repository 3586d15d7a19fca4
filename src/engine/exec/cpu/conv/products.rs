//! Winograd's phase 2, the matrix products: M[position] = V[position] * U[position]. U is stored, or made [on use](super::on_use).

use super::tile::{product_rows, with_tile};
use super::winograd::Chunk;
use crate::engine::exec::cpu::simd::{Kernel, Lanes};
use std::ops::Range;

/// Channels that are summed up on their own before they are added to the rest. Short sums keep the panel in the first
/// cache, and they are more precise: with 768 channels the error falls to a third.
pub const DEPTH: usize = 128;

/// A position and a panel, of U as it is stored.
pub struct Product<'a> {
    pub chunk: Chunk<'a>,
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
        unsafe { with_tile!(L, self.chunk.conv.registers, product(&self)) }
    }
}

#[inline(always)]
unsafe fn product<L: Lanes, const M: usize, const R: usize>(task: &Product) {
    let (chunk, conv) = (&task.chunk, task.chunk.conv);
    let position = &conv.positions[task.position];
    let panel = &task.u[chunk.bank() * conv.bank_len + position.u + task.panel * position.k * conv.width..];
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
    chunk: &Chunk,
    position: usize,
    panel: usize,
    tiles: Range<usize>,
    rows: *const f32,
    block: Range<usize>,
) {
    let conv = chunk.conv;
    let m_width = conv.panels * conv.width;
    // SAFETY: a position of V has `tiles` rows of `ci` values, one of M `tiles` rows of `m_width`.
    unsafe {
        let v = chunk.v.add(position * chunk.v_stride + block.start);
        let m = chunk.m.add(position * chunk.m_stride + panel * conv.width);
        let mut tile = tiles.start;
        macro_rules! step {
            ($rows:tt) => {{
                let (v, m) = (v.add(tile * conv.ci), m.add(tile * m_width));
                product_rows::<L, $rows, R>(v, conv.ci, rows, block.len(), m, m_width, block.start == 0);
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
