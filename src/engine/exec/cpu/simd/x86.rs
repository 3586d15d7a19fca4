//! AVX-512 and AVX2, for x86-64.

use super::{Kernel, Lanes};
use std::arch::x86_64::*;

#[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
pub fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx512>()
}

#[target_feature(enable = "avx2,fma")]
pub fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx2>()
}

#[derive(Clone, Copy)]
pub struct Avx512(__m512);

#[derive(Clone, Copy)]
pub struct Avx2(__m256);

/// The lowest `k` bits.
#[inline(always)]
fn first(k: usize) -> __mmask16 {
    ((1u32 << k) - 1) as __mmask16
}

/// The sum of 8 lanes: halves onto halves, three times.
#[inline(always)]
fn sum256(v: __m256) -> f32 {
    // SAFETY: only reached from kernels dispatched at a level with AVX2.
    unsafe {
        let v = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
        let v = _mm_add_ps(v, _mm_movehl_ps(v, v));
        _mm_cvtss_f32(_mm_add_ss(v, _mm_movehdup_ps(v)))
    }
}

/// 8 x 8 values transposed: pairs, then fours, then the halves of registers change places.
///
/// # Safety
/// The machine has AVX; eight rows of eight values are valid for reading at `from` and for writing at `to`.
#[inline(always)]
unsafe fn transpose256(from: *const f32, from_step: isize, to: *mut f32, to_step: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut rows = [_mm256_setzero_ps(); 8];
        for (i, row) in rows.iter_mut().enumerate() {
            *row = _mm256_loadu_ps(from.offset(i as isize * from_step));
        }
        let mut pairs = rows;
        for i in 0..4 {
            pairs[2 * i] = _mm256_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
            pairs[2 * i + 1] = _mm256_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
        }
        let mut fours = pairs;
        for i in 0..2 {
            for j in 0..2 {
                let (above, below) = (pairs[4 * i + j], pairs[4 * i + 2 + j]);
                fours[4 * i + 2 * j] = _mm256_shuffle_ps::<0b01_00_01_00>(above, below);
                fours[4 * i + 2 * j + 1] = _mm256_shuffle_ps::<0b11_10_11_10>(above, below);
            }
        }
        for i in 0..4 {
            let (above, below) = (fours[i], fours[i + 4]);
            _mm256_storeu_ps(to.add(i * to_step), _mm256_permute2f128_ps::<0x20>(above, below));
            _mm256_storeu_ps(to.add((i + 4) * to_step), _mm256_permute2f128_ps::<0x31>(above, below));
        }
    }
}

// SAFETY of every block below: a value of these types exists only inside `run_avx512` or `run_avx2`, which are
// called only where the machine has the instructions; what a pointer points at is the caller's promise.
impl Lanes for Avx512 {
    const N: usize = 16;
    const ROWS: usize = 12;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Avx512(unsafe { _mm512_set1_ps(x) })
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        Avx512(unsafe { _mm512_add_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        Avx512(unsafe { _mm512_sub_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        Avx512(unsafe { _mm512_mul_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn fma(self, b: Self, c: Self) -> Self {
        Avx512(unsafe { _mm512_fmadd_ps(self.0, b.0, c.0) })
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        Avx512(unsafe { _mm512_max_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn positive_bits(self) -> u32 {
        unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, _mm512_setzero_ps()) as u32 }
    }
    #[inline(always)]
    fn keep(self, bits: u32) -> Self {
        Avx512(unsafe { _mm512_maskz_mov_ps(bits as __mmask16, self.0) })
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        unsafe { sum256(_mm256_add_ps(_mm512_castps512_ps256(self.0), _mm512_extractf32x8_ps::<1>(self.0))) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        Avx512(unsafe { _mm512_loadu_ps(p) })
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, k: usize) -> Self {
        Avx512(unsafe { _mm512_maskz_loadu_ps(first(k), p) })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        unsafe { _mm512_storeu_ps(p, self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, k: usize) {
        unsafe { _mm512_mask_storeu_ps(p, first(k), self.0) }
    }
    #[inline(always)]
    unsafe fn stream(self, p: *mut f32) {
        unsafe { _mm512_stream_ps(p, self.0) }
    }
    #[inline(always)]
    unsafe fn transpose(from: *const f32, from_step: isize, to: *mut f32, to_step: usize) {
        unsafe { transpose256(from, from_step, to, to_step) }
    }
}

/// AVX2 has no mask registers: a mask is a vector whose lanes are all ones or all zeros.
#[inline(always)]
fn mask(bits: u32) -> __m256i {
    // SAFETY: as for every block here.
    unsafe {
        let lane_bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
        _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(bits as i32), lane_bit), lane_bit)
    }
}

impl Lanes for Avx2 {
    const N: usize = 8;
    const ROWS: usize = 6;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Avx2(unsafe { _mm256_set1_ps(x) })
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        Avx2(unsafe { _mm256_add_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        Avx2(unsafe { _mm256_sub_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        Avx2(unsafe { _mm256_mul_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn fma(self, b: Self, c: Self) -> Self {
        Avx2(unsafe { _mm256_fmadd_ps(self.0, b.0, c.0) })
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        Avx2(unsafe { _mm256_max_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn positive_bits(self) -> u32 {
        unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(self.0, _mm256_setzero_ps())) as u32 }
    }
    #[inline(always)]
    fn keep(self, bits: u32) -> Self {
        Avx2(unsafe { _mm256_and_ps(self.0, _mm256_castsi256_ps(mask(bits))) })
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        sum256(self.0)
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        Avx2(unsafe { _mm256_loadu_ps(p) })
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, k: usize) -> Self {
        Avx2(unsafe { _mm256_maskload_ps(p, mask((1 << k) - 1)) })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        unsafe { _mm256_storeu_ps(p, self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, k: usize) {
        unsafe { _mm256_maskstore_ps(p, mask((1 << k) - 1), self.0) }
    }
    #[inline(always)]
    unsafe fn transpose(from: *const f32, from_step: isize, to: *mut f32, to_step: usize) {
        unsafe { transpose256(from, from_step, to, to_step) }
    }
}
