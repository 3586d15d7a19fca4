//! Ops that move, repeat and sum values up, and max pools of every kind. Plain loops; each output is computed by one thread in
//! one order.

use super::images::MIN_LEN;
use crate::engine::ops::{Axes, Pool};
use crate::engine::tensor::Shape;
use rayon::prelude::*;
use std::ops::Range;

/// Rows of `out`, numbered over all images, in parallel.
fn rows(out: &mut [f32], len: usize) -> impl IndexedParallelIterator<Item = (usize, &mut [f32])> {
    out.par_chunks_mut(len).enumerate().with_min_len(MIN_LEN.div_ceil(len))
}

/// A row of a tensor that is repeated along its sides of 1, for row `r` of image `n` of a larger one.
fn row(x: &[f32], shape: Shape, n: usize, r: usize) -> &[f32] {
    let Shape { h, w, c, .. } = shape;
    &x[(n * h + r.min(h - 1)) * w * c..][..w * c]
}

/// `data` of these images, `len` values each; or of one, the same for all.
pub fn constant(data: &[f32], images: &Range<usize>, len: usize, out: &mut [f32]) {
    let data = if data.len() == len { data } else { &data[images.start * len..] };
    out.chunks_mut(len).zip(data.chunks(len).cycle()).for_each(|(y, x)| y.copy_from_slice(x));
}

/// `f(a, b)` place by place, each repeated along its sides of 1; `shape` is that of `out`.
pub fn zip(
    (a, a_shape): (&[f32], Shape),
    (b, b_shape): (&[f32], Shape),
    (out, shape): (&mut [f32], Shape),
    f: impl Fn(f32, f32) -> f32 + Sync,
) {
    let Shape { h, w, c, .. } = shape;
    // What has whole rows, or one number for a row, is done a row at a time, else a pixel at a time.
    let in_rows = [a_shape, b_shape].iter().all(|s| (s.w, s.c) == (w, c) || s.w * s.c == 1);
    let len = if in_rows { w * c } else { c };
    rows(out, w * c).for_each(|(at, out)| {
        let (a, b) = (row(a, a_shape, at / h, at % h), row(b, b_shape, at / h, at % h));
        for (s, out) in out.chunks_mut(len).enumerate() {
            let piece = |x: &'_ [f32], shape: Shape| {
                let len = if in_rows { x.len() } else { shape.c };
                let first = s.min(x.len() / len - 1) * len;
                first..first + len
            };
            let (a, b) = (&a[piece(a, a_shape)], &b[piece(b, b_shape)]);
            match (a.len() == len, b.len() == len) {
                (true, true) => out.iter_mut().zip(a).zip(b).for_each(|((y, &a), &b)| *y = f(a, b)),
                (true, false) => out.iter_mut().zip(a).for_each(|(y, &a)| *y = f(a, b[0])),
                (false, true) => out.iter_mut().zip(b).for_each(|(y, &b)| *y = f(a[0], b)),
                (false, false) => out.fill(f(a[0], b[0])),
            }
        }
    });
}

/// `shape` is that of `out`.
pub fn broadcast(x: &[f32], x_shape: Shape, shape: Shape, out: &mut [f32]) {
    let Shape { h, w, c, .. } = shape;
    rows(out, w * c).for_each(|(at, out)| {
        let x = row(x, x_shape, at / h, at % h);
        for (s, out) in out.chunks_mut(c).enumerate() {
            let pixel = &x[s.min(x_shape.w - 1) * x_shape.c..][..x_shape.c];
            if x_shape.c == c { out.copy_from_slice(pixel) } else { out.fill(pixel[0]) }
        }
    });
}

/// Rows that are summed up on their own before they are added to the rest.
const ROWS: usize = 16;

