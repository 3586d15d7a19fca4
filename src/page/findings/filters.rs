//! The filters: a grid of all, each opening to its picture, its tuning and its numbers.

use super::heat;
use super::measures::{COLUMNS, Cell};
use crate::findings::{FilterFindings, Findings, Interval, LayerFindings, Look, Patch, Proven, Text, Trust, Verdict};
use crate::numbers::number;
use crate::page::data_url;
use crate::page::strings::findings::{FindingsText, because, place};
use crate::page::strings::{Lang, fill};
use crate::picture::{Colormap, Figure, Mix, Panel, color_strip, grid, strip};
use maud::{Markup, html};
use rayon::prelude::*;

/// The largest sides of pictures, pixels.
#[derive(Debug, Clone, Copy)]
pub struct Sides {
    pub picture: usize,
    pub beside: usize,
    pub heat: usize,
}

/// Digits of a number in filters.csv.
const DIGITS: usize = 6;

pub fn section(findings: &Findings, lang: Lang, sides: Sides) -> Markup {
    let t = lang.findings();
    let mut all: Vec<(&LayerFindings, &FilterFindings)> =
        findings.layers.iter().flat_map(|layer| layer.filters.iter().map(move |filter| (layer, filter))).collect();
    // Sorted by verdict; those that were drawn come first.
    all.sort_by_key(|(layer, filter)| (place(filter.verdict), filter.trust.is_none(), layer.layer, filter.filter));
    let lost = findings.claims.iter().find(|claim| claim.sentence == Text::Pruning);
    let unit = lost.map_or("", |claim| t.unit(claim.unit));
    let cards: Vec<Markup> = all.par_iter().map(|(layer, filter)| card(layer, filter, (lang, unit), sides)).collect();
    html! {
        ul.meanings {
            @for verdict in Verdict::ALL { li { strong { (t.verdict(verdict)) } ": " (t.meaning(verdict)) } }
        }
        div.controls.js {
            div role="group" aria-label=(t.show) {
                button type="button" data-show="" aria-pressed="true" { (t.all) }
                @for verdict in Verdict::ALL {
                    @let count = all.iter().filter(|(_, filter)| filter.verdict == verdict).count();
                    @if count > 0 { button type="button" data-show=(verdict.to_string()) aria-pressed="false" { (t.verdict(verdict)) " " (count) } }
                }
            }
            label { (t.in_layer) " " select #in-layer {
                option value="" { (t.all_layers) }
                @for layer in &findings.layers { option value=(layer.name) { (layer.name) } }
            } }
            label { (t.sort_by) " " select #sort-by {
                option value="" { (t.measure("verdict")) }
                @for (column, _) in COLUMNS.iter().filter(|(column, _)| *column != "proven") {
                    option value=(column) { (t.measure(column)) }
                }
            } }
            p.hint #shown data-text=(t.shown) aria-live="polite" {}
            p.hint { (t.keys) }
        }
        div.panels.wide { @for card in &cards { (card) } }
    }
}

/// `unit`: of what is lost without a filter.
fn card(layer: &LayerFindings, filter: &FilterFindings, (lang, unit): (Lang, &str), sides: Sides) -> Markup {
    let t = lang.findings();
    let name = fill(t.filter_of, &[&filter.filter.to_string(), &layer.name]);
    let verdict = t.verdict(filter.verdict);
    // What is still its seed is not drawn as if it were an answer.
    let drawn = filter.trust.as_ref().filter(|_| !is_seed(filter));
    let thumb = match (drawn, &filter.tuning) {
        (Some(trust), _) => Some(data_url(&picture(&trust.picture, trust.size, sides.picture, Colormap::Viridis))),
        (None, Some(tuning)) => Some(data_url(&heat::polar(&tuning.map, sides.heat))),
        (None, None) => None,
    };
    html! {
        details.panel.bare[drawn.is_none()] id=(format!("f{}-{}", layer.layer, filter.filter)) data-layer=(layer.name) data-filter=(filter.filter)
            data-verdict=(filter.verdict.to_string()) {
            summary aria-label=(format!("{name}, {verdict}")) {
                span.shot.round[drawn.is_none()] {
                    @match &thumb {
                        Some(url) => { img decoding="async" src=(url) alt=(if drawn.is_some() { t.picture } else { t.heat }); }
                        None => { span.none { (verdict) } }
                    }
                }
                span.number { span.kind { (verdict) } " " (layer.name) " " (filter.filter) }
            }
            div.about {
                h3 { (name) ": " (verdict) @if let Some(second) = filter.second { (fill(t.also, &[t.verdict(second)])) } }
                p.because { (sentence(&because(&filter.reason, lang))) }
                @if let Some(look) = filter.look.filter(Look::is_seed) { p.warning { (fill(t.is_seed, &[&number(look.still_seed, 2)])) } }
                @match &filter.trust {
                    Some(trust) => { (pictures(trust, filter, t, sides)) }
                    None => {
                        p.hint { (t.not_drawn) }
                        p.hint { (if filter.tuning.is_some() { t.heat } else { t.no_tuning }) }
                    }
                }
                dl.numbers { @for (column, of) in COLUMNS { @if let Some(cell) = of(filter) { (entry(column, cell, t)) } } }
                @if let Some(Interval { value, low, high }) = filter.effect.effect {
                    p.effect data-value=(value) {
                        @let number = |v: f64| number(v, 3).replace('-', "\u{2212}");
                        @let lost = format!("{}: {} {unit}", t.measure("effect_db"), number(value));
                        (sentence(&format!("{}, {}", lost.trim_end(), fill(t.interval, &[&number(low), &number(high)]))))
                    }
                }
            }
        }
    }
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}{}", letters.as_str(), if text.ends_with('.') { "" } else { "." })
}

