//! Pictures of filters so simple that what they are compared with can be reckoned by hand; who is drawn; how speed is measured; the table.

mod common;
#[path = "common/found.rs"]
mod found;
#[path = "common/planted.rs"]
mod planted;
#[path = "common/wrapped.rs"]
mod wrapped;

use approx::assert_relative_eq;
use planted::{conv, input, network};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::Backend;
use unet_lens::engine::exec::reference::Reference;
use unet_lens::engine::ops::Window;
use unet_lens::engine::plan::Plan;
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::findings::claims::pruning::{self, Cost, Pruned};
use unet_lens::findings::looks::{Agreement, Climbed, flat_by_chance, looks};
use unet_lens::findings::masked::{Means, Removed, Site};
use unet_lens::findings::pictures::trust;
use unet_lens::findings::spectrum::{cells, flatness};
use unet_lens::findings::speed::{Speed, gone, speed};
use unet_lens::findings::stats::spearman;
use unet_lens::findings::task::Task;
use unet_lens::findings::trial::{self, Ablated};
use unet_lens::findings::{FilterFindings, LayerFindings, Life, Look, Reason, Verdict, csv, csv_of, known, still_seed};
use unet_lens::lens::ascent::{self, NOISE, Recipe};
use unet_lens::network::slim::slim;
use unet_lens::network::{Activation, Kind, Network};
use wrapped::{Besides, wrapped};

/// A layer's filters before their pictures are known; these are dead at their seeds.
fn found(layer: usize, name: &str, filters: usize, dead: &[usize], receptive: usize) -> LayerFindings {
    let filter = |number: usize| {
        let filter = found::filter(number, Verdict::Unclear, None);
        let reason = Reason::Unclear { tuned: None, threshold: 0.5 };
        FilterFindings { reason, life: Life { dead_at_seed: dead.contains(&number), ..filter.life }, ..filter }
    };
    LayerFindings {
        name: name.to_string(),
        receptive,
        border_threshold: 0.9,
        ..found::layer(layer, layer, false, (0..filters).map(filter).collect())
    }
}

/// So many filters of 3 x 3 of one grey picture, a bias for each; behind them their sum.
fn filters(biases: &[f64]) -> Network {
    let n = biases.len();
    let kernel = |_: usize, o: usize| (0..9).map(|t| ((t * (o + 2) + o) % 5) as f64 - 1.75).collect();
    network(vec![
        input(8, 1),
        conv("first", 3, (1, n), kernel, biases, Activation::Relu, 0),
        conv("sum", 1, (n, 1), |_, _| vec![1.0], &[0.0], Activation::Linear, 1),
    ])
}

const SHAPE: Shape = Shape::new(1, 8, 8, 1);

/// What so many steps from this seed lead to.
fn climbed_for(network: &Network, (layer, filter): (usize, usize), seed: u64, steps: usize) -> Vec<f32> {
    let executor = common::open(Backend::Cpu).unwrap();
    let (cancel, name) = (Cancel::default(), &network.layers[layer].name);
    let noise = ascent::noise(seed, name, &[filter], SHAPE, NOISE);
    let mut watch = Watch { cancel: &cancel, progress: &mut |_, _| {} };
    let recipe = Recipe { seed, steps, ..Recipe::default() };
    ascent::climb(&*executor, network, layer, &[filter], &noise, recipe, &mut watch).unwrap().remove(0).picture
}

/// What a climb from this seed ends with.
fn climbed(network: &Network, filter: usize, seed: u64) -> Vec<f32> {
    climbed_for(network, (1, filter), seed, 20)
}

fn near(found: &[f32], expected: &[f32]) -> bool {
    found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4)
}