/// In f64. `shape` is that of `x`.
pub fn sum(x: &[f32], shape: Shape, axes: Axes, out: &mut [f32]) {
    let Shape { h, w, c, .. } = shape;
    let len = axes.summed(Shape::new(1, 1, w, c)).len();
    // All rows of a block into one row of sums.
    let block = |x: &[f32]| {
        let mut sums = vec![0.0f64; len];
        for x in x.chunks(w * c) {
            match (axes.w, axes.c) {
                (false, false) => sums.iter_mut().zip(x).for_each(|(sum, &x)| *sum += f64::from(x)),
                (true, false) => {
                    for x in x.chunks(c) {
                        sums.iter_mut().zip(x).for_each(|(sum, &x)| *sum += f64::from(x));
                    }
                }
                (false, true) => {
                    sums.iter_mut().zip(x.chunks(c)).for_each(|(sum, x)| *sum += super::heads::sum(x, |x| x))
                }
                (true, true) => sums[0] += super::heads::sum(x, |x| x),
            }
        }
        sums
    };
    if !axes.h {
        out.par_chunks_mut(len).zip(x.par_chunks(w * c)).with_min_len(MIN_LEN.div_ceil(w * c)).for_each(|(out, x)| {
            out.iter_mut().zip(block(x)).for_each(|(y, sum)| *y = sum as f32);
        });
        return;
    }
    for (out, x) in out.chunks_mut(len).zip(x.chunks(h * w * c)) {
        let blocks: Vec<Vec<f64>> = x.par_chunks(ROWS * w * c).map(block).collect();
        for (i, y) in out.iter_mut().enumerate() {
            *y = blocks.iter().map(|sums| sums[i]).sum::<f64>() as f32;
        }
    }
}

/// `shape` is that of `x` and `out`.
pub fn softmax(x: &[f32], shape: Shape, axes: Axes, out: &mut [f32]) {
    let Shape { h, w, c, .. } = shape;
    // An image is done at once where rows are summed up, else a row.
    let len = if axes.h { h * w * c } else { w * c };
    let sums = axes.summed(shape);
    // Where the first sum of a pixel is; the channels' sums lie behind it, or they have one in common.
    let first_of = |pixel: usize| (pixel % w).min(sums.w - 1) * sums.c;
    let last = sums.c - 1;
    out.par_chunks_mut(len).zip(x.par_chunks(len)).for_each(|(out, x)| {
        let mut largest = vec![f32::NEG_INFINITY; sums.w * sums.c];
        for (pixel, x) in x.chunks(c).enumerate() {
            let largest = &mut largest[first_of(pixel)..];
            x.iter().enumerate().for_each(|(o, &x)| largest[o.min(last)] = largest[o.min(last)].max(x));
        }
        let mut total = vec![0.0f64; largest.len()];
        for (pixel, (out, x)) in out.chunks_mut(c).zip(x.chunks(c)).enumerate() {
            let (largest, total) = (&largest[first_of(pixel)..], &mut total[first_of(pixel)..]);
            for (o, (y, &x)) in out.iter_mut().zip(x).enumerate() {
                *y = (x - largest[o.min(last)]).exp();
                total[o.min(last)] += f64::from(*y);
            }
        }
        for (pixel, out) in out.chunks_mut(c).enumerate() {
            let total = &total[first_of(pixel)..];
            out.iter_mut().enumerate().for_each(|(o, y)| *y = (f64::from(*y) / total[o.min(last)]) as f32);
        }
    });
}

/// A box of `x` that begins at `start`; `shape` is that of `out`.
pub fn crop(x: &[f32], x_shape: Shape, [top, left, first]: [usize; 3], (out, shape): (&mut [f32], Shape)) {
    let Shape { h, w, c, .. } = shape;
    rows(out, w * c).for_each(|(at, out)| {
        let x = &x[x_shape.at(at / h, top + at % h, left, 0)..];
        for (out, x) in out.chunks_mut(c).zip(x.chunks(x_shape.c)) {
            out.copy_from_slice(&x[first..first + c]);
        }
    });
}

/// `x` amid zeros; `shape` is that of `out`.
pub fn pad(x: &[f32], x_shape: Shape, [top, left, first]: [usize; 3], (out, shape): (&mut [f32], Shape)) {
    let Shape { h, w, c, .. } = shape;
    rows(out, w * c).for_each(|(at, out)| {
        out.fill(0.0);
        let Some(r) = (at % h).checked_sub(top).filter(|&r| r < x_shape.h) else { return };
        let x = &x[x_shape.at(at / h, r, 0, 0)..][..x_shape.w * x_shape.c];
        for (out, x) in out[left * c..].chunks_mut(c).zip(x.chunks(x_shape.c)) {
            out[first..first + x.len()].copy_from_slice(x);
        }
    });
}

