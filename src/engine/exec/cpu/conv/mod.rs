//! The convolution: the one op that takes nearly all of the time.
//!
//! NHWC input with zeros around it, HWIO kernel; in the field's notation
//!
//! ```text
//! y[n,y,x,o] = sum over i,j,c of X[n, y sh + i dh - top, x sw + j dw - left, c] * K[i,j,c,o]
//! ```
//!
//! with strides s and dilations d; of a convolution in groups the sum is over the channels of o's group. A transposed
//! convolution is several of these, which write [places](Places) in between each other (`cpu/phases.rs`).
//!
//! What usually stands before and after a convolution is done on the way, while the values are in registers:
//!
//! * before: X may be several [parts](PartShape), concatenated on channels, each repeated by nearest upsampling.
//!   Neither the upsampled nor the concatenated tensor is ever written to memory.
//! * after: a sum-pool (upsampling's gradient), then the [epilogue](crate::engine::plan::Epilogue), of which [`Operands`] has the
//!   tensors.
//!
//! [`Packed`] knows from the shape alone which [`Algorithm`] is chosen and what it takes; then it holds a kernel in the order in
//! which the algorithm reads it. Packing is done once, running many times.
//!
//! **The same bits.** The algorithm depends on the shape alone, never on how many images there are; every output is
//! summed up in a fixed order by one thread. So an image's result has the same bits alone or in a batch, on one thread
//! or on many. (Other SIMD levels may round differently.)

mod block;
mod direct;
mod epilogue;
mod few;
mod grouped;
mod input;
mod on_use;
mod pack;
mod products;
mod tile;
mod transform;
mod winograd;

pub use epilogue::{Finish, Operands, Places};

use super::simd::Level;
use crate::engine::ops::Strided;
use crate::engine::tensor::Shape;
use direct::Direct;
use few::Few;
use grouped::Grouped;
use winograd::Winograd;

/// The shape of one part of the input: `[n, h / up.0, w / up.1, c]`, every stored pixel repeated `up.0` x `up.1` times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartShape {
    pub c: usize,
    pub up: (usize, usize),
}

/// What a convolution looks like, but for the number of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Geometry {
    /// Rows and columns of the input.
    pub h: usize,
    pub w: usize,
    /// The kernel's rows and columns.
    pub kh: usize,
    pub kw: usize,
    /// The input: these parts, concatenated on channels.
    pub parts: Vec<PartShape>,
    /// Output channels.
    pub co: usize,
    /// Rows and columns of the output, before pooling.
    pub conv_hw: (usize, usize),
    /// Rows of zeros above the input, columns to the left of it; less than 0 where the first window begins inside. What
    /// is below and to the right follows from the output.
    pub pad: (isize, isize),
    /// From one output's window to the next one's.
    pub stride: (usize, usize),
    /// From one of the kernel's pixels to the next.
    pub dilation: (usize, usize),
    /// Inputs and outputs are cut into so many parts that see nothing of each other.
    pub groups: usize,
    /// Sum-pool by windows of this size; `(1, 1)` for none. Rows and columns that fill no window are left out.
    pub pool: (usize, usize),
    /// How many kernels there are: 1 for all images, or as many as images, where each has its own.
    pub bank: usize,
}

impl Geometry {
    /// A convolution of one part by a kernel of odd sides, of stride 1, with as large an output as the input.
    pub fn new(h: usize, w: usize, (kh, kw): (usize, usize), ci: usize, co: usize) -> Geometry {
        let parts = vec![PartShape { c: ci, up: (1, 1) }];
        let (pad, one) = ((kh as isize / 2, kw as isize / 2), (1, 1));
        Geometry {
            h,
            w,
            kh,
            kw,
            parts,
            co,
            conv_hw: (h, w),
            pad,
            stride: one,
            dilation: one,
            groups: 1,
            pool: one,
            bank: 1,
        }
    }

    /// Input channels.
    pub fn ci(&self) -> usize {
        self.parts.iter().map(|p| p.c).sum()
    }

