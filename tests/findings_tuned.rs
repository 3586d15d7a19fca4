//! Tuning of maps of amplitudes that can be reckoned by hand, and what is shown to measure it.

use approx::assert_relative_eq;
use rand::RngExt;
use std::f64::consts::TAU;
use unet_lens::engine::random::stream;
use unet_lens::engine::tensor::Shape;
use unet_lens::findings::stimuli::Stimuli;
use unet_lens::findings::{Data, DataFacts, DataKind, FREQUENCIES, ORIENTATIONS, Tuning, frequencies};

/// A map that is 0 but for these orientations' curves over the frequencies.
fn map(curves: &[(usize, [f64; FREQUENCIES])]) -> Vec<f64> {
    let mut map = vec![0.0; ORIENTATIONS * FREQUENCIES];
    for (orientation, curve) in curves {
        map[orientation * FREQUENCIES..][..FREQUENCIES].copy_from_slice(curve);
    }
    map
}

fn tuning(curves: &[(usize, [f64; FREQUENCIES])]) -> Tuning {
    Tuning::of(&map(curves), &[], &[]).unwrap()
}

/// A Gaussian over the frequencies about a centre.
fn gaussian(centre: f64, width: f64, height: f64) -> [f64; FREQUENCIES] {
    frequencies().map(|f| height * (-((f - centre) / width).powi(2) / 2.0).exp())
}

/// From one frequency to the next, in octaves.
fn step() -> f64 {
    (64.0f64 / 2.5).log2() / 7.0
}

#[test]
fn the_orientation_is_weighted_by_power() {
    // Powers 4 at 0 degrees and 1 at 45, which is a quarter of the doubled circle: half of the angle whose tangent is 1/4.
    let of = tuning(&[(0, [0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]), (3, [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0])]);
    assert_relative_eq!(of.orientation, 0.25f64.atan().to_degrees() / 2.0, epsilon = 1e-3);
}

/// Of a Gaussian the parabola through the logarithms is exact, on either side of a frequency that was shown.
#[test]
fn the_frequency_of_a_gaussian_is_its_centre() {
    let f = frequencies();
    let near = |i: usize| [0.9 * f[i] + 0.1 * f[i - 1], 0.9 * f[i] + 0.1 * f[i + 1]];
    for centre in (2..7).flat_map(near).chain([0.75 * f[0], 0.45]) {
        let width = (centre / 3.0).max(f[0]);
        for height in [1.0, 1e-4, 300.0] {
            let found = tuning(&[(5, gaussian(centre, width, height))]).frequency;
            assert_relative_eq!(found, centre, max_relative = 1e-6);
        }
    }
    // Beyond the ends it is not known how far: no farther than halfway to nothing, or than two pixels a wave.
    assert_relative_eq!(tuning(&[(5, gaussian(-0.1, 0.05, 1.0))]).frequency, f[0] / 2.0, epsilon = 1e-12);
    assert_relative_eq!(tuning(&[(5, gaussian(0.8, 0.25, 1.0))]).frequency, 0.5, epsilon = 1e-12);
}

