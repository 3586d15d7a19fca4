//! What is written of restored images, and how images come to be: by hand, on a network that halves what it gets.

#[path = "common/layers.rs"]
mod layers;

use rustfft::num_complex::Complex;
use unet_lens::engine::exec::memory::{Limit, Memory};
use unet_lens::engine::exec::reference::Reference;
use unet_lens::engine::tensor::Shape;
use unet_lens::mri::kspace::{self, Mask, is_cornered};
use unet_lens::mri::metrics::{nmse, psnr, ssim};
use unet_lens::mri::report::{Row, csv, figure, table};
use unet_lens::mri::restore::{Attempt, Example, Restored, Restorer, Scores, compute, phantoms};
use unet_lens::mri::source::{Source, Undersampling};
use unet_lens::mri::{Axis, Sampling, undersample};
use unet_lens::network::{Activation, Network};
use unet_lens::picture::{Colormap, npy};

/// `y = factor x`, on any size, of so many channels to as many.
fn times(factor: f32, inputs: usize, outputs: usize) -> Network {
    let value = |i: usize| if i / outputs == i % outputs { factor } else { 0.0 };
    let values: Vec<f32> = (0..inputs * outputs).map(value).collect();
    let conv = layers::conv(1, inputs, outputs, &values, Activation::Linear);
    Network { name: "times".to_string(), ..layers::chain(inputs, vec![conv]) }
}

fn scores(psnr: f64, ssim: Option<f64>, nmse: Option<f64>) -> Option<Scores> {
    Some(Scores { psnr, ssim, nmse })
}

#[test]
fn the_table_and_the_spreadsheet() {
    let row = |name: &str, aliased, restored| Row { name: name.to_string(), scale: 2.5, aliased, restored };
    let one = row("phantom 0", scores(20.0, Some(0.5), Some(0.25)), scores(30.0, Some(0.75), Some(0.125)));
    let two = row("b", scores(22.0, Some(0.25), Some(0.75)), scores(f64::INFINITY, Some(1.0), Some(0.0)));
    let dark = row("a much longer name", scores(12.346, None, None), scores(9.0, Some(0.1), Some(1.0)));
    let unknown = row("nobody knows", None, None);
    assert_eq!(table(&[]), "");
    assert_eq!(table(std::slice::from_ref(&unknown)), "");
    assert_eq!(
        table(std::slice::from_ref(&one)),
        "                      aliased                       restored           \n\
         picture           PSNR    SSIM      NMSE         PSNR    SSIM      NMSE\n\
         phantom 0     20.00 dB   0.500    0.2500     30.00 dB   0.750    0.1250\n"
    );
    // Names shorter than "picture" leave it its width; what is infinite stays so in the mean.
    assert_eq!(
        table(&[row("c", one.aliased, one.restored), two.clone(), unknown.clone()]),
        "                    aliased                       restored           \n\
         picture         PSNR    SSIM      NMSE         PSNR    SSIM      NMSE\n\
         c           20.00 dB   0.500    0.2500     30.00 dB   0.750    0.1250\n\
         b           22.00 dB   0.250    0.7500         ∞ dB   1.000    0.0000\n\
         mean        21.00 dB   0.375    0.5000         ∞ dB   0.875    0.0625\n"
    );
    // Where one is not known, neither is the mean.
    assert_eq!(
        table(&[one.clone(), dark.clone()]),
        "                               aliased                       restored           \n\
         picture                    PSNR    SSIM      NMSE         PSNR    SSIM      NMSE\n\
         phantom 0              20.00 dB   0.500    0.2500     30.00 dB   0.750    0.1250\n\
         a much longer name     12.35 dB       –         –      9.00 dB   0.100    1.0000\n\
         mean                   16.17 dB       –         –     19.50 dB   0.425    0.5625\n"
    );
    assert_eq!(
        csv(&[one, dark, unknown]),
        "image,scale,aliased_psnr,aliased_ssim,aliased_nmse,restored_psnr,restored_ssim,restored_nmse\n\
         0,2.5,20,0.5,0.25,30,0.75,0.125\n1,2.5,12.346,,,9,0.1,1\n2,2.5,,,,,,\n"
    );
}

fn said(results: &[Restored]) -> Vec<String> {
    figure(results, Colormap::Gray).texts().iter().map(|line| line.text.clone()).collect()
}

