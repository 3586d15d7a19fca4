//! The network of the article: drawn as a U of boxes, and its table.

use super::layout::{Edge, Layout, Station};
use super::strings::article::ArticleText;
use super::strings::fill;
use crate::Result;
use crate::engine::graph::Graph;
use crate::engine::tensor::Shape;
use crate::network::Network;
use crate::network::unet::{self, Built};
use crate::numbers::thousands;
use maud::{Markup, PreEscaped, html};

/// What the drawing looks like; its colours are the page's.
pub(super) const STYLE: &str = include_str!("network.css");

/// Width of a column of the drawing and height of a row, in the drawing's units.
const COLUMN: f64 = 62.0;
const ROW: f64 = 106.0;
/// Room for the arcs above the first row.
const TOP: f64 = 34.0;
/// Of the lettering under a box.
const BELOW: f64 = 37.0;
/// The largest box.
const HIGH: f64 = 52.0;
const BROAD: f64 = 38.0;
/// Letters of a name that fit under a box, on a line.
const LETTERS: usize = 12;

/// The layers that lead to the output, each with the shape of what it makes.
fn drawn<'n>(network: &'n Network, built: &Built) -> Vec<(usize, &'n str, Shape)> {
    let shape =
        |(i, layer): (usize, &'n crate::network::Layer)| Some((i, &*layer.name, shape_of(&built.graph, built, i)?));
    network.layers.iter().enumerate().filter_map(shape).collect()
}

fn shape_of(graph: &Graph, built: &Built, layer: usize) -> Option<Shape> {
    built.layers[layer].map(|node| graph.shape(node))
}

/// The drawing alone, as an SVG file that brings its own style: for a reader that shows pictures.
///
/// # Errors
/// If no layer can be computed.
pub fn svg(network: &Network) -> Result<String> {
    const COLORS: &str = "svg{--ink:#1b1f24;--soft:#57606a;--tint:#f3f5f8;--accent:#0a5fb4;background:#fff}\n";
    let shown = unet::shown(network);
    let image = unet::image_shape(network, &shown, None)?;
    let mut graph = Graph::new();
    let node = graph.input(unet::input_name(network), image)?;
    let built = unet::graph_of(graph, node, network, &shown, None)?;
    let Drawn { width, height, shapes } = shapes(network, &built, None);
    let markup = html! {
        svg xmlns="http://www.w3.org/2000/svg" class="network" width=(f(width)) height=(f(height))
            viewBox=(format!("0 0 {width:.1} {height:.1}")) {
            style { (PreEscaped(COLORS)) (PreEscaped(STYLE)) }
            (shapes)
        }
    };
    Ok(markup.into_string())
}

/// The drawing's lines and boxes, and its size.
struct Drawn {
    width: f64,
    height: f64,
    shapes: Markup,
}

/// A box is as high as its maps and as broad as there are channels, both by their square roots. A convolution's box leads
/// to `#layer-INDEX`.
pub(super) fn drawing(network: &Network, built: &Built, t: &ArticleText) -> Markup {
    let Drawn { width, height, shapes } = shapes(network, built, Some(t));
    html! {
        div.scroll.wide {
            svg.network viewBox=(format!("0 0 {width:.1} {height:.1}")) style=(format!("min-width:{:.0}px", width * 0.95))
                role="group" aria-label=(t.drawing_label) { (shapes) }
        }
    }
}

/// With a text, in a page, a convolution's box is a link; without, it is only coloured as one.
fn shapes(network: &Network, built: &Built, t: Option<&ArticleText>) -> Drawn {
    let layers = drawn(network, built);
    let station = |&(id, _, s): &(usize, &str, Shape)| Station {
        id,
        shape: [s.n, s.h, s.w, s.c],
        inputs: network.layers[id].inputs.clone(),
    };
    let layout = Layout::new(&layers.iter().map(station).collect::<Vec<_>>());
    let most = |of: fn(Shape) -> usize| layers.iter().map(|&(.., s)| of(s)).max().unwrap_or(1) as f64;
    let (most_h, most_c) = (most(|s| s.h), most(|s| s.c));
    let boxes: Vec<(f64, f64, f64, f64)> = layers
        .iter()
        .zip(&layout.spots)
        .map(|(&(.., s), &(column, row))| {
            let (w, h) = (BROAD * (s.c as f64 / most_c).sqrt(), HIGH * (s.h as f64 / most_h).sqrt());
            let (w, h) = (w.max(3.0), h.max(6.0));
            ((column + 0.5) * COLUMN - w / 2.0, TOP + row as f64 * ROW + (HIGH - h) / 2.0, w, h)
        })
        .collect();
    let convolutions = unet::convolutions(network);
    let (width, height) = (layout.columns * COLUMN, TOP + layout.rows as f64 * ROW - 8.0);
    let shapes = html! {
        @for edge in &layout.edges { (line(&boxes, *edge)) }
        @for (&(i, name, s), &(x, y, w, h)) in layers.iter().zip(&boxes) {
            @let layer = &network.layers[i];
            @let about = format!("{name}, {}, {}×{}×{}", layer.class, s.h, s.w, s.c);
            @let middle = format!("{:.1}", x + w / 2.0);
            @let below = y + h + 12.0;
            @let lines = lines(name);
            @let shape = html! {
                title { (about) }
                rect x=(f(x)) y=(f(y)) width=(f(w)) height=(f(h)) rx="2" {}
                @for (i, line) in lines.iter().enumerate() {
                    text x=(middle) y=(f(below + i as f64 * 10.5)) { (line) }
                }
                text.size x=(middle) y=(f(below + (lines.len() - 1) as f64 * 10.5 + 10.0)) { (s.h) "×" (s.w) "×" (s.c) }
            };
            @match (convolutions.contains(&i), t) {
                (true, Some(t)) => a href=(format!("#layer-{i}")) aria-label=(format!("{about}: {}", t.to_filters)) { (shape) },
                (true, None) => a { (shape) },
                (false, _) => g role="img" aria-label=(about) { (shape) },
            }
        }
    };
    Drawn { width, height, shapes }
}

/// From the right side of a box to the left side of the next; from row to row; or, for a skip, over the others.
fn line(boxes: &[(f64, f64, f64, f64)], edge: Edge) -> Markup {
    let ((x0, y0, w0, h0), (x1, y1, w1, h1)) = (boxes[edge.from], boxes[edge.to]);
    let (a, b) = (x0 + w0 / 2.0, x1 + w1 / 2.0);
    let (m0, m1) = (y0 + h0 / 2.0, y1 + h1 / 2.0);
    let path = if edge.skip {
        let top = y0.min(y1) - 26.0;
        format!("M{a:.1} {:.1}C{a:.1} {top:.1} {b:.1} {top:.1} {b:.1} {:.1}", y0 - 2.0, y1 - 2.0)
    } else if (m0 - m1).abs() < 1.0 {
        format!("M{:.1} {m0:.1}L{:.1} {m1:.1}", x0 + w0 + 2.0, x1 - 2.0)
    } else {
        // Past the lettering under the box.
        let (c, d) = if m1 > m0 { (y0 + h0 + BELOW, y1 - 2.0) } else { (y0 - 2.0, y1 + h1 + BELOW) };
        let middle = (c + d) / 2.0;
        format!("M{a:.1} {c:.1}C{a:.1} {middle:.1} {b:.1} {middle:.1} {b:.1} {d:.1}")
    };
    html! { path.skip[edge.skip] d=(path) {} }
}

/// A name on one line or two, broken after an underscore where that is possible; what is longer ends with an ellipsis.
fn lines(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= LETTERS {
        return vec![name.to_string()];
    }
    let fits = |&at: &usize| at <= LETTERS && letters.len() - at <= LETTERS;
    let underscores = (1..letters.len()).filter(|&at| letters[at - 1] == '_').filter(fits);
    let at = underscores.min_by_key(|&at| at.max(letters.len() - at)).unwrap_or(LETTERS);
    let mut second: String = letters[at..].iter().collect();
    if letters.len() - at > LETTERS {
        second = letters[at..at + LETTERS - 1].iter().collect::<String>() + "…";
    }
    vec![letters[..at].iter().collect(), second]
}

/// The table of layers as a table.
pub(super) fn table(network: &Network, built: &Built, t: &ArticleText) -> Markup {
    let total: usize = network.layers.iter().map(|layer| layer.trainable + layer.non_trainable).sum();
    html! {
        div.scroll {
            table.facts {
                caption { (network.name) ": " (fill(t.parameters, &[&thousands(total)])) }
                thead { tr { @for title in t.columns { th scope="col" { (title) } } } }
                tbody {
                    @for (i, layer) in network.layers.iter().enumerate() {
                        tr {
                            th scope="row" { (layer.name) }
                            td { (layer.class) }
                            td {
                                @match shape_of(&built.graph, built, i) {
                                    Some(s) => (format!("{}×{}×{}", s.h, s.w, s.c)),
                                    None => (t.not_used),
                                }
                            }
                            td { (thousands(layer.trainable + layer.non_trainable)) }
                            td { (layer.inputs.iter().map(|&x| &*network.layers[x].name).collect::<Vec<_>>().join(", ")) }
                        }
                    }
                }
            }
        }
    }
}

fn f(v: f64) -> String {
    format!("{v:.1}")
}
