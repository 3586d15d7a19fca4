//! `unet-lens explain`: how backprop through this network works, in the terminal, as JSON and as a page.

use super::choices::{LANGS, one_of};
use super::start::{Init, phantom};
use super::{Machine, quoted};
use crate::engine::exec::Executor;
use crate::engine::tensor::Tensor;
use crate::lens::ascent;
use crate::lesson::explain::{self, Explanation, NodeFacts};
use crate::network::{Network, unet};
use crate::numbers::{data_size, macs, milliseconds, number, percent};
use crate::page::live::{self, Live};
use crate::page::strings::Lang;
use crate::page::{self, Lesson};
use crate::{Error, Result, files};
use std::path::PathBuf;

pub(super) const EXAMPLES: &str = "\
Examples:
  unet-lens explain                                   the built-in network, its layer uconv128
  unet-lens explain --html lesson.html                the same as a page: one file, open it in any browser
  unet-lens explain --html leccion.html --lang es     in Spanish
  unet-lens explain --html lesson.html --live         the same, and it computes in its reader's browser
  unet-lens explain --layer dconv64 --filter 3        another layer, this filter
  unet-lens explain --model my_unet.keras --layer conv_7 --init photo.png";

/// The layer that is explained if none is named, and if the network has it.
const LAYER: &str = "uconv128";

/// Columns of the terminal that the text is made for.
const WIDTH: usize = 118;

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("page").args(["html", "live_dir"])))]
pub(super) struct Options {
    /// A convolution of the network [default: uconv128, or the last with several filters]
    #[arg(long, value_name = "NAME")]
    layer: Option<String>,
    /// The filter to climb [default: the first whose gradient is not zero]
    #[arg(long, value_name = "N")]
    filter: Option<usize>,
    /// Start from a picture instead of noise: .png, .jpg or .npy; or from the word phantom, the first aliased one of --seed
    #[arg(long, value_name = "FILE|phantom")]
    init: Option<PathBuf>,
    /// Seed of the noise
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Image size, rows x columns [default: the network's own]
    #[arg(long, value_name = "HxW", value_parser = super::parse_size)]
    size: Option<(usize, usize)>,
    /// Write the lesson as a page; the terminal then gets a summary in place of the whole
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The page computes: on its reader's GPU, or without one, with all weights inside
    #[arg(long, requires = "html")]
    live: bool,
    /// The same as a folder for a web server: index.html, and the weights in a file beside it
    #[arg(long, value_name = "DIR")]
    live_dir: Option<PathBuf>,
    /// Write all the numbers
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The page's language
    #[arg(long, default_value = "en", value_parser = one_of(LANGS), requires = "page")]
    lang: Lang,
    #[command(flatten)]
    machine: Machine,
    /// Print only the names of the files that are written
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let network = options.machine.load()?;
    let layer = options.layer(&network)?;
    if let Some(filter) = options.filter {
        super::check_filter(&network, layer, filter)?;
    }
    let init = Init::read_one(options.init.as_deref(), &network)?;
    let shape = init.shape(&network, &[layer], options.size)?;
    let given = match &init {
        Init::Noise => None,
        Init::Pictures(picture) => Some(picture.clone()),
        Init::Phantom => Some(phantom(&network, (shape.h, shape.w), options.seed)?),
    };
    let html = options.page_file();
    for path in [&html, &options.json].into_iter().flatten() {
        files::check_writable_dir(path.parent().unwrap_or("".as_ref()))?;
    }
    let executor = options.machine.open(options.quiet)?;
    let name = &network.layers[layer].name;
    let start = |filter: usize| match &given {
        Some(given) => given.clone(),
        None => ascent::noise(options.seed, name, &[filter], shape, ascent::NOISE),
    };
    let (filter, image) = match options.filter {
        Some(filter) => (filter, start(filter)),
        None => ascent::first_alive(&*executor, &network, layer, start)?,
    };
    let explanation = explain::explain(&*executor, &network, layer, filter, &image)?;
    let mut written = vec![];
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(&explanation).expect("numbers and names");
        files::write_whole(path, (text + "\n").as_bytes())?;
        written.push(path);
    }
    let numbers = options.live_dir.as_ref().map(|dir| dir.join(live::NUMBERS));
    if let Some(path) = &html {
        let start = live::Start { layer: name, filter, image: &image };
        let is_live = options.live || options.live_dir.is_some();
        let live = is_live.then(|| live::live(&network, &start, numbers.is_some(), options.lang)).transpose()?;
        let page = options.page(&*executor, &network, (layer, filter), &image, (&explanation, live.as_ref()))?;
        files::write_whole(path, page.as_bytes())?;
        written.push(path);
        if let Some((path, bytes)) = numbers.as_ref().zip(live.as_ref().and_then(|live| live.numbers.as_ref())) {
            files::write_whole(path, bytes)?;
            written.push(path);
        }
    }
    if !options.quiet {
        let short = || heading(&explanation) + work(&explanation).trim_start();
        super::print(&if html.is_some() { short() } else { text(&explanation) })?;
    }
    written.iter().try_for_each(|path| super::print(&format!("{}\n", path.display())))
}

