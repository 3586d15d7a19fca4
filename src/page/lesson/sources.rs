//! The engine's own source on the page: taken from the files when the program is built, never copied by hand.

use super::super::strings::{Strings, fill};
use crate::lesson::explain::{Explanation, Place, by_hand, source, walk};
use maud::{Markup, html};

/// A function, under the name of its file.
pub(super) fn excerpt(place: &Place, s: &Strings) -> Markup {
    html! {
        p.place { code { (place.file) ":" (place.line) } }
        pre.source.scroll tabindex="0" role="region" aria-label=(fill(s.source_of, &[place.file])) { code { (place.excerpt) } }
    }
}

/// What to read first.
pub(super) fn first(s: &Strings) -> Markup {
    let place = by_hand();
    let lines = place.excerpt.lines().count().to_string();
    html! {
        p { a href="#by-hand" { (fill(s.by_hand, &[place.file, &lines])) } }
        details #by-hand { summary { code { (place.file) } } (excerpt(&place, s)) }
    }
}

/// Of an op: its loops forward, its rule, and the rule's loops where they are another op's.
pub(super) fn of_op(op: &'static str, s: &Strings) -> Markup {
    let place = source(op);
    let places = place.into_iter().flat_map(|source| {
        [(s.forward, source.forward), (s.code_columns[2], source.rule), (s.code_columns[3], source.gradient)]
    });
    html! {
        details.sources {
            summary { (fill(s.source_title, &[op])) }
            @for (title, place) in places { @if let Some(place) = place { h4 { (title) } (excerpt(&place, s)) } }
        }
    }
}

/// Where everything is.
pub(super) fn section(e: &Explanation, s: &Strings) -> Markup {
    let mut ops: Vec<&'static str> = vec![];
    for node in e.forward.iter().chain(&e.ascent) {
        if !ops.contains(&node.op) {
            ops.push(node.op);
        }
    }
    let place = |place: &Option<Place>| html! { @if let Some(p) = place { code { (p.file) ":" (p.line) } br; code { (p.text) } } };
    html! {
        h2 { (s.code_title) }
        p { (s.code_text[0]) }
        (excerpt(&walk(), s))
        p { (s.code_text[1]) }
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
