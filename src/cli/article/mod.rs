//! `unet-lens article`: everything that the article shows, as pictures and as a page.

mod beside;
mod job;

use super::chosen::Chosen;
use super::dream::Start;
use super::paged::Paged;
use super::quoted;
use crate::engine::tensor::{Shape, Tensor};
use crate::names::FileNames;
use crate::network::{Network, unet};
use crate::picture::{decode_image, resize};
use crate::{Result, files};
use job::{Job, part};
use std::path::PathBuf;
use std::time::Instant;

const EXAMPLES: &str = "\
Examples:
  unet-lens article                                  the built-in network, to out/article
  unet-lens article --seed 1 --out second            other noise, other filters
  unet-lens article --lang es                        the page in Spanish
  unet-lens article --model my_unet.keras --image scan.png
                                                     another network, and what it makes of a picture of yours
  unet-lens article --model my_unet.keras --layer conv2d_4 --layer conv2d_9 --count 8
                                                     8 filters of two of its layers

Ctrl-C ends it after the step at hand: the pictures that are finished stay, the page is written last.";

/// The photo that is looked at if there is no other.
static CAMERA: &[u8] = include_bytes!("../../../fixtures/camera.png");
const CAMERA_NAME: &str = "camera.png";
/// A real brain, which is like nothing that the built-in network was trained on.
static BRAIN: &[u8] = include_bytes!("../../../fixtures/brain.png");
const BRAIN_NAME: &str = "brain.png";

/// All of it at once: the summary, what the network makes of a picture, a filter of the first layer with a colour bar, the
/// grids of every convolution, activations, a dream, and DIR/index.html, a page that needs nothing else and opens in any
/// browser.
///
/// Whether the network undoes aliasing, as the built-in one does, is measured on phantoms. Where it does, the page shows
/// pictures restored; where it does not, what comes out for a photo, or for IMAGE.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// Your picture, wherever the page shows one: .png, .jpg, or .npy of [H,W] or [1,H,W,C] with values from 0 to 1
    /// [default: phantoms and a photo]
    #[arg(long, value_name = "IMAGE")]
    image: Option<PathBuf>,
    #[command(flatten)]
    chosen: Chosen,
    /// Folder for the pictures and index.html
    #[arg(long, value_name = "DIR", default_value = "out/article")]
    out: PathBuf,
    /// Seed of everything random: phantoms, which filters, the noise that they start from, the dream's shifts
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    seed: u64,
    #[command(flatten)]
    paged: Paged,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let begun = Instant::now();
    let cancel = super::cancelled_by_ctrl_c()?;
    let network = options.paged.machine.load()?;
    let layers = options.paged.layers(&network)?;
    let filters = |&layer: &usize| Ok((layer, options.chosen.of(&network, layer, options.seed)?));
    let layers: Vec<(usize, Vec<usize>)> = layers.iter().map(filters).collect::<Result<_>>()?;
    let image = unet::image_shape(&network, &unet::shown(&network), None)?;
    let subject = options.subject(&network, image)?;
    let names = Names::new(&network, &subject.stem());
    names.of_layers(&layers).map(|name| options.out.join(name)).try_for_each(files::check_writable)?;
    let executor = options.paged.machine.open(options.paged.quiet)?;
    let bar = super::progress_bar("article", options.paged.quiet);
    let job = Job {
        options,
        network: &network,
        executor: &*executor,
        cancel: &cancel,
        image,
        layers: &layers,
        subject: &subject,
        names: &names,
        begun,
        bar,
        done: 0,
        times: vec![],
        written: vec![],
    };
    job.run()
}

/// The picture that is looked at.
struct Subject {
    /// `None`: the built-in photo.
    path: Option<PathBuf>,
    /// As the dream takes it; or why it does not fit the network.
    start: Result<Start, String>,
    /// As the network gets it, `[1, h, w, c]`.
    seen: Result<Tensor, String>,
    /// What to call it.
    name: String,
}

/// What the article's files are called. Whatever a layer's name is, it stands for none of the others.
struct Names {
    /// For each of the network's layers: its grid, one filter of it, its activations, the dream of it.
    layers: Vec<[String; 4]>,
}

impl Names {
    /// `dreamed`: what the picture is called that is dreamed on.
    fn new(network: &Network, dreamed: &str) -> Names {
        let mut names = FileNames::new(&[
            "index",
            "summary",
            "restore",
            "restore-brain",
            "restore-camera",
            "output",
            "activations",
            "camera",
        ]);
        let mut of = |layer: &str| {
            [layer.to_string(), format!("first-{layer}"), format!("activations-{layer}"), format!("{dreamed}_{layer}")]
                .map(|name| names.of(&name) + ".png")
        };
        Names { layers: network.layers.iter().map(|layer| of(&layer.name)).collect() }
    }

    /// What is certainly written, or stands in the way of nothing else.
    fn of_layers(&self, layers: &[(usize, Vec<usize>)]) -> impl Iterator<Item = &str> {
        let of_layers = layers.iter().flat_map(|(layer, _)| &self.layers[*layer]).map(String::as_str);
        of_layers.chain(["index.html", "summary.txt", "restore.png", "output.png", "activations.png", CAMERA_NAME])
    }

    fn grid(&self, layer: usize) -> &str {
        &self.layers[layer][0]
    }

    fn first(&self, layer: usize) -> &str {
        &self.layers[layer][1]
    }

    fn activations(&self, layer: usize) -> &str {
        &self.layers[layer][2]
    }

    fn dream(&self, layer: usize) -> &str {
        &self.layers[layer][3]
    }
}

impl Subject {
    /// What the picture's file is called, without its folders and its extension.
    fn stem(&self) -> String {
        let path = self.path.as_deref().unwrap_or(CAMERA_NAME.as_ref());
        path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }
}

impl Options {
    fn subject(&self, network: &Network, image: Shape) -> Result<Subject> {
        if let Some(path) = &self.image {
            let start = Start::read(path, network, self.paged.machine.limit())?;
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            // A network that was made for one size sees it scaled.
            let seen = match unet::fixed_size(network) {
                Some(size) => resize(&start.seen, size),
                None => start.seen.clone(),
            };
            return Ok(Subject { path: Some(path.clone()), start: Ok(start), seen: Ok(seen), name });
        }
        let start = part(network, Start::of(decode_image(CAMERA_NAME, CAMERA)?, network))?;
        let seen = start.as_ref().map(|start| resize(&start.seen, (image.h, image.w))).map_err(Clone::clone);
        Ok(Subject { path: None, start, seen, name: self.paged.lang.article().dream_photo.to_string() })
    }

    /// What every command that repeats a part of it ends with.
    fn ending(&self) -> String {
        format!(" --seed {}{}", self.seed, self.paged.machine.arguments())
    }

    /// The command itself.
    fn command(&self) -> String {
        let mut own = String::new();
        if let Some(image) = &self.image {
            own += &format!(" --image {}", quoted(&image.to_string_lossy()));
        }
        match &self.chosen.filters {
            Some(filters) => own += &format!(" --filters {filters}"),
            None if self.chosen.count == 16 => {}
            None => own += &format!(" --count {}", self.chosen.count),
        }
        own += &format!(" --seed {}", self.seed);
        self.paged.command("article", &own, &self.out)
    }
}
