//! The network drawn as a U, and a card for each of its nodes.

use super::layout::{Edge, Layout, Station};
use super::strings::{Strings, fill};
use super::{data_url, list};
use crate::engine::tensor::Tensor;
use crate::lesson::explain::{Explanation, NodeFacts};
use crate::numbers::{data_size, macs, milliseconds, number, percent};
use crate::picture::{Colormap, strip};
use maud::{Markup, PreEscaped, html};

/// Channels shown of each node.
const CHANNELS: usize = 4;
/// The largest side of a thumbnail, pixels.
const SIDE: usize = 64;

/// Width of a column of the drawing and height of a row, in the drawing's units.
const COLUMN: f64 = 40.0;
const ROW: f64 = 58.0;
/// A thumbnail's side.
const THUMB: f64 = 33.0;
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

/// The pictures of all nodes that are shown, as rules: each is embedded once, however often it is seen.
pub(super) fn pictures(e: &Explanation) -> String {
    let nodes = e.forward.iter().map(|node| {
        let tensor = &e.values[&node.id];
        rule(&format!("p{}", node.id), tensor, &maps(tensor), Colormap::Viridis, false)
    });
    let gradients = e.forward.iter().filter_map(|node| node.gradient).map(|id| {
        let tensor = &e.values[&id];
        rule(&format!("p{id}"), tensor, &maps(tensor), Colormap::Coolwarm, false)
    });
    // What is added, and the sum: one channel, the sum's strongest, and one range.
    let skips = e.skips.iter().map(|skip| {
        let sum = &e.values[&skip.gradient];
        let strongest = strongest(sum)[0];
        let shown = skip.streams.iter().map(|stream| stream.gradient).chain([skip.gradient]);
        let maps: Vec<Vec<f32>> = shown.map(|id| channel(&e.values[&id], strongest)).collect();
        rule(&format!("s{}", skip.gradient), sum, &maps, Colormap::Coolwarm, true)
    });
    nodes.chain(gradients).chain(skips).collect()
}

/// The values of channel `c`.
fn channel(tensor: &Tensor, c: usize) -> Vec<f32> {
    tensor.data.chunks(tensor.shape.c).map(|pixel| pixel[c]).collect()
}

fn maps(tensor: &Tensor) -> Vec<Vec<f32>> {
    strongest(tensor).into_iter().map(|c| channel(tensor, c)).collect()
}

fn rule(class: &str, tensor: &Tensor, maps: &[Vec<f32>], colormap: Colormap, shared: bool) -> String {
    let (h, w) = (tensor.shape.h, tensor.shape.w);
    let url = data_url(&strip(h, w, maps, colormap, shared, SIDE));
    let ratio = w as f64 / h as f64;
    format!(".{class}{{background-image:url({url});--tiles:{};--ratio:{ratio:.4}}}\n", maps.len())
}

