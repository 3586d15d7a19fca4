//! A card for each node of the drawing: what it holds, what comes back to it, and why.

use super::channels::Channels;
use super::list;
use super::strings::{Strings, fill};
use super::u::strongest;
use crate::lesson::explain::{Explanation, NodeFacts, Skip};
use crate::numbers::{data_size, macs, milliseconds, number};
use maud::{Markup, PreEscaped, html};

/// What is known of a node, forward on the left, its gradient on the right.
pub(super) fn card(e: &Explanation, channels: &Channels, node: &NodeFacts, i: usize, s: &Strings) -> Markup {
    let text = s.op(node.topic.unwrap_or(node.op));
    html! {
        article.card id=(format!("node-{}", node.id)) data-i=(i) {
            h3 { (node.name) " " small { (node.op) } }
            div.two {
                div.half.forward {
                    h4 { (s.forward) }
                    (tiles(e, channels, node.id, &fill(s.value_of, &[&node.name, node.op]), s))
                    p { code { (node.formula) } }
                    @if let Some(text) = text { p { (text.forward) } }
                    (facts(e, node, s))
                    (close_up(node, s))
                }
                div.half.backward {
                    h4 { (s.backward) }
                    @if let Some(gradient) = node.gradient { (backward(e, channels, node, gradient, s)) }
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

fn backward(e: &Explanation, channels: &Channels, node: &NodeFacts, gradient: usize, s: &Strings) -> Markup {
    let g = e.node(gradient);
    let skip = e.skips.iter().find(|skip| skip.node == node.id);
    let reader = node.reader.map(|y| e.node(y));
    html! {
        (tiles(e, channels, gradient, &fill(s.gradient_of, &[&node.name]), s))
        @match (skip, reader) {
            (Some(skip), _) => {
                p { code { (g.formula) } }
                (streams(e, skip, s))
                (facts(e, g, s))
                p.close-up { a href="#op-used-twice" { (fill(s.close_up, &[s.title("used-twice", "")])) } }
            }
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
pub(super) fn streams(e: &Explanation, skip: &Skip, s: &Strings) -> Markup {
    let class = format!("thumb s{}", skip.gradient);
    // Which of the pictures beside each other is seen.
    let place = |i: usize| format!("background-position:{:.3}% 0", 100.0 * i as f64 / skip.streams.len() as f64);
    html! {
        div.streams {
            @for (i, stream) in skip.streams.iter().enumerate() {
                @let by = fill(s.skip_by, &[&e.node(stream.by).name]);
                @let share = stream.share.map_or(s.zero.to_string(), |v| fill(s.skip_share, &[&s.percent(v)]));
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

/// The channel of the drawing in its colours, then the strongest in their own.
fn tiles(e: &Explanation, channels: &Channels, id: usize, label: &str, s: &Strings) -> Markup {
    let strongest = strongest(&e.values[&id]);
    html! {
        @if strongest.len() > 1 {
            p.hint.which data-text=(s.same_channel) { (fill(s.same_channel, &[&channels.numbers[channels.first].to_string()])) }
        }
        span.(format!("thumb large picked c{id}")) role="img" aria-label=(label) {}
        @if strongest.len() > 1 {
            p.hint { (s.strongest) }
            span.(format!("tiles p{id}")) role="img" aria-label=(label) {}
            span.channels style=(format!("max-width:{}px", 100 * strongest.len())) {
                @for c in &strongest { span { (fill(s.channel, &[&c.to_string()])) } }
            }
        }
    }
}

/// Of a node behind the image's gradient: what makes a step of it.
pub(super) fn after(e: &Explanation, node: &NodeFacts, i: usize, s: &Strings) -> Markup {
    html! {
        article.card id=(format!("node-{}", node.id)) data-i=(i) {
            h3 { (node.name) " " small { (node.op) } }
            @if node.op != "rms" {
                span.(format!("thumb large picked c{}", node.id)) role="img" aria-label=(fill(s.value_of, &[&node.name, node.op])) {}
            }
            p { code { (node.formula) } }
            @for (_, text) in s.ascent.iter().filter(|(op, _)| *op == node.op) { p { (text) } }
            (facts(e, node, s))
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
            dt { (s.zeros) } dd { (s.percent(node.zeros)) }
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
