//! Ops as networks have them, and the small ones that stand for them: with the same settings, cut to what a reader can take in.

use super::*;
use crate::engine::ops::Axes;

fn conv(k: (usize, usize), stride: usize, dilation: usize, groups: usize, same: bool) -> Op {
    let kernel = Kernel::new(k.0, k.1, 8, 8 * groups, vec![0.1; k.0 * k.1 * 64 * groups].into()).unwrap();
    let (stride, dilation) = (Window::new(stride, stride), Window::new(dilation, dilation));
    let window = Window::new(k.0, k.1);
    let pad = if same { Sides::same(64, 64, window, stride, dilation) } else { Sides::NONE };
    Op::Conv2d(Conv2d { kernel, bias: None, stride, pad, dilation, groups })
}

/// The op, its inputs' shapes and the shape of what comes out.
fn small(op: &Op, x: &[Shape]) -> (Op, Vec<Shape>, Shape) {
    let (op, x) = example(op, x).unwrap().unwrap_or_else(|| panic!("{} has an example", op.name()));
    let y = op.shape(&x).unwrap();
    (op, x, y)
}

fn image(h: usize, w: usize, c: usize) -> Shape {
    Shape::new(1, h, w, c)
}

const LARGE: Shape = Shape::new(1, 64, 64, 8);

#[test]
fn convolutions_teach_the_one_setting_that_is_theirs() {
    let of = |op: Op| {
        let topic = topic(&op, &[LARGE]).unwrap();
        let (Op::Conv2d(conv), x, y) = small(&op, &[LARGE]) else { panic!("a convolution stays one") };
        let Conv2d { kernel, stride, dilation, groups, pad, .. } = conv;
        let side = |window: Window| (window.h, window.w);
        let sizes = ((kernel.kh, kernel.kw), side(stride), side(dilation), groups);
        (topic, sizes, (x[0].h, x[0].w, x[0].c), (y.h, y.w, y.c), pad)
    };
    let sides = |top: usize, bottom: usize| Sides { top, bottom, left: top, right: bottom };
    let one = (1, 1);
    for (op, topic, sizes, x, y, pad) in [
        (conv((3, 3), 1, 1, 1, true), "conv2d", ((3, 3), one, one, 1), (4, 4, 1), (4, 4, 1), sides(1, 1)),
        (conv((1, 1), 1, 1, 1, true), "conv2d", ((1, 1), one, one, 1), (4, 4, 1), (4, 4, 1), sides(0, 0)),
        (conv((5, 5), 1, 1, 1, true), "conv2d", ((5, 5), one, one, 1), (5, 5, 1), (5, 5, 1), sides(2, 2)),
        (conv((7, 7), 1, 1, 1, true), "conv2d", ((5, 5), one, one, 1), (5, 5, 1), (5, 5, 1), sides(2, 2)),
        (conv((2, 2), 1, 1, 1, true), "conv2d-even", ((2, 2), one, one, 1), (4, 4, 1), (4, 4, 1), sides(0, 1)),
        (conv((6, 6), 1, 1, 1, true), "conv2d-even", ((4, 4), one, one, 1), (4, 4, 1), (4, 4, 1), sides(1, 2)),
        (conv((5, 3), 1, 1, 1, false), "conv2d-valid", ((5, 3), one, one, 1), (6, 4, 1), (2, 2, 1), Sides::NONE),
        (conv((3, 3), 2, 1, 1, true), "conv2d-stride", ((3, 3), (2, 2), one, 1), (4, 4, 1), (2, 2, 1), sides(0, 1)),
        (conv((3, 3), 4, 1, 1, false), "conv2d-stride", ((3, 3), (3, 3), one, 1), (6, 6, 1), (2, 2, 1), Sides::NONE),
        (conv((3, 3), 1, 3, 1, true), "conv2d-dilation", ((3, 3), one, (2, 2), 1), (5, 5, 1), (5, 5, 1), sides(2, 2)),
        (conv((3, 3), 1, 2, 1, false), "conv2d-dilation", ((3, 3), one, (2, 2), 1), (6, 6, 1), (2, 2, 1), Sides::NONE),
        (conv((3, 3), 1, 1, 4, true), "conv2d-groups", ((3, 3), one, one, 2), (3, 3, 2), (3, 3, 2), sides(1, 1)),
        (conv((1, 1), 1, 1, 4, false), "conv2d-groups", ((1, 1), one, one, 2), (4, 4, 2), (4, 4, 2), Sides::NONE),
    ] {
        assert_eq!(of(op), (topic, sizes, x, y, pad));
    }
    // With a window that is even along one side alone; and a single weight, with which there is nothing to be valid about.
    assert_eq!(topic(&conv((3, 2), 1, 1, 1, true), &[LARGE]), Some("conv2d-even"));
    assert_eq!(topic(&conv((2, 3), 1, 1, 1, true), &[LARGE]), Some("conv2d-even"));
    assert_eq!(topic(&conv((1, 1), 1, 1, 1, false), &[LARGE]), Some("conv2d"));
    assert_eq!(topic(&conv((1, 3), 1, 1, 1, false), &[LARGE]), Some("conv2d-valid"));
    // Weights that tell the taps apart; of a single one it is none that changes nothing.
    let weights = |op: Op| settings(&small(&op, &[LARGE]).0).1;
    let (of_nine, of_one) = (weights(conv((3, 3), 1, 1, 1, true)), weights(conv((1, 1), 1, 1, 1, true)));
    assert_eq!((of_nine.shape, of_nine.values), ([3, 3, 1], vec![1.0, 0.0, -1.0, 2.0, 0.5, -2.0, 1.0, 3.0, -1.0]));
    assert_eq!((of_one.shape, of_one.values), ([1, 1, 1], vec![2.0]));
    let two = weights(conv((3, 3), 1, 1, 2, true));
    assert_eq!((two.shape, two.values.len(), &two.values[9..11]), ([3, 3, 2], 18, &[1.0, 0.0][..]));
}

