//! Every sentence of the page of findings, in English and Spanish. In sentences, `{}` is where a number or a name goes.

mod en;
mod es;
mod how;
mod reason;
mod rows;

use super::Lang;
use crate::findings::{Answer, DataKind, Text, Unit, Verdict};
pub use how::how;
pub use reason::because;
pub use rows::row_name;

/// What is said of a claim.
pub struct ClaimText {
    pub sentence: &'static str,
    /// What its number is.
    pub number: &'static str,
}

pub struct FindingsText {
    pub lang: &'static str,
    pub title: &'static str,
    pub lead: &'static str,
    /// Of phantoms, of files, of nothing.
    pub data: [&'static str; 3],
    pub phantoms: &'static str,
    pub contents: &'static str,

    pub claims_title: &'static str,
    pub claims_lead: &'static str,
    pub claims: [ClaimText; 6],
    pub answers: [&'static str; 3],
    /// In place of a number that could not be measured.
    pub no_number: &'static str,
    pub interval: &'static str,
    pub chance: &'static str,
    pub bound: &'static str,
    pub no_chance: &'static str,
    pub above: &'static str,
    pub below: &'static str,
    pub around: &'static str,
    pub units: [&'static str; 4],
    pub rows_behind: &'static str,
    pub claims_none: &'static str,

    pub layers_title: &'static str,
    pub layers_lead: &'static str,
    pub kinds_caption: &'static str,
    pub orientations_caption: &'static str,
    pub orientations_none: &'static str,
    pub frequency_caption: &'static str,
    pub down: &'static str,
    pub up: &'static str,
    pub horizontal: &'static str,
    pub vertical: &'static str,
    pub depth: &'static str,
    pub frequency_axis: &'static str,
    pub median: &'static str,
    pub lines: &'static str,
    pub table_summary: &'static str,
    pub layer: &'static str,
    pub filters: &'static str,
    pub threshold: &'static str,
    pub middle: &'static str,
    pub kappa: &'static str,
    pub routes_title: &'static str,
    pub routes_lead: &'static str,
    pub route_down: &'static str,
    pub route_skip: &'static str,

    pub filters_title: &'static str,
    pub filters_lead: &'static str,
    pub verdicts: [&'static str; 8],
    /// What each verdict means.
    pub meanings: [&'static str; 8],
    pub all: &'static str,
    pub all_layers: &'static str,
    pub show: &'static str,
    pub sort_by: &'static str,
    pub in_layer: &'static str,
    pub keys: &'static str,
    pub shown: &'static str,
    pub filter_of: &'static str,
    pub also: &'static str,
    pub picture: &'static str,
    pub second: &'static str,
    pub patch: &'static str,
    pub no_patches: &'static str,
    pub no_best_patch: &'static str,
    pub spectrum: &'static str,
    pub heat: &'static str,
    pub no_tuning: &'static str,
    pub is_seed: &'static str,
    pub seed: &'static str,
    pub not_drawn: &'static str,
    pub yes: &'static str,
    pub no: &'static str,
    pub proven: [&'static str; 2],
    /// By the names of the columns in filters.csv.
    pub measures: &'static [(&'static str, &'static str)],

    pub made_title: &'static str,
    pub made_lead: &'static str,
    pub made: [&'static str; 5],
}

impl Lang {
    pub fn findings(self) -> &'static FindingsText {
        match self {
            Lang::En => &en::EN,
            Lang::Es => &es::ES,
        }
    }
}

impl FindingsText {
    pub fn claim(&self, text: Text) -> &ClaimText {
        &self.claims[match text {
            Text::Lines => 0,
            Text::Spacing => 1,
            Text::Evenness => 2,
            Text::Borders => 3,
            Text::Pruning => 4,
            Text::Skips => 5,
        }]
    }

    pub fn answer(&self, answer: Answer) -> &'static str {
        self.answers[match answer {
            Answer::Holds => 0,
            Answer::Fails => 1,
            Answer::CannotBeTold => 2,
        }]
    }

    pub fn data_of(&self, kind: DataKind) -> &'static str {
        self.data[match kind {
            DataKind::Phantoms => 0,
            DataKind::Files => 1,
            DataKind::Nothing => 2,
        }]
    }

    pub fn unit(&self, unit: Unit) -> &'static str {
        self.units[match unit {
            Unit::Share => 0,
            Unit::OctavesPerLayer => 1,
            Unit::Ratio => 2,
            Unit::Decibel => 3,
        }]
    }

    pub fn verdict(&self, verdict: Verdict) -> &'static str {
        self.verdicts[place(verdict)]
    }

    pub fn meaning(&self, verdict: Verdict) -> &'static str {
        self.meanings[place(verdict)]
    }

    /// What a column of filters.csv is called here.
    pub fn measure(&self, column: &str) -> &'static str {
        self.measures.iter().find(|(name, _)| *name == column).map_or("", |(_, text)| text)
    }
}

/// Its place in [`Verdict::ALL`].
pub fn place(verdict: Verdict) -> usize {
    Verdict::ALL.iter().position(|v| *v == verdict).expect("all are listed")
}
