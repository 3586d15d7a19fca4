//! The page of the lesson: how backprop through this network works.

mod exercises;
mod others;
mod sources;

use super::channels::Channels;
use super::live::Live;
use super::strings::{self, Lang, Strings, fill, formula};
use super::{Document, cards, data_url, document_that_may, grids, plots, u};
use crate::engine::tensor::{Shape, Tensor};
use crate::lesson::explain::{Choice, Exercise, Explanation, Frame, Others, Worked};
use crate::numbers::{data_size, number};
use crate::picture::{Colormap, Figure, Mix, color_strip, strip};
use maud::{Markup, html};

/// In the order in which they run; they share one scope.
const SCRIPT: &str = concat!(
    include_str!("lesson/state.js"),
    include_str!("lesson/walk.js"),
    include_str!("lesson/rules.js"),
    include_str!("lesson/examples.js"),
    include_str!("lesson/exercises.js"),
    include_str!("lesson/tour.js"),
    include_str!("lesson/start.js"),
);

/// What the rule in the page's head allows besides: workers, which run what the reader writes and compute.
const WORKERS: &str = " 'unsafe-eval'; worker-src blob:";

/// What the page shows.
pub struct Lesson<'a> {
    pub explanation: &'a Explanation,
    /// An example for each topic of the network, in the order of their first use.
    pub worked: &'a [Worked],
    pub frames: &'a [Frame],
    pub exercises: &'a [Exercise],
    /// A silent filter and a bright border, to look at.
    pub others: &'a Others,
    /// Why this filter and of how many, if nobody named it.
    pub choice: Option<(&'a Choice, usize)>,
    /// The command that made it.
    pub command: &'a str,
    pub lang: Lang,
    /// The part that computes, if it is wanted.
    pub live: Option<&'a Live>,
}

/// The page as one file.
pub fn lesson(lesson: &Lesson) -> String {
    let s = lesson.lang.strings();
    let translated = strings::translated(lesson.explanation, lesson.lang);
    let lesson = &Lesson { explanation: &translated, ..*lesson };
    let e = lesson.explanation;
    let channels = Channels::of(e);
    let data = serde_json::json!({
        "explanation": e,
        "worked": lesson.worked,
        "frames": lesson.frames,
        "exercises": exercises::data(lesson.exercises, s),
        "channels": channels.numbers,
        "channel": channels.first,
        "tour": s.tour(),
        "strings": {
            "tour_play": s.tour_play, "tour_pause": s.tour_pause, "tour_at": s.tour_at, "after": s.after, "channel": s.channel,
            "status": s.status, "forward": s.forward, "backward": s.backward, "chain": s.chain, "chain_none": s.chain_none,
        },
    });
    let live = lesson.live;
    let (css, script) = live.map_or(("", ""), |live| (live.css, &live.script));
    let page = Document {
        lang: s.lang,
        title: s.title,
        css: &[&u::pictures(e, &channels), css].concat(),
        body: body(lesson, &channels, s),
        data: &data,
        script: &[SCRIPT, script].concat(),
    };
    let policy = [WORKERS, live.map_or("", |live| live.policy)].concat();
    document_that_may(page, &policy)
}

