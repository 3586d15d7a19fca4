//! Kernels made into others before they are packed.

use super::Geometry;
use rayon::prelude::*;

/// Rows, columns of the kernel after [`fold_pool`].
pub fn folded_hw(g: &Geometry) -> (usize, usize) {
    (g.kh + g.pool.0 - 1, g.kw + g.pool.1 - 1)
}

/// A sum-pool folded into the kernel. The sum over a `ph x pw` window of the output of a convolution is itself a
/// convolution, with stride `(ph, pw)` and the kernel's copies at every place in the window added up:
///
/// ```text
/// F[i,j] = sum over dy < ph, dx < pw of K[i-dy, j-dx]        rows kh+ph-1, columns kw+pw-1
/// ```
///
/// For 3x3 and 2x2 that is 16 multiplications instead of 36.
pub fn fold_pool<'a>(g: &Geometry, kernel: &'a [f32]) -> std::borrow::Cow<'a, [f32]> {
    if g.pool == (1, 1) {
        return kernel.into();
    }
    let (fh, fw) = folded_hw(g);
    let tap_len = g.ci() * g.co;
    let mut folded = vec![0.0; g.bank * fh * fw * tap_len];
    folded.par_chunks_mut(tap_len).enumerate().for_each(|(at, tap)| {
        let (bank, i, j) = (at / (fh * fw), at / fw % fh, at % fw);
        let mut sum = vec![0.0f64; tap_len];
        for ki in (i + 1).saturating_sub(g.pool.0)..=i.min(g.kh - 1) {
            for kj in (j + 1).saturating_sub(g.pool.1)..=j.min(g.kw - 1) {
                let source = &kernel[((bank * g.kh + ki) * g.kw + kj) * tap_len..][..tap_len];
                sum.iter_mut().zip(source).for_each(|(s, &k)| *s += f64::from(k));
            }
        }
        tap.iter_mut().zip(sum).for_each(|(t, s)| *t = s as f32);
    });
    folded.into()
}

/// A smaller kernel as one of 3x3: its first tap `down` and `across`, zeros around it.
pub fn embedded<'a>(g: &Geometry, (down, across): (usize, usize), kernel: &'a [f32]) -> std::borrow::Cow<'a, [f32]> {
    if (g.kh, g.kw) == (3, 3) {
        return kernel.into();
    }
    let tap_len = g.ci() * g.co;
    let mut larger = vec![0.0; g.bank * 9 * tap_len];
    for (larger, kernel) in larger.chunks_mut(9 * tap_len).zip(kernel.chunks(g.kernel_len())) {
        for (row, kernel) in larger.chunks_mut(3 * tap_len).skip(down).zip(kernel.chunks(g.kw * tap_len)) {
            row[across * tap_len..][..kernel.len()].copy_from_slice(kernel);
        }
    }
    larger.into()
}
