//! The parameters that each shader takes: twins of the `Params` in `shaders/`. A test compares their layout with the shader's.

use crate::engine::ops::Function;
use bytemuck::{Pod, Zeroable};

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct SameParams {
    pub count: u32,
    pub c4: u32,
    pub value: f32,
    pub scale_at: u32,
    pub x_quads: u32,
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct SigmoidParams {
    pub count: u32,
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct PointwiseParams {
    pub count: u32,
    pub c4: u32,
    pub channels: u32,
    pub slope: f32,
    pub threshold: f32,
    pub largest: f32,
}

impl PointwiseParams {
    /// The function's number in `shaders/pointwise.wgsl`, and its settings.
    pub fn of(f: Function) -> (u32, PointwiseParams) {
        let (number, [slope, threshold, largest]) = match f {
            Function::Relu { slope, threshold, max } => (0, [slope, threshold, max]),
            Function::LeakyRelu { slope } => (1, [slope, 0.0, 0.0]),
            Function::Elu { alpha } => (2, [alpha, 0.0, 0.0]),
            Function::Selu => (3, [0.0; 3]),
            Function::Tanh => (4, [0.0; 3]),
            Function::Exp => (5, [0.0; 3]),
            Function::Softplus => (6, [0.0; 3]),
            Function::Softsign => (7, [0.0; 3]),
            Function::Silu => (8, [0.0; 3]),
            Function::Gelu { approximate: false } => (9, [0.0; 3]),
            Function::Gelu { approximate: true } => (10, [0.0; 3]),
            Function::HardSigmoid { slope } => (11, [slope, 0.0, 0.0]),
            Function::HardSwish => (12, [0.0; 3]),
            Function::Mish => (13, [0.0; 3]),
            Function::Abs => (14, [0.0; 3]),
            Function::Sqrt => (15, [0.0; 3]),
            Function::Reciprocal => (16, [0.0; 3]),
            Function::Log => (17, [0.0; 3]),
        };
        (number, PointwiseParams { slope, threshold, largest, ..Default::default() })
    }
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct SumParams {
    pub boxes: [u32; 2],
    pub of_box: [u32; 2],
    pub x: [u32; 2],
    pub c4: u32,
    pub channels: u32,
    pub boxes4: u32,
    pub box4: u32,
    pub count: u32,
    pub deep: u32,
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct MaxPoolParams {
    pub out: [u32; 2],
    pub size: [u32; 2],
    pub window: [u32; 2],
    pub stride: [u32; 2],
    pub pad: [u32; 2],
    pub first: u32,
    pub count: u32,
    pub c4: u32,
    pub unused: u32,
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct UnpoolParams {
    pub count: u32,
    pub c4: u32,
    pub w: u32,
    pub window_h: u32,
    pub window_w: u32,
    pub scale_at: u32,
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct UpsampleParams {
    pub count: u32,
    pub c4: u32,
    pub w: u32,
    pub window_h: u32,
    pub window_w: u32,
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct ConcatParams {
    pub count: u32,
    pub c4: u32,
    pub x4: u32,
    pub start: u32,
    pub channels: u32,
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct SliceParams {
    pub count: u32,
    pub c4: u32,
    pub channels: u32,
    pub h: u32,
    pub w: u32,
    pub x_h: u32,
    pub x_w: u32,
    pub x4: u32,
    pub x_channels: u32,
    /// Row, column, channel.
    pub start: [i32; 3],
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct ReshapeParams {
    pub count: u32,
    pub c4: u32,
    pub channels: u32,
    pub h: u32,
    pub w: u32,
    pub x_image: u32,
    pub x_channels: u32,
    /// Down, across, deep.
    pub steps: [u32; 3],
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct BroadcastParams {
    pub a: [u32; 4],
    pub b: [u32; 4],
    pub count: u32,
    pub c4: u32,
    pub h: u32,
    pub w: u32,
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct MeanParams {
    pub count: u32,
    pub c4: u32,
    pub channels: u32,
    pub values: f32,
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct AscentParams {
    pub count: u32,
    pub image_quads: u32,
    pub c4: u32,
    pub channels: u32,
    pub values: f32,
    pub factor: f32,
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct AdamParams {
    pub count: u32,
    pub image_quads: u32,
    pub epsilon: f32,
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct RollParams {
    pub count: u32,
    pub c4: u32,
    pub h: u32,
    pub w: u32,
    pub entries: u32,
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct TotalVariationParams {
    pub count: u32,
    pub c4: u32,
    pub channels: u32,
    pub h: u32,
    pub w: u32,
    pub values: f32,
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct TransformParams {
    pub first: u32,
    pub count: u32,
    pub rows: u32,
    pub length: u32,
    pub inner: u32,
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct Conv2dParams {
    pub grid: [u32; 2],
    pub step: [u32; 2],
    pub phase: [u32; 2],
    pub y: [u32; 2],
    pub x: [u32; 2],
    pub stride: [u32; 2],
    pub dilation: [u32; 2],
    pub offset: [i32; 2],
    pub taps: [u32; 2],
    pub up: [u32; 2],
    pub of_group: [u32; 2],
    pub ci4: u32,
    pub co4: u32,
    pub bank: u32,
    pub bias_bank: u32,
    pub scale_at: u32,
    pub first_group: u32,
    pub x_image: u32,
    pub bank_image: u32,
    pub y_image: u32,
    pub unused: u32,
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct WinogradParams {
    pub tiles: [u32; 2],
    pub x: [u32; 2],
    pub up: [u32; 2],
    pub pad: [u32; 2],
    pub y: [u32; 2],
    pub count: u32,
    pub first: u32,
    pub c4: u32,
    pub v4: u32,
    pub at: u32,
    pub scale_at: u32,
}

#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(super) struct FmaParams {
    pub rounds: u32,
}
