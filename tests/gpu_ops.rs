//! The GPU executor against the reference: the ops that other networks than plain U-Nets have, in every setting and at odd sizes.

mod common;
mod common_gpu;

use common::ops::{FUNCTIONS, SETTINGS, Setting};
use common_gpu::{Case, bits, conv, gpus, numbers, tensor};
use std::sync::Arc;
use unet_lens::Result;
use unet_lens::engine::autodiff::gradient;
use unet_lens::engine::exec::Executor;
use unet_lens::engine::exec::reference::Reference;
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{Axes, Conv2d, ConvTranspose, Function, Kernel, Pool, Sides, Window};
use unet_lens::engine::plan::Plan;
use unet_lens::engine::tensor::{Shape, Tensor};

/// A kernel of `inputs` per group, scaled so that sums stay near 1, and a bias for each of `outputs`.
fn setting(k: Window, inputs: usize, outputs: usize, bank: usize) -> (Kernel, Option<Arc<[f32]>>) {
    let len = k.len() * inputs * outputs;
    let kernel = Kernel::of_bank(bank, k.h, k.w, inputs, outputs, numbers(len * bank, 3).into()).unwrap();
    (kernel, Some(numbers(outputs * bank, 4).into()))
}

/// Convolutions and their transposes, of every kind, forward; in one group and in several; a kernel for all images or one for
/// each.
#[test]
fn convolutions_of_every_kind() {
    let gpus = gpus();
    for Setting { kernel: k, stride, pad, dilation } in SETTINGS {
        for (groups, ci, co, bank) in [
            (1, 3, 5, 1),
            (1, 1, 9, 1),
            (1, 9, 1, 1),
            (1, 36, 1, 1),
            (1, 12, 9, 2),
            (1, 1, 5, 2),
            (5, 5, 5, 1),
            (5, 10, 5, 1),
            (3, 3, 9, 1),
            (3, 9, 3, 2),
            (8, 8, 8, 2),
            (2, 6, 10, 1),
            (2, 8, 16, 2),
        ] {
            let name =
                format!("{k} stride {stride}, dilation {dilation}, {pad:?}, {ci}->{co} in {groups}, bank {bank}");
            let (kernel, bias) = setting(k, ci / groups, co, bank);
            let conv = Conv2d { kernel, bias, stride, pad, dilation, groups };
            let case =
                Case::new(format!("conv2d {name}"), Shape::new(2, 9, 8, ci), |g, x| g.conv2d("y", x, conv.clone()));
            case.check(&gpus);

            // The kernel is that of a conv2d the other way round.
            let (kernel, _) = setting(k, co / groups, ci, bank);
            let bias = Some(numbers(co * bank, 4).into());
            let (h, w) = (11, 10);
            let conv = ConvTranspose { kernel, bias, stride, pad, dilation, groups, h, w };
            let small = |n: usize, k: usize, s: usize, d: usize, pad: usize| (n + pad - (k - 1) * d - 1) / s + 1;
            let small_h = small(h, k.h, stride.h, dilation.h, pad.top + pad.bottom);
            let small_w = small(w, k.w, stride.w, dilation.w, pad.left + pad.right);
            let shape = Shape::new(2, small_h, small_w, ci);
            let case =
                Case::new(format!("conv_transpose {name}"), shape, |g, x| g.conv_transpose("y", x, conv.clone()));
            case.check(&gpus);
        }
    }
}

/// Large enough for Winograd's method and large tiles, with paddings of every width.
#[test]
fn many_channels_without_padding() {
    let gpus = gpus();
    for pad in [[0; 4], [0, 1, 2, 1], [2; 4]] {
        let pad = Sides { top: pad[0], bottom: pad[1], left: pad[2], right: pad[3] };
        let conv = Conv2d { pad, ..conv(3, 3, 66, 66) };
        let case = Case::new(format!("conv2d 3x3 {pad:?}"), Shape::new(2, 21, 22, 66), |g, x| {
            let y = g.conv2d("y", x, conv.clone())?;
            g.relu("relu", y)
        });
        case.check(&gpus);
    }
    let two = Window::new(2, 2);
    let wide = Conv2d { stride: two, ..conv(3, 3, 40, 70) };
    let case = Case::new("conv2d of many channels, stride 2".to_string(), Shape::new(2, 65, 67, 40), |g, x| {
        g.conv2d("y", x, wide.clone())
    });
    case.check(&gpus);
    let (kernel, _) = setting(Window::new(4, 4), 40, 70, 1);
    let bias = Some(numbers(40, 4).into());
    let up = ConvTranspose {
        kernel,
        bias,
        stride: two,
        pad: Sides { top: 1, bottom: 1, left: 1, right: 1 },
        dilation: Window::ONE,
        groups: 1,
        h: 42,
        w: 46,
    };
    let case = Case::new("conv_transpose of many channels".to_string(), Shape::new(2, 21, 23, 70), |g, x| {
        g.conv_transpose("y", x, up.clone())
    });
    case.check(&gpus);
}

