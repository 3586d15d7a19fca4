//! The page of findings: the claims, the layers, the filters, and how all of it was measured.

mod chart;
mod claims;
mod filters;
mod heat;
mod layers;
mod measures;

use super::strings::findings::FindingsText;
use super::strings::{Lang, fill, in_language};
use super::{Document, document};
use crate::findings::stimuli::GRATINGS;
use crate::findings::{DataKind, Findings};
use crate::numbers::{number, thousands};
use crate::picture::Figure;
use crate::{Error, Result};
use maud::{Markup, html};

const STYLE: &str = include_str!("findings.css");
/// Pixels of a picture for a unit of a drawing.
const SCALE: f64 = 1.5;
const SCRIPT: &str = include_str!("findings.js");

/// The page stays below this.
pub const MOST_BYTES: usize = 15_000_000;
/// The largest side of a climbed picture, of the pictures beside it and of a heat map, pixels: the first that keep the page
/// small enough are taken.
const SIZES: [filters::Sides; 5] = [
    filters::Sides { picture: 128, beside: 64, heat: 72 },
    filters::Sides { picture: 96, beside: 48, heat: 56 },
    filters::Sides { picture: 64, beside: 32, heat: 40 },
    filters::Sides { picture: 32, beside: 24, heat: 28 },
    filters::Sides { picture: 16, beside: 12, heat: 20 },
];

/// What the page shows.
pub struct FindingsPage<'a> {
    pub findings: &'a Findings,
    pub lang: Lang,
    /// The command that measured it.
    pub command: &'a str,
}

/// The page as one file of less than `MOST_BYTES`.
///
/// # Errors
/// If there are so many filters that no page holds them.
pub fn findings(page: &FindingsPage) -> Result<String> {
    for sides in SIZES {
        let html = document(Document {
            lang: page.lang.findings().lang,
            title: page.lang.findings().title,
            css: STYLE,
            body: body(page, sides),
            data: &serde_json::Value::Null,
            script: SCRIPT,
        });
        if html.len() < MOST_BYTES {
            return Ok(html);
        }
    }
    Err(Error::Usage(format!(
        "{} filters do not fit on a page of {} MB: take fewer layers",
        thousands(count(page.findings)),
        MOST_BYTES / 1_000_000
    )))
}

/// The page's drawings as pictures, each with the name of its file without its ending: the claims, the layers, and of each
/// layer the filters that were climbed.
pub fn findings_figures(findings: &Findings, lang: Lang) -> Vec<(String, Figure)> {
    let t = lang.findings();
    let drawings = [
        ("claims", Some(claims::drawing(findings, t))),
        ("kinds", Some(layers::kinds(findings, t))),
        ("orientations", layers::orientations(findings, t)),
        ("frequency", Some(layers::frequency(findings, t))),
    ];
    let drawn = drawings.into_iter().filter_map(|(name, drawing)| Some((name.to_string(), drawing?.figure(SCALE))));
    let grids = findings
        .layers
        .iter()
        .filter_map(|layer| Some((format!("filters-{}", layer.name), filters::grid_of(layer, t)?)));
    drawn.chain(grids).collect()
}

fn count(findings: &Findings) -> usize {
    findings.layers.iter().map(|layer| layer.filters.len()).sum()
}

fn body(page: &FindingsPage, sides: filters::Sides) -> Markup {
    let (f, t) = (page.findings, page.lang.findings());
    let sections =
        [("claims", t.claims_title), ("layers", t.layers_title), ("filters", t.filters_title), ("made", t.made_title)];
    let lead = fill(t.lead, &[&thousands(count(f)), &f.network, &data(f, t), &GRATINGS.to_string()]);
    html! {
        header {
            h1 { (t.title) }
            p.lead { (lead) }
            nav aria-label=(t.contents) { ol { @for (id, title) in sections { li { a href=(format!("#{id}")) { (title) } } } } }
        }
        main {
            section #claims { h2 { (t.claims_title) } p { (t.claims_lead) } (claims::section(f, page.lang)) }
            section #layers { h2 { (t.layers_title) } p { (t.layers_lead) } (layers::section(f, t)) }
            section #filters {
                h2 { (t.filters_title) }
                p { (t.filters_lead) }
                (filters::section(f, page.lang, sides))
            }
            section #made {
                h2 { (t.made_title) }
                p { (t.made_lead) }
                dl.made {
                    @let version = format!("unet-lens {}", env!("CARGO_PKG_VERSION"));
                    @let (data, backend) = (facts(f, t), in_language(&f.backend, page.lang));
                    @for (what, answer) in t.made.iter().zip([page.command, &f.network, &backend, &data, &version]) {
                        dt { (what) } dd { (answer) }
                    }
                }
            }
        }
        footer { p { "unet-lens " (env!("CARGO_PKG_VERSION")) } }
    }
}

fn data(f: &Findings, t: &FindingsText) -> String {
    fill(t.data_of(f.data.kind), &[&f.data.images.to_string(), &f.data.name])
}

fn facts(f: &Findings, t: &FindingsText) -> String {
    let d = &f.data;
    let n = |value: f64| number(value, 4);
    let numbers =
        format!("{}×{}, {} ± {}, {} – {}", d.size.0, d.size.1, n(d.mean), n(d.deviation), n(d.range.0), n(d.range.1));
    match d.kind {
        DataKind::Nothing => numbers,
        DataKind::Phantoms => format!("{}: {numbers}", t.phantoms),
        DataKind::Files => format!("{}: {numbers}", d.name),
    }
}
