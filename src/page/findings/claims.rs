//! The claims: a row each, and all of them as one drawing.

use super::chart::shown;
use crate::findings::{Claim, Findings, Interval, Unit};
use crate::numbers::number;
use crate::page::strings::findings::{FindingsText, how, row_name};
use crate::page::strings::{Lang, fill};
use crate::picture::{Anchor, Drawing, Mark, Paint, axis};
use maud::{Markup, html};
use serde_json::{Map, Value};

/// Rows of details that are shown; the file has all.
const MOST_ROWS: usize = 60;

/// An interval's drawing, which shrinks to what a phone has.
const WIDTH: f64 = 440.0;
const NARROWEST: f64 = 320.0;

pub fn section(findings: &Findings, lang: Lang) -> Markup {
    let t = lang.findings();
    html! {
        @if findings.claims.is_empty() { p.warning { (t.claims_none) } }
        @for (i, claim) in findings.claims.iter().enumerate() { (row(claim, i + 1, lang)) }
    }
}

fn row(claim: &Claim, place: usize, lang: Lang) -> Markup {
    let t = lang.findings();
    let text = t.claim(claim.sentence);
    let unit = t.unit(claim.unit);
    let value = |v: f64| in_unit(v, claim.unit);
    let Interval { value: v, low, high } = claim.number;
    let with_unit = |v: f64| format!("{} {unit}", value(v)).trim_end().to_string();
    let interval = fill(t.interval, &[&value(low), &with_unit(high)]);
    let bound = fill(t.bound, &[&with_unit(claim.bound)]);
    let chance = match claim.chance {
        Some(c) => fill(t.chance, &[&value(c.value), &value(c.low), &value(c.high)]),
        None => t.no_chance.to_string(),
    };
    let label = format!("{}, {interval}; {bound}; {chance}", with_unit(v));
    let mut drawing = Drawing { size: (WIDTH, 64.0), label, marks: vec![] };
    plot(&mut drawing, claim, (12.0, WIDTH - 12.0), 22.0);
    html! {
        div.claim id=(format!("claim-{}", claim.id)) data-claim=(claim.id) data-answer=(Lang::En.findings().answer(claim.answer))
            data-value=(v) data-low=(low) data-high=(high) {
            h3 { (place) ". " (text.sentence) }
            p.answer { span.word { (t.answer(claim.answer)) } }
            @if v.is_finite() {
                p.number { strong { (value(v)) @if !unit.is_empty() { " " (unit) } } " " (text.number) }
                (shown(&drawing, NARROWEST))
                p.hint { (interval) "; " (bound) "; " (chance) ". " (relation(claim, t)) }
            } @else { p.number { (t.no_number) } }
            details {
                summary { (t.rows_behind) }
                p { (how(claim.how, lang)) }
                (details(&claim.details, t))
            }
        }
    }
}

/// Shares as percentages; else three digits.
fn in_unit(value: f64, unit: Unit) -> String {
    let value = if unit == Unit::Share { 100.0 * value } else { value };
    if value.is_finite() { number(value, 3).replace('-', "\u{2212}") } else { "–".to_string() }
}

fn relation(claim: &Claim, t: &FindingsText) -> &'static str {
    match claim.chance {
        None => "",
        Some(chance) if claim.number.low > chance.high => t.above,
        Some(chance) if claim.number.high < chance.low => t.below,
        Some(_) => t.around,
    }
}

/// The interval on an axis of its own, from `x0` to `x1`, with chance as a band; `y` is the middle.
fn plot(drawing: &mut Drawing, claim: &Claim, (x0, x1): (f64, f64), y: f64) {
    let Interval { value, low, high } = claim.number;
    if ![value, low, high].iter().all(|v| v.is_finite()) {
        return;
    }
    let chance = claim.chance.filter(|c| c.low.is_finite() && c.high.is_finite());
    let all = [0.0, value, low, high, claim.bound].into_iter().chain(chance.iter().flat_map(|c| [c.low, c.high]));
    let (lo, hi) = all.fold((f64::MAX, f64::MIN), |(lo, hi), v| (lo.min(v), hi.max(v)));
    let room = 0.06 * (hi - lo).max(1e-9);
    let (lo, hi) = (lo - room, hi + room);
    let x = |v: f64| x0 + (x1 - x0) * (v - lo) / (hi - lo);
    if let Some(c) = chance {
        // At least wide enough to be seen.
        let w = (x(c.high) - x(c.low)).max(4.0);
        let at = ((x(c.low) + x(c.high) - w) / 2.0, y - 13.0);
        drawing.marks.push(Mark::Bar { at, size: (w, 26.0), paint: Paint::Rule, about: String::new() });
    }
    drawing.line((x0, y + 17.0), (x1, y + 17.0), 1.0, Paint::Rule);
    for at in axis(lo, hi, 6) {
        drawing.line((x(at), y + 17.0), (x(at), y + 21.0), 1.0, Paint::Rule);
        drawing.word((x(at), y + 34.0), Anchor::Middle, Paint::Soft, in_unit(at, claim.unit));
    }
    drawing.line((x(claim.bound), y - 13.0), (x(claim.bound), y + 17.0), 1.0, Paint::Ink);
    drawing.line((x(low), y), (x(high), y), 2.0, Paint::Accent);
    [low, high].iter().for_each(|&end| drawing.line((x(end), y - 6.0), (x(end), y + 6.0), 2.0, Paint::Accent));
    drawing.marks.push(Mark::Dot { at: (x(value), y), radius: 5.0, paint: Paint::Accent, opacity: 1.0 });
}

