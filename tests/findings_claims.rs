//! Every answer is computed from numbers: other numbers, another answer.

mod common;
#[path = "common/found.rs"]
mod found;

use found::{filter, layer};
use serde_json::Value;
use unet_lens::findings::claims::{self, borders, evenness, lines, pruning, skips, spacing};
use unet_lens::findings::looks::Agreement;
use unet_lens::findings::*;

/// Lines of these orientations, as many of each, and as many filters of another kind.
fn lines_at(orientations: &[f64], each: usize, others: usize) -> Vec<LayerFindings> {
    let lines = orientations.iter().flat_map(|&o| (0..each).map(move |_| (Verdict::Line, Some((o, 0.1)))));
    let others = (0..others).map(|_| (Verdict::Unclear, None));
    let filters = lines.chain(others).enumerate().map(|(i, (verdict, tuned))| filter(i, verdict, tuned));
    vec![layer(1, 1, false, filters.collect())]
}

#[test]
fn most_filters_are_horizontal_or_vertical_lines_or_not() {
    let most = lines::claim(&lines_at(&[2.0, 95.0], 40, 10), None);
    assert_eq!((most.answer, most.number.value), (Answer::Holds, 80.0 / 90.0));
    let chance = most.chance.unwrap();
    assert!(
        (chance.value - 80.0 / 90.0 / 3.0).abs() < 1e-12 && chance.low < chance.value && chance.value < chance.high
    );
    let oblique = lines::claim(&lines_at(&[45.0, 135.0], 40, 10), None);
    assert_eq!((oblique.answer, oblique.number.value), (Answer::Fails, 0.0));
    assert_eq!(lines::claim(&lines_at(&[0.0], 5, 5), None).answer, Answer::CannotBeTold);
    // Six of ten are more than half; that so many are is no more than the interval allows. Nor that four are less.
    assert_eq!(lines::claim(&lines_at(&[0.0], 6, 4), None).answer, Answer::CannotBeTold);
    assert_eq!(lines::claim(&lines_at(&[0.0], 4, 6), None).answer, Answer::CannotBeTold);
    // Just beyond 15 degrees is neither.
    assert_eq!(lines::claim(&lines_at(&[16.0, 75.5], 9, 0), None).details["all"]["vertical"], 9);
    assert_eq!(lines::claim(&lines_at(&[16.0, 75.5], 9, 0), None).details["all"]["horizontal"], 0);
    let turned = lines::Turned { horizontal: vec![0.25; 9], vertical: vec![-0.5; 9] };
    let claim = lines::claim(&lines_at(&[0.0], 5, 5), Some(&turned));
    let row = &claim.details["log activation, aliases above one another less side by side"];
    assert_eq!((&row["horizontal"]["value"], &row["vertical"]["value"]), (&0.25.into(), &(-0.5).into()));
}

#[test]
fn lines_lie_further_apart_where_the_frequency_falls() {
    // Half of the frequency with each convolution, or twice as much; a little spread.
    let network = |factor: f64| -> Vec<LayerFindings> {
        let of = |depth: usize| {
            let frequency = |i: usize| 0.1 * factor.powi(depth as i32) * (1.0 + 0.01 * (i % 5) as f64);
            let filters = (0..10).map(|i| filter(i, Verdict::Line, Some((0.0, frequency(i)))));
            layer(depth, depth, depth > 3, filters.collect())
        };
        (1..=5).map(of).collect()
    };
    let apart = spacing::claim(&network(0.5));
    assert_eq!(apart.answer, Answer::Holds);
    assert!((apart.number.value + 1.0).abs() < 0.02, "{:?}", apart.number);
    assert_eq!(spacing::claim(&network(2.0)).answer, Answer::Fails);
    assert_eq!(spacing::claim(&network(1.0)).answer, Answer::CannotBeTold);
    assert_eq!(spacing::claim(&[]).answer, Answer::CannotBeTold);
    assert_eq!(apart.chance, None);
    let mut falls = network(0.5);
    for layer in &mut falls {
        let frequency = |i: usize| 0.1 * 0.25f64.powi(layer.depth as i32) * (1.0 + 0.01 * (i % 5) as f64);
        let shuffled = |i| Shuffled { selectivity: 0.1, orientation: 0.0, frequency: frequency(i), is_band_pass: true };
        layer.chance = (0..10).map(shuffled).collect();
    }
    let slower = spacing::claim(&falls);
    let chance = slower.chance.unwrap();
    assert!((chance.value + 2.0).abs() < 0.02, "{chance:?}");
    assert_eq!(slower.answer, Answer::CannotBeTold, "the frequency falls, but the pools alone make it fall more");
}

