//! The CPU convolution against plain loops in f64: every SIMD level of this machine, every algorithm.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use unet_lens::engine::exec::cpu::conv::{Algorithm, Geometry, Operands, Packed, PartShape};
use unet_lens::engine::exec::cpu::simd::Level;

/// Which stages of the epilogue a case has.
#[derive(Debug, Clone, Copy, Default)]
struct With {
    bias: bool,
    bias_per_image: bool,
    add: bool,
    relu: bool,
    signs: bool,
    scale_shift: bool,
    gate: bool,
}

const NOTHING: With =
    With { bias: false, bias_per_image: false, add: false, relu: false, signs: false, scale_shift: false, gate: false };
const ALL: With =
    With { bias: true, bias_per_image: false, add: true, relu: true, signs: true, scale_shift: true, gate: true };

/// All that goes into a convolution of `n` images, filled with random numbers.
#[derive(Clone)]
struct Case {
    g: Geometry,
    n: usize,
    with: With,
    parts: Vec<Vec<f32>>,
    kernel: Vec<f32>,
    bias: Vec<f32>,
    add: Vec<f32>,
    scale: Vec<f32>,
    shift: Vec<f32>,
    gate: Vec<u8>,
}

struct Answer {
    out: Vec<f32>,
    signs: Vec<u8>,
}

impl Case {
    fn random(g: Geometry, n: usize, with: With, seed: u64) -> Case {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut values = |len: usize| (0..len).map(|_| rng.random_range(-1.0..1.0f32)).collect::<Vec<_>>();
        Case {
            parts: (0..g.parts.len()).map(|i| values(n * g.part_len(i))).collect(),
            kernel: values(g.bank * g.kernel_len()),
            bias: values(if with.bias_per_image { n * g.co } else { g.co }),
            add: values(n * g.out_len()),
            scale: values(g.co),
            shift: values(g.co),
            gate: values(n * g.sign_bytes()).into_iter().map(|v| (v * 1e6) as i32 as u8).collect(),
            g,
            n,
            with,
        }
    }

    fn run(&self, level: Level, algorithm: Algorithm) -> Answer {
        let mut packed = Packed::with_algorithm(level, &self.g, algorithm);
        packed.pack(&self.kernel);
        // Neither the output nor the scratch memory need be clean.
        let mut out = vec![f32::NAN; self.n * self.g.out_len()];
        let mut scratch = vec![f32::NAN; packed.scratch_len(self.n)];
        let mut signs = vec![0xAA; self.n * self.g.sign_bytes()];
        let parts: Vec<&[f32]> = self.parts.iter().map(|p| &p[..]).collect();
        let with = self.with;
        let mut epilogue = Operands {
            bias: with.bias.then_some(&self.bias[..]),
            add: with.add.then_some(&self.add[..]),
            relu: with.relu,
            signs: with.signs.then_some(&mut signs[..]),
            scale_shift: with.scale_shift.then_some((&self.scale[..], &self.shift[..])),
            gate: with.gate.then_some(&self.gate[..]),
        };
        packed.run(self.n, &parts, &mut epilogue, &mut out, &mut scratch);
        Answer { out, signs }
    }

