//! What shape comes out of each op, and what just does not fit: on either side of every bound one case.

use std::sync::Arc;
use unet_lens::Result;
use unet_lens::engine::exec::reference::evaluate;
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::max_pool::winners;
use unet_lens::engine::ops::{
    Axes, Axis, Conv2d, ConvTranspose, Function, Kernel, Matrix, Op, Pool, Sides, Window, gcd, same_padding,
};
use unet_lens::engine::tensor::{Shape, Tensor64};

const IMAGE: Shape = Shape { n: 2, h: 5, w: 4, c: 6 };

type Build<'b> = &'b dyn Fn(&mut Graph, NodeId) -> Result<NodeId>;

/// The shape of what is built on an image of 2x5x4x6, or the words of its refusal.
fn shape(build: Build) -> Result<Shape, String> {
    let mut graph = Graph::new();
    let x = graph.input("x", IMAGE).unwrap();
    build(&mut graph, x).map(|y| graph.shape(y)).map_err(|error| error.to_string())
}

fn fits(build: Build, n: usize, h: usize, w: usize, c: usize) {
    assert_eq!(shape(build), Ok(Shape::new(n, h, w, c)));
}

fn refused(build: Build, words: &str) {
    let said = shape(build).expect_err(words);
    assert!(said.contains(words), "{said}");
}

fn of(g: &mut Graph, n: usize, h: usize, w: usize, c: usize) -> NodeId {
    g.input("other", Shape::new(n, h, w, c)).unwrap()
}

fn kernel(bank: usize, kh: usize, kw: usize, ci: usize, co: usize) -> Kernel {
    Kernel::of_bank(bank, kh, kw, ci, co, vec![1.0; bank * kh * kw * ci * co].into()).unwrap()
}

fn sides(top: usize, bottom: usize, left: usize, right: usize) -> Sides {
    Sides { top, bottom, left, right }
}

/// A shape with a side of 0 holds nothing, whichever side it is.
#[test]
fn what_is_empty() {
    for empty in [[0, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 0]] {
        let [n, h, w, c] = empty;
        refused(&|g, _| g.input("y", Shape::new(n, h, w, c)), "is empty");
        refused(&|g, _| g.fill("y", Shape::new(n, h, w, c), 1.0), "is empty");
        refused(&|g, _| g.constant("y", Shape::new(n, h, w, c), [].into()), "0 values do not fill");
    }
    for (h, w) in [(0, 2), (2, 0), (0, 0)] {
        refused(&|g, x| g.upsample("y", x, Window::new(h, w)), "is empty");
        refused(&|g, x| g.sum_pool("y", x, Window::new(h, w)), "cannot be cut into windows");
        refused(&|g, x| g.max_pool("y", x, Window::new(h, w)), "each must be 1 or more");
        assert!(Window::new(h, w).is_empty());
    }
    assert!(!Window::ONE.is_empty());
    assert_eq!(Window::new(2, 3).len(), 6);
    for size in [[0, 1, 1], [1, 0, 1], [1, 1, 0]] {
        refused(&|g, x| g.crop("y", x, [0; 3], size), " 0 to 0 of ");
    }
}

#[test]
fn numbers_for_each_channel() {
    let numbers = |n: usize| -> Arc<[f64]> { vec![1.0; n].into() };
    fits(&|g, x| g.batch_norm("y", x, numbers(6), numbers(6)), 2, 5, 4, 6);
    for (scales, shifts) in [(5, 6), (6, 5), (1, 1)] {
        let words = format!("the input has 6 channels, there are {scales} scales and {shifts} shifts");
        refused(&|g, x| g.batch_norm("y", x, numbers(scales), numbers(shifts)), &words);
    }
    // The values of one image, or of all; nothing between.
    let constant = |n: usize| move |g: &mut Graph, _: NodeId| g.constant("y", IMAGE, vec![1.0; n].into());
    fits(&constant(120), 2, 5, 4, 6);
    fits(&constant(240), 2, 5, 4, 6);
    for n in [0, 119, 121, 239, 241, 360] {
        refused(&constant(n), "do not fill");
    }
    // Of one image they are those of every image.
    let mut g = Graph::new();
    let one = g.constant("one", Shape::new(2, 1, 2, 1), [1.0, 2.0].into()).unwrap();
    let each = g.constant("each", Shape::new(2, 1, 2, 1), [1.0, 2.0, 3.0, 4.0].into()).unwrap();
    let values = evaluate(&g, &[], &[one, each]);
    assert_eq!((&values[0].data[..], &values[1].data[..]), (&[1.0, 2.0, 1.0, 2.0][..], &[1.0, 2.0, 3.0, 4.0][..]));
}

