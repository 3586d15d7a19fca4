//! How to climb: everything that one may choose. The default is the recipe.

use crate::{Error, Result};

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recipe {
    pub steps: usize,
    /// What the direction is multiplied by in each step.
    pub rate: f32,
    pub optimizer: Optimizer,
    pub goal: Goal,
    /// Down instead of up: what silences the filter.
    pub negative: bool,
    /// Row and column of the one place of the layer's map that counts; `None`: the whole map.
    pub neuron: Option<(usize, usize)>,
    /// Of a layer that ends in a relu, climb what goes into the relu: there is a gradient even where nothing comes out.
    pub before_relu: bool,
    /// Weight of the total variation that is subtracted from the goal ([`crate::engine::ops::total_variation`]).
    pub tv: f32,
    /// Weight of the mean of squares of the picture that is subtracted from the goal.
    pub l2: f32,
    /// Before every step the picture is moved round by up to so many pixels along each axis.
    pub jitter: usize,
    /// Seed of the random shifts.
    pub seed: u64,
    pub parameter: Parameter,
    /// Keep the picture of every step: [`super::Climb::frames`].
    pub keep_frames: bool,
    /// The picture is the one after the step at which the goal was reached best, not the last.
    pub keep_best: bool,
}

impl Default for Recipe {
    fn default() -> Recipe {
        Recipe {
            steps: 20,
            rate: 1.0,
            optimizer: Optimizer::Ascent,
            goal: Goal::Mean,
            negative: false,
            neuron: None,
            before_relu: false,
            tv: 0.0,
            l2: 0.0,
            jitter: 0,
            seed: 0,
            parameter: Parameter::Pixel,
            keep_frames: false,
            keep_best: false,
        }
    }
}

impl Recipe {
    /// # Errors
    /// If the neuron lies outside of a map of `h` x `w` places.
    pub(super) fn check_neuron(&self, layer: &str, (h, w): (usize, usize)) -> Result<()> {
        match self.neuron {
            Some((r, c)) if r >= h || c >= w => Err(Error::Usage(format!(
                "the neuron ({r}, {c}) lies outside of the map of {layer}: {h}x{w} places, rows 0 to {} and columns 0 to {}",
                h - 1,
                w - 1
            ))),
            _ => Ok(()),
        }
    }
}

/// What is climbed, of all places of the filter's map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// The mean of the filter's map (Chollet 2016).
    Mean,
    /// The mean of its squares, as in DeepDream (Mordvintsev et al. 2015): what is strong counts more. A filter that is on
    /// everywhere has the same gradient everywhere under the mean, which teaches little.
    Square,
}

/// How the gradient becomes a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Optimizer {
    /// The gradient divided by its RMS (Chollet 2016).
    Ascent,
    /// A running mean of the gradient, divided pixel by pixel by its running RMS (Kingma and Ba 2015: b1 0.9, b2 0.999,
    /// epsilon 1e-8).
    Adam,
}

impl Optimizer {
    /// The rate that is taken if none is asked for.
    pub fn rate(self) -> f32 {
        match self {
            Optimizer::Ascent => 1.0,
            Optimizer::Adam => 0.05,
        }
    }
}

/// What the picture is made of: the numbers that are climbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// Its pixels.
    Pixel,
    /// Waves, each as strong as 1/frequency, so that slow ones are not drowned by fast ones; it starts from noise of that
    /// kind (Olah et al. 2017, and Lucid, which takes Adam with it).
    Fourier,
}
