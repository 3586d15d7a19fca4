//! The network drawn as a U.

use super::channels::{Channels, channel};
use super::data_url;
use super::layout::{Edge, Layout, Station};
use super::strings::{Strings, fill};
use crate::engine::tensor::Tensor;
use crate::lesson::explain::{Explanation, NodeFacts};
use crate::numbers::number;
use crate::picture::{Colormap, Figure, Signed, strip};
use maud::{Markup, html};

/// Channels shown of each node, on its card.
const CHANNELS: usize = 3;
/// The largest side of a thumbnail, pixels.
const SIDE: usize = 64;
/// And of the strongest channels on a card.
const SMALL: usize = 48;

/// Width of a column of the drawing and height of a row, in the drawing's units.
const COLUMN: f64 = 40.0;
const ROW: f64 = 64.0;
/// A thumbnail's side.
const THUMB: f64 = 33.0;
/// Room for its op's name below.
const LABEL: f64 = 9.0;
/// Room for the arcs above the first row.
const TOP: f64 = 22.0;

/// The channels with the largest mean magnitude, strongest first.
pub(super) fn strongest(tensor: &Tensor) -> Vec<usize> {
    let c = tensor.shape.c;
    let mut strength = vec![0.0f64; c];
    for pixel in tensor.data.chunks(c) {
        strength.iter_mut().zip(pixel).for_each(|(sum, v)| *sum += f64::from(v.abs()));
    }
    let mut order: Vec<usize> = (0..c).collect();
    order.sort_by(|&a, &b| strength[b].total_cmp(&strength[a]).then(a.cmp(&b)));
    order.truncate(CHANNELS);
    order
}

/// The pictures of all nodes that are shown, as rules: each is embedded once, however often it is seen. Class `c` has the channels
/// of the drawing, `p` the strongest, `s` what is added at a skip.
pub(super) fn pictures(e: &Explanation, channels: &Channels) -> String {
    let forward = e.forward.iter().map(|node| (node.id, Colormap::Viridis, channels.forward));
    let gradients = e.forward.iter().filter_map(|node| node.gradient);
    let ascent =
        e.ascent.iter().filter(|node| node.op != "rms").map(|node| (node.id, Colormap::Viridis, channels.forward));
    let all = forward.chain(gradients.map(|id| (id, Colormap::Coolwarm, channels.backward))).chain(ascent);
    let nodes = all.map(|(id, colormap, scale)| {
        let tensor = &e.values[&id];
        let (h, w) = (tensor.shape.h, tensor.shape.w);
        let (maps, strongest) = (channels.maps(tensor), strongest(tensor));
        let own: Vec<Vec<f32>> = strongest.into_iter().map(|c| channel(tensor, c)).collect();
        rule(&format!("c{id}"), tensor, &scale.strip(h, w, &maps, SIDE), maps.len())
            + &rule(&format!("p{id}"), tensor, &strip(h, w, &own, colormap, false, SMALL), own.len())
    });
    // What is added, and the sum: one channel, the sum's strongest, and one range.
    let skips = e.skips.iter().map(|skip| {
        let sum = &e.values[&skip.gradient];
        let strongest = strongest(sum)[0];
        let shown = skip.streams.iter().map(|stream| stream.gradient).chain([skip.gradient]);
        let maps: Vec<Vec<f32>> = shown.map(|id| channel(&e.values[&id], strongest)).collect();
        let figure = strip(sum.shape.h, sum.shape.w, &maps, Colormap::Coolwarm, true, SIDE);
        rule(&format!("s{}", skip.gradient), sum, &figure, maps.len())
    });
    nodes.chain(skips).collect()
}

fn rule(class: &str, tensor: &Tensor, figure: &Figure, tiles: usize) -> String {
    let ratio = tensor.shape.w as f64 / tensor.shape.h as f64;
    format!(".{class}{{background-image:url({});--tiles:{tiles};--ratio:{ratio:.4}}}\n", data_url(figure))
}

/// What the colours of a scale mean.
pub(super) fn legend(scale: Signed, s: &Strings) -> Markup {
    let (ramp, numbers) = scale.ramp();
    html! {
        div.legend {
            span.zero style=(format!("background:{}", scale.zero())) {}
            span { (s.exact_zero) }
            span.ramp {
                img src=(data_url(&ramp)) alt="";
                span.ticks { @for v in numbers { span { (number(v, 2)) } } }
            }
        }
    }
}

