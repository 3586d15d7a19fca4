//! Responses of two filters on maps of two rows and three columns, and what is kept of them, by hand.

use super::*;
use crate::engine::tensor::Shape;
use crate::findings::units;

/// Tuning is read at the first and the last place of the second row.
fn unit() -> Unit {
    units::tests::unit(Shape::new(1, 2, 3, 2), (vec![1], vec![0, 2]), (vec![false; 2], vec![false; 3]), 1.0)
}

/// What both filters answer at the two places, before the activation; everywhere else it is `rest`.
fn maps(first: [f32; 2], last: [f32; 2], rest: [f32; 2]) -> Vec<f32> {
    [rest, rest, rest, first, rest, last].concat()
}

/// A ReLU; `see` gets what is before and after it.
fn with(before: &[f32], see: impl FnOnce(Response)) {
    let after: Vec<f32> = before.iter().map(|v| v.max(0.0)).collect();
    see(Response { before, after: &after });
}

/// The grey of the data's mean has been seen: 1 and 3 of the first filter, 2 and -4 of the second.
fn begun() -> (Unit, Tally) {
    let (unit, mut tally) = (unit(), Tally::new(&unit()));
    with(&maps([1.0, 2.0], [3.0, -4.0], [0.5, -5.0]), |seen| tally.see_base(&unit, seen));
    (unit, tally)
}

/// One in which the second filter answered so to the phases of these patterns and to the images of these series, and the first one
/// a hundred to all images.
pub(in crate::findings) fn answering(patterns: &[(usize, [f32; 4])], series: &[(Series, &[f32])]) -> Tally {
    let mut tally = begun().1;
    for (pattern, answers) in patterns {
        (0..4).for_each(|phase| tally.gratings[(pattern * 4 + phase) * 2 + 1] = answers[phase]);
    }
    for (which, answers) in series {
        tally.series[*which as usize] = answers.iter().flat_map(|&v| [100.0, v]).collect();
    }
    tally
}

