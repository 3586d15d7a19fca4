//! The figure of a layer's filters.

use super::why::{self, Whys};
use crate::engine::tensor::Shape;
use crate::findings::WhyDead;
use crate::lens::ascent::{Climb, Verdict};
use crate::picture::{Colormap, Figure, Mix, Panel, grid, mixed};
use crate::{Error, Result};

/// Panels in a row, as in the article.
pub const COLUMNS: usize = 8;
/// The largest figure that is drawn.
const MOST_PIXELS: u64 = 400_000_000;

/// # Errors
/// If the pictures side by side are more than one file can show.
pub fn check_figure(filters: usize, image: Shape) -> Result<()> {
    let pixels = (filters.div_ceil(COLUMNS) * image.h) as u64 * (filters.min(COLUMNS) * image.w) as u64;
    if pixels > MOST_PIXELS {
        return Err(Error::Memory(format!(
            "{filters} pictures of {}x{} pixels make a figure of {} million pixels, the most is {} million; \
             take fewer filters or a smaller size",
            image.h,
            image.w,
            pixels / 1_000_000,
            MOST_PIXELS / 1_000_000
        )));
    }
    Ok(())
}

/// The grid of a layer.
pub fn figure(name: &str, climbs: &[Climb], why: &Whys, image: Shape, colormap: Colormap) -> Figure {
    let drawn = |climb: &Climb| panel(climb, &climb.picture, why.get(&climb.filter), image);
    let panels: Vec<Panel> = climbs.iter().map(drawn).collect();
    grid(&titled(name, image), &panels, COLUMNS, colormap)
}

/// The figure's title, with what the colours are if they are not the picture's own.
pub fn titled(name: &str, image: Shape) -> String {
    mixed(image.c).map_or(name.to_string(), |colors| format!("{name}\n{colors}"))
}

/// How a climb is drawn. What is no answer is never drawn as one.
pub fn panel(climb: &Climb, picture: &[f32], why: Option<&WhyDead>, image: Shape) -> Panel {
    let panel = match climb.verdict {
        Verdict::Dead => return Panel::blank(why::word(why)).label(label(climb)),
        verdict if !verdict.has_picture() => return Panel::blank(verdict.to_string()).label(label(climb)),
        _ if image.c == 1 => Panel::map(image.h, image.w, picture.to_vec()),
        // What lies on the way is drawn in the colours of what comes out.
        _ => Panel::color(image.h, image.w, Mix::of(&climb.picture, image.c).rgb(picture)),
    };
    panel.label(label(climb))
}

/// The filter's number, and what one must know of its picture: "70, step 2" where a better step than the last is drawn.
fn label(climb: &Climb) -> String {
    let mut label = climb.filter.to_string();
    if let Some(how) = climb.rescued {
        label += &format!(", {how}");
    }
    if climb.halved > 0 {
        label += &format!(", steps of 1/{}", 1u32 << climb.halved);
    }
    if !climb.verdict.has_picture() {
        return label;
    }
    if climb.shown < climb.rms.len() {
        label += &format!(", step {}", climb.shown);
    } else if let Verdict::Fell { .. } = climb.verdict {
        label += &format!(", {}", climb.verdict);
    }
    label
}
