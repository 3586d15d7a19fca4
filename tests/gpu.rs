//! The GPU executor against the reference: every op and every combination of ends at odd sizes, whole nets, and the
//! promises (the same bits alone and in a batch, run after run; errors instead of panics).

mod common;
mod common_gpu;

use common_gpu::{Case, conv, doubles, gpus, numbers, tensor};
use std::sync::Arc;
use unet_lens::engine::autodiff::gradient;
use unet_lens::engine::exec::Executor;
use unet_lens::engine::exec::gpu::{Gpu, adapters};
use unet_lens::engine::exec::memory::Limit;
use unet_lens::engine::exec::reference::Reference;
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{Axes, Conv2d, ConvTranspose, Function, Kernel, Pool, Sides, Window};
use unet_lens::engine::plan::{Head, Plan};
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::{Error, Result};

#[test]
fn convolutions() {
    let gpus = gpus();
    for (h, w, ci, co) in [(6, 4, 3, 5), (7, 9, 1, 33), (5, 3, 35, 1), (9, 8, 8, 70), (1, 1, 2, 2), (17, 19, 6, 4)] {
        for (kh, kw) in [(1, 1), (3, 3), (5, 5), (7, 7), (3, 5)] {
            let shape = Shape::new(2, h, w, ci);
            let case = Case::new(format!("conv2d {kh}x{kw} {h}x{w} {ci}->{co}"), shape, |g, x| {
                g.conv2d("y", x, conv(kh, kw, ci, co))
            });
            case.check(&gpus);
        }
    }
}

#[test]
fn banks_of_kernels() {
    let gpus = gpus();
    for (name, ci, co) in [("own channels", 7, 6), ("own channels of one", 1, 9)] {
        let case = Case::new(name.to_string(), Shape::new(3, 6, 5, ci), |g, x| {
            let y = g.conv2d("y", x, conv(3, 3, ci, co).own_channels(&[4, 0, 5]))?;
            let loss = g.mean("loss", y)?;
            Ok(gradient(g, loss, x)?.of_wrt())
        });
        case.check(&gpus);
    }
    // More than one channel per image, and a bias per image.
    let case = Case::new("a bank with biases".to_string(), Shape::new(3, 6, 5, 3), |g, x| {
        let mut kernel = Kernel::new(3, 3, 3, 5, numbers(135, 1).into())?;
        kernel = Kernel { bank: 3, data: numbers(135 * 3, 1).into(), ..kernel };
        g.conv2d("y", x, Conv2d::same(kernel, Some(numbers(15, 2).into())))
    });
    case.check(&gpus);
}

#[test]
fn parts_and_pools() {
    let gpus = gpus();
    for up in [Window::new(2, 2), Window::new(3, 2), Window::new(1, 2)] {
        for k in [1, 3, 5] {
            let shape = Shape::new(2, 6, 6, 3);
            let case = Case::new(format!("conv2d {k}x{k} of an upsampling {up} beside another"), shape, |g, x| {
                let low = g.max_pool("low", x, up)?;
                let low = g.conv2d("wide", low, conv(1, 1, 3, 6))?;
                let high = g.upsample("high", low, up)?;
                let both = g.concat("both", &[high, x])?;
                g.conv2d("y", both, conv(k, k, 9, 5))
            });
            assert!(case.heads().iter().any(|h| matches!(h, Head::Conv { parts, .. } if parts.len() == 2)));
            case.check(&gpus);
            for co in [1, 5] {
                let case = Case::new(format!("conv2d {k}x{k} ->{co}, summed over {up}"), shape, |g, x| {
                    let y = g.conv2d("y", x, Conv2d { bias: None, ..conv(k, k, 3, co) })?;
                    g.sum_pool("sum", y, up)
                });
                assert!(case.heads().iter().any(|h| matches!(h, Head::Conv { pool, .. } if *pool == up)));
                case.check(&gpus);
            }
        }
    }
    let case = Case::new("upsampled 2x3, summed over 4x3".to_string(), Shape::new(2, 4, 4, 3), |g, x| {
        let high = g.upsample("high", x, Window::new(2, 3))?;
        let y = g.conv2d("y", high, conv(3, 5, 3, 6))?;
        g.sum_pool("sum", y, Window::new(4, 3))
    });
    case.check(&gpus);
}

