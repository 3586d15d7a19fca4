//! What the page asks its reader: eight small gradients, from easy to hard, with the engine's own answers.

use super::twice::gradient_of;
use super::{Array, array};
use crate::Result;
use crate::engine::exec::reference::evaluate;
use crate::engine::graph::{Graph, NodeId};
use crate::engine::ops::{Axes, Conv2d, Kernel, Window};
use crate::engine::tensor::{Shape, Tensor64};
use crate::lens::ascent::EPSILON;
use crate::lesson::explain::source::{Place, place};
use serde::Serialize;

/// A question whose answer the engine knows.
#[derive(Debug, Clone, Serialize)]
pub struct Exercise {
    pub id: &'static str,
    /// What the reader sees, by the names that the question uses.
    pub given: Vec<(&'static str, Array)>,
    /// What the engine computed.
    pub answer: Array,
    /// The cell of the answer that the reader predicts.
    pub asked: usize,
    /// Where the engine's own rule stands.
    #[serde(skip)]
    pub source: Place,
}

/// The eight, in order.
///
/// # Errors
/// None: the graphs are fixed.
pub fn exercises() -> Result<Vec<Exercise>> {
    let x = numbers(2, 3, 1, &[1.0, -2.0, 3.0, 0.0, -0.5, 4.0]);
    let dy = numbers(2, 3, 1, &[2.0, 1.5, -1.0, 3.0, 0.5, -2.5]);
    let one = numbers(1, 1, 1, &[2.5]);
    let sum = asks("sum", &[("x", &x)], 0, ("dy", &one), 4, |g, x| g.sum("y", x[0], Axes::ALL))?;
    let relu = asks("relu", &[("x", &x)], 0, ("dy", &dy), 5, |g, x| g.relu("y", x[0]))?;
    let quarters = numbers(2, 2, 1, &[1.0, 2.0, 3.0, 4.0]);
    let rows = [1.0, 2.0, 5.0, -1.0, 3.0, 0.0, 4.0, 2.0, -1.0, -3.0, 2.0, 2.0, -2.0, -4.0, 1.0, 2.0];
    let pixels = numbers(4, 4, 1, &rows);
    let window = Window::new(2, 2);
    let pool = asks("max_pool", &[("x", &pixels)], 0, ("dy", &quarters), 3, |g, x| g.max_pool("y", x[0], window))?;
    let small = numbers(2, 2, 1, &[1.0, 2.0, 3.0, 4.0]);
    let up = asks("upsample", &[("x", &small)], 0, ("dy", &pixels), 0, |g, x| g.upsample("y", x[0], window))?;
    let two = numbers(2, 2, 2, &[5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
    let three = numbers(2, 2, 3, &[1.0, -1.0, 0.5, 2.0, -2.0, 1.5, 3.0, -3.0, 2.5, 4.0, -4.0, 3.5]);
    let concat = asks("concat", &[("a", &small), ("b", &two)], 1, ("dy", &three), 5, |g, x| g.concat("y", x))?;
    let weights = [1.0, 0.0, -1.0, 2.0, 0.5, -2.0, 3.0, 1.0, -1.5];
    let conv = Conv2d::same(Kernel::new(3, 3, 1, 1, weights.map(|w| w as f32).to_vec().into())?, None);
    let mut turned = asks("conv2d", &[("x", &pixels)], 0, ("dy", &pixels), 5, |g, x| g.conv2d("y", x[0], conv))?;
    turned.given[0] = ("W", array(&numbers(3, 3, 1, &weights)));
    let both = numbers(2, 3, 2, &[1.0, 2.0, -1.0, 0.5, 0.5, -2.0, 2.0, 3.0, -2.0, 1.0, 1.5, -1.0]);
    let twice = asks("used-twice", &[("x", &x)], 0, ("dy", &both), 2, |g, x| {
        let (tripled, positive) = (g.scale("3 x", x[0], 3.0)?, g.relu("relu(x)", x[0])?);
        g.concat("y", &[tripled, positive])
    })?;
    Ok(vec![sum, relu, winners(pool, &window), without_x(up), without_x(concat), turned, twice, normalise()?])
}

/// `[h, w, c]`
fn numbers(h: usize, w: usize, c: usize, values: &[f64]) -> Tensor64 {
    Tensor64 { shape: Shape::new(1, h, w, c), data: values.to_vec() }
}

/// Asks for the gradient of `sum of dy y` with respect to input `wrt`, with `y` as `build` makes it.
fn asks(
    id: &'static str,
    inputs: &[(&'static str, &Tensor64)],
    wrt: usize,
    (arriving, dy): (&'static str, &Tensor64),
    asked: usize,
    build: impl FnOnce(&mut Graph, &[NodeId]) -> Result<NodeId>,
) -> Result<Exercise> {
    let mut graph = Graph::new();
    let x: Vec<NodeId> = inputs.iter().map(|(name, x)| graph.input(name, x.shape)).collect::<Result<_>>()?;
    let y = build(&mut graph, &x)?;
    let (arrives, dx) = gradient_of(&mut graph, y, x[wrt])?;
    let values: Vec<(NodeId, &Tensor64)> =
        x.into_iter().zip(inputs.iter().map(|&(_, x)| x)).chain([(arrives, dy)]).collect();
    let answer = array(&evaluate(&graph, &values, &[dx])[0]);
    let given = inputs.iter().chain([&(arriving, dy)]).map(|&(name, x)| (name, array(x))).collect();
    Ok(Exercise { id, given, answer, asked, source: place(id) })
}

/// The question is about places: for each window which of its pixels, in reading order, has a gradient.
fn winners(mut pool: Exercise, window: &Window) -> Exercise {
    let dx = &pool.answer;
    let (h, w) = (dx.shape[0] / window.h, dx.shape[1] / window.w);
    let at = |o: usize, k: usize| (o / w * window.h + k / window.w) * dx.shape[1] + o % w * window.w + k % window.w;
    let winner = |o: usize| (0..window.h * window.w).find(|&k| dx.values[at(o, k)] != 0.0).unwrap_or(0) as f64;
    pool.answer = Array { shape: [h, w, 1], values: (0..h * w).map(winner).collect() };
    pool
}

/// What the question's answer does not depend on is not shown.
fn without_x(mut exercise: Exercise) -> Exercise {
    exercise.given.retain(|(name, _)| *name == "dy");
    exercise
}

/// The last one comes after the gradient: what makes it a step.
fn normalise() -> Result<Exercise> {
    let g = numbers(2, 3, 1, &[0.02, -0.01, 0.03, 0.0, 0.04, 0.015]);
    let mut graph = Graph::new();
    let x = graph.input("g", g.shape)?;
    let rms = graph.rms("rms", x)?;
    let direction = graph.normalise("direction", x, rms, EPSILON)?;
    let answer = array(&evaluate(&graph, &[(x, &g)], &[direction])[0]);
    Ok(Exercise { id: "normalise", given: vec![("g", array(&g))], answer, asked: 0, source: place("normalise") })
}
