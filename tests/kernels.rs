//! What a graph makes of a kernel's numbers without copying them. Each number of the kernels here says where it stands: 1203 is
//! row 1, column 2, input 0, output 3.

use unet_lens::engine::exec::reference::evaluate;
use unet_lens::engine::graph::Graph;
use unet_lens::engine::ops::{Conv2d, ConvTranspose, Kernel, Sides, Strided, Window};
use unet_lens::engine::tensor::{Shape, Tensor64};
use unet_lens::engine::values::Values;

fn digits(kh: usize, kw: usize, ci: usize, co: usize) -> Kernel {
    let places = (0..kh * kw * ci * co).map(|i| (i / (kw * ci * co), i / (ci * co) % kw, i / co % ci, i % co));
    let data = places.map(|(i, j, c, o)| (1000 * i + 100 * j + 10 * c + o) as f32).collect();
    Kernel::new(kh, kw, ci, co, data).unwrap()
}

fn is(kernel: &Kernel, sides: [usize; 5], numbers: &[f32]) {
    assert_eq!([kernel.bank, kernel.kh, kernel.kw, kernel.ci, kernel.co], sides);
    assert_eq!(*kernel.values(), *numbers);
    assert_eq!(kernel.len() * kernel.bank, numbers.len());
}

#[test]
fn views_of_a_kernel_by_hand() {
    let kernel = digits(2, 1, 2, 2);
    is(&kernel, [1, 2, 1, 2, 2], &[0.0, 1.0, 10.0, 11.0, 1000.0, 1001.0, 1010.0, 1011.0]);
    // From the last row to the first, inputs and outputs exchanged.
    is(&kernel.flipped(1), [1, 2, 1, 2, 2], &[1000.0, 1010.0, 1001.0, 1011.0, 0.0, 10.0, 1.0, 11.0]);
    is(&kernel.outputs(1, 1), [1, 2, 1, 2, 1], &[1.0, 11.0, 1001.0, 1011.0]);
    is(&kernel.scaled(&[2.0, -1.0]), [1, 2, 1, 2, 2], &[0.0, -1.0, 20.0, -11.0, 2000.0, -1001.0, 2020.0, -1011.0]);
    // Image 0 sees output 1, image 1 output 0, image 2 output 1.
    is(
        &kernel.own_outputs(&[1, 0, 1], 1),
        [3, 2, 1, 2, 1],
        &[1.0, 11.0, 1001.0, 1011.0, 0.0, 10.0, 1000.0, 1010.0, 1.0, 11.0, 1001.0, 1011.0],
    );
    is(&kernel.own_inputs(&[1, 0], 1), [2, 2, 1, 1, 2], &[10.0, 11.0, 1010.0, 1011.0, 0.0, 1.0, 1000.0, 1001.0]);

    // In two groups inputs 0 and 1 make outputs 0 and 1, inputs 2 and 3 make outputs 2 and 3.
    let groups = digits(1, 2, 2, 4);
    is(
        &groups.flipped(2),
        [1, 1, 2, 2, 4],
        &[100.0, 110.0, 102.0, 112.0, 101.0, 111.0, 103.0, 113.0, 0.0, 10.0, 2.0, 12.0, 1.0, 11.0, 3.0, 13.0],
    );
    // Of output 3 the weights of all four inputs: none from those of the other group.
    is(&groups.own_outputs(&[3], 2), [1, 1, 2, 4, 1], &[0.0, 0.0, 3.0, 13.0, 0.0, 0.0, 103.0, 113.0]);
    is(&groups.own_outputs(&[1], 2), [1, 1, 2, 4, 1], &[1.0, 11.0, 0.0, 0.0, 101.0, 111.0, 0.0, 0.0]);
    // Input 3 is the second of its group, which makes outputs 2 and 3.
    is(&groups.own_inputs(&[3], 2), [1, 1, 2, 1, 4], &[0.0, 0.0, 12.0, 13.0, 0.0, 0.0, 112.0, 113.0]);
    is(&groups.own_inputs(&[0], 2), [1, 1, 2, 1, 4], &[0.0, 1.0, 0.0, 0.0, 100.0, 101.0, 0.0, 0.0]);

    // One after the other.
    is(&kernel.scaled(&[1.0, 3.0]).flipped(1).outputs(1, 1), [1, 2, 1, 2, 1], &[1010.0, 3033.0, 10.0, 33.0]);
    let bank = Kernel::of_bank(2, 1, 1, 1, 2, [1.0, 2.0, 3.0, 4.0].into()).unwrap();
    is(&bank.flipped(1), [2, 1, 1, 2, 1], &[1.0, 2.0, 3.0, 4.0]);
    let values = bank.values();
    assert_eq!([0, 1].map(|n| bank.of_image(&values, n)), [[1.0, 2.0], [3.0, 4.0]]);
    let one = kernel.values();
    assert_eq!(kernel.of_image(&one, 5), &*one, "one kernel for all images");
    assert!(!kernel.is_empty() && kernel.outputs(1, 0).is_empty());
}

/// All numbers of it, in order.
fn read(kernel: &Strided) -> Vec<f32> {
    let [bank, kh, kw, ci, co] = kernel.sides();
    let (inputs, outputs) = kernel.steps();
    let mut numbers = vec![];
    for i in 0..bank * kh * kw * ci * co {
        let [b, row, column, c, o] =
            [i / (kh * kw * ci * co), i / (kw * ci * co) % kh, i / (ci * co) % kw, i / co % ci, i % co];
        let at = kernel.at([b, row, column, c, o]);
        // The first input and output, and so many steps on.
        let first = kernel.at([b, row, column, 0, 0]);
        assert_eq!(first as isize + c as isize * inputs + o as isize * outputs, at as isize);
        let factor = kernel.scale().map_or(1.0, |scale| scale[o]);
        numbers.push((f64::from(kernel.data()[at]) * factor) as f32);
    }
    numbers
}

