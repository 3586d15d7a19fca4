//! The filters of each layer: a panel each, which opens to its way there, what was measured of it, and its controls.

use super::{Article, Climbed};
use crate::engine::tensor::Shape;
use crate::findings::data::restores;
use crate::findings::spectrum::{cells, likeness};
use crate::findings::{FilterFindings, STILL_SEED, still_seed};
use crate::lens::ascent::{Climb, Rescue, Verdict};
use crate::network::unet;
use crate::numbers::number;
use crate::page::strings::article::ArticleText;
use crate::page::strings::fill;
use crate::page::strings::findings::because;
use crate::page::way::Way;
use crate::page::{data_url, number4, plots};
use crate::picture::{Colormap, Mix, color_strip, strip};
use maud::{Markup, html};

/// Of a picture that has less in common with its seed than this nothing is said.
const SOME_SEED: f64 = 0.2;
/// The largest side of the pictures beside a panel's, pixels.
const BESIDE: usize = 64;

/// The section's content.
pub(super) fn section(a: &Article, ways: &[Vec<Option<Way>>], t: &ArticleText) -> Markup {
    let climbs = || a.climbed.iter().flat_map(|c| &c.climbs);
    let total = climbs().count().to_string();
    let dead = climbs().filter(|c| c.verdict == Verdict::Dead).count();
    let fell = climbs().filter(|c| c.verdict == Verdict::Fell { step: 1 }).count();
    let seed = climbs().filter(|c| c.verdict.has_picture() && of_seed(c, a.image) >= STILL_SEED).count();
    let has_controls = a.climbed.iter().any(|c| !c.second.is_empty());
    html! {
        p { (t.filters_lead) }
        @if let Some(labels) = t.labelled(!a.found.is_empty(), a.images) { p { (labels) } }
        @if dead > 0 { p.warning { (fill(t.dead_of, &[&dead.to_string(), &total])) } }
        @if fell > 0 { p.warning { (fill(t.fell_of, &[&fell.to_string()])) } }
        @if seed > 0 { p.warning { (fill(t.seed_of, &[&seed.to_string()])) } }
        @if has_controls { p { (t.control) } }
        (first(a, t))
        @for (climbed, ways) in a.climbed.iter().zip(ways) { (layer(a, climbed, ways, t)) }
    }
}

/// How like the picture is what the climb began with.
fn of_seed(climb: &Climb, image: Shape) -> f64 {
    climb.frames.first().map_or(0.0, |seed| still_seed(&climb.picture, seed, (image.h, image.w)))
}

fn first(a: &Article, t: &ArticleText) -> Markup {
    let Some(name) = a.climbed.first().map(|c| &a.network.layers[c.layer].name) else { return html! {} };
    let number = a.first.0.to_string();
    html! {
        h3 { (fill(t.first_title, &[&number, name])) }
        figure {
            img.picture.paper src=(data_url(&a.first.1)) alt=(fill(t.first_alt, &[&number, name]));
            figcaption {
                (t.first_axes)
                @if a.image.c == 1 { (t.first_bar) }
                @else if let Some(colors) = t.mixed(a.image.c) { (fill(t.first_colors, &[&colors])) }
                @else { (t.first_three) }
                (t.first_ranges)
            }
        }
    }
}

fn layer(a: &Article, climbed: &Climbed, ways: &[Option<Way>], t: &ArticleText) -> Markup {
    let about = &a.network.layers[climbed.layer];
    let all = unet::filters(a.network, climbed.layer);
    let dead = climbed.climbs.iter().filter(|c| c.verdict == Verdict::Dead).count();
    let fell = climbed.climbs.iter().filter(|c| matches!(c.verdict, Verdict::Fell { .. })).count();
    let shown = climbed.climbs.len();
    let count = match (shown == all, all) {
        (true, 1) => t.one_filter.to_string(),
        (true, all) => fill(t.all_filters, &[&all.to_string()]),
        (false, all) => fill(t.some_filters, &[&shown.to_string(), &all.to_string()]),
    };
    html! {
        div.layer {
            h3 id=(format!("layer-{}", climbed.layer)) tabindex="-1" {
                (about.name) " " small {
                    (count)
                    @if dead > 0 { (fill(t.dead_count, &[&dead.to_string()])) }
                    @if fell > 0 { (fill(t.fell_count, &[&fell.to_string()])) }
                }
            }
            div.filters.wide {
                @for (i, way) in ways.iter().enumerate() { (filter(a, climbed, i, way.as_ref(), t)) }
            }
        }
    }
}

fn found<'a>(a: &'a Article, layer: usize, filter: usize) -> Option<&'a FilterFindings> {
    a.found.iter().find(|found| found.layer == layer)?.filters.iter().find(|found| found.filter == filter)
}

