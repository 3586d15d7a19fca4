//! Spectra, looks and losses of pictures that are small enough to reckon with by hand; and shuffled kernels.

mod common;

use approx::assert_relative_eq;
use std::f64::consts::TAU;
use unet_lens::engine::ops::Kernel;
use unet_lens::engine::tensor::Shape;
use unet_lens::findings::spectrum::{cells, flatness, likeness, mutual_likeness, unevenness};
use unet_lens::findings::task::Task;
use unet_lens::findings::{DataKind, Look, Shuffle, shuffled, still_seed};
use unet_lens::mri::metrics::{psnr, ssim};
use unet_lens::network::{Kind, Network, keras};

/// Channels of one wave each: so many down and across, and its amplitude. Each has a mean of its own.
fn waves((h, w): (usize, usize), channels: &[(usize, usize, f64)]) -> Vec<f32> {
    let value = |i: usize| {
        let (r, s) = ((i / w) as f64 / h as f64, (i % w) as f64 / w as f64);
        let wave = move |(c, &(down, across, amplitude)): (usize, &(usize, usize, f64))| {
            (7.0 + c as f64 + amplitude * (TAU * (down as f64 * r + across as f64 * s)).cos()) as f32
        };
        channels.iter().enumerate().map(wave)
    };
    (0..h * w).flat_map(value).collect()
}

/// A wave of amplitude A on N pixels has power (A N / 2)^2 at its frequency and at the opposite one.
#[test]
fn waves_lie_in_the_cells_of_their_frequencies() {
    let expected = |cells: &[f64], columns: usize, at: [(usize, usize); 2], power: f64| {
        for (i, found) in cells.iter().enumerate() {
            let right = if at.contains(&(i / columns, i % columns)) { power } else { 0.0 };
            assert!((found - right).abs() < 1e-6 * power, "cell {}, {}: {found} for {right}", i / columns, i % columns);
        }
    };
    // 32 x 48: a cell has 2 x 3 frequencies, and 0 lies at row 16, column 24. (4, 7) is row 20, column 31; the opposite 12 and 17.
    let n = 32.0 * 48.0;
    let one = cells(&waves((32, 48), &[(4, 7, 2.0)]), (32, 48), 1);
    assert_eq!(one.len(), 16 * 16);
    expected(&one, 16, [(10, 10), (6, 5)], n * n / 6.0);
    // Of two channels the mean of both.
    let two = cells(&waves((32, 48), &[(4, 7, 2.0), (4, 7, 4.0)]), (32, 48), 2);
    expected(&two, 16, [(10, 10), (6, 5)], n * n * (1.0 + 4.0) / 12.0);
    // Of fewer than 16 rows and columns each frequency is a cell.
    let small = cells(&waves((8, 12), &[(1, 4, 2.0)]), (8, 12), 1);
    assert_eq!(small.len(), 8 * 12);
    expected(&small, 12, [(5, 10), (3, 2)], 96.0 * 96.0);
}

#[test]
fn flatness_and_likeness_by_hand() {
    // The geometric mean of 1 and 4 is 2, the mean 2.5.
    assert_relative_eq!(flatness(&[1.0, 4.0]), 0.8, epsilon = 1e-8);
    assert_relative_eq!(flatness(&[30.0, 30.0, 30.0]), 1.0, epsilon = 1e-8);
    assert!(flatness(&[30.0, 30.0, 30.0]) <= 1.0);
    assert_eq!(flatness(&[0.0, 0.0]), 1.0);
    // Of 0 and 2 the mean is 1: what is added to 0 is a thousand millionth.
    assert_relative_eq!(flatness(&[0.0, 2.0]), 2e-9f64.sqrt(), epsilon = 1e-10);
    let e = |powers: [f64; 3]| powers.map(f64::exp);
    // The correlation of 0, 1, 2 with 0, 2, 1 is a half, whatever both are multiplied with.
    assert_relative_eq!(likeness(&e([0.0, 1.0, 2.0]), &e([3.0, 5.0, 4.0])), 0.5, epsilon = 1e-6);
    assert_eq!(likeness(&e([0.0, 1.0, 2.0]), &[1.0; 3]), 0.0, "white noise is like nothing");
    // NumPy: corrcoef of log(p + 1e-9 p.mean()).
    assert_relative_eq!(likeness(&[0.0, 1.0, 1.0], &[0.0, 1.0, 4.0]), 0.998355079807083, epsilon = 1e-9);
    assert_eq!(likeness(&[0.0; 3], &[0.0, 1.0, 4.0]), 0.0);
    // 1 of the first two, -1 of both with the third.
    let three = [e([0.0, 1.0, 2.0]), e([1.0, 2.0, 3.0]), e([2.0, 1.0, 0.0])].map(|cells| cells.to_vec());
    assert_relative_eq!(mutual_likeness(&three), -1.0 / 3.0, epsilon = 1e-6);
    assert_eq!((mutual_likeness(&three[..1]), mutual_likeness(&[])), (0.0, 0.0));
}

