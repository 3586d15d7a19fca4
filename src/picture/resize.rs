//! Pictures in another size.

use crate::engine::tensor::{Shape, Tensor};
use image::imageops::{FilterType, resize as resize_pixels};
use image::{ImageBuffer, Luma};

/// Images `[n, h, w, c]` as `[n, to.0, to.1, c]`, with linear interpolation; made smaller, what would alias is smoothed away.
pub fn resize(images: &Tensor, to: (usize, usize)) -> Tensor {
    let from = images.shape;
    if (from.h, from.w) == to {
        return images.clone();
    }
    let shape = Shape { h: to.0, w: to.1, ..from };
    // The library cuts values off that are not in [0, 1]; linear interpolation does not mind where 0 and 1 are.
    let (lo, hi) = images.data.iter().fold((f32::MAX, f32::MIN), |(lo, hi), &v| (lo.min(v), hi.max(v)));
    let span = if hi > lo { hi - lo } else { 1.0 };
    let mut resized = Tensor::zeros(shape);
    for (n, c) in (0..from.n * from.c).map(|i| (i / from.c, i % from.c)) {
        let plane: Vec<f32> = images.image(n).iter().skip(c).step_by(from.c).map(|v| (v - lo) / span).collect();
        let plane = ImageBuffer::<Luma<f32>, _>::from_raw(from.w as u32, from.h as u32, plane).expect("h x w values");
        let plane = resize_pixels(&plane, to.1 as u32, to.0 as u32, FilterType::Triangle);
        let len = shape.image_len();
        let target = resized.data[n * len..(n + 1) * len].iter_mut().skip(c).step_by(from.c);
        target.zip(plane.into_raw()).for_each(|(to, v)| *to = lo + v * span);
    }
    resized
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_beyond_0_and_1_survive_and_a_ramp_stays_one() {
        let ramp: Vec<f32> = (0..12 * 8 * 2).map(|i| (i / 2 % 8) as f32 - 3.5 + 100.0 * (i % 2) as f32).collect();
        let images = Tensor::new(Shape::new(1, 12, 8, 2), ramp);
        assert_eq!(resize(&images, (12, 8)), images);
        for to in [(6, 4), (24, 16), (7, 3), (1, 1)] {
            let resized = resize(&images, to);
            assert_eq!(resized.shape, Shape::new(1, to.0, to.1, 2));
            for (y, x) in (0..to.0 * to.1).map(|i| (i / to.1, i % to.1)) {
                let value = resized.data[resized.shape.at(0, y, x, 0)];
                assert!((resized.data[resized.shape.at(0, y, x, 1)] - value - 100.0).abs() < 1e-4);
                // Where no border is near.
                let place = (x as f32 + 0.5) * 8.0 / to.1 as f32 - 0.5;
                let support = (8.0 / to.1 as f32).max(1.0);
                if place - support >= 0.0 && place + support <= 7.0 {
                    assert!((value - (place - 3.5)).abs() < 1e-3, "{to:?}: {value} at {place}");
                }
            }
        }
        let constant = Tensor::new(Shape::new(1, 2, 2, 1), vec![7.0; 4]);
        assert_eq!(resize(&constant, (3, 1)).data, [7.0; 3]);
    }
}