/// A picture whose energy lies in its left part alone, or everywhere.
fn trust(even: bool, number: usize) -> Trust {
    let value = |i: usize| {
        let strength = if even || i % 64 < 16 { 1.0 } else { 0.1 + 0.01 * number as f32 };
        // The even one a little uneven, too.
        let strength = strength + if i / 64 < 16 { 0.02 * number as f32 } else { 0.0 };
        if (i + i / 64).is_multiple_of(2) { strength } else { -strength }
    };
    found::trust((0..64 * 64).map(value).collect(), (64, 64))
}

fn look(flat: f64, still_seed: f64) -> Option<Look> {
    Some(Look { flat, flat_threshold: 0.9, still_seed, steps: 20 })
}

fn drawn(decoder: bool, even: bool, still_seed: f64) -> LayerFindings {
    let filters = (0..8).map(|i| FilterFindings {
        trust: Some(trust(even, i)),
        look: look(0.2, still_seed),
        ..filter(i, Verdict::Unclear, None)
    });
    layer(usize::from(decoder), 1, decoder, filters.collect())
}

#[test]
fn the_decoder_is_more_even_or_not() {
    let holds = evenness::claim(&[drawn(false, false, 0.1), drawn(true, true, 0.1)]);
    assert_eq!(holds.answer, Answer::Holds, "{:?}", holds.number);
    assert!(holds.number.value < 0.3);
    assert_eq!(evenness::claim(&[drawn(false, true, 0.1), drawn(true, false, 0.1)]).answer, Answer::Fails);
    let seeds = evenness::claim(&[drawn(false, false, 0.1), drawn(true, true, 0.99)]);
    assert_eq!(seeds.answer, Answer::CannotBeTold, "pictures that are their seed show nothing");
    assert!(seeds.how.to_string().contains("cannot be told"));
}

#[test]
fn several_filters_deal_with_borders_or_not() {
    let layers = |count: usize, vanishes: f64| -> Vec<LayerFindings> {
        let border = |i| FilterFindings {
            border: Border {
                auc: 0.99,
                auc_without: 0.5,
                vanishes: Some(vanishes),
                drive: 1.0,
                drive_without: 0.0,
                grating: 0.0,
            },
            ..filter(i, Verdict::Border, None)
        };
        let others = (count..100).map(|i| filter(i, Verdict::Line, Some((0.0, 0.1))));
        vec![layer(1, 1, false, (0..count).map(border).chain(others).collect())]
    };
    let lost = borders::WithoutBorders { ring: vec![1.0; 8], inside: vec![0.1; 8] };
    let some = borders::claim(&layers(7, 0.9), Some(&lost));
    assert_eq!((some.answer, some.number.value), (Answer::Holds, 0.07));
    assert_eq!(some.details["caused by the border"], 7);
    assert_eq!(some.details["PSNR lost in the ring, dB"]["value"], 1.0);
    let others = borders::claim(&layers(7, 0.2), None);
    assert_eq!(
        (&others.details["caused by the border"], &others.details["by what lies there"]),
        (&0.into(), &7.into())
    );
    assert_eq!(borders::claim(&layers(2, 0.9), None).answer, Answer::Fails);
    let mut as_many = layers(7, 0.9);
    as_many[0].borders_by_chance = 7;
    assert_eq!(borders::claim(&as_many, None).answer, Answer::CannotBeTold, "no more than by chance");
    assert!(borders::claim(&layers(2, 0.9), None).how.to_string().contains("cannot be told"));
}

