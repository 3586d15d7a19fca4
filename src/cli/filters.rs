//! The main job: `unet-lens --layer NAME`, pictures of what the filters of a layer answer to.

use super::climbing::Climbing;
use super::dead::{self, Whys};
use super::start::{Init, Starts};
use super::terminal::print_text;
use super::{Json, Look, Machine, climbed, parse_size, progress_bar};
use crate::cancel::{Cancel, Watch};
use crate::engine::exec::Executor;
use crate::engine::tensor::Shape;
use crate::findings::WhyDead;
use crate::lens::ascent::{self, Climb, Recipe, Verdict};
use crate::network::{Network, unet};
use crate::numbers::data_size;
use crate::picture::{Animation, Colormap, Figure, Mix, Panel, grid, grid_of, mixed, npy};
use crate::{Error, Result, files};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Panels in a row, as in the article.
const COLUMNS: usize = 8;
/// How long a frame of the animation is seen.
const DELAY: Duration = Duration::from_millis(150);
/// Height of a picture in a frame, pixels: half of what it is in the figure, since an animation is a large file.
const FRAME: usize = 128;
/// The largest figure that is drawn.
const MOST_PIXELS: u64 = 400_000_000;

#[derive(clap::Args)]
pub(super) struct Options {
    /// A convolution of the network, or all; may be given several times
    #[arg(long = "layer", value_name = "NAME", required = true)]
    layers: Vec<String>,
    #[command(flatten)]
    chosen: Chosen,
    /// Seed of the noise, of the draw and of --jitter's shifts
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    seed: u64,
    /// Start from a picture instead of noise: .png, .jpg, or .npy of [H,W], [N,H,W] or [N,H,W,C]; or from the word phantom:
    /// the first aliased phantom of --seed, one for all filters, as `activations phantom` shows it. Filters that are dead
    /// for noise may live there
    #[arg(long, value_name = "FILE|phantom")]
    init: Option<PathBuf>,
    #[command(flatten)]
    machine: Machine,
    /// Folder for the results
    #[arg(long, value_name = "DIR", default_value = "out")]
    out: PathBuf,
    /// Also write DIR/LAYER.npy (the pictures' values, float32) and DIR/LAYER.csv (activations, verdicts, gradients)
    #[arg(long)]
    npy: bool,
    /// Also write the way up as an animation, a frame for each step
    #[arg(long, value_name = "FILE")]
    gif: Option<PathBuf>,
    #[command(flatten)]
    print: Json,
    #[command(flatten)]
    look: Look,
    /// Image size, rows x columns [default: the network's own]
    #[arg(long, value_name = "HxW", value_parser = parse_size)]
    size: Option<(usize, usize)>,
    /// Print errors only
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    climbing: Climbing,
}

/// Which filters of a layer.
#[derive(clap::Args)]
pub(super) struct Chosen {
    /// These filters, like 0,3,8-11
    #[arg(long, value_name = "LIST", value_parser = parse_filters, conflicts_with = "count")]
    pub filters: Option<Ranges>,
    /// How many filters to draw without repetition (all, if there are fewer)
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..), allow_negative_numbers = true)]
    pub count: u32,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let cancel = super::cancelled_by_ctrl_c()?;
    let network = options.machine.load()?;
    let layers = super::convolutions(&network, &options.layers)?;
    let jobs: Vec<(usize, Vec<usize>)> = layers
        .iter()
        .map(|&layer| Ok((layer, options.chosen.of(&network, layer, options.seed)?)))
        .collect::<Result<_>>()?;
    let init = Init::read(options.init.as_deref(), &network, options.machine.limit())?;
    let image = init.shape(&network, &layers, options.size)?;
    for (layer, filters) in &jobs {
        init.check(filters.len(), &network.layers[*layer].name)?;
    }
    if options.gif.is_some() && jobs.len() > 1 {
        return Err(Error::Usage(format!("--gif takes one --layer, not {}", jobs.len())));
    }
    let names = super::file_names(&network);
    for (layer, _) in &jobs {
        options.files(&names[*layer]).try_for_each(files::check_writable)?;
    }
    let executor = options.machine.open(options.quiet)?;
    // What does not fit a layer, or the memory, is said before the first one is climbed.
    let mut ready = vec![];
    for (layer, filters) in &jobs {
        ready.push(ascent::Job::new(&*executor, &network, *layer, filters, image, options.recipe())?);
        check_figure(filters.len(), image)?;
    }
    for ((layer, filters), job) in jobs.into_iter().zip(ready) {
        if !options.quiet && !options.print.json {
            super::print(&heading(&network.layers[layer].name, filters.len(), job.needs()))?;
        }
        let starts = Starts {
            executor: &*executor,
            network: &network,
            name: &network.layers[layer].name,
            filters: &filters,
            image,
            init: &init,
            climbing: &options.climbing,
        };
        options.one_layer(&*executor, &network, layer, job, &starts, &cancel)?;
    }
    Ok(())
}

