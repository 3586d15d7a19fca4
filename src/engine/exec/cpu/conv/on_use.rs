//! Winograd's phase 2 of a large kernel, which is transformed where it is used.
//!
//! Transformed kernels are four times as large as the kernel. Of a large one they are not stored: a task takes a [`Block`] of some output
//! and some input channels, transforms those 36 positions into scratch memory of its own, which stays in a core's cache, and multiplies
//! them with all tiles of the chunk; then the next block of the same outputs. The same sums as of stored kernels, in blocks of their own.
//!
//! What is read is the network's own array, through the views that a graph lays on it ([`Strided`]). The outputs of a kernel lie side by
//! side, and so do the lanes. Of a gradient's kernel, which is the flipped one, the *inputs* do: then a block is transposed first.
//! Rows of a large kernel are pages apart. So a block is long where the kernel lies side by side: what is read of a page is read at once.

use super::products::{DEPTH, Layout, Matrices, sums};
use super::tile::with_tile;
use super::transform;
use crate::engine::exec::cpu::simd::{Kernel, Lanes, prefetch_second};
use crate::engine::ops::Strided;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many input channels ahead a kernel is fetched whose outputs lie side by side.
const AHEAD: isize = 4;
/// The block of a kernel whose outputs lie side by side.
const SIDE_BY_SIDE: Block = Block { outputs: WIDEST, depth: 32 };
const WIDEST: usize = 128;

/// What is transformed at a time: of so many outputs so many input channels.
#[derive(Clone, Copy)]
struct Block {
    outputs: usize,
    depth: usize,
}

impl Block {
    /// Of panels of so many outputs.
    fn of(kernel: &Strided, width: usize) -> Block {
        if lies_side_by_side(kernel) { SIDE_BY_SIDE } else { Block::of_panel(width) }
    }

    /// One panel.
    const fn of_panel(width: usize) -> Block {
        Block { outputs: width, depth: DEPTH }
    }

    /// From one position to the next in a block of U: a cache line more than a block, lest all 36 compete for one set of the first cache.
    const fn position_len(self) -> usize {
        self.outputs * self.depth + 16
    }
}

/// Whether a kernel's outputs lie side by side, so that they are read where they are.
#[inline(always)]
fn lies_side_by_side(kernel: &Strided) -> bool {
    kernel.steps().1 == 1
}

/// Into how many groups of panels a kernel's outputs are cut, a task each.
pub fn groups(kernel: &Strided, layout: &Layout) -> usize {
    (layout.panels * layout.width).div_ceil(Block::of(kernel, layout.width).outputs)
}

/// f32s that a worker needs: a block of U, and the block of a gradient's kernel that it is made from.
pub fn scratch_len(width: usize) -> usize {
    let of_panel = Block::of_panel(width).position_len();
    36 * SIDE_BY_SIDE.position_len().max(of_panel) + 9 * of_panel
}

/// A worker: it takes one task after the other, until all are done.
pub struct Worker<'a> {
    pub chunk: Matrices<'a>,
    pub kernel: &'a Strided,
    /// The next task: a group of panels and a share of the tiles.
    pub next: &'a AtomicUsize,
    /// In how many shares the tiles are cut, where there are fewer groups than workers.
    pub shares: usize,
    /// `scratch_len` values.
    pub scratch: &'a mut [f32],
}

impl Kernel for Worker<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        // SAFETY: every task has its own columns or rows of M.
        unsafe { with_tile!(L, self.chunk.layout.registers, work(&mut self)) }
    }
}

#[inline(always)]
unsafe fn work<L: Lanes, const M: usize, const R: usize>(worker: &mut Worker) {
    let (chunk, conv, shares) = (worker.chunk, worker.chunk.layout, worker.shares);
    let size = Block::of(worker.kernel, conv.width);
    let (u, taps) = worker.scratch.split_at_mut(36 * size.position_len());
    let (groups, panels_of_group) = (groups(worker.kernel, conv), size.outputs / conv.width);
    loop {
        let task = worker.next.fetch_add(1, Ordering::Relaxed);
        if task >= groups * shares {
            return;
        }
        let (group, share) = (task / shares, task % shares);
        let tiles = share * chunk.tiles / shares..(share + 1) * chunk.tiles / shares;
        let panels = group * panels_of_group..conv.panels.min((group + 1) * panels_of_group);
        let source = Panels { kernel: worker.kernel, conv, bank: chunk.bank, panels: panels.clone(), size };
        for k in (0..conv.ci).step_by(size.depth) {
            let block = k..conv.ci.min(k + size.depth);
            // SAFETY: the scratch has room for a block; the tiles are in the chunk, and this task's.
            unsafe {
                source.transformed::<L, R>(block.clone(), u, taps);
                for position in &conv.positions {
                    // With no channels at all there is one empty sum, which writes zeros.
                    if k < position.k.max(1) {
                        for panel in panels.clone() {
                            let panel_of_group = (panel - panels.start) * size.depth * conv.width;
                            let rows = u.as_ptr().add(position.at * size.position_len() + panel_of_group);
                            let block = k..position.k.min(block.end);
                            sums::<L, M, R>(&chunk, position.at, panel, tiles.clone(), rows, block);
                        }
                    }
                }
            }
        }
    }
}

