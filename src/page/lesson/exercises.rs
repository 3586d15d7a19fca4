//! The exercises: what is given, two fields to answer in, and the solution in the source.

use super::super::grids::table;
use super::super::strings::{Strings, fill};
use crate::lesson::explain::Exercise;
use maud::{Markup, html};
use serde_json::{Value, json};

/// An exercise's solution as one line, and lines that are wrong in a way that something can be said to, by their names.
struct Lines {
    id: &'static str,
    solution: &'static str,
    mistakes: &'static [(&'static str, &'static str)],
}

const LINES: [Lines; 8] = [
    Lines { id: "sum", solution: "dy", mistakes: &[("mean", "dy / count"), ("product", "dy * x"), ("slope", "1")] },
    Lines {
        id: "relu",
        solution: "x > 0 ? dy : 0",
        mistakes: &[
            ("all", "dy"),
            ("sign", "Math.max(dy, 0)"),
            ("slope", "x > 0 ? 1 : 0"),
            ("forward", "Math.max(x, 0)"),
            ("kink", "x >= 0 ? dy : 0"),
        ],
    },
    Lines {
        id: "max_pool",
        solution: "w.indexOf(Math.max(...w))",
        mistakes: &[
            ("last", "w.lastIndexOf(Math.max(...w))"),
            ("smallest", "w.indexOf(Math.min(...w))"),
            ("magnitude", "w.findIndex((v) => Math.abs(v) === Math.max(...w.map(Math.abs)))"),
            ("value", "Math.max(...w)"),
        ],
    },
    Lines {
        id: "upsample",
        solution: "dy[0] + dy[1] + dy[2] + dy[3]",
        mistakes: &[
            ("mean", "(dy[0] + dy[1] + dy[2] + dy[3]) / 4"),
            ("first", "dy[0]"),
            ("largest", "Math.max(...dy)"),
        ],
    },
    Lines { id: "concat", solution: "dy[c + 1]", mistakes: &[("shifted", "dy[c]"), ("sum", "dy[0] + dy[1] + dy[2]")] },
    Lines {
        id: "conv2d",
        solution: "sum((i, j) => dy(r - i, s - j) * W(i, j))",
        mistakes: &[
            ("unturned", "sum((i, j) => dy(r + i, s + j) * W(i, j))"),
            ("transposed", "sum((i, j) => dy(r + i, s + j) * W(j, i))"),
            ("rows", "sum((i, j) => dy(r - i, s + j) * W(i, j))"),
        ],
    },
    Lines {
        id: "used-twice",
        solution: "3 * dy1 + (x > 0 ? dy2 : 0)",
        mistakes: &[
            ("first", "3 * dy1"),
            ("second", "x > 0 ? dy2 : 0"),
            ("mean", "(3 * dy1 + (x > 0 ? dy2 : 0)) / 2"),
            ("mask", "3 * dy1 + dy2"),
            ("factor", "dy1 + (x > 0 ? dy2 : 0)"),
        ],
    },
    Lines {
        id: "normalise",
        solution: "g[i] / (Math.sqrt(mean(g.map((v) => v * v))) + epsilon)",
        mistakes: &[
            ("epsilon", "g[i] / Math.sqrt(mean(g.map((v) => v * v)))"),
            ("norm", "g[i] / Math.sqrt(g.reduce((sum, v) => sum + v * v, 0))"),
            ("largest", "g[i] / Math.max(...g.map(Math.abs))"),
            ("deviation", "g[i] / Math.sqrt(mean(g.map((v) => (v - mean(g)) ** 2)))"),
        ],
    },
];

fn lines(id: &str) -> &'static Lines {
    LINES.iter().find(|lines| lines.id == id).expect("every exercise has lines")
}

