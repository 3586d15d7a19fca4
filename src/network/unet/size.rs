//! Which sizes an image may have: found by trying, since every layer has a say.

use super::{convolutions, input, needed_for};
use crate::engine::graph::Graph;
use crate::engine::ops::{Window, gcd};
use crate::engine::tensor::Shape;
use crate::network::{Kind, Network, Size, build};
use crate::{Error, Result};

/// The side that a network gets which leaves its image size open, if it fits.
const DEFAULT_SIDE: usize = 128;

/// A size that fits is looked for so far from the one that was asked for, in rows and in columns.
const FARTHEST: usize = 64;

/// And, in a network that leaves its image size open, so many times as far above.
const RINGS: usize = 8;

/// A search is given up after so many layers have been built.
const MOST_BUILT: usize = 100_000;

/// Rows and columns of which the image's are multiples in a network whose pools are to divide what they get.
pub fn size_multiple(network: &Network) -> Window {
    let axis = |side: fn(Window) -> usize| {
        // Each layer's scale as a fraction of the image: up / down.
        let mut scales: Vec<(usize, usize)> = vec![];
        let mut multiple = 1;
        for layer in &network.layers {
            let (up, down) = layer.inputs.first().map_or((1, 1), |&x| scales[x]);
            let (u, d) = scale(&layer.kind);
            let (up, down) = (up.saturating_mul(side(u)), down.saturating_mul(side(d)));
            let g = gcd(up, down);
            scales.push((up / g, down / g));
            multiple = (multiple / gcd(multiple, down / g)).saturating_mul(down / g);
        }
        multiple
    };
    Window { h: axis(|w| w.h), w: axis(|w| w.w) }
}

/// How many times larger and smaller a layer makes an image.
fn scale(kind: &Kind) -> (Window, Window) {
    match kind {
        Kind::Conv2d { conv, .. } => (Window::ONE, conv.stride),
        Kind::Separable { depthwise, .. } => (Window::ONE, depthwise.stride),
        Kind::Pool { stride, .. } => (Window::ONE, *stride),
        Kind::SpaceToDepth(block) => (Window::ONE, Window::new(*block, *block)),
        Kind::ConvTranspose { conv, .. } => (conv.stride, Window::ONE),
        Kind::Upsample { h, w } => (Window::new(*h, *w), Window::ONE),
        Kind::Resize { to: Size::Factor(factor), .. } => (*factor, Window::ONE),
        Kind::DepthToSpace(block) => (Window::new(*block, *block), Window::ONE),
        Kind::Resize { to: Size::Pixels(_), .. }
        | Kind::Input { .. }
        | Kind::Refused { .. }
        | Kind::Identity
        | Kind::Dense { .. }
        | Kind::BatchNorm { .. }
        | Kind::Linear { .. }
        | Kind::LayerNorm { .. }
        | Kind::GroupNorm { .. }
        | Kind::UnitNorm { .. }
        | Kind::Activation(_)
        | Kind::Softmax { .. }
        | Kind::PRelu { .. }
        | Kind::Reduce { .. }
        | Kind::Crop(_)
        | Kind::Pad { .. }
        | Kind::Slice(_)
        | Kind::Reshape(_)
        | Kind::Flatten
        | Kind::Permute(_)
        | Kind::ExpandDims(_)
        | Kind::Squeeze(_)
        | Kind::Repeat(_)
        | Kind::Concat { .. }
        | Kind::Merge(_) => (Window::ONE, Window::ONE),
    }
}

/// The shape of one image that the layers `targets` are to be computed from: of `size` (rows, columns) if given, else of the
/// network's own size, or of one near 128x128 if the network leaves it open. The size must fit these layers and all
/// convolutions, so that one size does for every filter; a dense head that is not looked at has no say.
///
/// # Errors
/// If the size does not fit; the message says which layer cannot take it, and the nearest sizes that work.
pub fn image_shape(network: &Network, targets: &[usize], size: Option<(usize, usize)>) -> Result<Shape> {
    let (h, w, c) = input(network)?;
    let Some(size) = size else {
        let open = |side: Option<usize>, multiple: usize| side.unwrap_or_else(|| next_multiple(DEFAULT_SIDE, multiple));
        let multiple = size_multiple(network);
        let size = (open(h, multiple.h), open(w, multiple.w));
        let (h, w) = match (h, w) {
            (Some(h), Some(w)) => (h, w),
            _ => fitting(network, targets, size)?,
        };
        return Ok(Shape::new(1, h, w, c));
    };
    let wanted = wanted(network, targets);
    match fits(network, &wanted, size) {
        Ok(()) => Ok(Shape::new(1, size.0, size.1, c)),
        Err(Error::Usage(why)) => {
            let mut tries = tries(network);
            let above = search(network, &wanted, size, true, &mut tries);
            Err(does_not_fit(network, &wanted, size, above, &mut tries, &why))
        }
        Err(other) => Err(other),
    }
}

/// The smallest size at which images of `size` can be had, padded, that fits the network.
///
/// # Errors
/// If none is found; the message says which layer does not take the size.
pub fn fitting(network: &Network, targets: &[usize], size: (usize, usize)) -> Result<(usize, usize)> {
    let multiple = size_multiple(network);
    let first = (next_multiple(size.0, multiple.h), next_multiple(size.1, multiple.w));
    let wanted = wanted(network, targets);
    match fits(network, &wanted, first) {
        Ok(()) => Ok(first),
        Err(Error::Usage(why)) => {
            let mut tries = tries(network);
            let above = search(network, &wanted, size, true, &mut tries);
            above.ok_or_else(|| does_not_fit(network, &wanted, size, None, &mut tries, &why))
        }
        Err(other) => Err(other),
    }
}

