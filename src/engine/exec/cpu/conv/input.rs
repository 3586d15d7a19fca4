//! Where the input's pixels lie: padding, upsampling and concatenation turned into addresses.

use super::{Geometry, PartShape};

/// Stands in a table for a row or column outside the image: any sum with it, also of two of it, is at least as large.
const OUTSIDE: usize = 1 << (usize::BITS - 2);

/// One part of the input, with a table of where each row and each column starts. Row 0 of the tables is the first
/// window's first row, most often one of the padding; the tables go on far enough past the image for the last tile of any algorithm.
pub struct Lookup {
    /// The part's place in the list that `run` is given.
    pub index: usize,
    /// Channels.
    pub c: usize,
    image_len: usize,
    /// From a pixel to the next one that a convolution of this stride looks at; 0 where there is no such number, for
    /// upsampling repeats pixels.
    step: usize,
    rows: Vec<usize>,
    cols: Vec<usize>,
}

impl Lookup {
    pub fn new(g: &Geometry, index: usize) -> Lookup {
        let PartShape { c, up } = g.parts[index];
        // Beyond the last window: Winograd's last tile may stick out by three pixels.
        let rows = g.conv_hw.0 * g.stride.0 + (g.kh - 1) * g.dilation.0 + 8;
        let cols = g.conv_hw.1 * g.stride.1 + (g.kw - 1) * g.dilation.1 + 8;
        let table = |len: usize, size: usize, pad: isize, up: usize, step: usize| {
            let start = |i: usize| match (i as isize).checked_sub(pad).and_then(|p| usize::try_from(p).ok()) {
                Some(pixel) if pixel < size => pixel / up * step,
                _ => OUTSIDE,
            };
            (0..len).map(start).collect()
        };
        Lookup {
            index,
            c,
            image_len: g.part_len(index),
            step: if up.1 == 1 { c * g.step().1 } else { 0 },
            rows: table(rows, g.h, g.pad.0, up.0, g.w / up.1 * c),
            cols: table(cols, g.w, g.pad.1, up.1, c),
        }
    }

    /// All parts, in their order.
    pub fn all(g: &Geometry) -> Vec<Lookup> {
        (0..g.parts.len()).map(|i| Lookup::new(g, i)).collect()
    }

    /// The part's data of one image.
    #[inline(always)]
    pub fn image(&self, parts: &[&[f32]], image: usize) -> *const f32 {
        parts[self.index][image * self.image_len..][..self.image_len].as_ptr()
    }

    /// The `c` channels of the pixel in row `y` and column `x`, counted from the padding's corner; `zeros` (as many)
    /// where it is outside the image.
    ///
    /// # Safety
    /// `image` comes from `Lookup::image`; `y` and `x` are inside the tables.
    #[inline(always)]
    pub unsafe fn pixel(&self, image: *const f32, zeros: *const f32, y: usize, x: usize) -> *const f32 {
        debug_assert!(y < self.rows.len() && x < self.cols.len());
        // SAFETY: the caller's promise; the tables hold offsets inside the image.
        unsafe {
            let offset = self.rows.get_unchecked(y) + self.cols.get_unchecked(x);
            if offset >= OUTSIDE { zeros } else { image.add(offset) }
        }
    }
}

impl Lookup {
    /// [`pixel`](Lookup::pixel) for the same tap of `M` windows; `(i, j)` is how far it is from a window's corner.
    ///
    /// # Safety
    /// As for `pixel`; the tap is inside every window.
    #[inline(always)]
    pub unsafe fn taps<const M: usize>(
        &self,
        image: *const f32,
        zeros: *const f32,
        windows: &Windows<M>,
        (i, j): (usize, usize),
    ) -> [*const f32; M] {
        let mut taps = [zeros; M];
        // SAFETY: the caller's promise; what lies between two pixels of a row that are inside is inside too.
        unsafe {
            if windows.neighbours && self.step != 0 {
                let (y, first, last) = (windows.y[0] + i, windows.x[0] + j, windows.x[M - 1] + j);
                let outside =
                    self.rows.get_unchecked(y) | self.cols.get_unchecked(first) | self.cols.get_unchecked(last);
                if outside < OUTSIDE {
                    let first = self.pixel(image, zeros, y, first);
                    for (r, tap) in taps.iter_mut().enumerate() {
                        *tap = first.add(r * self.step);
                    }
                    return taps;
                }
            }
            for (r, tap) in taps.iter_mut().enumerate() {
                *tap = self.pixel(image, zeros, windows.y[r] + i, windows.x[r] + j);
            }
        }
        taps
    }
}

/// The windows of `M` outputs: their corners in the input, counted from the padding's corner.
pub struct Windows<const M: usize> {
    y: [usize; M],
    x: [usize; M],
    /// Whether they are next to each other in one row.
    neighbours: bool,
}

impl<const M: usize> Windows<M> {
    /// For the outputs from `first` on, where `width` are in a row and windows are `stride` apart. From `end` on the
    /// list is filled up with the last window before it.
    #[inline(always)]
    pub fn new(first: usize, end: usize, width: usize, stride: (usize, usize)) -> Windows<M> {
        let (mut y, mut x) = (first / width, first % width);
        let mut windows = Windows { y: [0; M], x: [0; M], neighbours: first + M <= end };
        windows.neighbours &= x + M <= width;
        for r in 0..M {
            (windows.y[r], windows.x[r]) = (y * stride.0, x * stride.1);
            if first + r + 1 < end {
                x += 1;
                if x == width {
                    (y, x) = (y + 1, 0);
                }
            }
        }
        windows
    }
}

/// A pixel of zeros for what is outside: as many channels as the widest part has.
pub fn zeros(g: &Geometry) -> Vec<f32> {
    vec![0.0; g.parts.iter().map(|p| p.c).max().unwrap_or(0)]
}
