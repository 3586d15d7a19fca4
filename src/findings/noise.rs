//! Does a filter answer to noise more than to anything else?

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// How well noise is told from the best grating and from the data by the response, the lesser of both: 1 without fault.
    pub auc: f64,
}
