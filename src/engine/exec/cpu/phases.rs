//! A step's convolution, made of the convolutions that [`conv`](super::conv) computes: a conv2d is one, a conv_transpose one
//! for each of its phases.
//!
//! In a transposed convolution of stride s input r lands, through tap i, on output `r s + i d - top`. So along one axis output p
//! hears of tap i only if `p + top - i d` is a multiple of s, and then of input `(p + top - i d) / s`. All outputs
//! `p = first + q s` hear of the same taps; the distance between two such taps is a multiple of s in outputs, so their inputs
//! are whole pixels apart: these outputs are a convolution of stride 1 with some of the taps, the last one first. There are
//! s such phases along each axis; each writes its outputs in between those of the others, epilogue and all.

use super::conv::{Algorithm, Finish, Geometry, Operands, Packed, PartShape, Places};
use super::simd::Level;
use crate::engine::ops::{Conv2d, ConvTranspose, Kernel, Strided, Window};
use crate::engine::plan::{Head, Part, Plan, Step};
use crate::engine::tensor::Shape;
use std::ops::Range;

/// The most bytes that Winograd's kernels of a plan may take while they are stored transformed. All of the built-in network's fit.
pub const MOST_STORED: usize = 96 << 20;

/// One convolution of a step.
pub struct Phase {
    /// One, or where each image has its own kernel one per group of images.
    packed: Vec<Packed>,
    places: Places,
    /// Of a conv_transpose the taps that it uses, down and across.
    taps: Option<[Vec<usize>; 2]>,
}

impl Phase {
    /// The convolutions of each step of a plan, for groups of `group` images; none, if it is no convolution.
    ///
    /// Winograd's kernels, which are four times as large transformed as they are, are stored transformed as long as they fit into
    /// [`MOST_STORED`]: the smallest first, among equals that of the earlier step. The others are transformed on use. That costs a
    /// byte of a large kernel as much as one of a small kernel, and more where an image has so many pixels that it is done
    /// several times, which is where kernels are small. The plan's shapes decide it, not how many images or threads there are.
    pub fn of_plan(plan: &Plan, level: Level, group: usize) -> Vec<Vec<Phase>> {
        let mut phases: Vec<_> = plan.steps.iter().map(|step| Phase::all(plan, step, level, group)).collect();
        let mut stored: Vec<(&Step, &mut Phase)> = vec![];
        for (step, phases) in plan.steps.iter().zip(&mut phases) {
            stored.extend(phases.iter_mut().filter(|phase| phase.is_transformed()).map(|phase| (step, phase)));
        }
        stored.sort_by_key(|(_, phase)| phase.bytes());
        let mut room = MOST_STORED;
        for (step, phase) in stored {
            match room.checked_sub(phase.bytes()) {
                Some(rest) => room = rest,
                None => phase.transform_on_use(step),
            }
        }
        phases
    }

    /// How it is computed, all groups alike.
    pub fn algorithm(&self) -> Algorithm {
        self.packed[0].algorithm()
    }

    /// Whether all images have the same kernel, and it is stored transformed.
    fn is_transformed(&self) -> bool {
        self.algorithm() == Algorithm::Winograd4 && self.packed[0].geometry().bank == 1
    }

    fn transform_on_use(&mut self, step: &Step) {
        let lying = match (&step.head, &self.taps) {
            (Head::ConvTranspose { conv, .. }, Some([down, across])) => lying_of_phase(conv, down, across),
            (Head::Conv { conv, .. }, _) => conv.kernel.in_place(),
            _ => None,
        };
        for packed in &mut self.packed {
            *packed = Packed::with_algorithm(packed.level(), packed.geometry(), Algorithm::Winograd4OnUse);
            if let Some(kernel) = &lying {
                packed.lend(kernel);
            }
        }
    }

