//! The page of the article: the network, what it does, what its filters answer to, how a picture travels through it.

use super::does::{Does, Passed, does, travel};
use super::way::{self, Way};
use super::{Document, data_url, document, network, number4, plots, png_url, skipped};
use crate::engine::graph::Graph;
use crate::engine::tensor::Shape;
use crate::lens::ascent::{Climb, Rescue, Verdict};
use crate::network::{Network, unet};
use crate::picture::{Figure, mixed};
use crate::{Error, Result};
use maud::{Markup, html};
use rayon::prelude::*;

const STYLE: &str = include_str!("article.css");
const SCRIPT: &str = include_str!("article.js");

/// The page stays below this.
pub const MOST_BYTES: usize = 15_000_000;
/// The largest side of a filter's picture and of those on its way, pixels, and how much these are rounded: the first that keep
/// the page small enough are taken. Each gives a smaller page than the one before.
const SIZES: [(usize, usize, u8); 15] = [
    (128, 128, 1),
    (128, 128, 4),
    (128, 128, 8),
    (128, 128, 16),
    (128, 128, 24),
    (128, 128, 32),
    (128, 128, 36),
    (128, 128, 40),
    (128, 128, 44),
    (128, 128, 48),
    (128, 128, 64),
    (128, 64, 32),
    (64, 32, 32),
    (32, 16, 32),
    (16, 8, 32),
];
/// Something that this network can do, or why it cannot.
pub type Part<T> = std::result::Result<T, String>;

/// What the page shows.
pub struct Article<'a> {
    pub network: &'a Network,
    /// Of the pictures that are climbed.
    pub image: Shape,
    pub does: Part<&'a Does>,
    /// A filter of the first of the layers, its number and its figure.
    pub first: &'a (usize, Figure),
    pub climbed: &'a [Climbed],
    pub passed: Part<&'a Passed>,
    pub dream: Part<&'a Dreamt>,
    /// The command that draws a filter of a layer again.
    pub redraw: &'a (dyn Fn(&str, usize) -> String + Sync),
    /// How this was made: what, and the answer.
    pub made: &'a [(String, String)],
}

/// The filters of a convolution, climbed with [`crate::lens::ascent::Recipe::keep_frames`].
pub struct Climbed {
    pub layer: usize,
    pub climbs: Vec<Climb>,
}

/// PNG files, before and after.
pub struct Dreamt {
    pub layer: String,
    /// What the picture is called; `None` for the built-in photo.
    pub own: Option<String>,
    /// Of the picture.
    pub channels: usize,
    pub before: Vec<u8>,
    pub after: Vec<u8>,
    /// The goal at the first and at the last step of the largest octave.
    pub goal: (f32, f32),
    /// The command that draws it again.
    pub redraw: String,
}

/// The page as one file of less than `MOST_BYTES`.
///
/// # Errors
/// If the network cannot be built, or has so many filters that no page holds them.
pub fn article(article: &Article) -> Result<String> {
    let mut graph = Graph::new();
    let input = graph.input(unet::input_name(article.network), article.image)?;
    let built = unet::graph_of(graph, input, article.network, &unet::shown(article.network), None)?;
    let mut made = Pictures { sides: (0, 0), of: vec![] };
    let mut page = |(side, before, step): (usize, usize, u8)| -> Result<Option<String>> {
        made.make(article, (side, before), step)?;
        if made.bytes() >= MOST_BYTES {
            return Ok(None);
        }
        let page = document(Document {
            lang: "en",
            title: "What a U-Net has learned",
            css: STYLE,
            body: body(article, &built, &made.of),
            data: &serde_json::Value::Null,
            script: SCRIPT,
        });
        Ok((page.len() < MOST_BYTES).then_some(page))
    };
    // By halving the list: is the first that is small enough before its middle?
    let (mut from, mut to, mut best) = (0, SIZES.len(), None);
    while from < to {
        let middle = (from + to) / 2;
        match page(SIZES[middle])? {
            Some(page) => (to, best) = (middle, Some(page)),
            None => from = middle + 1,
        }
    }
    if let Some(page) = best {
        return Ok(page);
    }
    let filters: usize = article.climbed.iter().map(|c| c.climbs.len()).sum();
    Err(Error::Usage(format!(
        "{filters} filters do not fit on a page of {} MB: take fewer, or fewer layers",
        MOST_BYTES / 1_000_000
    )))
}

