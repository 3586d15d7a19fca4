//! The controls, as they stand before a script fills them.

use super::texts::text;
use crate::page::strings::Lang;
use maud::{Markup, html};

/// A choice among texts, by their keys: `(value, key)`. What the network decides is filled in by the script.
fn select(lang: Lang, id: &str, options: &[(&str, &str)]) -> Markup {
    labelled(
        lang,
        id,
        html! {
            select id=(format!("live-{id}")) {
                @for (value, key) in options { option value=(value) { (text(lang, key)) } }
            }
        },
    )
}

fn number(lang: Lang, id: &str, label: &str, [value, min, max, step]: [&str; 4]) -> Markup {
    labelled(
        lang,
        label,
        html! {
            input type="number" id=(format!("live-{id}")) value=(value) min=(min) max=(max) step=(step);
        },
    )
}

fn labelled(lang: Lang, key: &str, control: Markup) -> Markup {
    html! { label.live-field { span { (text(lang, key)) } (control) } }
}

fn check(lang: Lang, id: &str) -> Markup {
    html! { label.live-check { input type="checkbox" id=(format!("live-{id}")); " " (text(lang, id)) } }
}

fn button(lang: Lang, id: &str) -> Markup {
    html! { button type="button" id=(format!("live-{id}")) { (text(lang, id)) } }
}

fn canvas(lang: Lang, id: &str, key: &str) -> Markup {
    html! {
        figure { canvas id=(format!("live-{id}")) width="32" height="32" role="img" aria-label=(text(lang, key)) {} figcaption { (text(lang, key)) } }
    }
}

fn recipe(lang: Lang, second: bool) -> Markup {
    let id = |name: &str| format!("{name}{}", if second { "2" } else { "" });
    let rate = if second { "0.05" } else { "1" };
    html! {
        fieldset id=(format!("live-{}", id("recipe"))) hidden[second] {
            legend { (text(lang, if second { "how2" } else { "how" })) }
            (labelled(lang, "optimizer", html! {
                select id=(format!("live-{}", id("optimizer"))) {
                    option value="ascent" { (text(lang, "ascent")) }
                    option value="adam" selected[second] { (text(lang, "adam")) }
                }
            }))
            (number(lang, &id("rate"), "rate", [rate, "-100", "100", "any"]))
            (number(lang, &id("jitter"), "jitter", ["0", "0", "64", "1"]))
            @if !second { (check(lang, "two")) }
        }
    }
}

pub fn section(lang: Lang) -> Markup {
    let t = |key| text(lang, key);
    html! {
        section #live {
            h2 { (t("title")) }
            p { (t("intro")) }
            noscript { p.warning { (t("script")) } }
            p.js id="live-who" role="status" { (t("opening")) }
            p.js.hint id="live-speed" {}
            div.js.wide id="live-tools" hidden {
                div.live-choices {
                    fieldset {
                        legend { (t("what")) }
                        (select(lang, "layer", &[]))
                        (number(lang, "filter", "filter", ["0", "0", "", "1"]))
                        (select(lang, "size", &[]))
                        (select(lang, "goal", &[("mean", "goal_mean"), ("square", "goal_square"), ("neuron", "goal_neuron")]))
                        (select(lang, "engine", &[("gpu", "gpu"), ("cpu", "cpu")]))
                    }
                    fieldset {
                        legend { (t("from")) }
                        (select(lang, "start", &[
                            ("noise", "start_noise"), ("recorded", "start_recorded"), ("phantom", "start_phantom"),
                            ("bar", "start_bar"), ("photo", "start_photo"), ("drawn", "start_drawn"),
                        ]))
                        (number(lang, "seed", "seed", ["0", "0", "4294967295", "1"]))
                        (labelled(lang, "angle", html! { input type="range" id="live-angle" min="0" max="180" step="1" value="30"; }))
                        (labelled(lang, "photo", html! { input type="file" id="live-photo" accept="image/*"; }))
                        p.hint id="live-sent" role="status" {}
                    }
                    (recipe(lang, false))
                    (recipe(lang, true))
                }
                div.live-buttons { (button(lang, "run")) (button(lang, "step")) (button(lang, "back")) }
                (labelled(lang, "scrub", html! { input type="range" id="live-scrub" min="0" max="0" value="0"; }))
                p id="live-said" role="status" {}
                p.hint { (t("address")) }
                div.live-maps {
                    figure {
                        canvas id="live-image" width="32" height="32" tabindex="0" role="application" aria-label=(t("image"))
                            aria-describedby="live-pen" {}
                        figcaption { (t("image")) }
                    }
                    (canvas(lang, "gradient", "gradient"))
                    (canvas(lang, "map", "map"))
                    (canvas(lang, "curve", "curve"))
                }
                div.live-maps id="live-maps2" hidden {
                    (canvas(lang, "image2", "image"))
                    (canvas(lang, "gradient2", "gradient"))
                    (canvas(lang, "map2", "map"))
                }
                p.hint id="live-pen" { (t("pen")) }
                div.live-row { (number(lang, "row", "row", ["0", "0", "", "1"])) (number(lang, "column", "column", ["0", "0", "", "1"])) }

                h3 { (t("inside_title")) }
                p { (t("inside_text")) }
                div.live-row { (check(lang, "inside")) (number(lang, "channel", "channel", ["", "0", "", "1"])) }
                div.scroll id="live-u" role="group" aria-label=(t("inside_title")) tabindex="0" {}
                div id="live-close" {}

                h3 { (t("routes_title")) }
                p { (t("routes_text")) }
                (button(lang, "routes"))
                div.scroll id="live-shares" aria-live="polite" {}

                h3 { (t("break_title")) }
                p { (t("break_text")) }
                div.live-breaks {
                    (check(lang, "guided"))
                    (check(lang, "scale"))
                    (select(lang, "skip", &[("", "skip_none")]))
                    (labelled(lang, "off", html! { input type="text" id="live-off" spellcheck="false"; }))
                }
                (button(lang, "check"))
                div.scroll id="live-checked" aria-live="polite" {}
            }
        }
    }
}
