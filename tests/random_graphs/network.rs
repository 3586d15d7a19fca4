//! A random network, its loss and gradient, and random nodes behind that.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use unet_lens::engine::autodiff::gradient;
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{Axes, Axis, Conv2d, ConvTranspose, Function, Kernel, Matrix, Op, Pool, Sides, Window};
use unet_lens::engine::tensor::{Shape, Tensor};

/// One node: which op, and three numbers that choose its inputs and sizes.
type Instruction = (u8, u8, u8, u8);

#[derive(Debug, Clone)]
pub struct Case {
    image: Shape,
    code: Vec<Instruction>,
    /// What stands behind the gradient.
    extra: Vec<Instruction>,
    /// Does the network end with a convolution of which each image sees its own channel?
    bank: bool,
    pub seed: u64,
}

pub fn case() -> impl Strategy<Value = Case> {
    let image = (1..=6usize, 1..=12usize, 1..=12usize, 1..=4usize).prop_map(|(n, h, w, c)| Shape::new(n, h, w, c));
    let code = prop::collection::vec(any::<Instruction>(), 1..16);
    let extra = prop::collection::vec(any::<Instruction>(), 0..8);
    (image, code, extra, any::<bool>(), any::<u64>()).prop_map(|(image, code, extra, bank, seed)| Case {
        image,
        code,
        extra,
        bank,
        seed,
    })
}

/// Most pixels of an image, and most channels of a value.
const PIXELS: usize = 400;
const CHANNELS: usize = 40;

pub struct Net {
    pub graph: Graph,
    pub image: NodeId,
    /// How far each image is rolled: `[n, 1, 2, 1]`.
    pub shifts: NodeId,
    pub output: NodeId,
    pub loss: NodeId,
    pub dx: NodeId,
}

pub fn uniform(rng: &mut ChaCha8Rng, count: usize, low: f32, high: f32) -> Vec<f32> {
    (0..count).map(|_| rng.random_range(low..high)).collect()
}

fn conv(rng: &mut ChaCha8Rng, kh: usize, kw: usize, ci: usize, co: usize) -> Conv2d {
    let size = (3.0 / (kh * kw * ci) as f32).sqrt();
    let kernel = uniform(rng, kh * kw * ci * co, -size, size);
    let bias = rng.random::<bool>().then(|| uniform(rng, co, -0.5, 0.5).into());
    Conv2d::same(Kernel::new(kh, kw, ci, co, kernel.into()).unwrap(), bias)
}

/// Smooth ones, and one with a corner at 0.
const FUNCTIONS: &[Function] =
    &[Function::Tanh, Function::Silu, Function::LeakyRelu { slope: 0.2 }, Function::Softsign, Function::Softplus];

const AXES: &[Axes] = &[Axes::CHANNELS, Axes::PLACES, Axes::ALL, Axes { h: true, w: false, c: false }];

/// A convolution of some kernel, stride, padding, dilation and groups that fits `x`; none, if the one drawn does not.
fn general(rng: &mut ChaCha8Rng, x: Shape, [a, b, c]: [usize; 3]) -> Option<Conv2d> {
    let (kh, kw) = [(3, 3), (2, 2), (4, 4), (1, 2), (3, 1)][b % 5];
    let (stride, dilation) = (Window::new(1 + a % 3, 1 + c % 2), Window::new(1 + c % 3 / 2, 1 + b % 2));
    let pad = Sides { top: a % 3, bottom: b % 3, left: c % 3, right: a % 2 };
    let groups = [1, x.c, 1, 2][c % 4];
    let reach = |n: usize, k: usize, d: usize| n > (k - 1) * d;
    let fits = reach(x.h + pad.top + pad.bottom, kh, dilation.h) && reach(x.w + pad.left + pad.right, kw, dilation.w);
    if !fits || !x.c.is_multiple_of(groups) || x.c > CHANNELS {
        return None;
    }
    let co = [1, 2, 9, 16][a % 4];
    let co = if groups == x.c { x.c * (1 + b % 2) } else { co * groups };
    Some(Conv2d { stride, pad, dilation, groups, ..conv(rng, kh, kw, x.c / groups, co) })
}

/// The same of transposed ones: of a convolution to the channels of `x`.
fn general_transposed(rng: &mut ChaCha8Rng, x: Shape, [a, b, c]: [usize; 3]) -> Option<ConvTranspose> {
    let (kh, kw) = [(3, 3), (2, 2), (4, 4), (1, 2), (3, 1)][b % 5];
    let (stride, dilation) = (Window::new(1 + c % 3, 1 + a % 2), Window::new(1, 1 + b % 2));
    let pad = Sides { top: a % 2, bottom: b % 2, left: c % 2, right: 0 };
    let groups = [1, x.c, 1, 2][c % 4];
    let size = |n: usize, k: usize, s: usize, d: usize, pads: usize| {
        ((n - 1) * s + (k - 1) * d + 1 + b % s).checked_sub(pads).filter(|&n| n > 0)
    };
    let h = size(x.h, kh, stride.h, dilation.h, pad.top + pad.bottom)?;
    let w = size(x.w, kw, stride.w, dilation.w, pad.left + pad.right)?;
    if h * w > PIXELS || !x.c.is_multiple_of(groups) || x.c > CHANNELS {
        return None;
    }
    let of_group = if groups == x.c { 1 } else { [1, 2, 9, 16][a % 4] };
    let Conv2d { kernel, .. } = conv(rng, kh, kw, of_group, x.c);
    let bias = rng.random::<bool>().then(|| uniform(rng, of_group * groups, -0.5, 0.5).into());
    Some(ConvTranspose { kernel, bias, stride, pad, dilation, groups, h, w })
}