    /// Rows and columns of the output.
    pub fn out_hw(&self) -> (usize, usize) {
        (self.conv_hw.0 / self.pool.0, self.conv_hw.1 / self.pool.1)
    }

    /// The output of `n` images.
    pub fn out_shape(&self, n: usize) -> Shape {
        let (h, w) = self.out_hw();
        Shape::new(n, h, w, self.co)
    }

    /// Values in the output of one image.
    pub fn out_len(&self) -> usize {
        self.out_shape(1).len()
    }

    /// How far apart two outputs are in the input.
    fn step(&self) -> (usize, usize) {
        (self.stride.0 * self.pool.0, self.stride.1 * self.pool.1)
    }

    /// Values in part `i` of one image.
    pub fn part_len(&self, i: usize) -> usize {
        let PartShape { c, up } = self.parts[i];
        self.h / up.0 * (self.w / up.1) * c
    }

    /// Values in one kernel.
    pub fn kernel_len(&self) -> usize {
        self.kh * self.kw * (self.ci() / self.groups) * self.co
    }

    /// Bytes of one image's signs: a bit per output value, a pixel's bits filled up to whole bytes.
    pub fn sign_bytes(&self) -> usize {
        self.out_shape(1).pixels() * self.co.div_ceil(8)
    }

    /// Multiplications of the definition above for one image: the yardstick for all algorithms.
    pub fn macs(&self) -> usize {
        self.conv_hw.0 * self.conv_hw.1 * self.kernel_len()
    }

    fn check(&self) {
        let (one, out) = ((1, 1), self.conv_hw);
        let sides = [self.h, self.w, self.kh, self.kw, self.co, self.ci(), out.0, out.1, self.bank, self.groups];
        assert!(!sides.contains(&0), "a convolution with a zero size: {self:?}");
        assert!(
            [self.stride, self.dilation, self.pool].iter().all(|s| s.0 > 0 && s.1 > 0),
            "a step of nothing: {self:?}"
        );
        let leaps = self.stride != one || self.groups != 1 || self.dilation != one;
        assert!(self.pool == one || !leaps, "a sum-pool after a convolution that leaps: {self:?}");
        let cut = self.ci().is_multiple_of(self.groups) && self.co.is_multiple_of(self.groups);
        assert!(cut, "channels that cannot be cut into groups: {self:?}");
        let is_simple = self.parts.len() == 1 && self.parts[0].up == one;
        assert!(self.groups == 1 || is_simple, "a convolution in groups reads one part as it is: {self:?}");
        for PartShape { c, up } in &self.parts {
            let whole = *c > 0 && up.0 > 0 && up.1 > 0 && self.h.is_multiple_of(up.0) && self.w.is_multiple_of(up.1);
            assert!(whole, "a part's upsampling must divide the image: {self:?}");
        }
    }
}

/// How a convolution is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Register-tiled matrix product over rows of pixels, read where they lie ('indirect GEMM'). Any shape of one group.
    Direct,
    /// For one to four output channels, in one group: dot products along the input channels.
    Few,
    /// Winograd's F(4x4, 3x3): 36 multiplications where the definition has 144. Kernels of 3x3 (and of two rows or columns)
    /// without stride, dilation and groups; no pooling or 2x2.
    Winograd4,
    /// The same with kernels that are transformed where they are used, not once and stored four times as large: slower, and chosen
    /// where a plan has [too many](super::phases) of them.
    Winograd4OnUse,
    /// For more than one group, depthwise convolutions above all: the lanes run along the output channels.
    Grouped,
}

impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(match self {
            Algorithm::Direct => "direct",
            Algorithm::Few => "few",
            Algorithm::Winograd4 => "winograd4",
            Algorithm::Winograd4OnUse => "winograd4 on use",
            Algorithm::Grouped => "grouped",
        })
    }
}

impl Algorithm {
    pub const ALL: [Algorithm; 5] =
        [Algorithm::Direct, Algorithm::Few, Algorithm::Winograd4, Algorithm::Winograd4OnUse, Algorithm::Grouped];

