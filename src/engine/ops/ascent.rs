//! What makes a gradient a step: rms, normalise, step (F. Chollet, "How convolutional neural networks see the world",
//! 2016), and adam (Kingma and Ba, "Adam: a method for stochastic optimization", 2015). They come after the gradient, so
//! nothing is differentiated through them.
//!
//! ```text
//! rms       = sqrt(mean of dx^2)          per image
//! normalise = dx / (rms + epsilon)        every step has the same length, whatever the layer's scale
//! step      = image + rate * normalise
//!
//! adam      = (m / cm) / (sqrt(v / cv) + epsilon)        takes the place of normalise
//! ```
//!
//! Adam's `m` and `v` are running means of `dx` and `dx^2` that started at 0, `m = b1 m + (1 - b1) dx`. They begin too
//! small, by the factor that the same running mean of a constant 1 has come to; so `cm` and `cv` (`1 - b1^t` in the paper)
//! are just that: one number per image, computed like `m` and `v`.

use super::mean::one_per_image;
use crate::engine::tensor::Tensor64;

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

/// (m / cm) / (sqrt(v / cv) + epsilon)
pub(super) fn adam_reference(m: &Tensor64, v: &Tensor64, cm: &Tensor64, cv: &Tensor64, epsilon: f64) -> Tensor64 {
    let count = m.shape.image_len();
    let direction =
        |(i, (m, v)): (usize, (&f64, &f64))| (m / cm.data[i / count]) / ((v / cv.data[i / count]).sqrt() + epsilon);
    Tensor64 { shape: m.shape, data: m.data.iter().zip(&v.data).enumerate().map(direction).collect() }
}