/// Large enough for Winograd's method (see the unit test in `src/engine/exec/gpu/winograd.rs`).
#[test]
fn many_channels() {
    let gpus = gpus();
    let conv3 = |g: &mut Graph, x: NodeId, co: usize| g.conv2d("y", x, conv(3, 3, g.shape(x).c, co));
    for (n, h, w, ci, co) in [(2, 26, 22, 37, 42), (1, 24, 24, 300, 64), (3, 21, 23, 40, 33)] {
        let shape = Shape::new(n, h, w, ci);
        Case::new(format!("conv2d 3x3 {h}x{w} {ci}->{co}"), shape, |g, x| conv3(g, x, co)).check(&gpus);
    }
    let shape = Shape::new(2, 20, 18, 66);
    for bits in 0..16 {
        let name = format!("conv2d of many channels with ends {bits:04b}");
        Case::new(name, shape, |g, x| ends(g, x, "conv2d", bits)).whole().check(&gpus);
    }
    let case = Case::new("two parts of many channels".to_string(), shape, |g, x| {
        let low = g.max_pool("low", x, Window::new(2, 2))?;
        let high = g.upsample("high", low, Window::new(2, 2))?;
        let both = g.concat("both", &[high, x])?;
        conv3(g, both, 34)
    });
    case.check(&gpus);
    let case = Case::new("many channels, summed over 2x2".to_string(), shape, |g, x| {
        let y = g.conv2d("y", x, Conv2d { bias: None, ..conv(3, 3, 66, 66) })?;
        let y = g.sum_pool("sum", y, Window::new(2, 2))?;
        let gate = g.max_pool("low", x, Window::new(2, 2))?;
        let gate = g.relu("gate", gate)?;
        g.relu_grad("gated", y, gate)
    });
    assert!(case.heads().iter().any(|h| matches!(h, Head::Conv { pool, .. } if pool.len() == 4)));
    case.check(&gpus);
}

/// add, relu, affine and gate, each there or not, after each head that can have them.
#[test]
fn every_combination_of_ends() {
    let gpus = gpus();
    for c in [1, 6] {
        for bits in 0..16 {
            let general: &[&str] = if c == 1 { &[] } else { &["grouped", "conv_transpose"] };
            for head in ["conv2d", "same", "fill", "max_pool_grad"].iter().chain(general) {
                let name = format!("{head} with ends {bits:04b}, {c} channels");
                let case = Case::new(name, Shape::new(2, 6, 4, c), |g, x| ends(g, x, head, bits));
                case.whole().check(&gpus);
            }
        }
    }
}

