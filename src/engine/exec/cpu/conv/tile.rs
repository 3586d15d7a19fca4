//! The micro-tile, which stays in registers: where the multiplications are done, for the direct and the Winograd convolution alike.

use crate::engine::exec::cpu::simd::{Lanes, Level};

/// Output channels per panel: two registers, or one where that is enough.
pub fn panel_width(level: Level, co: usize) -> usize {
    level.lanes() * registers(level, co)
}

/// Registers per row of a micro-tile: 1 or 2.
pub fn registers(level: Level, co: usize) -> usize {
    if co <= level.lanes() { 1 } else { 2 }
}

/// `acc[r][..] += sum over c < k of rows[r][c] * panel[c][..]`
///
/// ```text
///                 panel: k rows of R registers, packed, each loaded once per c
///                  +----------+----------+
///                c |  b[0]    |   b[1]   |
///                  +----------+----------+
///       rows         acc: stays in registers all the while
///      +-----+     +----------+----------+
///    0 |  a  | --> | acc[0,0] | acc[0,1] |      a: one value, in all lanes
///    1 |  a  | --> | acc[1,0] | acc[1,1] |
///      |  :  |     |    :     |    :     |      AVX-512: 12 rows x 2 registers of 16 = 24 of 32 registers,
///  M-1 |  a  | --> |          |          |      14 loads for 24 multiply-adds
///      +-----+     +----------+----------+
/// ```
///
/// # Safety
/// Every row is valid for reading `k` values, `panel` for `k * R * L::N`.
#[inline(always)]
pub unsafe fn multiply_add<L: Lanes, const M: usize, const R: usize>(
    acc: &mut [[L; R]; M],
    rows: &[*const f32; M],
    panel: *const f32,
    k: usize,
) {
    for c in 0..k {
        // SAFETY: c < k, and the caller's promise.
        unsafe {
            let mut b = [L::zero(); R];
            for (q, b) in b.iter_mut().enumerate() {
                *b = L::load(panel.add((c * R + q) * L::N));
            }
            for (acc, row) in acc.iter_mut().zip(rows) {
                let a = L::splat(*row.add(c));
                for (acc, b) in acc.iter_mut().zip(b) {
                    *acc = a.fma(b, *acc);
                }
            }
        }
    }
}

/// `M` rows of a product: `m[r][..] (+)= sum over c < k of v[r][c] * panel[c][..]`; not added but set where it is the `first` part of the sum.
///
/// # Safety
/// `v` and `m` have M rows so far apart, of `k` values and of `R * L::N`; `panel` is valid for `k * R * L::N`.
#[inline(always)]
pub unsafe fn product_rows<L: Lanes, const M: usize, const R: usize>(
    v: *const f32,
    v_width: usize,
    panel: *const f32,
    k: usize,
    m: *mut f32,
    m_width: usize,
    first: bool,
) {
    let mut v_rows = [v; M];
    let mut acc = [[L::zero(); R]; M];
    // SAFETY: the caller's promise.
    unsafe {
        for (r, row) in v_rows.iter_mut().enumerate() {
            *row = v.add(r * v_width);
        }
        multiply_add(&mut acc, &v_rows, panel, k);
        for (r, acc) in acc.iter().enumerate() {
            for (q, &sum) in acc.iter().enumerate() {
                let to = m.add(r * m_width + q * L::N);
                let sum = if first { sum } else { L::load(to).add(sum) };
                sum.store(to);
            }
        }
    }
}

/// Call `$call::<L, M, R>` with the micro-tile that fits the level: `M` = `L::ROWS` and `R` = `$registers`. The level is
/// known when this is compiled, so that only two of the branches are.
macro_rules! with_tile {
    ($L:ident, $registers:expr, $call:ident($($arg:expr),*)) => {
        match ($L::ROWS, $registers) {
            (12, 1) => $call::<$L, 12, 1>($($arg),*),
            (12, _) => $call::<$L, 12, 2>($($arg),*),
            (6, 1) => $call::<$L, 6, 1>($($arg),*),
            (6, _) => $call::<$L, 6, 2>($($arg),*),
            (_, 1) => $call::<$L, 2, 1>($($arg),*),
            _ => $call::<$L, 2, 2>($($arg),*),
        }
    };
}
pub(super) use with_tile;
