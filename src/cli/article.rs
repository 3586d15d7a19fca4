//! `unet-lens article`: everything that the article shows, as pictures and as a page.

use super::choices::{BACKENDS, name_of};
use super::{Machine, dream, explain, filters, layer_file};
use crate::cancel::{Cancel, Watch};
use crate::engine::exec::{Backend, Executor};
use crate::engine::graph::Graph;
use crate::engine::ops::Op;
use crate::engine::tensor::{Shape, Tensor};
use crate::lens::activations::{self, Activation};
use crate::lens::ascent::{self, Climb, Recipe, Verdict};
use crate::lens::dream::{Dream, Work};
use crate::mri::Sampling;
use crate::mri::report;
use crate::mri::restore::{self, Restored};
use crate::network::{Network, summary, unet};
use crate::page::{self, Article, Climbed, Dreamt, Part};
use crate::picture::{Colormap, Figure, Photo, decode_image, grid, values_png};
use crate::{Error, Result, files};
use indicatif::ProgressBar;
use std::path::PathBuf;
use std::time::Instant;

const EXAMPLES: &str = "\
Examples:
  unet-lens article                                  the built-in network, to out/article
  unet-lens article --seed 1 --out second            other noise, other filters
  unet-lens article --model my_unet.keras --out mine another network

Ctrl-C ends it after the step at hand: the pictures that are finished stay, the page is written last.";

/// The photo that is dreamt on.
static CAMERA: &[u8] = include_bytes!("../../fixtures/camera.png");
/// Filters of a layer, as `unet-lens --layer` draws them.
const FILTERS: usize = 16;
const EXAMPLES_RESTORED: usize = 4;
/// Channels kept of a layer, as `unet-lens activations` does.
const CHANNELS: usize = 16;
/// What it takes to draw a pixel and to pack it in a file, in multiply-accumulates: 90 ns, for the time left.
const PIXEL: u64 = 25_000;

/// All of it at once: the summary, restored phantoms, filter 0 of the first convolution with a colour bar, the grids of every
/// convolution, activations, a dream, and DIR/index.html, a page that needs nothing else and opens in any browser.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// Folder for the pictures and index.html
    #[arg(long, value_name = "DIR", default_value = "out/article")]
    out: PathBuf,
    /// Seed of everything random: phantoms, which filters, the noise that they start from, the dream's shifts
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    machine: Machine,
    /// Print errors only
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let cancel = super::cancelled_by_ctrl_c()?;
    let network = options.machine.load()?;
    let image = unet::image_shape(&network, &unet::shown(&network), None)?;
    let convolutions = unet::convolutions(&network);
    if convolutions.is_empty() {
        return Err(Error::Usage(format!("{} has no convolution, so there is no filter to show", network.name)));
    }
    files::check_writable_dir(&options.out)?;
    let names = convolutions.iter().map(|&layer| layer_file(&options.out, "", &network.layers[layer].name, "png"));
    if let Some(folder) = names.chain([options.out.join("index.html")]).find(|path| path.is_dir()) {
        return Err(Error::file(folder, "is a folder where a result is to be written; choose another --out"));
    }
    let executor = options.machine.open(options.quiet)?;
    let bar = super::progress_bar("article", options.quiet);
    let mut job = Job {
        options,
        network: &network,
        executor: &*executor,
        cancel: &cancel,
        image,
        bar,
        done: 0,
        started: None,
        times: vec![],
        written: vec![],
    };
    job.run(&convolutions)
}

/// What is made, piece by piece.
struct Job<'a> {
    options: &'a Options,
    network: &'a Network,
    executor: &'a dyn Executor,
    cancel: &'a Cancel,
    /// Of the pictures that are climbed.
    image: Shape,
    /// Counts multiply-accumulates and what is drawn, so that the time left is told well.
    bar: ProgressBar,
    /// Of the pieces that are finished.
    done: u64,
    started: Option<(String, Instant)>,
    /// Seconds of each piece.
    times: Vec<(String, f64)>,
    written: Vec<PathBuf>,
}

