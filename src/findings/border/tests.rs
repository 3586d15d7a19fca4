//! Two filters on maps of three rows and four columns: the ring has ten places, the inside two.

use super::*;
use crate::findings::units::tests::{conv, input, max_pool, network, unit};
use crate::network::Activation;

fn small() -> Unit {
    let ring = (vec![true, false, true], vec![true, false, false, true]);
    unit(Shape::new(1, 3, 4, 2), (vec![], vec![]), ring, 2.0)
}

/// What both filters answer at each of `h x w` places.
fn map(h: usize, w: usize, at: impl Fn(usize, usize) -> [f32; 2]) -> Vec<f32> {
    (0..h * w).flat_map(|i| at(i / w, i % w)).collect()
}

/// The second filter answers `ring` at the ring and 1 and 3 inside, the first one nothing; in the canvas, whose places lie so many
/// rows and columns farther, `canvas`.
fn seen(images: &[(f32, f32)], (h, w): (usize, usize), margin: usize) -> Edges {
    let unit = small();
    let mut edges = Edges::new(&unit);
    for &(ring, _) in images {
        let of = map(3, 4, |r, s| [0.0, if unit.touches(r, s) { ring } else { [1.0, 3.0][s - 1] }]);
        edges.see(&unit, Response { before: &of, after: &of });
    }
    let large = Unit { shape: Shape::new(1, h, w, 2), ..small() };
    for &(_, canvas) in images {
        let (down, across) = (h.saturating_sub(3) / 2, w.saturating_sub(4) / 2);
        let is_seen = |r: usize, s: usize| (down..down + 3).contains(&r) && (across..across + 4).contains(&s);
        let of = map(h, w, |r, s| [-9.0, if is_seen(r, s) { canvas } else { 100.0 }]);
        edges.see_canvas(&large, margin, &unit, Response { before: &of, after: &of });
    }
    edges
}

#[test]
fn a_border_by_hand() {
    // The inside answers 2 in the mean. Of the ring 4 is 2 above that, and in the canvas 2.5 is a half: three quarters are gone.
    let edges = seen(&[(4.0, 2.5), (2.0, 3.5)], (7, 8), 4);
    assert_eq!(edges.border(1, &[0], 0.625).grating, 0.625);
    let border = edges.border(1, &[0], 0.0);
    assert_eq!(
        border,
        Border { auc: 1.0, auc_without: 0.5, vanishes: Some(0.75), drive: 2.0, drive_without: 0.5, grating: 0.0 }
    );
    // Of the other half nothing is above the inside; in the canvas 3.5 is.
    let other = edges.border(1, &[1], 0.0);
    assert_eq!(
        other,
        Border { auc: 0.5, auc_without: 1.0, vanishes: None, drive: 0.0, drive_without: 1.5, grating: 0.0 }
    );
    // Both: a ring of 2 a mean above, in the canvas 2: nothing is gone, and no more than nothing comes back.
    let both = edges.border(1, &[0, 1], 0.0);
    assert_eq!(
        both,
        Border { auc: 0.75, auc_without: 0.75, vanishes: Some(0.0), drive: 1.0, drive_without: 1.0, grating: 0.0 }
    );
    let nothing = Border { auc: 0.5, auc_without: 0.0, vanishes: None, drive: 0.0, drive_without: 0.0, grating: 0.0 };
    assert_eq!(edges.border(0, &[0, 1], 0.0), nothing, "of the first filter the canvas alone is below the inside");
    assert_eq!(edges.without_border(&[0]), [0.0, 0.5]);
    assert_eq!(edges.without_border(&[0, 1]), [0.0, 0.75]);
}

#[test]
fn a_canvas_that_does_not_fit_says_nothing() {
    // A margin of four pixels is two places: 7 x 8. Other rows or columns, or another margin, are not the same places.
    for (size, margin, fits) in [
        ((7, 8), 4, true),
        ((7, 8), 5, false),
        ((8, 8), 4, false),
        ((7, 9), 4, false),
        ((2, 8), 4, false),
        ((5, 6), 2, true),
    ] {
        let edges = seen(&[(4.0, 2.5)], size, margin);
        assert_eq!(edges.border(1, &[0], 0.0).vanishes, fits.then_some(0.75), "{size:?}, {margin}");
        assert_eq!(edges.without_border(&[0]).len(), if fits { 2 } else { 0 });
    }
}

#[test]
fn of_many_places_96_are_kept() {
    let ring = |n: usize| (0..n).map(|i| i == 0 || i + 1 == n).collect::<Vec<bool>>();
    let large = unit(Shape::new(1, 30, 40, 1), (vec![], vec![]), (ring(30), ring(40)), 1.0);
    let edges = Edges::new(&large);
    for (places, is_ring, first) in [(&edges.ring_places, true, (0, 0)), (&edges.inner_places, false, (1, 1))] {
        assert_eq!((places.len(), places[0]), (96, first));
        assert!(places.iter().all(|&(r, s)| large.touches(r, s) == is_ring));
        assert!(places.windows(2).all(|two| two[0] < two[1]) && places[95].0 >= 28, "they are spread over all rows");
    }
    // Evenly: of 136 places of the ring 40 lie in the first row, and of 96 as many as that share.
    assert_eq!(edges.ring_places.iter().filter(|place| place.0 == 0).count(), 29);
    assert_eq!(edges.inner_places.iter().filter(|place| place.0 <= 14).count(), 48);
    assert_eq!((Edges::new(&small()).ring_places.len(), Edges::new(&small()).inner_places), (10, vec![(1, 1), (1, 2)]));
}

#[test]
fn beyond_chance_and_beyond_the_best_grating() {
    let border = Border { auc: 0.9, auc_without: 0.8, vanishes: None, drive: 2.0, drive_without: 1.0, grating: 0.0 };
    for (without, threshold, best, is_so) in [
        (false, 0.85, 1.5, true),
        (false, 0.9, 1.5, false),
        (false, 0.85, 2.0, false),
        (true, 0.75, 0.5, true),
        (true, 0.8, 0.5, false),
        (true, 0.75, 1.0, false),
    ] {
        assert_eq!(
            Border { grating: best, ..border }.is_beyond(without, threshold),
            is_so,
            "{without} {threshold} {best}"
        );
    }
}

#[test]
fn margins_are_whole_places_of_all_layers() {
    let pools = |count: usize, (h, w): (usize, usize)| {
        let conv = || (conv(3, (1, 1), Activation::Relu), None);
        let pools = std::iter::repeat_n((max_pool(), None), count);
        let layers = [(input(h, w), None), conv()].into_iter().chain(pools).chain([conv()]).collect();
        margin(&network(layers), Shape::new(1, h, w, 1))
    };
    // At most 32 pixels, less than the image's shorter side, and a multiple of what the pools make of a place.
    assert_eq!(
        [(64, 80), (80, 64), (33, 90), (32, 90), (8, 20)].map(|size| pools(0, size)),
        [32, 32, 32, 31, 7].map(Some)
    );
    assert_eq!([(64, 64), (16, 64), (8, 64), (4, 64)].map(|size| pools(2, size)), [Some(32), Some(12), Some(4), None]);
    assert_eq!(pools(0, (1, 1)), None);
}
