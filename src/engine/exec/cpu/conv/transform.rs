//! The transforms of Winograd's F(4x4, 3x3), each written once along one axis and used along both.
//!
//! The method evaluates polynomials at the points 0, 1, -1, a, -a and infinity. Textbooks take a = 2 (Lavin's matrices
//! are the ones below at a = 2). Here a = 5/8: all its powers that occur are exact in f32, and values at the points
//! differ less in size, which loses fewer digits. Measured with 768 channels of normal random numbers, summed in blocks
//! of 128, the largest error relative to the largest output: 7.4e-6 for a = 2, 6.3e-6 for 1/2, 4.1e-6 for 5/8; 2.7e-6
//! for the definition in f32. (Summed in one go: 1.9e-5, 1.7e-5, 1.1e-5.) The ways to skip work work with any a.
//! (That is with kernels transformed in f64, as those that are stored. In f32, as those that are transformed on use, the root mean
//! square of the error of eight draws is the same, 2.28e-6; the largest errors are 3.6e-6 to 5.3e-6 instead of 3.3e-6 to 4.3e-6.)
//! With s = a^2:
//!
//! ```text
//!       [ s  0 -1-s  0   1  0 ]         [ 1/s       .          .  ]
//!       [ 0 -s  -s   1   1  0 ]         [ 1/n1    1/n1       1/n1 ]         [ 1  1  1   1    1  0 ]
//! B^T = [ 0  s  -s  -1   1  0 ]     G = [ 1/n1   -1/n1       1/n1 ]   A^T = [ 0  1 -1   a   -a  0 ]
//!       [ 0 -a  -1   a   1  0 ]         [ 1/na    a/na       s/na ]         [ 0  1  1   s    s  0 ]
//!       [ 0  a  -1  -a   1  0 ]         [ 1/na   -a/na       s/na ]         [ 0  1 -1  a^3 -a^3 1 ]
//!       [ 0  s   0 -1-s  0  1 ]         [  .        .          1  ]         n1 = 2(1-s), na = 2s(s-1)
//! ```

// Rows and columns of small matrices are clearest as indices.
#![allow(clippy::needless_range_loop)]

use super::epilogue::load;
use crate::engine::exec::cpu::simd::{Kernel, Lanes, prefetch};

const A: f32 = 0.625;
const S: f32 = A * A;
const N1: f32 = 0.5 / (1.0 - S);
const NA: f32 = 0.5 / (S * (S - 1.0));

/// A row of values through B^T: rows 1 and 2, and 3 and 4, are the sum and the difference of the same two terms.
#[inline(always)]
fn b<L: Lanes>(d: [L; 6]) -> [L; 6] {
    let (a, minus_s, minus_1s) = (L::splat(A), L::splat(-S), L::splat(-1.0 - S));
    let even1 = d[2].fma(minus_s, d[4]);
    let odd1 = d[1].fma(minus_s, d[3]);
    let even_a = d[4].sub(d[2]);
    let odd_a = d[3].sub(d[1]);
    [
        d[0].fma(L::splat(S), d[2].fma(minus_1s, d[4])),
        even1.add(odd1),
        even1.sub(odd1),
        odd_a.fma(a, even_a),
        odd_a.fma(L::splat(-A), even_a),
        d[1].fma(L::splat(S), d[3].fma(minus_1s, d[5])),
    ]
}

/// The same of `a b b c c d`. Row 2 is zero and left out.
#[inline(always)]
fn b_upsampled<L: Lanes>([a, b, c, d]: [L; 4]) -> [L; 5] {
    let (s, minus_1s, c_minus_b) = (L::splat(S), L::splat(-1.0 - S), c.sub(b));
    [
        a.fma(s, b.fma(minus_1s, c)),
        L::splat(2.0).mul(b.fma(L::splat(-S), c)),
        L::splat(1.0 + A).mul(c_minus_b),
        L::splat(1.0 - A).mul(c_minus_b),
        b.fma(s, c.fma(minus_1s, d)),
    ]
}

/// Six values through A^T.
#[inline(always)]
fn a4<L: Lanes>(m: [L; 6]) -> [L; 4] {
    let (sum1, difference1) = (m[1].add(m[2]), m[1].sub(m[2]));
    let (sum_a, difference_a) = (m[3].add(m[4]), m[3].sub(m[4]));
    [
        m[0].add(sum1).add(sum_a),
        difference_a.fma(L::splat(A), difference1),
        sum_a.fma(L::splat(S), sum1),
        difference_a.fma(L::splat(A * A * A), difference1).add(m[5]),
    ]
}

/// Six values (without the third, which doesn't count) through A^T, then y0 + y1 and y2 + y3.
#[inline(always)]
fn a2<L: Lanes>(m: [L; 5]) -> [L; 2] {
    let [m0, m1, m3, m4, m5] = m;
    let two = L::splat(2.0);
    [
        m3.fma(L::splat(1.0 + A), m4.fma(L::splat(1.0 - A), m1.fma(two, m0))),
        m3.fma(L::splat(S + S * A), m4.fma(L::splat(S - S * A), m1.fma(two, m5))),
    ]
}