#[test]
fn transposes_enlarge_two_by_two_pixels() {
    let of = |k: usize, stride: usize, same: bool| {
        let (kernel, window) = (Kernel::new(k, k, 8, 8, vec![0.1; k * k * 64].into()).unwrap(), Window::new(k, k));
        let stride = Window::new(stride, stride);
        let n = if same { 64 * stride.h } else { 64 * stride.h + k - stride.h };
        let pad = if same { Sides::same(n, n, window, stride, Window::ONE) } else { Sides::NONE };
        let dilation = Window::ONE;
        let op = ConvTranspose { kernel, bias: None, stride, pad, dilation, groups: 1, h: n, w: n };
        let (Op::ConvTranspose(op), x, y) = small(&Op::ConvTranspose(op), &[LARGE]) else { panic!("it stays one") };
        assert_eq!(
            (x[0], op.kernel.kh, op.kernel.kw, op.stride.h),
            (image(2, 2, 1), op.kernel.kw, op.kernel.kh, op.stride.w)
        );
        (op.kernel.kh, op.stride.h, (y.h, y.w), (op.pad.top, op.pad.bottom))
    };
    assert_eq!(of(3, 2, true), (3, 2, (4, 4), (0, 1)));
    assert_eq!(of(3, 2, false), (3, 2, (5, 5), (0, 0)));
    assert_eq!(of(2, 2, false), (2, 2, (4, 4), (0, 0)));
    assert_eq!(of(9, 4, false), (5, 3, (8, 8), (0, 0)));
    assert_eq!(of(3, 1, true), (3, 1, (2, 2), (1, 1)));
}

