//! Which filters of a layer: named, or drawn by the seed.

use crate::lens::ascent;
use crate::network::{Network, unet};
use crate::{Error, Result};

/// Which filters of a layer.
#[derive(clap::Args)]
pub(super) struct Chosen {
    /// These filters, like 0,3,8-11
    #[arg(long, value_name = "LIST", value_parser = parse_filters, conflicts_with = "count")]
    pub filters: Option<Ranges>,
    /// How many filters to draw without repetition (all, if there are fewer)
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..), allow_negative_numbers = true)]
    pub count: u32,
}

impl Chosen {
    /// The filters of one layer; drawn by the seed, if they are not named.
    pub fn of(&self, network: &Network, layer: usize, seed: u64) -> Result<Vec<usize>> {
        let (name, channels) = (&network.layers[layer].name, unet::filters(network, layer));
        let Some(Ranges(ranges)) = &self.filters else {
            return Ok(ascent::draw_filters(seed, name, channels, self.count as usize));
        };
        if let Some(beyond) = ranges.iter().map(|range| *range.end()).find(|&end| end >= channels) {
            return Err(Error::Usage(match channels {
                1 => format!("--filters {beyond}: {name} has 1 filter, number 0"),
                _ => format!("--filters {beyond}: {name} has {channels} filters, 0 to {}", channels - 1),
            }));
        }
        let mut filters = vec![];
        for filter in ranges.iter().cloned().flatten() {
            if !filters.contains(&filter) {
                filters.push(filter);
            }
        }
        Ok(filters)
    }
}

/// Filters as the user names them: numbers and ranges.
#[derive(Clone)]
pub(super) struct Ranges(Vec<std::ops::RangeInclusive<usize>>);

impl std::fmt::Display for Ranges {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let range = |r: &std::ops::RangeInclusive<usize>| match (r.start(), r.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        };
        f.pad(&self.0.iter().map(range).collect::<Vec<_>>().join(","))
    }
}

/// "0,3,8-11" as ranges.
fn parse_filters(text: &str) -> Result<Ranges, String> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first <= last).then_some(first..=last)
    };
    let ranges: Option<_> = text.split(',').map(range).collect();
    ranges.map(Ranges).ok_or_else(|| "expected numbers and ranges from low to high, like 0,3,8-11".to_string())
}
