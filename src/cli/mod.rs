//! The command line: one file per command. Nothing else in the crate prints.

mod activations;
mod adapters;
mod article;
mod bench;
mod check;
pub mod choices;
mod chosen;
mod climbed;
mod climbing;
mod dream;
mod explain;
mod filters;
mod findings;
mod generated;
mod paged;
mod parse;
mod predict;
mod repeat;
mod restore;
mod start;
mod summary;
mod terminal;

use crate::cancel::Cancel;
use crate::engine::exec::memory::Limit;
use crate::engine::exec::{self, Backend, Executor};
use crate::engine::tensor::Tensor;
use crate::names::FileNames;
use crate::network::{Network, keras, unet};
use crate::picture::{Colormap, read_images_within};
use crate::{Error, Result, files};
use choices::{BACKENDS, COLORMAPS, COLORS, one_of};
use clap::{Args, CommandFactory, Parser, Subcommand};
use parse::{parse_bytes, parse_lambda};
use repeat::quoted;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use terminal::{fail, print, print_json, progress_bar, tell};

const EXAMPLES: &str = "\
Examples:
  unet-lens --layer uconv128                          16 filters of one layer, to out/uconv128.png
  unet-lens --layer all --count 8 --out pictures      8 filters of every convolution
  unet-lens --layer dconv64 --filters 0,3,8-11        these filters
  unet-lens --layer uconv64 --init photo.png --npy    start from a picture; keep the numbers
  unet-lens --layer conv512 --init phantom            start where filters that are dead for noise may live
  unet-lens --layer conv_7 --model my_unet.keras      another network
  unet-lens --layer conv256 --filters 8 --gif way.gif the way up, as an animation
  unet-lens --layer uconv128 --parameter fourier --optimizer adam --steps 200
                                                      smooth pictures, as Lucid makes them
  unet-lens dream photo.png --layer uconv128          what a layer sees in a picture
  unet-lens summary                                   what layers there are
  unet-lens bench                                     how fast each kernel is, CPU and GPU side by side
  unet-lens predict scan.png -o restored.png          what the network makes of a picture
  unet-lens restore                                   phantoms aliased, restored and as they are
  unet-lens activations phantom                       how a picture travels through the network
  unet-lens article                                   all of it, as pictures and as a page
  unet-lens findings                                  what each filter does, in numbers
  unet-lens explain --html lesson.html                how backprop through it works, as a page
  unet-lens check --layer uconv128                    does backprop agree with finite differences?";

/// See what a U-Net has learned: climb the gradient from noise to the picture that a filter answers to most.
///
/// Begin with: unet-lens --layer uconv128
#[derive(Parser)]
#[command(version, after_help = EXAMPLES, args_conflicts_with_subcommands = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    job: Option<Job>,
    #[command(flatten)]
    filters: filters::Options,
    /// Colours in what is printed
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", value_parser = one_of(COLORS))]
    #[arg(help_heading = None)]
    color: anstream::ColorChoice,
}

#[derive(Subcommand)]
enum Job {
    /// The table of layers: name (type), output shape, parameters, connected to
    Summary(summary::Options),
    /// DeepDream: change a picture towards what a layer sees in it
    Dream(dream::Options),
    /// Run a picture through the whole network
    Predict(predict::Options),
    /// Leave out most of k-space and see what the network restores: pictures, errors, PSNR and SSIM
    Restore(restore::Options),
    /// How a picture travels through the network: the strongest channels of each layer
    Activations(activations::Options),
    /// All of it at once: every picture that the article shows, and a page to read them on
    Article(article::Options),
    /// What each filter does, in numbers: a verdict with its cause for each
    Findings(findings::Options),
    /// How backprop through the network works: forward, backward, what is remembered, in the terminal or as a page
    #[command(after_help = explain::EXAMPLES)]
    Explain(explain::Options),
    /// Check gradients: backprop against finite differences, at random pixels and along random directions
    #[command(after_help = check::EXAMPLES)]
    Check(check::Options),
    /// Measure a step of the climb, kernel by kernel, on the CPU and on the GPU side by side
    #[command(after_help = bench::EXAMPLES)]
    Bench(bench::Options),
    /// What --backend gpu could use, and what auto picks
    Adapters(adapters::Options),
    /// Print completions for a shell, for the folder where it looks for them
    #[command(after_help = generated::EXAMPLES)]
    Completions(generated::Options),
    /// Print the manual page, in roff
    Man,
}

/// Which network, and what computes.
#[derive(Args)]
struct Machine {
    #[command(flatten)]
    model: ModelFile,
    /// What computes. auto: a hardware GPU, else the CPU; reference: plain f64 loops, slow and exact
    #[arg(long, default_value = "auto", value_parser = one_of(BACKENDS), value_name = "BACKEND")]
    backend: Backend,
    /// CPU threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Memory that a job may take, like 2GB; batches are split to stay below [default: half of what is free]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    memory: Option<u64>,
}

