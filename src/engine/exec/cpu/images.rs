//! What is done to images and their gradients, not to the network's tensors: shifts, total variation,
//! transforms, Adam. Plain loops; each output is computed by one thread in one order.

use super::heads::per_image;
use crate::engine::ops::{Axis, Matrix};
use crate::engine::tensor::Shape;
use rayon::prelude::*;

/// Values that are worth a thread.
pub const MIN_LEN: usize = 4096;

/// `shape` is that of `x` and `out`; of each image's `by` the first two numbers count.
pub fn roll(x: &[f32], by: &[f32], shape: Shape, out: &mut [f32]) {
    let Shape { n, h, w, c } = shape;
    let from = |to: usize, by: f32, size: usize| (to as i64 - by as i64).rem_euclid(size as i64) as usize;
    out.par_chunks_mut(w * c).enumerate().with_min_len(MIN_LEN.div_ceil(w * c)).for_each(|(row, out)| {
        let (image, r) = (row / h, row % h);
        let by = &by[image * (by.len() / n)..];
        let x = &x[(image * h + from(r, by[0], h)) * w * c..][..w * c];
        // The row's end comes in at its beginning.
        let right = from(0, -by[1], w) * c;
        out[..right].copy_from_slice(&x[w * c - right..]);
        out[right..].copy_from_slice(&x[..w * c - right]);
    });
}

/// `shape` is that of `x`.
pub fn total_variation(x: &[f32], shape: Shape, out: &mut [f32]) {
    let row_len = shape.w * shape.c;
    per_image(x, out, |x| {
        let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from((a - b).abs())).sum::<f64>();
        let down: f64 = x.chunks(row_len).zip(x.chunks(row_len).skip(1)).map(|(above, row)| apart(above, row)).sum();
        let across: f64 = x.chunks(row_len).map(|row| apart(row, &row[shape.c..])).sum();
        (down + across) / x.len() as f64
    });
}

/// `shape` is that of `x` and `out`.
pub fn total_variation_grad(dy: &[f32], x: &[f32], shape: Shape, out: &mut [f32]) {
    let Shape { h, w, c, .. } = shape;
    let sign = |v: f32| if v == 0.0 { 0.0 } else { v.signum() };
    out.par_chunks_mut(w * c).enumerate().with_min_len(MIN_LEN.div_ceil(w * c)).for_each(|(row, out)| {
        let share = dy[row / h] / shape.image_len() as f32;
        let at = row * w * c;
        for (i, dx) in out.iter_mut().enumerate() {
            let k = at + i;
            let mut signs = 0.0;
            if row % h > 0 {
                signs += sign(x[k] - x[k - w * c]);
            }
            if row % h < h - 1 {
                signs += sign(x[k] - x[k + w * c]);
            }
            if i >= c {
                signs += sign(x[k] - x[k - c]);
            }
            if i + c < w * c {
                signs += sign(x[k] - x[k + c]);
            }
            *dx = share * signs;
        }
    });
}

/// `shape` is that of `x`.
pub fn transform(x: &[f32], shape: Shape, axis: Axis, matrix: &Matrix, out: &mut [f32]) {
    let Shape { h, w, c, .. } = shape;
    match axis {
        Axis::Down => out.par_chunks_mut(w * c).enumerate().for_each(|(row, out)| {
            let (image, r) = (row / matrix.rows, row % matrix.rows);
            out.fill(0.0);
            for (x, &weight) in x[image * h * w * c..][..h * w * c].chunks(w * c).zip(&*matrix.row(r)) {
                out.iter_mut().zip(x).for_each(|(y, x)| *y += weight * x);
            }
        }),
        Axis::Across => out.par_chunks_mut(matrix.rows * c).zip(x.par_chunks(w * c)).for_each(|(out, x)| {
            for channel in 0..c {
                let line: Vec<f32> = x.iter().skip(channel).step_by(c).copied().collect();
                for (r, y) in out.iter_mut().skip(channel).step_by(c).enumerate() {
                    *y = dot(&matrix.row(r), &line);
                }
            }
        }),
    }
}

/// Eight running sums, then those.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        sums.iter_mut().zip(a).zip(b).for_each(|((sum, a), b)| *sum += a * b);
    }
    sums.iter().sum::<f32>() + rest
}

/// Of `m`, `v`, `cm` and `cv`; the last two have a number for each image.
pub fn adam([m, v, cm, cv]: [&[f32]; 4], epsilon: f32, out: &mut [f32]) {
    let len = out.len() / cm.len();
    for (i, ((y, m), v)) in out.iter_mut().zip(m).zip(v).enumerate() {
        let image = i / len;
        *y = (m / cm[image]) / ((v / cv[image]).sqrt() + epsilon);
    }
}
