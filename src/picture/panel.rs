//! One panel of a figure: a picture and what is written around it.

use super::colormap::Colormap;
use super::range;

/// What a panel shows; rows from top to bottom.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// Values [h, w], to be drawn with a colour map.
    Map { h: usize, w: usize, values: Vec<f32> },
    /// Colours [h, w, 3], to be drawn as they are.
    Color { h: usize, w: usize, rgb: Vec<u8> },
    /// Nothing to show: an empty box with a word in it.
    Blank { text: String },
}

/// A picture with its captions and, if wanted, axes. Made by [`Panel::map`], [`Panel::color`] or [`Panel::blank`]; the
/// methods that follow add to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    pub picture: Picture,
    /// Over the picture.
    pub title: String,
    /// Under the picture.
    pub label: String,
    /// Under the label, smaller.
    pub note: String,
    /// The values of the colour map's ends; `None` for the picture's own range less the outer 0.5% at each end.
    pub range: Option<(f32, f32)>,
    /// Another colour map than the figure's.
    pub colormap: Option<Colormap>,
    /// Ticks with pixel numbers, and a frame.
    pub axes: bool,
    /// Lines across the picture at the ticks.
    pub grid: bool,
    /// A colour bar on the right.
    pub colorbar: bool,
}

impl Panel {
    /// # Panics
    /// If the number of values is not h x w.
    pub fn map(h: usize, w: usize, values: Vec<f32>) -> Panel {
        assert_eq!(h * w, values.len(), "a map of {h}x{w} has {} values", h * w);
        Panel::new(Picture::Map { h, w, values })
    }

    /// # Panics
    /// If the number of values is not h x w x 3.
    pub fn color(h: usize, w: usize, rgb: Vec<u8>) -> Panel {
        assert_eq!(h * w * 3, rgb.len(), "a colour picture of {h}x{w} has {} values", h * w * 3);
        Panel::new(Picture::Color { h, w, rgb })
    }

    /// A box with a word in it, for example "dead".
    pub fn blank(text: impl Into<String>) -> Panel {
        Panel::new(Picture::Blank { text: text.into() })
    }

    fn new(picture: Picture) -> Panel {
        let (title, label, note) = Default::default();
        Panel { picture, title, label, note, range: None, colormap: None, axes: false, grid: false, colorbar: false }
    }

    pub fn title(self, title: impl Into<String>) -> Panel {
        Panel { title: title.into(), ..self }
    }

    pub fn label(self, label: impl Into<String>) -> Panel {
        Panel { label: label.into(), ..self }
    }

    pub fn note(self, note: impl Into<String>) -> Panel {
        Panel { note: note.into(), ..self }
    }

    pub fn range(self, lo: f32, hi: f32) -> Panel {
        Panel { range: Some((lo, hi)), ..self }
    }

    pub fn colormap(self, colormap: Colormap) -> Panel {
        Panel { colormap: Some(colormap), ..self }
    }

    pub fn axes(self, grid: bool) -> Panel {
        Panel { axes: true, grid, ..self }
    }

    pub fn colorbar(self) -> Panel {
        Panel { colorbar: true, ..self }
    }

    /// Rows and columns of the picture; none for a blank or an empty one.
    pub(super) fn size(&self) -> Option<(usize, usize)> {
        match self.picture {
            Picture::Map { h, w, .. } | Picture::Color { h, w, .. } if h * w > 0 => Some((h, w)),
            _ => None,
        }
    }

    /// The values of the colour map's ends: those asked for, or the picture's own.
    pub(super) fn ends(&self, colormap: Colormap) -> (f64, f64) {
        match (self.range, &self.picture) {
            (Some((lo, hi)), _) => range::whole((lo as f64, hi as f64), colormap.signed()),
            (None, Picture::Map { values, .. }) => range::range(values.iter().copied(), colormap.signed()),
            _ => (0.0, 1.0),
        }
    }
}

/// Gives all these maps (a row of a comparison, say) one range, found from all their values together, so that equal
/// colours mean equal values.
pub fn share_range(panels: &mut [Panel]) {
    let values =
        panels.iter().filter_map(|p| if let Picture::Map { values, .. } = &p.picture { Some(values) } else { None });
    let (lo, hi) = range::range(values.flatten().copied(), false);
    panels.iter_mut().for_each(|p| p.range = Some((lo as f32, hi as f32)));
}
