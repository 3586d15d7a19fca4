//! What a climb starts from: noise, pictures, or a phantom.

use crate::engine::exec::Executor;
use crate::engine::exec::memory::Memory;
use crate::engine::tensor::{Shape, Tensor};
use crate::lens::ascent::{self, Parameter};
use crate::mri::restore::Example;
use crate::mri::{Sampling, phantom as drawn_phantom};
use crate::network::{Network, unet};
use crate::{Error, Result};

/// Where the filters begin.
#[derive(Debug, Clone)]
pub enum Init {
    Noise,
    /// One for all filters, or one for each.
    Pictures(Tensor),
    /// The first phantom of the seed, aliased.
    Phantom,
}

impl Init {
    /// The shape of the images that a climb of `layers` starts from: of the pictures, of `size`, or the network's own.
    ///
    /// # Errors
    /// If a size is asked for that is not the pictures', or the size does not fit the network.
    pub fn shape(&self, network: &Network, layers: &[usize], size: Option<(usize, usize)>) -> Result<Shape> {
        let Init::Pictures(Tensor { shape: Shape { h, w, .. }, .. }) = *self else {
            return unet::image_shape(network, layers, size);
        };
        if let Some(size) = size.filter(|&size| size != (h, w)) {
            return Err(Error::Usage(format!(
                "the start is a picture of {h}x{w} pixels, size asks for {}x{}: leave size out, or scale the picture",
                size.0, size.1
            )));
        }
        unet::image_shape(network, layers, Some((h, w)))
    }

    /// What it takes to make one start of this shape: to be counted before it is made.
    pub fn bytes(&self, image: Shape) -> Memory {
        match self {
            Init::Noise => ascent::noise_bytes(image),
            Init::Pictures(_) => Memory::default(),
            // Its k-space in double precision, and what is made of that.
            Init::Phantom => Memory::host((image.pixels() as u64).saturating_mul(6 * 16)),
        }
    }

    /// # Errors
    /// If it holds neither one start for all filters nor one for each.
    pub fn check(&self, filters: usize, layer: &str) -> Result<()> {
        match self {
            Init::Pictures(Tensor { shape: Shape { n, .. }, .. }) if *n != 1 && *n != filters => {
                Err(Error::Usage(format!(
                    "the start holds {n} pictures for {filters} filters of {layer}; it must hold one, or one for each filter"
                )))
            }
            _ => Ok(()),
        }
    }
}

/// What the filters of a layer start from.
#[derive(Clone, Copy)]
pub struct Starts<'a> {
    pub executor: &'a dyn Executor,
    pub network: &'a Network,
    pub layer: usize,
    pub filters: &'a [usize],
    /// The shape of one.
    pub image: Shape,
    pub init: &'a Init,
    /// The upper end of the noise.
    pub noise: f32,
    pub parameter: Parameter,
}

impl Starts<'_> {
    /// An image for each of `filters`, which are some of the layer's.
    ///
    /// # Errors
    /// If the network takes no phantom, or there is no memory to make waves.
    pub fn of(&self, seed: u64, filters: &[usize]) -> Result<Tensor> {
        let name = &self.network.layers[self.layer].name;
        let noise = || ascent::noise(seed, name, filters, self.image, self.noise);
        let for_all = |one: &Tensor| Tensor::new(one.shape.with_n(filters.len()), one.data.repeat(filters.len()));
        match (self.init, self.parameter) {
            // A single picture serves all; else there is one for each filter (see Init::check).
            (Init::Pictures(pictures), _) if pictures.shape.n == 1 => Ok(for_all(pictures)),
            (Init::Pictures(pictures), _) => {
                let place = |filter: usize| self.filters.iter().position(|&f| f == filter).expect("one of all");
                let own = |&filter: &usize| pictures.image(place(filter));
                let data = filters.iter().flat_map(own).copied().collect();
                Ok(Tensor::new(pictures.shape.with_n(filters.len()), data))
            }
            (Init::Phantom, _) => Ok(for_all(&phantom(self.network, (self.image.h, self.image.w), seed)?)),
            (Init::Noise, Parameter::Pixel) => Ok(noise()),
            (Init::Noise, Parameter::Fourier) => ascent::fourier::pink(self.executor, &noise()),
        }
    }
}

/// The first of the seed's phantoms, of this size, aliased: the one that restoring shows.
///
/// # Errors
/// If the network takes no such picture.
pub fn phantom(network: &Network, size: (usize, usize), seed: u64) -> Result<Tensor> {
    let channels = check_channels(network)?;
    let picture = drawn_phantom(seed, 0, size);
    let sampling = Sampling::default().drawn(seed, 0);
    Ok(Example::undersampled("phantom".to_string(), picture, size, sampling)?.input(channels))
}

/// The channels of a network that takes phantoms: one, grey, or two, real and imaginary parts.
///
/// # Errors
/// If it takes others.
pub fn check_channels(network: &Network) -> Result<usize> {
    match unet::image_channels(network)? {
        c @ (1 | 2) => Ok(c),
        c => Err(Error::Usage(format!(
            "a phantom is grey, or real and imaginary parts; {} takes {c} channels: name a picture",
            network.name
        ))),
    }
}
