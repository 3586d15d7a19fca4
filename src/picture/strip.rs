//! Maps side by side without any lettering: thumbnails for a page, which captions them itself.

use super::colormap::Colormap;
use super::figure::Figure;
use super::range::range;

/// Draws maps `[h, w]` next to each other, a pixel for each value; `shared`: with one range for all, else each with its own.
/// Maps with a side above `most` are made smaller by a whole factor: each pixel is then the mean of a block.
pub fn strip(h: usize, w: usize, maps: &[Vec<f32>], colormap: Colormap, shared: bool, most: usize) -> Figure {
    let factor = h.max(w).div_ceil(most).max(1);
    let (rows, columns) = (h.div_ceil(factor), w.div_ceil(factor));
    let mut figure = Figure::new(columns * maps.len(), rows);
    let maps: Vec<Vec<f32>> = maps.iter().map(|map| reduced(map, (h, w), (rows, columns), factor)).collect();
    let all = range(maps.iter().flatten().copied(), colormap.signed());
    for (i, small) in maps.iter().enumerate() {
        let (lo, hi) = if shared { all } else { range(small.iter().copied(), colormap.signed()) };
        for (at, &value) in small.iter().enumerate() {
            let (x, y) = (i * columns + at % columns, at / columns);
            figure.fill(x as i32, y as i32, 1, 1, colormap.rgb(((f64::from(value) - lo) / (hi - lo)) as f32));
        }
    }
    figure
}

/// The means of blocks of `factor` x `factor` pixels; blocks at the lower and right edges may be smaller.
pub(super) fn reduced(map: &[f32], (h, w): (usize, usize), (rows, columns): (usize, usize), factor: usize) -> Vec<f32> {
    let mean = |row: usize, column: usize| {
        let ys = row * factor..((row + 1) * factor).min(h);
        let xs = column * factor..((column + 1) * factor).min(w);
        let count = (ys.len() * xs.len()) as f32;
        ys.flat_map(|y| xs.clone().map(move |x| map[y * w + x])).sum::<f32>() / count
    };
    (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))).map(|(r, c)| mean(r, c)).collect()
}
