//! Claims from few findings: numbers, chance and the edges between the answers, reckoned by hand.

#[path = "common/found.rs"]
mod found;
#[path = "common/layers.rs"]
mod layers;

use approx::assert_relative_eq;
use found::{filter, layer};
use serde_json::Value;
use unet_lens::findings::claims::{self, borders, evenness, lines, pruning, skips, spacing};
use unet_lens::findings::how::same;
use unet_lens::findings::looks::Agreement;
use unet_lens::findings::*;
use unet_lens::network::Network;

/// An image and nothing else: a network without skips.
fn network() -> Network {
    layers::chain(1, vec![])
}

/// "Less than this is the same quality", and for the skips "more than this counts": what is just as much is neither.
#[test]
fn what_lies_on_the_bound_cannot_be_told() {
    assert_eq!((same(true), same(false)), (0.1, 0.05), "a tenth of a dB, a twentieth of the output's deviation");
    // Of equal values the ends of the interval are the value itself.
    let pruned_of = |images: usize, lost: f64, decibel: bool| {
        let noise = pruning::Cost { lost: vec![lost; images], ssim: vec![] };
        pruning::claim(
            &[],
            Agreement::default(),
            Some(&pruning::Pruned { noise, decibel, ..pruning::Pruned::default() }),
        )
        .answer
    };
    let skipped_of = |images: usize, lost: f64, decibel: bool| {
        let without = skips::WithoutSkips { each: vec![], all: vec![lost; images], random: vec![], decibel };
        skips::claim(&network(), &[], Some(&without)).answer
    };
    for decibel in [true, false] {
        let bound = same(decibel);
        let answers = |of: &dyn Fn(usize, f64, bool) -> Answer, images: usize| {
            [0.9, 1.0, 1.1].map(|share| of(images, share * bound, decibel))
        };
        assert_eq!(answers(&pruned_of, 5), [Answer::Holds, Answer::CannotBeTold, Answer::Fails], "{decibel}");
        assert_eq!(answers(&skipped_of, 5), [Answer::Fails, Answer::CannotBeTold, Answer::Holds], "{decibel}");
        for of in [&pruned_of as &dyn Fn(usize, f64, bool) -> Answer, &skipped_of] {
            assert_eq!(answers(of, 4), [Answer::CannotBeTold; 3], "four images say nothing of how much they differ");
        }
    }
}

/// Of 72 lines of even orientations a third, 24, lies near the two, give or take 1.96 sqrt(72 / 3 x 2 / 3) = 7.84.
#[test]
fn as_many_lines_of_even_orientations() {
    let of = |lines: usize, others: usize| {
        let lines = (0..lines).map(|i| filter(i, Verdict::Line, Some((45.0, 0.1))));
        let others = (0..others).map(|i| filter(lines.len() + i, Verdict::Unclear, None));
        lines::claim(&[layer(1, 1, false, lines.clone().chain(others).collect())], None).chance.unwrap()
    };
    let chance = of(72, 28);
    assert_relative_eq!(chance.value, 0.24, epsilon = 1e-12);
    assert_relative_eq!(chance.low, 0.1616, epsilon = 1e-12);
    assert_relative_eq!(chance.high, 0.3184, epsilon = 1e-12);
    // Of two lines 0.67 less 1.31 is less than none.
    assert_eq!(of(2, 2).low, 0.0);
}

/// So many octaves for each convolution, ten filters each that differ by a hundredth.
fn frequencies(depth: usize, octaves: f64) -> impl Iterator<Item = f64> {
    (0..10).map(move |i| 0.1 * (octaves * depth as f64).exp2() * (1.0 + 0.01 * f64::from(i % 5)))
}

#[test]
fn of_shuffled_kernels_those_count_that_are_tuned() {
    // Tuned by their selectivity alone: a frequency that falls by two octaves. What is selective no more than the threshold, and no
    // band pass, does not count: it would rise.
    let layers: Vec<LayerFindings> = (1..=4)
        .map(|depth| {
            let shuffled =
                |(selectivity, frequency)| Shuffled { selectivity, orientation: 0.0, frequency, is_band_pass: false };
            let tuned = frequencies(depth, -2.0).map(|f| (0.51, f));
            let untuned = frequencies(depth, 3.0).map(|f| (0.5, f)).chain(frequencies(depth, 3.0).map(|f| (0.2, f)));
            LayerFindings { chance: tuned.chain(untuned).map(shuffled).collect(), ..layer(depth, depth, false, vec![]) }
        })
        .collect();
    assert_relative_eq!(spacing::claim(&layers).chance.unwrap().value, -2.0, epsilon = 1e-9);
}

