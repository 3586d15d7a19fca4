//! All that is put to the test once the filters are measured: whether pictures can be believed, whether filters matter, by which
//! routes their gradients come, and the claims.

use super::ablation::{Ablation, effects};
use super::activity::activity;
use super::claims::{borders, evenness, lines, pruning, skips, spacing};
use super::effort::Effort;
use super::looks::{Agreement, Climbed, looks};
use super::masked::{Means, Removed, Site};
use super::speed::{gone, speed};
use super::task::Task;
use super::{Claim, LayerFindings, pictures};
use crate::Result;
use crate::cancel::Watch;
use crate::engine::exec::Executor;
use crate::lens::ascent;
use crate::network::{Network, unet};

/// Which filters are tried alone, and have their gradients split by routes. All of them: each is climbed to the end, too, before it is said
/// whether its picture looks like noise.
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

/// So many filters of each layer, by layer.
fn some_of<'l>(
    layers: impl IntoIterator<Item = &'l &'l LayerFindings>,
    seed: u64,
    most: usize,
) -> Vec<(usize, Vec<usize>)> {
    let some = |layer: &LayerFindings| ascent::draw_filters(seed, &layer.name, layer.filters.len(), most);
    layers.into_iter().map(|layer| (layer.layer, some(layer))).collect()
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
    let of_number = inner.iter().enumerate().filter(|(number, _)| effort.draws_of(*number)).map(|(_, layer)| layer);
    let drawn = some_of(of_number, seed, effort.drawn);
    let all = some_of(&inner, seed, usize::MAX);
    let (asked, climbed) = match ablated {
        Ablated::Drawn => (some_of(&inner, seed, effort.looked), Climbed::UntilDecided),
        Ablated::All => (all.clone(), Climbed::ToTheEnd),
    };
    let mut watched = |what: &'static str, work: &mut dyn FnMut(&mut Watch) -> Result<()>| -> Result<()> {
        work(&mut Watch { cancel, progress: &mut |done, all| progress(what, done, all) })
    };
    watched("pictures", &mut |watch| {
        pictures::trust(executor, network, tasks.map(|(seen, _)| seen), layers, &drawn, watch)
    })?;
    let mut agreement = Agreement::default();
    watched("all pictures", &mut |watch| {
        agreement = looks(executor, network, layers, &asked, climbed, watch)?;
        Ok(())
    })?;
    let Some((seen, held_out)) = tasks else {
        return Ok(vec![
            lines::claim(layers, None),
            spacing::claim(layers),
            evenness::claim(layers),
            borders::claim(layers, None),
            pruning::claim(layers, agreement, None),
            skips::claim(network, layers, None),
        ]);
    };
    let held_out = &held_out.first(effort.tried);
    // Chance draws from all layers, whichever were asked for.
    let needed = unet::needed_for(network, network.output);
    let convolutions =
        unet::convolutions(network).into_iter().filter(|&layer| needed[layer] && layer != network.output);
    let inner: Vec<Site> = convolutions.map(Site::Layer).collect();
    let sites: Vec<Site> = inner.iter().copied().chain(skips::sites(network)).collect();
    let known = activity(executor, network, seen, &sites)?;
    for layer in layers.iter_mut() {
        let taylor = known.taylor.get(&Site::Layer(layer.layer));
        for filter in &mut layer.filters {
            filter.effect.taylor = taylor.map(|taylor| taylor[filter.filter]);
        }
    }
    let tried = match ablated {
        Ablated::Drawn => drawn,
        Ablated::All => all,
    };
    skips::split(executor, network, seen, layers, &tried)?;
    let means: Means = inner.iter().filter_map(|site| Some((*site, known.means.get(site)?.clone()))).collect();
    let mut ablation = Ablation::new(executor, network, held_out, means.clone())?;
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
        pruning::claim(layers, agreement, pruned.as_ref().map(|(pruned, _)| pruned)),
        skips::claim(network, layers, without_skips.as_ref()),
    ])
}
