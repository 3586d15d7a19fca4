//! The main job: `unet-lens --layer NAME`, pictures of what the filters of a layer answer to.

use super::{Look, Machine, layer_file, parse_finite, parse_positive, parse_size};
use crate::ascent::{self, Climb, Recipe, Verdict};
use crate::exec::Executor;
use crate::keras::Network;
use crate::picture::{Panel, grid, npy};
use crate::tensor::{Shape, Tensor};
use crate::{Error, Result, files, unet};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;

/// Panels in a row, as in the article.
const COLUMNS: usize = 8;
/// The largest figure that is drawn.
const MOST_PIXELS: u64 = 400_000_000;

#[derive(clap::Args)]
pub(super) struct Options {
    /// A convolution of the network, or all; may be given several times
    #[arg(long = "layer", value_name = "NAME", required = true)]
    layers: Vec<String>,
    /// These filters, like 0,3,8-11
    #[arg(long, value_name = "LIST", value_parser = parse_filters, conflicts_with = "count")]
    filters: Option<Ranges>,
    /// How many filters to draw without repetition (all, if there are fewer)
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..), allow_negative_numbers = true)]
    count: u32,
    /// Steps of the climb
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000_000), allow_negative_numbers = true)]
    steps: u32,
    /// What the normalised gradient is multiplied by in each step
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = parse_finite, allow_negative_numbers = true)]
    step_size: f32,
    /// Seed of the noise and of the draw
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    seed: u64,
    /// Upper end of the uniform noise that a climb starts from
    #[arg(long, value_name = "X", default_value_t = 2.0, value_parser = parse_positive, allow_negative_numbers = true)]
    noise: f32,
    /// Start from a picture instead of noise: .png, .jpg, or .npy of [H,W], [N,H,W] or [N,H,W,C]
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,
    #[command(flatten)]
    machine: Machine,
    /// Folder for the results
    #[arg(long, value_name = "DIR", default_value = "out")]
    out: PathBuf,
    /// Also write DIR/LAYER.npy (the pictures' values, float32) and DIR/LAYER.csv (activations, verdicts, gradients)
    #[arg(long)]
    npy: bool,
    #[command(flatten)]
    look: Look,
    /// Image size, rows x columns [default: the network's own]
    #[arg(long, value_name = "HxW", value_parser = parse_size)]
    size: Option<(usize, usize)>,
    /// Print errors only
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let network = options.machine.load()?;
    let mut layers = vec![];
    for name in &options.layers {
        match name.as_str() {
            "all" => layers.extend(unet::convolutions(&network)),
            name => layers.push(unet::convolution(&network, name)?),
        }
    }
    let mut seen = std::collections::HashSet::new();
    layers.retain(|&layer| seen.insert(layer));
    let jobs: Vec<(usize, Vec<usize>)> =
        layers.into_iter().map(|layer| Ok((layer, options.filters_of(&network, layer)?))).collect::<Result<_>>()?;
    let init = options.init.as_deref().map(|path| super::read_input(path, &network)).transpose()?;
    let image = super::start_shape(&network, options.size, init.as_ref())?;
    if let Some(init) = &init {
        for (layer, filters) in &jobs {
            check_starts(init, filters.len(), &network.layers[*layer].name)?;
        }
    }
    files::check_writable_dir(&options.out)?;
    for (layer, _) in &jobs {
        let file = |extension| layer_file(&options.out, "", &network.layers[*layer].name, extension);
        if let Some(folder) = ["png", "npy", "csv"].map(file).iter().find(|p| p.is_dir()) {
            return Err(Error::file(folder, "is a folder where a result is to be written; choose another --out"));
        }
    }
    let executor = options.machine.open(options.quiet)?;
    for (layer, filters) in &jobs {
        ascent::fits(&*executor, &network, *layer, filters, image)?;
        check_figure(filters.len(), image)?;
    }
    for (layer, filters) in jobs {
        options.one_layer(&*executor, &network, layer, &filters, image, init.as_ref())?;
    }
    Ok(())
}

impl Options {
    /// The filters to climb of one layer.
    fn filters_of(&self, network: &Network, layer: usize) -> Result<Vec<usize>> {
        let (name, channels) = (&network.layers[layer].name, unet::filters(network, layer));
        let Some(Ranges(ranges)) = &self.filters else {
            return Ok(ascent::draw_filters(self.seed, name, channels, self.count as usize));
        };
        if let Some(beyond) = ranges.iter().map(|range| *range.end()).find(|&end| end >= channels) {
            return Err(Error::Usage(match channels {
                1 => format!("--filters {beyond}: {name} has 1 filter, number 0"),
                _ => format!("--filters {beyond}: {name} has {channels} filters, 0 to {}", channels - 1),
            }));
        }
        let mut filters = vec![];
        for filter in ranges.iter().cloned().flatten() {
            if !filters.contains(&filter) {
                filters.push(filter);
            }
        }
        Ok(filters)
    }

