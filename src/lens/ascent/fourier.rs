//! A picture as the sum of waves, each as strong as `1 / frequency` (C. Olah, A. Mordvintsev, L. Schubert, "Feature
//! Visualization", Distill 2017; Lucid's `fft_image`).
//!
//! Neighbouring pixels of a photograph are alike: its slow waves are strong, its fast ones weak. The gradient with respect
//! to pixels knows nothing of that and is full of fast waves. Climb the coefficients of waves instead, of which the slow
//! ones move the picture more, and the same goal is reached by a smooth picture.
//!
//! ```text
//! picture = Bh' (energy * coefficients) Bw         ' turns a matrix over
//! energy  = g / max(f, 1 / max(h, w))              f = sqrt(fy^2 + fx^2), in waves per pixel
//! ```
//!
//! `B` is the real Fourier basis ([`Matrix::fourier`]). For each pair of frequencies its four products of cosines and sines span
//! what the complex exponentials do, with the same lengths, so climbing them is climbing a complex spectrum; but it is two
//! products with small matrices, which every executor has ([`crate::engine::ops::transform`]), and no complex numbers in the graph. The
//! CPU computes them by the fast Fourier transform. `g` makes the RMS of the energies 1: random coefficients give a picture that
//! is as strong as they are.

use crate::Result;
use crate::engine::exec::Executor;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::ops::{Axis, Matrix, frequency};
use crate::engine::plan::Plan;
use crate::engine::tensor::{Shape, Tensor};
use std::sync::Arc;

/// Images of f32 that are held while the coefficients of one picture are found: the program's, and how strong each wave is, in
/// double precision.
pub(super) const COPIES: u64 = 10;

/// How strong each wave is: `[n, h, w, c]` for coefficients of that shape.
pub fn energy(shape: Shape) -> Tensor {
    let Shape { h, w, .. } = shape;
    let slowest = 1.0 / h.max(w) as f64;
    let one: Vec<f64> = (0..h * w).map(|i| 1.0 / frequency(i / w, h).hypot(frequency(i % w, w)).max(slowest)).collect();
    let rms = (one.iter().map(|e| e * e).sum::<f64>() / one.len() as f64).sqrt();
    let one: Vec<f32> = one.iter().flat_map(|e| std::iter::repeat_n((e / rms) as f32, shape.c)).collect();
    Tensor::new(shape, one.repeat(shape.n))
}

/// Appends the picture that `coefficients` make; `energy` is an input to be given [`energy`].
pub fn picture(graph: &mut Graph, name: &str, coefficients: NodeId, energy: NodeId) -> Result<NodeId> {
    let Shape { h, w, .. } = graph.shape(coefficients);
    let waves = graph.mul("waves", coefficients, energy)?;
    let columns = graph.transform("columns of waves", waves, Axis::Down, Matrix::fourier(h).transposed())?;
    graph.transform(name, columns, Axis::Across, Matrix::fourier(w).transposed())
}

/// The coefficients of these pictures.
///
/// # Errors
/// If the executor has no memory for it, or fails.
pub fn coefficients(executor: &dyn Executor, pictures: &Tensor) -> Result<Tensor> {
    let mut weaken = energy(pictures.shape.with_n(1));
    weaken.data.iter_mut().for_each(|e| *e = 1.0 / *e);
    on_each(executor, pictures, &weaken, |graph, image, weaken| {
        let Shape { h, w, .. } = graph.shape(image);
        let columns = graph.transform("waves of columns", image, Axis::Down, Matrix::fourier(h))?;
        let waves = graph.transform("waves", columns, Axis::Across, Matrix::fourier(w))?;
        graph.mul("coefficients", waves, weaken)
    })
}

/// Noise with the spectrum of a photograph, made of white noise; each picture with the mean and the spread that it had.
///
/// # Errors
/// As [`coefficients`].
pub fn pink(executor: &dyn Executor, white: &Tensor) -> Result<Tensor> {
    let mut pink = on_each(executor, white, &energy(white.shape.with_n(1)), |graph, white, energy| {
        picture(graph, "pink", white, energy)
    })?;
    let len = white.shape.image_len();
    for (pink, white) in pink.data.chunks_mut(len).zip(white.data.chunks(len)) {
        let ((mean, spread), (pink_mean, pink_spread)) = (moments(white), moments(pink));
        pink.iter_mut()
            .for_each(|v| *v = (mean + (f64::from(*v) - pink_mean) * spread / pink_spread.max(1e-30)) as f32);
    }
    Ok(pink)
}

