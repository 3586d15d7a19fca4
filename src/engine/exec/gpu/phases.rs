//! Which pixels meet in a convolution of any kind: with a stride, a dilation, a padding, turned into its transpose, after an
//! upsampling or before a sum over windows.
//!
//! None of these is computed by itself. They change which pixels meet, and where several taps of the kernel meet the same pixel
//! they are added up, once, when the kernel is packed. Along one axis, for an output `r`:
//!
//! ```text
//! strided, dilated, padded:  y[r] = sum over i < k of            x[r stride + i dilation - before] * W[i]
//! pooled:                    y[r] = sum over a < pool, i < k of  x[r pool + a + i - before] * W[i]
//! of an upsampled x:       xup[t] = x[floor(t / up)]
//! transposed:                y[r] = sum over i < k of  x[(r - i dilation + before) / stride] * W[i]      where that is whole
//! ```
//!
//! After a 2x upsampling, 3 taps meet only 2 pixels, which ones depends on whether `r` is even or odd (its *phase*):
//!
//! ```text
//!   x       |    A    |    B    |          even r:  W[0] A + (W[1] + W[2]) B
//!   xup     | A  | A  | B  | B  |          odd r:   (W[0] + W[1]) A + W[2] B
//! ```
//!
//! So the 9 taps of a 3x3 kernel become 4, and of the 36 products under a 2x2 sum 16 remain. A transpose has as many phases as
//! its stride, with only those taps that meet a pixel; if the kernel is smaller than the stride, some have none.

use crate::engine::ops::gcd;
use std::collections::BTreeMap;

/// How outputs look at pixels along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct View {
    pub outputs: usize,
    /// Taps of the kernel.
    pub k: usize,
    /// Pixels from where one output begins to read to where the next does, counted after upsampling.
    pub stride: usize,
    /// Pixels from one tap to the next; negative in a transpose, which walks the other way.
    pub dilation: isize,
    /// How far before pixel 0 the first tap of output 0 looks.
    pub before: isize,
    /// Windows of so many outputs, one apart, are summed up.
    pub pool: usize,
    /// How often each pixel is repeated along the axis.
    pub up: usize,
    /// Zeros stand in the place of all copies but the first.
    pub is_sparse: bool,
}

/// One phase of the outputs along one axis. Output `r` of the phase is y's pixel `r * step + phase`; its tap `u` reads x's
/// pixel `r * stride + u * dilation + offset`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Axis {
    /// Number of outputs.
    pub grid: usize,
    pub step: usize,
    pub phase: usize,
    pub stride: usize,
    pub dilation: usize,
    pub offset: isize,
    /// For each tap the kernel's own taps that are added up in it; one may be there twice.
    pub taps: Vec<Vec<usize>>,
}

pub(super) fn phases(view: View) -> Vec<Axis> {
    let View { outputs, k, stride, dilation, before, pool, up, is_sparse } = view;
    let common = gcd(up, stride);
    let step = up / common;
    let axis = |phase: usize| {
        // For each pixel that is met, by which of the kernel's taps.
        let mut met: BTreeMap<isize, Vec<usize>> = BTreeMap::new();
        for a in 0..pool {
            for i in 0..k {
                let at = (phase * stride + a) as isize + i as isize * dilation - before;
                if !is_sparse || at.rem_euclid(up as isize) == 0 {
                    met.entry(at.div_euclid(up as isize)).or_default().push(i);
                }
            }
        }
        let offset = met.keys().next().copied().unwrap_or(0);
        let apart = met.keys().fold(0, |apart, &pixel| gcd(apart, (pixel - offset) as usize)).max(1);
        let count = met.keys().next_back().map_or(0, |&last| (last - offset) as usize / apart + 1);
        let mut taps = vec![vec![]; count];
        for (pixel, own) in met {
            taps[(pixel - offset) as usize / apart] = own;
        }
        let grid = (outputs - phase).div_ceil(step);
        Axis { grid, step, phase, stride: stride / common, dilation: apart, offset, taps }
    };
    (0..step.min(outputs)).map(axis).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the formulas at the head of this file, for every setting.
    #[test]
    fn each_output_meets_the_pixels_that_the_formula_says() {
        for (k, stride, dilation, before) in
            [(1, 1, 1, 0), (3, 1, 1, 1), (3, 2, 1, 0), (4, 3, 2, 2), (2, 4, 3, 1), (3, 2, 2, 5)]
        {
            for is_transposed in [false, true] {
                let outputs = 13;
                let plain = View { outputs, k, stride, dilation, before, pool: 1, up: 1, is_sparse: false };
                let transposed =
                    View { stride: 1, dilation: -dilation, before: -before, up: stride, is_sparse: true, ..plain };
                let mut seen = 0;
                for axis in phases(if is_transposed { transposed } else { plain }) {
                    for r in 0..axis.grid {
                        let y = (r * axis.step + axis.phase) as isize;
                        let mut found: Vec<(usize, isize)> = vec![];
                        for (u, own) in axis.taps.iter().enumerate() {
                            let pixel = (r * axis.stride + u * axis.dilation) as isize + axis.offset;
                            found.extend(own.iter().map(|&i| (i, pixel)));
                        }
                        found.sort_unstable();
                        let s = stride as isize;
                        let expected = (0..k).filter_map(|i| {
                            let at = y + before - i as isize * dilation;
                            match is_transposed {
                                false => Some((i, y * s + i as isize * dilation - before)),
                                true => (at.rem_euclid(s) == 0).then(|| (i, at.div_euclid(s))),
                            }
                        });
                        assert_eq!(found, expected.collect::<Vec<_>>(), "output {y}, k {k}, stride {stride}");
                        seen += 1;
                    }
                }
                assert_eq!(seen, outputs);
            }
        }
    }
}
