//! Does a filter answer to the border, and is the border the cause?
//!
//! The same image is shown twice: as it is, and in the middle of a larger canvas that is filled with its reflection. In the canvas
//! the places of the ring have neighbours like any others, and no padding: what a filter answers there and here differs by the
//! border alone.

use super::probe::{Probe, Progress, Response};
use super::stats::auc;
use super::units::Unit;
use crate::Result;
use crate::engine::exec::Executor;
use crate::engine::tensor::{Shape, Tensor};
use crate::network::pad::Padded;
use crate::network::{Network, unet};

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Border {
    /// How well the ring that touches the border is told from the inside by the response: 0.5 not at all, 1 without fault.
    pub auc: f64,
    /// The same with the responses that the ring's places give in the canvas, where there is no border.
    pub auc_without: f64,
    /// The share of the ring's response that is gone in the canvas; `None` if the ring has no response of its own, or there is no
    /// canvas that fits the network.
    pub vanishes: Option<f64>,
    /// How far the ring's responses are above the mean of the inside, 0 where they are below; mean over places. The same of its places
    /// in the canvas.
    pub drive: f64,
    pub drive_without: f64,
    /// The greatest amplitude after the activation that a grating brings about in the inside.
    pub grating: f64,
}

/// Where more than this share of the ring's response is gone without a border, the border is its cause, and not what lies there.
const CAUSED: f64 = 0.5;

impl Border {
    /// Is the border the cause of what the ring answers?
    pub fn is_caused(&self) -> bool {
        self.vanishes.is_some_and(|vanishes| vanishes > CAUSED)
    }

    /// Does the ring answer beyond chance, and more than the inside does to its best grating? `without`: do its places in the canvas?
    pub fn is_beyond(&self, without: bool, threshold: f64) -> bool {
        let (auc, drive) = match without {
            true => (self.auc_without, self.drive_without),
            false => (self.auc, self.drive),
        };
        auc > threshold && drive > self.grating
    }
}

/// Places of the ring, and as many of the inside, that are kept of each image.
const PLACES: usize = 96;
/// Images that are shown.
pub const IMAGES: usize = 16;
/// The canvas is larger by at least so many pixels on each side, if the image is: most of what is seen of the border is gone.
const MARGIN: usize = 32;

/// Of one unit: `[image, place, filter]` after the activation.
#[derive(Debug, Clone, Default)]
pub struct Edges {
    filters: usize,
    ring_places: Vec<(usize, usize)>,
    inner_places: Vec<(usize, usize)>,
    ring: Vec<f32>,
    inner: Vec<f32>,
    /// Of the ring's places in the canvas.
    canvas: Vec<f32>,
}

impl Edges {
    pub fn new(unit: &Unit) -> Edges {
        let all = || (0..unit.shape.h * unit.shape.w).map(|i| (i / unit.shape.w, i % unit.shape.w));
        let (ring, inner): (Vec<_>, Vec<_>) = all().partition(|&(r, s)| unit.touches(r, s));
        let spread = |places: Vec<(usize, usize)>| {
            let count = places.len().min(PLACES);
            (0..count).map(|i| places[i * places.len() / count]).collect()
        };
        let (ring_places, inner_places) = (spread(ring), spread(inner));
        Edges { filters: unit.filters(), ring_places, inner_places, ..Edges::default() }
    }

    pub fn see(&mut self, unit: &Unit, response: Response) {
        let at = |&(r, s): &(usize, usize)| &response.after[(r * unit.shape.w + s) * self.filters..][..self.filters];
        self.ring.extend(self.ring_places.iter().flat_map(at));
        self.inner.extend(self.inner_places.iter().flat_map(at));
    }