/// `shape` is that of `out`.
pub fn permute(x: &[f32], x_shape: Shape, order: [usize; 3], (out, shape): (&mut [f32], Shape)) {
    let Shape { h, w, c, .. } = shape;
    let [down, across, deep] = order.map(|axis| [x_shape.w * x_shape.c, x_shape.c, 1][axis]);
    rows(out, w * c).for_each(|(at, out)| {
        let first = at / h * x_shape.image_len() + at % h * down;
        for (s, out) in out.chunks_mut(c).enumerate() {
            out.iter_mut().enumerate().for_each(|(o, y)| *y = x[first + s * across + o * deep]);
        }
    });
}

/// The largest value of each window; `shape` is that of `out`.
pub fn max_pool(x: &[f32], x_shape: Shape, pool: Pool, (out, shape): (&mut [f32], Shape)) {
    let Shape { h, w, c, .. } = shape;
    rows(out, w * c).for_each(|(at, out)| {
        for (s, out) in out.chunks_mut(c).enumerate() {
            for (i, (_, row, column)) in pool.pixels(x_shape, at % h, s).enumerate() {
                let x = &x[x_shape.at(at / h, row, column, 0)..][..c];
                if i == 0 {
                    out.copy_from_slice(x);
                } else {
                    out.iter_mut().zip(x).for_each(|(y, &x)| *y = if x > *y { x } else { *y });
                }
            }
        }
    });
}

/// All ones where it is so, else all zeros: with it the loops below have no branches and become vector instructions.
fn mask(is_so: bool) -> u32 {
    0u32.wrapping_sub(u32::from(is_so))
}

/// dx[p] = the sum of dy over the windows whose first maximum is p. First each window's winner, then for each pixel the windows
/// that it lies in; `shape` is that of `x` and `out`.
pub fn max_pool_grad((dy, dy_shape): (&[f32], Shape), x: &[f32], pool: Pool, (out, shape): (&mut [f32], Shape)) {
    let Shape { h, w, c, .. } = shape;
    let mut winners = vec![0u32; dy.len()];
    let len = dy_shape.w * c;
    winners.par_chunks_mut(len).enumerate().with_min_len(MIN_LEN.div_ceil(len)).for_each(|(at, winners)| {
        let mut best = vec![0.0; c];
        for (s, winners) in winners.chunks_mut(c).enumerate() {
            for (i, (place, row, column)) in pool.pixels(shape, at % dy_shape.h, s).enumerate() {
                let (x, place) = (&x[shape.at(at / dy_shape.h, row, column, 0)..][..c], place as u32);
                if i == 0 {
                    best.copy_from_slice(x);
                    winners.fill(place);
                    continue;
                }
                for ((best, winner), &x) in best.iter_mut().zip(winners.iter_mut()).zip(x) {
                    let better = mask(x > *best);
                    *winner = place & better | *winner & !better;
                    *best = f32::from_bits(x.to_bits() & better | best.to_bits() & !better);
                }
            }
        }
    });
    // Window r holds pixel p at place p + before - r stride.
    let windows = |p: usize, before: usize, stride: usize, k: usize, count: usize| {
        let end = (p + before) / stride + 1;
        (((p + before + 1).saturating_sub(k)).div_ceil(stride)..end.min(count))
            .map(move |r| (r, p + before - r * stride))
    };
    rows(out, w * c).for_each(|(at, out)| {
        for (column, out) in out.chunks_mut(c).enumerate() {
            out.fill(0.0);
            for (r, i) in windows(at % h, pool.pad.top, pool.stride.h, pool.window.h, dy_shape.h) {
                for (s, j) in windows(column, pool.pad.left, pool.stride.w, pool.window.w, dy_shape.w) {
                    let (place, first) = ((i * pool.window.w + j) as u32, dy_shape.at(at / h, r, s, 0));
                    for ((dx, dy), &winner) in out.iter_mut().zip(&dy[first..]).zip(&winners[first..]) {
                        *dx += f32::from_bits(dy.to_bits() & mask(winner == place));
                    }
                }
            }
        }
    });
}
