//! The layers: kinds of filters down the U, orientations, frequency against depth, routes.

use super::chart::{NARROW, color, shown};
use crate::findings::{FREQUENCIES, Findings, LayerFindings, ORIENTATIONS, Text, TunedWhere, Verdict, frequencies};
use crate::numbers::{number, percent};
use crate::page::strings::fill;
use crate::page::strings::findings::FindingsText;
use crate::picture::{Anchor, Drawing, Mark, Paint};
use maud::{Markup, html};

pub fn section(findings: &Findings, t: &FindingsText) -> Markup {
    let middle = findings.layers.iter().filter(|layer| layer.tuned_where == TunedWhere::Middle);
    let middle: Vec<&str> = middle.map(|layer| &*layer.name).collect();
    html! {
        figure.plot { (shown(&kinds(findings, t), NARROW)) figcaption { (t.kinds_caption) } }
        details { summary { (t.table_summary) } (table(findings, t)) }
        @if let Some(kappa) = findings.kappa { p.kappa data-value=(kappa) { (fill(t.kappa, &[&number(kappa, 3)])) } }
        @match orientations(findings, t) {
            Some(chart) => { figure.plot { (shown(&chart, NARROW)) figcaption { (t.orientations_caption) } } }
            None => { p { (t.orientations_none) } }
        }
        figure.plot { (shown(&frequency(findings, t), NARROW)) figcaption { (t.frequency_caption) } }
        @if !middle.is_empty() { p.hint { (fill(t.middle, &[&middle.join(", ")])) } }
        (routes(findings, t))
    }
}

fn of(layer: &LayerFindings, verdict: Verdict) -> usize {
    layer.filters.iter().filter(|filter| filter.verdict == verdict).count()
}

/// A bar for each layer: on the left those of the way down, on the right those of the way up, on the row of their size.
pub fn kinds(findings: &Findings, t: &FindingsText) -> Drawing {
    const WIDTH: f64 = 800.0;
    const BAR: f64 = 200.0;
    const LINE: f64 = 24.0;
    let mut strides: Vec<f64> = findings.layers.iter().map(|layer| layer.stride).collect();
    strides.sort_by(f64::total_cmp);
    strides.dedup();
    let on = |stride: f64, decoder: bool| -> Vec<&LayerFindings> {
        findings.layers.iter().filter(|layer| layer.stride == stride && layer.decoder == decoder).collect()
    };
    let mut y = 46.0;
    let mut bars = vec![];
    for (level, &stride) in strides.iter().enumerate() {
        let (down, mut up) = (on(stride, false), on(stride, true));
        // What comes last stands on top: the way up is read upwards.
        up.reverse();
        let rows = down.len().max(up.len());
        let inset = 14.0 * level.min(5) as f64;
        bars.extend(down.iter().enumerate().map(|(i, &layer)| (layer, 100.0 + inset, y + LINE * i as f64)));
        let first = rows - up.len();
        bars.extend(up.iter().enumerate().map(|(i, &layer)| (layer, 560.0 - inset, y + LINE * (first + i) as f64)));
        y += LINE * rows as f64 + 14.0;
    }
    y += 30.0;
    let mut drawing = Drawing { size: (WIDTH, y), label: t.kinds_caption.to_string(), marks: vec![] };
    drawing.word((100.0, 24.0), Anchor::Start, Paint::Soft, format!("↓ {}", t.down));
    drawing.word((560.0, 24.0), Anchor::Start, Paint::Soft, format!("↑ {}", t.up));
    for (layer, x, y) in bars {
        drawing.word((x - 8.0, y + 13.0), Anchor::End, Paint::Ink, short(&layer.name));
        let unit = BAR / layer.filters.len().max(1) as f64;
        for (verdict, from, count) in stacked(layer) {
            let about = format!("{}: {count} {}", layer.name, t.verdict(verdict));
            let (at, size) = ((x + unit * from as f64, y), (unit * count as f64, 18.0));
            drawing.marks.push(Mark::Bar { at, size, paint: color(verdict), about });
        }
        drawing.word((x + BAR + 6.0, y + 13.0), Anchor::Start, Paint::Soft, layer.filters.len().to_string());
    }
    // What the colours are.
    let mut x = 16.0;
    for verdict in Verdict::ALL {
        let about = String::new();
        drawing.marks.push(Mark::Bar { at: (x, y - 22.0), size: (11.0, 11.0), paint: color(verdict), about });
        drawing.word((x + 16.0, y - 12.0), Anchor::Start, Paint::Ink, t.verdict(verdict));
        // As broad as its letters, nearly, and a gap.
        x += 32.0 + 6.6 * t.verdict(verdict).chars().count() as f64;
    }
    drawing
}