    fn one_layer(
        &self,
        executor: &dyn Executor,
        network: &Network,
        layer: usize,
        filters: &[usize],
        image: Shape,
        init: Option<&Tensor>,
    ) -> Result<()> {
        let name = &network.layers[layer].name;
        let seeds = match init {
            Some(init) if init.shape.n == 1 => {
                // A single picture serves all.
                Tensor::new(init.shape.with_n(filters.len()), init.data.repeat(filters.len()))
            }
            Some(init) => init.clone(),
            None => ascent::noise(self.seed, name, filters, image, self.noise),
        };
        let recipe = Recipe { steps: self.steps as usize, rate: self.step_size };
        let bar = progress_bar(name, self.quiet);
        let climbs = ascent::climb(executor, network, layer, filters, &seeds, recipe, &mut |done, total| {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        })?;
        bar.finish_and_clear();

        let file = |extension| layer_file(&self.out, "", name, extension);
        let mut written = vec![file("png")];
        grid(name, &climbs.iter().map(|climb| panel(climb, image)).collect::<Vec<_>>(), COLUMNS, self.look.colormap)
            .save(&written[0])?;
        if self.npy {
            written.push(file("npy"));
            let shape = [climbs.len(), image.h, image.w, image.c];
            let values: Vec<f32> = climbs.iter().flat_map(|climb| &climb.picture).copied().collect();
            npy::write(&written[1], if image.c == 1 { &shape[..3] } else { &shape }, &values)?;
            written.push(file("csv"));
            files::write_whole(&written[2], csv(&climbs).as_bytes())?;
        }
        if !self.quiet {
            super::print(&table(name, &climbs, &written))?;
        }
        Ok(())
    }
}

/// Filters as the user names them: numbers and ranges.
#[derive(Clone)]
struct Ranges(Vec<std::ops::RangeInclusive<usize>>);

/// "0,3,8-11" as ranges.
fn parse_filters(text: &str) -> Result<Ranges, String> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first <= last).then_some(first..=last)
    };
    let ranges: Option<_> = text.split(',').map(range).collect();
    ranges.map(Ranges).ok_or_else(|| "expected numbers and ranges from low to high, like 0,3,8-11".to_string())
}

/// # Errors
/// If the pictures side by side are more than one file can show.
fn check_figure(filters: usize, image: Shape) -> Result<()> {
    let pixels = (filters.div_ceil(COLUMNS) * image.h) as u64 * (filters.min(COLUMNS) * image.w) as u64;
    if pixels > MOST_PIXELS {
        return Err(Error::Memory(format!(
            "{filters} pictures of {}x{} pixels make a figure of {} million pixels, the most is {} million; \
             take fewer filters or a smaller --size",
            image.h,
            image.w,
            pixels / 1_000_000,
            MOST_PIXELS / 1_000_000
        )));
    }
    Ok(())
}

/// # Errors
/// If there is neither one start for all filters nor one for each.
fn check_starts(init: &Tensor, filters: usize, layer: &str) -> Result<()> {
    let n = init.shape.n;
    if n == 1 || n == filters {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "--init holds {n} pictures for {filters} filters of {layer}; it must hold one, or one for each filter"
    )))
}

pub(super) fn progress_bar(name: &str, quiet: bool) -> ProgressBar {
    // indicatif draws on stderr, and only if that is a terminal.
    let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::no_length() };
    let style = ProgressStyle::with_template("{prefix:<14} {wide_bar} {percent:>3}%  {eta} left");
    bar.set_style(style.expect("the template is valid"));
    bar.set_prefix(name.to_string());
    bar
}

/// How a climb is drawn. What is no answer is never drawn as one.
fn panel(climb: &Climb, image: Shape) -> Panel {
    let panel = match climb.verdict {
        Verdict::Dead => Panel::blank("dead"),
        Verdict::NotFinite => Panel::blank("not finite"),
        Verdict::Ok if image.c == 3 => Panel::color(image.h, image.w, stretched(&climb.picture)),
        Verdict::Ok => {
            let mean = |pixel: &[f32]| pixel.iter().sum::<f32>() / image.c as f32;
            Panel::map(image.h, image.w, climb.picture.chunks(image.c).map(mean).collect())
        }
    };
    panel.label(climb.filter.to_string())
}

/// RGB values from their own range to bytes.
fn stretched(rgb: &[f32]) -> Vec<u8> {
    let (lo, hi) = rgb.iter().fold((f32::MAX, f32::MIN), |(lo, hi), &v| (lo.min(v), hi.max(v)));
    let scale = if hi > lo { 255.0 / (hi - lo) } else { 0.0 };
    rgb.iter().map(|v| ((v - lo) * scale).round() as u8).collect()
}

fn table(name: &str, climbs: &[Climb], written: &[PathBuf]) -> String {
    let mut text = format!("{name}\n{:>6}  {:>12}  {:>12}  verdict\n", "filter", "before", "after");
    for climb in climbs {
        let (before, after) = ends(climb);
        text += &format!("{:>6}  {:>12}  {:>12}  {}", climb.filter, readable(before), readable(after), climb.verdict);
        text += match climb.verdict {
            Verdict::Dead => ": no gradient at the seed, nothing to show\n",
            Verdict::NotFinite => ": a number became NaN or infinite; try a smaller --step-size or --noise\n",
            Verdict::Ok => "\n",
        };
    }
    written.iter().for_each(|path| text += &format!("{}\n", path.display()));
    text
}

/// A number that keeps its digits in a narrow column.
fn readable(value: f32) -> String {
    match value.abs() {
        size if size != 0.0 && size.is_finite() && !(1e-4..1e6).contains(&size) => format!("{value:.5e}"),
        _ => format!("{value:.6}"),
    }
}

/// The filter's mean activation before the first step and after the last.
fn ends(climb: &Climb) -> (f32, f32) {
    (climb.losses[0], climb.losses[climb.losses.len() - 1])
}

fn csv(climbs: &[Climb]) -> String {
    let steps = climbs.first().map_or(0, |climb| climb.rms.len());
    let mut text = "filter,start,end,verdict".to_string();
    (1..=steps).for_each(|step| text += &format!(",rms_{step}"));
    for climb in climbs {
        let (start, end) = ends(climb);
        text += &format!("\n{},{start},{end},{}", climb.filter, climb.verdict);
        climb.rms.iter().for_each(|rms| text += &format!(",{rms}"));
    }
    text + "\n"
}
