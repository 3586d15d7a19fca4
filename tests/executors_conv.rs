//! Every kind of convolution and its transpose, forward and gradient, on every executor against the reference; and the same bits
//! alone and in a batch.

mod common;
mod common_executors;

use common::open;
use common::ops::{FUNCTIONS, SETTINGS, Setting, doubles, numbers, setting};
use common_executors::{POOLS, check, general, run, transposed};
use unet_lens::engine::exec::Backend;
use unet_lens::engine::exec::cpu::Cpu;
use unet_lens::engine::exec::memory::Limit;
use unet_lens::engine::graph::Graph;
use unet_lens::engine::ops::{Axes, Conv2d, Kernel, Sides, Window};
use unet_lens::engine::tensor::{Shape, Tensor};

#[test]
fn every_convolution() {
    let (scale, shift) = (doubles(64, 1), doubles(64, 2));
    for (n, h, w) in [(1, 7, 10), (5, 8, 6)] {
        for setting in SETTINGS {
            // Inputs, outputs, groups.
            for (ci, co, groups) in [(1, 3, 1), (5, 20, 1), (33, 8, 1), (6, 6, 6), (20, 40, 20), (6, 4, 2), (32, 64, 4)]
            {
                let image = Shape::new(n, h, w, ci);
                let name = format!("{setting:?}, {ci} to {co} in {groups} groups, {image}");
                let it = || general(&setting, ci, co, groups);
                check(&format!("conv2d {name}"), image, |g, x| g.conv2d("y", x, it()).unwrap());
                let own: Vec<usize> = (0..n).map(|i| i * 3 % co).collect();
                check(&format!("own channels of conv2d {name}"), image, |g, x| {
                    g.conv2d("y", x, it().own_channels(&own)).unwrap()
                });
                // The transpose of a convolution from `back` channels to the image's.
                let back = co / groups * groups;
                let it = || general(&setting, back, ci, groups);
                let least = |n: usize, k: usize, s: usize, d: usize, pads: usize| {
                    ((n - 1) * s + (k - 1) * d + 1).saturating_sub(pads)
                };
                let Setting { kernel, stride, pad, dilation } = setting;
                for rest in [0, 1] {
                    let bh = least(h, kernel.h, stride.h, dilation.h, pad.top + pad.bottom) + rest.min(stride.h - 1);
                    let bw = least(w, kernel.w, stride.w, dilation.w, pad.left + pad.right) + rest.min(stride.w - 1);
                    check(&format!("conv_transpose {name}"), image, |g, x| {
                        g.conv_transpose("y", x, transposed(it(), bh, bw)).unwrap()
                    });
                    if rest == 0 {
                        continue;
                    }
                    let own: Vec<usize> = (0..n).map(|i| i * 3 % back).collect();
                    check(&format!("own channels of conv_transpose {name}"), image, |g, x| {
                        g.conv_transpose("y", x, transposed(it(), bh, bw).own_channels(&own)).unwrap()
                    });
                    // All that an epilogue has: a residual, a relu whose signs are asked for, a batch_norm; and on the way
                    // back the gate, an add.
                    check(&format!("epilogues, {name}"), image, |g, x| {
                        let up = g.conv_transpose("up", x, transposed(it(), bh, bw)).unwrap();
                        let up = g.batch_norm("up bn", up, scale[..back].into(), shift[..back].into()).unwrap();
                        let up = g.relu("up relu", up).unwrap();
                        let down = g.conv2d("down", up, Conv2d { bias: None, ..it() }).unwrap();
                        let sum = g.add("sum", down, x).unwrap();
                        let sum = g.relu("sum relu", sum).unwrap();
                        let sum = g.batch_norm("sum bn", sum, scale[..ci].into(), shift[..ci].into()).unwrap();
                        let again = g.conv_transpose("again", sum, transposed(it(), bh, bw)).unwrap();
                        g.add("y", again, up).unwrap()
                    });
                }
            }
        }
    }
}

/// Outputs of more than 8 MB go past the caches; one whose channels fill no whole cache line does not.
#[test]
fn outputs_that_no_cache_holds() {
    for channels in [128, 136] {
        check(&format!("{channels} channels"), Shape::new(1, 134, 130, 3), |g, x| {
            let y = g.conv2d("conv", x, general(&SETTINGS[2], 3, channels, 1)).unwrap();
            g.relu("relu", y).unwrap()
        });
    }
}

/// Large enough for Winograd's convolution.
#[test]
fn wide_convolutions() {
    let image = Shape::new(2, 18, 21, 32);
    for setting in SETTINGS {
        let it = || general(&setting, 32, 40, 1);
        check(&format!("conv2d {setting:?}"), image, |g, x| {
            let y = g.conv2d("conv", x, it()).unwrap();
            let y = g.relu("relu", y).unwrap();
            g.conv_transpose("y", y, transposed(it(), 18, 21)).unwrap()
        });
    }
}

