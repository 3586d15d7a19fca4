//! One scale for many maps, so that they can be compared: blue below zero, red above, by the logarithm of the magnitude, and a
//! colour of its own for what is exactly zero.

use super::colormap::Colormap;
use super::figure::{Color, Figure};

/// What is exactly zero: switched off, or cut off.
const ZERO: Color = [43, 45, 52];

/// Powers of ten from the largest magnitude down to where the colour is that of next to nothing.
const DECADES: f64 = 4.0;

/// The scale.
#[derive(Debug, Clone, Copy)]
pub struct Signed {
    /// A power of ten, at which the colours end.
    most: f64,
}

impl Signed {
    /// A scale for all of these numbers.
    pub fn of(values: impl IntoIterator<Item = f32>) -> Signed {
        let most = values.into_iter().filter(|v| v.is_finite()).fold(0.0f64, |most, v| most.max(f64::from(v.abs())));
        Signed { most: if most > 0.0 { 10f64.powf(most.log10().ceil()) } else { 1.0 } }
    }

    /// The colour of a value; of one not above `zero`, that of zero.
    pub fn rgb(self, value: f32, zero: f32) -> Color {
        if value.abs() <= zero {
            return ZERO;
        }
        let above = 1.0 + (f64::from(value.abs()) / self.most).log10() / DECADES;
        let t = above.clamp(0.0, 1.0).copysign(f64::from(value));
        Colormap::Coolwarm.rgb((0.5 + t / 2.0) as f32)
    }

    /// Draws maps `[h, w]` next to each other. Of maps with a side above `most` every second, third, ... pixel is drawn: a mean
    /// would hide the zeros. What is less than a millionth of a map's largest value counts as zero: a fast convolution leaves that
    /// much rounding.
    pub fn strip(self, h: usize, w: usize, maps: &[Vec<f32>], most: usize) -> Figure {
        let factor = h.max(w).div_ceil(most).max(1);
        let (rows, columns) = (h.div_ceil(factor), w.div_ceil(factor));
        let mut figure = Figure::new(columns * maps.len(), rows);
        for (i, map) in maps.iter().enumerate() {
            let zero = map.iter().fold(0.0f32, |most, v| most.max(v.abs())) * 1e-6;
            for at in 0..rows * columns {
                let (x, y) = (at % columns, at / columns);
                let value = map[y * factor * w + x * factor];
                figure.fill((i * columns + x) as i32, y as i32, 1, 1, self.rgb(value, zero));
            }
        }
        figure
    }

    /// The colours from the most negative to the most positive, and the numbers that stand under them, evenly spaced.
    pub fn ramp(self) -> (Figure, Vec<f64>) {
        const SIDE: i32 = 100;
        let mut figure = Figure::new(2 * SIDE as usize, 1);
        for x in -SIDE..SIDE {
            // In the middle of its pixel.
            let t = (f64::from(x) + 0.5) / f64::from(SIDE);
            let value = (self.most * 10f64.powf((t.abs() - 1.0) * DECADES)).copysign(t);
            figure.fill(x + SIDE, 0, 1, 1, self.rgb(value as f32, 0.0));
        }
        let part = |decades: f64| self.most * 10f64.powf(-decades);
        let (whole, half) = (part(0.0), part(DECADES / 2.0));
        (figure, vec![-whole, -half, 0.0, half, whole])
    }

    /// The colour of zero, as a page writes it.
    pub fn zero(self) -> String {
        let [r, g, b] = ZERO;
        format!("rgb({r} {g} {b})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_have_a_colour_of_their_own() {
        let scale = Signed::of([0.3, -7.0]);
        let colors = [-7.0, -0.1, 1e-9, 0.0, 0.1, 7.0].map(|v| scale.rgb(v, 0.0));
        assert_eq!(colors[3], ZERO);
        assert!(colors.iter().enumerate().all(|(i, color)| i == 3 || *color != ZERO), "{colors:?}");
        // Blue below, red above; next to nothing is nearly grey.
        assert!(colors[0][2] > colors[0][0] && colors[5][0] > colors[5][2], "{colors:?}");
        let [r, g, b] = colors[2].map(i32::from);
        assert!((r - g).abs() < 8 && (g - b).abs() < 8, "{colors:?}");
        // Zeros are not averaged away: of 4 x 4 pixels every second one is drawn.
        let map: Vec<f32> = (0..16).map(|i| if i % 2 == 0 { 0.0 } else { 1.0 }).collect();
        assert!(scale.strip(4, 4, &[map], 2).colors().all(|color| color == ZERO));
    }
}
