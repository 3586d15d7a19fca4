//! The calls inside a functional model, in an order in which they can be computed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::Fallible;
use super::entry::{Entry, Place};
use super::nodes::{self, Arguments, Source};

/// A call inside a functional model, and where its tensors come from.
pub struct Node {
    pub entry: usize,
    /// Which of its layer's calls this is.
    pub nth: usize,
    pub sources: Vec<Source>,
    /// For each source the node that makes it.
    pub from: Vec<usize>,
    pub arguments: Arguments,
}

/// All calls inside a functional model.
pub struct Wiring<'a> {
    pub nodes: Vec<Node>,
    entries: &'a [Entry<'a>],
    index: &'a HashMap<&'a str, usize>,
    /// For each entry its first node.
    first: Vec<usize>,
    /// For each entry the number that the file has for its first call. Not 0 for some models inside the model: Keras 2 has
    /// counted their making as a call.
    base: Vec<usize>,
}

impl<'a> Wiring<'a> {
    pub fn new(entries: &'a [Entry], index: &'a HashMap<&str, usize>, ends: &[Source]) -> Fallible<Wiring<'a>> {
        let (mut nodes, mut first) = (vec![], vec![]);
        for (i, entry) in entries.iter().enumerate() {
            first.push(nodes.len());
            let called = entry.value["inbound_nodes"].as_array().map_or(&[][..], Vec::as_slice);
            let before = nodes.len();
            for call in called {
                let (sources, arguments) = nodes::node(call);
                if !sources.is_empty() {
                    nodes.push(Node { entry: i, nth: nodes.len() - before, sources, from: vec![], arguments });
                }
            }
            if nodes.len() == before {
                let Place { name, class, .. } = &entry.place;
                if class != "InputLayer" {
                    return Err(format!("layer '{name}' ({class}) has no input; connect it and save the model again"));
                }
                nodes.push(Node { entry: i, nth: 0, sources: vec![], from: vec![], arguments: Arguments::default() });
            }
        }
        first.push(nodes.len());
        let mut wiring = Wiring { base: vec![0; entries.len()], nodes, entries, index, first };
        for source in wiring.nodes.iter().flat_map(|n| &n.sources).chain(ends) {
            let Some(&i) = index.get(source.layer.as_str()) else { continue };
            if entries[i].is_model() {
                let calls = wiring.first[i + 1] - wiring.first[i];
                wiring.base[i] = wiring.base[i].max((source.node + 1).saturating_sub(calls));
            }
        }
        for at in 0..wiring.nodes.len() {
            let Place { name, class, .. } = &entries[wiring.nodes[at].entry].place;
            let user = format!("the input of layer '{name}' ({class})");
            let from = wiring.nodes[at].sources.iter().map(|s| wiring.find(s, &user)).collect::<Fallible<_>>()?;
            wiring.nodes[at].from = from;
        }
        Ok(wiring)
    }

    /// The node that makes a tensor, which `user` needs.
    pub fn find(&self, source: &Source, user: &str) -> Fallible<usize> {
        let unknown = || format!("{user} comes from layer '{}', which is not in the file", source.layer);
        let &i = self.index.get(source.layer.as_str()).ok_or_else(unknown)?;
        let calls = self.first[i + 1] - self.first[i];
        match source.node.checked_sub(self.base[i]) {
            Some(nth) if nth < calls => Ok(self.first[i] + nth),
            _ => Err(format!(
                "{user} comes from call {} of layer '{}', which is called {calls} times",
                source.node, source.layer
            )),
        }
    }

    /// Kahn's algorithm; of the nodes that are ready, the first in the file goes first.
    pub fn order(&self) -> Fallible<Vec<usize>> {
        let mut users = vec![vec![]; self.nodes.len()];
        let mut missing = self.nodes.iter().map(|n| n.from.len()).collect::<Vec<_>>();
        for (i, node) in self.nodes.iter().enumerate() {
            node.from.iter().for_each(|&from| users[from].push(i));
        }
        let mut ready = (0..self.nodes.len()).filter(|&i| missing[i] == 0).map(Reverse).collect::<BinaryHeap<_>>();
        let mut order = vec![];
        while let Some(Reverse(i)) = ready.pop() {
            order.push(i);
            for &user in &users[i] {
                missing[user] -= 1;
                if missing[user] == 0 {
                    ready.push(Reverse(user));
                }
            }
        }
        match (0..self.nodes.len()).find(|&i| missing[i] > 0) {
            Some(stuck) => {
                Err(format!("the layers {:?} wait for each other in a circle", self.circle(&missing, stuck)))
            }
            None => Ok(order),
        }
    }

    /// The names on a circle: walk from input to input among the nodes that wait, until one comes up again.
    fn circle(&self, missing: &[usize], start: usize) -> Vec<&str> {
        let (mut path, mut at) = (vec![], start);
        while !path.contains(&at) {
            path.push(at);
            at = self.nodes[at].from.iter().copied().find(|&i| missing[i] > 0).unwrap_or(at);
        }
        let on_it = path.iter().skip_while(|&&i| i != at);
        on_it.map(|&i| self.entries[self.nodes[i].entry].place.name.as_str()).collect()
    }
}
