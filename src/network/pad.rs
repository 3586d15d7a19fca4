//! Pictures of any size for a network that takes only some: mirrored beyond their edges, and cropped back.

use crate::engine::tensor::{Shape, Tensor};

/// A picture made larger.
#[derive(Debug, Clone, PartialEq)]
pub struct Padded {
    pub image: Tensor,
    /// Rows and columns before the picture's first.
    top: usize,
    left: usize,
    /// The picture's own.
    h: usize,
    w: usize,
}

impl Padded {
    /// Pads rows and columns of `[n, h, w, c]` to a larger size, on all sides alike, by reflection: the edge is the mirror and
    /// is not repeated, as in NumPy's `pad(mode="reflect")`.
    ///
    /// # Panics
    /// If there is no pixel, or the size is smaller than the picture.
    pub fn to_size(image: &Tensor, (h, w): (usize, usize)) -> Padded {
        let s = image.shape;
        let to = Shape { h, w, ..s };
        let (top, left) = ((to.h - s.h) / 2, (to.w - s.w) / 2);
        let mut data = Vec::with_capacity(to.len());
        for n in 0..to.n {
            for y in 0..to.h {
                for x in 0..to.w {
                    let at = s.at(n, mirrored(y, top, s.h), mirrored(x, left, s.w), 0);
                    data.extend_from_slice(&image.data[at..at + s.c]);
                }
            }
        }
        Padded { image: Tensor::new(to, data), top, left, h: s.h, w: s.w }
    }

    /// What lies where the picture was, of something of the padded size.
    ///
    /// # Panics
    /// If the size is another.
    pub fn crop(&self, padded: &Tensor) -> Tensor {
        let (s, of) = (padded.shape, self.image.shape);
        assert_eq!((s.h, s.w), (of.h, of.w), "not of the padded size");
        let mut data = Vec::with_capacity(s.n * self.h * self.w * s.c);
        for n in 0..s.n {
            for y in self.top..self.top + self.h {
                let at = s.at(n, y, self.left, 0);
                data.extend_from_slice(&padded.data[at..at + self.w * s.c]);
            }
        }
        Tensor::new(Shape { h: self.h, w: self.w, ..s }, data)
    }
}

/// Which of `n` pixels is seen at `i`, when the first lies at `before` and mirrors stand on the first and the last.
fn mirrored(i: usize, before: usize, n: usize) -> usize {
    let period = 2 * (n - 1);
    if period == 0 {
        return 0;
    }
    let place = (i as isize - before as isize).rem_euclid(period as isize) as usize;
    place.min(period - place)
}
