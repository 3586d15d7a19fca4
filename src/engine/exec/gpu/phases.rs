//! Which pixels meet where an image is upsampled before a convolution, or summed up over windows after it.
//!
//! Neither the upsampling nor the sum is computed. They change which pixels meet, and where several taps of the kernel meet
//! the same pixel they are added up, once, when the kernel is packed. Along one axis, for an output `r`:
//!
//! ```text
//! pooled:             y[r] = sum over a < pool, i < k of  xup[r pool + a + i - k/2] * W[i]
//! upsampled:        xup[t] = x[floor(t / up)]
//! ```
//!
//! After a 2x upsampling, 3 taps meet only 2 pixels, which ones depends on whether `r` is even or odd (its *phase*):
//!
//! ```text
//!   x       |    A    |    B    |          even r:  W[0] A + (W[1] + W[2]) B
//!   xup     | A  | A  | B  | B  |          odd r:   (W[0] + W[1]) A + W[2] B
//! ```
//!
//! So the 9 taps of a 3x3 kernel become 4, and of the 36 products under a 2x2 sum 16 remain.

use crate::engine::ops::gcd;

/// One phase of the outputs along one axis. Output `r` of the phase is y's pixel `r * step + phase`; its tap `u` reads x's
/// pixel `r * stride + u + offset`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Axis {
    /// Number of outputs.
    pub grid: usize,
    pub step: usize,
    pub phase: usize,
    pub stride: usize,
    pub offset: isize,
    /// For each tap the kernel's own taps that are added up in it; one may be there twice.
    pub taps: Vec<Vec<usize>>,
}

/// The phases of `outputs` outputs, with a kernel of `k` taps.
pub(super) fn phases(outputs: usize, k: usize, up: usize, pool: usize) -> Vec<Axis> {
    let common = gcd(up, pool);
    let (step, stride) = (up / common, pool / common);
    let axis = |phase: usize| {
        let meets = |a: usize, i: usize| ((phase * pool + a + i) as isize - (k / 2) as isize).div_euclid(up as isize);
        let (offset, last) = (meets(0, 0), meets(pool - 1, k - 1));
        let mut taps = vec![vec![]; (last - offset + 1) as usize];
        for a in 0..pool {
            for i in 0..k {
                taps[(meets(a, i) - offset) as usize].push(i);
            }
        }
        Axis { grid: (outputs - phase).div_ceil(step), step, phase, stride, offset, taps }
    };
    (0..step.min(outputs)).map(axis).collect()
}
