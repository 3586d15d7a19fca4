//! Winograd's method for 3x3 kernels: when it pays, the kernel's transform, and the calls. The maths stands in
//! `shaders/winograd.wgsl`.

use super::call::{Bound, EpilogueCall, Lowered, Style, grid};
use super::conv::{ConvStep, Cost, Tile, choose, packed};
use super::device::PipelineKey;
use super::pack::{Layout, PLACES};
use super::params::{Conv2dParams, WinogradParams};
use super::shader::{Shader, quads};
use crate::engine::ops::Window;

/// Tiles are computed in runs of a multiple of so many: no part of a product's tile is left empty.
const RUN: usize = 64;

/// Bytes of one tile's V and M: its inputs and outputs, transformed.
fn scratch(step: &ConvStep) -> (usize, usize) {
    (PLACES * 16 * depth(step), PLACES * 16 * quads(step.out.c))
}

/// Tiles, of all images, that are computed in one run.
fn run(step: &ConvStep) -> usize {
    let (v, m) = scratch(step);
    // A GPU is to be kept busy; a processor finds in its cache what it has just written.
    let room: usize = match step.target.style {
        Style::Subgroup => 4 << 20,
        Style::Tiled => 64 << 20,
    };
    (room / v.max(m) / RUN * RUN).max(RUN)
}

/// Rows and columns of tiles in an image.
fn tiles(step: &ConvStep) -> [usize; 2] {
    [(step.out.h * step.pool.h).div_ceil(4), (step.out.w * step.pool.w).div_ceil(4)]
}

/// Quads of all parts' channels.
fn depth(step: &ConvStep) -> usize {
    step.parts.iter().map(|part| quads(part.shape.c)).sum()
}

/// Multiply-accumulates for one image, what the transforms read and write counted in; none if the method does not fit.
/// Like everything that decides how an image is computed it does not depend on the number of images.
pub(super) fn cost(step: &ConvStep) -> Option<Cost> {
    let k = step.conv.kernel;
    let pools = [Window::ONE, Window::new(2, 2)];
    let (v, m) = scratch(step);
    let fits = (run(step) * v.max(m)) as u64 <= step.target.largest_binding;
    let is_dense = step.is_dense() && (step.conv.stride, step.conv.dilation) == (Window::ONE, Window::ONE);
    if !is_dense || (k.kh, k.kw, k.bank) != (3, 3, 1) || !pools.contains(&step.pool) || !fits {
        return None;
    }
    let tiles: usize = tiles(step).iter().product();
    let (_, tile) = choose(step.target.style, PLACES, tiles, k.co);
    // How many multiplications take as long as reading or writing one number.
    let access = match step.target.style {
        Style::Subgroup => 10,
        Style::Tiled => 30,
    };
    let transforms = access * tiles * ((36 + 36) * depth(step) * 4 + (36 + 16) * quads(k.co) * 4);
    // Whole tiles of 32 count even where half ones are multiplied: on small maps the method saves little for its rounding.
    let rows = tiles.next_multiple_of(tile.pixels.max(32));
    let product = PLACES * rows * depth(step) * 4 * k.co.next_multiple_of(tile.quads * 4);
    Some(transforms + product)
}

pub(super) fn lower(lowered: &mut Lowered, step: &ConvStep) {
    let kernel = step.conv.kernel;
    let tiles = tiles(step);
    let channels = step.parts.iter().map(|part| part.shape.c).collect();
    let (product, tile) = choose(step.target.style, PLACES, tiles.iter().product(), kernel.co);
    let packed = packed(kernel, Layout::Winograd { parts: channels }, &product, &tile);
    let bank = packed.bank_len() / 4;
    let u = lowered.constant(packed);
    let epilogue = lowered.epilogue(&step.step.epilogue, step.step.side, step.bias());
    let (v_bytes, m_bytes) = scratch(step);
    let all = tiles.iter().product::<usize>() * step.out.n;
    let at_once = run(step).min(all);
    let [v, m] = lowered.scratch([v_bytes * at_once, m_bytes * at_once]);
    for first in (0..all).step_by(at_once) {
        let count = at_once.min(all - first);
        let tiles = tiles.map(|side| side as u32);
        let shared = WinogradParams { tiles, count: count as u32, first: first as u32, ..Default::default() };
        let run = Run { step, count, shared, v, m };
        run.inputs(lowered);
        run.product(lowered, &product, &tile, u, bank);
        run.output(lowered, &epilogue);
    }
}

/// Some tiles, and the calls that compute them: x to V, V and U to M, M to y.
struct Run<'s> {
    step: &'s ConvStep<'s>,
    /// Tiles.
    count: usize,
    /// What the transforms' settings have in common.
    shared: WinogradParams,
    v: Bound,
    m: Bound,
}