    /// The definition in `conv`'s module documentation, word for word, in f64. Also the value before the ReLU, for
    /// where it is tiny its sign is a matter of rounding.
    fn truth(&self) -> (Vec<f64>, Vec<f64>) {
        let (g, (oh, ow), ci) = (&self.g, self.g.out_hw(), self.g.ci());
        let bytes = g.co.div_ceil(8);
        let (mut out, mut before_relu) = (Vec::new(), Vec::new());
        for image in 0..self.n {
            let input = self.upsampled_and_concatenated(image);
            let kernel = &self.kernel[if g.bank == 1 { 0 } else { image * g.kernel_len() }..][..g.kernel_len()];
            let bias = &self.bias[if self.bias.len() == g.co { 0 } else { image * g.co }..][..g.co];
            let (ch, cw) = g.conv_hw;
            let (inputs, outputs) = (ci / g.groups, g.co / g.groups);
            let mut conv = vec![0.0; ch * cw * g.co];
            for y in 0..ch {
                for x in 0..cw {
                    for i in 0..g.kh {
                        for j in 0..g.kw {
                            let sy = (y * g.stride.0 + i * g.dilation.0) as isize - g.pad.0;
                            let sx = (x * g.stride.1 + j * g.dilation.1) as isize - g.pad.1;
                            if (0..g.h as isize).contains(&sy) && (0..g.w as isize).contains(&sx) {
                                let pixel = &input[(sy as usize * g.w + sx as usize) * ci..][..ci];
                                for (c, &v) in pixel.iter().enumerate() {
                                    let group = c / inputs * outputs..(c / inputs + 1) * outputs;
                                    let weights = &kernel[((i * g.kw + j) * inputs + c % inputs) * g.co..][..g.co];
                                    let sums = &mut conv[(y * cw + x) * g.co..][..g.co];
                                    let sums = sums[group.clone()].iter_mut();
                                    sums.zip(&weights[group]).for_each(|(s, &k)| *s += v * f64::from(k));
                                }
                            }
                        }
                    }
                }
            }
            for y in 0..oh {
                for x in 0..ow {
                    let pixel = (image * oh + y) * ow + x;
                    for o in 0..g.co {
                        let mut v = 0.0;
                        for py in y * g.pool.0..(y + 1) * g.pool.0 {
                            for px in x * g.pool.1..(x + 1) * g.pool.1 {
                                v += conv[(py * cw + px) * g.co + o];
                            }
                        }
                        if self.with.bias {
                            v += f64::from(bias[o]);
                        }
                        if self.with.add {
                            v += f64::from(self.add[pixel * g.co + o]);
                        }
                        before_relu.push(v);
                        if self.with.relu {
                            v = v.max(0.0);
                        }
                        if self.with.scale_shift {
                            v = v * f64::from(self.scale[o]) + f64::from(self.shift[o]);
                        }
                        if self.with.gate && self.gate[pixel * bytes + o / 8] >> (o % 8) & 1 == 0 {
                            v = 0.0;
                        }
                        out.push(v);
                    }
                }
            }
        }
        (out, before_relu)
    }

    /// One image's input as `[h, w, ci]`.
    fn upsampled_and_concatenated(&self, image: usize) -> Vec<f64> {
        let mut input = Vec::new();
        for y in 0..self.g.h {
            for x in 0..self.g.w {
                for (at, &PartShape { c, up }) in self.g.parts.iter().enumerate() {
                    let stored = (y / up.0) * (self.g.w / up.1) + x / up.1;
                    let start = image * self.g.part_len(at) + stored * c;
                    input.extend(self.parts[at][start..start + c].iter().map(|&v| f64::from(v)));
                }
            }
        }
        input
    }

    /// Every level and algorithm against the truth.
    fn check(&self) {
        let (truth, before_relu) = self.truth();
        let largest = truth.iter().chain(&before_relu).fold(1e-3f64, |m, v| m.max(v.abs()));
        for level in Level::available() {
            for algorithm in Algorithm::ALL.into_iter().filter(|a| a.supports(&self.g)) {
                let tolerance = largest * if algorithm == Algorithm::Winograd4 { 2e-5 } else { 5e-6 };
                let what = format!("{algorithm} on {level}: {:?}, {} images, {:?}", self.g, self.n, self.with);
                let Answer { out, signs } = self.run(level, algorithm);
                for (at, (&got, &want)) in out.iter().zip(&truth).enumerate() {
                    let off = (f64::from(got) - want).abs();
                    assert!(off <= tolerance, "{what}: value {at} is {got}, not {want}");
                }
                if self.with.signs {
                    let bytes = self.g.co.div_ceil(8);
                    for (at, &v) in before_relu.iter().enumerate() {
                        let (pixel, o) = (at / self.g.co, at % self.g.co);
                        let bit = signs[pixel * bytes + o / 8] >> (o % 8) & 1 == 1;
                        assert!(bit == (v > 0.0) || v.abs() <= tolerance, "{what}: sign {at} is {bit}, value {v}");
                    }
                    let unused = !((1u32 << ((self.g.co - 1) % 8 + 1)) - 1) as u8;
                    let clean = signs.iter().skip(bytes - 1).step_by(bytes).all(|b| b & unused == 0);
                    assert!(clean, "{what}: bits beyond the last channel aren't 0");
                }
            }
        }
    }
}

fn part(c: usize, uh: usize, uw: usize) -> PartShape {
    PartShape { c, up: (uh, uw) }
}

