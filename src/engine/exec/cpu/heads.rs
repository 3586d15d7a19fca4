//! All that is no convolution. Little time is spent here, so most of it is plain loops; what touches the large tensors
//! (epilogue, max pool) is written on [`Lanes`].

use super::conv::{Finish, Operands, Places};
use super::simd::{Kernel, Lanes, Level};
use crate::engine::ops::Window;
use crate::engine::tensor::Shape;
use rayon::prelude::*;

/// What the epilogue is applied to, where it is no convolution.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    Fill(f32),
    Same(&'a [f32]),
    /// `dy` and `winners` are of the pooled size; see [`max_pool`] for the winners' bits.
    Unpool {
        dy: &'a [f32],
        winners: &'a [u8],
        window: Window,
    },
}

/// `out = epilogue(source)`; `shape` is that of `out`.
pub fn with_epilogue(level: Level, source: Source, shape: Shape, mut epilogue: Operands, out: &mut [f32]) {
    let finish = Finish::new(&mut epilogue, shape, Places::ALL, out);
    (0..shape.n * shape.h)
        .into_par_iter()
        .with_min_len(8)
        .for_each(|row| level.dispatch(Row { source, shape, finish, row }));
}

/// One row of pixels.
struct Row<'a> {
    source: Source<'a>,
    shape: Shape,
    finish: Finish<'a>,
    row: usize,
}

impl Kernel for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Shape { h, w, c, .. } = self.shape;
        let (image, y) = (self.row / h, self.row % h);
        // Of an unpool: the first window of this row, and the place in a window where the row begins.
        let (first_window, row_place) = match self.source {
            Source::Unpool { window, .. } => {
                ((image * (h / window.h) + y / window.h) * (w / window.w), y % window.h * window.w)
            }
            Source::Fill(_) | Source::Same(_) => (0, 0),
        };
        let bytes = c.div_ceil(8);
        for x in 0..w {
            let pixel = self.row * w + x;
            let (pooled, bits_at) = match self.source {
                Source::Unpool { window, .. } => {
                    let pooled = first_window + x / window.w;
                    (pooled, (pooled * window.len() + row_place + x % window.w) * bytes)
                }
                Source::Fill(_) | Source::Same(_) => (0, 0),
            };
            for o in (0..c).step_by(L::N) {
                let k = L::N.min(c - o);
                let value = match self.source {
                    Source::Fill(value) => L::splat(value),
                    Source::Same(from) => first(&from[pixel * c + o..][..k]),
                    Source::Unpool { dy, winners, .. } => {
                        let bits = &winners[bits_at + o / 8..][..k.div_ceil(8)];
                        first::<L>(&dy[pooled * c + o..][..k]).keep(read_bits(bits))
                    }
                };
                // SAFETY: pixel and channels are inside the output, and each row is finished by one thread.
                unsafe { self.finish.store(value, image, pixel, o, k) }
            }
        }
    }
}

/// The values of a slice of at most `L::N`.
#[inline(always)]
fn first<L: Lanes>(values: &[f32]) -> L {
    // SAFETY: as many values as the slice has.
    unsafe {
        if values.len() == L::N { L::load(values.as_ptr()) } else { L::load_first(values.as_ptr(), values.len()) }
    }
}

#[inline(always)]
fn read_bits(bytes: &[u8]) -> u32 {
    let mut bits = 0;
    for (i, &byte) in bytes.iter().enumerate() {
        bits |= u32::from(byte) << (8 * i);
    }
    bits
}

/// The largest value of each window. Where asked, the winners: for each pooled pixel and each place in the window (in
/// reading order) a bit per channel, 1 where that place holds the first maximum; a pixel's bits are filled up to bytes.
pub fn max_pool(level: Level, x: &[f32], shape: Shape, window: Window, winners: Option<&mut [u8]>, out: &mut [f32]) {
    let row_len = shape.w / window.w * shape.c;
    let bits_len = shape.w / window.w * window.len() * shape.c.div_ceil(8);
    let rows = out.par_chunks_mut(row_len).enumerate().with_min_len(4);
    match winners {
        None => rows.for_each(|(row, out)| level.dispatch(PoolRow { x, shape, window, row, out, winners: None })),
        Some(winners) => rows.zip(winners.par_chunks_mut(bits_len)).for_each(|((row, out), winners)| {
            level.dispatch(PoolRow { x, shape, window, row, out, winners: Some(winners) });
        }),
    }
}

/// One row of pooled pixels.
struct PoolRow<'a> {
    x: &'a [f32],
    shape: Shape,
    window: Window,
    row: usize,
    out: &'a mut [f32],
    winners: Option<&'a mut [u8]>,
}

impl Kernel for PoolRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let Shape { h, w, c, .. } = self.shape;
        let Window { h: wh, w: ww } = self.window;
        let (image, r) = (self.row / (h / wh), self.row % (h / wh));
        let bytes = c.div_ceil(8);
        for s in 0..w / ww {
            for o in (0..c).step_by(L::N) {
                let k = L::N.min(c - o);
                let load = Place { x: self.x, base: (image * h + r * wh) * w + s * ww, w, ww, c, o, k };
                let mut best: L = load.get(0);
                let mut bits = [u32::MAX, 0, 0, 0];
                for place in 1..self.window.len() {
                    let value: L = load.get(place);
                    let larger = value.sub(best).positive_bits();
                    best = value.max(best);
                    if place < 4 {
                        for earlier in &mut bits[..place] {
                            *earlier &= !larger;
                        }
                        bits[place] = larger;
                    }
                }
                // SAFETY: k values of the row's own pixel.
                unsafe {
                    let out = self.out[s * c + o..][..k].as_mut_ptr();
                    if k == L::N { best.store(out) } else { best.store_first(out, k) }
                }
                let Some(winners) = &mut self.winners else { continue };
                let first_bits = s * self.window.len() * bytes + o / 8;
                let mask = ((1u64 << k) - 1) as u32;
                for place in 0..self.window.len() {
                    // Of a window of more than four pixels no registers hold the bits: look again which was the first.
                    let mine = if self.window.len() <= 4 {
                        bits[place]
                    } else {
                        first_maximum::<L>(&load, place, self.window.len())
                    };
                    for b in 0..k.div_ceil(8) {
                        winners[first_bits + place * bytes + b] = ((mine & mask) >> (8 * b)) as u8;
                    }
                }
            }
        }
    }
}

