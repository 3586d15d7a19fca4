//! What is shown to the filters: gratings, bars and edges, noise and greys, against what they are said to be.

use approx::assert_relative_eq;
use unet_lens::engine::tensor::Shape;
use unet_lens::findings::stats::correlation;
use unet_lens::findings::stimuli::{BARS, GRATINGS, GREYS, ORIENTATIONS, PHASES, Stimuli, split};
use unet_lens::findings::{Data, DataFacts, DataKind, FREQUENCIES, frequencies};
use unet_lens::mri::kspace;

const MEAN: f64 = 0.4;
const DEVIATION: f64 = 0.2;

/// Data of these images, said to have this range.
fn data(shape: Shape, images: Vec<Vec<f32>>, range: (f64, f64)) -> Data {
    let facts = DataFacts {
        kind: DataKind::Files,
        name: String::new(),
        images: images.len(),
        size: (shape.h, shape.w),
        mean: MEAN,
        deviation: DEVIATION,
        range,
    };
    Data { facts, shape, images }
}

fn stimuli(shape: Shape, seed: u64) -> Stimuli {
    Stimuli::new(shape, &data(shape, vec![], (0.2, 0.8)), seed)
}

/// In units of the deviation, from the mean.
fn normalised(image: &[f32]) -> Vec<f64> {
    image.iter().map(|&v| (f64::from(v) - MEAN) / DEVIATION).collect()
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}

#[test]
fn frequencies_go_evenly_from_a_64th_to_two_fifths() {
    let f = frequencies();
    assert_relative_eq!(f[0], 1.0 / 64.0, epsilon = 1e-12);
    assert_relative_eq!(f[FREQUENCIES - 1], 0.4, epsilon = 1e-12);
    for two in f.windows(2) {
        assert_relative_eq!(two[1] / two[0], 25.6f64.powf(1.0 / 7.0), epsilon = 1e-12);
    }
}

#[test]
fn gratings_are_waves_along_every_orientation() {
    assert_eq!((ORIENTATIONS, FREQUENCIES, PHASES, GRATINGS, BARS), (12, 8, 4, 384, 36));
    let shape = Shape::new(1, 9, 7, 2);
    let stimuli = stimuli(shape, 0);
    let mut number = 0;
    for orientation in 0..12 {
        for frequency in 0..8 {
            let mut squares = vec![0.0; shape.pixels()];
            for phase in 0..4 {
                assert_eq!(split(number), (orientation, frequency, phase));
                let found = normalised(&stimuli.grating(number));
                // A step along the stripes, `(cos, -sin)` of columns and rows, changes nothing; one across them is a part of the wave.
                let (sin, cos) = (15.0 * orientation as f64).to_radians().sin_cos();
                let cycles = |r: usize, s: usize| frequencies()[frequency] * (sin * s as f64 + cos * r as f64);
                for (i, two) in found.chunks_exact(2).enumerate() {
                    let turns = cycles(i / 7, i % 7) + phase as f64 / 4.0;
                    assert_relative_eq!(two[0], 2f64.sqrt() * (360.0 * turns).to_radians().cos(), epsilon = 1e-5);
                    assert_eq!(two[0], two[1], "both channels are the same");
                    squares[i] += two[0] * two[0] / 4.0;
                }
                number += 1;
            }
            // At every pixel the mean square over the phases is the data's variance.
            assert!(squares.iter().all(|square| (square - 1.0).abs() < 1e-5), "{squares:?}");
        }
    }
}