/// What the script needs: the engine's numbers, the mistakes, and what is said to them.
pub(super) fn data(exercises: &[Exercise], s: &Strings) -> Value {
    let one = |exercise: &Exercise| {
        let told = s.exercise(exercise.id);
        let mistakes = lines(exercise.id).mistakes.iter().map(|(name, line)| {
            let why = told.mistakes.iter().find(|(known, _)| known == name).map_or("", |(_, text)| text);
            json!({ "line": line, "why": why })
        });
        json!({ "exercise": exercise, "mistakes": mistakes.collect::<Vec<_>>() })
    };
    json!({
        "all": exercises.iter().map(one).collect::<Vec<_>>(),
        "worker": include_str!("worker.js"),
        "strings": {
            "exact": s.verdicts.exact, "close": s.verdicts.close, "wrong": s.verdicts.wrong, "differs": s.verdicts.differs,
            "more": s.verdicts.more,
            "more_one": s.verdicts.more_one, "percent": s.percent(0.0).replace("0.0", ""), "no_number": s.verdicts.no_number, "no_rule": s.verdicts.no_rule, "slow": s.verdicts.slow,
            "nothing": s.verdicts.nothing, "progress": s.exercise_progress, "solved": s.exercise_solved, "yours": s.yours,
        },
    })
}

pub(super) fn section(exercises: &[Exercise], s: &Strings) -> Markup {
    html! {
        h2 { (s.exercises_title) }
        @for text in s.exercises_text { p { (text) } }
        p.js { (s.exercises_state) }
        p.js.progress id="progress" role="status" { (fill(s.exercise_progress, &["0", &exercises.len().to_string()])) }
        @for (i, exercise) in exercises.iter().enumerate() { (one(exercise, i + 1, s)) }
    }
}

fn one(exercise: &Exercise, number: usize, s: &Strings) -> Markup {
    let told = s.exercise(exercise.id);
    let (cell, rule) = (format!("cell-{}", exercise.id), format!("rule-{}", exercise.id));
    // What is asked for is marked where its place can be seen.
    let shape = exercise.answer.shape;
    let name = match exercise.id {
        "max_pool" => s.pixel,
        "concat" => "db",
        "normalise" => "g / (RMS + ε)",
        _ => "dx",
    };
    html! {
        article.exercise id=(format!("exercise-{}", exercise.id)) data-exercise=(exercise.id) {
            h3 { (number) ". " (told.title) " " span.done hidden { "✓ " (s.exercise_solved) } }
            p { (told.question) }
            div.grids {
                @for (name, array) in &exercise.given { (table(name, array, None, s)) }
                (table(name, &crate::lesson::explain::Array { shape, values: vec![f64::NAN; exercise.answer.values.len()] },
                    Some(exercise.asked), s))
            }
            form.js data-kind="cell" {
                label for=(cell) { (s.predict) ": " (told.predict) }
                span.answer { input type="text" inputmode="text" autocomplete="off" id=(cell) size="8"; button { (s.check) } }
                p.verdict role="status" {}
            }
            form.js data-kind="rule" {
                label for=(rule) { (s.write_rule) ": " (told.rule) }
                span.answer {
                    input.code type="text" autocomplete="off" autocapitalize="off" spellcheck="false" id=(rule);
                    button { (s.check) }
                }
                p.verdict role="status" {}
            }
            details {
                summary { (s.solution) }
                p { code { (name) " = " (lines(exercise.id).solution) } }
                (super::sources::excerpt(&exercise.source, s))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::strings::Lang;
    use super::*;

    /// The compiler sees to it that both languages have the same fields, this that they know the same mistakes.
    #[test]
    fn every_mistake_is_told() {
        for exercise in crate::lesson::explain::exercises().unwrap() {
            for lang in [Lang::En, Lang::Es] {
                let told: Vec<&str> =
                    lang.strings().exercise(exercise.id).mistakes.iter().map(|(name, _)| *name).collect();
                let known: Vec<&str> = lines(exercise.id).mistakes.iter().map(|(name, _)| *name).collect();
                assert_eq!(told, known, "{}", exercise.id);
            }
        }
    }
}