#[test]
fn kernels_and_their_banks() {
    let conv = |kernel, bias: Option<usize>, groups| {
        let bias = bias.map(|n| vec![0.0; n].into());
        move |g: &mut Graph, x: NodeId| {
            g.conv2d("y", x, Conv2d { groups, ..Conv2d::same(Kernel::clone(&kernel), bias.clone()) })
        }
    };
    fits(&conv(kernel(1, 3, 3, 6, 8), Some(8), 1), 2, 5, 4, 8);
    fits(&conv(kernel(2, 3, 3, 6, 8), Some(16), 1), 2, 5, 4, 8);
    fits(&conv(kernel(1, 3, 3, 3, 8), None, 2), 2, 5, 4, 8);
    fits(&conv(kernel(1, 3, 3, 1, 12), None, 6), 2, 5, 4, 12);
    refused(&conv(kernel(3, 3, 3, 6, 8), None, 1), "a bank of 3 kernels for 2 images");
    refused(&conv(kernel(1, 3, 3, 6, 8), Some(16), 1), "the bias must have 8 values");
    refused(&conv(kernel(2, 3, 3, 6, 8), Some(8), 1), "the bias must have 16 values");
    refused(&conv(kernel(1, 3, 3, 6, 8), None, 0), "cannot be cut into 0 groups");
    refused(&conv(kernel(1, 3, 3, 6, 8), None, 3), "cannot be cut into 3 groups");
    refused(&conv(kernel(1, 3, 3, 6, 8), None, 2), "has 6 channels, the kernel takes 12");
    for (bank, sides, numbers) in [(1, [0, 3, 2, 2], 0), (1, [3, 3, 2, 2], 35), (2, [1, 1, 1, 2], 2), (0, [1; 4], 0)] {
        let [kh, kw, ci, co] = sides;
        let error = Kernel::of_bank(bank, kh, kw, ci, co, vec![0.0; numbers].into()).unwrap_err().to_string();
        let needed = bank * kh * kw * ci * co;
        assert_eq!(error, format!("a kernel of {kh}x{kw}x{ci}x{co} has {needed} values, not {numbers}"));
    }
}