    /// Whether the algorithm can compute this shape at all.
    pub fn supports(self, g: &Geometry) -> bool {
        match self {
            Algorithm::Direct => g.groups == 1,
            Algorithm::Few => g.groups == 1 && g.co <= few::MOST_OUTPUTS,
            Algorithm::Winograd4 | Algorithm::Winograd4OnUse => {
                let leaps = g.stride != (1, 1) || g.dilation != (1, 1) || g.groups != 1;
                let fits = (2..=3).contains(&g.kh) && (2..=3).contains(&g.kw);
                fits && !leaps && (g.pool == (1, 1) || g.pool == (2, 2))
            }
            Algorithm::Grouped => g.groups != 1,
        }
    }

    /// The fastest algorithm for this shape, as measured by `benches/conv_quick.rs` (`ALL=1`) and at small sizes. It
    /// must not depend on `bank`, which tells something about the number of images.
    pub fn choose(g: &Geometry) -> Algorithm {
        let (ci, co, side) = (g.ci(), g.co, g.conv_hw.0.min(g.conv_hw.1));
        let large_enough = if ci >= 32 && co >= 32 && (g.kh, g.kw) == (3, 3) { side >= 4 } else { side >= 8 };
        if Algorithm::Grouped.supports(g) {
            Algorithm::Grouped
        } else if Algorithm::Few.supports(g) && ci >= 8 {
            Algorithm::Few
        } else if Algorithm::Winograd4.supports(g) && ci >= 3 && co >= 8 && ci * co >= 64 && large_enough {
            Algorithm::Winograd4
        } else {
            Algorithm::Direct
        }
    }
}

/// A convolution made ready to run. Immutable: any number of threads may run it at once.
pub struct Packed {
    level: Level,
    geometry: Geometry,
    body: Body,
    is_packed: bool,
}

enum Body {
    Direct(Direct),
    Few(Few),
    Winograd4(Winograd),
    Grouped(Grouped),
}

impl Packed {
    /// Everything that the shape alone decides, for the algorithm that is best for it; [`pack`](Packed::pack) is still to come.
    pub fn new(level: Level, geometry: &Geometry) -> Packed {
        Packed::with_algorithm(level, geometry, Algorithm::choose(geometry))
    }

    /// The same for the given algorithm, which must [support](Algorithm::supports) the shape.
    pub fn with_algorithm(level: Level, geometry: &Geometry, algorithm: Algorithm) -> Packed {
        geometry.check();
        assert!(algorithm.supports(geometry), "{algorithm} can't compute {geometry:?}");
        let body = match algorithm {
            Algorithm::Direct => Body::Direct(Direct::new(level, geometry)),
            Algorithm::Few => Body::Few(Few::new(geometry)),
            Algorithm::Winograd4 => Body::Winograd4(Winograd::new(level, geometry, false)),
            Algorithm::Winograd4OnUse => Body::Winograd4(Winograd::new(level, geometry, true)),
            Algorithm::Grouped => Body::Grouped(Grouped::new(level, geometry)),
        };
        Packed { level, geometry: geometry.clone(), body, is_packed: false }
    }

    /// Packs `kernel`, `[bank, kh, kw, ci / groups, co]`, into the order in which the algorithm reads it.
    pub fn pack(&mut self, kernel: &[f32]) {
        let (level, g) = (self.level, &self.geometry);
        assert_eq!(kernel.len(), g.bank * g.kernel_len(), "the length of the kernel of {g:?}");
        match &mut self.body {
            Body::Direct(d) => d.pack(level, g, kernel),
            Body::Few(f) => f.pack(g, kernel),
            Body::Winograd4(w) => w.pack(level, g, kernel),
            Body::Grouped(d) => d.pack(g, kernel),
        }
        self.is_packed = true;
    }

    /// Lets an algorithm that reads kernels as they lie have this one: then there is nothing to [pack](Packed::pack). Others do nothing.
    pub fn lend(&mut self, kernel: &Strided) {
        let g = &self.geometry;
        assert_eq!(kernel.sides(), [g.bank, g.kh, g.kw, g.ci() / g.groups, g.co], "the sides of the kernel of {g:?}");
        if let Body::Winograd4(w) = &mut self.body {
            self.is_packed |= w.lend(kernel);
        }
    }

