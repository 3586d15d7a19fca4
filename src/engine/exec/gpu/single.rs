//! Convolutions from or to a single channel. Computed like others they would leave three of a vec4's four places empty; so
//! the kernel's taps take the place of the missing channels. The entry points `gather_taps` and `sum_products` of
//! `shaders/conv2d.wgsl` explain both ways.

use super::conv::{ConvPart, ConvStep, arrange, choose};
use super::device::PipelineKey;
use super::lower::{Bound, Call, Lowered, grid, quads};
use super::shader::{Conv2dParams, Shader};
use crate::engine::ops::{Kernel, Window};
use crate::engine::plan::Ends;
use crate::engine::tensor::Shape;

/// Adds the calls, unless the convolution is of another kind.
pub(super) fn lower(lowered: &mut Lowered, step: &ConvStep) -> bool {
    let k = &step.conv.kernel;
    let taps4 = quads(k.kh * k.kw);
    let pixels = step.parts.iter().map(|part| part.shape.pixels()).max().unwrap_or(0).max(step.out.pixels());
    let fits = (pixels * taps4 * 16) as u64 <= step.target.largest_binding;
    if step.pool != Window::ONE || (k.kh, k.kw) == (1, 1) || !fits {
        return false;
    }
    match &step.parts[..] {
        [part] if k.ci == 1 && k.co > 1 && part.up == Window::ONE => taps_side_by_side(lowered, step, part),
        parts if k.co == 1 && parts.iter().all(|part| quads(part.shape.c) >= taps4) => products_of_taps(lowered, step),
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
        taps: [1, 1],
        ci4,
        co4,
        ..Default::default()
    }
}

/// The same with all of the kernel's taps.
fn all_taps(k: &Kernel, one_tap: Conv2dParams) -> Conv2dParams {
    let offset = [-((k.kh / 2) as i32), -((k.kw / 2) as i32)];
    Conv2dParams { offset, taps: [k.kh as u32, k.kw as u32], ..one_tap }
}

fn size(shape: Shape) -> [u32; 2] {
    [shape.h as u32, shape.w as u32]
}

fn of_bank(k: &Kernel, len: usize) -> u32 {
    if k.bank == 1 { 0 } else { len as u32 }
}

fn call(
    step: &ConvStep,
    pipeline: PipelineKey,
    params: &Conv2dParams,
    buffers: Vec<Bound>,
    groups: [u32; 2],
    work: usize,
) -> Call {
    let [gx, gy] = groups;
    let (params, groups) = (bytemuck::bytes_of(params).to_vec(), [gx, gy, step.out.n as u32]);
    Call { pipeline, params, buffers, groups, work: work as u64, step: step.index }
}

fn simple(entry: &'static str) -> PipelineKey {
    PipelineKey { shader: Shader::Conv2d, entry, overrides: vec![] }
}

const NOTHING: Bound = Bound::Nothing;

/// From one channel: `gather_taps`, then a convolution of one tap.
fn taps_side_by_side(lowered: &mut Lowered, step: &ConvStep, part: &ConvPart) {
    let (k, out) = (&step.conv.kernel, step.out);
    let (taps4, co4, pixels) = (quads(k.kh * k.kw), quads(k.co), out.h * out.w);
    let [taps, _] = lowered.scratch([out.pixels() * taps4 * 16, 0]);
    let (mut pipeline, tile) = choose(step.target.style, 1, pixels, k.co);
    let ends = lowered.ends(&step.step.ends, step.step.side, step.bias());
    pipeline.overrides.extend(&ends.overrides);
    let weights = arrange(taps_as_inputs(k), k.bank, co4 * 4, pipeline.shader, &tile);
    let bank = of_bank(k, weights.len() / k.bank / 4);
    let weights = lowered.constant(weights);
    let params = all_taps(k, one_tap(size(out), 1, taps4));
    let buffers = vec![taps, NOTHING, Bound::Value(part.value), NOTHING, NOTHING, NOTHING, NOTHING];
    let groups = grid((pixels * taps4).div_ceil(64));
    lowered.calls.push(call(step, simple("gather_taps"), &params, buffers, groups, out.pixels() * taps4 * 64));

    let (bias_bank, scale_at) = (of_bank(k, co4), ends.scale_at);
    let params = Conv2dParams { bank, bias_bank, scale_at, ..one_tap(size(out), taps4, co4) };
    let buffers = vec![Bound::Value(step.step.output), ends.signs, taps, weights, ends.constants, ends.add, ends.gate];
    let groups = grid(pixels.div_ceil(tile.pixels) * co4.div_ceil(tile.quads));
    lowered.calls.push(call(step, pipeline, &params, buffers, groups, out.pixels() * taps4 * 4 * k.co));
}

