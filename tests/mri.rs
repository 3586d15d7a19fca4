//! Undersampling, metrics and phantoms against NumPy and scikit-image (`fixtures/make_mri.py`), and padding.

mod common;

use common::{Expected, difference, fixture};
use proptest::prelude::*;
use rustfft::num_complex::Complex;
use unet_lens::engine::exec::memory::Limit;
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::mri::kspace::{self, Mask};
use unet_lens::mri::metrics::{nmse, psnr, ssim};
use unet_lens::mri::restore::Example;
use unet_lens::mri::source::{Source, Undersampling};
use unet_lens::mri::{Axis, Sampling, phantom, undersample};
use unet_lens::network::pad::Padded;
use unet_lens::picture::npy::{self, Numbers};

const CASES: [&str; 4] = ["rows_3_1", "rows_4_0", "columns_2_1", "columns_8_7"];

fn double(expected: &Expected, path: &str) -> f64 {
    expected.floats(path)[0].into()
}

fn sampling(expected: &Expected, case: &str) -> Sampling {
    let number = |key: &str| expected.numbers(&format!("{case}/{key}"))[0];
    let axis = [Axis::Rows, Axis::Columns][number("axis")];
    // The file's numbers come as f32; 0.08 must be 0.08.
    let centre = (double(expected, &format!("{case}/centre")) * 1e6).round() / 1e6;
    Sampling { axis, every: number("every"), centre, offset: number("offset") }
}

#[test]
fn zero_filled_as_numpy_has_it() {
    let expected = Expected::open("mri.h5");
    let image = expected.tensor("image");
    let size = (image.shape.h, image.shape.w);
    for case in CASES {
        let aliased = undersample(&image.data, size, sampling(&expected, case)).unwrap();
        let (error, at) = difference(&aliased, &expected.floats(&format!("{case}/aliased")));
        assert!(error < 1e-5, "{case}: differs by {error:e} at {at}");
    }
}

/// Real and imaginary parts as complex numbers, times `unit`.
fn complex(parts: &[f32], unit: f64) -> Vec<Complex<f64>> {
    parts.chunks_exact(2).map(|v| Complex::new(f64::from(v[0]) * unit, f64::from(v[1]) * unit)).collect()
}

fn parts(values: &[Complex<f64>]) -> Vec<f32> {
    values.iter().flat_map(|v| [v.re as f32, v.im as f32]).collect()
}

#[test]
fn k_space_as_numpy_has_it() {
    let expected = Expected::open("mri.h5");
    let (image, k, size) = (expected.floats("complex"), expected.floats("kspace"), (45, 38));
    let (error, at) = difference(&parts(&kspace::of_image(complex(&image, 1e-5), size)), &k);
    assert!(error < 1e-6, "k-space differs by {error:e} at {at}");
    let (error, at) = difference(&parts(&kspace::to_image(complex(&k, 1e5), size)), &image);
    assert!(error < 1e-6, "the image differs by {error:e} at {at}");
    // The file that NumPy saved holds the same.
    let Numbers::Complex(file) = npy::read_numbers(fixture("kspace.npy")).unwrap() else { panic!("it is complex") };
    assert_eq!((file.shape, file.data), (Shape::new(1, 45, 38, 2), k));
}

/// K-space from a file, undersampled by a mask of one's own: reconstruction, scale and scores.
#[test]
fn masked_k_space_as_numpy_and_scikit_image_have_it() {
    let expected = Expected::open("mri.h5");
    let mask = Mask::new("mask.npy", &expected.floats("mask"), (45, 38)).unwrap();
    let source = Source::open(&fixture("kspace.npy"), Some(Undersampling::Mask(mask)), 0, Limit::default()).unwrap();
    assert_eq!(source.shape(), Shape::new(1, 45, 38, 1));
    let example = source.example(0).unwrap();
    let truth = example.truth.clone().unwrap();
    let aliased = example.aliased().data;
    assert!(difference(&truth, &expected.floats("masked/truth")).0 < 1e-6);
    assert!(difference(&aliased, &expected.floats("masked/aliased")).0 < 1e-6);
    assert_eq!(truth.iter().copied().fold(0.0, f32::max), 1.0);
    let number = |key: &str| double(&expected, &format!("masked/{key}"));
    assert!((example.scale / number("scale") - 1.0).abs() < 1e-6, "{}", example.scale);
    let got = [psnr(&aliased, &truth), ssim(&aliased, &truth, (45, 38)).unwrap(), nmse(&aliased, &truth).unwrap()];
    for (got, key) in got.into_iter().zip(["psnr", "ssim", "nmse"]) {
        assert!((got - number(key)).abs() < 1e-4, "{key} {got}, in scikit-image and NumPy {}", number(key));
    }
    assert_eq!(nmse(&[0.5], &[0.0]), None);
}