#[test]
fn pools_that_overlap() {
    let gpus = gpus();
    let of = |window: [usize; 2], stride: [usize; 2], pad: [usize; 4]| Pool {
        window: Window::new(window[0], window[1]),
        stride: Window::new(stride[0], stride[1]),
        pad: Sides { top: pad[0], bottom: pad[1], left: pad[2], right: pad[3] },
    };
    for pool in [
        of([3, 3], [2, 2], [0, 1, 0, 1]),
        of([3, 2], [1, 1], [1, 2, 0, 1]),
        of([2, 2], [3, 2], [0; 4]),
        of([2, 3], [2, 3], [0; 4]), // does not divide
        of([5, 5], [1, 1], [2, 2, 2, 2]),
        of([9, 8], [1, 1], [0; 4]),
    ] {
        for c in [1, 3, 4, 9] {
            let shape = Shape::new(2, 9, 8, c);
            let name = |what: &str| format!("{what} {pool:?}, {c} channels");
            let build = |g: &mut Graph, x| g.max_pool("y", x, pool);
            Case::new(name("max_pool"), shape, build).check(&gpus);
            let grad = |g: &mut Graph, x| {
                let y = g.max_pool("p", x, pool)?;
                let y = g.sigmoid("s", y)?;
                g.max_pool_grad("y", y, x, pool)
            };
            Case::new(name("max_pool_grad"), shape, grad).check(&gpus);
            // Equal values: the first one wins.
            Case::new(name("max_pool_grad of equal values"), shape, grad).whole().check(&gpus);
        }
    }
}

/// softmax, sum, broadcast, add and mul over every choice of axes; slice, pad, reshape, permute; a constant.
#[test]
fn ops_over_axes() {
    let gpus = gpus();
    for (h, w, c) in [(6, 4, 1), (5, 3, 3), (4, 6, 4), (3, 7, 9), (20, 30, 5)] {
        let shape = Shape::new(3, h, w, c);
        let check = |name: &str, build: &dyn Fn(&mut Graph, NodeId) -> Result<NodeId>| {
            Case::new(format!("{name} of {shape}"), shape, build).check(&gpus);
        };
        for bits in 0..8 {
            let axes = Axes { h: bits & 1 != 0, w: bits & 2 != 0, c: bits & 4 != 0 };
            check(&format!("sum over {axes:?}"), &|g, x| g.sum("y", x, axes));
            check(&format!("softmax over {axes:?}"), &|g, x| {
                let x = g.scale("large", x, 30.0)?;
                g.softmax("y", x, axes)
            });
            check(&format!("broadcast over {axes:?}"), &|g, x| {
                let sum = g.sum("sum", x, axes)?;
                g.broadcast("y", sum, shape)
            });
            // Each input may be the smaller one, along axes of its own.
            for other in [Axes { h: true, w: true, c: false }, Axes { h: false, w: false, c: true }] {
                for (name, op) in
                    [("add", Graph::add as fn(&mut Graph, &str, NodeId, NodeId) -> _), ("mul", Graph::mul)]
                {
                    check(&format!("{name} over {axes:?} and {other:?}"), &|g, x| {
                        let a = g.sum("a", x, axes)?;
                        let b = g.sigmoid("b", x)?;
                        let b = g.sum("b", b, other)?;
                        op(g, "y", a, b)
                    });
                    check(&format!("{name} over {axes:?}"), &|g, x| {
                        let a = g.sum("a", x, axes)?;
                        op(g, "y", x, a)
                    });
                }
            }
        }
        for (start, size) in
            [([0, 0, 0], [h, w, c]), ([2, 1, 0], [h - 2, w - 2, c]), ([1, 0, c / 2], [1, w, c - c / 2])]
        {
            check(&format!("crop {start:?} {size:?}"), &|g, x| g.crop("y", x, start, size));
            let larger = [h + 3, w + 1, c + 6];
            check(&format!("pad {start:?} {larger:?}"), &|g, x| g.pad("y", x, [start[0], 0, start[2]], larger));
            check(&format!("pad of channels by {}", start[2] + 1), &|g, x| {
                g.pad("y", x, [0, 0, start[2] + 1], [h, w, c + start[2] + 1])
            });
        }
        for to in [[1, 1, h * w * c], [h * w * c, 1, 1], [w, h, c], [w, c, h], [1, h, w * c]] {
            check(&format!("reshape to {to:?}"), &|g, x| g.reshape("y", x, Shape::new(3, to[0], to[1], to[2])));
        }
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            check(&format!("permute {order:?}"), &|g, x| g.permute("y", x, order));
        }
        for images in [1, 3] {
            check(&format!("a constant of {images}"), &|g, x| {
                let own = g.constant("own", shape, numbers(shape.image_len() * images, 8).into())?;
                g.mul("y", x, own)
            });
        }
    }
}