/// The same bits alone and in a batch, on one thread and on several, of every op that is computed in pieces.
#[test]
fn alone_and_in_a_batch() {
    let image = Shape::new(6, 23, 18, 16);
    let values = Tensor::new(image, numbers(image.len(), 7));
    let on = |threads: usize, values: &Tensor| {
        let mut g = Graph::new();
        let x = g.input("image", values.shape).unwrap();
        let mut keep = vec![];
        for setting in SETTINGS {
            for (co, groups) in [(40, 1), (16, 16), (8, 2)] {
                let it = || general(&setting, 16, co, groups);
                let y = g.conv2d("y", x, it()).unwrap();
                keep.extend([y, g.conv_transpose("back", y, transposed(it(), 23, 18)).unwrap()]);
            }
        }
        for &pool in POOLS {
            let y = g.max_pool("y", x, pool).unwrap();
            keep.extend([y, g.max_pool_grad("back", y, x, pool).unwrap()]);
        }
        for axes in [Axes::CHANNELS, Axes::PLACES, Axes::ALL] {
            let sum = g.sum("sum", x, axes).unwrap();
            keep.extend([sum, g.mul("mul", x, sum).unwrap(), g.softmax("softmax", x, axes).unwrap()]);
        }
        for f in FUNCTIONS {
            keep.push(g.pointwise("y", x, f).unwrap());
        }
        run(&Cpu::new(Some(threads), Limit::default()).unwrap(), &g, &keep, x, values)
    };
    let bits = |t: &Tensor, n: usize| t.image(n).iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    let batch = on(1, &values);
    let threads = on(3, &values);
    for (i, (a, b)) in batch.iter().zip(&threads).enumerate() {
        (0..image.n).for_each(|n| assert_eq!(bits(a, n), bits(b, n), "node {i}, image {n}: three threads"));
    }
    for n in [0, 3, 5] {
        let alone = on(2, &Tensor::new(image.with_n(1), values.image(n).to_vec()));
        for (i, (batch, alone)) in batch.iter().zip(&alone).enumerate() {
            assert_eq!(bits(batch, n), bits(alone, 0), "node {i}, image {n}: alone");
        }
    }
}

/// A transposed convolution of stride 3 with a kernel of 2x2 leaves outputs that hear of no input: a NaN or an infinite number does
/// not reach them.
#[test]
fn a_nan_does_not_reach_the_gaps_of_a_transposed_convolution() {
    let shape = Shape::new(1, 4, 5, 3);
    let mut values = Tensor::new(shape, numbers(shape.len(), 7));
    for (at, v) in [(0, f32::NAN), (20, f32::INFINITY), (31, f32::NAN)] {
        values.data[at] = v;
    }
    let mut g = Graph::new();
    let x = g.input("image", shape).unwrap();
    let apart = setting((2, 2), (3, 3), [0; 4], (1, 1));
    let y = g.conv_transpose("y", x, transposed(general(&apart, 4, 3, 1), 12, 15)).unwrap();
    let expected = &run(&*open(Backend::Reference).unwrap(), &g, &[y], x, &values)[0];
    let got = &run(&*open(Backend::Cpu).unwrap(), &g, &[y], x, &values)[0];
    let gaps = expected.data.iter().filter(|v| v.is_finite()).count();
    assert!(gaps > 0 && gaps < expected.data.len());
    for (at, (got, expected)) in got.data.iter().zip(&expected.data).enumerate() {
        assert_eq!(got.is_finite(), expected.is_finite(), "[{at}] is {got}, should be {expected}");
    }
}

/// Zeros around an image that a convolution counts among its own, and what is cut out of a convolution: with other readers and without,
/// with more of it than the convolution can take in, forward and gradient.
#[test]
fn zeros_around_and_rows_cut_off() {
    let image = Shape::new(2, 9, 10, 32);
    for setting in SETTINGS {
        for (channels, groups) in [(40, 1), (32, 8)] {
            for [top, bottom, left, right] in [[1, 1, 1, 1], [0, 1, 2, 0], [3, 0, 0, 3]] {
                let size = [image.h + top + bottom, image.w + left + right, image.c];
                let it = || general(&setting, 32, channels, groups);
                let name = format!("{setting:?}, {groups} groups, {top} {bottom} {left} {right}");
                check(&format!("pad, {name}"), image, |g, x| {
                    let padded = g.pad("pad", x, [top, left, 0], size).unwrap();
                    let y = g.conv2d("conv", padded, it()).unwrap();
                    g.relu("y", y).unwrap()
                });
                check(&format!("crop, {name}"), image, |g, x| {
                    let y = g.conv2d("conv", x, it()).unwrap();
                    let shape = g.shape(y);
                    // At least one row and one column stay.
                    let (top, left) = (top.min(2).min(shape.h - 1), left.min(shape.w - 1));
                    let right = right.min(1).min(shape.w - 1 - left);
                    let size = [shape.h - top, shape.w - left - right, shape.c];
                    let y = g.crop("crop", y, [top, left, 0], size).unwrap();
                    g.relu("y", y).unwrap()
                });
            }
        }
    }
}

/// Of seven taps three reach over each border, where a convolution takes in what is cut off: here a row and a column before, two after.
#[test]
fn more_is_cut_off_after_than_before() {
    let values: Vec<f32> = (0..7 * 7 * 4 * 4).map(|i| ((i * 5) % 7) as f32 * 0.1 - 0.3).collect();
    let kernel = Kernel::new(7, 7, 4, 4, values.into()).unwrap();
    let pad = Sides { top: 3, bottom: 3, left: 3, right: 3 };
    let conv = Conv2d { kernel, bias: None, stride: Window::ONE, pad, dilation: Window::ONE, groups: 1 };
    check("more after than before", Shape::new(1, 6, 6, 4), |g, x| {
        let y = g.conv2d("conv", x, conv.clone()).unwrap();
        let y = g.crop("crop", y, [1, 1, 0], [3, 3, 4]).unwrap();
        g.relu("y", y).unwrap()
    });
}
