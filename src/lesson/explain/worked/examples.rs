//! Which example teaches which op, and on which cells: settings like those of the network's own op, but small.

use super::Array;
use crate::Result;
use crate::engine::ops::{Axis, Conv2d, ConvTranspose, Function, Kernel, Matrix, Op, Pool, Sampling, Sides, Window};
use crate::engine::tensor::Shape;
use crate::engine::values::Values;

/// The largest kernel, window and stride of an example, pixels: what is larger is cut to it.
const LARGEST: usize = 5;
const LARGEST_STRIDE: usize = 3;
/// Rows, columns and channels of the box that a slice cuts out and a pad surrounds.
const INSIDE: [usize; 3] = [2, 2, 1];

/// Which example teaches `op` on inputs of shapes `x`; `None` for ops without an input. One example serves several ops where
/// there is one thing to learn from them; and an op whose settings change what there is to learn has several.
pub fn topic(op: &Op, x: &[Shape]) -> Option<&'static str> {
    Some(match op {
        Op::Input(_) | Op::Fill { .. } | Op::Constant { .. } => return None,
        Op::Conv2d(conv) if conv.stride != Window::ONE => "conv2d-stride",
        Op::Conv2d(conv) if conv.groups > 1 => "conv2d-groups",
        Op::Conv2d(conv) if conv.dilation != Window::ONE => "conv2d-dilation",
        Op::Conv2d(conv) if conv.kernel.kh % 2 == 0 || conv.kernel.kw % 2 == 0 => "conv2d-even",
        Op::Conv2d(conv) if conv.pad == Sides::NONE && conv.kernel.kh * conv.kernel.kw > 1 => "conv2d-valid",
        Op::MaxPool(pool) if !pool.is_plain(x[0]) => "max_pool-stride",
        Op::Add if x[0] != x[1] => "add-broadcast",
        Op::Mul if x[0] != x[1] => "mul-broadcast",
        Op::Pad { .. } => "slice",
        Op::Permute(_) => "reshape",
        Op::Broadcast(_) => "sum",
        _ => op.name(),
    })
}

/// An op like `op`, and the shapes of its inputs. `None` if no gradient is taken of it.
pub(super) fn example(op: &Op, x: &[Shape]) -> Result<Option<(Op, Vec<Shape>)>> {
    let image = |h, w, c| Shape::new(1, h, w, c);
    let small = |window: Window| Window::new(window.h.min(LARGEST_STRIDE), window.w.min(LARGEST_STRIDE));
    Ok(Some(match op {
        Op::Conv2d(conv) => convolution(conv, topic(op, x).unwrap_or_default())?,
        Op::ConvTranspose(conv) => transposed(conv)?,
        Op::BatchNorm { .. } => {
            (Op::BatchNorm { scale: vec![0.5].into(), shift: vec![1.0].into() }, vec![image(2, 3, 1)])
        }
        Op::Scale { .. } => (Op::Scale { factor: 0.5 }, vec![image(2, 3, 1)]),
        Op::Relu | Op::Sigmoid | Op::Pointwise(_) | Op::Mean => (op.clone(), vec![image(2, 3, 1)]),
        Op::Softmax(axes) => {
            let side = |is_summed| if is_summed { 3 } else { 1 };
            (op.clone(), vec![image(side(axes.h), if axes.w { 3 } else { 2 }, side(axes.c))])
        }
        Op::MaxPool(pool) => {
            let (window, stride) = (small(pool.window), small(pool.stride));
            if pool.is_plain(x[0]) {
                (Op::MaxPool(window.into()), vec![image(2 * window.h, 2 * window.w, 1)])
            } else {
                let is_padded = pool.pad != Sides::NONE;
                // Of windows side by side a pixel is left over; with padding, the second window reaches into it.
                let side = |k: usize, s: usize| match () {
                    () if is_padded && k > s => 2 * s,
                    () if is_padded => s + 1,
                    () => k + s + usize::from(k == s),
                };
                let (h, w) = (side(window.h, stride.h), side(window.w, stride.w));
                let pad = if is_padded { Sides::same(h, w, window, stride, Window::ONE) } else { Sides::NONE };
                (Op::MaxPool(Pool { window, stride, pad }), vec![image(h, w, 1)])
            }
        }
        Op::Upsample(window) => (Op::Upsample(small(*window)), vec![image(2, 2, 1)]),
        Op::SumPool(window) => {
            let window = small(*window);
            (Op::SumPool(window), vec![image(2 * window.h, 2 * window.w, 1)])
        }
        Op::Concat => (Op::Concat, vec![image(2, 2, 1); 2]),
        Op::Slice { start, size } => {
            // Of each axis a pixel is cut off where the op cuts off some.
            let all = [x[0].h, x[0].w, x[0].c];
            let before: [usize; 3] = std::array::from_fn(|k| start[k].min(1));
            let after: [usize; 3] = std::array::from_fn(|k| (all[k] - start[k] - size[k]).min(1));
            let [h, w, c] = std::array::from_fn(|k| before[k] + INSIDE[k] + after[k]);
            (Op::Slice { start: before, size: INSIDE }, vec![image(h, w, c)])
        }
        Op::Pad { before, size } => {
            let own = [x[0].h, x[0].w, x[0].c];
            let after: [usize; 3] = std::array::from_fn(|k| (size[k] - before[k] - own[k]).min(1));
            let before: [usize; 3] = std::array::from_fn(|k| before[k].min(1));
            let [h, w, c] = INSIDE;
            let size = std::array::from_fn(|k| before[k] + INSIDE[k] + after[k]);
            (Op::Pad { before, size }, vec![image(h, w, c)])
        }
        Op::Reshape(_) => (Op::Reshape(image(3, 2, 1)), vec![image(2, 3, 1)]),
        Op::Permute(_) => (op.clone(), vec![image(2, 3, 1)]),
        Op::Sum(_) => (op.clone(), vec![image(2, 2, 2)]),
        Op::Broadcast(to) => {
            let (from, to) = pair(x[0], *to);
            (Op::Broadcast(to), vec![from])
        }
        Op::Add | Op::Mul if x[0] == x[1] => (op.clone(), vec![image(2, 2, 1); 2]),
        Op::Add | Op::Mul => {
            let (a, b) = pair(x[0], x[1]);
            (op.clone(), vec![a, b])
        }
        Op::Transform { axis, matrix } => {
            let matrix = resizing(matrix);
            let n = matrix.columns;
            (
                Op::Transform { axis: *axis, matrix },
                vec![if *axis == Axis::Down { image(n, 2, 1) } else { image(2, n, 1) }],
            )
        }
        Op::Input(_)
        | Op::Fill { .. }
        | Op::Constant { .. }
        | Op::ReluGrad
        | Op::SigmoidGrad
        | Op::PointwiseGrad(_)
        | Op::MaxPoolGrad(_)
        | Op::Spread(_)
        | Op::Roll
        | Op::TotalVariation
        | Op::TotalVariationGrad
        | Op::Rms
        | Op::Normalise { .. }
        | Op::Adam { .. }
        | Op::Step { .. } => return Ok(None),
    }))
}

