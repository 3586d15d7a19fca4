//! "Most filters select vertical and horizontal lines."

use super::{UNKNOWN, above, row};
use crate::Result;
use crate::engine::exec::Executor;
use crate::findings::activity::activity;
use crate::findings::how::{Change, NEAR, Turning};
use crate::findings::masked::Site;
use crate::findings::stats::{apart, mean, share};
use crate::findings::task::Task;
use crate::findings::{Answer, Claim, How, Interval, LayerFindings, Text, Unit, Verdict};
use crate::mri::{Axis, Sampling};
use crate::network::Network;
use serde_json::json;

/// Most: more than half, as the word says.
const MOST: f64 = 0.5;
/// Of even orientations the share that lies so near to one of the two.
const BY_CHANCE: f64 = 4.0 * NEAR / 180.0;
/// Phantoms of each undersampling.
const IMAGES: usize = 16;

/// For each line filter the logarithm of its mean activation on phantoms whose aliases lie above one another, less that on the same
/// phantoms with aliases side by side, by orientation: does the answer turn with the data?
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Turned {
    pub horizontal: Vec<f64>,
    pub vertical: Vec<f64>,
}

/// Shows the network phantoms undersampled along rows and along columns.
///
/// # Errors
/// If the network cannot be computed.
pub fn turned(executor: &dyn Executor, network: &Network, layers: &[LayerFindings], seed: u64) -> Result<Turned> {
    let sites: Vec<Site> = layers.iter().map(|layer| Site::Layer(layer.layer)).collect();
    let means = |axis| {
        let task = Task::phantoms(network, IMAGES, seed, Sampling { axis, ..Sampling::default() })?;
        Ok(activity(executor, network, &task, &sites)?.means)
    };
    let (rows, columns) = (means(Axis::Rows)?, means(Axis::Columns)?);
    let mut turned = Turned::default();
    for layer in layers {
        let site = Site::Layer(layer.layer);
        let (Some(rows), Some(columns)) = (rows.get(&site), columns.get(&site)) else { continue };
        for (filter, orientation) in lines(layer) {
            let (a, b) = (f64::from(rows[filter]), f64::from(columns[filter]));
            let into = match () {
                () if apart(orientation, 0.0) <= NEAR => &mut turned.horizontal,
                () if apart(orientation, 90.0) <= NEAR => &mut turned.vertical,
                () => continue,
            };
            if a > 0.0 && b > 0.0 {
                into.push((a / b).ln());
            }
        }
    }
    Ok(turned)
}

/// The `line` filters of a layer and their orientations.
fn lines(layer: &LayerFindings) -> impl Iterator<Item = (usize, f64)> {
    let lines = layer.filters.iter().filter(|filter| filter.verdict == Verdict::Line);
    lines.filter_map(|filter| Some((filter.filter, filter.tuning.as_ref()?.orientation)))
}

/// What was counted in a layer, or in all.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    filters: usize,
    lines: usize,
    horizontal: usize,
    vertical: usize,
}

impl Count {
    fn of(layer: &LayerFindings) -> Count {
        let near = |to: f64| lines(layer).filter(|(_, orientation)| apart(*orientation, to) <= NEAR).count();
        Count { filters: layer.filters.len(), lines: lines(layer).count(), horizontal: near(0.0), vertical: near(90.0) }
    }

    fn plus(self, other: Count) -> Count {
        Count {
            filters: self.filters + other.filters,
            lines: self.lines + other.lines,
            horizontal: self.horizontal + other.horizontal,
            vertical: self.vertical + other.vertical,
        }
    }

    fn row(self, name: &str) -> serde_json::Value {
        let near = self.horizontal + self.vertical;
        json!({
            "layer": name,
            "filters": self.filters,
            "lines": self.lines,
            "horizontal": self.horizontal,
            "vertical": self.vertical,
            "lines of filters": row(share(self.lines, self.filters)),
            "horizontal or vertical of lines": row(share(near, self.lines)),
            "horizontal of both": row(share(self.horizontal, near)),
        })
    }
}

/// Do these lines answer more, or less, where aliases lie above one another?
fn change(logs: &[f64]) -> Change {
    match mean(logs) {
        Some(Interval { low, .. }) if low > 0.0 => Change::More,
        Some(Interval { high, .. }) if high < 0.0 => Change::Less,
        _ => Change::Untold,
    }
}

/// `turned`: of a network that restores.
pub fn claim(layers: &[LayerFindings], turned: Option<&Turned>) -> Claim {
    let all = layers.iter().map(Count::of).fold(Count::default(), Count::plus);
    let near = all.horizontal + all.vertical;
    let number = share(near, all.filters);
    let half = 1.96 * (BY_CHANCE * (1.0 - BY_CHANCE) * all.lines as f64).sqrt();
    let of_all = |lines: f64| (lines / all.filters.max(1) as f64).clamp(0.0, 1.0);
    let even = BY_CHANCE * all.lines as f64;
    let chance = Interval { value: of_all(even), low: of_all(even - half), high: of_all(even + half) };
    Claim {
        id: "lines",
        sentence: Text::Lines,
        number: number.unwrap_or(UNKNOWN),
        unit: Unit::Share,
        bound: MOST,
        chance: Some(chance),
        answer: number.map_or(Answer::CannotBeTold, |number| above(number, MOST)),
        how: How::Lines {
            turned: turned
                .map(|turned| Turning { horizontal: change(&turned.horizontal), vertical: change(&turned.vertical) }),
        },
        details: json!({
            "layers": layers.iter().map(|layer| Count::of(layer).row(&layer.name)).collect::<Vec<_>>(),
            "all": all.row("all"),
            "even orientations": BY_CHANCE,
            "log activation, aliases above one another less side by side": turned.map(|turned| json!({
                "horizontal": row(mean(&turned.horizontal)),
                "horizontal lines": turned.horizontal.len(),
                "vertical": row(mean(&turned.vertical)),
                "vertical lines": turned.vertical.len(),
            })),
        }),
    }
}