/// Bright bars, dark bars and edges at 0, 30, 45 and 90 degrees; the middle of 40 rows and 80 columns is (20, 40).
#[test]
fn bars_and_edges_by_hand() {
    let shape = Shape::new(1, 40, 80, 1);
    let stimuli = stimuli(shape, 0);
    let painted = |i: usize| -> Vec<f64> { normalised(&stimuli.bar(i)) };
    let (bright, dark, edges) = (painted(6), painted(12 + 6), painted(24 + 6));
    for i in 0..40 * 80 {
        let s = i % 80;
        let bar = if [8, 24, 40, 56, 72].contains(&s) { 3.0 } else { 0.0 };
        assert_relative_eq!(bright[i], bar, epsilon = 1e-5);
        assert_relative_eq!(dark[i], -bar, epsilon = 1e-5);
        // Of a period of 32 one half is bright, about the middle, and one is dark; what lies on an edge is neither.
        let from_bright = [8i32, 40, 72].into_iter().map(|middle| (s as i32 - middle).abs()).min().unwrap();
        let edge = f64::from((8 - from_bright).signum());
        assert_relative_eq!(edges[i], edge, epsilon = 1e-5);
    }
    let horizontal = painted(0);
    for r in 0..40 {
        let bar = if [4, 20, 36].contains(&r) { 3.0 } else { 0.0 };
        assert_relative_eq!(horizontal[r * 80 + 7], bar, epsilon = 1e-5);
    }
    // At 30 degrees 32 columns are 16 pixels across the bars, and a column is half of one; up and to the right a bar goes on at 45.
    let (flat, steep, flat_edges) = (painted(2), painted(3), painted(24 + 2));
    for (image, (r, s), value) in [
        (&flat, (20, 40), 3.0),
        (&flat, (20, 41), 1.5),
        (&flat, (20, 72), 3.0),
        (&flat, (20, 8), 3.0),
        (&flat, (20, 24), 0.0),
        (&flat, (21, 40), 3.0 * (1.0 - 0.75f64.sqrt())),
        (&steep, (10, 50), 3.0),
        (&steep, (30, 30), 3.0),
        (&steep, (20, 41), 3.0 * (1.0 - 0.5f64.sqrt())),
        (&steep, (30, 50), 0.0),
        (&flat_edges, (20, 54), 1.0),
        (&flat_edges, (20, 55), 1.0),
        (&flat_edges, (20, 56), 0.0),
        (&flat_edges, (20, 57), -1.0),
        (&flat_edges, (20, 72), -1.0),
        (&flat_edges, (20, 8), -1.0),
    ] {
        assert_relative_eq!(image[r * 80 + s], value, epsilon = 1e-5);
    }
}

/// The mean, variance and fourth moment of a normal distribution; neighbours have nothing to do with each other.
fn assert_normal(values: &[f64]) {
    let moment = |power: i32| mean(values.iter().map(|v| v.powi(power)));
    let moments = [moment(1), moment(2), moment(3), moment(4)];
    for (found, (right, near)) in moments.into_iter().zip([(0.0, 0.06), (1.0, 0.1), (0.0, 0.2), (3.0, 0.6)]) {
        assert!((found - right).abs() < near, "{moments:?}");
    }
    let within = values.iter().filter(|v| v.abs() < 1.0).count() as f64 / values.len() as f64;
    assert!((within - 0.6827).abs() < 0.03, "{within}");
    assert!(correlation(&values[1..], &values[..values.len() - 1]).unwrap().abs() < 0.06);
    let squares: Vec<f64> = values.iter().map(|v| v * v).collect();
    assert!(correlation(&squares[1..], &squares[..values.len() - 1]).unwrap().abs() < 0.06);
}

#[test]
fn noise_is_normal_and_of_its_own() {
    // An odd number of pixels: numbers are drawn two by two.
    let shape = Shape::new(1, 63, 65, 2);
    let channel = |image: &[f32], c: usize| normalised(&image.iter().skip(c).step_by(2).copied().collect::<Vec<f32>>());
    let one = stimuli(shape, 1);
    let white: Vec<Vec<f64>> =
        [one.white(0), one.white(1), stimuli(shape, 2).white(0), one.coloured(0), one.coloured(1)]
            .iter()
            .inspect(|image| assert_eq!((image.len(), channel(image, 0)), (shape.len(), channel(image, 1))))
            .map(|image| channel(image, 0))
            .collect();
    white.iter().for_each(|image| assert_normal(image));
    for (i, j) in (0..white.len()).flat_map(|i| (0..i).map(move |j| (i, j))) {
        assert!(correlation(&white[i], &white[j]).unwrap().abs() < 0.06, "{i} and {j}");
    }
    // Of noise with a spectrum mean and deviation are the data's exactly, also where the spectrum is that of white noise.
    for image in &white[3..] {
        assert!(mean(image.iter().copied()).abs() < 1e-6 && (mean(image.iter().map(|v| v * v)) - 1.0).abs() < 1e-5);
    }
    let colours = [one.colours(0), one.colours(1)].map(|image| [channel(&image, 0), channel(&image, 1)]).concat();
    colours.iter().for_each(|image| assert_normal(image));
    for (i, j) in [(0, 1), (0, 2), (1, 3)] {
        assert!(correlation(&colours[i], &colours[j]).unwrap().abs() < 0.06, "{i} and {j}");
    }
}

/// So many waves down and across the image, each of its own amplitude, on a grey.
fn waves(shape: Shape, waves: &[(f64, f64, f64)]) -> Vec<f32> {
    let value = |i: usize| {
        let (r, s) = ((i / shape.w) as f64 / shape.h as f64, (i % shape.w) as f64 / shape.w as f64);
        let wave = |&(down, across, amplitude): &(f64, f64, f64)| {
            amplitude * (std::f64::consts::TAU * (down * r + across * s)).cos()
        };
        (MEAN + waves.iter().map(wave).sum::<f64>()) as f32
    };
    (0..shape.pixels()).map(value).collect()
}

