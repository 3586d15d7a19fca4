//! Pools, and layers that change sizes and shapes.

use serde_json::Value;

use super::Fallible;
use super::settings::{Settings, refused};
use crate::engine::ops::Window;
use crate::network::{Interpolation, Kind, Pool, Reduction, Size};

pub fn pool(settings: Settings, pool: Pool) -> Fallible<Kind> {
    let window = settings.window("pool_size")?.unwrap_or(Window::new(2, 2));
    let stride = settings.window("strides")?.unwrap_or(window);
    Ok(Kind::Pool { pool, window, stride, padding: settings.padding()? })
}

/// `channels_first`: the rows and columns are axes 2 and 3.
pub fn global(settings: Settings, by: Reduction, channels_first: bool) -> Fallible<Kind> {
    let axes = if channels_first { vec![2, 3] } else { vec![1, 2] };
    Ok(Kind::Reduce { by, axes, keep: settings.flag("keepdims", false)? })
}

pub fn upsampling(settings: Settings, from_corners: bool) -> Fallible<Kind> {
    let factor = settings.window("size")?.unwrap_or(Window::new(2, 2));
    Ok(match interpolation(settings, "interpolation", Interpolation::Nearest)? {
        Interpolation::Nearest => Kind::Upsample { h: factor.h, w: factor.w },
        Interpolation::Bilinear if from_corners => {
            Kind::Resize { to: Size::Factor(factor), by: Interpolation::BilinearFromCorners }
        }
        by => Kind::Resize { to: Size::Factor(factor), by },
    })
}

/// The layer Resizing, and `keras.ops.image.resize` with its `size`.
pub fn resizing(settings: Settings) -> Fallible<Kind> {
    let aspect = ["crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias", "preserve_aspect_ratio"];
    for key in aspect {
        settings.check(key, |v| v == false, "false")?;
    }
    let pixels = match settings.window("size")? {
        Some(size) => size,
        None => Window::new(settings.size("height")?, settings.size("width")?),
    };
    let key = if settings.get("method").is_null() { "interpolation" } else { "method" };
    Ok(Kind::Resize { to: Size::Pixels(pixels), by: interpolation(settings, key, Interpolation::Bilinear)? })
}

fn interpolation(settings: Settings, key: &str, default: Interpolation) -> Fallible<Interpolation> {
    match settings.get(key) {
        Value::Null => Ok(default),
        v if v == "nearest" => Ok(Interpolation::Nearest),
        v if v == "bilinear" => Ok(Interpolation::Bilinear),
        v => Err(refused(key, v, "'nearest', 'bilinear'")),
    }
}

pub fn reshape(settings: Settings, key: &str) -> Fallible<Kind> {
    let shape = settings.integers(key)?;
    let open = shape.iter().filter(|&&n| n == -1).count();
    if open > 1 || shape.iter().any(|&n| n < -1 || n == 0) {
        return Err(refused(key, settings.get(key), "sizes from 1, one of them may be -1"));
    }
    Ok(Kind::Reshape(shape))
}

/// The axes in a new order; `dims` are counted from 1.
pub fn permute(dims: &[i64], value: &Value) -> Fallible<Kind> {
    let mut sorted = dims.to_vec();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(1..=dims.len() as i64) {
        return Err(refused("dims", value, "each axis after the images once, counted from 1"));
    }
    Ok(Kind::Permute(dims.iter().map(|&d| d as usize).collect()))
}