/// Of twelve filters eight are drawn, the same in every run of a seed; all are looked at, and those that are drawn a second time, to see whether
/// the short way says the same, where it is taken. The output is no filter on the way.
#[test]
fn who_is_drawn_and_who_is_looked_at() {
    let network = filters(&[0.1; 12]);
    let executor = common::open(Backend::Cpu).unwrap();
    let drawn = ascent::draw_filters(3, "first", 12, 8);
    assert_eq!(drawn.len(), 8);
    for (ablated, open, both) in [(Ablated::Drawn, 12, 8), (Ablated::All, 4, 0)] {
        let mut layers = vec![found(1, "first", 12, &[], 3), found(2, "sum", 1, &[], 3)];
        let mut heard: HashMap<String, (usize, usize)> = HashMap::new();
        let mut progress = |what: &str, done: usize, all: usize| {
            heard.insert(what.to_string(), (done, all));
        };
        let cancel = Cancel::default();
        let claims = trial::run(&*executor, &network, &mut layers, None, (3, ablated), &cancel, &mut progress).unwrap();
        assert_eq!(claims.len(), 6);
        for filter in &layers[0].filters {
            let is_drawn = drawn.contains(&filter.filter);
            assert_eq!((filter.trust.is_some(), filter.look.is_some()), (is_drawn, true));
        }
        assert!(layers[1].filters[0].trust.is_none() && layers[1].filters[0].look.is_none());
        assert_eq!(heard["pictures"], (1, 1), "layers");
        assert_eq!(heard["all pictures"], (open, open), "filters");
        assert_eq!(claims[4].details["climbed both ways"], both);
    }
}

/// The first picture is the climb's from seed 0, the second that from seed 1, whether or not another filter is dead. One that is stays noise.
#[test]
fn pictures_are_those_of_the_climbs() {
    let network = filters(&[0.1, -100.0, 0.2]);
    let executor = common::open(Backend::Cpu).unwrap();
    let cancel = Cancel::default();
    let mut watch = Watch { cancel: &cancel, progress: &mut |_, _| {} };
    for asked in [vec![0, 2], vec![0, 1, 2]] {
        let mut layers = vec![found(1, "first", 3, &[1], 3)];
        trust(&*executor, &network, None, &mut layers, &[(1, asked.clone())], &mut watch).unwrap();
        for filter in asked {
            let (trust, look) =
                (layers[0].filters[filter].trust.as_ref().unwrap(), layers[0].filters[filter].look.unwrap());
            let seeds = [0, 1].map(|seed| ascent::noise(seed, "first", &[filter], SHAPE, NOISE).data);
            let expected = [0, 1]
                .map(|seed| if filter == 1 { seeds[seed].clone() } else { climbed(&network, filter, seed as u64) });
            assert!(near(&trust.picture, &expected[0]) && near(&trust.second, &expected[1]), "filter {filter}");
            assert_eq!((trust.size, trust.best_patches.len(), trust.beats_data), ((8, 8), 0, false));
            assert_relative_eq!(look.still_seed, still_seed(&expected[0], &seeds[0], (8, 8)), epsilon = 1e-3);
            assert_relative_eq!(look.flat, flatness(&cells(&expected[0], (8, 8), 1)), epsilon = 1e-3);
            assert_relative_eq!(look.flat_threshold, flat_by_chance(SHAPE), epsilon = 1e-12);
            assert_eq!(look.steps, if filter == 1 { 0 } else { 20 });
        }
    }
}