/// What the filters' panels show: for each layer each climb's way, if it has one.
struct Pictures {
    sides: (usize, usize),
    of: Vec<Vec<Option<Way>>>,
}

impl Pictures {
    fn make(&mut self, a: &Article, sides: (usize, usize), step: u8) -> Result<()> {
        if self.sides != sides {
            let way = |climb: &Climb| {
                let is_shown = climb.verdict.has_picture() && !climb.rms.is_empty();
                is_shown.then(|| Way::new(climb, a.image, sides))
            };
            self.of = a.climbed.par_iter().map(|c| c.climbs.par_iter().map(way).collect()).collect();
            self.sides = sides;
        }
        self.of.par_iter_mut().flatten().flatten().try_for_each(|way| way.encode(step))
    }

    fn bytes(&self) -> usize {
        self.of.iter().flatten().flatten().map(|way| way.last.len() + way.before.len()).sum()
    }
}

fn body(a: &Article, built: &unet::Built, ways: &[Vec<Option<Way>>]) -> Markup {
    let sections = [
        ("network", "The network"),
        ("does", "What it does"),
        ("filters", "The filters, layer by layer"),
        ("activations", "How a picture travels through it"),
        ("dream", "A dream"),
        ("made", "How this was made"),
    ];
    let total: usize = a.climbed.iter().map(|c| c.climbs.len()).sum();
    let dead = a.climbed.iter().flat_map(|c| &c.climbs).filter(|c| c.verdict == Verdict::Dead).count();
    html! {
        (way::colors())
        header {
            h1 { "What a U-Net has learned" }
            p.lead {
                "A neural network is a long row of filters. This page shows, for the network called " (a.network.name) ", what picture each of "
                (total) " of its filters answers to most, and what the filters do together."
            }
            nav aria-label="Contents" { ol { @for (id, title) in sections { li { a href=(format!("#{id}")) { (title) } } } } }
        }
        main {
            section #network {
                h2 { "The network" }
                p { (journey(a, built)) }
                figure {
                    (network::drawing(a.network, built))
                    figcaption {
                        "A box is as high as its maps and as broad as it has channels. Blue boxes are convolutions, the layers "
                        "that learn filters: choose one to see them."
                    }
                }
                details { summary { "All layers as a table" } (network::table(a.network, built)) }
            }
            section #does { h2 { "What it does" } (does(&a.does)) }
            section #filters {
                h2 { "The filters, layer by layer" }
                p {
                    "Each panel began as noise and was changed, step by step, so that one filter of the layer answered more "
                    "strongly: it shows the filter's favourite pattern, not a picture that the network was given. Choose a panel "
                    "to see it larger, with its way there."
                }
                @if dead > 0 {
                    p.warning {
                        (dead) " of " (total) " filters are dead for the noise that they started from: they give 0 everywhere, so "
                        "there is no slope to climb and nothing to show, which does not make them detectors of noise."
                    }
                }
                (first(a))
                @for (climbed, ways) in a.climbed.iter().zip(ways) { (layer(a, climbed, ways)) }
            }
            section #activations { h2 { "How a picture travels through it" } (travel(&a.passed)) }
            section #dream { h2 { "A dream" } (dream(a)) }
            section #made {
                h2 { "How this was made" }
                p {
                    "Every number and picture on this page was computed from the network's weights by the command below. "
                    "The same command draws the same pictures; only the times differ."
                }
                dl.made { @for (what, answer) in a.made { dt { (what) } dd { (answer) } } }
            }
        }
        footer { p { "unet-lens " (env!("CARGO_PKG_VERSION")) } }
    }
}