/// The drawing: thumbnails over lines. Each thumbnail leads to its node's card.
pub(super) fn drawing(e: &Explanation, channels: &Channels, back: bool, s: &Strings) -> Markup {
    let station = |n: &NodeFacts| Station { id: n.id, shape: n.shape, inputs: n.inputs.clone() };
    let layout = Layout::new(&e.forward.iter().map(station).collect::<Vec<_>>());
    let (width, height) = (layout.columns * COLUMN, layout.rows as f64 * ROW + TOP);
    let percent = |v: f64, of: f64| format!("{:.3}%", 100.0 * v / of);
    let label = if back { s.u_backward } else { s.u_forward };
    html! {
        figure.u.back[back] {
            figcaption { (label) }
            div.scroll {
                div.map style=(format!("aspect-ratio:{width:.1}/{height:.1};min-width:{:.0}px", layout.columns * 58.0)) {
                    svg viewBox=(format!("0 0 {width:.1} {height:.1}")) aria-hidden="true" {
                        @for edge in &layout.edges { (arrow(&layout, *edge, back)) }
                    }
                    @for (i, (node, &(column, row))) in e.forward.iter().zip(&layout.spots).enumerate() {
                        @let place = format!(
                            "left:{};top:{};width:{};height:{}",
                            percent(column * COLUMN, width),
                            percent(TOP + row as f64 * ROW, height),
                            percent(THUMB, width),
                            percent(THUMB, height)
                        );
                        @let id = if back { node.gradient } else { Some(node.id) };
                        @let text = if back { fill(s.gradient_of, &[&node.name]) } else {
                            fill(s.value_of, &[&node.name, node.op])
                        };
                        a.node href=(format!("#node-{}", node.id)) data-i=(i) style=(place) title=(text) aria-label=(text) {
                            @if let Some(id) = id { span.(format!("thumb picked c{id}")) {} }
                            span.op-name aria-hidden="true" { (node.op) }
                        }
                    }
                }
            }
            div.under {
                @if back {
                    div {
                        p.hint { (s.ascent_title) }
                        div.ascent { @for (k, node) in e.ascent.iter().enumerate() { (after(e.forward.len() + k, node, s)) } }
                    }
                }
                (legend(if back { channels.backward } else { channels.forward }, s))
            }
        }
    }
}

/// A node that makes a step of the gradient.
fn after(i: usize, node: &NodeFacts, s: &Strings) -> Markup {
    let text = fill(s.value_of, &[&node.name, node.op]);
    html! {
        @if i > 0 { span.arrow aria-hidden="true" { "→" } }
        a.node href=(format!("#node-{}", node.id)) data-i=(i) title=(text) aria-label=(text) {
            @if node.op == "rms" { span.number { (number(node.rms, 2)) } } @else { span.(format!("thumb picked c{}", node.id)) {} }
            span.op-name aria-hidden="true" { (node.op) }
        }
    }
}

/// The line from a node to its reader; on the way back its arrow is at the other end.
fn arrow(layout: &Layout, edge: Edge, back: bool) -> Markup {
    let at = |i: usize| {
        let (column, row) = layout.spots[i];
        (column * COLUMN, TOP + row as f64 * ROW)
    };
    let ((x0, y0), (x1, y1)) = (at(edge.from), at(edge.to));
    let half = THUMB / 2.0;
    // End points and the direction in which the line enters the second.
    let (path, from, to) = if edge.skip {
        let (x0, x1) = (x0 + half, x1 + half);
        let top = y0.min(y1) - 22.0;
        let path = format!("M{x0:.1} {:.1}C{x0:.1} {top:.1} {x1:.1} {top:.1} {x1:.1} {:.1}", y0 - 1.0, y1 - 1.0);
        (path, (x0, y0 - 1.0, 90.0), (x1, y1 - 1.0, 90.0))
    } else if y0 == y1 {
        let (a, b, y) = (x0 + THUMB, x1, y0 + half);
        (format!("M{a:.1} {y:.1}L{b:.1} {y:.1}"), (a, y, 180.0), (b, y, 0.0))
    } else {
        // Down: out of the lower edge; up: out of the upper one.
        let (a, b) = (x0 + half, x1 + half);
        let below = THUMB + LABEL;
        let (c, d, turn) = if y1 > y0 { (y0 + below, y1, 90.0) } else { (y0, y1 + below, -90.0) };
        let middle = (c + d) / 2.0;
        let path = format!("M{a:.1} {c:.1}C{a:.1} {middle:.1} {b:.1} {middle:.1} {b:.1} {d:.1}");
        (path, (a, c, turn + 180.0), (b, d, turn))
    };
    let (x, y, angle) = if back { from } else { to };
    html! {
        // Closed, since the elements of a drawing would otherwise lie inside each other.
        path.skip[edge.skip] d=(path) data-from=(edge.from) data-to=(edge.to) {}
        path.head.skip[edge.skip] d="M0 0L-6 -3.5L-6 3.5Z" data-from=(edge.from) data-to=(edge.to)
            transform=(format!("translate({x:.1} {y:.1}) rotate({angle})")) {}
    }
}