#[test]
fn gratings_are_counted_from_the_grey() {
    let (unit, mut tally) = begun();
    // Orientation 7 and frequency 3 of 8 are pattern 59; of four phases the first and the third are one half.
    let (pattern, grating) = (59, 59 * 4);
    let phases =
        [([2.0, 0.0], [0.0, 3.0]), ([1.0, 2.0], [5.0, -4.0]), ([0.0, 1.0], [3.0, -4.0]), ([1.0, 4.0], [3.0, -6.0])];
    for (phase, (first, last)) in phases.into_iter().enumerate() {
        with(&maps(first, last, [9.0, 9.0]), |seen| tally.see_grating(&unit, grating + phase, seen));
    }
    let amplitude = |sums: &[f64], filter: usize, halves: &[usize]| {
        let all = tally.amplitudes(sums, filter, halves);
        assert_eq!(all.len(), 96);
        assert!(all.iter().enumerate().all(|(i, v)| i == pattern || *v == 0.0));
        all[pattern]
    };
    // The first filter moves by 1 and -3; 0 and 2; -1 and 0; 0 and 0. The second by -2 and 7; 0 and 0; -1 and 0; 2 and -2.
    let changed = |filter: usize, halves: &[usize]| amplitude(&tally.changed, filter, halves);
    let excited = |filter: usize, halves: &[usize]| amplitude(&tally.excited, filter, halves);
    for (found, of_squares, count) in [
        (changed(0, &[0]), 1.0 + 9.0 + 1.0, 4.0),
        (changed(0, &[1]), 4.0, 4.0),
        (changed(0, &[0, 1]), 15.0, 8.0),
        (changed(1, &[0]), 4.0 + 49.0 + 1.0, 4.0),
        (changed(1, &[1]), 4.0 + 4.0, 4.0),
        (changed(1, &[0, 1]), 62.0, 8.0),
        (excited(0, &[0]), 1.0, 4.0),
        (excited(0, &[1]), 4.0, 4.0),
        (excited(1, &[0]), 49.0, 4.0),
        (excited(1, &[0, 1]), 49.0 + 4.0, 8.0),
    ] {
        assert!((found - f64::sqrt(of_squares / count)).abs() < 1e-12, "{found}: the root of {of_squares} / {count}");
    }
    // After the activation the grey is 1, 3 and 2, 0: above it the mean of the two places.
    let drives: Vec<[f32; 2]> =
        (0..4).map(|phase| [0, 1].map(|filter| tally.gratings[(grating + phase) * 2 + filter])).collect();
    assert_eq!(drives, [[0.5, 1.5], [1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]);
    assert_eq!(tally.gratings.iter().filter(|v| **v != 0.0).count(), 4);
}

#[test]
fn the_data_say_whether_a_filter_lives() {
    let (unit, mut tally) = begun();
    assert_eq!((tally.on_share(0, &[0, 1]), tally.mean_after(&[0, 1])), (0.0, vec![0.0, 0.0]), "before any image");
    // Three images, of which the second is the other half. Twelve places are above zero: 4, 1, 2 and 0, 5, 0.
    let images = [
        maps([1.0, -1.0], [2.0, -2.0], [0.0, -1.0]),
        maps([-1.0, -1.0], [8.0, 3.0], [-1.0, 1.0]),
        maps([-7.0, -1.0], [-1.0, -1.0], [1.0, 0.0]),
    ];
    for (i, image) in images.iter().enumerate() {
        with(image, |seen| tally.see(&unit, Series::Data, i, seen));
    }
    assert_eq!((tally.counted, tally.on.clone()), ([12, 6], vec![2 + 4, 0, 1, 5]));
    let shares = |filter: usize| [&[0][..], &[1], &[0, 1]].map(|halves| tally.on_share(filter, halves));
    assert_eq!(shares(0), [6.0 / 12.0, 1.0 / 6.0, 7.0 / 18.0]);
    assert_eq!(shares(1), [0.0, 5.0 / 6.0, 5.0 / 18.0]);
    assert_eq!(tally.mean_after(&[0]), [(3.0 + 4.0) / 12.0, 0.0]);
    assert_eq!(tally.mean_after(&[1]), [8.0 / 6.0, (3.0 + 4.0) / 6.0]);
    assert_eq!(tally.mean_after(&[0, 1]), [15.0 / 18.0, 7.0 / 18.0]);
    // Above the grey, which is 1, 3 and 2, 0 after the activation.
    assert_eq!(tally.series(Series::Data), [0.0, 0.0, 2.5, 1.5, 0.0, 0.0]);
    // That something besides the data wakes a filter the data do not say: before them the grey made 3 and 2 at most.
    assert_eq!(tally.most_other, [3.0, 2.0]);
    assert_eq!((tally.least_after.clone(), tally.most_after.clone()), (vec![0.0, 0.0], vec![8.0, 3.0]));
    assert_eq!([tally.span(0), tally.span(1)], [8.0, 3.0]);
}

#[test]
fn greys_and_other_images() {
    let (unit, mut tally) = begun();
    with(&maps([1.0, -2.0], [4.0, -8.0], [7.0, 3.0]), |seen| tally.see_grey(&unit, seen));
    with(&maps([2.0, 2.0], [2.0, 4.0], [2.0, 1.0]), |seen| tally.see_grey(&unit, seen));
    assert_eq!(tally.greys, [2.5, -5.0, 2.0, 3.0], "the mean of the two places, before the activation");
    assert_eq!(tally.least_grey, [1.0, -8.0], "of all places, and not of the data's mean, which is among the greys");
    assert_eq!(tally.most_other, [7.0, 4.0]);
    with(&maps([6.0, 0.0], [0.0, 0.0], [0.0, 0.0]), |seen| tally.see(&unit, Series::White, 0, seen));
    with(&maps([0.0, 6.0], [0.0, 8.0], [0.0, 0.0]), |seen| tally.see(&unit, Series::Coloured, 0, seen));
    with(&maps([0.0, 0.0], [0.0, 0.0], [0.0, 9.0]), |seen| tally.see(&unit, Series::Bars, 0, seen));
    assert_eq!(tally.series(Series::White), [2.5, 0.0]);
    assert_eq!(tally.series(Series::Coloured), [0.0, (4.0 + 8.0) / 2.0]);
    assert_eq!((tally.series(Series::Bars), tally.series(Series::Data)), (&[0.0, 0.0][..], &[][..]));
    assert_eq!((tally.counted, tally.most_other.clone()), ([0, 0], vec![7.0, 9.0]));
    with(&maps([0.0; 2], [0.0; 2], [11.0, -1.0]), |seen| tally.see_other(seen));
    assert_eq!((tally.most_other.clone(), tally.most_after.clone()), (vec![11.0, 9.0], vec![11.0, 9.0]));
    assert_eq!((tally.counted, tally.least_after.clone()), ([0, 0], vec![0.0, 0.0]));
}

#[test]
fn what_never_changes_is_constant_but_for_rounding() {
    let mut tally = begun().1;
    for (least, most, constant) in [
        (0.0, 0.0, true),
        (0.0, 1e-9, false),
        (1.0, 1.0 + 5e-7, true),
        (1.0, 1.000_01, false),
        (100.0, 100.000_05, true),
        (100.0, 100.001, false),
        (-100.0, -99.999_95, true),
        (-1.0, 1.0, false),
    ] {
        (tally.least_after[1], tally.most_after[1]) = (least, most);
        assert_eq!(tally.is_constant(1), constant, "{least} to {most}");
    }
}
