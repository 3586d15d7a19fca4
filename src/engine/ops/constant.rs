//! constant: values that are part of the graph, like weights, and not written from outside.
//!
//! ```text
//! data: [bank, h, w, c], flat; bank is 1 (the same for every image) or n   y: [n, h, w, c]
//! ```
//!
//! Nothing moves it, so it has no gradient. A value that is the same everywhere is [`super::Op::Fill`].

use crate::engine::tensor::{Shape, Tensor64};

pub(super) fn shape(shape: Shape, data: &[f32]) -> Result<Shape, String> {
    if shape.is_empty() || (data.len() != shape.image_len() && data.len() != shape.len()) {
        return Err(format!("{} values do not fill an image of {shape}", data.len()));
    }
    Ok(shape)
}

/// The data, once for every image or each its own
pub(super) fn reference(shape: Shape, data: &[f32]) -> Tensor64 {
    Tensor64 { shape, data: data.iter().cycle().take(shape.len()).map(|&v| v.into()).collect() }
}
