//! The engine: tensors, a graph of ops, its gradient, a plan, and what runs it. It knows nothing of files, networks, pictures or
//! the command line.
//!
//! In reading order; each part uses only those above it, but for [`graph`] and [`ops`], which are one unit: a node holds an op,
//! and an op's gradient rule appends nodes.
//!
//! 1. [`values`]: numbers that are shared, as weights are. [`tensor`]: values in NHWC order.
//! 2. [`graph`]: nodes, each with an op, its inputs, a shape and a name.
//! 3. [`ops`]: one file per op: the maths, the reference loops, the gradient rule beneath them. [`compose`]: what is put
//!    together from them.
//! 4. [`autodiff`]: the gradient, one walk backwards that appends ordinary nodes.
//! 5. [`plan`]: the graph made ready to run: what is fused, which buffer holds what when.
//! 6. [`exec`]: what runs a plan. [`exec::reference`] is the specification; [`exec::cpu`] and [`exec::gpu`] are fast.
//! 7. [`random`]: streams of random numbers that depend on a seed and a name alone.

pub mod autodiff;
pub mod compose;
pub mod exec;
pub mod graph;
pub mod ops;
pub mod plan;
pub mod random;
mod rewire;
pub mod tensor;
pub mod values;
