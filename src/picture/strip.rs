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

/// One picture in colours `[h, w, 3]`, made smaller in the same way.
pub fn color_strip(h: usize, w: usize, rgb: &[u8], most: usize) -> Figure {
    let factor = h.max(w).div_ceil(most).max(1);
    let size = (h.div_ceil(factor), w.div_ceil(factor));
    let mut figure = Figure::new(size.1, size.0);
    for (at, pixel) in reduced_colors(rgb, (h, w), size, factor).chunks(3).enumerate() {
        figure.fill((at % size.1) as i32, (at / size.1) as i32, 1, 1, [pixel[0], pixel[1], pixel[2]]);
    }
    figure
}

/// [`reduced`] for each of red, green and blue.
pub(super) fn reduced_colors(rgb: &[u8], from: (usize, usize), to: (usize, usize), factor: usize) -> Vec<u8> {
    let plane = |k: usize| rgb.iter().skip(k).step_by(3).map(|&v| f32::from(v)).collect::<Vec<f32>>();
    let planes = [0, 1, 2].map(|k| reduced(&plane(k), from, to, factor));
    (0..to.0 * to.1).flat_map(|i| planes.each_ref().map(|plane| plane[i].round() as u8)).collect()
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
