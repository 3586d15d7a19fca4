//! The CPU executor's kernels.

pub mod aligned;
pub mod conv;
pub mod simd;
