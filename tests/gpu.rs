//! The GPU executor against the reference: what U-Nets are made of and every combination of ends at odd sizes, whole nets, and
//! the promises (the same bits alone and in a batch, run after run; errors instead of panics). The other ops: `gpu_ops.rs`.

mod common;
mod common_gpu;

use common::ops::doubles;
use common_gpu::{Case, bits, conv, gpus, numbers, tensor};
use std::sync::Arc;
use unet_lens::engine::autodiff::gradient;
use unet_lens::engine::exec::Executor;
use unet_lens::engine::exec::gpu::{Gpu, adapters};
use unet_lens::engine::exec::memory::Limit;
use unet_lens::engine::exec::reference::Reference;
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{Conv2d, ConvTranspose, Kernel, Sides, Window};
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
        let kernel = Kernel::of_bank(3, 3, 3, 3, 5, numbers(135 * 3, 1).into())?;
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
            let values = conv.kernel.values().iter().map(|v| (v * 1.4).round() / 64.0).collect();
            conv.kernel = Kernel::new(3, 3, shape.c, shape.c, values)?;
            conv.bias = Some(vec![0.3 / 64.0; shape.c].into());
            g.conv2d("conv", x, conv)?
        }
        "grouped" => {
            let (k, c) = (Window::new(3, 3), shape.c);
            let mut conv = Conv2d { groups: c, ..conv(3, 3, 1, c) };
            let values = conv.kernel.values().iter().map(|v| (v * 1.4).round() / 64.0).collect();
            conv.kernel = Kernel::new(3, 3, 1, c, values)?;
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
                assert!(message.contains(&format!("{}.0 MiB", (most + 1) * 16)), "{message}");
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
            for (n, &got) in got.iter().enumerate() {
                let squares: f64 = values.image(n).iter().map(|&v| f64::from(v).powi(2)).sum();
                let expected = (squares / shape.image_len() as f64).sqrt();
                let error = (f64::from(got) / expected - 1.0).abs();
                assert!(error < 1e-5, "{}, scale {scale}: {got} instead of {expected}", gpu.describe());
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
