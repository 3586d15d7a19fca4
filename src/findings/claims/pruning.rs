//! "The filters that look like noise can go at the same quality." And how many can go at all, and how much faster the network then is.

use super::{UNKNOWN, below, row, spread};
use crate::Result;
use crate::cancel::Watch;
use crate::engine::random::stream;
use crate::findings::ablation::Ablation;
use crate::findings::effort;
use crate::findings::how::{RANDOM, same};
use crate::findings::looks::Agreement;
use crate::findings::masked::{Removed, Site};
use crate::findings::speed::Speed;
use crate::findings::stats::mean;
use crate::findings::task::{Task, interval, is_enough};
use crate::findings::{Answer, Claim, FilterFindings, How, LayerFindings, STILL_SEED, Text, Unit, Verdict};
use crate::network::{Kind, Network};
use serde_json::json;

/// Does the filter's picture look like noise: is it still the seed, or is its spectrum flat? One that was not looked at is not said to.
pub fn looks_like_noise(filter: &FilterFindings) -> bool {
    filter.look.is_some_and(|look| look.is_noise())
}

/// What a set of filters costs when all are replaced by their means at once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cost {
    /// Of each held-out image.
    pub lost: Vec<f64>,
    pub ssim: Vec<f64>,
}

/// The pruning test.
#[derive(Debug, Clone, Default)]
pub struct Pruned {
    /// How many filters of each layer look like noise, by layer, in the order of the layers.
    pub sizes: Vec<usize>,
    pub noise: Cost,
    pub least_l1: Cost,
    pub least_taylor: Cost,
    /// Of each random set of the same size per layer the mean that is lost, and the mean SSIM; from the least to the most.
    pub random: Vec<f64>,
    pub random_ssim: Vec<f64>,
    /// How many of each layer can go, in the order of taylor, by the layer's name; and what is lost then.
    pub spare: Vec<(String, usize)>,
    pub spare_cost: Cost,
    pub speed: Option<Speed>,
    /// Is it PSNR, in dB? Else it is the change of the output.
    pub decibel: bool,
}

/// What is tried with what.
pub struct Pruning<'p, 'a> {
    pub network: &'p Network,
    pub layers: &'p [LayerFindings],
    pub task: &'p Task,
    pub ablation: &'p mut Ablation<'a>,
    pub seed: u64,
}

impl Pruning<'_, '_> {
    /// The layers that can lose filters, with their sites.
    fn open(&self) -> Vec<(&LayerFindings, Site)> {
        let all = self.layers.iter().map(|layer| (layer, Site::Layer(layer.layer)));
        all.filter(|(_, site)| self.ablation.has(*site)).collect()
    }

    /// The first so many filters of each layer in an order of its own.
    fn set(&self, sizes: &[usize], order: impl Fn(&LayerFindings) -> Vec<usize>) -> Removed {
        let one = |((layer, site), &size): (&(&LayerFindings, Site), &usize)| {
            (*site, order(layer).into_iter().take(size).collect::<Vec<usize>>())
        };
        self.open().iter().zip(sizes).map(one).filter(|(_, filters)| !filters.is_empty()).collect()
    }

    /// Of each of some sets.
    fn costs(&mut self, sets: &[Removed], watch: &mut Watch) -> Result<Vec<Cost>> {
        let (task, mut costs) = (self.task, vec![Cost::default(); sets.len()]);
        self.ablation.each(sets, usize::MAX, watch, |set, i, before, after| {
            costs[set].lost.push(task.lost(i, before, after));
            costs[set].ssim.extend(task.ssim_lost(i, before, after));
        })?;
        Ok(costs)
    }

    fn cost(&mut self, removed: &Removed) -> Result<Cost> {
        let (task, mut cost) = (self.task, Cost::default());
        self.ablation.without(removed, usize::MAX, |i, before, after| {
            cost.lost.push(task.lost(i, before, after));
            cost.ssim.extend(task.ssim_lost(i, before, after));
        })?;
        Ok(cost)
    }

