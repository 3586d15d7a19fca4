//! Executors.

pub mod cpu;