/// Each function and its slope at numbers of every size: as near to the reference as single precision allows.
#[test]
fn functions_are_accurate() {
    for gpu in gpus() {
        for f in FUNCTIONS {
            let mut values: Vec<f32> = numbers(4000, 21);
            for (i, v) in values.iter_mut().enumerate() {
                *v *= [1e-6, 1e-3, 0.1, 1.0, 4.0, 12.0, 80.0, 300.0][i % 8];
            }
            if f == Function::Sqrt || f == Function::Log {
                values.iter_mut().for_each(|v| *v = v.abs());
            }
            let shape = Shape::new(1, 50, 16, 5);
            let mut g = Graph::new();
            let x = g.input("x", shape).unwrap();
            let y = g.pointwise("y", x, f).unwrap();
            let one = g.fill("one", shape, 1.0).unwrap();
            let slope = g.pointwise_grad("slope", one, x, f).unwrap();
            let plan = Plan::compile(g, &[y, slope], &[], &[]);
            let mut program = gpu.prepare(Arc::new(plan)).unwrap();
            program.write(x, &Tensor::new(shape, values.clone())).unwrap();
            program.run(1).unwrap();
            for (what, node, exact) in
                [("f", y, &(|x| f.value(x)) as &dyn Fn(f64) -> f64), ("f'", slope, &|x| f.slope(x))]
            {
                let got = program.read(node).unwrap();
                let mut worst = (0.0, 0.0, 0.0, 0.0);
                for (&x, &got) in values.iter().zip(&got.data) {
                    let (x, got) = (f64::from(x), f64::from(got));
                    let expected = exact(x);
                    if expected.abs() > f64::from(f32::MAX) {
                        assert_eq!(got, f64::INFINITY.copysign(expected), "{f:?}: {what}({x}), {}", gpu.describe());
                        continue;
                    }
                    // Where a sum of two terms crosses 0, its digits are those of the terms.
                    let error = (got - expected).abs() / expected.abs().max(0.1);
                    if error.is_nan() || error > worst.0 {
                        worst = (error, x, got, expected);
                    }
                }
                let (error, x, got, expected) = worst;
                assert!(error < 1e-6, "{f:?}: {what}({x}) is {got}, should be {expected}, {}", gpu.describe());
            }
        }
    }
}

/// NaN in, NaN out; and what fills up the last quad never reaches a result, though 1/0 stands there.
#[test]
fn functions_keep_nan_to_themselves() {
    for gpu in gpus() {
        for f in FUNCTIONS {
            let shape = Shape::new(1, 2, 2, 3);
            let mut g = Graph::new();
            let x = g.input("x", shape).unwrap();
            let y = g.pointwise("y", x, f).unwrap();
            let next = g.conv2d("next", y, conv(1, 1, 3, 2)).unwrap();
            let soft = g.softmax("soft", x, Axes::CHANNELS).unwrap();
            // Beside the NaN: it must not fill up the last quad.
            let beside = g.slice("beside", x, 0, 1).unwrap();
            let beside = g.conv2d("of one", beside, conv(1, 1, 1, 2)).unwrap();
            let plan = Plan::compile(g, &[y, next, soft, beside], &[], &[]);
            let mut program = gpu.prepare(Arc::new(plan)).unwrap();
            let mut values = Tensor::new(shape, numbers(12, 2).iter().map(|v| v.abs() + 0.1).collect());
            values.data[4] = f32::NAN;
            program.write(x, &values).unwrap();
            program.run(1).unwrap();
            let mut is_nan = |node| program.read(node).unwrap().data.iter().map(|v| v.is_nan()).collect::<Vec<_>>();
            let only =
                |len: usize, range: std::ops::Range<usize>| (0..len).map(|i| range.contains(&i)).collect::<Vec<_>>();
            assert_eq!(is_nan(y), only(12, 4..5), "{f:?} on {}", gpu.describe());
            assert_eq!(is_nan(next), only(8, 2..4), "{f:?} on {}", gpu.describe());
            assert_eq!(is_nan(beside), only(8, 0..0), "slice on {}", gpu.describe());
            assert_eq!(is_nan(soft), only(12, 3..6), "softmax on {}", gpu.describe());
        }
    }
}

