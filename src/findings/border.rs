//! Does a filter answer to the border, and is the border the cause?

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Border {
    /// How well the ring that touches the border is told from the inside by the response: 0.5 not at all, 1 without fault.
    pub auc: f64,
    /// The share of the ring's response that is gone when the same image lies in a larger, reflected canvas; `None` if the ring
    /// has no response of its own.
    pub vanishes: Option<f64>,
}