/// In Keras `Conv2D(8, (3, 2), strides=(2, 1), padding="valid")` of 5x4 pixels gives 2x3, with a dilation of 2 1x2.
#[test]
fn convolutions_and_their_multiplications() {
    let conv = |stride, pad, dilation| {
        let (stride, dilation) = (Window::new(stride, 1), Window::new(dilation, dilation));
        Conv2d { kernel: kernel(1, 3, 2, 6, 8), bias: None, stride, pad, dilation, groups: 1 }
    };
    for (conv, h, w) in [
        (conv(2, Sides::NONE, 1), 2, 3),
        (conv(2, Sides::NONE, 2), 1, 2),
        (conv(1, sides(1, 1, 0, 1), 1), 5, 4),
        (conv(1, sides(3, 0, 0, 2), 1), 6, 5),
    ] {
        fits(&|g, x| g.conv2d("y", x, conv.clone()), 2, h, w, 8);
        // Each of the pixels of two images costs as many as the kernel has weights.
        assert_eq!(conv.macs(IMAGE), (2 * h * w * 3 * 2 * 6 * 8) as u64);
        let transpose = {
            let Conv2d { kernel, bias, stride, pad, dilation, groups } = conv.clone();
            ConvTranspose { kernel, bias, stride, pad, dilation, groups, h: 5, w: 4 }
        };
        let build = |g: &mut Graph, _| {
            let small = of(g, 2, h, w, 8);
            g.conv_transpose("y", small, transpose.clone())
        };
        fits(&build, 2, 5, 4, 6);
        assert_eq!(transpose.macs(Shape::new(2, h, w, 8)), (2 * h * w * 3 * 2 * 6 * 8) as u64);
        for (h, w) in [(0, 4), (5, 0)] {
            let empty = ConvTranspose { h, w, ..transpose.clone() };
            refused(&|g, x| g.conv_transpose("y", x, empty.clone()), "is empty");
        }
    }
    refused(&|g, x| g.conv2d("y", x, conv(1, Sides::NONE, 3)), "a window of 7x4 pixels does not fit an input of 5x4");
    assert_eq!(conv(1, Sides::NONE, 3).macs(IMAGE), 0);
    // The kernel has rows for two outputs' worth of bias in each group.
    let groups = ConvTranspose {
        kernel: kernel(1, 1, 1, 2, 6),
        bias: Some(vec![0.5; 4].into()),
        stride: Window::ONE,
        pad: Sides::NONE,
        dilation: Window::ONE,
        groups: 2,
        h: 5,
        w: 4,
    };
    fits(&|g, x| g.conv_transpose("y", x, groups.clone()), 2, 5, 4, 4);
    let short = ConvTranspose { bias: Some(vec![0.5; 2].into()), ..groups.clone() };
    refused(&|g, x| g.conv_transpose("y", x, short.clone()), "the bias must have 4 values");
    let uneven = ConvTranspose { groups: 4, ..groups };
    refused(&|g, x| g.conv_transpose("y", x, uneven.clone()), "cannot be cut into 4 groups");
}

/// What the fast executors have kernels for: odd sides, stride 1, as much around the image as keeps its size.
#[test]
fn plain_convolutions() {
    let plain = |kh, kw| Conv2d::same(kernel(1, kh, kw, 6, 8), None);
    assert!(plain(3, 3).is_plain() && plain(1, 5).is_plain() && plain(7, 1).is_plain());
    assert!(!plain(2, 3).is_plain() && !plain(3, 4).is_plain());
    assert_eq!(plain(3, 5).pad, sides(1, 1, 2, 2));
    assert_eq!(plain(4, 2).pad, sides(1, 2, 0, 1), "the larger half comes after");
    let pad = [sides(0, 1, 1, 1), sides(1, 0, 1, 1), sides(1, 1, 0, 1), sides(1, 1, 1, 0), sides(0, 0, 0, 0)];
    assert!(pad.iter().all(|&pad| !Conv2d { pad, ..plain(3, 3) }.is_plain()));
    for window in [Window::new(1, 2), Window::new(2, 1)] {
        assert!(!Conv2d { stride: window, ..plain(3, 3) }.is_plain());
        assert!(!Conv2d { dilation: window, ..plain(3, 3) }.is_plain());
    }
    assert!(!Conv2d { groups: 2, ..plain(3, 3) }.is_plain());
    // Only of these it is true that the window's middle lies on the output's own pixel.
    let said = |conv: Conv2d| [Op::Conv2d(conv.clone()).formula(), Op::Conv2d(conv).gradient_formula()];
    let middle = [
        "y[r,s,o] = b[o] + Σ x[r+i-kh/2, s+j-kw/2, c] W[i,j,c,o]",
        "dx[r,s,c] = Σ dy[r-i+kh/2, s-j+kw/2, o] W[i,j,c,o]",
    ];
    assert_eq!(said(plain(3, 3)), middle);
    let any = [
        "y[r,s,o] = b[o] + Σ x[r·sh+i·dh-top, s·sw+j·dw-left, c] W[i,j,c,o]",
        "dx[r·sh+i·dh-top, s·sw+j·dw-left, c] += dy[r,s,o] W[i,j,c,o]",
    ];
    assert_eq!(said(plain(2, 3)), any);
}

