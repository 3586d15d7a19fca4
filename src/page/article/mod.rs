//! The page of the article: the network, what it does, what its filters answer to, how a picture travels through it.

mod dream;
mod filters;

use super::does::{Does, Passed, Skip, does, travel};
use super::strings::article::ArticleText;
use super::strings::{Lang, fill};
use super::way::{self, Way};
use super::{Document, document, network};
use crate::engine::graph::Graph;
use crate::engine::tensor::Shape;
use crate::findings::LayerFindings;
use crate::lens::ascent::Climb;
use crate::network::{Network, unet};
use crate::picture::Figure;
use crate::{Error, Result};
pub use dream::Dreamt;
use maud::{Markup, html};
use rayon::prelude::*;

const STYLE: &str = include_str!("../article.css");
const SCRIPT: &str = include_str!("../article.js");

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
    pub lang: Lang,
    pub network: &'a Network,
    /// Of the pictures that are climbed.
    pub image: Shape,
    pub does: Part<&'a Does>,
    /// A filter of the first of the layers, its number and its figure.
    pub first: &'a (usize, Figure),
    pub climbed: &'a [Climbed],
    /// What was measured of the layers' filters; empty if nothing was.
    pub found: &'a [LayerFindings],
    /// So many phantoms were shown for that, besides gratings and noise.
    pub images: usize,
    pub passed: Part<&'a Passed>,
    /// What restored phantoms lose if a skip carries its mean.
    pub skips: &'a [Skip],
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
    /// The same filters from another seed; and from the first in the network with all weights of each kernel shuffled. Empty, or one each.
    pub second: Vec<Climb>,
    pub shuffled: Vec<Climb>,
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
            lang: article.lang.article().lang,
            title: article.lang.article().title,
            css: &[network::STYLE, STYLE].concat(),
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
    let t = a.lang.article();
    let ids = ["network", "does", "filters", "activations", "dream", "made"];
    let total: usize = a.climbed.iter().map(|c| c.climbs.len()).sum();
    html! {
        (way::colors())
        header {
            h1 { (t.title) }
            p.lead { (fill(t.lead, &[&a.network.name, &total.to_string()])) }
            nav aria-label=(t.contents) {
                ol { @for (id, title) in ids.iter().zip(t.sections) { li { a href=(format!("#{id}")) { (title) } } } }
            }
        }
        main {
            section #network {
                h2 { (t.sections[0]) }
                p { (journey(a, built, t)) }
                figure { (network::drawing(a.network, built, t)) figcaption { (t.drawing) } }
                details { summary { (t.table_summary) } (network::table(a.network, built, t)) }
            }
            section #does { h2 { (t.sections[1]) } (does(&a.does, t)) }
            section #filters { h2 { (t.sections[2]) } (filters::section(a, ways, t)) }
            section #activations { h2 { (t.sections[3]) } (travel(&a.passed, a.network, a.skips, t)) }
            section #dream { h2 { (t.sections[4]) } (dream::section(&a.dream, t)) }
            section #made {
                h2 { (t.sections[5]) }
                p { (t.made) }
                dl.made { @for (what, answer) in a.made { dt { (what) } dd { (answer) } } }
            }
        }
        footer { p { "unet-lens " (env!("CARGO_PKG_VERSION")) } }
    }
}

/// What becomes of a picture's size on the way, in words.
fn journey(a: &Article, built: &unet::Built, t: &ArticleText) -> String {
    let nodes = || built.layers.iter().zip(&a.network.layers).filter_map(|(node, layer)| Some(((*node)?, layer)));
    let shapes: Vec<(Shape, &str)> = nodes().map(|(node, layer)| (built.graph.shape(node), &*layer.name)).collect();
    let Shape { h, w, .. } = a.image;
    let convolutions = unet::convolutions(a.network).into_iter().filter(|&i| built.layers[i].is_some()).count();
    let mut text = fill(t.journey, &[&format!("{h}×{w}"), &shapes.len().to_string(), &convolutions.to_string()]);
    // A map of one pixel is no place on the way down: a block that weighs channels has one anywhere.
    let maps = shapes.iter().filter(|(s, _)| s.h > 1 && s.w > 1);
    if let (Some((least, name)), Some((last, _))) = (maps.min_by_key(|(s, _)| s.h * s.w), shapes.last()) {
        let end = fill(t.journey_end, &[&format!("{}×{}", last.h, last.w), &t.of_channels(last.c)]);
        text += &match (least.h, least.w) == (h, w) {
            true => fill(t.journey_same, &[&end]),
            false => fill(t.journey_shrinks, &[&format!("{}×{}", least.h, least.w), name, &end]),
        };
    }
    // Inputs besides the layer just before.
    let position = |i: usize| built.layers[..i].iter().flatten().count();
    let is_skip = |i: usize, x: &usize| position(*x) + 1 != position(i);
    let skips = (0..a.network.layers.len()).filter(|&i| built.layers[i].is_some());
    let skips: usize = skips.map(|i| a.network.layers[i].inputs.iter().filter(|&x| is_skip(i, x)).count()).sum();
    text + &match skips {
        0 => String::new(),
        1 => t.one_skip.to_string(),
        n => fill(t.skips, &[&n.to_string()]),
    }
}
