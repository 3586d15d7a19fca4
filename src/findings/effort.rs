//! How much of what can be measured is measured, by how large the network is: all of it, where that takes minutes.
//!
//! The work is counted in multiply-accumulates, so that the same command gives the same numbers on every machine.

use super::border;
use super::how::RANDOM;
use super::routes::skips as skips_of;
use super::size::{image_shape, macs};
use super::stimuli::GRATINGS;
use crate::Result;
use crate::engine::exec::Executor;
use crate::engine::graph::Graph;
use crate::engine::plan::Plan;
use crate::engine::tensor::{Shape, Tensor};
use crate::lens::ascent::{self, NOISE, Recipe};
use crate::network::{Network, unet};
use std::sync::Arc;
use std::time::Instant;

/// Work up to which everything is done, a little more than the built-in network's: of what is shown, of the pictures of a layer and of
/// all, of climbs that are only looked at, and of what is tried if a part of the filters is asked for and if all are.
const SHOWN: f64 = 1.5e13;
const OF_A_LAYER: f64 = 2.5e13;
const PICTURES: f64 = 8e13;
const LOOKED: f64 = 5e13;
const TRIED: (f64, f64) = (1.7e13, 3.5e13);
/// Seeds that a drawn filter is climbed from, in pixels and in waves.
pub(super) const SEEDS: u64 = 4;
/// Images at which gradients are split by their routes.
pub(super) const SPLIT: usize = 4;
/// Held-out images that a filter alone is tried on.
pub(super) const ALONE: usize = 12;
/// Those on which it is looked for how many filters can go.
pub(super) const SEARCH: usize = 16;
/// Those on which random channels stand for a skip's: the spread is that of the sets.
pub(super) const BY_CHANCE: usize = 8;
/// Selectivities of shuffled kernels that a layer's threshold should rest on, at least, and draws that are made for them, at most.
pub(super) const SAMPLES: usize = 128;
const MOST_DRAWS: usize = 8;
/// Layers with fewer filters than this have no say in how many draws are made: they share the threshold of all.
const FEW: usize = 16;
/// Stimuli that are no grating, about.
const OTHERS: usize = 96;
/// Images of the data that are reckoned with, whatever is asked for.
const IMAGES: usize = 64;
/// Passes that are timed.
const TIMED: usize = 4;
/// A pass forward and one back, in passes forward.
const THERE_AND_BACK: f64 = 3.0;
/// Steps until it is known of a picture that it does not look like noise, in the mean.
const GLANCED: f64 = 4.5;

/// What is measured of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Of so many layers one has filters drawn.
    pub every: usize,
    /// Filters that are drawn of such a layer, at most.
    pub drawn: usize,
    /// How often kernels are shuffled, at most.
    pub shuffles: usize,
    /// Is each filter's first gradient taken at its own seed? Else filters share seeds.
    pub own_seeds: bool,
    /// Filters of a layer of which it is found out whether their pictures look like noise, at most.
    pub looked: usize,
    /// Held-out images that are tried, at most.
    pub tried: usize,
}

impl Effort {
    /// Everything, and less and less of it.
    const SHOWS: [(usize, bool); 2] = [(8, true), (1, false)];
    const DRAWS: [(usize, usize); 9] = [(8, 1), (4, 1), (2, 1), (1, 1), (1, 2), (1, 3), (1, 4), (1, 6), (1, 8)];
    const LOOKS: [usize; 6] = [usize::MAX, 128, 64, 32, 16, 8];
    const TRIES: [usize; 4] = [usize::MAX, 32, 16, 8];

    /// The most that is afforded. `data`: the shape of one image of the data, where there are data to try the network on.
    ///
    /// # Errors
    /// If a layer cannot be computed.
    pub fn of(network: &Network, layers: &[usize], data: Option<Shape>) -> Result<Effort> {
        Ok(Effort::afforded(&Passes::of(network, layers, data)?))
    }

