//! `unet-lens findings`: what each filter does, said in numbers and put to the test.

use super::choices::{ABLATED, name_of, one_of};
use super::paged::Paged;
use super::quoted;
use super::terminal::tell;
use crate::cancel::Watch;
use crate::engine::exec::Executor;
use crate::findings::effort::estimate;
use crate::findings::task::Task;
use crate::findings::trial::Ablated;
use crate::findings::{self, Data, Findings, LayerFindings, Verdict, claims, trial};
use crate::names::FileNames;
use crate::network::Network;
use crate::page::{self, FindingsPage};
use crate::{Result, files};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  unet-lens findings                                  all filters of the built-in network, to out/findings
  unet-lens findings --layer uconv128                 of one layer
  unet-lens findings --model my_unet.h5 --data scans  another network, with images of its own kind";

/// So many seconds are said beforehand.
const LONG: f64 = 120.0;

/// What each filter does: a verdict with its cause for each, in DIR/filters.csv; and the article's claims put to the test, in DIR/claims.json.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// The network's own kind of images: an .npy, or a folder of pictures, all of one size [default: aliased phantoms for a
    /// network that restores one grey picture, else noise and gratings only]
    #[arg(long, value_name = "FILE|DIR")]
    data: Option<PathBuf>,
    /// How many images of the data are looked at
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(2..=4096))]
    images: u16,
    /// Which filters are replaced by their means, one at a time, to see what is lost: up to eight of each layer, or all; then every
    /// filter is climbed to the end, too, before it is said whether its picture looks like noise
    #[arg(long, value_name = "WHICH", default_value = "drawn", value_parser = one_of(ABLATED))]
    ablate: Ablated,
    /// Seed of everything random: phantoms, noise, shuffled kernels
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    seed: u64,
    /// Folder for the results
    #[arg(long, value_name = "DIR", default_value = "out/findings")]
    out: PathBuf,
    #[command(flatten)]
    paged: Paged,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let paged = &options.paged;
    let cancel = super::cancelled_by_ctrl_c()?;
    let network = paged.machine.load()?;
    let layers = paged.layers(&network)?;
    let data = options.data(&network)?;
    files::check_writable_dir(&options.out)?;
    let executor = paged.machine.open(paged.quiet)?;
    if !paged.quiet {
        options.foretell(&*executor, &network, &layers, &data)?;
    }
    let bar = super::progress_bar("findings", paged.quiet);
    let mut progress = |done: usize, total: usize| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let mut watch = Watch { cancel: &cancel, progress: &mut progress };
    let measured = findings::measure(&*executor, &network, &layers, &data, options.seed, &mut watch)?;
    let mut found = Findings {
        network: network.name.clone(),
        backend: executor.describe(),
        data: data.facts.clone(),
        layers: measured.layers,
        claims: vec![],
        kappa: measured.kappa,
    };
    let tasks = Task::of(&network, data.facts.kind, data.shape, &data.images, options.seed)?;
    let mut progress = |what: &str, done: usize, total: usize| {
        bar.set_prefix(what.to_string());
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let (executor, layers) = (&*executor, &mut found.layers);
    found.claims =
        trial::run(executor, &network, layers, tasks.as_ref(), (options.seed, options.ablate), &cancel, &mut progress)?;
    bar.finish_and_clear();
    let table = options.out.join("filters.csv");
    files::write_whole(&table, findings::csv_of(&found.layers, &paged.machine.model.fingerprint()?).as_bytes())?;
    let answers = options.out.join("claims.json");
    files::write_whole(&answers, claims::json(&found.claims).as_bytes())?;
    let mut written = vec![table, answers];
    let mut names = FileNames::new(&["index"]);
    for (name, figure) in page::findings_figures(&found, paged.lang) {
        let file = options.out.join(names.of(&name) + ".png");
        figure.save(&file)?;
        written.push(file);
    }
    let command = options.command();
    let html = page::findings(&FindingsPage { findings: &found, lang: paged.lang, command: &command })?;
    written.push(options.out.join("index.html"));
    files::write_whole(&written[written.len() - 1], html.as_bytes())?;
    if paged.quiet {
        return Ok(());
    }
    let mut text = summary(&found);
    written.iter().for_each(|path| text += &format!("{}\n", path.display()));
    super::print(&text)
}

impl Options {
    /// The command itself.
    fn command(&self) -> String {
        let data = self.data.as_ref().map(|data| format!(" --data {}", quoted(&data.to_string_lossy())));
        let mut own = format!("{} --images {} --seed {}", data.unwrap_or_default(), self.images, self.seed);
        if self.ablate != Ablated::Drawn {
            own += &format!(" --ablate {}", name_of(ABLATED, self.ablate));
        }
        self.paged.command("findings", &own, &self.out)
    }

    /// Where it will take long: how long, by what was measured of a pass, and what takes less.
    fn foretell(&self, executor: &dyn Executor, network: &Network, layers: &[usize], data: &Data) -> Result<()> {
        let of = (data.of_task(), data.facts.images);
        let estimate = estimate(executor, network, layers, of, self.ablate == Ablated::All)?;
        if estimate.seconds < LONG {
            return Ok(());
        }
        let (least, most) = estimate.one;
        let one = match layers.len() {
            1 => String::new(),
            _ => format!("; of one layer, --layer NAME, from {} to {}", about(least), about(most)),
        };
        let all = if self.ablate == Ablated::All { "; less without --ablate all" } else { "" };
        tell(&format!("this will take about {}, by the time of a pass{one}{all}", about(estimate.seconds)));
        Ok(())
    }

    fn data(&self, network: &Network) -> Result<Data> {
        let images = usize::from(self.images);
        match &self.data {
            Some(path) => Data::read(path, network, images),
            None => Data::standard(network, images, self.seed),
        }
    }
}

/// A duration, as exact as it is known.
fn about(seconds: f64) -> String {
    match seconds {
        ..90.0 => format!("{:.0} seconds", (seconds / 10.0).ceil() * 10.0),
        ..5400.0 => format!("{:.0} minutes", seconds / 60.0),
        _ => format!("{:.1} hours", seconds / 3600.0),
    }
}

/// How many filters of each layer have which verdict.
fn summary(found: &Findings) -> String {
    let width = found.layers.iter().map(|layer| layer.name.chars().count()).max().unwrap_or(0).max(5);
    let mut text = format!("{:<width$}", "layer");
    Verdict::ALL.iter().for_each(|verdict| text += &format!("  {verdict:>9}"));
    let row = |name: &str, layers: &[LayerFindings]| {
        let count = |verdict: Verdict| {
            layers.iter().flat_map(|layer| &layer.filters).filter(|filter| filter.verdict == verdict).count()
        };
        let counts: String = Verdict::ALL.iter().map(|&verdict| format!("  {:>9}", count(verdict))).collect();
        format!("\n{name:<width$}{counts}")
    };
    found.layers.iter().for_each(|layer| text += &row(&layer.name, std::slice::from_ref(layer)));
    if found.layers.len() > 1 {
        text += &row("all", &found.layers);
    }
    if let Some(kappa) = found.kappa {
        text += &format!("\ntwo halves of the stimuli agree with a kappa of {kappa:.2}");
    }
    text + "\n"
}