impl Options {
    fn recipe(&self) -> Recipe {
        Recipe { keep_frames: self.gif.is_some(), ..self.climbing.recipe(self.seed) }
    }

    /// What is written for the layer whose files are called so.
    fn files(&self, name: &str) -> impl Iterator<Item = PathBuf> {
        let extensions: &[&str] = if self.npy { &["png", "npy", "csv"] } else { &["png"] };
        let own = extensions.iter().map(|extension| self.out.join(format!("{name}.{extension}")));
        own.chain(self.gif.clone()).collect::<Vec<_>>().into_iter()
    }

    fn one_layer(
        &self,
        executor: &dyn Executor,
        network: &Network,
        layer: usize,
        job: ascent::Job,
        starts: &Starts,
        cancel: &Cancel,
    ) -> Result<()> {
        let (name, recipe, image) = (starts.name, self.recipe(), starts.image);
        let bar = progress_bar(name, self.quiet);
        let mut progress = |done: usize, total: usize| {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        };
        let mut watch = Watch { cancel, progress: &mut progress };
        let ascent::Climbed { mut climbs, end } = job.climb_on(&starts.of(self.seed, starts.filters)?, &mut watch);
        if climbs.is_empty() || matches!(end, Err(Error::Interrupted)) {
            return end;
        }
        let end = end.map_err(|error| match error {
            Error::Device(why) => {
                Error::Device(format!("{why}; {} of {} filters are drawn", climbs.len(), starts.filters.len()))
            }
            error => error,
        });
        if let (Ok(()), Some(attempts)) = (&end, self.climbing.rescue) {
            // A picture to start from is the same whatever the seed.
            let attempts = if let Init::Pictures(_) = starts.init { 0 } else { u64::from(attempts) };
            let tried = self.seed.saturating_add(1)..self.seed.saturating_add(1 + attempts);
            let of = |seed: u64, filters: &[usize]| starts.of(seed, filters);
            let seeds = ascent::Starts { own: self.seed, tried, of: &of };
            ascent::rescue(executor, network, layer, &mut climbs, recipe, seeds, &mut watch)?;
        }
        bar.finish_and_clear();

        let names = super::file_names(network);
        let file = |extension| self.out.join(format!("{}.{extension}", names[layer]));
        let mut written = vec![file("png")];
        let why = dead::why(executor, network, layer, &climbs)?;
        figure(name, &climbs, &why, image, self.look.colormap).save(&written[0])?;
        if let Some(gif) = &self.gif {
            self.animation(gif, name, (&climbs, &why), image)?;
            written.push(gif.clone());
        }
        if self.npy {
            let shape = [climbs.len(), image.h, image.w, image.c];
            let values: Vec<f32> = climbs.iter().flat_map(|climb| &climb.picture).copied().collect();
            npy::write(file("npy"), if image.c == 1 { &shape[..3] } else { &shape }, &values)?;
            files::write_whole(file("csv"), climbed::csv(&climbs).as_bytes())?;
            written.extend([file("npy"), file("csv")]);
        }
        if self.print.json {
            super::print_json(&climbed::document(name, &climbs, &why, &written))?;
        } else if !self.quiet {
            print_text(&climbed::table(&climbs, &why, starts.init, &written))?;
        }
        end
    }

