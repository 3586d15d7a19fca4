//! What a layer computes, with its weights. Axes are counted as Keras counts them: the images are axis 0, and -1 is the last.

use crate::engine::ops::{Function, Kernel, Sides, Window};
use crate::engine::values::Values;
use std::sync::Arc;

#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Kind {
    /// `None` where the file leaves the size open.
    Input {
        h: Option<usize>,
        w: Option<usize>,
        c: usize,
    },
    /// Nothing that this program can compute. `why` names the layer and says what is not supported.
    Refused {
        why: String,
    },
    /// Nothing at inference: dropout, noise.
    Identity,

    Conv2d {
        conv: Convolution,
        activation: Activation,
    },
    /// The transpose of `conv`, as wide as Keras makes it.
    ConvTranspose {
        conv: Convolution,
        output_padding: Option<Window>,
        activation: Activation,
    },
    /// One convolution for each channel, then one of 1x1.
    Separable {
        depthwise: Convolution,
        pointwise: Convolution,
        activation: Activation,
    },
    /// Computes along the last axis alone, whatever is before it: a convolution with a 1x1 kernel.
    Dense {
        kernel: Kernel,
        bias: Option<Arc<[f32]>>,
        activation: Activation,
    },

    /// `y = scale * x + shift` along `axis`. For batch normalisation at inference `scale = gamma / sqrt(variance + epsilon)`
    /// and `shift = beta - mean * scale` in f64.
    BatchNorm {
        axis: i64,
        scale: Arc<[f64]>,
        shift: Arc<[f64]>,
    },
    /// `y = scale * x + shift` everywhere.
    Linear {
        scale: f64,
        shift: f64,
    },
    /// `y = gamma (x - mean) / sqrt(variance + epsilon) + beta`, mean and variance over these axes of each image.
    LayerNorm {
        axes: Vec<i64>,
        epsilon: f64,
        gamma: Option<Array>,
        beta: Option<Array>,
    },
    /// The same over the image and the channels of a group. `None`: each channel is a group.
    GroupNorm {
        groups: Option<usize>,
        axis: i64,
        epsilon: f64,
        gamma: Option<Arc<[f32]>>,
        beta: Option<Arc<[f32]>>,
    },
    /// `y = x / sqrt(max(sum of x^2, 1e-12))`, the sum over these axes.
    UnitNorm {
        axes: Vec<i64>,
    },

    Activation(Activation),
    Softmax {
        axes: Vec<i64>,
    },
    /// `y = x` where x is positive, else `alpha x`; `alpha` has the input's shape, or 1 along an axis.
    PRelu {
        alpha: Array,
    },

    Pool {
        pool: Pool,
        window: Window,
        stride: Window,
        padding: Padding,
    },
    /// Nearest neighbour: every pixel becomes `h` x `w` pixels.
    Upsample {
        h: usize,
        w: usize,
    },
    Resize {
        to: Size,
        by: Interpolation,
    },
    Reduce {
        by: Reduction,
        axes: Vec<i64>,
        /// The axes stay, with length 1.
        keep: bool,
    },

    Crop(Sides),
    Pad {
        sides: Sides,
        with: Border,
    },
    /// A part for each axis, that of the images first.
    Slice(Vec<Part>),
    /// -1: what is left over.
    Reshape(Vec<i64>),
    /// Everything in a row; in the order of rows, columns, channels unless told otherwise.
    Flatten,
    /// The axis that comes from where, counted from 1.
    Permute(Vec<usize>),
    /// A new axis of length 1.
    ExpandDims(i64),
    /// These axes of length 1 go; all such, if none is named.
    Squeeze(Vec<i64>),
    /// Blocks of channels become blocks of pixels, and the other way round.
    DepthToSpace(usize),
    SpaceToDepth(usize),

    /// Repeats each channel so many times: the copies lie one after the other.
    Repeat(usize),
    Concat {
        axis: i64,
    },
    Merge(Merge),
}

