//! Undersampling, metrics and phantoms against NumPy and scikit-image (`fixtures/make_mri.py`), and padding.

mod common;

use common::{Expected, difference};
use proptest::prelude::*;
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::mri::metrics::{psnr, ssim};
use unet_lens::mri::{Axis, Sampling, phantom, undersample};
use unet_lens::network::pad::Padded;

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
    fn cropped_back_is_as_before(n in 1usize..3, h in 1usize..20, w in 1usize..20, c in 1usize..4,
                                 more_h in 0usize..17, more_w in 0usize..17) {
        let shape = Shape::new(n, h, w, c);
        let image = Tensor::new(shape, (0..shape.len()).map(|i| i as f32).collect());
        let padded = Padded::to_size(&image, (h + more_h, w + more_w));
        prop_assert_eq!(padded.image.shape, Shape::new(n, h + more_h, w + more_w, c));
        prop_assert_eq!(padded.crop(&padded.image), image);
    }
}
