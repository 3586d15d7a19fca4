//! "Higher up the lines lie further apart."

use super::{UNKNOWN, below, row, unless};
use crate::findings::stats::{median, slope};
use crate::findings::{Answer, Claim, How, Interval, LayerFindings, Text, Unit, Verdict, frequencies};
use serde_json::json;

/// Depth and the logarithm (base 2) of the preferred frequency in cycles per image pixel, of the filters that are tuned.
fn points<'l>(layers: impl Iterator<Item = &'l LayerFindings>) -> Vec<(f64, f64)> {
    let of_layer = |layer: &'l LayerFindings| {
        let tuned = layer.filters.iter().filter(|f| matches!(f.verdict, Verdict::Line | Verdict::Spot));
        let depth = layer.depth as f64;
        tuned.filter_map(move |filter| Some((depth, filter.tuning.as_ref()?.frequency.log2())))
    };
    layers.flat_map(of_layer).collect()
}

/// The same of the network with its kernels' taps shuffled: pools and strides make the frequency fall by themselves.
fn by_chance<'l>(layers: impl Iterator<Item = &'l LayerFindings>) -> Vec<(f64, f64)> {
    let of_layer = |layer: &'l LayerFindings| {
        let tuned = layer.chance.iter().filter(|s| s.is_band_pass || s.selectivity > layer.line_threshold);
        tuned.map(|shuffled| (layer.depth as f64, shuffled.frequency.log2()))
    };
    layers.flat_map(of_layer).collect()
}

/// Finer, or coarser, than the gratings that were shown: there the frequency is the end of a guess.
fn is_at_an_end(frequency: f64) -> bool {
    let shown = frequencies();
    !(shown[0]..=shown[shown.len() - 1]).contains(&frequency)
}

pub fn claim(layers: &[LayerFindings]) -> Claim {
    let before_the_way_up = || layers.iter().filter(|layer| !layer.decoder);
    let way_up = slope(&points(before_the_way_up()));
    let chance = slope(&by_chance(before_the_way_up()));
    let answer = |slope: Interval| {
        let by_chance = chance.is_some_and(|chance| slope.high >= chance.low);
        unless(by_chance, below(slope, 0.0))
    };
    let rows = layers.iter().map(|layer| {
        let own = points(std::iter::once(layer));
        let preferred: Vec<f64> = own.iter().map(|(_, log)| log.exp2()).collect();
        json!({
            "layer": layer.name,
            "depth": layer.depth,
            "decoder": layer.decoder,
            "tuned": own.len(),
            "median frequency": median(&preferred),
            "at an end of what was shown": preferred.iter().filter(|&&frequency| is_at_an_end(frequency)).count(),
        })
    });
    Claim {
        id: "spacing",
        sentence: Text::Spacing,
        number: way_up.unwrap_or(UNKNOWN),
        unit: Unit::OctavesPerLayer,
        bound: 0.0,
        chance,
        answer: way_up.map_or(Answer::CannotBeTold, answer),
        how: How::Spacing,
        details: json!({
            "layers": rows.collect::<Vec<_>>(),
            "slope in the decoder": row(slope(&points(layers.iter().filter(|layer| layer.decoder)))),
            "slope over all": row(slope(&points(layers.iter()))),
        }),
    }
}