impl Run<'_> {
    /// V, a call for each part of the input: its channels stand behind those of the parts before.
    fn inputs(&self, lowered: &mut Lowered) {
        let &Run { step, count, shared, .. } = self;
        let nothing = Bound::Nothing;
        let mut at = 0;
        for part in &step.parts {
            let c4 = quads(part.shape.c);
            let params = WinogradParams {
                x: [part.shape.h as u32, part.shape.w as u32],
                up: [part.up.h as u32, part.up.w as u32],
                pad: [step.conv.pad.top as u32, step.conv.pad.left as u32],
                c4: c4 as u32,
                v4: depth(step) as u32,
                at,
                ..shared
            };
            at += c4 as u32;
            let overrides = if part.up == Window::ONE { vec![] } else { vec![("UP", 1)] };
            let pipeline = PipelineKey { shader: Shader::Winograd, entry: "input", overrides };
            let buffers = vec![self.v, nothing, Bound::Value(part.value), nothing, nothing, nothing];
            let [gx, gy] = grid((count * c4).div_ceil(64));
            let work = (count * c4 * 4 * 72 * 10) as u64;
            lowered.call(step.index, pipeline, &params, buffers, [gx, gy, 1], work);
        }
    }

    /// M, by the shader of convolutions: 36 images of one row of tiles, 36 kernels of one tap. `bank`: quads of each kernel.
    fn product(&self, lowered: &mut Lowered, pipeline: &PipelineKey, tile: &Tile, u: Bound, bank: usize) {
        let &Run { step, count, .. } = self;
        let (k4, co4) = (depth(step), quads(step.out.c));
        let params = Conv2dParams {
            grid: [1, count as u32],
            step: [1, 1],
            y: [1, count as u32],
            x: [1, count as u32],
            stride: [1, 1],
            dilation: [1, 1],
            taps: [1, 1],
            ci4: k4 as u32,
            co4: co4 as u32,
            bank: bank as u32,
            ..Default::default()
        };
        let nothing = Bound::Nothing;
        let buffers = vec![self.m, nothing, self.v, u, nothing, nothing, nothing];
        let [gx, gy] = grid(count.div_ceil(tile.pixels) * co4.div_ceil(tile.quads));
        let work = (PLACES * count * k4 * 4 * step.conv.kernel.co) as u64;
        lowered.call(step.index, pipeline.clone(), &params, buffers, [gx, gy, PLACES as u32], work);
    }

    /// y, with the epilogue.
    fn output(&self, lowered: &mut Lowered, epilogue: &EpilogueCall) {
        let &Run { step, count, shared, .. } = self;
        let co4 = quads(step.out.c);
        let y = [step.out.h as u32, step.out.w as u32];
        let params = WinogradParams { y, c4: co4 as u32, scale_at: epilogue.scale_at, ..shared };
        let mut overrides = epilogue.overrides.clone();
        if step.pool != Window::ONE {
            overrides.push(("POOL", 1));
        }
        let pipeline = PipelineKey { shader: Shader::Winograd, entry: "output", overrides };
        let y = Bound::Value(step.step.output);
        let buffers = vec![y, epilogue.signs, self.m, epilogue.constants, epilogue.add, epilogue.gate];
        let [gx, gy] = grid((count * co4).div_ceil(64));
        let work = (count * co4 * 4 * 52 * 10) as u64;
        lowered.call(step.index, pipeline, &params, buffers, [gx, gy, 1], work);
    }
}

#[cfg(test)]
mod tests {
    use super::super::call::Target;
    use super::super::lower::lower;
    use super::*;
    use crate::engine::graph::Graph;
    use crate::engine::ops::{Conv2d, Kernel};
    use crate::engine::plan::Plan;
    use crate::engine::tensor::Shape;

    fn uses_winograd(n: usize, size: usize, ci: usize, co: usize, style: Style) -> bool {
        let mut graph = Graph::new();
        let x = graph.input("x", Shape::new(n, size, size, ci)).unwrap();
        let kernel = Kernel::new(3, 3, ci, co, vec![0.0; 9 * ci * co].into()).unwrap();
        let y = graph.conv2d("y", x, Conv2d::same(kernel, None)).unwrap();
        let plan = Plan::compile(graph, &[y], &[], &[]);
        let lowered = lower(&plan, Target { style, largest_binding: 128 << 20 }).unwrap();
        lowered.calls.iter().any(|call| call.pipeline.shader == Shader::Winograd)
    }

    #[test]
    fn it_is_chosen_where_it_pays_whatever_the_number_of_images() {
        for style in [Style::Subgroup, Style::Tiled] {
            for n in [1, 16] {
                assert!(uses_winograd(n, 64, 256, 128, style));
                assert!(uses_winograd(n, 128, 192, 64, style));
                assert!(uses_winograd(n, 19, 66, 66, style));
                assert!(!uses_winograd(n, 8, 256, 256, style), "too few tiles");
                assert!(!uses_winograd(n, 64, 256, 1, style));
            }
        }
    }
}
