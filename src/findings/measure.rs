//! All measures of all filters, and the verdicts that they decide.

use super::border::{self, Edges};
use super::calibrate::{Shuffle, shuffled};
use super::data::Data;
use super::effort::{self, Effort};
use super::life::{SHARED, dead_at_seed, dead_at_shared_seeds};
use super::noise::{best_grating, by_chance, noise};
use super::probe::{Probe, Progress};
use super::stats::{kappa, quantile};
use super::stimuli::{BARS, GRATINGS, GREYS, NOISES, Stimuli};
use super::tally::{Series, Tally};
use super::units::Unit;
use super::verdict::{Evidence, Thresholds};
use super::{Effect, FilterFindings, LayerFindings, Life, Proven, Shuffled, Tuning, Verdict, bounds, size};
use crate::Result;
use crate::cancel::Watch;
use crate::engine::exec::Executor;
use crate::engine::tensor::Shape;

use crate::network::{Network, unet};

/// Thresholds of what chance exceeds once in a hundred.
const PERCENTILE: f64 = 0.99;
/// Gratings that move a filter by less than this, as a share of how far anything moves it, move it by rounding alone.
const ROUNDING: f64 = 1e-5;
/// A border that is told so well is no chance, whatever else is told as well.
const SURE: f64 = 0.99;

/// What was measured.
pub struct Measured {
    pub layers: Vec<LayerFindings>,
    /// Cohen's kappa of the verdicts of two halves of the stimuli.
    pub kappa: Option<f64>,
}

/// A filter's numbers from some halves of the stimuli.
struct Numbers {
    life: Life,
    constant: bool,
    on_greys: bool,
    wakes: bool,
    tuning: Option<Tuning>,
    border: super::Border,
    noise: super::Noise,
}