/// The kinds that a layer has, each with how many filters come before it.
fn stacked(layer: &LayerFindings) -> Vec<(Verdict, usize, usize)> {
    let mut from = 0;
    let mut kinds = vec![];
    for verdict in Verdict::ALL {
        let count = of(layer, verdict);
        if count > 0 {
            kinds.push((verdict, from, count));
        }
        from += count;
    }
    kinds
}

/// A name that fits beside a bar.
fn short(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= 13 { name.to_string() } else { letters[..12].iter().collect::<String>() + "…" }
}

fn table(findings: &Findings, t: &FindingsText) -> Markup {
    html! {
        div.scroll.wide {
            table.facts.kinds {
                thead { tr {
                    @for title in [t.layer, t.filters].into_iter().chain(Verdict::ALL.map(|v| t.verdict(v))).chain([t.threshold]) { th scope="col" { (title) } }
                } }
                tbody {
                    @for layer in &findings.layers {
                        tr data-layer=(layer.name) {
                            th scope="row" { (layer.name) }
                            td { (layer.filters.len()) }
                            @for verdict in Verdict::ALL { td data-kind=(verdict.to_string()) { (of(layer, verdict)) } }
                            td { (number(layer.line_threshold, 3)) }
                        }
                    }
                }
            }
        }
    }
}

/// How the orientations of line filters lie: on the way down, on the way up. `None` without a line filter.
pub fn orientations(findings: &Findings, t: &FindingsText) -> Option<Drawing> {
    let of = |decoder: bool| -> Vec<f64> {
        let filters = findings.layers.iter().filter(|layer| layer.decoder == decoder).flat_map(|layer| &layer.filters);
        let lines = filters.filter(|filter| filter.verdict == Verdict::Line);
        lines.filter_map(|filter| Some(filter.tuning.as_ref()?.orientation)).collect()
    };
    let sides = [(t.down, of(false)), (t.up, of(true))];
    if sides.iter().all(|(_, lines)| lines.is_empty()) {
        return None;
    }
    let most = sides.iter().flat_map(|(_, lines)| shares(lines)).fold(0.0, f64::max);
    let mut drawing = Drawing { size: (700.0, 342.0), label: t.orientations_caption.to_string(), marks: vec![] };
    for (i, (name, lines)) in sides.iter().enumerate() {
        let x = 190.0 + 320.0 * i as f64;
        let title = format!("{name}, {}", fill(t.lines, &[&lines.len().to_string()]));
        drawing.word((x, 22.0), Anchor::Middle, Paint::Ink, title);
        rose(&mut drawing, lines, most, (x, 180.0), 120.0);
        drawing.word((x + 126.0, 184.0), Anchor::Start, Paint::Soft, "0°");
        drawing.word((x, 52.0), Anchor::Middle, Paint::Soft, "90°");
    }
    let key = format!("0° {}, 90° {}", t.horizontal, t.vertical);
    drawing.word((350.0, 330.0), Anchor::Middle, Paint::Soft, key);
    Some(drawing)
}

/// The share of each of the twelve orientations.
fn shares(lines: &[f64]) -> [f64; ORIENTATIONS] {
    let step = 180.0 / ORIENTATIONS as f64;
    let mut shares = [0.0; ORIENTATIONS];
    for orientation in lines {
        shares[(orientation / step).round() as usize % ORIENTATIONS] += 1.0 / lines.len() as f64;
    }
    shares
}

/// Sectors whose area is the share, twice, since stripes have no beginning.
fn rose(drawing: &mut Drawing, lines: &[f64], most: f64, at: (f64, f64), radius: f64) {
    let step = 180.0 / ORIENTATIONS as f64;
    let reach = |share: f64| radius * (share / most.max(1e-9)).sqrt();
    drawing.marks.push(Mark::Ring { at, radius, paint: Paint::Rule, dashed: false });
    let shares = shares(lines);
    for k in (0..2 * ORIENTATIONS).filter(|k| shares[k % ORIENTATIONS] > 0.0) {
        let (share, degrees) = (shares[k % ORIENTATIONS], k as f64 * step);
        let about = format!("{}°: {}", degrees % 180.0, percent(share));
        let (from, to) = (degrees - step / 2.0, degrees + step / 2.0);
        drawing.marks.push(Mark::Sector { at, radius: reach(share), from, to, paint: Paint::Accent, about });
    }
    let even = reach(1.0 / ORIENTATIONS as f64);
    drawing.marks.push(Mark::Ring { at, radius: even, paint: Paint::Ink, dashed: true });
}

