//! Convolutions: which shader computes one, and the calls of `conv2d.wgsl` where no other way is better.
//!
//! Strides and the like, what is upsampled before or summed up after it, and the transpose are folded into the kernel
//! ([`super::phases`]). Parts that lie side by side are convolved one after the other, each adding to what the one before left
//! in y.

use super::call::{Bound, Lowered, Style, Target, WORK_PER_SUBMISSION, grid};
use super::device::PipelineKey;
use super::pack::{Channels, Constant, Layout};
use super::params::Conv2dParams;
use super::phases::{Axis, View, phases};
use super::shader::{Shader, quads};
use crate::engine::ops::{Conv2d, ConvTranspose, Kernel, Sides, Window};
use crate::engine::plan::{Epilogue, Step, ValueId};
use crate::engine::tensor::Shape;

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
    /// The size of the block that each of its pixels is repeated over.
    pub up: Window,
}

/// What is convolved: a conv2d, or the transpose of one. The settings are those of the conv2d in both cases.
#[derive(Clone, Copy)]
pub(super) struct Setting<'s> {
    pub kernel: &'s Kernel,
    pub bias: Option<&'s [f32]>,
    pub stride: Window,
    pub pad: Sides,
    pub dilation: Window,
    pub groups: usize,
    pub is_transposed: bool,
}

impl<'s> From<&'s Conv2d> for Setting<'s> {
    fn from(conv: &'s Conv2d) -> Setting<'s> {
        let &Conv2d { ref kernel, ref bias, stride, pad, dilation, groups } = conv;
        Setting { kernel, bias: bias.as_deref(), stride, pad, dilation, groups, is_transposed: false }
    }
}

impl<'s> From<&'s ConvTranspose> for Setting<'s> {
    fn from(conv: &'s ConvTranspose) -> Setting<'s> {
        let &ConvTranspose { ref kernel, ref bias, stride, pad, dilation, groups, .. } = conv;
        Setting { kernel, bias: bias.as_deref(), stride, pad, dilation, groups, is_transposed: true }
    }
}

/// A plan's step whose head is a convolution.
pub(super) struct ConvStep<'s> {
    pub index: usize,
    pub step: &'s Step,
    pub parts: Vec<ConvPart>,
    pub conv: Setting<'s>,
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

    /// Is it one kernel for all channels, not the other way round, pixel by pixel? For such there are more ways.
    pub fn is_dense(&self) -> bool {
        self.conv.groups == 1 && !self.conv.is_transposed
    }

    fn phases(&self, part: &ConvPart) -> Vec<(Axis, Axis)> {
        let Setting { kernel, stride, pad, dilation, is_transposed, .. } = self.conv;
        let view = |outputs, k, stride, dilation: usize, before: usize, pool, up| {
            let (dilation, before) = (dilation as isize, before as isize);
            match is_transposed {
                // A pool has a stride of its own size, and then the convolution has none.
                false => View { outputs, k, stride: stride * pool, dilation, before, pool, up, is_sparse: false },
                true => {
                    let (dilation, before) = (-dilation, -before);
                    View { outputs, k, stride: 1, dilation, before, pool, up: stride, is_sparse: true }
                }
            }
        };
        let (pool, up) = (self.pool, part.up);
        let rows = phases(view(self.out.h, kernel.kh, stride.h, dilation.h, pad.top, pool.h, up.h));
        let columns = phases(view(self.out.w, kernel.kw, stride.w, dilation.w, pad.left, pool.w, up.w));
        rows.iter().flat_map(|rows| columns.iter().map(|columns| (rows.clone(), columns.clone()))).collect()
    }

    /// The shader, and the tile that each of its workgroups computes, for so many pixels.
    fn choose(&self, pixels: usize) -> (PipelineKey, Tile) {
        let Setting { kernel, groups, .. } = self.conv;
        if groups == 1 {
            return choose(self.target.style, 1, pixels, self.out.c);
        }
        let depthwise = kernel.ci == 1 && kernel.co == groups;
        let overrides = vec![("DEPTHWISE", depthwise.into())];
        (PipelineKey { shader: Shader::Conv2d, entry: "grouped", overrides }, Tile { pixels: 64, quads: 1 })
    }

    /// What the calls of [`lower`] cost.
    pub fn cost(&self) -> Cost {
        let mut cost = 0;
        for part in &self.parts {
            for (rows, columns) in self.phases(part) {
                let pixels = rows.grid * columns.grid;
                let (_, tile) = self.choose(pixels);
                let taps = rows.taps.len() * columns.taps.len();
                let co = self.out.c.next_multiple_of(tile.quads * 4);
                cost += pixels.next_multiple_of(tile.pixels) * taps * quads(part.shape.c) * 4 * co;
            }
        }
        cost
    }
}

/// A constant for the kernel, laid out as the chosen shader reads it.
pub(super) fn packed(kernel: &Kernel, layout: Layout, pipeline: &PipelineKey, tile: &Tile) -> Constant {
    let pieces = (pipeline.shader == Shader::Conv2dSubgroup).then_some(tile.quads * 4);
    Constant::Kernel { kernel: kernel.clone(), layout: Box::new(layout), pieces }
}

/// Quads between the kernels, or the biases, of one image and the next: none if there is one for all.
pub(super) fn of_bank(kernel: &Kernel, quads: usize) -> u32 {
    if kernel.bank == 1 { 0 } else { quads as u32 }
}

