//! Why the picture emerges: the image after some steps of the climb, with the gradient of each.

use crate::Result;
use crate::engine::exec::Executor;
use crate::engine::tensor::Tensor;
use crate::lens::ascent::{Objective, Recipe};
use crate::network::Network;
use serde::Serialize;

/// The steps that are shown.
pub const STEPS: [usize; 6] = [0, 1, 2, 5, 10, 20];

/// The image after some steps.
#[derive(Debug, Clone, Serialize)]
pub struct Frame {
    pub step: usize,
    pub loss: f32,
    /// Of the gradient.
    pub rms: f32,
    #[serde(skip)]
    pub image: Tensor,
    /// `d loss / d image` here: what the next step follows.
    #[serde(skip)]
    pub gradient: Tensor,
}

/// Climbs filter `filter` of convolution `layer` from `image` by the recipe, and looks after [`STEPS`].
///
/// # Errors
/// If the image does not fit the network or the memory, or the device fails.
pub fn frames(
    executor: &dyn Executor,
    network: &Network,
    (layer, filter): (usize, usize),
    image: &Tensor,
) -> Result<Vec<Frame>> {
    let objective = Objective::new(network, layer, &[filter], image.shape, &Recipe::default(), true)?;
    let mut program = executor.prepare(objective.plan.clone())?;
    program.write(objective.image, image)?;
    let mut frames = vec![];
    for step in 0..=STEPS[STEPS.len() - 1] {
        let image = program.read(objective.image)?;
        let trace = objective.run(&mut *program, 1)?.remove(0);
        if STEPS.contains(&step) {
            let gradient = program.read(objective.gradient)?;
            frames.push(Frame { step, loss: trace.loss[0], rms: trace.rms[0], image, gradient });
        }
    }
    Ok(frames)
}