/// Climbed once from seed 0: the living as they are, the dead as their seeds. What overflows has no picture.
#[test]
fn looks_of_the_living_the_dead_and_what_is_no_number() {
    let mut network = filters(&[0.1, -100.0, 0.2, 0.3]);
    let weights = |_: usize, o: usize| vec![if o == 1 { f64::from(f32::MAX) } else { 0.5 }; 9];
    network.layers.insert(2, conv("second", 3, (4, 2), weights, &[0.0; 2], Activation::Relu, 1));
    network.layers[3].inputs = vec![1];
    network.output = 3;
    let executor = common::open(Backend::Cpu).unwrap();
    let (cancel, mut heard) = (Cancel::default(), vec![]);
    let mut progress = |done: usize, all: usize| heard.push((done, all));
    let mut watch = Watch { cancel: &cancel, progress: &mut progress };
    let mut layers = vec![found(1, "first", 4, &[1], 3), found(2, "second", 2, &[], 5)];
    let asked = [(1, vec![0, 1, 3]), (2, vec![1])];
    looks(&*executor, &network, &mut layers, &asked, Climbed::ToTheEnd, &mut watch).unwrap();
    assert_eq!(heard, [(3, 4), (4, 4)]);
    let seed = |filter: usize| ascent::noise(0, "first", &[filter], SHAPE, NOISE).data;
    for filter in [0, 1, 3] {
        let picture = if filter == 1 { seed(1) } else { climbed(&network, filter, 0) };
        let look = layers[0].filters[filter].look.unwrap();
        assert_relative_eq!(look.still_seed, still_seed(&picture, &seed(filter), (8, 8)), epsilon = 1e-3);
        assert_relative_eq!(look.flat, flatness(&cells(&picture, (8, 8), 1)), epsilon = 1e-3);
        assert_eq!(look.steps, if filter == 1 { 0 } else { 20 });
    }
    assert!(
        layers[0].filters[1].look.unwrap().is_seed() && layers[0].filters[2].look.is_none(),
        "one is not asked for"
    );
    assert_eq!(layers[1].filters.iter().filter(|filter| filter.look.is_some()).count(), 0);
    // What is known is not climbed again.
    let mut watch = Watch { cancel: &cancel, progress: &mut |_, _| panic!("there is nothing to do") };
    looks(&*executor, &network, &mut layers, &[(1, vec![0, 1, 3])], Climbed::ToTheEnd, &mut watch).unwrap();
    // One that ends with what is no number has no trust, either.
    let mut watch = Watch { cancel: &cancel, progress: &mut |_, _| {} };
    trust(&*executor, &network, None, &mut layers, &[(2, vec![0, 1])], &mut watch).unwrap();
    let trusted = [0, 1].map(|filter| layers[1].filters[filter].trust.is_some());
    assert_eq!(trusted, [true, false]);
}

/// Filters of whole maps, from all on to nearly all off, and behind them one that its first step ends: a tent over the grey of 1, so narrow that
/// a step leads over it.
fn tent() -> Network {
    let biases = [9.0, 3.0, 1.0, 0.0, -1.0, -2.0, -3.0, -4.0, -6.0];
    let mut network = filters(&biases);
    let sides = |_: usize, o: usize| vec![[1.0, -1.0][o]];
    network.layers.insert(2, conv("sides", 1, (1, 2), sides, &[-1.0, 1.0], Activation::Relu, 0));
    network.layers.insert(3, conv("tent", 1, (2, 1), |_, _| vec![-1.0], &[0.2], Activation::Relu, 2));
    network.layers[4].inputs = vec![1];
    network.output = 4;
    network
}

/// A climb that is made for its look ends as soon as the picture is told from noise, which is asked after 1, 2, 4, 8 and 16 steps; and where no
/// gradient is left.
#[test]
fn a_climb_ends_when_its_look_is_decided() {
    let network = tent();
    let executor = common::open(Backend::Cpu).unwrap();
    let cancel = Cancel::default();
    let mut watch = Watch { cancel: &cancel, progress: &mut |_, _| {} };
    let mut layers = vec![found(1, "first", 9, &[], 3), found(3, "tent", 1, &[], 1)];
    let asked = [(1, (0..9).collect()), (3, vec![0])];
    let agreement = looks(&*executor, &network, &mut layers, &asked, Climbed::UntilDecided, &mut watch).unwrap();
    assert_eq!(agreement, Agreement::default(), "nothing was known");
    let threshold = flat_by_chance(SHAPE);
    let mut stops = vec![];
    for (layer, filter) in (0..9).map(|filter| (0, filter)).chain([(1, 0)]) {
        let (index, name) = (layers[layer].layer, &layers[layer].name);
        let look = layers[layer].filters[filter].look.unwrap();
        let seed = ascent::noise(0, name, &[filter], SHAPE, NOISE).data;
        let measured = |steps: usize| {
            let picture = climbed_for(&network, (index, filter), 0, steps);
            (still_seed(&picture, &seed, (8, 8)), flatness(&cells(&picture, (8, 8), 1)))
        };
        let is_noise = |steps: usize| {
            let (still, flat) = measured(steps);
            still >= 0.9 || flat > threshold
        };
        let stop = [1, 2, 4, 8, 16].into_iter().find(|&steps| !is_noise(steps)).unwrap_or(20);
        // The tent is off after its first step, which the second one finds.
        let stop = if layer == 1 { 2 } else { stop };
        assert_eq!(look.steps, stop, "{name} {filter}");
        let (still, flat) = measured(stop);
        assert_relative_eq!(look.still_seed, still, epsilon = 1e-3);
        assert_relative_eq!(look.flat, flat, epsilon = 1e-3);
        assert_eq!(look.is_noise(), is_noise(stop));
        stops.push(stop);
    }
    assert!([1, 4, 16, 20].iter().all(|stop| stops.contains(stop)), "{stops:?}");
    assert!(layers[1].filters[0].look.unwrap().is_noise(), "single pixels moved, none beside another");
}

