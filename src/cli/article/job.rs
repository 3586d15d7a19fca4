//! The pieces of the article, one after the other.

use super::super::dream::Start;
use super::super::{print, quoted};
use super::{CAMERA, CAMERA_NAME, Names, Options, Subject};
use crate::cancel::{Cancel, Watch};
use crate::engine::exec::Executor;
use crate::engine::tensor::{Shape, Tensor};
use crate::findings::{self, LayerFindings, Shuffle};
use crate::gallery::{self, Captions, Kinds, Whys, is_still};
use crate::lens::activations;
use crate::lens::ascent::{self, Climb, Recipe, Verdict};
use crate::lens::dream::{Dream, Work, dream};
use crate::lesson::explain::default_layer;
use crate::mri::Sampling;
use crate::mri::restore::{self, Attempt, Example, Restored};
use crate::network::{Network, summary, unet};
use crate::page::strings::article::ArticleText;
use crate::page::strings::{fill, in_language};
use crate::page::{self, Article, Climbed, Does, Dreamt, Part, Passed};
use crate::picture::{Colormap, Figure, Panel, grid, values_png};
use crate::{Error, Result, files};
use indicatif::ProgressBar;
use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const PHANTOMS: usize = 4;
/// So many dB must aliased phantoms gain on average before a network is said to restore: what smooths a little gains a fraction
/// of one.
const GAIN: f64 = 1.0;
/// Channels kept of a layer, as `unet-lens activations` does.
const CHANNELS: usize = 16;
/// About so many images are shown to measure what filters prefer.
const SHOWN: usize = 1500;
/// What it takes to draw a pixel and to pack it in a file, in multiply-accumulates: 90 ns, for the time left.
const PIXEL: u64 = 25_000;

/// What is made, piece by piece.
pub(super) struct Job<'a> {
    pub options: &'a Options,
    pub network: &'a Network,
    pub executor: &'a dyn Executor,
    pub cancel: &'a Cancel,
    /// Of the pictures that are climbed.
    pub image: Shape,
    /// Convolutions, each with the filters to climb.
    pub layers: &'a [(usize, Vec<usize>)],
    pub subject: &'a Subject,
    pub names: &'a Names,
    /// When the command began.
    pub begun: Instant,
    /// Counts multiply-accumulates and what is drawn, so that the time left is told well.
    pub bar: ProgressBar,
    /// Of the pieces that are finished.
    pub done: u64,
    /// Seconds of each piece.
    pub times: Vec<(String, f64)>,
    pub written: Vec<PathBuf>,
}

/// What each piece takes, in multiply-accumulates.
struct Costs {
    does: u64,
    first: u64,
    activations: u64,
    dream: u64,
    layers: Vec<u64>,
    measures: u64,
    page: u64,
}

