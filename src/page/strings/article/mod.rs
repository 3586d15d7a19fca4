//! Every sentence of the article's page, in English and Spanish. In sentences, `{}` is where a number or a name goes.

mod en;
mod es;

use super::{Lang, fill};
use crate::findings::WhyDead;
use crate::lens::activations;
use crate::lens::ascent::{Rescue, Verdict};
use crate::mri::report::Words;

pub struct ArticleText {
    pub lang: &'static str,
    pub title: &'static str,
    pub lead: &'static str,
    pub contents: &'static str,
    pub sections: [&'static str; 6],
    pub skipped: &'static str,

    pub journey: &'static str,
    pub journey_same: &'static str,
    pub journey_shrinks: &'static str,
    pub journey_end: &'static str,
    pub one_channel: &'static str,
    pub channels: &'static str,
    pub one_skip: &'static str,
    pub skips: &'static str,
    pub drawing: &'static str,
    pub drawing_label: &'static str,
    pub to_filters: &'static str,
    pub table_summary: &'static str,
    pub parameters: &'static str,
    pub columns: [&'static str; 5],
    pub not_used: &'static str,

    pub makes: &'static str,
    pub makes_alt: &'static str,
    pub makes_caption: &'static str,
    pub makes_panel: &'static str,
    pub components: &'static str,
    pub three_channels: &'static str,
    pub two_colors: &'static str,
    pub more_colors: &'static str,
    pub numbers_alone: &'static str,
    pub no_restoring: &'static str,
    pub restores: &'static str,
    pub came_nearer: &'static str,
    pub own_better: &'static str,
    pub own_worse: &'static str,
    pub other_better: &'static str,
    pub other_worse: &'static str,
    /// What the phantoms are like, and what is said before pictures that are none: of the network whose training is known, and of
    /// all others.
    pub of_its_training: [&'static str; 2],
    pub of_unknown_training: [&'static str; 2],
    pub phantom: &'static str,
    pub brain: &'static str,
    pub photo_name: &'static str,
    pub restore_alt: &'static str,
    pub restore_caption: &'static str,
    pub restore_columns: [&'static str; 5],
    /// Of the figure.
    pub restore_words: Words,
    pub sampling: &'static str,
    /// Of the figures of activations.
    pub activation_words: activations::Words,

    pub filters_lead: &'static str,
    pub labels: &'static str,
    pub dead_of: &'static str,
    pub fell_of: &'static str,
    pub seed_of: &'static str,
    pub control: &'static str,
    pub first_title: &'static str,
    pub first_alt: &'static str,
    pub first_figure: &'static str,
    pub first_axes: &'static str,
    pub first_bar: &'static str,
    pub first_colors: &'static str,
    pub first_three: &'static str,
    pub first_ranges: &'static str,
    pub all_filters: &'static str,
    pub one_filter: &'static str,
    pub some_filters: &'static str,
    pub dead_count: &'static str,
    pub fell_count: &'static str,

    pub dead: &'static str,
    /// Proven; lives on phantoms; off on phantoms, too.
    pub dead_because: [&'static str; 3],
    pub rescued: [&'static str; 2],
    pub halved: &'static str,
    pub fell: &'static str,
    pub not_finite: &'static str,
    pub ok: &'static str,
    pub values: &'static str,
    pub climbed: &'static str,
    pub fell_first: &'static str,
    pub fell_later: &'static str,
    pub dead_text: &'static str,
    pub not_finite_text: &'static str,
    pub measured: &'static str,
    pub unmeasured: &'static str,
    pub lives: &'static str,
    pub still_seed: &'static str,
    pub partly_seed: &'static str,
    pub seed: &'static str,
    pub step: &'static str,
    pub step_n: &'static str,
    pub filter_label: &'static str,
    pub filter_alt: &'static str,
    pub filter_title: &'static str,
    pub second: &'static str,
    pub second_like: &'static str,
    pub shuffled: &'static str,
    pub plot_label: &'static str,
    pub plot_hint: &'static str,
    pub redraw: &'static str,
    pub way_alt: &'static str,
    pub way_caption: &'static str,

    pub travel: &'static str,
    pub travel_smallest: &'static str,
    pub travel_same: &'static str,
    pub travel_alt: &'static str,
    pub travel_one: &'static str,
    pub travel_many: &'static str,
    pub travel_skip: &'static str,
    pub travel_rest: &'static str,
    pub strongest: &'static str,
    pub skips_effect: &'static str,
    pub skips_one: &'static str,
    pub skips_interval: &'static str,
    pub skips_chance: &'static str,
    pub skips_untold: &'static str,
    pub aliased_phantom: &'static str,
    pub own_aliased: &'static str,

    pub dream_photo_alt: &'static str,
    pub dream_photo: &'static str,
    pub dream_photo_caption: &'static str,
    pub dream: &'static str,
    pub dream_up: &'static str,
    pub dream_not: &'static str,
    pub dream_alt: &'static str,
    pub dream_caption: &'static str,

    pub made: &'static str,
    /// Command, network, seed, computed by, version, time in all, time for a part.
    pub made_rows: [&'static str; 7],
    /// What it does, one filter, activations, dream, controls, findings.
    pub parts: [&'static str; 6],
}

impl Lang {
    pub fn article(self) -> &'static ArticleText {
        match self {
            Lang::En => &en::EN,
            Lang::Es => &es::ES,
        }
    }
}

impl ArticleText {
    /// "one channel", "64 channels"
    pub fn of_channels(&self, c: usize) -> String {
        if c == 1 { self.one_channel.to_string() } else { fill(self.channels, &[&c.to_string()]) }
    }

    /// What the colours of a picture of `c` channels are, if that must be said, as [`crate::picture::mixed`].
    pub fn mixed(&self, c: usize) -> Option<String> {
        match c {
            0 | 1 | 3 => None,
            2 => Some(self.two_colors.to_string()),
            c => Some(fill(self.more_colors, &[&c.to_string()])),
        }
    }

    /// How the words under the panels came about, where some stand there and it matters on how many phantoms.
    pub fn labelled(&self, measured: bool, phantoms: usize) -> Option<String> {
        (measured && phantoms > 0).then(|| fill(self.labels, &[&phantoms.to_string()]))
    }

    /// What stands in the place of a dead filter's picture.
    pub fn dead_for(&self, why: Option<WhyDead>) -> &'static str {
        match why {
            Some(WhyDead::Proven) => self.dead_because[0],
            Some(WhyDead::LivesOnData) => self.dead_because[1],
            Some(WhyDead::OffOnData) => self.dead_because[2],
            None => self.dead,
        }
    }

    /// How a dead filter came to climb.
    pub fn rescued(&self, how: Rescue) -> String {
        match how {
            Rescue::Seed(seed) => fill(self.rescued[0], &[&seed.to_string()]),
            Rescue::BeforeRelu => self.rescued[1].to_string(),
        }
    }

    /// What became of a climb.
    pub fn verdict(&self, verdict: Verdict) -> String {
        match verdict {
            Verdict::Ok => self.ok.to_string(),
            Verdict::Dead => self.dead.to_string(),
            Verdict::Fell { step } => fill(self.fell, &[&step.to_string()]),
            Verdict::NotFinite => self.not_finite.to_string(),
        }
    }
}