/// For whole-numbered `x`, so that nothing comes out so near 0 that rounding decides its sign.
fn ends(g: &mut Graph, x: NodeId, head: &str, bits: u32) -> Result<NodeId> {
    let shape = g.shape(x);
    let other = g.sigmoid("other", x)?;
    let gate = g.relu("gate", x)?;
    let mut y = match head {
        "conv2d" => {
            let mut conv = conv(3, 3, shape.c, shape.c);
            conv.kernel.data = conv.kernel.data.iter().map(|v| (v * 1.4).round() / 64.0).collect();
            conv.bias = Some(vec![0.3 / 64.0; shape.c].into());
            g.conv2d("conv", x, conv)?
        }
        "grouped" => {
            let (k, c) = (Window::new(3, 3), shape.c);
            let mut conv = Conv2d { groups: c, ..conv(3, 3, 1, c) };
            conv.kernel.data = conv.kernel.data.iter().map(|v| (v * 1.4).round() / 64.0).collect();
            conv.bias = Some(vec![0.3 / 64.0; c].into());
            conv.dilation = Window::new(2, 1);
            conv.pad = Sides::same(shape.h, shape.w, k, Window::ONE, conv.dilation);
            g.conv2d("conv", x, conv)?
        }
        // Some of its phases have no taps: there y is the bias.
        "conv_transpose" => {
            let (two, c) = (Window::new(2, 2), shape.c);
            let small = g.max_pool("small", x, two)?;
            let data: Vec<f32> = numbers(2 * c * c, 3).iter().map(|v| (v * 1.4).round() / 64.0).collect();
            g.conv_transpose(
                "conv",
                small,
                ConvTranspose {
                    kernel: Kernel::new(2, 1, c, c, data.into())?,
                    bias: Some(vec![0.3 / 64.0; c].into()),
                    stride: two,
                    pad: Sides::NONE,
                    dilation: Window::ONE,
                    groups: 1,
                    h: shape.h,
                    w: shape.w,
                },
            )?
        }
        "fill" => g.fill("fill", shape, -0.4)?,
        "max_pool_grad" => {
            let window = Window::new(2, 2);
            let pooled = g.max_pool("pooled", x, window)?;
            g.max_pool_grad("unpooled", pooled, x, window)?
        }
        _ => x,
    };
    if bits & 1 != 0 {
        y = g.add("sum", y, other)?;
    }
    let mut relu = None;
    if bits & 2 != 0 {
        y = g.relu("relu", y)?;
        relu = Some(y);
    }
    if bits & 4 != 0 {
        y = g.batch_norm("norm", y, doubles(shape.c, 5), doubles(shape.c, 6))?;
    }
    if bits & 8 != 0 {
        y = g.relu_grad("gated", y, gate)?;
    }
    // Ask for the signs, and end in something that is not an end.
    if let Some(relu) = relu {
        let masked = g.sigmoid("masked", y)?;
        let masked = g.relu_grad("asked", masked, relu)?;
        y = g.sigmoid("squash", y)?;
        y = g.concat("seen", &[y, masked])?;
    }
    g.slice("all", y, 0, g.shape(y).c)
}

#[test]
fn every_other_op() {
    let gpus = gpus();
    for c in [1, 3, 4, 9] {
        let shape = Shape::new(3, 6, 4, c);
        let check = |name: &str, build: &dyn Fn(&mut Graph, NodeId) -> Result<NodeId>| {
            Case::new(format!("{name}, {c} channels"), shape, build).check(&gpus);
        };
        check("sigmoid", &|g, x| g.sigmoid("y", x));
        check("sigmoid_grad", &|g, x| {
            let y = g.sigmoid("s", x)?;
            g.sigmoid_grad("y", x, y)
        });
        for window in [Window::new(2, 2), Window::new(3, 1), Window::new(1, 4), Window::new(6, 4)] {
            check(&format!("max_pool {window}"), &|g, x| g.max_pool("y", x, window));
            check(&format!("max_pool_grad {window}"), &|g, x| {
                let y = g.max_pool("p", x, window)?;
                let y = g.sigmoid("s", y)?;
                g.max_pool_grad("y", y, x, window)
            });
            check(&format!("sum_pool {window}"), &|g, x| g.sum_pool("y", x, window));
            check(&format!("upsample {window}"), &|g, x| g.upsample("y", x, window));
        }
        check("concat of three", &|g, x| {
            let a = g.sigmoid("a", x)?;
            let b = g.slice("b", x, 0, c.div_ceil(2))?;
            g.concat("y", &[x, b, a])
        });
        check("slice", &|g, x| {
            let x = g.concat("xx", &[x, x])?;
            g.slice("y", x, c / 2, c)
        });
        check("mean", &|g, x| g.mean("y", x));
        check("rms", &|g, x| g.rms("y", x));
        check("spread", &|g, x| {
            let y = g.mean("m", x)?;
            g.spread("y", y, shape)
        });
        check("normalise", &|g, x| {
            let rms = g.rms("rms", x)?;
            g.normalise("y", x, rms, 1e-5)
        });
        check("step", &|g, x| {
            let s = g.sigmoid("s", x)?;
            g.step("y", x, s, 0.7)
        });
    }
}

/// A kernel of `inputs` per group, scaled so that sums stay near 1, and a bias for each of `outputs`.
fn setting(k: Window, inputs: usize, outputs: usize, bank: usize) -> (Kernel, Option<Arc<[f32]>>) {
    let len = k.len() * inputs * outputs;
    let kernel = Kernel::new(k.h, k.w, inputs, outputs, numbers(len, 3).into()).unwrap();
    (Kernel { bank, data: numbers(len * bank, 3).into(), ..kernel }, Some(numbers(outputs * bank, 4).into()))
}