    /// The convolutions of a step.
    fn all(plan: &Plan, step: &Step, level: Level, group: usize) -> Vec<Phase> {
        let shape = |id| plan.value(id).shape;
        let pack = |kernel: &Kernel, geometry: Geometry| {
            let of_group = |first: usize| {
                let bank = if kernel.bank == 1 { 1 } else { group.min(kernel.bank - first) };
                Packed::new(level, &Geometry { bank, ..geometry.clone() })
            };
            (0..kernel.bank).step_by(group).map(of_group).collect::<Vec<_>>()
        };
        match &step.head {
            Head::Conv { parts, conv, pool } => {
                let geometry =
                    of_conv2d(parts.iter().map(|&part| (shape(part.value), part)), conv, *pool, shape(step.output));
                vec![Phase { packed: pack(&conv.kernel, geometry), places: Places::ALL, taps: None }]
            }
            Head::ConvTranspose { x, conv } => {
                let axes = |n: usize, k, stride: usize, dilation, before| {
                    (0..stride.min(n)).map(move |first| Axis::new(first, n, k, stride, dilation, before))
                };
                let down = axes(conv.h, conv.kernel.kh, conv.stride.h, conv.dilation.h, conv.pad.top);
                let across = || axes(conv.w, conv.kernel.kw, conv.stride.w, conv.dilation.w, conv.pad.left);
                let phase = |(down, across): (Axis, Axis)| Phase {
                    packed: pack(&conv.kernel, of_phase(shape(*x), conv, &down, &across)),
                    places: Places { first: (down.first, across.first), step: (conv.stride.h, conv.stride.w) },
                    taps: Some([down.taps, across.taps]),
                };
                down.flat_map(|down| across().map(move |across| (down.clone(), across))).map(phase).collect()
            }
            Head::Op { .. } | Head::Unpool { .. } | Head::Fill { .. } | Head::Same { .. } => vec![],
        }
    }

    /// Packs the step's kernel; each group of images gets its own part of a bank.
    pub fn pack(&mut self, step: &Step) {
        if self.packed.iter().all(Packed::is_packed) {
            return;
        }
        match (&step.head, &self.taps) {
            (Head::ConvTranspose { conv, .. }, Some([down, across])) => {
                let kernel = kernel_of_phase(conv, down, across);
                pack(&mut self.packed, &kernel);
            }
            (Head::Conv { conv, .. }, _) => pack(&mut self.packed, &conv.kernel.values()),
            _ => {}
        }
    }

    /// Bytes of the packed kernels.
    pub fn bytes(&self) -> usize {
        self.packed.iter().map(Packed::bytes).sum()
    }

    pub fn scratch_len(&self, images: usize) -> usize {
        self.packed.iter().map(|packed| packed.scratch_len(images)).max().unwrap_or(0)
    }

    /// Computes the phase for a group of images; `group` counts groups, `shape` is that of all of `out`.
    pub fn run(
        &self,
        group: usize,
        parts: &[&[f32]],
        epilogue: &mut Operands,
        (out, shape): (&mut [f32], Shape),
        scratch: &mut [f32],
    ) {
        let packed = &self.packed[if self.packed.len() > 1 { group } else { 0 }];
        packed.run_at(shape.n, parts, Finish::new(epilogue, shape, self.places, out), scratch);
    }
}

fn pack(groups: &mut [Packed], mut kernels: &[f32]) {
    for packed in groups {
        let (own, rest) = kernels.split_at(packed.geometry().bank * packed.geometry().kernel_len());
        packed.pack(own);
        kernels = rest;
    }
}

/// `out` is the step's output.
fn of_conv2d(parts: impl Iterator<Item = (Shape, Part)>, conv: &Conv2d, pool: Window, out: Shape) -> Geometry {
    let mut hw = (0, 0);
    let parts = parts.map(|(x, Part { up, .. })| {
        hw = (x.h * up.h, x.w * up.w);
        PartShape { c: x.c, up: (up.h, up.w) }
    });
    let parts = parts.collect();
    // Of a pool that leaves no rest the output before it is known; there is none after other convolutions.
    Geometry {
        h: hw.0,
        w: hw.1,
        kh: conv.kernel.kh,
        kw: conv.kernel.kw,
        parts,
        co: conv.kernel.co,
        conv_hw: (out.h * pool.h, out.w * pool.w),
        pad: (conv.pad.top as isize, conv.pad.left as isize),
        stride: (conv.stride.h, conv.stride.w),
        dilation: (conv.dilation.h, conv.dilation.w),
        groups: conv.groups,
        pool: (pool.h, pool.w),
        bank: 1,
    }
}

