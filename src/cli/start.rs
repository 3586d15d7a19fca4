//! What a climb starts from: noise, pictures of a file, or a phantom.

use super::climbing::Climbing;
use super::{read_input, read_picture};
use crate::engine::exec::Executor;
use crate::engine::exec::memory::{Limit, Memory};
use crate::engine::tensor::{Shape, Tensor};
use crate::lens::ascent::{self, Parameter};
use crate::mri::restore::Example;
use crate::mri::{Sampling, phantom as drawn_phantom};
use crate::network::{Network, unet};
use crate::{Error, Result};
use std::path::Path;

/// The word that stands where a file could.
pub(super) const PHANTOM: &str = "phantom";

/// What was asked for by `--init`.
pub(super) enum Init {
    Noise,
    Pictures(Tensor),
    /// The first phantom of the seed, aliased.
    Phantom,
}

impl Init {
    /// # Errors
    /// If the file cannot be read, or the network takes no phantom.
    pub fn read(asked: Option<&Path>, network: &Network, limit: Limit) -> Result<Init> {
        Init::with(asked, network, |path| read_input(path, network, limit))
    }

    /// The same where a file must hold one picture.
    pub fn read_one(asked: Option<&Path>, network: &Network, limit: Limit) -> Result<Init> {
        Init::with(asked, network, |path| read_picture(path, network, limit))
    }

    fn with(asked: Option<&Path>, network: &Network, read: impl Fn(&Path) -> Result<Tensor>) -> Result<Init> {
        match asked {
            None => Ok(Init::Noise),
            Some(word) if word.as_os_str() == PHANTOM => {
                check_channels(network)?;
                Ok(Init::Phantom)
            }
            Some(path) => Ok(Init::Pictures(read(path)?)),
        }
    }

    /// The shape of the images that a climb of `layers` starts from: of the pictures, of `--size`, or the network's own.
    pub fn shape(&self, network: &Network, layers: &[usize], size: Option<(usize, usize)>) -> Result<Shape> {
        let pictures = if let Init::Pictures(pictures) = self { Some(pictures) } else { None };
        super::start_shape(network, layers, size, pictures)
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
    /// If a file holds neither one start for all filters nor one for each.
    pub fn check(&self, filters: usize, layer: &str) -> Result<()> {
        match self {
            Init::Pictures(Tensor { shape: Shape { n, .. }, .. }) if *n != 1 && *n != filters => {
                Err(Error::Usage(format!(
                    "--init holds {n} pictures for {filters} filters of {layer}; it must hold one, or one for each filter"
                )))
            }
            _ => Ok(()),
        }
    }
}

/// What the filters of a layer start from.
pub(super) struct Starts<'a> {
    pub executor: &'a dyn Executor,
    pub network: &'a Network,
    /// The layer's.
    pub name: &'a str,
    pub filters: &'a [usize],
    /// The shape of one.
    pub image: Shape,
    pub init: &'a Init,
    pub climbing: &'a Climbing,
}

impl Starts<'_> {
    /// An image for each of `filters`, which are some of the layer's.
    pub fn of(&self, seed: u64, filters: &[usize]) -> Result<Tensor> {
        let noise = || ascent::noise(seed, self.name, filters, self.image, self.climbing.noise);
        let for_all = |one: &Tensor| Tensor::new(one.shape.with_n(filters.len()), one.data.repeat(filters.len()));
        match (self.init, self.climbing.parameter) {
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

/// The first of the seed's phantoms, of this size, aliased: the one that `restore` and `activations phantom` show.
pub(super) fn phantom(network: &Network, size: (usize, usize), seed: u64) -> Result<Tensor> {
    let channels = check_channels(network)?;
    let picture = drawn_phantom(seed, 0, size);
    let sampling = Sampling::default().drawn(seed, 0);
    Ok(Example::undersampled(PHANTOM.to_string(), picture, size, sampling)?.input(channels))
}

/// Of one channel, grey, or two, real and imaginary parts.
fn check_channels(network: &Network) -> Result<usize> {
    match unet::image_channels(network)? {
        c @ (1 | 2) => Ok(c),
        c => Err(Error::Usage(format!(
            "a phantom is grey, or real and imaginary parts; {} takes {c} channels: name a picture",
            network.name
        ))),
    }
}
