//! What the lesson is told with: every step forward and backward, and the proof by finite differences.

pub mod check;
pub mod explain;
