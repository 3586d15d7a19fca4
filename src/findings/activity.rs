//! Each channel's mean, and how much the network's error would move with it: one pass forward and one back for all.

use super::fit::fitting;
use super::masked::{Means, Site};
use super::task::Task;
use crate::Result;
use crate::engine::autodiff::gradient;
use crate::engine::exec::Executor;
use crate::engine::graph::NodeId;
use crate::engine::ops::{Axes, Function};
use crate::engine::plan::Plan;
use crate::engine::tensor::Tensor;
use crate::network::{Network, unet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Images that are computed at once, if there is memory.
const BATCH: usize = 4;

/// What there is to know of the channels, by site.
#[derive(Debug, Clone, Default)]
pub struct Activity {
    pub means: Means,
    /// The mean of |activation x gradient of the network's error| over places and images: to first order what is lost with the
    /// channel (P. Molchanov et al., "Pruning convolutional neural networks for resource efficient inference", 2017). The error is the mean
    /// square of output less truth; without a truth that of the output itself.
    pub taylor: BTreeMap<Site, Vec<f64>>,
}

/// What the channels at `sites` do on the task's images.
///
/// # Errors
/// If the network cannot be computed, or there is not enough memory.
pub fn activity(executor: &dyn Executor, network: &Network, task: &Task, sites: &[Site]) -> Result<Activity> {
    fitting(BATCH.min(task.images.len()), |batch| activity_of(executor, network, task, sites, batch))
}

fn activity_of(
    executor: &dyn Executor,
    network: &Network,
    task: &Task,
    sites: &[Site],
    batch: usize,
) -> Result<Activity> {
    let mut built = unet::graph_to(network, network.output, None, task.shape.with_n(batch))?;
    let graph = &mut built.graph;
    let output = graph.shape(built.output);
    let truth = graph.input("truth", output)?;
    let difference = graph.subtract("difference", built.output, truth)?;
    let squares = graph.mul("squares", difference, difference)?;
    let error = graph.mean("error", squares)?;
    let gradients = gradient(graph, error, built.image)?;
    let over = Axes { h: true, w: true, c: false };
    let mut asked: Vec<(Site, NodeId, Option<NodeId>)> = vec![];
    for &site in sites {
        let Some(y) = built.layers[site.source(network)] else { continue };
        let mean = graph.mean_over("channel means", y, over)?;
        let taylor = match gradients.of(y) {
            None => None,
            Some(dy) => {
                let product = graph.mul("activation x gradient", y, dy)?;
                let size = graph.pointwise("|activation x gradient|", product, Function::Abs)?;
                Some(graph.mean_over("taylor", size, over)?)
            }
        };
        asked.push((site, mean, taylor));
    }
    let keep: Vec<NodeId> = asked.iter().flat_map(|&(_, mean, taylor)| [Some(mean), taylor]).flatten().collect();
    let mut program = executor.prepare(Arc::new(Plan::compile(graph.clone(), &keep, &[], &[])))?;
    let mut sums: BTreeMap<NodeId, Vec<f64>> = BTreeMap::new();
    let len = output.image_len();
    for first in (0..task.images.len()).step_by(batch) {
        // What is left over of the last batch repeats its last image, and is not counted.
        let of = |n: usize| (first + n).min(task.images.len() - 1);
        let images = (0..batch).flat_map(|n| task.images[of(n)].iter().copied()).collect();
        program.write(built.image, &Tensor::new(task.shape.with_n(batch), images))?;
        let truths: Vec<f32> = match &task.truths {
            Some(truths) => (0..batch).flat_map(|n| truths[of(n)].iter().copied()).collect(),
            None => vec![0.0; batch * len],
        };
        program.write(truth, &Tensor::new(output, truths))?;
        program.run(1)?;
        for &node in &keep {
            let values = program.read(node)?;
            let sum = sums.entry(node).or_insert_with(|| vec![0.0; values.shape.c]);
            for n in 0..batch.min(task.images.len() - first) {
                sum.iter_mut().zip(values.image(n)).for_each(|(sum, &v)| *sum += f64::from(v));
            }
        }
    }
    let mean = |node: NodeId| sums[&node].iter().map(|sum| sum / task.images.len() as f64).collect::<Vec<f64>>();
    let mut all = Activity::default();
    for (site, means, taylor) in asked {
        let means: Vec<f32> = mean(means).iter().map(|&v| v as f32).collect();
        all.taylor.insert(site, taylor.map_or_else(|| vec![0.0; means.len()], mean));
        all.means.insert(site, means);
    }
    Ok(all)
}
