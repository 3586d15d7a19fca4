//! What the network is for: pictures with most of k-space left out, and what it makes of them.

use crate::engine::exec::Executor;
use crate::engine::plan::Plan;
use crate::engine::tensor::{Shape, Tensor};
use crate::mri::metrics::{psnr, ssim};
use crate::mri::{self, Axis, Sampling};
use crate::network::pad::Padded;
use crate::network::{Network, unet};
use crate::picture::{Colormap, Figure, Panel, grid, share_range};
use crate::{Error, Result};
use std::sync::Arc;

/// A picture to undersample and restore.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    pub name: String,
    /// `[1, h, w, 1]`, values from 0 to 1.
    pub truth: Tensor,
    pub sampling: Sampling,
}

impl Example {
    /// The zero-filled reconstruction, `[1, h, w, 1]`.
    ///
    /// # Errors
    /// As [`Sampling::measured`].
    pub fn aliased(&self) -> Result<Tensor> {
        let s = self.truth.shape;
        Ok(Tensor::new(s, mri::undersample(&self.truth.data, (s.h, s.w), self.sampling)?))
    }
}

/// A picture that is not the truth, and how near it comes.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// `[h, w]`
    pub picture: Vec<f32>,
    /// dB; infinite if it is the truth.
    pub psnr: f64,
    /// 0 to 1; `None` for pictures less than 11 pixels high or wide.
    pub ssim: Option<f64>,
}

/// What became of an [`Example`].
#[derive(Debug, Clone, PartialEq)]
pub struct Restored {
    pub example: Example,
    /// The zero-filled reconstruction, as the network gets it.
    pub aliased: Attempt,
    /// What the network makes of it.
    pub restored: Attempt,
}

/// Phantoms of the network's own size, each with its own offset into k-space, drawn from the seed.
///
/// # Errors
/// If the network gives no size that works.
pub fn phantoms(network: &Network, count: usize, seed: u64, sampling: Sampling) -> Result<Vec<Example>> {
    let Shape { h, w, .. } = unet::image_shape(network, &[network.output], None)?;
    let example = |i: u64| Example {
        name: format!("phantom {i}"),
        truth: Tensor::new(Shape::new(1, h, w, 1), mri::phantom(seed, i, (h, w))),
        sampling: sampling.drawn(seed, i),
    };
    Ok((0..count as u64).map(example).collect())
}

