//! Functions of one number, pointwise and their gradients, in f32.
//!
//! The common ones are made of what every instruction set has in whole registers: sums, products, comparisons, and one
//! exponential. The rest is the reference's own formula, in f64. None is off by more than 1e-6 of its value.

use super::images::MIN_LEN;
use super::simd::{Kernel, Lanes, Level};
use crate::engine::ops::Function;
use rayon::prelude::*;

/// y = f(x)
pub fn pointwise(level: Level, f: Function, x: &[f32], out: &mut [f32]) {
    let chunks = out.par_chunks_mut(MIN_LEN).zip(x.par_chunks(MIN_LEN));
    chunks.for_each(|(out, x)| level.dispatch(Values { f, x, out }));
}

/// dx = dy f'(x)
pub fn pointwise_grad(level: Level, f: Function, dy: &[f32], x: &[f32], out: &mut [f32]) {
    let chunks = out.par_chunks_mut(MIN_LEN).zip(dy.par_chunks(MIN_LEN)).zip(x.par_chunks(MIN_LEN));
    chunks.for_each(|((out, dy), x)| level.dispatch(Slopes { f, dy, x, out }));
}

struct Values<'a> {
    f: Function,
    x: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Values<'_> {
    type Output = ();

    /// Plain loops, which the compiler turns into whatever registers the level has.
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Values { f, x, out } = self;
        match f {
            Function::Relu { slope, threshold, max } => each(out, x, |x| {
                let below = if x <= threshold { slope * (x - threshold) } else { x };
                if x >= max { max } else { below }
            }),
            Function::LeakyRelu { slope } => each(out, x, |x| if x > 0.0 { x } else { slope * x }),
            Function::Elu { alpha } => each(out, x, |x| if x >= 0.0 { x } else { alpha * exp_m1(x) }),
            Function::Tanh => each(out, x, tanh),
            Function::Exp => each(out, x, exp),
            Function::Softsign => each(out, x, |x| x / (1.0 + x.abs())),
            Function::Silu => each(out, x, |x| x * sigmoid(x)),
            Function::Abs => each(out, x, f32::abs),
            Function::Sqrt => each(out, x, f32::sqrt),
            Function::Reciprocal => each(out, x, |x| 1.0 / x),
            Function::Selu
            | Function::Softplus
            | Function::Gelu { .. }
            | Function::HardSigmoid { .. }
            | Function::HardSwish
            | Function::Log
            | Function::Mish => each(out, x, |x| f.value(x.into()) as f32),
        }
    }
}

struct Slopes<'a> {
    f: Function,
    dy: &'a [f32],
    x: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Slopes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Slopes { f, dy, x, out } = self;
        match f {
            Function::Relu { slope, threshold, max } => times(out, dy, x, |x| {
                let below = if x <= threshold { slope } else { 1.0 };
                if x >= max { 0.0 } else { below }
            }),
            Function::LeakyRelu { slope } => times(out, dy, x, |x| if x > 0.0 { 1.0 } else { slope }),
            Function::Elu { alpha } => times(out, dy, x, |x| if x >= 0.0 { 1.0 } else { alpha * exp(x) }),
            // 1 - tanh(x)², where that would cancel out
            Function::Tanh => times(out, dy, x, |x| {
                let e = exp(-2.0 * x.abs());
                4.0 * e / ((1.0 + e) * (1.0 + e))
            }),
            Function::Exp => times(out, dy, x, exp),
            Function::Silu => times(out, dy, x, |x| {
                let s = sigmoid(x);
                s + x * s * (1.0 - s)
            }),
            Function::Selu
            | Function::Softplus
            | Function::Softsign
            | Function::Gelu { .. }
            | Function::HardSigmoid { .. }
            | Function::HardSwish
            | Function::Mish
            | Function::Abs
            | Function::Log
            | Function::Sqrt
            | Function::Reciprocal => times(out, dy, x, |x| f.slope(x.into()) as f32),
        }
    }
}

#[inline(always)]
fn each(out: &mut [f32], x: &[f32], f: impl Fn(f32) -> f32) {
    out.iter_mut().zip(x).for_each(|(y, &x)| *y = f(x));
}

#[inline(always)]
fn times(out: &mut [f32], dy: &[f32], x: &[f32], slope: impl Fn(f32) -> f32) {
    out.iter_mut().zip(dy).zip(x).for_each(|((dx, &dy), &x)| *dx = dy * slope(x));
}

/// Between these `2^k` is a normal number.
const LOW: f32 = -87.0;
const HIGH: f32 = 88.37;

/// `2^k` and `exp(r) - 1` where `exp(x) = 2^k exp(r)` and `|r| <= log(2) / 2`: r's polynomial is the one of Cephes' `expf`
/// (<https://www.netlib.org/cephes/>), log(2) is taken off in two parts, of which the first is exact.
#[inline(always)]
fn power(x: f32) -> (f32, f32) {
    /// What is added to this has its whole part in the last bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(LOW, HIGH); // NaN stays
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let k = rounded - ROUND;
    let r = x - k * 0.693_359_4 + k * 2.121_944_4e-4;
    let p = 1.987_569_1e-4_f32;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 0.166_666_66;
    let p = p * r + 0.5;
    let exponent = rounded.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    (f32::from_bits(exponent), p * r * r + r)
}

/// Infinite above 88.37 (the largest f32 is exp(88.7)); 0 below -87.
#[inline(always)]
fn exp(x: f32) -> f32 {
    let (scale, m) = power(x);
    let y = if x > HIGH { f32::INFINITY } else { scale * m + scale };
    if x < LOW { 0.0 } else { y }
}

#[inline(always)]
fn exp_m1(x: f32) -> f32 {
    let (scale, m) = power(x);
    scale * m + (scale - 1.0)
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// e / (e + 2) where e = exp(2|x|) - 1, with the sign of x: precise near 0, too.
#[inline(always)]
fn tanh(x: f32) -> f32 {
    let e = exp_m1((2.0 * x.abs()).min(30.0));
    let y = (e / (e + 2.0)).copysign(x);
    if x.is_nan() { x } else { y }
}
