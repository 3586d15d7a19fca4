//! What does not change from run to run, in the order in which a shader reads it. How long it is follows from shapes; the
//! numbers themselves are put together only when a program is loaded.

use super::phases::Axis;
use super::shader::quads;
use crate::engine::ops::{Kernel, Matrix};
use rayon::prelude::*;
use std::sync::Arc;

/// Places of a tile of Winograd's method.
pub(super) const PLACES: usize = 36;

/// A constant of a call.
pub(super) enum Constant {
    /// Biases, scales and shifts.
    Numbers(Arc<[f32]>),
    /// The matrix of a transform.
    Matrix(Matrix),
    /// Pixels of `c` channels, filled up to whole quads.
    Pixels { values: Arc<[f32]>, c: usize },
    /// A kernel.
    Kernel {
        kernel: Kernel,
        layout: Box<Layout>,
        /// Columns of the tile that a subgroup computes, where the kernel is read in pieces of that width.
        pieces: Option<usize>,
    },
}

/// How the taps and channels of a kernel lie.
#[derive(Clone)]
pub(super) enum Layout {
    /// `[bank, rows, columns, inputs, outputs]`; taps are chosen and added up as the axes say. Inputs and outputs are filled up to
    /// whole quads, outputs only if there is more than one, inputs only if there is one group.
    Taps { rows: Axis, columns: Axis, channels: Channels },
    /// The kernel of one input channel as `[bank, tap, co]`, tap and co filled up to whole quads.
    TapsAsInputs,
    /// Input channels `first .. first + ci` of a kernel of one output channel, as `[bank, ci, tap]`, ci and tap filled up to whole
    /// quads.
    TapsAsOutputs { first: usize, ci: usize },
    /// U = G W G' for every pair of channels, as `[place, ci, co]`; the channels of each part are filled up to whole quads.
    Winograd { parts: Vec<usize> },
}

/// Which of a kernel's channels are read, and as what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Channels {
    /// Inputs `first .. first + inputs`, of each group.
    pub first: usize,
    pub inputs: usize,
    /// The number of outputs of all groups together.
    pub outputs: usize,
    pub groups: usize,
    /// The kernel's outputs are inputs here, and the other way round: of a conv_transpose.
    pub is_transposed: bool,
}

impl Channels {
    /// Numbers per tap, and how many of them belong to one input.
    fn size(&self) -> [usize; 2] {
        let depth = if self.groups == 1 { quads(self.inputs) * 4 } else { self.inputs };
        [depth, if self.outputs == 1 { 1 } else { quads(self.outputs) * 4 }]
    }

    /// Where in one kernel `[kh, kw, ci, co]` the weight of a tap from input `c` of its group to output `o` lies.
    fn at(&self, kernel: &Kernel, tap: usize, c: usize, o: usize) -> usize {
        let c = self.first + c;
        match self.is_transposed {
            false => (tap * kernel.ci + c) * kernel.co + o,
            true => (tap * kernel.ci + o % kernel.ci) * kernel.co + o / kernel.ci * (kernel.co / self.groups) + c,
        }
    }
}

impl Constant {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Constant::Numbers(numbers) => numbers.len(),
            Constant::Matrix(matrix) => matrix.rows * matrix.columns,
            Constant::Pixels { values, c } => values.len() / c * quads(*c) * 4,
            Constant::Kernel { kernel, layout, pieces } => {
                let [bank, rows, width] = layout.size(kernel);
                bank * rows * pieces.map_or(width, |wide| width.next_multiple_of(wide))
            }
        }
    }

    /// Values that lie between the kernel of one image (or of one place of Winograd's method) and the next.
    pub fn bank_len(&self) -> usize {
        match self {
            Constant::Numbers(_) | Constant::Matrix(_) | Constant::Pixels { .. } => 0,
            Constant::Kernel { kernel, layout, .. } => self.len() / layout.size(kernel)[0],
        }
    }

    /// The values.
    pub fn pack(&self) -> Arc<[f32]> {
        match self {
            Constant::Numbers(numbers) => numbers.clone(),
            Constant::Matrix(matrix) => matrix.values(),
            Constant::Pixels { values, c } => fill_up(values, *c).into(),
            Constant::Kernel { kernel, layout, pieces } => {
                let [bank, _, width] = layout.size(kernel);
                let packed = layout.pack(kernel);
                match *pieces {
                    None => packed.into(),
                    Some(wide) => in_pieces(&packed, bank, width, wide).into(),
                }
            }
        }
    }
}

