//! Networks whose filters are known, since they were planted.
#![allow(dead_code)] // each test file is a crate of its own and uses a part of this

#[path = "layers.rs"]
mod layers;

pub use layers::layer;
use std::f64::consts::PI;
use unet_lens::engine::ops::Window;
use unet_lens::findings::Verdict;
use unet_lens::network::{Activation, Convolution, Kind, Layer, Network, Padding, Pool};

/// A filter of one input channel and what it should be found to be.
pub struct Planted {
    pub name: String,
    pub kernel: Vec<f64>,
    /// What it reads of the layer before it, where that has channels of several kinds: [`PICTURE`], [`ONES`] or [`POINTS`].
    pub reads: usize,
    pub bias: f64,
    pub verdict: Verdict,
    /// Degrees of a line's stripes.
    pub orientation: Option<f64>,
    /// Cycles per place of what is tuned to one frequency; a thin bar holds all of them.
    pub frequency: Option<f64>,
}

/// The channels before the planted filters: the picture, ones, and what is brighter than all its neighbours together.
pub const PICTURE: usize = 0;
pub const ONES: usize = 1;
pub const POINTS: usize = 2;

impl Planted {
    pub fn new(name: &str, kernel: Vec<f64>, bias: f64, verdict: Verdict) -> Planted {
        let name = name.to_string();
        Planted { name, kernel, reads: PICTURE, bias, verdict, orientation: None, frequency: None }
    }

    /// A line at so many degrees.
    pub fn line(name: &str, kernel: Vec<f64>, bias: f64, degrees: f64) -> Planted {
        Planted { orientation: Some(degrees), ..Planted::new(name, kernel, bias, Verdict::Line) }
    }

    pub fn of_frequency(self, frequency: f64) -> Planted {
        Planted { frequency: Some(frequency), ..self }
    }

    pub fn reading(self, reads: usize) -> Planted {
        Planted { reads, ..self }
    }
}

/// A side's pixels, their middle being 0, as (row, column).
fn places(side: usize) -> impl Iterator<Item = (f64, f64)> {
    let middle = (side as f64 - 1.0) / 2.0;
    (0..side * side).map(move |i| ((i / side) as f64 - middle, (i % side) as f64 - middle))
}

/// Without its mean: blind to brightness.
fn blind(kernel: Vec<f64>) -> Vec<f64> {
    let mean = kernel.iter().sum::<f64>() / kernel.len() as f64;
    kernel.iter().map(|v| v - mean).collect()
}

/// Stripes at an angle, anticlockwise from horizontal, under a Gaussian.
pub fn gabor(side: usize, degrees: f64, frequency: f64, phase: f64) -> Vec<f64> {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let sigma = (0.45 / frequency).min(side as f64 / 4.0);
    let value = |(row, column): (f64, f64)| {
        let wave = (2.0 * PI * frequency * (column * sin + row * cos) + phase).cos();
        wave * (-(row * row + column * column) / (2.0 * sigma * sigma)).exp()
    };
    blind(places(side).map(value).collect())
}

pub fn gaussian(side: usize, sigma: f64) -> Vec<f64> {
    places(side).map(|(r, s)| (-(r * r + s * s) / (2.0 * sigma * sigma)).exp()).collect()
}

/// Bright in the middle, dark around it.
pub fn laplacian(side: usize, sigma: f64) -> Vec<f64> {
    let ring = |(r, s): (f64, f64)| 2.0 - (r * r + s * s) / (sigma * sigma);
    blind(places(side).zip(gaussian(side, sigma)).map(|(place, g)| ring(place) * g).collect())
}

/// A line of one pixel, along a row, a column or a diagonal.
pub fn bar(side: usize, of: impl Fn(f64, f64) -> bool) -> Vec<f64> {
    blind(places(side).map(|(r, s)| f64::from(u8::from(of(r, s)))).collect())
}

/// Eight orientations, three frequencies, two phases in turn.
pub fn gabors(side: usize, frequencies: [f64; 3]) -> Vec<Planted> {
    let mut all = vec![];
    for (i, frequency) in frequencies.into_iter().enumerate() {
        for k in 0..8 {
            let degrees = 22.5 * f64::from(k);
            let phase = if (i + k as usize).is_multiple_of(2) { 0.0 } else { PI / 2.0 };
            let name = format!("gabor at {degrees} degrees, {frequency} cycles per place");
            let bias = if k % 3 == 1 { 0.02 } else { -0.01 };
            let kernel = gabor(side, degrees, frequency, phase);
            all.push(Planted::line(&name, kernel, bias, degrees).of_frequency(frequency));
        }
    }
    all
}