/// Blocks of 16 x 16 pixels of a chessboard of +-a about 10, of energy a^2 each; what is left beside the blocks is 10.
fn blocks((h, w): (usize, usize), channels: usize, energies: &[f64]) -> Vec<f32> {
    let columns = w / 16;
    let value = |i: usize| {
        let (r, s, c) = (i / channels / w, i / channels % w, i % channels);
        let energy = if s / 16 < columns { energies.get(r / 16 * columns + s / 16) } else { None };
        let sign = if (r + s + c).is_multiple_of(2) { 1.0 } else { -1.0 };
        (10.0 + sign * energy.map_or(0.0, |energy| energy.sqrt())) as f32
    };
    (0..h * w * channels).map(value).collect()
}

#[test]
fn unevenness_by_hand() {
    // Mean 4; the squares of what differs from it are 9, 4, 1, 0, 1 and 25, by five 8.
    let six = [1.0, 2.0, 3.0, 4.0, 5.0, 9.0];
    for (size, channels) in [((32, 48), 1), ((32, 48), 2), ((35, 54), 3), ((48, 32), 1)] {
        let found = unevenness(&blocks(size, channels, &six), size, channels).unwrap();
        assert_relative_eq!(found, 8f64.sqrt() / 4.0, epsilon = 1e-5);
    }
    assert_relative_eq!(unevenness(&blocks((32, 32), 1, &[4.0; 4]), (32, 32), 1).unwrap(), 0.0, epsilon = 1e-6);
    assert_eq!(unevenness(&blocks((48, 16), 1, &[1.0, 2.0, 3.0]), (48, 16), 1), None, "three blocks say little");
    assert_eq!(unevenness(&blocks((32, 32), 1, &[0.0; 4]), (32, 32), 1), None);
}

/// Of 9 rows and 13 columns the middle are rows 2 to 6 and columns 3 to 9.
#[test]
fn a_picture_is_its_seed_by_its_middle() {
    let picture = |inside: f32, outside: f32, channels: usize| -> (Vec<f32>, Vec<f32>) {
        let seed: Vec<f32> = (0..9 * 13 * channels).map(|i| ((i * 31 + i * i) % 17) as f32).collect();
        let value = |i: usize| {
            let (r, s) = (i / channels / 13, i / channels % 13);
            seed[i] * if (2..7).contains(&r) && (3..10).contains(&s) { inside } else { outside }
        };
        ((0..seed.len()).map(value).collect(), seed)
    };
    for channels in [1, 2] {
        for (inside, outside, still) in [(1.0, -1.0, 1.0), (2.0, 0.0, 1.0), (-1.0, 1.0, -1.0)] {
            let (picture, seed) = picture(inside, outside, channels);
            assert_relative_eq!(still_seed(&picture, &seed, (9, 13)), still, epsilon = 1e-6);
        }
        let (even, seed) = picture(0.0, 1.0, channels);
        assert_eq!(still_seed(&even, &seed, (9, 13)), 0.0);
    }
    let look = |flat: f64, still_seed: f64| Look { flat, flat_threshold: 0.8, still_seed, steps: 20 };
    assert!(look(0.1, 0.9).is_seed() && look(0.1, 0.9).is_noise() && look(0.81, 0.0).is_noise());
    assert!(!look(0.8, 0.89).is_seed() && !look(0.8, 0.89).is_noise() && !look(0.81, 0.89).is_seed());
}

fn task(images: usize, truths: Option<Vec<Vec<f32>>>) -> Task {
    let image = |i: usize| (0..256).map(|p| (i * 1000 + p) as f32).collect();
    Task { shape: Shape::new(1, 16, 16, 1), images: (0..images).map(image).collect(), truths }
}

