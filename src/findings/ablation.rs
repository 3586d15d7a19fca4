//! What is lost when channels are replaced by their means.

use super::masked::{Masked, Means, Removed, Site};
use super::task::{Task, interval};
use super::{LayerFindings, effort};
use crate::Result;
use crate::cancel::Watch;
use crate::engine::exec::Executor;
use crate::network::Network;

/// The network on held-out images, as it is and without some of its channels.
pub struct Ablation<'a> {
    masked: Masked,
    task: &'a Task,
    /// The output for each image with nothing replaced.
    before: Vec<Vec<f32>>,
}

impl<'a> Ablation<'a> {
    /// # Errors
    /// If the network cannot be computed, or there is not enough memory.
    pub fn new(executor: &dyn Executor, network: &Network, task: &'a Task, means: Means) -> Result<Ablation<'a>> {
        let mut masked = Masked::new(executor, network, task.shape, means)?;
        let mut before = vec![];
        let nothing = Removed::new();
        masked.run(
            task.images.len(),
            |i| (&task.images[i], &nothing),
            |_, output| {
                before.push(output.to_vec());
                Ok(())
            },
        )?;
        Ok(Ablation { masked, task, before })
    }

    /// Can channels be replaced there?
    pub fn has(&self, site: Site) -> bool {
        self.masked.has(site)
    }

    /// For each of the first so many images: its number, the output as it was, and without these channels, to `each`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn without(
        &mut self,
        removed: &Removed,
        images: usize,
        mut each: impl FnMut(usize, &[f32], &[f32]),
    ) -> Result<()> {
        let Ablation { masked, task, before } = self;
        let count = images.min(task.images.len());
        masked.run(
            count,
            |i| (&task.images[i], removed),
            |i, output| {
                each(i, &before[i], output);
                Ok(())
            },
        )
    }

    /// What each of the first so many images loses: see [`Task::lost`].
    ///
    /// # Errors
    /// As [`Ablation::without`].
    pub fn lost(&mut self, removed: &Removed, images: usize) -> Result<Vec<f64>> {
        let (task, mut lost) = (self.task, vec![]);
        self.without(removed, images, |i, before, after| lost.push(task.lost(i, before, after)))?;
        Ok(lost)
    }

    /// What is lost with each of these sets, which share the batches.
    ///
    /// # Errors
    /// As [`Ablation::without`].
    pub fn each_lost(&mut self, sets: &[Removed], images: usize, watch: &mut Watch) -> Result<Vec<Vec<f64>>> {
        let (task, mut lost) = (self.task, vec![vec![]; sets.len()]);
        self.each(sets, images, watch, |set, i, before, after| lost[set].push(task.lost(i, before, after)))?;
        Ok(lost)
    }

    /// For each of these sets, which share the batches, and each of the first so many images: the numbers of both, the output as it was, and
    /// without the set's channels, to `each`.
    ///
    /// # Errors
    /// As [`Ablation::without`], or if it is cancelled.
    pub fn each(
        &mut self,
        sets: &[Removed],
        images: usize,
        watch: &mut Watch,
        mut each: impl FnMut(usize, usize, &[f32], &[f32]),
    ) -> Result<()> {
        let Ablation { masked, task, before } = self;
        let count = images.min(task.images.len());
        let jobs = sets.len() * count;
        masked.run(
            jobs,
            |job| (&task.images[job % count], &sets[job / count]),
            |job, output| {
                watch.cancel.check()?;
                (watch.progress)(job + 1, jobs);
                each(job / count, job % count, &before[job % count], output);
                Ok(())
            },
        )
    }
}

/// Measures what is lost with each of the `drawn` filters alone.
///
/// # Errors
/// If the device fails, or it is cancelled.
pub fn effects(
    ablation: &mut Ablation,
    layers: &mut [LayerFindings],
    drawn: &[(usize, Vec<usize>)],
    watch: &mut Watch,
) -> Result<()> {
    let all = || drawn.iter().flat_map(|(layer, filters)| filters.iter().map(move |&filter| (*layer, filter)));
    let sets: Vec<Removed> = all().map(|(layer, filter)| Removed::from([(Site::Layer(layer), vec![filter])])).collect();
    let lost = ablation.each_lost(&sets, effort::ALONE, watch)?;
    for ((layer, filter), lost) in all().zip(lost) {
        let found = layers.iter_mut().find(|found| found.layer == layer);
        let found = found.and_then(|layer| layer.filters.iter_mut().find(|found| found.filter == filter));
        if let Some(found) = found {
            found.effect.effect = Some(interval(&lost));
        }
    }
    Ok(())
}
