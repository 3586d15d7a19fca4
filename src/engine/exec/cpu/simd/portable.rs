//! No intrinsics: for any processor.

use super::Lanes;

/// Plain arrays, for any processor: the compiler makes of it what it can.
#[derive(Clone, Copy)]
pub struct Portable([f32; 8]);

macro_rules! each_lane {
    ($i:ident => $value:expr) => {{
        let mut out = [0.0f32; 8];
        for $i in 0..8 {
            out[$i] = $value;
        }
        Portable(out)
    }};
}

impl Lanes for Portable {
    const N: usize = 8;
    const ROWS: usize = 2;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Portable([x; 8])
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        each_lane!(i => self.0[i] + b.0[i])
    }
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        each_lane!(i => self.0[i] - b.0[i])
    }
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        each_lane!(i => self.0[i] * b.0[i])
    }
    #[inline(always)]
    fn fma(self, b: Self, c: Self) -> Self {
        // Not `mul_add`: without the instruction it is a slow library call.
        each_lane!(i => self.0[i] * b.0[i] + c.0[i])
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        each_lane!(i => if self.0[i] > b.0[i] { self.0[i] } else { b.0[i] })
    }
    #[inline(always)]
    fn positive_bits(self) -> u32 {
        let mut bits = 0;
        for i in 0..8 {
            bits |= u32::from(self.0[i] > 0.0) << i;
        }
        bits
    }
    #[inline(always)]
    fn keep(self, bits: u32) -> Self {
        each_lane!(i => if bits >> i & 1 == 1 { self.0[i] } else { 0.0 })
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        let [a, b, c, d, e, f, g, h] = self.0;
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        // SAFETY: the caller's promise; an array of f32 may be read unaligned.
        Portable(unsafe { p.cast::<[f32; 8]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, k: usize) -> Self {
        let mut out = [0.0; 8];
        for (i, x) in out.iter_mut().enumerate().take(k) {
            // SAFETY: i < k, and the caller promises k values.
            *x = unsafe { *p.add(i) };
        }
        Portable(out)
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { p.cast::<[f32; 8]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, k: usize) {
        for (i, &x) in self.0.iter().enumerate().take(k) {
            // SAFETY: i < k, and the caller promises k values.
            unsafe { *p.add(i) = x }
        }
    }
}