const SMALL: Shape = Shape::new(1, 8, 12, 1);

/// The amplitude of coloured noise at a frequency, and the share of its power that lies at these, both ways round.
fn coloured(data: &Data, at: &[(usize, usize)]) -> (Vec<f64>, f64) {
    let image = normalised(&Stimuli::new(SMALL, data, 3).coloured(0));
    let k = kspace::of_image(image.iter().map(|&v| v.into()).collect(), (SMALL.h, SMALL.w));
    let power = |down: usize, across: usize| k[down * SMALL.w + across].norm_sqr();
    let all: f64 = k.iter().map(|v| v.norm_sqr()).sum();
    let both = |&(down, across): &(usize, usize)| power(4 + down, 6 + across) + power(4 - down, 6 - across);
    (
        at.iter().map(|&(down, across)| power(4 + down, 6 + across).sqrt()).collect(),
        at.iter().map(both).sum::<f64>() / all,
    )
}

#[test]
fn coloured_noise_has_the_datas_spectrum() {
    let range = (0.0, 1.0);
    // Of waves in two images and two channels the powers add up: 9 + 16 = 25 of one, 16 of the other.
    let (a, b) = ((1, 2), (2, 1));
    let three = [waves(SMALL, &[(1.0, 2.0, 3.0), (2.0, 1.0, 4.0)]), waves(SMALL, &[(1.0, 2.0, 4.0)])];
    let two_images = data(SMALL, three.to_vec(), range);
    let white = coloured(&data(SMALL, vec![], range), &[a, b]).0;
    let (amplitudes, share) = coloured(&two_images, &[a, b]);
    assert!(share > 1.0 - 1e-6, "{share}");
    let ratio = (amplitudes[0] / white[0]) / (amplitudes[1] / white[1]);
    assert_relative_eq!(ratio, 5.0 / 4.0, epsilon = 1e-5);
    let interleaved = three[0].iter().zip(&three[1]).flat_map(|(&a, &b)| [a, b]).collect();
    let two_channels = data(Shape { c: 2, ..SMALL }, vec![interleaved], range);
    let same = coloured(&two_channels, &[a, b]);
    assert_relative_eq!(same.0[0], amplitudes[0], epsilon = 1e-4);
    assert_relative_eq!(same.0[1], amplitudes[1], epsilon = 1e-4);

    // Of larger images the middle counts: 8 rows and 12 columns of 12 and 20, here from row 2 and column 4 on.
    let large = Shape::new(1, 12, 20, 1);
    let wave = waves(SMALL, &[(1.0, 2.0, 1.0)]);
    let framed = (0..large.pixels()).map(|i| match (i / 20, i % 20) {
        (r @ 2..10, s @ 4..16) => wave[(r - 2) * 12 + s - 4],
        (r, s) => ((r * 7 + s * s) % 5) as f32,
    });
    let (_, share) = coloured(&data(large, vec![framed.collect()], range), &[a]);
    assert!(share > 1.0 - 1e-6, "{share}");
    // Smaller ones repeat: one wave in 4 rows and 6 columns is two in 8 and 12.
    let little = Shape::new(1, 4, 6, 1);
    let (_, share) = coloured(&data(little, vec![waves(little, &[(1.0, 1.0, 1.0)])], range), &[(2, 2)]);
    assert!(share > 1.0 - 1e-6, "{share}");
}

#[test]
fn greys_go_from_dark_to_light_by_way_of_nothing() {
    let of = |range: (f64, f64), i: usize| {
        let image = Stimuli::new(SMALL, &data(SMALL, vec![], range), 0).grey(i);
        assert!(image.len() == SMALL.len() && image.iter().all(|v| *v == image[0]));
        f64::from(image[0])
    };
    assert_eq!(GREYS, 9);
    for i in 0..=9 {
        let from_nothing = if i < 9 { 0.8 * i as f64 / 8.0 } else { MEAN };
        assert_relative_eq!(of((0.2, 0.8), i), from_nothing, epsilon = 1e-6);
    }
    assert_relative_eq!(of((-0.6, -0.2), 0), -0.6, epsilon = 1e-6);
    assert_relative_eq!(of((-0.6, -0.2), 4), -0.3, epsilon = 1e-6);
    assert_eq!(of((-0.6, -0.2), 8), 0.0);
    assert_relative_eq!(of((-0.5, 1.5), 1), -0.25, epsilon = 1e-6);
}
