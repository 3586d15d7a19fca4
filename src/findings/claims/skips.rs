//! "The skips bring the detail back."

use super::{SAME, SAME_OUTPUT, UNKNOWN, above, row};
use crate::Result;
use crate::engine::exec::Executor;
use crate::findings::ablation::Ablation;
use crate::findings::masked::{Means, Removed, Site};
use crate::findings::routes::{Routes, Skip, skips};
use crate::findings::stats::mean;
use crate::findings::task::{Task, interval};
use crate::findings::{Answer, Claim, Interval, LayerFindings, Text, Unit};
use crate::network::Network;
use serde_json::json;

/// Images at which gradients are split.
const IMAGES: usize = 4;

/// Splits the gradients of the `drawn` filters by route; the shares are the means over some images.
///
/// # Errors
/// If a layer cannot be computed, or the device fails.
pub fn split(
    executor: &dyn Executor,
    network: &Network,
    task: &Task,
    layers: &mut [LayerFindings],
    drawn: &[(usize, Vec<usize>)],
) -> Result<()> {
    for (layer, filters) in drawn {
        let Some(found) = layers.iter_mut().find(|found| found.layer == *layer) else { continue };
        let mut routes = Routes::new(executor, network, *layer, filters, task.shape)?;
        let mut shares: Vec<Vec<Vec<f64>>> = vec![vec![]; filters.len()];
        for image in task.images.iter().take(IMAGES) {
            for (shares, split) in shares.iter_mut().zip(routes.split(image)?) {
                shares.extend(split.shares());
            }
        }
        for (filter, shares) in filters.iter().zip(shares) {
            let Some(found) = found.filters.iter_mut().find(|found| found.filter == *filter) else { continue };
            let count = shares.len() as f64;
            let mean = |route: usize| shares.iter().map(|share| share[route]).sum::<f64>() / count;
            found.routes = shares.first().map(|first| (0..first.len()).map(mean).collect());
        }
    }
    Ok(())
}

/// What is lost when a skip carries its mean, and when all do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WithoutSkips {
    /// In the order of [`skips`].
    pub each: Vec<Vec<f64>>,
    pub all: Vec<f64>,
    /// Is it PSNR, in dB? Else it is the change of the output.
    pub decibel: bool,
}

/// The sites at which the skips are read.
pub fn sites(network: &Network) -> Vec<Site> {
    skips(network).iter().map(|skip| Site::Edge(skip.merge, skip.input)).collect()
}

/// `None` of a network without skips.
///
/// # Errors
/// If the network cannot be computed, or the device fails.
pub fn without(executor: &dyn Executor, network: &Network, task: &Task, means: &Means) -> Result<Option<WithoutSkips>> {
    let sites = sites(network);
    if sites.is_empty() {
        return Ok(None);
    }
    let means: Means = sites.iter().filter_map(|site| Some((*site, means.get(site)?.clone()))).collect();
    let all = |site: &Site| (*site, (0..means[site].len()).collect::<Vec<usize>>());
    let sets: Vec<Removed> = sites.iter().map(|site| Removed::from([all(site)])).collect();
    let whole: Removed = sites.iter().map(all).collect();
    let mut ablation = Ablation::new(executor, network, task, means.clone())?;
    let each = sets.iter().map(|set| ablation.lost(set, usize::MAX)).collect::<Result<_>>()?;
    Ok(Some(WithoutSkips { each, all: ablation.lost(&whole, usize::MAX)?, decibel: task.truths.is_some() }))
}

/// What a skip is called: "dconv64 to concatenate_9".
fn name(network: &Network, skip: Skip) -> String {
    let merge = &network.layers[skip.merge];
    format!("{} to {}", network.layers[merge.inputs[skip.input]].name, merge.name)
}

pub fn claim(network: &Network, layers: &[LayerFindings], without: Option<&WithoutSkips>) -> Claim {
    let skips = skips(network);
    let bound = if without.is_none_or(|without| without.decibel) { SAME } else { SAME_OUTPUT };
    let number: Option<Interval> = without.map(|without| interval(&without.all));
    let by_skip = |i: usize| {
        json!({
            "skip": name(network, skips[i]),
            "lost": row(without.map(|without| interval(&without.each[i]))),
        })
    };
    let rows = layers.iter().filter_map(|layer| {
        let routes: Vec<&Vec<f64>> = layer.filters.iter().filter_map(|filter| filter.routes.as_ref()).collect();
        let shares = |route: usize| row(mean(&routes.iter().map(|shares| shares[route]).collect::<Vec<f64>>()));
        let named = |i: usize| json!({ "route": name(network, skips[i]), "share": shares(i) });
        (!routes.is_empty()).then(|| {
            let down = json!({ "route": "down", "share": shares(skips.len()) });
            let all: Vec<_> = (0..skips.len()).map(named).chain([down]).collect();
            json!({ "layer": layer.name, "filters": routes.len(), "shares": all })
        })
    });
    let why = match (without, skips.is_empty()) {
        (Some(_), _) => "",
        (None, true) => " It cannot be told: the network has no skip.",
        (None, false) => " It cannot be told without data.",
    };
    Claim {
        id: "skips",
        sentence: Text::Skips,
        number: number.unwrap_or(UNKNOWN),
        unit: if without.is_none_or(|without| without.decibel) { Unit::Decibel } else { Unit::Ratio },
        chance: None,
        answer: number.map_or(Answer::CannotBeTold, |number| above(number, bound)),
        how: format!(
            "What held-out images lose when all skips carry their mean alone (PSNR, or without a truth how far the output moves, as a \
             share of its standard deviation); more than {bound} counts. Shares: the gradient of a filter's mean activation, by the \
             first skip that it takes on its way back to the image; they sum up to 1, and one is negative where a route works \
             against the others.{why}"
        ),
        details: json!({
            "skips": (0..skips.len()).map(by_skip).collect::<Vec<_>>(),
            "layers": rows.collect::<Vec<_>>(),
        }),
    }
}