impl Options {
    /// Where the page goes, if there is to be one.
    fn page_file(&self) -> Option<PathBuf> {
        self.html.clone().or_else(|| self.live_dir.as_ref().map(|dir| dir.join("index.html")))
    }

    fn layer(&self, network: &Network) -> Result<usize> {
        if let Some(name) = &self.layer {
            return unet::convolution(network, name);
        }
        default_layer(network).ok_or_else(|| {
            Error::Usage(format!("{} has no convolution, so there is no filter to explain", network.name))
        })
    }

    fn page(
        &self,
        executor: &dyn Executor,
        network: &Network,
        (layer, filter): (usize, usize),
        image: &Tensor,
        (explanation, live): (&Explanation, Option<&Live>),
    ) -> Result<String> {
        let worked = explain::worked_for(network, layer, image.shape)?;
        let frames = explain::frames(executor, network, (layer, filter), image)?;
        let command = self.command(&explanation.layer, filter);
        Ok(page::lesson(&Lesson {
            explanation,
            worked: &worked,
            frames: &frames,
            command: &command,
            lang: self.lang,
            live,
        }))
    }

    /// The command that makes the same page again.
    fn command(&self, layer: &str, filter: usize) -> String {
        let mut text = format!("unet-lens explain --layer {} --filter {filter} --seed {}", quoted(layer), self.seed);
        text += &self.machine.arguments();
        if let Some(init) = &self.init {
            text += &format!(" --init {}", quoted(&init.to_string_lossy()));
        }
        if let Some((h, w)) = self.size {
            text += &format!(" --size {h}x{w}");
        }
        text + if self.live_dir.is_some() {
            " --live-dir DIR"
        } else if self.live {
            " --html FILE --live"
        } else {
            " --html FILE"
        }
    }
}

/// The layer to look at if none is named; `None` if there is no convolution.
pub(super) fn default_layer(network: &Network) -> Option<usize> {
    let all = unet::convolutions(network);
    let known = all.iter().copied().find(|&layer| network.layers[layer].name == LAYER);
    let several = all.iter().copied().rfind(|&layer| unet::filters(network, layer) > 1);
    known.or(several).or(all.last().copied())
}

/// The whole explanation for the terminal.
fn text(e: &Explanation) -> String {
    heading(e) + &columns(e) + &skips(e) + &plan(e) + &work(e) + &memory(e)
}

/// What is explained.
fn heading(e: &Explanation) -> String {
    let [_, h, w, c] = e.image;
    let mut text = format!(
        "{}: filter {} of {}, for one image of {h}x{w}x{c}\ncomputed by {}; loss {}\n",
        e.network,
        e.filter,
        e.layer,
        e.backend,
        number(e.loss, 6)
    );
    if e.dead {
        text += "The filter is dead here: a ReLU lets nothing through, and the gradient is zero below it.\n";
    }
    text
}

/// Forward nodes downwards on the left; beside each, the gradient nodes that answer it, to be read upwards.
fn columns(e: &Explanation) -> String {
    let half = (WIDTH - 3) / 2;
    let mut text = format!("\n{:<half$} | {}\n", "FORWARD, read downwards", "BACKWARD, read upwards");
    let rule = format!("{:-<half$}-+-{:-<half$}\n", "", "");
    let ascent: Vec<String> = e.ascent.iter().rev().flat_map(|node| cell(e, node, half)).collect();
    text += &rule;
    text += &side_by_side(&[], &ascent, half);
    for node in &e.forward {
        let answers = e.backward.iter().rev().filter(|g| g.answers == Some(node.id));
        let right: Vec<String> = answers.flat_map(|g| cell(e, g, half)).collect();
        text += &rule;
        text += &side_by_side(&cell(e, node, half), &right, half);
    }
    text + &rule
}

fn side_by_side(left: &[String], right: &[String], half: usize) -> String {
    let line = |i: usize| {
        let get = |lines: &[String]| lines.get(i).cloned().unwrap_or_default();
        format!("{:<half$} | {}", get(left), get(right)).trim_end().to_string() + "\n"
    };
    (0..left.len().max(right.len())).map(line).collect()
}

