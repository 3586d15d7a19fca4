//! How much faster the network is without channels: measured, with the network that the engine runs without them.

use super::masked::{Means, Removed, Site};
use crate::Result;
use crate::engine::exec::{Executor, Program};
use crate::engine::plan::Plan;
use crate::engine::tensor::{Shape, Tensor};
use crate::network::slim::{Gone, slim};
use crate::network::{Network, unet};
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

/// Runs of each network, in turns.
const RUNS: usize = 9;

/// Two networks, measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Speed {
    /// Seconds for one image, the median; these differ from run to run.
    pub whole: f64,
    pub slim: f64,
    /// Channels that are gone.
    pub gone: usize,
    /// Layers that are kept whole, and why.
    pub kept: Vec<(String, String)>,
    /// The greatest difference between the slim network's output and the masked one's.
    pub difference: f64,
}

impl Speed {
    pub(super) fn row(&self) -> serde_json::Value {
        let kept: Vec<_> = self.kept.iter().map(|(layer, why)| json!({ "layer": layer, "why": why })).collect();
        json!({
            "measured, seconds for one image": { "whole": self.whole, "slim": self.slim, "faster": self.whole / self.slim },
            "channels gone": self.gone,
            "kept whole": kept,
            "greatest difference from the masked network": self.difference,
        })
    }
}

/// What is removed, as the slim network takes it.
pub fn gone(removed: &Removed, means: &Means) -> Gone {
    let one = |(site, channels): (&Site, &Vec<usize>)| match site {
        Site::Layer(layer) => Some((*layer, channels.iter().map(|&c| (c, f64::from(means[site][c]))).collect())),
        Site::Edge(..) => None,
    };
    removed.iter().filter_map(one).collect()
}

/// Runs the network and the slim one on `image` in turns. `masked`: the masked network's output for it.
///
/// # Errors
/// If a network cannot be computed, or there is not enough memory.
pub fn speed(
    executor: &dyn Executor,
    network: &Network,
    shape: Shape,
    image: &[f32],
    gone: &Gone,
    masked: &[f32],
) -> Result<Speed> {
    let slim = slim(network, gone)?;
    let is_kept = |layer: &usize| slim.kept.iter().any(|(kept, _)| kept == layer);
    let count = gone.iter().filter(|(layer, _)| !is_kept(layer)).map(|(_, gone)| gone.len()).sum();
    let mut programs = [network, &slim.network].map(|network| load(executor, network, shape, image));
    let mut seconds = [vec![], vec![]];
    let mut output = vec![];
    for run in 0..=RUNS {
        for (program, seconds) in programs.iter_mut().zip(&mut seconds) {
            let (program, node) = program.as_mut().map_err(|error| error.clone())?;
            let begun = Instant::now();
            program.run(1)?;
            output = program.read(*node)?.data;
            // The first run is there to warm up.
            if run > 0 {
                seconds.push(begun.elapsed().as_secs_f64());
            }
        }
    }
    let median = |seconds: &[f64]| super::stats::median(seconds).unwrap_or(f64::NAN);
    let apart = output.iter().zip(masked).map(|(a, b)| f64::from((a - b).abs()));
    Ok(Speed {
        whole: median(&seconds[0]),
        slim: median(&seconds[1]),
        gone: count,
        kept: slim.kept.iter().map(|(layer, why)| (network.layers[*layer].name.clone(), why.clone())).collect(),
        difference: apart.fold(0.0, f64::max),
    })
}

type Loaded = (Box<dyn Program>, crate::engine::graph::NodeId);

fn load(executor: &dyn Executor, network: &Network, shape: Shape, image: &[f32]) -> Result<Loaded> {
    let built = unet::graph_to(network, network.output, None, shape)?;
    let mut program = executor.prepare(Arc::new(Plan::compile(built.graph, &[built.output], &[], &[])))?;
    program.write(built.image, &Tensor::new(shape, image.to_vec()))?;
    Ok((program, built.output))
}
