//! unet-lens: see what a U-Net has learned, and learn how backprop through it works.

pub mod error;
pub mod files;
pub mod keras;
pub mod picture;
pub mod tensor;

pub use error::{Error, Result};
