//! Which channels the squares of the U show: everywhere those of the same number, in one scale of colours, so that neighbours can
//! be compared.

use crate::engine::tensor::Tensor;
use crate::lesson::explain::{Explanation, NodeFacts, zeros};
use crate::picture::Signed;

/// Channels that the reader may choose from.
const CHOICES: usize = 6;

/// The channels to choose from, and the scales that their pictures share.
pub(super) struct Channels {
    /// In ascending order.
    pub numbers: Vec<usize>,
    /// The one that is shown first, as an index: the one with the fewest zeros where it has the most.
    pub first: usize,
    /// One that holds next to nothing somewhere on the way, if that is so, as an index.
    pub silent: Option<usize>,
    /// For what the nodes hold, and for their gradients.
    pub forward: Signed,
    pub backward: Signed,
}

impl Channels {
    pub fn of(e: &Explanation) -> Channels {
        // Those that all nodes have which have more than one.
        let several = |node: &&NodeFacts| node.shape[3] > 1;
        let count = e.forward.iter().filter(several).map(|node| node.shape[3]).min().unwrap_or(1);
        let alive = |c: usize| {
            let both = e.forward.iter().filter(several).flat_map(|node| [Some(node.id), node.gradient]);
            both.flatten().map(|id| 1.0 - zeros(&channel(&e.values[&id], c))).fold(1.0, f64::min)
        };
        let alive: Vec<f64> = (0..count).map(alive).collect();
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|&a, &b| alive[b].total_cmp(&alive[a]));
        let (best, least) = (order[0], order[count - 1]);
        let mut numbers = order[..count.min(CHOICES)].to_vec();
        if !numbers.contains(&least) {
            numbers[CHOICES - 1] = least;
        }
        numbers.sort_unstable();
        let index = |c: usize| numbers.iter().position(|&n| n == c).unwrap_or(0);
        let (first, silent) = (index(best), (alive[least] < 0.01).then(|| index(least)));
        // A single number, such as the loss, sets no scale.
        let shown = || e.forward.iter().filter(|node| node.shape[1] * node.shape[2] > 1);
        let scale = |ids: Vec<usize>| Signed::of(ids.iter().flat_map(|id| maps(&e.values[id], &numbers)).flatten());
        let forward = scale(shown().map(|node| node.id).collect());
        let backward = scale(shown().filter_map(|node| node.gradient).collect());
        Channels { first, silent, forward, backward, numbers }
    }

    /// The map of each choice; of a value with one channel that one.
    pub fn maps(&self, tensor: &Tensor) -> Vec<Vec<f32>> {
        maps(tensor, &self.numbers)
    }
}

fn maps(tensor: &Tensor, numbers: &[usize]) -> Vec<Vec<f32>> {
    match tensor.shape.c {
        1 => vec![tensor.data.clone()],
        c => numbers.iter().map(|&number| channel(tensor, if number < c { number } else { 0 })).collect(),
    }
}

/// The values of channel `c`.
pub(super) fn channel(tensor: &Tensor, c: usize) -> Vec<f32> {
    tensor.data.iter().skip(c).step_by(tensor.shape.c).copied().collect()
}