#[test]
fn the_slope_is_that_of_the_way_down() {
    let lines = |depth, octaves| {
        frequencies(depth, octaves).enumerate().map(|(i, f)| filter(i, Verdict::Line, Some((0.0, f)))).collect()
    };
    let down = (1..=3).map(|depth| layer(depth, depth, false, lines(depth, -1.0)));
    let up = (4..=6).map(|depth| layer(depth, depth, true, lines(depth, 2.0)));
    let claim = spacing::claim(&down.chain(up).collect::<Vec<_>>());
    assert_relative_eq!(claim.number.value, -1.0, epsilon = 1e-9);
    assert_eq!(claim.answer, Answer::Holds);
    assert_relative_eq!(claim.details["slope in the decoder"]["value"].as_f64().unwrap(), 2.0, epsilon = 1e-9);
}

/// Four blocks of 16 x 16 pixels, a chessboard of energy 1, 1, 1 and 5: the mean is 2, and the squares of what differs
/// from it are 1, 1, 1 and 9, by three 4, so that the variation is 2 / 2. In three channels it is the same.
#[test]
fn pictures_in_colour_vary_as_grey_ones_do() {
    let picture = |channels: usize| -> Vec<f32> {
        let value = |i: usize| {
            let (r, s) = (i / channels / 32, i / channels % 32);
            let energy = if (r / 16, s / 16) == (1, 1) { 5f32 } else { 1.0 };
            0.5 + if (r + s) % 2 == 0 { energy.sqrt() } else { -energy.sqrt() }
        };
        (0..32 * 32 * channels).map(value).collect()
    };
    for channels in [1, 3] {
        let trust = found::trust(picture(channels), (32, 32));
        let look = Some(Look { flat: 0.2, flat_threshold: 0.9, still_seed: 0.1, steps: 20 });
        let of = |i| FilterFindings { trust: Some(trust.clone()), look, ..filter(i, Verdict::Unclear, None) };
        let claim = evenness::claim(&[layer(1, 1, false, (0..6).map(of).collect())]);
        let variation = claim.details["layers"][0]["variation"]["value"].as_f64().unwrap();
        assert_relative_eq!(variation, 1.0, epsilon = 1e-3);
    }
}

/// Three are several; half of the response is not more than half.
#[test]
fn several_borders_are_more_than_two_and_than_chance() {
    let of = |count: usize, by_chance: usize, vanishes: f64| {
        let border = |i| {
            let border = Border {
                auc: 1.0,
                auc_without: 0.5,
                vanishes: Some(vanishes),
                drive: 1.0,
                drive_without: 0.0,
                grating: 0.0,
            };
            FilterFindings { border, ..filter(i, Verdict::Border, None) }
        };
        let others = (count..10).map(|i| filter(i, Verdict::Unclear, None));
        let filters = (0..count).map(border).chain(others).collect();
        borders::claim(&[LayerFindings { borders_by_chance: by_chance, ..layer(1, 1, false, filters) }], None)
    };
    assert_eq!([of(2, 0, 1.0), of(3, 0, 1.0)].map(|claim| claim.answer), [Answer::Fails, Answer::Holds]);
    assert_eq!(of(3, 3, 1.0).answer, Answer::CannotBeTold, "three are several, but chance gives as many");
    for (vanishes, caused) in [(0.49, 0), (0.5, 0), (0.51, 3)] {
        let claim = of(3, 0, vanishes);
        assert_eq!(claim.details["caused by the border"], caused, "{vanishes}");
        assert_eq!(claim.details["by what lies there"], 3 - caused, "{vanishes}");
        assert_eq!(claim.details["ring told from the inside"], 3, "{vanishes}");
    }
}

