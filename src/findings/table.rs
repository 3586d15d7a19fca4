//! All numbers of all filters as a table.

use super::{FilterFindings, LayerFindings, Proven, TunedWhere};
use crate::numbers::number;

/// The columns, each with what it holds of a filter; empty where there is nothing to say.
type Column = (&'static str, fn(&LayerFindings, &FilterFindings) -> String);

const DIGITS: usize = 6;

const COLUMNS: &[Column] = &[
    ("layer", |layer, _| quoted(&layer.name)),
    ("filter", |_, f| f.filter.to_string()),
    ("verdict", |_, f| f.verdict.to_string()),
    ("because", |_, f| quoted(&f.reason.to_string())),
    ("second", |_, f| f.second.map_or(String::new(), |verdict| verdict.to_string())),
    ("on", |_, f| n(f.life.on)),
    ("dead_at_seed", |_, f| yes(f.life.dead_at_seed)),
    ("dormant", |_, f| n(f.life.dormant)),
    ("proven", |_, f| match f.life.proven {
        Some(Proven::Dead) => "dead".to_string(),
        Some(Proven::On) => "on".to_string(),
        None => String::new(),
    }),
    ("lives_on_data", |_, f| yes(f.life.lives_on_data)),
    ("orientation", |_, f| some(f.tuning.as_ref().map(|t| t.orientation))),
    ("frequency", |_, f| some(f.tuning.as_ref().map(|t| t.frequency))),
    ("selectivity", |_, f| some(f.tuning.as_ref().map(|t| t.selectivity))),
    ("line_threshold", |layer, _| n(layer.line_threshold)),
    ("bandwidth", |_, f| some(f.tuning.as_ref().and_then(|t| t.bandwidth))),
    ("level", |_, f| some(f.tuning.as_ref().map(|t| t.level))),
    ("bar", |_, f| some(f.tuning.as_ref().map(|t| t.bar))),
    ("edge", |_, f| some(f.tuning.as_ref().map(|t| t.edge))),
    ("tuned_where", |layer, _| match layer.tuned_where {
        TunedWhere::Inside => "inside".to_string(),
        TunedWhere::Middle => "middle".to_string(),
    }),
    ("border", |_, f| n(f.border.auc)),
    ("border_without", |_, f| n(f.border.auc_without)),
    ("border_threshold", |layer, _| n(layer.border_threshold)),
    ("vanishes", |_, f| some(f.border.vanishes)),
    ("noise", |_, f| n(f.noise.auc)),
    ("noise_threshold", |layer, _| n(layer.noise_threshold)),
    ("same_spectrum", |_, f| some(f.trust.as_ref().map(|t| t.same_spectrum))),
    ("beats_data", |_, f| f.trust.as_ref().map_or(String::new(), |t| yes(t.beats_data))),
    ("gain_over_data", |_, f| some(f.trust.as_ref().map(|t| t.gain_over_data))),
    ("way", |_, f| some(f.trust.as_ref().map(|t| t.way))),
    ("flat", |_, f| some(f.look.map(|look| look.flat))),
    ("still_seed", |_, f| some(f.look.map(|look| look.still_seed))),
    ("taylor", |_, f| some(f.effect.taylor)),
    ("effect_db", |_, f| some(f.effect.effect.map(|effect| effect.value))),
    ("effect_db_low", |_, f| some(f.effect.effect.map(|effect| effect.low))),
    ("effect_db_high", |_, f| some(f.effect.effect.map(|effect| effect.high))),
    ("routes", |_, f| {
        let shares = f.routes.iter().flatten().map(|&share| n(share));
        shares.collect::<Vec<_>>().join(" ")
    }),
];

/// A row for each filter, comma-separated.
pub fn csv(layers: &[LayerFindings]) -> String {
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let mut text = names.join(",") + "\n";
    for layer in layers {
        for filter in &layer.filters {
            let cells: Vec<String> = COLUMNS.iter().map(|(_, cell)| cell(layer, filter)).collect();
            text += &(cells.join(",") + "\n");
        }
    }
    text
}

fn n(value: f64) -> String {
    number(value, DIGITS)
}

fn some(value: Option<f64>) -> String {
    value.map_or(String::new(), n)
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_string()
}

/// A text that may hold a comma or a quote.
fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_string(),
    }
}