/// A dot for each filter that is tuned to a frequency, over the convolutions passed.
pub fn frequency(findings: &Findings, t: &FindingsText) -> Drawing {
    const LEFT: f64 = 64.0;
    const RIGHT: f64 = 784.0;
    const TOP: f64 = 20.0;
    const BOTTOM: f64 = 290.0;
    let steps = frequencies();
    let deepest = findings.layers.iter().map(|layer| layer.depth).max().unwrap_or(1).max(1) as f64;
    let x = |depth: f64| LEFT + (RIGHT - LEFT) * depth / (deepest + 0.5);
    // Half a step of room at each end.
    let (lo, hi) = (steps[0].log2(), steps[FREQUENCIES - 1].log2());
    let room = (hi - lo) / (2 * (FREQUENCIES - 1)) as f64;
    let y =
        |v: f64| BOTTOM - (BOTTOM - TOP) * (v.log2().clamp(lo - room, hi + room) - lo + room) / (hi - lo + 2.0 * room);
    let tuned = |layer: &LayerFindings| -> Vec<(usize, f64)> {
        let filters = layer.filters.iter().filter(|filter| matches!(filter.verdict, Verdict::Line | Verdict::Spot));
        filters.filter_map(|filter| Some((filter.filter, filter.tuning.as_ref()?.frequency))).collect()
    };
    let label = t.frequency_caption.to_string();
    let mut drawing = Drawing { size: (800.0, BOTTOM + 48.0), label, marks: vec![] };
    for at in steps {
        drawing.line((LEFT, y(at)), (RIGHT, y(at)), 1.0, Paint::Rule);
        drawing.word((LEFT - 8.0, y(at) + 4.0), Anchor::End, Paint::Soft, number(at, 2));
    }
    for depth in (1..=deepest as usize).filter(|depth| deepest < 30.0 || depth % 5 == 0) {
        drawing.word((x(depth as f64), BOTTOM + 18.0), Anchor::Middle, Paint::Soft, depth.to_string());
    }
    drawing.word(((LEFT + RIGHT) / 2.0, BOTTOM + 38.0), Anchor::Middle, Paint::Ink, t.depth);
    drawing.word((8.0, 12.0), Anchor::Start, Paint::Soft, t.frequency_axis);
    for layer in &findings.layers {
        let tuned = tuned(layer);
        let paint = if layer.decoder { Paint::Warm } else { Paint::Accent };
        for &(filter, frequency) in &tuned {
            // Beside each other, by their numbers: the golden ratio spreads them evenly.
            let aside = (filter as f64 * 0.618_034).fract() - 0.5;
            let at = (x(layer.depth as f64 + 0.6 * aside), y(frequency));
            drawing.marks.push(Mark::Dot { at, radius: 2.4, paint, opacity: 0.45 });
        }
        if let Some(median) = median(tuned.iter().map(|&(_, frequency)| frequency).collect()) {
            let depth = layer.depth as f64;
            drawing.line((x(depth - 0.36), y(median)), (x(depth + 0.36), y(median)), 2.0, Paint::Ink);
        }
    }
    for (x, paint, name) in [(RIGHT - 190.0, Paint::Accent, t.down), (RIGHT - 90.0, Paint::Warm, t.up)] {
        drawing.marks.push(Mark::Dot { at: (x, BOTTOM + 34.0), radius: 4.0, paint, opacity: 1.0 });
        drawing.word((x + 10.0, BOTTOM + 38.0), Anchor::Start, Paint::Ink, name);
    }
    drawing
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The mean shares of the routes through the U, for layers of which they were measured.
fn routes(findings: &Findings, t: &FindingsText) -> Markup {
    let of = |layer: &LayerFindings| -> Option<Vec<f64>> {
        let all: Vec<&Vec<f64>> = layer.filters.iter().filter_map(|filter| filter.routes.as_ref()).collect();
        let routes = all.first()?.len();
        let mean =
            |k: usize| all.iter().map(|shares| shares.get(k).copied().unwrap_or(0.0)).sum::<f64>() / all.len() as f64;
        (routes > 1).then(|| (0..routes).map(mean).collect())
    };
    let rows: Vec<(&str, Vec<f64>)> =
        findings.layers.iter().filter_map(|layer| Some((&*layer.name, of(layer)?))).collect();
    let most = rows.iter().map(|(_, shares)| shares.len()).max().unwrap_or(0);
    // The claim names the skips.
    let skips = findings.claims.iter().find(|claim| claim.sentence == Text::Skips).map(|claim| &claim.details["skips"]);
    let name = |k: usize| Some(skips?[k]["skip"].as_str()?.to_string());
    let title = |k: usize| match k + 1 == most {
        true => t.route_down.to_string(),
        false => name(k).unwrap_or_else(|| fill(t.route_skip, &[&(k + 1).to_string()])),
    };
    html! {
        @if !rows.is_empty() {
            h3 { (t.routes_title) }
            p { (t.routes_lead) }
            div.scroll {
                table.facts {
                    thead { tr { th scope="col" { (t.layer) } @for k in 0..most { th scope="col" { (title(k)) } } } }
                    tbody {
                        @for (name, shares) in &rows {
                            tr { th scope="row" { (name) } @for k in 0..most { td { (shares.get(k).map_or("–".to_string(), |&share| percent(share))) } } }
                        }
                    }
                }
            }
        }
    }
}