/// Undersamples and restores each. Pictures are padded by reflection to a size that fits the network, and cropped back.
/// `progress` hears how many of how many are done.
///
/// # Errors
/// If the network does not make one grey picture of another; if a picture is none (values outside of 0 to 1); if the
/// sampling does not fit it (see [`Sampling::measured`]); if there is not enough memory, or the device fails.
pub fn compute(
    executor: &dyn Executor,
    network: &Network,
    examples: &[Example],
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Restored>> {
    let mut results: Vec<Restored> = vec![];
    let mut prepared: Option<(Shape, unet::Built, Box<dyn crate::engine::exec::Program>)> = None;
    for example in examples {
        progress(results.len(), examples.len());
        let s = example.truth.shape;
        if let Some(value) = example.truth.data.iter().find(|v| !(0.0..=1.0).contains(*v)) {
            let what = "to measure how well it is restored, values must lie in 0 to 1";
            return Err(Error::Usage(format!("{}: a value is {value}; {what}", example.name)));
        }
        let (h, w) = unet::fitting(network, &[network.output], (s.h, s.w))?;
        let padded = Shape { h, w, ..s };
        if prepared.as_ref().is_none_or(|(shape, ..)| *shape != padded) {
            let (built, plan) = whole(network, padded)?;
            prepared = Some((padded, built, executor.prepare(Arc::new(plan))?));
        }
        let (_, built, program) = prepared.as_mut().expect("prepared above");
        let aliased = example.aliased()?;
        let input = Padded::to_size(&aliased, (h, w));
        program.write(built.image, &input.image)?;
        program.run(1)?;
        let restored = input.crop(&program.read(built.output)?).data;
        let attempt = |picture: Vec<f32>| Attempt {
            psnr: psnr(&picture, &example.truth.data),
            ssim: ssim(&picture, &example.truth.data, (s.h, s.w)),
            picture,
        };
        let (aliased, restored) = (attempt(aliased.data), attempt(restored));
        results.push(Restored { example: example.clone(), aliased, restored });
    }
    progress(results.len(), examples.len());
    Ok(results)
}

/// The whole network as a plan, from one grey picture to one of the same size.
fn whole(network: &Network, image: Shape) -> Result<(unet::Built, Plan)> {
    let channels = unet::image_channels(network)?;
    if channels != 1 {
        let what = "to restore a picture it must take one, grey";
        return Err(Error::Usage(format!("{} takes {channels} channels; {what}", network.name)));
    }
    let built = unet::graph_to(network, network.output, None, image)?;
    let output = built.graph.shape(built.output);
    if output != image {
        let what = "to restore a picture it must give one grey picture of the same size";
        return Err(Error::Usage(format!("{} makes {output} of {image}; {what}", network.name)));
    }
    let plan = Plan::compile(built.graph.clone(), &[built.output], &[], &[]);
    Ok((built, plan))
}

/// The figure: a row for each picture; aliased, restored and truth in the same colours, then what each lacks.
pub fn figure(results: &[Restored], colormap: Colormap) -> Figure {
    let mut panels = vec![];
    for (i, result) in results.iter().enumerate() {
        let Example { name, truth, .. } = &result.example;
        let map = |values: &[f32]| Panel::map(truth.shape.h, truth.shape.w, values.to_vec());
        let attempt =
            |a: &Attempt| map(&a.picture).label(decibels(a.psnr)).note(format!("SSIM {}", similarity(a.ssim)));
        let mut pictures = [attempt(&result.aliased), attempt(&result.restored), map(&truth.data).label(name)];
        share_range(&mut pictures);
        let error = |a: &Attempt| {
            let error: Vec<f32> = a.picture.iter().zip(&truth.data).map(|(a, b)| (a - b).abs()).collect();
            let mean = error.iter().map(|&e| f64::from(e)).sum::<f64>() / error.len() as f64;
            map(&error).label(format!("mean {mean:.4}"))
        };
        let mut errors = [error(&result.aliased), error(&result.restored)];
        share_range(&mut errors);
        errors.iter_mut().for_each(|p| p.range = p.range.map(|(_, most)| (0.0, most)));
        errors[1].colorbar = true;
        let titles = ["aliased", "restored", "truth", "|aliased − truth|", "|restored − truth|"];
        let row = pictures.into_iter().chain(errors).zip(titles);
        panels.extend(row.map(|(panel, title)| if i == 0 { panel.title(title) } else { panel }));
    }
    let title = results.first().map_or(String::new(), |result| describe(&result.example.sampling));
    grid(&title, &panels, 5, colormap)
}

/// "One row in 4 of k-space, and the middle 8%".
fn describe(sampling: &Sampling) -> String {
    let line = if sampling.axis == Axis::Rows { "row" } else { "column" };
    let middle = match (sampling.centre * 1000.0).round() / 10.0 {
        0.0 => String::new(),
        percent => format!(", and the middle {percent}%"),
    };
    format!("One {line} in {} of k-space{middle}", sampling.every)
}

/// The scores as a table, with their means.
pub fn table(results: &[Restored]) -> String {
    let width = results.iter().map(|r| r.example.name.chars().count()).fold(7, usize::max);
    let mut text = format!("{:width$}  {:^19}  {:^19}\n", "", "aliased", "restored");
    text += &format!("{:width$}  {:>11}  {:>6}  {:>11}  {:>6}\n", "picture", "PSNR", "SSIM", "PSNR", "SSIM");
    let mut row = |name: &str, scores: [(f64, Option<f64>); 2]| {
        text += &format!("{name:width$}");
        scores.iter().for_each(|(p, s)| text += &format!("  {:>11}  {:>6}", bare(*p), similarity(*s)));
        text += "\n";
    };
    for r in results {
        row(&r.example.name, [(r.aliased.psnr, r.aliased.ssim), (r.restored.psnr, r.restored.ssim)]);
    }
    if results.len() > 1 {
        let mean = |of: fn(&Restored) -> &Attempt| {
            let n = results.len() as f64;
            let ssim: Option<f64> = results.iter().map(|r| of(r).ssim).sum();
            (results.iter().map(|r| of(r).psnr).sum::<f64>() / n, ssim.map(|s| s / n))
        };
        row("mean", [mean(|r| &r.aliased), mean(|r| &r.restored)]);
    }
    text
}

fn decibels(psnr: f64) -> String {
    format!("PSNR {}", bare(psnr))
}

fn bare(psnr: f64) -> String {
    if psnr.is_infinite() { "∞ dB".to_string() } else { format!("{psnr:.2} dB") }
}

fn similarity(ssim: Option<f64>) -> String {
    ssim.map_or("–".to_string(), |s| format!("{s:.3}"))
}
