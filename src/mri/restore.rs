//! What the network is for: pictures with most of k-space left out, and what it makes of them.

use crate::engine::exec::memory::Memory;
use crate::engine::exec::{Executor, Program};
use crate::engine::plan::Plan;
use crate::engine::tensor::{Shape, Tensor};
use crate::mri::metrics::{nmse, psnr, ssim};
use crate::mri::{self, Sampling, kspace};
use crate::network::pad::Padded;
use crate::network::{Network, unet};
use crate::{Error, Result};
use rustfft::num_complex::Complex;
use std::sync::Arc;

/// An image to restore.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    pub name: String,
    /// Rows and columns.
    pub size: (usize, usize),
    /// The zero-filled reconstruction `[h, w]`: the inverse Fourier transform of what is measured, zeros in place of the rest.
    pub zero_filled: Vec<Complex<f32>>,
    /// The magnitude of the whole image `[h, w]`; `None` if nobody knows it.
    pub truth: Option<Vec<f32>>,
    /// Times this the values are in the file's unit: that of NumPy's `ifft2`. A picture's own is 1.
    pub scale: f64,
    /// What is measured, for people.
    pub sampling: String,
}

impl Example {
    /// A picture `[h, w]` and how it is undersampled.
    ///
    /// # Errors
    /// As [`Sampling::measured`].
    ///
    /// # Panics
    /// If the picture is of another size.
    pub fn undersampled(name: String, picture: Vec<f32>, size: (usize, usize), sampling: Sampling) -> Result<Example> {
        let example = Example::of_picture(name, picture, size, &sampling.mask(size)?);
        Ok(Example { sampling: sampling.describe(), ..example })
    }

    /// A picture `[h, w]`, and for each sample of its k-space whether it is measured.
    ///
    /// # Panics
    /// If the picture or the mask is of another size.
    pub fn of_picture(name: String, picture: Vec<f32>, size: (usize, usize), measured: &[bool]) -> Example {
        let mut k = kspace::of_image(picture.iter().map(|&v| f64::from(v).into()).collect(), size);
        kspace::leave_out(&mut k, measured);
        let zero_filled = scaled(&kspace::to_image(k, size), 1.0);
        Example { name, size, zero_filled, truth: Some(picture), scale: 1.0, sampling: String::new() }
    }

    /// An image of which k-space `[h, w]` is known, and which of its samples are taken as measured. It is scaled so that the
    /// largest magnitude is 1: that of the truth where that is known, so that PSNR and SSIM are those of the truth's range;
    /// else that of the zero-filled reconstruction.
    ///
    /// # Panics
    /// If k-space or the mask is of another size.
    pub fn of_kspace(
        name: String,
        mut k: Vec<Complex<f64>>,
        size: (usize, usize),
        measured: &[bool],
        has_truth: bool,
    ) -> Example {
        let whole = has_truth.then(|| kspace::to_image(k.clone(), size));
        kspace::leave_out(&mut k, measured);
        let zero_filled = kspace::to_image(k, size);
        let largest = whole.as_ref().unwrap_or(&zero_filled).iter().map(|v| v.norm()).fold(0.0, f64::max);
        let scale = if largest > 0.0 { largest } else { 1.0 };
        let truth = whole.map(|image| image.iter().map(|v| (v.norm() / scale) as f32).collect());
        Example { name, size, zero_filled: scaled(&zero_filled, scale), truth, scale, sampling: String::new() }
    }

    /// The magnitude of the zero-filled reconstruction, `[1, h, w, 1]`.
    pub fn aliased(&self) -> Tensor {
        Tensor::new(Shape::new(1, self.size.0, self.size.1, 1), self.zero_filled.iter().map(|v| v.norm()).collect())
    }

    /// What a network of so many channels gets: the magnitude, or real and imaginary parts, `[1, h, w, channels]`.
    pub fn input(&self, channels: usize) -> Tensor {
        match channels {
            1 => self.aliased(),
            _ => Tensor::new(
                Shape::new(1, self.size.0, self.size.1, 2),
                self.zero_filled.iter().flat_map(|v| [v.re, v.im]).collect(),
            ),
        }
    }
}

fn scaled(image: &[Complex<f64>], scale: f64) -> Vec<Complex<f32>> {
    image.iter().map(|v| Complex::new((v.re / scale) as f32, (v.im / scale) as f32)).collect()
}

/// How near a picture comes to the truth.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Scores {
    /// dB; infinite if it is the truth.
    pub psnr: f64,
    /// 0 to 1; `None` for pictures less than 11 pixels high or wide.
    pub ssim: Option<f64>,
    /// 0 if it is the truth; `None` if the truth is black.
    pub nmse: Option<f64>,
}

/// A picture that is not the truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// `[h, w]`: magnitudes, or what a network of one channel gives.
    pub picture: Vec<f32>,
    /// `None` if the truth is not known.
    pub scores: Option<Scores>,
}

impl Attempt {
    /// dB; not a number if the truth is not known.
    pub fn psnr(&self) -> f64 {
        self.scores.map_or(f64::NAN, |scores| scores.psnr)
    }
}

