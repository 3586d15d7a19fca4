//! The epilogue: what happens to each value on its way out of a kernel, while it is still in a register.
//!
//! This page is its one definition; fusion, the CPU's kernels and the shaders (`shaders/prelude.wgsl`) all refer to it. For a
//! value `y` of channel `c`, in this order, each stage only where it is asked for:
//!
//! ```text
//! y = y + bias[c]                 the convolution's own
//! y = y + add                     another tensor of the same shape: the other gradient of a value used twice, a residual
//! y = max(y, 0)                   relu; NaN stays NaN. If anyone asks for the signs, y > 0 is written, a bit a value
//! y = scale[c] y + shift[c]       batch_norm, forward and backward
//! y = y where gate, else 0        relu_grad: the gate is the signs that another step's relu has written
//! ```

use super::ValueId;
use std::sync::Arc;

/// The stages after the bias, which belongs to the convolution itself.
#[derive(Debug, Clone, Default)]
pub struct Epilogue {
    pub add: Option<ValueId>,
    pub relu: bool,
    pub affine: Option<Affine>,
    /// The signs that decide which values pass.
    pub gate: Option<ValueId>,
}

impl Epilogue {
    /// The values that it reads.
    pub fn inputs(&self) -> impl Iterator<Item = ValueId> {
        self.add.into_iter().chain(self.gate)
    }
}

/// A pair of numbers per channel.
#[derive(Debug, Clone)]
pub struct Affine {
    pub scale: Arc<[f32]>,
    pub shift: Arc<[f32]>,
}

impl Affine {
    pub(super) fn new(scale: &[f64], shift: &[f64]) -> Affine {
        let rounded = |values: &[f64]| values.iter().map(|&v| v as f32).collect();
        Affine { scale: rounded(scale), shift: rounded(shift) }
    }
}

/// How far along the epilogue a step has come while it takes in one node after the other. A node fits if its stage is still
/// to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// The head itself, its bias included. A batch_norm can still be folded into a convolution's kernel.
    Head,
    /// The sum over windows, which a convolution can do before its bias.
    Pool,
    Add,
    Relu,
    Affine,
    Gate,
    Closed,
}
