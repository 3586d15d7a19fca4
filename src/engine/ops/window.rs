//! Windows that slide over an image: how large, how far apart, and what is added around the image.
//!
//! Along one axis of `n` pixels, for windows of `k` pixels that lie `d` apart, each `s` further than the one before:
//!
//! ```text
//! window r reads pixels r s + i d - before,  i = 0 .. k - 1
//! there are floor((n + before + after - (k - 1) d - 1) / s) + 1 windows
//! ```

use crate::engine::tensor::Shape;

/// Rows and columns: of a kernel or a pool, of the block that upsampling makes of a pixel, from one window to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    pub h: usize,
    pub w: usize,
}

impl Window {
    pub const fn new(h: usize, w: usize) -> Window {
        Window { h, w }
    }

    /// Of one pixel: no pooling at all.
    pub const ONE: Window = Window::new(1, 1);

    pub const fn len(self) -> usize {
        self.h * self.w
    }

    pub const fn is_empty(self) -> bool {
        self.h == 0 || self.w == 0
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}x{}", self.h, self.w)
    }
}

/// Rows and columns that are added around an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sides {
    pub top: usize,
    pub bottom: usize,
    pub left: usize,
    pub right: usize,
}

impl Sides {
    /// Keras' padding 'valid'.
    pub const NONE: Sides = Sides { top: 0, bottom: 0, left: 0, right: 0 };

    /// Keras' padding 'same' for an image of `h` x `w` pixels: see [`same_padding`].
    pub fn same(h: usize, w: usize, window: Window, stride: Window, dilation: Window) -> Sides {
        let (top, bottom) = same_padding(h, window.h, stride.h, dilation.h);
        let (left, right) = same_padding(w, window.w, stride.w, dilation.w);
        Sides { top, bottom, left, right }
    }
}

/// What Keras' padding 'same' adds before and after an axis of `n` pixels, so that windows of `k` pixels that lie `d` apart,
/// each `s` further than the one before, are `ceil(n / s)`. Of an odd number the larger half comes after
/// (<https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2>).
pub fn same_padding(n: usize, k: usize, s: usize, d: usize) -> (usize, usize) {
    let windows = n.div_ceil(s.max(1));
    let reach = windows.saturating_sub(1).saturating_mul(s).saturating_add(extent(k, d));
    let total = reach.saturating_sub(n);
    (total / 2, total - total / 2)
}

/// Pixels from the first to the last that a window of `k` pixels, `d` apart, reads.
fn extent(k: usize, d: usize) -> usize {
    k.saturating_sub(1).saturating_mul(d).saturating_add(1)
}

/// How many windows there are over an image of `h` x `w` pixels, or why there is none.
pub(super) fn windows(
    (h, w): (usize, usize),
    window: Window,
    stride: Window,
    pad: Sides,
    dilation: Window,
) -> Result<Window, String> {
    if [window, stride, dilation].iter().any(|w| w.is_empty()) {
        return Err(format!("a window of {window}, stride {stride}, dilation {dilation}: each must be 1 or more"));
    }
    let count = |n: usize, pad: [usize; 2], k, s, d| {
        let n = pad.iter().fold(n, |n, &pad| n.saturating_add(pad));
        n.checked_sub(extent(k, d)).map(|rest| rest / s + 1)
    };
    let rows = count(h, [pad.top, pad.bottom], window.h, stride.h, dilation.h);
    let columns = count(w, [pad.left, pad.right], window.w, stride.w, dilation.w);
    match (rows, columns) {
        (Some(h), Some(w)) => Ok(Window { h, w }),
        _ => Err(format!(
            "a window of {}x{} pixels does not fit an input of {h}x{w} pixels; take a larger image",
            extent(window.h, dilation.h),
            extent(window.w, dilation.w)
        )),
    }
}

/// The pixel `r s + i d - before` that window `r` reads first (`i = 0`) or later; `None` outside of the `n` pixels.
pub(super) fn pixel(r: usize, s: usize, i: usize, d: usize, before: usize, n: usize) -> Option<usize> {
    (r * s + i * d).checked_sub(before).filter(|&p| p < n)
}