/// Slopes where TensorFlow takes them at a corner (relu6 has slope 0 at 0 and at 6, leaky_relu its own at 0), and which side of a
/// corner a value lies on.
#[test]
fn corners_of_functions() {
    let third = Function::HardSigmoid { slope: 0.25 };
    assert_eq!([-2.0, 0.0, 2.0].map(|x| third.slope(x)), [0.0, 0.25, 0.0]);
    assert_eq!([-3.0, 3.0].map(|x| Function::HardSwish.slope(x)), [0.0, 1.0]);
    assert_eq!([-1.0, 0.0, 1.0].map(|x| Function::LeakyRelu { slope: 0.5 }.slope(x)), [0.5, 0.5, 1.0]);
    assert_eq!([-1.0, 0.0, 2.0].map(|x| Function::Abs.slope(x)), [-1.0, 0.0, 1.0]);
    let clipped = Function::Relu { slope: 0.5, threshold: 1.0, max: 4.0 };
    assert_eq!([0.0, 1.0, 2.0, 4.0].map(|x| clipped.slope(x)), [0.5, 0.5, 1.0, 0.0]);
    assert_eq!([-3.0, 0.0, 3.0, 3.5].map(|x| Function::HardSwish.piece(x)), [0, 1, 1, 2]);
    assert_eq!([1.0, 4.0, 5.0].map(|x| clipped.piece(x)), [0, 1, 2]);
    assert_eq!([-2.0, 2.0, 2.5].map(|x| third.piece(x)), [0, 1, 2]);
    assert!([third, clipped, Function::HardSwish, Function::Selu, Function::Abs].iter().all(|f| f.has_corners()));
    assert!(![Function::Tanh, Function::Exp, Function::Log, Function::Mish].iter().any(|f| f.has_corners()));
}

/// Places in a window count in reading order; of equal values the first wins, and padding never does.
#[test]
fn winners_of_a_pool_by_hand() {
    let x = Tensor64 { shape: Shape::new(1, 3, 3, 1), data: vec![1.0, 5.0, 5.0, 2.0, 5.0, 0.0, 7.0, 0.0, 9.0] };
    let pool = Pool { window: Window::new(2, 2), stride: Window::new(1, 1), pad: Sides::NONE };
    assert_eq!(winners(&x, pool), [1, 0, 2, 3]);
    let padded = Pool { pad: sides(1, 0, 1, 0), stride: Window::new(2, 2), ..pool };
    assert_eq!(winners(&x, padded), [3, 2, 3, 3]);
}

#[test]
fn pools_and_their_padding() {
    let pool = |pad| Pool { window: Window::new(2, 3), stride: Window::new(2, 2), pad };
    fits(&|g, x| g.max_pool("y", x, pool(Sides::NONE)), 2, 2, 1, 6);
    fits(&|g, x| g.max_pool("y", x, pool(sides(1, 1, 2, 2))), 2, 3, 3, 6);
    // As much padding as the window has pixels: one would lie in it alone.
    for pad in [sides(2, 0, 0, 0), sides(0, 2, 0, 0), sides(0, 0, 3, 0), sides(0, 0, 0, 3)] {
        refused(&|g, x| g.max_pool("y", x, pool(pad)), "a window of 2x3 pixels lies in the padding alone");
    }
    fits(&|g, x| g.max_pool("y", x, Window::new(5, 4)), 2, 1, 1, 6);
    refused(&|g, x| g.max_pool("y", x, Window::new(6, 4)), "a window of 6x4 pixels does not fit an input of 5x4");
    refused(&|g, x| g.max_pool("y", x, Window::new(5, 5)), "a window of 5x5 pixels does not fit an input of 5x4");
    fits(&|g, x| g.sum_pool("y", x, Window::new(5, 2)), 2, 1, 2, 6);
    refused(&|g, x| g.sum_pool("y", x, Window::new(2, 2)), "5x4 pixels cannot be cut into windows of 2x2");
    refused(&|g, x| g.sum_pool("y", x, Window::new(5, 3)), "5x4 pixels cannot be cut into windows of 5x3");
    fits(&|g, x| g.upsample("y", x, Window::new(3, 2)), 2, 15, 8, 6);
    // Of pools with kernels of their own, all of the image is cut up by windows side by side.
    let plain = |h, w| Pool::from(Window::new(h, w)).is_plain(IMAGE);
    assert!(plain(5, 2) && plain(1, 4) && !plain(2, 2) && !plain(5, 3));
    let window = Window::new(5, 2);
    assert!(!Pool { window, stride: Window::new(5, 1), pad: Sides::NONE }.is_plain(IMAGE));
    assert!(!Pool { window, stride: window, pad: sides(0, 0, 1, 1) }.is_plain(IMAGE));
    // A pool's gradient has a pool to ask, with these windows and of this value.
    refused(&|g, x| g.max_pool_grad("y", x, x, window), "there is no max_pool of x");
    let asked = |dy: [usize; 4], asked: Window| {
        move |g: &mut Graph, x: NodeId| {
            let other = of(g, 2, 5, 4, 6);
            g.max_pool("pool", other, window)?;
            g.max_pool("other pool", x, Window::ONE)?;
            let dy = of(g, dy[0], dy[1], dy[2], dy[3]);
            g.max_pool_grad("y", dy, other, asked)
        }
    };
    fits(&asked([2, 1, 2, 6], window), 2, 5, 4, 6);
    refused(&asked([2, 1, 1, 6], window), "shapes 2x1x1x6 and 2x1x2x6 differ");
    refused(&asked([2, 5, 4, 6], Window::ONE), "there is no max_pool of other");
}

