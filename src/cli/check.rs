//! `unet-lens check`: does backprop agree with finite differences?

use super::terminal::{GOOD, NOTE, Text, WRONG, print_text};
use super::{Json, Machine, progress_bar};
use crate::Result;
use crate::engine::exec::{Backend, Executor};
use crate::lens::ascent;
use crate::lesson::check::{self, Check, Point, TOLERANCE_F32, TOLERANCE_F64};
use crate::network::{Network, unet};

pub(super) const EXAMPLES: &str = "\
Compared are the gradient that --backend computes, and central differences of the loss, always taken in f64 on the
reference. Where a ReLU switches or another value wins a max pool between the two points, the loss has a kink and no one
slope; such points are named and left out of the verdict. An error is relative to the larger of the two numbers, or to the
gradient's RMS where that is larger still. Exit code 0: all other points agree to 1e-3 (with --backend
reference: to 1e-6).

Examples:
  unet-lens check                                     every convolution of the built-in network
  unet-lens check --layer uconv128 --points 100       one layer, more closely
  unet-lens check --layer uconv128 --filter 70        this filter of it
  unet-lens check --backend reference                 in f64: agreement to 1e-6
  unet-lens check --model my_unet.keras --backend gpu what my GPU makes of my network";

/// Sides of the image that is checked at, unless the network's own are smaller: a gradient of a convolution is as easily
/// wrong on a small image as on a large one, and the f64 loops take 16 times less than at 128.
const SIDE: usize = 32;

#[derive(clap::Args)]
pub(super) struct Options {
    /// A convolution of the network, or all
    #[arg(long, value_name = "NAME", default_value = "all")]
    layer: String,
    /// The filter whose gradient is checked [default: the first whose gradient is not zero]
    #[arg(long, value_name = "N")]
    filter: Option<usize>,
    /// How many directions: single pixels and random ones in turn
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    points: u32,
    /// Seed of the image (noise, as a climb starts from) and of the directions
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Image size, rows x columns [default: 32x32, or as near to it as the network allows]
    #[arg(long, value_name = "HxW", value_parser = super::parse::parse_size)]
    size: Option<(usize, usize)>,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    print: Json,
    /// Print the verdicts only
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let network = options.machine.load()?;
    let layers = super::convolution_or_all(&network, &options.layer)?;
    for (&layer, filter) in layers.iter().zip(options.filter.iter().cycle()) {
        super::check_filter(&network, layer, *filter)?;
    }
    let executor = options.machine.open(options.quiet)?;
    let tolerance = if options.machine.backend == Backend::Reference { TOLERANCE_F64 } else { TOLERANCE_F32 };
    let mut checks = vec![];
    for layer in layers {
        let check = options.check(&*executor, &network, layer, tolerance)?;
        if options.print.json {
            super::print_json(&document(&check))?;
        } else {
            if !options.quiet {
                print_text(&text(&check, &executor.describe()))?;
            }
            print_text(&verdict(&check, options.filter.is_some()))?;
        }
        checks.push(check);
    }
    check::verdict(&checks)
}

impl Options {
    fn check(&self, executor: &dyn Executor, network: &Network, layer: usize, tolerance: f64) -> Result<Check> {
        let own = unet::image_shape(network, &[layer], None)?;
        let multiple = unet::size_multiple(network);
        let small = |own: usize, multiple: usize| own.min(SIDE.div_ceil(multiple) * multiple);
        let size = match self.size {
            Some(size) => size,
            None => unet::fitting(network, &[layer], (small(own.h, multiple.h), small(own.w, multiple.w)))
                .unwrap_or((own.h, own.w)),
        };
        let image = unet::image_shape(network, &[layer], Some(size))?;
        executor.limit().check(image, ascent::noise_bytes(image))?;
        let name = &network.layers[layer].name;
        // Noise as a climb starts from.
        let start = |filter: usize| ascent::noise(self.seed, name, &[filter], image, ascent::NOISE);
        let (filter, image) = match self.filter {
            Some(filter) => (filter, start(filter)),
            None => ascent::first_alive(executor, network, layer, start)?,
        };
        let bar = progress_bar(name, self.quiet);
        bar.set_length(self.points.into());
        let points = (self.points as usize, self.seed);
        let check = check::check(executor, network, (layer, filter), &image, points, tolerance, &mut |done| {
            bar.set_position(done as u64);
        });
        bar.finish_and_clear();
        check
    }
}

/// The check with what follows from it.
fn document(check: &Check) -> serde_json::Value {
    let mut document = serde_json::json!(check);
    document["agrees"] = check.agrees().into();
    document["worst"] = check.worst().into();
    document
}

fn text(check: &Check, backend: &str) -> Text {
    let mut text = Text::default();
    text +=
        &format!("{}, filter {}: gradient from {backend}; differences from the reference\n", check.layer, check.filter);
    let mut line = "  ".to_string();
    for (i, op) in check.ops.iter().enumerate() {
        let word = if i == 0 { op.to_string() } else { format!(" > {op}") };
        if line.len() + word.len() > 100 {
            text += &format!("{line}\n");
            line = "   ".to_string();
        }
        line += &word;
    }
    text += &format!("{line}\n  {:<22} {:>15} {:>15} {:>9}\n", "", "backprop", "difference", "error");
    check.points.iter().for_each(|point| row(&mut text, point, check.tolerance));
    text
}

fn row(text: &mut Text, point: &Point, tolerance: f64) {
    let Point { direction, backprop, difference, error, kinks } = point;
    *text += &format!("  {direction:<22} {backprop:>15.8e} {difference:>15.8e} {error:>9.1e}");
    let kinks: Vec<String> = kinks
        .iter()
        .map(|kink| {
            let what = if kink.op == "relu" { "switched" } else { "changed hands" };
            format!("{} of {} {what}", kink.count, kink.node)
        })
        .collect();
    match kinks.is_empty() {
        true if *error <= tolerance => {}
        true => text.styled(WRONG, "  DISAGREES"),
        false => text.styled(NOTE, &format!("  left out, a kink: {}", kinks.join(", "))),
    }
    *text += "\n";
}

/// `is_named`: the filter was asked for, not found.
fn verdict(check: &Check, is_named: bool) -> Text {
    let judged = check.judged().count();
    let left_out = match check.points.len() - judged {
        0 => String::new(),
        1 => "; 1 point at a kink left out".to_string(),
        n => format!("; {n} points at kinks left out"),
    };
    let wrong = check.judged().filter(|point| point.error.is_nan() || point.error > check.tolerance).count();
    let (style, found) = match (judged, wrong) {
        (0, _) => (NOTE, "nothing could be judged".to_string()),
        (_, 0) => {
            let worst = check.worst();
            (GOOD, format!("{judged} of {judged} points agree to {:.0e}, at worst {worst:.1e}", check.tolerance))
        }
        _ => (WRONG, format!("{wrong} of {judged} points DISAGREE, at worst {:.1e}", check.worst())),
    };
    let dead = match (check.dead, is_named) {
        (false, _) => String::new(),
        (true, true) => format!(" (filter {} is dead here: the gradient is zero)", check.filter),
        (true, false) => " (every filter is dead here: the gradient is zero)".to_string(),
    };
    let mut text = Text::default();
    text += &format!("{}: ", check.layer);
    text.styled(style, &found);
    text += &format!("{left_out}{dead}\n");
    text
}
