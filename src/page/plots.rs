//! Memory along the way, as a drawing: bars for each step, and under them how long each kept thing lives.

use super::strings::Strings;
use crate::lesson::explain::Explanation;
use crate::numbers::{data_size, number};
use maud::{Markup, html};

const WIDTH: f64 = 720.0;
/// Room for a label like 1023.9 MiB, in the letters of a narrow screen.
const LEFT: f64 = 116.0;
const BARS: f64 = 180.0;
/// Room above the bars for two words, in the large letters of a narrow screen and of fonts with high accents.
const TOP: f64 = 34.0;
const LINE: f64 = 9.0;

pub(super) fn memory(e: &Explanation, s: &Strings) -> Markup {
    let steps = &e.plan.steps;
    let kept = e.kept();
    let peak = e.plan.peak.max(1) as f64;
    let column = (WIDTH - LEFT) / steps.len().max(1) as f64;
    let x = |i: usize| LEFT + i as f64 * column;
    let y = |bytes: usize| TOP + BARS - BARS * bytes as f64 / peak;
    // The first step that computes nothing of the forward pass.
    let last_forward = e.forward.last().map_or(0, |node| node.id);
    let turn = steps.iter().position(|step| step.nodes.iter().all(|&id| id > last_forward)).unwrap_or(steps.len());
    // At most 25 numbers beneath the bars.
    let tick = steps.len().div_ceil(125).max(1) * 5;
    let height = TOP + BARS + 44.0 + LINE * kept.len() as f64;
    html! {
        figure.plot {
            svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(s.memory_axis) {
                @for part in 0..=4 {
                    @let bytes = e.plan.peak * part / 4;
                    line.rule x1=(LEFT) x2=(WIDTH) y1=(f(y(bytes))) y2=(f(y(bytes))) {}
                    text x=(LEFT - 6.0) y=(f(y(bytes) + 4.0)) text-anchor="end" { (data_size(bytes as u64)) }
                }
                @for (i, step) in steps.iter().enumerate() {
                    rect.working x=(f(x(i) + 0.5)) width=(f(column - 1.0)) y=(f(y(step.live)))
                        height=(f(y(step.remembered) - y(step.live))) {}
                    rect.kept x=(f(x(i) + 0.5)) width=(f(column - 1.0)) y=(f(y(step.remembered)))
                        height=(f(TOP + BARS - y(step.remembered))) {}
                    @if i % tick == 0 && x(i) + column / 2.0 < WIDTH - 30.0 {
                        text x=(f(x(i) + column / 2.0)) y=(TOP + BARS + 17.0) text-anchor="middle" { (i) }
                    }
                }
                line.turn x1=(f(x(turn))) x2=(f(x(turn))) y1="0" y2=(f(height)) {}
                text.big x=(f(x(turn) - 6.0)) y="26" text-anchor="end" { (s.forward) " →" }
                text.big x=(f(x(turn) + 6.0)) y="26" { (s.backward) " →" }
                text x=(WIDTH) y=(TOP + BARS + 36.0) text-anchor="end" { (s.memory_step) }
                @for (i, value) in kept.iter().enumerate() {
                    rect.kept x=(f(x(value.from))) width=(f(x(value.until + 1) - x(value.from)))
                        y=(f(TOP + BARS + 44.0 + LINE * i as f64)) height=(LINE - 3.0) {
                        title { (e.node(value.node).name) ", " (s.kind(value.kind)) ", " (data_size(value.bytes as u64)) }
                    }
                }
            }
            figcaption {
                span.key.working {} (s.memory_working) " " span.key.kept {} (s.memory_kept)
            }
        }
    }
}

/// Two digits after the point are enough for a drawing.
fn f(v: f64) -> String {
    format!("{v:.2}")
}

/// The way of a climb: the activation before each step and after the last.
pub(super) fn climb(losses: &[f32], label: &str, step: &str) -> Markup {
    const W: f64 = 420.0;
    const H: f64 = 150.0;
    /// Room for a label like -0.000123.
    const LEFT: f64 = 92.0;
    let finite = || losses.iter().map(|&v| f64::from(v)).filter(|v| v.is_finite());
    let (lo, hi) = finite().fold((f64::MAX, f64::MIN), |(lo, hi), v| (lo.min(v), hi.max(v)));
    let (lo, hi) = if lo > hi { (0.0, 1.0) } else { (lo, hi) };
    let span = if hi > lo { hi - lo } else { 1.0 };
    let last = (losses.len().max(2) - 1) as f64;
    let x = |i: usize| LEFT + (W - LEFT - 10.0) * i as f64 / last;
    let y = |v: f64| 12.0 + (H - 44.0) * (1.0 - (v - lo) / span);
    let points = losses.iter().enumerate().filter(|(_, v)| v.is_finite());
    let points: Vec<String> = points.map(|(i, &v)| format!("{},{}", f(x(i)), f(y(v.into())))).collect();
    html! {
        figure.plot {
            svg viewBox=(format!("0 0 {W} {H}")) role="img" aria-label=(label) {
                @for v in [lo, lo + span] {
                    line.rule x1=(LEFT) x2=(W - 10.0) y1=(f(y(v))) y2=(f(y(v))) {}
                    text x=(LEFT - 6.0) y=(f(y(v) + 4.0)) text-anchor="end" { (number(v, 3)) }
                }
                polyline points=(points.join(" ")) {}
                text x=(LEFT) y=(H - 16.0) text-anchor="middle" { "0" }
                text x=(W - 10.0) y=(H - 16.0) text-anchor="end" { (last) }
                text x=(f((LEFT + W) / 2.0)) y=(H - 3.0) text-anchor="middle" { (step) }
            }
        }
    }
}