/// Measures every filter of `layers`, which are convolutions. The watch hears of every image that is shown.
///
/// # Errors
/// If the data do not fit the network, there is not enough memory, the device fails, or it is cancelled.
pub fn measure(
    executor: &dyn Executor,
    network: &Network,
    layers: &[usize],
    data: &Data,
    seed: u64,
    watch: &mut Watch,
) -> Result<Measured> {
    let shape = data.stimuli_shape(network)?;
    let stimuli = Stimuli::new(shape, data, seed);
    let effort = Effort::of(network, layers, data.of_task())?;
    let draws = effort::draws(network).min(effort.shuffles);
    let climbed = size::image_shape(network)?;
    let filters: usize = layers.iter().map(|&layer| unet::filters(network, layer)).sum();
    let on_canvas = if data.images.is_empty() { border::IMAGES } else { border::IMAGES.min(data.images.len()) };
    let shown = GREYS + 1 + GRATINGS + BARS + 2 * NOISES + colours(shape) + data.images.len() + on_canvas;
    let total = shown + draws * (1 + GRATINGS) + if effort.own_seeds { filters } else { SHARED };
    let mut progress = Progress { watch, shown: 0, total };

    let (units, tallies, edges) = show_all(executor, network, layers, data, &stimuli, &mut progress)?;
    let chance = chance_of_lines(executor, network, layers, &stimuli, (seed, draws), &mut progress)?;
    let selectivities: Vec<Vec<f64>> =
        chance.iter().map(|layer| layer.iter().map(|kernel| kernel.selectivity).collect()).collect();
    let proven = bounds::proven(executor, network, layers, data.shape, data.facts.range)?;
    let constant: Vec<Vec<bool>> =
        tallies.iter().map(|tally| (0..tally.filters).map(|filter| tally.is_constant(filter)).collect()).collect();
    let dead: Vec<Vec<bool>> = match effort.own_seeds {
        true => {
            let mut own = |unit: &Unit, constant: &Vec<bool>| {
                dead_at_seed(executor, network, unit, climbed, 0, constant, |filters| progress.done(filters))
            };
            units.iter().zip(&constant).map(|(unit, constant)| own(unit, constant)).collect::<Result<_>>()?
        }
        false => {
            let mut probe = Probe::new(executor, network, layers, climbed)?;
            dead_at_shared_seeds(&mut probe, climbed, 0, &constant, &mut progress)?
        }
    };
    let mut found = vec![];
    let (mut first, mut second) = (vec![], vec![]);
    let without: Vec<Vec<f64>> = edges.iter().map(|edges| edges.without_border(&[0, 1])).collect();
    for (i, unit) in units.iter().enumerate() {
        let (tally, edges) = (&tallies[i], &edges[i]);
        let thresholds = Thresholds {
            line: percentile(&selectivities, i),
            border: percentile(&without, i).min(SURE),
            noise: by_chance(),
        };
        let mean_active = tally.mean_after(&[0, 1]).iter().sum::<f64>() / unit.filters() as f64;
        let (mut filters, mut borders_by_chance) = (vec![], 0);
        for filter in 0..unit.filters() {
            let numbers = |halves: &[usize]| {
                let mean = tally.mean_after(halves)[filter];
                let life = Life {
                    on: tally.on_share(filter, halves),
                    dead_at_seed: dead[i][filter],
                    dormant: if mean_active > 0.0 { mean / mean_active } else { 0.0 },
                    proven: proven[i][filter],
                    lives_on_data: tally.on_share(filter, halves) > 0.0,
                };
                Numbers::of(tally, edges, filter, halves, life)
            };
            let all = numbers(&[0, 1]);
            let (reason, other) = all.judge(unit, &thresholds);
            borders_by_chance += usize::from(all.border.is_beyond(true, thresholds.border));
            first.push(numbers(&[0]).judge(unit, &thresholds).0.verdict());
            second.push(numbers(&[1]).judge(unit, &thresholds).0.verdict());
            filters.push(FilterFindings {
                filter,
                verdict: reason.verdict(),
                reason,
                second: other,
                life: all.life,
                tuning: all.tuning,
                border: all.border,
                noise: all.noise,
                look: None,
                trust: None,
                effect: Effect::default(),
                routes: None,
            });
        }
        found.push(layer(unit, thresholds, filters, (borders_by_chance, chance[i].clone())));
    }
    Ok(Measured { layers: found, kappa: kappa::<Verdict>(&first, &second) })
}

fn layer(
    unit: &Unit,
    thresholds: Thresholds,
    filters: Vec<FilterFindings>,
    (borders_by_chance, chance): (usize, Vec<Shuffled>),
) -> LayerFindings {
    LayerFindings {
        layer: unit.layer,
        name: unit.name.clone(),
        depth: unit.depth,
        stride: unit.stride,
        receptive: unit.receptive,
        decoder: unit.decoder,
        tuned_where: unit.tuned_where,
        line_threshold: thresholds.line,
        border_threshold: thresholds.border,
        noise_threshold: thresholds.noise,
        borders_by_chance,
        chance,
        filters,
    }
}

impl Numbers {
    fn of(tally: &Tally, edges: &Edges, filter: usize, halves: &[usize], life: Life) -> Numbers {
        let best = best_grating(tally, filter, halves);
        // Weights that cancel out leave what rounding makes.
        let best = if best > ROUNDING * tally.span(filter) { best } else { 0.0 };
        let greys: Vec<f64> = tally.greys.iter().skip(filter).step_by(tally.filters).map(|&v| v.into()).collect();
        let tuning = tuning(tally, filter, halves, &greys);
        let tuning = tuning.filter(|_| best > 0.0).map(|tuning| tuning.with_bars(tally, filter, best));
        Numbers {
            life,
            constant: tally.is_constant(filter),
            on_greys: tally.least_grey[filter] > 0.0,
            wakes: tally.most_other[filter] > 0.0,
            tuning,
            // The amplitude of a half wave whose mean the best is.
            border: edges.border(filter, halves, best * std::f64::consts::PI),
            noise: noise(tally, filter, halves),
        }
    }

