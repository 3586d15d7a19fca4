//! A random network of the layers that Keras has: each a kind with random settings and weights. What does not fit is refused in
//! words, and left out.

use super::network::{Net, uniform};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use unet_lens::Error;
use unet_lens::engine::autodiff::gradient;
use unet_lens::engine::ops::{Function, Kernel, Sides, Window};
use unet_lens::engine::tensor::Shape;
use unet_lens::network::unet::{Outcome, graph_to, survey};
use unet_lens::network::{
    Activation, Array, Border, Convolution, Interpolation, Kind, Layer, Merge, Network, Padding, Part, Pool, Reduction,
    Size,
};

/// Most values of an image, and most channels.
const VALUES: usize = 4000;
const CHANNELS: usize = 40;

const ACTIVATIONS: &[Activation] = &[
    Activation::Linear,
    Activation::Relu,
    Activation::Relu,
    Activation::Sigmoid,
    Activation::Softmax,
    Activation::LogSoftmax,
    Activation::Pointwise(Function::Tanh),
    Activation::Pointwise(Function::Silu),
    Activation::Pointwise(Function::LeakyRelu { slope: 0.2 }),
    Activation::Clip { least: -0.5, most: 0.75 },
    Activation::LogSigmoid,
    Activation::TanhShrink,
    Activation::HardShrink { threshold: 0.5 },
    Activation::SoftShrink { threshold: 0.25 },
    Activation::Squareplus { b: 4.0 },
    Activation::SparsePlus,
    Activation::Square,
];

fn one<T: Copy>(rng: &mut ChaCha8Rng, list: &[T]) -> T {
    list[rng.random_range(0..list.len())]
}

fn window(rng: &mut ChaCha8Rng, most: usize) -> Window {
    Window::new(rng.random_range(1..=most), rng.random_range(1..=most))
}

fn sides(rng: &mut ChaCha8Rng) -> Sides {
    let mut side = || rng.random_range(0..3);
    Sides { top: side(), bottom: side(), left: side(), right: side() }
}

fn padding(rng: &mut ChaCha8Rng) -> Padding {
    one(rng, &[Padding::Same, Padding::Same, Padding::Valid])
}

fn kernel(rng: &mut ChaCha8Rng, size: Window, ci: usize, co: usize) -> Kernel {
    let scale = (3.0 / (size.len() * ci) as f32).sqrt();
    let values = uniform(rng, size.len() * ci * co, -scale, scale);
    Kernel::new(size.h, size.w, ci, co, values.into()).unwrap()
}

fn convolution(rng: &mut ChaCha8Rng, ci: usize, co: usize, groups: usize) -> Convolution {
    let size = one(rng, &[Window::new(3, 3), Window::new(1, 1), Window::new(2, 4), Window::new(5, 3)]);
    let (stride, dilation) = match rng.random_range(0..4) {
        0 => (window(rng, 3), Window::ONE),
        1 => (Window::ONE, window(rng, 2)),
        _ => (Window::ONE, Window::ONE),
    };
    let bias = rng.random::<bool>().then(|| uniform(rng, co, -0.5, 0.5).into());
    Convolution { kernel: kernel(rng, size, ci / groups, co), bias, stride, padding: padding(rng), dilation, groups }
}

fn wide(values: Vec<f32>) -> std::sync::Arc<[f64]> {
    values.into_iter().map(f64::from).collect()
}

fn array(rng: &mut ChaCha8Rng, shape: Vec<usize>) -> Array {
    let data = uniform(rng, shape.iter().product(), 0.1, 1.5).into();
    Array { shape, data }
}