/// Windows over an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pool {
    pub window: Window,
    /// From one window to the next.
    pub stride: Window,
    pub pad: Sides,
}

/// Windows side by side, and nothing around the image: the most common pool.
impl From<Window> for Pool {
    fn from(window: Window) -> Pool {
        Pool { window, stride: window, pad: Sides::NONE }
    }
}

impl Pool {
    /// The shape of what is pooled from `x`.
    pub(super) fn shape(self, x: Shape) -> Result<Shape, String> {
        let Pool { window, stride, pad } = self;
        let out = windows((x.h, x.w), window, stride, pad, Window::ONE)?;
        if pad.top.max(pad.bottom) >= window.h || pad.left.max(pad.right) >= window.w {
            return Err(format!("a window of {window} pixels lies in the padding alone"));
        }
        Ok(Shape { h: out.h, w: out.w, ..x })
    }

    /// Are the windows side by side, and cut all of `x` up: what the fast executors have kernels for?
    pub fn is_plain(self, x: Shape) -> bool {
        self == Pool::from(self.window) && x.h.is_multiple_of(self.window.h) && x.w.is_multiple_of(self.window.w)
    }

    /// The same windows without the rows and columns of them that lie outside of an image of `x`'s size wherever the window stands:
    /// a window may be far larger than the image, and whoever walks over it would never come to an end.
    pub fn trimmed(self, x: Shape) -> Pool {
        let Ok(out) = self.shape(x) else { return self };
        let Pool { window, stride, pad } = self;
        let (h, top, bottom) = trim(x.h, out.h, window.h, stride.h, pad.top, pad.bottom);
        let (w, left, right) = trim(x.w, out.w, window.w, stride.w, pad.left, pad.right);
        Pool { window: Window { h, w }, stride, pad: Sides { top, bottom, left, right } }
    }

    /// The pixels of window `(r, s)` that lie inside an image of `x`'s size, in reading order: place in the window, row, column.
    pub(crate) fn pixels(self, x: Shape, r: usize, s: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        (0..self.window.len()).filter_map(move |place| {
            let (i, j) = (place / self.window.w, place % self.window.w);
            let row = pixel(r, self.stride.h, i, 1, self.pad.top, x.h)?;
            Some((place, row, pixel(s, self.stride.w, j, 1, self.pad.left, x.w)?))
        })
    }
}

/// Along one axis of `n` pixels: what is left of `count` windows of `k` pixels, and of what is added before and after.
fn trim(n: usize, count: usize, k: usize, s: usize, before: usize, after: usize) -> (usize, usize, usize) {
    // What even the last window reads before the first pixel, and the first window behind the last pixel.
    let (first, last) = (before.saturating_sub((count - 1) * s), (k - before).saturating_sub(n));
    (k - first - last, before - first, after - last)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Row and column of the pixels of all windows.
    fn read(pool: Pool, x: Shape) -> Vec<Vec<(usize, usize)>> {
        let y = pool.shape(x).unwrap();
        let of_window = |(_, r, s, _)| pool.pixels(x, r, s).map(|(_, row, column)| (row, column)).collect();
        y.places().map(of_window).collect()
    }

    #[test]
    fn trimmed_windows_read_the_same_pixels() {
        for (h, k, s) in (1..6).flat_map(|h| (1..20).flat_map(move |k| (1..4).map(move |s| (h, k, s)))) {
            let x = Shape::new(1, h, 3, 1);
            let (window, stride) = (Window::new(k, 2), Window::new(s, 1));
            let pool = Pool { window, stride, pad: Sides::same(h, 3, window, stride, Window::ONE) };
            let trimmed = pool.trimmed(x);
            assert_eq!(read(trimmed, x), read(pool, x), "{pool:?} of {h} rows");
            assert!(trimmed.window.h < 2 * h, "{trimmed:?} of {h} rows");
        }
        // Windows that do not fit are left to those who say so.
        let large = Pool::from(Window::new(9, 9));
        assert_eq!(large.trimmed(Shape::new(1, 4, 4, 1)), large);
        // Whole windows stay as they are.
        let plain = Pool::from(Window::new(2, 2));
        assert_eq!(plain.trimmed(Shape::new(1, 4, 4, 1)), plain);
    }
}
