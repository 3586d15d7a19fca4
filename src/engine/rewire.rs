//! A graph built anew, with something put between a node and those that read it.

use crate::Result;
use crate::engine::graph::{Graph, NodeId};

impl Graph {
    /// The same nodes in a new graph, and for each the node that it became. `seen` is asked at every edge what the reader sees:
    /// it gets the new graph, to append to, the reader and what it read (both by their old numbers), and what that became.
    ///
    /// # Errors
    /// As `seen`; or if what a reader sees is of another shape and does not fit.
    pub fn rewired(
        &self,
        mut seen: impl FnMut(&mut Graph, NodeId, NodeId, NodeId) -> Result<NodeId>,
    ) -> Result<(Graph, Vec<NodeId>)> {
        let (mut graph, mut became) = (Graph::new(), Vec::<NodeId>::with_capacity(self.len()));
        for (reader, node) in self.nodes() {
            let inputs = node.inputs.iter().map(|&x| seen(&mut graph, reader, x, became[x.0]));
            let inputs = inputs.collect::<Result<Vec<NodeId>>>()?;
            became.push(graph.push(node.name.clone(), node.op.clone(), &inputs)?);
        }
        Ok((graph, became))
    }
}