fn entry(column: &str, cell: Cell, t: &FindingsText) -> Markup {
    let (raw, text) = match cell {
        Cell::Number(v) => (number(v, DIGITS), number(v, 3).replace('-', "\u{2212}")),
        Cell::Flag(flag) => {
            ((if flag { "yes" } else { "no" }).to_string(), (if flag { t.yes } else { t.no }).to_string())
        }
        Cell::Proven(Proven::Dead) => ("dead".to_string(), t.proven[0].to_string()),
        Cell::Proven(Proven::On) => ("on".to_string(), t.proven[1].to_string()),
    };
    html! { dt { (t.measure(column)) } dd data-column=(column) data-value=(raw) { (text) } }
}

/// Is its picture still the seed in the middle?
fn is_seed(filter: &FilterFindings) -> bool {
    filter.look.is_some_and(|look| look.is_seed())
}

/// The picture with what stands beside it.
fn pictures(trust: &Trust, filter: &FilterFindings, t: &FindingsText, sides: Sides) -> Markup {
    let small = |figure: &Figure, caption: &str| {
        html! { figure { img decoding="async" src=(data_url(figure)) alt=(caption); figcaption { (caption) } } }
    };
    let grey = mean(&trust.picture, trust.size);
    // Of a filter that is off everywhere on the data no patch is the best.
    let answered = || trust.best_patches.iter().filter(|patch| patch.activation != 0.0);
    html! {
        @let is_seed = is_seed(filter);
        div.pictures {
            @if !is_seed {
                (small(&picture(&trust.picture, trust.size, sides.picture, Colormap::Viridis), t.picture))
                (small(&picture(&trust.second, trust.size, sides.beside, Colormap::Viridis), t.second))
            }
            @for patch in answered() { (small(&of_data(patch, sides.beside), &caption(patch, t))) }
            @if !is_seed { (small(&heat::spectrum(&grey, trust.size, sides.beside), t.spectrum)) }
            @if let Some(tuning) = &filter.tuning {
                figure.polar { img decoding="async" src=(data_url(&heat::polar(&tuning.map, sides.heat))) alt=(t.heat); figcaption { (t.heat) } }
            }
        }
        @if trust.best_patches.is_empty() { p.hint { (t.no_patches) } }
        @else if answered().next().is_none() { p.hint { (t.no_best_patch) } }
        @if filter.tuning.is_none() { p.hint { (t.no_tuning) } }
    }
}

fn caption(patch: &Patch, t: &FindingsText) -> String {
    fill(t.patch, &[&patch.image.to_string(), &number(patch.activation, 3)])
}

fn of_data(patch: &Patch, most: usize) -> Figure {
    picture(&patch.values, patch.size, most, Colormap::Gray)
}

/// The filters of a layer that were climbed, each with its verdict; what is still its seed is not drawn. `None` if none was.
pub fn grid_of(layer: &LayerFindings, t: &FindingsText) -> Option<Figure> {
    let panel = |filter: &FilterFindings| {
        let trust = filter.trust.as_ref()?;
        let (h, w) = trust.size;
        let c = trust.picture.len() / (h * w).max(1);
        let panel = match c {
            _ if is_seed(filter) => Panel::blank(t.seed),
            1 => Panel::map(h, w, trust.picture.clone()),
            _ => Panel::color(h, w, Mix::of(&trust.picture, c).rgb(&trust.picture)),
        };
        Some(panel.label(filter.filter.to_string()).note(t.verdict(filter.verdict)))
    };
    let panels: Vec<Panel> = layer.filters.iter().filter_map(panel).collect();
    (!panels.is_empty()).then(|| grid(&layer.name, &panels, 8, Colormap::Viridis))
}

/// `[h, w, c]` as a picture of at most `most` pixels a side.
fn picture(values: &[f32], (h, w): (usize, usize), most: usize, colormap: Colormap) -> Figure {
    match values.len() / (h * w).max(1) {
        0 | 1 => strip(h, w, std::slice::from_ref(&values.to_vec()), colormap, false, most),
        c => color_strip(h, w, &Mix::of(values, c).rgb(values), most),
    }
}

/// The mean over the channels.
fn mean(values: &[f32], (h, w): (usize, usize)) -> Vec<f32> {
    let c = (values.len() / (h * w).max(1)).max(1);
    values.chunks(c).map(|pixel| pixel.iter().sum::<f32>() / c as f32).collect()
}