/// To one channel: for each part a convolution of one tap, then `sum_products`, which adds to what the part before left.
fn products_of_taps(lowered: &mut Lowered, step: &ConvStep) {
    let (k, out) = (&step.conv.kernel, step.out);
    let taps4 = quads(k.kh * k.kw);
    let mut first = 0;
    for (i, part) in step.parts.iter().enumerate() {
        let (x, ci4, pixels) = (part.shape, quads(part.shape.c), part.shape.h * part.shape.w);
        let [products, _] = lowered.scratch([x.pixels() * taps4 * 16, 0]);
        let (pipeline, tile) = choose(step.target.style, 1, pixels, k.kh * k.kw);
        let weights = arrange(taps_as_outputs(k, first, x.c), k.bank, taps4 * 4, pipeline.shader, &tile);
        let bank = of_bank(k, weights.len() / k.bank / 4);
        let weights = lowered.constant(weights);
        let params = Conv2dParams { bank, ..one_tap(size(x), ci4, taps4) };
        let buffers = vec![products, NOTHING, Bound::Value(part.value), weights, NOTHING, NOTHING, NOTHING];
        let groups = grid(pixels.div_ceil(tile.pixels) * taps4.div_ceil(tile.quads));
        lowered.calls.push(call(step, pipeline, &params, buffers, groups, x.pixels() * taps4 * 4 * x.c));

        let ends = if i + 1 == step.parts.len() {
            lowered.ends(&step.step.ends, step.step.side, step.bias())
        } else {
            lowered.ends(&Ends::default(), None, vec![])
        };
        let mut pipeline = simple("sum_products");
        pipeline.overrides.extend(&ends.overrides);
        if i > 0 {
            pipeline.overrides.push(("CONTINUES", 1));
        }
        let params = Conv2dParams {
            x: size(x),
            up: [part.up.h as u32, part.up.w as u32],
            bias_bank: of_bank(k, 1),
            scale_at: ends.scale_at,
            ..all_taps(k, one_tap(size(out), taps4, 1))
        };
        let y = Bound::Value(step.step.output);
        let buffers = vec![y, ends.signs, products, NOTHING, ends.constants, ends.add, ends.gate];
        let groups = grid((out.h * out.w).div_ceil(64));
        lowered.calls.push(call(step, pipeline, &params, buffers, groups, out.pixels() * taps4 * 64));
        first += x.c;
    }
}

/// The kernel of one input channel as `[bank, tap, co]`, tap and co filled up to whole quads.
fn taps_as_inputs(k: &Kernel) -> Vec<f32> {
    let (taps, width) = (k.kh * k.kw, quads(k.co) * 4);
    let mut packed = vec![0.0; k.bank * quads(taps) * 4 * width];
    for (bank, packed) in packed.chunks_mut(quads(taps) * 4 * width).enumerate() {
        for (to, from) in packed.chunks_mut(width).zip(k.of_image(bank).chunks(k.co)) {
            to[..k.co].copy_from_slice(from);
        }
    }
    packed
}

/// Input channels `first .. first + ci` of a kernel of one output channel, as `[bank, ci, tap]`, ci and tap filled up to whole
/// quads.
fn taps_as_outputs(k: &Kernel, first: usize, ci: usize) -> Vec<f32> {
    let (taps, depth) = (k.kh * k.kw, quads(ci) * 4);
    let width = quads(taps) * 4;
    let mut packed = vec![0.0; k.bank * depth * width];
    for (bank, packed) in packed.chunks_mut(depth * width).enumerate() {
        for (tap, weights) in k.of_image(bank).chunks(k.ci).enumerate() {
            for (c, &w) in weights[first..first + ci].iter().enumerate() {
                packed[c * width + tap] = w;
            }
        }
    }
    packed
}
