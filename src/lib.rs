//! unet-lens: see what a U-Net has learned, and learn how backprop through it works.
//!
//! # The way of one picture
//!
//! The crate in the order in which to read it. Each part uses only those above it.
//!
//! 1. [`tensor`]: values in NHWC order.
//! 2. [`graph`]: nodes, each with an op, its inputs, a shape and a name.
//! 3. [`ops`]: one file per op: the maths, the reference loops, the gradient rule beneath them.
//! 4. [`autodiff`]: the gradient, one walk backwards that appends ordinary nodes.
//! 5. [`plan`]: the graph made ready to run: what is fused, which buffer holds what when.
//! 6. [`exec`]: what runs a plan. [`exec::reference`] is the specification; [`exec::cpu`] is fast.
//! 7. [`keras`]: files to networks. [`unet`]: networks to graphs.
//! 8. [`ascent`]: loss, gradient, normalise, step: the climb to a filter's picture. [`mod@dream`]: the same from a photograph.
//! 9. [`mod@check`] and [`mod@explain`]: what the lesson is told with. [`page`]: the lesson as a page. [`picture`]: pictures.
//! 10. [`mod@bench`] and [`where_the_time_goes`]: how long it takes, and why.
//! 11. [`mri`], [`metrics`], [`pad`], [`mod@restore`], [`activations`]: what the network is for, and what its layers hold.
//! 12. [`files`], [`interrupt`], [`error`], [`cli`].
//!
//! # The lesson: how backprop works, step by step
//!
//! | step | who does it | see it |
//! | --- | --- | --- |
//! | 1. The network becomes a graph, up to the layer that is asked about | [`unet::graph_to`] | `unet-lens summary` |
//! | 2. The image goes forward: every node computes its value from its inputs | [`ops::Op::reference`], [`exec::reference::evaluate`] | `unet-lens explain`, left column |
//! | 3. One number to ask about, the loss: the mean of one filter | [`ops::mean`], [`ascent::Objective::new`] | its last row |
//! | 4. The loss moves with itself, one to one: the gradient's first node is 1 | [`autodiff::gradient`] | `unet-lens explain`, right column, last row |
//! | 5. Walk backwards: each node is asked for its rule, `dx` from `dy` | [`autodiff::gradient`]; the rules: [`ops::conv2d`], [`ops::batch_norm`], [`ops::relu`], [`ops::sigmoid`], [`ops::max_pool`], [`ops::upsample`], [`ops::concat`], [`ops::mean`] | right column, read upwards |
//! | 6. A value that is used twice gets two gradients, and they add up | [`autodiff::gradient`], [`explain::Skip`] | `SKIPS` in `unet-lens explain` |
//! | 7. What must be remembered: signs and winners | [`plan::ValueKind`], [`plan::Plan::lifetimes`] | `PLAN` in `unet-lens explain` |
//! | 8. Is it true? Move the image a little and measure | [`check::Checker::point`] | `unet-lens check` |
//! | 9. Follow it: divide by the RMS, add to the image, begin again | [`ops::ascent`], [`ascent::climb`] | `unet-lens --layer uconv128` |
//!
//! The same as a page with pictures, small worked examples and sliders: `unet-lens explain --html lesson.html`. The same
//! in 75 lines of code: `examples/backprop_by_hand.rs`. The same as a walk with commands and what they print:
//! `docs/lesson.md`.

pub mod activations;
pub mod ascent;
pub mod autodiff;
pub mod bench;
pub mod check;
pub mod cli;
pub mod dream;
pub mod error;
pub mod exec;
pub mod explain;
pub mod files;
pub mod graph;
pub mod interrupt;
pub mod keras;
pub mod metrics;
pub mod mri;
pub mod ops;
pub mod pad;
pub mod page;
pub mod picture;
pub mod plan;
pub mod restore;
pub mod tensor;
pub mod unet;
#[doc = include_str!("../docs/where-the-time-goes.md")]
pub mod where_the_time_goes {}

pub use error::{Error, Result};