pub(super) fn lower(lowered: &mut Lowered, step: &ConvStep) {
    let (Setting { kernel, groups, is_transposed, .. }, out) = (step.conv, step.out);
    let mut first = 0;
    for (i, part) in step.parts.iter().enumerate() {
        let epilogue = if i + 1 == step.parts.len() {
            lowered.epilogue(&step.step.epilogue, step.step.side, step.bias())
        } else {
            lowered.epilogue(&Epilogue::default(), None, vec![])
        };
        for (rows, columns) in step.phases(part) {
            let pixels = rows.grid * columns.grid;
            let (mut pipeline, tile) = step.choose(pixels);
            let inputs = part.shape.c / groups;
            let (taps, work) = ([rows.taps.len(), columns.taps.len()], pixels * inputs * out.c);
            let params = Conv2dParams {
                grid: [rows.grid as u32, columns.grid as u32],
                step: [rows.step as u32, columns.step as u32],
                phase: [rows.phase as u32, columns.phase as u32],
                y: [out.h as u32, out.w as u32],
                x: [part.shape.h as u32, part.shape.w as u32],
                stride: [rows.stride as u32, columns.stride as u32],
                dilation: [rows.dilation as u32, columns.dilation as u32],
                offset: [rows.offset as i32, columns.offset as i32],
                taps: taps.map(|taps| taps as u32),
                of_group: [inputs as u32, (out.c / groups) as u32],
                ci4: quads(part.shape.c) as u32,
                co4: quads(out.c) as u32,
                bias_bank: of_bank(kernel, quads(out.c)),
                scale_at: epilogue.scale_at,
                ..Default::default()
            };
            let channels = Channels { first, inputs, outputs: out.c, groups, is_transposed };
            let layout = Layout::Taps { rows, columns, channels };
            let weights = packed(kernel, layout, &pipeline, &tile);
            let params = Conv2dParams { bank: of_bank(kernel, weights.bank_len() / 4), ..params };
            let weights = lowered.constant(weights);
            pipeline.overrides.extend(&epilogue.overrides);
            if i > 0 {
                pipeline.overrides.push(("CONTINUES", 1));
            }
            let y = Bound::Value(step.step.output);
            let run = Run {
                step: step.index,
                pipeline,
                params,
                buffers: vec![
                    y,
                    epilogue.signs,
                    Bound::Value(part.value),
                    weights,
                    epilogue.constants,
                    epilogue.add,
                    epilogue.gate,
                ],
                groups: pixels.div_ceil(tile.pixels) * quads(out.c).div_ceil(tile.quads),
                work: (taps[0] * taps[1] * work) as u64,
            };
            run.lower(lowered, 0..out.n, 0..out.n);
        }
        first += part.shape.c;
    }
}

/// A convolution shader over the workgroups of some images, in as many calls as keep each of them short.
pub(super) struct Run {
    pub step: usize,
    pub pipeline: PipelineKey,
    pub params: Conv2dParams,
    pub buffers: Vec<Bound>,
    /// Workgroups of one image.
    pub groups: usize,
    /// Multiply-accumulates of one image, or about as much work.
    pub work: u64,
}

impl Run {
    /// Image `i` of `x` becomes image `i` of `y`; both ranges count images of the bound buffers. The kernel's and the bias' bank
    /// is that of the image with the larger number: scratch buffers begin at 0 for each run.
    pub fn lower(&self, lowered: &mut Lowered, x: std::ops::Range<usize>, y: std::ops::Range<usize>) {
        let images = x.len();
        let at_once = (WORK_PER_SUBMISSION / self.work.max(1)).clamp(1, images.max(1) as u64) as usize;
        // An image that is too much for one call is computed in several.
        let parts = self.work.div_ceil(WORK_PER_SUBMISSION).max(1) as usize;
        let groups_at_once = self.groups.div_ceil(parts);
        for first in (0..images).step_by(at_once) {
            let images = at_once.min(images - first);
            for first_group in (0..self.groups).step_by(groups_at_once) {
                let groups = groups_at_once.min(self.groups - first_group);
                let params = Conv2dParams {
                    x_image: (x.start + first) as u32,
                    y_image: (y.start + first) as u32,
                    bank_image: (x.start.max(y.start) + first) as u32,
                    first_group: first_group as u32,
                    ..self.params
                };
                let [gx, gy] = grid(groups);
                let work = self.work * (images * groups) as u64 / self.groups as u64;
                let (pipeline, buffers) = (self.pipeline.clone(), self.buffers.clone());
                lowered.call(self.step, pipeline, &params, buffers, [gx, gy, images as u32], work);
            }
        }
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
        Style::Tiled => {
            let tiles = |tile: &Tile| matrices * pixels.div_ceil(tile.pixels) * quads(co).div_ceil(tile.quads);
            let (large, narrow) = (Tile { pixels: 64, quads: 16 }, Tile { pixels: 64, quads: 4 });
            let (flat, small) =
                (Tile { pixels: 16, quads: 16 }, Tile { pixels: if pixels <= 16 { 16 } else { 32 }, quads: 8 });
            // Not half empty, and enough of them to keep a GPU busy?
            let (across, tile) = match pixels {
                33.. if quads(co) <= narrow.quads => (4, narrow),
                33.. if (matrices * pixels).div_ceil(64) * quads(co).div_ceil(16) >= 64 => (8, large),
                ..=16 if quads(co) > small.quads && tiles(&flat) >= 64 => (16, flat),
                _ => (8, small),
            };
            let is_large = tile.pixels * tile.quads == 64 * 16;
            let overrides = vec![
                ("LARGE", is_large.into()),
                ("PIXELS", tile.pixels as u32),
                ("QUADS", tile.quads as u32),
                ("ACROSS", across),
                ("DOWN", 64 / across),
            ];
            (key(Shader::Conv2d, "tiled", overrides), tile)
        }
    }
}