/// All claims in one drawing: sentence, answer, number, interval.
pub fn drawing(findings: &Findings, t: &FindingsText) -> Drawing {
    const ROW: f64 = 84.0;
    let rows = findings.claims.len().max(1) as f64;
    let mut drawing = Drawing { size: (760.0, 12.0 + ROW * rows), label: t.claims_title.to_string(), marks: vec![] };
    if findings.claims.is_empty() {
        drawing.word((16.0, 40.0), Anchor::Start, Paint::Ink, t.claims_none);
    }
    for (i, claim) in findings.claims.iter().enumerate() {
        let top = 12.0 + ROW * i as f64;
        let (text, unit) = (t.claim(claim.sentence), t.unit(claim.unit));
        let number = match claim.number.value.is_finite() {
            true => format!("{} {unit}", in_unit(claim.number.value, claim.unit)),
            false => t.no_number.to_string(),
        };
        let sentence = format!("{}. {}", i + 1, text.sentence);
        drawing.word((16.0, top + 14.0), Anchor::Start, Paint::Ink, sentence);
        drawing.word((744.0, top + 14.0), Anchor::End, Paint::Accent, t.answer(claim.answer));
        drawing.word((16.0, top + 40.0), Anchor::Start, Paint::Soft, number.trim_end());
        plot(&mut drawing, claim, (230.0, 744.0), top + 38.0);
    }
    drawing
}

/// The rows behind a number: lists of alike things as a table, single ones by name.
fn details(details: &Value, t: &FindingsText) -> Markup {
    match details {
        Value::Object(fields) => html! {
            @let single = |value: &Value| is_interval(value) || !value.is_object() && !is_rows(value);
            @if fields.values().any(single) {
                dl {
                    @for (name, value) in in_order(fields).filter(|(_, value)| single(value)) {
                        dt { (row_name(name, t)) } dd { (cell(value, t)) }
                    }
                }
            }
            @for (name, value) in fields.iter().filter(|(_, value)| !single(value)) {
                h4 { (row_name(name, t)) }
                (self::details(value, t))
            }
        },
        Value::Array(rows) if is_rows(details) => {
            let names: Vec<&String> =
                rows[0].as_object().map(|row| in_order(row).map(|(name, _)| name).collect()).unwrap_or_default();
            html! {
                div.scroll {
                    table.facts {
                        thead { tr { @for name in &names { th scope="col" { (row_name(name, t)) } } } }
                        tbody {
                            @for row in rows.iter().take(MOST_ROWS) {
                                tr { @for name in &names { td { (cell(&row[name.as_str()], t)) } } }
                            }
                        }
                    }
                }
            }
        }
        Value::Null => html! {},
        other => html! { p { (cell(other, t)) } },
    }
}

/// The fields by their names; what says of which thing the others are comes first.
fn in_order(fields: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    let is_head = |name: &str| ["layer", "verdict", "skip", "route"].contains(&name);
    let (heads, others): (Vec<_>, Vec<_>) = fields.iter().partition(|(name, _)| is_head(name));
    heads.into_iter().chain(others)
}

/// A value in a few words: a number with its interval, a list, or names with values.
fn cell(value: &Value, t: &FindingsText) -> String {
    match value {
        Value::Number(n) => n.as_f64().map_or_else(|| n.to_string(), |v| number(v, 4)),
        Value::String(text) => row_name(text, t),
        Value::Bool(is) => row_name(&is.to_string(), t),
        Value::Null => "–".to_string(),
        Value::Object(fields) if is_interval(value) => {
            let part = |name: &str| cell(&fields[name], t);
            format!("{} ({} – {})", part("value"), part("low"), part("high"))
        }
        Value::Object(fields) => {
            // A name and what it has: "down 0.4".
            let parts = in_order(fields).map(|(_, value)| cell(value, t));
            parts.collect::<Vec<_>>().join(" ")
        }
        Value::Array(values) => values.iter().map(|value| cell(value, t)).collect::<Vec<_>>().join(", "),
    }
}

fn is_rows(value: &Value) -> bool {
    value.as_array().is_some_and(|rows| !rows.is_empty() && rows.iter().all(Value::is_object))
}

fn is_interval(value: &Value) -> bool {
    value.as_object().is_some_and(|fields| {
        fields.len() == 3 && ["value", "low", "high"].iter().all(|name| fields.contains_key(*name))
    })
}
