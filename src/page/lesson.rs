//! The page of the lesson: how backprop through this network works.

use super::live::Live;
use super::strings::{self, Lang, Strings, fill};
use super::{Document, data_url, document_that_may, grids, plots, u};
use crate::engine::tensor::{Shape, Tensor};
use crate::lesson::explain::{Explanation, Frame, Place, Worked, source};
use crate::numbers::{data_size, number};
use crate::picture::{Colormap, Figure, Mix, color_strip, strip};
use maud::{Markup, html};

const SCRIPT: &str = include_str!("lesson.js");

/// What the page shows.
pub struct Lesson<'a> {
    pub explanation: &'a Explanation,
    /// An example for each topic of the network, in the order of their first use.
    pub worked: &'a [Worked],
    pub frames: &'a [Frame],
    /// The command that made it.
    pub command: &'a str,
    pub lang: Lang,
    /// The part that computes, if it is wanted.
    pub live: Option<&'a Live>,
}

/// The page as one file.
pub fn lesson(lesson: &Lesson) -> String {
    let s = lesson.lang.strings();
    let translated = match lesson.lang {
        Lang::En => None,
        Lang::Es => Some(strings::translated(lesson.explanation)),
    };
    let lesson = &Lesson { explanation: translated.as_ref().unwrap_or(lesson.explanation), ..*lesson };
    let e = lesson.explanation;
    let data = serde_json::json!({
        "explanation": e,
        "worked": lesson.worked,
        "frames": lesson.frames,
        "strings": {
            "status": s.status, "forward": s.forward, "backward": s.backward, "chain": s.chain, "chain_none": s.chain_none,
        },
    });
    let live = lesson.live;
    let (css, script) = live.map_or(("", ""), |live| (live.css, &live.script));
    let page = Document {
        lang: s.lang,
        title: s.title,
        css: &[&u::pictures(e), css].concat(),
        body: body(lesson, s),
        data: &data,
        script: &[SCRIPT, script].concat(),
    };
    document_that_may(page, live.map_or("", |live| live.policy))
}

fn body(lesson: &Lesson, s: &Strings) -> Markup {
    let e = lesson.explanation;
    let [_, h, w, _] = e.image;
    let (filter, size) = (e.filter.to_string(), format!("{h}×{w}"));
    let sections = [
        ("u", s.u_title),
        ("skips", s.skip_title),
        ("ops", s.ops_title),
        ("memory", s.memory_title),
        ("frames", s.frames_title),
        ("code", s.code_title),
    ];
    html! {
        header {
            h1 { (s.title) }
            p.lead { (fill(s.lead, &[&e.network, &filter, &e.layer, &size, &e.backend])) }
            p { (fill(s.intro[0], &[&filter, &number(e.loss, 4)])) }
            p { (s.intro[1]) }
            p { (s.intro[2]) }
            @if e.dead { p.warning { (s.dead) } }
            nav aria-label=(s.contents) { ol { @for (id, title) in sections { li { a href=(format!("#{id}")) { (title) } } } } }
        }
        main {
            section #u {
                h2 { (s.u_title) }
                @for text in s.u_text { p { (text) } }
                div.stepper.js {
                    button type="button" id="previous" { "← " (s.previous) }
                    input type="range" id="slider" min="0" max="0" value="0" aria-label=(s.place);
                    button type="button" id="next" { (s.next) " →" }
                }
                p.js id="status" aria-live="polite" {}
                div.wide {
                    (u::drawing(e, false, s))
                    (u::drawing(e, true, s))
                }
                p.hint.js { (s.keys) }
                p.hint { (s.strongest) }
                div.cards.wide { @for (i, node) in e.forward.iter().enumerate() { (u::card(e, node, i, s)) } }
            }
            @if let Some(live) = lesson.live { (live.section) }
            section #skips {
                h2 { (s.skip_title) }
                @if e.skips.is_empty() { p { (s.skip_none) } } @else {
                    @for text in s.skip_text { p { (text) } }
                    @for skip in &e.skips { h3 { (e.node(skip.node).name) } (u::streams(e, skip, s)) }
                }
            }
            section #ops {
                h2 { (s.ops_title) }
                @for text in s.ops_text { p { (text) } }
                div.tabs.js {
                    @for worked in lesson.worked {
                        button type="button" data-topic=(worked.topic) aria-pressed="false" { (s.title(worked.topic, worked.op)) }
                    }
                }
                @for worked in lesson.worked { (op(worked, s)) }
            }
            section #memory { (memory(e, s)) }
            section #frames {
                h2 { (s.frames_title) }
                @for text in s.frames_text { p { (text) } }
                div.frames.wide { @for frame in lesson.frames { (self::frame(frame, s)) } }
            }
            section #code { (code(e, s)) }
        }
        footer { p { (fill(s.made, &[env!("CARGO_PKG_VERSION"), ""])) code { (lesson.command) } } }
    }
}

