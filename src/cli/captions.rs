//! What stands beside the pictures of climbs: what became of them, why a filter is dead, and what it does, where that was measured.

use super::dead::Whys;
use crate::engine::tensor::Shape;
use crate::findings::{STILL_SEED, Verdict as Kind, still_seed};
use crate::lens::ascent::{Climb, Verdict};
use crate::page::strings::{Lang, fill};
use crate::picture::{Colormap, Figure, Mix, Panel, grid};
use std::collections::{HashMap, HashSet};

/// Panels in a row, as in the article.
pub(super) const COLUMNS: usize = 8;

/// Verdicts of a layer's filters, by their numbers.
pub(super) type Kinds = HashMap<usize, Kind>;

pub(super) struct Captions {
    pub lang: Lang,
    pub why: Whys,
    /// Of the filters that were measured.
    pub kinds: Kinds,
    /// The filters whose pictures are still their seeds.
    pub still: HashSet<usize>,
}

/// Is the picture that is drawn still the seed that its climb began with?
pub(super) fn is_still(climb: &Climb, seed: &[f32], image: Shape) -> bool {
    climb.verdict.has_picture() && still_seed(&climb.picture, seed, (image.h, image.w)) >= STILL_SEED
}

impl Captions {
    /// The grid of a layer.
    pub fn figure(&self, name: &str, climbs: &[Climb], image: Shape, colormap: Colormap) -> Figure {
        let panels: Vec<Panel> = climbs.iter().map(|climb| self.panel(climb, &climb.picture, image)).collect();
        grid(&self.titled(name, image), &panels, COLUMNS, colormap)
    }

    /// The figure's title, with what the colours are if they are not the picture's own.
    pub fn titled(&self, name: &str, image: Shape) -> String {
        self.lang.article().mixed(image.c).map_or(name.to_string(), |colors| format!("{name}\n{colors}"))
    }

    /// How a climb is drawn. What is no answer is never drawn as one.
    pub fn panel(&self, climb: &Climb, picture: &[f32], image: Shape) -> Panel {
        let t = self.lang.article();
        let panel = match climb.verdict {
            Verdict::Dead => Panel::blank(t.dead_for(self.why.get(&climb.filter).copied())),
            verdict if !verdict.has_picture() => Panel::blank(t.verdict(verdict)),
            _ if image.c == 1 => Panel::map(image.h, image.w, picture.to_vec()),
            // What lies on the way is drawn in the colours of what comes out.
            _ => Panel::color(image.h, image.w, Mix::of(&climb.picture, image.c).rgb(picture)),
        };
        let kind = self.kinds.get(&climb.filter).map_or("", |&kind| self.lang.findings().verdict(kind));
        panel.label(self.label(climb)).note(kind)
    }

    /// The filter's number, and what one must know of its picture: "70, step 2" where a better step than the last is drawn.
    fn label(&self, climb: &Climb) -> String {
        let t = self.lang.article();
        let mut label = climb.filter.to_string();
        if let Some(how) = climb.rescued {
            label += &format!(", {}", t.rescued(how));
        }
        if climb.halved > 0 {
            label += &format!(", {}", fill(t.halved, &[&(1u32 << climb.halved).to_string()]));
        }
        if !climb.verdict.has_picture() {
            return label;
        }
        if self.still.contains(&climb.filter) {
            label += &format!(", {}", t.seed);
        }
        if climb.shown < climb.rms.len() {
            label += &format!(", {}", fill(t.step_n, &[&climb.shown.to_string()]));
        } else if let Verdict::Fell { .. } = climb.verdict {
            label += &format!(", {}", t.verdict(climb.verdict));
        }
        label
    }
}
