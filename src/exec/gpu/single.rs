//! Convolutions from or to a single channel. Computed like others they would leave three of a vec4's four places empty; so
//! the kernel's taps take the place of the missing channels. The entry points `gather_taps` and `sum_products` of
//! `shaders/conv2d.wgsl` explain both ways.

use super::conv::{ConvStep, arrange, choose};
use super::device::PipelineKey;
use super::lower::{Bound, Call, Lowered, grid, quads};
use super::shader::{Conv2dParams, Shader};
use crate::ops::{Kernel, Window};

/// Adds the calls, unless the convolution is of another kind.
pub(super) fn lower(lowered: &mut Lowered, step: &ConvStep) -> bool {
    let k = &step.conv.kernel;
    let [part] = &step.parts[..] else { return false };
    let taps4 = quads(k.kh * k.kw);
    let plain = part.up == Window::ONE && step.pool == Window::ONE && (k.kh, k.kw) != (1, 1);
    let bytes = step.out.pixels() * taps4 * 16;
    if !plain || bytes as u64 > step.target.largest_binding {
        return false;
    }
    let pixels = step.out.h * step.out.w;
    let size = [step.out.h as u32, step.out.w as u32];
    // One tap, anywhere.
    let one_tap =
        Conv2dParams { grid: size, step: [1, 1], y: size, x: size, stride: [1, 1], taps: [1, 1], ..Default::default() };
    let all_taps = Conv2dParams {
        offset: [-((k.kh / 2) as i32), -((k.kw / 2) as i32)],
        taps: [k.kh as u32, k.kw as u32],
        ..one_tap
    };
    let of_bank = |len: usize| if k.bank == 1 { 0 } else { len as u32 };
    let y = Bound::Value(step.step.output);
    let x = Bound::Value(part.value);
    let nothing = Bound::Nothing;
    let simple = |entry| PipelineKey { shader: Shader::Conv2d, entry, overrides: vec![] };
    let [gather_x, gather_y] = grid((pixels * taps4).div_ceil(64));
    let [sum_x, sum_y] = grid(pixels.div_ceil(64));
    let images = step.out.n as u32;
    let call = |pipeline, params: Conv2dParams, buffers, groups, work: usize| Call {
        pipeline,
        params: bytemuck::bytes_of(&params).to_vec(),
        buffers,
        groups,
        work: work as u64,
        step: step.index,
    };
    if k.ci == 1 && k.co > 1 {
        let [taps, _] = lowered.scratch([bytes, 0]);
        let (mut pipeline, tile) = choose(step.target.style, 1, pixels, k.co);
        let ends = lowered.ends(&step.step.ends, step.step.side, step.bias());
        pipeline.overrides.extend(&ends.overrides);
        let co4 = quads(k.co);
        let weights = arrange(taps_as_inputs(k), k.bank, co4 * 4, pipeline.shader);
        let bank = of_bank(weights.len() / k.bank / 4);
        let weights = lowered.constant(weights);
        let buffers = vec![taps, nothing, x, nothing, nothing, nothing, nothing];
        let params = Conv2dParams { ci4: 1, co4: taps4 as u32, ..all_taps };
        let work = step.out.pixels() * taps4 * 64;
        lowered.calls.push(call(simple("gather_taps"), params, buffers, [gather_x, gather_y, images], work));

        let buffers = vec![y, ends.signs, taps, weights, ends.constants, ends.add, ends.gate];
        let params = Conv2dParams {
            ci4: taps4 as u32,
            co4: co4 as u32,
            bank,
            bias_bank: of_bank(co4),
            scale_at: ends.scale_at,
            ..one_tap
        };
        let [gx, gy] = grid(pixels.div_ceil(tile.pixels) * co4.div_ceil(tile.quads));
        lowered.calls.push(call(pipeline, params, buffers, [gx, gy, images], step.out.pixels() * taps4 * 4 * k.co));
        true
    } else if k.co == 1 && quads(k.ci) >= taps4 {
        let [products, _] = lowered.scratch([bytes, 0]);
        let (pipeline, tile) = choose(step.target.style, 1, pixels, k.kh * k.kw);
        let ends = lowered.ends(&step.step.ends, step.step.side, step.bias());
        let ci4 = quads(k.ci);
        let weights = arrange(taps_as_outputs(k), k.bank, taps4 * 4, pipeline.shader);
        let bank = of_bank(weights.len() / k.bank / 4);
        let weights = lowered.constant(weights);
        let buffers = vec![products, nothing, x, weights, nothing, nothing, nothing];
        let params = Conv2dParams { ci4: ci4 as u32, co4: taps4 as u32, bank, ..one_tap };
        let [gx, gy] = grid(pixels.div_ceil(tile.pixels) * taps4.div_ceil(tile.quads));
        lowered.calls.push(call(pipeline, params, buffers, [gx, gy, images], step.out.pixels() * taps4 * 4 * k.ci));

        let mut pipeline = simple("sum_products");
        pipeline.overrides.extend(&ends.overrides);
        let buffers = vec![y, ends.signs, products, nothing, ends.constants, ends.add, ends.gate];
        let params =
            Conv2dParams { ci4: taps4 as u32, co4: 1, bias_bank: of_bank(1), scale_at: ends.scale_at, ..all_taps };
        lowered.calls.push(call(pipeline, params, buffers, [sum_x, sum_y, images], step.out.pixels() * taps4 * 64));
        true
    } else {
        false
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

/// The kernel of one output channel as `[bank, ci, tap]`, ci and tap filled up to whole quads.
fn taps_as_outputs(k: &Kernel) -> Vec<f32> {
    let (taps, depth) = (k.kh * k.kw, quads(k.ci) * 4);
    let width = quads(taps) * 4;
    let mut packed = vec![0.0; k.bank * depth * width];
    for (bank, packed) in packed.chunks_mut(depth * width).enumerate() {
        for (i, &w) in k.of_image(bank).iter().enumerate() {
            packed[i % k.ci * width + i / k.ci] = w;
        }
    }
    packed
}
