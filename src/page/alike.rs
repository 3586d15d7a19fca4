//! How alike two pictures are.

use crate::mri::kspace;

/// Pearson's correlation; 0 where one of them is even.
pub fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let values = |v: &[f32]| v.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
    of(&values(a), &values(b))
}

/// The correlation of the amplitudes of their waves, whatever the phases: 1 for a picture and the same moved round.
pub fn same_spectrum(a: &[f32], b: &[f32], size: (usize, usize)) -> f64 {
    let waves = |picture: &[f32]| -> Vec<f64> {
        let mean = picture.iter().map(|&v| f64::from(v)).sum::<f64>() / picture.len().max(1) as f64;
        let waves = kspace::of_image(picture.iter().map(|&v| (f64::from(v) - mean).into()).collect(), size);
        waves.iter().map(|wave| wave.norm()).collect()
    };
    of(&waves(a), &waves(b))
}

fn of(a: &[f64], b: &[f64]) -> f64 {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len().max(1) as f64;
    let (ma, mb) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - ma) * (y - mb);
        aa += (x - ma).powi(2);
        bb += (y - mb).powi(2);
    }
    // Rounding leaves a little of an even picture.
    let even = |squares: f64, mean: f64| squares <= 1e-12 * (1.0 + mean * mean) * a.len() as f64;
    if even(aa, ma) || even(bb, mb) { 0.0 } else { ab / (aa * bb).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_moved_or_brighter_is_alike() {
        let picture: Vec<f32> = (0..16 * 12).map(|i| ((i * i) % 37) as f32).collect();
        let brighter: Vec<f32> = picture.iter().map(|v| 3.0 * v + 20.0).collect();
        let mut moved = picture.clone();
        moved.rotate_right(5 * 12);
        let other: Vec<f32> = (0..16 * 12).map(|i| ((i * 7 + i * i * 3) % 41) as f32).collect();
        assert!((correlation(&picture, &brighter) - 1.0).abs() < 1e-9);
        assert!(correlation(&picture, &other).abs() < 0.4);
        assert_eq!(correlation(&picture, &[2.5; 192]), 0.0);
        assert!((same_spectrum(&picture, &moved, (16, 12)) - 1.0).abs() < 1e-9);
        assert!(same_spectrum(&picture, &other, (16, 12)) < 0.8);
    }
}
