//! Evidence on either side of each bound, and the verdict that it gives.

use super::*;
use crate::findings::stimuli::{FREQUENCIES, ORIENTATIONS};

const THRESHOLDS: Thresholds = Thresholds { line: 0.5, border: 0.75, noise: 0.875 };

/// A filter of which nothing stands out: cut off by a ReLU, now and then on.
fn plain() -> Evidence<'static> {
    Evidence {
        below: Below::Cut,
        life: Life { on: 0.5, dead_at_seed: false, dormant: 1.0, proven: None, lives_on_data: true },
        constant: false,
        on_greys: false,
        wakes: false,
        tuning: None,
        border: Border { auc: 0.5, auc_without: 0.5, vanishes: None, drive: 0.0, drive_without: 0.0, grating: 1.0 },
        noise: Noise { auc: 0.5 },
    }
}

/// Its amplitude at the lowest frequency, at another and at the rest, of every orientation.
fn tuned(lowest: f32, other: f32, rest: f32, selectivity: f64, level: f64) -> Tuning {
    let at = |i: usize| [(0, lowest), (3, other)].iter().find(|(f, _)| *f == i % FREQUENCIES).map_or(rest, |f| f.1);
    let map = (0..ORIENTATIONS * FREQUENCIES).map(at).collect();
    Tuning { orientation: 30.0, frequency: 0.25, selectivity, bandwidth: None, map, level, bar: 0.0, edge: 0.0 }
}

fn judged(change: impl FnOnce(&mut Evidence)) -> (Reason, Option<Verdict>) {
    let mut evidence = plain();
    change(&mut evidence);
    evidence.judge(&THRESHOLDS)
}

const UNCLEAR: (Reason, Option<Verdict>) = (Reason::Unclear { tuned: None, threshold: 0.5 }, None);

#[test]
fn dead_constant_and_always_on() {
    assert_eq!(judged(|_| ()), UNCLEAR);
    let dead = |proven, wakes| (Reason::Dead { proven, wakes }, None);
    assert_eq!(judged(|e| e.life.proven = Some(Proven::Dead)), dead(true, false));
    assert_eq!(judged(|e| e.life.lives_on_data = false), dead(false, false));
    assert_eq!(judged(|e| (e.life.lives_on_data, e.wakes) = (false, true)), dead(false, true));
    // What is not cut off is never off, unless it is proven.
    for below in [Below::Bent, Below::Nothing] {
        assert_eq!(judged(|e| (e.below, e.life.lives_on_data) = (below, false)), UNCLEAR);
        assert_eq!(judged(|e| (e.below, e.life.proven) = (below, Some(Proven::Dead))), dead(true, false));
    }
    // Of noise more than of anything else: a detector of it, unless it is proven that nothing turns it on.
    let noise = Reason::Noise { auc: 0.9, threshold: 0.875 };
    assert_eq!(judged(|e| (e.noise.auc, e.life.lives_on_data) = (0.9, false)), (noise, Some(Verdict::Dead)));
    let proven = judged(|e| (e.noise.auc, e.life.proven) = (0.9, Some(Proven::Dead)));
    assert_eq!(proven, (dead(true, false).0, Some(Verdict::Noise)));
    assert_eq!(judged(|e| e.noise.auc = 0.875), UNCLEAR, "no more than chance");

    let constant = |below, on| judged(move |e| (e.below, e.life.on, e.constant) = (below, on, true));
    assert_eq!(constant(Below::Nothing, 1.0), (Reason::Constant, None));
    assert_eq!(constant(Below::Bent, 0.9), (Reason::Constant, None));
    assert_eq!((constant(Below::Bent, 1.0), constant(Below::Cut, 0.9)), (UNCLEAR, UNCLEAR));

    let on = |below, on, on_greys, proven| {
        judged(move |e| (e.below, e.life.on, e.on_greys, e.life.proven) = (below, on, on_greys, proven))
    };
    let always = |proven| (Reason::AlwaysOn { proven }, None);
    assert_eq!(on(Below::Cut, 1.0, true, None), always(false));
    assert_eq!(on(Below::Bent, 1.0, true, None), always(false));
    assert_eq!(on(Below::Cut, 0.5, true, Some(Proven::On)), always(true));
    for (below, share, on_greys, proven) in [
        (Below::Nothing, 1.0, true, None),
        (Below::Cut, 0.999, true, None),
        (Below::Cut, 1.0, false, None),
        (Below::Cut, 1.0, false, Some(Proven::On)),
    ] {
        assert_eq!(on(below, share, on_greys, proven), UNCLEAR, "in the dark it is off, or it has no threshold");
    }
}

