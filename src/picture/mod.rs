//! Pictures: maps of values drawn as matplotlib would, line plots, and the files that hold them.
//!
//! A figure is panels in rows of so many columns under one title ([`grid`]). A filter gallery is such a grid; one map
//! with axes and a colour bar is a grid of one panel; a comparison is a grid whose first row has titles. Line plots
//! are [`Plot`]. Both give a [`Figure`], which becomes the bytes of a PNG file, or a frame of an [`Animation`]. This is the only folder that knows the
//! image crates.

mod animation;
mod colormap;
mod drawing;
mod figure;
mod grid;
mod input;
mod mix;
pub mod npy;
mod panel;
mod plot;
mod png;
mod range;
mod resize;
mod sheet;
mod signed;
mod strip;
mod text;
mod ticks;
mod values;

pub use animation::Animation;
pub use colormap::Colormap;
pub use drawing::{Anchor, Drawing, LETTERS, Mark, Paint, on_circle};
pub use figure::{Color, Figure, Lettered};
pub use grid::{grid, grid_of};
pub use input::{read_images, read_images_within};
pub use mix::{Mix, mixed};
pub use panel::{Panel, Picture, share_range};
pub use plot::{Plot, Series};
pub use png::{Photo, decode_image, read_image, read_image_within};
pub use resize::resize;
pub use sheet::Sheet;
pub use signed::Signed;
pub use strip::{color_strip, strip};
pub use ticks::axis;
pub use values::{save_values, values_png};
