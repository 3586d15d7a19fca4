//! What is looked at: what a filter answers to, what a layer sees in a photograph, what the layers hold.

pub mod activations;
pub mod ascent;
pub mod dream;