    /// `unit` is the same on the canvas, which is larger by `margin` pixels on each side.
    fn see_canvas(&mut self, unit: &Unit, margin: usize, small: &Unit, response: Response) {
        let offset = |large: usize, little: usize, pixels: usize| {
            // The canvas must have as many places more as lie in its margins.
            let places = (large.checked_sub(little)?) / 2;
            (large - little == 2 * places && (places as f64 * small.stride - pixels as f64).abs() < 1e-9)
                .then_some(places)
        };
        let (Some(down), Some(across)) =
            (offset(unit.shape.h, small.shape.h, margin), offset(unit.shape.w, small.shape.w, margin))
        else {
            return;
        };
        let at = |&(r, s): &(usize, usize)| {
            &response.after[((r + down) * unit.shape.w + s + across) * self.filters..][..self.filters]
        };
        self.canvas.extend(self.ring_places.iter().flat_map(at));
    }

    /// `[filter]`: how well the ring's places are told from the inside where there is no border.
    pub fn without_border(&self, halves: &[usize]) -> Vec<f64> {
        if self.canvas.is_empty() {
            return vec![];
        }
        (0..self.filters).map(|filter| self.border(filter, halves, 0.0).auc_without).collect()
    }

    /// Of the images of some halves: those of even and of odd number. `grating`: the amplitude of the best one.
    pub fn border(&self, filter: usize, halves: &[usize], grating: f64) -> Border {
        let values = |all: &[f32], places: usize| -> Vec<f64> {
            let of_image = all.chunks_exact((places * self.filters).max(1)).enumerate();
            let chosen = of_image.filter(|(i, _)| halves.contains(&(i % 2))).map(|(_, values)| values);
            chosen.flat_map(|values| values.iter().skip(filter).step_by(self.filters)).map(|&v| f64::from(v)).collect()
        };
        let ring = values(&self.ring, self.ring_places.len());
        let inner = values(&self.inner, self.inner_places.len());
        let canvas = values(&self.canvas, self.ring_places.len());
        let usual = inner.iter().sum::<f64>() / inner.len().max(1) as f64;
        let above = |values: &[f64]| -> f64 { values.iter().map(|v| (v - usual).max(0.0)).sum() };
        let (with, without) = (above(&ring), above(&canvas));
        let vanishes = (with > 0.0 && !canvas.is_empty()).then(|| (1.0 - without / with).clamp(0.0, 1.0));
        Border {
            auc: auc(&ring, &inner).unwrap_or(0.5),
            auc_without: auc(&canvas, &inner).unwrap_or(0.5),
            vanishes,
            drive: with / ring.len().max(1) as f64,
            drive_without: without / canvas.len().max(1) as f64,
            grating,
        }
    }
}

/// Shows the images in the middle of a larger canvas, if one fits the network.
///
/// # Errors
/// If there is not enough memory, or the device fails, or it is cancelled.
pub fn on_canvas(
    executor: &dyn Executor,
    network: &Network,
    small: &[Unit],
    image: Shape,
    images: &[Vec<f32>],
    edges: &mut [Edges],
    progress: &mut Progress,
) -> Result<()> {
    let Some(margin) = margin(network, image) else { return progress.done(images.len()) };
    let (h, w) = (image.h + 2 * margin, image.w + 2 * margin);
    let layers: Vec<usize> = small.iter().map(|unit| unit.layer).collect();
    let mut probe = Probe::new(executor, network, &layers, Shape { h, w, ..image })?;
    let canvas = |i: usize| Padded::to_size(&Tensor::new(image, images[i].clone()), (h, w)).image.data;
    probe.show(images.len(), &canvas, progress, &mut |unit, index, _, response| {
        edges[index].see_canvas(unit, margin, &small[index], response);
    })
}

/// A margin by which places of all layers are moved by whole places.
fn margin(network: &Network, image: Shape) -> Option<usize> {
    let multiple = unet::size_multiple(network);
    let step = multiple.h.max(multiple.w);
    let margin = MARGIN.min(image.h.min(image.w) - 1);
    let margin = if margin >= step { margin / step * step } else { return None };
    let fits = multiple.h.max(1) == multiple.w.max(1)
        && unet::image_shape(network, &[], Some((image.h + 2 * margin, image.w + 2 * margin))).is_ok();
    (fits && margin > 0).then_some(margin)
}

#[cfg(test)]
mod tests;
