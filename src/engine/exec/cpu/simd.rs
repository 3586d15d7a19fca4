//! SIMD for the CPU executor: one small trait, four instruction sets, chosen when the program runs.
//!
//! A fast loop is written once, as a [`Kernel`] over any [`Lanes`], and [`Level::dispatch`] compiles it once per
//! instruction set. Dispatching costs a function call, so it is done once per task (thousands of pixels), never per
//! pixel. Everything that a kernel calls must be `#[inline(always)]` and no closure may touch a `Lanes` value: only
//! what is inlined into the `#[target_feature]` function below is compiled for that instruction set.
//!
//! The crate `pulp` does the same job and was considered: it has no way to get a comparison out of a register as a
//! bit mask and back in, which is how ReLU's signs are kept here (one bit per value instead of four bytes).

#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use crate::{Error, Result};

/// A register full of f32 values. Implementations are private to this module: the only way to get one is through
/// [`Level::dispatch`], which has made sure that the machine has the instructions. That is why the arithmetic is safe.
pub trait Lanes: Copy {
    /// Lanes per register; a multiple of 8, so that the signs of a register are whole bytes.
    const N: usize;
    /// Rows of a micro-tile that is two registers wide: as many as the registers hold (see `conv::tile`).
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
    /// Like `store`, but past the caches where a register is a whole cache line: such a line is not read before it is written, and drives
    /// nothing else out.
    /// # Safety
    /// `p` is valid for writing `N` values and a multiple of 64; [`streamed`] follows on this thread before anyone reads them.
    #[inline(always)]
    unsafe fn stream(self, p: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { self.store(p) }
    }
    /// A square of 8 x 8 values transposed: its rows are `from_step` apart, those that are written `to_step`.
    /// # Safety
    /// Eight rows of eight values are valid for reading at `from`, and for writing at `to`.
    #[inline(always)]
    unsafe fn transpose(from: *const f32, from_step: isize, to: *mut f32, to_step: usize) {
        for row in 0..8 {
            for column in 0..8 {
                // SAFETY: the caller's promise.
                unsafe { *to.add(column * to_step + row) = *from.offset(row as isize * from_step).add(column) }
            }
        }
    }

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
    pub const fn lanes(self) -> usize {
        match self {
            Level::Avx512 => 16,
            Level::Avx2 | Level::Neon | Level::Portable => 8,
        }
    }

    /// Rows of a micro-tile: [`Lanes::ROWS`].
    pub const fn rows(self) -> usize {
        match self {
            Level::Avx512 => 12,
            Level::Avx2 | Level::Neon => 6,
            Level::Portable => 2,
        }
    }

    /// Does the level say of itself what its registers say?
    const fn is_of<L: Lanes>(self) -> bool {
        self.lanes() == L::N && self.rows() == L::ROWS
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
const _: () = assert!(Level::Avx512.is_of::<x86::Avx512>() && Level::Avx2.is_of::<x86::Avx2>());
#[cfg(target_arch = "aarch64")]
const _: () = assert!(Level::Neon.is_of::<neon::Neon>());
const _: () = assert!(Level::Portable.is_of::<portable::Portable>());

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

/// The same into the second cache, where what comes later would drive out of the first cache what is needed now.
#[inline(always)]
pub fn prefetch_second(p: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as above.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(p.cast());
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

/// All that this thread has [streamed](Lanes::stream) is where others can read it.
#[inline(always)]
pub fn streamed() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a fence touches no memory, and SSE is part of the x86-64 baseline.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
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