/// Filters of all other kinds that one convolution can be.
pub fn others(side: usize) -> Vec<Planted> {
    let zero = || vec![0.0; side * side];
    // Answers to a chessboard as large as the kernel, of black and white: an image like any other, but none of the data.
    let chessboard = || blind((0..side * side).map(|i| ((i / side + i % side) % 2) as f64 * 2.0 - 1.0).collect());
    // A Laplacian of Gaussian has the spectrum f^2 e^(-(2 pi sigma f)^2 / 2), which is highest where 2 pi sigma f is the root of 2.
    let sigma = side as f64 / 6.0;
    let highest = 2f64.sqrt() / (2.0 * PI * sigma);
    vec![
        Planted::line("a thin bar, horizontal", bar(side, |r, _| r == 0.0), 0.0, 0.0),
        Planted::line("a thin bar, vertical", bar(side, |_, s| s == 0.0), 0.0, 90.0),
        Planted::line("a thin bar, diagonal", bar(side, |r, s| r == -s), 0.0, 45.0),
        Planted::new("a Laplacian of Gaussian", laplacian(side, sigma), 0.0, Verdict::Spot).of_frequency(highest),
        Planted::new("a Gaussian", gaussian(side, side as f64 / 5.0), 0.0, Verdict::Level),
        Planted::new("dead by bias", gabor(side, 45.0, 0.2, 0.0), -100.0, Verdict::Dead),
        Planted::new("dead on the data alone", chessboard(), -((side * side) as f64) / 5.0, Verdict::Dead),
        Planted::new("on by bias", gabor(side, 90.0, 0.2, 0.0), 100.0, Verdict::AlwaysOn),
        Planted::new("constant", zero(), 1.0, Verdict::AlwaysOn),
    ]
}

pub fn image(h: usize, w: usize, c: usize) -> Layer {
    layer("image", "InputLayer", Kind::Input { h: Some(h), w: Some(w), c }, vec![])
}

/// A square one.
pub fn input(side: usize, c: usize) -> Layer {
    image(side, side, c)
}

/// A convolution with padding 'same' whose filter `o` has for input `i` the kernel `kernel(i, o)`.
pub fn conv(
    name: &str,
    side: usize,
    (inputs, outputs): (usize, usize),
    kernel: impl Fn(usize, usize) -> Vec<f64>,
    bias: &[f64],
    activation: Activation,
    input: usize,
) -> Layer {
    let mut values = vec![0.0f32; side * side * inputs * outputs];
    for i in 0..inputs {
        for o in 0..outputs {
            for (tap, &value) in kernel(i, o).iter().enumerate() {
                values[(tap * inputs + i) * outputs + o] = value as f32;
            }
        }
    }
    let bias = Some(bias.iter().map(|&b| b as f32).collect());
    let conv = Convolution { bias, ..layers::convolution(side, inputs, outputs, &values) };
    layer(name, "Conv2D", Kind::Conv2d { conv, activation }, vec![input])
}

/// A convolution of one pixel: for each output the weights of all inputs, and a bias.
pub fn points(name: &str, outputs: &[(&[f64], f64)], activation: Activation, input: usize) -> Layer {
    let bias: Vec<f64> = outputs.iter().map(|output| output.1).collect();
    let of = |i: usize, o: usize| vec![outputs[o].0[i]];
    conv(name, 1, (outputs[0].0.len(), outputs.len()), of, &bias, activation, input)
}

/// One convolution of planted filters, of an image whose channels all are the same to it.
pub fn of_filters(planted: &[Planted], side: usize, image: usize, channels: usize, activation: Activation) -> Network {
    let kernel = |_: usize, o: usize| planted[o].kernel.iter().map(|v| v / channels as f64).collect();
    let bias: Vec<f64> = planted.iter().map(|filter| filter.bias).collect();
    network(vec![
        input(image, channels),
        conv("planted", side, (channels, planted.len()), kernel, &bias, activation, 0),
    ])
}

