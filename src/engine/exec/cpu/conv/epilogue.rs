//! What is done to a convolution's output while it is still in a register.

use crate::engine::exec::cpu::simd::{Lanes, prefetch_write, streamed};
use crate::engine::tensor::Shape;

/// An output of so many bytes is streamed: before it is read, as much else has passed through a core's own cache.
const STREAMED: usize = 8 << 20;

/// Which of a tensor's pixels a kernel writes: `first`, and from there every `step`-th row and column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    pub first: (usize, usize),
    pub step: (usize, usize),
}

impl Places {
    pub const ALL: Places = Places { first: (0, 0), step: (1, 1) };
}

/// The epilogue's tensors, as slices; each may be left out. What they mean, and the order in which they are applied, is defined
/// by [`crate::engine::plan::Epilogue`].
///
/// A *signs* array holds one bit per value of the output: bit `o % 8` of byte `[pixel][o / 8]`, with
/// `ceil(co / 8)` bytes per pixel and 0 in the bits left over. It is all that backprop remembers of a ReLU.
#[derive(Default)]
pub struct Operands<'a> {
    /// `+ bias[o]`: one bias for all images, `[co]`, or one each, `[n, co]`.
    pub bias: Option<&'a [f32]>,
    /// `+ add[n,y,x,o]`, a tensor of the output's shape.
    pub add: Option<&'a [f32]>,
    /// `max(y, 0)`; NaN stays NaN.
    pub relu: bool,
    /// Written here: where the value is > 0 at this point.
    pub signs: Option<&'a mut [u8]>,
    /// `y * scale[o] + shift[o]`: batch norm.
    pub scale_shift: Option<(&'a [f32], &'a [f32])>,
    /// The value stays where the bit of this signs array is 1, and is +0.0 elsewhere: ReLU's gradient.
    pub gate: Option<&'a [u8]>,
}

/// The epilogue and the output in a form that many threads can use at once, each for its own pixels and channels.
#[derive(Clone, Copy)]
pub struct Finish<'a> {
    /// Of the whole output.
    shape: Shape,
    places: Places,
    bias: Option<&'a [f32]>,
    /// From one image's bias to the next one's: 0 where there is one for all.
    bias_step: usize,
    add: Option<&'a [f32]>,
    relu: bool,
    /// Null where no signs are wanted.
    signs: *mut u8,
    scale_shift: Option<(&'a [f32], &'a [f32])>,
    gate: Option<&'a [u8]>,
    out: *mut f32,
    /// Whether whole registers go past the caches.
    streams: bool,
}

// SAFETY: the pointers come from exclusive borrows that outlive 'a, and `store` demands that no two threads write to
// the same place.
unsafe impl Send for Finish<'_> {}
// SAFETY: as above.
unsafe impl Sync for Finish<'_> {}

