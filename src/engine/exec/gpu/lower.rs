//! From a plan's steps to calls of shaders.

use super::call::{Bound, Lowered, Target};
use super::conv::{self, ConvPart, ConvStep};
use super::ops::StepCalls;
use super::params::SameParams;
use super::{single, winograd};
use crate::Result;
use crate::engine::ops::Window;
use crate::engine::plan::{Head, Part, Plan};

pub(super) fn lower(plan: &Plan, target: Target) -> Result<Lowered> {
    let mut lowered = Lowered::default();
    for (index, step) in plan.steps.iter().enumerate() {
        let out = plan.value(step.output).shape;
        let part = |p: &Part| ConvPart { value: p.value, shape: plan.value(p.value).shape, up: p.up };
        let mut calls = StepCalls::new(plan, index, &mut lowered);
        match &step.head {
            Head::Conv { parts, conv, pool } => {
                let parts = parts.iter().map(part).collect();
                let conv = conv.into();
                convolution(&mut lowered, &ConvStep { index, step, parts, conv, pool: *pool, out, target });
            }
            Head::ConvTranspose { x, conv } => {
                let parts = vec![part(&Part { value: *x, up: Window::ONE })];
                let (conv, pool) = (conv.into(), Window::ONE);
                convolution(&mut lowered, &ConvStep { index, step, parts, conv, pool, out, target });
            }
            &Head::Fill { value } => {
                let params = SameParams { value, ..Default::default() };
                calls.same("fill", Bound::Nothing, params);
            }
            &Head::Same { x } => calls.same("same", Bound::Value(x), SameParams::default()),
            &Head::Unpool { dy, winners, window } => calls.unpool(dy, winners, window),
            Head::Op { op, inputs } => calls.op(op, inputs)?,
        }
    }
    Ok(lowered)
}

fn convolution(lowered: &mut Lowered, step: &ConvStep) {
    // A bank has a kernel of its own for each image, from or to a single channel. Winograd's method has no banks: it must not
    // be taken for such a kernel alone either, or an image would come out otherwise in a batch.
    let is_single = step.conv.kernel.ci == 1 || step.conv.kernel.co == 1;
    if !is_single && winograd::cost(step).is_some_and(|cost| cost < step.cost()) {
        winograd::lower(lowered, step);
    } else if !single::lower(lowered, step) {
        conv::lower(lowered, step);
    }
}

#[cfg(test)]
mod tests {
    use super::super::call::Style;
    use super::*;
    use crate::engine::graph::Graph;
    use crate::engine::ops::{Axis, Conv2d, ConvTranspose, Kernel, Matrix, Pool, Sides};
    use crate::engine::tensor::Shape;
    use crate::engine::values::Values;

    fn lowered(image: Shape, kernel: (usize, usize), co: usize, target: Target) -> Lowered {
        let mut graph = Graph::new();
        let x = graph.input("x", image).unwrap();
        let (kh, kw) = kernel;
        let weights: Values = vec![0.0; kh * kw * image.c * co].into();
        let weights = |ci, co| Kernel::new(kh, kw, ci, co, weights.clone()).unwrap();
        let y = graph.conv2d("y", x, Conv2d::same(weights(image.c, co), None)).unwrap();
        let basis = Matrix::fourier(image.h.min(512));
        let waves = if image.h <= 512 { graph.transform("waves", y, Axis::Down, basis).unwrap() } else { y };
        let two = Window::new(2, 2);
        let apart = Conv2d { stride: two, ..Conv2d::same(weights(image.c, co), None) };
        let apart = graph.conv2d("apart", x, apart).unwrap();
        let of_channel = Kernel::new(kh, kw, 1, image.c, vec![0.0; kh * kw * image.c].into()).unwrap();
        let depthwise = Conv2d { groups: image.c, ..Conv2d::same(of_channel, None) };
        let depthwise = graph.conv2d("depthwise", x, depthwise).unwrap();
        let larger = ConvTranspose {
            kernel: weights(co, image.c),
            bias: None,
            stride: two,
            pad: Sides::same(image.h, image.w, Window::new(kh, kw), two, Window::ONE),
            dilation: Window::ONE,
            groups: 1,
            h: image.h,
            w: image.w,
        };
        let small = graph.input("small", Shape { h: image.h / 2, w: image.w / 2, ..image }).unwrap();
        let larger = graph.conv_transpose("larger", small, larger).unwrap();
        let pool = Pool { window: Window::new(9, 9), stride: Window::ONE, pad: Sides::NONE };
        let pooled = graph.max_pool("pooled", x, pool).unwrap();
        let unpooled = graph.max_pool_grad("unpooled", pooled, x, pool).unwrap();
        lower(&Plan::compile(graph, &[waves, apart, depthwise, larger, unpooled], &[], &[]), target).unwrap()
    }

    /// No dispatch comes near a driver's watchdog of 2 seconds, on a GPU of only 100 billion multiply-accumulates a second,
    /// however large the image.
    #[test]
    fn no_call_keeps_the_gpu_busy_for_long() {
        const SLOW: u64 = 100_000_000_000;
        for style in [Style::Tiled, Style::Subgroup] {
            let target = Target { style, largest_binding: 1 << 40 };
            for (ci, co) in [(64, 64), (1, 64), (64, 1), (1024, 1024), (3, 2)] {
                for kernel in [(3, 3), (7, 7), (1, 1)] {
                    for (n, side) in [(1, 8192), (1, 512), (64, 128)] {
                        let lowered = lowered(Shape::new(n, side, side, ci), kernel, co, target);
                        for call in &lowered.calls {
                            let entry = call.pipeline.entry;
                            assert!(call.work < SLOW / 5, "{entry}: {} of {n}x{side}x{side}x{ci} to {co}", call.work);
                        }
                    }
                }
            }
        }
    }

    /// Which way a convolution is computed must not depend on how many images there are, or its bytes would.
    #[test]
    fn the_way_does_not_depend_on_the_number_of_images() {
        for style in [Style::Tiled, Style::Subgroup] {
            // So small that the taps of many images do not fit at once.
            let target = Target { style, largest_binding: 1 << 20 };
            for (ci, co) in [(1, 8), (16, 1), (16, 16)] {
                let ways = |n: usize| {
                    let lowered = lowered(Shape::new(n, 32, 32, ci), (3, 3), co, target);
                    let mut ways: Vec<&str> = lowered.calls.iter().map(|call| call.pipeline.entry).collect();
                    assert!(lowered.scratch.iter().all(|&bytes| bytes <= 1 << 20), "{:?}", lowered.scratch);
                    ways.sort_unstable();
                    ways.dedup();
                    ways.into_iter().map(String::from).collect::<Vec<_>>()
                };
                assert_eq!(ways(1), ways(100), "{ci} to {co}");
            }
        }
    }
}