#[test]
fn what_is_lost_by_hand() {
    // Without a truth: 1, 2, 3, 6 spread about 3 by the squares 4, 1, 0, 9; they move by 1, 0, -2 and 3.
    let without = task(1, None);
    let before = [1.0, 2.0, 3.0, 6.0];
    assert_relative_eq!(without.lost(0, &before, &[2.0, 2.0, 1.0, 9.0]), 1.0, epsilon = 1e-9);
    assert_relative_eq!(without.lost(0, &before, &[1.0, 2.0, 3.0, 7.0]), (1.0f64 / 14.0).sqrt(), epsilon = 1e-9);
    // What does not vary has no spread to measure by: the root of the mean square, of 9 and 7.
    assert_relative_eq!(without.lost(0, &[5.0; 4], &[8.0, 5.0, 5.0, 5.0]), 1.5, epsilon = 1e-9);
    assert_eq!(without.lost_where(0, &before, &before, &|_| true), None);
    assert_eq!(without.ssim_lost(0, &before, &before), None);

    let truth: Vec<f32> = (0..256).map(|p| (p % 16) as f32 / 16.0).collect();
    let with = task(2, Some(vec![vec![0.0; 256], truth.clone()]));
    let off = |by: f32, other: f32| -> Vec<f32> {
        truth.iter().enumerate().map(|(p, v)| v + if p < 128 { by } else { other }).collect()
    };
    // An error ten times as large is 20 dB, in the half in which it is so.
    let (before, after) = (off(0.01, 0.02), off(0.1, 0.02));
    assert_relative_eq!(with.lost_where(1, &before, &after, &|p| p < 128).unwrap(), 20.0, epsilon = 1e-3);
    assert_relative_eq!(with.lost_where(1, &before, &after, &|p| p >= 128).unwrap(), 0.0, epsilon = 1e-9);
    assert_eq!(with.lost_where(1, &truth, &truth, &|_| true), None, "of nothing a loss is no number");
    // All pixels: (1 + 4) / 2 and (100 + 4) / 2 ten-thousandths, in dB.
    let all = 10.0 * (104.0f64 / 5.0).log10();
    assert_relative_eq!(with.lost(1, &before, &after), all, epsilon = 1e-3);
    assert_relative_eq!(with.lost(1, &before, &after), psnr(&before, &truth) - psnr(&after, &truth), epsilon = 1e-9);
    let similar = |picture: &[f32]| ssim(picture, &truth, (16, 16)).unwrap();
    let lost = with.ssim_lost(1, &before, &after).unwrap();
    assert!(lost > 0.0);
    assert_relative_eq!(lost, similar(&before) - similar(&after), epsilon = 1e-9);

    let first = with.first(1);
    assert_eq!(
        (first.images, first.truths, first.shape),
        (with.images[..1].to_vec(), Some(vec![vec![0.0; 256]]), with.shape)
    );
    assert_eq!(with.first(9).images.len(), 2);
}

#[test]
fn of_files_every_second_image_is_held_out() {
    let network = keras::built_in().unwrap();
    let images = task(5, None).images;
    let shape = Shape::new(4, 16, 16, 1);
    let (seen, held_out) = Task::of(&network, DataKind::Files, shape, &images, 0).unwrap().unwrap();
    assert_eq!(seen.images, [&images[0], &images[2], &images[4]].map(Clone::clone));
    assert_eq!(held_out.images, [&images[1], &images[3]].map(Clone::clone));
    assert_eq!((seen.shape, seen.truths, held_out.truths), (shape.with_n(1), None, None));
    assert!(Task::of(&network, DataKind::Nothing, shape, &images, 0).unwrap().is_none());
    // Of phantoms as many more, which were never used before.
    let (seen, held_out) = Task::of(&network, DataKind::Phantoms, shape, &images[..2], 0).unwrap().unwrap();
    assert_eq!((seen.images.len(), held_out.images.len()), (2, 2));
    assert!(seen.truths.is_some() && seen.images.iter().all(|image| !held_out.images.contains(image)));
}

/// The kernels that are shuffled, by layer, and the pointwise ones and biases, which stay.
fn kernels(network: &Network) -> Vec<(Kernel, Vec<f32>)> {
    let of = |kind: &Kind| match kind {
        Kind::Conv2d { conv, .. } | Kind::ConvTranspose { conv, .. } => {
            Some((conv.kernel.clone(), conv.bias.as_deref().unwrap_or_default().to_vec()))
        }
        Kind::Separable { depthwise, pointwise, .. } => {
            Some((depthwise.kernel.clone(), pointwise.kernel.values().to_vec()))
        }
        _ => None,
    };
    network.layers.iter().filter_map(|layer| of(&layer.kind)).collect()
}