fn cell(e: &Explanation, node: &NodeFacts, half: usize) -> Vec<String> {
    let [_, h, w, c] = node.shape;
    let mut lines = wrap(&format!("{}  [{}]  {h}x{w}x{c}", node.name, node.op), half);
    lines.extend(wrap(&format!("  {}", node.formula), half));
    let mut facts = vec![];
    if node.macs > 0 {
        facts.push(macs(node.macs));
    }
    match (&e.steps(node)[..], e.seconds(node)) {
        _ if node.op == "input" => {}
        ([], _) => facts.push("never written out".to_string()),
        ([step], Some(seconds)) => facts.push(format!("step {step}, {}", milliseconds(seconds))),
        ([step], None) => facts.push(format!("step {step}")),
        (steps, _) => facts.push(format!("in parts, steps {}", page::list(steps))),
    }
    facts.push(format!("RMS {}", number(node.rms, 3)));
    facts.push(format!("{} zeros", percent(node.zeros)));
    lines.extend(wrap(&format!("  {}", facts.join(", ")), half));
    // A sum answers the node whose gradients it adds; what it asks for is its own.
    let rule = node.answers.map(|y| if node.op == "add" { "add" } else { e.node(y).op });
    if let Some(text) = rule.and_then(|op| Lang::En.strings().op(op)) {
        let kept = node
            .remembers
            .as_ref()
            .map_or(String::new(), |r| format!(" ({}, steps {} to {})", data_size(r.bytes as u64), r.from, r.until));
        lines.extend(wrap(&format!("  remembers {}{kept}", text.remembers), half));
    }
    lines
}

/// Words in lines of at most `width`, the following ones set in.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let indent = text.len() - text.trim_start().len();
    let mut lines = vec![];
    let mut line = " ".repeat(indent);
    for word in text.split_whitespace() {
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

fn skips(e: &Explanation) -> String {
    let mut text = "\nSKIPS: a value that is used twice gets a gradient from each use, and they add up\n".to_string();
    if e.skips.is_empty() {
        return text + "  no value is used twice on the way to this layer\n";
    }
    for skip in &e.skips {
        text += &format!("  d {}: RMS {}\n", e.node(skip.node).name, number(e.node(skip.gradient).rms, 3));
        for stream in &skip.streams {
            let share = stream.share.map_or("the sum is zero".to_string(), |v| format!("{} of the sum", percent(v)));
            text +=
                &format!("    by way of {:<28} RMS {:<10} {share}\n", e.node(stream.by).name, number(stream.rms, 3));
        }
    }
    text
}

fn plan(e: &Explanation) -> String {
    let plan = &e.plan;
    let mut text = format!(
        "\nPLAN: what is computed together, and which buffer (b) holds what\n  {:>4}  {:>10} {:>10} {:>10}  what\n",
        "step", "work", "time", "memory"
    );
    for (i, step) in plan.steps.iter().enumerate() {
        let work = if step.macs > 0 { macs(step.macs) } else { String::new() };
        let time = step.seconds.map_or(String::new(), milliseconds);
        let ops: Vec<&str> = step.nodes.iter().map(|&id| e.node(id).op).collect();
        let last = step.nodes.last().map_or("", |&id| e.node(id).name.as_str());
        let buffers = |values: &[usize]| {
            let names: Vec<String> = values.iter().map(|&v| format!("b{}", plan.values[v].buffer)).collect();
            if names.is_empty() { "nothing".to_string() } else { names.join(" ") }
        };
        let live = data_size(step.live as u64);
        let (reads, writes) = (buffers(&step.reads), buffers(&step.writes));
        text +=
            &format!("  {i:>4}  {work:>10} {time:>10} {live:>10}  {last}: {} ({reads} -> {writes})\n", ops.join(" + "));
    }
    for (b, &bytes) in plan.buffers.iter().enumerate() {
        let mut held: Vec<_> = plan.values.iter().filter(|value| value.buffer == b).collect();
        held.sort_by_key(|value| value.from);
        let held: Vec<String> = held
            .iter()
            .map(|value| {
                let of = if value.kind == "values" { String::new() } else { format!("{} of ", value.kind) };
                format!("{of}{} ({}-{})", e.node(value.node).name, value.from, value.until)
            })
            .collect();
        let line = format!("  b{b}, {}: {}", data_size(bytes as u64), held.join(", "));
        wrap(&line, WIDTH).iter().for_each(|line| text += &format!("{line}\n"));
    }
    text
}

/// The work of a step of the climb.
fn work(e: &Explanation) -> String {
    let macs_of = |nodes: &[NodeFacts]| macs(nodes.iter().map(|node| node.macs).sum());
    let seconds: Option<f64> = e.plan.steps.iter().map(|step| step.seconds).sum();
    format!(
        "  {} nodes in {} steps; {} forward, {} backward{}\n",
        e.nodes().count(),
        e.plan.steps.len(),
        macs_of(&e.forward),
        macs_of(&e.backward),
        seconds.map_or(String::new(), |s| format!("; {} a step of the climb", milliseconds(s)))
    )
}

fn memory(e: &Explanation) -> String {
    let buffers: usize = e.plan.buffers.iter().sum();
    format!(
        "  memory at the worst step {}, in buffers {}; every node's result kept would be {}\n",
        data_size(e.plan.peak as u64),
        data_size(buffers as u64),
        data_size(e.plan.unplanned as u64)
    )
}