#[derive(Args)]
struct ModelFile {
    /// A Keras model: whole-model .h5 or .keras [default: the article's U-Net, built in]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// What a Lambda layer computes, whose Python code is not run: NAME=identity, scale:2, shift:-1, scale:2,shift:-1,
    /// concat, repeat:8, resize:32x32 or an activation; also for another layer, or class of layers, without weights. May be
    /// given several times
    #[arg(long = "lambda", value_name = "NAME=MEANING", value_parser = parse_lambda)]
    lambdas: Vec<(String, String)>,
}

/// For programs that read what is printed.
#[derive(Args)]
struct Json {
    /// Print the table as JSON, a document on a line, and nothing else on stdout
    #[arg(long)]
    json: bool,
}

/// How figures look.
#[derive(Args)]
struct Look {
    /// Colours of the maps
    #[arg(long, default_value = "viridis", value_parser = one_of(COLORMAPS), value_name = "NAME")]
    colormap: Colormap,
}

/// What commands that draw figures have in common.
#[derive(Args)]
struct Drawing {
    /// Folder for the figures
    #[arg(long, value_name = "DIR", default_value = "out")]
    out: PathBuf,
    #[command(flatten)]
    look: Look,
    #[command(flatten)]
    machine: Machine,
    /// Print errors only
    #[arg(short, long)]
    quiet: bool,
}

impl Drawing {
    /// Makes sure that figures can be written; then what computes.
    fn open(&self) -> Result<Box<dyn Executor>> {
        files::check_writable_dir(&self.out)?;
        self.machine.open(self.quiet)
    }
}

impl ModelFile {
    /// Stands for the network's weights, and for what its Lambda layers are said to compute: the checksum and the size of its file.
    fn fingerprint(&self) -> Result<String> {
        let bytes = match &self.model {
            Some(path) => std::fs::read(path).map_err(|why| Error::file(path, format!("cannot read it: {why}")))?,
            None => keras::BUILT_IN.to_vec(),
        };
        let mut sum = flate2::Crc::new();
        sum.update(&bytes);
        self.lambdas.iter().for_each(|(layer, meaning)| sum.update(format!("{layer}={meaning}\n").as_bytes()));
        Ok(format!("{:08x}-{}", sum.sum(), bytes.len()))
    }

    /// Is it the network that this program brings along, whose training is known? A copy of its file is it, too.
    fn is_built_in(&self) -> bool {
        let is_copy = |path: &PathBuf| {
            std::fs::metadata(path).is_ok_and(|file| file.len() == keras::BUILT_IN.len() as u64)
                && std::fs::read(path).is_ok_and(|bytes| bytes == keras::BUILT_IN)
        };
        self.lambdas.is_empty() && self.model.as_ref().is_none_or(is_copy)
    }

    fn load(&self) -> Result<Network> {
        let mut network = match &self.model {
            Some(path) => keras::load(path)?,
            None => keras::built_in()?,
        };
        for (name, meaning) in &self.lambdas {
            network.set_lambda(name, meaning)?;
        }
        for warning in &network.warnings {
            tell(&format!("warning: {warning}"));
        }
        Ok(network)
    }
}

impl Machine {
    /// Reads the network, on as many threads as are allowed.
    fn load(&self) -> Result<Network> {
        if let Some(threads) = self.threads {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global();
            pool.map_err(|why| Error::Device(format!("cannot start threads: {why}; try --threads 1")))?;
        }
        self.model.load()
    }

    /// The most memory that the job may take.
    fn limit(&self) -> Limit {
        Limit::new(self.memory)
    }

    /// What computes; if it is not what one might expect, that is said on stderr in a line.
    fn open(&self, quiet: bool) -> Result<Box<dyn Executor>> {
        let threads = self.threads.map(usize::from);
        let (executor, notice) = match self.backend {
            Backend::Auto => exec::open_steady(threads, self.memory, |why| tell(&format!("{why}; the CPU goes on")))?,
            backend => exec::open(backend, threads, self.memory)?,
        };
        if let Some(notice) = notice.filter(|_| !quiet) {
            tell(&notice);
        }
        Ok(executor)
    }
}

/// The whole program, given its command line: what is wrong is said on stderr.
pub fn main(line: impl IntoIterator<Item = OsString>) -> u8 {
    match run(line) {
        Ok(()) => 0,
        Err(error) => {
            fail(&error);
            error.exit_code()
        }
    }
}

