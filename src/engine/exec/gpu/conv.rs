//! Convolutions: from a kernel, what is upsampled before it and what is summed up after it, to calls of `conv2d.wgsl`.
//!
//! Neither an upsampling nor a sum over windows is computed. They change which pixels meet, and where several taps of the
//! kernel meet the same pixel they are added up here, once. Along one axis, for an output `r`:
//!
//! ```text
//! pooled:             y[r] = sum over a < pool, i < k of  xup[r pool + a + i - k/2] * W[i]
//! upsampled:        xup[t] = x[floor(t / up)]
//! ```
//!
//! After a 2x upsampling, 3 taps meet only 2 pixels, which ones depends on whether `r` is even or odd (its *phase*):
//!
//! ```text
//!   x       |    A    |    B    |          even r:  W[0] A + (W[1] + W[2]) B
//!   xup     | A  | A  | B  | B  |          odd r:   (W[0] + W[1]) A + W[2] B
//! ```
//!
//! So the 9 taps of a 3x3 kernel become 4, and of the 36 products under a 2x2 sum 16 remain. Parts that lie side by side
//! are convolved one after the other, each adding to what the one before left in y.

use super::device::PipelineKey;
use super::lower::{Bound, Call, Lowered, Style, Target, WORK_PER_SUBMISSION, grid, quads};
use super::shader::{Conv2dParams, Shader};
use super::{single, winograd};
use crate::engine::ops::{Conv2d, Kernel, Window};
use crate::engine::plan::{Ends, Step, ValueId};
use crate::engine::tensor::Shape;
use rayon::prelude::*;

/// One phase of the outputs along one axis. Output `r` of the phase is y's pixel `r * step + phase`; its tap `u` reads x's
/// pixel `r * stride + u + offset`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Axis {
    /// Number of outputs.
    grid: usize,
    step: usize,
    phase: usize,
    stride: usize,
    offset: isize,
    /// For each tap the kernel's own taps that are added up in it; one may be there twice.
    taps: Vec<Vec<usize>>,
}

/// The phases of `outputs` outputs, with a kernel of `k` taps.
fn phases(outputs: usize, k: usize, up: usize, pool: usize) -> Vec<Axis> {
    let common = gcd(up, pool);
    let (step, stride) = (up / common, pool / common);
    let axis = |phase: usize| {
        let meets = |a: usize, i: usize| ((phase * pool + a + i) as isize - (k / 2) as isize).div_euclid(up as isize);
        let (offset, last) = (meets(0, 0), meets(pool - 1, k - 1));
        let mut taps = vec![vec![]; (last - offset + 1) as usize];
        for a in 0..pool {
            for i in 0..k {
                taps[(meets(a, i) - offset) as usize].push(i);
            }
        }
        Axis { grid: (outputs - phase).div_ceil(step), step, phase, stride, offset, taps }
    };
    (0..step.min(outputs)).map(axis).collect()
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Numbers in a row of a packed kernel.
fn width(kernel: &Kernel) -> usize {
    if kernel.co == 1 { 1 } else { quads(kernel.co) * 4 }
}

/// The part of the kernel for input channels `first .. first + ci`, its taps added up as the axes say, packed as
/// `[bank, rows, columns, ci, co]`, ci and co filled up to whole quads (`co` only if there is more than one).
fn pack(kernel: &Kernel, first: usize, ci: usize, rows: &Axis, columns: &Axis) -> Vec<f32> {
    let width = width(kernel);
    let depth = quads(ci) * 4;
    let mut packed = vec![0.0; kernel.bank * rows.taps.len() * columns.taps.len() * depth * width];
    packed.par_chunks_mut(depth * width).enumerate().for_each(|(at, packed)| {
        let (at, v) = (at / columns.taps.len(), at % columns.taps.len());
        let (bank, u) = (at / rows.taps.len(), at % rows.taps.len());
        let weights = kernel.of_image(bank);
        let mut sum = vec![0.0f64; kernel.co];
        for (c, packed) in packed.chunks_mut(width).take(ci).enumerate() {
            sum.fill(0.0);
            for &i in &rows.taps[u] {
                for &j in &columns.taps[v] {
                    let row = &weights[((i * kernel.kw + j) * kernel.ci + first + c) * kernel.co..][..kernel.co];
                    sum.iter_mut().zip(row).for_each(|(sum, &w)| *sum += f64::from(w));
                }
            }
            packed.iter_mut().zip(&sum).for_each(|(packed, &sum)| *packed = sum as f32);
        }
    });
    packed
}

/// A packed kernel, `[bank, rows, width]`, as the chosen shader reads it. What a subgroup reads lies in one piece:
/// `[bank, width / T, rows, T]`, T being the tile's width, filled up with zeros.
pub(super) fn arrange(packed: Vec<f32>, bank: usize, width: usize, shader: Shader, tile: &Tile) -> Vec<f32> {
    if shader != Shader::Conv2dSubgroup {
        return packed;
    }
    let rows = packed.len() / bank / width;
    let wide = tile.quads * 4;
    let tiles = width.div_ceil(wide);
    let mut arranged = vec![0.0; bank * tiles * rows * wide];
    arranged.par_chunks_mut(rows * wide).enumerate().for_each(|(i, arranged)| {
        let first = i % tiles * wide;
        let of_image = &packed[i / tiles * rows * width..][..rows * width];
        for (to, from) in arranged.chunks_mut(wide).zip(of_image.chunks(width)) {
            let from = &from[first..width.min(first + wide)];
            to[..from.len()].copy_from_slice(from);
        }
    });
    arranged
}

/// Output pixels and quads of the tile that a workgroup computes.
pub(super) struct Tile {
    pub pixels: usize,
    pub quads: usize,
}

/// Multiply-accumulates for one image, those counted in that a tile does beyond the picture's edge.
pub(super) type Cost = usize;

/// One input of a convolution.
pub(super) struct ConvPart {
    pub value: ValueId,
    pub shape: Shape,
    /// Each pixel counts as a block of so many.
    pub up: Window,
}

/// A plan's step whose head is a convolution.
pub(super) struct ConvStep<'s> {
    pub index: usize,
    pub step: &'s Step,
    pub parts: Vec<ConvPart>,
    pub conv: &'s Conv2d,
    pub pool: Window,
    pub out: Shape,
    pub target: Target,
}

