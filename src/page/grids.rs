//! Worked examples as grids of cells.

use super::strings::{Strings, fill};
use crate::lesson::explain::{Array, Worked};
use crate::numbers::number;
use maud::{Markup, html};

/// Digits of a number in a cell.
const DIGITS: usize = 4;

/// The example: framed cells are inputs, the script computes the others anew.
pub(super) fn example(worked: &Worked, s: &Strings) -> Markup {
    let many = |name: &str, i: usize, of: usize| if of == 1 { name.to_string() } else { format!("{name} {}", i + 1) };
    let count = worked.x.len();
    html! {
        div.worked data-topic=(worked.topic) {
            h4 { (s.example) }
            p.hint.js { (s.change) }
            div.side {
                div.grids {
                    @for (i, x) in worked.x.iter().enumerate() { (grid(&many(s.input, i, count), "x", i, x, true, s)) }
                    @if !worked.settings.values.is_empty() {
                        (grid(settings(worked, s), "settings", 0, &worked.settings, true, s))
                    }
                    (grid(s.output, "y", 0, &worked.y, false, s))
                }
                div.grids {
                    (grid(s.arriving, "dy", 0, &worked.dy, true, s))
                    @for (i, part) in worked.parts.iter().enumerate() { (grid(s.parts[i.min(1)], "part", i, part, false, s)) }
                    @for (i, dx) in worked.dx.iter().enumerate() { (grid(&many(s.leaving, i, count), "dx", i, dx, false, s)) }
                    @for (i, d) in worked.differences.iter().enumerate() {
                        (grid(&many(s.difference, i, count), "difference", i, d, false, s))
                    }
                }
            }
            p.chain aria-live="polite" { (chain(worked, s)) }
            @if worked.settings_are == "kernel" {
                p.terms { code { (terms(worked)) } }
                @if worked.topic == "conv2d" { @for text in s.turned { p.hint { (text) } } }
            }
            p.kink hidden { (s.kink) }
        }
    }
}

fn settings(worked: &Worked, s: &Strings) -> &'static str {
    match worked.settings_are {
        "kernel" => s.kernel,
        "scale, shift" => s.scale_shift,
        "factor" => s.factor,
        "matrix" => s.matrix,
        // By the names that they have in the formula.
        names => names,
    }
}

/// Numbers that nobody changes, in the question of an exercise; what is not known is a question mark. Cell `asked` is marked.
pub(super) fn table(name: &str, array: &Array, asked: Option<usize>, s: &Strings) -> Markup {
    let [h, w, c] = array.shape;
    html! {
        div.grid-box {
            @for channel in 0..c {
                table.grid {
                    caption { (name) @if c > 1 { ", " (fill(s.channel, &[&channel.to_string()])) } }
                    @for row in 0..h {
                        tr {
                            @for column in 0..w {
                                @let at = (row * w + column) * c + channel;
                                @let value = array.values[at];
                                td.on[asked == Some(at)] { @if value.is_nan() { "?" } @else { (number(value, DIGITS)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Channels stand under each other.
fn grid(name: &str, role: &str, index: usize, array: &Array, editable: bool, s: &Strings) -> Markup {
    let [h, w, c] = array.shape;
    html! {
        div.grid-box {
            @for channel in 0..c {
                table.grid data-role=(role) data-index=(index) data-channel=(channel) {
                    caption { (name) @if c > 1 { ", " (fill(s.channel, &[&channel.to_string()])) } }
                    @for row in 0..h {
                        tr {
                            @for column in 0..w {
                                @let at = (row * w + column) * c + channel;
                                @let text = number(array.values[at], DIGITS);
                                @let label = format!("{name}, {} {}, {} {}", s.row, row + 1, s.column, column + 1);
                                @if editable {
                                    td { input type="number" step="any" readonly value=(text) data-at=(at) aria-label=(label); }
                                } @else {
                                    td data-at=(at) { (text) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The same by places: which entry of the kernel lies on which cell of dy.
fn terms(worked: &Worked) -> String {
    let place = |name: &str, at: usize, [_, w, c]: [usize; 3]| format!("{name}[{}, {}]", at / c / w, at / c % w);
    let through = worked.links.iter().filter(|link| (link.input, link.cell) == (0, worked.chain.cell));
    let term = |link: &crate::lesson::explain::Link| {
        let weight = link.setting.map_or(String::new(), |k| place("\u{b7}W", k, worked.settings.shape));
        place("dy", link.output, worked.dy.shape) + &weight
    };
    let terms: Vec<String> = through.map(term).collect();
    format!("{} = {}", place("dx", worked.chain.cell, worked.x[0].shape), terms.join(" + "))
}

/// The chain rule for the marked cell, in numbers.
fn chain(worked: &Worked, s: &Strings) -> String {
    let read_by = &worked.chain.read_by;
    if read_by.is_empty() {
        return s.chain_none.to_string();
    }
    let short = |v: f64| number(v, DIGITS).replace('-', "\u{2212}");
    let factor = |v: f64| if v < 0.0 { format!("({})", short(v)) } else { short(v) };
    let term = |&(at, slope): &(usize, f64)| format!("{}·{}", factor(worked.dy.values[at]), factor(slope));
    let terms: Vec<String> = read_by.iter().map(term).collect();
    let sum: f64 = read_by.iter().map(|&(at, slope)| worked.dy.values[at] * slope).sum();
    fill(s.chain, &[&read_by.len().to_string(), &terms.join(" + "), &short(sum)])
}
