//! Pictures from a file as a network takes them.

use super::{npy, read_image_within};
use crate::engine::exec::memory::Limit;
use crate::engine::tensor::{Shape, Tensor};
use crate::{Error, Result};
use std::path::Path;

/// A picture or several, `[n, h, w, channels]`: of a .png or .jpg, or all of an .npy.
///
/// # Errors
/// If the file cannot be read, has another number of channels, or a value that is not finite.
pub fn read_images(path: &Path, channels: usize) -> Result<Tensor> {
    read_images_within(path, channels, Limit::default())
}

/// The same, if there is room for it.
///
/// # Errors
/// As [`read_images`], and if there is none.
pub fn read_images_within(path: &Path, channels: usize, limit: Limit) -> Result<Tensor> {
    let is_npy = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy"));
    let tensor = if is_npy {
        npy::read_within(path, limit)?
    } else {
        let photo = read_image_within(path, limit)?;
        match channels {
            1 => Tensor::new(Shape::new(1, photo.h, photo.w, 1), photo.luma()),
            3 => Tensor::new(Shape::new(1, photo.h, photo.w, 3), photo.rgb),
            _ => return Err(Error::file(path, format!("a picture cannot fill {channels} channels; use an .npy"))),
        }
    };
    if tensor.shape.c != channels {
        return Err(Error::file(path, format!("has {} channels, the network takes {channels}", tensor.shape.c)));
    }
    if let Some(i) = tensor.data.iter().position(|v| !v.is_finite()) {
        return Err(Error::file(path, format!("value {i} is {}; all must be finite", tensor.data[i])));
    }
    Ok(tensor)
}