/// V = B^T d B of `channels` channels: `d[i][j]` points at a pixel's channels; position p is written at
/// `v + p * stride`.
///
/// # Safety
/// Every pixel is valid for reading, every position for writing `channels` values.
#[inline(always)]
pub unsafe fn input<L: Lanes>(d: &[[*const f32; 6]; 6], v: *mut f32, stride: usize, channels: usize) {
    for c in (0..channels).step_by(L::N) {
        let k = L::N.min(channels - c);
        let mut half = [[L::zero(); 6]; 6]; // [column][row]
        // SAFETY: c + k <= channels.
        unsafe {
            for j in 0..6 {
                let mut column = [L::zero(); 6];
                for i in 0..6 {
                    column[i] = load(d[i][j].add(c), k);
                    if j >= 2 {
                        prefetch(d[i][j].wrapping_add(4 * channels + c)); // the tile to the right
                    }
                }
                half[j] = b(column);
            }
            for i in 0..6 {
                let row = b([half[0][i], half[1][i], half[2][i], half[3][i], half[4][i], half[5][i]]);
                for j in 0..6 {
                    store(row[j], v.add((6 * i + j) * stride + c), k);
                }
            }
        }
    }
}

/// The rows and columns that don't vanish.
const KEPT: [usize; 5] = [0, 1, 3, 4, 5];