/// The drawing: thumbnails over lines. Each thumbnail leads to its node's card.
pub(super) fn drawing(e: &Explanation, back: bool, s: &Strings) -> Markup {
    let station = |n: &NodeFacts| Station { id: n.id, shape: n.shape, inputs: n.inputs.clone() };
    let layout = Layout::new(&e.forward.iter().map(station).collect::<Vec<_>>());
    let (width, height) = (layout.columns * COLUMN, layout.rows as f64 * ROW + TOP);
    let percent = |v: f64, of: f64| format!("{:.3}%", 100.0 * v / of);
    let label = if back { s.u_backward } else { s.u_forward };
    html! {
        figure.u.back[back] {
            figcaption { (label) }
            div.scroll {
                div.map style=(format!("aspect-ratio:{width:.1}/{height:.1};min-width:{:.0}px", layout.columns * 27.0)) {
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
                            @if let Some(id) = id { span.(format!("thumb p{id}")) {} }
                        }
                    }
                }
            }
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
        let (c, d, turn) = if y1 > y0 { (y0 + THUMB, y1, 90.0) } else { (y0, y1 + THUMB, -90.0) };
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

/// What is known of a node, forward on the left, its gradient on the right.
pub(super) fn card(e: &Explanation, node: &NodeFacts, i: usize, s: &Strings) -> Markup {
    let text = s.op(node.topic.unwrap_or(node.op));
    html! {
        article.card id=(format!("node-{}", node.id)) data-i=(i) {
            h3 { (node.name) " " small { (node.op) } }
            div.two {
                div.half.forward {
                    h4 { (s.forward) }
                    (tiles(e, node.id, &fill(s.value_of, &[&node.name, node.op]), s))
                    p { code { (node.formula) } }
                    @if let Some(text) = text { p { (text.forward) } }
                    (facts(e, node, s))
                    (close_up(node, s))
                }
                div.half.backward {
                    h4 { (s.backward) }
                    @if let Some(gradient) = node.gradient { (backward(e, node, gradient, s)) }
                }
            }
        }
    }
}

/// To the worked example of a node's op.
fn close_up(node: &NodeFacts, s: &Strings) -> Markup {
    html! {
        @if let Some(topic) = node.topic {
            p.close-up { a href=(format!("#op-{topic}")) { (fill(s.close_up, &[s.title(topic, node.op)])) } }
        }
    }
}

fn backward(e: &Explanation, node: &NodeFacts, gradient: usize, s: &Strings) -> Markup {
    let g = e.node(gradient);
    let skip = e.skips.iter().find(|skip| skip.node == node.id);
    let reader = node.reader.map(|y| e.node(y));
    html! {
        (tiles(e, gradient, &fill(s.gradient_of, &[&node.name]), s))
        @match (skip, reader) {
            (Some(skip), _) => { p { code { (g.formula) } } (streams(e, skip, s)) (facts(e, g, s)) }
            // The rule is that of the node that used this one.
            (None, Some(reader)) => {
                p {
                    (s.arrives) " " a href=(format!("#node-{}", reader.id)) { (reader.name) } " (" (reader.op) "), "
                    (s.by_its_rule) ": " code { (reader.rule) }
                }
                @if let Some(text) = reader.topic.and_then(|topic| s.op(topic)) { p { (text.backward) } }
                (facts(e, g, s))
                (close_up(reader, s))
            }
            (None, None) => { p { code { (g.formula) } } p { (s.seed_of_gradient) } (facts(e, g, s)) }
        }
    }
}

/// Where a gradient is a sum: what is added.
pub(super) fn streams(e: &Explanation, skip: &crate::lesson::explain::Skip, s: &Strings) -> Markup {
    let class = format!("thumb s{}", skip.gradient);
    // Which of the pictures beside each other is seen.
    let place = |i: usize| format!("background-position:{:.3}% 0", 100.0 * i as f64 / skip.streams.len() as f64);
    html! {
        div.streams {
            @for (i, stream) in skip.streams.iter().enumerate() {
                @let by = fill(s.skip_by, &[&e.node(stream.by).name]);
                @let share = stream.share.map_or(s.zero.to_string(), |v| fill(s.skip_share, &[&percent(v)]));
                @if i > 0 { span.plus aria-hidden="true" { "+" } }
                figure.stream {
                    span.(class) style=(place(i)) role="img" aria-label=(by) {}
                    figcaption { (by) br; strong { (share) } br; (s.rms) " " (number(stream.rms, 3)) }
                    @if let Some(v) = stream.share {
                        span.bar aria-hidden="true" { span style=(format!("width:{:.1}%", 100.0 * v.clamp(0.0, 1.0))) {} }
                    }
                }
            }
            span.plus aria-hidden="true" { "=" }
            figure.stream {
                span.(class) style=(place(skip.streams.len())) role="img" aria-label=(s.skip_sum) {}
                figcaption { (s.skip_sum) br; (s.rms) " " (number(e.node(skip.gradient).rms, 3)) }
            }
        }
    }
}

fn tiles(e: &Explanation, id: usize, label: &str, s: &Strings) -> Markup {
    let channels = strongest(&e.values[&id]);
    html! {
        span.(format!("tiles p{id}")) role="img" aria-label=(label) {}
        @if channels.len() > 1 {
            span.channels style=(format!("max-width:{}px", 100 * channels.len())) { @for c in &channels { span { (fill(s.channel, &[&c.to_string()])) } } }
        }
    }
}

fn facts(e: &Explanation, node: &NodeFacts, s: &Strings) -> Markup {
    let [_, h, w, c] = node.shape;
    let time = match (&e.steps(node)[..], e.seconds(node)) {
        ([], _) => s.never_written.to_string(),
        (&[step], _) if e.plan.steps[step].nodes.last() != Some(&node.id) => {
            let last = e.plan.steps[step].nodes.last().map_or(String::new(), |&id| e.node(id).name.clone());
            fill(s.in_step, &[&step.to_string(), &last])
        }
        ([step], Some(seconds)) => {
            format!("{} ({})", milliseconds(seconds), fill(s.step, &[&step.to_string()]))
        }
        ([step], None) => fill(s.step, &[&step.to_string()]),
        (steps, _) => fill(s.in_steps, &[&list(steps)]),
    };
    html! {
        dl {
            dt { (s.shape) } dd { (format!("{h}×{w}×{c}")) }
            @if node.macs > 0 { dt { (s.work) } dd { (macs(node.macs)) } }
            dt { (s.rms) } dd { (number(node.rms, 3)) }
            dt { (s.zeros) } dd { (percent(node.zeros)) }
            @if node.op != "input" { dt { (s.time) } dd { (time) } }
            @if let Some(y) = node.answers.map(|y| e.node(y)) && let Some(text) = s.op(y.op) {
                @let text = if node.op == "add" { s.op("add").unwrap_or(text) } else { text };
                dt { (s.remembers) }
                dd {
                    (text.remembers)
                    @if let Some(r) = &node.remembers { (PreEscaped(" &middot; ")) (data_size(r.bytes as u64)) }
                }
            }
        }
    }
}