fn op(worked: &Worked, s: &Strings) -> Markup {
    html! {
        article.op id=(format!("op-{}", worked.topic)) data-topic=(worked.topic) {
            h3 { (s.title(worked.topic, worked.op)) }
            @if let Some(text) = s.op(worked.topic) {
                div.two {
                    div { h4 { (s.forward) } p { code { (worked.formula) } } p { (text.forward) } }
                    div {
                        h4 { (s.backward) }
                        p { code { (worked.rule) } }
                        p { (text.backward) }
                        p { (s.remembers) ": " (text.remembers) "." }
                    }
                }
            }
            (grids::example(worked, s))
        }
    }
}

fn memory(e: &Explanation, s: &Strings) -> Markup {
    let kept = e.kept();
    let gradient = |node: usize, kind: &str| {
        e.backward.iter().find(|g| g.remembers.as_ref().is_some_and(|r| r.of == node && r.kind == kind))
    };
    html! {
        h2 { (s.memory_title) }
        @for text in s.memory_text { p { (text) } }
        p { strong { (fill(s.memory_numbers, &[&data_size(e.plan.peak as u64), &data_size(e.plan.unplanned as u64)])) } }
        (plots::memory(e, s))
        h3 { (s.kept_title) }
        @if kept.is_empty() { p { (s.kept_none) } } @else {
            div.scroll {
                table.facts {
                    thead { tr { @for title in s.kept_columns { th scope="col" { (title) } } } }
                    tbody {
                        @for value in kept {
                            tr {
                                th scope="row" { (e.node(value.node).name) }
                                td { (s.kind(value.kind)) }
                                td { (data_size(value.bytes as u64)) }
                                td { @if let Some(g) = gradient(value.node, value.kind) { (g.name) } }
                                td { (value.from) "–" (value.until) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn frame(frame: &Frame, s: &Strings) -> Markup {
    let caption = fill(s.frame, &[&frame.step.to_string(), &number(frame.loss.into(), 4)]);
    let below = fill(s.frame_gradient, &[&number(frame.rms.into(), 3)]);
    html! {
        figure.frame {
            img src=(data_url(&picture(&frame.image))) alt=(caption);
            figcaption { (caption) }
            img src=(data_url(&mean_map(&frame.gradient, Colormap::Coolwarm))) alt=(below);
            figcaption { (below) }
        }
    }
}

/// The image as it is looked at: three channels as colours.
fn picture(image: &Tensor) -> Figure {
    let Shape { h, w, c, .. } = image.shape;
    match c {
        3 => color_strip(h, w, &Mix::of(&image.data, c).rgb(&image.data), 256),
        _ => mean_map(image, Colormap::Viridis),
    }
}

/// The mean over the channels as one map.
fn mean_map(image: &Tensor, colormap: Colormap) -> Figure {
    let c = image.shape.c;
    let map = image.data.chunks(c).map(|pixel| pixel.iter().sum::<f32>() / c as f32).collect();
    strip(image.shape.h, image.shape.w, &[map], colormap, false, 256)
}

fn code(e: &Explanation, s: &Strings) -> Markup {
    let mut ops: Vec<&'static str> = vec![];
    for node in e.forward.iter().chain(&e.ascent) {
        if !ops.contains(&node.op) {
            ops.push(node.op);
        }
    }
    let place = |place: &Option<Place>| html! { @if let Some(p) = place { code { (p.file) ":" (p.line) } br; code { (p.text) } } };
    html! {
        h2 { (s.code_title) }
        p { (s.code_text) }
        div.scroll.wide {
            table.facts {
                thead { tr { @for title in s.code_columns { th scope="col" { (title) } } } }
                tbody {
                    @for source in ops.into_iter().filter_map(source) {
                        tr {
                            th scope="row" { (source.op) }
                            td { (place(&source.forward)) }
                            td { (place(&source.rule)) }
                            td { (place(&source.gradient)) }
                            td { @for shader in source.shaders { div { (place(&Some(shader))) } } }
                        }
                    }
                }
            }
        }
    }
}
