//! Convolutions: 'same' padding is decided here, where the image's size is known.

use super::{Builder, Value};
use crate::engine::ops::{Conv2d, ConvTranspose, Kernel, Sides, Window};
use crate::network::{Activation, Convolution, Padding};
use crate::{Error, Result};
use std::sync::Arc;

impl Builder<'_> {
    pub(super) fn conv2d(
        &mut self,
        x: Value,
        conv: &Convolution,
        own: Option<&[usize]>,
        activation: Activation,
    ) -> Result<Value> {
        let name = self.before(activation);
        let y = self.convolved(&name, x, conv, own)?;
        self.activate(self.name, y, activation)
    }

    /// Of a convolution and an activation the first gets a name of its own, if there is a second.
    fn before(&self, activation: Activation) -> String {
        match activation {
            Activation::Linear => self.name.to_string(),
            _ => super::before_activation(self.name),
        }
    }

    fn convolved(&mut self, name: &str, x: Value, conv: &Convolution, own: Option<&[usize]>) -> Result<Value> {
        let s = self.image(x)?;
        let whole = conv.on(s.h, s.w);
        let conv = own.map_or_else(|| whole.clone(), |own| whole.own_channels(own));
        self.with_node(x, |b, x| b.graph.conv2d(name, x, conv))
    }

    pub(super) fn separable(
        &mut self,
        x: Value,
        depthwise: &Convolution,
        pointwise: &Convolution,
        own: Option<&[usize]>,
        activation: Activation,
    ) -> Result<Value> {
        let name = self.part("depthwise");
        let y = self.convolved(&name, x, depthwise, None)?;
        self.conv2d(y, pointwise, own, activation)
    }

    /// As Keras' `deconv_output_length` and TensorFlow's `conv2d_transpose` have it: the transpose of the convolution that
    /// makes of an image of the output's size one of the input's.
    pub(super) fn conv_transpose(
        &mut self,
        x: Value,
        conv: &Convolution,
        output_padding: Option<Window>,
        own: Option<&[usize]>,
        activation: Activation,
    ) -> Result<Value> {
        let s = self.image(x)?;
        let Convolution { kernel, bias, stride, padding, dilation, groups } = conv.clone();
        let length = |n: usize, k: usize, s: usize, d: usize, output_padding: Option<usize>| {
            let k = k + (k - 1) * (d - 1);
            match (output_padding, padding) {
                (None, Padding::Same) => Some(n * s),
                (None, Padding::Valid) => Some(n * s + k.saturating_sub(s)),
                (Some(more), Padding::Same) => ((n - 1) * s + k + more).checked_sub(k / 2 * 2),
                (Some(more), Padding::Valid) => Some((n - 1) * s + k + more),
            }
            .filter(|&length| length > 0)
        };
        let h = length(s.h, kernel.kh, stride.h, dilation.h, output_padding.map(|p| p.h));
        let w = length(s.w, kernel.kw, stride.w, dilation.w, output_padding.map(|p| p.w));
        let Some((h, w)) = h.zip(w) else {
            return Err(Error::Usage(format!(
                "nothing is left of an input of {}x{} pixels; take a larger image",
                s.h, s.w
            )));
        };
        let pad = conv.on(h, w).pad;
        let whole = ConvTranspose { kernel, bias, stride, pad, dilation, groups, h, w };
        let conv = own.map_or_else(|| whole.clone(), |own| whole.own_channels(own));
        let name = self.before(activation);
        let y = self.with_node(x, |b, x| b.graph.conv_transpose(&name, x, conv))?;
        self.activate(self.name, y, activation)
    }

    /// A convolution of 1x1, whatever lies along the other axes.
    pub(super) fn dense(
        &mut self,
        x: Value,
        kernel: &Kernel,
        bias: Option<Arc<[f32]>>,
        activation: Activation,
    ) -> Result<Value> {
        let x = self.in_order(x)?;
        let name = self.before(activation);
        let y = self.with_node(x, |b, x| b.graph.conv2d(&name, x, Conv2d::same(kernel.clone(), bias)))?;
        self.activate(self.name, y, activation)
    }

    /// A convolution that leaps from block to block and puts each pixel of a block into a channel of its own.
    pub(super) fn space_to_depth(&mut self, x: Value, block: usize) -> Result<Value> {
        let s = self.image(x)?;
        if !s.h.is_multiple_of(block) || !s.w.is_multiple_of(block) {
            return Err(Error::Usage(format!(
                "an input of {}x{} pixels cannot be cut into blocks of {block}",
                s.h, s.w
            )));
        }
        let stride = Window::new(block, block);
        let kernel = self.blocks(block, s.c)?;
        let conv = Conv2d { kernel, bias: None, stride, pad: Sides::NONE, dilation: Window::ONE, groups: 1 };
        self.with_node(x, |b, x| b.graph.conv2d(b.name, x, conv))
    }

    /// Its transpose.
    pub(super) fn depth_to_space(&mut self, x: Value, block: usize) -> Result<Value> {
        let s = self.image(x)?;
        if !s.c.is_multiple_of(block * block) {
            return Err(Error::Usage(format!("{} channels cannot be cut into blocks of {block}x{block}", s.c)));
        }
        let stride = Window::new(block, block);
        let kernel = self.blocks(block, s.c / (block * block))?;
        let (h, w) = (s.h * block, s.w * block);
        let (pad, dilation) = (Sides::NONE, Window::ONE);
        let conv = ConvTranspose { kernel, bias: None, stride, pad, dilation, groups: 1, h, w };
        self.with_node(x, |b, x| b.graph.conv_transpose(b.name, x, conv))
    }

    /// Pixel `(i, j)` of a block, channel `c`, becomes channel `(i block + j) channels + c`.
    fn blocks(&mut self, block: usize, channels: usize) -> Result<Kernel> {
        let outputs = block.saturating_mul(block).saturating_mul(channels);
        self.hold(outputs.saturating_mul(outputs))?;
        // [i, j, c] and the output have the same order.
        let weight = |at: usize| if at / outputs == at % outputs { 1.0 } else { 0.0 };
        Kernel::new(block, block, channels, outputs, (0..outputs * outputs).map(weight).collect())
    }
}

impl Convolution {
    /// The convolution's settings on an image of `h` x `w` pixels.
    pub(super) fn on(&self, h: usize, w: usize) -> Conv2d {
        let Convolution { kernel, bias, stride, padding, dilation, groups } = self.clone();
        let pad = padding.sides(h, w, Window::new(kernel.kh, kernel.kw), stride, dilation);
        Conv2d { kernel, bias, stride, pad, dilation, groups }
    }
}

impl Padding {
    pub(super) fn sides(self, h: usize, w: usize, window: Window, stride: Window, dilation: Window) -> Sides {
        match self {
            Padding::Same => Sides::same(h, w, window, stride, dilation),
            Padding::Valid => Sides::NONE,
        }
    }
}
