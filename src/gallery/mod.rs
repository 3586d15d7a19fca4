//! The main job as a whole: where the filters of a layer start, how they climb, why some are dead, and the figure of them all. The
//! command line asks for it with flags, the Python module with arguments.

mod captions;
mod start;
mod why;

pub use captions::{COLUMNS, Captions, Kinds, check_figure, is_still};
pub use start::{Init, Starts, check_channels, phantom};
pub use why::{Whys, why};

use crate::cancel::Watch;
use crate::lens::ascent::{self, Climb, Climbed, Job, Parameter, Recipe, Rescue};
use crate::{Error, Result};
use std::collections::HashSet;

/// What became of the filters of a layer.
pub struct Gallery {
    pub climbs: Vec<Climb>,
    /// Why the dead ones are dead.
    pub why: Whys,
    /// The filters whose pictures are still their seeds.
    pub still: HashSet<usize>,
    /// Why it ended before all filters were finished.
    pub end: Result<()>,
}

/// Climbs the filters of `starts`, for which `job` has found memory, by `recipe`. With `rescue` the dead ones are tried from so many
/// other seeds, see [`ascent::rescue`].
///
/// # Errors
/// If no filter was finished, or the climb was cancelled.
pub fn climb(job: Job, starts: &Starts, recipe: Recipe, rescue: Option<u32>, watch: &mut Watch) -> Result<Gallery> {
    let Starts { executor, network, layer, filters, .. } = *starts;
    let Climbed { mut climbs, end } = job.climb_on(&starts.of(recipe.seed, filters)?, watch);
    let end = match end {
        Err(error) if climbs.is_empty() || matches!(error, Error::Interrupted) => return Err(error),
        Err(Error::Device(why)) => {
            Err(Error::Device(format!("{why}; {} of {} filters are drawn", climbs.len(), filters.len())))
        }
        end => end,
    };
    if let (Ok(()), Some(attempts)) = (&end, rescue) {
        // A picture to start from is the same whatever the seed.
        let attempts = if let Init::Pictures(_) = starts.init { 0 } else { u64::from(attempts) };
        let tried = recipe.seed.saturating_add(1)..recipe.seed.saturating_add(1 + attempts);
        let of = |seed: u64, filters: &[usize]| starts.of(seed, filters);
        let seeds = ascent::Starts { own: recipe.seed, tried, of: &of };
        ascent::rescue(executor, network, layer, &mut climbs, recipe, seeds, watch)?;
    }
    let why = why(executor, network, layer, &climbs)?;
    let still = still(&climbs, starts, recipe)?;
    Ok(Gallery { climbs, why, still, end })
}

/// The filters whose pictures are still the noise that they began with. What is climbed for one neuron stays what it was wherever
/// that one does not look: there it says nothing.
fn still(climbs: &[Climb], starts: &Starts, recipe: Recipe) -> Result<HashSet<usize>> {
    let mut still = HashSet::new();
    let is_noise = recipe.parameter == Parameter::Pixel && matches!(starts.init, Init::Noise);
    for climb in climbs.iter().filter(|_| is_noise && recipe.neuron.is_none()) {
        let seed = if let Some(Rescue::Seed(seed)) = climb.rescued { seed } else { recipe.seed };
        if is_still(climb, starts.of(seed, &[climb.filter])?.image(0), starts.image) {
            still.insert(climb.filter);
        }
    }
    Ok(still)
}
