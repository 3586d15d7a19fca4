//! The order of steps, found from what each reads and writes, and the proof that it is right.
//!
//! Every value is written by one step, or from outside. A step can run when all that it reads has been written: tensors, and
//! just as well the signs and winners that another step leaves behind. Of the steps that can run, the one goes first whose
//! last node stands first in the graph.

use super::place::overlap;
use super::{Placement, Plan, Step, ValueId};
use crate::engine::graph::NodeId;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Puts the steps into an order in which each can run.
///
/// # Panics
/// If there is none: fusion lets no step wait for itself.
pub(super) fn ordered(steps: Vec<Step>, values: usize) -> Vec<Step> {
    let mut writer: Vec<Option<usize>> = vec![None; values];
    for (i, step) in steps.iter().enumerate() {
        step.writes().for_each(|value| writer[value.0] = Some(i));
    }
    let mut waits_for = vec![0; steps.len()];
    let mut awaited_by: Vec<Vec<usize>> = vec![vec![]; steps.len()];
    for (i, step) in steps.iter().enumerate() {
        for earlier in step.reads().filter_map(|value| writer[value.0]) {
            waits_for[i] += 1;
            awaited_by[earlier].push(i);
        }
    }
    let last: Vec<NodeId> = steps.iter().map(|step| *step.nodes.last().expect("a step computes a node")).collect();
    let can_run = (0..steps.len()).filter(|&i| waits_for[i] == 0);
    let mut can_run: BinaryHeap<Reverse<(NodeId, usize)>> = can_run.map(|i| Reverse((last[i], i))).collect();
    let mut order = vec![];
    while let Some(Reverse((_, i))) = can_run.pop() {
        order.push(i);
        for &next in &awaited_by[i] {
            waits_for[next] -= 1;
            if waits_for[next] == 0 {
                can_run.push(Reverse((last[next], next)));
            }
        }
    }
    assert_eq!(order.len(), steps.len(), "steps wait for each other in a circle");
    let mut steps: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    order.into_iter().map(|i| steps[i].take().expect("each step stands in the order once")).collect()
}

impl Plan {
    /// Checks what makes a plan right, in words that name the step:
    ///
    /// 1. every value is written once: by one step, or from outside if it is an input;
    /// 2. every value that a step reads, sign and winner alike, has been written before;
    /// 3. what the caller wants to read is written by some step, or is an input;
    /// 4. its lifetime covers every step that reads or writes it.
    ///
    /// [`Plan::check_placement`] adds that no two values share a buffer while both exist.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), String> {
        let name = |id: ValueId| {
            let value = self.value(id);
            format!("the {} of {}", value.kind, self.graph[value.node].name)
        };
        let mut written = vec![false; self.values.len()];
        self.inputs.iter().for_each(|id| written[id.0] = true);
        for (i, step) in self.steps.iter().enumerate() {
            if let Some(id) = step.reads().find(|id| !written[id.0]) {
                return Err(format!("step {i} reads {} before it is written", name(id)));
            }
            for id in step.writes() {
                if std::mem::replace(&mut written[id.0], true) {
                    return Err(format!("step {i} writes {}, which is written already", name(id)));
                }
            }
        }
        let lifetimes = self.lifetimes();
        for (i, step) in self.steps.iter().enumerate() {
            if let Some(id) = step.reads().chain(step.writes()).find(|id| !lifetimes[id.0].contains(&i)) {
                return Err(format!("step {i} uses {} outside of its lifetime {:?}", name(id), lifetimes[id.0]));
            }
        }
        let wanted = self.kept.iter().chain(&self.traced).chain(self.state.iter().flat_map(|(a, b)| [a, b]));
        match wanted.copied().find(|id| !written[id.0] || !self.outlives(*id)) {
            Some(id) => Err(format!("{} is to be read after a run, but is never written or not kept", name(id))),
            None => Ok(()),
        }
    }

    /// Checks that no two values share a buffer while both exist.
    ///
    /// # Errors
    /// The first pair that does.
    pub fn check_placement(&self, placement: &Placement) -> Result<(), String> {
        let lifetimes = self.lifetimes();
        let mut order: Vec<usize> = (0..self.values.len()).collect();
        // In each buffer one tenant after the other: then a clash is one between neighbours.
        order.sort_by_key(|&v| (placement.buffer_of[v], *lifetimes[v].start(), *lifetimes[v].end()));
        for pair in order.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            if placement.buffer_of[a] == placement.buffer_of[b] && overlap(&lifetimes[a], &lifetimes[b]) {
                let name =
                    |v: usize| format!("the {} of {}", self.values[v].kind, self.graph[self.values[v].node].name);
                return Err(format!(
                    "{} (steps {:?}) and {} (steps {:?}) share buffer {}",
                    name(a),
                    lifetimes[a],
                    name(b),
                    lifetimes[b],
                    placement.buffer_of[a]
                ));
            }
        }
        Ok(())
    }
}