/// Where a window's pixels lie.
struct Place<'a> {
    x: &'a [f32],
    base: usize,
    w: usize,
    ww: usize,
    c: usize,
    o: usize,
    k: usize,
}

impl Place<'_> {
    #[inline(always)]
    fn get<L: Lanes>(&self, place: usize) -> L {
        first(&self.x[(self.base + place / self.ww * self.w + place % self.ww) * self.c + self.o..][..self.k])
    }
}

/// Where `place` holds the first maximum: larger than the largest before it, and no later one larger still. A NaN that is not the
/// first is passed over, as it is when the maximum is found.
#[inline(always)]
fn first_maximum<L: Lanes>(load: &Place, place: usize, len: usize) -> u32 {
    let mut best: L = load.get(0);
    let mut bits = if place == 0 { u32::MAX } else { 0 };
    for other in 1..len {
        let value: L = load.get(other);
        let larger = value.sub(best).positive_bits();
        best = value.max(best);
        bits = if other == place { larger } else { bits & !larger };
    }
    bits
}

pub fn sigmoid(x: &[f32], out: &mut [f32]) {
    out.par_iter_mut().with_min_len(4096).zip(x).for_each(|(y, x)| *y = 1.0 / (1.0 + (-x).exp()));
}

pub fn sigmoid_grad(dy: &[f32], y: &[f32], out: &mut [f32]) {
    out.iter_mut().zip(dy).zip(y).for_each(|((dx, dy), y)| *dx = dy * y * (1.0 - y));
}

/// `shape` is that of `out`.
pub fn upsample(x: &[f32], shape: Shape, window: Window, out: &mut [f32]) {
    let Shape { w, c, .. } = shape;
    out.par_chunks_mut(w * c).enumerate().for_each(|(row, out)| {
        let from = &x[row / window.h * (w / window.w) * c..];
        for (s, pixel) in out.chunks_mut(c).enumerate() {
            pixel.copy_from_slice(&from[s / window.w * c..][..c]);
        }
    });
}

/// `shape` is that of `out`.
pub fn sum_pool(x: &[f32], shape: Shape, window: Window, out: &mut [f32]) {
    let Shape { w, c, .. } = shape;
    let row_len = w * window.w * c;
    out.par_chunks_mut(w * c).enumerate().for_each(|(row, out)| {
        out.fill(0.0);
        for from in x[row * window.h * row_len..].chunks(row_len).take(window.h) {
            for (s, pixel) in from.chunks(c).enumerate() {
                out[s / window.w * c..][..c].iter_mut().zip(pixel).for_each(|(y, x)| *y += x);
            }
        }
    });
}

/// Of each input its values and its channels.
pub fn concat(xs: &[(&[f32], usize)], out: &mut [f32]) {
    let c: usize = xs.iter().map(|(_, c)| c).sum();
    out.par_chunks_mut(c).enumerate().with_min_len(256).for_each(|(pixel, out)| {
        let mut start = 0;
        for (x, c) in xs {
            out[start..start + c].copy_from_slice(&x[pixel * c..][..*c]);
            start += c;
        }
    });
}

/// The sum of `f` of each value, in f64 and in an order that is always the same: eight running sums, then those.
pub fn sum(values: &[f32], f: impl Fn(f64) -> f64) -> f64 {
    let mut sums = [0.0; 8];
    let chunks = values.chunks_exact(8);
    let rest: f64 = chunks.remainder().iter().map(|&v| f(v.into())).sum();
    chunks.for_each(|chunk| sums.iter_mut().zip(chunk).for_each(|(sum, &v)| *sum += f(v.into())));
    sums.iter().sum::<f64>() + rest
}

/// One image after the other: `out` has a number for each.
pub fn per_image(x: &[f32], out: &mut [f32], f: impl Fn(&[f32]) -> f64 + Sync) {
    let len = x.len() / out.len();
    out.par_iter_mut().zip(x.par_chunks(len)).for_each(|(y, x)| *y = f(x) as f32);
}

pub fn mean(x: &[f32], out: &mut [f32]) {
    per_image(x, out, |x| sum(x, |v| v) / x.len() as f64);
}

pub fn rms(x: &[f32], out: &mut [f32]) {
    per_image(x, out, |x| (sum(x, |v| v * v) / x.len() as f64).sqrt());
}

pub fn spread(dy: &[f32], out: &mut [f32]) {
    let len = out.len() / dy.len();
    out.chunks_mut(len).zip(dy).for_each(|(dx, dy)| dx.fill(dy / len as f32));
}

pub fn normalise(x: &[f32], rms: &[f32], epsilon: f32, out: &mut [f32]) {
    let len = x.len() / rms.len();
    for ((out, x), rms) in out.chunks_mut(len).zip(x.chunks(len)).zip(rms) {
        let divisor = rms + epsilon;
        out.iter_mut().zip(x).for_each(|(y, x)| *y = x / divisor);
    }
}

pub fn step(x: &[f32], g: &[f32], rate: f32, out: &mut [f32]) {
    out.iter_mut().zip(x).zip(g).for_each(|((y, x), g)| *y = x + rate * g);
}
