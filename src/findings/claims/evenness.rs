//! "In the decoder the texture becomes nearly constant."

use super::{UNKNOWN, below, row};
use crate::findings::spectrum::unevenness;
use crate::findings::stats::{difference, mean};
use crate::findings::{Answer, Claim, How, Interval, LayerFindings, Text, Unit};
use serde_json::json;

/// The logarithms of how unevenly energy lies in the pictures of a layer; those that are still the seed are left out.
fn logs(layer: &LayerFindings) -> Vec<f64> {
    let climbed = layer.filters.iter().filter(|filter| filter.look.is_some_and(|look| !look.is_seed()));
    let uneven = climbed.filter_map(|filter| filter.trust.as_ref()).filter_map(|trust| {
        let channels = trust.picture.len() / (trust.size.0 * trust.size.1).max(1);
        unevenness(&trust.picture, trust.size, channels.max(1))
    });
    uneven.filter(|v| *v > 0.0).map(f64::ln).collect()
}

pub fn claim(layers: &[LayerFindings]) -> Claim {
    let of = |decoder: bool| -> Vec<f64> { layers.iter().filter(|l| l.decoder == decoder).flat_map(logs).collect() };
    let (encoder, decoder) = (of(false), of(true));
    let exp = |i: Interval| Interval { value: i.value.exp(), low: i.low.exp(), high: i.high.exp() };
    let ratio = difference(&decoder, &encoder).map(exp);
    let rows = layers.iter().map(|layer| {
        let logs = logs(layer);
        json!({
            "layer": layer.name,
            "decoder": layer.decoder,
            "pictures": logs.len(),
            "variation": row(mean(&logs).map(exp)),
        })
    });
    Claim {
        id: "evenness",
        sentence: Text::Evenness,
        number: ratio.unwrap_or(UNKNOWN),
        unit: Unit::Ratio,
        bound: 1.0,
        chance: Some(Interval { value: 1.0, low: 1.0, high: 1.0 }),
        answer: ratio.map_or(Answer::CannotBeTold, |ratio| below(ratio, 1.0)),
        how: How::Evenness { told: ratio.is_some() },
        details: json!({
            "encoder": row(mean(&encoder).map(exp)),
            "decoder": row(mean(&decoder).map(exp)),
            "layers": rows.collect::<Vec<_>>(),
        }),
    }
}
