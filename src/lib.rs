//! unet-lens: see what a U-Net has learned, and learn how backprop through it works.

pub mod ascent;
pub mod autodiff;
pub mod check;
pub mod cli;
pub mod error;
pub mod exec;
pub mod files;
pub mod graph;
pub mod keras;
pub mod ops;
pub mod picture;
pub mod plan;
pub mod tensor;
pub mod unet;

pub use error::{Error, Result};