/// Two shapes that are repeated as `a` and `b` are.
fn pair(a: Shape, b: Shape) -> (Shape, Shape) {
    let side = |own: usize, other: usize| if own == 1 { 1 } else { 2.min(own.max(other)) };
    (
        Shape::new(1, side(a.h, b.h), side(a.w, b.w), side(a.c, b.c)),
        Shape::new(1, side(b.h, a.h), side(b.w, a.w), side(b.c, a.c)),
    )
}

/// A side of a kernel, as even or odd as it was.
fn side(k: usize) -> usize {
    if k <= LARGEST { k } else { LARGEST - (k + 1) % 2 }
}

/// A kernel of one input and `co` outputs.
fn kernel(kh: usize, kw: usize, co: usize) -> Result<Kernel> {
    const WEIGHTS: [f32; 9] = [1.0, 0.0, -1.0, 2.0, 0.5, -2.0, 1.0, 3.0, -1.0];
    // Of a single one the 1 would show nothing.
    let first = if kh * kw == 1 { 3 } else { 0 };
    let weights: Vec<f32> = (first..first + kh * kw * co).map(|i| WEIGHTS[i % 9]).collect();
    Kernel::new(kh, kw, 1, co, weights.into())
}

/// With the one setting that the topic is about.
fn convolution(conv: &Conv2d, topic: &str) -> Result<(Op, Vec<Shape>)> {
    let small = |window: Window| Window::new(window.h.min(LARGEST_STRIDE), window.w.min(LARGEST_STRIDE));
    let stride = if topic == "conv2d-stride" { small(conv.stride) } else { Window::ONE };
    let dilation = if topic == "conv2d-dilation" {
        Window::new(conv.dilation.h.min(2), conv.dilation.w.min(2))
    } else {
        Window::ONE
    };
    let groups = if topic == "conv2d-groups" { 2 } else { 1 };
    let window = Window::new(side(conv.kernel.kh), side(conv.kernel.kw));
    let is_valid = conv.pad == Sides::NONE;
    let pixels = |k: usize, s: usize, d: usize| match ((k - 1) * d + 1, is_valid) {
        (extent, true) => (extent + s).max(4),
        (extent, false) => extent.max(if groups > 1 { 3 } else { 4 }),
    };
    let (h, w) = (pixels(window.h, stride.h, dilation.h), pixels(window.w, stride.w, dilation.w));
    let pad = if is_valid { Sides::NONE } else { Sides::same(h, w, window, stride, dilation) };
    let kernel = kernel(window.h, window.w, groups)?;
    Ok((Op::Conv2d(Conv2d { kernel, bias: None, stride, pad, dilation, groups }), vec![Shape::new(1, h, w, groups)]))
}