/// `tf.nn`'s notes on padding: ceil(n / s) windows, the larger half after; nothing overflows.
#[test]
fn same_padding_of_extremes() {
    assert_eq!(same_padding(usize::MAX, 3, 1, 1), (0, 0), "no larger than can be counted");
    assert_eq!(same_padding(7, usize::MAX, 1, usize::MAX).0, (usize::MAX - 7) / 2);
    assert_eq!(same_padding(5, 3, 0, 1), (0, 0), "a stride of 0 is refused elsewhere");
    assert_eq!(same_padding(5, 0, 1, 1), (0, 0));
    assert_eq!(Sides::same(5, 6, Window::new(3, 4), Window::new(2, 1), Window::new(1, 2)), sides(1, 1, 3, 3));
    assert_eq!((gcd(12, 18), gcd(7, 5), gcd(0, 4), gcd(4, 0)), (6, 1, 4, 4));
}

#[test]
fn boxes_axes_and_order() {
    fits(&|g, x| g.crop("y", x, [2, 1, 0], [3, 3, 6]), 2, 3, 3, 6);
    for (start, size, words) in [
        ([3, 0, 0], [3, 4, 6], "rows 3 to 6 of 5"),
        ([0, 1, 0], [5, 4, 6], "columns 1 to 5 of 4"),
        ([0, 0, 2], [5, 4, 5], "channels 2 to 7 of 6"),
        ([0, 0, usize::MAX], [5, 4, 5], "channels"),
    ] {
        refused(&|g, x| g.crop("y", x, start, size), words);
    }
    fits(&|g, x| g.pad("y", x, [1, 0, 2], [6, 4, 9]), 2, 6, 4, 9);
    for (before, size, words) in [
        ([1, 0, 0], [5, 4, 6], "5 rows after 1 of padding do not fit into 5"),
        ([0, 2, 0], [5, 5, 6], "4 columns after 2 of padding do not fit into 5"),
        ([0, 0, 0], [5, 4, 5], "6 channels after 0 of padding do not fit into 5"),
    ] {
        refused(&|g, x| g.pad("y", x, before, size), words);
    }
    fits(&|g, x| g.reshape("y", x, Shape::new(2, 1, 20, 6)), 2, 1, 20, 6);
    refused(&|g, x| g.reshape("y", x, Shape::new(1, 5, 8, 6)), "the values of 2x5x4x6 do not fill 1x5x8x6");
    refused(&|g, x| g.reshape("y", x, Shape::new(2, 5, 4, 5)), "do not fill 2x5x4x5");
    fits(&|g, x| g.permute("y", x, [2, 0, 1]), 2, 6, 5, 4);
    fits(&|g, x| g.sum("y", x, Axes { h: true, w: false, c: true }), 2, 1, 4, 1);
    assert_eq!(Axes { h: true, w: false, c: true }.count(IMAGE), 30);
    fits(&|g, x| g.transform("y", x, Axis::Down, Matrix::new(3, 5, vec![0.0; 15])), 2, 3, 4, 6);
    fits(&|g, x| g.transform("y", x, Axis::Across, Matrix::new(7, 4, vec![0.0; 28])), 2, 5, 7, 6);
    refused(&|g, x| g.transform("y", x, Axis::Down, Matrix::new(4, 4, vec![0.0; 16])), "a matrix of 4x4 does not fit");
    refused(
        &|g, x| g.transform("y", x, Axis::Across, Matrix::new(5, 5, vec![0.0; 25])),
        "a matrix of 5x5 does not fit",
    );
    refused(&|g, x| g.transform("y", x, Axis::Down, Matrix::new(0, 5, vec![])), "a matrix of 0x5 does not fit");
    let beside = |n, h, w| {
        move |g: &mut Graph, x: NodeId| {
            let other = of(g, n, h, w, 3);
            g.concat("y", &[x, other, x])
        }
    };
    fits(&beside(2, 5, 4), 2, 5, 4, 15);
    for (n, h, w) in [(1, 5, 4), (2, 4, 4), (2, 5, 5)] {
        refused(&beside(n, h, w), "do not lie on each other");
    }
    refused(&|g, _| g.concat("y", &[]), "there are no inputs");
}