/// Every other way to compute: the loss and the gradient of a network of general ops, each image with a kernel of its own at
/// the end.
fn general(images: &[usize]) -> (Graph, NodeId, NodeId, NodeId) {
    let mut g = Graph::new();
    let x = g.input("x", Shape::new(images.len(), 24, 20, 6)).unwrap();
    let two = Window::new(2, 2);
    let mut build = || -> Result<(NodeId, NodeId)> {
        let valid = Conv2d { pad: Sides::NONE, ..conv(3, 3, 6, 40) };
        let y = g.conv2d("valid", x, valid)?;
        let y = g.scale("small", y, 0.2)?;
        let y = g.pointwise("silu", y, Function::Silu)?;
        let y = g.conv2d("depthwise", y, Conv2d { groups: 40, ..conv(3, 3, 1, 40) })?;
        let skip = g.max_pool("pool", y, Pool { window: Window::new(3, 3), stride: two, pad: Sides::NONE })?;
        let y = g.conv2d("stride", skip, Conv2d { stride: two, ..conv(3, 3, 40, 12) })?;
        let y = g.conv2d("grouped", y, Conv2d { groups: 3, ..conv(3, 3, 4, 12) })?;
        let Shape { h, w, .. } = g.shape(skip);
        let (kernel, _) = setting(Window::new(3, 3), 40, 12, 1);
        let pad = Sides { top: 1, bottom: 1, left: 1, right: 1 };
        let up = ConvTranspose { kernel, bias: None, stride: two, pad, dilation: Window::ONE, groups: 1, h, w };
        let y = g.conv_transpose("up", y, up)?;
        // Near 1: of exp of a large number single precision leaves few digits.
        let y = g.scale("near 1", y, 0.01)?;
        let sums = g.sum("sums", y, Axes::PLACES)?;
        let sums = g.softmax("share", sums, Axes::CHANNELS)?;
        let y = g.mul("weighted", y, sums)?;
        let y = g.softmax("softmax", y, Axes { h: true, w: false, c: false })?;
        let y = g.scale("large", y, 10.0)?;
        let dilated = Conv2d { dilation: two, ..conv(3, 3, 40, 20) };
        let y = g.conv2d("target", y, dilated.own_channels(images))?;
        // The sum of a softmax moves with nothing; that of a function of it does.
        let y = g.pointwise("tanh", y, Function::Tanh)?;
        let loss = g.mean("loss", y)?;
        Ok((loss, gradient(&mut g, loss, x)?.of_wrt()))
    };
    let (loss, dx) = build().unwrap();
    (g, x, loss, dx)
}

#[test]
fn general_ops_come_out_the_same_alone_and_in_a_batch() {
    let all = [3, 0, 17, 5, 6];
    let values = tensor(Shape::new(all.len(), 24, 20, 6), 31);
    for gpu in gpus() {
        let run = |executor: &dyn Executor, which: std::ops::Range<usize>| {
            let (g, x, loss, dx) = general(&all[which.clone()]);
            let shape = g.shape(x);
            let mut program = executor.prepare(Arc::new(Plan::compile(g, &[dx, loss], &[], &[]))).unwrap();
            let data = values.data[which.start * shape.image_len()..][..shape.len()].to_vec();
            program.write(x, &Tensor::new(shape, data)).unwrap();
            program.run(1).unwrap();
            [program.read(loss).unwrap(), program.read(dx).unwrap()]
        };
        let together = run(&gpu, 0..5);
        for i in 0..5 {
            for (alone, together) in run(&gpu, i..i + 1).iter().zip(&together) {
                assert_eq!(bits(&alone.data), bits(together.image(i)), "image {i} on {}", gpu.describe());
            }
        }
        for (got, expected) in together.iter().zip(run(&Reference::default(), 0..5)) {
            let largest = expected.data.iter().fold(f32::MIN_POSITIVE, |m, v| m.max(v.abs()));
            for (i, (a, b)) in got.data.iter().zip(&expected.data).enumerate() {
                assert!((a - b).abs() <= 1e-5 * largest, "index {i}: gpu {a}, reference {b}, {}", gpu.describe());
            }
        }
    }
}