/// Along one axis of a transposed convolution: outputs `first, first + stride, ..`.
#[derive(Clone)]
struct Axis {
    first: usize,
    /// How many outputs.
    count: usize,
    /// The taps that they hear of, the last one first; it sees the first input of a window.
    taps: Vec<usize>,
    /// From one tap's input to the next one's.
    dilation: usize,
    pad: isize,
}

impl Axis {
    /// Of `n` outputs and `k` taps, with `before` outputs cut off before the first one.
    fn new(first: usize, n: usize, k: usize, stride: usize, dilation: usize, before: usize) -> Axis {
        let count = (n - first).div_ceil(stride);
        let is_heard = |i: &usize| (first + before) % stride == i * dilation % stride;
        let taps: Vec<usize> = (0..k).rev().filter(is_heard).collect();
        let dilation_of = |taps: &[usize]| (taps[0] - taps[1]) * dilation / stride;
        Axis {
            first,
            count,
            dilation: if taps.len() > 1 { dilation_of(&taps) } else { 1 },
            // Of a phase without taps the windows lie before the image, where all is zero.
            pad: taps
                .first()
                .map_or(count as isize, |&i| ((i * dilation) as isize - (first + before) as isize) / stride as isize),
            taps,
        }
    }
}

fn of_phase(x: Shape, conv: &ConvTranspose, down: &Axis, across: &Axis) -> Geometry {
    Geometry {
        h: x.h,
        w: x.w,
        kh: down.taps.len().max(1),
        kw: across.taps.len().max(1),
        parts: vec![PartShape { c: x.c, up: (1, 1) }],
        co: conv.kernel.ci * conv.groups,
        conv_hw: (down.count, across.count),
        pad: (down.pad, across.pad),
        stride: (1, 1),
        dilation: (down.dilation, across.dilation),
        groups: conv.groups,
        pool: (1, 1),
        bank: 1,
    }
}

/// `[bank, taps down, taps across, inputs of a group, outputs]`: of a conv_transpose's kernel those taps, channels swapped
/// within each group. Without a tap a pixel of zeros.
fn kernel_of_phase(conv: &ConvTranspose, down: &[usize], across: &[usize]) -> Vec<f32> {
    let Kernel { bank, ci, co, .. } = conv.kernel;
    let (inputs, outputs) = (co / conv.groups, ci * conv.groups);
    if down.is_empty() || across.is_empty() {
        return vec![0.0; bank * down.len().max(1) * across.len().max(1) * inputs * outputs];
    }
    let values = conv.kernel.values();
    let mut all = Vec::with_capacity(bank * down.len() * across.len() * inputs * outputs);
    for b in 0..bank {
        let kernel = conv.kernel.of_image(&values, b);
        for (i, j) in down.iter().flat_map(|i| across.iter().map(move |j| (i, j))) {
            let tap = &kernel[(i * conv.kernel.kw + j) * ci * co..][..ci * co];
            for input in 0..inputs {
                all.extend((0..outputs).map(|o| tap[o % ci * co + o / ci * inputs + input]));
            }
        }
    }
    all
}

/// The same where it lies.
fn lying_of_phase(conv: &ConvTranspose, down: &[usize], across: &[usize]) -> Option<Strided> {
    let step = |taps: &[usize]| taps.get(1).map_or(1, |&second| second as isize - taps[0] as isize);
    let kernel = conv.kernel.in_place().filter(|_| conv.groups == 1)?;
    let rows = kernel.every(1, *down.first()?, step(down), down.len());
    Some(rows.every(2, *across.first()?, step(across), across.len()).swapped())
}

/// The biases of a step's convolution that a group of images uses: one for all, or one for each.
pub fn bias<'a>(head: &'a Head, images: &Range<usize>) -> Option<&'a [f32]> {
    let (bias, bank, outputs) = match head {
        Head::Conv { conv, .. } => (conv.bias.as_deref()?, conv.kernel.bank, conv.kernel.co),
        Head::ConvTranspose { conv, .. } => (conv.bias.as_deref()?, conv.kernel.bank, conv.kernel.ci * conv.groups),
        Head::Op { .. } | Head::Unpool { .. } | Head::Fill { .. } | Head::Same { .. } => return None,
    };
    Some(if bank == 1 { bias } else { &bias[images.start * outputs..images.end * outputs] })
}