#[test]
fn what_there_is_no_truth_of() {
    let dir = tempfile::tempdir().unwrap();
    let expected = Expected::open("mri.h5");
    let (k, kept) = (expected.floats("kspace"), expected.floats("mask"));
    let of = |name: &str, shape: &[usize], values: &[f32]| {
        let path = dir.path().join(name);
        npy::write(&path, shape, values).unwrap();
        path
    };
    let part: Vec<f32> = k.iter().enumerate().map(|(i, v)| v * kept[i / 2]).collect();
    let mask = || Some(Undersampling::Mask(Mask::new("mask.npy", &kept, (45, 38)).unwrap()));
    let example =
        |path: &std::path::Path, asked| Source::open(path, asked, 3, Limit::default()).unwrap().example(0).unwrap();
    // Half of it zero: it was measured so, whether its mask is given or not. The largest value is 1.
    let measured = of("part.npy", &[45, 38, 2], &part);
    for asked in [None, mask()] {
        let example = example(&measured, asked);
        assert!(example.truth.is_none() && example.sampling.ends_with("% of k-space, as measured"), "{example:?}");
        let (aliased, scale) = (example.aliased().data, example.scale as f32);
        assert_eq!(aliased.iter().copied().fold(0.0, f32::max), 1.0);
        let whole = double(&expected, "masked/scale") as f32;
        let in_unit: Vec<f32> = aliased.iter().map(|v| v * scale / whole).collect();
        assert!(difference(&in_unit, &expected.floats("masked/aliased")).0 < 1e-5);
    }
    // Whole k-space, or lines that are asked for: something is left out, and can be compared with.
    let whole = of("whole.npy", &[1, 45, 38, 2], &k);
    let lines = || Some(Undersampling::Lines { sampling: Sampling::default(), seed: 3 });
    let undersampled = example(&whole, None);
    assert_eq!(undersampled, Example { name: "whole.npy".into(), ..example(&whole, lines()) });
    assert!(undersampled.sampling.starts_with("One row in 4") && undersampled.truth.is_some());
    assert!(example(&measured, lines()).truth.is_some());
    // A few zeros are measured, too.
    let mut few = k.clone();
    few[..2 * 80].fill(0.0);
    assert!(example(&of("few.npy", &[45, 38, 2], &few), None).truth.is_some());
    few[..2 * 90].fill(0.0);
    assert!(example(&of("more.npy", &[45, 38, 2], &few), None).truth.is_none());
    // Every image of a stack has a scale of its own, and is what it is alone, but for the lines, which are drawn anew.
    let double: Vec<f32> = part.iter().copied().chain(part.iter().map(|v| 2.0 * v)).collect();
    let stack = Source::open(&of("stack.npy", &[2, 45, 38, 2], &double), None, 0, Limit::default()).unwrap();
    let (one, two) = (stack.example(0).unwrap(), stack.example(1).unwrap());
    assert_eq!((one.zero_filled.clone(), 2.0 * one.scale), (two.zero_filled, two.scale));
    assert_eq!((one.zero_filled, two.name.as_str()), (example(&measured, None).zero_filled, "stack.npy 1"));
}

#[test]
fn sources_that_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let expected = Expected::open("mri.h5");
    let k = expected.floats("kspace");
    // The lowest frequency, at row 22 and column 19, moved to the first row and column.
    let at = |i: usize| (i / 38 + 22) % 45 * 38 + (i % 38 + 19) % 38;
    let cornered: Vec<f32> = (0..45 * 38).flat_map(|i| [k[2 * at(i)], k[2 * at(i) + 1]]).collect();
    let mut nan = k.clone();
    nan[7] = f32::NAN;
    let second = [k.clone(), vec![0.0; k.len()]].concat();
    for (shape, values, words) in [
        (&[1, 45, 38, 2][..], &cornered, "numpy.fft.fftshift(k, axes=(-2, -1))"),
        (&[1, 45, 38, 2], &nan, "value 7 is NaN"),
        (&[1, 45, 38, 2], &vec![0.0; k.len()], "zero everywhere"),
        (&[2, 45, 38, 2], &second, "image 1: k-space is zero everywhere"),
        (&[1, 19, 15, 12], &k, "[1, 19, 15, 12]"),
        (&[45, 76], &k, "0 to 1: divide by the largest"),
    ] {
        let path = dir.path().join("k.npy");
        npy::write(&path, shape, values).unwrap();
        let message = Source::open(&path, None, 0, Limit::default()).err().expect(words).to_string();
        assert!(message.contains("k.npy") && message.contains(words), "{message}");
    }
}