pub fn build(case: &Case) -> Net {
    let mut rng = ChaCha8Rng::seed_from_u64(case.seed);
    let mut g = Graph::new();
    let image = g.input("image", case.image).unwrap();
    let shifts = g.input("shifts", Shape::new(case.image.n, 1, 2, 1)).unwrap();
    let mut values = vec![image];
    for (i, &(op, a, b, c)) in case.code.iter().enumerate() {
        let (a, b, c) = (a as usize, b as usize, c as usize);
        let name = format!("node {i}");
        // One of the last few values, most often the last.
        let recent = |a: usize| values[values.len() - 1 - [0, 0, 0, 1, 2, 3, 4, 5][a % 8] % values.len()];
        let x = recent(a);
        let s = g.shape(x);
        let window = Window::new([2, 1, 3, 2][b % 4], [2, 3, 1, 2][c % 4]);
        let alike = |g: &Graph, b: usize, channels: bool| {
            let like = |v: &&NodeId| {
                let t = g.shape(**v);
                (t.h, t.w) == (s.h, s.w) && (!channels || t.c == s.c)
            };
            let all: Vec<NodeId> = values.iter().filter(like).copied().collect();
            all[b % all.len()]
        };
        let y = match op % 34 {
            0..=4 => {
                let (kh, kw) = [(3, 3), (3, 3), (1, 1), (5, 5), (3, 3), (7, 7), (3, 5), (7, 1)][b % 8];
                let co = [1, 2, 3, 4, 5, 8, 9, 16, 17, 33][c % 10];
                g.conv2d(&name, x, conv(&mut rng, kh, kw, s.c, co))
            }
            5..=7 => g.relu(&name, x),
            8 | 9 => {
                let scale = uniform(&mut rng, s.c, -1.5, 1.5).into_iter().map(f64::from).collect();
                let shift = uniform(&mut rng, s.c, -0.5, 0.5).into_iter().map(f64::from).collect();
                g.batch_norm(&name, x, scale, shift)
            }
            10 | 11 if s.h.is_multiple_of(window.h) && s.w.is_multiple_of(window.w) => g.max_pool(&name, x, window),
            12 if s.h * s.w * window.len() <= PIXELS => g.upsample(&name, x, window),
            13 | 14 => {
                let mut xs = vec![x, alike(&g, b, false)];
                if c % 4 == 0 {
                    xs.push(alike(&g, c, false));
                }
                if c % 2 == 1 {
                    xs.reverse();
                }
                if xs.iter().map(|&x| g.shape(x).c).sum::<usize>() > CHANNELS {
                    continue;
                }
                g.concat(&name, &xs)
            }
            15 if c % 2 == 0 => g.add(&name, x, alike(&g, b, true)),
            15 => g.sigmoid(&name, x),
            16 => g.mul(&name, x, alike(&g, b, true)),
            17 => g.scale(&name, x, [-1.0, 0.5, 1.5, 2.0][b % 4]),
            18 => g.roll(&name, x, shifts),
            19 => {
                let (axis, length) = if c % 2 == 0 { (Axis::Down, s.h) } else { (Axis::Across, s.w) };
                let rows = [length, 1 + b % 5][usize::from(a % 3 == 0)];
                let size = (3.0 / length as f32).sqrt();
                g.transform(&name, x, axis, Matrix::new(rows, length, uniform(&mut rng, rows * length, -size, size)))
            }
            // A value of long ago, once more.
            20 => {
                let old = values[c % values.len()];
                let like = values.iter().rev().copied().find(|&v| v != old && g.shape(v) == g.shape(old));
                g.add(&name, old, like.unwrap_or(old))
            }
            21..=23 => match general(&mut rng, s, [a, b, c]) {
                Some(conv) => g.conv2d(&name, x, conv),
                None => continue,
            },
            24 | 25 => match general_transposed(&mut rng, s, [a, b, c]) {
                Some(conv) => g.conv_transpose(&name, x, conv),
                None => continue,
            },
            26 if (s.h + 3) * (s.w + 1) <= PIXELS && s.c < CHANNELS => {
                g.pad(&name, x, [b % 3, c % 2, a % 2], [s.h + 3, s.w + 1, s.c + 1])
            }
            27 => {
                let start = [b % s.h, c % s.w, a % s.c];
                let size = [s.h - start[0], s.w - start[1], s.c - start[2]].map(|side| side - side / 3);
                g.crop(&name, x, start, size)
            }
            28 | 29 => g.pointwise(&name, x, FUNCTIONS[b % FUNCTIONS.len()]),
            // Times x: of a gradient that is nearly the same everywhere softmax lets nothing through but rounding errors.
            30 => {
                let softmax = g.softmax(&format!("{name}'s softmax"), x, AXES[b % AXES.len()]).unwrap();
                g.mul(&name, x, softmax)
            }
            31 => {
                let axes = AXES[b % AXES.len()];
                let sum = g.sum(&format!("{name}'s sum"), x, axes).unwrap();
                let mean = g.scale(&format!("{name}'s mean"), sum, 1.0 / axes.count(s) as f32).unwrap();
                if c % 2 == 0 { g.mul(&name, x, mean) } else { g.add(&name, mean, x) }
            }
            32 => {
                let (window, stride) = (Window::new(1 + b % 3, 1 + c % 4), Window::new(1 + c % 3, 1 + a % 2));
                let pad = Sides { top: a % window.h, bottom: c % window.h, left: b % window.w, right: 0 };
                if s.h < window.h || s.w < window.w {
                    continue;
                }
                g.max_pool(&name, x, Pool { window, stride, pad })
            }
            33 if b % 2 == 0 && s.w <= CHANNELS && s.h * s.c <= PIXELS => g.permute(&name, x, [2, 0, 1]),
            33 if s.h * s.c <= CHANNELS => g.reshape(&name, x, Shape { h: s.w, w: 1, c: s.h * s.c, ..s }),
            _ => continue,
        };
        values.push(y.unwrap());
    }
    let mut output = values[values.len() - 1];
    if case.bank {
        let own: Vec<usize> = (0..case.image.n).map(|_| rng.random_range(0..5)).collect();
        let last = conv(&mut rng, 3, 3, g.shape(output).c, 5).own_channels(&own);
        output = g.conv2d("bank", output, last).unwrap();
    }
    let squashed = g.sigmoid("squash", output).unwrap();
    let loss = g.mean("loss", squashed).unwrap();
    let dx = gradient(&mut g, loss, image).unwrap().of_wrt();
    append_by_hand(&mut g, &case.extra, &mut rng);
    Net { graph: g, image, shifts, output, loss, dx }
}