#[test]
fn noise_can_go_or_not() {
    let layers = [drawn(false, true, 0.99), drawn(true, true, 0.1)];
    let pruned = |lost: f64| pruning::Pruned {
        noise: pruning::Cost {
            lost: (0..16).map(|i| lost * (1.0 + 0.01 * f64::from(i))).collect(),
            ssim: vec![0.0; 16],
        },
        random: (0..20).map(f64::from).collect(),
        decibel: true,
        ..pruning::Pruned::default()
    };
    let same = pruning::claim(&layers, Agreement::default(), Some(&pruned(0.01)));
    assert_eq!(same.answer, Answer::Holds);
    assert_eq!(same.chance.unwrap().value, 9.5);
    assert_eq!(same.details["look like noise"], 8);
    assert_eq!(pruning::claim(&layers, Agreement::default(), Some(&pruned(1.0))).answer, Answer::Fails);
    let untold = pruning::claim(&layers, Agreement::default(), None);
    assert_eq!(untold.answer, Answer::CannotBeTold);
    assert!(untold.how.to_string().contains("cannot be told without data"));
    // The picture decides, and nothing is said of one that was not looked at.
    let mut dead = filter(0, Verdict::Dead, None);
    dead.life.dead_at_seed = true;
    assert!(!pruning::looks_like_noise(&dead));
    let flat = FilterFindings { look: look(0.95, 0.1), ..filter(0, Verdict::AlwaysOn, None) };
    assert!(pruning::looks_like_noise(&flat));
    dead.look = look(0.2, 0.89);
    assert!(!pruning::looks_like_noise(&dead), "its picture is known");
    dead.look = look(0.2, 0.91);
    assert!(pruning::looks_like_noise(&dead), "most of it is the seed");
}

#[test]
fn skips_matter_or_not() {
    let network = common::network("unet.h5");
    let lost = |lost: f64| skips::WithoutSkips {
        each: vec![vec![lost; 8]; 3],
        all: (0..8).map(|i| lost * (1.0 + 0.01 * f64::from(i))).collect(),
        random: vec![0.5, 1.0, 1.5],
        decibel: true,
    };
    assert_eq!(skips::claim(&network, &[], Some(&lost(3.0))).chance.unwrap().value, 1.0);
    assert_eq!(skips::claim(&network, &[], Some(&lost(3.0))).answer, Answer::Holds);
    assert_eq!(skips::claim(&network, &[], Some(&lost(0.01))).answer, Answer::Fails);
    assert_eq!(
        skips::claim(&network, &[], Some(&lost(1.2))).answer,
        Answer::CannotBeTold,
        "random channels cost as much"
    );
    let alone = skips::WithoutSkips { random: vec![], ..lost(1.2) };
    assert_eq!(skips::claim(&network, &[], Some(&alone)).answer, Answer::Holds);
    assert_eq!(skips::claim(&network, &[], None).answer, Answer::CannotBeTold);
    let routed = |i: usize| FilterFindings { routes: Some(vec![0.0, 0.1, 0.6, 0.3]), ..filter(i, Verdict::Line, None) };
    let layers = [layer(1, 1, true, (0..8).map(routed).collect())];
    let claim = skips::claim(&network, &layers, Some(&lost(3.0)));
    let shares = claim.details["layers"][0]["shares"].as_array().unwrap();
    assert_eq!(shares.len(), 4);
    assert!((shares[2]["share"]["value"].as_f64().unwrap() - 0.6).abs() < 1e-12);
    assert_eq!((&shares[2]["route"], &shares[3]["route"]), (&"conv64_1 to concatenate_9".into(), &"down".into()));
}

#[test]
fn the_file_has_every_claim_and_no_number_that_is_none() {
    let network = common::network("tiny.h5");
    let layers = [drawn(false, true, 0.1)];
    let all = [
        lines::claim(&layers, None),
        spacing::claim(&layers),
        evenness::claim(&layers),
        borders::claim(&layers, None),
        pruning::claim(&layers, Agreement::default(), None),
        skips::claim(&network, &layers, None),
    ];
    let text = claims::json(&all);
    assert_eq!(text, claims::json(&all));
    let file: Value = serde_json::from_str(&text).unwrap();
    let claims = file["claims"].as_array().unwrap();
    assert_eq!(claims.len(), 6);
    for claim in claims {
        let known = claim["number"].is_object();
        assert_eq!(known, claim["answer"] != "cannot be told" || claim["id"] == "lines", "{claim}");
        assert!(!known || claim["number"]["value"].is_number());
        assert!(claim["sentence"].as_str().unwrap().ends_with('.') && !claim["how"].as_str().unwrap().contains("  "));
    }
}
