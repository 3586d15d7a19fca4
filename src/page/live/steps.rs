//! What makes a step of the gradient, as graphs of their own, one for each optimiser. They are those of [`crate::lens::ascent`], but
//! that the rate is written from outside, so that the reader can change it.

use super::arrays::Arrays;
use super::nodes::nodes;
use super::plans::{Sources, plan};
use crate::Result;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::plan::Plan;
use crate::engine::tensor::Shape;
use crate::lens::ascent::{ADAM_EPSILON, BETA_1, BETA_2, EPSILON};
use crate::page::strings::Lang;
use serde_json::{Map, Value, json};

/// A graph, what is written to it, and what is read from it, by name.
struct Step {
    graph: Graph,
    inputs: Vec<(&'static str, NodeId)>,
    next: Vec<(&'static str, NodeId)>,
}

impl Step {
    fn input(&mut self, name: &'static str, shape: Shape) -> Result<NodeId> {
        let node = self.graph.input(name, shape)?;
        self.inputs.push((name, node));
        Ok(node)
    }

    /// `beta * mean + (1 - beta) * of`.
    fn running_mean(&mut self, name: &'static str, of: NodeId, beta: f32) -> Result<NodeId> {
        let mean = self.input(name, self.graph.shape(of))?;
        let (old, new) = (self.graph.scale(name, mean, beta)?, self.graph.scale(name, of, 1.0 - beta)?);
        let next = self.graph.add(name, old, new)?;
        self.next.push((name, next));
        Ok(next)
    }

    fn adam(&mut self, gradient: NodeId) -> Result<NodeId> {
        let square = self.graph.mul("gradient squared", gradient, gradient)?;
        let one = self.graph.fill("one", Shape::new(1, 1, 1, 1), 1.0)?;
        let moments = [
            self.running_mean("m", gradient, BETA_1)?,
            self.running_mean("v", square, BETA_2)?,
            self.running_mean("cm", one, BETA_1)?,
            self.running_mean("cv", one, BETA_2)?,
        ];
        self.graph.adam("direction", moments, ADAM_EPSILON)
    }

    fn ascent(&mut self, gradient: NodeId) -> Result<NodeId> {
        let rms = self.graph.rms("rms", gradient)?;
        self.graph.normalise("direction", gradient, rms, EPSILON)
    }
}

/// The step of an image of this shape, by the optimiser's name.
pub(super) fn steps(shape: Shape, lang: Lang, arrays: &mut Arrays, sources: &mut Sources) -> Result<Value> {
    let mut all = Map::new();
    for (name, direction) in [("ascent", Step::ascent as fn(&mut Step, NodeId) -> Result<NodeId>), ("adam", Step::adam)]
    {
        let mut step = Step { graph: Graph::new(), inputs: vec![], next: vec![] };
        let (image, gradient) = (step.input("image", shape)?, step.input("gradient", shape)?);
        let rate = step.input("rate", Shape::new(1, 1, 1, 1))?;
        let direction = direction(&mut step, gradient)?;
        let by = step.graph.mul("rate * direction", direction, rate)?;
        step.next.push(("image", step.graph.step("next image", image, by, 1.0)?));
        let Step { graph, inputs, next } = step;
        let keep: Vec<NodeId> = next.iter().map(|&(_, node)| node).collect();
        let places =
            |nodes: &[(&str, NodeId)]| nodes.iter().map(|(name, id)| (name.to_string(), json!(id.0))).collect();
        let (inputs, next): (Map<_, _>, Map<_, _>) = (places(&inputs), places(&next));
        let nodes = nodes(&graph, arrays, lang);
        let plan = plan(&Plan::compile(graph, &keep, &[], &[]), arrays, sources)?;
        all.insert(name.into(), json!({ "inputs": inputs, "next": next, "nodes": nodes, "plan": plan }));
    }
    Ok(all.into())
}