#[test]
fn masks() {
    let of = |values: &[f32], size| Mask::new("mask.png", values, size);
    assert_eq!(of(&[0.0, 1.0, 1.0], (1, 3)).unwrap().measured("k", (2, 3)).unwrap(), [false, true, true].repeat(2));
    let rows = of(&[0.0, 255.0], (2, 1)).unwrap();
    assert_eq!(rows.measured("k", (2, 3)).unwrap(), [false, false, false, true, true, true]);
    assert_eq!(of(&[0.0, 1.0, 1.0, 0.0], (2, 2)).unwrap().measured("k", (2, 2)).unwrap(), [false, true, true, false]);
    for (message, words) in [
        (rows.measured("k.npy", (3, 3)).unwrap_err(), "mask of 2x1, k.npy has 3x3"),
        (of(&[0.0, 0.5, 1.0], (1, 3)).unwrap_err(), "holds 0.5 and 1"),
        (of(&[0.0, 0.0], (1, 2)).unwrap_err(), "nothing is measured"),
    ] {
        assert!(message.to_string().starts_with("mask.png: ") && message.to_string().contains(words), "{message}");
    }
}

#[test]
fn metrics_as_scikit_image_has_them() {
    let expected = Expected::open("mri.h5");
    let image = expected.tensor("image");
    for case in CASES {
        let aliased = expected.floats(&format!("{case}/aliased"));
        let (p, s) = (double(&expected, &format!("{case}/psnr")), double(&expected, &format!("{case}/ssim")));
        let got = (psnr(&aliased, &image.data), ssim(&aliased, &image.data, (image.shape.h, image.shape.w)).unwrap());
        assert!((got.0 - p).abs() < 1e-4, "{case}: PSNR {}, in scikit-image {p}", got.0);
        assert!((got.1 - s).abs() < 1e-4, "{case}: SSIM {}, in scikit-image {s}", got.1);
    }
    let same = (psnr(&image.data, &image.data), ssim(&image.data, &image.data, (image.shape.h, image.shape.w)));
    assert!(same.0.is_infinite() && (same.1.unwrap() - 1.0).abs() < 1e-12, "{same:?}");
    // One window fits in, or none.
    let noise: Vec<f32> = (0..121).map(|i| (i as f32 * 0.7).sin().abs()).collect();
    assert!(ssim(&noise, &noise, (11, 11)).is_some());
    assert_eq!(ssim(&noise[..110], &noise[..110], (10, 11)), None);
    assert_eq!(ssim(&noise[..110], &noise[..110], (11, 10)), None);
}

#[test]
fn phantoms_are_drawn_as_in_the_training() {
    let expected = Expected::open("mri.h5").floats("phantoms");
    let (n, count) = (128, 2000);
    let mut sums = [0.0; 4];
    for i in 0..count {
        let image = phantom(3, i, (n, n));
        assert!(image.iter().all(|v| (0.0..=1.0).contains(v)));
        let mean = |v: &mut dyn Iterator<Item = f32>| v.map(f64::from).sum::<f64>();
        let mut levels: Vec<u32> = image.iter().map(|v| v.to_bits()).collect();
        levels.sort_unstable();
        levels.dedup();
        let steps = image.iter().zip(&image[n..]).map(|(a, b)| (a - b).abs());
        sums[0] += mean(&mut image.iter().copied()) / (n * n) as f64;
        sums[1] += image.iter().filter(|&&v| v > 0.0).count() as f64 / (n * n) as f64;
        sums[2] += levels.len() as f64;
        sums[3] += mean(&mut { steps }) / (n * (n - 1)) as f64;
    }
    for (i, what) in ["mean", "part that is not black", "levels", "vertical steps"].iter().enumerate() {
        let (mean, deviation) = (f64::from(expected[2 * i]), f64::from(expected[2 * i + 1]));
        let got = sums[i] / count as f64;
        // Four standard errors of both means.
        let bound = 4.0 * deviation * (1.0 / count as f64 + 1.0 / 10_000.0).sqrt();
        println!("{what}: {got:.4}, in train_unet.py {mean:.4}, bound {bound:.4}");
        assert!((got - mean).abs() < bound, "{what}: {got}, in train_unet.py {mean} within {bound}");
    }
}