    fn afforded(passes: &Passes) -> Effort {
        let ((shuffles, own_seeds), (drawn, every)) = (Effort::SHOWS[0], Effort::DRAWS[0]);
        let (looked, tried) = (Effort::LOOKS[0], Effort::TRIES[0]);
        let mut effort = Effort { every, drawn, shuffles, own_seeds, looked, tried };
        for (shuffles, own_seeds) in Effort::SHOWS {
            effort = Effort { shuffles, own_seeds, ..effort };
            if passes.shown(&effort, IMAGES) <= SHOWN {
                break;
            }
        }
        for (drawn, every) in Effort::DRAWS {
            effort = Effort { drawn, every, ..effort };
            let pictures = passes.pictures(&effort);
            let most = pictures.iter().copied().fold(0.0, f64::max);
            if pictures.iter().sum::<f64>() <= PICTURES && (most <= OF_A_LAYER || drawn == 1) {
                break;
            }
        }
        for looked in Effort::LOOKS {
            effort = Effort { looked, ..effort };
            if passes.looks(&effort) <= LOOKED {
                break;
            }
        }
        for tried in Effort::TRIES {
            effort = Effort { tried, ..effort };
            if passes.trials(&effort, IMAGES, false) <= TRIED.0 + (TRIED.1 - TRIED.0) * passes.asked {
                break;
            }
        }
        effort
    }

    /// Are filters drawn of the layer of this number, of those of which some can be?
    pub fn draws_of(&self, number: usize) -> bool {
        number.is_multiple_of(self.every)
    }
}

/// How many times kernels are shuffled: as often, whichever layers are asked for.
pub(super) fn draws(network: &Network) -> usize {
    let layers = unet::convolutions(network).into_iter();
    let counts = layers.map(|layer| unet::filters(network, layer)).filter(|&filters| filters >= FEW);
    counts.min().map_or(MOST_DRAWS, |fewest| SAMPLES.div_ceil(fewest)).clamp(1, MOST_DRAWS)
}

/// What passes take, in multiply-accumulates.
#[derive(Debug, Clone)]
struct Passes {
    /// Of each layer: its filters, a pass to it, and can filters of it be drawn?
    layers: Vec<(usize, f64, bool)>,
    /// The share of the network's filters that is asked for.
    asked: f64,
    shuffles: usize,
    skips: usize,
    /// To all layers, of what is shown; and of the data, to all layers and to the output.
    stimulus: f64,
    data: Option<(f64, f64)>,
}

impl Passes {
    fn of(network: &Network, layers: &[usize], data: Option<Shape>) -> Result<Passes> {
        let image = image_shape(network)?;
        let needed = unet::needed_for(network, network.output);
        let layer = |&layer: &usize| {
            let inner = needed[layer] && layer != network.output;
            (unet::filters(network, layer), macs(network, &[layer], image) as f64, inner)
        };
        let of_data =
            |shape: Shape| (macs(network, layers, shape) as f64, macs(network, &[network.output], shape) as f64);
        let filters =
            |layers: &[usize]| layers.iter().map(|&layer| unet::filters(network, layer)).sum::<usize>() as f64;
        Ok(Passes {
            layers: layers.iter().map(layer).collect(),
            asked: filters(layers) / filters(&unet::convolutions(network)).max(1.0),
            shuffles: draws(network),
            skips: skips_of(network).len(),
            stimulus: macs(network, layers, image) as f64,
            data: data.map(of_data),
        })
    }

    /// One pass for each filter.
    fn each(&self) -> f64 {
        self.layers.iter().map(|&(filters, pass, _)| filters as f64 * pass).sum()
    }

    /// Filters that are drawn of each layer, and a pass to it.
    fn drawn<'p>(&'p self, effort: &'p Effort) -> impl Iterator<Item = (f64, f64)> + 'p {
        let inner = self.layers.iter().filter(|(_, _, inner)| *inner).enumerate();
        let drawn = inner.filter(|(number, _)| effort.draws_of(*number));
        drawn.map(|(_, &(filters, pass, _))| (filters.min(effort.drawn) as f64, pass))
    }