/// What became of an [`Example`].
#[derive(Debug, Clone, PartialEq)]
pub struct Restored {
    pub example: Example,
    /// The zero-filled reconstruction.
    pub aliased: Attempt,
    /// What the network makes of it.
    pub restored: Attempt,
    /// The network's own values, `[1, h, w, 1]`, or real and imaginary parts `[1, h, w, 2]`.
    pub output: Tensor,
}

/// Phantoms of the network's own size, each with its own offset into k-space, drawn from the seed.
///
/// # Errors
/// If the network gives no size that works, or the sampling does not fit it.
pub fn phantoms(network: &Network, count: usize, seed: u64, sampling: Sampling) -> Result<Vec<Example>> {
    let Shape { h, w, .. } = unet::image_shape(network, &[network.output], None)?;
    phantoms_of(count, seed, sampling, (h, w))
}

/// The same of `size`, rows and columns.
///
/// # Errors
/// If the sampling does not fit it.
pub fn phantoms_of(count: usize, seed: u64, sampling: Sampling, size: (usize, usize)) -> Result<Vec<Example>> {
    let picture = |i: u64| mri::phantom(seed, i, size);
    let example = |i: u64| Example::undersampled(format!("phantom {i}"), picture(i), size, sampling.drawn(seed, i));
    (0..count as u64).map(example).collect()
}

/// Restores each. `progress` hears how many of how many are done.
///
/// # Errors
/// As [`Restorer::new`] and [`Restorer::restore`].
pub fn compute(
    executor: &dyn Executor,
    network: &Network,
    examples: &[Example],
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Restored>> {
    let mut restorer = Restorer::new(executor, network, Memory::default())?;
    let mut results = vec![];
    for example in examples {
        progress(results.len(), examples.len());
        results.push(restorer.restore(example.clone())?);
    }
    progress(results.len(), examples.len());
    Ok(results)
}

/// A network loaded for images of a size.
struct Prepared {
    size: (usize, usize),
    built: unet::Built,
    program: Box<dyn Program>,
}

/// A network that restores images one by one. It is loaded anew only where their size changes.
pub struct Restorer<'a> {
    executor: &'a dyn Executor,
    network: &'a Network,
    /// What the caller holds besides.
    held: Memory,
    channels: usize,
    prepared: Option<Prepared>,
}

impl<'a> Restorer<'a> {
    /// `held` is memory that the caller takes, to be counted.
    ///
    /// # Errors
    /// If the network takes neither one channel (a grey picture) nor two (real and imaginary parts).
    pub fn new(executor: &'a dyn Executor, network: &'a Network, held: Memory) -> Result<Restorer<'a>> {
        let channels = unet::image_channels(network)?;
        if !matches!(channels, 1 | 2) {
            let what = "to restore a picture it must take one, grey, or two, real and imaginary parts";
            return Err(Error::Usage(format!("{} takes {channels} channels; {what}", network.name)));
        }
        Ok(Restorer { executor, network, held, channels, prepared: None })
    }

    /// Pads the image by reflection to a size that fits the network, restores it and crops it back.
    ///
    /// # Errors
    /// If the network does not give a picture of the same size; if there is not enough memory, or the device fails.
    pub fn restore(&mut self, example: Example) -> Result<Restored> {
        if self.prepared.as_ref().is_none_or(|prepared| prepared.size != example.size) {
            self.prepared = None;
            let (h, w) = unet::fitting(self.network, &[self.network.output], example.size)?;
            let (built, program) = self.load(Shape::new(1, h, w, self.channels))?;
            self.prepared = Some(Prepared { size: example.size, built, program });
        }
        let Prepared { built, program, .. } = self.prepared.as_mut().expect("prepared above");
        let Shape { h, w, .. } = built.graph.shape(built.image);
        let input = Padded::to_size(&example.input(self.channels), (h, w));
        program.write(built.image, &input.image)?;
        program.run(1)?;
        let output = input.crop(&program.read(built.output)?);
        let restored = match output.shape.c {
            1 => output.data.clone(),
            _ => output.data.chunks_exact(2).map(|v| v[0].hypot(v[1])).collect(),
        };
        let attempt = |picture: Vec<f32>| Attempt {
            scores: example.truth.as_ref().map(|truth| Scores {
                psnr: psnr(&picture, truth),
                ssim: ssim(&picture, truth, example.size),
                nmse: nmse(&picture, truth),
            }),
            picture,
        };
        let (aliased, restored) = (attempt(example.aliased().data), attempt(restored));
        Ok(Restored { example, aliased, restored, output })
    }

    /// The whole network, from one image to a picture of the same size.
    fn load(&self, image: Shape) -> Result<(unet::Built, Box<dyn Program>)> {
        let built = unet::graph_to(self.network, self.network.output, None, image)?;
        let output = built.graph.shape(built.output);
        if output.with_c(image.c) != image || output.c > image.c {
            let what = match image.c {
                1 => "one grey picture of the same size",
                _ => "a picture of the same size, grey or real and imaginary parts",
            };
            let name = &self.network.name;
            return Err(Error::Usage(format!("{name} makes {output} of {image}; to restore it must give {what}")));
        }
        let plan = Plan::compile(built.graph.clone(), &[built.output], &[], &[]);
        let compiled = self.executor.compile(Arc::new(plan))?;
        self.executor.limit().check(image, compiled.memory() + self.held)?;
        Ok((built, compiled.load()?))
    }
}