/// Where the whole climb is known, too, it is counted how often the short way says something else; of what has no gradient nothing is asked.
#[test]
fn the_short_way_is_held_against_whole_climbs() {
    let network = tent();
    let executor = common::open(Backend::Cpu).unwrap();
    let cancel = Cancel::default();
    let mut watch = Watch { cancel: &cancel, progress: &mut |_, _| {} };
    let mut layers = vec![found(1, "first", 9, &[8], 3)];
    let asked = [(1, (0..9).collect())];
    looks(&*executor, &network, &mut layers, &asked, Climbed::ToTheEnd, &mut watch).unwrap();
    let whole: Vec<_> = layers[0].filters.iter().map(|filter| filter.look.unwrap()).collect();
    let mut again = |layers: &mut [LayerFindings]| {
        looks(&*executor, &network, layers, &asked, Climbed::UntilDecided, &mut watch).unwrap()
    };
    assert_eq!(again(&mut layers), Agreement { both: 8, otherwise: 0 });
    assert!(layers[0].filters.iter().zip(&whole).all(|(filter, whole)| filter.look.unwrap() == *whole), "it stands");
    // Two that are said to have ended otherwise.
    for (filter, whole) in layers[0].filters.iter_mut().zip(&whole).take(2) {
        let still_seed = if whole.is_noise() { 0.0 } else { 1.0 };
        filter.look = Some(Look { still_seed, flat: 0.0, ..*whole });
    }
    layers[0].filters[5].look = None;
    assert_eq!(again(&mut layers), Agreement { both: 7, otherwise: 2 });
    assert!(layers[0].filters[5].look.is_some());
}

/// From two channels to three, of single pixels; and of those, at every second pixel, to three others, of which the last is off.
const FIRST: [[f64; 3]; 2] = [[1.0, -0.5, 0.25], [0.5, 1.0, -0.75]];
const SECOND: [[f64; 3]; 3] = [[1.0, 0.25, 0.0], [0.5, -1.0, 0.0], [-0.25, 0.5, 0.0]];

/// What the three and the other three answer to a pixel.
fn answers(pixel: &[f32]) -> [Vec<f64>; 2] {
    let first: Vec<f64> = (0..3).map(|o| (0..2).map(|i| FIRST[i][o] * f64::from(pixel[i])).sum()).collect();
    let second = (0..3).map(|o| (0..3).map(|i| SECOND[i][o] * first[i]).sum::<f64>() - if o == 2 { 1.0 } else { 0.0 });
    let second = second.map(|v| v.max(0.0)).collect();
    [first, second]
}