#[test]
fn pools_and_slices_leave_over_what_theirs_do() {
    let pool = |k: usize, s: usize, pad: Sides| {
        Op::MaxPool(Pool { window: Window::new(k, k), stride: Window::new(s, s), pad })
    };
    let of = |op: &Op, x: Shape| {
        let (_, x, y) = small(op, &[x]);
        ((x[0].h, x[0].w), (y.h, y.w))
    };
    let padded = Sides { top: 1, bottom: 1, left: 1, right: 1 };
    // Side by side; with a row left over; that overlap; with padding; and larger than is shown.
    assert_eq!(of(&pool(2, 2, Sides::NONE), LARGE), ((4, 4), (2, 2)));
    assert_eq!(of(&pool(2, 2, Sides::NONE), image(65, 64, 8)), ((5, 5), (2, 2)));
    assert_eq!(of(&pool(3, 2, Sides::NONE), image(65, 65, 8)), ((5, 5), (2, 2)));
    assert_eq!(of(&pool(3, 2, padded), LARGE), ((4, 4), (2, 2)));
    assert_eq!(of(&pool(8, 8, Sides::NONE), LARGE), ((6, 6), (2, 2)));
    // Windows side by side, the last of which lies half in the padding: 65 pixels make 33, and 3 make 2.
    let after = Sides { top: 0, bottom: 1, left: 0, right: 1 };
    assert_eq!(of(&pool(2, 2, after), image(65, 65, 8)), ((3, 3), (2, 2)));
    let (op, _, _) = small(&pool(2, 2, after), &[image(65, 65, 8)]);
    assert!(matches!(op, Op::MaxPool(pool) if pool.pad == after), "{op:?}");
    assert_eq!(
        [LARGE, image(65, 64, 8)].map(|x| topic(&pool(2, 2, Sides::NONE), &[x])),
        [Some("max_pool"), Some("max_pool-stride")]
    );
    assert_eq!(of(&Op::Upsample(Window::new(2, 3)), LARGE), ((2, 2), (4, 6)));
    assert_eq!(of(&Op::Upsample(Window::new(8, 8)), LARGE), ((2, 2), (6, 6)));
    assert_eq!(of(&Op::SumPool(Window::new(4, 2)), LARGE), ((6, 4), (2, 2)));

    let slice = |start: [usize; 3], size: [usize; 3]| small(&Op::Slice { start, size }, &[LARGE]);
    let box_of = |h, w, c| image(h, w, c);
    // Rows are cut off above, columns on the right, channels on both sides.
    let (op, x, y) = slice([3, 0, 2], [61, 60, 3]);
    assert_eq!((x[0], y), (box_of(3, 3, 3), image(2, 2, 1)));
    assert!(matches!(op, Op::Slice { start: [1, 0, 1], size: [2, 2, 1] }));
    let (op, x, _) = slice([0, 5, 0], [64, 59, 8]);
    assert!(x[0] == box_of(2, 3, 1) && matches!(op, Op::Slice { start: [0, 1, 0], .. }));
    let pad = |before: [usize; 3], size: [usize; 3]| small(&Op::Pad { before, size }, &[LARGE]);
    let (op, x, y) = pad([3, 0, 2], [67, 65, 13]);
    assert_eq!((x[0], y), (image(2, 2, 1), image(3, 3, 3)));
    assert!(matches!(op, Op::Pad { before: [1, 0, 1], size: [3, 3, 3] }));
    assert_eq!(pad([0, 2, 0], [64, 66, 8]).2, image(2, 3, 1));
}

#[test]
fn two_inputs_are_repeated_as_theirs_are() {
    for op in [Op::Add, Op::Mul] {
        assert_eq!(small(&op, &[LARGE, LARGE]).1, [image(2, 2, 1); 2]);
        assert_eq!(topic(&op, &[LARGE, LARGE]), Some(op.name()));
        // A number for each channel, and one for each pixel of one channel.
        assert_eq!(small(&op, &[LARGE, image(1, 1, 8)]).1, [image(2, 2, 2), image(1, 1, 2)]);
        assert_eq!(small(&op, &[image(64, 64, 1), image(1, 64, 8)]).1, [image(2, 2, 1), image(1, 2, 2)]);
        assert_eq!(
            topic(&op, &[LARGE, image(1, 1, 8)]),
            Some(if op.name() == "add" { "add-broadcast" } else { "mul-broadcast" })
        );
    }
    let (op, x, _) = small(&Op::Broadcast(LARGE), &[image(1, 64, 1)]);
    assert!(x[0] == image(1, 2, 1) && matches!(op, Op::Broadcast(to) if to == image(2, 2, 2)));
    assert_eq!(small(&Op::Concat, &[LARGE, LARGE]).2, image(2, 2, 2));
    let soft = |axes: Axes| small(&Op::Softmax(axes), &[LARGE]).1[0];
    assert_eq!(soft(Axes::CHANNELS), image(1, 2, 3));
    assert_eq!(soft(Axes { h: true, w: false, c: false }), image(3, 2, 1));
    assert_eq!(soft(Axes { h: false, w: true, c: false }), image(1, 3, 1));
}