/// The network halves: of a truth of 0.5 everywhere, 0.25 is left, and lacking.
#[test]
fn what_stands_on_the_figure() {
    let size = (16, 12);
    let all = vec![true; 16 * 12];
    let example = Example::of_picture("grey".to_string(), vec![0.5; 16 * 12], size, &all);
    let example = Example { sampling: "all of it".to_string(), ..example };
    let mut heard = vec![];
    let results = compute(
        &Reference::default(),
        &times(0.5, 1, 1),
        &[example.clone(), Example { name: "again".into(), ..example.clone() }],
        &mut |done, total| heard.push((done, total)),
    )
    .unwrap();
    assert_eq!(heard, [(0, 2), (1, 2), (2, 2)]);
    assert!(results[0].restored.picture.iter().all(|v| (v - 0.25).abs() < 1e-6));
    // 10 log10(1 / 0.25²).
    assert!((results[0].restored.psnr() - 12.0412).abs() < 1e-3);
    assert!((results[0].restored.scores.unwrap().nmse.unwrap() - 0.25).abs() < 1e-6);
    let words = said(&results);
    let has = |wanted: &str| words.iter().filter(|word| *word == wanted).count();
    assert_eq!(has("all of it"), 1, "{words:?}");
    for title in ["aliased", "restored", "truth", "|aliased − truth|", "|restored − truth|"] {
        assert_eq!(has(title), 1, "{title} once, above the first row: {words:?}");
    }
    assert_eq!((has("grey"), has("again"), has("PSNR 12.04 dB"), has("mean 0.2500")), (1, 1, 2, 2), "{words:?}");
    assert_eq!(words.iter().filter(|word| word.starts_with("SSIM ")).count(), 4, "{words:?}");

    // Nobody knows the truth: what the network changed.
    let unknown = Example { truth: None, ..example };
    let results = compute(&Reference::default(), &times(0.5, 1, 1), &[unknown], &mut |_, _| {}).unwrap();
    assert!(results[0].restored.scores.is_none() && results[0].restored.psnr().is_nan());
    let words = said(&results);
    for title in ["zero-filled", "restored", "|restored − zero-filled|", "grey", "mean 0.2500"] {
        assert!(words.iter().any(|word| word == title), "{title}: {words:?}");
    }
    assert!(!words.iter().any(|word| word.contains("PSNR") || word.contains("truth")), "{words:?}");
    said(&[]);
}

/// A network of two channels gets real and imaginary parts; of what it gives the magnitude is shown.
#[test]
fn two_channels_and_networks_that_do_not_fit() {
    let (h, w) = (12, 11);
    let image: Vec<Complex<f64>> = (0..h * w).map(|i| Complex::new(0.6, 0.8) * (1.0 + (i % 5) as f64)).collect();
    let k = kspace::of_image(image, (h, w));
    let example = |has_truth| Example::of_kspace("k".to_string(), k.clone(), (h, w), &vec![true; h * w], has_truth);
    // The largest magnitude is 5: that of the truth, or where there is none that of what is left.
    let whole = example(true);
    assert!((whole.scale - 5.0).abs() < 1e-12 && (example(false).scale - 5.0).abs() < 1e-12);
    assert!(example(false).truth.is_none());
    let truth = whole.truth.clone().unwrap();
    assert!(truth.iter().enumerate().all(|(i, v)| (v - (1.0 + (i % 5) as f32) / 5.0).abs() < 1e-6));
    let input = whole.input(2);
    assert_eq!((input.shape.c, input.data.len()), (2, 2 * h * w));
    assert!((input.data[2] - 0.6 * 2.0 / 5.0).abs() < 1e-6 && (input.data[3] - 0.8 * 2.0 / 5.0).abs() < 1e-6);
    assert_eq!(whole.input(1), whole.aliased());
    let nothing = Example::of_kspace("0".to_string(), vec![Complex::ZERO; 6], (2, 3), &[true; 6], true);
    assert_eq!((nothing.scale, nothing.truth), (1.0, Some(vec![0.0; 6])));

    let reference = Reference::default();
    let restored =
        |network: &Network, held: u64| Restorer::new(&reference, network, Memory::host(held))?.restore(example(true));
    let done = restored(&times(0.5, 2, 2), 0).unwrap();
    assert_eq!((done.output.shape.c, done.restored.picture.len()), (2, h * w));
    assert!(done.restored.picture.iter().zip(&truth).all(|(got, truth)| (got - truth / 2.0).abs() < 1e-6));
    // 20 log10 of a half.
    let grey = restored(&times(1.0, 2, 1), 0).unwrap();
    assert!(grey.restored.picture.iter().zip(&truth).all(|(got, truth)| (got - truth * 0.6).abs() < 1e-6));
    assert_eq!(grey.restored.picture, grey.output.data);
    for (network, words) in [
        (times(1.0, 3, 3), "times takes 3 channels"),
        (times(1.0, 1, 2), "to restore it must give one grey picture of the same size"),
        (times(1.0, 2, 3), "it must give a picture of the same size, grey or real and imaginary parts"),
    ] {
        let why = restored(&network, 0).unwrap_err().to_string();
        assert!(why.contains(words), "{why}");
    }
    let limited = Reference { limit: Limit::new(Some(1 << 20)) };
    let network = times(1.0, 2, 2);
    let with = |held| Restorer::new(&limited, &network, Memory::host(held)).unwrap().restore(example(true)).is_ok();
    assert!(with(0) && !with(1 << 20), "what the caller holds is counted");
    // Another size needs another program; the same one again does not.
    let mut restorer = Restorer::new(&reference, &network, Memory::default()).unwrap();
    let small = Example::of_picture("s".to_string(), vec![0.5; 20], (4, 5), &[true; 20]);
    for example in [small.clone(), example(true), small.clone(), example(true), small] {
        let alone = Restorer::new(&reference, &network, Memory::default()).unwrap().restore(example.clone()).unwrap();
        assert_eq!(restorer.restore(example).unwrap(), alone);
    }
}

