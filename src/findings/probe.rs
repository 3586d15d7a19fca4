//! All convolutions of a network at once: an image goes in, the responses of every filter come out, and are reduced while they
//! stream by.

use super::fit::fitting;
use super::units::{Unit, units};
use crate::Result;
use crate::cancel::Watch;
use crate::engine::exec::{Executor, Program};
use crate::engine::graph::NodeId;
use crate::engine::plan::Plan;
use crate::engine::tensor::{Shape, Tensor};
use crate::network::Network;
use std::sync::Arc;

/// Images that are shown at once, if there is memory.
const BATCH: usize = 4;

/// What a unit answers to one image: its maps `[h, w, c]`, flat.
#[derive(Clone, Copy)]
pub struct Response<'r> {
    pub before: &'r [f32],
    pub after: &'r [f32],
}

/// A network that is loaded to be looked at.
pub struct Probe {
    program: Box<dyn Program>,
    image: NodeId,
    batch: Shape,
    pub units: Vec<Unit>,
}

impl Probe {
    /// `image` is the shape of one.
    ///
    /// # Errors
    /// If one of the layers cannot be computed from such an image, or there is not enough memory.
    pub fn new(executor: &dyn Executor, network: &Network, layers: &[usize], image: Shape) -> Result<Probe> {
        fitting(BATCH, |n| {
            let batch = image.with_n(n);
            let (graph, input, units) = units(network, layers, batch)?;
            let mut keep = vec![];
            for unit in &units {
                keep.extend([Some(unit.before), read_after(unit)].into_iter().flatten());
            }
            let program = executor.prepare(Arc::new(Plan::compile(graph, &keep, &[], &[])))?;
            Ok(Probe { program, image: input, batch, units })
        })
    }

    /// Shows `count` images; `see` hears for each unit and image what it answers. The watch hears of each image.
    ///
    /// # Errors
    /// If the device fails, or it is cancelled.
    pub fn show(
        &mut self,
        count: usize,
        image: &dyn Fn(usize) -> Vec<f32>,
        watch: &mut Progress,
        see: &mut dyn FnMut(&Unit, usize, usize, Response),
    ) -> Result<()> {
        let mut first = 0;
        while first < count {
            let here = self.batch.n.min(count - first);
            let mut values = Vec::with_capacity(self.batch.len());
            // The last batch is filled up with its last image.
            for i in 0..self.batch.n {
                values.extend(image(first + i.min(here - 1)));
            }
            self.program.write(self.image, &Tensor::new(self.batch, values))?;
            self.program.run(1)?;
            for (index, unit) in self.units.iter().enumerate() {
                let before = self.program.read(unit.before)?;
                let after = match read_after(unit) {
                    Some(node) => Some(self.program.read(node)?),
                    None if unit.is_plain_relu => {
                        let cut = before.data.iter().map(|v| v.max(0.0)).collect();
                        Some(Tensor::new(before.shape, cut))
                    }
                    None => None,
                };
                for i in 0..here {
                    let after = after.as_ref().unwrap_or(&before).image(i);
                    see(unit, index, first + i, Response { before: before.image(i), after });
                }
            }
            first += here;
            watch.done(here)?;
        }
        Ok(())
    }
}

/// The node to be read for the response after the activation; a plain relu is made of what is before it.
fn read_after(unit: &Unit) -> Option<NodeId> {
    (unit.after != unit.before && !unit.is_plain_relu).then_some(unit.after)
}

/// Counts images over all that are shown.
pub struct Progress<'p, 'w> {
    pub watch: &'p mut Watch<'w>,
    pub shown: usize,
    pub total: usize,
}

impl Progress<'_, '_> {
    /// # Errors
    /// If it was cancelled.
    pub fn done(&mut self, images: usize) -> Result<()> {
        self.shown += images;
        (self.watch.progress)(self.shown.min(self.total), self.total);
        self.watch.cancel.check()
    }
}