/// Of ten pictures four look like noise: three are the seed, two of them without a gradient, one is flat. Two more were not looked at.
#[test]
fn of_what_kind_those_are_that_look_like_noise() {
    let looked = |i: usize| FilterFindings {
        look: Some(Look {
            flat: if i == 3 { 0.95 } else { 0.2 },
            flat_threshold: 0.9,
            still_seed: if i < 3 { 0.95 } else { 0.0 },
            steps: 16,
        }),
        life: Life { dead_at_seed: [0, 1, 4].contains(&i), ..filter(i, Verdict::Line, None).life },
        ..filter(i, if i == 2 { Verdict::Spot } else { Verdict::Line }, None)
    };
    let others = (10..12).map(|i| filter(i, Verdict::Noise, None));
    let layers = [layer(1, 1, false, (0..10).map(looked).chain(others).collect())];
    let claim = pruning::claim(&layers, Agreement { both: 5, otherwise: 1 }, None);
    let count = |name: &str| claim.details[name].as_u64().unwrap();
    assert_eq!((count("pictures looked at"), count("look like noise")), (10, 4));
    assert_eq!((count("without a gradient at the seed"), count("flat")), (2, 1));
    assert_eq!((count("climbed both ways"), count("the short way says something else")), (5, 1));
    let kinds = claim.details["kinds"].as_array().unwrap();
    let of = |verdict: &str| kinds.iter().find(|row| row["verdict"] == verdict).unwrap()["filters"].as_u64().unwrap();
    assert_eq!((of("spot"), of("line"), of("noise")), (1, 3, 0));
    assert_eq!(claim.details["flat above"], 0.9);
}

/// What becomes of lines when aliases lie above one another: more by all, less by all, or some of both.
#[test]
fn the_preference_turns_with_the_data_or_against_them() {
    let (more, less, both) =
        ([0.2, 0.3, 0.25, 0.2, 0.3], [-0.2, -0.3, -0.25, -0.2, -0.3], [0.3, -0.3, 0.1, -0.2, 0.05]);
    let said = |horizontal: &[f64], vertical: &[f64]| {
        let turned = lines::Turned { horizontal: horizontal.to_vec(), vertical: vertical.to_vec() };
        let claim = lines::claim(&[], Some(&turned));
        let rows = &claim.details["log activation, aliases above one another less side by side"];
        assert_eq!(
            (&rows["horizontal lines"], &rows["vertical lines"]),
            (&horizontal.len().into(), &vertical.len().into())
        );
        claim.how.to_string()
    };
    let along = said(&more, &less);
    assert!(
        along.contains("horizontal lines answer more, vertical lines less: the preference turns with the data"),
        "{along}"
    );
    let against = said(&less, &more);
    assert!(
        against.contains("horizontal lines answer less, vertical lines more: the preference turns, and against"),
        "{against}"
    );
    for (horizontal, vertical) in [(&more[..], &more[..]), (&both, &less), (&more, &both), (&more[..4], &less)] {
        let untold = said(horizontal, vertical);
        assert!(untold.contains("that the preference turns with the data cannot be told"), "{untold}");
    }
    assert!(said(&more[..4], &less).contains("horizontal lines answer neither more nor less, as far as can be told"));
    assert!(lines::claim(&[], None).how.to_string().contains("restores no undersampled pictures"));
}

/// 0.4 cycles per pixel and a 64th are the ends of what is shown.
#[test]
fn frequencies_beyond_what_was_shown_are_counted() {
    let shown = [1.0 / 64.0, 0.1, 0.4].map(|frequency| (Verdict::Spot, frequency));
    let beyond = [0.015, 0.41, 0.5].map(|frequency| (Verdict::Line, frequency));
    let others = [(Verdict::Level, 0.5)];
    let all = shown.into_iter().chain(beyond).chain(others).enumerate();
    let filters = all.map(|(i, (verdict, frequency))| filter(i, verdict, Some((0.0, frequency)))).collect();
    let claim = spacing::claim(&[layer(1, 1, false, filters)]);
    let row = &claim.details["layers"][0];
    assert_eq!((&row["tuned"], &row["at an end of what was shown"]), (&6.into(), &3.into()));
}

#[test]
fn the_file_names_the_unit_of_every_number() {
    let network = network();
    let lost = |decibel| skips::WithoutSkips { each: vec![], all: vec![1.0], random: vec![], decibel };
    let all = [
        (lines::claim(&[], None), "share"),
        (spacing::claim(&[]), "octaves per convolution"),
        (evenness::claim(&[]), "ratio"),
        (borders::claim(&[], None), "share"),
        (skips::claim(&network, &[], Some(&lost(true))), "dB"),
        (skips::claim(&network, &[], Some(&lost(false))), "ratio"),
    ];
    let (claims, units): (Vec<Claim>, Vec<&str>) = all.into_iter().unzip();
    let file: Value = serde_json::from_str(&claims::json(&claims)).unwrap();
    let of_file: Vec<&str> = file["claims"].as_array().unwrap().iter().map(|c| c["unit"].as_str().unwrap()).collect();
    assert_eq!(of_file, units);
}
