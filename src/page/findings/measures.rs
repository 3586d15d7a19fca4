//! The numbers of a filter, by the names of their columns in filters.csv.

use crate::findings::{FilterFindings, Proven};

/// A cell of filters.csv as the page has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell {
    Number(f64),
    Flag(bool),
    Proven(Proven),
}

/// The columns that the page shows, each with what a filter has in it.
type Column = (&'static str, fn(&FilterFindings) -> Option<Cell>);

pub const COLUMNS: [Column; 27] = [
    ("on", |f| Some(Cell::Number(f.life.on))),
    ("dead_at_seed", |f| Some(Cell::Flag(f.life.dead_at_seed))),
    ("dormant", |f| Some(Cell::Number(f.life.dormant))),
    ("proven", |f| f.life.proven.map(Cell::Proven)),
    ("orientation", |f| f.tuning.as_ref().map(|t| Cell::Number(t.orientation))),
    ("frequency", |f| f.tuning.as_ref().map(|t| Cell::Number(t.frequency))),
    ("selectivity", |f| f.tuning.as_ref().map(|t| Cell::Number(t.selectivity))),
    ("bandwidth", |f| f.tuning.as_ref()?.bandwidth.map(Cell::Number)),
    ("peak_over_lowest", |f| {
        Some(Cell::Number(f.tuning.as_ref()?.peak_over_lowest()))
            .filter(|cell| matches!(cell, Cell::Number(v) if v.is_finite()))
    }),
    ("level", |f| f.tuning.as_ref().map(|t| Cell::Number(t.level))),
    ("bar", |f| f.tuning.as_ref().map(|t| Cell::Number(t.bar))),
    ("edge", |f| f.tuning.as_ref().map(|t| Cell::Number(t.edge))),
    ("border", |f| Some(Cell::Number(f.border.auc))),
    ("border_without", |f| Some(Cell::Number(f.border.auc_without))),
    ("ring", |f| Some(Cell::Number(f.border.drive))),
    ("best_grating", |f| Some(Cell::Number(f.border.grating))),
    ("vanishes", |f| f.border.vanishes.map(Cell::Number)),
    ("noise", |f| Some(Cell::Number(f.noise.auc))),
    ("same_spectrum", |f| f.trust.as_ref().map(|t| Cell::Number(t.same_spectrum))),
    ("beats_data", |f| f.trust.as_ref().map(|t| Cell::Flag(t.beats_data))),
    ("gain_over_data", |f| f.trust.as_ref().map(|t| Cell::Number(t.gain_over_data))),
    ("way", |f| f.trust.as_ref().map(|t| Cell::Number(t.way))),
    ("flat", |f| f.look.map(|look| Cell::Number(look.flat))),
    ("still_seed", |f| f.look.map(|look| Cell::Number(look.still_seed))),
    ("looked_after", |f| f.look.map(|look| Cell::Number(look.steps as f64))),
    ("taylor", |f| f.effect.taylor.map(Cell::Number)),
    ("effect_db", |f| f.effect.effect.map(|effect| Cell::Number(effect.value))),
];
