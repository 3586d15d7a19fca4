//! batch_norm, at inference: with the mean and variance frozen it is a scale and a shift per channel.
//!
//! ```text
//! x, y: [n, h, w, c]   scale, shift: [c]
//!
//! y  = gamma * (x - mean) / sqrt(variance + epsilon) + beta  =  scale[c] * x + shift[c]
//! dx = scale[c] * dy                                             the same op with shift 0
//! ```
//!
//! Each output depends on one input, with slope `scale[c]`; the shift moves nothing. The scale is frozen, so nothing of `x`
//! has to be remembered.

use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::tensor::{Shape, Tensor64};
use std::sync::Arc;

pub(super) fn shape(x: Shape, scale: &[f64], shift: &[f64]) -> Result<Shape, String> {
    if scale.len() == x.c && shift.len() == x.c {
        Ok(x)
    } else {
        Err(format!("the input has {} channels, there are {} scales and {} shifts", x.c, scale.len(), shift.len()))
    }
}

/// y = scale[c] * x + shift[c]
pub(super) fn reference(x: &Tensor64, scale: &[f64], shift: &[f64]) -> Tensor64 {
    let mut y = x.clone();
    for pixel in y.data.chunks_mut(x.shape.c) {
        for c in 0..x.shape.c {
            pixel[c] = scale[c] * pixel[c] + shift[c];
        }
    }
    y
}

/// dx = scale[c] * dy
pub(super) fn gradient(graph: &mut Graph, dy: NodeId, scale: &Arc<[f64]>) -> Result<Vec<Option<NodeId>>> {
    let no_shift = vec![0.0; scale.len()].into();
    Ok(vec![Some(graph.batch_norm("", dy, scale.clone(), no_shift)?)])
}
