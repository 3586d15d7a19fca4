//! unet-lens: see what a U-Net has learned, and learn how backprop through it works.

pub mod error;
pub mod exec;
pub mod keras;
pub mod tensor;

pub use error::{Error, Result};