    fn judge(&self, unit: &Unit, thresholds: &Thresholds) -> (super::Reason, Option<Verdict>) {
        let evidence = Evidence {
            below: unit.below,
            life: self.life,
            constant: self.constant,
            on_greys: self.on_greys,
            wakes: self.wakes,
            tuning: self.tuning.as_ref(),
            border: self.border,
            noise: self.noise,
        };
        evidence.judge(thresholds)
    }
}

fn tuning(tally: &Tally, filter: usize, halves: &[usize], greys: &[f64]) -> Option<Tuning> {
    let amplitudes = |sums: &[f64]| tally.amplitudes(sums, filter, halves);
    Tuning::of(&amplitudes(&tally.excited), &amplitudes(&tally.changed), greys)
}

/// Shows everything to the network as it is.
fn show_all(
    executor: &dyn Executor,
    network: &Network,
    layers: &[usize],
    data: &Data,
    stimuli: &Stimuli,
    progress: &mut Progress,
) -> Result<(Vec<Unit>, Vec<Tally>, Vec<Edges>)> {
    let mut probe = Probe::new(executor, network, layers, stimuli.shape)?;
    let units = probe.units.clone();
    let mut tallies: Vec<Tally> = units.iter().map(Tally::new).collect();
    show_gratings(&mut probe, stimuli, &mut tallies, progress)?;
    probe.show(GREYS, &|i| stimuli.grey(i), progress, &mut |unit, u, _, r| tallies[u].see_grey(unit, r))?;
    let mut edges: Vec<Edges> = units.iter().map(Edges::new).collect();
    let without_data = data.images.is_empty();
    probe.show(BARS, &|i| stimuli.bar(i), progress, &mut |unit, u, i, r| tallies[u].see(unit, Series::Bars, i, r))?;
    let is_grey = stimuli.shape.c == 1;
    probe.show(NOISES, &|i| stimuli.white(i), progress, &mut |unit, u, i, r| {
        tallies[u].see(unit, Series::White, i, r);
        if without_data && is_grey {
            tallies[u].see_life(i % 2, r);
        }
    })?;
    // Everything else is grey: a filter that tells colours apart is off on all of it, and is not dead.
    probe.show(colours(stimuli.shape), &|i| stimuli.colours(i), progress, &mut |_, u, i, r| {
        tallies[u].see_other(r);
        if without_data {
            tallies[u].see_life(i % 2, r);
        }
    })?;
    probe.show(NOISES, &|i| stimuli.coloured(i), progress, &mut |unit, u, i, r| {
        tallies[u].see(unit, Series::Coloured, i, r);
        if without_data && i < border::IMAGES {
            edges[u].see(unit, r);
        }
    })?;
    if data.shape != stimuli.shape {
        probe = Probe::new(executor, network, layers, data.shape)?;
    }
    let on_data = probe.units.clone();
    if data.shape != stimuli.shape {
        edges = on_data.iter().map(Edges::new).collect();
    }
    probe.show(data.images.len(), &|i| data.images[i].clone(), progress, &mut |_, u, i, r| {
        tallies[u].see(&on_data[u], Series::Data, i, r);
        if i < border::IMAGES {
            edges[u].see(&on_data[u], r);
        }
    })?;
    drop(probe);
    let shown: Vec<Vec<f32>> = match without_data {
        true => (0..border::IMAGES).map(|i| stimuli.coloured(i)).collect(),
        false => data.images.iter().take(border::IMAGES).cloned().collect(),
    };
    border::on_canvas(executor, network, &on_data, data.shape, &shown, &mut edges, progress)?;
    Ok((units, tallies, edges))
}

/// Images of noise of its own in every channel.
fn colours(shape: Shape) -> usize {
    if shape.c > 1 { NOISES } else { 0 }
}