/// From each input to each output the same taps in another order, and each pair in an order of its own.
#[test]
fn shuffled_kernels_keep_their_taps() {
    let taps = |kernel: &Kernel, pair: usize| -> Vec<f32> {
        kernel.values().iter().skip(pair).step_by(kernel.ci * kernel.co).copied().collect()
    };
    for file in ["tiny.h5", "keras/layers/separable_k3.keras", "keras/layers/transpose_same_k3.keras"] {
        let network = common::network(file);
        let own = kernels(&network);
        let [first, again, other_draw, other_seed] = [(1, 0), (1, 0), (1, 1), (2, 0)]
            .map(|(seed, draw)| kernels(&shuffled(&network, Shuffle::Taps, seed, draw).unwrap()));
        assert!(!own.is_empty() && first.len() == own.len(), "{file}");
        let values = |kernels: &[(Kernel, Vec<f32>)]| -> Vec<Vec<f32>> {
            kernels.iter().map(|(kernel, _)| kernel.values().to_vec()).collect()
        };
        assert_eq!(values(&first), values(&again), "{file}: the same seed gives the same kernels");
        assert!(values(&first) != values(&other_draw) && values(&first) != values(&other_seed), "{file}");
        for ((kernel, rest), (shuffled, same)) in own.iter().zip(&first) {
            assert_eq!(
                (kernel.kh, kernel.kw, kernel.ci, kernel.co),
                (shuffled.kh, shuffled.kw, shuffled.ci, shuffled.co)
            );
            assert_eq!(rest, same, "{file}: biases and pointwise kernels stay");
            let (count, mut moved) = (kernel.kh * kernel.kw, 0);
            for pair in 0..kernel.ci * kernel.co {
                let (mut before, mut after) = (taps(kernel, pair), taps(shuffled, pair));
                moved += usize::from(before != after);
                before.sort_by(f32::total_cmp);
                after.sort_by(f32::total_cmp);
                assert_eq!(before, after, "{file}: pair {pair}");
            }
            // One order in 9! is the one that there was.
            assert!(count < 9 || moved == kernel.ci * kernel.co, "{file}: {moved} pairs of {}", kernel.ci * kernel.co);
        }
    }
}

/// All kernels of a network, the pointwise ones and those of dense layers among them, and all biases.
fn all_kernels(network: &Network) -> (Vec<Kernel>, Vec<f32>) {
    let (mut kernels, mut biases) = (vec![], vec![]);
    for layer in &network.layers {
        let (of_layer, bias) = match &layer.kind {
            Kind::Conv2d { conv, .. } | Kind::ConvTranspose { conv, .. } => (vec![&conv.kernel], &conv.bias),
            Kind::Separable { depthwise, pointwise, .. } => {
                (vec![&depthwise.kernel, &pointwise.kernel], &pointwise.bias)
            }
            Kind::Dense { kernel, bias, .. } => (vec![kernel], bias),
            _ => continue,
        };
        kernels.extend(of_layer.into_iter().cloned());
        biases.extend_from_slice(bias.as_deref().unwrap_or_default());
    }
    (kernels, biases)
}

/// What each output of a kernel adds up to.
fn sums(kernel: &Kernel) -> Vec<f64> {
    let of = |output: usize| kernel.values().iter().skip(output).step_by(kernel.co).map(|&v| f64::from(v)).sum();
    (0..kernel.co).map(of).collect()
}

/// A kernel has the same weights as before, whatever is asked for. Where all are shuffled, each may have moved to another filter, so
/// that no filter of many weights has the sum that it had; of taps each stays with its input and its output, and so do the sums.
#[test]
fn shuffled_weights_leave_their_filters_and_shuffled_taps_do_not() {
    for file in [
        "tiny.h5",
        "keras/layers/separable_k3.keras",
        "keras/layers/transpose_same_k3.keras",
        "keras/layers/dense_channels_k3.keras",
    ] {
        let network = common::network(file);
        let (own, biases) = all_kernels(&network);
        assert!(!own.is_empty(), "{file}");
        let of = |how, seed, draw| all_kernels(&shuffled(&network, how, seed, draw).unwrap());
        let values = |kernels: &[Kernel]| -> Vec<Vec<f32>> { kernels.iter().map(|k| k.values().to_vec()).collect() };
        let [first, again, other_draw, other_seed] =
            [(1, 0), (1, 0), (1, 1), (2, 0)].map(|(seed, draw)| values(&of(Shuffle::Weights, seed, draw).0));
        assert_eq!(first, again, "{file}: the same seed gives the same kernels");
        assert!(first != other_draw && first != other_seed, "{file}");
        for how in [Shuffle::Taps, Shuffle::Weights] {
            let (shuffled, same) = of(how, 1, 0);
            assert_eq!((&biases, own.len()), (&same, shuffled.len()), "{file}: biases stay");
            for (before, after) in own.iter().zip(&shuffled) {
                let shape = |k: &Kernel| (k.kh, k.kw, k.ci, k.co);
                assert_eq!(shape(before), shape(after), "{file}");
                let sorted = |kernel: &Kernel| {
                    let mut values = kernel.values().to_vec();
                    values.sort_by(f32::total_cmp);
                    values
                };
                assert_eq!(sorted(before), sorted(after), "{file}: {how:?}");
                let moved = |(before, after): (f64, f64)| (before - after).abs() > 1e-6;
                let moved = sums(before).into_iter().zip(sums(after)).filter(|&pair| moved(pair)).count();
                let all = if before.co == 1 || how == Shuffle::Taps { 0 } else { before.co };
                assert_eq!(moved, all, "{file}: {how:?}: sums of a kernel of {:?}", shape(before));
            }
        }
    }
}
