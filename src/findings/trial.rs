//! All that is put to the test once the filters are measured: whether pictures can be believed, whether filters matter, by which
//! routes their gradients come, and the claims.

use super::ablation::{Ablation, effects};
use super::activity::activity;
use super::claims::{borders, evenness, lines, pruning, skips, spacing};
use super::effort::Effort;
use super::masked::{Means, Removed, Site};
use super::speed::{gone, speed};
use super::task::Task;
use super::{Claim, LayerFindings, pictures};
use crate::Result;
use crate::cancel::Watch;
use crate::engine::exec::Executor;
use crate::lens::ascent;
use crate::network::{Network, unet};

/// Which filters are tried alone. All of them: each is climbed once, too, so that it is known of every picture whether it looks like
/// noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ablated {
    Drawn,
    All,
}

/// The layers that are tried: the network's output is what is looked at in the end, not a filter on the way.
fn inner<'l>(network: &Network, layers: &'l [LayerFindings]) -> Vec<&'l LayerFindings> {
    let needed = unet::needed_for(network, network.output);
    layers.iter().filter(|found| found.layer != network.output && needed[found.layer]).collect()
}

/// The filters that are drawn, by layer.
fn drawn(layers: &[&LayerFindings], seed: u64, effort: &Effort) -> Vec<(usize, Vec<usize>)> {
    let drawn = layers.iter().enumerate().filter(|(number, _)| effort.draws_of(*number)).map(|(_, found)| found);
    drawn.map(|f| (f.layer, ascent::draw_filters(seed, &f.name, f.filters.len(), effort.drawn))).collect()
}

/// All filters, by layer.
fn all_of(layers: &[&LayerFindings]) -> Vec<(usize, Vec<usize>)> {
    layers.iter().map(|found| (found.layer, found.filters.iter().map(|filter| filter.filter).collect())).collect()
}

/// Puts what was measured to the test: fills in trust, effects and routes, and answers the claims. `tasks`: what is measured on, and
/// what is held out, if there are data. `progress` hears what is being done, and how much of it.
///
/// # Errors
/// If the network cannot be computed, there is not enough memory, or it is cancelled.
pub fn run(
    executor: &dyn Executor,
    network: &Network,
    layers: &mut [LayerFindings],
    tasks: Option<&(Task, Task)>,
    (seed, ablated): (u64, Ablated),
    cancel: &crate::cancel::Cancel,
    progress: &mut dyn FnMut(&str, usize, usize),
) -> Result<Vec<Claim>> {
    let measured: Vec<usize> = layers.iter().map(|found| found.layer).collect();
    let effort = Effort::of(network, &measured, tasks.map(|(seen, _)| seen.shape))?;
    let inner = inner(network, layers);
    let (drawn, all) = (drawn(&inner, seed, &effort), all_of(&inner));
    let mut watched = |what: &'static str, work: &mut dyn FnMut(&mut Watch) -> Result<()>| -> Result<()> {
        work(&mut Watch { cancel, progress: &mut |done, all| progress(what, done, all) })
    };
    watched("pictures", &mut |watch| {
        pictures::trust(executor, network, tasks.map(|(seen, _)| seen), layers, &drawn, watch)
    })?;
    if ablated == Ablated::All {
        watched("all pictures", &mut |watch| pictures::looks(executor, network, layers, &all, watch))?;
    }
    let Some((seen, held_out)) = tasks else {
        return Ok(vec![
            lines::claim(layers, None),
            spacing::claim(layers),
            evenness::claim(layers),
            borders::claim(layers, None),
            pruning::claim(layers, None),
            skips::claim(network, layers, None),
        ]);
    };
    let held_out = &held_out.first(effort.tried);
    let inner: Vec<Site> = all.iter().map(|(layer, _)| Site::Layer(*layer)).collect();
    let sites: Vec<Site> = inner.iter().copied().chain(skips::sites(network)).collect();
    let known = activity(executor, network, seen, &sites)?;
    for layer in layers.iter_mut() {
        let taylor = known.taylor.get(&Site::Layer(layer.layer));
        for filter in &mut layer.filters {
            filter.effect.taylor = taylor.map(|taylor| taylor[filter.filter]);
        }
    }
    skips::split(executor, network, seen, layers, &drawn)?;
    let means: Means = inner.iter().filter_map(|site| Some((*site, known.means.get(site)?.clone()))).collect();
    let mut ablation = Ablation::new(executor, network, held_out, means.clone())?;
    let tried = match ablated {
        Ablated::Drawn => drawn,
        Ablated::All => all,
    };
    watched("effects", &mut |watch| effects(&mut ablation, layers, &tried, watch))?;
    let without_borders = borders::without(&mut ablation, held_out, layers)?;
    let mut pruned = None;
    watched("pruning", &mut |watch| {
        let mut pruning = pruning::Pruning { network, layers, task: held_out, ablation: &mut ablation, seed };
        pruned = Some(pruning.run(watch)?);
        Ok(())
    })?;
    let mut pruned: Option<(pruning::Pruned, Removed)> = pruned;
    if let Some((pruned, spare)) = &mut pruned {
        let mut masked = vec![];
        ablation.without(spare, 1, |_, _, after| masked = after.to_vec())?;
        let gone = gone(spare, &means);
        pruned.speed = Some(speed(executor, network, held_out.shape, &held_out.images[0], &gone, &masked)?);
    }
    let mut without_skips = None;
    watched("skips", &mut |watch| {
        without_skips = skips::without(executor, network, held_out, &known.means)?;
        if let Some(without) = &mut without_skips {
            without.random = skips::by_chance(&mut ablation, network, &known.means, seed, watch)?;
        }
        Ok(())
    })?;
    drop(ablation);
    let turned = match held_out.truths {
        Some(_) => Some(lines::turned(executor, network, layers, seed)?),
        None => None,
    };
    Ok(vec![
        lines::claim(layers, turned.as_ref()),
        spacing::claim(layers),
        evenness::claim(layers),
        borders::claim(layers, without_borders.as_ref()),
        pruning::claim(layers, pruned.as_ref().map(|(pruned, _)| pruned)),
        skips::claim(network, layers, without_skips.as_ref()),
    ])
}
