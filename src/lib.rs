//! unet-lens: see what a U-Net has learned, and learn how backprop through it works.

pub mod activations;
pub mod ascent;
pub mod autodiff;
pub mod cli;
pub mod dream;
pub mod error;
pub mod exec;
pub mod files;
pub mod graph;
pub mod keras;
pub mod metrics;
pub mod mri;
pub mod ops;
pub mod pad;
pub mod picture;
pub mod plan;
pub mod restore;
pub mod tensor;
pub mod unet;

pub use error::{Error, Result};