fn transposed(conv: &ConvTranspose) -> Result<(Op, Vec<Shape>)> {
    let stride = Window::new(conv.stride.h.min(LARGEST_STRIDE), conv.stride.w.min(LARGEST_STRIDE));
    let window = Window::new(side(conv.kernel.kh), side(conv.kernel.kw));
    let is_valid = conv.pad == Sides::NONE;
    // As many pixels as Keras' 'same' or 'valid' makes of two.
    let pixels = |k: usize, s: usize| 2 * s + if is_valid { k.saturating_sub(s) } else { 0 };
    let (h, w) = (pixels(window.h, stride.h), pixels(window.w, stride.w));
    let pad = if is_valid { Sides::NONE } else { Sides::same(h, w, window, stride, Window::ONE) };
    let kernel = kernel(window.h, window.w, 1)?;
    let op = ConvTranspose { kernel, bias: None, stride, pad, dilation: Window::ONE, groups: 1, h, w };
    Ok((Op::ConvTranspose(op), vec![Shape::new(1, 2, 2, 1)]))
}

/// A small matrix that samples as this one does.
fn resizing(matrix: &Matrix) -> Matrix {
    let (n, to) = (matrix.columns, matrix.rows);
    let samples = |&sampling: &Sampling| Matrix::resize(n, to, sampling) == *matrix;
    let known = [Sampling::Bilinear, Sampling::BilinearFromCorner, Sampling::Nearest].into_iter().find(samples);
    let (n, to) = if to >= n { (3, 6) } else { (4, 2) };
    Matrix::resize(n, to, known.unwrap_or(Sampling::Nearest))
}

/// The numbers of the op that a reader may change: what they are, and they.
pub(super) fn settings(op: &Op) -> (&'static str, Array) {
    let row = |values: Vec<f64>| Array { shape: [1, values.len(), 1], values };
    let wide = |values: &[f32]| values.iter().map(|&v| v.into()).collect();
    match op {
        Op::Conv2d(Conv2d { kernel: k, .. }) | Op::ConvTranspose(ConvTranspose { kernel: k, .. }) => {
            ("kernel", Array { shape: [k.kh, k.kw, k.ci * k.co], values: wide(&k.values()) })
        }
        Op::BatchNorm { scale, shift } => ("scale, shift", row(vec![scale[0], shift[0]])),
        Op::Scale { factor } => ("factor", row(vec![(*factor).into()])),
        Op::Transform { matrix: m, .. } => {
            ("matrix", Array { shape: [m.rows, m.columns, 1], values: wide(&m.values()) })
        }
        Op::Pointwise(Function::Relu { slope, threshold, max }) if max.is_finite() => {
            ("slope, threshold, max", row(wide(&[*slope, *threshold, *max])))
        }
        Op::Pointwise(Function::Relu { slope, threshold, .. }) => {
            ("slope, threshold", row(wide(&[*slope, *threshold])))
        }
        Op::Pointwise(Function::LeakyRelu { slope } | Function::HardSigmoid { slope }) => {
            ("slope", row(wide(&[*slope])))
        }
        Op::Pointwise(Function::Elu { alpha }) => ("alpha", row(wide(&[*alpha]))),
        _ => ("", row(vec![])),
    }
}

/// The same op with other numbers for its settings, as many as it has.
pub(super) fn with_settings(op: &Op, settings: &[f64]) -> Result<Op> {
    let narrow: Values = settings.iter().map(|&v| v as f32).collect();
    let like = |k: &Kernel| Kernel::new(k.kh, k.kw, k.ci, k.co, narrow.clone());
    Ok(match op {
        Op::Conv2d(conv) => Op::Conv2d(Conv2d { kernel: like(&conv.kernel)?, ..conv.clone() }),
        Op::ConvTranspose(conv) => Op::ConvTranspose(ConvTranspose { kernel: like(&conv.kernel)?, ..conv.clone() }),
        Op::BatchNorm { .. } => Op::BatchNorm { scale: vec![settings[0]].into(), shift: vec![settings[1]].into() },
        Op::Scale { .. } => Op::Scale { factor: narrow[0] },
        Op::Transform { axis, matrix } => {
            Op::Transform { axis: *axis, matrix: Matrix::new(matrix.rows, matrix.columns, narrow.to_vec()) }
        }
        Op::Pointwise(Function::Relu { max, .. }) => Op::Pointwise(Function::Relu {
            slope: narrow[0],
            threshold: narrow[1],
            max: narrow.get(2).copied().unwrap_or(*max),
        }),
        Op::Pointwise(Function::LeakyRelu { .. }) => Op::Pointwise(Function::LeakyRelu { slope: narrow[0] }),
        Op::Pointwise(Function::HardSigmoid { .. }) => Op::Pointwise(Function::HardSigmoid { slope: narrow[0] }),
        Op::Pointwise(Function::Elu { .. }) => Op::Pointwise(Function::Elu { alpha: narrow[0] }),
        other => other.clone(),
    })
}

/// Is every output a sum of inputs, each times a number that does not depend on them?
pub(super) fn is_linear(op: &Op) -> bool {
    !matches!(op, Op::Relu | Op::Sigmoid | Op::Pointwise(_) | Op::Softmax(_) | Op::MaxPool(_) | Op::Mul)
}

#[cfg(test)]
mod tests;
