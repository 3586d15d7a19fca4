//! SIMD for the CPU executor: one small trait, four instruction sets, chosen when the program runs.
//!
//! A fast loop is written once, as a [`Kernel`] over any [`Lanes`], and [`Level::dispatch`] compiles it once per
//! instruction set. Dispatching costs a function call, so it is done once per task (thousands of pixels), never per
//! pixel. Everything that a kernel calls must be `#[inline(always)]` and no closure may touch a `Lanes` value: only
//! what is inlined into the `#[target_feature]` function below is compiled for that instruction set.
//!
//! The crate `pulp` does the same job and was considered: it has no way to get a comparison out of a register as a
//! bit mask and back in, which is how ReLU's signs are kept here (one bit per value instead of four bytes).

use crate::{Error, Result};

/// A register full of f32 values. Implementations are private to this module: the only way to get one is through
/// [`Level::dispatch`], which has made sure that the machine has the instructions. That is why the arithmetic is safe.
pub trait Lanes: Copy {
    /// Lanes per register; a multiple of 8, so that the signs of a register are whole bytes.
    const N: usize;
    /// Rows of a register tile that is two registers wide: as many as the registers hold (see `conv::tile`).
    const ROWS: usize;

    fn splat(x: f32) -> Self;
    fn add(self, b: Self) -> Self;
    fn sub(self, b: Self) -> Self;
    fn mul(self, b: Self) -> Self;
    /// `self * b + c`; rounded once where the machine has a fused instruction.
    fn fma(self, b: Self, c: Self) -> Self;
    /// `self > b ? self : b` in every lane, so `b` where either is NaN.
    fn max(self, b: Self) -> Self;
    /// Bit i is 1 where lane i is > 0 (so 0 for NaN).
    fn positive_bits(self) -> u32;
    /// Lane i stays where bit i is 1, and is +0.0 elsewhere.
    fn keep(self, bits: u32) -> Self;
    /// All lanes added up, in an order that is always the same.
    fn sum(self) -> f32;

    /// # Safety
    /// `p` is valid for reading `N` values.
    unsafe fn load(p: *const f32) -> Self;
    /// The first `k` lanes; the rest are 0.
    /// # Safety
    /// `k <= N` and `p` is valid for reading `k` values.
    unsafe fn load_first(p: *const f32, k: usize) -> Self;
    /// # Safety
    /// `p` is valid for writing `N` values.
    unsafe fn store(self, p: *mut f32);
    /// # Safety
    /// `k <= N` and `p` is valid for writing `k` values.
    unsafe fn store_first(self, p: *mut f32, k: usize);

    #[inline(always)]
    fn zero() -> Self {
        Self::splat(0.0)
    }
}

/// A piece of work that is compiled once per instruction set. `run` and all that it calls: `#[inline(always)]`.
pub trait Kernel {
    type Output;
    fn run<L: Lanes>(self) -> Self::Output;
}

/// An instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Avx512,
    Avx2,
    Neon,
    Portable,
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Level {
    type Err = Error;

    fn from_str(s: &str) -> Result<Level> {
        let available = Level::available();
        let names = available.iter().map(|l| l.name()).collect::<Vec<_>>().join(", ");
        match Level::ALL.into_iter().find(|l| l.name() == s) {
            Some(level) if available.contains(&level) => Ok(level),
            Some(level) => Err(Error::Usage(format!("this machine has no {level} instructions; it has: {names}"))),
            None => Err(Error::Usage(format!("unknown SIMD level '{s}'; this machine has: {names}"))),
        }
    }
}

impl Level {
    const ALL: [Level; 4] = [Level::Avx512, Level::Avx2, Level::Neon, Level::Portable];