/// The discrete Fourier transform of [3, 4, 1, 2], which is the row with its middle first, is [10, 2-2i, -2, 2+2i]; NumPy's `fftshift`
/// moves it to [-2, 2+2i, 10, 2-2i].
#[test]
fn k_space_of_a_row_by_hand() {
    let row = |values: &[f64]| values.iter().map(|&v| Complex::from(v)).collect::<Vec<_>>();
    let k = kspace::of_image(row(&[1.0, 2.0, 3.0, 4.0]), (1, 4));
    let expected = [Complex::new(-2.0, 0.0), Complex::new(2.0, 2.0), Complex::new(10.0, 0.0), Complex::new(2.0, -2.0)];
    assert!(k.iter().zip(expected).all(|(k, e)| (k - e).norm() < 1e-12), "{k:?}");
    // The same as a column.
    let column = kspace::of_image(row(&[1.0, 2.0, 3.0, 4.0]), (4, 1));
    assert_eq!(column, k);
    // Left out with its opposite: 10 / 4 everywhere.
    let mut lowest = k.clone();
    kspace::leave_out(&mut lowest, &[false, false, true, false]);
    assert_eq!(lowest.iter().filter(|v| **v != Complex::ZERO).count(), 1);
    assert!(kspace::to_image(lowest, (1, 4)).iter().all(|v| (v - 2.5).norm() < 1e-12));
}

/// The energy of which quarter counts: the middle half of rows and columns against the outer ones.
#[test]
fn where_the_lowest_frequency_lies() {
    let at = |h: usize, w: usize, points: &[(usize, usize, f64)]| {
        let mut k = vec![Complex::ZERO; h * w];
        points.iter().for_each(|&(r, c, v)| k[r * w + c] = Complex::from(v));
        is_cornered(&k, (h, w))
    };
    assert!(at(8, 8, &[(0, 0, 1.0)]) && at(8, 8, &[(7, 7, 1.0)]) && at(8, 8, &[(1, 7, 1.0)]));
    assert!(!at(8, 8, &[(4, 4, 1.0)]) && !at(8, 8, &[]));
    // Rows 2 to 6 of 8 are inner ones.
    assert!(!at(8, 8, &[(2, 2, 1.0)]) && !at(8, 8, &[(6, 6, 1.0)]));
    assert!(!at(8, 8, &[(0, 4, 1.0)]) && !at(8, 8, &[(4, 0, 1.0)]), "neither the middle nor a corner");
    // More than four times the energy.
    assert!(at(8, 8, &[(0, 0, 2.1), (4, 4, 1.0)]) && !at(8, 8, &[(0, 0, 2.0), (4, 4, 1.0)]));
    // One line is no corner and all middle.
    assert!(!at(1, 8, &[(0, 0, 1.0)]) && !at(8, 1, &[(0, 0, 1.0)]));
    assert!(
        !at(5, 5, &[(2, 2, 1.0), (1, 1, 1.0), (3, 3, 1.0)])
            && at(5, 5, &[(4, 4, 1.0)])
            && at(5, 5, &[(1, 1, 1.0), (0, 0, 3.0)])
    );
}

