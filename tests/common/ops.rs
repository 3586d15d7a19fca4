//! What the tests of ops share: numbers, kernels, and the lists of what an op is to be tried with.

use std::sync::Arc;
use unet_lens::engine::ops::{Conv2d, Function, Kernel, Sides, Window};

/// Numbers in [-1, 1) that look random and are the same everywhere.
pub fn numbers(count: usize, salt: u64) -> Vec<f32> {
    let mut state = salt.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1u64 << 24) as f32) * 2.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// [`numbers`] in f64.
pub fn doubles(count: usize, salt: u64) -> Arc<[f64]> {
    numbers(count, salt).iter().map(|&v| v.into()).collect()
}

pub fn conv(kh: usize, kw: usize, ci: usize, co: usize) -> Conv2d {
    let kernel = Kernel::new(kh, kw, ci, co, numbers(kh * kw * ci * co, 3).into()).unwrap();
    Conv2d::same(kernel, Some(numbers(co, 4).into()))
}

/// All functions, the settings that Keras uses and others.
pub const FUNCTIONS: [Function; 23] = [
    Function::Relu { slope: 0.0, threshold: 0.0, max: 6.0 },
    Function::Relu { slope: 0.1, threshold: 0.5, max: 6.0 },
    Function::Relu { slope: 0.2, threshold: 0.5, max: f32::INFINITY },
    Function::Relu { slope: 0.0, threshold: 0.0, max: f32::INFINITY },
    Function::LeakyRelu { slope: 0.3 },
    Function::Elu { alpha: 1.0 },
    Function::Elu { alpha: 0.7 },
    Function::Selu,
    Function::Tanh,
    Function::Exp,
    Function::Softplus,
    Function::Softsign,
    Function::Silu,
    Function::Gelu { approximate: false },
    Function::Gelu { approximate: true },
    Function::HardSigmoid { slope: 0.2 },
    Function::HardSigmoid { slope: 1.0 / 6.0 },
    Function::HardSwish,
    Function::Mish,
    Function::Abs,
    Function::Sqrt,
    Function::Reciprocal,
    Function::Log,
];

/// How a convolution walks over the image.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    pub kernel: Window,
    pub stride: Window,
    pub pad: Sides,
    pub dilation: Window,
}

pub const fn setting(
    kernel: (usize, usize),
    stride: (usize, usize),
    pad: [usize; 4],
    dilation: (usize, usize),
) -> Setting {
    let [top, bottom, left, right] = pad;
    Setting {
        kernel: Window::new(kernel.0, kernel.1),
        stride: Window::new(stride.0, stride.1),
        pad: Sides { top, bottom, left, right },
        dilation: Window::new(dilation.0, dilation.1),
    }
}

/// 'same', 'valid', more padding than kernel, strides that divide nothing, strides larger than the kernel, dilations with and
/// without a common divisor with the stride.
pub const SETTINGS: [Setting; 13] = [
    setting((3, 3), (2, 2), [0, 1, 0, 1], (1, 1)),
    setting((2, 2), (2, 2), [0; 4], (1, 1)),
    setting((3, 3), (1, 1), [0; 4], (1, 1)),
    setting((2, 2), (1, 1), [0, 1, 0, 1], (1, 1)),
    setting((3, 3), (1, 1), [2, 2, 2, 2], (1, 1)),
    setting((3, 3), (1, 1), [2, 2, 3, 3], (2, 3)),
    setting((3, 3), (2, 3), [1, 0, 2, 1], (1, 2)),
    setting((5, 4), (3, 1), [2, 2, 1, 2], (1, 1)),
    setting((1, 1), (2, 3), [0; 4], (1, 1)),
    setting((4, 4), (2, 2), [1, 1, 1, 1], (1, 1)),
    setting((2, 2), (2, 2), [3, 3, 4, 4], (1, 1)),
    setting((2, 3), (4, 4), [0, 1, 2, 2], (2, 3)),
    setting((3, 2), (2, 2), [3, 3, 3, 3], (3, 2)),
];