/// A layer for a value of shape `s`.
fn kind(rng: &mut ChaCha8Rng, s: Shape) -> Kind {
    let axes = one(rng, &[&[-1][..], &[1, 2], &[1, 2, 3], &[1], &[2]]).to_vec();
    match rng.random_range(0..34) {
        0..=6 => {
            let groups = if rng.random_range(0..4) == 0 { s.c } else { 1 };
            let co = if groups > 1 { s.c } else { one(rng, &[1, 2, 3, 5, 8, 9, 17]) };
            Kind::Conv2d { conv: convolution(rng, s.c, co, groups), activation: one(rng, ACTIVATIONS) }
        }
        7 | 8 => {
            let co = one(rng, &[1, 3, 8]);
            // The convolution that it is the transpose of goes from `co` to the channels that are there.
            let conv = Convolution { bias: None, ..convolution(rng, co, s.c, 1) };
            Kind::ConvTranspose { conv, output_padding: None, activation: one(rng, ACTIVATIONS) }
        }
        9 => {
            let depthwise = Convolution { bias: None, ..convolution(rng, s.c, s.c * 2, s.c) };
            let narrow = convolution(rng, s.c * 2, 4, 1);
            let pointwise = Convolution {
                kernel: kernel(rng, Window::ONE, s.c * 2, 4),
                stride: Window::ONE,
                dilation: Window::ONE,
                ..narrow
            };
            Kind::Separable { depthwise, pointwise, activation: one(rng, ACTIVATIONS) }
        }
        10 => Kind::Dense { kernel: kernel(rng, Window::ONE, s.c, 6), bias: None, activation: one(rng, ACTIVATIONS) },
        11 => Kind::BatchNorm {
            axis: -1,
            scale: wide(uniform(rng, s.c, -1.5, 1.5)),
            shift: wide(uniform(rng, s.c, -0.5, 0.5)),
        },
        12 => Kind::Linear { scale: -0.75, shift: 0.25 },
        13 => {
            let own = axes == [-1] && rng.random();
            let gamma = own.then(|| array(rng, vec![s.c]));
            Kind::LayerNorm { axes, epsilon: 1e-3, gamma, beta: None }
        }
        14 => Kind::GroupNorm {
            groups: one(rng, &[None, Some(1), Some(2)]),
            axis: -1,
            epsilon: 1e-3,
            gamma: None,
            beta: Some(uniform(rng, s.c, -0.5, 0.5).into()),
        },
        15 => Kind::UnitNorm { axes },
        16..=18 => Kind::Activation(one(rng, ACTIVATIONS)),
        19 => Kind::Softmax { axes },
        20 => {
            let shape = one(rng, &[[s.h, s.w, s.c], [1, 1, s.c]]).to_vec();
            Kind::PRelu { alpha: array(rng, shape) }
        }
        21 | 22 => Kind::Pool {
            pool: one(rng, &[Pool::Max, Pool::Average]),
            window: window(rng, 4),
            stride: window(rng, 3),
            padding: padding(rng),
        },
        23 => Kind::Upsample { h: rng.random_range(1..3), w: rng.random_range(1..4) },
        24 => {
            let by = one(rng, &[Interpolation::Nearest, Interpolation::Bilinear, Interpolation::BilinearFromCorners]);
            Kind::Resize { to: Size::Pixels(window(rng, 9)), by }
        }
        25 => {
            let by = one(rng, &[Reduction::Mean, Reduction::Sum, Reduction::Max, Reduction::Min]);
            Kind::Reduce { by, axes, keep: true }
        }
        26 => Kind::Crop(sides(rng)),
        27 => Kind::Pad { sides: sides(rng), with: one(rng, &[Border::Zeros, Border::Reflect, Border::Symmetric]) },
        28 => {
            let range = Part::Range { start: Some(rng.random_range(-3..3)), stop: None, step: one(rng, &[1, 1, 2]) };
            Kind::Slice(vec![Part::Range { start: None, stop: None, step: 1 }, range])
        }
        29 => Kind::Permute(one(rng, &[[2, 1, 3], [3, 1, 2], [1, 3, 2]]).to_vec()),
        30 => Kind::Reshape(vec![s.w as i64, s.h as i64, -1]),
        31 if rng.random() => Kind::DepthToSpace(2),
        31 => Kind::SpaceToDepth(2),
        32 => Kind::Repeat(rng.random_range(1..4)),
        _ => Kind::Identity,
    }
}

/// A network, its loss and gradient; and how many layers were refused on the way.
pub fn net(seed: u64) -> (Net, usize) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (n, h, w, c) =
        (rng.random_range(1..4), rng.random_range(3..12), rng.random_range(3..12), rng.random_range(1..4));
    let image = Shape::new(n, h, w, c);
    let layer = |kind, inputs: Vec<usize>, i: usize| Layer {
        name: format!("layer_{i}"),
        class: "Random".to_string(),
        kind,
        inputs,
        channels_first: None,
        trainable: 0,
        non_trainable: 0,
    };
    let input = layer(Kind::Input { h: Some(h), w: Some(w), c }, vec![], 0);
    let mut network =
        Network { name: "random".into(), file: "random".into(), layers: vec![input], output: 0, warnings: vec![] };
    let (mut shapes, mut refused) = (vec![image], 0);
    for i in 0..rng.random_range(2..12) {
        let x = shapes.len() - 1 - one(&mut rng, &[0, 0, 0, 1, 2]) % shapes.len();
        let s = shapes[x];
        let alike: Vec<usize> = (0..shapes.len()).filter(|&j| (shapes[j].h, shapes[j].w) == (s.h, s.w)).collect();
        let other = one(&mut rng, &alike);
        let (kind, inputs) = match rng.random_range(0..8) {
            0 => (Kind::Concat { axis: -1 }, vec![x, other]),
            1 => {
                let all =
                    [Merge::Add, Merge::Subtract, Merge::Multiply, Merge::Average, Merge::Maximum, Merge::Minimum];
                (Kind::Merge(one(&mut rng, &all)), vec![x, other])
            }
            _ => (kind(&mut rng, s), vec![x]),
        };
        network.layers.push(layer(kind, inputs, i + 1));
        let (graph, outcomes) = survey(&network, image).unwrap();
        match outcomes.into_iter().last().unwrap() {
            Outcome::Built(value) => {
                let shape = graph.shape(value.node);
                if shape.image_len() <= VALUES && shape.c <= CHANNELS {
                    shapes.push(shape);
                    continue;
                }
            }
            Outcome::Failed(Error::Usage(why)) => {
                assert!(why.starts_with("layer '"), "{why}");
                refused += 1;
            }
            other => panic!("neither built nor refused in words: {other:?}"),
        }
        network.layers.pop();
    }
    // The last layer from which something depends on the image.
    let built = graph_to(&network, network.layers.len() - 1, None, image).unwrap();
    let (mut g, image, output) = (built.graph, built.image, built.output);
    let shifts = g.input("shifts", Shape::new(n, 1, 2, 1)).unwrap();
    let squashed = g.sigmoid("squash", output).unwrap();
    let loss = g.mean("loss", squashed).unwrap();
    let dx = gradient(&mut g, loss, image).unwrap().of_wrt();
    (Net { graph: g, image, shifts, output, loss, dx }, refused)
}
