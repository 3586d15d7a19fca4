//! The CPU executor's kernels.

pub mod conv;
pub mod simd;
