//! Convolutions from or to a single channel. Computed like others they would leave three of a vec4's four places empty; so
//! the kernel's taps take the place of the missing channels. The entry points `gather_taps` and `sum_products` of
//! `shaders/conv2d.wgsl` explain both ways.

use super::call::{Bound, Lowered};
use super::conv::{ConvPart, ConvStep, Run, Setting, choose, of_bank, packed};
use super::device::PipelineKey;
use super::pack::Layout;
use super::params::Conv2dParams;
use super::shader::{Shader, quads};
use crate::engine::ops::Window;
use crate::engine::plan::Epilogue;
use crate::engine::tensor::Shape;
use std::ops::Range;

/// Bytes that the taps of the images computed at once may take.
const ROOM: usize = 64 << 20;

/// Adds the calls, unless the convolution is of another kind. Like everything that decides how an image is computed it does not
/// depend on the number of images.
pub(super) fn lower(lowered: &mut Lowered, step: &ConvStep) -> bool {
    let k = step.conv.kernel;
    let taps4 = quads(k.kh * k.kw);
    let places = |shape: Shape| shape.h * shape.w;
    let places = step.parts.iter().map(|part| places(part.shape)).max().unwrap_or(0).max(places(step.out));
    let bytes = places * taps4 * 16;
    if !step.is_dense()
        || step.pool != Window::ONE
        || (k.kh, k.kw) == (1, 1)
        || bytes as u64 > step.target.largest_binding
    {
        return false;
    }
    let room = ROOM.min(step.target.largest_binding as usize);
    let at_once = (room / bytes).clamp(1, step.out.n);
    match &step.parts[..] {
        [part] if k.ci == 1 && k.co > 1 && part.up == Window::ONE => taps_side_by_side(lowered, step, part, at_once),
        // With a stride most products would be meant for no output.
        parts
            if k.co == 1
                && step.conv.stride == Window::ONE
                && parts.iter().all(|part| quads(part.shape.c) >= taps4) =>
        {
            products_of_taps(lowered, step, at_once);
        }
        _ => return false,
    }
    true
}

/// A convolution of one tap, anywhere, from `c4` quads to `co4`.
fn one_tap(size: [u32; 2], ci4: usize, co4: usize) -> Conv2dParams {
    let (ci4, co4) = (ci4 as u32, co4 as u32);
    Conv2dParams {
        grid: size,
        step: [1, 1],
        y: size,
        x: size,
        stride: [1, 1],
        dilation: [1, 1],
        taps: [1, 1],
        ci4,
        co4,
        ..Default::default()
    }
}

/// The same with all of the kernel's taps, of an input of shape `x`.
fn all_taps(conv: &Setting, x: Shape, one_tap: Conv2dParams) -> Conv2dParams {
    let Setting { kernel, stride, pad, dilation, .. } = conv;
    Conv2dParams {
        x: size(x),
        stride: [stride.h as u32, stride.w as u32],
        dilation: [dilation.h as u32, dilation.w as u32],
        offset: [-(pad.top as i32), -(pad.left as i32)],
        taps: [kernel.kh as u32, kernel.kw as u32],
        ..one_tap
    }
}

fn size(shape: Shape) -> [u32; 2] {
    [shape.h as u32, shape.w as u32]
}

fn simple(entry: &'static str) -> PipelineKey {
    PipelineKey { shader: Shader::Conv2d, entry, overrides: vec![] }
}

/// The images of a batch, so many at once; and the same images in a scratch buffer, where they begin at 0.
fn runs(images: usize, at_once: usize) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    (0..images).step_by(at_once).map(move |first| {
        let count = at_once.min(images - first);
        (first..first + count, 0..count)
    })
}

const NOTHING: Bound = Bound::Nothing;

