//! Does a filter matter?

use super::Interval;

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Effect {
    /// Mean of |activation x gradient of the network's error|.
    pub taylor: Option<f64>,
    /// PSNR lost on held-out data if the filter alone is replaced by its mean, in dB; of a network that does not restore the mean
    /// change of its output.
    pub effect: Option<Interval>,
}