    /// Of what is shown, `images` of the data among it.
    fn shown(&self, effort: &Effort, images: usize) -> f64 {
        let gratings = (1 + self.shuffles.min(effort.shuffles)) * GRATINGS;
        (gratings + OTHERS + 2 * border::IMAGES) as f64 * self.stimulus
            + if effort.own_seeds { self.each() } else { 0.0 }
            + self.data.map_or(0.0, |(to_all, _)| images as f64 * to_all)
    }

    /// Of the climbs of what is drawn, layer by layer.
    fn pictures(&self, effort: &Effort) -> Vec<f64> {
        let climbs = 2.0 * SEEDS as f64 * climb();
        self.drawn(effort).map(|(filters, pass)| filters * pass * climbs).collect()
    }

    /// Of the climbs that are only looked at.
    fn looks(&self, effort: &Effort) -> f64 {
        let inner = self.layers.iter().filter(|(_, _, inner)| *inner);
        inner.map(|&(filters, pass, _)| filters.min(effort.looked) as f64 * pass).sum::<f64>()
            * GLANCED
            * THERE_AND_BACK
    }

    /// Of all that the network is tried with. `ablate`: all filters are tried alone.
    fn trials(&self, effort: &Effort, images: usize, ablate: bool) -> f64 {
        let Some((_, whole)) = self.data else { return 0.0 };
        let tried = images.min(effort.tried);
        let alone = match ablate {
            true => self.layers.iter().map(|&(filters, ..)| filters as f64).sum(),
            false => self.drawn(effort).map(|(filters, _)| filters).sum::<f64>(),
        };
        let halvings: f64 = self.layers.iter().map(|&(filters, ..)| (filters.max(1) as f64).log2().ceil()).sum();
        // The set that is tested, two others and what is spared; random ones; each skip; and as many random channels.
        let passes = images as f64 * (1.0 + THERE_AND_BACK)
            + tried as f64 * (8.0 + RANDOM as f64 + 2.0 * self.skips as f64)
            + alone * tried.min(ALONE) as f64
            + halvings * tried.min(SEARCH) as f64
            + RANDOM as f64 * tried.min(BY_CHANCE) as f64;
        let routes: f64 = match ablate {
            true => {
                self.layers.iter().filter(|(_, _, inner)| *inner).map(|&(filters, pass, _)| filters as f64 * pass).sum()
            }
            false => self.drawn(effort).map(|(filters, pass)| filters * pass).sum(),
        };
        passes * whole + routes * (SPLIT * (self.skips + 1)) as f64 * THERE_AND_BACK
    }

    fn all(&self, effort: &Effort, images: usize, ablate: bool) -> f64 {
        self.shown(effort, images)
            + self.pictures(effort).iter().sum::<f64>()
            + self.trials(effort, images, ablate)
            + if ablate { self.each() * climb() } else { self.looks(effort) }
    }
}

/// A climb, in passes forward.
fn climb() -> f64 {
    Recipe::default().steps as f64 * THERE_AND_BACK
}

/// How long it will take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    pub seconds: f64,
    /// Of one layer alone, the fastest and the slowest.
    pub one: (f64, f64),
}

/// How long it will take on this machine: the work, by what was measured of a pass. `data`: as in [`Effort::of`], and how many images;
/// `ablate`: are all filters tried?
///
/// # Errors
/// If a layer cannot be computed, there is not enough memory, or the device fails.
pub fn estimate(
    executor: &dyn Executor,
    network: &Network,
    layers: &[usize],
    (data, images): (Option<Shape>, usize),
    ablate: bool,
) -> Result<Estimate> {
    let work = |layers: &[usize]| -> Result<f64> {
        let passes = Passes::of(network, layers, data)?;
        Ok(passes.all(&Effort::afforded(&passes), images, ablate))
    };
    let speed = speed(executor, network, layers)?;
    let mut one = (f64::INFINITY, 0.0f64);
    for &layer in layers {
        let seconds = work(&[layer])? / speed;
        one = (one.0.min(seconds), one.1.max(seconds));
    }
    Ok(Estimate { seconds: work(layers)? / speed, one })
}