/// Two inputs: of one shape, or repeated along a side of 1, or a number for each image.
#[test]
fn inputs_that_belong_together() {
    type Both<'b> = &'b dyn Fn(&mut Graph, NodeId, NodeId) -> Result<NodeId>;
    let with = |[n, h, w, c]: [usize; 4], build: Both| {
        shape(&|g, x| {
            let other = of(g, n, h, w, c);
            build(g, x, other)
        })
    };
    let (whole, one) = ([2, 5, 4, 6], [2, 1, 1, 1]);
    for build in
        [&(|g: &mut Graph, x: NodeId, y: NodeId| g.add("y", x, y)) as Both, &|g: &mut Graph, x: NodeId, y: NodeId| {
            g.mul("y", y, x)
        }]
    {
        for fits in [whole, one, [2, 5, 1, 6], [2, 1, 4, 1]] {
            assert_eq!(with(fits, build), Ok(IMAGE));
        }
        for wrong in [[1, 5, 4, 6], [2, 4, 4, 6], [2, 5, 3, 6], [2, 5, 4, 2]] {
            assert!(with(wrong, build).unwrap_err().contains("differ, and not only where one has a side of 1"));
        }
    }
    for build in [
        &(|g: &mut Graph, x: NodeId, y: NodeId| g.sigmoid_grad("y", x, y)) as Both,
        &|g: &mut Graph, x: NodeId, y: NodeId| g.pointwise_grad("y", x, y, Function::Tanh),
        &|g: &mut Graph, x: NodeId, y: NodeId| g.step("y", x, y, 1.0),
    ] {
        assert_eq!(with(whole, build), Ok(IMAGE));
        assert!(with(one, build).unwrap_err().contains("shapes 2x5x4x6 and 2x1x1x1 differ"));
    }
    for build in [
        &(|g: &mut Graph, x: NodeId, y: NodeId| g.spread("y", y, g.shape(x))) as Both,
        &|g: &mut Graph, x: NodeId, y: NodeId| g.normalise("y", x, y, 1e-5),
        &|g: &mut Graph, x: NodeId, y: NodeId| g.total_variation_grad("y", y, x),
        &|g: &mut Graph, x: NodeId, y: NodeId| g.adam("y", [x, x, y, y], 1e-8),
    ] {
        assert_eq!(with(one, build), Ok(IMAGE));
        for wrong in [whole, [1, 1, 1, 1], [2, 1, 1, 2]] {
            assert!(with(wrong, build).unwrap_err().contains("differ"));
        }
    }
    // Adam's four: two of the gradient's shape, two numbers for each image.
    for wrong in [[1, 0, 1, 1], [0, 1, 1, 1], [0, 0, 0, 1], [0, 0, 1, 0]] {
        let adam = |g: &mut Graph, x: NodeId, one: NodeId| g.adam("y", wrong.map(|i| [x, one][i]), 1e-8);
        assert!(with(one, &adam).unwrap_err().contains("differ"), "{wrong:?}");
    }
    let roll = |g: &mut Graph, x: NodeId, by: NodeId| g.roll("y", x, by);
    assert_eq!((with([2, 1, 2, 1], &roll), with([2, 9, 2, 1], &roll)), (Ok(IMAGE), Ok(IMAGE)));
    for wrong in [[1, 1, 2, 1], [2, 1, 3, 1], [2, 1, 1, 1], [2, 1, 2, 2]] {
        assert!(with(wrong, &roll).unwrap_err().contains("to roll 2x5x4x6 takes two numbers for each image"));
    }
    let broadcast = |g: &mut Graph, x: NodeId, small: NodeId| g.broadcast("y", small, g.shape(x));
    assert_eq!(with([2, 5, 1, 1], &broadcast), Ok(IMAGE));
    assert!(with([2, 5, 4, 12], &broadcast).unwrap_err().contains("cannot be repeated to 2x5x4x6"));
    assert!(with([1, 5, 4, 6], &broadcast).unwrap_err().contains("1x5x4x6 cannot be repeated"));
    refused(&|g, x| g.relu_grad("y", x, x), "x is no relu");
}