/// Mean and standard deviation.
fn moments(values: &[f32]) -> (f64, f64) {
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
    let square = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / values.len() as f64;
    (mean, square.sqrt())
}

/// What `build` makes of each of the images, one at a time, and a second input of its shape.
fn on_each(
    executor: &dyn Executor,
    images: &Tensor,
    other: &Tensor,
    build: impl Fn(&mut Graph, NodeId, NodeId) -> Result<NodeId>,
) -> Result<Tensor> {
    let one = images.shape.with_n(1);
    let mut graph = Graph::new();
    let image = graph.input("image", one)?;
    let second = graph.input("other", one)?;
    let result = build(&mut graph, image, second)?;
    let plan = Arc::new(Plan::compile(graph, &[result], &[], &[]));
    let mut program = executor.prepare(plan)?;
    program.write(second, other)?;
    let mut results = Vec::with_capacity(images.data.len());
    for i in 0..images.shape.n {
        program.write(image, &Tensor::new(one, images.image(i).to_vec()))?;
        program.run(1)?;
        results.extend(program.read(result)?.data);
    }
    Ok(Tensor::new(images.shape, results))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::exec::reference::Reference;
    use std::f64::consts::PI;

    #[test]
    fn the_basis_is_orthonormal() {
        for n in [1, 2, 5, 8, 12] {
            let basis = Matrix::fourier(n);
            for (a, b) in (0..n * n).map(|i| (i / n, i % n)) {
                let dot: f32 = (0..n).map(|k| basis.get(a, k) * basis.get(b, k)).sum();
                let expected = if a == b { 1.0 } else { 0.0 };
                assert!((dot - expected).abs() < 1e-6, "{n}: rows {a} and {b}: {dot}");
            }
        }
    }

    /// Each basis picture is one wave: under the discrete Fourier transform it is nothing but `(+-fy, +-fx)`.
    #[test]
    fn a_coefficient_is_one_frequency() {
        let (h, w) = (6, 5);
        let (down, across) = (Matrix::fourier(h), Matrix::fourier(w));
        for (a, b) in (0..h * w).map(|i| (i / w, i % w)) {
            for (u, v) in (0..h * w).map(|i| (i / w, i % w)) {
                let (mut re, mut im) = (0.0, 0.0);
                for (y, x) in (0..h * w).map(|i| (i / w, i % w)) {
                    let value = f64::from(down.get(a, y) * across.get(b, x));
                    let angle = -2.0 * PI * ((u * y) as f64 / h as f64 + (v * x) as f64 / w as f64);
                    (re, im) = (re + value * angle.cos(), im + value * angle.sin());
                }
                let own = u.min(h - u) == a.div_ceil(2) && v.min(w - v) == b.div_ceil(2);
                assert!(own || re.hypot(im) < 1e-6, "wave {a},{b} has {} at {u},{v}", re.hypot(im));
            }
        }
    }

    #[test]
    fn coefficients_give_their_picture_back() {
        let white = crate::lens::ascent::noise(1, "x", &[0, 3], Shape::new(1, 12, 10, 3), 2.0);
        let spectrum = coefficients(&Reference::default(), &white).unwrap();
        let back = on_each(&Reference::default(), &spectrum, &energy(white.shape.with_n(1)), |g, c, e| {
            picture(g, "picture", c, e)
        })
        .unwrap();
        for (a, b) in back.data.iter().zip(&white.data) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }

    #[test]
    fn pink_noise_is_as_strong_as_white_noise_and_smoother() {
        let white = crate::lens::ascent::noise(1, "x", &[0, 3], Shape::new(1, 32, 24, 1), 2.0);
        let pink = pink(&Reference::default(), &white).unwrap();
        for i in 0..2 {
            let (of_pink, of_white) = (moments(pink.image(i)), moments(white.image(i)));
            assert!((of_pink.0 - of_white.0).abs() < 1e-4 && (of_pink.1 - of_white.1).abs() < 1e-4);
            let rough = |t: &Tensor| t.image(i).windows(2).map(|p| (p[0] - p[1]).abs()).sum::<f32>();
            assert!(rough(&pink) < 0.7 * rough(&white), "{} {}", rough(&pink), rough(&white));
        }
    }

    /// Of 1, 2, 3 and 6 the mean is 3; the squares of what differs from it are 4, 1, 0 and 9.
    #[test]
    fn moments_by_hand() {
        assert_eq!(moments(&[1.0, 2.0, 3.0, 6.0]), (3.0, 3.5f64.sqrt()));
    }
}