impl Layout {
    /// Kernels, rows and numbers in a row.
    fn size(&self, kernel: &Kernel) -> [usize; 3] {
        let taps4 = quads(kernel.kh * kernel.kw) * 4;
        match self {
            Layout::Taps { rows, columns, channels } => {
                let [depth, width] = channels.size();
                [kernel.bank, rows.taps.len() * columns.taps.len() * depth, width]
            }
            Layout::TapsAsInputs => [kernel.bank, taps4, quads(kernel.co) * 4],
            Layout::TapsAsOutputs { ci, .. } => [kernel.bank, quads(*ci) * 4, taps4],
            Layout::Winograd { parts } => [PLACES, parts.iter().map(|&c| quads(c) * 4).sum(), quads(kernel.co) * 4],
        }
    }

    fn pack(&self, kernel: &Kernel) -> Vec<f32> {
        let [bank, rows, width] = self.size(kernel);
        let values = kernel.values();
        let of_image = |n: usize| kernel.of_image(&values, n);
        let mut packed = vec![0.0; bank * rows * width];
        match self {
            Layout::Taps { rows, columns, channels } => {
                pack_taps(kernel, &values, (rows, columns), channels, &mut packed)
            }
            Layout::TapsAsInputs => {
                for (bank, packed) in packed.chunks_mut(rows * width).enumerate() {
                    for (to, from) in packed.chunks_mut(width).zip(of_image(bank).chunks(kernel.co)) {
                        to[..kernel.co].copy_from_slice(from);
                    }
                }
            }
            Layout::TapsAsOutputs { first, ci } => {
                for (bank, packed) in packed.chunks_mut(rows * width).enumerate() {
                    for (tap, weights) in of_image(bank).chunks(kernel.ci).enumerate() {
                        for (c, &w) in weights[*first..first + ci].iter().enumerate() {
                            packed[c * width + tap] = w;
                        }
                    }
                }
            }
            Layout::Winograd { parts } => pack_winograd(kernel, &values, parts, &mut packed),
        }
        packed
    }
}

fn pack_taps(
    kernel: &Kernel,
    values: &[f32],
    (rows, columns): (&Axis, &Axis),
    channels: &Channels,
    packed: &mut [f32],
) {
    let [depth, width] = channels.size();
    packed.par_chunks_mut(depth * width).enumerate().for_each(|(at, packed)| {
        let (at, v) = (at / columns.taps.len(), at % columns.taps.len());
        let (bank, u) = (at / rows.taps.len(), at % rows.taps.len());
        let weights = kernel.of_image(values, bank);
        let mut sum = vec![0.0f64; channels.outputs];
        for (c, packed) in packed.chunks_mut(width).take(channels.inputs).enumerate() {
            sum.fill(0.0);
            for &i in &rows.taps[u] {
                for &j in &columns.taps[v] {
                    let weight = |o| f64::from(weights[channels.at(kernel, i * kernel.kw + j, c, o)]);
                    sum.iter_mut().enumerate().for_each(|(o, sum)| *sum += weight(o));
                }
            }
            packed.iter_mut().zip(&sum).for_each(|(packed, &sum)| *packed = sum as f32);
        }
    });
}

/// G of the points 0, 2/3, -2/3, 3/2, -3/2, infinity. Row p is (1, p, p^2) / product of (p - every other point).
fn g() -> [[f64; 3]; 6] {
    let points = [0.0, 2.0 / 3.0, -2.0 / 3.0, 1.5, -1.5];
    let mut g = [[0.0, 0.0, 1.0]; 6];
    for (i, p) in points.into_iter().enumerate() {
        let others: f64 = (0..5).filter(|&j| j != i).map(|j| p - points[j]).product();
        g[i] = [1.0 / others, p / others, p * p / others];
    }
    g
}

fn pack_winograd(kernel: &Kernel, weights: &[f32], parts: &[usize], packed: &mut [f32]) {
    let g = g();
    let width = quads(kernel.co) * 4;
    // For each packed input channel the kernel's own, if any.
    let mut channels: Vec<Option<usize>> = vec![];
    let mut next = 0;
    for &ci in parts {
        channels.extend((next..next + ci).map(Some));
        channels.resize(channels.len().next_multiple_of(4), None);
        next += ci;
    }
    packed.par_chunks_mut(channels.len() * width).enumerate().for_each(|(place, packed)| {
        let (row, column) = (g[place / 6], g[place % 6]);
        let mut sum = vec![0.0f64; kernel.co];
        for (packed, c) in packed.chunks_mut(width).zip(&channels) {
            let Some(c) = c else { continue };
            sum.fill(0.0);
            for (i, row) in row.iter().enumerate() {
                for (j, column) in column.iter().enumerate() {
                    let factor = row * column;
                    let weights = &weights[((i * 3 + j) * kernel.ci + c) * kernel.co..][..kernel.co];
                    sum.iter_mut().zip(weights).for_each(|(sum, &w)| *sum += factor * f64::from(w));
                }
            }
            packed.iter_mut().zip(&sum).for_each(|(packed, &sum)| *packed = sum as f32);
        }
    });
}

