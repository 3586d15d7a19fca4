//! NEON, for aarch64.

// Newer compilers know that aarch64 always has these instructions and call them safe; older ones do not.
#![allow(unused_unsafe)]

use super::Lanes;
use std::arch::aarch64::*;

/// Two registers of four, so that the signs are a whole byte. Every aarch64 processor has these instructions.
#[derive(Clone, Copy)]
pub struct Neon(float32x4_t, float32x4_t);

/// The bits of four lanes, as a mask vector selects and as a sum collects them.
const LANE_BITS: [u32; 4] = [1, 2, 4, 8];

// SAFETY of every block below: NEON is part of the aarch64 baseline; what a pointer points at is the caller's
// promise.
impl Lanes for Neon {
    const N: usize = 8;
    const ROWS: usize = 6;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        unsafe { Neon(vdupq_n_f32(x), vdupq_n_f32(x)) }
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        unsafe { Neon(vaddq_f32(self.0, b.0), vaddq_f32(self.1, b.1)) }
    }
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        unsafe { Neon(vsubq_f32(self.0, b.0), vsubq_f32(self.1, b.1)) }
    }
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        unsafe { Neon(vmulq_f32(self.0, b.0), vmulq_f32(self.1, b.1)) }
    }
    #[inline(always)]
    fn fma(self, b: Self, c: Self) -> Self {
        unsafe { Neon(vfmaq_f32(c.0, self.0, b.0), vfmaq_f32(c.1, self.1, b.1)) }
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        // Not `vmaxq`, which answers NaN where either is NaN.
        unsafe { Neon(vbslq_f32(vcgtq_f32(self.0, b.0), self.0, b.0), vbslq_f32(vcgtq_f32(self.1, b.1), self.1, b.1)) }
    }
    #[inline(always)]
    fn positive_bits(self) -> u32 {
        unsafe {
            let (zero, lane_bits) = (vdupq_n_f32(0.0), vld1q_u32(LANE_BITS.as_ptr()));
            let low = vaddvq_u32(vandq_u32(vcgtq_f32(self.0, zero), lane_bits));
            let high = vaddvq_u32(vandq_u32(vcgtq_f32(self.1, zero), lane_bits));
            low | high << 4
        }
    }
    #[inline(always)]
    fn keep(self, bits: u32) -> Self {
        unsafe {
            let (zero, lane_bits) = (vdupq_n_f32(0.0), vld1q_u32(LANE_BITS.as_ptr()));
            let (low, high) = (vtstq_u32(vdupq_n_u32(bits), lane_bits), vtstq_u32(vdupq_n_u32(bits >> 4), lane_bits));
            Neon(vbslq_f32(low, self.0, zero), vbslq_f32(high, self.1, zero))
        }
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        unsafe { vaddvq_f32(vaddq_f32(self.0, self.1)) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        unsafe { Neon(vld1q_f32(p), vld1q_f32(p.add(4))) }
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, k: usize) -> Self {
        let mut values = [0.0f32; 8];
        unsafe {
            std::ptr::copy_nonoverlapping(p, values.as_mut_ptr(), k);
            Self::load(values.as_ptr())
        }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        unsafe {
            vst1q_f32(p, self.0);
            vst1q_f32(p.add(4), self.1);
        }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, k: usize) {
        let mut values = [0.0f32; 8];
        unsafe {
            self.store(values.as_mut_ptr());
            std::ptr::copy_nonoverlapping(values.as_ptr(), p, k);
        }
    }
}