/// What becomes of a picture's size on the way, in words.
fn journey(a: &Article, built: &unet::Built) -> String {
    let nodes = || built.layers.iter().zip(&a.network.layers).filter_map(|(node, layer)| Some(((*node)?, layer)));
    let shapes: Vec<(Shape, &str)> = nodes().map(|(node, layer)| (built.graph.shape(node), &*layer.name)).collect();
    let Shape { h, w, .. } = a.image;
    let convolutions = unet::convolutions(a.network).into_iter().filter(|&i| built.layers[i].is_some()).count();
    let mut text = format!(
        "A picture of {h}×{w} flows from left to right through {} layers, {convolutions} of them convolutions.",
        shapes.len()
    );
    // A map of one pixel is no place on the way down: a block that weighs channels has one anywhere.
    let maps = shapes.iter().filter(|(s, _)| s.h > 1 && s.w > 1);
    if let (Some((least, name)), Some((last, _))) = (maps.min_by_key(|(s, _)| s.h * s.w), shapes.last()) {
        let end = format!("{}×{} with {} channel{}", last.h, last.w, last.c, if last.c == 1 { "" } else { "s" });
        text += &match (least.h, least.w) == (h, w) {
            true => format!(" Its maps keep their size; at the end they are {end}."),
            false => format!(" Its maps shrink to {}×{} at {name}; at the end they are {end}.", least.h, least.w),
        };
    }
    // Inputs besides the layer just before.
    let position = |i: usize| built.layers[..i].iter().flatten().count();
    let is_skip = |i: usize, x: &usize| position(*x) + 1 != position(i);
    let skips = (0..a.network.layers.len()).filter(|&i| built.layers[i].is_some());
    let skips: usize = skips.map(|i| a.network.layers[i].inputs.iter().filter(|&x| is_skip(i, x)).count()).sum();
    text + &match skips {
        0 => String::new(),
        1 => " An arc, the skip, brings back what an earlier layer made.".to_string(),
        n => format!(" {n} arcs, the skips, bring back what earlier layers made."),
    }
}

fn first(a: &Article) -> Markup {
    let Some(name) = a.climbed.first().map(|c| &a.network.layers[c.layer].name) else { return html! {} };
    html! {
        h3 { "Filter " (a.first.0) " of " (name) ", with its values" }
        figure {
            img.picture.paper src=(data_url(&a.first.1)) alt=(format!("The picture that filter {} of {name} answers to, with axes and a grid.", a.first.0));
            figcaption {
                "The axes count pixels"
                @if a.image.c == 1 { ", the colour bar tells which value each colour stands for" }
                @else if let Some(colors) = mixed(a.image.c) { ", the colours are: " (colors) }
                @else { ", the colours are the three channels" }
                ". In the panels below each picture has its own range of colours."
            }
        }
    }
}

fn layer(a: &Article, climbed: &Climbed, ways: &[Option<Way>]) -> Markup {
    let about = &a.network.layers[climbed.layer];
    let all = unet::filters(a.network, climbed.layer);
    let dead = climbed.climbs.iter().filter(|c| c.verdict == Verdict::Dead).count();
    let fell = climbed.climbs.iter().filter(|c| matches!(c.verdict, Verdict::Fell { .. })).count();
    let shown = climbed.climbs.len();
    html! {
        div.layer {
            h3 id=(format!("layer-{}", climbed.layer)) tabindex="-1" {
                (about.name) " " small {
                    @if shown == all { (all) @if all == 1 { " filter" } @else { " filters, all" } } @else { (shown) " of " (all) " filters" }
                    @if dead > 0 { ", " (dead) " dead" }
                    @if fell > 0 { ", " (fell) " fell" }
                }
            }
            div.filters.wide {
                @for (climb, way) in climbed.climbs.iter().zip(ways) { (filter(a, climbed.layer, climb, way.as_ref())) }
            }
        }
    }
}