/// The same filters behind a convolution, a norm and a pool: they see every second pixel. The convolution hands the picture through,
/// beside ones, and points that stand out by more than `threshold`; behind the norm the picture is twice as bright, and ones are ones.
pub fn behind_a_pool(planted: &[Planted], side: usize, image: usize, threshold: f64) -> Network {
    let mut middle = vec![0.0; 9];
    middle[4] = 1.0;
    let first = |_: usize, o: usize| match o {
        PICTURE => middle.clone(),
        ONES => vec![0.0; 9],
        _ => point(),
    };
    let bias: Vec<f64> = planted.iter().map(|filter| filter.bias).collect();
    let norm = Kind::BatchNorm { axis: -1, scale: vec![2.0, 3.0, 0.5].into(), shift: vec![-2.0, -2.0, 0.0].into() };
    let two = Window::new(2, 2);
    let pool = Kind::Pool { pool: Pool::Average, window: two, stride: two, padding: Padding::Valid };
    let kernel = |i: usize, o: usize| match &planted[o] {
        filter if filter.reads == i => filter.kernel.clone(),
        _ => vec![0.0; side * side],
    };
    network(vec![
        input(image, 1),
        conv("first", 3, (1, 3), first, &[1.0, 1.0, -threshold], Activation::Relu, 0),
        layer("norm", "BatchNormalization", norm, vec![1]),
        layer("pool", "AveragePooling2D", pool, vec![2]),
        conv("planted", side, (3, planted.len()), kernel, &bias, Activation::Relu, 3),
    ])
}

/// How much brighter a pixel is than its neighbours.
fn point() -> Vec<f64> {
    let mut point = vec![-1.0; 9];
    point[4] = 8.0;
    point
}

/// The same filters behind a convolution whose norm comes before its activation, a maximum pool, and each with a norm of its own
/// before its activation.
pub fn behind_a_max_pool(planted: &[Planted], side: usize, image: usize) -> Network {
    let middle = [0.0, 0.0, 0.0, 0.0, -1.5, 0.0, 0.0, 0.0, 0.0];
    let norm = |scale: f64, shift: &[f64]| Kind::BatchNorm {
        axis: -1,
        scale: vec![scale; shift.len()].into(),
        shift: shift.to_vec().into(),
    };
    let two = Window::new(2, 2);
    let pool = Kind::Pool { pool: Pool::Max, window: two, stride: two, padding: Padding::Same };
    let relu = || Kind::Activation(Activation::Relu);
    let shifts: Vec<f64> = planted.iter().map(|filter| 3.0 * filter.bias).collect();
    let kernel = |_: usize, o: usize| planted[o].kernel.clone();
    network(vec![
        input(image, 1),
        conv("first", 3, (1, 1), |_, _| middle.to_vec(), &[0.25], Activation::Linear, 0),
        layer("norm", "BatchNormalization", norm(-0.5, &[0.125]), vec![1]),
        layer("on", "Activation", relu(), vec![2]),
        layer("pool", "MaxPooling2D", pool, vec![3]),
        conv("planted", side, (1, planted.len()), kernel, &vec![0.0; planted.len()], Activation::Linear, 4),
        layer("own", "BatchNormalization", norm(3.0, &shifts), vec![5]),
        layer("cut", "Activation", relu(), vec![6]),
    ])
}

/// A detector of noise and one of the border, each of two layers. `threshold`: more than the finest grating gives the first layer,
/// and less than noise does now and then.
pub fn of_two_layers(image: usize, threshold: f64) -> Network {
    let first = |_: usize, o: usize| if o == 0 { point() } else { vec![0.0; 9] };
    let second = |i: usize, o: usize| match (i, o) {
        (0, 0) => vec![1.0; 9],
        (1, 1) => vec![-1.0; 9],
        _ => vec![0.0; 9],
    };
    network(vec![
        input(image, 1),
        conv("first", 3, (1, 2), first, &[-threshold, 1.0], Activation::Relu, 0),
        conv("second", 3, (2, 2), second, &[-0.05, 8.5], Activation::Relu, 1),
    ])
}

/// Of layers whose last is the output.
pub fn network(layers: Vec<Layer>) -> Network {
    Network { name: "planted".to_string(), file: "planted".to_string(), ..layers::of(layers) }
}
