//! Which buffer holds which value: values that never exist at the same time share one.

use super::{Plan, ValueId};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// See [`Plan::place`].
#[derive(Debug, Clone)]
pub struct Placement {
    /// For each value the index of its buffer.
    pub buffer_of: Vec<usize>,
    /// The size of each buffer.
    pub sizes: Vec<usize>,
}

impl Placement {
    pub fn total(&self) -> usize {
        self.sizes.iter().sum()
    }
}

impl Plan {
    /// Must the value exist before the first step and after the last? What is written or read from outside.
    pub fn outlives(&self, id: ValueId) -> bool {
        self.outlives[id.0]
    }

    /// For each value the steps during which it must exist: from the one that writes it to the last one that reads it.
    /// What is written or read from outside exists all the time: an executor may run the plan for one part of the batch
    /// after the other.
    pub fn lifetimes(&self) -> Vec<RangeInclusive<usize>> {
        let end = self.steps.len();
        let mut first = vec![0; self.values.len()];
        let mut last = vec![0; self.values.len()];
        for (i, step) in self.steps.iter().enumerate() {
            for value in step.writes() {
                (first[value.0], last[value.0]) = (i, i);
            }
            for value in step.reads() {
                last[value.0] = i;
            }
        }
        for id in (0..self.values.len()).map(ValueId).filter(|&id| self.outlives(id)) {
            (first[id.0], last[id.0]) = (0, end);
        }
        first.into_iter().zip(last).map(|(first, last)| first..=last).collect()
    }

    /// Places every value; `size` is in any unit. No two values share a buffer at one time.
    pub fn place(&self, size: impl Fn(ValueId) -> usize) -> Placement {
        let lifetimes = self.lifetimes();
        let size: Vec<usize> = (0..self.values.len()).map(|v| size(ValueId(v))).collect();
        let mut order: Vec<usize> = (0..self.values.len()).collect();
        // Largest first: small values then fill the gaps in time that the large ones leave.
        order.sort_by_key(|&v| (std::cmp::Reverse(size[v]), v));
        let mut placement = Placement { buffer_of: vec![0; self.values.len()], sizes: vec![] };
        // Of each buffer the lifetimes of its values, the last step by the first: they are apart, so that only the last one that
        // begins before a value ends can stand in its way.
        let mut tenants: Vec<BTreeMap<usize, usize>> = vec![];
        for v in order {
            let (first, last) = (*lifetimes[v].start(), *lifetimes[v].end());
            let free = |b: &usize| tenants[*b].range(..=last).next_back().is_none_or(|(_, &end)| end < first);
            let b = (0..tenants.len()).find(free).unwrap_or_else(|| {
                placement.sizes.push(size[v]);
                tenants.push(BTreeMap::new());
                tenants.len() - 1
            });
            tenants[b].insert(first, last);
            placement.buffer_of[v] = b;
        }
        assert_eq!(self.check_placement(&placement), Ok(()));
        placement
    }
}

pub(super) fn overlap(a: &RangeInclusive<usize>, b: &RangeInclusive<usize>) -> bool {
    a.start() <= b.end() && b.start() <= a.end()
}