fn filter(a: &Article, layer: usize, climb: &Climb, way: Option<&Way>) -> Markup {
    let name = &a.network.layers[layer].name;
    let Shape { h, w, .. } = a.image;
    let n = climb.rms.len();
    let (before, after) = (climb.losses[0], climb.losses[climb.losses.len() - 1]);
    let values = format!("mean activation {} before, {} after", number4(before), number4(after));
    let look = way.map_or("", |way| look(h, w, &way.map));
    let verdict = match climb.verdict {
        Verdict::Ok => format!("Climbed: {values}. {look}."),
        Verdict::Fell { step } => format!(
            "Fell at step {step}: {values}. A step was too long and left the filter off, or below where it began, until the end; \
             what is drawn is no answer to climb for. {look}."
        ),
        Verdict::Dead => {
            "Dead: the filter gives 0 everywhere on this noise, so no step leads anywhere. It is not a noise detector; \
                          it did not answer at all."
                .to_string()
        }
        Verdict::NotFinite => {
            "Not finite: a number became infinite or not a number, so the picture means nothing.".to_string()
        }
    };
    let tiles = way.map_or((1, 1), |way| (way.columns(), way.rows()));
    html! {
        details.filter.color[a.image.c > 1] id=(format!("filter-{layer}-{}", climb.filter)) data-columns=(tiles.0) data-rows=(tiles.1) {
            summary aria-label=(format!("{name}, filter {}, {}", climb.filter, climb.verdict)) {
                span.shot style=(format!("--ratio:{w}/{h}")) {
                    @if let Some(way) = way {
                        img decoding="async" src=(way.last) alt=(format!("Filter {} of {name} after {n} steps. {look}.", climb.filter));
                    } @else { span.none { (climb.verdict) } }
                }
                span.number {
                    (climb.filter)
                    @if let Some(Rescue::Seed(seed)) = climb.rescued { ", seed " (seed) }
                    @if let Verdict::Fell { .. } = climb.verdict { ", " (climb.verdict) }
                }
            }
            div.about style=(format!("--columns:{};--rows:{}", tiles.0, tiles.1)) {
                @if way.is_some() {
                    label.steps.js {
                        "Step" input type="range" min="0" max=(n) value=(n) aria-valuetext=(format!("step {n}"));
                        output { "step " (n) }
                    }
                }
                h4 { "Filter " (climb.filter) " of " (name) }
                p { (verdict) }
                @if let Some(way) = way {
                    (way.figure(n))
                    (plots::climb(&climb.losses, &format!("The filter's mean activation over {n} steps: {values}")))
                    p.hint { "Mean activation of the filter, over the steps of the climb." }
                }
                p { "To redraw it: " code { ((a.redraw)(name, climb.filter)) } }
            }
        }
    }
}

/// What a picture looks like, from how much neighbours have to do with each other (the correlation of a pixel with the next,
/// along rows and along columns).
fn look(h: usize, w: usize, map: &[f32]) -> &'static str {
    let count = map.len().max(1) as f64;
    let mean = map.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
    let variance = map.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;
    if variance <= 1e-12 || h < 2 || w < 2 {
        return "One even colour";
    }
    // 0 where neighbours are alike, 1 where they have nothing to do with each other, up to 2 where they alternate.
    let rough = |at: &dyn Fn(usize, usize) -> usize, rows: usize, columns: usize| {
        let pairs = (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c)));
        let sum: f64 = pairs.map(|(r, c)| f64::from(map[r * w + c] - map[at(r, c)]).powi(2)).sum();
        sum / (rows * columns) as f64 / (2.0 * variance)
    };
    let across = rough(&|r, c| r * w + c + 1, h, w - 1);
    let down = rough(&|r, c| (r + 1) * w + c, h - 1, w);
    match (across, down) {
        (a, d) if a > 1.2 && d > 1.2 => "A fine checkered pattern: neighbours alternate",
        (a, d) if a > 2.0 * d => "Stripes that run up and down",
        (a, d) if d > 2.0 * a => "Stripes that run from side to side",
        (a, d) if a.max(d) > 0.75 => "A fine pattern, hardly wider than a pixel",
        (a, d) if a.max(d) > 0.25 => "A pattern of blotches a few pixels wide",
        _ => "Broad, smooth shapes",
    }
}

fn dream(a: &Article) -> Markup {
    let dream = match &a.dream {
        Ok(dream) => dream,
        Err(why) => return skipped(why),
    };
    let (before, photo) = match &dream.own {
        Some(name) => (name.clone(), name.as_str()),
        None => ("The photo: a man in a coat with a camera on a tripod, on a lawn.".to_string(), "the photo"),
    };
    let (first, last) = dream.goal;
    html! {
        p {
            "Here " (photo) " is changed so that a whole layer, " code { (dream.layer) } ", answers more strongly to what it already "
            "sees in it (DeepDream). "
            @if last > first {
                "What appears is what the layer answers to: the mean of its squares went from " (number4(first)) " to "
                (number4(last)) " in the largest of the sizes that were climbed."
            } @else {
                "It did not come to that: the mean of its squares was " (number4(first)) " and ended at " (number4(last)) "."
            }
        }
        div.pair.wide {
            figure { img src=(png_url(&dream.before)) alt=(before); figcaption { (dream.own.as_deref().unwrap_or("The photo")) } }
            figure {
                img src=(png_url(&dream.after)) alt=(format!("The same, changed towards what {} answers to.", dream.layer));
                figcaption { "The dream of " (dream.layer) @if let Some(colors) = mixed(dream.channels) { "; " (colors) } }
            }
        }
        p.hint { "To redraw it: " code { (dream.redraw) } }
    }
}