struct Setting {
    k: Window,
    stride: Window,
    dilation: Window,
    pad: Sides,
}

/// Strides that do not divide, even kernels, uneven padding, taps apart, kernels smaller than the stride.
fn settings() -> Vec<Setting> {
    let of = |k: (usize, usize), stride: (usize, usize), dilation: (usize, usize), pad: [usize; 4]| Setting {
        k: Window::new(k.0, k.1),
        stride: Window::new(stride.0, stride.1),
        dilation: Window::new(dilation.0, dilation.1),
        pad: Sides { top: pad[0], bottom: pad[1], left: pad[2], right: pad[3] },
    };
    vec![
        of((3, 3), (1, 1), (1, 1), [0; 4]),
        of((3, 3), (2, 2), (1, 1), [0, 1, 0, 1]),
        of((2, 2), (1, 1), (1, 1), [0, 1, 0, 1]),
        of((4, 3), (3, 2), (1, 1), [2, 1, 0, 1]),
        of((3, 3), (1, 1), (2, 3), [2, 2, 3, 3]),
        of((3, 2), (2, 1), (2, 2), [1, 0, 1, 2]),
        of((1, 1), (2, 3), (1, 1), [0; 4]),
        of((3, 3), (1, 1), (1, 1), [2, 2, 2, 2]),
    ]
}

/// Of every kind, forward; in one group and in several; a kernel for all images or one for each.
#[test]
fn convolutions_of_every_kind() {
    let gpus = gpus();
    for Setting { k, stride, dilation, pad } in settings() {
        for (groups, ci, co, bank) in [
            (1, 3, 5, 1),
            (1, 1, 9, 1),
            (1, 9, 1, 1),
            (1, 36, 1, 1),
            (1, 12, 9, 2),
            (1, 1, 5, 2),
            (5, 5, 5, 1),
            (3, 3, 9, 1),
            (8, 8, 8, 2),
            (2, 6, 10, 1),
            (2, 8, 16, 2),
        ] {
            let name = format!(
                "conv2d {k} stride {stride}, dilation {dilation}, {pad:?}, {ci}->{co} in {groups}, bank {bank}"
            );
            let (kernel, bias) = setting(k, ci / groups, co, bank);
            let conv = Conv2d { kernel, bias, stride, pad, dilation, groups };
            Case::new(name, Shape::new(2, 9, 8, ci), |g, x| g.conv2d("y", x, conv.clone())).check(&gpus);
        }
    }
}