fn body(lesson: &Lesson, channels: &Channels, s: &Strings) -> Markup {
    let e = lesson.explanation;
    let [_, h, w, _] = e.image;
    let (filter, size) = (e.filter.to_string(), format!("{h}×{w}"));
    let sections = [
        ("u", s.u_title),
        ("skips", s.skip_title),
        ("ops", s.ops_title),
        ("exercises", s.exercises_title),
        ("memory", s.memory_title),
        ("others", s.others_title),
        ("frames", s.frames_title),
        ("code", s.code_title),
    ];
    html! {
        header {
            h1 { (s.title) }
            p.lead { (fill(s.lead, &[&e.network, &filter, &e.layer, &size, &e.backend])) }
            (sources::first(s))
            p { (fill(s.intro[0], &[&filter, &number(e.loss, 4)])) }
            @if let Some((choice, count)) = lesson.choice {
                p { (fill(s.chosen, &[&count.to_string(), &s.percent(choice.zeros), &s.percent(choice.first_zeros)])) }
            }
            p { (s.intro[1]) }
            p { (s.climbed) }
            p { (s.intro[2]) }
            @if e.dead { p.warning { (s.dead) } }
            nav aria-label=(s.contents) {
                ol {
                    @for (id, title) in sections {
                        li { a href=(format!("#{id}")) { (title) } }
                        @if let Some(live) = lesson.live.filter(|_| id == "u") { li { a href="#live" { (live.title) } } }
                    }
                }
            }
        }
        main {
            section #u style=(format!("--pick:{}", channels.first)) {
                h2 { (s.u_title) }
                @for text in s.u_text { p { (text) } }
                p { (s.scale) }
                div.stage.wide { (stage(e, channels, s)) (cards(e, channels, s)) }
            }
            @if let Some(live) = lesson.live { (live.section) }
            section #skips {
                h2 { (s.skip_title) }
                @if e.skips.is_empty() { p { (s.skip_none) } } @else {
                    @for text in s.skip_text { p { (text) } }
                    @for skip in &e.skips { h3 { (e.node(skip.node).name) } (cards::streams(e, skip, s)) }
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
            section #exercises { (exercises::section(lesson.exercises, s)) }
            section #memory { (memory(e, s)) }
            section #others { (others::section(lesson.others, s)) }
            section #frames {
                h2 { (s.frames_title) }
                @let rms = lesson.frames.first().map_or(String::new(), |frame| number(frame.rms.into(), 2));
                @for text in s.frames_text { p { (fill(text, &[&rms])) } }
                div.frames.wide { @for frame in lesson.frames { (self::frame(frame, s)) } }
            }
            section #code { (sources::section(e, s)) }
        }
        footer { p { (fill(s.made, &[env!("CARGO_PKG_VERSION"), ""])) code { (lesson.command) } } }
    }
}

/// The drawing, and what leads through it.
fn stage(e: &Explanation, channels: &Channels, s: &Strings) -> Markup {
    html! {
        div.drawing {
            div.tour.js role="group" aria-label=(s.tour_label) {
                button type="button" id="tour-play" { "▶ " (s.tour_about) }
                button type="button" id="tour-next" hidden { (s.tour_next) " →" }
                button type="button" id="tour-stop" hidden { (s.tour_stop) }
                span.hint id="tour-at" {}
                p id="tour-text" aria-live="polite" hidden {}
            }
            div.stepper.js {
                button type="button" id="previous" { "← " (s.previous) }
                input type="range" id="slider" min="0" max="0" value="0" aria-label=(s.place);
                button type="button" id="next" { (s.next) " →" }
            }
            div.line.js {
                p id="status" aria-live="polite" {}
                label {
                    (s.choose_channel) " "
                    select id="channel" {
                        @for (i, number) in channels.numbers.iter().enumerate() {
                            @let name = if channels.silent == Some(i) { fill(s.silent_channel, &[&number.to_string()]) } else { number.to_string() };
                            option value=(i) selected[i == channels.first] { (name) }
                        }
                    }
                }
            }
            (u::drawing(e, channels, false, s))
            (u::drawing(e, channels, true, s))
            p.hint.js { (s.keys) }
        }
    }
}

fn cards(e: &Explanation, channels: &Channels, s: &Strings) -> Markup {
    let behind = e.forward.len();
    html! {
        div.cards {
            @for (i, node) in e.forward.iter().enumerate() { (cards::card(e, channels, node, i, s)) }
            @for (i, node) in e.ascent.iter().enumerate() { (cards::after(e, node, behind + i, s)) }
        }
    }
}

fn op(worked: &Worked, s: &Strings) -> Markup {
    html! {
        article.op id=(format!("op-{}", worked.topic)) data-topic=(worked.topic) {
            h3 { (s.title(worked.topic, worked.op)) }
            @if let Some(text) = s.op(worked.topic) {
                div.two {
                    div { h4 { (s.forward) } p { code { (formula(worked.formula, s.language)) } } p { (text.forward) } }
                    div {
                        h4 { (s.backward) }
                        p { code { (formula(worked.rule, s.language)) } }
                        p { (text.backward) }
                        p { (s.remembers) ": " (text.remembers) "." }
                    }
                }
            }
            (grids::example(worked, s))
            @if worked.topic != "used-twice" { (sources::of_op(worked.op, s)) }
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
