//! unet-lens: see what a U-Net has learned, and learn how backprop through it works.
//!
//! # The house
//!
//! Each room uses only those below it in the drawing. A test (`tests/architecture.rs`) reads every import and keeps it so, and
//! keeps every room free of circles inside.
//!
//! ```text
//!                     cli        one file per command
//!                      |
//!                 gallery        the main job: a layer's filters from their starts to their figure
//!                      |
//!                    page        article and lesson as HTML
//!                      |
//!                  lesson        every step of backprop, the proof by finite differences
//!                      |
//!         findings, bench        what each filter does; speed
//!                      |
//!                     mri        phantoms, undersampling, restoring
//!                      |
//!                    lens        what is looked at: ascent, dream, activations
//!                      |
//!                 network        Keras files to networks, networks to graphs
//!                      |
//!          picture, files        colour maps, grids, figures; files written whole or not at all
//!                      |
//!                  engine        tensors, graph, ops, autodiff, plan, executors: someone could take it alone
//!                      |
//!  cancel, numbers, names,       a token that stops long work; numbers as people read them; names that strangers chose;
//!  error                         what can go wrong
//! ```
//!
//! # The way of one picture
//!
//! [`network::keras::load`] reads the file, [`network::unet::graph_to`] makes a graph up to the layer that is asked about,
//! [`lens::ascent::Objective`] appends the loss, [`engine::autodiff::gradient`] the gradient, [`engine::plan::Plan::compile`]
//! makes it ready to run, an executor ([`engine::exec`]) runs it twenty times, and [`picture`] draws what came out.
//!
//! # The lesson: how backprop works, step by step
//!
//! | step | who does it | see it |
//! | --- | --- | --- |
//! | 1. The network becomes a graph, up to the layer that is asked about | [`network::unet::graph_to`] | `unet-lens summary` |
//! | 2. The image goes forward: every node computes its value from its inputs | [`engine::ops::Op::reference`], [`engine::exec::reference::evaluate`] | `unet-lens explain`, left column |
//! | 3. One number to ask about, the loss: the mean of one filter | [`engine::ops::mean`], [`lens::ascent::Objective::new`] | its last row |
//! | 4. The loss moves with itself, one to one: the gradient's first node is 1 | [`engine::autodiff::gradient`] | `unet-lens explain`, right column, last row |
//! | 5. Walk backwards: each node is asked for its rule, `dx` from `dy` | [`engine::autodiff::gradient`]; the rules: [`engine::ops::conv2d`], [`engine::ops::batch_norm`], [`engine::ops::relu`], [`engine::ops::sigmoid`], [`engine::ops::max_pool`], [`engine::ops::upsample`], [`engine::ops::concat`], [`engine::ops::mean`] | right column, read upwards |
//! | 6. A value that is used twice gets two gradients, and they add up | [`engine::autodiff::gradient`], [`lesson::explain::Skip`] | `SKIPS` in `unet-lens explain` |
//! | 7. What must be remembered: signs and winners | [`engine::plan::ValueKind`], [`engine::plan::Plan::lifetimes`] | `PLAN` in `unet-lens explain` |
//! | 8. Is it true? Move the image a little and measure | [`lesson::check::Checker::point`] | `unet-lens check` |
//! | 9. Follow it: divide by the RMS, add to the image, begin again | [`engine::ops::ascent`], [`lens::ascent::climb`] | `unet-lens --layer uconv128` |
//!
//! Best read first, the same in 75 lines of code: `examples/backprop_by_hand.rs`. The same as a page with pictures, small worked
//! examples, exercises and a tour: `unet-lens explain --html lesson.html`. The same as a walk with commands and what they
//! print: `docs/lesson.md`.

#[cfg(feature = "cli")]
pub mod bench;
pub mod cancel;
#[cfg(feature = "cli")]
pub mod cli;
pub mod engine;
pub mod error;
#[cfg(feature = "cli")]
pub mod files;
#[cfg(feature = "cli")]
pub mod findings;
#[cfg(feature = "cli")]
pub mod gallery;
#[cfg(feature = "cli")]
pub mod lens;
#[cfg(feature = "cli")]
pub mod lesson;
#[cfg(feature = "cli")]
pub mod mri;
#[cfg(feature = "cli")]
pub mod names;
#[cfg(feature = "cli")]
pub mod network;
pub mod numbers;
#[cfg(feature = "cli")]
pub mod page;
#[cfg(feature = "cli")]
pub mod picture;
#[doc = include_str!("../docs/where-the-time-goes.md")]
pub mod where_the_time_goes {}

pub use error::{Error, Result};