#[test]
fn transposed_convolutions_of_every_kind() {
    let gpus = gpus();
    for Setting { k, stride, dilation, pad } in settings() {
        for (groups, ci, co, bank) in [
            (1, 3, 5, 1),
            (1, 1, 9, 1),
            (1, 9, 1, 1),
            (1, 12, 9, 2),
            (5, 5, 5, 1),
            (3, 3, 9, 1),
            (3, 9, 3, 2),
            (2, 8, 16, 1),
        ] {
            let name = format!(
                "conv_transpose {k} stride {stride}, dilation {dilation}, {pad:?}, {ci}->{co} in {groups}, bank {bank}"
            );
            // The kernel is that of a conv2d the other way round.
            let (kernel, _) = setting(k, co / groups, ci, bank);
            let bias = Some(numbers(co * bank, 4).into());
            let (h, w) = (11, 10);
            let conv = ConvTranspose { kernel, bias, stride, pad, dilation, groups, h, w };
            let small = |n: usize, k: usize, s: usize, d: usize, pad: usize| (n + pad - (k - 1) * d - 1) / s + 1;
            let small_h = small(h, k.h, stride.h, dilation.h, pad.top + pad.bottom);
            let small_w = small(w, k.w, stride.w, dilation.w, pad.left + pad.right);
            let shape = Shape::new(2, small_h, small_w, ci);
            Case::new(name, shape, |g, x| g.conv_transpose("y", x, conv.clone())).check(&gpus);
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

const FUNCTIONS: [Function; 19] = [
    Function::Relu { slope: 0.1, threshold: 0.5, max: 6.0 },
    Function::Relu { slope: 0.0, threshold: 0.0, max: f32::INFINITY },
    Function::LeakyRelu { slope: 0.3 },
    Function::Elu { alpha: 1.3 },
    Function::Selu,
    Function::Tanh,
    Function::Exp,
    Function::Softplus,
    Function::Softsign,
    Function::Silu,
    Function::Gelu { approximate: false },
    Function::Gelu { approximate: true },
    Function::HardSigmoid { slope: 0.2 },
    Function::HardSigmoid { slope: 1.0 / 6.0 },
    Function::HardSwish,
    Function::Mish,
    Function::Abs,
    Function::Sqrt,
    Function::Reciprocal,
];

/// Each function and its slope at numbers of every size: as near to the reference as single precision allows.
#[test]
fn functions_are_accurate() {
    for gpu in gpus() {
        for f in FUNCTIONS {
            let mut values: Vec<f32> = numbers(4000, 21);
            for (i, v) in values.iter_mut().enumerate() {
                *v *= [1e-6, 1e-3, 0.1, 1.0, 4.0, 12.0, 80.0, 300.0][i % 8];
            }
            if f == Function::Sqrt {
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

/// A small U-Net with everything in it, its gradient and the ascent's step; one output channel for each image.
fn unet(images: &[usize], size: usize) -> (Plan, NodeId, NodeId) {
    let mut g = Graph::new();
    let shape = Shape::new(images.len(), size, size, 1);
    let image = g.input("image", shape).unwrap();
    let mut build = || -> Result<(NodeId, NodeId, NodeId)> {
        let block = |g: &mut Graph, name: &str, x: NodeId, co: usize| -> Result<NodeId> {
            let y = g.conv2d(name, x, conv(3, 3, g.shape(x).c, co))?;
            let y = g.relu(&format!("{name} relu"), y)?;
            g.batch_norm(&format!("{name} norm"), y, doubles(co, 8), doubles(co, 9))
        };
        let a = block(&mut g, "down 1", image, 6)?;
        let down = g.max_pool("pool 1", a, Window::new(2, 2))?;
        let b = block(&mut g, "down 2", down, 10)?;
        let down = g.max_pool("pool 2", b, Window::new(2, 2))?;
        let mut y = block(&mut g, "bottom", down, 16)?;
        for (i, (skip, co)) in [(b, 10), (a, 6)].into_iter().enumerate() {
            y = g.upsample(&format!("up {i}"), y, Window::new(2, 2))?;
            y = g.concat(&format!("concat {i}"), &[y, skip])?;
            y = block(&mut g, &format!("up block {i}"), y, co)?;
        }
        let own: Vec<usize> = images.to_vec();
        let y = g.conv2d("target", y, conv(3, 3, 6, 20).own_channels(&own))?;
        let loss = g.mean("loss", y)?;
        let dx = gradient(&mut g, loss, image)?.of_wrt();
        let rms = g.rms("rms", dx)?;
        let normal = g.normalise("normal", dx, rms, 1e-5)?;
        Ok((loss, rms, g.step("next", image, normal, 0.3)?))
    };
    let (loss, rms, next) = build().unwrap();
    (Plan::compile(g, &[], &[loss, rms], &[(image, next)]), image, next)
}

/// The same numbers for image `i` whatever the batch.
fn seeds(images: &[usize], size: usize) -> Tensor {
    let data = images.iter().flat_map(|&i| numbers(size * size, 100 + i as u64)).collect();
    Tensor::new(Shape::new(images.len(), size, size, 1), data)
}

#[test]
fn whole_nets_over_several_runs() {
    let images = [3, 0, 17];
    for gpu in gpus() {
        let run = |executor: &dyn Executor| {
            let (plan, image, _) = unet(&images, 12);
            let mut program = executor.prepare(Arc::new(plan)).unwrap();
            program.write(image, &seeds(&images, 12)).unwrap();
            let first = program.first_traced().unwrap();
            let trace = program.run(4).unwrap();
            (first, trace, program.read(image).unwrap())
        };
        let (first, trace, picture) = run(&gpu);
        let (expected_first, expected_trace, expected_picture) = run(&Reference::default());
        let near = |a: f32, b: f32, what: &str| assert!((a - b).abs() < 1e-4, "{what}: gpu {a}, reference {b}");
        first.iter().zip(&expected_first).for_each(|(&a, &b)| near(a, b, "the first loss"));
        assert_eq!((trace.len(), trace[0].len(), trace[0][0].len()), (4, 2, 3));
        for (run, (a, b)) in trace.iter().zip(&expected_trace).enumerate() {
            a.concat().iter().zip(b.concat()).for_each(|(&a, b)| near(a, b, &format!("traced in run {run}")));
        }
        picture.data.iter().zip(&expected_picture.data).for_each(|(&a, &b)| near(a, b, "the picture"));
    }
}

fn bits(tensor: &[f32]) -> Vec<u32> {
    tensor.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn an_image_comes_out_the_same_alone_and_in_a_batch() {
    let all: Vec<usize> = (0..16).collect();
    for gpu in gpus() {
        // Through Winograd's method, whose scratch memory does not hold all images at once.
        let shape = |n: usize| Shape::new(n, 128, 128, 36);
        let one = |n: usize, skip: usize| {
            let mut g = Graph::new();
            let x = g.input("x", shape(n)).unwrap();
            let y = g.conv2d("y", x, conv(3, 3, 36, 48)).unwrap();
            let mut program = gpu.prepare(Arc::new(Plan::compile(g, &[y], &[], &[]))).unwrap();
            let data = numbers(shape(5).len(), 3)[skip * shape(1).len()..][..shape(n).len()].to_vec();
            program.write(x, &Tensor::new(shape(n), data)).unwrap();
            program.run(1).unwrap();
            program.read(y).unwrap()
        };
        let together = one(5, 0);
        for i in [0, 4] {
            assert_eq!(bits(&one(1, i).data), bits(together.image(i)), "convolution of image {i}");
        }
        let run = |images: &[usize]| {
            let (plan, image, _) = unet(images, 12);
            let mut program = gpu.prepare(Arc::new(plan)).unwrap();
            program.write(image, &seeds(images, 12)).unwrap();
            let trace = program.run(3).unwrap();
            (trace, program.read(image).unwrap())
        };
        let (batch_trace, batch) = run(&all);
        for i in [0, 7, 15] {
            let (trace, alone) = run(&[i]);
            assert_eq!(bits(&alone.data), bits(batch.image(i)), "image {i}");
            assert_eq!(trace[2][0][0].to_bits(), batch_trace[2][0][i].to_bits(), "loss of image {i}");
        }
        let (again, picture) = run(&all);
        assert_eq!((again, bits(&picture.data)), (batch_trace, bits(&batch.data)), "run after run");
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

#[test]
fn a_run_goes_on_where_the_last_one_ended() {
    for gpu in gpus() {
        let (plan, image, _) = unet(&[1, 2], 8);
        let plan = Arc::new(plan);
        let run = |counts: &[usize]| {
            let mut program = gpu.prepare(plan.clone()).unwrap();
            program.write(image, &seeds(&[1, 2], 8)).unwrap();
            let trace = counts.iter().flat_map(|&count| program.run(count).unwrap()).collect::<Vec<_>>();
            (trace, program.read(image).unwrap())
        };
        assert_eq!(run(&[5]), run(&[2, 0, 3]));
    }
}

#[test]
fn a_nan_is_seen() {
    for gpu in gpus() {
        let mut g = Graph::new();
        let x = g.input("x", Shape::new(1, 2, 2, 3)).unwrap();
        let y = g.relu("y", x).unwrap();
        let plan = Plan::compile(g, &[y], &[], &[]);
        let mut program = gpu.prepare(Arc::new(plan)).unwrap();
        let mut values = tensor(Shape::new(1, 2, 2, 3), 1);
        values.data[4] = f32::NAN;
        values.data[5] = -0.0;
        program.write(x, &values).unwrap();
        program.run(1).unwrap();
        let y = program.read(y).unwrap();
        assert!(y.data[4].is_nan());
        assert_eq!(y.data.iter().filter(|v| v.is_nan()).count(), 1);
    }
}

#[test]
fn what_does_not_fit_is_refused_with_numbers() {
    for gpu in gpus() {
        let build = |n: usize| {
            let mut g = Graph::new();
            let x = g.input("a large input", Shape::new(n, 1024, 1024, 4)).unwrap();
            let y = g.relu("y", x).unwrap();
            Plan::compile(g, &[y], &[], &[])
        };
        assert!(gpu.compile(Arc::new(build(8))).is_ok(), "WebGPU promises bindings of 128 MB");
        let most = (8..).find(|&n| gpu.compile(Arc::new(build(n + 1))).is_err()).unwrap();
        match gpu.prepare(Arc::new(build(most + 1))).map(|_| ()) {
            Err(Error::Memory(message)) => {
                assert!(message.contains(&format!("{} MB", (most + 1) * 16)), "{message}");
                assert!(message.contains("a large input") && message.contains("fewer filters"), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn steps_are_measured() {
    for gpu in gpus() {
        let (plan, image, _) = unet(&[1, 2], 8);
        let steps = plan.steps.len();
        let mut program = gpu.prepare(Arc::new(plan)).unwrap();
        program.write(image, &seeds(&[1, 2], 8)).unwrap();
        let seconds = program.profile().unwrap();
        assert_eq!(seconds.len(), steps);
        assert!(seconds.iter().all(|s| (0.0..10.0).contains(s)), "{seconds:?}");
        assert!(seconds.iter().sum::<f64>() > 0.0);
    }
}

#[test]
fn adapters_are_named() {
    for gpu in gpus() {
        let all = adapters();
        assert!(all.contains(gpu.info()));
        assert!(gpu.describe().starts_with("gpu, ") && gpu.describe().contains(&gpu.info().name));
        assert!(Gpu::open(Some("0"), Limit::default()).is_ok());
        assert!(Gpu::open(Some(&gpu.info().name.to_uppercase()), Limit::default()).is_ok());
        let Err(Error::Device(message)) = Gpu::open(Some("no such thing"), Limit::default()) else { panic!() };
        assert!(message.contains(&gpu.info().name), "{message}");
        assert!(gpu.fma_rate().unwrap() > 1e8);
    }
}

/// Squares of such numbers are zero in single precision; the gradient is none the less alive. And what is large stays finite.
#[test]
fn the_rms_of_tiny_and_huge_gradients_is_right() {
    for gpu in gpus() {
        let shape = Shape::new(3, 5, 7, 3);
        let mut g = Graph::new();
        let x = g.input("x", shape).unwrap();
        let rms = g.rms("rms", x).unwrap();
        let mut program = gpu.prepare(Arc::new(Plan::compile(g, &[], &[rms], &[]))).unwrap();
        for scale in [1e-37, 1e-25, 1e-3, 1.0, 1e25, 1e37] {
            // Of one image all values but one are zero.
            let mut values = tensor(shape, 5);
            values.data.iter_mut().for_each(|v| *v *= scale);
            values.data[..shape.image_len()].fill(0.0);
            values.data[17] = scale;
            program.write(x, &values).unwrap();
            let got = program.run(1).unwrap()[0][0].clone();
            for n in 0..3 {
                let squares: f64 = values.image(n).iter().map(|&v| f64::from(v).powi(2)).sum();
                let expected = (squares / shape.image_len() as f64).sqrt();
                let error = (f64::from(got[n]) / expected - 1.0).abs();
                assert!(error < 1e-5, "{}, scale {scale}: {} instead of {expected}", gpu.describe(), got[n]);
            }
        }
        for special in [0.0, f32::NAN, f32::INFINITY] {
            let values = Tensor::new(shape, vec![special; shape.len()]);
            program.write(x, &values).unwrap();
            let got = program.run(1).unwrap()[0][0][1];
            assert!(got == special || (got.is_nan() && special.is_nan()), "{}: {special} {got}", gpu.describe());
        }
    }
}
