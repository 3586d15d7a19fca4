//! What comes out of the CPU convolution, value by value: each stage of the epilogue, the same bits whatever the batch and the
//! threads, NaN, rounding; and the SIMD levels' names.

#[path = "common/conv.rs"]
mod conv;

use conv::{ALL, Answer, Case, NOTHING, With, generals, part};
use std::sync::Arc;
use unet_lens::engine::exec::cpu::conv::{Algorithm, Geometry, Packed};
use unet_lens::engine::exec::cpu::simd::Level;
use unet_lens::engine::ops::Strided;

#[test]
fn each_end_alone() {
    for which in 0..7 {
        let with = With {
            bias: which == 0 || which == 1,
            bias_per_image: which == 1,
            add: which == 2,
            relu: which == 3 || which == 4,
            signs: which == 4,
            scale_shift: which == 5,
            gate: which == 6,
        };
        for co in [1, 20, 32] {
            Case::random(Geometry::new(5, 6, (3, 3), 9, co), 3, with, 10).check();
        }
    }
}

/// The same bits alone and in a batch, on one thread and on many.
#[test]
fn the_same_bits() {
    let shapes = [
        Geometry::new(13, 11, (3, 3), 20, 24),
        Geometry::new(8, 9, (3, 3), 130, 17),
        Geometry::new(9, 9, (5, 5), 3, 40),
        Geometry::new(13, 11, (3, 3), 21, 1),
        Geometry { pool: (2, 2), ..Geometry::new(14, 10, (3, 3), 20, 24) },
        Geometry { parts: vec![part(20, 2, 2), part(9, 1, 1)], ..Geometry::new(14, 10, (3, 3), 1, 24) },
    ];
    let [one, some, all] = [(20, 2, 1), (20, 36, 2), (36, 36, 36)]
        .map(|(c, co, groups)| move |g| Geometry { parts: vec![part(c, 1, 1)], co, groups, ..g });
    let generals = generals().into_iter().flat_map(|g| [one(g.clone()), some(g.clone()), all(g)]);
    for g in shapes.into_iter().chain(generals) {
        let batch = Case::random(g.clone(), 3, ALL, 13);
        for level in Level::available() {
            for algorithm in Algorithm::ALL.into_iter().filter(|a| a.supports(&g)) {
                let what = format!("{algorithm} on {level}: {g:?}");
                let on = |threads: usize, case: &Case| {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
                    let Answer { out, signs } = pool.install(|| case.run(level, algorithm));
                    (out.into_iter().map(f32::to_bits).collect::<Vec<_>>(), signs)
                };
                let together = on(1, &batch);
                assert_eq!(together, on(4, &batch), "{what}: four threads");
                for image in 0..batch.n {
                    let one = |v: &[f32], len: usize| v[image * len..][..len].to_vec();
                    let alone = Case {
                        n: 1,
                        parts: (0..g.parts.len()).map(|i| one(&batch.parts[i], g.part_len(i))).collect(),
                        add: one(&batch.add, g.out_len()),
                        gate: batch.gate[image * g.sign_bytes()..][..g.sign_bytes()].to_vec(),
                        ..batch.clone()
                    };
                    let (out, signs) = on(2, &alone);
                    assert_eq!(out, together.0[image * g.out_len()..][..g.out_len()], "{what}: image {image}");
                    assert_eq!(signs, together.1[image * g.sign_bytes()..][..g.sign_bytes()], "{what}: image {image}");
                }
            }
        }
    }
}

/// Kernels that are transformed on use give the values of stored ones but for rounding, as an own copy, a gradient's flipped view, whose
/// sums are cut into longer blocks, or outputs cut out of a larger kernel, which give the same bits as the copy.
#[test]
fn on_use_as_stored() {
    let shapes = [
        Geometry::new(9, 6, (3, 3), 140, 72),
        Geometry::new(5, 6, (3, 3), 70, 150),
        Geometry::new(8, 4, (3, 3), 21, 19),
        Geometry { pad: (1, 0), ..Geometry::new(9, 8, (2, 2), 140, 40) },
        Geometry { pad: (0, 0), parts: vec![part(140, 2, 2)], ..Geometry::new(8, 12, (2, 2), 1, 40) },
        Geometry { pad: (1, 0), pool: (2, 2), ..Geometry::new(8, 12, (2, 3), 33, 40) },
        Geometry { pool: (2, 2), ..Geometry::new(8, 10, (3, 3), 130, 33) },
        Geometry { parts: vec![part(20, 2, 2), part(130, 1, 1)], ..Geometry::new(8, 4, (3, 3), 1, 40) },
    ];
    for g in shapes {
        let case = Case::random(g.clone(), 2, ALL, 17);
        let (ci, co) = (g.ci(), g.co);
        let at = |i: usize, j: usize, c: usize, o: usize| case.kernel[((i * g.kw + j) * ci + c) * co + o];
        let places = || (0..g.kh).flat_map(|i| (0..g.kw).map(move |j| (i, j)));
        let swapped = places().flat_map(|(i, j)| {
            let (i, j) = (g.kh - 1 - i, g.kw - 1 - j);
            (0..co).flat_map(move |o| (0..ci).map(move |c| at(i, j, c, o)))
        });
        let swapped = Strided::new([1, g.kh, g.kw, co, ci], swapped.collect()).expect("as long").flipped();
        let wider = places().flat_map(|(i, j)| {
            (0..ci).flat_map(move |c| {
                (0..co + 5).map(move |o| if o < 3 || o >= co + 3 { 9.0 } else { at(i, j, c, o - 3) })
            })
        });
        let wider = Strided::new([1, g.kh, g.kw, ci, co + 5], wider.collect()).expect("as long").every(4, 3, 1, co);
        // Scaled as a batch norm does it.
        let scale: Arc<[f64]> = (0..co).map(|o| 0.7 + 0.1 * o as f64).collect();
        let kernel = case.kernel.iter().enumerate().map(|(at, &k)| (f64::from(k) * scale[at % co]) as f32).collect();
        let scaled = Case { kernel, ..case.clone() };
        for level in Level::available() {
            let bits = |answer: Answer| answer.out.into_iter().map(f32::to_bits).collect::<Vec<_>>();
            let lend = |kernel: &Strided| {
                let mut packed = Packed::with_algorithm(level, &g, Algorithm::Winograd4OnUse);
                packed.lend(kernel);
                assert_eq!(packed.bytes(), 0, "what is lent takes no memory");
                case.run_packed(&packed)
            };
            let (stored, on_use) = (case.run(level, Algorithm::Winograd4), case.run(level, Algorithm::Winograd4OnUse));
            assert_near(&on_use, &stored, &format!("{level}: {g:?}"));
            assert_near(&lend(&swapped), &stored, &format!("{level}, swapped: {g:?}"));
            assert!(bits(lend(&wider)) == bits(on_use), "{level}, cut out: {g:?}");
            let stored = scaled.run(level, Algorithm::Winograd4);
            for (kernel, how) in [(&swapped, "swapped"), (&wider, "cut out")] {
                assert_near(&lend(&kernel.clone().scaled(&scale)), &stored, &format!("{level}, {how}, scaled: {g:?}"));
            }
        }
    }
}