    /// # Errors
    /// If the device fails, or it is cancelled.
    pub fn run(&mut self, watch: &mut Watch) -> Result<(Pruned, Removed)> {
        let looks = |layer: &LayerFindings| -> Vec<usize> {
            layer.filters.iter().filter(|f| looks_like_noise(f)).map(|f| f.filter).collect()
        };
        let sizes: Vec<usize> = self.open().iter().map(|(layer, _)| looks(layer).len()).collect();
        let network = self.network;
        let by_l1 = |layer: &LayerFindings| ascending(&l1(network, layer.layer));
        let mut pruned = Pruned { sizes: sizes.clone(), decibel: self.task.truths.is_some(), ..Pruned::default() };
        pruned.noise = self.cost(&self.set(&sizes, looks))?;
        pruned.least_l1 = self.cost(&self.set(&sizes, by_l1))?;
        pruned.least_taylor = self.cost(&self.set(&sizes, by_taylor))?;
        let random = |number: u64| {
            self.set(&sizes, |layer: &LayerFindings| {
                let mut rng = stream(self.seed, &format!("random filters of {}", layer.name), number);
                rand::seq::index::sample(&mut rng, layer.filters.len(), layer.filters.len()).into_vec()
            })
        };
        let random: Vec<Removed> = (0..RANDOM).map(random).collect();
        let mean = |lost: &Vec<f64>| lost.iter().sum::<f64>() / lost.len() as f64;
        let costs = self.costs(&random, watch)?;
        pruned.random = sorted(costs.iter().map(|cost| mean(&cost.lost)));
        pruned.random_ssim = sorted(costs.iter().filter(|cost| !cost.ssim.is_empty()).map(|cost| mean(&cost.ssim)));
        let counts = self.spare(watch)?;
        pruned.spare = self.open().iter().map(|(layer, _)| layer.name.clone()).zip(counts.iter().copied()).collect();
        let spare = self.set(&counts, by_taylor);
        pruned.spare_cost = self.cost(&spare)?;
        Ok((pruned, spare))
    }

    /// How many filters of each layer can go: layer by layer, the deepest first, as many as keep what is lost within the layer's
    /// part of what may be lost in all.
    fn spare(&mut self, watch: &mut Watch) -> Result<Vec<usize>> {
        let counts: Vec<usize> = self.open().iter().map(|(layer, _)| layer.filters.len()).collect();
        let mut order: Vec<usize> = (0..counts.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(counts[i]));
        let mut spare = vec![0; counts.len()];
        let may = same(self.task.truths.is_some());
        for (done, &layer) in order.iter().enumerate() {
            (watch.progress)(done, order.len());
            let bound = may * (done + 1) as f64 / order.len() as f64;
            // What is lost grows with what goes, nearly: the last count that was within the bound.
            let (mut within, mut beyond) = (0, counts[layer]);
            while within + 1 < beyond {
                watch.cancel.check()?;
                let mut tried = spare.clone();
                tried[layer] = (within + beyond) / 2;
                let lost = self.ablation.lost(&self.set(&tried, by_taylor), effort::SEARCH)?;
                let lost = lost.iter().sum::<f64>() / lost.len() as f64;
                if lost <= bound { within = tried[layer] } else { beyond = tried[layer] }
            }
            spare[layer] = within;
        }
        Ok(spare)
    }
}

