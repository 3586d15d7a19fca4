//! Is a filter ever on, ever off?

use super::fit::fitting;
use super::probe::{Probe, Progress};
use super::units::{Below, Unit};
use crate::Result;
use crate::engine::exec::Executor;
use crate::engine::tensor::Shape;
use crate::lens::ascent::{self, Objective, Recipe};
use crate::network::Network;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Life {
    /// Share of positions with a positive value before the activation, over the data (over noise, without data).
    pub on: f64,
    /// The first gradient of the climb from seed 0 is zero everywhere.
    pub dead_at_seed: bool,
    /// Its mean activation, divided by that of the layer (Sokar et al. 2023, ReDo).
    pub dormant: f64,
    /// What holds for every image in the data's range.
    pub proven: Option<Proven>,
    pub lives_on_data: bool,
}

/// What interval bounds prove for every image in the data's range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proven {
    Dead,
    On,
}

/// Filters that are tried at once.
const BATCH: usize = 16;

/// Seeds that filters share where there are too many for one each.
pub const SHARED: usize = 16;

/// For each filter of the units of `probe`: is it off everywhere at a seed that it shares with others? `constant`: as in
/// [`dead_at_seed`]; of an activation that does not cut off, these are taken to be dead.
///
/// # Errors
/// If the device fails, or it is cancelled.
pub fn dead_at_shared_seeds(
    probe: &mut Probe,
    image: Shape,
    seed: u64,
    constant: &[Vec<bool>],
    progress: &mut Progress,
) -> Result<Vec<Vec<bool>>> {
    let mut off: Vec<Vec<bool>> = constant.iter().map(|of_unit| vec![true; of_unit.len()]).collect();
    let noise = |i: usize| ascent::noise(seed, "shared seeds", &[i], image, ascent::NOISE).data;
    probe.show(SHARED, &noise, progress, &mut |unit, u, i, response| {
        let filters = unit.filters();
        for values in response.before.chunks_exact(filters) {
            (i..filters).step_by(SHARED).for_each(|filter| off[u][filter] &= values[filter] <= 0.0);
        }
    })?;
    for ((unit, off), constant) in probe.units.iter().zip(&mut off).zip(constant) {
        if unit.below != Below::Cut {
            off.clone_from(constant);
        }
    }
    Ok(off)
}

/// For each of these filters: is the first gradient of the climb zero everywhere, from the noise of this seed?
///
/// A filter that is cut off below zero and whose mean is 0 is off everywhere, so that no gradient passes: the way forward is
/// enough to know. Where it is on somewhere, a gradient passes, unless nothing before it passes any; `constant` names the filters
/// that never changed with the image, and of those, and of other activations, the gradient itself is taken.
///
/// # Errors
/// If there is not enough memory, or the device fails.
pub fn dead_at_seed(
    executor: &dyn Executor,
    network: &Network,
    unit: &Unit,
    image: Shape,
    seed: u64,
    constant: &[bool],
    mut done: impl FnMut(usize) -> Result<()>,
) -> Result<Vec<bool>> {
    let recipe = Recipe::default();
    let filters: Vec<usize> = (0..unit.filters()).collect();
    let mut dead = vec![];
    let load = |batch: &[usize]| {
        let objective = Objective::new(network, unit.layer, batch, image, &recipe, false)?;
        Ok((executor.prepare(objective.plan.clone())?, objective))
    };
    let at_once = fitting(BATCH.min(filters.len()), |n| load(&filters[..n]).map(|_| n))?;
    for batch in filters.chunks(at_once) {
        let (mut program, objective) = load(batch)?;
        program.write(objective.image, &ascent::noise(seed, &unit.name, batch, image, ascent::NOISE))?;
        for (input, fixed) in &objective.fixed {
            program.write(*input, &fixed.values())?;
        }
        let own_relu = unit.below == Below::Cut && unit.after_is_own;
        let is_sure = |filter: usize| own_relu && !constant[filter];
        match batch.iter().all(|&filter| is_sure(filter)) {
            true => dead.extend(program.first_traced()?.iter().map(|&loss| loss == 0.0)),
            false => dead.extend(objective.run(&mut *program, 1)?[0].rms.iter().map(|&rms| rms == 0.0)),
        }
        done(batch.len())?;
    }
    Ok(dead)
}