#[test]
fn one_pixel() {
    for (ci, co) in [(1, 1), (1, 5), (5, 1), (3, 33), (17, 16)] {
        for k in [1, 3, 7] {
            Case::random(Geometry::new(1, 1, (k, k), ci, co), 2, ALL, 1).check();
        }
    }
}

#[test]
fn kernels_of_all_sizes() {
    for kernel in [(1, 1), (3, 3), (5, 5), (7, 7), (3, 5), (7, 1)] {
        for (h, w) in [(5, 7), (9, 4), (2, 13)] {
            Case::random(Geometry::new(h, w, kernel, 6, 7), 1, ALL, 2).check();
        }
    }
}

#[test]
fn channels_that_fill_no_register() {
    for ci in [1, 7, 8, 15, 16, 17, 40] {
        for co in [1, 2, 3, 4, 8, 9, 15, 16, 17, 31, 32, 33, 67] {
            Case::random(Geometry::new(6, 5, (3, 3), ci, co), 1, ALL, 3).check();
        }
    }
}

#[test]
fn images_of_all_sizes() {
    for h in 1..10 {
        for w in [1, 2, 3, 4, 5, 8, 11] {
            Case::random(Geometry::new(h, w, (3, 3), 5, 6), 2, ALL, 4).check();
        }
    }
}

#[test]
fn many_channels() {
    // More than one block of the Winograd product's sums, and a block that isn't full.
    Case::random(Geometry::new(7, 9, (3, 3), 300, 40), 1, NOTHING, 5).check();
    let g = Geometry { parts: vec![part(140, 2, 2), part(130, 1, 1)], ..Geometry::new(6, 4, (3, 3), 1, 20) };
    Case::random(g, 2, ALL, 5).check();
}

#[test]
fn many_tiles() {
    // More than one chunk of Winograd tiles, and chunks that span images.
    Case::random(Geometry::new(22, 23, (3, 3), 300, 9), 3, ALL, 6).check();
}

#[test]
fn parts_upsampled_and_concatenated() {
    let lists = [
        vec![part(5, 1, 1), part(3, 1, 1)],
        vec![part(5, 2, 2), part(3, 1, 1)],
        vec![part(4, 1, 1), part(18, 2, 2), part(3, 1, 1)],
        vec![part(9, 2, 2)],
        vec![part(2, 3, 1), part(1, 1, 2), part(6, 2, 2), part(1, 6, 4)],
        vec![part(17, 2, 2), part(16, 2, 2)],
    ];
    for parts in lists {
        for pool in [(1, 1), (2, 2), (3, 2)] {
            for co in [1, 3, 19] {
                let g = Geometry { parts: parts.clone(), pool, ..Geometry::new(6, 8, (3, 3), 1, co) };
                Case::random(g, 2, ALL, 7).check();
                let g = Geometry { parts: parts.clone(), pool, ..Geometry::new(12, 4, (5, 3), 1, co) };
                Case::random(g, 1, NOTHING, 7).check();
            }
        }
    }
}

#[test]
fn pooled() {
    for pool in [(2, 2), (3, 2), (1, 4), (5, 5)] {
        for (h, w) in [(4, 4), (5, 5), (7, 6), (8, 9), (12, 10)] {
            for (ci, co) in [(1, 20), (20, 1), (17, 35)] {
                if h >= pool.0 && w >= pool.1 {
                    let g = Geometry { pool, ..Geometry::new(h, w, (3, 3), ci, co) };
                    Case::random(g, 2, ALL, 8).check();
                }
            }
        }
    }
}

#[test]
fn a_window_larger_than_the_image_leaves_nothing() {
    let case = Case::random(Geometry { pool: (2, 2), ..Geometry::new(1, 5, (3, 3), 4, 4) }, 2, ALL, 9);
    assert!(case.run(Level::best(), Algorithm::Direct).out.is_empty());
    case.check();
}

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

#[test]
fn each_image_its_own_kernel() {
    let with = With { bias_per_image: true, ..ALL };
    for (ci, co, pool) in [(20, 1, (1, 1)), (1, 40, (1, 1)), (1, 40, (2, 2)), (20, 1, (2, 2)), (18, 18, (1, 1))] {
        let g = Geometry { bank: 3, pool, ..Geometry::new(6, 7, (3, 3), ci, co) };
        Case::random(g, 3, with, 11).check();
    }
    let g = Geometry { bank: 2, parts: vec![part(16, 2, 2), part(3, 1, 1)], ..Geometry::new(4, 6, (3, 3), 1, 1) };
    Case::random(g, 2, with, 12).check();
}