/// From one channel: `gather_taps`, then a convolution of one tap.
fn taps_side_by_side(lowered: &mut Lowered, step: &ConvStep, part: &ConvPart, at_once: usize) {
    let (k, out) = (step.conv.kernel, step.out);
    let (taps4, co4, pixels) = (quads(k.kh * k.kw), quads(out.c), out.h * out.w);
    let [taps, _] = lowered.scratch([at_once * pixels * taps4 * 16, 0]);
    let gather = Run {
        step: step.index,
        pipeline: simple("gather_taps"),
        params: all_taps(&step.conv, part.shape, one_tap(size(out), 1, taps4)),
        buffers: vec![taps, NOTHING, Bound::Value(part.value), NOTHING, NOTHING, NOTHING, NOTHING],
        groups: (pixels * taps4).div_ceil(64),
        work: (pixels * taps4 * 64) as u64,
    };

    let (mut pipeline, tile) = choose(step.target.style, 1, pixels, out.c);
    let epilogue = lowered.epilogue(&step.step.epilogue, step.step.side, step.bias());
    pipeline.overrides.extend(&epilogue.overrides);
    let weights = packed(k, Layout::TapsAsInputs, &pipeline, &tile);
    let bank = of_bank(k, weights.bank_len() / 4);
    let weights = lowered.constant(weights);
    let y = Bound::Value(step.step.output);
    let multiply = Run {
        step: step.index,
        pipeline,
        params: Conv2dParams {
            bank,
            bias_bank: of_bank(k, co4),
            scale_at: epilogue.scale_at,
            ..one_tap(size(out), taps4, co4)
        },
        buffers: vec![y, epilogue.signs, taps, weights, epilogue.constants, epilogue.add, epilogue.gate],
        groups: pixels.div_ceil(tile.pixels) * co4.div_ceil(tile.quads),
        work: (pixels * taps4 * 4 * k.co) as u64,
    };
    for (images, in_scratch) in runs(out.n, at_once) {
        gather.lower(lowered, images.clone(), in_scratch.clone());
        multiply.lower(lowered, in_scratch, images);
    }
}

/// To one channel: for each part a convolution of one tap, then `sum_products`, which adds to what the part before left.
fn products_of_taps(lowered: &mut Lowered, step: &ConvStep, at_once: usize) {
    let (k, out) = (step.conv.kernel, step.out);
    let taps4 = quads(k.kh * k.kw);
    let mut first = 0;
    for (i, part) in step.parts.iter().enumerate() {
        let (x, ci4, pixels) = (part.shape, quads(part.shape.c), part.shape.h * part.shape.w);
        let [products, _] = lowered.scratch([at_once * pixels * taps4 * 16, 0]);
        let (pipeline, tile) = choose(step.target.style, 1, pixels, k.kh * k.kw);
        let weights = packed(k, Layout::TapsAsOutputs { first, ci: x.c }, &pipeline, &tile);
        let bank = of_bank(k, weights.bank_len() / 4);
        let weights = lowered.constant(weights);
        let multiply = Run {
            step: step.index,
            pipeline,
            params: Conv2dParams { bank, ..one_tap(size(x), ci4, taps4) },
            buffers: vec![products, NOTHING, Bound::Value(part.value), weights, NOTHING, NOTHING, NOTHING],
            groups: pixels.div_ceil(tile.pixels) * taps4.div_ceil(tile.quads),
            work: (pixels * taps4 * 4 * x.c) as u64,
        };

        let epilogue = if i + 1 == step.parts.len() {
            lowered.epilogue(&step.step.epilogue, step.step.side, step.bias())
        } else {
            lowered.epilogue(&Epilogue::default(), None, vec![])
        };
        let mut pipeline = simple("sum_products");
        pipeline.overrides.extend(&epilogue.overrides);
        if i > 0 {
            pipeline.overrides.push(("CONTINUES", 1));
        }
        let y = Bound::Value(step.step.output);
        let add_up = Run {
            step: step.index,
            pipeline,
            params: Conv2dParams {
                up: [part.up.h as u32, part.up.w as u32],
                bias_bank: of_bank(k, 1),
                scale_at: epilogue.scale_at,
                ..all_taps(&step.conv, x, one_tap(size(out), taps4, 1))
            },
            buffers: vec![y, epilogue.signs, products, NOTHING, epilogue.constants, epilogue.add, epilogue.gate],
            groups: (out.h * out.w).div_ceil(64),
            work: (out.h * out.w * taps4 * 64) as u64,
        };
        for (images, in_scratch) in runs(out.n, at_once) {
            multiply.lower(lowered, images.clone(), in_scratch.clone());
            add_up.lower(lowered, in_scratch, images);
        }
        first += x.c;
    }
}