/// Neighbouring panels of output channels of a kernel.
struct Panels<'a> {
    kernel: &'a Strided,
    conv: &'a Layout,
    bank: usize,
    panels: Range<usize>,
    size: Block,
}

impl Panels<'_> {
    /// The outputs.
    #[inline(always)]
    fn outputs(&self) -> Range<usize> {
        self.panels.start * self.conv.width..self.conv.co.min(self.panels.end * self.conv.width)
    }

    /// The factors of the outputs, filled up to whole panels.
    #[inline(always)]
    fn scale(&self) -> Option<[f32; WIDEST]> {
        let factors = &self.kernel.scale()?[self.outputs()];
        let mut scale = [1.0; WIDEST];
        scale.iter_mut().zip(factors).for_each(|(to, &factor)| *to = factor as f32);
        Some(scale)
    }

    /// The channels `block` transformed: `u[position][panel][channel][width]`.
    #[inline(always)]
    unsafe fn transformed<L: Lanes, const R: usize>(&self, block: Range<usize>, u: &mut [f32], taps: &mut [f32]) {
        static ZEROS: [f32; 16] = [0.0; 16];
        let Panels { kernel, conv, .. } = *self;
        let (width, used) = (R * L::N, self.outputs().len());
        let ([_, kh, kw, ..], lies_side_by_side) = (kernel.sides(), lies_side_by_side(kernel));
        // Where the taps of the block's first channel are, and how far on the next one's; taps that a smaller kernel has not are zeros.
        let (mut from, mut down) = ([ZEROS.as_ptr(); 9], 0);
        let at = |(i, j)| 3 * (i + conv.first_tap.0) + j + conv.first_tap.1;
        for (i, j) in (0..kh).flat_map(|i| (0..kw).map(move |j| (i, j))) {
            (from[at((i, j))], down) = if lies_side_by_side {
                (kernel.data()[kernel.at([self.bank, i, j, 0, self.outputs().start])..].as_ptr(), kernel.steps().0)
            } else {
                let tap = &mut taps[(3 * i + j) * Block::of_panel(width).position_len()..][..DEPTH * width];
                // SAFETY: a tap's block has DEPTH rows of a panel's width.
                unsafe { self.gather::<L>((i, j), block.clone(), tap) }
                (tap.as_ptr(), width as isize)
            };
        }
        let counts = |i: usize, j: usize| conv.positions.iter().any(|p| p.at == 6 * i + j && p.k > 0);
        let lines = [
            std::array::from_fn(|i| (0..6).any(|j| counts(i, j))),
            std::array::from_fn(|j| (0..6).any(|i| counts(i, j))),
        ];
        let scale = self.scale();
        for (row, &channel) in conv.channels[block].iter().enumerate() {
            let channel = if lies_side_by_side { channel } else { row };
            for o in (0..used).step_by(L::N) {
                // SAFETY: channel and outputs are the kernel's, or in its block of taps; a row of U has `width` values.
                unsafe {
                    let mut row_of = from;
                    for tap in (0..kh).flat_map(|i| at((i, 0))..at((i, kw))) {
                        row_of[tap] = from[tap].offset(channel as isize * down).add(o);
                        if lies_side_by_side {
                            prefetch_second(row_of[tap].wrapping_offset(AHEAD * down));
                        }
                    }
                    #[expect(clippy::manual_map, reason = "a closure is not compiled for the level's instructions")]
                    let scale = match &scale {
                        Some(scale) => Some(L::load(scale[o..].as_ptr())),
                        None => None,
                    };
                    let to = u.as_mut_ptr().add((o / width * self.size.depth + row) * width + o % width);
                    transform::kernel::<L>(&row_of, scale, L::N.min(used - o), &lines, to, self.size.position_len());
                }
            }
        }
    }

    /// One tap of the kernel: rows of input channels, the panel's outputs in each.
    #[inline(always)]
    unsafe fn gather<L: Lanes>(&self, (i, j): (usize, usize), block: Range<usize>, tap: &mut [f32]) {
        let Panels { kernel, conv, bank, .. } = *self;
        let ((down, across), width, data) = (kernel.steps(), conv.width, kernel.data());
        let (mut o, outputs) = (0, self.outputs());
        while o < outputs.len() {
            let eight_outputs = outputs.len() - o >= 8;
            let mut c = 0;
            while c < block.len() {
                let channel = conv.channels[block.start + c];
                let eight_channels = block.len() - c >= 8 && conv.channels[block.start + c + 7] == channel + 7;
                let at = kernel.at([bank, i, j, channel, outputs.start + o]);
                if down == 1 && eight_outputs && eight_channels {
                    // SAFETY: eight inputs of eight outputs are inside the kernel; the tap's block has room for them.
                    unsafe { L::transpose(data.as_ptr().add(at), across, tap.as_mut_ptr().add(c * width + o), width) }
                    c += 8;
                } else {
                    for n in 0..8.min(outputs.len() - o) {
                        tap[c * width + o + n] = data[at.wrapping_add_signed(n as isize * across)];
                    }
                    c += 1;
                }
            }
            o += 8;
        }
    }
}