/// Read where they lie, the numbers are those that are put together; where that cannot be, it is said.
#[test]
fn kernels_in_place() {
    let kernel = digits(3, 2, 4, 5);
    let bank: Values = (0..2 * 3 * 2 * 4 * 5).map(|i| i as f32).collect();
    let bank = Kernel::of_bank(2, 3, 2, 4, 5, bank).unwrap();
    let scale = [1.5, -2.0, 0.25, 3.0, 1.0];
    for kernel in [kernel, bank] {
        for (view, is_there) in [
            (kernel.clone(), true),
            (kernel.flipped(1), true),
            (kernel.outputs(1, 3), true),
            (kernel.scaled(&scale), true),
            (kernel.outputs(2, 3).flipped(1), true),
            (kernel.flipped(1).outputs(1, 2).flipped(1), true),
            (kernel.flipped(1).scaled(&scale[..4]), true),
            // Factors belong to the outputs; flipped they would belong to the inputs.
            (kernel.scaled(&scale).flipped(1), false),
            (kernel.flipped(5), false),
            (kernel.own_outputs(&[1, 4], 1), false),
            (kernel.own_inputs(&[1, 3], 1), false),
        ] {
            let in_place = view.in_place();
            assert_eq!(in_place.is_some(), is_there, "{view:?}");
            if let Some(in_place) = in_place {
                assert_eq!(in_place.sides(), [view.bank, view.kh, view.kw, view.ci, view.co]);
                assert_eq!(read(&in_place), *view.values(), "{view:?}");
            }
            let (_, sides, _) = view.source();
            assert_eq!(sides, [kernel.bank, 3, 2, 4, 5]);
        }
    }
}

#[test]
fn parts_of_a_strided_kernel_by_hand() {
    let of = |numbers: usize| Strided::new([1, 2, 3, 1, 2], (0..numbers).map(|i| i as f32).collect());
    assert!(of(11).is_none() && of(13).is_none());
    let whole = of(12).unwrap();
    assert_eq!(whole.steps(), (2, 1));
    // Columns 0 and 2 of the second row; columns from the last to the first.
    assert_eq!(read(&whole.clone().every(1, 1, 1, 1).every(2, 0, 2, 2)), [6.0, 7.0, 10.0, 11.0]);
    assert_eq!(read(&whole.clone().every(2, 2, -1, 3)), [4.0, 5.0, 2.0, 3.0, 0.0, 1.0, 10.0, 11.0, 8.0, 9.0, 6.0, 7.0]);
    assert_eq!(read(&whole.clone().every(2, 2, -2, 2)), [4.0, 5.0, 0.0, 1.0, 10.0, 11.0, 6.0, 7.0]);
    assert_eq!(whole.clone().every(4, 1, 1, 0).sides(), [1, 2, 3, 1, 0], "none at all");
    let more = |axis, first, step, count| {
        let whole = whole.clone();
        std::panic::catch_unwind(move || whole.every(axis, first, step, count)).is_err()
    };
    assert!(more(2, 3, 1, 1) && more(2, 1, 1, 3) && more(2, 0, 2, 3) && more(2, 1, -1, 3) && !more(2, 0, 1, 3));
}

/// Each image with its own kernel and biases is what it is alone with them.
#[test]
fn a_bank_is_each_images_own() {
    let numbers =
        |n: usize, salt: usize| -> Vec<f32> { (0..n).map(|i| ((i * 7 + salt * 5) % 11) as f32 - 5.0).collect() };
    let (weights, biases) = (numbers(3 * 2 * 2 * 2 * 4, 1), numbers(3 * 4, 2));
    let image = Tensor64 {
        shape: Shape::new(3, 4, 5, 2),
        data: numbers(3 * 4 * 5 * 2, 3).into_iter().map(f64::from).collect(),
    };
    // A convolution of 2x2 from two channels to four; and its transpose, from four to two.
    let conv = |kernel, bias: &[f32]| Conv2d::same(kernel, Some(bias.into()));
    let transpose = |kernel, bias: &[f32]| ConvTranspose {
        kernel,
        bias: Some(bias.into()),
        stride: Window::new(2, 1),
        pad: Sides::NONE,
        dilation: Window::ONE,
        groups: 1,
        h: 9,
        w: 6,
    };
    let run = |image: &Tensor64, kernel: &Kernel, bias: &[f32], back: &[f32]| {
        let mut g = Graph::new();
        let x = g.input("x", image.shape).unwrap();
        let y = g.conv2d("y", x, conv(kernel.clone(), bias)).unwrap();
        let z = g.conv_transpose("z", y, transpose(kernel.clone(), back)).unwrap();
        evaluate(&g, &[(x, image)], &[y, z])
    };
    let bank = Kernel::of_bank(3, 2, 2, 2, 4, weights.clone().into()).unwrap();
    let together = run(&image, &bank, &biases, &biases[..6]);
    for n in 0..3 {
        let one = Tensor64 { shape: image.shape.with_n(1), data: image.data[n * 40..][..40].to_vec() };
        let kernel = Kernel::new(2, 2, 2, 4, weights[n * 32..][..32].into()).unwrap();
        let alone = run(&one, &kernel, &biases[n * 4..][..4], &biases[n * 2..][..2]);
        for (together, alone) in together.iter().zip(&alone) {
            let len = together.shape.image_len();
            assert_eq!(together.data[n * len..][..len], alone.data, "image {n}");
        }
    }
}
