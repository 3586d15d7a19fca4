//! A convolution of the CPU executor with all that goes into it, and the same by plain loops in f64.
#![allow(dead_code)] // each test file is a crate of its own and uses a part of this

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use unet_lens::engine::exec::cpu::conv::{Algorithm, Geometry, Operands, Packed, PartShape};
use unet_lens::engine::exec::cpu::simd::Level;

/// Which stages of the epilogue a case has.
#[derive(Debug, Clone, Copy, Default)]
pub struct With {
    pub bias: bool,
    pub bias_per_image: bool,
    pub add: bool,
    pub relu: bool,
    pub signs: bool,
    pub scale_shift: bool,
    pub gate: bool,
}

pub const NOTHING: With =
    With { bias: false, bias_per_image: false, add: false, relu: false, signs: false, scale_shift: false, gate: false };
pub const ALL: With =
    With { bias: true, bias_per_image: false, add: true, relu: true, signs: true, scale_shift: true, gate: true };

/// All that goes into a convolution of `n` images, filled with random numbers.
#[derive(Clone)]
pub struct Case {
    pub g: Geometry,
    pub n: usize,
    pub with: With,
    pub parts: Vec<Vec<f32>>,
    pub kernel: Vec<f32>,
    pub bias: Vec<f32>,
    pub add: Vec<f32>,
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
    pub gate: Vec<u8>,
}

pub struct Answer {
    pub out: Vec<f32>,
    pub signs: Vec<u8>,
}

impl Case {
    pub fn random(g: Geometry, n: usize, with: With, seed: u64) -> Case {
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

    pub fn run(&self, level: Level, algorithm: Algorithm) -> Answer {
        let mut packed = Packed::with_algorithm(level, &self.g, algorithm);
        packed.pack(&self.kernel);
        self.run_packed(&packed)
    }

    /// The same of an algorithm that has its kernel.
    pub fn run_packed(&self, packed: &Packed) -> Answer {
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
    pub fn truth(&self) -> (Vec<f64>, Vec<f64>) {
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
    pub fn upsampled_and_concatenated(&self, image: usize) -> Vec<f64> {
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
    pub fn check(&self) {
        let (truth, before_relu) = self.truth();
        let largest = truth.iter().chain(&before_relu).fold(1e-3f64, |m, v| m.max(v.abs()));
        for level in Level::available() {
            for algorithm in Algorithm::ALL.into_iter().filter(|a| a.supports(&self.g)) {
                let is_winograd = matches!(algorithm, Algorithm::Winograd4 | Algorithm::Winograd4OnUse);
                let tolerance = largest * if is_winograd { 2e-5 } else { 5e-6 };
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

pub fn part(c: usize, uh: usize, uw: usize) -> PartShape {
    PartShape { c, up: (uh, uw) }
}

/// The geometry of a conv2d with zeros at all four sides.
pub fn general(
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

pub fn generals() -> Vec<Geometry> {
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
