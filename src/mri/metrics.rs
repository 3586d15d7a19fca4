//! How like two pictures are.

/// Peak signal to noise ratio in dB, of values from 0 to 1: `10 log10(1 / mean((a - b)²))`. Infinite for equal pictures.
///
/// # Panics
/// If the pictures differ in size.
pub fn psnr(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let squares: f64 = a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
    -10.0 * (squares / a.len() as f64).log10()
}

/// Normalised mean squared error of `a`, `b` being the truth: `sum((a - b)²) / sum(b²)`. `None` if the truth is zero everywhere.
///
/// # Panics
/// If the pictures differ in size.
pub fn nmse(a: &[f32], b: &[f32]) -> Option<f64> {
    assert_eq!(a.len(), b.len());
    let squares = |value: &dyn Fn(f64, f64) -> f64| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| value(a.into(), b.into()).powi(2)).sum()
    };
    let power = squares(&|_, b| b);
    (power > 0.0).then(|| squares(&|a, b| a - b) / power)
}

/// SSIM's window: 11 x 11, a Gaussian of this standard deviation.
const WINDOW: usize = 11;
const SIGMA: f64 = 1.5;

/// Structural similarity of two pictures `[h, w]` of values from 0 to 1, the mean over all places where the window fits
/// in: 1 for equal pictures. `None` where it fits nowhere, in pictures less than 11 pixels high or wide.
///
/// Z. Wang, A. Bovik, H. Sheikh, E. Simoncelli, "Image quality assessment: from error visibility to structural
/// similarity" (2004), equation 13, with K1 = 0.01 and K2 = 0.03.
///
/// # Panics
/// If a picture does not have h x w values.
pub fn ssim(a: &[f32], b: &[f32], (h, w): (usize, usize)) -> Option<f64> {
    assert!(a.len() == h * w && b.len() == h * w, "pictures of {h}x{w}");
    if h < WINDOW || w < WINDOW {
        return None;
    }
    let (c1, c2) = (0.01f64.powi(2), 0.03f64.powi(2));
    let mean = |value: &dyn Fn(f64, f64) -> f64| {
        let values: Vec<f64> = a.iter().zip(b).map(|(&a, &b)| value(a.into(), b.into())).collect();
        blur(&values, (h, w))
    };
    let (ma, mb) = (mean(&|a, _| a), mean(&|_, b| b));
    let (maa, mbb, mab) = (mean(&|a, _| a * a), mean(&|_, b| b * b), mean(&|a, b| a * b));
    let similarity = |i: usize| {
        let (ma, mb) = (ma[i], mb[i]);
        let (variances, covariance) = (maa[i] - ma * ma + mbb[i] - mb * mb, mab[i] - ma * mb);
        (2.0 * ma * mb + c1) * (2.0 * covariance + c2) / ((ma * ma + mb * mb + c1) * (variances + c2))
    };
    Some((0..ma.len()).map(similarity).sum::<f64>() / ma.len() as f64)
}

/// The weighted mean of the window at every place where it fits in: `[h, w] -> [h - 10, w - 10]`.
fn blur(values: &[f64], (h, w): (usize, usize)) -> Vec<f64> {
    let gauss = |i: usize| (-0.5 * ((i as f64 - (WINDOW / 2) as f64) / SIGMA).powi(2)).exp();
    let total: f64 = (0..WINDOW).map(gauss).sum();
    let weights: [f64; WINDOW] = std::array::from_fn(|i| gauss(i) / total);
    // The Gaussian is a product of one along rows and one along columns.
    let along: Vec<f64> = (values.chunks_exact(w))
        .flat_map(|row| row.windows(WINDOW).map(|v| v.iter().zip(&weights).map(|(v, weight)| v * weight).sum::<f64>()))
        .collect();
    let w = w - WINDOW + 1;
    let down = |i: usize| weights.iter().enumerate().map(|(k, weight)| along[i + k * w] * weight).sum::<f64>();
    (0..(h - WINDOW + 1) * w).map(down).collect()
}