/// rms, normalise, adam and step, of two images with numbers that come out even.
#[test]
fn what_makes_a_gradient_a_step_by_hand() {
    let mut g = Graph::new();
    let two = |data: [f64; 4]| Tensor64 { shape: Shape::new(2, 1, 2, 1), data: data.to_vec() };
    let one = |data: [f64; 2]| Tensor64 { shape: Shape::new(2, 1, 1, 1), data: data.to_vec() };
    let [x, v] = ["x", "v"].map(|name| g.input(name, Shape::new(2, 1, 2, 1)).unwrap());
    let [cm, cv] = ["cm", "cv"].map(|name| g.input(name, Shape::new(2, 1, 1, 1)).unwrap());
    let rms = g.rms("rms", x).unwrap();
    let normal = g.normalise("normal", x, rms, 3.0).unwrap();
    let step = g.step("step", v, x, 0.5).unwrap();
    let adam = g.adam("adam", [x, v, cm, cv], 2.0).unwrap();
    let inputs = [
        (x, &two([1.0, 7.0, -17.0, 7.0])),
        (v, &two([8.0, 18.0, 0.75, 48.0])),
        (cm, &one([0.5, 1.0])),
        (cv, &one([0.5, 0.75])),
    ];
    let values = evaluate(&g, &inputs, &[rms, normal, step, adam]);
    // sqrt((1 + 49) / 2) is 5, sqrt((289 + 49) / 2) is 13.
    assert_eq!(values[0].data, [5.0, 13.0]);
    assert_eq!(values[1].data, [1.0 / 8.0, 7.0 / 8.0, -17.0 / 16.0, 7.0 / 16.0]);
    assert_eq!(values[2].data, [8.5, 21.5, -7.75, 51.5]);
    // (1 / 0.5) / (sqrt(8 / 0.5) + 2) and so on.
    assert_eq!(values[3].data, [2.0 / 6.0, 14.0 / 8.0, -17.0 / 3.0, 7.0 / 10.0]);
}

/// tf.image.total_variation of [[1, 4], [2, 2]] is 3 + 0 + 1 + 2, here divided by four values.
#[test]
fn total_variation_by_hand() {
    let mut g = Graph::new();
    let shape = Shape::new(1, 2, 2, 1);
    let (x, dy) = (g.input("x", shape).unwrap(), g.input("dy", Shape::new(1, 1, 1, 1)).unwrap());
    let y = g.total_variation("y", x).unwrap();
    let dx = g.total_variation_grad("dx", dy, x).unwrap();
    let image = Tensor64 { shape, data: vec![1.0, 4.0, 2.0, 2.0] };
    let eight = Tensor64 { shape: Shape::new(1, 1, 1, 1), data: vec![8.0] };
    let values = evaluate(&g, &[(x, &image), (dy, &eight)], &[y, dx]);
    assert_eq!(values[0].data, [1.5]);
    // 8 / 4 times the signs: 1 is below both its neighbours, 4 above both, the first 2 above one, and equal to the other.
    assert_eq!(values[1].data, [-4.0, 4.0, 2.0, -2.0]);
}
