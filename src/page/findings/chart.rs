//! Drawings as SVG, in the reader's colours.

use crate::findings::Verdict;
use crate::page::strings::findings::place;
use crate::picture::{Anchor, Color, Drawing, LETTERS, Mark, Paint, on_circle};
use maud::{Markup, html};

/// Colours of the kinds, in the order of [`Verdict::ALL`]: told apart by the colour-blind too (Okabe and Ito 2008, and greys).
const KINDS: [Color; 8] = [
    [0x8c, 0x8c, 0x8c],
    [0xc9, 0xc9, 0xc9],
    [0xd5, 0x5e, 0x00],
    [0x00, 0x72, 0xb2],
    [0x00, 0x9e, 0x73],
    [0xe6, 0x9f, 0x00],
    [0xcc, 0x79, 0xa7],
    [0xf0, 0xe4, 0x42],
];
/// A drawing that is broader than this scrolls on a narrower screen.
pub const NARROW: f64 = 640.0;

pub fn color(verdict: Verdict) -> Paint {
    Paint::Fixed(KINDS[place(verdict)])
}

/// As a page's style has it.
pub fn css(paint: Paint) -> String {
    match paint {
        Paint::Ink => "var(--ink)".to_string(),
        Paint::Soft => "var(--soft)".to_string(),
        Paint::Rule => "var(--line)".to_string(),
        Paint::Accent => "var(--accent)".to_string(),
        Paint::Warm => "var(--kept)".to_string(),
        Paint::Fixed([r, g, b]) => format!("#{r:02x}{g:02x}{b:02x}"),
    }
}

/// `narrowest`: it shrinks to this width, and on a narrower screen scrolls.
pub fn shown(drawing: &Drawing, narrowest: f64) -> Markup {
    let (w, h) = drawing.size;
    html! {
        div.scroll {
            svg.chart viewBox=(format!("0 0 {w} {h}")) style=(format!("min-width:{:.0}px", w.min(narrowest))) role="img"
                aria-label=(drawing.label) font-size=(LETTERS) {
                @for mark in &drawing.marks { (svg(mark)) }
            }
        }
    }
}

fn svg(mark: &Mark) -> Markup {
    let paint = |paint: &Paint, with: &str| format!("{with}:{}", css(*paint));
    match mark {
        Mark::Word { at, anchor, text, paint: ink, bold } => {
            let anchor = match anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
                Anchor::End => "end",
            };
            html! {
                text x=(f(at.0)) y=(f(at.1)) text-anchor=(anchor) style=(paint(ink, "fill")) font-weight=[bold.then_some("600")] { (text) }
            }
        }
        Mark::Bar { at, size, paint: ink, about } => html! {
            rect x=(f(at.0)) y=(f(at.1)) width=(f(size.0)) height=(f(size.1)) style=(paint(ink, "fill")) {
                @if !about.is_empty() { title { (about) } }
            }
        },
        Mark::Line { from, to, width, paint: ink } => html! {
            line x1=(f(from.0)) y1=(f(from.1)) x2=(f(to.0)) y2=(f(to.1)) stroke-width=(width) style=(paint(ink, "stroke")) {}
        },
        Mark::Dot { at, radius, paint: ink, opacity } => html! {
            circle cx=(f(at.0)) cy=(f(at.1)) r=(radius) style=(paint(ink, "fill")) fill-opacity=[(*opacity < 1.0).then_some(opacity)] {}
        },
        Mark::Ring { at, radius, paint: ink, dashed } => html! {
            circle cx=(f(at.0)) cy=(f(at.1)) r=(f(*radius)) fill="none" style=(paint(ink, "stroke")) stroke-dasharray=[dashed.then_some("5 4")] {}
        },
        Mark::Sector { at, radius, from, to, paint: ink, about } => {
            let corner = |degrees: f64| {
                let (x, y) = on_circle(*at, *radius, degrees);
                format!("{x:.2} {y:.2}")
            };
            let path =
                format!("M{:.2} {:.2}L{}A{radius:.2} {radius:.2} 0 0 0 {}Z", at.0, at.1, corner(*from), corner(*to));
            html! { path d=(path) style=(paint(ink, "fill")) { title { (about) } } }
        }
    }
}

/// Two digits after the point are enough for a drawing.
fn f(v: f64) -> String {
    format!("{v:.2}")
}
