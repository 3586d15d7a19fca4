//! Dead filters: other starts, and another way in.

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

/// Climbs the dead ones of `climbs` again: from the first of the seeds to try that has a gradient; and where none has, from
/// the own seed by what goes into the relu. What stays dead stays as it is.
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
        let probed = again(&dead, seed, Recipe { steps: 1, keep_frames: false, keep_best: false, ..recipe })?;
        let alive: Vec<usize> = probed.iter().filter(|c| c.verdict != Verdict::Dead).map(|c| c.filter).collect();
        replace(climbs, again(&alive, seed, Recipe { seed, ..recipe })?, Rescue::Seed(seed));
    }
    let dead = dead(climbs);
    let climbed = again(&dead, starts.own, Recipe { before_relu: true, ..recipe })?;
    replace(climbs, climbed, Rescue::BeforeRelu);
    Ok(())
}

fn dead(climbs: &[Climb]) -> Vec<usize> {
    climbs.iter().filter(|climb| climb.verdict == Verdict::Dead).map(|climb| climb.filter).collect()
}

fn replace(climbs: &mut [Climb], climbed: Vec<Climb>, how: Rescue) {
    for new in climbed.into_iter().filter(|new| new.verdict != Verdict::Dead) {
        if let Some(old) = climbs.iter_mut().find(|old| old.filter == new.filter) {
            *old = Climb { rescued: Some(how), ..new };
        }
    }
}