/// The grey that all is counted from, then the gratings.
fn show_gratings(probe: &mut Probe, stimuli: &Stimuli, tallies: &mut [Tally], progress: &mut Progress) -> Result<()> {
    probe.show(1, &|_| stimuli.grey(GREYS), progress, &mut |unit, u, _, r| tallies[u].see_base(unit, r))?;
    probe.show(GRATINGS, &|i| stimuli.grating(i), progress, &mut |unit, u, i, r| tallies[u].see_grating(unit, i, r))
}

/// For each layer the tuning of the network with its kernels' taps shuffled.
fn chance_of_lines(
    executor: &dyn Executor,
    network: &Network,
    layers: &[usize],
    stimuli: &Stimuli,
    (seed, draws): (u64, usize),
    progress: &mut Progress,
) -> Result<Vec<Vec<Shuffled>>> {
    let mut chance: Vec<Vec<Shuffled>> = vec![vec![]; layers.len()];
    for draw in 0..draws {
        let network = shuffled(network, Shuffle::Taps, seed, draw as u64)?;
        let mut probe = Probe::new(executor, &network, layers, stimuli.shape)?;
        let mut tallies: Vec<Tally> = probe.units.iter().map(Tally::new).collect();
        show_gratings(&mut probe, stimuli, &mut tallies, progress)?;
        for (tally, chance) in tallies.iter().zip(&mut chance) {
            let moved = (0..tally.filters).filter(|&filter| best_grating(tally, filter, &[0, 1]) > 0.0);
            let tunings = moved.filter_map(|filter| tuning(tally, filter, &[0, 1], &[]));
            chance.extend(tunings.map(|t| Shuffled {
                selectivity: t.selectivity,
                orientation: t.orientation,
                frequency: t.frequency,
                is_band_pass: t.is_band_pass(),
            }));
        }
    }
    Ok(chance)
}

/// The 99th percentile of a layer's values; of all layers', if it has too few of its own. 1 of none.
fn percentile(values: &[Vec<f64>], layer: usize) -> f64 {
    let mut own = match values[layer].len() >= effort::SAMPLES / 2 {
        true => values[layer].clone(),
        false => values.concat(),
    };
    own.sort_by(f64::total_cmp);
    if own.is_empty() { 1.0 } else { quantile(&own, PERCENTILE) }
}

/// Whether a climb from this layer's seeds leads anywhere is known to the layer alone; of one filter this says why it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyDead {
    /// Off for every image in the range.
    Proven,
    /// On somewhere in phantoms, or in the data: it is dead for noise only.
    LivesOnData,
    /// Off on all the data as well, though that is not proven.
    OffOnData,
}

/// Why these filters of a layer are dead at their seeds: found on a few images of the data in the moment that it takes.
///
/// # Errors
/// If there is not enough memory, or the device fails.
pub fn why_dead(
    executor: &dyn Executor,
    network: &Network,
    layer: usize,
    filters: &[usize],
    data: &Data,
) -> Result<Vec<WhyDead>> {
    let proven = bounds::proven(executor, network, &[layer], data.shape, data.facts.range)?.remove(0);
    let mut probe = Probe::new(executor, network, &[layer], data.shape)?;
    let mut lives = vec![false; probe.units[0].filters()];
    let cancel = crate::cancel::Cancel::default();
    let mut watch = Watch { cancel: &cancel, progress: &mut |_, _| {} };
    let mut progress = Progress { watch: &mut watch, shown: 0, total: data.images.len() };
    probe.show(data.images.len(), &|i| data.images[i].clone(), &mut progress, &mut |_, _, _, response| {
        for values in response.before.chunks_exact(lives.len()) {
            lives.iter_mut().zip(values).for_each(|(lives, &v)| *lives |= v > 0.0);
        }
    })?;
    let why = |&filter: &usize| match (proven[filter], lives[filter]) {
        (Some(Proven::Dead), _) => WhyDead::Proven,
        (_, true) => WhyDead::LivesOnData,
        _ => WhyDead::OffOnData,
    };
    Ok(filters.iter().map(why).collect())
}