impl<'a> Finish<'a> {
    /// `shape` is that of `out`, of which `places` are written. Checks all lengths, so that `store` need not.
    pub fn new(epilogue: &'a mut Operands, shape: Shape, places: Places, out: &'a mut [f32]) -> Finish<'a> {
        let Shape { n, c: co, .. } = shape;
        let signs_len = shape.pixels() * co.div_ceil(8);
        assert_eq!(out.len(), shape.len(), "the length of an output of {shape}");
        if let Some(bias) = epilogue.bias {
            assert!(bias.len() == co || bias.len() == n * co, "a bias of {} for {shape}", bias.len());
        }
        if let Some(add) = epilogue.add {
            assert_eq!(add.len(), out.len(), "the length of the tensor to add to {shape}");
        }
        if let Some(signs) = &epilogue.signs {
            assert_eq!(signs.len(), signs_len, "the length of the signs of {shape}");
        }
        if let Some((scale, shift)) = epilogue.scale_shift {
            assert!(scale.len() == co && shift.len() == co, "the lengths of scale and shift of {shape}");
        }
        if let Some(gate) = epilogue.gate {
            assert_eq!(gate.len(), signs_len, "the length of the gate of {shape}");
        }
        Finish {
            shape,
            places,
            bias: epilogue.bias,
            bias_step: if epilogue.bias.is_some_and(|b| b.len() == co) { 0 } else { co },
            add: epilogue.add,
            relu: epilogue.relu,
            signs: epilogue.signs.as_deref_mut().map_or(std::ptr::null_mut(), |s| s.as_mut_ptr()),
            scale_shift: epilogue.scale_shift,
            gate: epilogue.gate,
            out: out.as_mut_ptr(),
            streams: false,
        }
    }

    /// The same, past the caches where the output is large. Whoever calls [`store`](Finish::store) does it at multiples of `L::N`, and
    /// says [`done`](Finish::done) after its last one.
    pub fn streaming(self) -> Finish<'a> {
        let whole_lines = self.shape.c.is_multiple_of(16) && self.out.align_offset(64) == 0;
        Finish { streams: whole_lines && self.shape.len() * size_of::<f32>() >= STREAMED, ..self }
    }

    /// What this thread has stored is where others can read it.
    #[inline(always)]
    pub fn done(&self) {
        if self.streams {
            streamed();
        }
    }

    /// As many images, rows and columns as are written, and their channels.
    pub fn places(&self) -> Shape {
        let Places { first, step } = self.places;
        let count = |side: usize, first: usize, step: usize| side.saturating_sub(first).div_ceil(step);
        Shape { h: count(self.shape.h, first.0, step.0), w: count(self.shape.w, first.1, step.1), ..self.shape }
    }

    /// Apply the epilogue to a register of channels `o, o+1, ..` of one pixel and store it: the first `k` lanes only.
    /// `pixel` counts over all of the output ([`pixel`](Finish::pixel)), `image` is the one that it belongs to.
    ///
    /// # Safety
    /// `pixel` is inside the output, `o` is a multiple of 8 (of `L::N` if [`streaming`](Finish::streaming)), `0 < k <= L::N`,
    /// `o + k <= co`, and no other thread stores the same values.
    #[inline(always)]
    pub unsafe fn store<L: Lanes>(&self, v: L, image: usize, pixel: usize, o: usize, k: usize) {
        // SAFETY: the caller's promise. Two copies of the code, one of them for a number of lanes that is known when
        // this is compiled: nearly all registers are whole.
        unsafe {
            if k == L::N { self.store_first(v, image, pixel, o, L::N) } else { self.store_first(v, image, pixel, o, k) }
        }
    }

    /// Tell the processor that channel `o` of `pixel` (which may be anywhere) will soon be stored.
    #[inline(always)]
    pub fn prefetch(&self, pixel: usize, o: usize) {
        if self.streams {
            return;
        }
        prefetch_write(self.out.wrapping_add(pixel * self.shape.c + o));
    }

    /// Where a pixel lies in the whole output; row and column are counted among those that are written.
    #[inline(always)]
    pub fn pixel(&self, image: usize, (y, x): (usize, usize)) -> usize {
        let Places { first, step } = self.places;
        (image * self.shape.h + first.0 + y * step.0) * self.shape.w + first.1 + x * step.1
    }

    /// The same of `M` outputs that follow one another: those from `first` on, `width` in a row.
    #[inline(always)]
    pub fn pixels<const M: usize>(&self, image: usize, first: usize, width: usize) -> [usize; M] {
        let mut pixels = [0; M];
        if self.places == Places::ALL {
            let start = image * self.shape.h * self.shape.w + first;
            for (r, pixel) in pixels.iter_mut().enumerate() {
                *pixel = start + r;
            }
            return pixels;
        }
        let (mut y, mut x) = (first / width, first % width);
        for pixel in &mut pixels {
            *pixel = self.pixel(image, (y, x));
            x += 1;
            if x == width {
                (y, x) = (y + 1, 0);
            }
        }
        pixels
    }

    /// # Safety
    /// As for [`store`](Finish::store).
    #[inline(always)]
    unsafe fn store_first<L: Lanes>(&self, mut v: L, image: usize, pixel: usize, o: usize, k: usize) {
        let co = self.shape.c;
        let at = pixel * co + o;
        let byte = pixel * co.div_ceil(8) + o / 8;
        // SAFETY: with the caller's promise, all indices are inside the lengths that `new` checked. What is streamed starts on cache
        // lines: the output does, and pixels have whole ones.
        unsafe {
            if let Some(bias) = self.bias {
                v = v.add(load(bias.as_ptr().add(image * self.bias_step + o), k));
            }
            if let Some(add) = self.add {
                v = v.add(load(add.as_ptr().add(at), k));
            }
            if self.relu {
                v = L::zero().max(v); // in this order NaN stays
            }
            if !self.signs.is_null() {
                let bits = v.positive_bits() & ((1u64 << k) - 1) as u32;
                for b in 0..k.div_ceil(8) {
                    *self.signs.add(byte + b) = (bits >> (8 * b)) as u8;
                }
            }
            if let Some((scale, shift)) = self.scale_shift {
                v = v.fma(load(scale.as_ptr().add(o), k), load(shift.as_ptr().add(o), k));
            }
            if let Some(gate) = self.gate {
                let mut bits = 0;
                for b in 0..k.div_ceil(8) {
                    bits |= u32::from(*gate.get_unchecked(byte + b)) << (8 * b);
                }
                v = v.keep(bits);
            }
            let out = self.out.add(at);
            match k == L::N {
                true if self.streams && L::N == 16 => v.stream(out),
                true => v.store(out),
                false => v.store_first(out, k),
            }
        }
    }
}

/// The first `k` values at `p`.
///
/// # Safety
/// `k <= L::N` and `p` is valid for reading `k` values.
#[inline(always)]
pub unsafe fn load<L: Lanes>(p: *const f32, k: usize) -> L {
    // SAFETY: the caller's promise.
    unsafe { if k == L::N { L::load(p) } else { L::load_first(p, k) } }
}
