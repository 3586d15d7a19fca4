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
        Op::Add | Op::Mul | Op::Broadcast(_) => both(repeated(&x.rows, to.h)?, repeated(&x.columns, to.w)?),
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

/// Of one row, or column, that is repeated.
fn repeated(spans: &[Span], m: usize) -> Option<Vec<Span>> {
    match spans {
        _ if spans.len() == m => Some(spans.to_vec()),
        [one] => Some(vec![*one; m]),
        _ => None,
    }
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

/// Of a node with several inputs.
fn together(a: &Reach, b: &Reach) -> Reach {
    let axis =
        |a: &[Span], b: &[Span]| a.iter().zip(b).filter_map(|(a, b)| union([*a, *b].into_iter(), false)).collect();
    Reach { rows: axis(&a.rows, &b.rows), columns: axis(&a.columns, &b.columns) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Result;
    use crate::engine::exec::reference::evaluate;
    use crate::engine::ops::{Axes, Conv2d, ConvTranspose, Kernel, Matrix, Pool, Sampling};
    use crate::engine::tensor::Tensor64;

    /// By trying: which of six rows of an image of ones a row of the result depends on.
    fn tried(graph: &Graph, x: NodeId, y: NodeId) -> Vec<(usize, usize)> {
        let (shape, of) = (graph.shape(x), graph.shape(y));
        let lit = |row: usize| {
            let data = (0..shape.len()).map(|i| if i / (shape.w * shape.c) == row { 1.0 } else { 0.0 }).collect();
            evaluate(graph, &[(x, &Tensor64 { shape, data })], &[y]).remove(0)
        };
        let answers: Vec<Tensor64> = (0..shape.h).map(lit).collect();
        let sees = |r: usize, row: usize| (0..of.w * of.c).any(|i| answers[row].data[r * of.w * of.c + i] != 0.0);
        let span = |r: usize| {
            let seen: Vec<usize> = (0..shape.h).filter(|&row| sees(r, row)).collect();
            (seen[0], seen[seen.len() - 1])
        };
        (0..of.h).map(span).collect()
    }

    /// Rows as they are tried, and `padded`: whether each row reads beyond the border. Columns see what rows do, of an image turned over.
    #[track_caller]
    fn check(padded: &str, build: impl Fn(&mut Graph, NodeId, bool) -> Result<NodeId>) {
        for turned in [false, true] {
            let shape = if turned { Shape::new(1, 2, 6, 2) } else { Shape::new(1, 6, 2, 2) };
            let mut graph = Graph::new();
            let x = graph.input("x", shape).unwrap();
            let y = build(&mut graph, x, turned).unwrap();
            let found = reach(&graph, x)[y.0].clone().unwrap();
            let spans = if turned { found.columns } else { found.rows };
            let beyond: String = spans.iter().map(|span| if span.padded { '#' } else { '.' }).collect();
            assert_eq!(beyond, padded, "turned over: {turned}");
            if !turned {
                let seen: Vec<(usize, usize)> = spans.iter().map(|span| (span.first, span.last)).collect();
                assert_eq!(seen, tried(&graph, x, y));
            }
        }
    }

    fn along(turned: bool, n: usize) -> Window {
        if turned { Window::new(1, n) } else { Window::new(n, 1) }
    }

    fn sides(turned: bool, before: usize, after: usize) -> Sides {
        match turned {
            true => Sides { left: before, right: after, ..Sides::NONE },
            false => Sides { top: before, bottom: after, ..Sides::NONE },
        }
    }

    fn conv(turned: bool, k: usize, stride: usize, dilation: usize, (before, after): (usize, usize)) -> Conv2d {
        let k = along(turned, k);
        let kernel = Kernel::new(k.h, k.w, 2, 2, vec![1.0; k.len() * 4].into()).unwrap();
        let (stride, dilation) = (along(turned, stride), along(turned, dilation));
        Conv2d { kernel, bias: None, stride, pad: sides(turned, before, after), dilation, groups: 1 }
    }

    #[test]
    fn windows_see_what_they_cover() {
        check("#....#", |g, x, t| g.conv2d("y", x, conv(t, 3, 1, 1, (1, 1))));
        check("....", |g, x, t| g.conv2d("y", x, conv(t, 3, 1, 1, (0, 0))));
        check(".....#", |g, x, t| g.conv2d("y", x, conv(t, 2, 1, 1, (0, 1))));
        check("##..##", |g, x, t| g.conv2d("y", x, conv(t, 3, 1, 2, (2, 2))));
        check("#..", |g, x, t| g.conv2d("y", x, conv(t, 3, 2, 1, (1, 0))));
        check("###..###", |g, x, t| {
            let a = g.conv2d("a", x, conv(t, 3, 1, 1, (1, 1)))?;
            g.conv2d("y", a, conv(t, 3, 1, 1, (2, 2)))
        });
        check("...", |g, x, t| g.max_pool("y", x, along(t, 2)));
        check("#.#", |g, x, t| {
            let pool = Pool { window: along(t, 3), stride: along(t, 2), pad: sides(t, 1, 0) };
            let y = g.max_pool("pool", x, pool)?;
            g.conv2d("y", y, conv(t, 2, 1, 1, (0, 1)))
        });
        check("..", |g, x, t| g.sum_pool("y", x, along(t, 3)));
        check("............", |g, x, t| g.upsample("y", x, along(t, 2)));
    }

    #[test]
    fn what_leaps_is_cut_and_padded() {
        // The transpose of a convolution of three with stride 2: 13 from 6, both ends of which lie under fewer taps.
        let transpose = |t: bool, k: usize, stride: usize, before: usize, n: usize| {
            let Conv2d { kernel, stride, dilation, .. } = conv(t, k, stride, 1, (0, 0));
            let (h, w) = if t { (2, n) } else { (n, 2) };
            ConvTranspose { kernel, bias: None, stride, pad: sides(t, before, 0), dilation, groups: 1, h, w }
        };
        check("#...........#", |g, x, t| g.conv_transpose("y", x, transpose(t, 3, 2, 0, 13)));
        check("............", |g, x, t| g.conv_transpose("y", x, transpose(t, 2, 2, 0, 12)));
        check("...........#", |g, x, t| g.conv_transpose("y", x, transpose(t, 3, 2, 1, 12)));
        let crop = |g: &mut Graph, x: NodeId, t: bool, start: usize, size: usize| match t {
            true => g.crop("crop", x, [0, start, 0], [2, size, 2]),
            false => g.crop("crop", x, [start, 0, 0], [size, 2, 2]),
        };
        check("...", |g, x, t| crop(g, x, t, 2, 3));
        check("..#", |g, x, t| {
            let y = g.conv2d("y", x, conv(t, 3, 1, 1, (1, 1)))?;
            crop(g, y, t, 3, 3)
        });
        // Half way between two pixels both are seen; at the ends the last one alone.
        check("............", |g, x, t| {
            let axis = if t { Axis::Across } else { Axis::Down };
            g.transform("y", x, axis, Matrix::resize(6, 12, Sampling::Bilinear))
        });
        // Of two ways what either sees; a number for each row is one for the row.
        check("#....#", |g, x, t| {
            let y = g.conv2d("y", x, conv(t, 3, 1, 1, (1, 1)))?;
            g.add("sum", x, y)
        });
        check("......", |g, x, _| {
            let sum = g.sum("sum", x, Axes::CHANNELS)?;
            g.mul("y", x, sum)
        });
        // A sum over all rows, again in each row.
        check("......", |g, x, t| {
            let sum = g.sum_pool("sum", x, along(t, 6))?;
            g.add("y", x, sum)
        });
    }

    /// Zeros around an image see what their nearest neighbour sees, and are padding.
    #[test]
    fn padding_and_what_sees_all() {
        let mut g = Graph::new();
        let x = g.input("x", Shape::new(1, 3, 2, 1)).unwrap();
        let pad = g.pad("pad", x, [2, 0, 0], [6, 3, 1]).unwrap();
        let mean = g.mean("mean", x).unwrap();
        let scaled = g.mul("scaled", x, mean).unwrap();
        let flat = g.reshape("flat", x, Shape::new(1, 2, 3, 1)).unwrap();
        let reaches = reach(&g, x);
        let spans = |spans: &[Span]| spans.iter().map(|s| (s.first, s.last, s.padded)).collect::<Vec<_>>();
        let padded = reaches[pad.0].as_ref().unwrap();
        let (t, f) = (true, false);
        assert_eq!(spans(&padded.rows), [(0, 0, t), (0, 0, t), (0, 0, f), (1, 1, f), (2, 2, f), (2, 2, t)]);
        assert_eq!(spans(&padded.columns), [(0, 0, f), (1, 1, f), (1, 1, t)]);
        assert_eq!(reaches[mean.0], None, "sums over all places are not counted");
        assert_eq!(spans(&reaches[scaled.0].as_ref().unwrap().rows), [(0, 0, f), (1, 1, f), (2, 2, f)]);
        let whole = reaches[flat.0].as_ref().unwrap();
        assert_eq!((spans(&whole.rows), spans(&whole.columns)), (vec![(0, 2, t); 2], vec![(0, 1, t); 3]));
    }
}