impl ConvStep<'_> {
    /// Each image's bias, in whole quads, as often as it is summed up; nothing if there is none.
    pub fn bias(&self) -> Vec<f32> {
        let mut packed = vec![];
        for bias in self.conv.bias.iter().flat_map(|bias| bias.chunks(self.out.c)) {
            packed.extend(bias.iter().map(|b| b * self.pool.len() as f32));
            packed.resize(packed.len().next_multiple_of(4), 0.0);
        }
        packed
    }

    fn phases(&self, part: &ConvPart) -> Vec<(Axis, Axis)> {
        let k = &self.conv.kernel;
        let rows = phases(self.out.h, k.kh, part.up.h, self.pool.h);
        let columns = phases(self.out.w, k.kw, part.up.w, self.pool.w);
        rows.iter().flat_map(|rows| columns.iter().map(|columns| (rows.clone(), columns.clone()))).collect()
    }

    fn cost(&self) -> Cost {
        let mut cost = 0;
        for part in &self.parts {
            for (rows, columns) in self.phases(part) {
                let pixels = rows.grid * columns.grid;
                let (_, tile) = choose(self.target.style, 1, pixels, self.out.c);
                let taps = rows.taps.len() * columns.taps.len();
                let co = self.out.c.next_multiple_of(tile.quads * 4);
                cost += pixels.next_multiple_of(tile.pixels) * taps * quads(part.shape.c) * 4 * co;
            }
        }
        cost
    }
}

