//! The options of the climb: the recipe, and what may be chosen instead.

use super::choices::{GOALS, OPTIMIZERS, PARAMETERS, one_of};
use super::parse::{parse_finite, parse_positive, parse_weight};
use crate::lens::ascent::{Goal, NOISE, Optimizer, Parameter, Recipe};

#[derive(clap::Args)]
#[command(next_help_heading = "The climb (the defaults are the recipe of Chollet 2016)")]
pub(super) struct Climbing {
    /// Steps of the climb
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000_000), allow_negative_numbers = true)]
    pub steps: u32,
    /// What the direction is multiplied by in each step [default: 1, with --optimizer adam
    /// 0.05, as in Lucid]
    #[arg(
        long,
        visible_alias = "rate",
        value_name = "X",
        value_parser = parse_finite,
        allow_negative_numbers = true,
        hide_default_value = true
    )]
    step_size: Option<f32>,
    /// What is climbed
    #[arg(long, value_name = "GOAL", default_value = "mean", value_parser = one_of(GOALS))]
    objective: Goal,
    /// Climb down: what silences the filter (Olah et al. 2017)
    #[arg(long)]
    negative: bool,
    /// One place of the filter's map, row and column from 0, instead of the whole map: what one neuron answers to (Erhan et
    /// al. 2009)
    #[arg(long, value_name = "R,C", value_parser = parse_neuron, allow_hyphen_values = true)]
    neuron: Option<(usize, usize)>,
    /// Weight of the picture's total variation, which is subtracted: differences between neighbours, per pixel (Rudin, Osher,
    /// Fatemi 1992; Mahendran, Vedaldi 2015). Makes smooth pictures where steps are short: try 20 with
    /// --optimizer adam or --rate 0.1; under the recipe's long steps a heavy weight draws checkerboards
    #[arg(long, value_name = "W", default_value_t = 0.0, value_parser = parse_weight, allow_negative_numbers = true)]
    tv: f32,
    /// Weight of the mean of the picture's squares, which is subtracted: pulls towards 0 what the filter does not need
    /// (Simonyan et al. 2014)
    #[arg(long, value_name = "W", default_value_t = 0.0, value_parser = parse_weight, allow_negative_numbers = true)]
    l2: f32,
    /// Move the picture round by up to N pixels before every step, by shifts drawn from --seed: a pattern must then work
    /// wherever it lies (Mordvintsev et al. 2015)
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=4096), allow_negative_numbers = true)]
    jitter: u32,
    /// From the gradient to the step
    #[arg(long, value_name = "NAME", default_value = "ascent", value_parser = one_of(OPTIMIZERS))]
    optimizer: Optimizer,
    /// What the picture is made of
    #[arg(long, value_name = "NAME", default_value = "pixel", value_parser = one_of(PARAMETERS))]
    pub parameter: Parameter,
    /// Try a dead filter from the noise of the next N seeds, and if it is dead from them all climb what goes into its ReLU,
    /// where there is always a gradient. A filter that falls, since a step turned it off, is climbed with steps of half the
    /// length, a quarter and so on to 1/64. The panel says which (of this program, from no paper)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10_000), allow_negative_numbers = true)]
    pub rescue: Option<u32>,
    /// Draw of each filter the step after which it was most active, not the last: a step that is too long may turn a filter off
    #[arg(long)]
    keep_best: bool,
    /// Upper end of the uniform noise that a climb starts from
    #[arg(long, value_name = "X", default_value_t = NOISE, value_parser = parse_positive, allow_negative_numbers = true)]
    pub noise: f32,
}

impl Climbing {
    pub fn recipe(&self, seed: u64) -> Recipe {
        Recipe {
            steps: self.steps as usize,
            rate: self.step_size.unwrap_or(self.optimizer.rate()),
            optimizer: self.optimizer,
            goal: self.objective,
            negative: self.negative,
            neuron: self.neuron,
            before_relu: false,
            tv: self.tv,
            l2: self.l2,
            jitter: self.jitter as usize,
            seed,
            parameter: self.parameter,
            keep_frames: false,
            keep_best: self.keep_best,
        }
    }
}

/// "12,40" as row and column.
fn parse_neuron(text: &str) -> Result<(usize, usize), String> {
    let place = text.split_once(',').and_then(|(r, c)| Some((r.trim().parse().ok()?, c.trim().parse().ok()?)));
    place.ok_or_else(|| "expected a row and a column, counted from 0, like 12,40".to_string())
}
