//! The explanation for the terminal.

use crate::lesson::explain::{Choice, Explanation, NodeFacts};
use crate::numbers::{data_size, macs, milliseconds, number};
use crate::page;
use crate::page::strings::{Strings, fill};

/// Columns of the terminal that the text is made for.
const WIDTH: usize = 118;

/// What is printed, in the reader's language.
pub(super) struct Printed<'a> {
    /// Its nodes called in that language.
    pub e: &'a Explanation,
    pub s: &'a Strings,
    /// Why this filter and of how many, if nobody named it.
    pub choice: Option<(&'a Choice, usize)>,
}

impl Printed<'_> {
    /// What there is to say beside a page.
    pub fn short(&self) -> String {
        self.heading() + self.work().trim_start()
    }

    pub fn whole(&self) -> String {
        self.heading() + &self.columns() + &self.skips() + &self.plan() + &self.work() + &self.memory()
    }

    /// What is explained.
    fn heading(&self) -> String {
        let (e, t) = (self.e, &self.s.terminal);
        let [_, h, w, c] = e.image;
        let image = format!("{h}x{w}x{c}");
        let what = fill(t.heading, &[&e.network, &e.filter.to_string(), &e.layer, &image]);
        let mut text = format!("{what}\n{}\n", fill(t.computed, &[&e.backend, &number(e.loss, 6)]));
        if let Some((choice, count)) = self.choice {
            let [own, first] = [choice.zeros, choice.first_zeros].map(|zeros| self.s.percent(zeros));
            let why = fill(t.chosen, &[&count.to_string(), &own, &first]);
            text += &(wrap(&why, WIDTH).join("\n") + "\n");
        }
        if e.dead {
            text += &format!("{}\n", t.dead);
        }
        text
    }

    /// Forward nodes downwards on the left; beside each, the gradient nodes that answer it, to be read upwards.
    fn columns(&self) -> String {
        let (e, t) = (self.e, &self.s.terminal);
        let half = (WIDTH - 3) / 2;
        let mut text = format!("\n{:<half$} | {}\n", t.forward, t.backward);
        let rule = format!("{:-<half$}-+-{:-<half$}\n", "", "");
        let ascent: Vec<String> = e.ascent.iter().rev().flat_map(|node| self.cell(node, half)).collect();
        text += &rule;
        text += &side_by_side(&[], &ascent, half);
        for node in &e.forward {
            let answers = e.backward.iter().rev().filter(|g| g.answers == Some(node.id));
            let right: Vec<String> = answers.flat_map(|g| self.cell(g, half)).collect();
            text += &rule;
            text += &side_by_side(&self.cell(node, half), &right, half);
        }
        text + &rule
    }

    fn cell(&self, node: &NodeFacts, half: usize) -> Vec<String> {
        let (e, t) = (self.e, &self.s.terminal);
        let [_, h, w, c] = node.shape;
        let mut lines = wrap(&format!("{}  [{}]  {h}x{w}x{c}", node.name, node.op), half);
        lines.extend(wrap(&format!("  {}", node.formula), half));
        let mut facts = vec![];
        if node.macs > 0 {
            facts.push(macs(node.macs));
        }
        let step = |step: &usize| fill(t.step, &[&step.to_string()]);
        match (&e.steps(node)[..], e.seconds(node)) {
            _ if node.op == "input" => {}
            ([], _) => facts.push(t.never_written.to_string()),
            ([i], Some(seconds)) => facts.push(format!("{}, {}", step(i), milliseconds(seconds))),
            ([i], None) => facts.push(step(i)),
            (steps, _) => facts.push(fill(t.in_parts, &[&page::list(steps)])),
        }
        facts.push(format!("RMS {}", number(node.rms, 3)));
        facts.push(fill(t.zeros, &[&self.s.percent(node.zeros)]));
        lines.extend(wrap(&format!("  {}", facts.join(", ")), half));
        // A sum answers the node whose gradients it adds; what it asks for is its own.
        let rule = node.answers.map(|y| if node.op == "add" { "add" } else { e.node(y).op });
        if let Some(text) = rule.and_then(|op| self.s.op(op)) {
            let kept = node.remembers.as_ref().map_or(String::new(), |r| {
                let (from, until) = (r.from.to_string(), r.until.to_string());
                " ".to_string() + &fill(t.lifetime, &[&data_size(r.bytes as u64), &from, &until])
            });
            lines.extend(wrap(&format!("  {}{}{kept}", t.remembers, text.remembers), half));
        }
        lines
    }

    fn skips(&self) -> String {
        let (e, t) = (self.e, &self.s.terminal);
        let mut text = format!("\n{}\n", t.skips);
        if e.skips.is_empty() {
            return text + &format!("  {}\n", t.no_skips);
        }
        for skip in &e.skips {
            let rms = number(e.node(skip.gradient).rms, 3);
            text += &format!("  {}\n", fill(t.gradient, &[&e.node(skip.node).name, &rms]));
            for stream in &skip.streams {
                let share = stream.share.map_or(t.no_share.to_string(), |v| fill(t.share, &[&self.s.percent(v)]));
                let (by, rms) = (&e.node(stream.by).name, number(stream.rms, 3));
                text += &format!("    {} {by:<28} RMS {rms:<10} {share}\n", t.by_way_of);
            }
        }
        text
    }

    fn plan(&self) -> String {
        let (e, t) = (self.e, &self.s.terminal);
        let plan = &e.plan;
        let [step, work, time, memory, what] = t.columns;
        let mut text = format!("\n{}\n  {step:>4}  {work:>10} {time:>10} {memory:>10}  {what}\n", t.plan);
        for (i, step) in plan.steps.iter().enumerate() {
            let work = if step.macs > 0 { macs(step.macs) } else { String::new() };
            let time = step.seconds.map_or(String::new(), milliseconds);
            let ops: Vec<&str> = step.nodes.iter().map(|&id| e.node(id).op).collect();
            let last = step.nodes.last().map_or("", |&id| e.node(id).name.as_str());
            let buffers = |values: &[usize]| {
                let names: Vec<String> = values.iter().map(|&v| format!("b{}", plan.values[v].buffer)).collect();
                if names.is_empty() { t.nothing.to_string() } else { names.join(" ") }
            };
            let live = data_size(step.live as u64);
            let (reads, writes) = (buffers(&step.reads), buffers(&step.writes));
            let ops = ops.join(" + ");
            text += &format!("  {i:>4}  {work:>10} {time:>10} {live:>10}  {last}: {ops} ({reads} -> {writes})\n");
        }
        for (b, &bytes) in plan.buffers.iter().enumerate() {
            let mut held: Vec<_> = plan.values.iter().filter(|value| value.buffer == b).collect();
            held.sort_by_key(|value| value.from);
            let held: Vec<String> = held
                .iter()
                .map(|value| {
                    let name = e.node(value.node).name.as_str();
                    // The kind without what the page says of it besides: "signs, a bit each".
                    let kind = self.s.kind(value.kind).split(',').next().unwrap_or("");
                    let what = if value.kind == "values" { name.to_string() } else { fill(t.held, &[kind, name]) };
                    format!("{what} ({}-{})", value.from, value.until)
                })
                .collect();
            let line = format!("  b{b}, {}: {}", data_size(bytes as u64), held.join(", "));
            wrap(&line, WIDTH).iter().for_each(|line| text += &format!("{line}\n"));
        }
        text
    }

    /// The work of a step of the climb.
    fn work(&self) -> String {
        let (e, t) = (self.e, &self.s.terminal);
        let macs_of = |nodes: &[NodeFacts]| macs(nodes.iter().map(|node| node.macs).sum());
        let seconds: Option<f64> = e.plan.steps.iter().map(|step| step.seconds).sum();
        let (nodes, steps) = (e.nodes().count().to_string(), e.plan.steps.len().to_string());
        let work = fill(t.work, &[&nodes, &steps, &macs_of(&e.forward), &macs_of(&e.backward)]);
        format!("  {work}{}\n", seconds.map_or(String::new(), |v| fill(t.seconds, &[&milliseconds(v)])))
    }

    fn memory(&self) -> String {
        let (plan, t) = (&self.e.plan, &self.s.terminal);
        let sizes = [plan.peak, plan.buffers.iter().sum(), plan.unplanned].map(|bytes| data_size(bytes as u64));
        format!("  {}\n", fill(t.memory, &[&sizes[0], &sizes[1], &sizes[2]]))
    }
}

fn side_by_side(left: &[String], right: &[String], half: usize) -> String {
    let line = |i: usize| {
        let get = |lines: &[String]| lines.get(i).cloned().unwrap_or_default();
        format!("{:<half$} | {}", get(left), get(right)).trim_end().to_string() + "\n"
    };
    (0..left.len().max(right.len())).map(line).collect()
}

/// Words in lines of at most `width`, the following ones set in.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let indent = text.len() - text.trim_start().len();
    let mut lines = vec![];
    let mut line = " ".repeat(indent);
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if line.trim().is_empty() {
            line += word;
        } else if line.chars().count() + 1 + word.chars().count() > width {
            lines.push(line);
            line = " ".repeat(indent + 2) + word;
        } else {
            line = format!("{line} {word}");
        }
    }
    lines.push(line);
    lines
}