fn assert_near(got: &Answer, expected: &Answer, what: &str) {
    let largest = expected.out.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    for (at, (got, expected)) in got.out.iter().zip(&expected.out).enumerate() {
        assert!((got - expected).abs() <= 1e-5 * largest, "{what}: [{at}] is {got}, stored {expected}");
    }
}

#[test]
fn nan_passes_through_and_has_no_sign() {
    let mut case = Case::random(Geometry::new(3, 3, (1, 1), 1, 9), 1, With { relu: true, signs: true, ..NOTHING }, 14);
    case.parts[0][4] = f32::NAN;
    for level in Level::available() {
        let Answer { out, signs } = case.run(level, Algorithm::Direct);
        assert!(out[4 * 9..5 * 9].iter().all(|v| v.is_nan()), "{level}: the NaN is gone");
        assert!(signs[8..10].iter().all(|&b| b == 0), "{level}: NaN has a sign");
        assert!(out.iter().enumerate().all(|(at, v)| at / 9 == 4 || v.is_finite()), "{level}: the NaN has spread");
    }
}

/// What `conv::winograd`'s documentation says: a NaN spoils what it reaches, and all of its tile where it is in the middle.
#[test]
fn what_a_nan_spoils() {
    let (h, w, co) = (13, 14, 8);
    for at in [(0, 0), (4, 4), (3, 8), (7, 5), (12, 13), (6, 6)] {
        let mut case = Case::random(Geometry::new(h, w, (3, 3), 8, co), 1, NOTHING, 14);
        case.parts[0][(at.0 * w + at.1) * 8 + 3] = f32::NAN;
        let near = |y: usize, x: usize| y.abs_diff(at.0) <= 1 && x.abs_diff(at.1) <= 1;
        let in_tile = |y: usize, x: usize| (y / 4, x / 4) == (at.0 / 4, at.1 / 4);
        for level in Level::available() {
            for algorithm in [Algorithm::Direct, Algorithm::Winograd4, Algorithm::Winograd4OnUse] {
                let out = case.run(level, algorithm).out;
                for (pixel, values) in out.chunks(co).enumerate() {
                    let (y, x) = (pixel / w, pixel % w);
                    let row_in_tile = |a: usize, b: usize| a.abs_diff(b) <= 1 || a / 4 == b / 4;
                    let both = row_in_tile(y, at.0) && row_in_tile(x, at.1);
                    let spoilt = values.iter().all(|v| v.is_nan());
                    let what = format!("{algorithm} on {level}: NaN at {at:?}, output {y}, {x}");
                    if algorithm == Algorithm::Direct {
                        assert_eq!(spoilt, near(y, x), "{what}");
                    } else {
                        assert_eq!(spoilt, both, "{what}");
                        assert!(spoilt || !(near(y, x) || in_tile(y, x)), "{what}");
                    }
                }
            }
        }
    }
}

/// The error that `conv::winograd`'s documentation names.
#[test]
fn winograd_is_precise() {
    let case = Case::random(Geometry::new(16, 16, (3, 3), 768, 16), 1, NOTHING, 15);
    let truth = case.truth().0;
    let largest = truth.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    for level in Level::available() {
        for algorithm in [Algorithm::Winograd4, Algorithm::Winograd4OnUse, Algorithm::Direct] {
            let out = case.run(level, algorithm).out;
            let off = out.iter().zip(&truth).fold(0.0f64, |m, (&got, want)| m.max((f64::from(got) - want).abs()));
            println!("{algorithm} on {level}: largest error / largest value = {:.1e}", off / largest);
            assert!(off / largest < 1e-5, "{algorithm} on {level}: {:.1e}", off / largest);
        }
    }
}

#[test]
fn levels_have_names() {
    assert_eq!("portable".parse::<Level>().expect("every machine has it"), Level::Portable);
    let message = "mmx".parse::<Level>().expect_err("no such level").to_string();
    assert!(message.contains("'mmx'") && message.contains("portable"), "{message}");
    for level in Level::available() {
        assert_eq!(level.name().parse::<Level>().expect("available"), level);
    }
}