/// Multiply-accumulates of a second, by the fastest of some passes: what runs beside them slows one or the other.
fn speed(executor: &dyn Executor, network: &Network, layers: &[usize]) -> Result<f64> {
    let image = image_shape(network)?;
    let mut graph = Graph::new();
    let input = graph.input(unet::input_name(network), image)?;
    let built = unet::graph_of(graph, input, network, layers, None)?;
    let macs = built.graph.macs() as f64;
    let keep: Vec<_> = layers.iter().filter_map(|&layer| built.layers[layer]).collect();
    let mut program = executor.prepare(Arc::new(Plan::compile(built.graph, &keep, &[], &[])))?;
    let noise = ascent::noise(0, "speed", &[0], image, NOISE);
    program.write(built.image, &Tensor::new(image, noise.data))?;
    let mut least = f64::INFINITY;
    for _ in 0..TIMED {
        let begun = Instant::now();
        program.run(1)?;
        program.read(keep[0])?;
        least = least.min(begun.elapsed().as_secs_f64());
    }
    Ok(macs.max(1.0) / least.max(1e-6))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many layers of 64 filters, each a pass of so many multiply-accumulates from the last.
    fn passes(layers: usize, pass: f64, asked: f64) -> Passes {
        Passes {
            layers: (1..=layers).map(|i| (64, i as f64 * pass, true)).collect(),
            asked,
            shuffles: 2,
            skips: 3,
            stimulus: layers as f64 * pass,
            data: Some((layers as f64 * pass, layers as f64 * pass)),
        }
    }

    #[test]
    fn large_networks_are_measured_less() {
        let all = Effort { every: 1, drawn: 8, shuffles: 8, own_seeds: true, looked: usize::MAX, tried: usize::MAX };
        assert_eq!(Effort::afforded(&passes(8, 5e8, 1.0)), all);
        let less = Effort::afforded(&passes(16, 1e9, 1.0));
        assert_eq!(less, Effort { every: 1, drawn: 1, shuffles: 1, own_seeds: false, looked: 16, tried: 8 });
        assert_eq!(Effort::afforded(&passes(32, 1e9, 1.0)), Effort { every: 4, looked: 8, ..less });
        let drawn = |every: usize| (0..9).filter(|&i| Effort { every, ..all }.draws_of(i)).collect::<Vec<_>>();
        assert_eq!((drawn(1).len(), drawn(2), drawn(3)), (9, vec![0, 2, 4, 6, 8], vec![0, 3, 6]));
    }

    /// Three layers of 8, 3 and 5 filters, of which the second is none that is drawn, and passes of 10, 100 and 1,000 to them.
    fn three(data: bool) -> Passes {
        Passes {
            layers: vec![(8, 10.0, true), (3, 100.0, false), (5, 1000.0, true)],
            asked: 0.5,
            shuffles: 2,
            skips: 3,
            stimulus: 1e3,
            data: data.then_some((1e4, 1e5)),
        }
    }

    #[test]
    fn the_work_by_hand() {
        let most = Effort { every: 1, drawn: 4, shuffles: 8, own_seeds: true, looked: 9, tried: 12 };
        let least = Effort { every: 2, drawn: 1, shuffles: 1, own_seeds: false, looked: 6, tried: 4 };
        let (with, without) = (three(true), three(false));
        // 384 gratings as they are and of each shuffle, about 96 other stimuli, 16 images with and without a canvas.
        let each = 8.0 * 10.0 + 3.0 * 100.0 + 5.0 * 1000.0;
        assert_eq!(with.shown(&most, 64), (3.0 * 384.0 + 96.0 + 32.0) * 1e3 + each + 64.0 * 1e4);
        assert_eq!(with.shown(&least, 64), (2.0 * 384.0 + 96.0 + 32.0) * 1e3 + 64.0 * 1e4);
        assert_eq!(without.shown(&least, 64), (2.0 * 384.0 + 96.0 + 32.0) * 1e3);
        // From four seeds, in pixels and in waves; of a step the way forward and back are three passes.
        let climb = 3.0 * Recipe::default().steps as f64;
        assert_eq!(with.pictures(&most), [4.0 * 10.0 * 8.0 * climb, 4.0 * 1000.0 * 8.0 * climb]);
        assert_eq!(with.pictures(&least), [10.0 * 8.0 * climb], "every second layer of those that can be drawn");
        // The filters of the first layer and the third, six of a layer at most, four and a half steps each.
        assert_eq!(with.looks(&most), (8.0 * 10.0 + 5.0 * 1000.0) * 4.5 * 3.0);
        assert_eq!(with.looks(&least), (6.0 * 10.0 + 5.0 * 1000.0) * 4.5 * 3.0);
        // Of 10 images each there and back again, 8 sets and 20 random ones, and two for each skip; 8 filters alone; 3 + 2 + 3
        // halvings; 20 random sets of channels on 8 images. And the routes, of 4 images by each skip and the way down.
        let passes = 10.0 * 4.0 + 10.0 * (8.0 + 20.0 + 6.0) + 8.0 * 10.0 + 8.0 * 10.0 + 20.0 * 8.0;
        let routes = (4.0 * 10.0 + 4.0 * 1000.0) * 16.0 * 3.0;
        assert_eq!(with.trials(&most, 10, false), passes * 1e5 + routes);
        let of_all = (8.0 * 10.0 + 5.0 * 1000.0) * 16.0 * 3.0;
        assert_eq!(
            with.trials(&most, 10, true),
            (passes + 8.0 * 10.0) * 1e5 + of_all,
            "all 16 alone, and the routes of all"
        );
        let few = 40.0 * 4.0 + 4.0 * (8.0 + 20.0 + 6.0) + 4.0 + 8.0 * 4.0 + 20.0 * 4.0;
        assert_eq!(with.trials(&least, 40, false), few * 1e5 + 10.0 * 16.0 * 3.0);
        let all = Effort { tried: usize::MAX, ..most };
        let many = 40.0 * 4.0 + 40.0 * (8.0 + 20.0 + 6.0) + 8.0 * 12.0 + 8.0 * 16.0 + 20.0 * 8.0;
        assert_eq!(with.trials(&all, 40, false), many * 1e5 + routes, "on 12, 16 and 8 images at most");
        assert_eq!(without.trials(&most, 10, true), 0.0, "there is nothing to try it on");
        let sum = with.shown(&most, 10) + with.pictures(&most).iter().sum::<f64>() + with.trials(&most, 10, false);
        assert_eq!(with.all(&most, 10, false), sum + with.looks(&most));
        let ablated = sum + 8.0 * 10.0 * 1e5 + (of_all - routes) + each * climb;
        assert!((with.all(&most, 10, true) - ablated).abs() < 1e-6 * ablated, "and each is climbed to the end");
    }

    #[test]
    fn the_work_grows_with_what_is_asked_for_and_is_bounded() {
        let work = |passes: &Passes| passes.all(&Effort::afforded(passes), IMAGES, false);
        let mut one = passes(16, 1e9, 1.0 / 16.0);
        one.layers = vec![(64, 3e9, true)];
        one.stimulus = 3e9;
        assert!(3.0 * work(&one) < work(&passes(16, 1e9, 1.0)), "a layer takes less than a third of all");
        for layers in [4, 8, 16, 24] {
            let work = work(&passes(layers, 1.4e10 / layers as f64, 1.0));
            assert!(work < SHOWN + PICTURES + LOOKED + TRIED.1, "{layers} layers: {work}");
        }
    }
}
