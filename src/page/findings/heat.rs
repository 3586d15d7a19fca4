//! Small pictures of numbers: tuning as a polar heat map, spectra.

use crate::findings::{FREQUENCIES, ORIENTATIONS};
use crate::mri::kspace;
use crate::picture::{Colormap, Figure, color_strip, strip};

/// Amplitudes by orientation (the angle, twice, since stripes have no beginning) and frequency (outwards is finer), `side` pixels.
/// What is not of the map is transparent in meaning and white in colour.
pub fn polar(map: &[f32], side: usize) -> Figure {
    let most = map.iter().copied().fold(0.0f32, f32::max).max(f32::MIN_POSITIVE);
    let middle = side as f64 / 2.0;
    let pixel = |i: usize| {
        let (x, y) = ((i % side) as f64 + 0.5 - middle, middle - (i / side) as f64 - 0.5);
        let r = x.hypot(y) / middle;
        if r >= 1.0 {
            return [255; 3];
        }
        let step = std::f64::consts::PI / ORIENTATIONS as f64;
        let angle = y.atan2(x).rem_euclid(std::f64::consts::PI);
        let orientation = (angle / step).round() as usize % ORIENTATIONS;
        let frequency = ((r * FREQUENCIES as f64) as usize).min(FREQUENCIES - 1);
        Colormap::Viridis.rgb(map.get(orientation * FREQUENCIES + frequency).map_or(0.0, |v| v / most))
    };
    let rgb: Vec<u8> = (0..side * side).flat_map(pixel).collect();
    color_strip(side, side, &rgb, side)
}

/// The logarithm of a picture's power at each frequency, the lowest in the middle, without the picture's mean.
pub fn spectrum(picture: &[f32], (h, w): (usize, usize), most: usize) -> Figure {
    let mean = picture.iter().map(|&v| f64::from(v)).sum::<f64>() / picture.len().max(1) as f64;
    let waves = kspace::of_image(picture.iter().map(|&v| (f64::from(v) - mean).into()).collect(), (h, w));
    let power: Vec<f64> = waves.iter().map(|v| v.norm_sqr()).collect();
    let floor = power.iter().copied().fold(0.0, f64::max) * 1e-6 + f64::MIN_POSITIVE;
    let map: Vec<f32> = power.iter().map(|&p| (p + floor).log10() as f32).collect();
    strip(h, w, &[map], Colormap::Gray, false, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_and_radii_are_those_of_the_map() {
        // Stripes at 90 degrees, the finest frequency.
        let mut map = vec![0.0; ORIENTATIONS * FREQUENCIES];
        map[6 * FREQUENCIES + FREQUENCIES - 1] = 2.0;
        let figure = polar(&map, 96);
        let (on, off) = (Colormap::Viridis.rgb(1.0), Colormap::Viridis.rgb(0.0));
        for (x, y, color) in [(48, 2, on), (47, 93, on), (2, 48, off), (48, 30, off), (48, 48, off), (0, 0, [255; 3])] {
            assert_eq!(figure.pixel(x, y), color, "at {x}, {y}");
        }
        // Anticlockwise: 45 degrees is above on the right.
        map.fill(0.0);
        map[3 * FREQUENCIES + 4] = 1.0;
        let figure = polar(&map, 96);
        let at = |r: f64, degrees: f64| {
            let (sin, cos) = degrees.to_radians().sin_cos();
            figure.pixel((48.0 + 48.0 * r * cos) as usize, (48.0 - 48.0 * r * sin) as usize)
        };
        assert_eq!([at(0.56, 45.0), at(0.56, 225.0), at(0.56, 135.0)], [on, on, off]);
    }

    #[test]
    fn a_wave_is_two_points_of_its_spectrum() {
        let picture: Vec<f32> =
            (0..32 * 32).map(|i| (i / 32) as f32 * std::f32::consts::TAU * 4.0 / 32.0).map(f32::sin).collect();
        let figure = spectrum(&picture, (32, 32), 32);
        let bright: Vec<(usize, usize)> =
            (0..32 * 32).map(|i| (i % 32, i / 32)).filter(|&(x, y)| figure.pixel(x, y)[0] > 200).collect();
        assert_eq!(bright, [(16, 12), (16, 20)]);
    }
}