/// The geometry of a conv2d with zeros at all four sides.
fn general(
    (h, w): (usize, usize),
    (kh, kw): (usize, usize),
    [top, bottom, left, right]: [usize; 4],
    (stride, dilation): ((usize, usize), (usize, usize)),
) -> Geometry {
    let out = |n: usize, k: usize, s: usize, d: usize| (n - (k - 1) * d - 1) / s + 1;
    Geometry {
        kh,
        kw,
        pad: (top as isize, left as isize),
        conv_hw: (out(h + top + bottom, kh, stride.0, dilation.0), out(w + left + right, kw, stride.1, dilation.1)),
        stride,
        dilation,
        ..Geometry::new(h, w, (1, 1), 1, 1)
    }
}

fn generals() -> Vec<Geometry> {
    let one = (1, 1);
    vec![
        general((7, 10), (3, 3), [0, 1, 0, 1], ((2, 2), one)),
        general((8, 10), (2, 2), [0; 4], ((2, 2), one)),
        general((10, 9), (3, 3), [0; 4], (one, one)),
        general((9, 13), (2, 2), [0, 1, 0, 1], (one, one)),
        general((9, 13), (3, 2), [3, 0, 1, 4], (one, one)),
        general((5, 6), (2, 3), [1, 0, 0, 2], (one, one)),
        general((12, 9), (3, 3), [2, 2, 2, 2], (one, (2, 2))),
        general((11, 14), (3, 3), [1, 0, 2, 1], ((2, 3), (1, 2))),
        general((13, 7), (5, 4), [2, 2, 1, 2], ((3, 1), one)),
        general((9, 9), (1, 1), [0; 4], ((2, 3), one)),
        general((6, 6), (2, 2), [3, 3, 4, 4], ((2, 2), one)),
        general((30, 50), (3, 3), [0, 0, 1, 0], (one, one)),
        // The first window begins inside of the image: phases of a transposed convolution are like this.
        Geometry { pad: (-2, -1), conv_hw: (4, 30), ..general((7, 25), (3, 3), [0; 4], (one, one)) },
        Geometry { pad: (5, 0), conv_hw: (5, 6), ..general((7, 5), (1, 1), [0; 4], (one, one)) },
    ]
}

#[test]
fn any_stride_padding_and_dilation() {
    for g in generals() {
        for (ci, co) in [(1, 1), (3, 20), (17, 2), (20, 36), (9, 8)] {
            for bank in [1, 2] {
                let g = Geometry { parts: vec![part(ci, 1, 1)], co, bank, ..g.clone() };
                let bias_per_image = bank > 1;
                Case::random(g, 2, With { bias_per_image, ..ALL }, 16).check();
            }
        }
    }
}

#[test]
fn groups() {
    for g in generals() {
        for (ci, co, groups) in
            [(2, 2, 2), (5, 5, 5), (40, 40, 40), (6, 18, 6), (33, 66, 33), (6, 4, 2), (32, 64, 4), (48, 9, 3)]
        {
            for bank in [1, 2] {
                let g = Geometry { parts: vec![part(ci, 1, 1)], co, groups, bank, ..g.clone() };
                let bias_per_image = bank > 1;
                Case::random(g, 2, With { bias_per_image, ..ALL }, 17).check();
            }
        }
    }
}

/// Parts and pools with a padding of their own: where tiles begin at even places, pairs of upsampled pixels lie differently.
#[test]
fn parts_and_pools_with_any_padding() {
    for pads in [[0; 4], [1, 0, 0, 1], [2, 2, 2, 2], [3, 1, 1, 3]] {
        for pool in [(1, 1), (2, 2), (3, 2)] {
            let parts = vec![part(9, 2, 2), part(5, 1, 1)];
            let g = Geometry { parts, pool, co: 19, ..general((8, 10), (3, 3), pads, ((1, 1), (1, 1))) };
            Case::random(g, 2, ALL, 18).check();
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
            for algorithm in [Algorithm::Direct, Algorithm::Winograd4] {
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
        for algorithm in [Algorithm::Winograd4, Algorithm::Direct] {
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