#[test]
fn matrices_sample_as_theirs_do() {
    for sampling in [Sampling::Bilinear, Sampling::BilinearFromCorner, Sampling::Nearest] {
        for (n, to, few) in [(16, 32, (3, 6)), (16, 16, (3, 6)), (32, 16, (4, 2))] {
            for (axis, x) in [(Axis::Down, image(few.0, 2, 1)), (Axis::Across, image(2, few.0, 1))] {
                let matrix = Matrix::resize(n, to, sampling);
                // What samples every pixel where it is does so in all three ways.
                let expected = if n == to { Sampling::Bilinear } else { sampling };
                let (Op::Transform { axis: along, matrix }, shapes, _) =
                    small(&Op::Transform { axis, matrix }, &[LARGE])
                else {
                    panic!("it stays one")
                };
                assert_eq!((along, shapes[0]), (axis, x));
                assert!(matrix == Matrix::resize(few.0, few.1, expected), "{sampling:?} from {n} to {to}");
            }
        }
    }
}

/// What a reader may change is what the op then has; of an op without settings there is none.
#[test]
fn settings_are_given_and_taken() {
    let relu = |max: f32| Op::Pointwise(Function::Relu { slope: 0.25, threshold: 0.5, max });
    let cases = [
        (Op::BatchNorm { scale: vec![2.0].into(), shift: vec![-1.0].into() }, "scale, shift", vec![2.0, -1.0]),
        (Op::Scale { factor: 0.5 }, "factor", vec![0.5]),
        (relu(6.0), "slope, threshold, max", vec![0.25, 0.5, 6.0]),
        (relu(f32::INFINITY), "slope, threshold", vec![0.25, 0.5]),
        (Op::Pointwise(Function::LeakyRelu { slope: 0.25 }), "slope", vec![0.25]),
        (Op::Pointwise(Function::HardSigmoid { slope: 0.25 }), "slope", vec![0.25]),
        (Op::Pointwise(Function::Elu { alpha: 1.5 }), "alpha", vec![1.5]),
        (Op::Transform { axis: Axis::Down, matrix: Matrix::new(1, 2, vec![3.0, 4.0]) }, "matrix", vec![3.0, 4.0]),
        (small(&conv((2, 2), 1, 1, 1, true), &[LARGE]).0, "kernel", vec![1.0, 0.0, -1.0, 2.0]),
        (Op::Relu, "", vec![]),
        (Op::Pointwise(Function::Tanh), "", vec![]),
    ];
    for (op, are, values) in cases {
        let (name, found) = settings(&op);
        assert_eq!((name, &found.values), (are, &values));
        let others: Vec<f64> = values.iter().map(|v| v + 1.0).collect();
        let changed = settings(&with_settings(&op, &others).unwrap());
        assert_eq!((changed.0, changed.1.values, changed.1.shape), (are, others, found.shape));
    }
    let whole = with_settings(&relu(f32::INFINITY), &[0.0, 0.0]).unwrap();
    assert!(matches!(whole, Op::Pointwise(Function::Relu { max, .. }) if max == f32::INFINITY));
}

#[test]
fn of_some_ops_there_is_nothing_to_teach() {
    let grey = Op::Fill { value: 1.0, shape: LARGE };
    assert_eq!((topic(&grey, &[]), example(&grey, &[]).unwrap().is_none()), (None, true));
    for op in [Op::ReluGrad, Op::SigmoidGrad, Op::Roll, Op::TotalVariation, Op::Rms] {
        assert!(example(&op, &[LARGE, LARGE]).unwrap().is_none(), "{}", op.name());
    }
    for (op, topic_of) in [
        (Op::Pad { before: [0; 3], size: [64, 64, 8] }, "slice"),
        (Op::Permute([1, 0, 2]), "reshape"),
        (Op::Broadcast(LARGE), "sum"),
        (Op::Relu, "relu"),
    ] {
        assert_eq!(topic(&op, &[LARGE]), Some(topic_of));
    }
    for (op, linear) in [
        (Op::Relu, false),
        (Op::Sigmoid, false),
        (Op::Pointwise(Function::Tanh), false),
        (Op::Softmax(Axes::CHANNELS), false),
        (Op::MaxPool(Window::new(2, 2).into()), false),
        (Op::Mul, false),
        (Op::Add, true),
        (Op::Concat, true),
        (conv((3, 3), 1, 1, 1, true), true),
    ] {
        assert_eq!(is_linear(&op), linear, "{}", op.name());
    }
}
