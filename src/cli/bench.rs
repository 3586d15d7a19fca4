//! `unet-lens bench`

use super::choices::{BACKENDS, one_of};
use super::{ModelFile, progress_bar};
use crate::bench::{self, Job, Measured, Report};
use crate::engine::exec::{self, Backend};
use crate::network::unet;
use crate::{Error, Result, files};
use std::path::PathBuf;
use std::time::Instant;

pub(super) const EXAMPLES: &str = "\
Examples:
  unet-lens bench                                       a step of the climb on the CPU and on the GPU, kernel by kernel
  unet-lens bench --layer all --backend cpu --count 16  every layer, 16 filters at once
  unet-lens bench --forward                             the whole network's forward pass instead of a step
  unet-lens bench --json bench.json                     the same as numbers, too; --json alone prints them

\"limit\" is the least time that a kernel could take by its multiplications or by its bytes, whichever takes longer, as a part
of the time that it took. Both rates are measured in the same run. It is above 100% where an algorithm needs fewer
multiplications than the definition (Winograd's), or where values are still in a cache.";

/// Cells of the longest bar.
const BAR: usize = 24;

#[derive(clap::Args)]
pub(super) struct Options {
    /// A convolution of the network, or all; may be given several times
    #[arg(long = "layer", value_name = "NAME", default_value = "uconv128")]
    layers: Vec<String>,
    /// Measure the forward pass of the whole network instead of a step of a climb
    #[arg(long, conflicts_with = "layers")]
    forward: bool,
    /// What to measure, side by side
    #[arg(long, value_delimiter = ',', default_values = ["cpu", "gpu"], value_parser = one_of(BACKENDS), value_name = "LIST")]
    backend: Vec<Backend>,
    /// Filters that are climbed, or images that are sent through, at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    count: u16,
    /// Measurements of each kernel; the median counts
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: u16,
    /// CPU threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    #[command(flatten)]
    model: ModelFile,
    /// Also write all numbers to this file; without a name print them, on a line, and nothing else on stdout
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    json: Option<Option<PathBuf>>,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let start = Instant::now();
    let network = options.model.load()?;
    let read = start.elapsed().as_secs_f64();
    let (jobs, targets) = match options.forward {
        true => (vec![Job::Forward], vec![network.output]),
        false => {
            let layers = super::convolutions(&network, &options.layers)?;
            (layers.iter().copied().map(Job::Climb).collect(), layers)
        }
    };
    let image = unet::image_shape(&network, &targets, None)?;
    if let Some(Some(path)) = &options.json {
        files::check_writable(path)?;
    }
    let mut executors = vec![];
    for &backend in &options.backend {
        match exec::open(backend, options.threads.map(usize::from), None) {
            Ok((executor, _)) => executors.push(executor),
            // One of several that is not there is said, and the others measured.
            Err(Error::Device(why)) if options.backend.len() > 1 => super::tell(&why),
            Err(error) => return Err(error),
        }
    }
    for executor in executors.iter().filter(|executor| executor.is_software()) {
        let what = "is software: it shows that the shaders work, not how fast a GPU is";
        super::tell(&format!("{} {what}", executor.describe()));
    }
    let mut reports = vec![];
    let bar = progress_bar("bench", false);
    bar.set_length(jobs.len() as u64);
    for (i, &job) in jobs.iter().enumerate() {
        bar.set_position(i as u64);
        reports.push(bench::measure(&executors, &network, job, options.count.into(), image, options.rounds.into())?);
    }
    bar.finish_and_clear();
    if let Some(None) = &options.json {
        return super::print_json(&reports);
    }
    super::print(&format!("network read in {:.0} ms\n\n", read * 1e3))?;
    for report in &reports {
        super::print(&table(report))?;
    }
    if let Some(Some(path)) = &options.json {
        let json = serde_json::to_string_pretty(&reports).expect("numbers and names");
        files::write_whole(path, json.as_bytes())?;
        super::print(&format!("{}\n", path.display()))?;
    }
    Ok(())
}

/// A row per kernel; a bar shows its share of the step.
fn table(report: &Report) -> String {
    let Report { layer, images, kernels, backends } = report;
    let s = if *images == 1 { "" } else { "s" };
    let (mut text, whole) = match layer {
        Some(layer) => (format!("{layer}, {images} filter{s} at once\n"), "step"),
        None => (format!("forward pass, {images} image{s} at once\n"), "forward"),
    };
    for (i, b) in backends.iter().enumerate() {
        text += &format!(
            "  {}: {}, ready in {:.0} ms (its limits: {:.1} GMAC/s, {:.1} GB/s)\n",
            column(i),
            b.backend,
            b.ready * 1e3,
            b.limit / 1e9,
            b.bandwidth / 1e9
        );
    }
    let width = kernels.iter().map(|kernel| kernel.name.chars().count()).max().unwrap_or(0).max(7);
    text += &format!("\n{:<width$}  {:>15} {:>9}", "kernel", "output", "MMAC");
    for i in 0..backends.len() {
        text += &format!("  {:>9} {:>7} {:>6}", format!("{} ms", column(i)), "GMAC/s", "limit");
    }
    if backends.len() == 2 {
        text += &format!("  {:>5}", "B/A");
    }
    text += "\n";
    let longest = backends.first().map_or(0.0, |b| b.kernels.iter().copied().fold(0.0, f64::max));
    for (k, kernel) in kernels.iter().enumerate() {
        text += &format!("{:<width$}  {:>15} {:>9.1}", kernel.name, kernel.shape, kernel.macs as f64 / 1e6);
        for b in backends {
            text += &cells(kernel.macs, b.kernels[k], b.least(kernel));
        }
        if let [a, b] = &backends[..] {
            text += &format!("  {:>5.1}", b.kernels[k] / a.kernels[k]);
        }
        if let Some(a) = backends.first() {
            text += &format!("  {}", "█".repeat((a.kernels[k] / longest * BAR as f64).round() as usize));
        }
        text = format!("{}\n", text.trim_end());
    }
    let macs: u64 = kernels.iter().map(|kernel| kernel.macs).sum();
    let row = |name: &str, macs: u64, seconds: &dyn Fn(&Measured) -> f64| {
        let mut text = format!("{name:<width$}  {:>15} {:>9.1}", "", macs as f64 / 1e6);
        let least = |b: &Measured| kernels.iter().map(|kernel| b.least(kernel)).sum();
        backends.iter().for_each(|b| text += &cells(macs, seconds(b), least(b)));
        if let [a, b] = &backends[..] {
            text += &format!("  {:>5.1}", seconds(b) / seconds(a));
        }
        format!("{}\n", text.trim_end())
    };
    text += &row(whole, macs, &|b| b.step);
    text + "\n"
}

/// Time, rate, share of the limit: the least time that the kernel could take, as a part of the time that it took.
fn cells(macs: u64, seconds: f64, least: f64) -> String {
    let rate = if macs > 0 { format!("{:.1}", macs as f64 / seconds / 1e9) } else { String::new() };
    format!("  {:>9.3} {rate:>7} {:>5.0}%", seconds * 1e3, least / seconds * 100.0)
}

/// Backends are called A, B, ...
fn column(i: usize) -> char {
    char::from(b'A' + i as u8)
}