pub(super) fn lower(lowered: &mut Lowered, step: &ConvStep) {
    // A bank has a kernel of its own for each image, from or to a single channel. Winograd's method has no banks: it must not
    // be taken for such a kernel alone either, or an image would come out otherwise in a batch.
    let single = step.conv.kernel.ci == 1 || step.conv.kernel.co == 1;
    if !single && winograd::cost(step).is_some_and(|cost| cost < step.cost()) {
        winograd::lower(lowered, step);
        return;
    }
    if single::lower(lowered, step) {
        return;
    }
    let (kernel, out) = (&step.conv.kernel, step.out);
    let of_bank = |len: usize| if kernel.bank == 1 { 0 } else { len as u32 };
    let mut first = 0;
    for (i, part) in step.parts.iter().enumerate() {
        let ends = if i + 1 == step.parts.len() {
            lowered.ends(&step.step.ends, step.step.side, step.bias())
        } else {
            lowered.ends(&Ends::default(), None, vec![])
        };
        for (rows, columns) in step.phases(part) {
            let pixels = rows.grid * columns.grid;
            let (mut pipeline, tile) = choose(step.target.style, 1, pixels, out.c);
            let weights = pack(kernel, first, part.shape.c, &rows, &columns);
            let weights = arrange(weights, kernel.bank, width(kernel), pipeline.shader, &tile);
            let params = Conv2dParams {
                grid: [rows.grid as u32, columns.grid as u32],
                step: [rows.step as u32, columns.step as u32],
                phase: [rows.phase as u32, columns.phase as u32],
                y: [out.h as u32, out.w as u32],
                x: [part.shape.h as u32, part.shape.w as u32],
                stride: [rows.stride as u32, columns.stride as u32],
                offset: [rows.offset as i32, columns.offset as i32],
                taps: [rows.taps.len() as u32, columns.taps.len() as u32],
                ci4: quads(part.shape.c) as u32,
                co4: quads(out.c) as u32,
                bank: of_bank(weights.len() / kernel.bank / 4),
                bias_bank: of_bank(quads(out.c)),
                scale_at: ends.scale_at,
                first_image: 0,
                up: [1, 1],
            };
            let weights = lowered.constant(weights);
            pipeline.overrides.extend(&ends.overrides);
            if i > 0 {
                pipeline.overrides.push(("CONTINUES", 1));
            }
            let [gx, gy] = grid(pixels.div_ceil(tile.pixels) * quads(out.c).div_ceil(tile.quads));
            let work = (pixels * rows.taps.len() * columns.taps.len() * part.shape.c * out.c) as u64;
            let at_once = (WORK_PER_SUBMISSION / work).clamp(1, out.n as u64) as usize;
            for first_image in (0..out.n).step_by(at_once) {
                let images = at_once.min(out.n - first_image);
                let params = Conv2dParams { first_image: first_image as u32, ..params };
                let x = Bound::Value(part.value);
                let y = Bound::Value(step.step.output);
                lowered.calls.push(Call {
                    pipeline: pipeline.clone(),
                    params: bytemuck::bytes_of(&params).to_vec(),
                    buffers: vec![y, ends.signs, x, weights, ends.constants, ends.add, ends.gate],
                    groups: [gx, gy, images as u32],
                    work: work * images as u64,
                    step: step.index,
                });
            }
        }
        first += part.shape.c;
    }
}

/// The shader for that many output pixels of one image, in each of so many matrices, and that many channels. It must not
/// depend on the number of images: an image alone and in a batch must come out the same.
pub(super) fn choose(style: Style, matrices: usize, pixels: usize, co: usize) -> (PipelineKey, Tile) {
    let key = |shader, entry, overrides| PipelineKey { shader, entry, overrides };
    if co == 1 {
        return (key(Shader::Conv2d, "one_channel", vec![]), Tile { pixels: 8, quads: 1 });
    }
    match style {
        Style::Subgroup => {
            let (half, wide) = (pixels <= 16, quads(co).div_ceil(8).is_multiple_of(2));
            let overrides = vec![("HALF", half.into()), ("WIDE", wide.into())];
            let tile = Tile { pixels: if half { 16 } else { 32 }, quads: if wide { 16 } else { 8 } };
            (key(Shader::Conv2dSubgroup, "subgroup", overrides), tile)
        }
        // Enough large tiles to keep a GPU busy?
        Style::Tiled if (matrices * pixels).div_ceil(64) * quads(co).div_ceil(16) >= 64 => {
            let overrides = vec![("LARGE", 1), ("PIXELS", 64), ("QUADS", 16)];
            (key(Shader::Conv2d, "tiled", overrides), Tile { pixels: 64, quads: 16 })
        }
        Style::Tiled => {
            let overrides = vec![("LARGE", 0), ("PIXELS", 32), ("QUADS", 8)];
            (key(Shader::Conv2d, "tiled", overrides), Tile { pixels: 32, quads: 8 })
        }
    }
}
