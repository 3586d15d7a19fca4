//! Which pixels of an image a place of a map sees, and whether padding is among what it sees.
//!
//! Rows and columns are independent of each other in every op of a network of images, so that two lists are enough: for each
//! row of a map the first and the last row of the image that it sees, and whether it reads beyond the border; the same for
//! columns.

use crate::engine::graph::{Graph, NodeId};
use crate::engine::ops::{Axis, Op, Sides, Window};
use crate::engine::tensor::Shape;

/// What one row, or column, of a map sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub first: usize,
    pub last: usize,
    /// It reads padding, or something that was computed from padding.
    pub padded: bool,
}

/// For each row and for each column of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    pub rows: Vec<Span>,
    pub columns: Vec<Span>,
}

impl Reach {
    /// What the places of `from` itself see.
    fn of_image(shape: Shape) -> Reach {
        let own = |n: usize| (0..n).map(|i| Span { first: i, last: i, padded: false }).collect();
        Reach { rows: own(shape.h), columns: own(shape.w) }
    }

    /// All of the image: what is computed from its whole.
    fn whole(from: Shape, to: Shape) -> Reach {
        let all = |n: usize, m: usize| vec![Span { first: 0, last: n - 1, padded: true }; m];
        Reach { rows: all(from.h, to.h), columns: all(from.w, to.w) }
    }
}

/// For each node that is computed from `from`: what its places see of it. Sums over all places, as in a norm of the image, are
/// not counted: by them every place would see everything.
pub fn reach(graph: &Graph, from: NodeId) -> Vec<Option<Reach>> {
    let mut reaches: Vec<Option<Reach>> = vec![None; graph.len()];
    for (id, node) in graph.nodes() {
        if id == from {
            reaches[id.0] = Some(Reach::of_image(node.shape));
            continue;
        }
        let sums = matches!(node.op, Op::Sum(axes) if axes.h || axes.w) || matches!(node.op, Op::Mean);
        if sums {
            continue;
        }
        let mut found: Option<Reach> = None;
        for &x in &node.inputs {
            let Some(seen) = &reaches[x.0] else { continue };
            let own = through(&node.op, graph.shape(x), node.shape, seen)
                .unwrap_or_else(|| Reach::whole(graph.shape(from), node.shape));
            found = Some(match found {
                None => own,
                Some(other) => together(&own, &other),
            });
        }
        reaches[id.0] = found;
    }
    reaches
}

/// What the places of `op`'s result see, if its input's see `x`; `None` if that cannot be told.
fn through(op: &Op, from: Shape, to: Shape, x: &Reach) -> Option<Reach> {
    let both = |rows: Vec<Span>, columns: Vec<Span>| Some(Reach { rows, columns });
    match op {
        Op::Conv2d(conv) => {
            let k = Window::new(conv.kernel.kh, conv.kernel.kw);
            windows(x, to, k, conv.stride, conv.dilation, conv.pad)
        }
        Op::MaxPool(pool) => windows(x, to, pool.window, pool.stride, Window::ONE, pool.pad),
        Op::SumPool(window) => windows(x, to, *window, *window, Window::ONE, Sides::NONE),
        Op::ConvTranspose(conv) => {
            let (k, d) = (&conv.kernel, conv.dilation);
            both(
                leapt(&x.rows, to.h, k.kh, conv.stride.h, d.h, conv.pad.top),
                leapt(&x.columns, to.w, k.kw, conv.stride.w, d.w, conv.pad.left),
            )
        }
        Op::Upsample(window) => both(
            (0..to.h).map(|i| x.rows[i / window.h]).collect(),
            (0..to.w).map(|i| x.columns[i / window.w]).collect(),
        ),
        Op::Slice { start, .. } => {
            both(x.rows[start[0]..start[0] + to.h].to_vec(), x.columns[start[1]..start[1] + to.w].to_vec())
        }
        Op::Pad { before, .. } => both(padded(&x.rows, before[0], to.h), padded(&x.columns, before[1], to.w)),
        Op::Transform { axis, matrix } => {
            let mixed = |spans: &[Span]| {
                let row = |r: usize| {
                    let used = spans.iter().enumerate().filter(|(i, _)| matrix.get(r, *i) != 0.0);
                    union(used.map(|(_, span)| *span), false)
                };
                (0..matrix.rows).map(row).collect::<Option<Vec<Span>>>()
            };
            match axis {
                Axis::Down => both(mixed(&x.rows)?, x.columns.clone()),
                Axis::Across => both(x.rows.clone(), mixed(&x.columns)?),
            }
        }
        _ if (to.h, to.w) == (from.h, from.w) => Some(x.clone()),
        _ => None,
    }
}