#[test]
fn borders_lines_spots_and_levels() {
    let border = |auc, vanishes, drive| {
        judged(move |e| {
            e.border = Border { auc, auc_without: 0.625, vanishes, drive, drive_without: 9.0, grating: 1.0 };
        })
    };
    let ring = Reason::Border { auc: 0.8, without: 0.625, ring: 1.5, grating: 1.0, vanishes: 0.6 };
    assert_eq!(border(0.8, Some(0.6), 1.5), (ring, None));
    let just_not = [
        border(0.75, Some(0.6), 1.5),
        border(0.8, Some(0.5), 1.5),
        border(0.8, Some(0.6), 1.0),
        border(0.8, None, 1.5),
    ];
    assert_eq!(just_not, [UNCLEAR; 4], "as much as chance gives, half of it, no more than inside, not known");

    let of = |tuning: Tuning| {
        let mut evidence = plain();
        evidence.tuning = Some(&tuning);
        evidence.judge(&THRESHOLDS)
    };
    let line = Reason::Line { selectivity: 0.625, threshold: 0.5, orientation: 30.0, frequency: 0.25 };
    let spot = Reason::Spot { selectivity: 0.5, threshold: 0.5, frequency: 0.25, peak: 2.5 };
    // At another frequency more than twice what it is at the lowest.
    assert_eq!(of(tuned(1.0, 2.5, 0.5, 0.5, 1.0)), (spot, None));
    assert_eq!(of(tuned(1.0, 2.5, 0.5, 0.625, 1.0)), (line, None));
    let unclear = |selectivity, peak| (Reason::Unclear { tuned: Some((selectivity, peak)), threshold: 0.5 }, None);
    assert_eq!(of(tuned(1.0, 2.0, 0.5, 0.5, 1.0)), unclear(0.5, 2.0));
    // No more at any other than at the lowest.
    assert_eq!(of(tuned(1.0, 1.0, 0.5, 0.5, 0.25)), (Reason::Level { level: 0.25 }, None));
    assert_eq!(of(tuned(1.0, 1.0, 0.5, 0.5, 0.0)), unclear(0.5, 1.0), "greys do not move it");
    assert_eq!(of(tuned(1.0, 1.5, 0.5, 0.25, 0.25)), unclear(0.25, 1.5));
    // Two things: the first that holds, and the next.
    assert_eq!(of(tuned(1.0, 1.0, 0.5, 0.625, 0.25)), (line, Some(Verdict::Level)));
    let (lines, mut both) = (tuned(1.0, 2.5, 0.5, 0.625, 1.0), plain());
    both.tuning = Some(&lines);
    both.border =
        Border { auc: 0.8, auc_without: 0.625, vanishes: Some(0.6), drive: 1.5, drive_without: 0.0, grating: 1.0 };
    assert_eq!(both.judge(&THRESHOLDS), (ring, Some(Verdict::Line)));
}

#[test]
fn every_verdict_has_its_name_and_its_numbers() {
    let names = Verdict::ALL.map(|verdict| verdict.to_string());
    assert_eq!(names, ["dead", "always on", "border", "line", "spot", "level", "noise", "unclear"]);
    assert_eq!(format!("{:>6}|{:<6}|", Verdict::Dead, Verdict::Line), "  dead|line  |");
    for (reason, verdict, words) in [
        (Reason::Dead { proven: true, wakes: true }, Verdict::Dead, &["off for every image", "interval bounds"][..]),
        (Reason::Dead { proven: false, wakes: true }, Verdict::Dead, &["on the data; another stimulus wakes it"]),
        (Reason::Dead { proven: false, wakes: false }, Verdict::Dead, &["on all that was shown; not proven"]),
        (Reason::Constant, Verdict::Dead, &["never changes"]),
        (Reason::AlwaysOn { proven: true }, Verdict::AlwaysOn, &["on for every image", "interval bounds"]),
        (Reason::AlwaysOn { proven: false }, Verdict::AlwaysOn, &["on every grey; not proven"]),
        (
            Reason::Border { auc: 0.75, without: 0.5, ring: 1.5, grating: 0.25, vanishes: 0.9 },
            Verdict::Border,
            &[
                "at 0.75 ",
                "without a border at 0.5",
                "answers with 1.5 (the inside to its best grating with 0.25)",
                "0.9 of that vanishes",
            ],
        ),
        (
            Reason::Line { selectivity: 0.75, threshold: 0.5, orientation: 29.6, frequency: 0.125 },
            Verdict::Line,
            &["selectivity 0.75 is above 0.5", "30 degrees", "0.12 cycles per pixel"],
        ),
        (
            Reason::Spot { selectivity: 0.25, threshold: 0.5, frequency: 0.2, peak: 3.0 },
            Verdict::Spot,
            &["best at 0.2 cycles per pixel, 3 times", "selectivity 0.25 is not above 0.5"],
        ),
        (Reason::Level { level: 1.5 }, Verdict::Level, &["lowest frequency", "by 1.5 of its best amplitude"]),
        (Reason::Noise { auc: 0.95, threshold: 0.85 }, Verdict::Noise, &["at 0.95, above 0.85"]),
        (
            Reason::Unclear { tuned: Some((0.25, 1.5)), threshold: 0.5 },
            Verdict::Unclear,
            &["selectivity 0.25 is not above 0.5", "no frequency stands out: the best brings 1.5 times"],
        ),
        (Reason::Unclear { tuned: None, threshold: 0.5 }, Verdict::Unclear, &["no grating moves it"]),
    ] {
        assert_eq!(reason.verdict(), verdict);
        let said = reason.to_string();
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
}