impl Job<'_> {
    fn run(&mut self, convolutions: &[usize]) -> Result<()> {
        let (network, image, seed) = (self.network, self.image, self.options.seed);
        let begun = Instant::now();
        let photo = decode_image("camera.png", CAMERA)?;
        let dreamed = explain::default_layer(network).unwrap_or(convolutions[0]);
        let macs = |layer: usize| Ok::<u64, Error>(macs(&unet::graph_to(network, layer, None, image)?.graph).max(1));
        let recipe = Recipe { seed, keep_frames: true, ..Recipe::default() };
        let climb = |layer: usize, filters: usize| Ok::<u64, Error>(3 * macs(layer)? * (filters * recipe.steps) as u64);
        let whole = macs(network.output)?;
        let size = |layer: usize| unet::filters(network, layer).min(FILTERS);
        let drawn = |panels: usize, side: usize| (panels * side * side) as u64 * PIXEL;
        let layers = unet::shown(network).len();
        let restored_cost = whole * EXAMPLES_RESTORED as u64 + drawn(5 * EXAMPLES_RESTORED, 256);
        let first_cost = climb(convolutions[0], 1)? + drawn(1, 512);
        let activations_cost = whole + drawn(layers * CHANNELS, 256) + drawn(layers * (CHANNELS - 3), 128);
        let dream_cost = 6 * macs(dreamed)? * 10 * (photo.h * photo.w) as u64 / (image.h * image.w) as u64;
        let climbs = convolutions.iter().map(|&l| climb(l, size(l))).collect::<Result<Vec<u64>>>()?;
        let grids: u64 = convolutions.iter().map(|&l| drawn(size(l), 256)).sum();
        let all: usize = convolutions.iter().map(|&l| size(l)).sum();
        let page_cost = (all * recipe.steps * image.h * image.w) as u64 * PIXEL;
        let parts = [restored_cost, first_cost, activations_cost, dream_cost, grids, page_cost];
        self.bar.set_length(climbs.iter().chain(&parts).sum());
        self.bar.enable_steady_tick(std::time::Duration::from_millis(500));

        self.save("summary.txt", summary::table(network)?.as_bytes())?;
        self.begin("restored examples");
        let restored = part(self.restored(restored_cost))?;
        self.end(restored_cost);
        self.begin("filter 0");
        let first = self.first(convolutions[0], recipe, first_cost)?;
        self.end(first_cost);
        self.begin("activations");
        let activations = part(self.activations())?;
        self.end(activations_cost);
        self.begin("dream");
        let dream = part(self.dream(dreamed, &photo, dream_cost))?;
        self.end(dream_cost);
        let mut climbed = vec![];
        for (&layer, &cost) in convolutions.iter().zip(&climbs) {
            self.begin(&network.layers[layer].name);
            let filters =
                ascent::draw_filters(seed, &network.layers[layer].name, unet::filters(network, layer), FILTERS);
            let climbs = self.climb(layer, &filters, recipe, cost)?;
            let name = &network.layers[layer].name;
            let file = layer_file(&self.options.out, "", name, "png");
            self.write(file, &filters::figure(name, &climbs, image, Colormap::Viridis).to_png())?;
            self.end(cost + drawn(filters.len(), 256));
            climbed.push(Climbed { layer, climbs });
        }
        self.cancel.check()?;

        let made = self.made(begun);
        self.bar.set_prefix("page");
        let page = page::article(&Article {
            network,
            image,
            restored: restored.as_ref().map(|(results, figure)| (&results[..], figure)).map_err(Clone::clone),
            first: &first,
            climbed: &climbed,
            activations: activations.as_deref().map_err(Clone::clone),
            dream: dream.as_ref().map_err(Clone::clone),
            ending: &self.ending(),
            made: &made,
        })?;
        self.bar.finish_and_clear();
        self.cancel.check()?;
        self.save("index.html", page.as_bytes())?;
        if self.options.quiet {
            return Ok(());
        }
        let reasons =
            [("restored examples", restored.err()), ("activations", activations.err()), ("dream", dream.err())];
        let mut text = String::new();
        for (what, why) in reasons.into_iter().filter_map(|(what, why)| Some((what, why?))) {
            text += &format!("left out: {what}: {why}\n");
        }
        let all: Vec<&Climb> = climbed.iter().flat_map(|c| &c.climbs).collect();
        let dead = all.iter().filter(|c| c.verdict == Verdict::Dead).count();
        let fell = all.iter().filter(|c| matches!(c.verdict, Verdict::Fell { .. })).count();
        let fell = if fell > 0 { format!(", {fell} fell") } else { String::new() };
        text += &format!("{} filters, {dead} of them dead{fell}; {:.1} s\n", all.len(), begun.elapsed().as_secs_f64());
        self.written.iter().for_each(|path| text += &format!("{}\n", path.display()));
        super::print(&text)
    }

    fn begin(&mut self, name: &str) {
        self.bar.set_prefix(name.to_string());
        self.started = Some((name.to_string(), Instant::now()));
    }

    fn end(&mut self, cost: u64) {
        self.done += cost;
        self.bar.set_position(self.done);
        if let Some((name, started)) = self.started.take() {
            self.times.push((name, started.elapsed().as_secs_f64()));
        }
    }

    /// Shows how far a piece is.
    fn progress(&self, cost: u64) -> impl FnMut(usize, usize) + use<'_> {
        move |done, total| {
            let part = cost as f64 * done as f64 / total.max(1) as f64;
            self.bar.set_position(self.done + part as u64);
        }
    }

    fn save(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        self.write(self.options.out.join(name), bytes)
    }

    fn write(&mut self, path: PathBuf, bytes: &[u8]) -> Result<()> {
        self.cancel.check()?;
        files::write_whole(&path, bytes)?;
        self.written.push(path);
        Ok(())
    }

    fn restored(&mut self, cost: u64) -> Result<(Vec<Restored>, Figure)> {
        let examples = restore::phantoms(self.network, EXAMPLES_RESTORED, self.options.seed, Sampling::default())?;
        let results = restore::compute(self.executor, self.network, &examples, &mut self.progress(cost))?;
        let figure = report::figure(&results, Colormap::Viridis);
        self.save("restore.png", &figure.to_png())?;
        Ok((results, figure))
    }

    fn climb(&self, layer: usize, filters: &[usize], recipe: Recipe, cost: u64) -> Result<Vec<Climb>> {
        let name = &self.network.layers[layer].name;
        let job = ascent::Job::new(self.executor, self.network, layer, filters, self.image, recipe)?;
        let seeds = ascent::noise(self.options.seed, name, filters, self.image, ascent::NOISE);
        job.climb(&seeds, &mut Watch { cancel: self.cancel, progress: &mut self.progress(cost) })
    }

    /// Filter 0, as `plt.imshow(...); plt.colorbar(); plt.grid()` shows it.
    fn first(&mut self, layer: usize, recipe: Recipe, cost: u64) -> Result<Figure> {
        let climb = self.climb(layer, &[0], recipe, cost)?.remove(0);
        let name = &self.network.layers[layer].name;
        let panel = filters::panel(&climb, &climb.picture, self.image).label("");
        let panel = if climb.verdict.has_picture() { panel.axes(true).colorbar() } else { panel };
        let figure = grid(&format!("{name}, filter 0"), &[panel], 1, Colormap::Viridis);
        self.write(layer_file(&self.options.out, "first-", name, "png"), &figure.to_png())?;
        Ok(figure)
    }

    fn activations(&mut self) -> Result<Vec<Activation>> {
        let image = super::activations::phantom(self.network, self.options.seed)?;
        let layers = unet::shown(self.network);
        let activations = activations::compute(self.executor, self.network, &image, &layers, CHANNELS)?;
        for activation in &activations {
            let file = layer_file(&self.options.out, "activations-", &activation.name, "png");
            self.write(file, &activation.figure(Colormap::Viridis).to_png())?;
        }
        self.save("activations.png", &activations::overview(&activations, Colormap::Viridis).to_png())?;
        Ok(activations)
    }

    fn dream(&mut self, layer: usize, photo: &Photo, cost: u64) -> Result<Dreamt> {
        let seen = dream::seen(photo, self.network)?;
        let what = Dream::of(layer, self.options.seed);
        let work = Work::new(self.executor, self.network, &what, seen.shape)?;
        let mut progress = self.progress(cost);
        let mut watch = Watch { cancel: self.cancel, progress: &mut progress };
        let (picture, octaves) =
            crate::lens::dream::dream(self.executor, self.network, &seen, &what, &work, &mut watch, None)?;
        let after = values_png(&Tensor::new(Shape::new(1, photo.h, photo.w, 3), dream::whole(photo, &seen, &picture)))?;
        drop(progress);
        let name = &self.network.layers[layer].name;
        self.write(layer_file(&self.options.out, "camera_", name, "png"), &after)?;
        let goal = octaves.last().map_or((0.0, 0.0), |octave| (octave.first, octave.last));
        Ok(Dreamt { layer: name.clone(), before: CAMERA.to_vec(), after, goal })
    }

    /// The seed and the model, as options.
    fn ending(&self) -> String {
        let model = self.options.machine.model.model.as_ref().map_or(String::new(), |path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.contains(char::is_whitespace) { format!(" --model \"{name}\"") } else { format!(" --model {name}") }
        });
        format!("--seed {}{model}", self.options.seed)
    }

    fn made(&self, begun: Instant) -> Vec<(String, String)> {
        let backend = match self.options.machine.backend {
            Backend::Auto => String::new(),
            other => format!(" --backend {}", name_of(BACKENDS, other)),
        };
        let seconds = |s: f64| format!("{s:.1} s");
        let mut made = vec![
            ("Command".to_string(), format!("unet-lens article {}{backend}", self.ending())),
            ("Network".to_string(), self.network.name.clone()),
            ("Seed".to_string(), self.options.seed.to_string()),
            ("Computed by".to_string(), self.executor.describe()),
            ("Version".to_string(), format!("unet-lens {}", env!("CARGO_PKG_VERSION"))),
            ("Time in all".to_string(), seconds(begun.elapsed().as_secs_f64())),
        ];
        made.extend(self.times.iter().map(|(name, s)| (format!("Time for {name}"), seconds(*s))));
        made
    }
}

/// What this network cannot do is no failure of the whole.
fn part<T>(result: Result<T>) -> Result<Part<T>> {
    match result {
        Ok(done) => Ok(Ok(done)),
        Err(Error::Usage(why)) => Ok(Err(why)),
        Err(error) => Err(error),
    }
}

/// Multiply-accumulates of one image.
fn macs(graph: &Graph) -> u64 {
    let of = |node: &crate::engine::graph::Node| match &node.op {
        Op::Conv2d(conv) => conv.macs(graph.shape(node.inputs[0])),
        _ => 0,
    };
    graph.nodes().map(|(_, node)| of(node)).sum()
}
