//! Filters of the border near each of the conditions that decide on them: the ring answers more than the inside does to its best
//! grating, it is told from the inside beyond chance, and most of what it answers vanishes in a larger canvas.

mod common;
#[path = "common/measured.rs"]
mod measured;
#[path = "common/planted.rs"]
mod planted;

use approx::assert_relative_eq;
use measured::{data, found_of_last, of_values};
use planted::{conv, gabor, input, network};
use std::f64::consts::TAU;
use unet_lens::findings::{Data, FilterFindings, LayerFindings, Verdict, frequencies};
use unet_lens::network::{Activation, Network};

const SIDE: usize = 64;
const KERNEL: usize = 7;

/// A filter's kernel for the picture, its kernel for ones, which padding is not, and its bias.
struct Filter {
    name: &'static str,
    picture: Vec<f64>,
    ones: Vec<f64>,
    bias: f64,
    verdict: Verdict,
}

impl Filter {
    /// What is above zero where `ones` reads padding, and nowhere else.
    fn new(name: &'static str, picture: Vec<f64>, ones: Vec<f64>, verdict: Verdict) -> Filter {
        let bias = -ones.iter().sum::<f64>();
        Filter { name, picture, ones, bias, verdict }
    }
}

/// The filters behind a layer that hands the picture through, beside ones.
fn of_filters(filters: &[Filter]) -> Network {
    let first = |_: usize, o: usize| vec![[1.0, 0.0][o]];
    let second = |i: usize, o: usize| [&filters[o].picture, &filters[o].ones][i].clone();
    let biases: Vec<f64> = filters.iter().map(|filter| filter.bias).collect();
    network(vec![
        input(SIDE, 1),
        conv("first", 1, (1, 2), first, &[0.0, 1.0], Activation::Linear, 0),
        conv("second", KERNEL, (2, filters.len()), second, &biases, Activation::Relu, 1),
    ])
}

fn measured_of(filters: &[Filter], data: &Data) -> LayerFindings {
    let mut found = found_of_last(&of_filters(filters), data);
    assert_eq!(found.kappa, Some(1.0), "two halves of the stimuli");
    found.layers.remove(0)
}

fn assert_verdicts(filters: &[Filter], layer: &LayerFindings) {
    for (filter, found) in filters.iter().zip(&layer.filters) {
        let Filter { name, verdict, .. } = filter;
        assert_eq!(found.verdict, *verdict, "{name}: {}, {:?}", found.reason, found.border);
        assert!(found.second != Some(Verdict::Border), "{name}");
    }
}

/// Of the wave that comes out at the best grating: half of a wave lies above the grey, and of its square the mean is a quarter.
fn amplitude(found: &FilterFindings) -> f64 {
    2.0 * f64::from(found.tuning.as_ref().unwrap().map.iter().copied().fold(0.0, f32::max))
}

/// The greatest amplitude that a wave of amplitude 1 has behind a kernel, of those waves that are shown.
fn best_grating(kernel: &[f64]) -> f64 {
    let amplitude = |orientation: usize, frequency: f64| {
        let (sin, cos) = (15.0 * orientation as f64).to_radians().sin_cos();
        let wave = |tap: usize| TAU * frequency * ((tap % KERNEL) as f64 * sin + (tap / KERNEL) as f64 * cos);
        let sum = |part: fn(f64) -> f64| (0..kernel.len()).map(|tap| kernel[tap] * part(wave(tap))).sum::<f64>();
        sum(f64::cos).hypot(sum(f64::sin))
    };
    frequencies().iter().flat_map(|&f| (0..12).map(move |o| amplitude(o, f))).fold(0.0, f64::max)
}

/// The mean over the ring's places of how many taps of a kernel read padding.
fn padded_taps() -> f64 {
    let reach = KERNEL / 2;
    let inside = |at: usize| (0..KERNEL).filter(|tap| (reach..SIDE + reach).contains(&(at + tap))).count();
    let padded = |i: usize| KERNEL * KERNEL - inside(i / SIDE) * inside(i % SIDE);
    let ring: Vec<usize> = (0..SIDE * SIDE).map(padded).filter(|&count| count > 0).collect();
    ring.iter().sum::<usize>() as f64 / ring.len() as f64
}