/// For each layer: must the image fit it?
fn wanted(network: &Network, targets: &[usize]) -> Vec<bool> {
    let mut wanted = vec![false; network.layers.len()];
    for target in convolutions(network).into_iter().chain(targets.iter().copied()) {
        needed_for(network, target).into_iter().zip(&mut wanted).for_each(|(needed, wanted)| *wanted |= needed);
    }
    wanted
}

/// Builds the shapes, nothing else.
fn fits(network: &Network, wanted: &[bool], (h, w): (usize, usize)) -> Result<()> {
    let mut graph = Graph::new();
    let image = graph.input("image", Shape::new(1, h, w, input(network)?.2))?;
    for outcome in build::layers(&mut graph, image, network, wanted, None) {
        match outcome {
            // Whoever asks for a layer that cannot be computed at all is told so.
            build::Outcome::Failed(Error::File { .. }) => return Ok(()),
            build::Outcome::Failed(error) => return Err(error),
            build::Outcome::Built(_) | build::Outcome::Missing => {}
        }
    }
    Ok(())
}

/// How many sizes may be tried, to name the nearest that fit.
fn tries(network: &Network) -> usize {
    MOST_BUILT / network.layers.len().max(1)
}

/// The nearest size that fits, above (or below) in rows and columns. Above, the network's own size is one; and where sizes are
/// open, the smallest that a network without padding takes may be far.
fn search(
    network: &Network,
    wanted: &[bool],
    size: (usize, usize),
    above: bool,
    tries: &mut usize,
) -> Option<(usize, usize)> {
    let near = ring(network, wanted, size, above, tries);
    if near.is_some() {
        return near;
    }
    if *tries == 0 {
        // Then the next multiples, which fit many a network of many layers.
        let multiple = size_multiple(network);
        let next = |n: usize, of: usize| if above { next_multiple(n, of) } else { n / of * of };
        let size = (next(size.0, multiple.h), next(size.1, multiple.w));
        return Some(size).filter(|&(h, w)| h > 0 && w > 0 && fits(network, wanted, size).is_ok());
    }
    if !above {
        return None;
    }
    match input(network) {
        Ok((Some(h), Some(w), _)) => {
            Some((h, w)).filter(|own| h >= size.0 && w >= size.1 && fits(network, wanted, *own).is_ok())
        }
        _ => {
            let farther = |i: usize| Some((size.0.checked_add(i * FARTHEST)?, size.1.checked_add(i * FARTHEST)?));
            (1..=RINGS).filter_map(farther).find_map(|from| ring(network, wanted, from, true, tries))
        }
    }
}

/// The same, no farther than `FARTHEST`.
fn ring(
    network: &Network,
    wanted: &[bool],
    (h, w): (usize, usize),
    above: bool,
    tries: &mut usize,
) -> Option<(usize, usize)> {
    let moved = |n: usize, by: usize| if above { n.checked_add(by) } else { n.checked_sub(by).filter(|&n| n > 0) };
    for farther in 0..=FARTHEST {
        let nearer = 0..farther;
        let ring =
            nearer.clone().map(|by| (farther, by)).chain(nearer.map(|by| (by, farther))).chain([(farther, farther)]);
        for (down, across) in ring {
            let Some(size) = moved(h, down).zip(moved(w, across)) else { continue };
            *tries = tries.checked_sub(1)?;
            if fits(network, wanted, size).is_ok() {
                return Some(size);
            }
        }
    }
    None
}

/// `above`: the nearest larger size that fits, for which some of the `tries` were taken.
fn does_not_fit(
    network: &Network,
    wanted: &[bool],
    size: (usize, usize),
    above: Option<(usize, usize)>,
    tries: &mut usize,
    why: &str,
) -> Error {
    let below = search(network, wanted, size, false, tries);
    let near: Vec<(usize, usize)> = below.into_iter().chain(above).collect();
    let multiple = size_multiple(network);
    let are_multiples = near.iter().all(|&(h, w)| {
        let next = (h.saturating_add(multiple.h), w.saturating_add(multiple.w));
        h % multiple.h == 0 && w % multiple.w == 0 && fits(network, wanted, next).is_ok()
    });
    let of = match are_multiples && multiple.len() > 1 {
        true => format!(" (rows in multiples of {}, columns in multiples of {})", multiple.h, multiple.w),
        false => String::new(),
    };
    let near = match near.iter().map(|(h, w)| format!("{h}x{w}")).collect::<Vec<_>>().join(" and ") {
        none if none.is_empty() && *tries == 0 => "none of the sizes that were tried works".into(),
        none if none.is_empty() => format!("no size within {FARTHEST} pixels works"),
        near => format!("the nearest sizes that work: {near}{of}"),
    };
    Error::Usage(format!("an image of {}x{} pixels does not fit the network: {why}; {near}", size.0, size.1))
}

/// The next multiple; the number itself, if there is none.
fn next_multiple(n: usize, multiple: usize) -> usize {
    n.max(1).checked_next_multiple_of(multiple).unwrap_or(n)
}