/// Does what a command line asks for; its first word is the program's own name.
fn run(line: impl IntoIterator<Item = OsString>) -> Result<()> {
    let cli = match Cli::try_parse_from(line) {
        Ok(cli) => cli,
        Err(text) => return said(&text),
    };
    terminal::use_colors(cli.color);
    let done = match cli.job {
        Some(Job::Summary(options)) => summary::run(&options),
        Some(Job::Dream(options)) => dream::run(&options),
        Some(Job::Predict(options)) => predict::run(&options),
        Some(Job::Restore(options)) => restore::run(&options),
        Some(Job::Activations(options)) => activations::run(&options),
        Some(Job::Article(options)) => article::run(&options),
        Some(Job::Findings(options)) => findings::run(&options),
        Some(Job::Explain(options)) => explain::run(&options),
        Some(Job::Check(options)) => check::run(&options),
        // The one command that computes without --memory.
        Some(Job::Bench(options)) => return bench::run(&options),
        Some(Job::Adapters(options)) => adapters::run(&options),
        Some(Job::Completions(options)) => generated::completions(&mut Cli::command(), &options),
        Some(Job::Man) => generated::man(Cli::command()),
        None => filters::run(&cli.filters),
    };
    done.map_err(|error| match error {
        Error::Limit(text) => Error::Limit(text + ", or set another limit by --memory"),
        Error::Usage(text) => Error::Usage(lambda_flag(&text)),
        Error::File { file, problem } => Error::File { file, problem: lambda_flag(&problem) },
        error => error,
    })
}

/// Prints clap's help or version; what is wrong with the command line becomes an error.
fn said(text: &clap::Error) -> Result<()> {
    match text.use_stderr() {
        // It has colours of its own on a terminal. That nobody hears it changes nothing.
        true => {
            let _ = text.print();
            std::process::exit(text.exit_code());
        }
        false => {
            let printed = text.print().and_then(|()| std::io::Write::flush(&mut std::io::stdout()));
            match printed {
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                    Err(Error::file("standard output", error))
                }
                _ => Ok(()),
            }
        }
    }
}

/// The library asks what a layer computes; here that is said by a flag.
fn lambda_flag(text: &str) -> String {
    text.replace("say what it computes, for instance '", "say what it computes, for instance --lambda '")
}

/// From now on Ctrl-C does not end the program but cancels what this token is handed to, so that no file is left half written.
/// Pressed a second time it ends the program at once.
fn cancelled_by_ctrl_c() -> Result<Cancel> {
    let cancel = Cancel::default();
    let pressed = cancel.clone();
    let press = move || {
        if pressed.cancel() {
            std::process::exit(Error::Interrupted.exit_code().into());
        }
    };
    ctrlc::set_handler(press).map_err(|why| Error::Device(format!("cannot listen for Ctrl-C: {why}")))?;
    Ok(cancel)
}

/// The convolution of this name; `all` stands for all of them.
fn convolution_or_all(network: &Network, name: &str) -> Result<Vec<usize>> {
    if name == "all" {
        return Ok(unet::convolutions(network));
    }
    unet::convolution(network, name).map(|layer| vec![layer]).map_err(|error| match error {
        Error::Usage(text) => Error::Usage(text + ", or all"),
        error => error,
    })
}

/// The convolutions of these names, each once; `all` stands for all of them.
fn convolutions(network: &Network, names: &[String]) -> Result<Vec<usize>> {
    let mut layers = vec![];
    for name in names {
        layers.extend(convolution_or_all(network, name)?);
    }
    let mut seen = std::collections::HashSet::new();
    layers.retain(|&layer| seen.insert(layer));
    Ok(layers)
}

/// # Errors
/// If `--filter` names none of the layer's filters.
fn check_filter(network: &Network, layer: usize, filter: usize) -> Result<()> {
    let (name, count) = (&network.layers[layer].name, unet::filters(network, layer));
    if filter < count {
        return Ok(());
    }
    Err(Error::Usage(format!("--filter {filter}: {name} has {count} filters, counted from 0")))
}

fn is_npy(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy"))
}

/// A picture or several from a file, `[n, h, w, c]` with the network's channels.
fn read_input(path: &Path, network: &Network, limit: Limit) -> Result<Tensor> {
    read_images_within(path, unet::image_channels(network)?, limit)
}

/// The one picture of a file, `[1, h, w, c]` with the network's channels.
fn read_picture(path: &Path, network: &Network, limit: Limit) -> Result<Tensor> {
    let tensor = read_input(path, network, limit)?;
    match tensor.shape.n {
        1 => Ok(tensor),
        n => Err(Error::file(path, format!("holds {n} pictures; name a file of one"))),
    }
}

/// What the files of each of the network's layers are called after it.
fn file_names(network: &Network) -> Vec<String> {
    let mut names = FileNames::new(&[]);
    network.layers.iter().map(|layer| names.of(&layer.name)).collect()
}
