//! What makes a gradient a step: rms, normalise, step (F. Chollet, "How convolutional neural networks see the world",
//! 2016). They come after the gradient, so nothing is differentiated through them.
//!
//! ```text
//! rms       = sqrt(mean of dx^2)          per image
//! normalise = dx / (rms + epsilon)        every step has the same length, whatever the layer's scale
//! step      = image + rate * normalise
//! ```

use super::mean::one_per_image;
use crate::tensor::Tensor64;

/// sqrt(mean of dx^2), per image
pub(super) fn rms_reference(x: &Tensor64) -> Tensor64 {
    let count = x.shape.image_len();
    let data = x.data.chunks(count).map(|x| (x.iter().map(|x| x * x).sum::<f64>() / count as f64).sqrt()).collect();
    Tensor64 { shape: one_per_image(x.shape), data }
}

/// x / (rms + epsilon)
pub(super) fn normalise_reference(x: &Tensor64, rms: &Tensor64, epsilon: f64) -> Tensor64 {
    let count = x.shape.image_len();
    let data = x.data.iter().enumerate().map(|(i, x)| x / (rms.data[i / count] + epsilon)).collect();
    Tensor64 { shape: x.shape, data }
}

/// x + rate * g
pub(super) fn step_reference(x: &Tensor64, g: &Tensor64, rate: f32) -> Tensor64 {
    x.zip(g, |x, g| x + f64::from(rate) * g)
}