    /// The whole grid, a frame for the start and for each step.
    fn animation(&self, path: &Path, name: &str, (climbs, why): (&[Climb], &Whys), image: Shape) -> Result<()> {
        let mut animation = Animation::new(path, DELAY);
        let bar = progress_bar("animation", self.quiet);
        bar.set_length(climbs[0].frames.len() as u64);
        for step in 0..climbs[0].frames.len() {
            let panels: Vec<Panel> =
                climbs.iter().map(|climb| panel(climb, &climb.frames[step], why.get(&climb.filter), image)).collect();
            let title = titled(&format!("{name}, step {step} of {}", climbs[0].frames.len() - 1), image);
            animation.figure(&grid_of(FRAME, &title, &panels, COLUMNS, self.look.colormap))?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        animation.save()
    }
}

impl Chosen {
    /// The filters of one layer; drawn by the seed, if they are not named.
    pub fn of(&self, network: &Network, layer: usize, seed: u64) -> Result<Vec<usize>> {
        let (name, channels) = (&network.layers[layer].name, unet::filters(network, layer));
        let Some(Ranges(ranges)) = &self.filters else {
            return Ok(ascent::draw_filters(seed, name, channels, self.count as usize));
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
}

/// Filters as the user names them: numbers and ranges.
#[derive(Clone)]
pub(super) struct Ranges(Vec<std::ops::RangeInclusive<usize>>);

impl std::fmt::Display for Ranges {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let range = |r: &std::ops::RangeInclusive<usize>| match (r.start(), r.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        };
        f.pad(&self.0.iter().map(range).collect::<Vec<_>>().join(","))
    }
}

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

/// The grid of a layer.
pub(super) fn figure(name: &str, climbs: &[Climb], why: &Whys, image: Shape, colormap: Colormap) -> Figure {
    let drawn = |climb: &Climb| panel(climb, &climb.picture, why.get(&climb.filter), image);
    let panels: Vec<Panel> = climbs.iter().map(drawn).collect();
    grid(&titled(name, image), &panels, COLUMNS, colormap)
}

/// The figure's title, with what the colours are if they are not the picture's own.
pub(super) fn titled(name: &str, image: Shape) -> String {
    mixed(image.c).map_or(name.to_string(), |colors| format!("{name}\n{colors}"))
}

/// How a climb is drawn. What is no answer is never drawn as one.
pub(super) fn panel(climb: &Climb, picture: &[f32], why: Option<&WhyDead>, image: Shape) -> Panel {
    let panel = match climb.verdict {
        Verdict::Dead => return Panel::blank(dead::word(why)).label(label(climb)),
        verdict if !verdict.has_picture() => return Panel::blank(verdict.to_string()).label(label(climb)),
        _ if image.c == 1 => Panel::map(image.h, image.w, picture.to_vec()),
        // What lies on the way is drawn in the colours of what comes out.
        _ => Panel::color(image.h, image.w, Mix::of(&climb.picture, image.c).rgb(picture)),
    };
    panel.label(label(climb))
}

/// The filter's number, and what one must know of its picture: "70, step 2" where a better step than the last is drawn.
fn label(climb: &Climb) -> String {
    let mut label = climb.filter.to_string();
    if let Some(how) = climb.rescued {
        label += &format!(", {how}");
    }
    if climb.halved > 0 {
        label += &format!(", steps of 1/{}", 1u32 << climb.halved);
    }
    if !climb.verdict.has_picture() {
        return label;
    }
    if climb.shown < climb.rms.len() {
        label += &format!(", step {}", climb.shown);
    } else if let Verdict::Fell { .. } = climb.verdict {
        label += &format!(", {}", climb.verdict);
    }
    label
}

/// What is about to be done, and what it takes.
fn heading(name: &str, filters: usize, needs: ascent::Needs) -> String {
    let s = if filters == 1 { "" } else { "s" };
    let at_once = if needs.at_once < filters { format!(", {} at once", needs.at_once) } else { String::new() };
    format!("{name}: {filters} filter{s}{at_once}, {} of memory\n", data_size(needs.memory.total()))
}