impl Job<'_> {
    pub fn run(mut self) -> Result<()> {
        let (network, t) = (self.network, self.text());
        let [what, one, activations, dreaming, controls, measures] = t.parts;
        let (first, dreamed) = (self.layers[0].0, self.dreamed());
        let costs = self.costs(dreamed)?;
        let pieces = [costs.does, costs.first, costs.activations, costs.dream, costs.measures, costs.page];
        let layers: u64 = costs.layers.iter().sum();
        self.bar.set_length(pieces.iter().sum::<u64>() + 3 * layers);
        self.bar.enable_steady_tick(Duration::from_millis(500));

        self.save("summary.txt", summary::table(network)?.as_bytes())?;
        let does = self.piece(what, costs.does, |job| part(network, job.does(costs.does)))?;
        let filter = self.piece(one, costs.first, |job| job.first(first, costs.first))?;
        let skips = match &does {
            Ok(Does::Restores { .. }) => part(network, self.skips())?.unwrap_or_default(),
            _ => vec![],
        };
        let passed = self.piece(activations, costs.activations, |job| part(network, job.activations(&does)))?;
        let dream = self.piece(dreaming, costs.dream, |job| part(network, job.dream(dreamed, costs.dream)))?;
        let measured = self.piece(measures, costs.measures, |job| part(network, job.found(costs.measures)))?;
        let (found, images) = measured.unwrap_or_default();
        let mut climbed = vec![];
        for ((layer, filters), &cost) in self.layers.iter().zip(&costs.layers) {
            let name = &network.layers[*layer].name;
            climbed.push(self.piece(name, cost, |job| job.layer(*layer, filters, &found, cost))?);
        }
        let shuffled = findings::shuffled(network, Shuffle::Weights, self.options.seed, 0)?;
        self.piece(controls, 2 * layers, |job| job.controls(&shuffled, &mut climbed))?;
        self.cancel.check()?;

        let made = self.made();
        self.bar.set_prefix("page");
        let redraw = |layer: &str, filter: usize| {
            format!("unet-lens --layer {} --filters {filter}{}", quoted(layer), self.options.ending())
        };
        let page = page::article(&Article {
            lang: self.options.paged.lang,
            network,
            image: self.image,
            does: does.as_ref().map_err(Clone::clone),
            first: &filter,
            climbed: &climbed,
            found: &found,
            images,
            skips: &skips,
            passed: passed.as_ref().map_err(Clone::clone),
            dream: dream.as_ref().map_err(Clone::clone),
            redraw: &redraw,
            made: &made,
        })?;
        self.bar.finish_and_clear();
        self.cancel.check()?;
        self.save("index.html", page.as_bytes())?;
        let does = match does {
            Ok(Does::Restores { .. }) => None,
            Ok(Does::Makes { why, .. }) => Some(("restored examples", why)),
            Err(why) => Some(("what it does", why)),
        };
        let others = [("activations", passed.err()), ("dream", dream.err())];
        let left_out = does.into_iter().chain(others.into_iter().filter_map(|(what, why)| Some((what, why?))));
        if self.options.paged.quiet { Ok(()) } else { self.report(left_out, &climbed) }
    }

    /// What was made, and of what is left out why.
    fn report<'w>(&self, left_out: impl Iterator<Item = (&'w str, String)>, climbed: &[Climbed]) -> Result<()> {
        let mut text: String = left_out.map(|(what, why)| format!("left out: {what}: {why}\n")).collect();
        let all: Vec<&Climb> = climbed.iter().flat_map(|c| &c.climbs).collect();
        let dead = all.iter().filter(|c| c.verdict == Verdict::Dead).count();
        let fell = all.iter().filter(|c| matches!(c.verdict, Verdict::Fell { .. })).count();
        let fell = if fell > 0 { format!(", {fell} fell") } else { String::new() };
        let seconds = self.begun.elapsed().as_secs_f64();
        text += &format!("{} filters, {dead} of them dead{fell}; {seconds:.1} s\n", all.len());
        self.written.iter().for_each(|path| text += &format!("{}\n", path.display()));
        print(&text)
    }

    /// The layer that the dream is of: of those asked for the last.
    fn dreamed(&self) -> usize {
        let usual = default_layer(self.network).filter(|usual| self.layers.iter().any(|(l, _)| l == usual));
        usual.unwrap_or(self.layers[self.layers.len() - 1].0)
    }

    pub(super) fn text(&self) -> &'static ArticleText {
        self.options.paged.lang.article()
    }

    pub(super) fn recipe(&self) -> Recipe {
        Recipe { seed: self.options.seed, keep_frames: true, ..Recipe::default() }
    }

    fn costs(&self, dreamed: usize) -> Result<Costs> {
        let (network, image, steps) = (self.network, self.image, self.recipe().steps);
        let macs = |layer: usize| Ok::<u64, Error>(unet::graph_to(network, layer, None, image)?.graph.macs().max(1));
        let drawn = |panels: usize, side: usize| (panels * side * side) as u64 * PIXEL;
        let climb = |layer: usize, filters: usize| Ok::<u64, Error>(3 * macs(layer)? * (filters * steps) as u64);
        let shown = unet::shown(network);
        let whole = shown.last().map_or(Ok(1), |&last| macs(last))?;
        let pixels = |picture: &Tensor| picture.shape.pixels() as u64;
        let seen = self.subject.seen.as_ref().map_or(0, &pixels).max(image.pixels() as u64);
        let dream = self.subject.start.as_ref().map_or(0, |start| pixels(&start.seen));
        let layer = |(layer, filters): &(usize, Vec<usize>)| {
            Ok::<u64, Error>(climb(*layer, filters.len())? + drawn(filters.len(), 256))
        };
        let all: usize = self.layers.iter().map(|(_, filters)| filters.len()).sum();
        let times = |work: u64, pixels: u64| work * pixels / image.pixels().max(1) as u64;
        Ok(Costs {
            does: whole * PHANTOMS as u64 + times(whole, seen) + drawn(5 * PHANTOMS, 256),
            first: climb(self.layers[0].0, 1)? + drawn(1, 512),
            activations: times(whole, seen) + drawn(shown.len() * CHANNELS, 256) + drawn(shown.len() * 13, 128),
            dream: times(6 * macs(dreamed)? * 10, dream),
            measures: whole * SHOWN as u64,
            layers: self.layers.iter().map(layer).collect::<Result<_>>()?,
            page: (all * steps * image.h * image.w) as u64 * PIXEL,
        })
    }

    /// Makes one piece, and takes its time.
    fn piece<T>(&mut self, name: &str, cost: u64, make: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.bar.set_prefix(name.to_string());
        let started = Instant::now();
        let made = make(self)?;
        self.done += cost;
        self.bar.set_position(self.done);
        self.times.push((name.to_string(), started.elapsed().as_secs_f64()));
        Ok(made)
    }

    /// Shows how far a piece is.
    pub(super) fn progress(&self, cost: u64) -> impl FnMut(usize, usize) + use<'_> {
        move |done, total| {
            let part = cost as f64 * done as f64 / total.max(1) as f64;
            self.bar.set_position(self.done + part as u64);
        }
    }

    fn save(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        self.cancel.check()?;
        let path = self.options.out.join(name);
        files::write_whole(&path, bytes)?;
        self.written.push(path);
        Ok(())
    }

    /// If the network makes aliased phantoms better, what it restores; else what it makes of the picture.
    fn does(&mut self, cost: u64) -> Result<Does> {
        let (executor, network, seed) = (self.executor, self.network, self.options.seed);
        let sampling = Sampling::default();
        let restored = |examples: &[Example], progress: &mut dyn FnMut(usize, usize)| {
            restore::compute(executor, network, examples, progress)
        };
        let phantoms = restore::phantoms(network, PHANTOMS, seed, sampling)
            .and_then(|phantoms| restored(&phantoms, &mut self.progress(cost)));
        let mean = |results: &[Restored], of: fn(&Restored) -> &Attempt| {
            results.iter().map(|r| of(r).psnr()).sum::<f64>() / results.len().max(1) as f64
        };
        let why = match part(network, phantoms)? {
            Err(why) => why,
            Ok(phantoms) => {
                let gain = (mean(&phantoms, |r| &r.aliased), mean(&phantoms, |r| &r.restored));
                if gain.1 >= gain.0 + GAIN {
                    let results = match (&self.subject.path, &self.subject.start) {
                        (Some(_), Ok(Start { seen, .. })) if seen.shape.c == 1 => {
                            let (name, size) = (self.subject.name.clone(), (seen.shape.h, seen.shape.w));
                            let picture = seen.data.clone();
                            let example = Example::undersampled(name, picture, size, sampling.drawn(seed, 0))?;
                            restored(&[example], &mut |_, _| {})?
                        }
                        _ => phantoms,
                    };
                    let results = self.in_words(results);
                    self.save("restore.png", &self.restored(&results).to_png())?;
                    let others = match self.subject.path {
                        Some(_) => vec![],
                        None => self.in_words(self.others(sampling)?),
                    };
                    for other in &others {
                        let figure = self.restored(std::slice::from_ref(other));
                        self.save(&format!("restore-{}", other.example.name), &figure.to_png())?;
                    }
                    return Ok(self.restores(results, others, gain));
                }
                format!(
                    "it was not made to undo aliasing: aliased phantoms have a PSNR of {:.1} dB on average, and {:.1} dB \
                     after it",
                    gain.0, gain.1
                )
            }
        };
        let seen = self.subject.seen.as_ref().map_err(|why| Error::Usage(why.clone()))?;
        let (input, output) = activations::whole(executor, network, seen)?;
        let makes = Does::makes(self.subject.name.clone(), input, output, why, self.text());
        if let Does::Makes { figure: Some(figure), .. } = &makes {
            self.save("output.png", &figure.to_png())?;
        }
        Ok(makes)
    }

    fn climb(&self, layer: usize, filters: &[usize], cost: u64) -> Result<Vec<Climb>> {
        let name = &self.network.layers[layer].name;
        let job = ascent::Job::new(self.executor, self.network, layer, filters, self.image, self.recipe())?;
        let seeds = ascent::noise(self.options.seed, name, filters, self.image, ascent::NOISE);
        job.climb(&seeds, &mut Watch { cancel: self.cancel, progress: &mut self.progress(cost) })
    }

    fn layer(&mut self, layer: usize, filters: &[usize], found: &[LayerFindings], cost: u64) -> Result<Climbed> {
        let climbs = self.climb(layer, filters, cost)?;
        let name = &self.network.layers[layer].name;
        let why = gallery::why(self.executor, self.network, layer, &climbs)?;
        let measured = found.iter().filter(|found| found.layer == layer).flat_map(|found| &found.filters);
        let kinds = measured.map(|found| (found.filter, found.verdict)).collect();
        let is_seed = |climb: &&Climb| climb.frames.first().is_some_and(|seed| is_still(climb, seed, self.image));
        let still = climbs.iter().filter(is_seed).map(|climb| climb.filter).collect();
        let captions = Captions { lang: self.options.paged.lang, why, kinds, still };
        let figure = captions.figure(name, &climbs, self.image, Colormap::Viridis);
        self.save(self.names.grid(layer), &figure.to_png())?;
        Ok(Climbed { layer, climbs, second: vec![], shuffled: vec![] })
    }

    /// Filter 0, or the first that was asked for, as `plt.imshow(...); plt.colorbar(); plt.grid()` shows it.
    fn first(&mut self, layer: usize, cost: u64) -> Result<(usize, Figure)> {
        let filter = if self.options.chosen.filters.is_some() { self.layers[0].1[0] } else { 0 };
        let climb = self.climb(layer, &[filter], cost)?.remove(0);
        let name = &self.network.layers[layer].name;
        let t = self.text();
        let captions =
            Captions { lang: self.options.paged.lang, why: Whys::new(), kinds: Kinds::new(), still: HashSet::new() };
        let panel = match climb.verdict.has_picture() {
            true => captions.panel(&climb, &climb.picture, self.image).label("").axes(true).colorbar(),
            false => Panel::blank(t.verdict(climb.verdict)),
        };
        let title = captions.titled(&fill(t.first_figure, &[name, &filter.to_string()]), self.image);
        let figure = grid(&title, &[panel], 1, Colormap::Viridis);
        self.save(self.names.first(layer), &figure.to_png())?;
        Ok((filter, figure))
    }

    fn activations(&mut self, does: &Part<Does>) -> Result<Passed> {
        let name = &self.subject.name;
        let (image, name) = match (does, &self.subject.path) {
            (Ok(Does::Restores { results, .. }), path) => {
                let is_own = path.is_some() && self.image.c == 1;
                let t = self.text();
                let name = if is_own { fill(t.own_aliased, &[name]) } else { t.aliased_phantom.to_string() };
                (results[0].example.input(self.image.c), name)
            }
            _ => (self.subject.seen.clone().map_err(Error::Usage)?, name.clone()),
        };
        let layers = unet::shown(self.network);
        let layers = activations::compute(self.executor, self.network, &image, &layers, CHANNELS)?;
        let words = &self.text().activation_words;
        for activation in &layers {
            let figure = activation.figure_in(Colormap::Viridis, words);
            self.save(self.names.activations(activation.layer), &figure.to_png())?;
        }
        self.save("activations.png", &activations::overview_in(&layers, Colormap::Viridis, words).to_png())?;
        Ok(Passed { name, layers })
    }

    fn dream(&mut self, layer: usize, cost: u64) -> Result<Dreamt> {
        let start = self.subject.start.as_ref().map_err(|why| Error::Usage(why.clone()))?;
        let what = Dream::of(layer, self.options.seed);
        let work = Work::new(self.executor, self.network, &what, start.seen.shape)?;
        let mut progress = self.progress(cost);
        let mut watch = Watch { cancel: self.cancel, progress: &mut progress };
        let (picture, octaves) = dream(self.executor, self.network, &start.seen, &what, &work, &mut watch, None)?;
        drop(progress);
        let (before, after) = (values_png(&start.colors(&start.seen))?, values_png(&start.colors(&picture))?);
        let path = match &self.subject.path {
            Some(path) => path.clone(),
            None => {
                self.save(CAMERA_NAME, CAMERA)?;
                self.options.out.join(CAMERA_NAME)
            }
        };
        let name = &self.network.layers[layer].name;
        self.save(self.names.dream(layer), &after)?;
        let goal = octaves.last().map_or((0.0, 0.0), |octave| (octave.first, octave.last));
        let (photo, layer) = (quoted(&path.to_string_lossy()), quoted(name));
        let redraw = format!("unet-lens dream {photo} --layer {layer}{}", self.options.ending());
        let own = self.subject.path.is_some().then(|| self.subject.name.clone());
        Ok(Dreamt { layer: name.clone(), own, channels: start.seen.shape.c, before, after, goal, redraw })
    }

    fn made(&self) -> Vec<(String, String)> {
        let seconds = |s: f64| format!("{s:.1} s");
        let [command, network, seed, by, version, time, part] = self.text().made_rows;
        let backend = in_language(&self.executor.describe(), self.options.paged.lang);
        let mut made = vec![
            (command.to_string(), self.options.command()),
            (network.to_string(), self.network.name.clone()),
            (seed.to_string(), self.options.seed.to_string()),
            (by.to_string(), backend),
            (version.to_string(), format!("unet-lens {}", env!("CARGO_PKG_VERSION"))),
            (time.to_string(), seconds(self.begun.elapsed().as_secs_f64())),
        ];
        made.extend(self.times.iter().map(|(name, s)| (fill(part, &[name]), seconds(*s))));
        made
    }
}

/// What this network cannot do, or not in the memory that there is, is no failure of the whole; nor is a layer of it that is
/// not known here.
pub(super) fn part<T>(network: &Network, result: Result<T>) -> Result<Part<T>> {
    match result {
        Ok(done) => Ok(Ok(done)),
        Err(Error::Usage(why) | Error::Limit(why) | Error::Memory(why)) => Ok(Err(why)),
        Err(Error::File { file, problem }) if file == network.file => Ok(Err(problem)),
        Err(error) => Err(error),
    }
}
