//! A picture's values as they are, without a figure around them.

use std::path::Path;

use png::{BitDepth, ColorType, Encoder};

use crate::engine::tensor::Tensor;
use crate::files::write_whole;
use crate::{Error, Result};

/// Writes one image of 1 or 3 channels, values in [0, 1] (what lies outside is clipped), as a PNG of its own size.
pub fn save_values(path: impl AsRef<Path>, image: &Tensor) -> Result<()> {
    write_whole(&path, &values_png(image).map_err(|problem| Error::file(&path, problem))?)
}

/// The bytes of that file.
///
/// # Errors
/// If it is not one image of 1 or 3 channels.
pub fn values_png(image: &Tensor) -> Result<Vec<u8>> {
    let s = image.shape;
    let color = match (s.n, s.c) {
        (1, 1) => ColorType::Grayscale,
        (1, 3) => ColorType::Rgb,
        _ => return Err(Error::Usage(format!("a PNG holds one image of 1 or 3 channels, not {s}"))),
    };
    let bytes: Vec<u8> = image.data.iter().map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, s.w as u32, s.h as u32);
    encoder.set_color(color);
    encoder.set_depth(BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&bytes));
    written.map_err(|problem| Error::Usage(problem.to_string()))?;
    Ok(file)
}
