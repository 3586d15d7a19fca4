//! Dead filters: other starts, and another way in. Filters that a step turned off: shorter steps.

use super::{Climb, Recipe, Verdict, climb};
use crate::Result;
use crate::cancel::Watch;
use crate::engine::exec::Executor;
use crate::engine::tensor::Tensor;
use crate::network::Network;

/// How a filter that was dead at its seed was brought to climb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rescue {
    /// From the noise of this seed.
    Seed(u64),
    /// From its own seed, by what goes into its relu.
    BeforeRelu,
}

impl std::fmt::Display for Rescue {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Rescue::Seed(seed) => f.pad(&format!("seed {seed}")),
            Rescue::BeforeRelu => f.pad("before relu"),
        }
    }
}

/// Where to look for a start that is not dead.
pub struct Starts<'s> {
    /// The seed that was tried first.
    pub own: u64,
    /// The seeds to try.
    pub tried: std::ops::Range<u64>,
    /// The starts that a seed gives to some filters, an image for each.
    pub of: &'s dyn Fn(u64, &[usize]) -> Result<Tensor>,
}

/// Steps are halved so often before a filter that falls is left as it is.
const HALVINGS: u32 = 6;

/// Climbs the dead ones of `climbs` again: from the first of the seeds to try that has a gradient; and where none has, from
/// the own seed by what goes into the relu. What stays dead stays as it is. Then climbs those that fell, from where they began,
/// with steps half as long, a quarter and so on, until they do not fall.
///
/// # Errors
/// As [`climb`].
pub fn rescue(
    executor: &dyn Executor,
    network: &Network,
    layer: usize,
    climbs: &mut [Climb],
    recipe: Recipe,
    starts: Starts,
    watch: &mut Watch,
) -> Result<()> {
    let mut again = |filters: &[usize], seed: u64, recipe: Recipe| match filters {
        [] => Ok(vec![]),
        _ => climb(executor, network, layer, filters, &(starts.of)(seed, filters)?, recipe, watch),
    };
    for seed in starts.tried {
        let dead = dead(climbs);
        // One step tells whether there is a gradient.
        let probed = again(&dead, seed, Recipe { seed, steps: 1, keep_frames: false, keep_best: false, ..recipe })?;
        let alive: Vec<usize> = probed.iter().filter(|c| c.verdict != Verdict::Dead).map(|c| c.filter).collect();
        replace(climbs, again(&alive, seed, Recipe { seed, ..recipe })?, Rescue::Seed(seed));
    }
    let dead = dead(climbs);
    let climbed = again(&dead, starts.own, Recipe { before_relu: true, ..recipe })?;
    replace(climbs, climbed, Rescue::BeforeRelu);
    for halved in 1..=HALVINGS {
        let rate = recipe.rate * 0.5f32.powi(halved as i32);
        // Those with one start are climbed together.
        let ways: Vec<Option<Rescue>> = fallen(climbs).map(|climb| climb.rescued).collect();
        let is_first = |i: &usize| !ways[..*i].contains(&ways[*i]);
        for way in (0..ways.len()).filter(is_first).map(|i| ways[i]) {
            let filters: Vec<usize> = fallen(climbs).filter(|c| c.rescued == way).map(|c| c.filter).collect();
            let seed = if let Some(Rescue::Seed(seed)) = way { seed } else { starts.own };
            let before_relu = recipe.before_relu || way == Some(Rescue::BeforeRelu);
            for new in again(&filters, seed, Recipe { rate, seed, before_relu, ..recipe })? {
                if let Some(old) = climbs.iter_mut().find(|old| old.filter == new.filter && new.verdict == Verdict::Ok)
                {
                    *old = Climb { rescued: way, halved, ..new };
                }
            }
        }
    }
    Ok(())
}

fn dead(climbs: &[Climb]) -> Vec<usize> {
    climbs.iter().filter(|climb| climb.verdict == Verdict::Dead).map(|climb| climb.filter).collect()
}

fn fallen(climbs: &[Climb]) -> impl Iterator<Item = &Climb> {
    climbs.iter().filter(|climb| matches!(climb.verdict, Verdict::Fell { .. }))
}

fn replace(climbs: &mut [Climb], climbed: Vec<Climb>, how: Rescue) {
    for new in climbed.into_iter().filter(|new| new.verdict != Verdict::Dead) {
        if let Some(old) = climbs.iter_mut().find(|old| old.filter == new.filter) {
            *old = Climb { rescued: Some(how), ..new };
        }
    }
}