/// Data of 12 x 14 pixels, larger than the network's own images of 8 x 8, in which single pixels are bright.
#[test]
fn pictures_are_compared_with_the_brightest_patches_of_the_data() {
    let mut last = conv("last", 1, (3, 3), |i, o| vec![SECOND[i][o]], &[0.0, 0.0, -1.0], Activation::Relu, 1);
    let Kind::Conv2d { conv: kernel, .. } = &mut last.kind else { unreachable!() };
    kernel.stride = Window::new(2, 2);
    let first = conv("first", 1, (2, 3), |i, o| vec![FIRST[i][o]], &[0.0; 3], Activation::Linear, 0);
    let network = network(vec![input(8, 2), first, last]);
    let executor = common::open(Backend::Cpu).unwrap();
    let (h, w) = (12, 14);
    let image = |at: (usize, usize), value: f32| -> Vec<f32> {
        let pixel = |i: usize| if (i / 2 / w, i / 2 % w) == at { value } else { 0.001 * (i % 7) as f32 };
        (0..h * w * 2).map(pixel).collect()
    };
    let bright = [((0, 0), 3.0), ((4, 6), 5.0), ((2, 2), 1.0), ((10, 12), 4.0)];
    let images: Vec<Vec<f32>> = bright.iter().map(|&(at, value)| image(at, value)).collect();
    let task = Task { shape: Shape::new(1, h, w, 2), images: images.clone(), truths: None };
    let cancel = Cancel::default();
    // Places lie at every second pixel: (0, 0), (2, 3) and (5, 6) in the middle of the blocks whose lower right pixels are (1, 1), (5, 7) and
    // (11, 13). Windows end where the image ends.
    for (receptive, size, places) in [(5, (5, 5), [(3, 5), (7, 9), (0, 0)]), (13, (12, 13), [(0, 1), (0, 1), (0, 0)])] {
        let mut layers = vec![found(1, "first", 3, &[], 1), found(2, "last", 3, &[2], receptive)];
        let mut watch = Watch { cancel: &cancel, progress: &mut |_, _| {} };
        trust(&*executor, &network, Some(&task), &mut layers, &[(2, vec![0, 2])], &mut watch).unwrap();
        let trust = layers[1].filters[0].trust.as_ref().unwrap();
        let by_number = trust.best_patches.iter().map(|patch| patch.image).collect::<Vec<usize>>();
        assert_eq!(by_number, [1, 3, 0]);
        for (patch, at) in trust.best_patches.iter().zip(places) {
            assert_eq!((patch.at, patch.size), (at, size));
            let rows = at.0..at.0 + size.0;
            let values =
                rows.flat_map(|r| images[patch.image][(r * w + at.1) * 2..(r * w + at.1 + size.1) * 2].to_vec());
            assert_eq!(patch.values, values.collect::<Vec<f32>>());
            let value = bright[patch.image].1;
            assert_relative_eq!(patch.activation, answers(&[value, value])[1][0], max_relative = 1e-5);
        }
        // The picture's best pixel, of those at even rows and columns.
        let pixels = (0..16).map(|i| &trust.picture[(i / 4 * 2 * 8 + i % 4 * 2) * 2..][..2]);
        let best = pixels.max_by(|a, b| answers(a)[1][0].total_cmp(&answers(b)[1][0])).unwrap();
        let (own, natural) = (answers(best), answers(&[5.0, 5.0]));
        assert_relative_eq!(trust.gain_over_data, own[1][0] / natural[1][0], max_relative = 1e-4);
        assert_eq!(trust.beats_data, own[1][0] > natural[1][0]);
        let way = (spearman(&own[0], &natural[0]).unwrap() + spearman(&own[1], &natural[1]).unwrap()) / 2.0;
        assert_relative_eq!(trust.way, way, epsilon = 1e-9);
        // What is off everywhere gains nothing and beats nothing.
        let dead = layers[1].filters[2].trust.as_ref().unwrap();
        assert_eq!((dead.beats_data, dead.gain_over_data), (false, 0.0));
    }
}

#[test]
fn the_number_of_few_losses_and_the_row_of_a_speed() {
    let kept = vec![("deep".to_string(), "it is read by a sum".to_string())];
    let speed = Speed { whole: 3.0, slim: 1.5, gone: 7, kept, difference: 0.25 };
    let noise = Cost { lost: vec![1.0, 6.0, 2.0], ssim: vec![] };
    let spare_cost = Cost { lost: vec![0.5], ssim: vec![] };
    let pruned = Pruned { noise, spare_cost, speed: Some(speed), decibel: true, ..Pruned::default() };
    let claim = pruning::claim(&[], Agreement::default(), Some(&pruned));
    // Three values do not say how they are spread: their mean, the least and the greatest.
    assert_eq!((claim.number.value, claim.number.low, claim.number.high), (3.0, 1.0, 6.0));
    let row = &claim.details["how many can go"]["speed"];
    let measured = &row["measured, seconds for one image"];
    assert_eq!((&measured["whole"], &measured["slim"], &measured["faster"]), (&3.0.into(), &1.5.into(), &2.0.into()));
    assert_eq!((&row["channels gone"], &row["kept whole"][0]["layer"]), (&7.into(), &"deep".into()));
    assert_eq!(row["greatest difference from the masked network"], 0.25);
}

