//! "The skips bring the detail back."

use super::{UNKNOWN, above, row, spread, unless};
use crate::Result;
use crate::cancel::Watch;
use crate::engine::exec::Executor;
use crate::engine::random::stream;
use crate::findings::ablation::Ablation;
use crate::findings::effort;
use crate::findings::fit::fitting;
use crate::findings::how::{self, RANDOM, same};
use crate::findings::masked::{Means, Removed, Site};
use crate::findings::routes::{Routes, Skip, skips};
use crate::findings::stats::mean;
use crate::findings::task::{Task, interval, is_enough};
use crate::findings::{Answer, Claim, How, Interval, LayerFindings, Text, Unit};
use crate::network::{Network, unet};
use serde_json::json;

/// Filters whose gradients are split at once, if there is memory.
const AT_ONCE: usize = 8;

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
        let shares = fitting(filters.len().min(AT_ONCE), |at_once| {
            let mut all: Vec<Vec<Vec<f64>>> = vec![];
            for filters in filters.chunks(at_once) {
                let mut routes = Routes::new(executor, network, *layer, filters, task.shape)?;
                let mut shares: Vec<Vec<Vec<f64>>> = vec![vec![]; filters.len()];
                for image in task.images.iter().take(effort::SPLIT) {
                    for (shares, split) in shares.iter_mut().zip(routes.split(image)?) {
                        shares.extend(split.shares());
                    }
                }
                all.extend(shares);
            }
            Ok(all)
        })?;
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
    /// Of each random set of as many channels, from all layers, the mean that is lost; from the least to the most.
    pub random: Vec<f64>,
    /// Is it PSNR, in dB? Else it is the change of the output.
    pub decibel: bool,
}

/// The sites at which the skips are read.
pub fn sites(network: &Network) -> Vec<Site> {
    skips(network).iter().map(|skip| Site::Edge(skip.merge, skip.input)).collect()
}

/// `None` of a network without skips. What chance would give is left open.
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
    let mut ablation = Ablation::new(executor, network, task, means)?;
    let each = sets.iter().map(|set| ablation.lost(set, usize::MAX)).collect::<Result<_>>()?;
    let all = ablation.lost(&whole, usize::MAX)?;
    Ok(Some(WithoutSkips { each, all, random: vec![], decibel: task.truths.is_some() }))
}

/// What is lost with sets of as many channels as the skips carry, drawn from those of all layers; nothing where they have no more than that.
///
/// # Errors
/// If the device fails, or it is cancelled.
pub fn by_chance(
    ablation: &mut Ablation,
    network: &Network,
    means: &Means,
    seed: u64,
    watch: &mut Watch,
) -> Result<Vec<f64>> {
    let count = sites(network).iter().filter_map(|site| means.get(site)).map(Vec::len).sum::<usize>();
    let layers = unet::convolutions(network).into_iter().filter(|&layer| ablation.has(Site::Layer(layer)));
    let all: Vec<(Site, usize)> = layers
        .flat_map(|layer| (0..unet::filters(network, layer)).map(move |filter| (Site::Layer(layer), filter)))
        .collect();
    if count >= all.len() {
        return Ok(vec![]);
    }
    let set = |number: u64| {
        let mut rng = stream(seed, "as many channels as the skips carry", number);
        let mut removed = Removed::new();
        for i in rand::seq::index::sample(&mut rng, all.len(), count) {
            removed.entry(all[i].0).or_default().push(all[i].1);
        }
        removed
    };
    let sets: Vec<Removed> = (0..RANDOM).map(set).collect();
    let lost = ablation.each_lost(&sets, effort::BY_CHANCE, watch)?;
    let mut random: Vec<f64> = lost.iter().map(|lost| lost.iter().sum::<f64>() / lost.len() as f64).collect();
    random.sort_by(f64::total_cmp);
    Ok(random)
}

/// What a skip is called: "dconv64 to concatenate_9".
fn name(network: &Network, skip: Skip) -> String {
    let merge = &network.layers[skip.merge];
    format!("{} to {}", network.layers[merge.inputs[skip.input]].name, merge.name)
}

pub fn claim(network: &Network, layers: &[LayerFindings], without: Option<&WithoutSkips>) -> Claim {
    let skips = skips(network);
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
    let told = match (without, skips.is_empty()) {
        (Some(_), _) => how::Skips::Told,
        (None, true) => how::Skips::NoSkip,
        (None, false) => how::Skips::NoData,
    };
    let decibel = without.is_none_or(|without| without.decibel);
    let chance = without.filter(|without| !without.random.is_empty()).map(|without| spread(&without.random));
    let answer = |number: Interval| {
        let by_chance = chance.is_some_and(|chance| number.low <= chance.high);
        unless(by_chance, above(number, same(decibel)))
    };
    Claim {
        id: "skips",
        sentence: Text::Skips,
        number: number.unwrap_or(UNKNOWN),
        unit: if decibel { Unit::Decibel } else { Unit::Ratio },
        bound: same(decibel),
        chance,
        answer: number
            .filter(|_| without.is_some_and(|without| is_enough(&without.all)))
            .map_or(Answer::CannotBeTold, answer),
        how: How::Skips { decibel, told },
        details: json!({
            "skips": (0..skips.len()).map(by_skip).collect::<Vec<_>>(),
            "random channels": without.map(|without| &without.random),
            "layers": rows.collect::<Vec<_>>(),
        }),
    }
}