/// Nodes that read signs and winners of any relus and max pools, and chains of them.
fn append_by_hand(g: &mut Graph, extra: &[Instruction], rng: &mut ChaCha8Rng) {
    for (i, &(op, a, b, c)) in extra.iter().enumerate() {
        let (a, b, c) = (a as usize, b as usize, c as usize);
        let name = format!("by hand {i}");
        let all: Vec<NodeId> = g.nodes().map(|(id, _)| id).collect();
        let like = |g: &Graph, shape: Shape, k: usize| {
            let like: Vec<NodeId> = all.iter().copied().filter(|&id| g.shape(id) == shape).collect();
            (!like.is_empty()).then(|| like[k % like.len()])
        };
        let last = all[all.len() - 1 - a % all.len().min(4)];
        let s = g.shape(last);
        let relus: Vec<NodeId> = all.iter().copied().filter(|&id| matches!(g[id].op, Op::Relu)).collect();
        let pools: Vec<NodeId> = all.iter().copied().filter(|&id| matches!(g[id].op, Op::MaxPool(_))).collect();
        let added = match op % 8 {
            0..=2 if !relus.is_empty() => {
                let y = relus[b % relus.len()];
                let dy = like(g, g.shape(y), c).expect("its own shape");
                g.relu_grad(&name, dy, y)
            }
            3 | 4 if !pools.is_empty() => {
                let pool = pools[b % pools.len()];
                let (x, dy) = (g[pool].inputs[0], like(g, g.shape(pool), c).expect("its own shape"));
                let Op::MaxPool(kind) = g[pool].op else { unreachable!("a pool") };
                g.max_pool_grad(&name, dy, x, kind)
            }
            5 => {
                let scale = uniform(rng, s.c, -1.5, 1.5).into_iter().map(f64::from).collect();
                let shift = vec![if b % 2 == 0 { 0.0 } else { 0.25 }; s.c];
                g.batch_norm(&name, last, scale, shift.into())
            }
            6 if s.h.is_multiple_of(2) && s.w.is_multiple_of(2) => g.sum_pool(&name, last, Window::new(2, 2)),
            7 => g.add(&name, last, like(g, s, b).expect("its own shape")),
            _ => continue,
        };
        added.unwrap();
    }
}

/// Whole numbers from -2 to 2: two rows or columns back to two on.
pub fn shifts(net: &Net) -> Tensor {
    let shape = net.graph.shape(net.shifts);
    Tensor::new(shape, (0..shape.len()).map(|i| (i * 3 % 5) as f32 - 2.0).collect())
}
