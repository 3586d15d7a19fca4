//! What can be compared: how near the nearest kink is, and how large rounding's noise.

use super::network::{Net, shifts, uniform};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use unet_lens::engine::graph::Node;
use unet_lens::engine::ops::{Op, Pool};
use unet_lens::engine::tensor::{Shape, Tensor, Tensor64};

fn largest(x: &Tensor64) -> f64 {
    x.data.iter().fold(0.0, |m, v| m.max(v.abs()))
}

/// Every node's value on the reference. Each is rounded to a multiple of `grain` times the largest of its tensor: equal values
/// stay equal. Not at all if `grain` is 0.
pub fn values(net: &Net, image: &Tensor64, grain: f64) -> Vec<Tensor64> {
    let mut values: Vec<Tensor64> = vec![];
    for (id, node) in net.graph.nodes() {
        let mut value = match &node.op {
            Op::Input(_) if id == net.image => image.clone(),
            Op::Input(_) => (&shifts(net)).into(),
            op => op.reference(&node.inputs.iter().map(|x| &values[x.0]).collect::<Vec<_>>(), node.shape),
        };
        let grain = grain * largest(&value);
        if grain > 0.0 && !matches!(node.op, Op::Input(_)) {
            value.data.iter_mut().for_each(|v| *v = (*v / grain).round() * grain);
        }
        values.push(value);
    }
    values
}

/// How far errors of up to 1e-6 of the largest value in every node, about as large as those of Winograd's method, move each
/// node, as a share of its own largest value.
fn noise(net: &Net, image: &Tensor64, exact: &[Tensor64]) -> Vec<f64> {
    let mut noise = vec![0.0f64; exact.len()];
    for grain in [2e-6, 1.6e-6, 1.1e-6] {
        for ((noise, rounded), exact) in noise.iter_mut().zip(values(net, image, grain)).zip(exact) {
            let off = rounded.data.iter().zip(&exact.data).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
            *noise = noise.max(off / largest(exact).max(1e-30));
        }
    }
    noise
}

/// The nodes with kinks.
fn with_kinks(net: &Net) -> impl Iterator<Item = &Node> {
    net.graph.nodes().map(|(_, node)| node).filter(|node| match node.op {
        Op::Relu | Op::MaxPool(_) => true,
        Op::Pointwise(f) => f.has_corners(),
        _ => false,
    })
}

/// The values of each of a pool's windows in reading order, with their places in the window, window after window.
fn windows(x: &Tensor64, y: Shape, pool: Pool) -> Vec<Vec<(usize, f64)>> {
    let Pool { window, stride, pad } = pool;
    let of_window = |(n, r, q, c): (usize, usize, usize, usize)| {
        let value = |p: usize| {
            let row = (r * stride.h + p / window.w).checked_sub(pad.top).filter(|&row| row < x.shape.h)?;
            let column = (q * stride.w + p % window.w).checked_sub(pad.left).filter(|&column| column < x.shape.w)?;
            Some((p, x.get(n, row, column, c)))
        };
        (0..window.len()).filter_map(value).collect()
    };
    y.places().map(of_window).collect()
}

/// How near the nearest kink is, relative to the largest value there; and whether max pools hold exactly equal values,
/// of which either may win in single precision.
fn kinks(net: &Net, values: &[Tensor64]) -> (f64, bool) {
    let (mut nearest, mut equal) = (f64::INFINITY, false);
    for node in with_kinks(net) {
        let x = &values[node.inputs[0].0];
        let largest = largest(x);
        let mut near = |gap: f64| {
            if gap > 0.0 {
                nearest = nearest.min(gap / largest);
            }
        };
        let Op::MaxPool(pool) = node.op else {
            x.data.iter().for_each(|v| near(v.abs()));
            continue;
        };
        for window in windows(x, node.shape, pool) {
            let mut values: Vec<f64> = window.iter().map(|(_, value)| *value).collect();
            values.sort_by(|a, b| b.total_cmp(a));
            if values.len() > 1 {
                equal |= values[0] == values[1];
                values.iter().for_each(|v| near(values[0] - v));
            }
        }
    }
    (nearest, equal)
}

/// Which side of every kink the network is on: the signs at ReLUs, the winners of max pools.
pub fn sides(net: &Net, values: &[Tensor64]) -> Vec<usize> {
    // The first of the largest.
    let winner = |window: &Vec<(usize, f64)>| window.iter().rev().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0;
    let mut sides = vec![];
    for node in with_kinks(net) {
        let x = &values[node.inputs[0].0];
        match node.op {
            Op::Pointwise(f) => sides.extend(x.data.iter().map(|&v| f.piece(v))),
            Op::MaxPool(pool) => sides.extend(windows(x, node.shape, pool).iter().map(winner)),
            _ => sides.extend(x.data.iter().map(|&v| usize::from(v > 0.0))),
        }
    }
    sides
}

/// The executors may be off by such a share of a node's largest value.
pub const BOUND: f64 = 1e-5;

/// A kink must be at least this far away, and the noise there must be less than [`BOUND`].
const FAR: f64 = 2e-5;

pub struct Quiet {
    pub image: Tensor,
    /// Whether max pools hold equal values.
    pub equal: bool,
    /// For each node its [`noise`].
    pub noise: Vec<f64>,
}

/// An image with no kink near it.
pub fn quiet_image(net: &Net, seed: u64) -> Option<Quiet> {
    let shape = net.graph.shape(net.image);
    (0..12).find_map(|i| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ (i + 1));
        let image = Tensor::new(shape, uniform(&mut rng, shape.len(), -1.0, 1.0));
        let exact = values(net, &(&image).into(), 0.0);
        let (nearest, equal) = kinks(net, &exact);
        if nearest <= FAR {
            return None;
        }
        let noise = noise(net, &(&image).into(), &exact);
        with_kinks(net).all(|node| noise[node.inputs[0].0] < BOUND).then_some(Quiet { image, equal, noise })
    })
}