/// A layer's filters, the one that matters least first; of equals the first.
fn by_taylor(layer: &LayerFindings) -> Vec<usize> {
    ascending(&layer.filters.iter().map(|filter| filter.effect.taylor.unwrap_or(0.0)).collect::<Vec<f64>>())
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn ascending(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    order
}

/// The sum of the magnitudes of each filter's weights (H. Li et al., "Pruning filters for efficient convnets", 2017).
pub fn l1(network: &Network, layer: usize) -> Vec<f64> {
    let sums = |values: &[f32], count: usize, channel: &dyn Fn(usize) -> usize| {
        let mut sums = vec![0.0; count];
        values.iter().enumerate().for_each(|(i, v)| sums[channel(i)] += f64::from(v.abs()));
        sums
    };
    match &network.layers[layer].kind {
        Kind::Conv2d { conv, .. } | Kind::Separable { pointwise: conv, .. } => {
            let co = conv.kernel.co;
            sums(&conv.kernel.values(), co, &|i| i % co)
        }
        // Its filters are the inputs of the convolution that it is the transpose of.
        Kind::ConvTranspose { conv, .. } => {
            let (ci, co) = (conv.kernel.ci, conv.kernel.co);
            let of_group = co / conv.groups;
            sums(&conv.kernel.values(), ci * conv.groups, &|i| i % co / of_group * ci + i / co % ci)
        }
        _ => vec![],
    }
}

/// `agreement`: of the pictures that were not climbed to the end. `pruned`: `None` without data.
pub fn claim(layers: &[LayerFindings], agreement: Agreement, pruned: Option<&Pruned>) -> Claim {
    let decibel = pruned.is_none_or(|pruned| pruned.decibel);
    let number = pruned.map(|pruned| interval(&pruned.noise.lost));
    let chance = pruned.filter(|pruned| !pruned.random.is_empty()).map(|pruned| spread(&pruned.random));
    let looked = || layers.iter().flat_map(|layer| &layer.filters).filter(|filter| filter.look.is_some());
    let noise = || looked().filter(|filter| looks_like_noise(filter));
    let kinds = Verdict::ALL.map(|verdict| {
        json!({
            "verdict": verdict.to_string(),
            "filters": noise().filter(|filter| filter.verdict == verdict).count(),
        })
    });
    let cost = |cost: &Cost| json!({ "lost": row(Some(interval(&cost.lost))), "SSIM lost": row(mean(&cost.ssim)) });
    let tried = pruned.map(|pruned| {
        json!({
            "filters": pruned.sizes.iter().sum::<usize>(),
            "look like noise": cost(&pruned.noise),
            "least L1": cost(&pruned.least_l1),
            "least taylor": cost(&pruned.least_taylor),
            "random sets": pruned.random,
            "random sets, SSIM lost": pruned.random_ssim,
        })
    });
    let can_go = pruned.map(|pruned| {
        json!({
            "allowed": same(decibel),
            "filters": pruned.spare.iter().map(|(_, filters)| filters).sum::<usize>(),
            "layers": pruned.spare.iter().map(|(layer, filters)| json!({ "layer": layer, "filters": filters })).collect::<Vec<_>>(),
            "cost": cost(&pruned.spare_cost),
            "speed": pruned.speed.as_ref().map(Speed::row),
        })
    });
    Claim {
        id: "pruning",
        sentence: Text::Pruning,
        number: number.unwrap_or(UNKNOWN),
        unit: if decibel { Unit::Decibel } else { Unit::Ratio },
        bound: same(decibel),
        chance,
        answer: number
            .filter(|_| pruned.is_some_and(|pruned| is_enough(&pruned.noise.lost)))
            .map_or(Answer::CannotBeTold, |number| below(number, same(decibel))),
        how: How::Pruning { decibel, told: pruned.is_some() },
        details: json!({
            "pictures looked at": looked().count(),
            "look like noise": noise().count(),
            "without a gradient at the seed": noise().filter(|filter| filter.life.dead_at_seed).count(),
            "flat": noise().filter(|filter| filter.look.is_some_and(|look| !look.is_seed())).count(),
            "climbed both ways": agreement.both,
            "the short way says something else": agreement.otherwise,
            "still the seed from": STILL_SEED,
            "flat above": looked().find_map(|filter| Some(filter.look?.flat_threshold)),
            "kinds": kinds,
            "all at once": tried,
            "how many can go": can_go,
        }),
    }
}
