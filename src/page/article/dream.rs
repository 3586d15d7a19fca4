//! The dream: a photo, changed towards what a layer sees in it.

use super::Part;
use crate::page::strings::article::ArticleText;
use crate::page::strings::fill;
use crate::page::{number4, png_url, skipped};
use maud::{Markup, html};

/// PNG files, before and after.
pub struct Dreamt {
    pub layer: String,
    /// What the picture is called; `None` for the built-in photo.
    pub own: Option<String>,
    /// Of the picture.
    pub channels: usize,
    pub before: Vec<u8>,
    pub after: Vec<u8>,
    /// The goal at the first and at the last step of the largest octave.
    pub goal: (f32, f32),
    /// The command that draws it again.
    pub redraw: String,
}

/// The section's content.
pub(super) fn section(dream: &Part<&Dreamt>, t: &ArticleText) -> Markup {
    let dream = match dream {
        Ok(dream) => dream,
        Err(why) => return skipped(why, t),
    };
    let (before, photo) = match &dream.own {
        Some(name) => (name.clone(), name.as_str()),
        None => (t.dream_photo_alt.to_string(), t.dream_photo),
    };
    let (first, last) = dream.goal;
    let went = if last > first { t.dream_up } else { t.dream_not };
    html! {
        p { (fill(t.dream, &[photo, &dream.layer])) (fill(went, &[&number4(first), &number4(last)])) }
        div.pair.wide {
            figure {
                img src=(png_url(&dream.before)) alt=(before);
                figcaption { (dream.own.as_deref().unwrap_or(t.dream_photo_caption)) }
            }
            figure {
                img src=(png_url(&dream.after)) alt=(fill(t.dream_alt, &[&dream.layer]));
                figcaption { (fill(t.dream_caption, &[&dream.layer])) @if let Some(colors) = t.mixed(dream.channels) { "; " (colors) } }
            }
        }
        p.hint { (t.redraw) " " code { (dream.redraw) } }
    }
}