fn filter(a: &Article, climbed: &Climbed, i: usize, way: Option<&Way>, t: &ArticleText) -> Markup {
    let (layer, climb) = (climbed.layer, &climbed.climbs[i]);
    let name = &a.network.layers[layer].name;
    let Shape { h, w, .. } = a.image;
    let (n, which) = (climb.rms.len(), climb.filter.to_string());
    let (before, after) = (climb.losses[0], climb.losses[climb.losses.len() - 1]);
    let values = fill(t.values, &[&number4(before), &number4(after)]);
    let found = found(a, layer, climb.filter);
    let kind = found.map(|found| a.lang.findings().verdict(found.verdict));
    let seed = of_seed(climb, a.image);
    let is_seed = way.is_some() && seed >= STILL_SEED;
    let verdict = match climb.verdict {
        Verdict::Ok => fill(t.climbed, &[&values]),
        Verdict::Fell { step: 1 } => fill(t.fell_first, &[&values]),
        Verdict::Fell { step } => fill(t.fell_later, &[&step.to_string(), &values]),
        Verdict::Dead => t.dead_text.to_string(),
        Verdict::NotFinite => t.not_finite_text.to_string(),
    };
    let tiles = way.map_or((1, 1), |way| (way.columns(), way.rows()));
    let label = fill(t.filter_label, &[name, &which, kind.unwrap_or(&t.verdict(climb.verdict))]);
    html! {
        details.filter.color[a.image.c > 1] data-still[is_seed] id=(format!("filter-{layer}-{}", climb.filter)) data-columns=(tiles.0) data-rows=(tiles.1)
            data-seed=(format!("{seed:.3}")) data-kind=(found.map(|found| found.verdict.to_string()).unwrap_or_default()) {
            summary aria-label=(label) {
                span.shot style=(format!("--ratio:{w}/{h}")) {
                    @if let Some(way) = way {
                        img decoding="async" src=(way.last) alt=(fill(t.filter_alt, &[&which, name, &n.to_string()]));
                    } @else { span.none { (t.verdict(climb.verdict)) } }
                }
                span.number {
                    (climb.filter)
                    @if let Some(Rescue::Seed(seed)) = climb.rescued { ", seed " (seed) }
                    @if let Some(kind) = kind { ", " (kind) }
                    @if is_seed { ", " (t.seed) }
                    @if let (Verdict::Fell { .. }, true) = (climb.verdict, way.is_some()) { ", " (t.verdict(climb.verdict)) }
                }
            }
            div.about style=(format!("--columns:{};--rows:{}", tiles.0, tiles.1)) {
                @if way.is_some() {
                    label.steps.js {
                        (t.step) " " input type="range" min="0" max=(n) value=(n) data-text=(t.step_n) aria-valuetext=(fill(t.step_n, &[&n.to_string()]));
                        output { (fill(t.step_n, &[&n.to_string()])) }
                    }
                }
                h4 { (fill(t.filter_title, &[&which, name])) }
                p { (verdict) }
                p {
                    @match found {
                        None => { (t.unmeasured) }
                        Some(found) => {
                            (fill(t.measured, &[a.lang.findings().verdict(found.verdict), &because(&found.reason, a.lang)]))
                            @if climb.verdict == Verdict::Dead && found.life.lives_on_data && restores(a.network) { (t.lives) }
                        }
                    }
                }
                @if is_seed { p.warning { (fill(t.still_seed, &[&number(seed, 2)])) } }
                @else if way.is_some() && seed > SOME_SEED { p { (fill(t.partly_seed, &[&number(seed, 2)])) } }
                (controls(a, climbed, i, t))
                @if let Some(way) = way {
                    (way.figure(n, t))
                    (plots::climb(&climb.losses, &fill(t.plot_label, &[&n.to_string(), &values]), t.step))
                    p.hint { (t.plot_hint) }
                }
                p { (t.redraw) " " code { ((a.redraw)(name, climb.filter)) } }
            }
        }
    }
}

/// What another seed gives, and what shuffled weights do.
fn controls(a: &Article, climbed: &Climbed, i: usize, t: &ArticleText) -> Markup {
    let beside = |climb: &Climb, caption: &str| {
        let Shape { h, w, c, .. } = a.image;
        let figure = match c {
            1 => strip(h, w, std::slice::from_ref(&climb.picture), Colormap::Viridis, false, BESIDE),
            _ => color_strip(h, w, &Mix::of(&climb.picture, c).rgb(&climb.picture), BESIDE),
        };
        html! {
            figure {
                @if climb.verdict.has_picture() { img decoding="async" src=(data_url(&figure)) alt=(caption); }
                @else { span.shot style="--ratio:1" { span.none { (t.verdict(climb.verdict)) } } }
                figcaption { (caption) }
            }
        }
    };
    let (Some(second), Some(shuffled)) = (climbed.second.get(i), climbed.shuffled.get(i)) else { return html! {} };
    let climb = &climbed.climbs[i];
    let caption = match climb.verdict.has_picture() && second.verdict.has_picture() {
        true => {
            let spectrum = |climb: &Climb| cells(&climb.picture, (a.image.h, a.image.w), a.image.c);
            fill(t.second_like, &[&number(likeness(&spectrum(climb), &spectrum(second)), 2)])
        }
        false => t.second.to_string(),
    };
    html! { div.controls { (beside(second, &caption)) (beside(shuffled, t.shuffled)) } }
}