    /// The name that `UNET_LENS_SIMD` takes.
    pub fn name(self) -> &'static str {
        match self {
            Level::Avx512 => "avx512",
            Level::Avx2 => "avx2",
            Level::Neon => "neon",
            Level::Portable => "portable",
        }
    }

    /// The widest level of this machine.
    pub fn best() -> Level {
        Level::ALL.into_iter().find(|l| l.is_available()).unwrap_or(Level::Portable)
    }

    /// All levels of this machine, the widest first.
    pub fn available() -> Vec<Level> {
        Level::ALL.into_iter().filter(|l| l.is_available()).collect()
    }

    /// The level that the environment variable `UNET_LENS_SIMD` names, else the best.
    pub fn from_env() -> Result<Level> {
        match std::env::var("UNET_LENS_SIMD") {
            Ok(name) if !name.is_empty() => {
                name.parse().map_err(|e| Error::Usage(format!("environment variable UNET_LENS_SIMD: {e}")))
            }
            _ => Ok(Level::best()),
        }
    }

    /// Whether this machine has the level's instructions (detected once, then remembered by the standard library).
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") && fma_avx2(),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => fma_avx2(),
            #[cfg(target_arch = "aarch64")]
            Level::Neon => true,
            Level::Portable => true,
            #[allow(unreachable_patterns)] // which levels are left over depends on the processor
            _ => false,
        }
    }

    /// f32 values per register.
    pub fn lanes(self) -> usize {
        match self {
            Level::Avx512 => 16,
            Level::Avx2 | Level::Neon | Level::Portable => 8,
        }
    }

    /// Rows of a register tile: [`Lanes::ROWS`].
    pub fn rows(self) -> usize {
        match self {
            Level::Avx512 => 12,
            Level::Avx2 | Level::Neon => 6,
            Level::Portable => 2,
        }
    }

    /// Run `kernel` with this level's instructions.
    #[inline]
    pub fn dispatch<K: Kernel>(self, kernel: K) -> K::Output {
        assert!(self.is_available(), "this machine has no {self} instructions");
        match self {
            // SAFETY: the machine has the instructions, as just asserted.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { x86::run_avx512(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { x86::run_avx2(kernel) },
            #[cfg(target_arch = "aarch64")]
            Level::Neon => kernel.run::<neon::Neon>(),
            _ => kernel.run::<portable::Portable>(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn fma_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

/// Ask for the cache line at `p`, which may be anywhere: an address that doesn't exist is ignored. Worth its while where
/// the processor can't guess what comes next. Does nothing where stable Rust has no such instruction.
#[inline(always)]
pub fn prefetch(p: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch never faults, and SSE is part of the x86-64 baseline.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(p.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}

/// The same for a line that will be written.
#[inline(always)]
pub fn prefetch_write(p: *mut f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as above; processors without this hint take it for a no-op.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_ET0>(p.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}

/// The machine's speed limit: FLOP/s of fused multiply-adds between registers, on `threads` threads at once. The best
/// of many short runs, for a run that another program interrupts says nothing about the limit.
pub fn fma_rate(level: Level, threads: usize) -> f64 {
    let best = || {
        let rate = || {
            let start = std::time::Instant::now();
            level.dispatch(FmaLoop { rounds: 1 << 17 }) / start.elapsed().as_secs_f64()
        };
        (0..40).map(|_| rate()).fold(0.0, f64::max)
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(best)).collect();
        running.into_iter().map(|t| t.join().expect("the loop doesn't panic")).sum()
    })
}

struct FmaLoop {
    rounds: usize,
}

impl Kernel for FmaLoop {
    type Output = f64;

    #[inline(always)]
    fn run<L: Lanes>(self) -> f64 {
        // Ten chains: enough to fill two units with a latency of four cycles each, few enough for 16 registers.
        let (a, b) = (L::splat(std::hint::black_box(0.999)), L::splat(std::hint::black_box(0.001)));
        let mut acc = [b; 10];
        for _ in 0..self.rounds {
            for x in &mut acc {
                *x = x.fma(a, b);
            }
        }
        let total = acc.into_iter().map(|x| x.sum()).sum::<f32>(); // not hot: need not be inlined
        std::hint::black_box(total);
        (self.rounds * acc.len() * L::N * 2) as f64
    }
}

mod portable {
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
}

#[cfg(target_arch = "x86_64")]
mod x86 {
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
    }
}

#[cfg(target_arch = "aarch64")]
mod neon {
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
            unsafe {
                Neon(vbslq_f32(vcgtq_f32(self.0, b.0), self.0, b.0), vbslq_f32(vcgtq_f32(self.1, b.1), self.1, b.1))
            }
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
                let (low, high) =
                    (vtstq_u32(vdupq_n_u32(bits), lane_bits), vtstq_u32(vdupq_n_u32(bits >> 4), lane_bits));
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
}