#[test]
fn phantoms_have_streams_of_their_own() {
    assert_eq!(phantom(0, 1, (64, 48)), phantom(0, 1, (64, 48)));
    assert_ne!(phantom(0, 1, (64, 48)), phantom(0, 2, (64, 48)));
    assert_ne!(phantom(0, 1, (64, 48)), phantom(1, 1, (64, 48)));
    // The same shapes at twice the size.
    let (small, large) = (phantom(5, 0, (64, 64)), phantom(5, 0, (128, 128)));
    let same = (0..64 * 64).filter(|i| small[*i] == large[i / 64 * 2 * 128 + i % 64 * 2]).count();
    assert!(same > 64 * 64 * 98 / 100, "{same} of 4096");
    for size in [(1, 1), (3, 200)] {
        phantom(0, 0, size);
    }
}

#[test]
fn offsets_are_drawn_from_the_seed() {
    let offset = |seed, number| Sampling { every: 4, ..Sampling::default() }.drawn(seed, number).offset;
    let drawn: Vec<usize> = (0..50).map(|i| offset(1, i)).collect();
    assert!((0..4).all(|o| drawn.contains(&o)) && drawn.iter().all(|&o| o < 4), "{drawn:?}");
    assert_eq!(drawn, (0..50).map(|i| offset(1, i)).collect::<Vec<_>>());
    assert_ne!(drawn, (0..50).map(|i| offset(2, i)).collect::<Vec<_>>());
}

#[test]
fn what_is_measured() {
    let of = |every, centre, offset, lines| Sampling { axis: Axis::Columns, every, centre, offset }.measured(lines);
    let kept = |m: Vec<bool>| (0..m.len()).filter(|&i| m[i]).collect::<Vec<_>>();
    assert_eq!(kept(of(4, 0.0, 1, 10).unwrap()), [1, 5, 9]);
    assert_eq!(kept(of(8, 0.2, 0, 20).unwrap()), [0, 8, 9, 10, 11, 16]);
    assert_eq!(kept(of(2, 1.0, 1, 5).unwrap()), [0, 1, 2, 3], "half of 5 lines is rounded to even, as Python does");
    assert_eq!(of(2, 1.0, 0, 4).unwrap(), [true; 4]);
    for (every, centre, offset, lines, words) in [
        (0, 0.1, 0, 64, "one line in 0"),
        (1, 0.1, 0, 64, "one line in 1"),
        (9, 0.1, 0, 64, "one line in 9"),
        (4, -0.1, 0, 64, "centre of -0.1"),
        (4, f64::NAN, 0, 64, "centre of NaN"),
        (4, 1.1, 0, 64, "centre of 1.1"),
        (4, 0.1, 4, 64, "offset of 4"),
        (4, 0.1, 0, 3, "only 3 columns"),
    ] {
        let message = of(every, centre, offset, lines).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
}

/// numpy.pad([1, 2, 3], (2, 3), mode="reflect") and numpy.pad([1, 2], (3, 3), mode="reflect")
#[test]
fn padded_as_numpy_does() {
    let row = |values: &[f32]| Tensor::new(Shape::new(1, 1, values.len(), 1), values.to_vec());
    let pad = |values: &[f32], w| Padded::to_size(&row(values), (1, w)).image.data;
    assert_eq!(pad(&[1.0, 2.0, 3.0], 8), [3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0, 2.0]);
    assert_eq!(pad(&[1.0, 2.0], 8), [2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0]);
    assert_eq!(pad(&[7.0], 4), [7.0; 4]);
    assert_eq!(pad(&[1.0, 2.0], 2), [1.0, 2.0]);
}

proptest! {
    #[test]
    fn an_image_comes_back_from_its_k_space(h in 1usize..9, w in 1usize..9) {
        let image: Vec<_> = (0..h * w).map(|i| Complex::new((i as f64).sin(), (i as f64 * 1.7).cos())).collect();
        let k = kspace::of_image(image.clone(), (h, w));
        // The middle holds the sum.
        prop_assert!((k[h / 2 * w + w / 2] - image.iter().sum::<Complex<f64>>()).norm() < 1e-12);
        let back = kspace::to_image(k, (h, w));
        prop_assert!(back.iter().zip(&image).all(|(a, b)| (a - b).norm() < 1e-12));
    }

    #[test]
    fn cropped_back_is_as_before(n in 1usize..3, h in 1usize..20, w in 1usize..20, c in 1usize..4,
                                 more_h in 0usize..17, more_w in 0usize..17) {
        let shape = Shape::new(n, h, w, c);
        let image = Tensor::new(shape, (0..shape.len()).map(|i| i as f32).collect());
        let padded = Padded::to_size(&image, (h + more_h, w + more_w));
        prop_assert_eq!(padded.image.shape, Shape::new(n, h + more_h, w + more_w, c));
        prop_assert_eq!(padded.crop(&padded.image), image);
    }
}