    /// Whether it has its kernel.
    pub fn is_packed(&self) -> bool {
        self.is_packed
    }

    pub fn algorithm(&self) -> Algorithm {
        match &self.body {
            Body::Direct(_) => Algorithm::Direct,
            Body::Few(_) => Algorithm::Few,
            Body::Winograd4(w) if w.is_on_use() => Algorithm::Winograd4OnUse,
            Body::Winograd4(_) => Algorithm::Winograd4,
            Body::Grouped(_) => Algorithm::Grouped,
        }
    }

    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    pub fn level(&self) -> Level {
        self.level
    }

    /// Bytes that the packed kernels take, or will take.
    pub fn bytes(&self) -> usize {
        let values = match &self.body {
            Body::Direct(d) => d.kernels_len(),
            Body::Few(f) => f.kernels_len(),
            Body::Winograd4(w) => w.kernels_len(),
            Body::Grouped(d) => d.kernels_len(),
        };
        values * size_of::<f32>()
    }

    /// Multiplications that the algorithm really does for one image (without edges and padding).
    pub fn macs(&self) -> usize {
        match &self.body {
            Body::Direct(d) => d.macs(),
            Body::Few(f) => f.macs(),
            Body::Winograd4(w) => w.macs(),
            Body::Grouped(_) => self.geometry.macs(),
        }
    }

    /// f32s of scratch memory that [`run`](Packed::run) wants for `n` images.
    pub fn scratch_len(&self, n: usize) -> usize {
        match &self.body {
            Body::Direct(_) | Body::Few(_) | Body::Grouped(_) => 0,
            Body::Winograd4(w) => w.scratch_len(n),
        }
    }

    /// Convolve `n` images. `parts[i]` is `[n, h/uh, w/uw, c]` of the geometry's part i, `out` is
    /// `[n, out_h, out_w, co]` and is overwritten, `scratch` has at least `scratch_len(n)` values, whatever they are.
    ///
    /// The work is spread over the current rayon thread pool. Best called on one of its threads (inside
    /// `ThreadPool::install` or `rayon::scope`, around the whole forward and backward pass): handing work in from
    /// outside costs some 20 microseconds each time, and there are several times per call. Nothing is allocated. Slices that start on a
    /// cache line ([`Aligned`](super::aligned::Aligned)) are read up to a third faster than those that don't.
    pub fn run(&self, n: usize, parts: &[&[f32]], epilogue: &mut Operands, out: &mut [f32], scratch: &mut [f32]) {
        self.run_at(n, parts, Finish::new(epilogue, self.geometry.out_shape(n), Places::ALL, out), scratch);
    }

    /// The same, writing places of a tensor that may be larger; there must be as many as the output has pixels.
    pub fn run_at(&self, n: usize, parts: &[&[f32]], finish: Finish, scratch: &mut [f32]) {
        let g = &self.geometry;
        assert!(self.is_packed, "a convolution without its kernel: {g:?}");
        assert!(g.bank == 1 || g.bank == n, "{} kernels for {n} images", g.bank);
        assert_eq!(parts.len(), g.parts.len(), "the number of parts of {g:?}");
        for (i, part) in parts.iter().enumerate() {
            assert_eq!(part.len(), n * g.part_len(i), "the length of part {i} of {g:?} for {n} images");
        }
        assert_eq!(finish.places(), g.out_shape(n), "the places to write of {g:?} for {n} images");
        assert!(scratch.len() >= self.scratch_len(n), "scratch of {} for {g:?}, {n} images", scratch.len());
        match &self.body {
            Body::Direct(d) => d.run(self.level, n, parts, finish),
            Body::Few(f) => f.run(self.level, n, parts, finish),
            Body::Winograd4(w) => w.run(self.level, n, parts, finish, scratch),
            Body::Grouped(d) => d.run(self.level, n, parts, finish),
        }
    }
}