#[test]
fn lines_that_are_measured() {
    let sampling = Sampling { axis: Axis::Rows, every: 3, centre: 0.0, offset: 1 };
    let mask = |axis| Sampling { axis, ..sampling }.mask((4, 3)).unwrap();
    let (f, t) = (false, true);
    assert_eq!(mask(Axis::Rows), [f, f, f, t, t, t, f, f, f, f, f, f]);
    assert_eq!(mask(Axis::Columns), [f, t, f, f, t, f, f, t, f, f, t, f]);
    assert_eq!(sampling.describe(), "One row in 3 of k-space");
    let of = |centre| Sampling { axis: Axis::Columns, centre, ..sampling }.describe();
    assert_eq!(of(0.08), "One column in 3 of k-space, and the middle 8%");
    assert_eq!((of(0.125), of(0.0004)), (of(0.1251), "One column in 3 of k-space".to_string()));
    assert_eq!(of(0.125), "One column in 3 of k-space, and the middle 12.5%");
    assert_eq!(Sampling::default(), Sampling { axis: Axis::Rows, every: 4, centre: 0.08, offset: 0 });
    let why = |axis, lines| Sampling { axis, ..sampling }.measured(lines).unwrap_err().to_string();
    assert_eq!(
        why(Axis::Rows, 1),
        "one row in 3: the picture has only 1 row; keep one in fewer, or take a larger picture"
    );
    assert!(why(Axis::Columns, 2).contains("one column in 3: the picture has only 2 columns;"));
    assert!(Sampling { every: 3, offset: 2, ..sampling }.measured(3).is_ok());
    // All of an image measured is the image.
    let image: Vec<f32> = (0..12).map(|i| i as f32 / 12.0).collect();
    let all = undersample(&image, (4, 3), Sampling { every: 2, centre: 1.0, ..Sampling::default() }).unwrap();
    assert!(all.iter().zip(&image).all(|(a, b)| (a - b).abs() < 1e-6));
    // A mask of one row stands for all rows; its name is that of its file.
    let one = Mask::new("m.npy", &[1.0, 0.0, 1.0], (1, 3)).unwrap();
    assert_eq!((one.name(), one.measured("k", (2, 3)).unwrap()), ("m.npy", vec![t, f, t, t, f, t]));
    for size in [(1, 2), (2, 4), (3, 1)] {
        assert!(one.measured("k", size).is_err(), "{size:?}");
    }
    // Phantoms have offsets of their own.
    let network = times(1.0, 1, 1);
    let examples = phantoms(&network, 3, 9, Sampling::default()).unwrap();
    assert_eq!(examples.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["phantom 0", "phantom 1", "phantom 2"]);
    for (i, example) in examples.iter().enumerate() {
        assert_eq!(example.truth, Some(unet_lens::mri::phantom(9, i as u64, (128, 128))));
        assert_eq!(example.sampling, "One row in 4 of k-space, and the middle 8%");
        let drawn = Sampling::default().drawn(9, i as u64);
        let aliased = undersample(example.truth.as_ref().unwrap(), (128, 128), drawn).unwrap();
        assert!(example.aliased().data.iter().zip(&aliased).all(|(a, b)| (a - b).abs() < 1e-6));
    }
}

/// 10 log10(1 / mean of squares); sum of squares by sum of squares; and SSIM's formula where the pictures are even.
#[test]
fn metrics_by_hand() {
    assert!((psnr(&[0.5, 0.5], &[0.4, 0.5]) - 10.0 * 200f64.log10()).abs() < 1e-4);
    assert!((nmse(&[1.0, 0.0], &[0.5, 0.5]).unwrap() - 1.0).abs() < 1e-12);
    assert!((nmse(&[0.5, 0.25], &[0.5, 0.5]).unwrap() - 0.125).abs() < 1e-12);
    // Of two even pictures nothing but the means counts: (2 a b + c1) / (a² + b² + c1).
    let (a, b, c1) = (0.6f32, 0.2f32, 0.0001);
    let expected = (2.0 * 0.12 + c1) / (0.36 + 0.04 + c1);
    let got = ssim(&[a; 156], &[b; 156], (13, 12)).unwrap();
    assert!((got - expected).abs() < 1e-6, "{got}, should be {expected}");
    let row = Attempt { picture: vec![], scores: scores(3.0, None, None) };
    assert_eq!(row.psnr(), 3.0);
}