/// A convolution as Keras describes it: how much padding 'same' is depends on the image.
#[derive(Debug, Clone)]
pub struct Convolution {
    /// HWIO; with groups, I is the channels of a group. Of a transposed convolution: that of the convolution it is the
    /// transpose of.
    pub kernel: Kernel,
    pub bias: Option<Arc<[f32]>>,
    pub stride: Window,
    pub padding: Padding,
    pub dilation: Window,
    pub groups: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// Zeros are added so that there are as many outputs as strides fit into the image, the last one begun or whole.
    Same,
    /// No padding.
    Valid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    Max,
    /// Padding is not counted.
    Average,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Times the input's.
    Factor(Window),
    Pixels(Window),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolation {
    Nearest,
    Bilinear,
    /// As TensorFlow 1 had it: output pixel `o` lies at `o n / m` of the input, not at `(o + 1/2) n / m - 1/2`.
    BilinearFromCorners,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Border {
    Zeros,
    /// The edge is the mirror, and is not repeated.
    Reflect,
    /// The mirror stands behind the edge.
    Symmetric,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduction {
    Mean,
    Sum,
    Max,
    Min,
}

/// What a slice takes along an axis, as in Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Range {
        start: Option<i64>,
        stop: Option<i64>,
        step: i64,
    },
    /// One place; the axis goes.
    Index(i64),
    /// Equal parts, of which this is number `which`.
    Share {
        which: usize,
        of: usize,
    },
    /// `...`: all axes that no other part speaks of.
    Rest,
    /// A new axis of length 1.
    New,
}

/// Place by place, of two inputs or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    Add,
    Subtract,
    Multiply,
    Divide,
    Average,
    Maximum,
    Minimum,
}

/// A weight with its own shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    pub shape: Vec<usize>,
    pub data: Values,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    Linear,
    Relu,
    Sigmoid,
    /// Over the last axis.
    Softmax,
    LogSoftmax,
    Pointwise(Function),
    /// `min(max(x, least), most)`
    Clip {
        least: f64,
        most: f64,
    },
    /// `-softplus(-x)`
    LogSigmoid,
    /// `x - tanh(x)`
    TanhShrink,
    /// `x` where `|x|` is above the threshold, else 0
    HardShrink {
        threshold: f64,
    },
    /// `x` moved towards 0 by the threshold, as far as it
    SoftShrink {
        threshold: f64,
    },
    /// `(x + sqrt(x^2 + b)) / 2`
    Squareplus {
        b: f64,
    },
    /// 0 up to -1, `x` from 1, and `(x + 1)^2 / 4` between
    SparsePlus,
    /// `x^2`
    Square,
    /// `1 / sqrt(x)`
    Rsqrt,
    /// `numerator / x`
    Over {
        numerator: f64,
    },
}

/// What a layer computes that is told in words: see [`super::Network::set_lambda`].
pub(super) fn of_lambda(meaning: &str) -> Result<Kind, String> {
    const KNOWN: &str =
        "identity, scale:2, shift:-1, scale:2,shift:-1, concat, repeat:8, resize:32x32 or an activation";
    const MOST: usize = 65536;
    let unknown = || format!("'{meaning}' is not known: say {KNOWN}");
    let size = |text: &str| text.trim().parse::<usize>().ok().filter(|n| (1..=MOST).contains(n));
    match (meaning, meaning.split_once(':')) {
        ("identity", _) => return Ok(Kind::Identity),
        ("concat", _) => return Ok(Kind::Concat { axis: -1 }),
        (_, Some(("repeat", times))) => return size(times).map(Kind::Repeat).ok_or_else(unknown),
        (_, Some(("resize", pixels))) => {
            let pixels = pixels.split_once('x').and_then(|(h, w)| Some(Window::new(size(h)?, size(w)?)));
            let to = Size::Pixels(pixels.ok_or_else(unknown)?);
            return Ok(Kind::Resize { to, by: Interpolation::Bilinear });
        }
        _ => {}
    }
    if let Some(activation) = super::keras::activation(meaning) {
        return Ok(Kind::Activation(activation));
    }
    let (mut scale, mut shift) = (None, None);
    for part in meaning.split(',') {
        let (key, number) = part.split_once(':').ok_or_else(unknown)?;
        let place = match key.trim() {
            "scale" => &mut scale,
            "shift" => &mut shift,
            _ => return Err(unknown()),
        };
        let number = number.trim().parse::<f64>().ok().filter(|n| n.is_finite() && place.is_none());
        *place = Some(number.ok_or_else(unknown)?);
    }
    Ok(Kind::Linear { scale: scale.unwrap_or(1.0), shift: shift.unwrap_or(0.0) })
}
