//! The main job: `unet-lens --layer NAME`, pictures of what the filters of a layer answer to.

use super::captions::{COLUMNS, Captions, Kinds, is_still};
use super::chosen::Chosen;
use super::climbing::Climbing;
use super::dead;
use super::parse::parse_size;
use super::start::{Init, Starts};
use super::terminal::print_text;
use super::{Json, Look, Machine, climbed, progress_bar};
use crate::cancel::{Cancel, Watch};
use crate::engine::exec::Executor;
use crate::engine::tensor::Shape;
use crate::findings;
use crate::lens::ascent::{self, Climb, Parameter, Recipe, Rescue};
use crate::network::Network;
use crate::numbers::data_size;
use crate::page::strings::Lang;
use crate::picture::{Animation, Panel, grid_of, npy};
use crate::{Error, Result, files};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
        let (kinds, measured) = self.known(name)?;
        let still = self.still(&climbs, starts)?;
        let captions = Captions { lang: Lang::En, why, kinds, still };
        captions.figure(name, &climbs, image, self.look.colormap).save(&written[0])?;
        if let Some(gif) = &self.gif {
            self.animation(gif, name, (&climbs, &captions), image)?;
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
            super::print_json(&climbed::document(name, &climbs, &captions, &written))?;
        } else if !self.quiet {
            print_text(&climbed::table(&climbs, &captions, starts.init, &written))?;
            if !captions.kinds.is_empty() {
                super::print(&format!("what the filters do: {}\n", measured.display()))?;
            }
        }
        end
    }

    /// The filters whose pictures are still the noise that they began with. What is climbed for one neuron stays what it was wherever
    /// that one does not look: there it says nothing.
    fn still(&self, climbs: &[Climb], starts: &Starts) -> Result<HashSet<usize>> {
        let mut still = HashSet::new();
        let recipe = self.recipe();
        let is_noise = recipe.parameter == Parameter::Pixel && matches!(starts.init, Init::Noise);
        for climb in climbs.iter().filter(|_| is_noise && recipe.neuron.is_none()) {
            let seed = if let Some(Rescue::Seed(seed)) = climb.rescued { seed } else { self.seed };
            if is_still(climb, starts.of(seed, &[climb.filter])?.image(0), starts.image) {
                still.insert(climb.filter);
            }
        }
        Ok(still)
    }

    /// What `unet-lens findings` found of the layer's filters, if it ran before with this network, and left its table in its folder
    /// beside the figures; and where that is.
    fn known(&self, name: &str) -> Result<(Kinds, PathBuf)> {
        let table = self.out.join("findings/filters.csv");
        let kinds = match std::fs::read_to_string(&table) {
            Ok(text) => findings::known(&text, &self.machine.model.fingerprint()?, name),
            Err(_) => Kinds::new(),
        };
        Ok((kinds, table))
    }

    /// The whole grid, a frame for the start and for each step.
    fn animation(
        &self,
        path: &Path,
        name: &str,
        (climbs, captions): (&[Climb], &Captions),
        image: Shape,
    ) -> Result<()> {
        let mut animation = Animation::new(path, DELAY);
        let bar = progress_bar("animation", self.quiet);
        bar.set_length(climbs[0].frames.len() as u64);
        for step in 0..climbs[0].frames.len() {
            let panels: Vec<Panel> =
                climbs.iter().map(|climb| captions.panel(climb, &climb.frames[step], image)).collect();
            let title = captions.titled(&format!("{name}, step {step} of {}", climbs[0].frames.len() - 1), image);
            animation.figure(&grid_of(FRAME, &title, &panels, COLUMNS, self.look.colormap))?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        animation.save()
    }
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

/// What is about to be done, and what it takes.
fn heading(name: &str, filters: usize, needs: ascent::Needs) -> String {
    let s = if filters == 1 { "" } else { "s" };
    let at_once = if needs.at_once < filters { format!(", {} at once", needs.at_once) } else { String::new() };
    format!("{name}: {filters} filter{s}{at_once}, {} of memory\n", data_size(needs.memory.total()))
}