/// The first loaded program, the whole network, sleeps in its first run and in the last four of ten.
#[derive(Clone, Default)]
struct Sleepy {
    loaded: Arc<AtomicUsize>,
    is_sleepy: bool,
    runs: usize,
}

const NAP: Duration = Duration::from_millis(100);

impl Besides for Sleepy {
    fn loaded(&mut self) {
        self.is_sleepy = self.loaded.fetch_add(1, Ordering::Relaxed) == 0;
    }

    fn run(&mut self) {
        if self.is_sleepy && [0, 6, 7, 8, 9].contains(&self.runs) {
            std::thread::sleep(NAP);
        }
        self.runs += 1;
    }
}

/// Five of the nine runs that count are short, so that the median is; with the first, long one of ten it would lie between.
#[test]
fn speed_is_the_median_without_the_first_run() {
    let network = filters(&[0.1, 0.2, 0.3]);
    let executor = wrapped(Arc::new(Reference::default()), Sleepy::default());
    let image: Vec<f32> = (0..64).map(|i| (i % 11) as f32 / 11.0).collect();
    let gone = [(1, vec![(0, 0.5), (2, 0.25)]), (2, vec![(0, 1.0)])].into();
    // The masked network's output, a quarter more at one pixel and an eighth less at another.
    let made = slim(&network, &gone).unwrap();
    let built = unet_lens::network::unet::graph_to(&made.network, 2, None, SHAPE).unwrap();
    let mut masked = {
        let mut program = executor.0.prepare(Arc::new(Plan::compile(built.graph, &[built.output], &[], &[]))).unwrap();
        program.write(built.image, &Tensor::new(SHAPE, image.clone())).unwrap();
        program.run(1).unwrap();
        program.read(built.output).unwrap().data
    };
    masked[17] += 0.25;
    masked[40] -= 0.125;
    let found = speed(&executor, &network, SHAPE, &image, &gone, &masked).unwrap();
    assert_relative_eq!(found.difference, 0.25, epsilon = 1e-5);
    assert!(found.slim > 0.0 && found.whole > 0.0, "{found:?}");
    assert!(found.whole < NAP.as_secs_f64() / 2.0, "{found:?}");
    // The output is kept whole, and what is kept is not gone.
    let kept: Vec<&str> = found.kept.iter().map(|(layer, _)| &**layer).collect();
    assert_eq!((found.gone, kept), (2, vec!["sum"]));
}

/// Whole layers' channels go with their means; what one reader alone gets cannot.
#[test]
fn what_is_gone_is_what_is_removed_of_layers() {
    let removed: Removed = [(Site::Layer(2), vec![1, 0]), (Site::Edge(4, 0), vec![2])].into();
    let means: Means = [(Site::Layer(2), vec![0.5, 0.25]), (Site::Edge(4, 0), vec![1.0; 3])].into();
    assert_eq!(gone(&removed, &means), [(2, vec![(1, 0.25), (0, 0.5)])].into());
}

#[test]
fn the_table_has_a_row_for_each_filter() {
    let layers = [found(1, "a, b", 2, &[1], 3), found(2, "c", 1, &[], 3)];
    let table = csv(&layers);
    let rows: Vec<&str> = table.lines().collect();
    assert!(rows.len() == 4 && rows[0].starts_with("layer,filter,verdict,because,second,on,dead_at_seed,"));
    assert!(
        rows[1].starts_with("\"a, b\",0,unclear,no grating moves it,,0.5,no,") && rows[3].starts_with("c,0,unclear,")
    );
    assert!(rows[2].starts_with("\"a, b\",1,unclear,no grating moves it,,0.5,yes,"));
    // With the network's column it is the same table and one column more, by which it is known again.
    let of = csv_of(&layers, "f00d");
    let with: Vec<String> =
        rows.iter().enumerate().map(|(i, row)| format!("{row},{}", if i == 0 { "network" } else { "f00d" })).collect();
    assert_eq!(of.lines().collect::<Vec<&str>>(), with);
    assert_eq!(known(&of, "f00d", "a, b"), [(0, Verdict::Unclear), (1, Verdict::Unclear)].into());
    assert!(known(&table, "f00d", "a, b").is_empty() && known(&of, "beef", "a, b").is_empty());
}
