//! All numbers of all filters as a table; and what is read of it again.

use super::{FilterFindings, LayerFindings, Proven, TunedWhere, Tuning, Verdict};
use crate::numbers::number;
use std::collections::HashMap;

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
    ("peak_over_lowest", |_, f| some(f.tuning.as_ref().map(Tuning::peak_over_lowest).filter(|v| v.is_finite()))),
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
    ("ring", |_, f| n(f.border.drive)),
    ("ring_without", |_, f| n(f.border.drive_without)),
    ("best_grating", |_, f| n(f.border.grating)),
    ("vanishes", |_, f| some(f.border.vanishes)),
    ("noise", |_, f| n(f.noise.auc)),
    ("noise_threshold", |layer, _| n(layer.noise_threshold)),
    ("same_spectrum", |_, f| some(f.trust.as_ref().map(|t| t.same_spectrum))),
    ("beats_data", |_, f| f.trust.as_ref().map_or(String::new(), |t| yes(t.beats_data))),
    ("gain_over_data", |_, f| some(f.trust.as_ref().map(|t| t.gain_over_data))),
    ("way", |_, f| some(f.trust.as_ref().map(|t| t.way))),
    ("flat", |_, f| some(f.look.map(|look| look.flat))),
    ("still_seed", |_, f| some(f.look.map(|look| look.still_seed))),
    ("looked_after", |_, f| f.look.map_or(String::new(), |look| look.steps.to_string())),
    ("taylor", |_, f| some(f.effect.taylor)),
    ("effect_db", |_, f| some(f.effect.effect.map(|effect| effect.value))),
    ("effect_db_low", |_, f| some(f.effect.effect.map(|effect| effect.low))),
    ("effect_db_high", |_, f| some(f.effect.effect.map(|effect| effect.high))),
    ("routes", |_, f| {
        let shares = f.routes.iter().flatten().map(|&share| n(share));
        shares.collect::<Vec<_>>().join(" ")
    }),
];

/// The column of the network's weights.
const NETWORK: &str = "network";

/// A row for each filter, comma-separated.
pub fn csv(layers: &[LayerFindings]) -> String {
    table(layers, None)
}

/// The same with a last column that tells whose filters these are, for [`known`]: `network` stands for the network's weights.
pub fn csv_of(layers: &[LayerFindings], network: &str) -> String {
    table(layers, Some(network))
}

fn table(layers: &[LayerFindings], network: Option<&str>) -> String {
    let names = COLUMNS.iter().map(|(name, _)| *name).chain(network.map(|_| NETWORK));
    let mut text = names.collect::<Vec<&str>>().join(",") + "\n";
    for layer in layers {
        for filter in &layer.filters {
            let cells = COLUMNS.iter().map(|(_, cell)| cell(layer, filter)).chain(network.map(str::to_string));
            text += &(cells.collect::<Vec<String>>().join(",") + "\n");
        }
    }
    text
}

/// The verdicts that such a table has of a layer's filters, by their numbers; none of another network's, or of what is no such
/// table.
pub fn known(table: &str, network: &str, layer: &str) -> HashMap<usize, Verdict> {
    let mut lines = table.lines().map(cells);
    let columns = lines.next().unwrap_or_default();
    let [of_network, of_layer, of_filter, of_verdict] =
        [NETWORK, "layer", "filter", "verdict"].map(|name| columns.iter().position(|column| column == name));
    let verdict = |row: Vec<String>| {
        let cell = |column: Option<usize>| row.get(column?).map(String::as_str);
        let is_asked = cell(of_network)? == network && cell(of_layer)? == layer;
        let verdict = Verdict::ALL.into_iter().find(|verdict| Some(&*verdict.to_string()) == cell(of_verdict))?;
        is_asked.then_some((cell(of_filter)?.parse().ok()?, verdict))
    };
    lines.filter_map(verdict).collect()
}

/// The cells of a line, whose texts may stand in quotes.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut is_quoted, mut before) = (vec![String::new()], false, ' ');
    for c in line.chars() {
        let last = cells.len() - 1;
        match c {
            ',' if !is_quoted => cells.push(String::new()),
            '"' => {
                // Two of them inside of quotes stand for one.
                if !is_quoted && before == '"' {
                    cells[last].push('"');
                }
                is_quoted = !is_quoted;
            }
            c => cells[last].push(c),
        }
        before = c;
    }
    cells
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