/// What windows that slide over `x` see.
fn windows(x: &Reach, to: Shape, k: Window, stride: Window, dilation: Window, pad: Sides) -> Option<Reach> {
    let axis = |spans: &[Span], m: usize, k: usize, s: usize, d: usize, before: usize| {
        let place = |r: usize| {
            let at = |i: usize| (r * s + i * d).checked_sub(before).filter(|&p| p < spans.len());
            let beyond = (0..k).any(|i| at(i).is_none());
            union((0..k).filter_map(at).map(|p| spans[p]), beyond)
        };
        (0..m).map(place).collect::<Option<Vec<Span>>>()
    };
    Some(Reach {
        rows: axis(&x.rows, to.h, k.h, stride.h, dilation.h, pad.top)?,
        columns: axis(&x.columns, to.w, k.w, stride.w, dilation.w, pad.left)?,
    })
}

/// The same of a transposed convolution: place `p` takes from `r` where `p = r s + i d - before`.
fn leapt(spans: &[Span], m: usize, k: usize, s: usize, d: usize, before: usize) -> Vec<Span> {
    let place = |p: usize| {
        let from = (0..k).filter_map(|i| (p + before).checked_sub(i * d)).filter(|t| t % s == 0).map(|t| t / s);
        let (inside, beyond): (Vec<usize>, Vec<usize>) = from.partition(|&r| r < spans.len());
        // A tap that would take from before the first place.
        let before_first = (0..k).any(|i| i * d > p + before && (i * d - p - before).is_multiple_of(s));
        union(inside.into_iter().map(|r| spans[r]), !beyond.is_empty() || before_first)
    };
    // A place that takes from nowhere sees nothing; it is taken to see what its nearest neighbour sees.
    let mut last = spans.first().copied().unwrap_or(Span { first: 0, last: 0, padded: true });
    let mut found = vec![];
    for p in 0..m {
        last = place(p).unwrap_or(last);
        found.push(last);
    }
    found
}

fn padded(spans: &[Span], before: usize, m: usize) -> Vec<Span> {
    let edge = |i: usize| Span { padded: true, ..spans[i.clamp(before, before + spans.len() - 1) - before] };
    (0..m).map(|i| if i >= before && i < before + spans.len() { spans[i - before] } else { edge(i) }).collect()
}

fn union(spans: impl Iterator<Item = Span>, padded: bool) -> Option<Span> {
    let all = spans.reduce(|a, b| Span {
        first: a.first.min(b.first),
        last: a.last.max(b.last),
        padded: a.padded || b.padded,
    })?;
    Some(Span { padded: all.padded || padded, ..all })
}

/// Of a node with several inputs; one that is repeated over rows or columns sees what it sees everywhere.
fn together(a: &Reach, b: &Reach) -> Reach {
    let axis = |a: &[Span], b: &[Span]| {
        let n = a.len().max(b.len());
        let at = |spans: &[Span], i: usize| spans[i.min(spans.len() - 1)];
        (0..n).filter_map(|i| union([at(a, i), at(b, i)].into_iter(), false)).collect()
    };
    Reach { rows: axis(&a.rows, &b.rows), columns: axis(&a.columns, &b.columns) }
}