/// The same for a part upsampled by 2x2: `d[i][j]` are the 4x4 stored pixels. 25 positions are written.
///
/// # Safety
/// As for [`input`].
#[inline(always)]
pub unsafe fn input_upsampled<L: Lanes>(d: &[[*const f32; 4]; 4], v: *mut f32, stride: usize, channels: usize) {
    for c in (0..channels).step_by(L::N) {
        let k = L::N.min(channels - c);
        let mut half = [[L::zero(); 5]; 4]; // [column][row]
        // SAFETY: c + k <= channels.
        unsafe {
            for j in 0..4 {
                let mut column = [L::zero(); 4];
                for i in 0..4 {
                    column[i] = load(d[i][j].add(c), k);
                }
                half[j] = b_upsampled(column);
            }
            for i in 0..5 {
                let row = b_upsampled([half[0][i], half[1][i], half[2][i], half[3][i]]);
                for j in 0..5 {
                    store(row[j], v.add((6 * KEPT[i] + KEPT[j]) * stride + c), k);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn store<L: Lanes>(v: L, p: *mut f32, k: usize) {
    // SAFETY: the caller's promise.
    unsafe { if k == L::N { v.store(p) } else { v.store_first(p, k) } }
}

/// Y = A^T M A of a register of channels: position p is read at `m + p * stride`. `T` is 4, or 2 for the sums over
/// 2x2, which read 25 positions only.
///
/// # Safety
/// Every position is valid for reading a register.
#[inline(always)]
pub unsafe fn output<L: Lanes, const T: usize>(m: *const f32, stride: usize) -> [[L; T]; T] {
    let mut y = [[L::zero(); T]; T];
    // SAFETY: the caller's promise.
    unsafe {
        if T == 4 {
            let mut half = [[L::zero(); 4]; 6]; // [column][row]
            for j in 0..6 {
                let mut column = [L::zero(); 6];
                for i in 0..6 {
                    column[i] = L::load(m.add((6 * i + j) * stride));
                }
                half[j] = a4(column);
            }
            for i in 0..4 {
                let row = a4([half[0][i], half[1][i], half[2][i], half[3][i], half[4][i], half[5][i]]);
                y[i][..4].copy_from_slice(&row);
            }
        } else {
            let mut half = [[L::zero(); 2]; 5];
            for j in 0..5 {
                let mut column = [L::zero(); 5];
                for i in 0..5 {
                    column[i] = L::load(m.add((6 * KEPT[i] + KEPT[j]) * stride));
                }
                half[j] = a2(column);
            }
            for i in 0..2 {
                let row = a2([half[0][i], half[1][i], half[2][i], half[3][i], half[4][i]]);
                y[i][..2].copy_from_slice(&row);
            }
        }
    }
    y
}

/// Three values through G. The terms in common are rounded once.
#[inline(always)]
fn g<L: Lanes>([g0, g1, g2]: [L; 3]) -> [L; 6] {
    let (even1, odd1) = (g0.add(g2).mul(L::splat(N1)), g1.mul(L::splat(N1)));
    let (even_a, odd_a) = (g0.fma(L::splat(NA), g2.mul(L::splat(S * NA))), g1.mul(L::splat(A * NA)));
    [g0.mul(L::splat(1.0 / S)), even1.add(odd1), even1.sub(odd1), even_a.add(odd_a), even_a.sub(odd_a), g2]
}

/// U = G g G^T, in f32, of `k <= L::N` neighbouring output channels of one input channel: tap `(i, j)` is read at `taps[3 i + j]`
/// and multiplied by `scale`, where there is one; position p, if its row and column are among `lines`, is written, a whole register, at
/// `u + p * stride`.
///
/// # Safety
/// Every tap is valid for reading `k` values, every position for writing a register.
#[inline(always)]
pub unsafe fn kernel<L: Lanes>(
    taps: &[*const f32; 9],
    scale: Option<L>,
    k: usize,
    lines: &[[bool; 6]; 2],
    u: *mut f32,
    stride: usize,
) {
    let mut values = [L::zero(); 9];
    for at in 0..9 {
        // SAFETY: the caller's promise.
        values[at] = unsafe { load(taps[at], k) };
        if let Some(scale) = scale {
            values[at] = values[at].mul(scale);
        }
    }
    let mut half = [[L::zero(); 6]; 3]; // [column][row]
    for j in 0..3 {
        half[j] = g([values[j], values[3 + j], values[6 + j]]);
    }
    for i in (0..6).filter(|&i| lines[0][i]) {
        let row = g([half[0][i], half[1][i], half[2][i]]);
        for j in (0..6).filter(|&j| lines[1][j]) {
            // SAFETY: the caller's promise.
            unsafe { row[j].store(u.add((6 * i + j) * stride)) }
        }
    }
}

/// The widest panel: two registers of AVX-512.
pub const WIDEST: usize = 32;

/// U = G g G^T, in f64 (done once, so precision is free), of `used` neighbouring output channels of one input channel:
/// `kernel[tap * tap_stride..][..used]`. The result is `[position][output channel]`.
pub struct KernelTransform<'a> {
    pub kernel: &'a [f32],
    pub tap_stride: usize,
    pub used: usize,
}

impl Kernel for KernelTransform<'_> {
    type Output = [[f32; WIDEST]; 36];

    /// Plain loops over arrays, which the compiler turns into whatever registers the level has.
    #[inline(always)]
    fn run<L: Lanes>(self) -> Self::Output {
        const F: usize = 8; // f64s at a time
        let (a, s) = (f64::from(A), f64::from(S));
        let (n0, n1, na) = (1.0 / s, 0.5 / (1.0 - s), 0.5 / (s * (s - 1.0)));
        let mut u = [[0.0; WIDEST]; 36];
        for o in (0..self.used).step_by(F) {
            let count = F.min(self.used - o);
            let mut taps = [[0.0f64; F]; 9];
            for (at, tap) in taps.iter_mut().enumerate() {
                let source = &self.kernel[at * self.tap_stride + o..][..count];
                tap.iter_mut().zip(source).for_each(|(t, &k)| *t = f64::from(k));
            }
            let mut half = [[[0.0f64; F]; 6]; 3]; // [column][row]
            for l in 0..F {
                for j in 0..3 {
                    let (g0, g1, g2) = (taps[j][l], taps[3 + j][l], taps[6 + j][l]);
                    let (even1, even_a) = ((g0 + g2) * n1, (g0 + s * g2) * na);
                    half[j][0][l] = g0 * n0;
                    half[j][1][l] = even1 + g1 * n1;
                    half[j][2][l] = even1 - g1 * n1;
                    half[j][3][l] = even_a + a * g1 * na;
                    half[j][4][l] = even_a - a * g1 * na;
                    half[j][5][l] = g2;
                }
            }
            for i in 0..6 {
                for l in 0..F {
                    let (g0, g1, g2) = (half[0][i][l], half[1][i][l], half[2][i][l]);
                    let (even1, even_a) = ((g0 + g2) * n1, (g0 + s * g2) * na);
                    u[6 * i][o + l] = (g0 * n0) as f32;
                    u[6 * i + 1][o + l] = (even1 + g1 * n1) as f32;
                    u[6 * i + 2][o + l] = (even1 - g1 * n1) as f32;
                    u[6 * i + 3][o + l] = (even_a + a * g1 * na) as f32;
                    u[6 * i + 4][o + l] = (even_a - a * g1 * na) as f32;
                    u[6 * i + 5][o + l] = g2 as f32;
                }
            }
        }
        u
    }
}

/// Packed kernels that many threads fill at once.
#[derive(Clone, Copy)]
pub struct Target(pub *mut f32);

// SAFETY: `write` demands that no two threads write to the same place.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

impl Target {
    /// # Safety
    /// `at..at + row.len()` is inside the target and no other thread writes there.
    pub unsafe fn write(self, at: usize, row: &[f32]) {
        // SAFETY: the caller's promise.
        unsafe { std::ptr::copy_nonoverlapping(row.as_ptr(), self.0.add(at), row.len()) }
    }
}