/// What a subgroup reads lies in one piece: from `[bank, rows, width]` to `[bank, width / wide, rows, wide]`, filled up with
/// zeros.
fn in_pieces(packed: &[f32], bank: usize, width: usize, wide: usize) -> Vec<f32> {
    if packed.is_empty() {
        return vec![]; // a phase without taps
    }
    let rows = packed.len() / bank / width;
    let pieces = width.div_ceil(wide);
    let mut arranged = vec![0.0; bank * pieces * rows * wide];
    arranged.par_chunks_mut(rows * wide).enumerate().for_each(|(i, arranged)| {
        let first = i % pieces * wide;
        let of_image = &packed[i / pieces * rows * width..][..rows * width];
        for (to, from) in arranged.chunks_mut(wide).zip(of_image.chunks(width)) {
            let from = &from[first..width.min(first + wide)];
            to[..from.len()].copy_from_slice(from);
        }
    });
    arranged
}

/// Each pixel's `c` channels filled up with zeros to whole quads.
pub(super) fn fill_up(values: &[f32], c: usize) -> Vec<f32> {
    let padded = quads(c) * 4;
    let mut filled = vec![0.0; values.len() / c * padded];
    for (to, from) in filled.chunks_mut(padded).zip(values.chunks(c)) {
        to[..c].copy_from_slice(from);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::super::phases::{View, phases};
    use super::*;

    /// The transform of a kernel that copies the middle pixel, and a sum over its places that must give it back.
    #[test]
    fn g_interpolates() {
        // y = A (B d . G g) for d = (1, 1, 1, 1, 1, 1): every output is the sum of g's taps. B d of ones: the polynomials at 1.
        let g = g();
        let points = [0.0, 2.0 / 3.0, -2.0 / 3.0, 1.5, -1.5];
        let taps = [0.3, -1.1, 0.7];
        let product = |skip: usize| (0..5).filter(|&k| k != skip).map(|k| 1.0 - points[k]).product::<f64>();
        for r in 0..4 {
            let mut y = 0.0;
            for (i, g) in g.iter().enumerate() {
                let u: f64 = g.iter().zip(taps).map(|(g, t)| g * t).sum();
                let v = product(i); // i = 5: all of them
                let a = if i < 5 { f64::powi(points[i], r) } else { f64::from(u8::from(r == 3)) };
                y += a * u * v;
            }
            assert!((y - taps.iter().sum::<f64>()).abs() < 1e-12, "output {r}: {y}");
        }
    }

    /// The length that is told before packing is that of what is packed.
    #[test]
    fn lengths_are_known_beforehand() {
        let kernel = Kernel::new(3, 3, 6, 5, vec![1.0; 270].into()).unwrap();
        let to_one = Kernel::new(3, 3, 6, 1, vec![1.0; 54].into()).unwrap();
        let from_one = Kernel::new(3, 3, 1, 5, vec![1.0; 45].into()).unwrap();
        let upsampled = View { outputs: 8, k: 3, stride: 1, dilation: 1, before: 1, pool: 1, up: 2, is_sparse: false };
        // The last phase of a stride of 4 has no tap.
        let turned = View { dilation: -1, before: -1, up: 4, is_sparse: true, ..upsampled };
        let taps = |view: View, channels: Channels| {
            let axis = phases(view).pop().expect("a phase");
            Layout::Taps { rows: axis.clone(), columns: axis, channels }
        };
        let all = Channels { first: 0, inputs: 6, outputs: 5, groups: 1, is_transposed: false };
        let layouts = [
            (&kernel, taps(upsampled, Channels { first: 1, inputs: 5, ..all })),
            (&to_one, taps(upsampled, Channels { outputs: 1, ..all })),
            (&kernel, taps(upsampled, Channels { groups: 5, outputs: 5, ..all })),
            (&kernel, taps(turned, Channels { inputs: 5, outputs: 6, is_transposed: true, ..all })),
            (&kernel, taps(upsampled, Channels { inputs: 1, outputs: 30, groups: 5, is_transposed: true, ..all })),
            (&to_one, Layout::TapsAsOutputs { first: 2, ci: 4 }),
            (&from_one, Layout::TapsAsInputs),
            (&kernel, Layout::Winograd { parts: vec![5, 1] }),
        ];
        for (kernel, layout) in layouts {
            for pieces in [None, Some(32), Some(64)] {
                let constant = Constant::Kernel { kernel: kernel.clone(), layout: Box::new(layout.clone()), pieces };
                assert_eq!(constant.len(), constant.pack().len());
            }
        }
    }
}