#[test]
fn the_ring_must_answer_more_than_the_inside_to_its_best_grating() {
    let nothing = || vec![0.0; KERNEL * KERNEL];
    let data = data(&of_filters(&[Filter::new("", nothing(), nothing(), Verdict::Dead)]), SIDE, 1);
    let stripes = gabor(KERNEL, 60.0, 0.25, 0.0);
    let best = 2f64.sqrt() * data.facts.deviation * best_grating(&stripes);
    // Of its best grating's amplitude the ring answers so many times as much to the padding.
    let times = |name, times: f64, verdict| {
        let ones = vec![-times * best / padded_taps(); KERNEL * KERNEL];
        Filter::new(name, stripes.clone(), ones, verdict)
    };
    // Of the taps those above or to the left of the middle, or both.
    let part = |name, is_part: fn(usize, usize) -> bool, bias: f64, verdict| {
        let ones = (0..KERNEL * KERNEL).map(|tap| if is_part(tap / KERNEL, tap % KERNEL) { -1.0 } else { 0.0 });
        let filter = Filter::new(name, nothing(), ones.collect(), verdict);
        Filter { bias: filter.bias - bias, ..filter }
    };
    let filters = [
        times("half", 0.5, Verdict::Line),
        times("just less", 0.93, Verdict::Line),
        times("just more", 1.07, Verdict::Border),
        times("twice", 2.0, Verdict::Border),
        part("above alone", |row, _| row < 3, 0.0, Verdict::Border),
        part("the first corner alone", |row, column| row == 0 || column == 0, 12.5, Verdict::Unclear),
    ];
    let layer = measured_of(&filters, &data);
    assert_verdicts(&filters, &layer);
    for (found, times) in layer.filters.iter().zip([0.5, 0.93, 1.07, 2.0]) {
        // The ring's own stripes add a little, and what is usual inside is subtracted.
        let drive = found.border.drive / best;
        assert!((drive - times).abs() < 0.05 && (drive > 1.0) == (times > 1.0), "{times}: {drive}");
        assert_relative_eq!(amplitude(found), best, max_relative = 1e-3);
        assert!(found.border.auc > layer.border_threshold && found.border.vanishes.unwrap() > 0.99);
    }
    // What no grating moves answers more than to any grating, and vanishes: how well the ring is told decides.
    let [above, corner] = [4, 5].map(|i| layer.filters[i].border);
    assert!(above.vanishes == Some(1.0) && corner.vanishes == Some(1.0) && corner.drive > 0.0, "{above:?} {corner:?}");
    assert!(corner.auc > 0.5 && corner.auc < layer.border_threshold && layer.border_threshold < above.auc);
}

/// Phantoms in a bright frame, which a filter of brightness answers to wherever the border lies, and to the padding besides.
#[test]
fn most_of_what_the_ring_answers_must_vanish_in_a_larger_canvas() {
    let nothing = || vec![0.0; KERNEL * KERNEL];
    let network = of_filters(&[Filter::new("", nothing(), nothing(), Verdict::Dead)]);
    let mut values = vec![];
    for i in 0..16 {
        let phantom = unet_lens::mri::phantom(3, i, (SIDE, SIDE));
        let is_frame = |at: usize| !(6..SIDE - 6).contains(&at);
        let value = |p: usize| if is_frame(p / SIDE) || is_frame(p % SIDE) { 1.0 } else { 0.1 + 0.5 * phantom[p] };
        values.extend((0..SIDE * SIDE).map(value));
    }
    let data = of_values(&network, &[16, SIDE, SIDE, 1], &values);
    // Above zero where it is brighter than the mean; each tap that reads padding adds so much.
    let mean = data.facts.mean;
    let bright = |name, strength: f64, verdict| {
        let filter = Filter::new(name, planted::gaussian(KERNEL, 3.0), vec![-strength; KERNEL * KERNEL], verdict);
        let all = filter.picture.iter().sum::<f64>();
        Filter { bias: filter.bias - mean * all, ..filter }
    };
    let filters = [
        bright("the frame alone", 0.0, Verdict::Level),
        bright("the frame for the most part", 1.0, Verdict::Level),
        bright("the frame for a little more than half", 1.4, Verdict::Level),
        bright("the border for a little more than half", 1.7, Verdict::Border),
        bright("the border for the most part", 4.0, Verdict::Border),
    ];
    let layer = measured_of(&filters, &data);
    assert_verdicts(&filters, &layer);
    // All but the first answer at the ring more than to any grating, and it is told from the inside: what vanishes decides.
    for found in &layer.filters[1..] {
        assert!(found.border.auc > layer.border_threshold && found.border.drive > 1.05 * amplitude(found));
    }
    let vanishes: Vec<f64> = layer.filters.iter().map(|found| found.border.vanishes.unwrap()).collect();
    assert!(vanishes[0] == 0.0 && vanishes.is_sorted(), "{vanishes:?}");
    assert!((0.45..0.5).contains(&vanishes[2]) && (0.5..0.55).contains(&vanishes[3]), "{vanishes:?}");
}
