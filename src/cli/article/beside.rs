//! What tells more than the climbs: pictures of another kind, measures, controls.

use super::job::{Job, part};
use super::{BRAIN, BRAIN_NAME, CAMERA, CAMERA_NAME};
use crate::Result;
use crate::cancel::Watch;
use crate::findings::activity::activity;
use crate::findings::claims::skips;
use crate::findings::routes;
use crate::findings::task::Task;
use crate::findings::{self, Data, LayerFindings, stats};
use crate::lens::ascent::{self, Recipe};
use crate::mri::restore::{self, Example, Restored};
use crate::mri::{Sampling, report};
use crate::network::Network;
use crate::page::strings::fill;
use crate::page::{Climbed, Does, Skip};
use crate::picture::{Colormap, Figure, decode_image};

/// So many images of the data are looked at.
const DATA: usize = 16;

impl Job<'_> {
    /// Pictures that are no phantoms; none, if the network takes other pictures.
    pub(super) fn others(&self, sampling: Sampling) -> Result<Vec<Restored>> {
        let (executor, network) = (self.executor, self.network);
        let example = |(name, bytes): (&str, &[u8])| {
            let photo = decode_image(name, bytes)?;
            let size = (photo.h, photo.w);
            Example::undersampled(name.to_string(), photo.luma(), size, sampling.drawn(self.options.seed, 0))
        };
        let examples =
            [(BRAIN_NAME, BRAIN), (CAMERA_NAME, CAMERA)].map(example).into_iter().collect::<Result<Vec<_>>>()?;
        Ok(part(network, restore::compute(executor, network, &examples, &mut |_, _| {}))?.unwrap_or_default())
    }

    /// With the names of the page's language.
    pub(super) fn in_words(&self, mut results: Vec<Restored>) -> Vec<Restored> {
        let t = self.text();
        for (i, result) in results.iter_mut().enumerate() {
            if result.example.name == format!("phantom {i}") {
                result.example.name = fill(t.phantom, &[&i.to_string()]);
            }
            result.example.sampling = t.sampling.to_string();
        }
        results
    }

    /// The figure in the words of the page's language.
    pub(super) fn restored(&self, results: &[Restored]) -> Figure {
        report::figure_in(results, Colormap::Viridis, &self.text().restore_words)
    }

    /// `results` and `others` as [`Job::in_words`] gives them.
    pub(super) fn restores(&self, results: Vec<Restored>, mut others: Vec<Restored>, gain: (f64, f64)) -> Does {
        let t = self.text();
        for (other, name) in others.iter_mut().zip([t.brain, t.photo_name]) {
            other.example.name = name.to_string();
        }
        let figure = self.restored(&results);
        let others_figure = (!others.is_empty()).then(|| self.restored(&others));
        let built_in = self.options.paged.machine.model.is_built_in();
        Does::Restores { results, figure, others, others_figure, gain, built_in }
    }

    /// What the filters prefer, measured with gratings, noise and phantoms; and on how many phantoms.
    pub(super) fn found(&self, cost: u64) -> Result<(Vec<LayerFindings>, usize)> {
        let layers: Vec<usize> = self.layers.iter().map(|(layer, _)| *layer).collect();
        let data = Data::standard(self.network, DATA, self.options.seed)?;
        let mut progress = self.progress(cost);
        let mut watch = Watch { cancel: self.cancel, progress: &mut progress };
        let measured = findings::measure(self.executor, self.network, &layers, &data, self.options.seed, &mut watch)?;
        Ok((measured.layers, data.images.len()))
    }

    /// What phantoms that are restored lose without what each skip carries: its channels are replaced by their means, which are those
    /// of as many other phantoms.
    pub(super) fn skips(&self) -> Result<Vec<Skip>> {
        let (executor, network, seed) = (self.executor, self.network, self.options.seed);
        let Data { facts, shape, images } = Data::standard(network, DATA, seed)?;
        let Some((seen, held_out)) = Task::of(network, facts.kind, shape, &images, seed)? else { return Ok(vec![]) };
        let means = activity(executor, network, &seen, &skips::sites(network))?.means;
        let Some(without) = skips::without(executor, network, &held_out, &means)? else { return Ok(vec![]) };
        let name = |layer: usize| network.layers[layer].name.clone();
        let mean = |lost: &[f64]| lost.iter().sum::<f64>() / lost.len().max(1) as f64;
        let skip = |(skip, lost): (&routes::Skip, &Vec<f64>)| {
            // Its input is counted among those of the merge.
            let from = network.layers[skip.merge].inputs[skip.input];
            Skip {
                from: name(from),
                to: name(skip.merge),
                images: lost.len(),
                lost: mean(lost),
                interval: stats::mean(lost),
            }
        };
        Ok(routes::skips(network).iter().zip(&without.each).map(skip).collect())
    }

    /// The same filters from another seed; and from the first in the network with its weights shuffled.
    pub(super) fn controls(&self, shuffled: &Network, climbed: &mut [Climbed]) -> Result<()> {
        let recipe = Recipe { keep_frames: false, ..self.recipe() };
        let climb = |network: &Network, layer: usize, filters: &[usize], seed: u64| {
            let name = &network.layers[layer].name;
            let job = ascent::Job::new(self.executor, network, layer, filters, self.image, recipe)?;
            let seeds = ascent::noise(seed, name, filters, self.image, ascent::NOISE);
            job.climb(&seeds, &mut Watch { cancel: self.cancel, progress: &mut |_, _| {} })
        };
        let seed = self.options.seed;
        for Climbed { layer, climbs, second, shuffled: control } in climbed {
            let filters: Vec<usize> = climbs.iter().map(|climb| climb.filter).collect();
            *second = climb(self.network, *layer, &filters, seed.wrapping_add(1))?;
            *control = climb(shuffled, *layer, &filters, seed)?;
        }
        Ok(())
    }
}
