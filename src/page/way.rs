//! The way of a climb on the page: all its pictures in one file, and the last one apart. The file is grey, and the page colours
//! it, where the network takes one channel; else it is in colours.

use super::strings::article::ArticleText;
use super::strings::fill;
use super::{data_url, jpeg_url};
use crate::Result;
use crate::engine::tensor::Shape;
use crate::lens::ascent::Climb;
use crate::picture::{Colormap, Mix, Sheet, color_strip, strip};
use maud::{Markup, html};

/// Colours that the page knows of the colour map; between them it mixes.
const COLORS: usize = 33;

/// About as wide is a sheet on the page, pixels: a smaller one is enlarged.
const NATIVE: usize = 600;

pub(super) struct Way {
    /// The picture after the last step as an address, exact; of several channels in colours.
    pub last: String,
    /// The pictures before it, from the noise on.
    sheet: Sheet,
    /// As an address, made by [`Way::encode`].
    pub before: String,
}

impl Way {
    /// With pictures of at most `side` pixels, those before the last of at most `before`.
    pub fn new(climb: &Climb, image: Shape, (side, before): (usize, usize)) -> Way {
        let Shape { h, w, c, .. } = image;
        let frames = &climb.frames[..climb.rms.len().min(climb.frames.len())];
        let (last, sheet) = if c == 1 {
            let last = strip(h, w, std::slice::from_ref(&climb.picture), Colormap::Viridis, false, side);
            (last, Sheet::new(h, w, frames, before))
        } else {
            let mix = Mix::of(&climb.picture, c);
            let frames: Vec<Vec<u8>> = frames.iter().map(|frame| mix.rgb(frame)).collect();
            (color_strip(h, w, &mix.rgb(&climb.picture), side), Sheet::color(h, w, &frames, before))
        };
        Way { last: data_url(&last), sheet, before: String::new() }
    }

    /// Rounds more, the larger `step` is.
    pub fn encode(&mut self, step: u8) -> Result<()> {
        self.before = jpeg_url(&self.sheet.to_jpeg(step)?);
        Ok(())
    }

    pub fn columns(&self) -> usize {
        self.sheet.columns
    }

    pub fn rows(&self) -> usize {
        self.sheet.rows
    }

    /// The pictures before the last, for all to see at once and for the script to cut from.
    pub fn figure(&self, steps: usize, t: &ArticleText) -> Markup {
        let alt = fill(t.way_alt, &[&self.rows().to_string(), &(steps - 1).to_string()]);
        html! {
            figure {
                img.sheet.enlarged[self.sheet.width < NATIVE] decoding="async" src=(self.before) alt=(alt);
                figcaption { (fill(t.way_caption, &[&steps.to_string()])) }
            }
        }
    }
}

/// From black to white to the colours of the map, for `filter: url(#viridis)`.
pub(super) fn colors() -> Markup {
    let color = |i: usize| Colormap::Viridis.rgb(i as f32 / (COLORS - 1) as f32);
    let values = |channel: usize| {
        let part = |i: usize| format!("{:.3}", f64::from(color(i)[channel]) / 255.0);
        (0..COLORS).map(part).collect::<Vec<_>>().join(" ")
    };
    html! {
        svg.colors width="0" height="0" aria-hidden="true" {
            filter id="viridis" color-interpolation-filters="sRGB" x="0" y="0" width="100%" height="100%" {
                feComponentTransfer {
                    feFuncR type="table" tableValues=(values(0)) {}
                    feFuncG type="table" tableValues=(values(1)) {}
                    feFuncB type="table" tableValues=(values(2)) {}
                }
            }
        }
    }
}
