//! `unet-lens explain`: how backprop through this network works, in the terminal, as JSON and as a page.

mod printed;

use super::choices::{LANGS, one_of};
use super::start::{Init, phantom};
use super::{Machine, quoted};
use crate::engine::exec::Executor;
use crate::engine::tensor::Tensor;
use crate::lens::ascent;
use crate::lesson::explain::{self, Choice, Explanation};
use crate::network::{Network, unet};
use crate::page::live::{self, Live};
use crate::page::strings::{Lang, translated};
use crate::page::{self, Lesson};
use crate::{Error, Result, files};
use printed::Printed;
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

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("page").args(["html", "live_dir"])))]
pub(super) struct Options {
    /// A convolution of the network [default: uconv128, or the last with several filters]
    #[arg(long, value_name = "NAME")]
    layer: Option<String>,
    /// The filter to climb [default: the first that answers on at least half of the image]
    #[arg(long, value_name = "N")]
    filter: Option<usize>,
    /// Start from a picture instead of noise: .png, .jpg or .npy; or from the word phantom, the first aliased one of --seed
    #[arg(long, value_name = "FILE|phantom")]
    init: Option<PathBuf>,
    /// Seed of the noise
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Image size, rows x columns [default: the network's own]
    #[arg(long, value_name = "HxW", value_parser = super::parse::parse_size)]
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
    /// The language of what is printed, and of the page
    #[arg(long, default_value = "en", value_parser = one_of(LANGS))]
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
    let init = Init::read_one(options.init.as_deref(), &network, options.machine.limit())?;
    let shape = init.shape(&network, &[layer], options.size)?;
    options.machine.limit().check(shape, init.bytes(shape))?;
    let given = match &init {
        Init::Noise => None,
        Init::Pictures(picture) => Some(picture.clone()),
        Init::Phantom => Some(phantom(&network, (shape.h, shape.w), options.seed)?),
    };
    let html = options.page_file();
    for path in [&html, &options.json].into_iter().flatten() {
        files::check_writable(path)?;
    }
    let executor = options.machine.open(options.quiet)?;
    let name = &network.layers[layer].name;
    let start = |filter: usize| match &given {
        Some(given) => given.clone(),
        None => ascent::noise(options.seed, name, &[filter], shape, ascent::NOISE),
    };
    let choice = match options.filter {
        Some(_) => None,
        None => Some(explain::choose(&*executor, &network, layer, start)?),
    };
    let filter = options.filter.or(choice.as_ref().map(|choice| choice.filter)).unwrap_or(0);
    let image = choice.as_ref().map_or_else(|| start(filter), |choice| choice.image.clone());
    let explanation = explain::explain(&*executor, &network, layer, filter, &image)?;
    let told = choice.as_ref().filter(|choice| choice.passed_over_others());
    let choice = told.map(|choice| (choice, unet::filters(&network, layer)));
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
        let page =
            options.page(&*executor, &network, (layer, filter), &image, (&explanation, live.as_ref()), choice)?;
        files::write_whole(path, page.as_bytes())?;
        written.push(path);
        if let Some((path, bytes)) = numbers.as_ref().zip(live.as_ref().and_then(|live| live.numbers.as_ref())) {
            files::write_whole(path, bytes)?;
            written.push(path);
        }
    }
    if !options.quiet {
        let printed = Printed { e: &translated(&explanation, options.lang), s: options.lang.strings(), choice };
        super::print(&if html.is_some() { printed.short() } else { printed.whole() })?;
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
        choice: Option<(&Choice, usize)>,
    ) -> Result<String> {
        let worked = explain::worked_for(network, layer, image.shape)?;
        let frames = explain::frames(executor, network, (layer, filter), image)?;
        let command = self.command(&explanation.layer, filter);
        Ok(page::lesson(&Lesson {
            explanation,
            worked: &worked,
            frames: &frames,
            exercises: &explain::exercises()?,
            others: &explain::others(executor, network, (layer, filter), image)?,
            choice,
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
        if self.lang == Lang::Es {
            text += " --lang es";
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