/// Of powers in the ratio of sin 10 to sin 20 degrees the doubled angles' resultant lies a third of the way from the first to the second.
#[test]
fn the_curve_lies_between_two_orientations() {
    let ratio = (10f64.to_radians().sin() / 20f64.to_radians().sin()).sqrt();
    // Both have the power 25.
    let first = [0.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let second = [0.0, 0.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0].map(|v| v * ratio);
    for (before, after, degrees) in [(2, 3, 35.0), (11, 0, 170.0)] {
        let found = tuning(&[(before, first), (after, second)]);
        assert_relative_eq!(found.orientation, degrees, epsilon = 1e-3);
        let [low, most, high] = [1, 2, 3].map(|i| (2.0 * first[i] + second[i]) / 3.0);
        // The second frequency has more than half, the first none; the fourth less than half.
        assert!(low > most / 2.0 && high < most / 2.0);
        let (down, up) = ((low - most / 2.0) / low, (most / 2.0) / (most - high));
        assert_relative_eq!(found.bandwidth.unwrap(), step() * (1.0 + down + up), epsilon = 1e-4);
    }
}

#[test]
fn the_width_is_where_half_is_left() {
    let of = |curve: [f64; FREQUENCIES]| tuning(&[(7, curve)]).bandwidth.map(|octaves| octaves / step());
    // 4 is the most, 2 a half: from 3 to 1 it lies halfway, from 2.5 to 0.5 a quarter of the way.
    let by_hand = of([0.0, 1.0, 3.0, 4.0, 2.5, 0.5, 0.0, 0.0]).unwrap();
    assert_relative_eq!(by_hand, 1.0 + 0.5 + 1.0 + 0.25, epsilon = 1e-9);
    // Where exactly half is left, half is left.
    assert_relative_eq!(of([0.0, 2.0, 2.0, 4.0, 2.0, 2.0, 1.0, 0.0]).unwrap(), 4.0, epsilon = 1e-9);
    // It is the first fall below half that counts, not what rises again.
    assert_relative_eq!(of([3.0, 0.0, 0.0, 4.0, 0.0, 3.0, 3.0, 0.0]).unwrap(), 1.0, epsilon = 1e-9);
}

#[test]
fn band_pass_and_low_pass_look_at_every_orientation() {
    let flat = |lowest: f64, other: f64| [lowest, other, other, other, other, other, other, other];
    let of = |curves: &[(usize, [f64; FREQUENCIES])]| {
        let tuning = tuning(curves);
        (tuning.is_band_pass(), tuning.is_low_pass())
    };
    // More than twice as much as at the lowest frequency, whatever the scale.
    for scale in [0.125, 1.0, 8.0] {
        let scaled = |lowest: f64, other: f64| (4, flat(lowest, other).map(|v| v * scale));
        assert_eq!(of(&[scaled(3.0, 4.0)]), (false, false));
        assert_eq!(of(&[scaled(3.0, 6.0)]), (false, false), "twice is not more than twice");
        assert_eq!(of(&[scaled(3.0, 7.0)]), (true, false));
        assert_eq!(of(&[scaled(3.0, 3.0)]), (false, true));
    }
    // The means are 3 and 4, though each orientation alone is one or the other.
    assert_eq!(of(&[(0, flat(6.0, 0.0)), (9, flat(0.0, 8.0))]), (false, false));
    assert_eq!(of(&[(0, flat(6.0, 0.0)), (9, flat(0.0, 13.0))]), (true, false));
}

fn data(shape: Shape, images: Vec<Vec<f32>>) -> Data {
    let facts = DataFacts {
        kind: DataKind::Files,
        name: String::new(),
        images: images.len(),
        size: (shape.h, shape.w),
        mean: 0.5,
        deviation: 0.25,
        range: (0.0, 1.0),
    };
    Data { facts, shape, images }
}

/// Box and Muller (1958): of two even numbers `u` and `v` the radius is `sqrt(-2 ln u)` and the angle `v` turns. What is drawn lies below 1,
/// so that `u` is what is missing.
#[test]
fn noise_is_box_and_mullers() {
    let shape = Shape::new(1, 3, 5, 2);
    let stimuli = Stimuli::new(shape, &data(shape, vec![]), 7);
    let normal = |name: &str, number: u64, count: usize| -> Vec<f32> {
        let mut rng = stream(7, name, number);
        let mut all = vec![];
        while all.len() < count {
            let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
            let radius = (-2.0 * u.ln()).sqrt();
            all.extend([(TAU * v).cos(), (TAU * v).sin()].map(|side| (0.5 + 0.25 * radius * side) as f32));
        }
        all.truncate(count);
        all
    };
    for number in [0, 3] {
        let twice: Vec<f32> = normal("white noise", number, 15).into_iter().flat_map(|v| [v, v]).collect();
        for (found, expected) in [
            (stimuli.white(number as usize), twice),
            (stimuli.colours(number as usize), normal("noise of each channel", number, 30)),
        ] {
            assert_eq!(found.len(), expected.len());
            found.iter().zip(&expected).for_each(|(a, b)| assert_relative_eq!(a, b, epsilon = 1e-6));
        }
    }
}

#[test]
fn data_of_one_grey_have_no_spectrum() {
    let shape = Shape::new(1, 4, 6, 1);
    let image = Stimuli::new(shape, &data(shape, vec![vec![0.5; 24]; 2]), 7).coloured(0);
    assert_eq!(image, vec![0.5; 24]);
}