/// Three of four samples by the mask; and an array of [1, 16, 2], which is a picture of two columns, not a row of k-space.
#[test]
fn what_is_said_of_a_files_images() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.npy");
    let open = |asked| Source::open(&path, asked, 0, Limit::default()).unwrap();
    npy::write(&path, &[1, 16, 2], &[0.5; 32]).unwrap();
    assert_eq!(open(None).shape(), Shape::new(1, 16, 2, 1));
    npy::write(&path, &[4, 4], &[0.5; 16]).unwrap();
    let mask: Vec<f32> = (0..16).map(|i| if i % 4 == 3 { 0.0 } else { 1.0 }).collect();
    let source = open(Some(Undersampling::Mask(Mask::new("m.png", &mask, (4, 4)).unwrap())));
    assert_eq!(source.example(0).unwrap().sampling, "75.0% of k-space, by m.png");
    assert_eq!(open(None).example(0).unwrap().sampling, "One row in 4 of k-space, and the middle 8%");
    // Of real and imaginary parts one sample in four is zero: it was measured so.
    let k: Vec<f32> = mask.iter().enumerate().flat_map(|(i, m)| [m * (1.0 + i as f32), 0.0]).collect();
    npy::write(&path, &[4, 4, 2], &k).unwrap();
    let source = open(None);
    assert_eq!(source.shape(), Shape::new(1, 4, 4, 1));
    assert_eq!(source.example(0).unwrap().sampling, "75.0% of k-space, as measured");
    // One zero in twenty is few; of whole k-space lines are left out, unless a mask says that nothing is.
    let of = |zeros: usize, asked| {
        let k: Vec<f32> =
            (0..20).flat_map(|i| [if i < zeros { 0.0 } else { 1.0 + (i * 7 % 20) as f32 }, 0.0]).collect();
        npy::write(&path, &[4, 5, 2], &k).unwrap();
        let example = Source::open(&path, asked, 0, Limit::default()).unwrap().example(0).unwrap();
        (example.sampling, example.truth.is_some())
    };
    let lines = ("One row in 4 of k-space, and the middle 8%".to_string(), true);
    assert_eq!((of(0, None), of(1, None)), (lines.clone(), lines));
    assert_eq!(of(2, None), ("90.0% of k-space, as measured".to_string(), false));
    let all = Mask::new("all.png", &[1.0], (1, 1)).unwrap();
    assert_eq!(of(0, Some(Undersampling::Mask(all))), ("100.0% of k-space, as measured".to_string(), false));
}

/// Of what was drawn last all is to be seen: a rectangle with its sides along rows and columns, or a disk (or what is left of it at the
/// border, which is not counted here).
#[test]
fn phantoms_are_of_disks_and_rectangles() {
    let (h, w) = (96, 128);
    let (mut rectangles, mut disks) = (0, 0);
    for number in 0..100 {
        let image = unet_lens::mri::phantom(2, number, (h, w));
        let mut levels = image.clone();
        levels.sort_by(f32::total_cmp);
        levels.dedup();
        let (mut has_rectangle, mut has_disk) = (false, false);
        for level in levels.into_iter().filter(|&level| level > 0.0) {
            let places: Vec<(usize, usize)> =
                (0..h * w).filter(|&i| image[i] == level).map(|i| (i / w, i % w)).collect();
            let ends = |of: fn(&(usize, usize)) -> usize| {
                (places.iter().map(of).min().unwrap(), places.iter().map(of).max().unwrap())
            };
            let ((top, bottom), (left, right)) = (ends(|p| p.0), ends(|p| p.1));
            let (height, width) = (bottom - top + 1, right - left + 1);
            has_rectangle |= places.len() == height * width && height.min(width) > 3;
            // Within half a pixel of its own radius, about its middle.
            let (row, column, radius) =
                ((top + bottom) as f64 / 2.0, (left + right) as f64 / 2.0, height.max(width) as f64 / 2.0);
            let away = |r: usize, s: usize| (r as f64 - row).hypot(s as f64 - column);
            let inside = places.iter().all(|&(r, s)| away(r, s) < radius + 0.7);
            let filled = (0..h * w).all(|i| away(i / w, i % w) > radius - 1.2 || image[i] == level);
            has_disk |= inside && filled && height.abs_diff(width) <= 1 && height > 6;
        }
        rectangles += usize::from(has_rectangle);
        disks += usize::from(has_disk);
    }
    assert!(rectangles > 80 && disks > 65, "{rectangles} with a whole rectangle, {disks} with a whole disk, of 100");
}
